"""Floor 1, model: reads typed values from JSON and Python objects, and writes them as JSON: the one place that knows their wire forms.

Whatever the object, reading gives a value: each bad part is an Unknown with its own path. Every attribute of a caller's object is read
once. Wire forms: Bool `true`; Int `5`; Decimal any number; String and words `"a"`; Instant RFC 3339 with `Z` or offset; Date
`"2026-07-15"`; Duration `"72 hours"`, below a second `"1.5 seconds"`, negative `"-1 day"`; TimeOfDay `"08:30"`, `"08:30:15.5"`; TimeZone
`"Europe/Berlin"`; IpAddress and IpNetwork `"10.0.0.0/8"`; Interval `{"from": …, "until": …}`; Set and List an array; record and entity an
object, an entity also its bare key or an EntityRef. A value already read reads as itself.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import inspect
import ipaddress
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cached_property
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from abac.model import types as t
from abac.model.json_text import JsonError, parse_number
from abac.model.limits import INT_MAX, INT_MIN, MAX_COLLECTION, MAX_COLLIDING, MAX_NESTING, MAX_STRING, MAX_VALUES
from abac.model.scalars import duration_text, read_scalar
from abac.model.schema import Field, Schema
from abac.model.values import (
    ABSENT,
    Absence,
    CauseKind,
    EntityRef,
    EntityValue,
    Interval,
    ListValue,
    LocalTime,
    RecordValue,
    SetValue,
    Table,
    Unknown,
    Validated,
    Value,
    canonical_key,
    set_of,
)

Members = dict[str, object] | Callable[[str], object]
"""A plain dict, or what gives a member of a caller's object by name, `NOTHING` if it has none; either may raise anything."""

NOTHING = object()
_RAISED = object()
_COLLECTIONS = (ListValue, SetValue)


def read(raw: object, type: t.Type, path: str, schema: Schema, tables: Mapping[str, Table]) -> Value | Unknown:
    """A value of the type from a JSON or Python object; `path` is where the object stands. Null is no value: see `read_field`."""
    return _Reader(schema, tables).read(raw, type, path, 0)


def read_at(raw: object, field: Field, path: str, depth: int, schema: Schema, tables: Mapping[str, Table]) -> Value | Unknown | Absence:
    """A field, of which the member is given, `NOTHING` if there is none; `path` is where it stands, `depth` how deep in the request."""
    return _Reader(schema, tables).member(raw, field, path, depth)


def named_members(raw: object, names: Iterable[str]) -> dict[str, object] | None:
    """Those members of a caller's object that have these names, each read once; None if it is no object. What raises reads as no type."""
    members = members_of(raw)
    if members is None or type(members) is dict:
        return members
    found = ((name, member(members, name)) for name in names)
    return {name: each for name, each in found if each is not NOTHING}


def read_field(container: object, field: Field, path: str, schema: Schema, tables: Mapping[str, Table]) -> Value | Unknown | Absence:
    """A field of the object that stands at `path`. Of `T?` null is absent; a missing member is unknown unless absent by default."""
    members = members_of(container)
    return Unknown.of(path, CauseKind.MISTYPED) if members is None else _Reader(schema, tables).field(members, field, path, 0)


def read_fields(
    container: object, fields: Mapping[str, Field], path: str, schema: Schema, tables: Mapping[str, Table]
) -> dict[str, Value | Unknown | Absence] | Unknown:
    """All fields of an object, in declared order; unknown if it is no object."""
    members = members_of(container)
    return Unknown.of(path, CauseKind.MISTYPED) if members is None else _Reader(schema, tables).fields(members, fields, path, 0)


def read_entity(raw: object, names: tuple[str, ...], path: str, schema: Schema, tables: Mapping[str, Table]) -> EntityValue | Unknown:
    """An entity of one of the named types that must be an object: a bare key will not do."""
    if type(raw) is Unknown:
        return raw
    raw = unwrapped(raw)
    if type(raw) is EntityValue and raw.schema is schema and raw.path == path and raw.type in names:
        return raw
    members = members_of(raw)
    return Unknown.of(path, CauseKind.MISTYPED) if members is None else _Reader(schema, tables).entity(members, names, path, 0)


def read_cell(cell: str, type: t.Type, path: str, schema: Schema, tables: Mapping[str, Table]) -> Value | Unknown | Absence:
    """A value from a cell of a CSV file. Empty is absent, for a Set the empty set; a Set's elements are separated by `;`."""
    inner = t.plain(type)
    if not cell and inner is not type:
        return ABSENT
    return _set_of_cells(cell, inner, path, schema, tables) if isinstance(inner, t.SetOf) else _cell(cell, inner, path, schema, tables)


def _set_of_cells(cell: str, type: t.SetOf, path: str, schema: Schema, tables: Mapping[str, Table]) -> Value | Unknown:
    cells = cell.split(";") if cell else []
    if len(cells) > MAX_COLLECTION:
        return Unknown.of(path, CauseKind.LIMIT_EXCEEDED)
    return set_of(_cell(each.strip(), t.plain(type.element), f"{path}[{i}]", schema, tables) for i, each in enumerate(cells))


def _cell(cell: str, type: t.Type, path: str, schema: Schema, tables: Mapping[str, Table]) -> Value | Unknown:
    if not cell:
        return Unknown.of(path, CauseKind.MISSING)
    raw: object = None
    match t.base(type):
        case t.BOOL:
            raw = {"1": True, "true": True, "0": False, "false": False}.get(cell)
        case t.INT | t.DECIMAL:
            with suppress(JsonError):
                raw = parse_number(cell)
        case t.Scalar():
            raw = cell
    return read(raw, type, path, schema, tables)


@dataclasses.dataclass(slots=True)
class _Reader:
    """One journey through one object; `left` is how many more values it may read for one attribute of a request's part."""

    schema: Schema
    tables: Mapping[str, Table]
    left: int = MAX_VALUES

    def read(self, raw: object, type_: t.Type, path: str, depth: int) -> Value | Unknown:
        self.left -= 1
        if self.left < 0 or depth > MAX_NESTING:
            return Unknown.of(path, CauseKind.LIMIT_EXCEEDED)
        if type(raw) is Unknown:
            return raw
        if _is_value(raw, type_):
            return raw  # type: ignore[return-value]  # it is a value of the type as it stands
        match type_:
            case t.Optional(inner=inner):
                return self.read(raw, inner, path, depth)
            case t.Scalar():
                return _placed(read_scalar(raw, type_), path)
            case t.Words(words=words, open=is_open):
                word = read_scalar(raw, t.STRING)
                return _placed(word if isinstance(word, CauseKind) or is_open or word in words else CauseKind.MISTYPED, path)
            case t.KeyOf(table=table, key=key):
                value = self.read(raw, key, path, depth)
                return value if isinstance(value, Unknown) or value in self.tables[table].rows else _placed(CauseKind.NO_SUCH_ROW, path)
            case t.ListOf(element=element):
                return self._list(raw, element, path, depth)
            case t.SetOf(element=element):
                return self._set(raw, element, path, depth)
            case t.IntervalOf(element=element):
                return self._interval(raw, element, path, depth)
            case t.RecordOf(name=name):
                members = members_of(raw)
                if members is None:
                    return Unknown.of(path, CauseKind.MISTYPED)
                return RecordValue(name, self.fields(members, self.schema.records[name].fields, path, depth), path)
            case t.EntityOf(names=names):
                members = members_of(raw)
                return self._reference(raw, names, path, depth) if members is None else self.entity(members, names, path, depth)
            case t.TableOf():
                return Unknown.of(path, CauseKind.MISTYPED)
            case unknown:
                assert_never(unknown)

    def fields(self, members: Members, fields: Mapping[str, Field], path: str, depth: int) -> dict[str, Value | Unknown | Absence]:
        return {name: self.field(members, field, path, depth) for name, field in fields.items()}

    def field(self, members: Members, field: Field, path: str, depth: int) -> Value | Unknown | Absence:
        return self.member(member(members, field.name), field, f"{path}.{field.name}", depth + 1)

    def member(self, raw: object, field: Field, place: str, depth: int) -> Value | Unknown | Absence:
        if raw is NOTHING:
            return ABSENT if field.absent_by_default else Unknown.of(place, CauseKind.MISSING)
        if (raw is None or raw is ABSENT) and field.optional:
            return ABSENT
        if depth == 1:
            self.left = MAX_VALUES
        return self.read(raw, field.plain, place, depth)

    def _list(self, raw: object, element: t.Type, path: str, depth: int) -> Value | Unknown:
        parts = _attempt(_elements, raw, (list, tuple))
        if not isinstance(parts, list):
            return Unknown.of(path, parts if isinstance(parts, CauseKind) else CauseKind.MISTYPED)
        made = [self.read(part, element, f"{path}[{i}]", depth + 1) for i, part in enumerate(parts)]
        return Unknown.of(path, CauseKind.LIMIT_EXCEEDED) if _collide(made, element) else ListValue(tuple(made))

    def _set(self, raw: object, element: t.Type, path: str, depth: int) -> Value | Unknown:
        parts = _attempt(_elements, raw, (list, tuple, set, frozenset))
        if not isinstance(parts, list):
            return Unknown.of(path, parts if isinstance(parts, CauseKind) else CauseKind.MISTYPED)
        if issubclass(type(raw), (set, frozenset)):  # no order: the same set must read the same in every process
            made = sorted((self.read(part, element, f"{path}[*]", depth + 1) for part in parts), key=canonical_key)
        else:
            made = [self.read(part, element, f"{path}[{i}]", depth + 1) for i, part in enumerate(parts)]
        return Unknown.of(path, CauseKind.LIMIT_EXCEEDED) if _collide(made, element) else set_of(made)

    def _interval(self, raw: object, element: t.Type, path: str, depth: int) -> Value | Unknown:
        members = members_of(raw)
        if members is None:
            return Unknown.of(path, CauseKind.MISTYPED)
        start = self.field(members, Field("from", element), path, depth)
        end = self.field(members, Field("until", t.Optional(element), absent_by_default=True), path, depth)
        bad = [part for part in (start, end) if isinstance(part, Unknown)]
        return Unknown.union(bad) if bad else Interval(_moment(start), None if end is ABSENT else _moment(end))

    def entity(self, members: Members, names: tuple[str, ...], path: str, depth: int) -> EntityValue | Unknown:
        name = self._entity_type(members, names, path)
        if isinstance(name, Unknown):
            return name
        entity = self.schema.entities[name]
        fields = self.fields(members, entity.fields, path, depth)
        key = fields[entity.key]
        known_key = Unknown.of(f"{path}.{entity.key}", CauseKind.MISSING) if isinstance(key, Absence) else key
        parents: object = ListValue(())
        if entity.parents:
            above = t.ListOf(t.EntityOf(tuple(sorted(entity.parents))))
            parents = self.field(members, Field("parents", above), path, depth)
        assert isinstance(parents, ListValue | Unknown), "a list reads as a list"
        return EntityValue(name, known_key, fields, parents, path, self.schema)

    def _entity_type(self, members: Members, names: tuple[str, ...], path: str) -> str | Unknown:
        """The type that the member `entity_type` names; where there is one only, it need not be named."""
        if len(names) == 1 and "entity_type" in self.schema.entities[names[0]].fields:
            return names[0]
        raw = member(members, "entity_type")
        if raw is NOTHING and len(names) == 1:
            return names[0]
        word = read_scalar(raw, t.STRING)
        return word if isinstance(word, str) and word in names else Unknown.of(f"{path}.entity_type", CauseKind.MISTYPED)

    def _reference(self, raw: object, names: tuple[str, ...], path: str, depth: int) -> EntityValue | Unknown:
        """An entity by its bare key, or by an EntityRef: all else about it is unknown."""
        if raw is None:
            return Unknown.of(path, CauseKind.MISTYPED)
        if type(raw) is EntityRef:
            kind = raw.type if type(raw.type) is str else ""
            names, raw = tuple(name for name in names if name == kind), raw.key
        if len(names) != 1:
            return Unknown.of(f"{path}.entity_type", CauseKind.MISTYPED)
        entity = self.schema.entities[names[0]]
        key = self.read(raw, entity.fields[entity.key].plain, path, depth)
        if isinstance(key, Unknown):
            return key
        missing = {name: Unknown.of(f"{path}.{name}", CauseKind.MISSING) for name in entity.fields}
        parents = Unknown.of(f"{path}.parents", CauseKind.MISSING) if entity.parents else ListValue(())
        return EntityValue(entity.name, key, {**missing, entity.key: key}, parents, path)


def unwrapped(raw: object) -> object:
    """What an engine read once, as the value it stands for."""
    return raw._value if issubclass(type(raw), Validated) else raw  # type: ignore[attr-defined]  # the type was asked, not the object


def _is_value(raw: object, type_: t.Type) -> bool:
    """Whether an object of the commonest kinds surely is a value of the type already; False says nothing."""
    kind = type(raw)
    if kind is str:
        if type_ is t.STRING:
            return raw.isascii() and len(raw) <= MAX_STRING  # type: ignore[attr-defined, arg-type]  # a str
        return type(type_) is t.Words and raw in type_.words
    if kind is bool:
        return type_ is t.BOOL
    if kind is int:
        return type_ is t.INT and INT_MIN <= raw <= INT_MAX  # type: ignore[operator]  # an int
    return kind is dt.datetime and type_ is t.INSTANT and raw.tzinfo is dt.timezone.utc  # type: ignore[attr-defined]  # a datetime


def _collide(elements: list[Value | Unknown], type: t.Type) -> bool:
    """Whether more different Decimals than there may be share one hash."""
    if t.base(type) != t.DECIMAL:
        return False
    numbers = [element for element in elements if not isinstance(element, Unknown)]
    hashes = [hash(number) for number in numbers]
    if len(set(hashes)) == len(hashes):
        return False
    alike: dict[int, list[Value]] = {}
    for number, each in zip(numbers, hashes, strict=True):
        others = alike.setdefault(each, [])
        if number not in others:
            others.append(number)
        if len(others) > MAX_COLLIDING:
            return True
    return False


def _placed(answer: Value | CauseKind, path: str) -> Value | Unknown:
    return Unknown.of(path, answer) if isinstance(answer, CauseKind) else answer


def _moment(value: object) -> dt.datetime | dt.date | dt.time:
    assert isinstance(value, dt.date | dt.time), "intervals are of instants, dates or times of day"
    return value


def _attempt(ask: Callable[..., object], *arguments: object) -> object:
    """What the caller's code gives, `_RAISED` (which reads as no type) if it raises."""
    try:
        return ask(*arguments)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a property or a Mapping of the caller's may raise anything; what raised is unknown
        return _RAISED


def member(members: Members, name: str) -> object:
    """A member, `NOTHING` if there is none, `_RAISED` if the caller's code raises: a key of a dict may do that too."""
    if type(members) is not dict:
        return _attempt(members, name)  # type: ignore[arg-type]  # the other kind
    try:
        return members.get(name, NOTHING)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return _RAISED


def _elements(raw: object, bases: tuple[type[Any], ...]) -> list[object] | CauseKind:
    """The elements of a collection of one of the classes, past all that a subclass overrides."""
    if type(raw) in _COLLECTIONS:
        return list(raw.elements)  # type: ignore[attr-defined]  # the type was asked, not the object
    for base in bases:
        if issubclass(type(raw), base):
            return CauseKind.LIMIT_EXCEEDED if base.__len__(raw) > MAX_COLLECTION else list(base.__iter__(raw))
    return CauseKind.MISTYPED


def members_of(raw: object) -> Members | None:
    if type(raw) is dict:
        return raw
    members = _attempt(_declared_members, raw)
    return None if members is _RAISED else members  # type: ignore[return-value]  # the only other thing it gives


def _declared_members(raw: Any) -> Members | None:
    """How to read members: of a dict past all that a subclass overrides; of a model or dataclass what it declares; of any Mapping."""
    raw = unwrapped(raw)
    kind = type(raw)
    if issubclass(kind, dict):
        return lambda name: dict.get(raw, name, NOTHING)
    if kind is RecordValue:
        return dict(raw.fields)
    if kind is EntityValue:
        return {"entity_type": raw.type, **raw.fields, "parents": raw.parents}
    if kind is EntityRef:
        return None
    if kind is Interval:
        return {"from": raw.start, "until": raw.end}
    declared = None if kind in _COLLECTIONS else _declared(raw)
    if declared is not None:
        return lambda name: getattr(raw, name) if name in declared or _is_property(kind, name) else NOTHING
    if issubclass(kind, Mapping):
        return lambda name: _item(raw, name)
    return None


def _declared(raw: Any) -> frozenset[str] | None:
    """The attributes of a pydantic model or dataclass; None if it is neither. Where there is a model, pydantic is imported."""
    kind = type(raw)
    model = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    if model is not None and issubclass(kind, model):
        return frozenset((*kind.model_fields, *kind.model_computed_fields, *(raw.model_extra or ())))
    return frozenset(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def _is_property(kind: type, name: str) -> bool:
    return isinstance(inspect.getattr_static(kind, name, None), property | cached_property)


def _item(raw: Mapping[str, object], name: str) -> object:
    try:
        return raw[name]
    except KeyError:
        return NOTHING


def to_wire(value: Value | Unknown | Absence) -> object:
    """What `read` reads as the value: str, int, bool, Decimal, list or dict; None for unknown and absent. An entity becomes its key."""
    match value:
        case Unknown() | Absence():
            return None
        case bool() | int() | Decimal() | str():
            return value
        case dt.datetime():
            return f"{value.replace(tzinfo=None).isoformat()}Z"
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return duration_text(value)
        case ZoneInfo():
            return value.key
        case ipaddress.IPv4Address() | ipaddress.IPv6Address() | ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return str(value)
        case ListValue(elements=elements) | SetValue(elements=elements):
            return [to_wire(element) for element in elements]
        case Interval(start=start, end=end):
            return {"from": to_wire(start), "until": None if end is None else to_wire(end)}
        case RecordValue(fields=fields):
            return {name: to_wire(field) for name, field in fields.items()}
        case EntityValue(key=key):
            return to_wire(key)
        case LocalTime():
            return value.clock.isoformat()
        case unknown:
            assert_never(unknown)
