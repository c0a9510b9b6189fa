"""What a request does not say, sources supply: what is read and no more, each place under its own path, and nothing that is not known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from abac import Cause, CauseKind, Decision, Effect, Engine, LoadError
from abac.engine.answers import Budget
from abac.engine.sources import Absent, Found, FunctionSource, MemorySource, Supply
from abac.model.limits import MAX_ENTITIES
from abac.model.values import EntityRef
from tests.engine.world import HOUR, UTC, Clock, World, engine_of, supplies, world

MFA = {"mfa": True}


def unknown(decision: Decision) -> list[str]:
    return [str(cause) for cause in decision.unknown]


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_asked_that_policies_do_not_read(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when subject.level > 1", *supplies(place))
    assert engine.check("ann", "read", "d1").permitted
    assert (place.asked, place.names) == (["ann"], [frozenset({"level"})])


def test_a_reference_that_is_only_compared_is_not_followed(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when subject in resource.readers or resource.owner == subject", *supplies(place))
    assert engine.check("ann", "read", "d1").permitted
    assert place.asked == ["d1"]


def test_a_reference_is_followed_as_far_as_it_is_read(clock: Clock) -> None:
    place = world()
    engine = engine_of(
        "permit p when resource.owner.level > 2 and resource.owner has boss and resource.owner.boss.level == 2", *supplies(place)
    )
    assert engine.check("ann", "read", "d1").permitted
    assert place.asked == ["d1", "cy", "bob"]


def test_one_question_serves_all_places_where_an_entity_stands(clock: Clock) -> None:
    place = world()
    engine = engine_of(
        'permit p when resource.owner.level > 2 and subject.role == "owner" and some r in resource.readers: r.level > 4', *supplies(place)
    )
    assert engine.check("cy", "read", "d1").permitted
    assert sorted(map(str, place.asked)) == ["ann", "bob", "cy", "d1"]
    assert place.names[place.asked.index("cy")] == {"level", "role"}


def test_groups_are_walked_to_the_top(clock: Clock) -> None:
    place = world()
    engine = engine_of('permit p when subject in Group::"staff"', *supplies(place))
    assert engine.check("ann", "read", "d1").permitted and not engine.check("bob", "read", "d1").permitted
    assert place.asked == ["ann", "g", "staff", "bob"]
    assert set(place.names) == {frozenset({"parents"})}


def test_a_chain_is_followed_to_its_end(clock: Clock) -> None:
    engine = engine_of("permit p when count(chain subject by boss) == 3", *supplies(world()))
    assert engine.check("cy", "read", "d1").permitted and not engine.check("bob", "read", "d1").permitted


def test_references_in_the_context_are_supplied_too(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when context.who.level == 5", *supplies(place))
    assert engine.check("bob", "read", "d1", {"who": "ann"}).permitted
    assert not engine.check("bob", "read", "d1", {"who": "cy"}).permitted
    assert place.asked == ["ann", "cy"]


def test_what_the_request_says_is_never_asked_for(clock: Clock) -> None:
    """Also what it says wrongly; what it leaves out is."""
    place = world()
    engine = engine_of('permit p when context.who.level == 5 and context.who.role == "member"', *supplies(place))
    assert not engine.check("bob", "read", "d1", {"who": {"id": "ann", "level": 4, "role": "member"}}).permitted
    assert place.asked == []
    assert unknown(engine.check("bob", "read", "d1", {"who": {"id": "ann", "level": "5", "role": "member"}})) == [
        "context.who.level is mistyped"
    ]
    assert place.asked == []
    assert engine.check("bob", "read", "d1", {"who": {"id": "ann", "level": 5}}).permitted
    assert place.asked == ["ann"]


def test_a_source_sees_the_clock_of_the_decision_and_the_key_as_the_schema_reads_it(clock: Clock) -> None:
    place = world()
    engine = engine_of("permit p when subject.level > 1", *supplies(place))
    engine.check("ann", "read", "d1")
    engine.check("ann", "read", "d1", at=dt.datetime(2026, 1, 1, 13, tzinfo=dt.timezone(HOUR)))
    assert place.clocks == [clock.instant, dt.datetime(2026, 1, 1, 12, tzinfo=UTC)]


# ── identifiers ──────────────────────────────────────────────────────────────────────────────────────────


def test_where_several_types_are_admitted_the_identifier_says_which(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 7", *supplies(world()), more="action run: User | Service -> Doc")
    assert engine.check(EntityRef("Service", "ann"), "run", "d1").permitted
    assert not engine.check(EntityRef("User", "ann"), "run", "d1").permitted
    assert engine.check("ann", "run", "d1").code == "invalid_request"
    assert unknown(engine.check("ann", "run", "d1")) == ["subject.entity_type is mistyped"]


@pytest.mark.parametrize(
    ("subject", "action", "resource", "context", "cause"),
    [
        (None, "read", "d1", None, "subject is missing"),
        (7, "read", "d1", None, "subject.id is mistyped"),
        ({"id": "ann"}, "read", "d1", None, "subject.id is mistyped"),
        ("ann", "burn", "d1", None, "action is mistyped"),
        ("ann", None, "d1", None, "action is missing"),
        ("ann", "read", "\ud800", None, "resource.id is mistyped"),
        (EntityRef("Doc", "d1"), "read", "d1", None, "subject.entity_type is mistyped"),
        (EntityRef("Nobody", "d1"), "read", "d1", None, "subject.entity_type is mistyped"),
        (EntityRef(7, "d1"), "read", "d1", None, "subject.entity_type is mistyped"),  # type: ignore[arg-type]
        ("ann", "read", "d1", 7, "context is mistyped"),
    ],
)
def test_what_is_no_request_is_an_invalid_one(clock: Clock, subject: Any, action: Any, resource: Any, context: Any, cause: str) -> None:
    place = world()
    engine = engine_of("permit p otherwise", *supplies(place))
    decision = engine.check(subject, action, resource, context)
    assert (decision.code, unknown(decision), place.asked) == ("invalid_request", [cause], [])
    assert engine.statistics.decisions == 0


def test_keys_need_not_be_strings(clock: Clock) -> None:
    text = """package x
entity Room key no { no: Int, open: Bool }
action enter: Room -> Room
policy p: deny-overrides { permit q when subject.open }"""
    rooms = MemorySource("rooms", {"Room": {1: {"open": True}, 2: {"open": False}}})
    engine = Engine.from_text(text, sources=[Supply("Room", rooms, keep=HOUR)])
    assert engine.check(1, "enter", 2).permitted and not engine.check(2, "enter", 1).permitted
    assert engine.check(1, "enter", 2).permitted
    assert engine.check(True, "enter", 2).code == "invalid_request"
    assert engine.check("1", "enter", 2).code == "invalid_request"
    assert (engine.statistics.hits, engine.statistics.decisions) == (1, 2)


# ── what is not known ────────────────────────────────────────────────────────────────────────────────────


def test_a_subject_or_resource_that_is_known_not_to_exist_makes_the_request_invalid(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level > 1 or resource.level > 1 or context.mfa", *supplies(world()))
    for who, what, causes in (("eve", "d1", ["subject is missing"]), ("ann", "d9", ["resource is missing"])):
        decision = engine.check(who, "read", what, MFA)
        assert (decision.code, unknown(decision)) == ("invalid_request", causes)
    assert unknown(engine.check("eve", "read", "d9", MFA)) == ["resource is missing", "subject is missing"]


def test_of_someone_who_does_not_exist_behind_a_reference_nothing_is_known(clock: Clock) -> None:
    place = world()
    place.set("Doc", "d1", owner="eve")
    engine = engine_of("permit p when resource.owner.level > 1 deny q when resource.owner == subject", *supplies(place))
    decision = engine.check("ann", "read", "d1")
    assert (decision.effect, unknown(decision)) == (Effect.INDETERMINATE, ["resource.owner.level is missing"])


def test_what_fails_is_unknown_and_the_others_are_not_touched(clock: Clock) -> None:
    place = world()
    place.failing = {"ann"}
    engine = engine_of("permit p when resource.level == 3 deny q when subject.level > 1", *supplies(place))
    assert engine.check("ann", "read", "d1").rule == "p"
    decision = engine.check("ann", "read", "d2")
    assert (decision.effect, decision.unknown) == (Effect.INDETERMINATE, (Cause("subject.level", CauseKind.SOURCE_FAILED),))
    assert decision.reason == "cannot decide q: subject.level: source failed"


def test_what_a_source_does_not_say_is_unknown_or_absent_as_in_a_request(clock: Clock) -> None:
    place = world()
    place.entities["User", "ann"] = {"role": "member"}
    engine = engine_of("permit p when not subject has quiet and subject has nick", *supplies(place))
    assert unknown(engine.check("ann", "read", "d1")) == ["subject.nick is missing"]
    place.set("User", "ann", nick=None)
    engine.invalidate("ann")
    assert engine.check("ann", "read", "d1").effect is Effect.NOT_APPLICABLE


def test_a_value_of_the_wrong_type_is_mistyped_and_only_that_one(clock: Clock) -> None:
    place = world()
    place.set("User", "ann", level="5", tags=["x", 7])
    engine = engine_of('permit p when "x" in subject.tags deny q when subject.level > 1 or "y" in subject.tags', *supplies(place))
    assert engine.check("ann", "read", "d1").rule == "p"
    place.set("User", "ann", tags=[7])
    engine.invalidate("ann")
    assert unknown(engine.check("ann", "read", "d1")) == ["subject.tags[0] is mistyped"]


class Strange:
    @property
    def level(self) -> int:
        raise RuntimeError("no")


ANSWERS: dict[str, Any] = {
    "neither": {"level": 5},
    "nothing": None,
    "no object": Found(5),
    "a coroutine": Found(iter(())),
    "for another": Found({"id": "bob", "level": 5}),
    "for something else": Found({"id": 7, "level": 5}),
    "of another type": Found({"entity_type": "Group", "id": "ann", "level": 5}),
    "from the future": Found({"level": 5}, dt.datetime(2100, 1, 1, tzinfo=UTC)),
    "of no time": Found({"level": 5}, dt.datetime(2020, 1, 1)),
    "of a date": Found({"level": 5}, dt.date(2020, 1, 1)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_cannot_be_one_is_as_good_as_none(clock: Clock, answer: str, caplog: pytest.LogCaptureFixture) -> None:
    class Odd:
        name = "odd"

        def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Any:
            return ANSWERS[answer]

    engine = engine_of("permit p when subject.level == 5", *supplies(Odd(), "User"))
    assert unknown(engine.check("ann", "read", "d1")) == ["subject.level: source failed"]
    assert engine.statistics.failures == {"odd": 1} and engine.statistics.decisions == 0
    assert "attribute source odd failed for User: " in caplog.text


def test_a_property_that_raises_is_mistyped_and_one_answer_in_many_forms_is_one(clock: Clock) -> None:
    engine = engine_of("permit p when subject.level == 5", *supplies(FunctionSource("f", lambda e, n, a: Strange()), "User"))
    assert unknown(engine.check("ann", "read", "d1")) == ["subject.level: source failed"]
    for form in (
        {"id": "ann", "level": 5},
        {"entity_type": "User", "level": 5, "more": 1},
        Found({"level": 5}),
        Found({"level": 5}, version="7"),
    ):
        engine = engine_of("permit p when subject.level == 5", *supplies(FunctionSource("f", lambda e, n, a, form=form: form), "User"))  # type: ignore[misc]
        assert engine.check("ann", "read", "d1").permitted


def test_what_a_source_raises_is_logged_without_its_message(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    place = world()
    place.failing = {"ann"}
    engine_of("permit p when subject.level == 5", *supplies(place)).check("ann", "read", "d1")
    assert "attribute source world failed for User: it raised ConnectionError" in caplog.text and "secret" not in caplog.text


# ── several sources for one entity ───────────────────────────────────────────────────────────────────────


def test_several_sources_share_an_entity(clock: Clock) -> None:
    levels, rest = World(User={"ann": {"level": 5}}), World(User={"ann": {"role": "owner"}})
    engine = engine_of(
        'permit p when subject.level == 5 and subject.role == "owner"',
        Supply("User", rest, keep=HOUR, timeout=None), Supply("User", levels, ["level"], keep=HOUR, timeout=None),
    )  # fmt: skip
    assert engine.check("ann", "read", "d1").permitted
    assert levels.names == [frozenset({"level"})] and rest.names == [frozenset({"role"})]


def test_who_is_known_to_one_source_exists(clock: Clock) -> None:
    levels, rest = World(), World(User={"ann": {"role": "owner"}})
    engine = engine_of(
        'permit p when subject.level == 5 deny q when subject.role == "owner"',
        Supply("User", levels, ["level"], keep=HOUR, timeout=None), Supply("User", rest, keep=HOUR, timeout=None),
    )  # fmt: skip
    assert unknown(engine.check("ann", "read", "d1")) == ["subject.level is missing"]
    assert engine.check("eve", "read", "d1").code == "invalid_request"
    levels.failing = {"bob"}
    assert unknown(engine.check("bob", "read", "d1")) == ["subject.level: source failed"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([("Users", None)], "`w0` supplies `Users`, which no entity is called"),
        ([("User", ["rank"])], "`w0` supplies `User.rank`, which is not declared"),
        ([("User", ["id"])], "`w0` cannot supply `User.id`: it is the key that it is asked by"),
        ([("Doc", ["parents"])], "`w0` supplies `Doc.parents`, which is not declared"),
        ([("User", ["role"]), ("User", ["role", "level"])], "`w0` and `w1` both supply `User.role`"),
        ([("User", None), ("Doc", None), ("User", None)], "`w0` and `w2` both supply the rest of `User`"),
    ],
)
def test_sources_that_do_not_fit_the_schema_are_refused_at_load(given: list[tuple[str, Any]], complaint: str) -> None:
    sources = []
    for number, (type_, names) in enumerate(given):
        source = world()
        source.name = f"w{number}"
        sources.append(Supply(type_, source, names, keep=HOUR))
    with pytest.raises(LoadError) as refused:
        engine_of("permit p otherwise", *sources)
    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    "options",
    [
        {"keep": -HOUR},
        {"keep": HOUR, "max_age": dt.timedelta()},
        {"keep": HOUR, "timeout": -HOUR},
        {"keep": HOUR, "threads": 0},
        {"keep": HOUR, "attributes": "level"},
    ],
)
def test_supplies_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Supply("User", world(), **options)


def test_a_bare_function_is_no_source_and_says_what_makes_it_one() -> None:
    with pytest.raises(TypeError, match="put a function into a `FunctionSource`"):
        Supply("User", lambda entity, names, at: {}, keep=None)  # type: ignore[arg-type]


def test_how_long_an_answer_is_kept_has_no_default() -> None:
    with pytest.raises(TypeError):
        Supply("User", world())  # type: ignore[call-arg]


def test_a_reload_that_sources_do_not_fit_changes_nothing(clock: Clock, tmp_path: Any) -> None:
    file = tmp_path / "shop" / "shop.abac"
    file.parent.mkdir()
    text = """package shop
entity User key id { id: String, level: Int }
action read: User -> User
policy p: deny-overrides { permit q when subject.level > 1 }"""
    file.write_text(text)
    engine = Engine.load(file.parent, sources=[Supply("User", world(), ["level"], keep=HOUR)])
    file.write_text(text.replace("level", "rank"))
    digest = engine.digest
    with pytest.raises(LoadError):
        engine.reload()
    assert engine.digest == digest and engine.check("ann", "read", "bob").permitted


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────


def test_circles_of_references_and_groups_end(clock: Clock) -> None:
    place = world()
    place.set("User", "ann", boss="cy", parents=["g"])
    place.set("Group", "g", parents=["staff"])
    place.set("Group", "staff", parents=["g"])
    engine = engine_of('permit p when subject in Group::"staff" deny q when subject in Group::"other"', *supplies(place))
    assert engine.check("ann", "read", "d1").rule == "p"
    engine = engine_of('deny q when subject in Group::"other"', *supplies(place))
    assert [cause.kind for cause in engine.check("ann", "read", "d1").unknown] == [CauseKind.LIMIT_EXCEEDED]
    engine = engine_of("deny q when count(chain subject by boss) > 1", *supplies(place))
    assert unknown(engine.check("ann", "read", "d1")) == ["subject.boss: limit exceeded"]


def test_a_chain_that_is_too_long_is_known_to_be(clock: Clock) -> None:
    place = world()
    for i in range(40):
        place.set("User", f"u{i}", boss=f"u{i + 1}" if i < 39 else None)
    engine = engine_of("permit p when count(chain subject by boss) == 17 deny q when count(chain subject by boss) > 1", *supplies(place))
    assert engine.check("u23", "read", "d1").permitted
    assert unknown(engine.check("u22", "read", "d1")) == ["subject.boss: limit exceeded"]


def test_groups_that_share_groups_are_bounded(clock: Clock) -> None:
    """Each of 30 layers of two groups stands in both of the next: 2^30 ways up."""
    place = world()
    place.set("User", "ann", parents=["0a", "0b"])
    for layer in range(30):
        for side in "ab":
            place.set("Group", f"{layer}{side}", parents=[f"{layer + 1}a", f"{layer + 1}b"] if layer < 29 else [])
    engine = engine_of('permit p when subject in Group::"29b" deny q when subject in Group::"nowhere"', *supplies(place))
    decision = engine.check("ann", "read", "d1")
    assert decision.permitted and len(place.asked) <= 61
    engine = engine_of('deny q when subject in Group::"nowhere"', *supplies(place))
    assert {cause.kind for cause in engine.check("ann", "read", "d1").unknown} == {CauseKind.LIMIT_EXCEEDED}


def test_only_so_many_places_are_supplied(clock: Clock) -> None:
    place = world()
    names = [f"u{i}" for i in range(MAX_ENTITIES + 10)]
    for name in names:
        place.set("User", name, level=1)
    place.set("Doc", "d1", readers=names)
    engine = engine_of("permit p when every r in resource.readers: r.level == 1", *supplies(place))
    decision = engine.check("ann", "read", "d1")
    assert decision.effect is Effect.INDETERMINATE and {cause.kind for cause in decision.unknown} == {CauseKind.LIMIT_EXCEEDED}
    place.set("Doc", "d1", readers=names[: MAX_ENTITIES - 1])
    engine.invalidate("d1")
    assert engine.check("ann", "read", "d1").permitted


def test_what_a_source_nests_too_deeply_is_unknown_where_a_request_would_be(clock: Clock) -> None:
    place = world()

    def boss(depth: int) -> dict[str, Any]:
        return {"id": f"b{depth}", "level": 1, "boss": boss(depth - 1) if depth else None}

    place.set("User", "ann", boss=boss(90))
    rules = "permit p when subject has boss and subject.boss.level == 1 and count(chain subject by boss) > 0"
    by_source = engine_of(rules, *supplies(place)).check("ann", "read", "d1")
    whole = engine_of(rules).decide(place.nested("User", "ann"), "read", {"id": "d1"}, at=clock.instant)
    assert by_source.unknown == whole.unknown and by_source.effect is Effect.INDETERMINATE


def test_the_depth_of_a_request_counts_from_its_top(clock: Clock) -> None:
    """What is nested behind a reference stands deeper than in its own answer."""
    place = world()

    def boss(depth: int) -> dict[str, Any]:
        return {"id": f"b{depth}", "level": 1, "boss": boss(depth - 1) if depth else None}

    rules = (
        "permit p when resource.owner has boss and count(chain resource.owner.boss by boss) > 0 deny q when resource.owner.boss.level == 1"
    )
    for depth in (60, 61, 62, 63, 64, 65, 90):
        place.set("User", "ann", boss=boss(depth))
        place.set("Doc", "d1", owner="ann")
        engine = engine_of(rules.replace("deny q when", "deny q when resource.owner has boss and"), *supplies(place))
        whole = engine.decide({"id": "bob"}, "read", place.nested("Doc", "d1"), at=clock.instant)
        assert engine.check("bob", "read", "d1").unknown == whole.unknown, depth


def test_no_more_values_are_supplied_than_a_request_may_have(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "__init__", lambda self: setattr(self, "left", 4))
    place = world()
    engine = engine_of('permit p when subject.level == 5 and "x" in subject.tags', *supplies(place))
    assert engine.check("ann", "read", "d1").permitted
    place.set("User", "ann", tags=["a", "b", "c", "d", "x"])
    engine.invalidate("ann")
    assert {cause.kind for cause in engine.check("ann", "read", "d1").unknown} == {CauseKind.LIMIT_EXCEEDED}


def test_groups_that_all_stand_in_each_other_leave_room_for_the_rest(clock: Clock) -> None:
    place = world()
    groups = ["g1", "g2", "g3", "g4"]
    for group in groups:
        place.set("Group", group, parents=[each for each in groups if each != group])
    place.set("User", "ann", parents=groups)
    engine = engine_of('permit p when subject in Group::"g4" and resource.owner.level == 3', *supplies(place))
    assert engine.check("ann", "read", "d1").permitted


def test_an_empty_engine_decides_by_keys_alone(clock: Clock) -> None:
    engine = engine_of('permit p when resource == Doc::"d1" deny q when subject.level > 1')
    assert engine.check("ann", "read", "d1").permitted
    assert unknown(engine.check("ann", "read", "d2")) == ["subject.level is missing"]


def test_an_absent_answer_is_an_answer() -> None:
    assert Absent() == Absent() and MemorySource("m").fetch(EntityRef("User", "x"), frozenset(), dt.datetime.now(UTC)) == Absent()
