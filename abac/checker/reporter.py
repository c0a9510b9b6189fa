"""Floor 3, checker: collects complaints."""

from __future__ import annotations

from dataclasses import dataclass, field

from abac.model.diagnostics import Diagnostic, Severity
from abac.model.source import Span


@dataclass(slots=True)
class Reporter:
    """Invariant: a complaint is kept once, however often it is found."""

    found: dict[tuple[str, str, Span], Diagnostic] = field(default_factory=dict)

    def error(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> None:
        self.add(Diagnostic(code, message, span, label, help))

    def warning(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> None:
        self.add(Diagnostic(code, message, span, label, help, Severity.WARNING))

    def add(self, diagnostic: Diagnostic) -> None:
        self.found.setdefault((diagnostic.code, diagnostic.message, diagnostic.span), diagnostic)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self.found.values(), key=lambda d: d.span.sort_key))

    @property
    def failed(self) -> bool:
        return any(d.severity is Severity.ERROR for d in self.found.values())
