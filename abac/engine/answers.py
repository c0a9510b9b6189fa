"""Floor 5, engine: what an attribute source answered, read by the schema, and put in its place in a request."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from abac.engine.clock import before
from abac.engine.sources.protocol import Absent, Found
from abac.engine.supplies import Line
from abac.model import types as t
from abac.model.limits import MAX_CLOCK_SKEW, MAX_NESTING, MAX_VALUES
from abac.model.scalars import read_scalar
from abac.model.schema import Field, Schema
from abac.model.values import (
    Absence,
    Cause,
    CauseKind,
    EntityRef,
    EntityValue,
    ListValue,
    Origin,
    RecordValue,
    SetValue,
    Table,
    Unknown,
    Value,
    canonical_key,
)
from abac.model.wire import read_fields

Part = Value | Unknown | Absence


class RefusedAnswer(Exception):
    """An answer that cannot be one; as good as none."""


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A question to a source. Invariant: `place` is equal for equal questions alone, `True` is not `1`."""

    line: Line
    entity: EntityRef
    place: tuple[Line, type, object]

    @classmethod
    def of(cls, line: Line, key: Value) -> Ask:
        return cls(line, EntityRef(line.entity.name, key), (line, type(key), key))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came of asking.

    Attributes:
        fields: attributes as they would stand in an entity at the path ``; None: the entity does not exist, or the source failed.
        origin: where they come from; None if the source failed.
        begun: the engine's clock before the source was asked.
        keep_until: the engine's clock until which it may be used again: not for longer than any of its values may be used at all, and
            if the source failed no longer than it took to ask.
        slot, noted: the counter of the entity, and what it showed before the source was asked.
    """

    fields: Mapping[str, Part] | None
    origin: Origin | None
    begun: float
    keep_until: float
    slot: int
    noted: int

    @property
    def failed(self) -> bool:
        return self.origin is None


def failure(begun: float, slot: int, noted: int) -> Answer:
    return Answer(None, None, begun, begun, slot, noted)


def read_answer(
    ask: Ask, got: object, schema: Schema, tables: Mapping[str, Table], none: Answer, asked_at: dt.datetime, now: dt.datetime
) -> Answer:
    """The answer that a source gave, its values read once.

    Args:
        none: what the answer is as long as there is none.
        asked_at: as of when the values are right, if the source does not say.
        now: the engine's clock as the answer comes.

    Raises:
        RefusedAnswer: it is no answer, or one for another entity, or from the future. Whatever the caller's code raises.
    """
    line, keep = ask.line, ask.line.supply.keep
    keep_until = math.inf if keep is None else none.begun + keep.total_seconds()
    if isinstance(got, Absent):
        return replace(none, origin=Origin(line.source, asked_at), keep_until=keep_until)
    if not isinstance(got, Found):
        raise RefusedAnswer("it answers with neither Found nor Absent")
    fields = read_fields(got.values, line.fields, "", schema, tables)
    if isinstance(fields, Unknown):
        raise RefusedAnswer("what it found is no object")
    _expect(fields.pop(line.entity.key), ask.entity.key, f".{line.entity.key}")
    kind = read_fields(got.values, {"entity_type": Field("entity_type", t.STRING)}, "", schema, tables)
    assert not isinstance(kind, Unknown), "it was an object before"
    _expect(kind["entity_type"], ask.entity.type, ".entity_type")
    version = None if got.version is None else str(got.version)
    origin = Origin(line.source, _fetched_at(got.fetched_at, asked_at, now), version)
    ends = (end for age in line.max_ages.values() if (end := age_out(origin.fetched_at, age)) is not None)
    return replace(none, fields=fields, origin=origin, keep_until=min([keep_until, *map(before, ends)]))


def age_out(fetched_at: dt.datetime, max_age: dt.timedelta) -> dt.datetime | None:
    """The last instant at which a value is not too old; None: later than any clock will show."""
    try:
        return fetched_at + max_age
    except OverflowError:
        return None


def _expect(found: Part, asked: object, path: str) -> None:
    """What an answer says of its entity must be what was asked for; it need not say it."""
    if isinstance(found, Unknown) and found.causes == {Cause(path, CauseKind.MISSING)}:
        return
    if type(found) is not type(asked) or canonical_key(found) != canonical_key(asked):
        raise RefusedAnswer("it answers for another entity")


def _fetched_at(said: dt.datetime | None, asked_at: dt.datetime, now: dt.datetime) -> dt.datetime:
    if said is None:
        return asked_at
    moment = read_scalar(said, t.INSTANT)
    if not isinstance(moment, dt.datetime):
        raise RefusedAnswer("`fetched_at` is no aware datetime")
    if moment > now + dt.timedelta(seconds=MAX_CLOCK_SKEW):
        raise RefusedAnswer("it says that it was fetched in the future")
    return min(moment, asked_at)


@dataclass(slots=True)
class Budget:
    """How many more values may come to stand in one request."""

    left: int = MAX_VALUES


@dataclass(frozen=True, slots=True)
class Mover:
    """Puts an answer's values where they come to stand: completes their paths, and cuts what is nested too deeply or beyond the budget.

    Attributes:
        above: the path of the entity that the answer is about; it goes before the paths in the answer.
        origin: what is said about other entities inside the answer has it too.
    """

    above: str
    origin: Origin
    budget: Budget

    def moved(self, value: Part, place: str, depth: int) -> Part:
        """The value as it stands at a place, `depth` below the top of the request."""
        self.budget.left -= 1
        if depth > MAX_NESTING or self.budget.left < 0:
            return Unknown.of(place, CauseKind.LIMIT_EXCEEDED)
        match value:
            case Unknown(causes=causes):
                return Unknown(frozenset(Cause(self.above + cause.path, cause.kind) for cause in causes))
            case ListValue(elements=elements):
                return ListValue(self._elements(elements, place, depth))
            case SetValue(elements=elements, plain=plain):
                inner = self._elements(elements, place, depth)
                return SetValue(inner, None if any(type(each) is Unknown for each in inner) else plain)
            case RecordValue(fields=fields, path=path):
                return RecordValue(value.type, self._fields(fields, self.above + path, depth), self.above + path, value.schema)
            case EntityValue():
                return self._entity(value, place, depth)
            case _:
                return value

    def _elements(self, elements: Sequence[Value | Unknown], place: str, depth: int) -> tuple[Value | Unknown, ...]:
        return tuple(self._present(each, f"{place}[{i}]", depth + 1) for i, each in enumerate(elements))

    def _fields(self, fields: Mapping[str, Part], path: str, depth: int) -> dict[str, Part]:
        return {name: self.moved(each, f"{path}.{name}", depth + 1) for name, each in fields.items()}

    def _entity(self, value: EntityValue, place: str, depth: int) -> EntityValue:
        path = self.above + value.path
        fields = self._fields(value.fields, path, depth)
        parents = self.moved(value.parents, f"{path}.parents", depth + 1)
        assert isinstance(parents, ListValue | Unknown), "parents are a list"
        said = {name: self.origin for name, each in (*fields.items(), ("parents", parents)) if not isinstance(each, Unknown)}
        return EntityValue(value.type, self._present(value.key, place, depth), fields, parents, path, value.schema, said)

    def _present(self, value: Value | Unknown, place: str, depth: int) -> Value | Unknown:
        made = self.moved(value, place, depth)
        assert not isinstance(made, Absence), "only fields can be absent"
        return made
