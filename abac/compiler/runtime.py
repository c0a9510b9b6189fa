"""Floor 4, compiler: all that the fast path's generated code may call. Values here are known; whoever meets an unknown hands over."""

from __future__ import annotations

import datetime as dt
import operator
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import Any, NoReturn

from abac.compiler.forms import UNSET, Forms, Several, value_of
from abac.compiler.recipes import recipe
from abac.language.library import arithmetic, times
from abac.language.library.functions import FUNCTIONS
from abac.model.limits import MAX_CHAIN, MAX_COLLECTION, MAX_COMBINATIONS, MAX_STRING
from abac.model.text import show
from abac.model.types import Type
from abac.model.values import (
    CauseKind,
    Interval,
    ListValue,
    LocalTime,
    RecordValue,
    SetValue,
    Unknown,
    Value,
    canonical_key,
    is_known,
    set_of,
)

NOW, HORIZON, WITNESSES, FIRST_SLOT = 0, 1, 2, 3
"""What a decision's memo holds: its clock, the next change noted, witnesses by leaf, then whatever generated code keeps."""

LONGEST_IN_PLACE = 256
"""Elements of a list of records or entities that is read where it stands; the reader, which counts, takes longer ones."""

PLENTY = 100_000
"""Values that readers read for one attribute; a larger one is left to `abac.model.wire`, which counts exactly."""

Memo = list[Any]
_TICK = dt.timedelta(microseconds=1)
_ZERO = dt.timedelta()
_FIRST = dt.datetime.min.replace(tzinfo=dt.timezone.utc)
_LAST = dt.datetime.max.replace(tzinfo=dt.timezone.utc)


utc_now = dt.datetime.now
"""Called with `timezone.utc`; one object, so that it has one name."""


class HandOver(Exception):
    """Something read was unknown: the exact path decides."""


UNREAD = (HandOver, AttributeError, LookupError, OverflowError)
"""What ends the fast path: an empty slot, no such row or element, a sum beyond all bounds, and whoever says so."""


def hand_over() -> NoReturn:
    raise HandOver


def known(value: Any) -> Any:
    """A value all of whose parts are known."""
    return value if is_known(value) else hand_over()


def several(*truths: bool) -> bool:
    """Whether more than one is true."""
    return truths.count(True) > 1


# ── collections ────────────────────────────────────────────────────────────────────────────────────────────


def has_element(collection: SetValue | ListValue, item: Any) -> bool:
    """Membership of a value with parts; a negative answer needs every element known."""
    key = canonical_key(known(item))
    unsure = False
    for each in collection.elements:
        if not is_known(each):
            unsure = True
        elif canonical_key(each) == key:
            return True
    return hand_over() if unsure else False


def _keys(collection: SetValue | ListValue) -> tuple[set[tuple[object, ...]], bool]:
    """Canonical keys of the known elements, and whether they are all."""
    keys = {canonical_key(e) for e in collection.elements if is_known(e)}
    return keys, all(is_known(e) for e in collection.elements)


def meets(a: SetValue | ListValue, b: SetValue | ListValue) -> bool:
    """`a intersects b`: a positive answer may stop early, a negative one needs every element known."""
    (left, left_whole), (right, right_whole) = _keys(a), _keys(b)
    if not left.isdisjoint(right):
        return True
    if (left_whole and right_whole) or not a.elements or not b.elements:
        return False
    return hand_over()


def within_set(a: SetValue | ListValue, b: SetValue | ListValue) -> bool:
    """`a subset of b`: every element of a known and found."""
    (left, left_whole), (right, right_whole) = _keys(a), _keys(b)
    if not left <= right:
        return hand_over() if not right_whole else False
    return True if left_whole else hand_over()


def small(a: SetValue | ListValue, b: SetValue | ListValue) -> None:
    """Refuses what is beyond the limit on combinations of elements that have parts."""
    if len(a.elements) * len(b.elements) > MAX_COMBINATIONS:
        hand_over()


@cache
@recipe
def small_enough(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """The test of two collections of records, within the limit on their combinations."""

    def bounded(a: SetValue | ListValue, b: SetValue | ListValue) -> bool:
        small(a, b)
        return test(a, b)

    return bounded


def same(a: Any, b: Any) -> bool:
    """`==` of values with parts."""
    return canonical_key(known(a)) == canonical_key(known(b))


# ── on forms ───────────────────────────────────────────────────────────────────────────────────────────────


@recipe
def deep(test: Callable[..., Any]) -> Callable[..., Any]:
    """A test of values with parts, for their forms."""
    return lambda *operands: test(*(value_of(each) for each in operands))


def same_entity(a: Any, b: Any) -> bool:
    """`==` of entities of types that only the request tells."""
    return bool(a._type == b._type and a._key == b._key)


def stands_in(entity: Any, group: Any, groups: Mapping[str, tuple[str, str]]) -> bool:
    """`entity in group` where only the request tells the type of the group."""
    known, unknown = groups[group._type]
    return group._key in getattr(entity, known) or getattr(entity, unknown)


def latest(collection: tuple[Any, ...], by: Callable[[Any], Any], order: Mapping[str, int] | None) -> tuple[Any, ...]:
    """All elements with the greatest key."""
    keys = [by(each) if order is None else order[by(each)] for each in collection]
    greatest = max(keys, default=None)
    return tuple(each for each, key in zip(collection, keys, strict=True) if key == greatest)


def chain(start: Any, by: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The entity and those it leads to."""
    each = by(start)
    if each is None:
        _ = start._key
        return (start,)
    links, seen = [start], {(start._type, start._key)}
    while each is not None:
        if len(links) > MAX_CHAIN or (key := (each._type, each._key)) in seen:
            hand_over()
        seen.add(key)
        links.append(each)
        each = by(each)
    return tuple(links)


def element(collection: tuple[Any, ...], index: int) -> Any:
    return collection[index] if 0 <= index < len(collection) else hand_over()


def row(rows: Mapping[Any, Any], key: Any) -> Any:
    found = rows.get(key)
    return hand_over() if found is None else found


def make_several(forms: Forms, type: Type, *elements: Any) -> Any:
    """A set of values with parts, or of none."""
    return kept(forms.fast(set_of(value_of(each) for each in elements), type))


def make_record(forms: Forms, type: Type, fields: dict[str, Any]) -> Any:
    return kept(forms.fast(RecordValue(str(type), {name: value_of(each) for name, each in fields.items()}), type))


def join_sets(forms: Forms, type: Type, a: Any, b: Any) -> Any:
    """`+` of sets of values with parts."""
    return kept(forms.fast(add(value_of(a), value_of(b)), type))


def ordered(collection: Any) -> Any:
    """The elements of a set in canonical order, in which the first witness is sought."""
    return set_of(collection).elements if type(collection) is frozenset else collection


def kept(made: Any) -> Any:
    return hand_over() if made is UNSET else made


def bounded(made: Any) -> Any:
    """A collection that was put together, within the limit."""
    return made if len(made) <= MAX_COLLECTION else hand_over()


def count(collection: Any) -> int:
    """How many elements; equal ones of a set of values with parts count once."""
    if isinstance(collection, Several):
        return len({canonical_key(known(each)) for each in collection.value.elements})
    return len(collection)


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
@recipe
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


def age(memo: Memo, known: tuple[Any, dt.datetime]) -> dt.timedelta:
    """How old an attribute is of which this is known: its value and since when. What is known only after now is of no age, for now."""
    passed: dt.timedelta = memo[NOW] - known[1]
    if passed >= _ZERO:
        return passed
    note(memo, memo[NOW])
    return _ZERO


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
@recipe
def crossing(test: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """A comparison that notes when it next changes; `rate` is how fast the left side gains on the right."""

    def compared(memo: Memo, a: Any, b: Any, rate: int) -> bool:
        now = memo[NOW]
        if a is now and rate == 1:  # what the others do, at a third of their price
            note_instant(memo, b)
        elif b is now and rate == -1:
            note_instant(memo, a)
        else:
            _note_crossing(memo, a, b, rate)
        return test(a, b)

    return compared


def note_instant(memo: Memo, instant: dt.datetime) -> None:
    """The clock itself reaches an instant, or leaves it."""
    now = memo[NOW]
    if instant > now:
        if memo[HORIZON] is None or instant < memo[HORIZON]:
            memo[HORIZON] = instant
    elif instant == now:
        _note_crossing(memo, now, instant, 1)


@cache
@recipe
def daily(test: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """A comparison of the running local time of day with a fixed one."""

    def compared(memo: Memo, clock: LocalTime, boundary: dt.time) -> bool:
        note_daily(memo, clock, boundary)
        return test(clock.clock.time(), boundary)

    return compared


def note_daily(memo: Memo, clock: LocalTime, boundary: dt.time) -> None:
    note_local(memo, clock, lambda local: times.next_change(local, boundary))


def cell_at(memo: Memo, cuts: Sequence[Any], value: Any) -> int:
    """Between which cuts a running instant lies; it leaves its cell at the next."""
    place = bisect_right(cuts, value)
    if place < len(cuts):
        note(memo, memo[NOW] + (cuts[place] - value))
    return place


def in_interval(value: Any, interval: Interval) -> bool:
    if type(value) is dt.time:
        return times.in_daily(value, interval)
    return bool(interval.start <= value and (interval.end is None or value < interval.end))


def in_interval_at(memo: Memo, value: Any, interval: Interval, rate: int) -> bool:
    """Membership of a running instant. The clock itself goes through an interval once: only what is ahead of it is a change."""
    start, end = interval.start, interval.end
    if value is memo[NOW] and rate == 1:
        ahead = start if value < start else end
        if ahead is not None and value < ahead and (memo[HORIZON] is None or ahead < memo[HORIZON]):
            memo[HORIZON] = ahead
        return ahead is not start and (end is None or value < end)
    _note_crossing(memo, value, start, rate)
    if end is not None:
        _note_crossing(memo, value, end, rate)
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
    if rate == 1 and _ZERO < age < limit:  # the limit is ahead, and nothing else
        with suppress(OverflowError):  # beyond the last year
            note(memo, memo[NOW] + (limit - age))
        return True
    _note_crossing(memo, age, _ZERO, rate)
    _note_crossing(memo, age, limit, rate)
    return _ZERO <= age <= limit


@cache
@recipe
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


def shown(target: Any, slot: str) -> Any:
    """An attribute for a reason: absent if it or what it belongs to is."""
    return None if target is None else getattr(target, slot)


def cited(value: Any) -> tuple[str, ...]:
    """A citation as texts; lists are written out."""
    made = value_of(value)
    return tuple(show(each) for each in (made.elements if type(made) in (ListValue, SetValue) else (made,)))


def text_of(form: Any) -> str:
    """A value as a reason shows it."""
    return show(value_of(form))


def key_shown(entity: Any) -> Any:
    """Of an entity, a reason shows its key."""
    return None if entity is None else entity._key


def handed(form: Any) -> Any:
    """A value with parts that leaves the decision, all of them known."""
    return known(value_of(form))


def member(reader: Callable[[Any, int, list[int]], Any], raw: Any, depth: int = 1, plenty: int = PLENTY) -> Any:
    """A member of a plain dict that is not plainly a value of its type."""
    left = [plenty]
    found = reader(raw, depth, left)
    return hand_over() if found is UNSET or left[0] < 0 else found


def keep(memo: Memo, place: int, made: Any) -> Any:
    """What is computed once a decision."""
    memo[place] = made
    return made


def is_text(text: str) -> bool:
    """Whether a str is surely a String as it stands."""
    return text.isascii() and len(text) <= MAX_STRING
