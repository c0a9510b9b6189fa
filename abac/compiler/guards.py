"""Floor 4, compiler: guards: what a condition needs of one thing in the request, so that rules can be filed by it.

A guard is necessary: where its key is known and is not as the guard says, the condition is false, whatever else is unknown. An *exact*
guard is also all that its part of the condition says. There are three kinds: the key *equals* one of a few values, the key is a set that
*meets* a few values, the key lies in a *range*, one of a few.

A key is read before any guard of presence around it, so it is read as if it were optional: what is absent is like nothing, and every rule
that was filed under it is false, for it asks for the attribute's presence somewhere before it reads it.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from abac.compiler.classes import is_plain
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.limits import DECIMAL_DIGITS, DECIMAL_EXPONENT, INT_MAX
from abac.model.schema import Schema
from abac.model.types import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    INSTANT,
    INT,
    IP_ADDRESS,
    STRING,
    TIME_OF_DAY,
    TIME_ZONE,
    EntityOf,
    SetOf,
    Words,
    base,
)  # fmt: skip
from abac.model.values import EntityValue, Interval, IpAddress, IpNetwork, SetValue, Unknown

MOST_VALUES = 64
"""Values of one guard above which a rule is not filed by it."""


class Kind(Enum):
    """How a rule is filed by a guard."""

    EQUAL = "equal"
    MEETS = "meets"
    RANGE = "range"


class Sort(Enum):
    """What of an expression is looked at.

    `VALUE` itself, `TYPE` which kind of entity it is, `ABOVE` what it stands in, `NUMBER` an address as a number, `BACKWARDS` a text
    from its end.
    """

    VALUE = "value"
    TYPE = "type"
    ABOVE = "above"
    NUMBER = "number"
    BACKWARDS = "backwards"


@dataclass(frozen=True, slots=True)
class Key:
    """What rules are filed by. `group`: of `ABOVE`, the type of what it stands in."""

    kind: Kind
    sort: Sort
    expression: c.Expression
    group: str = ""

    @property
    def name(self) -> str:
        """As the policy writes it, for people and for a stable order."""
        return f"{_path(self.expression)} {self.sort.value} {self.group}".removesuffix(" value ")


Range = tuple[Any, Any]
"""Half-open; None is without end."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What a condition needs of a key.

    Attributes:
        values: of `EQUAL` and `MEETS`.
        ranges: of `RANGE`.
        parts: numbers of the condition's parts (conjuncts) that an exact guard proves.
    """

    key: Key
    values: frozenset[Any] = frozenset()
    ranges: tuple[Range, ...] = ()
    parts: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.values) or len(self.ranges)


def guards_of(condition: c.Expression, schema: Schema) -> tuple[Guard, ...]:
    """The guards of a condition, one a key."""
    found: dict[Key, Guard] = {}
    parts = list(c.conjuncts(condition))
    for number, part in enumerate(parts):
        for guard, exact in _guards(part, schema):
            made = replace(guard, parts=frozenset((number,)) if exact else frozenset())
            found[guard.key] = _both(found[guard.key], made) if guard.key in found else made
    usable = (guard for guard in found.values() if 1 <= len(guard) <= MOST_VALUES)
    return tuple(_with_presence(guard, parts) for guard in usable)


def _with_presence(guard: Guard, parts: list[c.Expression]) -> Guard:
    """Whoever has a value of the key has all that it is read through: `has` of that is proven too, and of which kind it is."""
    through = set(_through(guard.key.expression))
    proven = {i for i, part in enumerate(parts) if isinstance(part, c.HasAttribute) and (part.target, part.name) in through}
    return replace(guard, parts=guard.parts | proven)


def _through(e: c.Expression) -> Iterator[tuple[c.Expression, str]]:
    while isinstance(e, c.Attribute):
        yield e.target, e.name
        e = e.target


# ── by form of the condition ───────────────────────────────────────────────────────────────────────────────


def _guards(part: c.Expression, schema: Schema) -> Iterable[tuple[Guard, bool]]:
    """The guards of one part, and whether each says all of it."""
    match part:
        case c.Attribute() if part.type == BOOL and _is_key(part):
            yield Guard(Key(Kind.EQUAL, Sort.VALUE, part), frozenset((True,))), True
        case c.Operation(operator=Operator.NOT, operands=(c.Attribute() as flag,)) if flag.type == BOOL and _is_key(flag):
            yield Guard(Key(Kind.EQUAL, Sort.VALUE, flag), frozenset((False,))), True
        case c.IsType(target=c.Root() as root, name=name):
            yield Guard(Key(Kind.EQUAL, Sort.TYPE, root), frozenset((name,))), True
        case c.Operation(operator=Operator.OR, operands=operands):
            yield from _alternatives(operands, schema)
        case c.Operation(operator=operator, operands=operands) if len(operands) == 2:
            yield from _comparison(operator, *operands, schema)
        case c.LibraryCall(function="starts_with", arguments=(text, c.Constant(value=str(start)))) if _is_key(text):
            yield _prefix(text, start), True
        case c.LibraryCall(function="ends_with", arguments=(text, c.Constant(value=str(end)))) if _is_key(text):
            yield _suffix(text, end), True


def _alternatives(operands: tuple[c.Expression, ...], schema: Schema) -> Iterator[tuple[Guard, bool]]:
    """`or`: where each alternative has a guard on one key, the union; exact where each is that guard and no more."""
    each = [{guard.key: guard for guard in guards_of(operand, schema)} for operand in operands]
    for key in each[0]:
        if all(key in found for found in each):
            guards = [found[key] for found in each]
            whole = all(len(guard.parts) == sum(1 for _ in c.conjuncts(o)) for guard, o in zip(guards, operands, strict=True))
            values = frozenset(v for guard in guards for v in guard.values)
            yield Guard(key, values, tuple(r for guard in guards for r in guard.ranges)), whole


def _comparison(operator: Operator, left: c.Expression, right: c.Expression, schema: Schema) -> Iterator[tuple[Guard, bool]]:
    match operator, left, right:
        case Operator.EQUAL, _, c.Constant(value=EntityValue() as entity) if isinstance(left.type, EntityOf) and _is_key(left):
            yield from _entity(left, entity, schema)
        case Operator.EQUAL, _, c.Constant(value=value) if _is_plain_key(left):
            yield Guard(Key(Kind.EQUAL, Sort.VALUE, left), frozenset((value,))), True
        case Operator.EQUAL, c.Constant(), _ if not isinstance(right, c.Constant):
            yield from _comparison(operator, right, left, schema)
        case Operator.IN, _, c.Constant(value=SetValue(plain=frozenset(values))) if _is_plain_key(left):
            yield Guard(Key(Kind.EQUAL, Sort.VALUE, left), values), True
        case Operator.IN, c.Constant(value=value), _ if _is_plain_set(right) and is_plain(left.type):
            yield Guard(Key(Kind.MEETS, Sort.VALUE, right), frozenset((value,))), True
        case Operator.IN, _, c.Constant(value=EntityValue(type=group, key=key)) if _is_entity(left) and not isinstance(key, Unknown):
            yield Guard(Key(Kind.MEETS, Sort.ABOVE, left, group), frozenset((key,))), True
        case Operator.INTERSECTS, _, c.Constant(value=SetValue(plain=frozenset(values))) if _is_plain_set(left):
            yield Guard(Key(Kind.MEETS, Sort.VALUE, left), values), True
        case Operator.INTERSECTS, c.Constant(), _ if not isinstance(right, c.Constant):
            yield from _comparison(operator, right, left, schema)
        case Operator.LIKE, _, c.Constant(value=str(pattern)) if _is_key(left):
            yield from _like(left, pattern)
        case _:
            yield from _ordered(operator, left, right)


def _entity(left: c.Expression, entity: EntityValue, schema: Schema) -> Iterator[tuple[Guard, bool]]:
    """`x == User::"a"`: by the key of x, where no other type can have it."""
    assert isinstance(left.type, EntityOf)
    if left.type.names == (entity.type,) and not isinstance(entity.key, Unknown) and not isinstance(left, c.Root):
        declared = schema.entities[entity.type]
        key = c.Attribute(left, declared.key, type=declared.fields[declared.key].plain, span=left.span)
        yield Guard(Key(Kind.EQUAL, Sort.VALUE, key), frozenset((entity.key,))), True


_MIRRORED = {
    Operator.LESS: Operator.GREATER, Operator.LESS_EQUAL: Operator.GREATER_EQUAL, Operator.GREATER: Operator.LESS,
    Operator.GREATER_EQUAL: Operator.LESS_EQUAL,
}  # fmt: skip
_ORDERED = (INT, DECIMAL, STRING, INSTANT, DATE, DURATION, TIME_OF_DAY)


def _ordered(operator: Operator, left: c.Expression, right: c.Expression) -> Iterator[tuple[Guard, bool]]:
    """Comparisons, intervals and networks."""
    if isinstance(left, c.Constant) and operator in _MIRRORED:
        left, right, operator = right, left, _MIRRORED[operator]
    if not isinstance(right, c.Constant) or not _is_key(left):
        return
    value, order = right.value, left.type
    if order == DECIMAL and type(value) is int:
        value = Decimal(value)  # what comes right after it is a Decimal
    if isinstance(order, Words) and operator in _MIRRORED:
        if order.ordered:
            yield Guard(Key(Kind.EQUAL, Sort.VALUE, left), _words(order, operator, str(value))), True
        return
    if operator is Operator.IN and isinstance(value, Interval) and left.type in (INSTANT, DATE):
        yield Guard(Key(Kind.RANGE, Sort.VALUE, left), ranges=((value.start, value.end),)), True
    elif operator is Operator.IN and left.type == IP_ADDRESS and isinstance(value, IPv4Network | IPv6Network):
        yield Guard(Key(Kind.RANGE, Sort.NUMBER, left), ranges=(network_range(value),)), True
    elif operator in _MIRRORED and base(left.type) in _ORDERED:
        yield Guard(Key(Kind.RANGE, Sort.VALUE, left), ranges=(_bounds(operator, value),)), True


def _bounds(operator: Operator, value: Any) -> Range:
    """The range of a comparison with a value; what comes right after a value makes `<=` and `>` half-open too."""
    match operator:
        case Operator.LESS:
            return None, value
        case Operator.LESS_EQUAL:
            return None, after(value)
        case Operator.GREATER_EQUAL:
            return value, None
    following = after(value)
    return (value, value) if following is None else (following, None)


def after(value: Any) -> Any:
    """The next value of the same type, None if there is none: between the two there is nothing."""
    try:
        match value:
            case int():
                return value + 1 if value < INT_MAX else None
            case Decimal():
                return _DECIMALS.next_plus(value)
            case str():
                return value + "\0"
            case dt.datetime() | dt.timedelta():
                return value + _TICK
            case dt.date():
                return value + dt.timedelta(days=1)
            case dt.time():
                later = dt.datetime.combine(dt.date.min, value) + _TICK
                return later.time() if later.date() == dt.date.min else None
    except OverflowError:
        return None
    raise AssertionError(f"{value!r} has no order")


def _words(order: Words, operator: Operator, word: str) -> frozenset[str]:
    """The words that compare so."""
    place, words = order.words.index(word), order.words
    match operator:
        case Operator.LESS:
            return frozenset(words[:place])
        case Operator.LESS_EQUAL:
            return frozenset(words[: place + 1])
        case Operator.GREATER:
            return frozenset(words[place + 1 :])
    return frozenset(words[place:])


def _both(a: Guard, b: Guard) -> Guard:
    """What both parts of a conjunction need of one key."""
    parts = a.parts | b.parts
    match a.key.kind:
        case Kind.EQUAL:
            return replace(a, values=a.values & b.values, parts=parts)
        case Kind.RANGE:
            return replace(a, ranges=_common(a.ranges, b.ranges), parts=parts)
    return min((a, b), key=len)  # a set may meet both by different elements


def _common(a: tuple[Range, ...], b: tuple[Range, ...]) -> tuple[Range, ...]:
    found = []
    for one in a:
        for other in b:
            start = one[0] if other[0] is None or (one[0] is not None and one[0] >= other[0]) else other[0]
            end = one[1] if other[1] is None or (one[1] is not None and one[1] <= other[1]) else other[1]
            if start is None or end is None or start < end:
                found.append((start, end))
    return tuple(found)


# ── texts and addresses ────────────────────────────────────────────────────────────────────────────────────


def _like(text: c.Expression, pattern: str) -> Iterator[tuple[Guard, bool]]:
    pieces = pattern.split("*")
    if len(pieces) == 1:
        yield Guard(Key(Kind.EQUAL, Sort.VALUE, text), frozenset((pattern,))), True
        return
    only = len(pieces) == 2
    if pieces[0]:
        yield _prefix(text, pieces[0]), only and not pieces[-1]
    if pieces[-1]:
        yield _suffix(text, pieces[-1]), only and not pieces[0]


def _prefix(text: c.Expression, start: str) -> Guard:
    return Guard(Key(Kind.RANGE, Sort.VALUE, text), ranges=(_beginning(start),))


def _suffix(text: c.Expression, end: str) -> Guard:
    return Guard(Key(Kind.RANGE, Sort.BACKWARDS, text), ranges=(_beginning(end[::-1]),))


def _beginning(start: str) -> Range:
    """The texts that begin so, in the order of code points."""
    kept = start.rstrip(_LAST)
    return start, kept[:-1] + chr(ord(kept[-1]) + 1) if kept else None


def network_range(network: IpNetwork) -> Range:
    """The addresses of a network as numbers."""
    return address_number(network.network_address), address_number(network.broadcast_address) + 1


def address_number(address: IpAddress) -> int:
    """One number for each address, those of version 6 beyond those of version 4."""
    return int(address) if address.version == 4 else _VERSION_6 + int(address)


# ── what can be a key ──────────────────────────────────────────────────────────────────────────────────────


def _path(e: c.Expression) -> str:
    if isinstance(e, c.Attribute):
        return f"{_path(e.target)}.{e.name}"
    assert isinstance(e, c.Root)
    return e.name


def _is_key(e: c.Expression) -> bool:
    """Whether it is a part of the request, the action or the clock, or an attribute reached from there by attributes alone."""
    while isinstance(e, c.Attribute):
        e = e.target
    return isinstance(e, c.Root)


def _is_plain_key(e: c.Expression) -> bool:
    return is_plain(e.type) and base(e.type) != TIME_ZONE and _is_key(e)


def _is_plain_set(e: c.Expression) -> bool:
    return isinstance(e.type, SetOf) and is_plain(e.type.element) and isinstance(e, c.Attribute) and _is_key(e)


def _is_entity(e: c.Expression) -> bool:
    return isinstance(e.type, EntityOf) and _is_key(e)


_LAST = "\U0010ffff"
_TICK = dt.timedelta(microseconds=1)
_VERSION_6 = 1 << 32
_DECIMALS = decimal.Context(prec=DECIMAL_DIGITS, Emax=DECIMAL_EXPONENT, Emin=-DECIMAL_EXPONENT, traps=[])
