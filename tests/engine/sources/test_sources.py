"""Sources that are shipped answer what they were given; where a value came from travels with it to whoever asks why."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

from abac import Absent, AsyncFunctionSource, Engine, EntityRef, Found, FunctionSource, MemorySource, Origin, Supply
from abac.model.values import EntityValue
from tests.engine.world import EPOCH, HOUR, START, UTC, Clock, engine_of, supplies, world

NOON = dt.datetime(2026, 7, 15, 12, tzinfo=UTC)
LEVEL = frozenset({"level"})


# ── those that are shipped ───────────────────────────────────────────────────────────────────────────────


def test_a_source_in_memory_knows_what_was_put_in_and_nothing_that_was_removed() -> None:
    source = MemorySource("people", {"User": {"ann": {"level": 1}}})
    assert source.fetch(EntityRef("User", "ann"), LEVEL, NOON) == Found({"level": 1}, version="1")
    assert source.fetch(EntityRef("Team", "ann"), LEVEL, NOON) == Absent()
    source.put(EntityRef("User", "ann"), {"level": 2})
    source.put(EntityRef("User", "bob"), {"level": 3})
    assert source.fetch(EntityRef("User", "ann"), LEVEL, NOON) == Found({"level": 2}, version="2")
    source.remove(EntityRef("User", "ann"))
    source.remove(EntityRef("User", "ann"))
    assert source.fetch(EntityRef("User", "ann"), LEVEL, NOON) == Absent()
    assert list(source.entities()) == [EntityRef("User", "bob")]


def test_in_memory_true_is_not_one() -> None:
    source = MemorySource("rooms", {"Room": {1: {"level": 1}}})
    assert source.fetch(EntityRef("Room", True), LEVEL, NOON) == Absent()
    source.put(EntityRef("Room", True), {"level": 2})
    assert source.fetch(EntityRef("Room", 1), LEVEL, NOON) == Found({"level": 1}, version="1")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"level": 1}, Found({"level": 1})),
        (None, Absent()),
        (Absent(), Absent()),
        (Found({"level": 1}, NOON, "v"), Found({"level": 1}, NOON, "v")),
    ],
)
def test_a_function_answers_with_attributes_or_none(answer: Any, expected: Found | Absent) -> None:
    asked: list[object] = []

    def function(*arguments: object) -> object:
        asked.append(arguments)
        return answer

    async def awaited(*arguments: object) -> object:
        return function(*arguments)

    ann = EntityRef("User", "ann")
    assert FunctionSource("f", function).fetch(ann, LEVEL, NOON) == expected
    assert asyncio.run(AsyncFunctionSource("f", awaited).fetch(ann, LEVEL, NOON)) == expected
    assert asked == [(ann, LEVEL, NOON)] * 2


def test_what_a_function_raises_it_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        FunctionSource("f", lambda *arguments: 1 // 0).fetch(EntityRef("User", "ann"), LEVEL, NOON)


# ── where values came from ───────────────────────────────────────────────────────────────────────────────


def test_an_explanation_says_where_values_came_from_and_since_when(clock: Clock) -> None:
    place = world()
    people = MemorySource("people", {"User": {"ann": {"level": 5, "tags": ["x"]}}})
    docs = FunctionSource(
        "docs", lambda entity, names, at: Found(place.entities["Doc", entity.key], EPOCH + dt.timedelta(seconds=START - 90))
    )
    rules = 'permit p when subject.level > resource.level and "x" in subject.tags and context.mfa'
    engine = engine_of(rules, Supply("User", people, keep=HOUR), Supply("Doc", docs, keep=HOUR))
    made = engine.explain_check("ann", "read", "d1", {"mfa": True})
    now, then = clock.instant, clock.instant - dt.timedelta(seconds=90)
    assert made.decision.permitted and made.origins == {
        "subject.level": Origin("people", now, "1"), "subject.tags": Origin("people", now, "1"), "resource.level": Origin("docs", then)
    }  # fmt: skip
    text = str(made)
    assert "    subject.level   5   (people, 2027-01-15T08:00:00Z, version 1)\n" in text
    assert "    resource.level  3   (docs, 2027-01-15T07:58:30Z)\n" in text
    assert "    context.mfa     true\n" in text
    officer: Any = made.to_dict()["officer"]
    assert officer["origins"]["resource.level"] == {"source": "docs", "fetched_at": "2027-01-15T07:58:30Z", "version": None}
    assert set(officer["origins"]) == {"subject.level", "subject.tags", "resource.level"}


def test_the_parts_of_a_value_came_from_where_it_did(clock: Clock) -> None:
    place = world()
    place.set("Doc", "d1", offers=[{"price": 1, "until": "2030-01-01T00:00:00Z"}], owner={"id": "zoe", "level": 4, "boss": "ann"})
    conditions = "o.price > 0 and resource.owner.level == 4 and resource.owner has boss and resource.owner.boss.level == 5"
    engine = engine_of(f"permit p for some o in resource.offers when {conditions}", *supplies(place))
    made = engine.explain_check("ann", "read", "d1")
    assert made.decision.rule == "p"
    assert {path: origin.source for path, origin in made.origins.items()} == dict.fromkeys(
        ["resource.offers[0].price", "resource.owner.level", "resource.owner.boss.level"], "world"
    )


def test_what_does_not_say_how_old_it_is_is_as_old_as_the_decision(clock: Clock) -> None:
    """Time passes between the clock of the decision and the question; a clock that the caller made up dates nothing."""
    clock.tick = 0.5
    engine = engine_of("permit p when resource.owner.level == 3", *supplies(world()))
    made = engine.explain_check("ann", "read", "d1")
    assert made.origins["resource.owner.level"].fetched_at == made.at and made.decision.permitted
    before = clock.instant
    made = engine.explain_check("ann", "read", "d1", at=NOON)
    assert made.at == NOON and made.origins["resource.owner.level"].fetched_at > before


def test_what_a_request_says_itself_has_no_origin(clock: Clock) -> None:
    engine = engine_of('permit p when context.who.level == 5 and context.who.role == "member"', *supplies(world()))
    made = engine.explain_check("bob", "read", "d1", {"who": {"id": "ann", "level": 5}})
    assert set(made.origins) == {"context.who.role"} and made.decision.permitted
    plain = Engine.from_text(engine.state.package.sources[0].text).explain(
        {"id": "bob"}, "read", {"id": "d1"}, {"who": {"id": "ann", "level": 5}}
    )
    assert plain.origins == {}


def test_the_supplied_request_carries_its_origins(clock: Clock) -> None:
    place = world()
    engine = engine_of('permit p when subject in Group::"staff" and subject.level == 5', *supplies(place))
    request = engine._checks.supplied("ann", "read", "d1", None, None, clock).request
    subject = request.subject  # type: ignore[union-attr]
    origin = Origin("world", clock.instant)
    assert subject.origins == {"parents": origin, "level": origin}
    group = subject.parents.elements[0]
    assert isinstance(group, EntityValue) and group.path == "subject.parents[0]" and group.origins == {"id": origin, "parents": origin}


def test_a_failed_attribute_has_no_origin(clock: Clock) -> None:
    place = world()
    place.failing = {"ann"}
    made = engine_of("permit p when subject.level == 5", *supplies(place)).explain_check("ann", "read", "d1")
    assert made.origins == {} and [str(cause) for cause in made.unknown] == ["subject.level: source failed"]
