"""`for some` binds one element, and which one does not depend on what is unknown beside it."""

from __future__ import annotations

import random

import pytest

from abac import Decision
from tests.reference.asking import causes, decide

DECLARED = """
record Licence { number: Int, valid: Bool, uses: Int }
obligation use(number: Int), count(uses: Int)
advice tell(uses: Int)
"""
PERMIT = 'permit r for some l in ~ls when l.valid because "licence {l.number}" oblige use(l.number)'
TOP = 2**63 - 1


def licence(number: int | None = None, valid: bool | None = None, uses: int | None = 0) -> dict[str, object]:
    return {name: each for name, each in (("number", number), ("valid", valid), ("uses", uses)) if each is not None}


def asked(rule: str, licences: object, kind: str = "List") -> Decision:
    return decide(f"{DECLARED}policy p: deny-overrides {{ {rule} }}", {"ls": licences}, fields=f"ls: {kind}<Licence>")


def bound(decision: Decision) -> object:
    return next((duty.arguments["number"] for duty in decision.obligations if duty.id == "use"), None)


@pytest.mark.parametrize(
    ("licences", "effect", "number"),
    [
        ([], "not-applicable", None),
        ([licence(1, False)], "not-applicable", None),
        ([licence(1, True)], "permit", 1),
        ([licence(2, True), licence(1, True)], "permit", 2),
        ([licence(3, False), licence(2, True), licence(1, True)], "permit", 2),
        ([None, licence(2, True)], "permit", 2),
        ([licence(3), licence(2, True)], "permit", 2),
        (["x", 5, [], licence(2, True), None], "permit", 2),
        ([None, licence(2, False)], "indeterminate", None),
        ([licence(2, False), licence(3)], "indeterminate", None),
        ([None], "indeterminate", None),
        (None, "indeterminate", None),
        (licence(1, True), "indeterminate", None),
    ],
)
def test_the_first_element_for_which_the_body_is_true_is_bound(licences: object, effect: str, number: int | None) -> None:
    found = asked(PERMIT, licences)
    assert (found.effect, bound(found)) == (effect, number)
    if number is not None:
        assert found.reason == f"licence {number}"


def test_an_undecided_search_names_the_elements_that_might_have_served() -> None:
    assert causes(asked(PERMIT, [licence(1, False), licence(2), None])) == ["context.ls[1].valid is missing", "context.ls[2] is mistyped"]


@pytest.mark.parametrize("seed", range(5))
def test_in_a_set_the_order_of_the_request_does_not_matter(seed: int) -> None:
    licences = [*(licence(n, n in (3, 4)) for n in range(6)), None, licence(2)]
    random.Random(seed).shuffle(licences)
    found = asked(PERMIT, licences, "Set")
    assert (found.effect, bound(found)) == ("permit", 3)


def test_a_set_of_numbers_is_walked_from_the_least() -> None:
    policy = "obligation use(number: Int)\npolicy p: deny-overrides { permit r for some n in ~ns when n > 1 oblige use(n) }"
    for numbers in ([3, 2, 1], [1, 2, 3], [2, None, 3], [None, 3, 2, 2]):
        assert bound(decide(policy, {"ns": numbers}, fields="ns: Set<Int>")) == 2


# ── a permit needs a witness that can be discharged ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("licences", "number"),
    [
        ([licence(TOP, True), licence(1, True)], 2),
        ([licence(None, True), licence(1, True)], 2),
        ([None, licence(TOP, True), licence(4, False), licence(1, True)], 2),
        ([licence(1, True), licence(TOP, True)], 2),
    ],
)
def test_a_permit_binds_the_first_witness_whose_obligations_are_computable(licences: list[object], number: int) -> None:
    found = asked("permit r for some l in ~ls when l.valid oblige use(l.number + 1)", licences)
    assert (found.effect, bound(found)) == ("permit", number)
    assert not found.unknown


def test_a_guard_that_cannot_be_computed_passes_a_witness_over_as_well() -> None:
    rule = "permit r for some l in ~ls when l.valid oblige use(l.number) if l.uses > 0"
    assert bound(asked(rule, [licence(1, True, None), licence(2, True, 1)])) == 2
    assert bound(asked(rule, [licence(1, True, 0), licence(2, True, 1)])) is None


def test_advice_that_cannot_be_computed_passes_no_witness_over() -> None:
    found = asked(
        "permit r for some l in ~ls when l.valid oblige use(l.number) advise tell(l.uses + 1)", [licence(1, True, TOP), licence(2, True)]
    )
    assert (bound(found), found.advice) == (1, ())
    assert causes(found) == ["l.uses + 1: overflow"]


def test_a_permit_without_any_dischargeable_witness_is_undecided_by_the_first() -> None:
    found = asked("permit r for some l in ~ls when l.valid oblige use(l.number + 1)", [licence(None, True), licence(TOP, True)])
    assert (found.effect, found.rule, causes(found)) == ("indeterminate", "r", ["context.ls[0].number is missing"])


def test_supplying_an_element_never_takes_a_permit_away() -> None:
    rule = "permit r for some l in ~ls when l.valid oblige use(l.number + 1)"
    rest = [licence(1, True)]
    assert asked(rule, [None, *rest]).permitted
    for number in (0, TOP, None):
        for valid in (True, False, None):
            assert asked(rule, [licence(number, valid), *rest]).permitted


def test_a_deny_binds_the_first_witness_though_its_obligations_are_not_computable() -> None:
    found = asked("deny r for some l in ~ls when l.valid oblige use(l.number + 1)", [licence(TOP, True), licence(1, True)])
    assert (found.effect, bound(found), causes(found)) == ("deny", None, ["l.number + 1: overflow"])
    assert len(found.obligations) == 1


# ── without a body, and undecided ────────────────────────────────────────────────────────────────────────


def test_without_a_body_the_first_element_is_bound() -> None:
    assert bound(asked("deny r for some l in ~ls oblige use(l.number)", [licence(5), licence(6)])) == 5
    assert asked("deny r for some l in ~ls oblige use(l.number)", []).effect == "not-applicable"


def test_unless_is_part_of_the_body() -> None:
    rule = "permit r for some l in ~ls when l.valid unless l.uses > 2 oblige use(l.number)"
    assert bound(asked(rule, [licence(1, True, 3), licence(2, True, 2)])) == 2


@pytest.mark.parametrize("licences", [None, [licence(None)], [None]])
def test_a_deny_even_if_unknown_without_a_witness_keeps_its_obligations(licences: object) -> None:
    rule = 'deny r for some l in ~ls when l.valid even if unknown because "licence {l.number}" oblige use(l.number), count(7)'
    found = asked(rule, licences)
    assert (found.effect, found.reason) == ("deny", "licence (unknown)")
    assert [dict(duty.arguments) for duty in found.obligations] == [{"number": None}, {"uses": 7}]


def test_more_elements_than_a_collection_may_have_are_not_walked() -> None:
    found = asked(PERMIT, [licence(1, True)] * 10_001)
    assert (found.effect, causes(found)) == ("indeterminate", ["context.ls: limit exceeded"])


# ── inside an expression nothing is bound ────────────────────────────────────────────────────────────────


def test_a_quantifier_inside_an_expression_binds_nothing_outside() -> None:
    policy = """
    obligation use(number: Int)
    policy p: deny-overrides { permit r for some n in ~ns when some m in ~ms: m == n oblige use(n) }"""
    found = decide(policy, {"ns": [5, 6, 7], "ms": [7, 6]}, fields="ns: List<Int>, ms: List<Int>")
    assert bound(found) == 6


def test_the_witness_is_in_scope_in_every_clause_of_its_rule() -> None:
    policy = """
    record Order { id: String, laws: List<String> }
    advice tell(id: String)
    obligation note(id: String)
    policy p: deny-overrides {
      deny r for some o in ~os when o.id != "x" unless o.id == "y" because "{o.id}" cite o.laws
        oblige note(o.id) if o.id == "z" advise tell(o.id)
    }"""
    orders = [{"id": each, "laws": [f"law {each}"]} for each in "xyz"]
    found = decide(policy, {"os": orders}, fields="os: List<Order>")
    assert (found.reason, found.citations) == ("z", ("law z",))
    assert [duty.arguments["id"] for duty in (*found.obligations, *found.advice)] == ["z", "z"]
