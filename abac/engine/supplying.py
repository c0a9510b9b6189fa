"""Floor 5, engine: completes a request: asks for what policies can read of it and it does not say, and puts the answers in place.

A request is completed in rounds: everything that is known is put in place, whatever is lacking then is asked for at once, until
nothing is. Nothing here waits or looks at a clock, so that it serves callers who wait in threads and on event loops alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field

from abac.engine.answers import Answer, Ask, Budget, Mover, Part, age_out
from abac.engine.supplies import PARENTS, Line, Plan
from abac.language.demand import Demand, Demands
from abac.model.limits import MAX_ENTITIES, MAX_NESTING
from abac.model.request import InvalidRequest, Request
from abac.model.values import (
    Cause,
    CauseKind,
    EntityValue,
    ListValue,
    Origin,
    RecordValue,
    SetValue,
    Unknown,
    Value,
    set_of,
)

Place = tuple[Line, type, object]
Rounds = Generator[list[Ask], list[Answer], "Supplied"]
"""Yields what is to be asked, all of it at once, and is sent the answers in the same order."""

AtHand = Callable[[Ask], Answer | None]
Around = frozenset[tuple[str, type, object, int]]


@dataclass(frozen=True, slots=True)
class Supplied:
    """A request with all that could be had.

    Attributes:
        answers: all that were made use of.
        until: when the first of the values becomes stale; None: never.
    """

    request: Request | InvalidRequest
    answers: tuple[Answer, ...] = ()
    until: dt.datetime | None = None


def supply(request: Request, plan: Plan, demands: Demands, at_hand: AtHand) -> Rounds:
    """Complete a request. What it says already is never asked for.

    Args:
        at_hand: the answer to a question that need not be asked again, if there is one.
    """
    answers: dict[Place, Answer] = {}
    while True:
        attempt = _Attempt(request, plan, demands, answers, at_hand)
        made = attempt.made()
        if not attempt.lacking:
            return Supplied(made, tuple(answers.values()), attempt.until)
        asks = list(attempt.lacking.values())
        found = yield asks
        answers |= {ask.place: answer for ask, answer in zip(asks, found, strict=True)}


@dataclass(slots=True)
class _Attempt:
    """The request as far as it can be completed with the answers at hand; `lacking` is what to ask for next."""

    request: Request
    plan: Plan
    demands: Demands
    answers: dict[Place, Answer]
    at_hand: AtHand
    lacking: dict[Place, Ask] = field(default_factory=dict)
    until: dt.datetime | None = None
    entities: int = 0
    budget: Budget = field(default_factory=Budget)

    def made(self) -> Request | InvalidRequest:
        given = self.request
        subject = self._entity(given.subject, self.demands.subject, 0, frozenset())
        resource = self._entity(given.resource, self.demands.resource, 0, frozenset())
        context = self._below(given.context, self.demands.context, 0, frozenset())
        missing = [part.path for part in (given.subject, given.resource) if self._is_absent(part)]
        if missing and not self.lacking:
            return InvalidRequest(Unknown.union(Unknown.of(path, CauseKind.MISSING) for path in missing))
        assert isinstance(context, RecordValue), "a record stays one"
        return Request(subject, given.action, resource, context, given.now)

    def _is_absent(self, part: EntityValue) -> bool:
        """Whether all who were asked about a part of the request know that there is no such thing."""
        lines = dict.fromkeys(self.plan.lines.get(part.type, {}).values())
        found = [answer for line in lines if (answer := self.answers.get(Ask.of(line, _key(part)).place)) is not None]
        return bool(found) and all(answer.fields is None and not answer.failed for answer in found)

    # ── entities ───────────────────────────────────────────────────────────────────────────────────────────

    def _entity(self, given: EntityValue, demand: Demand, depth: int, around: Around) -> EntityValue:
        """The entity with what is read of it; `around` are those that it stands below, and what was wanted of them."""
        if demand.empty or isinstance(given.key, Unknown):
            return given
        here = (given.type, type(given.key), given.key, id(demand))
        lines = self.plan.lines.get(given.type, {})
        wanted = [name for name in lines if self._wants(demand, name) and _is_lacking(given, name)]
        supplied, origins = self._supplied(given, wanted, lines, depth, here in around) if wanted else ({}, {})
        inner = around | {here}
        fields: dict[str, Part] = {}
        for name, value in given.fields.items():
            below = demand.of(name)
            own = supplied.get(name, value)
            fields[name] = own if below is None else self._below(own, below, depth + 1, inner)
        parents = supplied.get(PARENTS, given.parents)
        if demand.above is not None:
            parents = self._below(parents, demand.above, depth + 1, inner)
        assert isinstance(parents, ListValue | Unknown), "parents are a list"
        known = {**(given.origins or {}), **origins}
        return EntityValue(given.type, given.key, fields, parents, given.path, given.schema, known or None)

    def _wants(self, demand: Demand, name: str) -> bool:
        return (demand.above if name == PARENTS else demand.of(name)) is not None

    def _supplied(
        self, given: EntityValue, wanted: Iterable[str], lines: Mapping[str, Line], depth: int, is_circle: bool
    ) -> tuple[dict[str, Part], dict[str, Origin]]:
        """The wanted attributes, in place, and where they come from; those that are not at hand are noted as lacking."""
        self.entities += 1
        if is_circle or self.entities > MAX_ENTITIES or depth >= MAX_NESTING:
            return {name: Unknown.of(f"{given.path}.{name}", CauseKind.LIMIT_EXCEEDED) for name in wanted}, {}
        values: dict[str, Part] = {}
        origins: dict[str, Origin] = {}
        for name in wanted:
            ask = Ask.of(lines[name], _key(given))
            answer = self._answer(ask)
            if answer is None:
                self.lacking[ask.place] = ask
                continue
            value = values[name] = self._value(answer, lines[name], name, given.path, depth)
            if answer.origin is not None and not isinstance(value, Unknown):
                origins[name] = answer.origin
        return values, origins

    def _answer(self, ask: Ask) -> Answer | None:
        answer = self.answers.get(ask.place)
        if answer is None and ask.place not in self.lacking and (answer := self.at_hand(ask)) is not None:
            self.answers[ask.place] = answer
        return answer

    def _value(self, answer: Answer, line: Line, name: str, path: str, depth: int) -> Part:
        place = f"{path}.{name}"
        if answer.origin is None:
            return Unknown.of(place, CauseKind.SOURCE_FAILED)
        if answer.fields is None:
            return Unknown.of(place, CauseKind.MISSING)
        max_age = line.max_ages.get(name)
        if max_age is not None and (cause := self._aged(answer.origin.fetched_at, max_age)) is not None:
            return Unknown.of(place, cause)
        return Mover(path, answer.origin, self.budget).moved(answer.fields[name], place, depth + 1)

    def _aged(self, fetched_at: dt.datetime, max_age: dt.timedelta) -> CauseKind | None:
        """Why something may not be used because of its age, if so; else until when it may is noted."""
        now = self.request.now
        if isinstance(now, Unknown):
            return CauseKind.CLOCK
        if now - fetched_at > max_age:
            return CauseKind.STALE
        end = age_out(fetched_at, max_age)
        if end is not None:
            self.until = end if self.until is None else min(self.until, end)
        return None

    # ── what is inside ─────────────────────────────────────────────────────────────────────────────────────

    def _below(self, value: Part, demand: Demand, depth: int, around: Around) -> Part:
        """A value with the entities in it completed."""
        if demand.empty:
            return value
        match value:
            case EntityValue():
                return self._entity(value, demand, depth, around)
            case RecordValue(fields=fields):
                inner = {name: self._field(each, demand.of(name), depth + 1, around) for name, each in fields.items()}
                return RecordValue(value.type, inner, value.path, value.schema)
            case ListValue(elements=elements):
                return ListValue(tuple(self._element(each, demand, depth + 1, around) for each in elements))
            case SetValue(elements=elements) if value.plain is None:
                return set_of(self._element(each, demand, depth + 1, around) for each in elements)
            case _:
                return value

    def _field(self, value: Part, demand: Demand | None, depth: int, around: Around) -> Part:
        return value if demand is None else self._below(value, demand, depth, around)

    def _element(self, value: Value | Unknown, demand: Demand, depth: int, around: Around) -> Value | Unknown:
        return self._below(value, demand, depth, around)  # type: ignore[return-value]  # only fields can be absent


def _key(entity: EntityValue) -> Value:
    assert not isinstance(entity.key, Unknown), "who asks for what is known, and what is not cannot be asked for"
    return entity.key


def _is_lacking(given: EntityValue, name: str) -> bool:
    """Whether the entity, as it was given, does not say: what it says wrongly it says."""
    value = given.parents if name == PARENTS else given.fields[name]
    return isinstance(value, Unknown) and value.causes == {Cause(f"{given.path}.{name}", CauseKind.MISSING)}
