"""Benches: a request that was read, as the plain dicts that a service holds: dates and times are objects, collections are lists."""

from __future__ import annotations

from typing import Any

from abac.model.request import Request
from abac.model.values import Absence, EntityValue, Interval, ListValue, RecordValue, SetValue, Unknown, Value

Call = tuple[dict[str, Any], str, dict[str, Any], dict[str, Any]]


def plain_request(request: Request) -> Call:
    """Subject, action, resource and context; what is absent is None, what is unknown is left out."""
    return _entity(request.subject), request.action, _entity(request.resource), _fields(request.context)


def _plain(value: Value | Absence) -> Any:
    match value:
        case Absence():
            return None
        case ListValue(elements=elements) | SetValue(elements=elements):
            return [_plain(element) for element in elements if not isinstance(element, Unknown)]
        case Interval(start=start, end=end):
            return {"from": start, "until": end}
        case RecordValue():
            return _fields(value)
        case EntityValue(fields=fields, key=key):
            return key if any(isinstance(field, Unknown) for field in fields.values()) else _entity(value)
        case _:
            return value


def _entity(entity: EntityValue) -> dict[str, Any]:
    parents = {} if isinstance(entity.parents, Unknown) else {"parents": _plain(entity.parents)}
    return {"entity_type": entity.type, **_fields(entity), **parents}


def _fields(holder: EntityValue | RecordValue) -> dict[str, Any]:
    return {name: _plain(value) for name, value in holder.fields.items() if not isinstance(value, Unknown)}
