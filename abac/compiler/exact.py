"""Floor 4, compiler: all that the exact path's generated code may call: three-valued, with causes, and time.

An operand is the exact form of a value, or an Unknown. What has parts is compared as the value it stands for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from abac.compiler import runtime
from abac.compiler.forms import Forms, Several, value_of
from abac.compiler.runtime import NOW, Memo
from abac.language.library import arithmetic, times
from abac.language.library.functions import FUNCTIONS
from abac.model.limits import MAX_CHAIN, MAX_COLLECTION, MAX_COMBINATIONS
from abac.model.types import Type
from abac.model.values import (
    ABSENT,
    CauseKind,
    EntityValue,
    Interval,
    ListValue,
    LocalTime,
    RecordValue,
    SetValue,
    Unknown,
    canonical_key,
    is_known,
    set_of,
)


def _unknowns(operands: Iterable[Any]) -> list[Unknown]:
    return [operand for operand in operands if type(operand) is Unknown]


def union(*operands: Any) -> Unknown:
    """What is unknown about several operands, of which at least one is."""
    unknowns = _unknowns(operands)
    return unknowns[0] if len(unknowns) == 1 else Unknown.union(unknowns)


def strictly(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Unknown operands make the result unknown; a cause becomes an unknown at `text`, the first argument."""

    def computed(text: str, *operands: Any) -> Any:
        unknowns = _unknowns(operands)
        if unknowns:
            return Unknown.union(unknowns)
        made = compute(*operands)
        return Unknown.of(text, made) if type(made) is CauseKind else made

    return computed


# ── Kleene ─────────────────────────────────────────────────────────────────────────────────────────────────


def no(truth: Any) -> Any:
    return truth if type(truth) is Unknown else not truth


def _any(truths: Iterator[Any]) -> Any:
    pending: list[Unknown] = []
    for truth in truths:
        if truth is True:
            return True
        if truth is not False:
            pending.append(truth)
    return Unknown.union(pending) if pending else False


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def slot(target: Any, slot: str, name: str) -> Any:
    """An attribute of a part of the request that may be of a kind without it."""
    found = getattr(target, slot, target)
    return Unknown.of(f"{target._path}.{name}", CauseKind.MISTYPED) if found is target else found


def missing(target: Any, name: str, text: str) -> Unknown:
    """An attribute that is read although it is absent."""
    path = getattr(target, "_path", "")
    return target if type(target) is Unknown else Unknown.of(f"{path}.{name}" if path else text, CauseKind.MISSING)


def age(memo: Memo, found: Any, target: Any, slot: str, text: str) -> Any:
    """How old an attribute is, absent or not; `slot` says of its target since when it is known."""
    if type(found) is Unknown:
        return found
    since = getattr(target, slot, None)
    if since is None:
        return Unknown.of(text, CauseKind.MISSING)
    return memo[NOW] if type(memo[NOW]) is Unknown else runtime.age(memo, (found, since))


def elements(collection: Any) -> Any:
    """What can be walked through."""
    kind = type(collection)
    return collection.elements if kind is SetValue else collection.forms if kind is Several else collection


ordered = runtime.ordered


def beyond(text: str) -> Unknown:
    return Unknown.of(text, CauseKind.LIMIT_EXCEEDED)


def element(text: str, collection: Any, index: Any) -> Any:
    if unknowns := _unknowns((collection, index)):
        return Unknown.union(unknowns)
    return collection[index] if 0 <= index < len(collection) else Unknown.of(text, CauseKind.MISSING)


def row(rows: Mapping[Any, Any], table: str, key: Any) -> Any:
    if type(key) is Unknown:
        return key
    found = rows.get(key)
    return Unknown.of(f"{table}[{key}]", CauseKind.NO_SUCH_ROW) if found is None else found


def latest(collection: Any, by: str, order: Mapping[str, int] | None) -> Any:
    if type(collection) is Unknown:
        return collection
    keys: list[Any] = [e if type(e) is Unknown else getattr(e, by) for e in collection]
    if unknowns := _unknowns(keys):
        return Unknown.union(unknowns)
    ranks = keys if order is None else [order[key] for key in keys]
    greatest = max(ranks, default=None)
    return tuple(e for e, rank in zip(collection, ranks, strict=True) if rank == greatest)


def chain(start: Any, by: str, name: str) -> Any:
    links: list[Any] = []
    passed: set[Any] = set()
    while start is not None:
        if type(start) is Unknown:
            return start
        if type(start._key) is Unknown:
            return start._key
        if len(links) > MAX_CHAIN or (start._type, start._key) in passed:
            return Unknown.of(f"{links[0]._path}.{name}", CauseKind.LIMIT_EXCEEDED)
        passed.add((start._type, start._key))
        links.append(start)
        start = getattr(start, by)
    return tuple(links)


# ── equality and membership ────────────────────────────────────────────────────────────────────────────────


def equal(a: Any, b: Any) -> Any:
    """`==` of what has parts."""
    if type(a) is frozenset and type(b) is frozenset:
        return a == b
    return _equal(value_of(a), value_of(b))


def _equal(a: Any, b: Any) -> Any:
    """Known values by canonical key; otherwise part by part."""
    if unknowns := _unknowns((a, b)):
        return Unknown.union(unknowns)
    if a is ABSENT or b is ABSENT:
        return a is b
    if is_known(a) and is_known(b):
        return canonical_key(a) == canonical_key(b)
    match a, b:
        case SetValue(), SetValue():
            return _both(_subset(a, b), _subset(b, a))
        case ListValue(), ListValue():
            if len(a.elements) != len(b.elements):
                return False
            return no(_any(no(_equal(x, y)) for x, y in zip(a.elements, b.elements, strict=True)))
        case EntityValue(), EntityValue():
            return a.type == b.type and _equal(a.key, b.key)
    return no(_any(no(_equal(value, b.fields[name])) for name, value in a.fields.items()))


def _both(a: Any, b: Any) -> Any:
    return no(_any(iter((no(a), no(b)))))


def equal_parts(text: str, a: Any, b: Any) -> Any:
    """`==` of collections whose elements have parts, within the limit."""
    return _beyond(text, a, b) or equal(a, b)


def same_entity(a: Any, b: Any) -> Any:
    if unknowns := _unknowns((a, b)):
        return Unknown.union(unknowns)
    if a._type != b._type:
        return False
    unknowns = _unknowns((a._key, b._key))
    return Unknown.union(unknowns) if unknowns else a._key == b._key


def _beyond(text: str, a: Any, b: Any) -> Unknown | None:
    if type(a) is Unknown or type(b) is Unknown:
        return None
    return beyond(text) if len(elements(a)) * len(elements(b)) > MAX_COMBINATIONS else None


def member(item: Any, collection: Any) -> Any:
    """`item in collection`."""
    if type(collection) is frozenset and type(item) is not Unknown:
        return item in collection
    if type(collection) is Unknown:
        return collection if type(item) is not Unknown else Unknown.union((item, collection))
    item, whole = value_of(item), value_of(collection)
    return _member(item, whole.elements, _index(whole))


def _index(collection: Any) -> tuple[set[Any], list[Any]]:
    """Keys of the known elements, and the others."""
    keys: set[Any] = set()
    others: list[Any] = []
    for each in collection.elements:
        if is_known(each):
            keys.add(canonical_key(each))
        else:
            others.append(each)
    return keys, others


def _member(item: Any, elements: tuple[Any, ...], index: tuple[set[Any], list[Any]]) -> Any:
    keys, others = index
    if type(item) is Unknown:
        return Unknown.union((item, *_unknowns(others))) if elements else False
    if is_known(item):
        return True if canonical_key(item) in keys else _any(_equal(item, each) for each in others)
    return _any(_equal(item, each) for each in elements)


def meets(text: str, a: Any, b: Any, parts: bool = False) -> Any:
    """`some x in a: x in b`."""
    if type(a) is frozenset and type(b) is frozenset:
        return not a.isdisjoint(b)
    if type(a) is Unknown:
        return a
    if type(b) is Unknown:
        return b if elements(a) else False
    if parts and (refused := _beyond(text, a, b)):
        return refused
    left, right = value_of(a), value_of(b)
    index = _index(right)
    return _any(_member(x, right.elements, index) for x in left.elements)


def subset(text: str, a: Any, b: Any, parts: bool = False) -> Any:
    """`every x in a: x in b`."""
    if type(a) is frozenset and type(b) is frozenset:
        return a <= b
    if type(a) is Unknown:
        return a
    if type(b) is Unknown:
        return b if elements(a) else True
    if parts and (refused := _beyond(text, a, b)):
        return refused
    return _subset(value_of(a), value_of(b))


def _subset(a: Any, b: Any) -> Any:
    index = _index(b)
    return no(_any(no(_member(x, b.elements, index)) for x in a.elements))


def stands_in(entity: Any, group: Any, groups: Mapping[str, tuple[str, str]]) -> Any:
    """`entity in group`: true if it is among the groups that are known, else what is unknown about them, or false."""
    if unknowns := _unknowns((entity, group)):
        return Unknown.union(unknowns)
    known, others = groups[group._type]
    if type(group._key) is Unknown and getattr(entity, known):
        return union(group._key, getattr(entity, others))
    return group._key in getattr(entity, known) or getattr(entity, others)


def in_network(item: Any, network: Any) -> Any:
    unknowns = _unknowns((item, network))
    return Unknown.union(unknowns) if unknowns else item in network


# ── comparison, intervals, arithmetic, time ────────────────────────────────────────────────────────────────


def compare_at(memo: Memo, test: Callable[[Any, Any], bool], rate: int, a: Any, b: Any) -> Any:
    """A comparison that runs with the clock; `rate` is how fast the left side gains on the right."""
    unknowns = _unknowns((a, b))
    return Unknown.union(unknowns) if unknowns else runtime.crossing(test)(memo, a, b, rate)


def compare_daily(memo: Memo, test: Callable[[Any, Any], bool], clock: Any, boundary: Any) -> Any:
    unknowns = _unknowns((clock, boundary))
    return Unknown.union(unknowns) if unknowns else runtime.daily(test)(memo, clock, boundary)


def in_interval(item: Any, interval: Any) -> Any:
    unknowns = _unknowns((item, interval))
    return Unknown.union(unknowns) if unknowns else runtime.in_interval(item, interval)


def in_interval_at(memo: Memo, rate: int, item: Any, interval: Any) -> Any:
    unknowns = _unknowns((item, interval))
    return Unknown.union(unknowns) if unknowns else runtime.in_interval_at(memo, item, interval, rate)


def in_daily_at(memo: Memo, clock: Any, interval: Any) -> Any:
    unknowns = _unknowns((clock, interval))
    return Unknown.union(unknowns) if unknowns else runtime.in_daily_at(memo, clock, interval)


def within(memo: Memo, rate: int, instant: Any, limit: Any, now: Any) -> Any:
    if unknowns := _unknowns((instant, limit, now)):
        return Unknown.union(unknowns)
    return runtime.within_at(memo, instant, limit, now, rate) if rate else runtime.within(instant, limit, now)


add = strictly(arithmetic.add)
subtract = strictly(arithmetic.subtract)
multiply = strictly(arithmetic.multiply)
negate = strictly(arithmetic.negate)
add_decimals = strictly(runtime.wide(arithmetic.add))
subtract_decimals = strictly(runtime.wide(arithmetic.subtract))
multiply_decimals = strictly(runtime.wide(arithmetic.multiply))
negate_decimal = strictly(runtime.wide(arithmetic.negate))
until = strictly(lambda start, end: Interval(start, end))
since = strictly(lambda start: Interval(start, None))


def settled(memo: Memo, value: Any) -> Any:
    """A running value used for what it is at this instant only."""
    if type(value) is not Unknown:
        runtime.note(memo, memo[NOW])
    return value


def sum_at(memo: Memo, value: Any, rate: int) -> Any:
    """A sum that runs with the clock: an instant overflows in time, an overflow may pass."""
    if type(memo[NOW]) is Unknown:
        return value
    if type(value) is Unknown:
        return settled_unknown(memo, value)
    return runtime.sum_at(memo, value, rate) if rate else value


def settled_unknown(memo: Memo, value: Unknown) -> Unknown:
    if any(cause.kind in (CauseKind.OVERFLOW, CauseKind.INEXACT) for cause in value.causes):
        runtime.note(memo, memo[NOW])
    return value


def _local(instant: dt.datetime, zone: Any) -> Any:
    made = LocalTime(instant, zone)
    try:
        _ = made.clock
    except OverflowError:
        return CauseKind.OVERFLOW
    return made


local = strictly(_local)


def local_at(memo: Memo, text: str, instant: Any, zone: Any) -> Any:
    """A running local time; on the first and last day of all it may begin or cease to be one."""
    made = local(text, instant, zone)
    if type(made) is LocalTime:
        runtime.note_end_of_clocks(memo, made.instant)
        return made
    return made if type(memo[NOW]) is Unknown else settled_unknown(memo, made)


@cache
def library(function: str, forms: Forms) -> Callable[..., Any]:
    """A built-in function, of forms: one of collections is computed of the value and gives a form again."""
    compute = strictly(FUNCTIONS[function].meaning)
    if function == "final":
        return _final
    if function != "count":
        return compute

    def count(text: str, collection: Any) -> Any:
        if isinstance(collection, tuple | frozenset):
            return len(collection)
        return compute(text, collection if type(collection) is Unknown else value_of(collection))

    return count


def _final(text: str, collection: Any) -> Any:
    if type(collection) is Unknown:
        return collection
    return collection[-1] if collection else Unknown.of(text, CauseKind.MISSING)


@cache
def changing(function: str) -> Callable[..., Any]:
    """A function of a running local time."""
    meaning, changes = FUNCTIONS[function].meaning, FUNCTIONS[function].changes
    assert changes is not None

    def compute(memo: Memo, text: str, clock: Any) -> Any:
        if type(clock) is Unknown:
            return clock
        runtime.note_local(memo, clock, changes)
        return meaning(clock)

    return compute


def time_of_day(clock: Any) -> Any:
    return clock if type(clock) is Unknown else times.time_of_day(clock)


def make_set(forms: Forms, type: Type, *parts: Any) -> Any:
    return forms.exact(set_of(value_of(each) for each in parts), type)


def make_record(forms: Forms, type: Type, fields: dict[str, Any]) -> Any:
    return forms.exact(RecordValue(str(type), {name: value_of(each) for name, each in fields.items()}), type)


def join(forms: Forms, type: Type, text: str, a: Any, b: Any) -> Any:
    """`+` of lists, one after the other, and of sets."""
    if unknowns := _unknowns((a, b)):
        return Unknown.union(unknowns)
    if isinstance(a, tuple):
        return a + b if len(a) + len(b) <= MAX_COLLECTION else beyond(text)
    made = arithmetic.add(value_of(a), value_of(b))
    return Unknown.of(text, made) if isinstance(made, CauseKind) else forms.exact(made, type)


# ── reasons ────────────────────────────────────────────────────────────────────────────────────────────────


def shown(target: Any, slot: str, name: str, text: str) -> Any:
    """An attribute for a reason: absent if it or what it belongs to is."""
    if target is None or type(target) is Unknown:
        return target
    found = getattr(target, slot, target)
    if found is not target:
        return found
    return Unknown.of(f"{target._path}.{name}" if target._path else text, CauseKind.MISTYPED)


def key_shown(entity: Any) -> Any:
    return entity if entity is None or type(entity) is Unknown else entity._key
