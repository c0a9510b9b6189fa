"""Benches: the ten rules of a document service by hand, on validated values: as on plain dicts, which their fields are."""

from __future__ import annotations

import datetime as dt
from typing import Any

from benches.packs.baselines.ten_rules import BY_KIND, CHANGING

Values = Any  # entities and records: what types their fields have only the schema knows


def permits(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    who, what = subject.fields, resource.fields
    if who["suspended"] or (what["locked"] and action in CHANGING):
        return False
    return BY_KIND[what["kind"]](who, action, what, context.fields) or what["owner"] == subject.key
