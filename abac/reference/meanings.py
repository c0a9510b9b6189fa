"""Floor 3, reference: what every operator means, one row each. `and`, `or` and `not` are Kleene's, in `logic`.

All but the tests of collections are strict: an unknown operand makes the result unknown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from abac.language import checked as c
from abac.language.library import arithmetic, patterns, times
from abac.language.operators import Operator
from abac.model.limits import MAX_COMBINATIONS
from abac.model.types import DECIMAL, EntityOf, KeyOf, ListOf, Scalar, SetOf, Type, Words
from abac.model.values import CauseKind, EntityValue, Interval, IpNetwork, ListValue, LocalTime, SetValue, Unknown, Value
from abac.reference import logic
from abac.reference.logic import Truth
from abac.reference.moving import Moving, crossing, end_of_range, plain, slope

if TYPE_CHECKING:
    from abac.reference.evaluator import Evaluator

Result = Value | Unknown | Moving
Meaning = Callable[..., Result]
_NO_TIME = dt.timedelta()
_LAST_DAY = dt.datetime.max.replace(tzinfo=dt.timezone.utc) - dt.timedelta(days=1)


def strict(meaning: Callable[..., Result | CauseKind]) -> Meaning:
    """Unknown operands make the result unknown; a cause becomes an unknown at the expression."""

    def apply(evaluator: Evaluator, e: c.Operation, *operands: Result) -> Result:
        unknowns = [operand for operand in operands if isinstance(operand, Unknown)]
        if unknowns:
            return Unknown.union(unknowns)
        made = meaning(evaluator, e, *operands)
        return Unknown.of(e.span.text, made) if isinstance(made, CauseKind) else made

    return apply


def negated(meaning: Meaning) -> Meaning:
    return lambda evaluator, e, *operands: logic.negation(meaning(evaluator, e, *operands))  # type: ignore[arg-type]  # a truth


# ── comparison ─────────────────────────────────────────────────────────────────────────────────────────────


def _equal(evaluator: Evaluator, e: c.Operation, a: Result, b: Result) -> Result:
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return Unknown.union(u for u in (a, b) if isinstance(u, Unknown))
    if isinstance(a, Moving) or isinstance(b, Moving):
        return _compared(evaluator, a, b, lambda x, y: x == y)
    return _too_many(e, a, b) or logic.equal(a, b)


def _compare(test: Callable[[Any, Any], bool]) -> Meaning:
    def meaning(evaluator: Evaluator, e: c.Operation, a: Result, b: Result) -> Result:
        order = e.operands[0].type
        if isinstance(order, Words) and order.ordered:
            return test(order.words.index(a), order.words.index(b))
        return _compared(evaluator, a, b, test)

    return strict(meaning)


def _compared(evaluator: Evaluator, a: Any, b: Any, test: Callable[[Any, Any], bool]) -> bool:
    """A comparison of values that may run with the clock; when it changes is noted."""
    if isinstance(a, Moving) or isinstance(b, Moving):
        assert evaluator.at is not None
        if isinstance(plain(a), dt.time):
            _note_daily(evaluator, a, b)
        else:
            evaluator.note(crossing(a, b, evaluator.at))
    return test(plain(a), plain(b))


def _note_daily(evaluator: Evaluator, a: Value | Moving, b: Value | Moving) -> None:
    running, fixed = (a, b) if isinstance(a, Moving) else (b, a)
    if isinstance(fixed, Moving) or not isinstance(running, Moving) or running.local is None:
        evaluator.note(evaluator.at)
        return
    assert isinstance(fixed, dt.time)
    evaluator.note_local(running.local, lambda local: times.next_change(local, fixed))


def _within(evaluator: Evaluator, e: c.Operation, instant: Result, duration: Result, now: Result) -> Result:
    """`x within last d`: `0 <= now - x <= d`."""
    age = _subtract(evaluator, e, now, instant)
    if isinstance(age, Unknown):
        return age
    return _compared(evaluator, _NO_TIME, age, lambda x, y: x <= y) and _compared(evaluator, age, duration, lambda x, y: x <= y)


# ── collections, intervals, networks, hierarchies ──────────────────────────────────────────────────────────


def _in(evaluator: Evaluator, e: c.Operation, item: Result, collection: Result) -> Result:
    if isinstance(collection, ListValue | SetValue):
        return _too_many(e, ListValue(()), collection) or logic.contains(collection, evaluator.settle(item))
    unknowns = [operand for operand in (item, collection) if isinstance(operand, Unknown)]
    if unknowns:
        return Unknown.union(unknowns)
    match item, collection:
        case _, Interval():
            return _in_interval(evaluator, item, collection)
        case EntityValue(), EntityValue():
            return logic.inside(item, collection)
    network: IpNetwork = collection  # type: ignore[assignment]  # the checker admits nothing else
    return item in network


def _in_interval(evaluator: Evaluator, item: Result, interval: Interval) -> Truth:
    if isinstance(plain(item), dt.time):  # type: ignore[arg-type]  # known here
        if isinstance(item, Moving):
            _note_daily(evaluator, item, interval.start)
            if interval.end is not None:
                _note_daily(evaluator, item, interval.end)
        return times.in_daily(plain(item), interval)  # type: ignore[arg-type]
    begun = _compared(evaluator, interval.start, item, lambda x, y: x <= y)
    return begun and (interval.end is None or _compared(evaluator, item, interval.end, lambda x, y: x < y))


def _intersects(evaluator: Evaluator, e: c.Operation, a: Result, b: Result) -> Result:
    """`some x in a: x in b`."""
    if isinstance(a, Unknown):
        return a
    assert isinstance(a, ListValue | SetValue)
    if isinstance(b, Unknown):
        return b if a.elements else False
    return _too_many(e, a, b) or logic.intersects(a, b)  # type: ignore[arg-type]  # a collection


def _subset(evaluator: Evaluator, e: c.Operation, a: Result, b: Result) -> Result:
    """`every x in a: x in b`."""
    if isinstance(a, Unknown):
        return a
    assert isinstance(a, ListValue | SetValue)
    if isinstance(b, Unknown):
        return b if a.elements else True
    return _too_many(e, a, b) or logic.subset(a, b)  # type: ignore[arg-type]  # a collection


def _too_many(e: c.Operation, a: object, b: object) -> Unknown | None:
    """Comparing two large collections whose elements have parts is beyond the limit on combinations."""
    if not (isinstance(a, ListValue | SetValue) and isinstance(b, ListValue | SetValue)) or not _has_parts(e.operands[1].type):
        return None
    if len(a.elements) * len(b.elements) <= MAX_COMBINATIONS:
        return None
    return Unknown.of(e.span.text, CauseKind.LIMIT_EXCEEDED)


def _has_parts(type: Type) -> bool:
    return isinstance(type, SetOf | ListOf) and not isinstance(type.element, Scalar | Words | KeyOf | EntityOf)


def _empty(evaluator: Evaluator, e: c.Operation, collection: Result) -> Result:
    assert isinstance(collection, ListValue | SetValue)
    return not collection.elements


# ── making values ──────────────────────────────────────────────────────────────────────────────────────────


def _until(evaluator: Evaluator, e: c.Operation, start: Result, end: Result) -> Result:
    return Interval(evaluator.settle(start), evaluator.settle(end))  # type: ignore[arg-type]  # the checker typed them


def _from(evaluator: Evaluator, e: c.Operation, start: Result) -> Result:
    return Interval(evaluator.settle(start), None)  # type: ignore[arg-type]


def _sum(compute: Callable[[Value, Value], Value | CauseKind], sign: int) -> Callable[..., Result | CauseKind]:
    def meaning(evaluator: Evaluator, e: c.Operation, a: Result, b: Result) -> Result | CauseKind:
        assert not isinstance(a, Unknown) and not isinstance(b, Unknown)
        made = compute(_widened(e, plain(a)), _widened(e, plain(b)))
        rate = slope(a) + sign * slope(b)
        if not (isinstance(a, Moving) or isinstance(b, Moving)):
            return made
        if isinstance(made, CauseKind):
            evaluator.note(evaluator.at)
            return made
        if not rate:
            return made
        if not isinstance(made, dt.datetime | dt.timedelta):  # a Date takes whole days, and only for this instant are they whole
            evaluator.note(evaluator.at)
            return made
        running = Moving(made, rate)
        assert evaluator.at is not None
        evaluator.note(end_of_range(running, evaluator.at))
        return running

    return meaning


_subtract: Meaning = strict(_sum(arithmetic.subtract, -1))


def _settled(compute: Callable[..., Value | CauseKind]) -> Meaning:
    return strict(lambda evaluator, e, *operands: compute(*(_widened(e, evaluator.settle(operand)) for operand in operands)))


def _widened(e: c.Operation, operand: Value) -> Value:
    """An Int that stands for a Decimal has no less room than one."""
    return Decimal(operand) if e.type == DECIMAL and type(operand) is int else operand


def _at(evaluator: Evaluator, e: c.Operation, instant: Result, zone: Result) -> Result | CauseKind:
    local = LocalTime(plain(instant), zone)  # type: ignore[arg-type]  # the checker typed them
    try:
        _ = local.clock
    except OverflowError:
        evaluator.settle(instant)
        return CauseKind.OVERFLOW
    if isinstance(instant, Moving) and instant.slope == 1:
        _note_end_of_clocks(evaluator, local.instant)
        return Moving(local)
    evaluator.settle(instant)
    return local


def _note_end_of_clocks(evaluator: Evaluator, instant: dt.datetime) -> None:
    """On the last day of the year 9999 a running local time may pass what clocks can show."""
    assert evaluator.at is not None
    with suppress(OverflowError):
        evaluator.note(evaluator.at + max(_LAST_DAY - instant, _NO_TIME))


def _pattern(test: Callable[[str, str], bool]) -> Meaning:
    return strict(lambda evaluator, e, text, pattern: test(text, pattern))


MEANINGS: dict[Operator, Meaning] = {
    Operator.EQUAL: _equal,
    Operator.UNEQUAL: negated(_equal),
    Operator.LESS: _compare(lambda a, b: a < b),
    Operator.LESS_EQUAL: _compare(lambda a, b: a <= b),
    Operator.GREATER: _compare(lambda a, b: a > b),
    Operator.GREATER_EQUAL: _compare(lambda a, b: a >= b),
    Operator.IN: _in,
    Operator.NOT_IN: negated(_in),
    Operator.INTERSECTS: _intersects,
    Operator.SUBSET: _subset,
    Operator.WITHIN: strict(_within),
    Operator.LIKE: _pattern(patterns.like),
    Operator.MATCHES: _pattern(patterns.matches),
    Operator.EMPTY: strict(_empty),
    Operator.NOT_EMPTY: negated(strict(_empty)),
    Operator.UNTIL: strict(_until),
    Operator.FROM: strict(_from),
    Operator.ADD: strict(_sum(arithmetic.add, 1)),
    Operator.SUBTRACT: _subtract,
    Operator.MULTIPLY: _settled(arithmetic.multiply),
    Operator.NEGATE: _settled(arithmetic.negate),
    Operator.AT: strict(_at),
}
