"""Floor 5, engine: the part of a request that the caller brings, as a key: the values of the context that policies can read, with types.

Plain contexts (dictionaries of plain values) have keys made by generated code, which is what a hit costs. Its text consists of counters
alone: names of attributes reach it as values in its namespace. All other contexts are read first, and their keys are made of values.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from abac.language.demand import Demand
from abac.model import types as t
from abac.model.limits import MAX_NESTING
from abac.model.schema import Field, Schema
from abac.model.values import Absence, EntityValue, Interval, ListValue, RecordValue, SetValue, Unknown, Value
from abac.model.wire import to_wire

KeyFunction = Callable[[Hashable, object], Hashable]


class Missing:
    """In a key, a member that is not there. Never an instance, so that it is like no value."""


class NoKey(Exception):
    """The context is not plain, or its key would be too long."""


class TooLong(NoKey):
    """The key would exceed MAX_KEY_BYTES."""


def no_key(resource: Hashable, context: object) -> Hashable:
    """The key function of a version that was not asked yet."""
    raise NoKey


class ContextKeys:
    """Keys for one policy version.

    Attributes:
        key: `key(resource, context)` for a plain context: the leaf under which a decision is kept. It raises for what is no dictionary,
            and may raise whatever objects in one do.
        is_empty: whether policies read nothing of the context.
    """

    def __init__(self, schema: Schema, demand: Demand) -> None:
        self._schema = schema
        self._fields = wanted(schema.context.fields, demand, schema.context.clock)
        self.is_empty = not self._fields
        self.key: KeyFunction = _Emitter(schema).function(self._fields)

    def copy(self, context: dict[str, object], left: int) -> tuple[dict[str, object], int]:
        """A plain context with nothing but what its key is made of, which nobody else can change; and what is left of the room.

        Args:
            left: how many bytes of a key there may still be.

        Raises:
            NoKey: there is something in it that is not plain.
            TooLong: its key would be too long.
        """
        copier = _Copier(self._schema, left)
        return copier.members(context, self._fields, 0), copier.left

    def of_values(self, resource: Hashable, context: RecordValue, left: list[int]) -> Hashable:
        """The leaf for a context that was read. Arguments and errors are those of `typed`."""
        parts = tuple(typed(context.fields[field.name], demand, left) for field, demand in self._fields)
        return (Unknown, resource, parts) if self._fields else resource  # a class that begins no plain key


Fields = tuple[tuple[Field, Demand], ...]
ITSELF: Final[Mapping[t.Type, str]] = {t.BOOL: "bool", t.INT: "int", t.STRING: "str"}
"""Types of attributes whose values stand for themselves in a key, with what they are in Python."""


def wanted(fields: Mapping[str, Field], demand: Demand, but: str | None = None) -> Fields:
    """The fields that are read, with what is read of each, in declared order."""
    return tuple((field, inner) for name, field in fields.items() if name != but and (inner := demand.of(name)) is not None)


def entity_fields(schema: Schema, names: Iterable[str], demand: Demand) -> Fields:
    """All that is read of an entity that may be of several types, its key and kind included."""
    nothing = Demand()
    found = {"entity_type": (Field("entity_type", t.STRING), nothing)}
    for name in names:
        entity = schema.entities[name]
        found[entity.key] = (entity.fields[entity.key], nothing)
        found |= {field.name: (field, inner) for field, inner in wanted(entity.fields, demand)}
        if entity.parents and demand.above is not None:
            above = t.ListOf(t.EntityOf(tuple(sorted(entity.parents))))
            found.setdefault("parents", (Field("parents", above), demand.above))
    return tuple(found.values())


# ── generated keys ─────────────────────────────────────────────────────────────────────────────────────────


class _Emitter:
    """Writes the function that makes the keys of plain contexts, and one for every kind of object in them.

    A value of exactly the type that its attribute has in Python stands for itself; any other stands after its own type. Tuples are compared
    from the left, so no value is ever compared with one of another type, and no object of the caller's is asked whether it equals.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.namespace: dict[str, Any] = {
            "Missing": Missing, "Decimal": Decimal, "get": dict.get, "length": dict.__len__
        }  # fmt: skip
        self.lines: list[str] = []
        self._functions: dict[tuple[int, t.Type], str] = {}
        self._count = 0

    def function(self, fields: Fields) -> KeyFunction:
        """Raises TypeError if the context is no dictionary: `dict.get` takes nothing else."""
        body, parts = self._members("get({}, {}, Missing)", "c", fields)
        made = f"(r, {', '.join(parts)})" if parts else "r"
        self.lines += ["def key(r, c, get=get, Missing=Missing):", *(body or ["    length(c)"]), f"    return {made}"]
        exec(compile("\n".join(self.lines), "<keys of contexts>", "exec"), self.namespace)
        return self.namespace["key"]  # type: ignore[no-any-return]  # generated

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _members(self, get: str, container: str, fields: Fields) -> tuple[list[str], list[str]]:
        """Statements that read the members of a dict, and the expressions that stand for them in the key."""
        lines: list[str] = []
        parts: list[str] = []
        for field, demand in fields:
            name, value = self._name("n"), self._name("v")
            self.namespace[name] = field.name
            lines.append(f"    {value} = {get.format(container, name)}")
            more, part = self._value(value, field.plain, demand)
            lines += more
            parts.append(part)
        return lines, parts

    def _value(self, v: str, type_: t.Type, demand: Demand) -> tuple[list[str], str]:
        base = t.base(type_)
        if base in ITSELF:
            return [f"    if type({v}) is not {ITSELF[base]}: {v} = (type({v}), {v})"], v
        if base == t.DECIMAL:  # 1.0 equals 1.00 but is not shown so
            return [f"    {v} = (Decimal, str({v})) if type({v}) is Decimal else (type({v}), {v})"], v
        if isinstance(type_, t.RecordOf | t.EntityOf | t.IntervalOf | t.ListOf | t.SetOf):
            return [], f"{self._object(type_, demand)}({v})"
        return [], f"(type({v}), {v})"

    def _object(self, type_: t.Type, demand: Demand) -> str:
        """The name of a function that makes the part of a key that stands for an object, or for what stands in its place."""
        known = (id(demand), type_)
        if known not in self._functions:
            name = self._functions[known] = self._name("f")
            if isinstance(type_, t.ListOf | t.SetOf):
                body = self._collection(type_.element, demand)
            else:
                lines, parts = self._members("{}.get({}, Missing)", "v", members_of(self.schema, type_, demand))
                body = ["    if type(v) is not dict: return type(v), v", *lines, f"    return {', '.join(['dict', *parts])}"]
            self.lines += [f"def {name}(v):", *body]
        return self._functions[known]

    def _collection(self, element: t.Type, demand: Demand) -> list[str]:
        lines = ["    t = type(v)", "    if t is set or t is frozenset: return t, frozenset(map(type, v)), frozenset(v)"]
        if t.base(element) in ITSELF:
            lines.append("    if t is list or t is tuple: return (t, *map(type, v), *v)")
        else:
            inner, part = self._value("x", element, demand)
            each = self._name("e")
            self.lines += [f"def {each}(x):", *inner, f"    return {part}"]
            lines.append(f"    if t is list or t is tuple: return (t, *map({each}, v))")
        return [*lines, "    return t, v"]


def members_of(schema: Schema, type_: t.Type, demand: Demand) -> Fields:
    """What is read of an object of the type."""
    match type_:
        case t.RecordOf(name=name):
            return wanted(schema.records[name].fields, demand)
        case t.EntityOf(names=names):
            return entity_fields(schema, names, demand)
        case t.IntervalOf(element=element):
            return tuple((Field(name, t.Optional(element)), demand) for name in ("from", "until"))
        case _:
            raise AssertionError(type_)


# ── plain contexts ─────────────────────────────────────────────────────────────────────────────────────────

ANYWHERE: Final = frozenset({str, bool, int, type(None)})
"""Types whose values are equal only if they are the same, and that no one can change."""

BY_TYPE: Final[Mapping[t.Type, type]] = {t.DATE: dt.date, t.DURATION: dt.timedelta, t.DECIMAL: Decimal}


class _Copier:
    def __init__(self, schema: Schema, left: int) -> None:
        self.schema = schema
        self.left = left

    def members(self, raw: dict[str, object], fields: Fields, depth: int) -> dict[str, object]:
        made: dict[str, object] = {}
        for field, demand in fields:
            value = dict.get(raw, field.name, Missing)
            if value is not Missing:
                made[field.name] = self._value(value, field.plain, demand, depth + 1)
            self._spend(1)
        return made

    def _value(self, raw: Any, type_: t.Type, demand: Demand, depth: int) -> object:
        if depth > MAX_NESTING:
            raise NoKey
        kind = type(raw)
        if kind in ANYWHERE:
            self._spend(bytes_of(raw))
            return raw
        if kind is dict and isinstance(type_, t.RecordOf | t.EntityOf | t.IntervalOf):
            return self.members(raw, members_of(self.schema, type_, demand), depth)
        if isinstance(type_, t.ListOf | t.SetOf):
            if kind is list or kind is tuple:
                return kind([self._value(each, type_.element, demand, depth + 1) for each in raw])
            if (kind is set or kind is frozenset) and all(type(each) is str for each in raw):
                self._spend(sum(map(bytes_of, raw)))
                return kind(raw)
        # of one zone two instants can be equal and an hour apart; of two zones none is
        if kind is BY_TYPE.get(t.base(type_)) or (kind is dt.datetime and type_ == t.INSTANT and raw.tzinfo is dt.timezone.utc):
            self._spend(len(str(raw)))
            return raw
        raise NoKey

    def _spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise TooLong


def bytes_of(value: object) -> int:
    """About how much room a plain value takes in a key."""
    if type(value) is str:
        return len(value) if value.isascii() else 4 * len(value)
    return value.bit_length() // 8 + 1 if type(value) is int else 1


# ── contexts that were read ────────────────────────────────────────────────────────────────────────────────


def typed(value: Value | Unknown | Absence, demand: Demand | None, left: list[int]) -> Hashable:
    """A value in a key.

    Args:
        demand: what is read of it.
        left: how many bytes of a key there may still be; they are counted down.

    Raises:
        TooLong: there are not enough.
    """
    left[0] -= 1
    if left[0] < 0:
        raise TooLong
    inner = demand or Demand()
    match value:
        case Unknown(causes=causes):
            return Unknown, tuple(sorted(causes))
        case Absence():
            return (Absence,)
        case ListValue(elements=elements) | SetValue(elements=elements):
            return (type(value), *(typed(each, inner, left) for each in elements))
        case RecordValue(fields=fields):
            return (RecordValue, *(typed(each, inner.of(name), left) for name, each in fields.items() if inner.of(name) is not None))
        case EntityValue(key=key, fields=fields):
            parts = [typed(each, inner.of(name), left) for name, each in fields.items() if inner.of(name) is not None]
            above = () if inner.above is None else (typed(value.parents, inner.above, left),)
            return (EntityValue, value.type, typed(key, None, left), *parts, *above)
        case Interval(start=start, end=end):
            return Interval, typed(start, None, left), None if end is None else typed(end, None, left)
        case str() | bool() | int():
            left[0] -= bytes_of(value)
            return type(value), value
        case _:
            text = str(to_wire(value))
            left[0] -= len(text)
            return type(value), text
