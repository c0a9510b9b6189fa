"""Floor 1, model: everything the library raises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from abac.model.diagnostics import Diagnostic, Severity


class AbacError(Exception):
    """The base of every error the library raises on purpose."""


class LoadError(AbacError):
    """A policy could not be read at all: no such folder, unreadable file, wrong encoding, beyond a limit."""


class StoredError(AbacError):
    """Data is no stored policy of this version: damaged, cut short, or foreign. The policy's own text is to be read instead."""


class SchemaError(AbacError):
    """Models have no schema, or a schema has no models; `complaints` are all that is wrong."""

    def __init__(self, complaints: Iterable[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(self.complaints))


class PolicyError(AbacError):
    """One finding about a policy; `diagnostic` says what and where."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic


class PolicyErrors(ExceptionGroup[PolicyError], AbacError):
    """All findings of one load, in source order."""

    @classmethod
    def of(cls, diagnostics: Iterable[Diagnostic]) -> Self:
        """One group of all findings; the message counts the errors among them."""
        ordered = sorted(diagnostics, key=lambda d: d.span.sort_key)
        count = sum(d.severity is Severity.ERROR for d in ordered)
        return cls(f"{count} {'problem' if count == 1 else 'problems'} in the policy", [PolicyError(d) for d in ordered])

    def derive(self, excs: Sequence[PolicyError]) -> PolicyErrors:  # type: ignore[override]  # `split` and `except*` keep the class
        return PolicyErrors(self.message, excs)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings in source order: errors, warnings and notes, each with its place, code and help."""
        return tuple(e.diagnostic for e in self.exceptions if isinstance(e, PolicyError))

    def __str__(self) -> str:
        return "\n\n".join(str(d) for d in self.diagnostics)
