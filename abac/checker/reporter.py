"""Floor 3, checker: collects complaints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from abac.model.diagnostics import Diagnostic, Severity, suggestion
from abac.model.source import Span

MOST_COMPARED: Final = 200_000
"""Names that are compared with misspelt ones in one load. Thousands of names that nobody knows have one cause, and it is no misspelling."""


@dataclass(slots=True)
class Reporter:
    """Invariant: a complaint is kept once, however often it is found.

    Attributes:
        compared: how many names were compared with misspelt ones so far.
    """

    found: dict[tuple[str, str, Span], Diagnostic] = field(default_factory=dict)
    compared: int = 0

    def error(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> None:
        self.add(Diagnostic(code, message, span, label, help))

    def warning(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> None:
        self.add(Diagnostic(code, message, span, label, help, Severity.WARNING))

    def suggestion(self, name: str, candidates: Iterable[str]) -> str:
        """`did you mean …`, or an empty string; that too once `MOST_COMPARED` is reached: the complaint itself stands."""
        if self.compared >= MOST_COMPARED:
            return ""
        names = frozenset(candidates)
        self.compared += len(names)
        return suggestion(name, names)

    def add(self, diagnostic: Diagnostic) -> None:
        self.found.setdefault((diagnostic.code, diagnostic.message, diagnostic.span), diagnostic)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self.found.values(), key=lambda d: d.span.sort_key))

    @property
    def failed(self) -> bool:
        return any(d.severity is Severity.ERROR for d in self.found.values())
