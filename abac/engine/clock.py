"""Floor 5, engine: the machine's clock in seconds, and as the instants of decisions.

Seconds since 1970 are a float: comparing two costs half of what comparing nanoseconds does.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

Clock = Callable[[], float]
"""Such as `time.time`."""

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def instant(seconds: float) -> dt.datetime:
    """The instant of a reading, to the microsecond. A later reading never gives an earlier instant."""
    return EPOCH + dt.timedelta(microseconds=math.floor(seconds * 1e6))


def before(moment: dt.datetime) -> float:
    """A bound for readings: every reading below it has an instant before the moment."""
    bound = (moment - EPOCH) / dt.timedelta(seconds=1)
    while instant(below := math.nextafter(bound, -math.inf)) >= moment:
        bound = below
    return bound
