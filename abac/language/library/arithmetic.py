"""Floor 2, language: arithmetic with its unknowns. Operands are known; a result that does not fit is the cause of an unknown."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from decimal import Decimal

from abac.model.limits import DECIMAL_DIGITS, DECIMAL_EXPONENT, INT_MAX, INT_MIN, MAX_COLLECTION
from abac.model.values import CauseKind, ListValue, SetValue, Value, set_of

_DECIMALS = decimal.Context(
    prec=DECIMAL_DIGITS, Emax=DECIMAL_EXPONENT, Emin=-DECIMAL_EXPONENT, rounding=decimal.ROUND_HALF_EVEN,
    traps=[decimal.Inexact, decimal.Overflow, decimal.InvalidOperation, decimal.Subnormal],
)  # fmt: skip
_DAY = dt.timedelta(days=1)


def add(left: Value, right: Value) -> Value | CauseKind:
    """`left + right`: numbers, durations, a point in time and a duration, lists one after the other, sets united."""
    match left, right:
        case ListValue(), ListValue():
            return _bounded(ListValue(left.elements + right.elements))
        case SetValue(), SetValue():
            return _bounded(set_of(left.elements + right.elements))
        case dt.timedelta(), dt.datetime() | dt.date():
            return add(right, left)
        case dt.datetime(), dt.timedelta():
            return _calendar(lambda: left + right)
        case dt.date(), dt.timedelta():
            return CauseKind.INEXACT if right % _DAY else _calendar(lambda: left + right)
        case dt.timedelta(), dt.timedelta():
            return _calendar(lambda: left + right)
    return _numbers(left, right, lambda a, b: a + b, _DECIMALS.add)


def subtract(left: Value, right: Value) -> Value | CauseKind:
    """`left - right`: numbers, durations, a duration from a point in time, two points in time."""
    match left, right:
        case dt.datetime(), dt.datetime():
            return left - right
        case ((dt.datetime() | dt.timedelta()), dt.timedelta()):
            return _calendar(lambda: left - right)
        case dt.date(), dt.timedelta():
            return CauseKind.INEXACT if right % _DAY else _calendar(lambda: left - right)
        case dt.date(), dt.date():
            return left - right
    return _numbers(left, right, lambda a, b: a - b, _DECIMALS.subtract)


def multiply(left: Value, right: Value) -> Value | CauseKind:
    """`left * right`: numbers, a duration and an Int."""
    match left, right:
        case (dt.timedelta(), int()) | (int(), dt.timedelta()):
            return _calendar(lambda: left * right)  # type: ignore[operator]  # one of each
    return _numbers(left, right, lambda a, b: a * b, _DECIMALS.multiply)


def negate(value: Value) -> Value | CauseKind:
    """`-value` of a number or duration."""
    return multiply(value, -1) if isinstance(value, dt.timedelta) else subtract(0, value)


def _numbers(
    left: Value, right: Value, whole: Callable[[int, int], int], exact: Callable[[Decimal | int, Decimal | int], Decimal]
) -> Value | CauseKind:
    if type(left) is int and type(right) is int:
        result = whole(left, right)
        return result if INT_MIN <= result <= INT_MAX else CauseKind.OVERFLOW
    try:
        return exact(left, right)  # type: ignore[arg-type]  # the checker admits numbers only
    except decimal.Overflow:
        return CauseKind.OVERFLOW
    except (decimal.Inexact, decimal.Subnormal):
        return CauseKind.INEXACT


def _calendar(compute: Callable[[], Value]) -> Value | CauseKind:
    try:
        return compute()
    except OverflowError:
        return CauseKind.OVERFLOW


def _bounded(collection: ListValue | SetValue) -> Value | CauseKind:
    return collection if len(collection.elements) <= MAX_COLLECTION else CauseKind.LIMIT_EXCEEDED
