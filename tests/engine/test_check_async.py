"""On event loops `acheck` is `check`: one flight for many, cancelled for nobody, and the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from abac import Decision
from abac.engine.sources import Absent, AsyncFunctionSource, Found, FunctionSource, Supply
from abac.model.values import EntityRef
from tests.engine.world import HOUR, Clock, World, engine_of, hits, supplies, world

LEVEL = "permit p when subject.level == 5 deny q otherwise"
LONG, SHORT = dt.timedelta(seconds=20), dt.timedelta(seconds=0.15)


class Gated:
    """An asynchronous source that answers when it is let go."""

    name = "gated"

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[object] = []
        self.level = 5

    async def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        level = self.level
        self.asked.append(entity.key)
        await self.gate.wait()
        return Found({"level": level}) if entity.key != "nobody" else Absent()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def test_an_asynchronous_source_supplies(clock: Clock) -> None:
    async def story() -> None:
        gated = Gated()
        gated.gate.set()
        engine = engine_of(LEVEL, Supply("User", gated, keep=HOUR))
        first, again = await engine.acheck("ann", "read", "d1"), await engine.acheck("ann", "read", "d1")
        assert first.permitted and again is first and gated.asked == ["ann"]
        assert (await engine.acheck("nobody", "read", "d1")).code == "invalid_request"
        made = await engine.aexplain_check("ann", "read", "d1")
        assert made.values == {"subject.level": 5} and made.decision.permitted

    asyncio.run(story())


def test_a_check_that_would_have_to_await_a_source_says_so(clock: Clock) -> None:
    engine = engine_of(LEVEL, Supply("User", Gated(), keep=HOUR))
    for ask in (engine.check, engine.explain_check):
        with pytest.raises(TypeError, match="attribute source gated is asynchronous"):
            ask("ann", "read", "d1")


def test_sources_of_both_kinds_supply_one_request(clock: Clock) -> None:
    async def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        return {"level": 5}

    async def story() -> None:
        for timeout in (None, LONG):
            place = world()
            rules = "permit p when subject.level == 5 and resource.owner.level == 5 and resource.level == 3"
            engine = engine_of(rules, Supply("User", AsyncFunctionSource("a", fetch), keep=HOUR), *supplies(place, "Doc", timeout=timeout))
            assert (await engine.acheck("ann", "read", "d1")).permitted and place.asked == ["d1"]
            assert engine.check("ann", "read", "d1").permitted  # it is kept

    asyncio.run(story())


def test_many_who_await_at_once_are_answered_by_one_question() -> None:
    async def story() -> None:
        gated = Gated()
        engine = engine_of(LEVEL, Supply("User", gated, keep=HOUR))
        tasks = [asyncio.create_task(engine.acheck("ann", "read", f"d{i}")) for i in range(20)]
        await until(lambda: engine.statistics.joined == 19)
        gated.gate.set()
        assert all(decision.permitted for decision in await asyncio.gather(*tasks))
        assert gated.asked == ["ann"]

    asyncio.run(story())


def test_the_one_who_asked_first_is_cancelled_and_the_others_are_answered() -> None:
    async def story(source: Gated | FunctionSource, let_go: Callable[[], None], asked: Callable[[], int]) -> None:
        engine = engine_of(LEVEL, Supply("User", source, keep=HOUR, timeout=LONG))
        leader = asyncio.create_task(engine.acheck("ann", "read", "d1"))
        await until(lambda: asked() == 1)
        others = [asyncio.create_task(engine.acheck("ann", "read", "d1")) for _ in range(3)]
        await until(lambda: engine.statistics.joined == 3)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        others.pop().cancel()
        await asyncio.sleep(0.01)
        let_go()
        assert [decision.permitted for decision in await asyncio.gather(*others)] == [True, True]
        assert asked() == 1 and engine.statistics.failures == {}
        assert (await engine.acheck("ann", "read", "d1")).permitted and asked() == 1

    async def asynchronous() -> None:
        gated = Gated()
        await story(gated, gated.gate.set, lambda: len(gated.asked))

    async def on_threads() -> None:
        event, asked = threading.Event(), list[object]()

        def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
            asked.append(entity.key)
            event.wait(20)
            return {"level": 5}

        await story(FunctionSource("f", fetch), event.set, lambda: len(asked))

    asyncio.run(asynchronous())
    asyncio.run(on_threads())


def test_all_who_wait_are_cancelled_and_the_answer_lands_all_the_same() -> None:
    async def story() -> None:
        gated = Gated()
        engine = engine_of(LEVEL, Supply("User", gated, keep=HOUR))
        task = asyncio.create_task(engine.acheck("ann", "read", "d1"))
        await until(lambda: gated.asked == ["ann"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gated.gate.set()
        await until(lambda: engine.statistics.answers == 1)
        assert (await engine.acheck("ann", "read", "d1")).permitted and gated.asked == ["ann"]

    asyncio.run(story())


def test_invalidated_while_a_source_is_awaited(clock: Clock) -> None:
    async def story() -> None:
        gated = Gated()
        engine = engine_of(LEVEL, Supply("User", gated, keep=HOUR))
        before = asyncio.create_task(engine.acheck("ann", "read", "d1"))
        await until(lambda: gated.asked == ["ann"])
        gated.level = 4
        engine.invalidate("ann")
        after = asyncio.create_task(engine.acheck("ann", "read", "d1"))
        await until(lambda: gated.asked == ["ann", "ann"])
        gated.gate.set()
        assert [(await each).permitted for each in (before, after)] == [True, False]
        assert not (await engine.acheck("ann", "read", "d1")).permitted and hits(engine) == 1

    asyncio.run(story())


def test_a_source_that_does_not_answer_in_time_has_failed() -> None:
    """Also one that takes no notice of being cancelled."""

    async def stubborn(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return {"level": 5}

    async def story() -> None:
        for source in (Gated(), AsyncFunctionSource("stubborn", stubborn)):
            engine = engine_of(LEVEL, Supply("User", source, keep=HOUR, timeout=SHORT))
            begun = time.monotonic()
            decision = await engine.acheck("ann", "read", "d1")
            assert [str(cause) for cause in decision.unknown] == ["subject.level: source failed"]
            assert time.monotonic() - begun < 0.5
            assert (engine.statistics.timeouts, engine.statistics.decisions) == (1, 0)

    asyncio.run(story())


def test_a_flight_that_everybody_left_and_that_never_lands_is_not_waited_for() -> None:
    async def story() -> None:
        asked: list[object] = []

        async def hang_once(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
            asked.append(entity.key)
            end = time.monotonic() + (1.0 if len(asked) == 1 else 0)
            while time.monotonic() < end:
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    continue
            return {"level": 5}

        engine = engine_of(LEVEL, Supply("User", AsyncFunctionSource("hangs", hang_once), keep=HOUR, timeout=SHORT))
        left = asyncio.create_task(engine.acheck("ann", "read", "d1"))
        await until(lambda: asked == ["ann"])
        left.cancel()
        await asyncio.sleep(0.3)
        assert (await engine.acheck("ann", "read", "d1")).permitted and asked == ["ann", "ann"]

    asyncio.run(story())


@pytest.mark.parametrize("raised", [ValueError("secret"), TimeoutError("its own"), asyncio.CancelledError(), RuntimeError()])
def test_a_source_that_raises_has_failed(clock: Clock, raised: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    async def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        if entity.key == "ann":
            raise raised
        return {"level": 5}

    async def story() -> Decision:
        engine = engine_of(LEVEL, Supply("User", AsyncFunctionSource("a", fetch), keep=HOUR))
        found = await engine.acheck("ann", "read", "d1")
        assert (await engine.acheck("bob", "read", "d1")).permitted
        assert engine.statistics.failures == {"a": 1}
        return found

    assert [str(cause) for cause in asyncio.run(story()).unknown] == ["subject.level: source failed"]
    assert "secret" not in caplog.text


def test_the_loop_goes_on_while_a_thread_waits() -> None:
    def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        time.sleep(0.3)
        return {"level": 5}

    async def story() -> None:
        engine = engine_of(LEVEL, Supply("User", FunctionSource("f", fetch), keep=HOUR, timeout=LONG))
        task = asyncio.create_task(engine.acheck("ann", "read", "d1"))
        ticks = 0
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert (await task).permitted and ticks > 10

    asyncio.run(story())


def test_what_is_needed_at_once_is_awaited_at_once() -> None:
    async def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        await asyncio.sleep(0.2)
        return {"level": 5}

    async def story() -> None:
        engine = engine_of(
            "permit p when subject.level == 5 and resource.level == 5",
            *supplies(AsyncFunctionSource("a", fetch), "User", "Doc", timeout=LONG),
        )
        begun = time.monotonic()
        assert (await engine.acheck("ann", "read", "d1")).permitted
        assert time.monotonic() - begun < 0.38

    asyncio.run(story())


def test_one_loop_may_end_while_a_flight_is_up_and_the_next_asks_again() -> None:
    gated: list[Gated] = []

    async def leave(ask: Callable[[], Awaitable[Decision]]) -> None:
        task = asyncio.ensure_future(ask())
        await until(lambda: gated[0].asked == ["ann"])
        task.cancel()

    async def ask_again(ask: Callable[[], Awaitable[Decision]]) -> Decision:
        gated[0].gate = asyncio.Event()
        gated[0].gate.set()
        return await ask()

    gated.append(Gated())
    engine = engine_of(LEVEL, Supply("User", gated[0], keep=HOUR))
    asyncio.run(leave(lambda: engine.acheck("ann", "read", "d1")))
    assert asyncio.run(ask_again(lambda: engine.acheck("ann", "read", "d1"))).permitted


def test_two_loops_may_share_an_engine() -> None:
    place = World(User={f"u{i}": {"level": 5} for i in range(50)})

    async def fetch(entity: EntityRef, names: frozenset[str], at: dt.datetime) -> object:
        await asyncio.sleep(0.001)
        return place.entities["User", entity.key]

    engine = engine_of(LEVEL, Supply("User", AsyncFunctionSource("a", fetch), keep=HOUR))
    found: list[bool] = []

    async def ask() -> None:
        decisions = await asyncio.gather(*(engine.acheck(f"u{i}", "read", "d1") for i in range(50)))
        found.extend(decision.permitted for decision in decisions)

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [True] * 150


@pytest.mark.parametrize("context", [None, {}, {"mfa": True}, {"mfa": 1}, {"mfa": [[]]}, {"mfa": {1}}, 5, {"mfa": object()}])
def test_what_is_kept_is_given_to_those_who_await_and_to_those_who_do_not(clock: Clock, context: object) -> None:
    async def story() -> None:
        engine = engine_of("permit p when context.mfa or subject.level == 5", *supplies(world()))
        first = await engine.acheck("ann", "read", "d1", context)
        assert await engine.acheck("ann", "read", "d1", context) == first == engine.check("ann", "read", "d1", context)
        assert hits(engine) == (2 if first.code != "invalid_request" else 0)
        assert await engine.acheck("ann", "read", "d1", context, at=clock.instant) == first
        clock.now += 3601
        assert await engine.acheck("ann", "read", "d1", context) == first
        assert hits(engine) == (2 if first.code != "invalid_request" else 0)

    asyncio.run(story())
