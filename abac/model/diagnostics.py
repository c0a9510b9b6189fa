"""Floor 1, model: what is said to policy authors, and how it looks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from abac.model.source import Source, Span


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
        number = str(line)
        text, before = _window(self.span.source, line, column - 1)
        width = max(1, min(self.span.end - self.span.start, len(text) - before))
        under = "".join("\t" if c == "\t" else " " for c in text[:before])
        lines = [
            f"{self.severity}[{self.code}]: {self.message}",
            f"{' ' * len(number)}--> {self.span.source.name}:{line}:{column}",
            f"{number} | {text}",
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


_LONGEST = 240  # characters shown of a line
_LONGEST_NAME = 100  # characters; comparing takes time in proportion to their square


def _window(source: Source, line: int, before: int) -> tuple[str, int]:
    """A source line made safe for a terminal, and how much of it now stands before the place.

    Controls become visible; of a very long line the part with the place is shown, and only that is copied: it may have a million mistakes.
    """
    first, last = source.bounds(line)
    start = max(0, before - _LONGEST // 3) if last - first > _LONGEST else 0
    end = start + _LONGEST
    shown = source.text[first + start : min(first + end, last)]
    safe = "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)
    return f"{'…' if start else ''}{safe}{'…' if end < last - first else ''}", before - start + (1 if start else 0)


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """`did you mean …` for authors, or an empty string. What is longer than anybody types is not compared."""
    if len(name) > _LONGEST_NAME:
        return ""
    known = sorted({candidate for candidate in candidates if len(candidate) <= _LONGEST_NAME})
    close = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{c}`' for c in close)}?" if close else ""
