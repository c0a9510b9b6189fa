"""Floor 1, model: what is asked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from abac.model.values import EntityValue, RecordValue, Unknown


@dataclass(slots=True, eq=False)
class Request:
    """A request read against a schema (AuthZEN 1.0 section 5: subject, action, resource, context).

    Bad attributes are unknowns inside the values; `now` is the one clock value of the decision. Invariant: never changed once made;
    not frozen only because making a frozen one takes twice as long, and one is made for every decision.
    """

    subject: EntityValue
    action: str
    resource: EntityValue
    context: RecordValue
    now: dt.datetime | Unknown


@dataclass(frozen=True, slots=True)
class InvalidRequest:
    """A request that the action's signature rules out, before any rule is looked at; `unknown` says why."""

    unknown: Unknown
