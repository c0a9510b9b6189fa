"""How old an attribute is can be asked and bounded: in three values, with the clock, and in what is kept."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abac import Decision, Engine, Found, FunctionSource, PolicyErrors, Schema, SchemaError, Supply
from abac.compiler import Compiled
from abac.language import checked as c
from abac.language.demand import demands
from abac.language.reads import expressions, reads
from abac.model.decision import Effect
from abac.model.markers import Key, MaxAge
from abac.model.request import InvalidRequest, Request
from abac.model.text import show
from abac.model.values import EntityRef, EntityValue, ListValue, RecordValue, SetValue, Unknown
from abac.reference import evaluate
from abac.reference.evaluator import Evaluator
from tests.engine.world import HOUR, Clock, counted, told
from tests.generate.ages import dated_request
from tests.generate.asking import drawn_packages, read
from tests.generate.requests import RequestMaker
from tests.test_reference_properties import draw_instant, later_instants

SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)

SCHEMA = """package shop
record Badge { number: Int, from: Instant }
entity User key id {
  id: String, level: Int, nick: String?, boss: User, badge: Badge, checked: Instant, sensitive pay: Int, (AGES)
}
context { clock at: Instant, limit: Duration, who: User }
action read: User -> User
"""
AGED = 'status: "us" | "foreign" (age <= 30 days), rank: Int? (age <= 90 minutes)'


class Records:
    """What a directory says of everybody, and for how long it has known it."""

    name = "directory"

    def __init__(self, clock: Clock, **ages: dt.timedelta) -> None:
        self.clock, self.ages = clock, ages
        self.asked = 0
        self.values: dict[str, Any] = {
            "level": 5, "nick": None, "boss": "bob", "badge": {"number": 7}, "checked": "2026-01-01T00:00:00Z", "pay": 1, "status": "us",
            "rank": 1,
        }  # fmt: skip

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found:
        self.asked += 1
        return Found(self.values, self.clock.instant - self.ages.get(str(entity.key), dt.timedelta()))


def engine_of(rules: str, records: Records, **options: Any) -> Engine:
    text = SCHEMA.replace("(AGES)", AGED) + f"policy main: first-applicable {{\n{rules}\n}}\n"
    return Engine.from_text(text, sources=[Supply("User", records, **{"keep": None, "timeout": None, **options})])


# ── what it means ────────────────────────────────────────────────────────────────────────────────────────

MEANINGS: list[tuple[str, str]] = [
    ("age of subject.level", "3 days"),
    ("age of subject.nick", "3 days"),  # absent, which has been known for as long
    ("age of subject.badge", "3 days"),
    ("age of subject.boss", "3 days"),
    ("age of subject.boss.level", "1 hour"),
    ("age of resource.level", "0 seconds"),
    ("age of subject.level <= 3 days", "true"),
    ("age of subject.level < 3 days", "false"),
    ("age of subject.level - age of subject.boss.level", "71 hours"),
    ("age of subject.level + 1 day > context.limit", "true"),
    ("now - age of subject.level", "2027-01-12T08:00:00Z"),
    ("age of context.who.level", "unknown: age of context.who.level is missing"),
    ("age of context.who.level < 1 day and false_", "false"),
    ("age of context.who.level < 1 day or true_", "true"),
    ("age of subject.rank", "unknown: subject.rank is stale"),
    ("subject.status", "us"),
    ("subject has rank", "unknown: subject.rank is stale"),
    ("age of subject.checked < now - subject.checked", "true"),
    ("some u in [subject, resource]: age of u.level > 1 day", "true"),
    ("every u in [subject, resource]: age of u.level > 1 day", "false"),
    ("aged(subject)", "3 days"),
]


@pytest.mark.parametrize(("expression", "expected"), MEANINGS)
def test_what_an_age_is(clock: Clock, expression: str, expected: str) -> None:
    records = Records(clock, ann=3 * DAY, bob=HOUR)
    more = "define aged(u: User) = age of u.level\ndefine true_ = subject.level == 5\ndefine false_ = subject.level == 4\n"
    text = SCHEMA.replace("(AGES)", AGED) + more + f"define asked = {expression}\n"
    text += "policy main: first-applicable { permit p when asked == asked }"
    engine = Engine.from_text(text, sources=[Supply("User", records, keep=None, timeout=None)])
    context = {"limit": "3 days", "who": {"id": "eve", "level": 3}}
    request = engine._checks.supplied("ann", "read", "zoe", context, None, clock).request
    assert isinstance(request, Request)
    package = engine.state.package
    value = Evaluator(package, request).value(package.definitions["shop.asked"].body)
    shown = f"unknown: {'; '.join(map(str, sorted(value.causes)))}" if isinstance(value, Unknown) else show(value)
    assert shown == expected


def test_what_is_unknown_has_an_unknown_age_for_the_same_reason(clock: Clock) -> None:
    records = Records(clock)
    records.values |= {"level": "5"}
    del records.values["badge"]
    engine = engine_of("permit p when age of subject.level < 1 day deny q when age of subject.badge < 1 day", records)
    assert [str(cause) for cause in engine.check("ann", "read", "bob").unknown] == ["subject.level is mistyped"]
    engine = engine_of("deny q when age of subject.badge < 1 day", records)
    assert [str(cause) for cause in engine.check("ann", "read", "bob").unknown] == ["subject.badge is missing"]


def test_what_the_request_says_itself_has_no_age(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 5 deny q when age of subject.level < 1 day", Records(clock))
    ann = {"id": "ann", "level": 4}
    decision = engine.decide(ann, "read", {"id": "bob"}, at=clock.instant)
    assert [str(cause) for cause in decision.unknown] == ["age of subject.level is missing"]
    assert engine.decide(ann | {"level": 5}, "read", {"id": "bob"}, at=clock.instant).rule == "p"


def test_without_a_clock_nothing_has_an_age(clock: Clock) -> None:
    text = SCHEMA.replace("(AGES)", "") + "policy main: first-applicable { permit p when age of subject.level < 1 day }"
    sources = [Supply("User", Records(clock), keep=None, timeout=None)]
    engine = Engine.from_text(text, sources=sources, trust_request_clock=True)
    assert [str(cause) for cause in engine.check("ann", "read", "bob").unknown] == ["context.at: clock"]


def test_what_was_fetched_after_the_clock_of_the_decision_has_no_age_yet(clock: Clock) -> None:
    engine = engine_of("permit p when age of subject.level <= 0 seconds", Records(clock))
    early = clock.instant - 9 * DAY
    decision = engine.check("ann", "read", "bob", at=early)
    assert decision.permitted and decision.valid_until == early


IN_TWO_VALUES = [
    ("permit p when age of subject.level <= 3 days and age of resource.level < 1 day", "p"),
    ("permit p when age of subject.level < 3 days deny q otherwise", "q"),
    ("permit p when age of subject.nick >= 3 days", "p"),  # absent
    ("permit p when age of subject.boss.level == 1 hour", "p"),
    ("permit p when some u in [subject, resource]: age of u.badge > 1 day", "p"),
    ("permit p when subject has rank or age of subject.level > 1 day", None),  # stale, so it has to be decided in three
    ("permit p when age of context.who.level < 1 day", None),  # the request says it
]


@pytest.mark.parametrize(("rules", "rule"), IN_TWO_VALUES)
def test_ages_are_told_in_two_values_where_they_are_known(
    clock: Clock, rules: str, rule: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(rules, Records(clock, ann=3 * DAY, bob=HOUR))
    by = engine.state.by
    assert isinstance(by, Compiled)
    exactly: list[Request] = []
    honest = by.exact

    def exact(request: Request) -> Decision:
        exactly.append(request)
        return honest(request)

    monkeypatch.setattr(by, "exact", exact)
    decision = engine.check("ann", "read", "zoe", {"who": {"id": "eve", "level": 3}})
    assert len(exactly) == (rule is None) and by.surprises == 0
    if rule is not None:
        assert decision.rule == rule


def test_what_a_plain_dict_says_hands_over_where_its_age_is_asked(clock: Clock) -> None:
    engine = engine_of("permit p when age of subject.level < 1 day deny q when subject.level == 1", Records(clock))
    ann = {"id": "ann", "level": 1}
    for subject in (ann, MappingProxyType(ann), engine.subject(ann)):
        decision = engine.decide(subject, "read", {"id": "bob"})
        assert decision.effect is Effect.INDETERMINATE and not engine.permits(subject, "read", {"id": "bob"})
        assert [str(cause) for cause in decision.unknown] == ["age of subject.level is missing"]
    by = engine.state.by
    assert isinstance(by, Compiled) and by.surprises == 0


def test_an_age_is_read_and_so_is_the_clock(clock: Clock) -> None:
    package = engine_of("permit p when age of subject.boss.level < 1 day", Records(clock)).state.package
    found = reads(package)
    assert found.of("User") == {"boss", "level"} and found.now
    boss = demands(package).subject.of("boss")
    assert boss is not None and boss.of("level") is not None


def test_the_age_of_a_sensitive_attribute_cannot_be_shown() -> None:
    text = SCHEMA.replace("(AGES)", "") + "define aged = age of subject.pay\n"
    with pytest.raises(PolicyErrors) as refused:
        Engine.from_text(text + 'policy main: first-applicable { permit p otherwise because "{aged}" }')
    assert {d.code for d in refused.value.diagnostics} == {"sensitive-in-reason"}


# ── how old it may be ────────────────────────────────────────────────────────────────────────────────────


def test_a_value_that_is_older_than_the_schema_lets_it_be_is_stale(clock: Clock) -> None:
    records = Records(clock, ann=30 * DAY, bob=30 * DAY + SECOND)
    engine = engine_of('permit p when subject.status == "us"', records)
    decision = engine.check("ann", "read", "bob")
    assert decision.permitted and decision.valid_until == clock.instant
    assert [str(cause) for cause in engine.check("bob", "read", "ann").unknown] == ["subject.status is stale"]
    assert engine.statistics.decisions == 0


@pytest.mark.parametrize(("by_supply", "hours"), [(None, 1.5), (HOUR, 1.0), (5 * HOUR, 1.5)])
def test_of_the_ages_that_schema_and_supply_allow_the_smaller_counts(clock: Clock, by_supply: dt.timedelta | None, hours: float) -> None:
    records = Records(clock)
    engine = engine_of("permit p when subject has rank and subject.rank == 1", records, max_age=by_supply)
    decision = engine.check("ann", "read", "bob")
    assert decision.permitted and decision.valid_until == clock.instant + hours * HOUR
    assert engine.explain_check("ann", "read", "bob").decision.valid_until == decision.valid_until
    clock.now += hours * 3600 - 1
    assert counted(engine, "ann", "read", "bob")[1]
    clock.now += 2
    assert not counted(engine, "ann", "read", "bob")[1] and records.asked == 2


def test_an_attribute_without_an_age_of_its_own_may_be_of_any_age(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 5", Records(clock, ann=4000 * DAY))
    decision = engine.check("ann", "read", "bob")
    assert decision.permitted and decision.valid_until is None


# ── for how long it holds ────────────────────────────────────────────────────────────────────────────────


def test_a_kept_decision_ages(clock: Clock) -> None:
    records = Records(clock, ann=3 * DAY)
    engine = engine_of("permit p when age of subject.level <= 4 days deny q otherwise", records)
    decision = engine.check("ann", "read", "bob")
    assert decision.permitted and decision.valid_until == clock.instant + DAY
    clock.now += 86_000
    assert counted(engine, "ann", "read", "bob") == (decision, True)
    records.ages["ann"] += 400 * SECOND + DAY  # it still is the same data
    clock.now += 401
    decision, kept = counted(engine, "ann", "read", "bob")
    assert not decision.permitted and not kept


def test_a_decision_about_the_age_of_what_was_just_fetched_is_kept(clock: Clock) -> None:
    """Time passes between the clock of the decision and the fetch."""
    clock.tick = 0.01
    source = FunctionSource("f", lambda entity, names, at: {"level": 5})
    engine = Engine.from_text(
        SCHEMA.replace("(AGES)", "") + "policy main: first-applicable { permit p when age of subject.level <= 1 hour }",
        sources=[Supply("User", source, keep=None)],
    )  # fmt: skip
    decision = engine.check("ann", "read", "bob")
    assert decision.permitted and decision.valid_until is not None and decision.valid_until > clock.instant
    assert counted(engine, "ann", "read", "bob")[1]


def drawn(seed: int, count: int, requests: int) -> Any:
    for i, package in enumerate(drawn_packages(seed, count, ages=True)):
        maker = RequestMaker.of(random.Random(f"ages {seed}/{i}"), package)
        for _ in range(requests):
            now = draw_instant(maker.rng)
            made = read(package, maker.request(), now)
            if not isinstance(made, InvalidRequest):
                yield package, dated_request(made, maker.rng, now), maker.rng


def ages_in(package: c.Package) -> int:
    return sum(isinstance(each, c.AgeOf) for each in expressions(package))


def test_a_decision_about_ages_holds_until_it_says() -> None:
    tried: Counter[str] = Counter()
    for package, request, rng in drawn(5, 60, 12):
        decision = evaluate(package, request)
        tried["ages"] += ages_in(package) > 0
        for later in later_instants(rng, request.now, decision.valid_until):
            again = evaluate(package, Request(request.subject, request.action, request.resource, request.context, later))
            assert told(again) == told(decision), (package.sources[0].text, request, later)
            tried["later"] += 1
        tried[str(decision.effect)] += 1
    assert tried["ages"] > 300 and tried["later"] > 1_000 and tried["permit"] > 50, tried


def test_who_is_permitted_without_knowing_an_age_is_permitted_with_it() -> None:
    tried: Counter[str] = Counter()
    for package, request, rng in drawn(6, 60, 12):
        worse = replace_origins(request, rng)
        if not evaluate(package, worse).permitted:
            continue
        decision: Decision = evaluate(package, request)
        assert decision.permitted, (package.sources[0].text, request)
        tried["permitted"] += 1
        tried["changed"] += told(decision) != told(evaluate(package, worse)) or ages_in(package) > 0
    assert tried["permitted"] > 80 and tried["changed"] > 50, tried


def replace_origins(request: Request, rng: random.Random) -> Request:
    """The same, where half of what was known of ages is not."""

    def worse(value: Any) -> Any:
        match value:
            case EntityValue():
                kept = {name: origin for name, origin in (value.origins or {}).items() if rng.random() < 0.5}
                return replace(value, fields={name: worse(each) for name, each in value.fields.items()}, origins=kept)
            case RecordValue():
                return replace(value, fields={name: worse(each) for name, each in value.fields.items()})
            case ListValue(elements=elements):
                return ListValue(tuple(map(worse, elements)))
            case SetValue(elements=elements):
                return SetValue(tuple(map(worse, elements)), value.plain)
            case _:
                return value

    return Request(worse(request.subject), request.action, worse(request.resource), worse(request.context), request.now)


# ── schemas ──────────────────────────────────────────────────────────────────────────────────────────────


def test_models_say_how_old_attributes_may_be() -> None:
    class Person(BaseModel):
        id: Annotated[str, Key()]
        status: Annotated[str | None, MaxAge(dt.timedelta(days=30))] = None

    schema = Schema.from_models(actions={"read": (Person, Person)})
    assert schema.entities["Person"].fields["status"].max_age == 30 * DAY
    assert "  status: String? = absent (age <= 30 days)\n" in schema.to_declarations()
    assert "Annotated[str | None, MaxAge(timedelta(days=30))] = None" in schema.to_models()

    class Bag(BaseModel):
        size: Annotated[int, MaxAge(DAY)]

    class Crate(BaseModel):
        id: Annotated[str, Key(), MaxAge(DAY)]
        bag: Annotated[Bag, MaxAge(dt.timedelta(milliseconds=1500))]
        tags: list[Annotated[str, MaxAge(DAY)]]
        gone: Annotated[int, MaxAge(dt.timedelta())]

    class Around(BaseModel):
        n: Annotated[int, MaxAge(DAY)]

    with pytest.raises(SchemaError) as refused:
        Schema.from_models(actions={"read": (Crate, Crate)}, context=Around)
    assert sorted(refused.value.complaints) == [
        "`Around.n`: has no age: it comes with the request",
        "`Bag.size`: has no age: that of the attribute that holds the record counts",
        "`Crate.bag`: a maximum age is a positive number of whole seconds",
        "`Crate.gone`: a maximum age is a positive number of whole seconds",
        "`Crate.id`: has no age: only attributes beside the key have one",
        "`Crate.tags`: `MaxAge(duration=datetime.timedelta(days=1))` marks an attribute, not a part of it: write `Annotated[…, "
        "MaxAge(duration=datetime.timedelta(days=1))]` around all of its type",
    ]
