"""Tests: writes values of a type, most of them constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from abac.model import types as t
from tests.generate.pools import ADDRESSES, CODES, DATES, DECIMALS, DURATIONS, INSTANTS, INTS, NETWORKS, STRINGS, TIMES

if TYPE_CHECKING:
    from tests.generate.expressions import Expressions
    from tests.generate.scope import Scope

SCALARS: dict[t.Type, Callable[[Expressions], str]] = {
    t.BOOL: lambda e: e.rng.choice(("true", "false")),
    t.INT: lambda e: str(e.rng.choice(INTS)),
    t.DECIMAL: lambda e: e.rng.choice(DECIMALS),
    t.STRING: lambda e: f'"{e.rng.choice(STRINGS)}"',
    t.INSTANT: lambda e: e.rng.choice(INSTANTS),
    t.DATE: lambda e: e.rng.choice(DATES),
    t.DURATION: lambda e: e.rng.choice(DURATIONS),
    t.TIME_OF_DAY: lambda e: e.rng.choice(TIMES),
    t.IP_ADDRESS: lambda e: f'address("{e.rng.choice(ADDRESSES)}")',
    t.IP_NETWORK: lambda e: f'network("{e.rng.choice(NETWORKS)}")',
}


def literal(e: Expressions, type_: t.Type, s: Scope | None, depth: int) -> str:
    """A value of the type; where the language has no literals of it, something that is read."""
    match type_:
        case t.Scalar() if type_ in SCALARS:
            return SCALARS[type_](e)
        case t.Words(words=words):
            return f'"{e.rng.choice(words)}"'
        case t.KeyOf(key=key):
            return f'"{e.rng.choice(CODES)}"' if key == t.STRING else _read(e, type_, s)
        case t.SetOf(element=element) | t.ListOf(element=element):
            parts = ", ".join(_part(e, element, s, depth) for _ in range(e.rng.randint(1, 3)))
            return f"{{ {parts} }}" if isinstance(type_, t.SetOf) else f"[{parts}]"
        case t.IntervalOf(element=element):
            return _interval(e, element, s)
        case t.RecordOf(name=name):
            return _record(e, name, s, depth)
        case t.EntityOf(names=names):
            named = [n for n in names if e.schema.entities[n].fields["id"].type == t.STRING]
            return f'{e.rng.choice(named)}::"{e.rng.choice(STRINGS)}"' if named else _read(e, type_, s)
    return _read(e, type_, s)


class NoLiteral(Exception):
    """The language cannot write such a value here; another policy is drawn."""


def _read(e: Expressions, type_: t.Type, s: Scope | None) -> str:
    readable = s.readable(type_) if s is not None else []
    if not readable:
        raise NoLiteral(str(type_))
    return e.rng.choice(readable).text


def _part(e: Expressions, element: t.Type, s: Scope | None, depth: int) -> str:
    return literal(e, element, s, depth) if s is None or e.rng.random() < 0.7 else e.value(element, s, depth - 1)


def _interval(e: Expressions, element: t.Type, s: Scope | None) -> str:
    points = [p.text for p in s.readable(element)] if s is not None else []
    if points and e.rng.random() < 0.4:
        start, end = e.rng.choice(points), e.value(element, s, -1) if s is not None else ""
        return f"(from {start})" if e.rng.random() < 0.4 else f"({start} until {end})"
    pool = {t.INSTANT: INSTANTS, t.DATE: DATES, t.TIME_OF_DAY: TIMES}[element]  # type: ignore[index]  # a scalar
    start, end = sorted(e.rng.sample(pool, 2))
    if element == t.TIME_OF_DAY and e.rng.random() < 0.4:
        start, end = end, start
    return f"(from {start})" if e.rng.random() < 0.25 else f"({start} until {end})"


def _record(e: Expressions, name: str, s: Scope | None, depth: int) -> str:
    entries = []
    for field in e.schema.records[name].values():
        if not field.optional or e.rng.random() < 0.4:
            entries.append(f"{field.name}: {_part(e, field.plain, s, depth)}")
    return f"{name} {{ {', '.join(entries)} }}"
