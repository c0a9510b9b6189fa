"""Two requests share a kept decision only if all that policies can read of what the caller brought is the same, to the type."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from abac.model.limits import MAX_KEY_BYTES
from abac.model.values import EntityRef
from tests.engine.world import HOUR, UTC, Clock, counted, engine_of, hits, supplies, world


def test_the_same_question_is_answered_from_what_is_kept(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when subject.level == 5", *supplies(place))
    first, again = engine.check("ann", "read", "d1"), engine.check("ann", "read", "d1")
    assert again is first and (hits(engine), place.asked) == (1, ["ann"])


@pytest.mark.parametrize("other", [("bob", "read", "d1"), ("ann", "write", "d1"), ("ann", "read", "d2")])
def test_another_subject_action_or_resource_is_another_question(clock: Clock, other: tuple[str, str, str]) -> None:
    engine = engine_of('permit p when subject.level == 5 and action == "read" and resource.level == 3', *supplies(world()))
    assert engine.check("ann", "read", "d1").permitted
    decision, kept = counted(engine, *other)
    assert not decision.permitted and not kept


def test_what_policies_do_not_read_of_the_context_is_no_part_of_the_question(clock: Clock) -> None:
    engine = engine_of("permit p when context.mfa and subject.level == 5", *supplies(world()))
    engine.check("ann", "read", "d1", {"mfa": True, "n": 1, "at": "2026-01-01T00:00:00Z", "undeclared": object()})
    decision, kept = counted(engine, "ann", "read", "d1", {"mfa": True, "n": 2, "note": "more"})
    assert decision.permitted and kept


def test_the_clock_of_the_request_is_no_part_of_the_question_where_it_is_not_believed(clock: Clock) -> None:
    engine = engine_of("permit p when context.at > 2026-01-01T00:00:00Z and subject.level == 5", *supplies(world()))
    assert engine.check("ann", "read", "d1", {"at": "2020-01-01T00:00:00Z"}).permitted
    decision, kept = counted(engine, "ann", "read", "d1", {"at": "2021-01-01T00:00:00Z"})
    assert decision.permitted and kept


RULES = {
    "mfa": 'permit p when context.mfa because "{context.mfa}"',
    "n": 'permit p when context.n == 1 because "{context.n}"',
    "rate": 'permit p when context.rate == 1 because "{context.rate}"',
    "note": 'permit p when context has note == "1" because "{context.note}"',
    "tags": 'permit p when "1" in context.tags because "{context.tags}"',
    "rates": 'permit p when 1 in context.rates because "{context.rates}"',
    "room": 'permit p when context.room.no == 1 because "{context.room}"',
    "numbers": 'permit p when 1 in context.numbers because "{context.numbers}"',
    "seen": 'permit p when context.seen < now because "{context.seen}"',
    "offers": "permit p when some o in context.offers: o.price == 1",
    "who": 'permit p when context.who.level == 1 and context.who in Group::"g" because "{context.who}"',
}
BERLIN = ZoneInfo("Europe/Berlin")
MISSING: Any = object()
SCALARS = [
    MISSING, None, True, False, 1, 0, 1.0, "1", "True", "", Decimal("1"), Decimal("1.0"), Decimal("1.00"), Decimal("NaN"), Decimal("0.1"),
    10**400, 2**63, "x" * 2000, b"1",
]  # fmt: skip
COLLECTIONS = [
    (), [], ["1"], ["1", "2"], ["2", "1"], ("1",), {"1"}, frozenset({"1"}), [1], [True], [None], ["1", 1], [["1"]], [[]], {1, "1"}, {True},
    {Decimal("1.0")}, {Decimal("1.00")}, {Decimal(1)}, {1},
]  # fmt: skip
OBJECTS = [
    {}, {"price": Decimal("1")}, {"price": 1}, {"price": True}, [{"price": 1}], [{"price": True}], [{"price": Decimal("1.0")}], {"price"},
    [{"price": None}], [{"price": 1, "until": "x"}], [{}], [{}, {}], {1: 2},
]  # fmt: skip
ENTITIES = [
    "ann", "bob", {"id": "ann"}, {"id": "ann", "level": 1}, {"id": "ann", "level": True}, {"id": "ann", "level": 1, "parents": []},
    {"id": "ann", "level": 1, "parents": ["g"]}, {"id": "ann", "level": 1, "parents": [EntityRef("Group", "g")]},
    EntityRef("User", "ann"), EntityRef("Group", "ann"), {"id": "ann", "entity_type": "Group"}, {"id": "ann", "level": 1, "nick": "n"},
]  # fmt: skip
TWO, THREE = dt.datetime(2026, 10, 25, 0, 30), dt.datetime(2026, 10, 25, 2, 30)
INSTANTS = [
    THREE.replace(tzinfo=BERLIN), THREE.replace(tzinfo=BERLIN, fold=1), TWO.replace(tzinfo=UTC), TWO.replace(tzinfo=UTC, fold=1),
    TWO.replace(hour=1, tzinfo=UTC), TWO.replace(hour=1, tzinfo=dt.timezone(HOUR)), TWO, TWO.date(), "2026-10-25T00:30:00Z",
    "2026-10-25T00:30:00+00:00",
]  # fmt: skip
SAMPLES: list[Any] = [*SCALARS, *COLLECTIONS, *OBJECTS, *ENTITIES, *INSTANTS]


@pytest.mark.parametrize("name", RULES)
def test_whatever_the_context_holds_the_answer_is_that_of_a_new_engine(clock: Clock, name: str) -> None:
    """Every sample after every other: twice, so that what is kept for one would be served to the next if their keys were the same."""
    engine, bare = (engine_of(RULES[name], *supplies(world()), kept=kept) for kept in (10_000, 0))
    contexts = [{} if sample is MISSING else {name: sample} for sample in SAMPLES]
    expected = [repr(bare.check("ann", "read", "d1", context)) for context in contexts]
    for _ in range(2):
        found = [repr(engine.check("ann", "read", "d1", context)) for context in contexts]
        assert found == expected
    kept = engine.statistics.hits
    assert bare.statistics.hits == 0 and kept >= 0.75 * len(SAMPLES), kept
    assert len(set(expected)) > 3


def test_true_is_not_one(clock: Clock) -> None:
    engine = engine_of("permit p when context.n == 1 deny q when context.n != 1", *supplies(world()))
    assert engine.check("ann", "read", "d1", {"n": 1}).permitted
    decision, kept = counted(engine, "ann", "read", "d1", {"n": True})
    assert (str(decision.unknown[0]), kept) == ("context.n is mistyped", False)
    assert engine.check("ann", "read", "d1", {"n": 1}).permitted and hits(engine) == 1


class Lax(str):
    """A string that takes no notice of case, as some header libraries have them."""

    def __eq__(self, other: object) -> bool:
        return str(self).lower() == str(other).lower()

    def __hash__(self) -> int:
        return hash(str(self).lower())


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ((Lax("ANN"), "read", "d1", {"note": "x"}), "subject is missing"),
        (("ann", Lax("READ"), "d1", {"note": "x"}), "action is mistyped"),
        (("ann", "read", Lax("D1"), {"note": "x"}), "resource is missing"),
        (("ann", "read", "d1", {"note": Lax("X")}), None),
        (("ann", "read", "d1", {"note": "x", "wait": Lax("72 HOURS")}), "context.wait is mistyped"),
        (("ann", "read", "d1", {Lax("NOTE"): "x"}), None),
        (("ann", "read", "d1", {"note": "x", "tags": {Lax("A")}}), None),
        (("ann", "read", "d1", {"note": "x", "tags": [Lax("A")]}), None),
    ],
)
def test_no_string_is_taken_for_another_that_it_says_it_equals(clock: Clock, arguments: tuple[Any, ...], cause: str | None) -> None:
    conditions = (
        'subject.level == 5 and resource.level == 3 and context has note == "x" and "a" in context.tags and context.wait == 72 hours'
    )
    rules = f"permit p when {conditions} deny q otherwise"
    engine = engine_of(rules, *supplies(world()))
    for tags in ({"a"}, ["a"]):
        assert engine.check("ann", "read", "d1", {"note": "x", "tags": tags, "wait": "72 hours"}).permitted
    who, action, what, given = arguments
    given = {"tags": {"a"}, "wait": "72 hours", **given}
    bare = engine_of(rules, *supplies(world()), kept=0)
    decision = engine.check(who, action, what, given)
    assert repr(decision) == repr(bare.check(who, action, what, given))
    assert cause is None or str(decision.unknown[0]) == cause


@pytest.mark.parametrize(
    "moment", [THREE.replace(tzinfo=BERLIN), TWO.replace(tzinfo=UTC), TWO.replace(tzinfo=dt.timezone(HOUR)), "2026-10-25T00:30:00Z"]
)
def test_an_instant_is_kept_in_whatever_zone_it_is_given(clock: Clock, moment: object) -> None:
    engine = engine_of("permit p when context.seen < now", *supplies(world()))
    for context in ({"seen": moment}, {"seen": moment}):
        assert engine.check("ann", "read", "d1", context).permitted
    assert hits(engine) == 1


def test_members_that_raise_are_read_with_care(clock: Clock) -> None:
    class Bad:
        def __hash__(self) -> int:
            return hash("mfa")

        def __eq__(self, other: object) -> bool:
            raise OSError

    engine = engine_of("permit p when context.mfa deny q when not context.mfa", *supplies(world()))
    for _ in range(2):
        assert str(engine.check("ann", "read", "d1", {Bad(): True}).unknown[0]) == "context.mfa is mistyped"


def test_contexts_that_are_no_dictionaries_are_kept_by_what_they_hold(clock: Clock) -> None:
    class Model(BaseModel):
        mfa: bool
        n: int = 1

    @dataclass
    class Plain:
        mfa: bool

    engine = engine_of("permit p when context.mfa and subject.level == 5 deny q otherwise", *supplies(world()))
    for context in (Model(mfa=True), Model(mfa=True, n=2), Plain(True), engine.context({"mfa": True})):
        assert engine.check("ann", "read", "d1", context).permitted
    assert not engine.check("ann", "read", "d1", Plain(False)).permitted
    assert (hits(engine), engine.statistics.misses) == (3, 2)
    assert engine.check("ann", "read", "d1", 5).code == "invalid_request"


def test_what_a_model_holds_is_kept_to_the_digit(clock: Clock) -> None:
    @dataclass
    class Rated:
        rate: Decimal

    engine = engine_of('permit p when context.rate == 1 because "{context.rate}"')
    found = [engine.check("ann", "read", "d1", Rated(Decimal(text))).reason for text in ("1.0", "1.00", "1", "1.0")]
    assert found == ["1.0", "1.00", "1", "1.0"] and hits(engine) == 1


def test_a_context_must_be_one_also_where_nothing_is_read_of_it(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 5", *supplies(world()))
    for context in (None, {}, {"mfa": object()}):
        assert engine.check("ann", "read", "d1", context).permitted
    assert hits(engine) == 2
    for context in (5, "x", [], object()):
        assert engine.check("ann", "read", "d1", context).code == "invalid_request"


class Liar(dict[str, Any]):
    """A dictionary that says one thing and holds another."""

    def get(self, *arguments: Any) -> Any:
        return True

    def __getitem__(self, name: str) -> Any:
        return True


def test_a_dictionary_is_taken_at_what_it_holds(clock: Clock) -> None:
    rules = "permit p when context.mfa and subject.level == 5 deny q otherwise"
    engine, bare = engine_of(rules, *supplies(world())), engine_of(rules, *supplies(world()), kept=0)
    assert engine.check("ann", "read", "d1", {"mfa": True}).permitted
    for context in (Liar(mfa=False), Liar(mfa=1), Liar(), {"mfa": Liar(mfa=True)}, Liar(mfa=True)):
        for _ in range(2):
            assert engine.check("ann", "read", "d1", context) == bare.check("ann", "read", "d1", context)
    assert not engine.check("ann", "read", "d1", Liar(mfa=False)).permitted


def test_a_context_that_changes_while_it_is_decided_on_is_kept_as_it_was_decided(clock: Clock) -> None:
    context: dict[str, Any] = {"mfa": True, "tags": ["a"]}
    place = world()
    engine = engine_of('permit p when context.mfa and "a" in context.tags and subject.level == 5 deny q otherwise', *supplies(place))

    def change() -> None:
        context["mfa"] = False
        context["tags"].append("b")

    place.meanwhile = change
    assert engine.check("ann", "read", "d1", context).permitted
    decision, kept = counted(engine, "ann", "read", "d1", {"mfa": False, "tags": ["a", "b"]})
    assert not decision.permitted and not kept
    decision, kept = counted(engine, "ann", "read", "d1", {"mfa": True, "tags": ["a"]})
    assert decision.permitted and kept


@pytest.mark.parametrize("when", range(1, 8))
def test_a_context_that_changes_between_any_two_looks_is_kept_as_it_was_decided(clock: Clock, when: int) -> None:
    class Trap:
        """A key that runs code whenever `mfa` is looked for."""

        looked = 0

        def __hash__(self) -> int:
            return hash("mfa")

        def __eq__(self, other: object) -> bool:
            if other == "mfa":
                self.looked += 1
                if self.looked == when:
                    context["mfa"] = False
            return False

    trap = Trap()
    context: dict[Any, Any] = {}
    context |= {trap: None, "mfa": True}
    context["mfa"], trap.looked = True, 0
    engine = engine_of("permit p when context.mfa and subject.level == 5 deny q otherwise", *supplies(world()))
    engine.check("bob", "read", "d1", {})  # from now on keys are made
    engine.check("ann", "read", "d1", context)
    engine.check("ann", "read", "d1", context)
    assert engine.check("ann", "read", "d1", {"mfa": True}).permitted and not engine.check("ann", "read", "d1", {"mfa": False}).permitted


@pytest.mark.parametrize("where", ["subject", "resource", "context", "model"])
def test_a_key_beyond_the_limit_is_not_kept(clock: Clock, where: str) -> None:
    class Model(BaseModel):
        note: str

    def ask(length: int) -> tuple[Any, ...]:
        long = "x" * length
        return {
            "subject": (long, "read", "d", {"note": "n"}), "resource": ("a", "read", long, {"note": "n"}),
            "context": ("a", "read", "d", {"note": long}), "model": ("a", "read", "d", Model(note=long)),
        }[where]  # fmt: skip

    engine = engine_of('permit p when context has note != "" deny q otherwise')
    for length, is_kept in ((MAX_KEY_BYTES - 40, True), (MAX_KEY_BYTES, False), (200_000, False)):
        engine.check(*ask(length))
        assert counted(engine, *ask(length))[1] is is_kept, length
    assert engine.statistics.not_kept == 4


def test_identifiers_of_types_are_kept_by_type(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 7 deny q otherwise", *supplies(world()), more="action run: User | Service -> Doc")
    for _ in range(2):
        assert engine.check(EntityRef("Service", "ann"), "run", "d1").permitted
        assert not engine.check(EntityRef("User", "ann"), "run", EntityRef("Doc", "d1")).permitted
        assert engine.check("ann", "run", "d1").code == "invalid_request"
    assert hits(engine) == 2
