"""Floor 1, model: the values of the language, the unknown among them.

Every value has one Python type, tested by `type(v) is …`: Bool bool, Int int, Decimal `decimal.Decimal`, String and words str,
Instant `datetime` in `timezone.utc`, Date `date`, Duration `timedelta`, TimeOfDay naive `time`, TimeZone `ZoneInfo`, IpAddress and
IpNetwork the classes of `ipaddress`; the rest are the classes below.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from abac.model.limits import MAX_CAUSES


class CauseKind(StrEnum):
    """Why a value could not be had. The list is closed."""

    MISSING = "missing"
    MISTYPED = "mistyped"
    OVERFLOW = "overflow"
    INEXACT = "inexact"
    NO_SUCH_ROW = "no such row"
    SOURCE_FAILED = "source failed"
    STALE = "stale"
    LIMIT_EXCEEDED = "limit exceeded"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """`path` is where in the request (or which expression); `kind` is why."""

    path: str
    kind: CauseKind

    def __str__(self) -> str:
        return f"{self.path} is {self.kind}" if self.kind in _ADJECTIVES else f"{self.path}: {self.kind}"


_ADJECTIVES = frozenset({CauseKind.MISSING, CauseKind.MISTYPED, CauseKind.INEXACT, CauseKind.STALE})


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that could not be had. Unknowns carry causes and have no other meaning: nothing can ask for them."""

    causes: frozenset[Cause]

    @classmethod
    def of(cls, path: str, kind: CauseKind) -> Unknown:
        return cls(frozenset((Cause(path, kind),)))

    @classmethod
    def union(cls, unknowns: Iterable[Unknown]) -> Unknown:
        causes: frozenset[Cause] = frozenset().union(*(u.causes for u in unknowns))
        return cls(causes if len(causes) <= MAX_CAUSES else frozenset(sorted(causes)[:MAX_CAUSES]))


class Absence(Enum):
    """An optional attribute that is known not to be there."""

    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT


@dataclass(frozen=True, slots=True)
class ListValue:
    elements: tuple[Value | Unknown, ...]


@dataclass(frozen=True, slots=True)
class SetValue:
    """Invariant: made by `set_of`, so that elements stand in canonical order without doubles, unknown ones last.

    `plain` holds the elements for look-up if all are known and compare as Python compares them; else it is None.
    """

    elements: tuple[Value | Unknown, ...]
    plain: frozenset[object] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open `[start, end)`; `end` None has no end. Of times of day, one whose end precedes its start spans midnight."""

    start: dt.datetime | dt.date | dt.time
    end: dt.datetime | dt.date | dt.time | None


@dataclass(frozen=True, slots=True, eq=False)
class RecordValue:
    """Invariant: `fields` has every declared field, in declared order.

    `path` is where it stood in the request; `schema` is what it was read by, so that it need not be read by that again.
    """

    type: str
    fields: Mapping[str, Value | Unknown | Absence]
    path: str = ""
    schema: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: which attribute source supplied it, as of when.

    Attributes:
        fetched_at: in UTC; the value is no older than the source says, or no younger than the fetch.
        version: what the source calls this state of the entity, if anything.
    """

    source: str
    fetched_at: dt.datetime
    version: str | None = None


@dataclass(frozen=True, slots=True)
class EntityRef:
    """An entity by its type and key, where its key alone does not say which type is meant.

    It may stand wherever a request or an attribute source would name an entity by its bare key.
    """

    type: str
    key: object


@dataclass(frozen=True, slots=True, eq=False)
class EntityValue:
    """An entity; the same in meaning as any other with its type and key.

    `path` is where it stood in the request. `parents` holds EntityValues. `schema` is what it was read by, so that it need not be
    read by that again. `origins` says of attributes that a source supplied (of `parents` too) where they came from; None: of none.
    """

    type: str
    key: Value | Unknown
    fields: Mapping[str, Value | Unknown | Absence]
    parents: ListValue | Unknown
    path: str = ""
    schema: object = field(default=None, repr=False)
    origins: Mapping[str, Origin] | None = field(default=None, repr=False)


class Validated:
    """An entity, record or context that an engine has read once; only an engine makes one. It cannot be changed.

    What is inside `_value`, an EntityValue or RecordValue, is what it stands for wherever values are read.
    """

    __slots__ = ()
    _value: EntityValue | RecordValue


@dataclass(frozen=True, slots=True)
class LocalTime:
    """An instant as clocks in one zone show it."""

    instant: dt.datetime
    zone: ZoneInfo

    @property
    def clock(self) -> dt.datetime:
        return self.instant.astimezone(self.zone)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Reference data: rows by key. `file` is where it was read from."""

    name: str
    record: str
    rows: Mapping[Value, RecordValue]
    file: str


_IP_CLASSES = (ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network)
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Value = (
    bool | int | Decimal | str | dt.datetime | dt.date | dt.timedelta | dt.time | ZoneInfo
    | ipaddress.IPv4Address | ipaddress.IPv6Address | ipaddress.IPv4Network | ipaddress.IPv6Network
    | ListValue | SetValue | Interval | RecordValue | EntityValue | LocalTime
)  # fmt: skip


def canonical_key(value: Value | Unknown | Absence, *, whole: bool = False) -> tuple[object, ...]:
    """A sort key that is equal for equal values; values of one type compare with it. Unknowns sort last.

    Args:
        whole: entities with one key are told apart by their attributes too.
    """
    if type(value) in _SIMPLE:
        return (1, value)
    match value:
        case Unknown(causes=causes):
            return (2, tuple(sorted(causes)))
        case Absence():
            return (0,)
        case ListValue(elements=elements):
            return (1, tuple(canonical_key(e, whole=whole) for e in elements))
        case SetValue(elements=elements):
            return (1, tuple(dict.fromkeys(canonical_key(e, whole=whole) for e in elements)))
        case RecordValue(fields=fields):
            return (1, tuple(canonical_key(f, whole=whole) for f in fields.values()))
        case EntityValue(type=type_, key=key, fields=fields, parents=parents) if whole:
            parts = (*fields.values(), parents)
            return (1, type_, canonical_key(key), tuple(canonical_key(part, whole=True) for part in parts))
        case EntityValue(type=type_, key=key):
            return (1, type_, canonical_key(key))
        case Interval(start=start, end=end):
            return (1, start, end is None, end or start)
        case LocalTime(instant=instant, zone=zone):
            return (1, instant, str(zone))
        case ZoneInfo():
            return (1, value.key or "")
        case ipaddress.IPv4Address() | ipaddress.IPv6Address():
            return (1, value.version, int(value))
        case ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return (1, value.version, int(value.network_address), value.prefixlen)
        case _:
            return (1, value)


def is_known(value: Value | Unknown | Absence) -> bool:
    """Whether no part of the value is unknown. An entity is known by its key."""
    if type(value) in _PLAIN:
        return True
    match value:
        case Unknown():
            return False
        case ListValue(elements=elements) | SetValue(elements=elements):
            return all(is_known(e) for e in elements)
        case RecordValue(fields=fields):
            return all(is_known(f) for f in fields.values())
        case EntityValue(key=key):
            return not isinstance(key, Unknown)
        case _:
            return True


def set_of(elements: Iterable[Value | Unknown]) -> SetValue:
    """A set in canonical order; doubles are merged where equality is certain, unknown elements are all kept.

    Two objects that stand for one entity are no doubles if their attributes differ: which of them came first would matter, and an
    element that was unknown could take the place of one that was known.
    """
    elements = tuple(elements)
    if all(type(element) in _PLAIN for element in elements):
        unique = dict.fromkeys(elements)
        return SetValue(tuple(sorted(unique, key=canonical_key)), frozenset(unique))
    known: dict[tuple[object, ...], Value | Unknown] = {}
    partly: list[tuple[tuple[object, ...], Value | Unknown]] = []
    for element in elements:
        key = (canonical_key(element), canonical_key(element, whole=True))
        if is_known(element):
            known.setdefault(key, element)
        else:
            partly.append((key, element))
    partly.sort(key=lambda pair: pair[0])
    return SetValue((*(known[key] for key in sorted(known)), *(element for _, element in partly)))


_SIMPLE: Final = frozenset({bool, int, Decimal, str, dt.datetime, dt.date, dt.timedelta, dt.time})
"""Classes whose order is the language's too."""

_PLAIN: Final = _SIMPLE | frozenset(_IP_CLASSES)
"""Classes whose own `==` and hash are the language's."""
