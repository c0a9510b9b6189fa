"""Histories that have broken caches: whoever asks after `invalidate` returned is never given what was fetched before."""

from __future__ import annotations

import datetime as dt
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from abac import Engine
from abac.engine.sources import Found, FunctionSource, MemorySource, Supply
from abac.model.values import EntityRef
from tests.engine.test_fetching import Slow, until
from tests.engine.world import HOUR, SCHEMA, Clock, counted, engine_of, supplies, world

LEVEL = "permit p when subject.level == 5 deny q otherwise"
LONG = dt.timedelta(seconds=20)


# ── invalidation ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_that_was_announced_is_seen(clock: Clock) -> None:
    place = world()
    engine = engine_of(LEVEL, *supplies(place))
    assert engine.check("ann", "read", "d1").permitted
    place.set("User", "ann", level=4)
    assert engine.check("ann", "read", "d1").permitted
    engine.invalidate("ann")
    assert not engine.check("ann", "read", "d1").permitted and engine.check("bob", "read", "d1") is not None
    assert place.asked == ["ann", "ann", "bob"]


def test_only_what_was_made_of_the_entity_is_forgotten(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level > 1 and resource.level > 1", *supplies(world()))
    for who in ("ann", "bob"):
        for what in ("d1", "d2"):
            engine.check(who, "read", what)
    engine.invalidate("ann")
    kept = {(who, what): counted(engine, who, "read", what)[1] for who in ("ann", "bob") for what in ("d1", "d2")}
    assert kept == {("ann", "d1"): False, ("ann", "d2"): False, ("bob", "d1"): True, ("bob", "d2"): True}


def test_invalidated_between_the_beginning_and_the_end_of_a_fetch(clock: Clock) -> None:
    """What was fetched may be given to whoever asked before, and to nobody else."""
    place = world()
    engine = engine_of(LEVEL, *supplies(place))

    def change() -> None:
        place.set("User", "ann", level=4)
        engine.invalidate("ann")

    place.meanwhile = change
    assert engine.check("ann", "read", "d1").permitted
    assert (engine.statistics.decisions, engine.statistics.answers, engine.statistics.not_kept) == (0, 0, 1)
    assert not engine.check("ann", "read", "d1").permitted


def test_invalidated_while_another_entity_is_fetched(clock: Clock) -> None:
    """The decision is made of an answer that was right when it came, and is no more."""
    place = world()
    engine = engine_of("permit p when resource.owner.level == 3 deny q otherwise", *supplies(place))
    engine.check("ann", "read", "d1")
    place.set("Doc", "d3", owner="cy")
    engine.invalidate("cy")
    engine.check("bob", "read", "d1")  # cy is kept again

    def change() -> None:
        place.set("User", "cy", level=4)
        engine.invalidate("cy")

    place.meanwhile = change  # while d3 is fetched, before cy is looked for
    assert not engine.check("ann", "read", "d3").permitted
    place.set("User", "cy", level=3)
    engine.invalidate("cy")
    assert engine.check("ann", "read", "d1").permitted


def test_invalidated_after_an_answer_was_taken_and_before_the_decision_is_kept(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when subject.level == 5 and resource.level == 4 deny q otherwise", *supplies(place))
    assert not engine.check("ann", "read", "d1").permitted  # ann is kept

    def change() -> None:  # while d2 is fetched; ann was taken from what is kept before
        place.set("User", "ann", level=4)
        engine.invalidate("ann")

    place.meanwhile = change
    assert engine.check("ann", "read", "d2").permitted
    decision, kept = counted(engine, "ann", "read", "d2")
    assert not decision.permitted and not kept


def test_who_asks_after_invalidate_joins_no_flight_from_before() -> None:
    slow = Slow()
    engine = engine_of(LEVEL, Supply("User", slow, keep=HOUR, timeout=LONG))
    with ThreadPoolExecutor(4) as pool:
        before = [pool.submit(engine.check, "ann", "read", "d1") for _ in range(2)]
        until(lambda: engine.statistics.joined == 1 and slow.waiting == ["ann"])
        slow.level = 4
        engine.invalidate("ann")
        after = [pool.submit(engine.check, "ann", "read", "d1") for _ in range(2)]
        until(lambda: engine.statistics.joined == 2)
        slow.let_go.set()
        assert [each.result(20).permitted for each in (*before, *after)] == [True, True, False, False]
    assert not engine.check("ann", "read", "d1").permitted
    assert slow.waiting == ["ann", "ann"]


class Gated:
    """Each answer waits for a gate of its own; the first is 5, the next 4, and so on."""

    name = "gated"

    def __init__(self) -> None:
        self.gates = [threading.Event() for _ in range(3)]
        self.begun = 0
        self.given = 0

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found:
        number, self.begun = self.begun, self.begun + 1
        assert self.gates[number].wait(20)
        self.given += 1
        return Found({"level": 5 - number})


def test_the_flight_that_lands_last_is_not_the_one_that_is_kept() -> None:
    """A flight from before invalidate lands after the one from afterwards."""
    gated = Gated()
    engine = engine_of(LEVEL, Supply("User", gated, keep=HOUR, timeout=LONG))
    with ThreadPoolExecutor(2) as pool:
        old = pool.submit(engine.check, "ann", "read", "d1")
        until(lambda: gated.begun == 1)
        engine.invalidate("ann")
        new = pool.submit(engine.check, "ann", "read", "d1")
        until(lambda: gated.begun == 2)
        gated.gates[1].set()
        assert not new.result(20).permitted
        gated.gates[0].set()
        assert old.result(20).permitted
    decision, kept = counted(engine, "ann", "read", "d1")
    assert not decision.permitted and kept


def test_a_flight_from_before_invalidate_lands_and_the_one_from_afterwards_is_joined_still() -> None:
    gated = Gated()
    engine = engine_of(LEVEL, Supply("User", gated, keep=HOUR, timeout=LONG))
    with ThreadPoolExecutor(3) as pool:
        old = pool.submit(engine.check, "ann", "read", "d1")
        until(lambda: gated.begun == 1)
        engine.invalidate("ann")
        new = pool.submit(engine.check, "ann", "read", "d1")
        until(lambda: gated.begun == 2)
        gated.gates[0].set()
        assert old.result(20).permitted
        third = pool.submit(engine.check, "ann", "read", "d1")
        until(lambda: engine.statistics.joined == 1)
        gated.gates[1].set()
        assert not new.result(20).permitted and not third.result(20).permitted
    assert gated.begun == 2


def test_an_answer_that_comes_too_late_is_not_taken_for_the_one_that_came_in_time() -> None:
    gated = Gated()
    engine = engine_of(LEVEL, Supply("User", gated, keep=HOUR, timeout=dt.timedelta(seconds=0.2)))
    assert str(engine.check("ann", "read", "d1").unknown[0]) == "subject.level: source failed"
    gated.gates[1].set()
    assert engine.check("ann", "read", "d1").rule == "q"
    gated.gates[0].set()
    until(lambda: gated.given == 2)
    time.sleep(0.05)
    assert engine.check("ann", "read", "d2").rule == "q" and gated.begun == 2


def test_an_entity_is_created_after_it_was_found_absent(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when subject.level == 5 deny q otherwise", *supplies(place))
    assert engine.check("eve", "read", "d1").code == "invalid_request"
    assert counted(engine, "eve", "read", "d1")[1]
    place.set("User", "eve", level=5)
    engine.invalidate("eve")
    assert engine.check("eve", "read", "d1").permitted


def test_an_entity_behind_a_reference_is_created_after_it_was_found_absent(clock: Clock) -> None:
    place = world()
    place.set("Doc", "d1", owner="eve")
    engine = engine_of("permit p when resource.owner.level == 5", *supplies(place))
    assert not engine.check("ann", "read", "d1").permitted and counted(engine, "ann", "read", "d1")[1]
    place.set("User", "eve", level=5)
    engine.invalidate("eve")
    assert engine.check("ann", "read", "d1").permitted


def test_an_entity_ceases_to_exist(clock: Clock) -> None:
    place = world()
    engine = engine_of(LEVEL, *supplies(place))
    assert engine.check("ann", "read", "d1").permitted
    del place.entities["User", "ann"]
    engine.invalidate("ann")
    assert engine.check("ann", "read", "d1").code == "invalid_request"


@pytest.mark.parametrize("group", ["ann", "g", "staff"])
def test_a_parent_changes(clock: Clock, group: str) -> None:
    """A group was read, or only walked through on the way up."""
    place = world()
    engine = engine_of('permit p when subject in Group::"staff" deny q when not subject in Group::"staff"', *supplies(place))
    assert engine.check("ann", "read", "d1").permitted
    place.set("User" if group == "ann" else "Group", group, parents=[])
    engine.invalidate(group)
    assert engine.check("ann", "read", "d1").permitted is (group == "staff")
    place.set("Group", "staff", parents=[])
    assert counted(engine, "ann", "read", "d1")[1]


def test_a_group_comes_to_stand_above(clock: Clock) -> None:
    place = world()
    engine = engine_of('permit p when subject in Group::"staff" deny q when not subject in Group::"staff"', *supplies(place))
    assert not engine.check("cy", "read", "d1").permitted
    place.set("Group", "other", parents=["g"])
    engine.invalidate("other")
    assert engine.check("cy", "read", "d1").permitted
    place.set("Group", "g", parents=[])
    engine.invalidate("g")
    assert not engine.check("cy", "read", "d1").permitted


def test_a_link_of_a_chain_changes(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when some b in chain subject by boss: b.level == 5", *supplies(place))
    assert engine.check("cy", "read", "d1").permitted
    place.set("User", "bob", boss=None)
    engine.invalidate("bob")
    assert not engine.check("cy", "read", "d1").permitted


def test_entities_are_invalidated_by_key_whatever_their_type(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when subject.level > 5 deny q otherwise", *supplies(place), more="action run: User | Service -> Doc")
    service = EntityRef("Service", "ann")
    assert engine.check(service, "run", "d1").permitted
    for announced in ("ann", EntityRef("User", "ann"), EntityRef("Service", "ann")):
        place.set("Service", "ann", level=1)
        engine.invalidate(announced)
        assert not engine.check(service, "run", "d1").permitted
        place.set("Service", "ann", level=7)
        engine.invalidate(announced)
        assert engine.check(service, "run", "d1").permitted


def test_entities_are_invalidated_by_keys_in_any_form(clock: Clock) -> None:
    text = """package x
entity Host key ip { ip: IpAddress, open: Bool }
entity Day key on { on: Date, open: Bool }
action enter: Host -> Day
policy p: deny-overrides { permit q when subject.open and resource.open }"""
    import ipaddress

    source = MemorySource("m", {"Host": {ipaddress.ip_address("10.0.0.1"): {"open": True}}, "Day": {dt.date(2026, 1, 1): {"open": True}}})
    engine = Engine.from_text(text, sources=[Supply(type_, source, keep=HOUR, timeout=None) for type_ in ("Host", "Day")])
    for key in ("10.0.0.1", ipaddress.ip_address("10.0.0.1"), "::ffff:10.0.0.1", "2026-01-01", dt.date(2026, 1, 1)):
        assert engine.check("10.0.0.1", "enter", "2026-01-01").permitted
        assert engine.check(ipaddress.ip_address("10.0.0.1"), "enter", dt.date(2026, 1, 1)).permitted
        assert engine.statistics.decisions == 2
        engine.invalidate(key)
        assert engine.statistics.decisions == 0
    for key in (5, None, b"10.0.0.1", "nobody", object()):
        with pytest.raises(ValueError, match="no type of entity has such a key"):
            engine.invalidate(key)


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "rules",
    ["permit p when context.mfa or subject.level == 5", "permit p when resource.level == 3 permit q when subject.level == 5"],
    ids=["or", "a rule that decides first"],
)
def test_a_failure_that_logic_masks_is_a_failure_all_the_same(clock: Clock, rules: str) -> None:
    place = world()
    place.failing = {"ann"}
    engine = engine_of(rules, *supplies(place))
    for _ in range(2):
        decision, kept = counted(engine, "ann", "read", "d1", {"mfa": True})
        assert decision.rule == "p" and not kept
    assert engine.statistics.decisions == 0
    place.failing = set()
    assert engine.check("ann", "read", "d1", {"mfa": True}).rule == "p"
    assert counted(engine, "ann", "read", "d1", {"mfa": True})[1]


def test_a_failure_is_not_remembered_as_an_answer(clock: Clock) -> None:
    place = world()
    place.failing = {"ann"}
    engine = engine_of("permit p when subject.level == 5 and resource.level == 3", *supplies(place))
    assert not engine.check("ann", "read", "d1").permitted
    place.failing = set()
    assert engine.check("ann", "read", "d1").permitted
    assert place.asked == ["ann", "d1", "ann"]  # what did not fail is


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_clock_steps_back(clock: Clock) -> None:
    """Nothing is given that was fetched after the clock of the decision."""
    place = world()
    closes = clock.instant + HOUR
    place.set("Doc", "d1", closes=closes)
    engine = engine_of("permit p when resource has closes <= now deny q otherwise", *supplies(place))
    clock.now += 7200
    assert engine.check("ann", "read", "d1").permitted
    clock.now -= 7200
    decision, kept = counted(engine, "ann", "read", "d1")
    assert not decision.permitted and not kept and place.asked == ["d1", "d1"]
    clock.now += 1
    assert counted(engine, "ann", "read", "d1")[1]


def test_the_clock_steps_back_while_a_source_is_asked(clock: Clock) -> None:
    place = world()

    def step() -> None:
        clock.now -= 100

    place.meanwhile = step
    engine = engine_of(LEVEL, *supplies(place))
    begun = clock.now
    assert engine.check("ann", "read", "d1").permitted
    assert not counted(engine, "ann", "read", "d2")[1] and place.asked == ["ann", "ann"]
    clock.now = begun
    assert counted(engine, "ann", "read", "d1")[1]


def test_nothing_is_given_that_was_fetched_after_the_clock_of_the_decision(clock: Clock) -> None:
    """The second fetch of a decision begins later than its clock says; the decision is not given to an earlier one."""
    place = world()
    engine = engine_of("permit p when resource.owner.level == 3", *supplies(place))

    def pass_time() -> None:
        clock.now += 10

    begun, place.meanwhile = clock.now, pass_time
    engine.check("ann", "read", "d1")
    clock.now = begun + 9
    assert not counted(engine, "ann", "read", "d1")[1]
    clock.now = begun + 10
    assert counted(engine, "ann", "read", "d1")[1]


# ── policies ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_policy_is_replaced_while_a_source_is_asked(clock: Clock, tmp_path: Path) -> None:
    """The one who asked before is answered by the policy of then; what comes of it is not found in the new one."""
    file = tmp_path / "shop" / "shop.abac"
    file.parent.mkdir()
    text = f"{SCHEMA}policy main: first-applicable {{ {LEVEL} }}"
    file.write_text(text, "utf-8")
    place = world()
    engine = Engine.load(file.parent, sources=supplies(place))

    def swap() -> None:
        file.write_text(text.replace("== 5", "== 4"), "utf-8")
        engine.reload()

    place.meanwhile = swap
    old = engine.check("ann", "read", "d1")
    assert old.permitted and old.digest != engine.digest and engine.statistics.decisions == 0
    new = engine.check("ann", "read", "d1")
    assert not new.permitted and new.digest == engine.digest


def test_a_policy_is_replaced_and_an_entity_invalidated_while_a_source_is_asked(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "shop" / "shop.abac"
    file.parent.mkdir()
    file.write_text(f"{SCHEMA}policy main: first-applicable {{ {LEVEL} }}", "utf-8")
    place = world()
    engine = Engine.load(file.parent, sources=supplies(place))

    def swap_and_ask() -> None:
        engine.reload()

        def change() -> None:
            place.set("User", "ann", level=4)
            engine.invalidate("ann")

        place.meanwhile = change
        assert engine.check("ann", "read", "d1").permitted

    place.meanwhile = swap_and_ask
    assert engine.check("ann", "read", "d1").permitted
    assert not engine.check("ann", "read", "d1").permitted


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns a hundred times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("timeout", [None, LONG], ids=["in place", "on threads"])
@pytest.mark.usefixtures("restless")
def test_with_threads_at_work_nobody_is_given_what_was_before_the_invalidation_they_know_of(timeout: dt.timedelta | None) -> None:
    """Values count up, and each step is announced: whoever asks must see at least the last step that was announced when they asked."""
    place = world()
    place.set("User", "ann", level=0, boss="bob")
    place.set("User", "bob", level=0)
    rules = "permit p when subject has boss and subject.level >= 0 oblige log(subject.level) oblige log(subject.boss.level)"

    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        values = place.entities["User", entity.key]
        time.sleep(0.0002)  # long enough for something to happen
        return values

    engine = engine_of(rules, *supplies(FunctionSource("f", fetch), "User", timeout=timeout), kept=256)
    announced = {"ann": 0, "bob": 0}
    wrong: list[object] = []
    working = [True]

    def change(who: str) -> None:
        for step in range(1, 200):
            place.set("User", who, level=step)
            engine.invalidate(who)
            announced[who] = step
            time.sleep((0.0005, 0.002, 0.01)[step % 3])

    def ask(number: int) -> None:
        while working[0]:
            known = (announced["ann"], announced["bob"])
            decision = engine.check("ann", "read", f"d{number % 3}")
            seen = tuple(duty.arguments["level"] for duty in decision.obligations)
            if not all(a >= b for a, b in zip(seen, known, strict=True)):  # type: ignore[operator]
                wrong.append((seen, known))

    asking = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    changing = [threading.Thread(target=change, args=(who,)) for who in announced]
    for thread in (*asking, *changing):
        thread.start()
    for thread in changing:
        thread.join(60)
    working[0] = False
    for thread in asking:
        thread.join(60)
    assert not wrong, wrong[:3]
    statistics = engine.statistics
    assert min(statistics.misses, statistics.hits, statistics.not_kept, statistics.dropped) > 10, statistics
