"""Floor 1, model: what is asked, and how four objects of a caller's are read as it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from abac.model import types as t
from abac.model.scalars import read_scalar
from abac.model.schema import Schema
from abac.model.values import Absence, CauseKind, EntityValue, RecordValue, Table, Unknown, Value
from abac.model.wire import read_entity, read_fields, unwrapped

Clock = dt.datetime | Unknown | None


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


def read_request(
    subject: object,
    action: object,
    resource: object,
    context: object,
    schema: Schema,
    tables: Mapping[str, Table],
    now: Clock,
) -> Request | InvalidRequest:
    """Read a request by the action's signature; raises for none, however bad.

    Args:
        now: the clock of the decision, which the context's clock attribute then reads too; None: that attribute is believed.
    """
    name = action if type(action) is str else read_scalar(action, t.STRING)
    if not isinstance(name, str) or name not in schema.actions:
        return InvalidRequest(Unknown.of("action", CauseKind.MISSING if action is None else CauseKind.MISTYPED))
    signature = schema.actions[name]
    who = _identified(subject, signature.subjects, "subject", schema, tables)
    what = _identified(resource, signature.resources, "resource", schema, tables)
    around = read_context(context, schema, tables)
    if isinstance(who, Unknown) or isinstance(what, Unknown) or isinstance(around, Unknown):
        return InvalidRequest(Unknown.union(part for part in (who, what, around) if isinstance(part, Unknown)))
    return Request(who, name, what, around, clock_of(now, around.fields, schema.context.clock))


def read_context(raw: object, schema: Schema, tables: Mapping[str, Table]) -> RecordValue | Unknown:
    """The context as a record; None is the empty context."""
    raw = unwrapped(raw)
    if type(raw) is RecordValue and raw.schema is schema and raw.path == "context":
        return raw
    fields = read_fields({} if raw is None else raw, schema.context.fields, "context", schema, tables)
    return fields if isinstance(fields, Unknown) else RecordValue("context", fields, "context", schema)


def _identified(raw: object, names: tuple[str, ...], path: str, schema: Schema, tables: Mapping[str, Table]) -> EntityValue | Unknown:
    """An entity whose key is known."""
    if raw is None:
        return Unknown.of(path, CauseKind.MISSING)
    entity = read_entity(raw, names, path, schema, tables)
    return entity.key if isinstance(entity, EntityValue) and isinstance(entity.key, Unknown) else entity


def clock_of(now: Clock, fields: Mapping[str, Value | Unknown | Absence], clock: str | None) -> dt.datetime | Unknown:
    """The clock of a decision: the one given, or the context's own."""
    if type(now) is Unknown or (type(now) is dt.datetime and now.tzinfo is dt.timezone.utc):
        return now
    if now is None and clock is not None:
        value = fields[clock]
        return value if isinstance(value, dt.datetime) else Unknown.of(f"context.{clock}", CauseKind.CLOCK)
    instant = read_scalar(now, t.INSTANT) if issubclass(type(now), dt.datetime) else None
    return instant if isinstance(instant, dt.datetime) else Unknown.of("now", CauseKind.CLOCK)
