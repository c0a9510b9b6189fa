"""Sources are asked once for many, no longer than they may take; one that hangs or fails holds up nothing but its own attributes."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from abac import Engine
from abac.engine import workers
from abac.engine.sources import Absent, Found, FunctionSource, Supply
from abac.model.values import EntityRef
from tests.engine.world import HOUR, Clock, engine_of, supplies, world

SHORT = dt.timedelta(seconds=0.15)
LONG = dt.timedelta(seconds=20)
LEVEL = "permit p when subject.level == 5"


class Slow:
    """Answers when it is let go; `waiting` are those that were asked for so far."""

    name = "slow"

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.waiting: list[object] = []
        self.level = 5

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        level = self.level
        self.waiting.append(entity.key)
        if not self.let_go.wait(20):
            raise AssertionError("nobody let it go")
        return Found({"level": level})


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("timeout", [LONG, None], ids=["on threads", "in place"])
def test_many_who_ask_at_once_are_answered_by_one_question(timeout: dt.timedelta | None) -> None:
    slow = Slow()
    engine = engine_of(LEVEL, Supply("User", slow, keep=HOUR, timeout=timeout))
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(engine.check, "ann", "read", f"d{i}") for i in range(8)]
        until(lambda: engine.statistics.joined == 7)
        slow.let_go.set()
        assert all(each.result(20).permitted for each in futures)
    assert slow.waiting == ["ann"] and engine.statistics.fetches == 1


def test_a_flight_is_shared_even_if_nothing_is_kept() -> None:
    slow = Slow()
    engine = engine_of(LEVEL, Supply("User", slow, keep=dt.timedelta(), timeout=LONG))
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(engine.check, "ann", "read", "d1") for _ in range(2)]
        until(lambda: engine.statistics.joined == 1)
        slow.let_go.set()
        assert all(each.result(20).permitted for each in futures)
    assert engine.check("ann", "read", "d1").permitted
    assert slow.waiting == ["ann", "ann"] and engine.statistics.decisions == engine.statistics.answers == 0


def test_a_source_that_hangs_is_unknown_after_its_timeout_and_others_are_not_held_up() -> None:
    slow, place = Slow(), world()
    rules = "permit p when resource.level == 4 deny q when subject.level == 5"
    engine = engine_of(rules, Supply("User", slow, keep=HOUR, timeout=SHORT), *supplies(place, "Doc"))
    begun = time.monotonic()
    assert engine.check("ann", "read", "d2").rule == "p"
    decision = engine.check("ann", "read", "d1")
    assert [str(cause) for cause in decision.unknown] == ["subject.level: source failed"]
    assert 0.25 < time.monotonic() - begun < 5
    statistics = engine.statistics
    assert (statistics.timeouts, statistics.failures, statistics.decisions) == (2, {"slow": 2}, 0)
    slow.let_go.set()


def test_those_who_join_a_flight_share_its_deadline() -> None:
    slow = Slow()
    engine = engine_of(LEVEL, Supply("User", slow, keep=HOUR, timeout=dt.timedelta(seconds=0.5)))
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.check, "ann", "read", "d1")
        time.sleep(0.3)
        second = pool.submit(engine.check, "ann", "read", "d2")
        assert not first.result(20).permitted and not second.result(20).permitted
    assert time.monotonic() - begun < 0.75 and engine.statistics.joined == 1
    slow.let_go.set()


def test_after_a_timeout_the_next_one_asks_again_and_a_late_answer_is_not_taken() -> None:
    slow = Slow()
    engine = engine_of(LEVEL, Supply("User", slow, keep=HOUR, timeout=SHORT))
    slow.level = 4
    assert not engine.check("ann", "read", "d1").permitted
    slow.level = 5
    slow.let_go.set()
    until(lambda: engine.check("ann", "read", "d1").permitted)
    assert slow.waiting == ["ann", "ann"]
    time.sleep(0.05)  # what was asked first has long been answered
    assert engine.check("ann", "read", "d2").permitted and slow.waiting == ["ann", "ann"]


def test_a_source_that_hangs_for_good_leaves_its_other_threads_free() -> None:
    stop = threading.Event()

    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        if entity.key == "hang":
            stop.wait(20)
        return {"level": 5}

    engine = engine_of(LEVEL, Supply("User", FunctionSource("f", fetch), keep=HOUR, timeout=SHORT, threads=2))
    assert not engine.check("hang", "read", "d1").permitted
    assert engine.check("ann", "read", "d1").permitted
    assert not engine.check("hang", "read", "d2").permitted  # now both threads hang
    assert not engine.check("bob", "read", "d1").permitted
    stop.set()
    until(lambda: engine.check("bob", "read", "d1").permitted)


def test_a_source_with_too_much_to_do_has_failed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MAX_WAITING", 0)
    engine = engine_of(LEVEL, Supply("User", world(), keep=HOUR, timeout=LONG))
    decision = engine.check("ann", "read", "d1")
    assert [str(cause) for cause in decision.unknown] == ["subject.level: source failed"]
    assert (engine.statistics.failures, engine.statistics.timeouts) == ({"world": 1}, 0)


def test_what_is_needed_at_once_is_asked_at_once() -> None:
    """Two sources of 0.2 s each, side by side."""

    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        time.sleep(0.2)
        return {"level": 5}

    source = FunctionSource("f", fetch)
    engine = engine_of("permit p when subject.level == 5 and resource.level == 5", *supplies(source, "User", "Doc", timeout=LONG))
    begun = time.monotonic()
    assert engine.check("ann", "read", "d1").permitted
    assert time.monotonic() - begun < 0.38


def test_a_source_that_is_asked_in_place_is_asked_while_others_work() -> None:
    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        time.sleep(0.2)
        return {"level": 5}

    source = FunctionSource("f", fetch)
    in_place, on_threads = Supply("User", source, keep=HOUR, timeout=None), Supply("Doc", source, keep=HOUR, timeout=LONG)
    engine = engine_of("permit p when subject.level == 5 and resource.level == 5", in_place, on_threads)
    begun = time.monotonic()
    assert engine.check("ann", "read", "d1").permitted
    assert time.monotonic() - begun < 0.38


def test_a_source_that_asks_the_engine_for_what_it_is_asked_gets_no_answer() -> None:
    engines: list[Engine] = []

    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        inner = engines[0].check("ann", "read", "d1")
        return {"level": 5 if str(inner.unknown[0]) == "subject.level: source failed" else 0}

    for timeout in (None, SHORT):
        engines[:] = [engine_of(LEVEL, Supply("User", FunctionSource("f", fetch), keep=HOUR, timeout=timeout))]
        engine = engines[0]
        if timeout is None:
            assert engine.check("ann", "read", "d1").permitted
        else:  # on another thread it cannot know that it waits for itself, until time is up
            assert not engine.check("ann", "read", "d1").permitted


def test_an_interrupt_in_the_callers_own_thread_is_not_held_back(clock: Clock) -> None:
    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        raise KeyboardInterrupt

    engine = engine_of(LEVEL, Supply("User", FunctionSource("f", fetch), keep=HOUR, timeout=None))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            engine.check("ann", "read", "d1")
    assert engine.statistics.failures == {"f": 2}


def test_nothing_is_asked_while_a_lock_is_held() -> None:
    """A source may use the engine: ask about something else, and invalidate."""
    place = world()
    engines: list[Engine] = []

    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        if entity.key == "ann":
            engines[0].check("bob", "read", "d1")
            engines[0].invalidate("ann")
        return place.entities["User", entity.key]

    for timeout in (None, LONG):
        engines[:] = [engine_of(LEVEL, Supply("User", FunctionSource("f", fetch), keep=HOUR, timeout=timeout))]
        assert engines[0].check("ann", "read", "d1").permitted
        assert (engines[0].statistics.decisions, engines[0].statistics.answers) == (1, 1)  # bob's; ann's was invalidated meanwhile


def test_asked_by_many_threads_for_many_things_everyone_gets_their_own() -> None:
    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        time.sleep(0.001)
        return {"level": int(str(entity.key)[1:])}

    engine = engine_of(
        "permit p when subject.level == context.n", Supply("User", FunctionSource("f", fetch), keep=HOUR, timeout=LONG, threads=4)
    )
    with ThreadPoolExecutor(8) as pool:
        asked = [(pool.submit(engine.check, f"u{i % 40}", "read", "d1", {"n": i % 40}), i) for i in range(800)]
        assert all(each.result(20).permitted for each, _ in asked)
    assert engine.statistics.fetches == 40
