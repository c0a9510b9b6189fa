"""Floor 2, language: which columns the classes of a checked package are stored in. Their annotations say it: nothing is listed twice.

A class that is added, or a field, is stored with the rest; what is stored then has another `FORMAT`, and older data is foreign.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import repeat
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from abac.language import checked as c
from abac.language.stored.columns import Choice, Column, Either, Keyed, Many, Maybe, Number, Plain, Ref, Text, Together, Written
from abac.language.stored.stream import In, Out
from abac.model import types as t
from abac.model import values as v
from abac.model.scalars import read_scalar
from abac.model.source import Source, Span
from abac.model.types import TIME_ZONE

FAMILIES: Mapping[str, tuple[type, ...]] = {
    "source": (Source,),
    "type": get_args(t.Type),
    "value": (*get_args(v.Value), v.Unknown, v.Absence),
    "expression": get_args(c.CheckedExpression),
    "unit": (c.Rule, c.Policy),
}
"""What is referred to: a family's members refer to members of families above it, and to each other. In the order they are stored in."""

_FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}


@dataclass(frozen=True)
class Slots:
    """Objects of one class with slots, each field a column."""

    kind: type
    inner: tuple[tuple[str, Column], ...]

    def write(self, values: Sequence[Any], out: Out) -> None:
        for name, column in self.inner:
            column.write([getattr(value, name) for value in values], out)

    def read(self, count: int, data: In) -> list[Any]:
        return _made(self.kind, count, {name: column.read(count, data) for name, column in self.inner})

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        for name, column in self.inner:
            if not isinstance(column, Plain):
                column.referred(getattr(value, name), found)


def _made(kind: type, count: int, columns: Mapping[str, Iterable[Any]]) -> list[Any]:
    """Objects with these fields, set field by field through the descriptors of their slots: in less than half the time of `count` calls."""
    made: list[Any] = list(map(object.__new__, repeat(kind, count)))
    for name, values in columns.items():
        deque(map(getattr(kind, name).__set__, made, values), maxlen=0)
    return made


@dataclass(frozen=True)
class _Spans:
    """Places: where they begin, and how long they are."""

    def write(self, values: Sequence[Span], out: Out) -> None:
        Ref("source").write([span.source for span in values], out)
        out.numbers([span.start for span in values])
        out.numbers([span.end - span.start for span in values])

    def read(self, count: int, data: In) -> list[Any]:
        sources, starts, lengths = Ref("source").read(count, data), data.numbers(count), data.numbers(count)
        return _made(Span, count, {"source": sources, "start": starts, "end": map(int.__add__, starts, lengths)})

    def referred(self, value: Span, found: list[tuple[str, Any]]) -> None:
        found.append(("source", value.source))


@dataclass(frozen=True)
class _Sources(Plain):
    def write(self, values: Sequence[Source], out: Out) -> None:
        Together((Text(), Text())).write([(source.name, source.text) for source in values], out)

    def read(self, count: int, data: In) -> list[Source]:
        return [Source(name, text) for name, text in Together((Text(), Text())).read(count, data)]


_ELEMENTS = Many(Ref("value"))


@dataclass(frozen=True)
class _Sets:
    """Set values: of `plain` it is enough to know whether there is one."""

    def write(self, values: Sequence[v.SetValue], out: Out) -> None:
        _ELEMENTS.write([value.elements for value in values], out)
        out.numbers([value.plain is not None for value in values])

    def read(self, count: int, data: In) -> list[v.SetValue]:
        elements, plain = _ELEMENTS.read(count, data), Choice((False, True)).read(count, data)
        return [v.SetValue(each, frozenset(each) if is_plain else None) for each, is_plain in zip(elements, plain, strict=True)]

    def referred(self, value: v.SetValue, found: list[tuple[str, Any]]) -> None:
        _ELEMENTS.referred(value.elements, found)


@dataclass(frozen=True)
class _ReadBy(Plain):
    """The schema that a value was read by: that of the package's data, or none."""

    def write(self, values: Sequence[Any], out: Out) -> None:
        out.numbers([value is not None for value in values])

    def read(self, count: int, data: In) -> list[Any]:
        return [data.read_by if each else None for each in Choice((False, True)).read(count, data)]


@dataclass(frozen=True)
class _Durations(Plain):
    def write(self, values: Sequence[dt.timedelta], out: Out) -> None:
        for part in ("days", "seconds", "microseconds"):
            Number(signed=True).write([getattr(value, part) for value in values], out)

    def read(self, count: int, data: In) -> list[dt.timedelta]:
        return list(map(dt.timedelta, *(Number(signed=True).read(count, data) for _ in range(3))))


def _instant(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is not dt.timezone.utc:
        raise ValueError(f"`{text}` is not in UTC")
    return found


def _zone(text: str) -> v.Value:
    found = read_scalar(text, TIME_ZONE)
    if isinstance(found, v.CauseKind):
        raise ValueError(f"there is no time zone `{text}`")
    return found


def _written(kind: type, of: Callable[[str], Any], text: Callable[[Any], str] = str) -> tuple[type, Column]:
    return kind, Written(kind, text, of)


_SCALARS = tuple(each for each in vars(t).values() if isinstance(each, t.Scalar))
_OWN: Mapping[type, Column] = {
    Span: _Spans(),
    Source: _Sources(),
    t.Scalar: Choice(_SCALARS),  # each is one object, and stays it
    v.SetValue: _Sets(),
    v.Absence: Choice(tuple(v.Absence)),
    str: Text(),
    bool: Choice((False, True)),
    int: Number(signed=True),
    dt.timedelta: _Durations(),
    **dict(
        (
            _written(Decimal, Decimal),
            _written(dt.datetime, _instant, dt.datetime.isoformat),
            _written(dt.date, dt.date.fromisoformat, dt.date.isoformat),
            _written(dt.time, dt.time.fromisoformat, dt.time.isoformat),
            _written(ZoneInfo, _zone),
            *(
                _written(kind, kind)
                for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network)
            ),
        )
    ),
}
"""The classes that are stored otherwise than field by field."""


_columns = dict(_OWN)


def column_of(kind: type) -> Column:
    """The column of a class."""
    if kind not in _columns:
        _columns[kind] = _by_fields(kind)
    return _columns[kind]


def _by_fields(kind: type) -> Column:
    hints = get_type_hints(kind)
    return Slots(kind, tuple((each.name, _ReadBy() if hints[each.name] is object else _column(hints[each.name])) for each in fields(kind)))


def _column(hint: Any) -> Column:
    """The column of an annotation."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union(inside)
    if origin is Literal:
        return Choice(inside)
    if origin is tuple:
        return Many(_column(inside[0])) if inside[1:] == (...,) else Together(tuple(map(_column, inside)))
    if origin is frozenset:
        return Many(_column(inside[0]), frozenset)
    if origin is not None and issubclass(origin, Mapping):
        return Keyed(_column(inside[0]), _column(inside[1]))
    if hint is c.Expression:
        return Ref("expression")
    if issubclass(hint, Enum):
        return Choice(tuple(hint))
    if hint is int:
        return Number()
    if hint in _FAMILY_OF and hint not in (str, bool):
        return Ref(_FAMILY_OF[hint], (hint,))
    return column_of(hint)


def _union(members: Sequence[Any]) -> Column:
    some = tuple(member for member in members if member is not type(None))
    if len(some) < len(members):
        return Maybe(_column(some[0]) if len(some) == 1 else _union(some))
    for family, kinds in FAMILIES.items():
        if set(some) <= set(kinds):
            return Ref(family, () if len(some) == len(kinds) else some)
    return Either(some, tuple(map(_column, some)))


def _layout() -> str:
    """All columns, in words: what has another layout has another form."""
    kinds = [kind for members in FAMILIES.values() for kind in members]
    return repr([(kind.__name__, column_of(kind)) for kind in (*kinds, c.Package)])


@cache
def layout_digest() -> bytes:
    """Eight bytes that tell one layout from another."""
    return hashlib.sha256(_layout().encode()).digest()[:8]
