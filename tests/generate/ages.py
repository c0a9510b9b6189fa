"""Tests: gives values ages, as attribute sources do."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from abac.model.request import Request
from abac.model.values import EntityValue, ListValue, Origin, RecordValue, SetValue

UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
SECOND, HOUR, DAY = dt.timedelta(seconds=1), dt.timedelta(hours=1), dt.timedelta(days=1)
EARLIEST, LATEST = (moment.replace(tzinfo=UTC) - EPOCH for moment in (dt.datetime.min, dt.datetime.max))
OFFSETS = (-DAY, -SECOND, dt.timedelta(), SECOND, 30 * 60 * SECOND, 8 * HOUR, DAY, DAY + SECOND, 2 * DAY, 400 * DAY)
PARTS = ("subject", "resource", "context")


def dated(value: Any, rng: random.Random, now: dt.datetime, share: float) -> Any:
    """A value, most of whose entities' attributes were fetched at some time or other."""
    match value:
        case EntityValue():
            fields = {name: dated(each, rng, now, share) for name, each in value.fields.items()}
            ages = [age for age in OFFSETS if EARLIEST < now - EPOCH - age < LATEST]
            origins = {name: Origin("s", now - rng.choice(ages)) for name in fields if ages and rng.random() < share}
            return replace(value, fields=fields, origins=origins)
        case RecordValue():
            return replace(value, fields={name: dated(each, rng, now, share) for name, each in value.fields.items()})
        case ListValue(elements=elements):
            return ListValue(tuple(dated(each, rng, now, share) for each in elements))
        case SetValue(elements=elements):
            return SetValue(tuple(dated(each, rng, now, share) for each in elements), value.plain)
        case _:
            return value


def dated_request(request: Request, rng: random.Random, now: dt.datetime, share: float = 0.8) -> Request:
    parts: Mapping[str, Any] = {part: dated(getattr(request, part), rng, now, share) for part in PARTS}
    return Request(parts["subject"], request.action, parts["resource"], parts["context"], now)
