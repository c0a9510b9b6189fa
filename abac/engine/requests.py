"""Floor 5, engine: reads requests: four caller's objects into a Request, and JSON Lines into lines that may hold one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from abac.model import types as t
from abac.model.json_text import JsonError, parse_json
from abac.model.limits import MAX_LINE_BYTES
from abac.model.request import InvalidRequest, Request
from abac.model.scalars import read_scalar
from abac.model.schema import Schema
from abac.model.values import Absence, CauseKind, EntityValue, RecordValue, Table, Unknown, Value
from abac.model.wire import read_entity, read_fields

Clock = dt.datetime | Unknown | None
Read = Callable[[object, object, object, object, Clock], Request | InvalidRequest]


def request_reader(schema: Schema, tables: Mapping[str, Table]) -> Read:
    """`read_request` for one policy version, which passes on at once what this version has read before."""
    signatures = {name: (frozenset(a.subjects), frozenset(a.resources)) for name, a in schema.actions.items()}
    utc = dt.timezone.utc

    def read(subject: object, action: object, resource: object, context: object, now: Clock) -> Request | InvalidRequest:
        if (
            type(subject) is EntityValue
            and type(resource) is EntityValue
            and type(context) is RecordValue
            and subject.schema is schema
            and resource.schema is schema
            and context.schema is schema
            and type(now) is dt.datetime
            and now.tzinfo is utc
            and type(action) is str
            and action in signatures
        ):
            subjects, resources = signatures[action]
            if subject.type in subjects and resource.type in resources and (subject.path, resource.path, context.path) == _PARTS:
                return Request(subject, action, resource, context, now)
        return read_request(subject, action, resource, context, schema, tables, now)

    return read


_PARTS = ("subject", "resource", "context")


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
    return Request(who, name, what, around, _clock(now, around.fields, schema.context.clock))


def read_context(raw: object, schema: Schema, tables: Mapping[str, Table]) -> RecordValue | Unknown:
    """The context as a record; None is the empty context."""
    if type(raw) is RecordValue and raw.schema is schema and raw.path == "context":
        return raw
    fields = read_fields({} if raw is None else raw, schema.context.fields, "context", schema, tables)
    return fields if isinstance(fields, Unknown) else RecordValue("context", fields, "context", schema)


def _identified(raw: object, names: tuple[str, ...], path: str, schema: Schema, tables: Mapping[str, Table]) -> EntityValue | Unknown:
    """An entity whose key is known."""
    if type(raw) is EntityValue and raw.schema is schema and raw.path == path and raw.type in names and type(raw.key) is not Unknown:
        return raw
    if raw is None:
        return Unknown.of(path, CauseKind.MISSING)
    entity = read_entity(raw, names, path, schema, tables)
    return entity.key if isinstance(entity, EntityValue) and isinstance(entity.key, Unknown) else entity


def _clock(now: dt.datetime | Unknown | None, fields: Mapping[str, Value | Unknown | Absence], clock: str | None) -> dt.datetime | Unknown:
    if type(now) is Unknown or (type(now) is dt.datetime and now.tzinfo is dt.timezone.utc):
        return now
    if now is None and clock is not None:
        value = fields[clock]
        return value if isinstance(value, dt.datetime) else Unknown.of(f"context.{clock}", CauseKind.CLOCK)
    instant = read_scalar(now, t.INSTANT) if issubclass(type(now), dt.datetime) else None
    return instant if isinstance(instant, dt.datetime) else Unknown.of("now", CauseKind.CLOCK)


class ByteStream(Protocol):
    """Such as a file opened in binary mode."""

    def readline(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One line of a JSON Lines file.

    Attributes:
        number: counted from 1, blank lines too.
        id: the member `id` if it is no array or object; None otherwise.
        members: of the JSON object; empty if the line holds none.
        error: why the line holds no JSON object; None if it does.
    """

    number: int
    id: object = None
    members: Mapping[str, object] = field(default_factory=dict)
    error: str | None = None


def read_lines(stream: ByteStream) -> Iterator[RequestLine]:
    """The lines of a JSON Lines file, in order and one at a time, blank ones left out. A bad line does not stop the rest."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            while not line.endswith(b"\n") and (line := stream.readline(MAX_LINE_BYTES)):
                pass
            yield RequestLine(number, error=f"the line is longer than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            yield _line(number, line)


def _line(number: int, line: bytes) -> RequestLine:
    try:
        value = parse_json(line)
    except JsonError as error:
        return RequestLine(number, error=f"the line is not JSON: {error}")
    if not isinstance(value, dict):
        return RequestLine(number, error="the line is no JSON object")
    id_ = value.get("id")
    return RequestLine(number, None if isinstance(id_, dict | list) else id_, value)
