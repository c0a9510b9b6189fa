"""Floor 5, engine: who is asked for what: supplies held against a schema and what the policies of one version can read."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from abac.engine.sources.protocol import Supply
from abac.engine.workers import Workers
from abac.language.reads import Reads
from abac.model import types as t
from abac.model.errors import LoadError
from abac.model.schema import Entity, Field, Schema

PARENTS = "parents"
"""What the groups above an entity are called, where attributes are asked for by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A supply as it is used: which attributes of an entity are asked of which source.

    Attributes:
        names: all that it supplies and policies can read; one question for all of them, whoever needs one.
        fields: how to read them, and the key, should it be in the answer.
        max_ages: how old those may be that may not be of any age.
        timeout: in seconds; None: for ever, in the caller's thread.
        workers: the threads on which it is asked; None: none are needed.
    """

    supply: Supply
    entity: Entity
    names: frozenset[str]
    fields: Mapping[str, Field]
    max_ages: Mapping[str, dt.timedelta]
    is_async: bool
    timeout: float | None
    workers: Workers | None = field(repr=False)

    @property
    def source(self) -> str:
        return self.supply.source.name


@dataclass(frozen=True, slots=True)
class Plan:
    """The lines by type of entity and attribute. A type that no policy reads has none."""

    lines: Mapping[str, Mapping[str, Line]]


Owners = Mapping[str, Mapping[str, int]]
"""By type of entity and attribute: which of the supplies it comes from, by its place among them."""


def owners(supplies: Sequence[Supply], schema: Schema) -> Owners:
    """Who supplies what.

    Raises:
        LoadError: with everything about the supplies that does not fit the schema.
    """
    complaints: list[str] = []
    found: dict[str, dict[str, int]] = {}
    for number, supply in enumerate(supplies):
        entity = schema.entities.get(supply.entity)
        if entity is None:
            complaints.append(f"`{supply.source.name}` supplies `{supply.entity}`, which no entity is called")
        elif supply.attributes is not None:
            complaints += _claim(found.setdefault(entity.name, {}), supply.attributes, number, supplies, entity)
    for number, supply in enumerate(supplies):
        entity = schema.entities.get(supply.entity)
        if entity is not None and supply.attributes is None:
            taken = found.setdefault(entity.name, {})
            others = [other for other in supplies[:number] if other.entity == supply.entity and other.attributes is None]
            if others:
                complaints.append(f"`{others[0].source.name}` and `{supply.source.name}` both supply the rest of `{entity.name}`")
            taken.update(dict.fromkeys(suppliable(entity) - taken.keys(), number))
    if complaints:
        raise LoadError("\n".join(complaints))
    return found


def plan(owned: Owners, supplies: Sequence[Supply], schema: Schema, reads: Reads, workers: Sequence[Workers]) -> Plan:
    """The plan for one policy version; `workers` are the threads of each supply, which outlive the version."""
    lines = {name: _lines(by_name, supplies, schema.entities[name], reads, workers) for name, by_name in owned.items()}
    return Plan({name: by_name for name, by_name in lines.items() if by_name})


def suppliable(entity: Entity) -> frozenset[str]:
    """What a source can supply of an entity: all but its key, which it is asked by."""
    return frozenset({*entity.fields, *([PARENTS] if entity.parents else [])} - {entity.key})


def _claim(taken: dict[str, int], names: Iterable[str], number: int, supplies: Sequence[Supply], entity: Entity) -> Iterable[str]:
    source = supplies[number].source.name
    for name in sorted(names):
        if name == entity.key:
            yield f"`{source}` cannot supply `{entity.name}.{name}`: it is the key that it is asked by"
        elif name not in suppliable(entity):
            yield f"`{source}` supplies `{entity.name}.{name}`, which is not declared"
        elif name in taken:
            yield f"`{supplies[taken[name]].source.name}` and `{source}` both supply `{entity.name}.{name}`"
        else:
            taken[name] = number


def _lines(
    owned: Mapping[str, int], supplies: Sequence[Supply], entity: Entity, reads: Reads, workers: Sequence[Workers]
) -> dict[str, Line]:
    wanted = reads.of(entity.name) | ({PARENTS} if entity.name in reads.parents else frozenset())
    made: dict[int, Line] = {}
    for number in sorted({number for name, number in owned.items() if name in wanted}):
        names = frozenset(name for name, owner in owned.items() if owner == number and name in wanted)
        made[number] = _line(supplies[number], entity, names, workers[number])
    return {name: made[number] for name, number in owned.items() if name in wanted}


def _line(supply: Supply, entity: Entity, names: frozenset[str], workers: Workers) -> Line:
    fields = {name: field_of(entity, name) for name in (entity.key, *sorted(names))}
    bounds = {name: [age for age in (supply.max_age, fields[name].max_age) if age is not None] for name in names}
    max_ages = {name: min(ages) for name, ages in bounds.items() if ages}
    is_async = inspect.iscoroutinefunction(supply.source.fetch)
    timeout = None if supply.timeout is None else supply.timeout.total_seconds()
    return Line(supply, entity, names, fields, max_ages, is_async, timeout, None if is_async or timeout is None else workers)


def field_of(entity: Entity, name: str) -> Field:
    """How an attribute, or the groups above, are read."""
    if name == PARENTS and entity.parents:
        return Field(PARENTS, t.ListOf(t.EntityOf(tuple(sorted(entity.parents)))))
    return entity.fields[name]
