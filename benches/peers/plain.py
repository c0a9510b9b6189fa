"""Benches: requests for engines that know JSON's types alone: times are whole microseconds, addresses strings, groups a flat list.

Whoever uses such an engine writes the like of it, and it is timed with the decision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from benches.synthetic.oracle import Request
from benches.synthetic.policy import Kind, Operator, Policy, Rule

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
MICROSECOND = dt.timedelta(microseconds=1)


def microseconds(instant: dt.datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def written_exactly(value: Decimal) -> float:
    """A binary fraction that is written as the same decimal digits: for engines whose own numbers are decimal, behind Python's `json`.

    Raises:
        ValueError: there is none.
    """
    found = float(value)
    if Decimal(repr(found)) != value:
        raise ValueError(f"{value} is not written exactly by a float")
    return found


def groups_above(entity: Any) -> list[str]:
    """Ids of all groups above an entity, nearest first, each once."""
    found: dict[str, None] = {}
    waiting = list(entity["parents"])
    for group in waiting:  # grows as it goes
        if group["id"] not in found:
            found[group["id"]] = None
            waiting += group["parents"]
    return list(found)


def converter(policy: Policy, decimals: Callable[[Decimal], Any] = float) -> Callable[[Request], dict[str, Any]]:
    """What gives a request in JSON's types; `decimals` says what becomes of a Decimal."""
    change: dict[Kind, Callable[[Any], Any]] = {Kind.INSTANT: microseconds, Kind.ADDRESS: str, Kind.DECIMAL: decimals}
    places = [(path.partition("."), change[kind]) for path, kind in policy.attributes.items() if kind in change]
    changed = [(part, name, into) for (part, _, name), into in places]
    parts = sorted({part for part, _, _ in changed} | ({"subject"} if policy.groups else set()))
    has_groups = bool(policy.groups)

    def convert(request: Request) -> dict[str, Any]:
        found = dict(request)
        for part in parts:
            found[part] = dict(found[part])
        for part, name, into in changed:
            found[part][name] = into(found[part][name])
        if has_groups:
            subject = found["subject"]
            subject["groups"] = groups_above(subject)
            del subject["parents"]
        return found

    return convert


def scalar(value: Any) -> Any:
    """A constant of a rule in JSON's types, as `converter` turns those of requests."""
    if isinstance(value, dt.datetime):
        return microseconds(value)
    if isinstance(value, tuple):
        return [scalar(each) for each in value]
    return value


def constant(rule: Rule, attribute: str) -> str | None:
    """The one value that a rule asks of an attribute, where its engine files rules under it; None if it asks for none."""
    for test in rule.comparisons:
        if test.attribute == attribute and test.operator is Operator.IS:
            return str(test.value)
    return None
