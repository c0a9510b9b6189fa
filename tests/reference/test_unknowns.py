"""What cannot be had stays unknown, in every form of expression, and nothing that depends on it is ever true."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import pytest

from abac.model.limits import MAX_CAUSES, MAX_COLLECTION
from abac.model.values import ABSENT, Cause, CauseKind, EntityValue, ListValue, RecordValue, SetValue, Unknown, Value, set_of
from abac.reference.logic import Truth, all_of, any_of, contains, equal, intersects, negation, subset
from tests.reference.asking import causes, decide, truth, value

U = Unknown.of("u", CauseKind.MISSING)
V = Unknown.of("v", CauseKind.STALE)
BOTH = Unknown.union((U, V))
TRUTHS: dict[str, Truth] = {"T": True, "F": False, "U": U}
RANK = {"F": 0, "U": 1, "T": 2}


def letter(truth: Truth | None) -> str:
    return "U" if isinstance(truth, Unknown) or truth is None else "T" if truth else "F"


# ── and, or, not ─────────────────────────────────────────────────────────────────────────────────────────

# Written out by hand: the row is the left operand, the column the right.
AND = {"T": "TFU", "F": "FFF", "U": "UFU"}
OR = {"T": "TTT", "F": "TFU", "U": "TUU"}
FLAGS = "a: Bool, b: Bool"


def flags(a: str, b: str) -> dict[str, Any]:
    return {name: letter == "T" for name, letter in (("a", a), ("b", b)) if letter != "U"}


@pytest.mark.parametrize(("a", "b"), list(product("TFU", repeat=2)))
def test_and_and_or_follow_kleenes_tables(a: str, b: str) -> None:
    column = "TFU".index(b)
    assert letter(all_of((TRUTHS[a], TRUTHS[b]))) == AND[a][column] == letter(truth("~a and ~b", FLAGS, **flags(a, b)))
    assert letter(any_of((TRUTHS[a], TRUTHS[b]))) == OR[a][column] == letter(truth("~a or ~b", FLAGS, **flags(a, b)))


def test_not_of_unknown_is_unknown() -> None:
    assert [negation(True), negation(False), negation(U)] == [False, True, U]
    assert truth("not ~a", FLAGS) is None


@pytest.mark.parametrize("letters", ["".join(each) for size in range(5) for each in product("TFU", repeat=size)])
def test_many_truths_are_their_least_and_greatest(letters: str) -> None:
    truths = [TRUTHS[each] for each in letters]
    assert letter(all_of(truths)) == min(letters, key=RANK.__getitem__, default="T")
    assert letter(any_of(truths)) == max(letters, key=RANK.__getitem__, default="F")


@pytest.mark.parametrize("order", list(permutations([True, U, V, True])))
def test_an_undecided_and_names_every_unknown_operand_whatever_the_order(order: tuple[Truth, ...]) -> None:
    assert all_of(order) == BOTH
    assert any_of(negation(each) for each in order) == BOTH


@pytest.mark.parametrize("expression", ["~a or not ~a", "~a == ~b or ~a != ~b", "if ~a then true else true", "not (~a and not ~a)"])
def test_there_is_no_excluded_middle(expression: str) -> None:
    assert truth(expression, FLAGS) is None


def test_at_most_sixty_four_causes_are_carried() -> None:
    many = Unknown.union(Unknown.of(f"{i:03}", CauseKind.MISSING) for i in range(MAX_CAUSES + 1))
    assert len(many.causes) == MAX_CAUSES == 64
    assert Cause("064", CauseKind.MISSING) not in many.causes


# ── if ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"a": True, "b": True}, True),
        ({"a": True, "b": False}, False),
        ({"a": True}, None),
        ({"a": False}, True),
        ({"a": False, "b": True}, True),
        ({"b": True}, None),
        ({"b": False}, None),
        ({}, None),
    ],
)
def test_an_if_is_its_chosen_branch_and_unknown_without_its_condition(given: dict[str, Any], answer: bool | None) -> None:
    assert truth("if ~a then ~b else true", FLAGS, **given) is answer


def test_an_undecided_if_names_its_condition_alone() -> None:
    assert value("if ~a then ~n else ~n + 1", "Int", "a: Bool, n: Int") == ["context.a is missing"]
    assert value("if ~a then ~n else 1", "Int", "a: Bool, n: Int", a=True) == ["context.n is missing"]


def test_a_later_condition_of_a_ladder_matters_only_where_the_earlier_are_false() -> None:
    ladder = "if ~a then 1 else if ~b then 2 else 3"
    assert value(ladder, "Int", FLAGS, a=True) == 1
    assert value(ladder, "Int", FLAGS, a=False) == ["context.b is missing"]
    assert value(ladder, "Int", FLAGS, a=False, b=False) == 3
    assert value(ladder, "Int", FLAGS, b=True) == ["context.a is missing"]


# ── some and every ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("elements", "some", "every"),
    [
        ([], False, True),
        ([1], True, True),
        ([2], False, False),
        ([None], None, None),
        ([None, 1], True, None),
        ([1, None], True, None),
        ([None, 2], None, False),
        ([2, None], None, False),
        ([1, 2, None], True, False),
        (["1"], None, None),
        ([True], None, None),
        (None, None, None),
        ("1", None, None),
        (1, None, None),
        ([1] * MAX_COLLECTION, True, True),
        ([1] * (MAX_COLLECTION + 1), None, None),
    ],
)
@pytest.mark.parametrize("kind", ["List", "Set"])
def test_some_and_every_ask_each_element(kind: str, elements: object, some: bool | None, every: bool | None) -> None:
    assert truth("some x in ~xs: x == 1", f"xs: {kind}<Int>", xs=elements) is some
    assert truth("every x in ~xs: x == 1", f"xs: {kind}<Int>", xs=elements) is every


def test_a_body_that_does_not_look_at_an_unknown_element_is_decided() -> None:
    assert truth("some x in ~xs: ~a", "xs: List<Int>, a: Bool", xs=[None], a=True) is True
    assert truth("every x in ~xs: ~a", "xs: List<Int>, a: Bool", xs=[None], a=False) is False


def test_quantifiers_inside_quantifiers_see_both_variables() -> None:
    fields = "xs: List<Int>, ys: List<Int>"
    assert truth("every x in ~xs: (some y in ~ys: y == x)", fields, xs=[1, 2], ys=[2, 1, None]) is True
    assert truth("every x in ~xs: (some y in ~ys: y == x)", fields, xs=[1, 3], ys=[2, 1, None]) is None
    assert truth("every x in ~xs: (some y in ~ys: y == x)", fields, xs=[1, 3], ys=[2, 1]) is False


def test_walking_more_combinations_than_the_limit_is_unknown() -> None:
    fields, thousand = "xs: List<Int>, ys: List<Int>", [1] * 1_001
    policy = "policy p: deny-overrides { permit r when some x in ~xs: (some y in ~ys: x == y) }"
    found = decide(policy, {"xs": [1] * 1_000, "ys": thousand}, fields=fields)
    assert (found.effect, causes(found)) == ("indeterminate", ["context.ys: limit exceeded"])
    assert truth("some x in ~xs: (some y in ~ys: x == y)", fields, xs=[1] * 1_000, ys=[1] * 1_000) is True


# ── collections with unknown elements ────────────────────────────────────────────────────────────────────

ONE, ONE_U, ONE_TWO, TWO, NONE, ONLY_U = (1,), (1, U), (1, 2), (2,), (), (U,)


@pytest.mark.parametrize(
    ("item", "elements", "answer"),
    [
        (1, ONE, "T"),
        (1, ONE_U, "T"),
        (2, ONE_U, "U"),
        (2, ONE, "F"),
        (1, NONE, "F"),
        (1, ONLY_U, "U"),
        (U, ONE, "U"),
        (U, ONLY_U, "U"),
        (U, NONE, "F"),
    ],
)
def test_in_is_some_element_equal(item: Value | Unknown, elements: tuple[Value | Unknown, ...], answer: str) -> None:
    for collection in (ListValue(elements), set_of(elements)):
        assert letter(contains(collection, item)) == answer
        assert letter(any_of(equal(item, each) for each in elements)) == answer


# a, b: a intersects b, a subset of b, and, as sets, a == b
PAIRS = [
    (NONE, NONE, "FTT"),
    (NONE, ONE, "FTF"),
    (ONE, NONE, "FFF"),
    (NONE, ONLY_U, "FTF"),
    (ONLY_U, NONE, "FFF"),
    (ONE, ONE, "TTT"),
    (ONE, TWO, "FFF"),
    (ONE, ONE_TWO, "TTF"),
    (ONE, ONE_U, "TTU"),
    (ONE_U, ONE, "TUU"),
    (TWO, ONE_U, "UUF"),
    (ONE_U, TWO, "UFF"),
    (ONE_TWO, ONE_U, "TUU"),
    (ONE_U, ONE_TWO, "TUU"),
    (ONLY_U, ONE, "UUU"),
    (ONE, ONLY_U, "UUU"),
    (ONLY_U, ONLY_U, "UUU"),
    (ONE_U, ONE_U, "TUU"),
]


@pytest.mark.parametrize(("a", "b", "answers"), PAIRS)
def test_collections_with_unknown_elements_compare_by_their_elements(
    a: tuple[Value | Unknown, ...], b: tuple[Value | Unknown, ...], answers: str
) -> None:
    left, right = set_of(a), set_of(b)
    assert "".join(letter(test(left, right)) for test in (intersects, subset, equal)) == answers
    fields = "a: Set<Int>, b: Set<Int>"
    given: dict[str, Any] = {"a": [None if x is U else x for x in a], "b": [None if x is U else x for x in b]}
    asked = [truth(expression, fields, **given) for expression in ("~a intersects ~b", "~a subset of ~b", "~a == ~b")]
    assert "".join(map(letter, asked)) == answers


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        ([], [], True),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1, 1], [1], False),
        ([None], [], False),
        ([None], [1], None),
        ([None, 1], [1, 2], False),
        ([None, 1], [2, 1], None),
    ],
)
def test_lists_are_equal_place_by_place(a: list[object], b: list[object], answer: bool | None) -> None:
    assert truth("~a == ~b", "a: List<Int>, b: List<Int>", a=a, b=b) is answer
    assert truth("~a != ~b", "a: List<Int>, b: List<Int>", a=a, b=b) is (None if answer is None else not answer)


def test_a_doubled_word_makes_no_bigger_set() -> None:
    assert truth("~a == ~b", "a: Set<Int>, b: Set<Int>", a=[1, 1, 2], b=[2, 1]) is True


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("~known intersects ~lost", None),
        ("~none intersects ~lost", False),
        ("~lost intersects ~none", None),
        ("~lost intersects ~known", None),
        ("~known subset of ~lost", None),
        ("~none subset of ~lost", True),
        ("~lost subset of ~none", None),
        ("1 in ~lost", None),
        ("~one in ~known", None),
        ("~one in ~lost", None),
        ("~one in ~none", False),
        ("~lost == ~none", None),
        ("~lost is empty", None),
        ("~lost is not empty", None),
    ],
)
def test_a_collection_that_is_unknown_whole_answers_only_where_it_does_not_matter(expression: str, answer: bool | None) -> None:
    assert truth(expression, "known: Set<Int>, lost: Set<Int>, none: Set<Int>, one: Int", known=[1], none=[]) is answer


def test_an_unknown_set_names_its_own_cause_and_that_of_the_item() -> None:
    found = decide("policy p: deny-overrides { permit r when ~one in ~lost }", {"lost": "CU"}, fields="lost: Set<String>, one: String")
    assert causes(found) == ["context.lost is mistyped", "context.one is missing"]


@pytest.mark.parametrize("kind", ["Set", "List"])
def test_a_collection_of_one_unknown_element_is_not_empty(kind: str) -> None:
    assert truth("~xs is empty", f"xs: {kind}<Int>", xs=[None]) is False
    assert truth("~xs is not empty", f"xs: {kind}<Int>", xs=[None]) is True
    assert truth("~xs is empty", f"xs: {kind}<Int>", xs=[]) is True


def test_the_size_of_a_set_with_unknown_elements_is_unknown_and_that_of_a_list_is_not() -> None:
    assert value("count(~xs)", "Int", "xs: Set<Int>", xs=[1, None]) == ["context.xs[1] is mistyped"]
    assert value("count(~xs)", "Int", "xs: List<Int>", xs=[1, None]) == 2
    assert value("count(~xs)", "Int", "xs: Set<Int>", xs=[3, 1, 3]) == 2
    assert value("count(~xs)", "Int", "xs: Set<Int>") == ["context.xs is missing"]


def test_the_size_of_a_set_whose_element_is_partly_unknown_is_unknown() -> None:
    declare = "record Pair { n: Int, m: Int }"
    assert value("count(~xs)", "Int", "xs: Set<Pair>", declare, xs=[{"n": 1, "m": 1}, {"n": 1}]) == ["context.xs[1].m is missing"]


def test_one_known_match_is_not_enough_to_exclude_an_embargo() -> None:
    fields = "countries: List<String>"
    assert truth('~countries intersects { "CU" }', fields, countries=["US", None]) is None
    assert truth('not (~countries intersects { "CU" })', fields, countries=["US", "FR"]) is True
    assert truth('~countries intersects { "CU" }', fields, countries=[None, "CU"]) is True


def test_an_unknown_element_of_a_set_is_never_merged_with_another() -> None:
    assert set_of((U, V, 1, U)) == SetValue((1, *sorted((U, V, U), key=lambda u: sorted(u.causes))))


# ── records and entities ─────────────────────────────────────────────────────────────────────────────────

PAIR = "record Pair { n: Int, m: Int?, o: Int? = absent }"


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        ({"n": 1, "m": 2}, {"n": 1, "m": 2}, True),
        ({"n": 1, "m": None}, {"n": 1, "m": None}, True),
        ({"n": 1, "m": None}, {"n": 1, "m": 2}, False),
        ({"n": 1, "m": None, "o": None}, {"n": 1, "m": None}, True),
        ({"n": 1, "m": None, "o": 1}, {"n": 1, "m": None}, False),
        ({"n": 1}, {"n": 1, "m": 2}, None),
        ({"n": 1}, {"n": 2, "m": 2}, False),
        ({"n": 1}, {"n": 1, "m": None}, None),
        ({"n": None, "m": 2}, {"n": 1, "m": 3}, False),
        ({"n": None, "m": 2}, {"n": 1, "m": 2}, None),
        ({}, {"n": 1, "m": 2}, None),
        ("n", {"n": 1, "m": 2}, None),
    ],
)
def test_records_are_equal_field_by_field(a: object, b: object, answer: bool | None) -> None:
    assert truth("~a == ~b", "a: Pair, b: Pair", PAIR, a=a, b=b) is answer
    assert truth("~a in ~bs", "a: Pair, bs: List<Pair>", PAIR, a=a, bs=[b]) is answer
    assert truth("{ ~a } == { ~b }", "a: Pair, b: Pair", PAIR, a=a, b=b) is answer


def test_equality_of_parts_never_asks_a_field_that_the_type_does_not_have() -> None:
    a, b = RecordValue("R", {"x": ABSENT, "y": U}), RecordValue("R", {"x": ABSENT, "y": 1})
    assert equal(a, b) == U
    assert equal(a, RecordValue("R", {"x": 1, "y": U})) is False


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        (("T", 1), ("T", 1), "T"),
        (("T", 1), ("T", 2), "F"),
        (("T", 1), ("S", 1), "F"),
        (("T", U), ("T", 1), "U"),
        (("T", U), ("S", 1), "F"),
    ],
)
def test_entities_are_equal_by_type_and_key_alone(a: tuple[str, Value | Unknown], b: tuple[str, Value | Unknown], answer: str) -> None:
    def made(type: str, key: Value | Unknown, other: int) -> EntityValue:
        return EntityValue(type, key, {"id": key, "other": other}, ListValue(()))

    assert letter(equal(made(*a, other=1), made(*b, other=2))) == answer


# ── has ──────────────────────────────────────────────────────────────────────────────────────────────────

OPTIONAL = "a: Int?, b: Int? = absent, c: Place?"
PLACE = "record Place { country: String?, zip: String }"


@pytest.mark.parametrize(
    ("given", "answer"),
    [({"a": 1}, True), ({"a": None}, False), ({}, None), ({"a": "1"}, None), ({"a": True}, None), ({"a": 2**63}, None)],
)
def test_has_is_false_only_where_absence_is_known(given: dict[str, Any], answer: bool | None) -> None:
    assert truth("context has a", OPTIONAL, PLACE, **given) is answer


def test_a_missing_member_is_absent_only_where_the_schema_says_so() -> None:
    assert truth("context has b", OPTIONAL, PLACE) is False
    assert truth("context has b", OPTIONAL, PLACE, b=None) is False
    assert truth("context has b", OPTIONAL, PLACE, b="x") is None
    assert truth("context has b", OPTIONAL, PLACE, b=1) is True


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({}, None),
        ({"c": None}, False),
        ({"c": 5}, None),
        ({"c": {}}, None),
        ({"c": {"country": None}}, False),
        ({"c": {"country": "CU"}}, True),
        ({"c": {"country": 5}}, None),
    ],
)
def test_has_of_an_unknown_parent_is_unknown(given: dict[str, Any], answer: bool | None) -> None:
    assert truth("context has c and ~c has country", OPTIONAL, PLACE, **given) is answer


@pytest.mark.parametrize("test", ["== 1", "!= 1", "< 1", "<= 1", "> 1", ">= 1", "in { 1 }", "not in { 1 }"])
def test_has_with_a_test_is_false_of_an_absent_attribute_whatever_the_test(test: str) -> None:
    assert truth(f"context has a {test}", OPTIONAL, PLACE, a=None) is False
    assert truth(f"context has a {test}", OPTIONAL, PLACE) is None
    assert truth(f"context has a {test}", OPTIONAL, PLACE, a="x") is None
    assert truth(f"context has a {test}", OPTIONAL, PLACE, a=1) is (test in ("== 1", "<= 1", ">= 1", "in { 1 }"))


# ── causes ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("type", "given", "cause"),
    [
        ("Int", {}, "context.a is missing"),
        ("Int", {"a": None}, "context.a is mistyped"),
        ("Int", {"a": "1"}, "context.a is mistyped"),
        ("Int", {"a": True}, "context.a is mistyped"),
        ("Int", {"a": 2**63}, "context.a: overflow"),
        ("Decimal", {"a": 0.5}, "context.a is mistyped"),
        ("Bool", {"a": 1}, "context.a is mistyped"),
        ('"x" | "y"', {"a": "z"}, "context.a is mistyped"),
        ("Instant", {"a": "2026-07-15T12:00:00"}, "context.a is mistyped"),
        ("Set<Int>", {"a": 1}, "context.a is mistyped"),
        ("Set<Int>", {"a": "1"}, "context.a is mistyped"),
        ("List<Int>", {"a": [1] * 10_001}, "context.a: limit exceeded"),
    ],
)
def test_an_unknown_attribute_says_where_and_why(type: str, given: dict[str, Any], cause: str) -> None:
    assert value("~a", type, f"a: {type}", **given) == [cause]


def test_the_list_of_causes_is_closed() -> None:
    closed = "missing, mistyped, overflow, inexact, no such row, source failed, stale, limit exceeded, clock"
    assert ", ".join(CauseKind) == closed


def test_a_strict_operation_names_both_unknown_operands() -> None:
    assert value("~a + ~b", "Int", "a: Int, b: Int") == ["context.a is missing", "context.b is missing"]
    assert value("~a < ~b", "Bool", "a: Int, b: Int", b=1) == ["context.a is missing"]


def test_a_missing_part_is_named_by_its_whole_path() -> None:
    found = value('some p in ~places: p.zip == "1"', "Bool", "places: List<Place>", PLACE, places=[{"zip": "2"}, {"country": "CU"}])
    assert found == ["context.places[1].zip is missing"]


# ── supplying what was missing ───────────────────────────────────────────────────────────────────────────

MONOTONE = [
    "~a and ~b",
    "~a or ~b",
    "not ~a or ~b",
    "if ~a then ~b else not ~b",
    "if ~a then true else ~b",
    "~n in ~ns",
    "~n not in ~ns",
    "~ns intersects ~ms",
    "not (~ns intersects ~ms)",
    "~ns subset of ~ms",
    "~ns == ~ms",
    "~ns != ~ms",
    "every x in ~ns: x in ~ms",
    "some x in ~ns: x > 1 and ~a",
    "context has o",
    "not context has o",
    "context has o == 1",
    "not context has o == 1",
    "~ns is empty or ~a",
    "count(~ns) == 1",
    "~n + 1 == 2",
]
CHOICES: dict[str, list[object]] = {
    "a": ["lost", True, False], "b": ["lost", True, False], "n": ["lost", 1, 2], "o": ["lost", None, 1, 2],
    "ns": ["lost", [], [1], [None], [1, None], [1, 2]], "ms": ["lost", [], [None], [2, None], [2, 1]],
}  # fmt: skip


def refines(fuller: object, poorer: object) -> bool:
    """Whether one value may be had from another by supplying what is unknown in it."""
    if poorer == "lost":
        return True
    if isinstance(poorer, list) and isinstance(fuller, list):
        return len(poorer) == len(fuller) and all(p is None or (type(p) is type(f) and p == f) for p, f in zip(poorer, fuller, strict=True))
    return type(fuller) is type(poorer) and fuller == poorer


@pytest.mark.parametrize("expression", MONOTONE)
def test_supplying_what_was_unknown_never_changes_an_answer(expression: str) -> None:
    names = [name for name in CHOICES if f"~{name} " in f"{expression} ".replace(")", " ").replace(":", " ") or f"has {name}" in expression]
    fields = "a: Bool, b: Bool, n: Int, o: Int?, ns: List<Int>, ms: Set<Int>"
    if "== ~ms" in expression or "!= ~ms" in expression:
        fields = fields.replace("ns: List", "ns: Set")
    answers = {}
    for values in product(*(range(len(CHOICES[name])) for name in names)):
        given: dict[str, Any] = {name: CHOICES[name][i] for name, i in zip(names, values, strict=True)}
        answers[values] = given, truth(expression, fields, **{n: v for n, v in given.items() if v != "lost"})
    assert {answer for _, answer in answers.values()} == {True, False, None}, "the table shows every answer"
    for given, answer in answers.values():
        for fuller, other in answers.values():
            if answer is not None and all(refines(fuller[name], given[name]) for name in names):
                assert other is answer, (given, fuller)
