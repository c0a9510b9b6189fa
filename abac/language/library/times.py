"""Floor 2, language: what clocks in a zone show, and when that changes."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from abac.model.types import Words
from abac.model.values import Interval, LocalTime

WEEKDAY = Words(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), ordered=True, name="Weekday")
_TICK = dt.timedelta(microseconds=1)
_SCAN = dt.timedelta(minutes=15)
_FAR = dt.timedelta(hours=30)


def weekday(local: LocalTime) -> str:
    return WEEKDAY.words[local.clock.weekday()]


def date(local: LocalTime) -> dt.date:
    return local.clock.date()


def time_of_day(local: LocalTime) -> dt.time:
    return local.clock.time()


def in_daily(time: dt.time, interval: Interval) -> bool:
    """Membership in an interval of times of day; one whose end precedes its start spans midnight."""
    start, end = interval.start, interval.end
    assert isinstance(start, dt.time)
    if end is None:
        return start <= time
    assert isinstance(end, dt.time)
    return start <= time < end if start <= end else time >= start or time < end


def next_jump(local: LocalTime) -> dt.datetime:
    """The first later instant at which the local date or the zone's offset changes: until then the local clock runs evenly."""
    jump = _jump_after(local.zone, local.instant.replace(minute=0, second=0, microsecond=0))
    return jump if jump > local.instant else _find_jump(local.zone, local.instant)


@lru_cache(maxsize=1024)
def _jump_after(zone: ZoneInfo, hour: dt.datetime) -> dt.datetime:
    """The same from the beginning of an hour: most instants of it share the answer."""
    return _find_jump(zone, hour)


def _find_jump(zone: ZoneInfo, before: dt.datetime) -> dt.datetime:
    """An offset change is found by steps of a quarter of an hour, then halving; zones do not change twice within one."""
    clock = before.astimezone(zone)
    shown = (clock.date(), clock.utcoffset())
    after = before
    for _ in range(int(_FAR / _SCAN)):
        after = before + _SCAN
        clock = after.astimezone(zone)
        if (clock.date(), clock.utcoffset()) != shown:
            break
        before = after
    while after - before > _TICK:
        middle = before + (after - before) / 2
        clock = middle.astimezone(zone)
        if (clock.date(), clock.utcoffset()) == shown:
            before = middle
        else:
            after = middle
    return after


def next_change(local: LocalTime, boundary: dt.time) -> dt.datetime:
    """A bound on when comparing the running local time of day with `boundary` may next give another answer."""
    now = local.clock
    jump = next_jump(local)
    wait = _since_midnight(boundary) - _since_midnight(now.time())
    if wait < dt.timedelta():
        return jump
    return min(jump, local.instant + max(wait, _TICK))


def _since_midnight(time: dt.time) -> dt.timedelta:
    return dt.timedelta(hours=time.hour, minutes=time.minute, seconds=time.second, microseconds=time.microsecond)
