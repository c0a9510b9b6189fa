"""Floor 4, compiler: all that the fast path's generated code may call. Values here are known; whoever meets an unknown hands over."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import Any, NoReturn

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
    Value,
    canonical_key,
    is_known,
    set_of,
)

REQUEST, NOW, HORIZON, FIRST_SLOT = 0, 1, 2, 3
"""What a decision's memo holds: the request, its clock, the next change noted, then whatever generated code keeps."""

Memo = list[Any]
_TICK = dt.timedelta(microseconds=1)
_ZERO = dt.timedelta()
_FIRST = dt.datetime.min.replace(tzinfo=dt.timezone.utc)
_LAST = dt.datetime.max.replace(tzinfo=dt.timezone.utc)


class HandOver(Exception):
    """Something read was unknown: the exact path decides."""


_HAND_OVER = HandOver()


def hand_over() -> NoReturn:
    raise _HAND_OVER.with_traceback(None)


def known(value: Any) -> Any:
    """A value all of whose parts are known."""
    return value if is_known(value) else hand_over()


def several(*truths: bool) -> bool:
    """Whether more than one is true."""
    return truths.count(True) > 1


# ── collections ────────────────────────────────────────────────────────────────────────────────────────────


def has_element(collection: SetValue | ListValue, item: Any) -> bool:
    """Membership; a negative answer needs every element known."""
    if type(collection) is SetValue and collection.plain is not None:
        return item in collection.plain
    key = canonical_key(known(item))
    unsure = False
    for element in collection.elements:
        if not is_known(element):
            unsure = True
        elif canonical_key(element) == key:
            return True
    return hand_over() if unsure else False


def _keys(collection: SetValue | ListValue) -> tuple[set[tuple[object, ...]], bool]:
    """Canonical keys of the known elements, and whether they are all."""
    keys = {canonical_key(e) for e in collection.elements if is_known(e)}
    return keys, all(is_known(e) for e in collection.elements)


def meets(a: SetValue | ListValue, b: SetValue | ListValue) -> bool:
    """`a intersects b`: a positive answer may stop early, a negative one needs every element known."""
    if type(a) is SetValue and type(b) is SetValue and a.plain is not None and b.plain is not None:
        return not a.plain.isdisjoint(b.plain)
    (left, left_whole), (right, right_whole) = _keys(a), _keys(b)
    if not left.isdisjoint(right):
        return True
    if (left_whole and right_whole) or not a.elements or not b.elements:
        return False
    return hand_over()


def within_set(a: SetValue | ListValue, b: SetValue | ListValue) -> bool:
    """`a subset of b`: every element of a known and found."""
    if type(a) is SetValue and type(b) is SetValue and a.plain is not None and b.plain is not None:
        return a.plain <= b.plain
    (left, left_whole), (right, right_whole) = _keys(a), _keys(b)
    if not left <= right:
        return hand_over() if not right_whole else False
    return True if left_whole else hand_over()


def small(a: SetValue | ListValue, b: SetValue | ListValue) -> None:
    """Refuses what is beyond the limit on combinations of elements that have parts."""
    if len(a.elements) * len(b.elements) > MAX_COMBINATIONS:
        hand_over()


@cache
def small_enough(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """The test of two collections of records, within the limit on their combinations."""

    def bounded(a: SetValue | ListValue, b: SetValue | ListValue) -> bool:
        small(a, b)
        return test(a, b)

    return bounded


def same(a: Any, b: Any) -> bool:
    """`==` of values with parts."""
    return canonical_key(known(a)) == canonical_key(known(b))


def same_entity(a: EntityValue, b: EntityValue) -> bool:
    if a.type != b.type:
        return False
    if type(a.key) is Unknown or type(b.key) is Unknown:
        hand_over()
    return a.key == b.key


def stands_in(entity: EntityValue, group: EntityValue) -> bool:
    """`entity in group`: itself or any ancestor; a negative answer needs all ancestors known."""
    if type(group.key) is Unknown:
        hand_over()
    waiting: list[EntityValue | Unknown] = [entity]
    unsure = False
    while waiting:
        each = waiting.pop()
        if type(each) is Unknown or type(each.key) is Unknown:  # type: ignore[union-attr]  # an entity by now
            unsure = True
        elif each.type == group.type and each.key == group.key:  # type: ignore[union-attr]
            return True
        if type(each) is EntityValue:
            if type(each.parents) is Unknown:
                unsure = True
            else:
                waiting += each.parents.elements  # type: ignore[union-attr, arg-type]  # a list of entities
    return hand_over() if unsure else False


def latest(collection: ListValue, by: str, order: Words | None) -> ListValue:
    """All elements with the greatest key."""
    keys: list[Any] = []
    for element in collection.elements:
        if type(element) is Unknown:
            hand_over()
        key = element.fields[by]  # type: ignore[union-attr]  # records or entities
        if type(key) is Unknown:
            hand_over()
        keys.append(order.words.index(key) if order is not None else key)
    greatest = max(keys, default=None)
    return ListValue(tuple(e for e, key in zip(collection.elements, keys, strict=True) if key == greatest))


def chain(start: EntityValue, by: str) -> ListValue:
    """The entity and those it leads to."""
    links: list[EntityValue] = []
    seen: set[tuple[object, ...]] = set()
    each: Any = start
    while each is not ABSENT:
        if type(each) is Unknown or type(each.key) is Unknown or len(links) > MAX_CHAIN or (key := (each.type, each.key)) in seen:
            hand_over()
        seen.add(key)
        links.append(each)
        each = each.fields[by]
    return ListValue(tuple(links))


def element(collection: ListValue, index: int) -> Any:
    if not 0 <= index < len(collection.elements):
        hand_over()
    found = collection.elements[index]
    return hand_over() if type(found) is Unknown else found


def row(table: Table, key: Any) -> RecordValue:
    return table.rows.get(key) or hand_over()


def make_set(*elements: Any) -> SetValue:
    return set_of(elements)


def make_list(*elements: Any) -> ListValue:
    return ListValue(elements)


def make_record(type: str, fields: dict[str, Any]) -> RecordValue:
    return RecordValue(type, fields)


# ── arithmetic and functions ───────────────────────────────────────────────────────────────────────────────


def _sure(compute: Callable[..., Value | CauseKind | Unknown]) -> Callable[..., Any]:
    def sure(*operands: Any) -> Any:
        made = compute(*operands)
        return hand_over() if type(made) is CauseKind or type(made) is Unknown else made

    return sure


def wide(compute: Callable[..., Value | CauseKind]) -> Callable[..., Value | CauseKind]:
    """Arithmetic of Decimals: an Int that stands for one has no less room."""
    return lambda *operands: compute(*(Decimal(each) if type(each) is int else each for each in operands))


add = _sure(arithmetic.add)
subtract = _sure(arithmetic.subtract)
multiply = _sure(arithmetic.multiply)
negate = _sure(arithmetic.negate)
add_decimals = _sure(wide(arithmetic.add))
subtract_decimals = _sure(wide(arithmetic.subtract))
multiply_decimals = _sure(wide(arithmetic.multiply))
negate_decimal = _sure(wide(arithmetic.negate))


def local(instant: dt.datetime, zone: Any) -> LocalTime:
    made = LocalTime(instant, zone)
    try:
        _ = made.clock
    except OverflowError:
        hand_over()
    return made


@cache
def library(function: str) -> Callable[..., Any]:
    """A built-in function that hands over where it has no value."""
    return _sure(FUNCTIONS[function].meaning)


# ── time ───────────────────────────────────────────────────────────────────────────────────────────────────


def note(memo: Memo, change: dt.datetime) -> None:
    if memo[HORIZON] is None or change < memo[HORIZON]:
        memo[HORIZON] = change


def settled(memo: Memo, value: Any) -> Any:
    """A running value used for what it is at this instant only."""
    note(memo, memo[NOW])
    return value


def sum_at(memo: Memo, value: Any, rate: int) -> Any:
    """A sum that runs at `rate`: it overflows when it passes the last or first value of its type."""
    forward = rate > 0
    try:
        if type(value) is dt.datetime:
            room = _LAST - value if forward else value - _FIRST
        else:
            room = dt.timedelta.max - value if forward else value - dt.timedelta.min
        note(memo, memo[NOW] + room // abs(rate))
    except OverflowError:  # no clock will show it
        pass
    return value


def _note_crossing(memo: Memo, a: Any, b: Any, rate: int) -> None:
    try:
        gap = a - b
        wait = -gap // rate
        if gap == _ZERO or wait >= _ZERO:
            note(memo, memo[NOW] + max(wait, _TICK))
    except OverflowError:  # beyond the last year: it never changes, unless the gap itself is beyond the longest duration
        note(memo, _LAST)


def note_local(memo: Memo, clock: LocalTime, change: Callable[[LocalTime], dt.datetime]) -> None:
    """What changes when the running local time, which may run ahead of now or behind, reaches `change`."""
    try:
        note(memo, memo[NOW] + (change(clock) - clock.instant))
    except OverflowError:  # in the last hours of the year 9999
        note(memo, memo[NOW])


def note_end_of_clocks(memo: Memo, instant: dt.datetime) -> None:
    """On the last day of the year 9999 a running local time may pass what clocks can show."""
    with suppress(OverflowError):  # no clock will show it
        note(memo, memo[NOW] + max(_LAST - dt.timedelta(days=1) - instant, _ZERO))


@cache
def crossing(test: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """A comparison that notes when it next changes; `rate` is how fast the left side gains on the right."""

    def compared(memo: Memo, a: Any, b: Any, rate: int) -> bool:
        _note_crossing(memo, a, b, rate)
        return test(a, b)

    return compared


@cache
def daily(test: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """A comparison of the running local time of day with a fixed one."""

    def compared(memo: Memo, clock: LocalTime, boundary: dt.time) -> bool:
        note_daily(memo, clock, boundary)
        return test(clock.clock.time(), boundary)

    return compared


def note_daily(memo: Memo, clock: LocalTime, boundary: dt.time) -> None:
    note_local(memo, clock, lambda local: times.next_change(local, boundary))


def in_interval(value: Any, interval: Interval) -> bool:
    if type(value) is dt.time:
        return times.in_daily(value, interval)
    return bool(interval.start <= value and (interval.end is None or value < interval.end))


def in_interval_at(memo: Memo, value: Any, interval: Interval, rate: int) -> bool:
    """Membership of a running instant."""
    _note_crossing(memo, value, interval.start, rate)
    if interval.end is not None:
        _note_crossing(memo, value, interval.end, rate)
    return in_interval(value, interval)


def in_daily_at(memo: Memo, clock: LocalTime, interval: Interval) -> bool:
    """Membership of the running local time of day."""
    for boundary in (interval.start, interval.end):
        if boundary is not None:
            note_daily(memo, clock, boundary)  # type: ignore[arg-type]  # an interval of times of day
    return times.in_daily(clock.clock.time(), interval)


def time_of_day(clock: LocalTime) -> dt.time:
    return clock.clock.time()


def within(instant: dt.datetime, limit: dt.timedelta, now: dt.datetime) -> bool:
    """`instant within last limit`: evidence from the future is not fresh."""
    return _ZERO <= now - instant <= limit


def within_at(memo: Memo, instant: dt.datetime, limit: dt.timedelta, now: dt.datetime, rate: int) -> bool:
    age = now - instant
    _note_crossing(memo, age, _ZERO, rate)
    _note_crossing(memo, age, limit, rate)
    return _ZERO <= age <= limit


@cache
def changing(function: str) -> Callable[..., Any]:
    """A built-in function of a running local time, which notes when its value next changes."""
    meaning, changes = FUNCTIONS[function].meaning, FUNCTIONS[function].changes
    assert changes is not None

    def compute(memo: Memo, clock: LocalTime) -> Any:
        note_local(memo, clock, changes)
        return meaning(clock)

    return compute


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


# ── reasons and citations ──────────────────────────────────────────────────────────────────────────────────


def shown(target: Any, name: str) -> Any:
    """An attribute for a reason: absent if it or what it belongs to is."""
    if target is ABSENT:
        return ABSENT
    fields = target if type(target) is dict else target.fields
    value = fields.get(name)
    return hand_over() if value is None or type(value) is Unknown else value


def cited(value: Any) -> tuple[str, ...]:
    """A citation as texts; lists are written out."""
    return tuple(show(each) for each in (value.elements if type(value) in (ListValue, SetValue) else (value,)))
