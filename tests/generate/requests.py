"""Tests: draws requests for any schema, complete and well typed, as plain dicts and lists; and walks what stands in them by type."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from abac.language import checked as c
from abac.model import types as t
from abac.model.schema import Entity, Field, Schema
from abac.model.values import Table
from tests.generate.pools import EXTREMES, POOLS

Raw = dict[str, Any]
Step = str | int
Steps = tuple[Step, ...]
PARTS = ("subject", "resource", "context")
MISSING = object()
WALKED = 100
"""Longer lists are not looked into."""


@dataclass(frozen=True)
class Spot:
    """A place in a request: a field, or an element of a collection."""

    path: Steps
    type: t.Type
    field: Field | None = None
    collection: str = ""
    key: bool = False

    @property
    def optional(self) -> bool:
        return self.field is not None and self.field.optional


@dataclass
class RequestMaker:
    """Draws values and requests of one package; `extreme` is the share of scalars that are the greatest or least there are."""

    rng: random.Random
    schema: Schema
    tables: Mapping[str, Table]
    extreme: float = 0.0

    @classmethod
    def of(cls, rng: random.Random, package: c.Package) -> RequestMaker:
        return cls(rng, package.schema, package.tables)

    def request(self) -> Raw:
        action = self.rng.choice(sorted(self.schema.actions))
        signature = self.schema.actions[action]
        who, what = (self._part(names) for names in (signature.subjects, signature.resources))
        return {"subject": who, "action": action, "resource": what, "context": self.fields(self.schema.context.fields, 0)}

    def _part(self, names: tuple[str, ...]) -> Raw:
        name = self.rng.choice(names)
        made = self.entity(self.schema.entities[name], 0)
        return {"entity_type": name, **made} if len(names) > 1 or self.rng.random() < 0.1 else made

    def fields(self, fields: Mapping[str, Field], depth: int) -> Raw:
        made = {field.name: self.field(field, depth) for field in fields.values()}
        return {name: value for name, value in made.items() if value is not MISSING}

    def field(self, field: Field, depth: int) -> Any:
        deep = depth > 1 and isinstance(field.plain, t.EntityOf | t.ListOf | t.SetOf)
        if field.optional and (deep or self.rng.random() < 0.35):
            return MISSING if field.absent_by_default and self.rng.random() < 0.5 else None
        return self.value(field.plain, depth)

    def entity(self, entity: Entity, depth: int) -> Raw:
        made = self.fields(entity.fields, depth + 1)
        if entity.parents:
            names = [n for n in entity.parents if depth < 2]
            made["parents"] = [self.value(t.EntityOf((n,)), depth + 1) for n in names if self.rng.random() < 0.7]
        return made

    def value(self, type_: t.Type, depth: int) -> Any:
        rng = self.rng
        match type_:
            case t.Scalar():
                if rng.random() < self.extreme:
                    return rng.choice(EXTREMES.get(type_, POOLS[type_]))
                return rng.choice(POOLS[type_])
            case t.Words(words=words, open=is_open):
                return rng.choice(("other", *words)) if is_open else rng.choice(words)
            case t.KeyOf(table=table):
                return rng.choice(list(self.tables[table].rows))
            case t.SetOf(element=element) | t.ListOf(element=element):
                most = max(0, 3 - depth)
                return [self.value(element, depth + 1) for _ in range(rng.randint(0, most))]
            case t.IntervalOf(element=element):
                start, end = self.value(element, depth), self.value(element, depth)
                ordered = sorted((start, end), key=str)
                return {"from": ordered[0], "until": ordered[1]} if rng.random() < 0.8 else {"from": start}
            case t.RecordOf(name=name):
                return self.fields(self.schema.records[name].fields, depth + 1)
            case t.EntityOf(names=names):
                return self.entity(self.schema.entities[rng.choice(names)], depth)
        raise AssertionError(type_)

    # ── people above people ────────────────────────────────────────────────────────────────────────────────

    def chain(self, links: int, cycle: bool) -> Raw:
        """A Person with so many above; the last is the first again if they go in a circle."""
        person = self.schema.entities["Person"]
        people = [self.entity(person, 3) for _ in range(links + 1)]
        for i, each in enumerate(people):
            each["id"] = i if person.fields["id"].type == t.INT else f"p{i}"
        if cycle:
            people[-1]["id"] = people[0]["id"]
        for each, above in pairwise(people):
            each["boss"] = above
        people[-1]["boss"] = None
        return people[0]


def spots(request: Raw, schema: Schema) -> Iterator[Spot]:
    """Every place below subject, resource and context; those that hold nothing included."""
    for part in PARTS:
        raw = request.get(part)
        if part == "context":
            yield from _below(raw, schema.context.fields, (part,), schema)
        else:
            yield from _in_entity(raw, _entity_of(request, part, schema), (part,), schema)


def _entity_of(request: Raw, part: str, schema: Schema) -> Entity:
    signature = schema.actions[request["action"]]
    names = signature.subjects if part == "subject" else signature.resources
    return schema.entities[names[0] if len(names) == 1 else request[part]["entity_type"]]


def _in_entity(raw: Any, entity: Entity, path: Steps, schema: Schema) -> Iterator[Spot]:
    if not isinstance(raw, dict):
        return
    for spot in _below(raw, entity.fields, path, schema):
        is_key = spot.path == (*path, entity.key)
        yield Spot(spot.path, spot.type, spot.field, spot.collection, True) if is_key else spot
    if entity.parents:
        above = t.ListOf(t.EntityOf(tuple(sorted(entity.parents))))
        spot = Spot((*path, "parents"), above, Field("parents", above))
        yield spot
        yield from _inside(raw.get("parents"), spot, schema)


def _below(raw: Any, fields: Mapping[str, Field], path: Steps, schema: Schema) -> Iterator[Spot]:
    for field in fields.values():
        spot = Spot((*path, field.name), field.plain, field)
        yield spot
        yield from _inside(raw.get(field.name), spot, schema)


def spots_inside(raw: Any, spot: Spot, schema: Schema) -> list[Spot]:
    """The places inside what stands at a place."""
    return list(_inside(raw, spot, schema))


def path_text(path: Steps) -> str:
    """As causes and reads name it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _inside(raw: Any, spot: Spot, schema: Schema) -> Iterator[Spot]:
    match spot.type:
        case t.SetOf(element=element) | t.ListOf(element=element) if isinstance(raw, list) and len(raw) <= WALKED:
            for i, each in enumerate(raw):
                inner = Spot((*spot.path, i), element, None, "set" if isinstance(spot.type, t.SetOf) else "list")
                yield inner
                yield from _inside(each, inner, schema)
        case t.RecordOf(name=name) if isinstance(raw, dict):
            yield from _below(raw, schema.records[name].fields, spot.path, schema)
        case t.EntityOf(names=names) if isinstance(raw, dict) and len(names) == 1:
            yield from _in_entity(raw, schema.entities[names[0]], spot.path, schema)


def put(request: Raw, path: Steps, value: Any) -> Raw:
    """A copy of the request with another value at the path, or none if that is MISSING."""
    copy: Any = dict(request)
    top = copy
    for step in path[:-1]:
        inner = copy[step]
        copy[step] = list(inner) if isinstance(inner, list) else dict(inner)
        copy = copy[step]
    if value is MISSING:
        del copy[path[-1]]
    else:
        copy[path[-1]] = value
    return top  # type: ignore[no-any-return]  # a dict, as it was


def get(request: Raw, path: Steps) -> Any:
    """What stands at the path; MISSING if nothing does."""
    raw: Any = request
    for step in path:
        if isinstance(raw, dict):
            raw = raw.get(step, MISSING)
        elif isinstance(raw, list) and isinstance(step, int) and step < len(raw):
            raw = raw[step]
        else:
            return MISSING
    return raw
