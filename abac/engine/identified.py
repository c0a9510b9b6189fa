"""Floor 5, engine: reads a request by identifiers: entities of which nothing is said but their keys."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from abac.engine.pipeline import Loaded
from abac.model import types as t
from abac.model.request import InvalidRequest, Request
from abac.model.scalars import read_scalar
from abac.model.schema import Schema
from abac.model.values import EntityRef


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of a check."""

    who: object
    action: object
    what: object
    context: object
    at: dt.datetime | None


def read_call(loaded: Loaded, call: Call, context: object, at: dt.datetime | None) -> Request | InvalidRequest:
    """The request, as far as identifiers say what is asked; `context` and `at` are what stands for those of the call."""
    schema = loaded.package.schema
    name = read_scalar(call.action, t.STRING)
    signature = schema.actions.get(name) if isinstance(name, str) else None
    subjects, resources = ((), ()) if signature is None else (signature.subjects, signature.resources)
    return loaded.read(_reference(call.who, subjects, schema), call.action, _reference(call.what, resources, schema), context, at)


def _reference(id_: object, names: tuple[str, ...], schema: Schema) -> dict[str, object] | None:
    """An entity of which nothing is said but its key; where several types are possible a bare key does not say which."""
    if id_ is None:
        return None
    if type(id_) is EntityRef:
        known = type(id_.type) is str and id_.type in schema.entities
        return {"entity_type": id_.type, **({schema.entities[id_.type].key: id_.key} if known else {})}
    return {schema.entities[names[0]].key: id_} if len(names) == 1 else {}
