"""Floor 5, engine: asks attribute sources: once for many who wait, at most so long, and keeps what may be kept.

Invariant, which all caches rest on: whoever asks after `Generations.invalidate` returned is not given anything whose fetch began before.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Final

from cachetools import LRUCache

from abac.engine.answers import Answer, Ask, RefusedAnswer, failure, read_answer
from abac.engine.clock import Clock, instant
from abac.engine.statistics import Counters
from abac.model.schema import Schema
from abac.model.values import Table, Value

log = logging.getLogger("abac")

SLOTS: Final = 2**16
"""Counters for entities: those that share one are invalidated together."""


class Generations:
    """A counter for every entity, by its key alone, and the lock under which caches look at counters and insert.

    They belong to an engine: every policy version of it sees the same.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts = [0] * SLOTS

    @staticmethod
    def slot(key: Value) -> int:
        return hash((type(key), key)) % SLOTS


class Flight:
    """A question that is being asked.

    Attributes:
        future: the answer, sooner or later; waiting for it ends at the deadline (of `time.monotonic`) if there is one.
        begun: the engine's clock when it took off.
        asked_at: as of when its answer is right, if that does not say: by the clock of the decision, which was read before, unless the
            caller made that up.
        slot, noted: the counter of the entity, and what it showed before the flight took off.
        thread: where it is asked, if that is the thread of whoever asked.
        kept: whether others may join and its answer may be kept.
    """

    __slots__ = ("asked_at", "begun", "deadline", "future", "kept", "noted", "slot", "thread")

    def __init__(self, ask: Ask, at: dt.datetime, begun: float, slot: int, noted: int, kept: bool) -> None:
        self.future: Future[Answer] = Future()
        self.begun, self.slot, self.noted, self.kept = begun, slot, noted, kept
        self.asked_at = min(at, instant(begun)) if kept else instant(begun)
        self.deadline = None if ask.line.timeout is None else time.monotonic() + ask.line.timeout
        self.thread: int | None = None

    @property
    def left(self) -> float | None:
        """Seconds until the deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


class Fetches:
    """The answers of one policy version's sources, and those that are on their way."""

    def __init__(self, schema: Schema, tables: Mapping[str, Table], generations: Generations, counters: Counters, most: int) -> None:
        """Args: `most` answers are kept; none if it is 0."""
        self._keeps = most > 0
        self._schema, self._tables = schema, tables
        self._generations, self._counters = generations, counters
        self._answers: LRUCache[object, Answer] = LRUCache(max(1, most))
        self._flights: dict[object, Flight] = {}

    def all(self, asks: Sequence[Ask], at: dt.datetime, clock: Clock, private: bool) -> list[Answer]:
        """The answers, asked for all at once.

        Args:
            at: the clock of the decision.
            private: nothing that was asked for others is used, and nothing that is asked here is kept.
        """
        boarded = [self.board(ask, at, clock, private) for ask in asks]
        mine = [(ask, found) for ask, (found, is_mine) in zip(asks, boarded, strict=True) if is_mine and isinstance(found, Flight)]
        for ask, flight in sorted(mine, key=lambda pair: pair[0].line.workers is None):  # those that others work on first
            self.take_off(ask, flight, at, clock)
        return [found if isinstance(found, Answer) else self._landed(ask, found) for ask, (found, _) in zip(asks, boarded, strict=True)]

    def at_hand(self, ask: Ask, clock: Clock) -> Answer | None:
        """The answer that is kept, if it may be used now."""
        with self._generations.lock:
            return self._kept(ask, clock(), self._generations.counts[self._generations.slot(ask.entity.key)])  # type: ignore[arg-type]

    def _kept(self, ask: Ask, now: float, noted: int) -> Answer | None:
        answer = self._answers.get(ask.place)
        if answer is None or answer.noted != noted or not answer.begun <= now < answer.keep_until:
            return None
        self._counters.kept_answers += 1
        return answer

    def board(self, ask: Ask, at: dt.datetime, clock: Clock, private: bool) -> tuple[Answer | Flight, bool]:
        """An answer that is at hand, a flight to wait for, or one to take off with: then the second is true."""
        slot = self._generations.slot(ask.entity.key)  # type: ignore[arg-type]  # a key that was read
        with self._generations.lock:
            now, noted = clock(), self._generations.counts[slot]
            if not private:
                answer = self._kept(ask, now, noted)
                if answer is not None:  # it landed since it was looked for
                    return answer, False
                flight = self._flights.get(ask.place)
                if flight is not None and flight.noted == noted and flight.left != 0:
                    self._counters.joined += 1
                    return flight, False
            flight = Flight(ask, at, now, slot, noted, kept=not private)
            if not private:
                self._flights[ask.place] = flight
            self._counters.fetches += 1
            return flight, True

    def take_off(self, ask: Ask, flight: Flight, at: dt.datetime, clock: Clock) -> None:
        """Ask a source that is not asynchronous: on its threads, or here."""
        if ask.line.workers is None:
            flight.thread = threading.get_ident()
            self._fly(ask, flight, at, clock)
            flight.thread = None
        elif ask.line.workers.submit(lambda: self._fly(ask, flight, at, clock)) is None:
            self.crash(ask, flight, "too many are waiting for it")

    def _fly(self, ask: Ask, flight: Flight, at: dt.datetime, clock: Clock) -> None:
        if flight.future.done():  # nobody waits any longer
            return
        try:
            got = ask.line.supply.source.fetch(ask.entity, ask.line.names, at)
            answer = self.read(ask, flight, got, clock)
        except Exception as error:  # a source may raise anything; what it did not tell is unknown
            self.crash(ask, flight, told(error))
        except BaseException:
            self.crash(ask, flight, "it was interrupted")
            raise
        else:
            self.land(ask, flight, answer)

    def read(self, ask: Ask, flight: Flight, got: object, clock: Clock) -> Answer:
        """What a source gave, as an answer. Raises whatever the source's objects do, and RefusedAnswer."""
        asked = failure(flight.begun, flight.slot, flight.noted)
        return read_answer(ask, got, self._schema, self._tables, asked, flight.asked_at, instant(clock()))

    def land(self, ask: Ask, flight: Flight, answer: Answer) -> None:
        """The answer is there: for those who wait, and, if nobody invalidated the entity meanwhile, for those who come."""
        with self._generations.lock:
            if flight.future.done():
                return
            if self._flights.get(ask.place) is flight:
                del self._flights[ask.place]
            current = self._keeps and flight.kept and self._generations.counts[flight.slot] == flight.noted
            if current and answer.keep_until > answer.begun:
                self._answers[ask.place] = answer
            flight.future.set_result(answer)

    def crash(self, ask: Ask, flight: Flight, why: str) -> None:
        """There is no answer and will be none."""
        with self._generations.lock:
            if flight.future.done():
                return
            self._counters.failures[ask.line.source] = self._counters.failures.get(ask.line.source, 0) + 1
        log.warning("attribute source %s failed for %s: %s", ask.line.source, ask.line.entity.name, why)
        self.land(ask, flight, failure(flight.begun, flight.slot, flight.noted))

    def _landed(self, ask: Ask, flight: Flight) -> Answer:
        """The answer of a flight, waited for no longer than its deadline."""
        if flight.thread == threading.get_ident() and not flight.future.done():
            return failure(flight.begun, flight.slot, flight.noted)  # the source asks for what it is being asked for
        wait((flight.future,), flight.left)
        if not flight.future.done():
            self.give_up(ask, flight)
        return flight.future.result()

    def give_up(self, ask: Ask, flight: Flight) -> None:
        """The deadline is over."""
        with self._generations.lock:
            self._counters.timeouts += 1
        self.crash(ask, flight, "it did not answer in time")

    @property
    def kept(self) -> int:
        """How many answers are kept."""
        return len(self._answers)


def told(error: Exception) -> str:
    """What may be logged of an error: its message may hold values."""
    return str(error) if isinstance(error, RefusedAnswer) else f"it raised {type(error).__name__}"


def stand(answers: Iterable[Answer], generations: Generations) -> bool:
    """Whether nobody has invalidated any of the entities since they were asked for. To be called under the lock."""
    counts = generations.counts
    return all(counts[answer.slot] == answer.noted for answer in answers)
