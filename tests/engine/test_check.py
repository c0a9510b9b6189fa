"""`check` answers as if nothing were kept: a decision is served to the same question while a new one would be the same, and to no other."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abac import Engine
from abac.engine import fetching, table
from abac.engine.sources import Found, FunctionSource, Supply
from abac.model.values import EntityRef
from tests.engine.world import EPOCH, HOUR, SCHEMA, START, Clock, World, counted, engine_of, hits, supplies, world

SECOND = dt.timedelta(seconds=1)
LEVEL = "permit p when subject.level == 5"


# ── how long ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_is_kept_until_it_may_change_with_time(clock: Clock) -> None:
    place = world()
    closes = clock.instant + 10 * SECOND
    place.set("Doc", "d1", closes=closes)
    engine = engine_of("permit p when resource has closes > now deny q otherwise", *supplies(place))
    decision = engine.check("ann", "read", "d1")
    assert decision.permitted and decision.valid_until == closes
    clock.now += 9.999
    assert counted(engine, "ann", "read", "d1") == (decision, True)
    clock.now = START + 10
    decision, kept = counted(engine, "ann", "read", "d1")
    assert not decision.permitted and not kept


def test_a_decision_that_holds_for_this_instant_only_is_not_kept(clock: Clock) -> None:
    engine = engine_of('permit p otherwise because "at {now}"')
    engine.check("ann", "read", "d1")
    assert not counted(engine, "ann", "read", "d1")[1] and engine.statistics.decisions == 0


def test_an_answer_is_used_for_as_long_as_it_is_kept(clock: Clock) -> None:
    place = world()
    engine = engine_of(
        "permit p when subject.level == 5 and resource.level == 3", *supplies(place, "User", keep=10 * SECOND), *supplies(place, "Doc")
    )
    engine.check("ann", "read", "d1")
    place.set("User", "ann", level=4)
    clock.now += 9.9
    assert engine.check("ann", "read", "d1").permitted
    clock.now = START + 10
    assert not engine.check("ann", "read", "d1").permitted
    assert place.asked == ["ann", "d1", "ann"]


def test_an_answer_that_is_not_kept_is_asked_for_every_time(clock: Clock) -> None:
    place = world()
    engine = engine_of(LEVEL, *supplies(place, "User", keep=dt.timedelta()))
    for _ in range(3):
        assert engine.check("ann", "read", "d1").permitted
    assert place.asked == ["ann"] * 3 and engine.statistics.decisions == 0


def test_an_answer_may_be_kept_until_somebody_says_otherwise(clock: Clock) -> None:
    place = world()
    engine = engine_of(LEVEL, *supplies(place, "User", keep=None))
    engine.check("ann", "read", "d1")
    clock.now += 1e9
    assert counted(engine, "ann", "read", "d1")[1]


class Dated:
    """A source that knows how old its data are."""

    name = "dated"

    def __init__(self, fetched_at: dt.datetime) -> None:
        self.fetched_at = fetched_at
        self.asked = 0

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found:
        self.asked += 1
        return Found({"level": 5}, self.fetched_at)


def test_a_value_is_stale_once_it_is_older_than_it_may_be(clock: Clock) -> None:
    dated = Dated(clock.instant - 50 * SECOND)
    engine = engine_of(LEVEL, Supply("User", dated, keep=None, max_age=60 * SECOND, timeout=None))
    decision = engine.check("ann", "read", "d1")
    assert decision.permitted and decision.valid_until == clock.instant + 10 * SECOND
    clock.now += 9.99
    assert counted(engine, "ann", "read", "d1")[1]
    clock.now = START + 10
    assert engine.check("ann", "read", "d1").permitted  # as old as it may be
    clock.now = START + 10.5
    decision = engine.check("ann", "read", "d1")
    assert [str(cause) for cause in decision.unknown] == ["subject.level is stale"]
    before = dated.asked
    assert not engine.check("ann", "read", "d1").permitted and dated.asked == before + 1  # what is stale is not kept
    dated.fetched_at = clock.instant
    assert engine.check("ann", "read", "d1").permitted


def test_the_first_value_to_become_stale_bounds_the_decision(clock: Clock) -> None:
    place = world()
    for first, second in ((60, 100), (100, 60)):
        ages = {"User": first * SECOND, "Doc": second * SECOND}
        sources = [Supply(name, place, keep=None, max_age=age, timeout=None) for name, age in ages.items()]
        engine = engine_of("permit p when subject.level == 5 and resource.level == 3", *sources)
        assert engine.check("ann", "read", "d1").valid_until == clock.instant + 60 * SECOND


def test_what_changes_first_bounds_the_decision(clock: Clock) -> None:
    """Time or age, whichever comes first."""
    place = world()
    place.set("Doc", "d1", closes=clock.instant + 100 * SECOND)
    for max_age, seconds in ((60, 60), (150, 100)):
        rules = "permit p when resource has closes > now and subject.level == 5"
        engine = engine_of(rules, *supplies(place, "Doc"), *supplies(place, "User", max_age=max_age * SECOND))
        assert engine.check("ann", "read", "d1").valid_until == clock.instant + seconds * SECOND


def test_a_source_whose_clock_is_a_little_ahead_is_believed_up_to_now(clock: Clock) -> None:
    dated = Dated(clock.instant + 50 * SECOND)
    engine = engine_of(LEVEL, Supply("User", dated, keep=None, max_age=60 * SECOND, timeout=None))
    assert engine.check("ann", "read", "d1").valid_until == clock.instant + 60 * SECOND
    dated.fetched_at = clock.instant + 61 * SECOND
    engine.invalidate("ann")
    assert [str(cause) for cause in engine.check("ann", "read", "d1").unknown] == ["subject.level: source failed"]


def test_values_that_never_are_too_old_set_no_bound(clock: Clock) -> None:
    dated = Dated(clock.instant)
    engine = engine_of(LEVEL, Supply("User", dated, keep=None, max_age=dt.timedelta.max, timeout=None))
    assert engine.check("ann", "read", "d1").valid_until is None
    assert counted(engine, "ann", "read", "d1")[1]


def test_the_age_of_an_answer_counts_from_before_it_was_asked_for(clock: Clock) -> None:
    place = world()

    def slow() -> None:
        clock.now += 5

    place.meanwhile = slow
    engine = engine_of(LEVEL, *supplies(place, "User", keep=10 * SECOND, max_age=8 * SECOND))
    decision = engine.check("ann", "read", "d1")
    assert decision.valid_until == EPOCH + dt.timedelta(seconds=START + 8)
    clock.now = START + 7.9
    assert counted(engine, "ann", "read", "d1")[1]
    clock.now = START + 8
    assert not counted(engine, "ann", "read", "d1")[1]


def test_a_clock_that_the_caller_gives_goes_around_all_that_is_kept(clock: Clock) -> None:
    place = world()
    place.set("Doc", "d1", closes=clock.instant + HOUR)
    engine = engine_of("permit p when resource has closes > now and subject.level == 5 deny q otherwise", *supplies(place))
    assert engine.check("ann", "read", "d1").permitted
    for at, is_permitted in ((clock.instant - HOUR, True), (clock.instant, True), (clock.instant + 2 * HOUR, False)):
        decision, kept = counted(engine, "ann", "read", "d1", at=at)
        assert (decision.permitted, kept) == (is_permitted, False)
    assert len(place.asked) == 8 and engine.statistics.decisions == 1 and engine.statistics.answers == 2
    assert counted(engine, "ann", "read", "d1")[1]
    engine.check("bob", "read", "d1", at=clock.instant)
    assert engine.statistics.decisions == 1 and engine.statistics.answers == 2


def test_a_clock_that_the_request_brings_is_a_clock_that_the_caller_gives(clock: Clock) -> None:
    engine = engine_of("permit p when now < 2026-06-01T00:00:00Z deny q otherwise", trust_request_clock=True)
    early, late = {"at": "2026-05-01T00:00:00Z"}, {"at": "2026-07-01T00:00:00Z"}
    for _ in range(2):
        assert engine.check("ann", "read", "d1", early).permitted and not engine.check("ann", "read", "d1", late).permitted
    assert engine.statistics.decisions == 0
    assert [str(cause) for cause in engine.check("ann", "read", "d1").unknown] == ["context.at: clock"]


def test_without_a_clock_nothing_is_known_to_be_young_enough(clock: Clock) -> None:
    engine = engine_of(LEVEL, *supplies(world(), "User", max_age=HOUR), trust_request_clock=True)
    assert [str(cause) for cause in engine.check("ann", "read", "d1").unknown] == ["subject.level: clock"]


# ── the policy ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "shop"
    folder.mkdir()
    yield folder


def write(folder: Path, rules: str) -> None:
    (folder / "shop.abac").write_text(f"{SCHEMA}policy main: first-applicable {{ {rules} }}", "utf-8")


def test_a_new_policy_decides_anew(clock: Clock, shop: Path) -> None:
    write(shop, LEVEL)
    engine = Engine.load(shop, sources=supplies(world()))
    first = engine.check("ann", "read", "d1")
    write(shop, "deny p when subject.level == 5")
    engine.reload()
    second = engine.check("ann", "read", "d1")
    assert (first.permitted, second.permitted) == (True, False) and first.digest != second.digest
    assert hits(engine) == 0


def test_a_reload_that_fails_keeps_what_is_kept(clock: Clock, shop: Path) -> None:
    write(shop, LEVEL)
    engine = Engine.load(shop, sources=supplies(world()))
    engine.check("ann", "read", "d1")
    write(shop, "no policy")
    with pytest.raises(ExceptionGroup):
        engine.reload()
    assert counted(engine, "ann", "read", "d1")[1]


def test_what_an_engine_did_is_not_forgotten_with_a_policy(clock: Clock, shop: Path) -> None:
    write(shop, LEVEL)
    engine = Engine.load(shop, sources=supplies(world()))
    for _ in range(3):
        engine.check("ann", "read", "d1")
    engine.reload()
    assert (engine.statistics.hits, engine.statistics.misses, engine.statistics.decisions) == (2, 1, 0)


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────


def test_there_are_never_more_decisions_than_may_be_kept(clock: Clock) -> None:
    engine = engine_of(LEVEL, *supplies(world()), kept=128)
    for i in range(1000):
        engine.check(f"u{i}", "read", "d1")
    statistics = engine.statistics
    assert (statistics.decisions, statistics.evictions, statistics.misses) == (128, 872, 1000)
    assert statistics.answers == 128


def test_nothing_is_kept_if_nothing_may_be(clock: Clock) -> None:
    place = world()
    engine = engine_of(LEVEL, *supplies(place), kept=0)
    engine.check("ann", "read", "d1"), engine.check("ann", "read", "d1")
    assert place.asked == ["ann", "ann"] and (hits(engine), engine.statistics.decisions, engine.statistics.answers) == (0, 0, 0)


def test_what_is_asked_for_again_and_again_outlives_a_flood_from_many(clock: Clock) -> None:
    engine = engine_of(LEVEL, *supplies(world()), kept=128)
    engine.check("ann", "read", "d1")
    for i in range(1000):
        engine.check(f"u{i}", "read", "d1")
        if i % 50 == 0:
            assert counted(engine, "ann", "read", "d1")[1], i


def test_what_is_asked_for_no_longer_goes(clock: Clock) -> None:
    engine = engine_of(LEVEL, *supplies(world()), kept=128)
    engine.check("ann", "read", "d1"), engine.check("ann", "read", "d1")
    for i in range(300):
        engine.check(f"u{i}", "read", "d1")
    assert not counted(engine, "ann", "read", "d1")[1]


def test_a_flood_from_one_subject_takes_a_small_share(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 5", *supplies(world()), kept=64 * 4)
    for who in ("bob", "cy"):
        engine.check(who, "read", "d1")
    for i in range(500):
        engine.check("ann", ("read", "write")[i % 2], f"d{i}")
    assert engine.statistics.decisions == 6
    assert counted(engine, "bob", "read", "d1")[1] and counted(engine, "cy", "read", "d1")[1]
    assert [counted(engine, "ann", ("read", "write")[i % 2], f"d{i}")[1] for i in (499, 498, 497, 496, 495)] == [True] * 4 + [False]


def test_expired_decisions_make_room_for_their_successors(clock: Clock) -> None:
    engine = engine_of(LEVEL, *supplies(world(), keep=SECOND), kept=128)
    for _ in range(5):
        engine.check("ann", "read", "d1")
        clock.now += 2
    assert (engine.statistics.decisions, engine.statistics.evictions) == (1, 0)


def test_a_hit_takes_no_lock(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 5 and context.mfa", *supplies(world()))
    engine.check("ann", "read", "d1", {"mfa": True})
    with engine._setting.generations.lock:  # a lock that is not to be taken again by the thread that has it
        done = threading.Thread(target=engine.check, args=("ann", "read", "d1", {"mfa": True}), daemon=True)
        done.start()
        done.join(5)
        assert not done.is_alive()


# ── statistics ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_done_is_counted(clock: Clock) -> None:
    place = world()
    place.failing = {"cy"}
    engine = engine_of("permit p when subject.level > 1 and resource.level > 1", *supplies(place))
    engine.check("ann", "read", "d1")
    clock.now += 10
    for who in ("ann", "bob", "cy"):
        engine.check(who, "read", "d1")
    engine.invalidate("bob")
    clock.now += 10
    found = engine.statistics
    assert (found.hits, found.misses, found.not_kept, found.decisions, found.answers) == (1, 3, 1, 1, 3)
    assert (found.invalidations, found.dropped, found.fetches, found.kept_answers, found.failures) == (1, 1, 4, 2, {"world": 1})
    assert (found.oldest, found.mean_age) == (20, 20)


def test_a_decision_cannot_be_changed_for_the_next_who_asks(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 5 oblige log(subject.level)", *supplies(world()))
    for _ in range(2):
        arguments: Any = engine.check("ann", "read", "d1").obligations[0].arguments
        with pytest.raises(TypeError):
            arguments["level"] = 0
        assert dict(arguments) == {"level": 5}


def test_entities_that_share_a_counter_cost_misses_and_nothing_else(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.Generations, "slot", staticmethod(lambda key: 7))
    place = world()
    engine = engine_of("permit p when subject.level == 5 and resource.level == 3 deny q otherwise", *supplies(place))
    assert engine.check("ann", "read", "d1").permitted and engine.check("ann", "write", "d1").permitted
    engine.invalidate("nobody")
    assert engine.statistics.dropped == 2
    assert engine.check("ann", "read", "d1").permitted and place.asked == ["ann", "d1"] * 2


def test_there_are_as_many_counters_as_were_promised() -> None:
    assert fetching.SLOTS == 2**16 == len(fetching.Generations().counts) and table.SHARE == 64


def test_one_source_may_supply_several_types_to_several_engines(clock: Clock) -> None:
    place = World(User={"ann": {"level": 5}})
    one, two = (engine_of(LEVEL, *supplies(place)) for _ in range(2))
    one.check("ann", "read", "d1"), two.check("ann", "read", "d1")
    place.set("User", "ann", level=4)
    one.invalidate("ann")
    assert not one.check("ann", "read", "d1").permitted and two.check("ann", "read", "d1").permitted


def test_a_function_is_source_enough(clock: Clock) -> None:
    engine = engine_of(LEVEL, Supply("User", FunctionSource("f", lambda entity, names, at: {"level": 5}), keep=HOUR))
    assert engine.check("ann", "read", "d1").permitted
