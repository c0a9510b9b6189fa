"""Floor 3, reference: values that run with the clock, and when comparing them next gives another answer.

`now` is the only source of such values. They keep running through sums and differences, so that `now - issued_at` still knows when it
passes a limit; whatever else is done with them needs their value at this instant, and then the decision holds for this instant only.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from abac.model.values import LocalTime, Value

TICK = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moving:
    """An Instant, Duration, LocalTime or TimeOfDay that grows by `slope` seconds a second. `local`: what a TimeOfDay was read from."""

    value: Value
    slope: int = 1
    local: LocalTime | None = None


def plain(value: Value | Moving) -> Value:
    return value.value if isinstance(value, Moving) else value


def slope(value: Value | Moving) -> int:
    return value.slope if isinstance(value, Moving) else 0


def crossing(a: Value | Moving, b: Value | Moving, at: dt.datetime) -> dt.datetime | None:
    """A bound on when the comparison of two instants or two durations next changes; None if it never does."""
    rate = slope(a) - slope(b)
    if rate == 0:
        return None
    try:
        gap = plain(a) - plain(b)  # type: ignore[operator]  # two instants or two durations
        assert isinstance(gap, dt.timedelta)
        wait = -gap // rate
        if gap and wait < dt.timedelta():
            return None
        return at + max(wait, TICK)
    except OverflowError:  # further away than any clock will show
        return None


def end_of_range(moving: Moving, at: dt.datetime) -> dt.datetime | None:
    """When a running instant or duration leaves the range of its type; None if no clock will show that."""
    forward = moving.slope > 0
    try:
        if isinstance(moving.value, dt.timedelta):
            left = (dt.timedelta.max if forward else dt.timedelta.min) - moving.value
        else:
            limit = (dt.datetime.max if forward else dt.datetime.min).replace(tzinfo=dt.timezone.utc)
            left = limit - moving.value  # type: ignore[operator]  # an instant
        return at + left // moving.slope + TICK
    except OverflowError:
        return None
