"""Floor 1, model: what is said to policy authors, and how it looks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from abac.model.source import Span


class Severity(StrEnum):
    """`error` stops a load; `warning` is a finding; `note` never changes an exit code."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint: a stable `code`, a message, the place, what stands there (`label`), and advice (`help`)."""

    code: str
    message: str
    span: Span
    label: str = ""
    help: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        line, column = self.span.source.position(self.span.start)
        text = self.span.source.line(line)
        number = str(line)
        width = max(1, min(self.span.end - self.span.start, len(text) - column + 1))
        under = "".join("\t" if c == "\t" else " " for c in text[: column - 1])
        lines = [
            f"{self.severity}[{self.code}]: {self.message}",
            f"{' ' * len(number)}--> {self.span.source.name}:{line}:{column}",
            f"{number} | {_shown(text)}",
            f"{' ' * len(number)} | {under}{'^' * width}{' ' + self.label if self.label else ''}",
        ]
        if self.help:
            lines.append(f"{' ' * len(number)} = help: {self.help}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """The finding for machines; lines and columns count from 1, columns in characters."""
        source = self.span.source
        line, column = source.position(self.span.start)
        end_line, end_column = source.position(self.span.end)
        return {
            "severity": str(self.severity),
            "code": self.code,
            "message": self.message,
            "label": self.label,
            "help": self.help,
            "file": source.name,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
        }


def _shown(text: str) -> str:
    """A source line made safe for a terminal: controls become visible, very long lines are cut."""
    safe = "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return safe if len(safe) <= 240 else safe[:239] + "…"


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """`did you mean …` for authors, or an empty string."""
    close = difflib.get_close_matches(name, sorted(set(candidates)), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{c}`' for c in close)}?" if close else ""
