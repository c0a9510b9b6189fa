"""Entities: what makes two of them the same, where they stand, and where their references lead."""

from __future__ import annotations

from typing import Any

import pytest

from abac import Decision
from abac.model.limits import MAX_CHAIN
from abac.model.values import CauseKind, EntityValue, ListValue, Unknown
from abac.reference.logic import ancestors, inside
from tests.reference.asking import causes, engine

SCHEMA = """package asked
entity Team in Team key id { id: String }
entity Person in Team key id { id: String, age: Int, boss: Person?, mentor: Person? = absent }
entity Robot key serial { serial: Int, age: Int, owner: Person }
entity Paper key id { id: String, owner: Person, readers: Set<Person>, team: Team, n: Int }
context { clock at: Instant, who: Person? = absent, team: Team? = absent, people: List<Person>? = absent }
action read: Person | Robot -> Paper
action weld: Robot -> Paper
"""
PAPER = {"id": "doc", "owner": "bob", "readers": ["carol", "dave"], "team": "core", "n": 1}


def person(id: str = "alice", parents: Any = (), **more: object) -> dict[str, object]:
    made = {"entity_type": "Person", "id": id, "age": 30, "boss": None, **more}
    return made if parents is None else made | {"parents": list(parents)}


def asked(expression: str, subject: object = None, resource: object = PAPER, action: str = "read", **context: object) -> Decision:
    policy = f"policy p: deny-overrides {{ permit holds when {expression} deny fails unless {expression} }}"
    return engine(SCHEMA + policy.replace("~", "context.")).decide(person() if subject is None else subject, action, resource, context)


def truth(expression: str, *arguments: Any, **context: Any) -> bool | None:
    return {"permit": True, "deny": False, "indeterminate": None}[asked(expression, *arguments, **context).effect]


# ── equality ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ('subject == Person::"alice"', True),
        ('subject == Person::"bob"', False),
        ('resource.owner == Person::"bob"', True),
        ('Person::"carol" in resource.readers', True),
        ("subject in resource.readers", False),
        ('resource.readers == { Person::"dave", Person::"carol" }', True),
        ('resource.readers intersects { Person::"dave" }', True),
        ("resource.owner == subject", False),
        ("resource.owner in resource.readers", False),
        ("some r in resource.readers: r == resource.owner", False),
        ("resource.owner != subject", True),
        ('action == "read"', True),
        ('action in { "weld" }', False),
    ],
)
def test_an_entity_is_known_by_its_key_where_its_attributes_are_not(expression: str, answer: bool) -> None:
    assert truth(expression) is answer


def test_two_entities_with_one_key_are_the_same_whatever_else_they_hold() -> None:
    paper = PAPER | {"owner": person("alice", age=99)}
    assert truth("resource.owner == subject", person("alice", age=30), paper) is True
    assert truth("resource.owner.age == subject.age", person("alice", age=30), paper) is False


def test_an_entity_of_another_type_is_never_the_same() -> None:
    paper = PAPER | {"id": "alice"}
    assert truth("subject == resource.owner", {"entity_type": "Robot", "serial": 7, "age": 1, "owner": "bob"}, paper) is False


def test_an_unknown_key_makes_equality_unknown_and_another_type_still_false() -> None:
    assert truth("resource.owner == subject", person(), PAPER | {"owner": None}) is None
    assert truth("resource.owner == subject", person(), PAPER | {"owner": 5}) is None
    assert truth("resource.owner == subject", person(), PAPER | {"owner": {"age": 5}}) is None
    assert truth("subject in resource.readers", person("carol"), PAPER | {"readers": ["carol", None]}) is True
    assert truth("subject in resource.readers", person("erin"), PAPER | {"readers": ["carol", None]}) is None


def test_the_attributes_of_a_reference_are_unknown() -> None:
    found = asked("resource.owner.age > 18")
    assert (found.effect, causes(found)) == ("indeterminate", ["resource.owner.age is missing"])
    assert truth("resource.owner.age > 18", person(), PAPER | {"owner": person("bob", age=19)}) is True


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────

ROBOT = {"entity_type": "Robot", "serial": 7, "age": 1, "owner": "bob"}


def test_is_tells_the_types_of_a_signature_apart() -> None:
    assert truth("subject is Person") is True
    assert truth("subject is Robot", ROBOT) is True
    assert truth("subject is Robot and subject.owner == resource.owner", ROBOT) is True
    assert truth("subject is Robot and subject.owner == resource.owner") is False
    assert truth("if subject is Person then subject.age > 18 else subject.serial == 7", ROBOT) is True


def test_an_attribute_that_both_types_have_needs_no_question() -> None:
    assert truth("subject.age == 1", ROBOT) is True


@pytest.mark.parametrize(
    ("subject", "action", "cause"),
    [
        ({"id": "alice", "age": 1, "boss": None}, "read", "subject.entity_type is mistyped"),
        (person(entity_type="Paper"), "read", "subject.entity_type is mistyped"),
        (person(entity_type=5), "read", "subject.entity_type is mistyped"),
        (person(), "weld", "subject.entity_type is mistyped"),
        (ROBOT | {"serial": "7"}, "read", "subject.serial is mistyped"),
        (person() | {"id": None}, "read", "subject.id is mistyped"),
        ("alice", "read", "subject is mistyped"),
    ],
)
def test_who_asks_is_known_before_anything_is_decided(subject: object, action: str, cause: str) -> None:
    found = asked("subject.age >= 0", subject, PAPER, action)
    assert (found.effect, found.code, causes(found)) == ("indeterminate", "invalid_request", [cause])


def test_where_one_type_is_possible_it_need_not_be_named() -> None:
    assert truth('action == "weld"', {"serial": 7, "age": 1, "owner": "bob"}, PAPER, "weld") is True


# ── hierarchy ────────────────────────────────────────────────────────────────────────────────────────────


def team(id: str, *parents: object) -> dict[str, object]:
    return {"id": id, "parents": list(parents)}


@pytest.mark.parametrize(
    ("parents", "answer"),
    [
        ([], False),
        ([team("core")], True),
        ([team("other")], False),
        ([team("other"), team("core")], True),
        ([team("other", team("deep", team("core")))], True),
        ([team("other", team("deep", team("root")))], False),
        (["core"], True),
        (["other"], None),
        ([team("other", "deep")], None),
        ([team("other"), "core"], True),
        ([None], None),
        ([None, team("core")], True),
        (["other", team("x", team("core"))], True),
        ([5, team("other")], None),
        ([{"id": "core"}], True),
        ([{"id": "other"}], None),
        ([{"parents": [team("core")]}], True),
        ([{"parents": [team("x")]}], None),
        (None, None),
    ],
)
def test_who_stands_in_a_team_is_known_as_far_as_parents_are(parents: list[object] | None, answer: bool | None) -> None:
    assert truth('subject is Person and subject in Team::"core"', person(parents=parents)) is answer
    assert truth("subject is Person and subject in resource.team", person(parents=parents)) is answer
    assert truth('subject is Person and subject not in Team::"core"', person(parents=parents)) is (None if answer is None else not answer)


def test_a_team_stands_in_itself() -> None:
    assert truth('resource.team in Team::"core"') is True
    assert truth('resource.team in Team::"other"') is None
    assert truth('resource.team in Team::"other"', person(), PAPER | {"team": team("core")}) is False


def test_a_type_without_parents_stands_in_nothing_and_asks_for_none() -> None:
    assert truth("context has team and ~team in resource.team", person(), PAPER, team=team("x", team("core"))) is True


def test_a_missing_parent_names_the_place() -> None:
    found = asked('subject is Person and subject in Team::"core"', person(parents=[team("x", "y")]))
    assert causes(found) == ["subject.parents[0].parents[0].parents is missing"]
    assert causes(asked('subject is Person and subject in Team::"core"', person(parents=None))) == ["subject.parents is missing"]


def test_ancestors_are_walked_once_an_occurrence_and_unknown_where_parents_are() -> None:
    lost = Unknown.of("x.parents", CauseKind.MISSING)
    top = EntityValue("Team", "top", {}, ListValue(()))
    middle = EntityValue("Team", "middle", {}, ListValue((top, lost)))
    low = EntityValue("Person", "low", {}, ListValue((middle,)))
    assert list(ancestors(low)) == [low, middle, top, lost]
    assert inside(low, top) is True
    assert inside(low, EntityValue("Team", "low", {}, ListValue(()))) == lost
    assert inside(top, middle) is False


def test_parents_beyond_the_depth_of_a_request_are_unknown() -> None:
    deep: dict[str, object] = team("core")
    for _ in range(100):
        deep = team("x", deep)
    found = asked('subject is Person and subject in Team::"core"', person(parents=[deep]))
    assert found.effect == "indeterminate" and {cause.kind for cause in found.unknown} == {CauseKind.LIMIT_EXCEEDED}


def test_parents_that_hold_themselves_break_no_decision() -> None:
    loop: dict[str, Any] = team("x")
    loop["parents"].append(loop)
    found = asked('subject is Person and subject in Team::"core"', person(parents=[loop]))
    assert found.effect == "indeterminate"


# ── chains ───────────────────────────────────────────────────────────────────────────────────────────────


def ladder(links: int, end: object = None) -> dict[str, object]:
    """Somebody from whom so many links lead to the end."""
    boss: object = end
    for step in range(links):
        boss = person(f"p{links - step}", boss=boss)
    return person("p0", boss=boss)


COUNT = "count(chain ~who by boss)"


@pytest.mark.parametrize("links", [0, 1, 2, MAX_CHAIN - 1, MAX_CHAIN])
def test_a_chain_holds_everybody_from_the_first_to_the_last(links: int) -> None:
    assert truth(f"context has who and {COUNT} == {links + 1}", person(), PAPER, who=ladder(links)) is True
    assert truth("context has who and (every p in chain ~who by boss: p.age == 30)", person(), PAPER, who=ladder(links)) is True
    assert truth(f'context has who and final(chain ~who by boss).id == "p{links}"', person(), PAPER, who=ladder(links)) is True


def test_a_chain_of_seventeen_links_is_unknown() -> None:
    found = asked(f"context has who and {COUNT} > 0", person(), PAPER, who=ladder(MAX_CHAIN + 1))
    assert (MAX_CHAIN, causes(found)) == (16, ["context.who.boss: limit exceeded"])


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (5, "context.who.boss.boss is mistyped"),
        ("erin", "context.who.boss.boss.boss is missing"),
        ({"id": "erin", "age": 3}, "context.who.boss.boss.boss is missing"),
        ({"age": 3, "boss": None}, "context.who.boss.boss.id is missing"),
    ],
)
def test_a_chain_with_an_unknown_link_is_unknown_as_a_whole(end: object, cause: str) -> None:
    for test in (f"{COUNT} > 0", '(some p in chain ~who by boss: p.id == "p0")', "chain ~who by boss is not empty"):
        found = asked(f"context has who and {test}", person(), PAPER, who=ladder(1, end))
        assert (found.effect, causes(found)) == ("indeterminate", [cause])


@pytest.mark.parametrize("back_to", ["p0", "p1", "p2"])
def test_a_chain_that_comes_back_to_itself_is_unknown(back_to: str) -> None:
    found = asked(f"context has who and {COUNT} > 0", person(), PAPER, who=ladder(2, person(back_to)))
    assert (found.effect, causes(found)) == ("indeterminate", ["context.who.boss: limit exceeded"])


def test_a_person_who_is_their_own_boss_breaks_no_decision() -> None:
    narcissus: dict[str, Any] = person("narcissus")
    narcissus["boss"] = narcissus
    assert truth(f"context has who and {COUNT} > 0", person(), PAPER, who=narcissus) is None


def test_a_chain_by_an_attribute_that_is_absent_by_default_is_the_first_alone() -> None:
    assert truth("context has who and count(chain ~who by mentor) == 1", person(), PAPER, who=person("x")) is True
