"""Floor 4, compiler: all that the exact path's generated code may call: three-valued, with causes, and time.

An operand is a value or an Unknown. `thunks` are functions without arguments, so that what is dominated is not evaluated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from abac.compiler import runtime
from abac.compiler.runtime import NOW, Memo
from abac.language.library import arithmetic, times
from abac.language.library.functions import FUNCTIONS
from abac.model.limits import MAX_CHAIN, MAX_COMBINATIONS
from abac.model.text import show
from abac.model.types import Words
from abac.model.values import (
    ABSENT,
    CauseKind,
    EntityValue,
    Interval,
    ListValue,
    LocalTime,
    RecordValue,
    SetValue,
    Table,
    Unknown,
    canonical_key,
    is_known,
    set_of,
)

Thunk = Callable[[], Any]


def _unknowns(operands: Iterable[Any]) -> list[Unknown]:
    return [operand for operand in operands if type(operand) is Unknown]


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


def some_of(*thunks: Thunk) -> Any:
    return _any(thunk() for thunk in thunks)


def all_of(*thunks: Thunk) -> Any:
    return no(_any(no(thunk()) for thunk in thunks))


def _any(truths: Iterator[Any]) -> Any:
    pending: list[Unknown] = []
    for truth in truths:
        if truth is True:
            return True
        if truth is not False:
            pending.append(truth)
    return Unknown.union(pending) if pending else False


def choose(*thunks: Thunk) -> Any:
    """Conditions and values in turn, then the last value; an unknown condition is the result."""
    for condition, value in zip(thunks[:-1:2], thunks[1::2], strict=True):
        truth = condition()
        if type(truth) is Unknown:
            return truth
        if truth:
            return value()
    return thunks[-1]()


def some(collection: Any, text: str, combinations: int, body: Callable[[Any, int], Any]) -> Any:
    if type(collection) is Unknown:
        return collection
    combinations *= len(collection.elements)
    if combinations > MAX_COMBINATIONS:
        return Unknown.of(text, CauseKind.LIMIT_EXCEEDED)
    return _any(body(element, combinations) for element in collection.elements)


def every(collection: Any, text: str, combinations: int, body: Callable[[Any, int], Any]) -> Any:
    return no(some(collection, text, combinations, lambda element, within: no(body(element, within))))


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def attr(target: Any, name: str, text: str) -> Any:
    if type(target) is Unknown:
        return target
    value = target.fields.get(name)
    if value is None or value is ABSENT:
        path = f"{target.path}.{name}" if target.path else text
        return Unknown.of(path, CauseKind.MISTYPED if value is None else CauseKind.MISSING)
    return value


def has(target: Any, name: str, text: str) -> Any:
    if type(target) is Unknown:
        return target
    value = target.fields.get(name)
    if value is None:
        return Unknown.of(f"{target.path}.{name}" if target.path else text, CauseKind.MISTYPED)
    return value if type(value) is Unknown else value is not ABSENT


def has_clock(memo: Memo) -> Any:
    return memo[NOW] if type(memo[NOW]) is Unknown else True


def is_type(target: Any, name: str) -> Any:
    return target if type(target) is Unknown else target.type == name


def _element(collection: ListValue, index: int) -> Any:
    return collection.elements[index] if 0 <= index < len(collection.elements) else CauseKind.MISSING


element = strictly(_element)


def row(table: Table, key: Any) -> Any:
    if type(key) is Unknown:
        return key
    found = table.rows.get(key)
    return Unknown.of(f"{table.name.rpartition('.')[2]}[{key}]", CauseKind.NO_SUCH_ROW) if found is None else found


def in_table(table: Table, key: Any) -> Any:
    return key if type(key) is Unknown else key in table.rows


def latest(collection: Any, by: str, order: Words | None) -> Any:
    if type(collection) is Unknown:
        return collection
    keys: list[Any] = [e if type(e) is Unknown else e.fields[by] for e in collection.elements]
    if unknowns := _unknowns(keys):
        return Unknown.union(unknowns)
    ranks = keys if order is None else [order.words.index(key) for key in keys]
    return ListValue(tuple(e for e, rank in zip(collection.elements, ranks, strict=True) if rank == max(ranks)))


def chain(start: Any, by: str) -> Any:
    links: list[Any] = []
    passed: set[Any] = set()
    while start is not ABSENT:
        if type(start) is Unknown:
            return start
        if type(start.key) is Unknown:
            return start.key
        if len(links) > MAX_CHAIN or (start.type, start.key) in passed:
            return Unknown.of(f"{links[0].path}.{by}", CauseKind.LIMIT_EXCEEDED)
        passed.add((start.type, start.key))
        links.append(start)
        start = start.fields[by]
    return ListValue(tuple(links))


# ── equality and membership ────────────────────────────────────────────────────────────────────────────────


def equal(a: Any, b: Any) -> Any:
    """Known values by canonical key; otherwise part by part."""
    if unknowns := _unknowns((a, b)):
        return Unknown.union(unknowns)
    if a is ABSENT or b is ABSENT:
        return a is b
    if is_known(a) and is_known(b):
        return canonical_key(a) == canonical_key(b)
    match a, b:
        case SetValue(), SetValue():
            return all_of(lambda: subset("", a, b), lambda: subset("", b, a))
        case ListValue(), ListValue():
            if len(a.elements) != len(b.elements):
                return False
            return no(_any(no(equal(x, y)) for x, y in zip(a.elements, b.elements, strict=True)))
        case EntityValue(), EntityValue():
            return a.type == b.type and equal(a.key, b.key)
    return no(_any(no(equal(value, b.fields[name])) for name, value in a.fields.items()))


def equal_parts(text: str, a: Any, b: Any) -> Any:
    """`==` of collections whose elements have parts, within the limit."""
    return _beyond(text, a, b) or equal(a, b)


def _beyond(text: str, a: Any, b: Any) -> Unknown | None:
    if type(a) is Unknown or type(b) is Unknown or not hasattr(a, "elements") or not hasattr(b, "elements"):
        return None
    return Unknown.of(text, CauseKind.LIMIT_EXCEEDED) if len(a.elements) * len(b.elements) > MAX_COMBINATIONS else None


def member(item: Any, collection: Any) -> Any:
    """`item in collection`."""
    if type(collection) is SetValue and collection.plain is not None and type(item) is not Unknown:
        return item in collection.plain
    if type(collection) is Unknown:
        return collection if type(item) is not Unknown else Unknown.union((item, collection))
    return _member(item, collection.elements, _index(collection))


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
        return True if canonical_key(item) in keys else _any(equal(item, each) for each in others)
    return _any(equal(item, each) for each in elements)


def meets(text: str, a: Any, b: Any, parts: bool = False) -> Any:
    """`some x in a: x in b`."""
    if type(a) is SetValue and type(b) is SetValue and a.plain is not None and b.plain is not None:
        return not a.plain.isdisjoint(b.plain)
    if type(a) is Unknown:
        return a
    if type(b) is Unknown:
        return b if a.elements else False
    if parts and (beyond := _beyond(text, a, b)):
        return beyond
    index = _index(b)
    return _any(_member(x, b.elements, index) for x in a.elements)


def subset(text: str, a: Any, b: Any, parts: bool = False) -> Any:
    """`every x in a: x in b`."""
    if type(a) is SetValue and type(b) is SetValue and a.plain is not None and b.plain is not None:
        return a.plain <= b.plain
    if type(a) is Unknown:
        return a
    if type(b) is Unknown:
        return b if a.elements else True
    if parts and (beyond := _beyond(text, a, b)):
        return beyond
    index = _index(b)
    return no(_any(no(_member(x, b.elements, index)) for x in a.elements))


def stands_in(item: Any, group: Any) -> Any:
    if unknowns := _unknowns((item, group)):
        return Unknown.union(unknowns)
    return _any(equal(each, group) for each in _upwards(item))


def _upwards(entity: Any) -> Iterator[Any]:
    waiting = [entity]
    while waiting:
        each = waiting.pop()
        yield each
        if type(each) is not Unknown:
            waiting += (each.parents,) if type(each.parents) is Unknown else each.parents.elements


def _empty(collection: Any) -> bool:
    return not collection.elements


def empty(collection: Any) -> Any:
    return collection if type(collection) is Unknown else _empty(collection)


def in_network(item: Any, network: Any) -> Any:
    unknowns = _unknowns((item, network))
    return Unknown.union(unknowns) if unknowns else item in network


# ── comparison, intervals, arithmetic, time ────────────────────────────────────────────────────────────────


def compare(test: Callable[[Any, Any], bool], a: Any, b: Any) -> Any:
    unknowns = _unknowns((a, b))
    return Unknown.union(unknowns) if unknowns else test(a, b)


def compare_words(test: Callable[[Any, Any], bool], order: Words, a: Any, b: Any) -> Any:
    unknowns = _unknowns((a, b))
    return Unknown.union(unknowns) if unknowns else test(order.words.index(a), order.words.index(b))


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
def library(function: str) -> Callable[..., Any]:
    return strictly(FUNCTIONS[function].meaning)


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


def make_set(*elements: Any) -> Any:
    return set_of(elements)


def make_list(*elements: Any) -> Any:
    return ListValue(elements)


def make_record(type: str, fields: dict[str, Any]) -> Any:
    return RecordValue(type, fields)


def shared(memo: Memo, slot: int, compute: Callable[[Memo, int], Any]) -> Any:
    """A definition without parameters: once a decision."""
    if memo[slot] is None:
        memo[slot] = compute(memo, 1)
    return memo[slot]


# ── reasons ────────────────────────────────────────────────────────────────────────────────────────────────


def shown(target: Any, name: str, text: str) -> Any:
    """An attribute for a reason: absent if it or what it belongs to is."""
    if target is ABSENT or type(target) is Unknown:
        return target
    value = target.fields.get(name)
    return attr(target, name, text) if value is None else value


def text_of(*parts: Any) -> str:
    return "".join(part if type(part) is str else show(part[0]) for part in parts)


cited = runtime.cited
