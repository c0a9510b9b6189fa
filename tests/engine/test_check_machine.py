"""Clock, attributes, invalidations, policies, failures and threads in any order: every answer is the reference's, on what is so now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import abac.engine.engine as engine_module
from abac import Decision, Engine
from abac.engine.pipeline import Loaded, load_text
from abac.engine.requests import read_request
from abac.engine.sources import Absent, Found, Supply
from abac.model.request import InvalidRequest, Request
from abac.model.values import CauseKind, EntityRef, Origin, Unknown
from abac.reference import evaluate
from tests.engine.world import EPOCH, SCHEMA, Clock, World, told

POLICIES = (
    """first-applicable {
  deny closed when resource has closes <= now because "Closed since {resource.closes}."
  permit own when resource.owner == subject or some b in chain resource.owner by boss: b == subject
  permit staff when subject in Group::"staff" and subject.level >= resource.level oblige log(resource.owner.level)
  permit noted when context has note == "x" and context.n == 1
  deny outranked when context.who.level > subject.level because "{context.who} outranks {subject.nick}."
  permit strong when context.mfa and "x" in subject.tags
}""",
    """deny-overrides {
  permit read when every r in resource.readers: r.level < subject.level
  deny guest when subject.role == "guest" even if unknown because "{subject.nick} is a guest."
  permit rate when context.rate > 1 because "{context.rate}" oblige tell(context.who, "{}")
  deny far when context.who in Group::"staff" and not subject in Group::"staff"
}""".replace('"{}"', "subject.role"),
    """permit-overrides {
  permit fresh when context.seen within last 1 hour and context.n > 0
  deny late when resource has closes and resource.closes - now < 30 minutes
  permit reader when action == "read" and subject in resource.readers and "y" in context.tags
  deny other when action == "write"
}""",
    """first-applicable {
  permit young when age of resource.level <= 100 seconds and subject.level > 1 oblige log(subject.level)
  deny old when age of resource.owner > 400 seconds and subject.role != "owner"
  permit staff when subject in Group::"staff" and age of resource.closes < 300 seconds
  deny same when age of resource.level == age of resource.readers and subject.level > 3
}""",
)
AGED = len(POLICIES) - 1
"""The policy that asks how old documents are."""

USERS, DOCS, GROUPS = ("ann", "bob", "cy"), ("d1", "d2"), ("g", "h", "staff")
MAX_AGE = 500.0
TYPES = {**dict.fromkeys(USERS, "User"), **dict.fromkeys(DOCS, "Doc"), **dict.fromkeys(GROUPS, "Group")}


class Shop(World):
    """`as_of`: the clock as of which the documents are known."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(
            User={
                "ann": {"role": "member", "level": 5, "boss": "bob", "nick": "a", "tags": ["x"], "parents": ["g"]},
                "bob": {"role": "guest", "level": 2, "boss": None, "nick": None, "tags": [], "parents": []},
                "cy": {"role": "owner", "level": 3, "boss": None, "nick": None, "tags": ["x", "y"], "parents": ["h"]},
            },
            Group={"g": {"parents": ["h"]}, "h": {"parents": ["staff"]}, "staff": {"parents": []}},
            Doc={
                "d1": {"owner": "ann", "level": 3, "readers": ["ann", "bob"], "offers": [], "closes": None},
                "d2": {"owner": "cy", "level": 4, "readers": [], "offers": [], "closes": None},
            },
        )
        self.clock = clock
        self.as_of = clock.now

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        found = super().fetch(entity, names, at)
        if entity.type == "Doc" and isinstance(found, Found):
            return Found(found.values, EPOCH + dt.timedelta(seconds=self.as_of))
        return found

    def entity(self, key: str, path: str) -> dict[str, Any]:
        """An entity with all it refers to, as a request would bring it that knows what the sources know now, and no more."""
        type_ = TYPES.get(key, "User")
        whole: dict[str, Any] = {"id": key}
        values = self.entities.get((type_, key))
        names = {"User": ("role", "level", "boss", "nick", "tags", "parents"), "Group": ("parents",)}.get(type_, DOC_NAMES)
        if key in self.failing:
            return whole | {name: Unknown.of(f"{path}.{name}", CauseKind.SOURCE_FAILED) for name in names}
        if values is None:
            return whole
        if type_ == "Doc" and self.clock.now - self.as_of > MAX_AGE:
            return whole | {name: Unknown.of(f"{path}.{name}", CauseKind.STALE) for name in names}
        for name, value in values.items():
            whole[name] = self._value(name, value, f"{path}.{name}")
        return whole

    def _value(self, name: str, value: Any, path: str) -> Any:
        if name in ("boss", "owner") and isinstance(value, str):
            return self.entity(value, path)
        if name in ("readers", "parents") and isinstance(value, list):
            return [self.entity(each, f"{path}[{i}]") if isinstance(each, str) else each for i, each in enumerate(value)]
        return value


DOC_NAMES = ("owner", "level", "readers", "offers", "closes")
CHANGES: list[tuple[str, str, Any]] = [
    *((who, "level", level) for who in USERS for level in (1, 4, 9, "9", True)),
    *((who, "role", role) for who in USERS for role in ("member", "guest", "boss")),
    *((who, "nick", nick) for who in USERS for nick in (None, "n")),
    *((who, "tags", tags) for who in USERS for tags in (["x"], ["y"], [], ["y", 1])),
    *((who, "parents", parents) for who in USERS for parents in ([], ["g"], ["staff"], ["h", "g"], None)),
    *(("ann", "boss", boss) for boss in (None, "bob", "cy", "eve")),
    *(("bob", "boss", boss) for boss in (None, "cy")),
    *(("g", "parents", parents) for parents in ([], ["h"], ["staff"], ["h", "staff"])),
    *(("h", "parents", parents) for parents in ([], ["staff"])),
    *((what, "owner", owner) for what in DOCS for owner in (*USERS, "eve")),
    *((what, "level", level) for what in DOCS for level in (1, 9)),
    *((what, "readers", readers) for what in DOCS for readers in ([], ["ann"], ["cy", "bob"], ["ann", 7])),
]  # fmt: skip
CLOSING = [None, 10.0, 100.0, 2000.0, -5.0]
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "mfa": st.sampled_from([True, False, 1, "x", None]),
        "n": st.sampled_from([1, True, 0, "1", Decimal(1), None]),
        "rate": st.sampled_from([1, 2, True, Decimal("2.0"), Decimal("2.00"), 2.0]),
        "note": st.sampled_from([None, "x", "y", 7]),
        "who": st.sampled_from([*USERS, "eve", 7, {"id": "ann"}, {"id": "bob", "level": 9, "parents": []}]),
        "tags": st.sampled_from([["y"], ["z"], [], {"y"}, ["y", 1], [1]]),
        "undeclared": st.integers(0, 1),
    },
)


class Checks(RuleBasedStateMachine):
    kept = 256

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.former, engine_module.time = engine_module.time, self.clock  # type: ignore[assignment]
        self.shop = Shop(self.clock)
        self.policy = 0
        keeps = {"User": None, "Group": dt.timedelta(seconds=300), "Doc": None}
        ages = {"User": None, "Group": None, "Doc": dt.timedelta(seconds=MAX_AGE)}
        sources = [Supply(name, self.shop, keep=keep, max_age=ages[name], timeout=None) for name, keep in keeps.items()]
        self.engine = Engine(lambda: LOADED[self.policy], sources=sources, kept=self.kept)

    def teardown(self) -> None:
        engine_module.time = self.former
        TALLY["hits"] += self.engine.statistics.hits
        TALLY["misses"] += self.engine.statistics.misses
        TALLY["evictions"] += self.engine.statistics.evictions
        TALLY["dropped"] += self.engine.statistics.dropped

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from([0.5, 1.0, 9.5, 60.0, 250.0, 600.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(seconds=st.sampled_from([0.5, 30.0, 1000.0]))
    def the_clock_steps_back(self, seconds: float) -> None:
        self.clock.now -= seconds
        self.shop.as_of = min(self.shop.as_of, self.clock.now)
        for what in DOCS:
            self.engine.invalidate(what)

    @rule(change=st.sampled_from(CHANGES))
    def an_attribute_changes(self, change: tuple[str, str, Any]) -> None:
        self._change(*change)()

    @rule(what=st.sampled_from(DOCS), seconds=st.sampled_from(CLOSING))
    def a_document_is_to_close(self, what: str, seconds: float | None) -> None:
        closes = None if seconds is None else self.clock.instant + dt.timedelta(seconds=seconds)
        self._change(what, "closes", closes)()

    @rule(key=st.sampled_from([*USERS, *DOCS, *GROUPS]), values=st.sampled_from([None, {}, {"level": 4}]))
    def an_entity_goes_or_comes(self, key: str, values: dict[str, Any] | None) -> None:
        self.shop.entities.pop((TYPES[key], key), None)
        if values is not None:
            self.shop.entities[TYPES[key], key] = dict(values)
        self.engine.invalidate(key)

    @rule(key=st.sampled_from([*USERS, *DOCS, *GROUPS]))
    def somebody_invalidates(self, key: str) -> None:
        self.engine.invalidate(key)

    @rule(key=st.sampled_from([*USERS, *DOCS, *GROUPS]))
    def a_source_begins_to_fail(self, key: str) -> None:
        """What is kept is served as long as it may be: the entity is invalidated so that there is nothing kept of it."""
        self.shop.failing.add(key)
        self.engine.invalidate(key)

    @precondition(lambda self: self.shop.failing)
    @rule()
    def the_sources_recover(self) -> None:
        self.shop.failing.clear()

    @rule()
    def the_documents_are_read_again(self) -> None:
        """Where nobody asks for it, it does not matter how old they are, as long as they may be used."""
        self.shop.as_of = self.clock.now
        if self.policy == AGED:
            for what in DOCS:
                self.engine.invalidate(what)

    @rule(number=st.integers(0, len(POLICIES) - 1))
    def the_policy_is_replaced(self, number: int) -> None:
        self.policy = number
        self.engine.reload()

    @rule(who=st.sampled_from(USERS), count=st.integers(1, 12))
    def somebody_asks_for_much(self, who: str, count: int) -> None:
        for i in range(count):
            self.engine.check(who, "read", f"flood {i}")

    def _change(self, key: str, name: str, value: Any) -> Callable[[], None]:
        def change() -> None:
            if (TYPES[key], key) in self.shop.entities:
                self.shop.set(TYPES[key], key, **{name: value})
                self.engine.invalidate(key)

        return change

    # ── what is asked ────────────────────────────────────────────────────────────────────────────────────

    @rule(
        who=st.sampled_from([*USERS, "eve"]), action=st.sampled_from(["read", "write"]), what=st.sampled_from([*DOCS, "d9"]),
        context=CONTEXTS | st.none(), seen=st.sampled_from([None, 0.0, 1800.0, 4000.0]), times=st.integers(1, 3),
    )  # fmt: skip
    def somebody_asks(self, who: str, action: str, what: str, context: dict[str, Any] | None, seen: float | None, times: int) -> None:
        context = self._seen(context, seen)
        for _ in range(times):
            self._compare(self.engine.check(who, action, what, context), [self._fresh(who, action, what, context)])

    @rule(who=st.sampled_from(USERS), what=st.sampled_from(DOCS), context=CONTEXTS, change=st.sampled_from(CHANGES))
    def something_changes_while_somebody_asks(self, who: str, what: str, context: dict[str, Any], change: tuple[str, str, Any]) -> None:
        """Between the beginning and the end of a fetch. The one who asks may be told either; whoever asks next may not."""
        before = self._fresh(who, "read", what, context)
        self.shop.meanwhile = self._change(*change)
        found = self.engine.check(who, "read", what, context)
        asked, self.shop.meanwhile = self.shop.meanwhile is None, None
        after = self._fresh(who, "read", what, context)
        if not asked:
            self._compare(found, [before])
        TALLY["meanwhile"] += asked
        self._compare(self.engine.check(who, "read", what, context), [after])

    @rule(who=st.sampled_from(USERS), what=st.sampled_from(DOCS), context=CONTEXTS, number=st.integers(0, len(POLICIES) - 1))
    def the_policy_is_replaced_while_somebody_asks(self, who: str, what: str, context: dict[str, Any], number: int) -> None:
        before = self._fresh(who, "read", what, context)

        def swap() -> None:
            self.policy = number
            self.engine.reload()

        self.shop.meanwhile = swap
        found = self.engine.check(who, "read", what, context)
        self.shop.meanwhile = None
        self._compare(found, [before])
        self._compare(self.engine.check(who, "read", what, context), [self._fresh(who, "read", what, context)])

    @rule(who=st.sampled_from(USERS), what=st.sampled_from(DOCS), context=CONTEXTS, seconds=st.sampled_from([-1000.0, 0.0, 1000.0]))
    def somebody_asks_with_a_clock_of_their_own(self, who: str, what: str, context: dict[str, Any], seconds: float) -> None:
        at = self.clock.instant + dt.timedelta(seconds=seconds)
        with self._at(self.clock.now + seconds):
            expected = self._fresh(who, "read", what, context)
        self._compare(self.engine.check(who, "read", what, context, at=at), [expected])

    @rule(what=st.sampled_from(DOCS), context=CONTEXTS)
    def many_ask_at_once(self, what: str, context: dict[str, Any]) -> None:
        asked = [(who, action) for who in USERS for action in ("read", "write")] * 2
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda each: self.engine.check(each[0], each[1], what, context), asked))
        for (who, action), decision in zip(asked, found, strict=True):
            self._compare(decision, [self._fresh(who, action, what, context)])

    # ── what is right ────────────────────────────────────────────────────────────────────────────────────

    def _seen(self, context: dict[str, Any] | None, seen: float | None) -> dict[str, Any] | None:
        return context if context is None or seen is None else {**context, "seen": self.clock.instant - dt.timedelta(seconds=seen)}

    @contextmanager
    def _at(self, now: float) -> Iterator[None]:
        former, self.clock.now = self.clock.now, now
        yield
        self.clock.now = former

    def _fresh(self, who: str, action: str, what: str, context: dict[str, Any] | None) -> Decision:
        """The reference's decision on what the sources know now."""
        package, shop = LOADED[self.policy].package, self.shop
        missing = [
            f"{part}"
            for part, type_, key in (("subject", "User", who), ("resource", "Doc", what))
            if self._is_known_absent(type_, key, part)
        ]
        if missing:
            unknown = Unknown.union(Unknown.of(path, CauseKind.MISSING) for path in missing)
            return evaluate(package, InvalidRequest(unknown))
        around = dict(context or {})
        if isinstance(around.get("who"), str):
            around["who"] = shop.entity(around["who"], "context.who")
        elif around.get("who") == {"id": "ann"}:
            around["who"] = shop.entity("ann", "context.who")
        elif isinstance(around.get("who"), dict):  # what the request does not say, the source does
            around["who"] = {**shop.entity(around["who"]["id"], "context.who"), **around["who"]}
        request = read_request(
            shop.entity(who, "subject"), action, {"id": what, **self._doc(what)}, around, package.schema, package.tables, self.clock.instant
        )  # fmt: skip
        return evaluate(package, request if isinstance(request, InvalidRequest) else self._aged(request))

    def _aged(self, request: Request) -> Request:
        """With the ages of documents."""
        origin = Origin("world", EPOCH + dt.timedelta(seconds=self.shop.as_of))
        return replace(request, resource=replace(request.resource, origins=dict.fromkeys(DOC_NAMES, origin)))

    def _doc(self, what: str) -> dict[str, Any]:
        return self.shop.entity(what, "resource") if what in TYPES else {}

    def _is_known_absent(self, type_: str, key: str, part: str) -> bool:
        return (type_, key) not in self.shop.entities and key not in self.shop.failing and part in READ[self.policy]

    def _compare(self, found: Decision, expected: list[Decision]) -> None:
        assert told(found) in [told(each) for each in expected]
        TALLY[str(found.effect)] += 1


def _loaded(text: str) -> Loaded:
    return load_text(f"{SCHEMA}policy main: {text}")


LOADED = tuple(map(_loaded, POLICIES))
READ = ({"subject", "resource"}, {"subject", "resource"}, {"resource"}, {"subject", "resource"})
"""The parts of the request of which each policy reads more than the key."""
TALLY: dict[str, int] = dict.fromkeys(
    ("hits", "misses", "evictions", "dropped", "meanwhile", "permit", "deny", "indeterminate", "not-applicable"), 0
)


class CrowdedChecks(Checks):
    kept = 64


QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.mark.parametrize("machine", [Checks, CrowdedChecks])
def test_every_answer_is_that_of_the_reference_on_what_is_so_now(machine: type[Checks]) -> None:
    TALLY.update(dict.fromkeys(TALLY, 0))
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=QUIET)
    )
    assert all(TALLY[name] > 5 for name in ("hits", "misses", "dropped", "meanwhile", "permit", "deny", "indeterminate")), TALLY
    assert machine is Checks or TALLY["evictions"] > 20


@pytest.mark.long
@pytest.mark.parametrize("machine", [Checks, CrowdedChecks])
def test_every_answer_is_that_of_the_reference_for_a_long_time(machine: type[Checks]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=2_000, stateful_step_count=80, suppress_health_check=QUIET))
