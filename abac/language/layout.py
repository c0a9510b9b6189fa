"""Floor 2, language: how text is broken into lines of bounded width, and where comments go between them.

A document is text with places where a line may end. A group is laid out on one line where it fits; otherwise every break that
stands directly in it ends a line. Time is linear: a group knows its width, so that nothing is measured twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import repeat
from typing import Final, assert_never

from abac.language.nodes import Comment

WIDTH: Final = 110
INDENT: Final = 2


class Blank(Enum):
    """Which blank lines may stand before a line, and between it and the comments above it."""

    NEVER = auto()
    KEEP = auto()  # at most one, where the author had one
    ALWAYS = auto()  # at least one
    FIRST = auto()  # as KEEP, but none after the line that opens the block
    LAST = auto()  # the line closes the block: as KEEP among comments, none before the line


@dataclass(frozen=True, slots=True)
class Mark:
    """What follows stands at this offset of the source; what precedes ended here. Takes no room."""

    offset: int


@dataclass(frozen=True, slots=True)
class Break:
    """A line end, or `flat` where its group is on one line."""

    flat: str = " "
    blank: Blank = Blank.NEVER


@dataclass(frozen=True, slots=True)
class Choice:
    broken: str
    flat: str


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines inside are indented deeper."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Align:
    """Lines inside begin at the column where this begins."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Group:
    doc: Doc
    width: int
    broken: bool


Doc = str | Mark | Break | Choice | Nest | Align | Group | tuple["Doc", ...]


@dataclass(slots=True)
class Line:
    """A line of output and the range of the source that it stands for, where that is known."""

    indent: int
    blank: Blank
    words: list[str] = field(default_factory=list)
    start: int | None = None
    end: int | None = None

    @property
    def text(self) -> str:
        words = "".join(self.words)
        return " " * self.indent + words if words else ""


def group(doc: Doc, broken: bool = False) -> Group:
    """A group; one that holds a broken group is broken."""
    width, holds_broken = measure(doc)
    return Group(doc, width, broken or holds_broken)


def measure(doc: Doc) -> tuple[int, bool]:
    """Width on one line, and whether a group inside can never be on one line."""
    match doc:
        case str():
            return len(doc), False
        case Mark():
            return 0, False
        case Break(flat=flat) | Choice(flat=flat):
            return len(flat), False
        case Nest(doc=inner) | Align(doc=inner):
            return measure(inner)
        case Group(width=width, broken=broken):
            return width, broken
        case tuple():
            width, broken = 0, False
            for part in doc:
                more, also = measure(part)
                width, broken = width + more, broken or also
            return width, broken
        case unknown:
            assert_never(unknown)


def on_one_line(doc: Doc) -> str:
    return "".join(_flat(doc))


def _flat(doc: Doc) -> Iterator[str]:
    match doc:
        case str():
            yield doc
        case Mark():
            return
        case Break(flat=flat) | Choice(flat=flat):
            yield flat
        case Nest(doc=inner) | Align(doc=inner) | Group(doc=inner):
            yield from _flat(inner)
        case tuple():
            for part in doc:
                yield from _flat(part)
        case unknown:
            assert_never(unknown)


def lines_of(doc: Doc, room: int = WIDTH) -> list[Line]:
    """The lines of a document; breaks outside all groups end a line."""
    line = Line(0, Blank.FIRST)
    lines, column = [line], 0
    todo: list[tuple[int, bool, Doc]] = [(0, False, doc)]
    while todo:
        indent, flat, part = todo.pop()
        match part:
            case str():
                line.words.append(part)
                column += len(part)
            case Mark(offset=offset):
                line.start = offset if line.start is None else line.start
                line.end = offset if line.end is None else max(line.end, offset)
            case Break():
                if flat:
                    line.words.append(part.flat)
                    column += len(part.flat)
                else:
                    line = Line(indent, part.blank)
                    lines.append(line)
                    column = indent
            case Choice():
                todo.append((indent, flat, part.flat if flat else part.broken))
            case Nest(doc=inner):
                todo.append((indent + INDENT, flat, inner))
            case Align(doc=inner):
                todo.append((column, flat, inner))
            case Group(doc=inner, width=width, broken=broken):
                todo.append((indent, flat or (not broken and _fits(room - column - width, todo)), inner))
            case tuple():
                todo.extend((indent, flat, p) for p in reversed(part))
            case unknown:
                assert_never(unknown)
    return lines


def _fits(room: int, following: Sequence[tuple[int, bool, Doc]]) -> bool:
    """Whether what follows up to the next possible line end fits into `room` columns."""
    at = len(following)
    todo: list[Iterator[tuple[bool, Doc]]] = []
    while room >= 0:
        if not todo:
            if at == 0:
                return True
            at -= 1
            todo.append(iter([following[at][1:]]))
        flat, part = next(todo[-1], (False, None))
        match part:
            case None:
                todo.pop()
            case str():
                room -= len(part)
            case Mark():
                pass
            case Break():
                if not flat:
                    return True
                room -= len(part.flat)
            case Choice():
                room -= len(part.flat if flat else part.broken)
            case Nest(doc=inner) | Align(doc=inner) | Group(doc=inner):
                todo.append(iter([(flat, inner)]))
            case tuple():
                todo.append(zip(repeat(flat), part, strict=False))
            case unknown:
                assert_never(unknown)
    return False


# ── comments ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Shown:
    """A finished line: its text, the comment after it, and whether a blank line stands before it."""

    text: str
    comment: str = ""
    blank: bool = False


def with_comments(lines: Sequence[Line], comments: Sequence[Comment], source: str) -> str:
    """The text of the lines with every comment once, in order.

    A comment stands between two lines or, where what was around it is now one line, above that line or at its end. Wherever it
    goes, reading it there leads to the same place: formatting twice is formatting once.
    """
    shown: list[_Shown] = []
    at = 0
    for line in lines:
        above, inside = at, at
        while line.start is not None and inside < len(comments) and comments[inside].span.start < line.start:
            inside += 1
        at = inside
        while line.end is not None and at < len(comments) and comments[at].span.start < line.end:
            at += 1
        above += _attached(shown, comments, above, inside)
        moved = list(comments[inside:at])
        trailing = ""
        if len(moved) == 1 and moved[0].trailing and not (at < len(comments) and comments[at].trailing):
            trailing = moved.pop().text
        _add(shown, line, [*comments[above:inside]], moved, trailing, source)
    at += _attached(shown, comments, at, len(comments))
    for comment in comments[at:]:
        shown.append(_Shown(comment.text, blank=bool(shown) and _blank_before(source, comment.span.start)))
    return _joined(shown)


def _attached(shown: list[_Shown], comments: Sequence[Comment], first: int, end: int) -> int:
    """Puts the first of the comments at the end of the line before, if it stood at the end of a line and there is room for it."""
    if first < end and comments[first].trailing and shown and not shown[-1].comment and shown[-1].text.strip()[:1] not in ("", "#"):
        shown[-1].comment = comments[first].text
        return 1
    return 0


def _add(shown: list[_Shown], line: Line, above: list[Comment], moved: list[Comment], trailing: str, source: str) -> None:
    """Adds a line below the comments that belong above it: those that stood there, and those moved there."""
    indent = " " * (line.indent + (INDENT if line.blank is Blank.LAST else 0))
    before_line = line.start is not None and _blank_before(source, line.start)
    added = [_Shown(indent + c.text, blank=_blank_before(source, c.span.start)) for c in above]
    added += [_Shown(indent + c.text, blank=before_line and i == 0) for i, c in enumerate(moved)]
    added.append(_Shown(line.text, trailing, blank=before_line and not moved))
    match line.blank:
        case Blank.NEVER:
            for one in added:
                one.blank = False
        case Blank.ALWAYS:
            added[0].blank = added[0].blank or not any(one.blank for one in added)
        case Blank.FIRST:
            added[0].blank = False
        case Blank.LAST:
            added[-1].blank = False
        case Blank.KEEP:
            pass
    shown += added


def _blank_before(source: str, offset: int) -> bool:
    at, newlines = offset - 1, 0
    while 0 <= at < len(source) and source[at] in " \t\r\n":
        newlines += source[at] == "\n"
        at -= 1
    return newlines > 1


def _joined(shown: Sequence[_Shown]) -> str:
    """The final text; comments at the ends of neighbouring lines of one indentation stand in one column."""
    result: list[str] = []
    at = 0
    while at < len(shown):
        end = at + 1
        if shown[at].comment:
            while end < len(shown) and shown[end].comment and not shown[end].blank and _indent(shown[end]) == _indent(shown[at]):
                end += 1
        column = max(len(one.text) for one in shown[at:end]) + 2
        for one in shown[at:end]:
            result += [""] if one.blank else []
            result.append(f"{one.text:<{column}}{one.comment}" if one.comment else one.text)
        at = end
    return "\n".join(result)


def _indent(line: _Shown) -> int:
    return len(line.text) - len(line.text.lstrip(" "))
