"""Floor 5, engine: decides by identifiers: supplies, decides, and keeps decisions, for one policy version."""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Generator, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from abac.engine.answers import Answer, Ask
from abac.engine.clock import Clock, before, instant
from abac.engine.fetching import Fetches, Generations, stand
from abac.engine.identified import Call, read_call
from abac.engine.keys import ContextKeys, KeyFunction, NoKey, bytes_of, no_key, typed
from abac.engine.pipeline import Loaded
from abac.engine.sources.protocol import Supply
from abac.engine.statistics import Counters, Statistics
from abac.engine.supplies import Plan, owners, plan
from abac.engine.supplying import Supplied, supply
from abac.engine.table import Entry, Key, Table, bounded
from abac.engine.workers import Workers
from abac.language.demand import Demands, demands
from abac.language.reads import reads
from abac.model import types as t
from abac.model.decision import Decision
from abac.model.limits import MAX_KEY_BYTES
from abac.model.request import InvalidRequest, Request
from abac.model.values import EntityRef, EntityValue, Unknown
from abac.model.wire import read

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Questions:
    """What is to be asked at once.

    Attributes:
        at: the clock of the decision.
        private: the caller gave the clock: nothing that was asked for others is used, and nothing that is asked is kept.
    """

    asks: list[Ask]
    at: dt.datetime
    private: bool


Journey = Generator[Questions, list[Answer], T]
"""Yields what is to be asked and is sent the answers, so that it serves those who wait in threads and on event loops alike."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What the first question makes: long policies take a while to be looked through."""

    demands: Demands
    plan: Plan
    keys: ContextKeys


@dataclass(frozen=True, slots=True)
class Setting:
    """What the policy versions of one engine have in common.

    Attributes:
        workers: the threads of each supply.
        most: how many decisions are kept, and how many answers.
        trusting: requests bring their own clock, so that nothing is kept.
    """

    supplies: tuple[Supply, ...]
    workers: tuple[Workers, ...]
    most: int
    trusting: bool
    generations: Generations = field(default_factory=Generations)
    counters: Counters = field(default_factory=Counters)


def setting(sources: Sequence[Supply], kept: int, trusting: bool) -> Setting:
    supplies = tuple(sources)
    return Setting(supplies, tuple(Workers(each.source.name, each.threads) for each in supplies), kept, trusting)


class Checks:
    """Decisions by identifiers of one policy version, and what is kept of them. It is made ready by its first question.

    Attributes:
        entries: kept decisions by action, subject and leaf, for look-ups without a lock.
        key: makes the leaf from a resource's id and a plain context.
    """

    def __init__(self, loaded: Loaded, setting: Setting) -> None:
        """Raises LoadError if a source supplies what the schema does not have."""
        package = loaded.package
        self.loaded, self._setting, self._trusting = loaded, setting, setting.trusting
        self._owners = owners(setting.supplies, package.schema)
        self._generations, self._counters = setting.generations, setting.counters
        self.table = Table(setting.most, setting.counters)
        self.fetches = Fetches(package.schema, package.tables, setting.generations, setting.counters, setting.most)
        self.entries = self.table.entries
        self.key: KeyFunction = no_key
        self._ready: Ready | None = None
        self._preparing = threading.Lock()

    def _prepared(self) -> Ready:
        with self._preparing:
            if self._ready is None:
                package, setting = self.loaded.package, self._setting
                wanted = demands(package)
                lines = plan(self._owners, setting.supplies, package.schema, reads(package), setting.workers)
                self._ready = Ready(wanted, lines, ContextKeys(package.schema, wanted.context))
                self.key = self._ready.keys.key
            return self._ready

    # ── deciding ───────────────────────────────────────────────────────────────────────────────────────────

    def kept(self, who: object, action: object, what: object, context: object, now: float) -> Decision | None:
        """The decision that is kept for a question in its commonest form; None says nothing."""
        if type(who) is not str or type(action) is not str or type(what) is not str:
            return None
        try:
            leaf = what if context is None else self.key(what, context)
            entry = self.table.find((action, who, leaf), now)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # the context is no dictionary, or one that raises: it is then read with more care
            return None
        if entry is None:
            return None
        entry.hits += 1
        return entry.decision

    def check(self, who: object, action: object, what: object, context: object, at: dt.datetime | None, clock: Clock) -> Decision:
        """The decision: one that is kept, or one that is made now.

        Raises:
            TypeError: it has to be made, and a source is asynchronous.
        """
        return self._driven(self._decision(Call(who, action, what, context, at), clock), clock)

    async def acheck(self, who: object, action: object, what: object, context: object, at: dt.datetime | None, clock: Clock) -> Decision:
        """`check` for event loops."""
        return await self._awaited(self._decision(Call(who, action, what, context, at), clock), clock)

    def supplied(self, who: object, action: object, what: object, context: object, at: dt.datetime | None, clock: Clock) -> Supplied:
        """The request that `check` decides on. Raises as it does."""
        return self._driven(self._completed(Call(who, action, what, context, at), clock), clock)

    async def asupplied(self, who: object, action: object, what: object, context: object, at: dt.datetime | None, clock: Clock) -> Supplied:
        """`supplied` for event loops."""
        return await self._awaited(self._completed(Call(who, action, what, context, at), clock), clock)

    def _driven(self, journey: Journey[T], clock: Clock) -> T:
        try:
            questions = next(journey)
            while True:
                for ask in questions.asks:
                    if ask.line.is_async:
                        raise TypeError(f"attribute source {ask.line.source} is asynchronous: use `await engine.acheck(…)`")
                questions = journey.send(self.fetches.all(questions.asks, questions.at, clock, questions.private))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # what the journey returned

    async def _awaited(self, journey: Journey[T], clock: Clock) -> T:
        from abac.engine.awaiting import answers  # asyncio takes long to import

        try:
            questions = next(journey)
            while True:
                found = await answers(self.fetches, questions.asks, questions.at, clock, questions.private)
                questions = journey.send(found)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def _completed(self, call: Call, clock: Clock) -> Journey[Supplied]:
        return (yield from self._supplied(self._read(call, call.context, clock()), self._is_private(call), clock))

    def _read(self, call: Call, context: object, now: float) -> Request | InvalidRequest:
        return read_call(self.loaded, call, context, call.at if call.at is not None or self._trusting else instant(now))

    def _is_private(self, call: Call) -> bool:
        return call.at is not None or self._trusting

    def _decision(self, call: Call, clock: Clock) -> Journey[Decision]:
        now = clock()
        private = self._is_private(call)
        copy, room = (None, 0) if private else self._copy(call.context)
        request = self._read(call, call.context if copy is None else copy, now)
        key = None if private else self._key(call, request, copy, room)
        if key is not None and (entry := self.table.find(key, now)) is not None:
            entry.hits += 1
            return entry.decision
        supplied = yield from self._supplied(request, private, clock)
        decision = bounded(self.loaded.decide_request(supplied.request), supplied.until)
        self._keep(key, decision, supplied, now)
        return decision

    def _supplied(self, request: Request | InvalidRequest, private: bool, clock: Clock) -> Journey[Supplied]:
        if isinstance(request, InvalidRequest):
            return Supplied(request)
        at = instant(clock()) if isinstance(request.now, Unknown) else request.now
        ready = self._prepared()
        rounds = supply(request, ready.plan, ready.demands, lambda ask: None if private else self.fetches.at_hand(ask, clock))
        try:
            asks = next(rounds)
            while True:
                asks = rounds.send((yield Questions(asks, at, private)))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    # ── what is kept ───────────────────────────────────────────────────────────────────────────────────────

    def _copy(self, context: object) -> tuple[dict[str, object] | None, int]:
        """A copy of a plain context, None if it is not plain or too long; and how many bytes its key leaves.

        The request and its key are made of this copy: what was looked up may have been changed since.
        """
        if context is None:
            return {}, MAX_KEY_BYTES
        if not issubclass(type(context), dict):
            return None, MAX_KEY_BYTES
        try:
            return self._prepared().keys.copy(context, MAX_KEY_BYTES)  # type: ignore[arg-type]  # a dictionary, whatever its class
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # not plain: a member's key or value is an object of the caller's, which may raise anything
            return None, MAX_KEY_BYTES

    def _key(self, call: Call, request: Request | InvalidRequest, copy: dict[str, object] | None, room: int) -> Key | None:
        """What the decision is kept under; None if it is not kept."""
        if isinstance(request, InvalidRequest):
            return None
        left = [room - bytes_of(request.action)]
        try:
            subject, resource = _tag(call.who, request.subject, left), _tag(call.what, request.resource, left)
            if copy is None:
                leaf = self._prepared().keys.of_values(resource, request.context, left)
            else:
                leaf = resource if call.context is None else self.key(resource, copy)
        except NoKey:
            return None
        return (request.action, subject, leaf) if left[0] >= 0 else None

    def _keep(self, key: Key | None, decision: Decision, supplied: Supplied, now: float) -> None:
        """Keep the decision for as long as a new one would be the same, unless an entity was invalidated while it was made."""
        start = max([now, *(answer.begun for answer in supplied.answers)])
        end = min([answer.keep_until for answer in supplied.answers], default=math.inf)
        if decision.valid_until is not None:
            end = min(end, before(decision.valid_until))
        with self._generations.lock:
            self._counters.misses += 1
            if key is None or end <= start or not stand(supplied.answers, self._generations):
                self._counters.not_kept += 1
                return
            self.table.insert(Entry(start, end, decision, key, frozenset(answer.slot for answer in supplied.answers)))

    def invalidate(self, entity: object) -> None:
        """Nobody who asks from now on is given what was fetched of the entity before.

        Raises:
            ValueError: no type of entity has such a key.
        """
        slots = set(self._slots(entity.key if type(entity) is EntityRef else entity))
        if not slots:
            raise ValueError("no type of entity has such a key")
        with self._generations.lock:
            self._counters.invalidations += 1
            for slot in slots:
                self._generations.counts[slot] += 1
                self.table.drop(slot)

    def _slots(self, raw: object) -> Iterable[int]:
        schema, tables = self.loaded.package.schema, self.loaded.package.tables
        for entity in schema.entities.values():
            key = read(raw, t.base(entity.fields[entity.key].plain), "", schema, tables)
            if not isinstance(key, Unknown):
                yield Generations.slot(key)

    # ── statistics ─────────────────────────────────────────────────────────────────────────────────────────

    def retire(self) -> None:
        """Another version is in force: what this one counted is added to what the engine did."""
        with self._generations.lock:
            self._counters.hits_gone += sum(entry.hits for entry in self.table)

    def statistics(self, now: float) -> Statistics:
        with self._generations.lock:
            entries, counters = list(self.table), self._counters
            ages = [max(0.0, now - entry.start) for entry in entries]
            return Statistics(
                hits=counters.hits_gone + sum(entry.hits for entry in entries), misses=counters.misses, not_kept=counters.not_kept,
                evictions=counters.evictions, invalidations=counters.invalidations, dropped=counters.dropped, fetches=counters.fetches,
                joined=counters.joined, kept_answers=counters.kept_answers, timeouts=counters.timeouts, failures=dict(counters.failures),
                decisions=len(entries), answers=self.fetches.kept, oldest=max(ages, default=0.0), mean_age=sum(ages) / max(1, len(ages)),
            )  # fmt: skip


def _tag(id_: object, entity: EntityValue, left: list[int]) -> Hashable:
    """An identifier in a key: a str is one as it stands."""
    if type(id_) is str:
        left[0] -= bytes_of(id_)
        return id_
    return entity.type, typed(entity.key, None, left)
