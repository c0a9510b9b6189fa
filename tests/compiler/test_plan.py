"""Tests: a plan tells what compiled code does: every rule once, nothing ruled out that holds, costs in the order of what is executed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from abac import Engine
from abac.compiler import improve
from abac.compiler.lower import lower
from abac.compiler.plan import CALL as CALL_COST
from abac.compiler.plan import CUT, DECISION, ELEMENTS, NODE, TABLE, Index, Plan, RulePlan, plan_of
from abac.compiler.plan_text import Budget, as_json, index_text, render_plan
from benches.synthetic import oracle
from benches.synthetic.families import FAMILIES
from benches.synthetic.loaded import NOW
from benches.synthetic.oracle import value_of
from benches.synthetic.shape import Shape, Workload
from benches.synthetic.shapes import SHAPES
from tests.bytecode import executed
from tests.compiler.deciding import checked

HEAD = """package small
entity U key id { id: String, team: String, n: Int, m: Int, open: Bool, tags: Set<String>, items: List<Int> }
context { clock at: Instant, place: String }
action read, write: U -> U
"""
MANY = "\n".join(f'permit p{number} when context.place == "place {number}"' for number in range(12))
TEAMS = ", ".join(f'"team {number}"' for number in range(65))
PLAIN = {name: shape for name, shape in SHAPES.items() if name in ("per_resource", "int_ranges", "set_overlap", "mixed")}


def plan(text: str) -> Plan:
    return plan_of(improve(lower(checked(text))))


def planned(rules: str, algorithm: str = "deny-overrides") -> Plan:
    return plan(f"{HEAD}policy p: {algorithm} {{\n{rules}\n}}\n")


# ── what is found, and what is not ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [*SHAPES.values(), *FAMILIES.values()], ids=lambda shape: shape.name)
def test_every_rule_stands_in_the_plan_once_and_counts_add_up(shape: Shape) -> None:
    made = plan(Workload(shape, 60).text)
    assert [rule.name for rule in made.rules] == [rule.name for rule in Workload(shape, 60).policy.rules]
    assert sum(map(made.count, ("indexed", "wide", "unreached"))) == len(made.rules)
    for rule in made.rules:
        assert (rule.search == "indexed") == bool(rule.indexes) == (not rule.why) == (rule.tree is not None) == (rule.nodes > 0)
        assert rule.depth == len(rule.indexes) and rule.cost > 0
    [policy] = made.policies
    assert sum(tree.filed for tree in policy.trees) + made.count("wide") + made.count("unreached") >= len(made.rules)


def is_found(index: Index, request: Any) -> bool:
    """By what the plan says in words, of texts and whole numbers."""
    held = value_of(index.key, request)
    told = {f'"{value}"' if isinstance(value, str) else str(value) for value in (held if isinstance(held, list) else [held])}
    if index.kind == "range":
        return any((start is None or int(start) <= held) and (end is None or held < int(end)) for start, end in index.ranges)
    return bool(told & set(index.values))


def looked_at(found: Iterable[RulePlan]) -> int:
    """How many of the rules of `deny-overrides` that a request finds: of a tree none behind one of which nothing is left to test."""
    count, ended = 0, set[int]()
    for rule in sorted(found, key=lambda rule: rule.effect != "deny"):
        if rule.tree not in ended:
            count += 1
            if rule.tree is not None and rule.cost == NODE:
                ended.add(rule.tree)
    return count


@pytest.mark.parametrize("shape", PLAIN.values(), ids=PLAIN)
def test_a_rule_that_holds_has_what_it_is_indexed_by_and_no_more_rules_are_found_than_told(shape: Shape) -> None:
    work = Workload(shape, 300)
    made = plan(work.text)
    holding = 0
    for request in work.hot:
        found = {rule.name for rule in made.rules if rule.search != "unreached" and all(is_found(each, request) for each in rule.indexes)}
        holds = {rule.name for rule in work.policy.rules if oracle.holds(rule, request)}
        holding += len(holds)
        assert holds <= found | {rule.name for rule in made.rules if rule.search == "unreached"}
        if all(len(held) <= ELEMENTS for held in request["subject"].values() if isinstance(held, list)):
            assert looked_at(rule for rule in made.rules if rule.name in found) <= made.candidates
    assert holding > len(work.hot) / 4
    assert made.candidates < 40, "an index that finds everything would hold too"


@pytest.mark.parametrize(
    "rule, why",
    [
        ("deny d for some i in subject.items when i == 1", "it is for some i in subject.items, and by an element nothing is filed"),
        ("deny d when subject.n < subject.m", "no part of its condition says which values one attribute must have"),
        ("deny d when subject.n == 1 or subject.open", "no part of its condition says which values one attribute must have"),
        ("deny d when subject.n == 1", "fewer than 2 rules are best found by subject.n, and looking at one costs less than a tree"),
        ("deny d otherwise", "it asks nothing"),
        (
            f"deny d when subject.team in {{ {TEAMS} }}",
            "subject.team may be any of 65, and by more than 64 nothing is filed",
        ),
    ],
    ids=["witness", "two attributes", "alternatives", "alone", "nothing asked", "many values"],
)
def test_a_wide_rule_says_why(rule: str, why: str) -> None:
    last = planned(f"{MANY}\n{rule}", "first-applicable").rules[-1]
    assert (last.name, last.search, last.why) == ("d", "wide", why)


def test_a_rule_is_indexed_by_all_keys_of_its_tree_with_all_that_it_needs_of_them() -> None:
    rules = "\n".join(f'permit q{i} when context.place == "p{i % 5}" and subject.team in {{ "a", "b{i}" }}' for i in range(40))
    last = planned(rules).rules[-1]
    assert {index_text(each) for each in last.indexes} == {'context.place = "p4"', 'subject.team one of "a", "b39"'}
    assert last.tree == 1 and last.depth == len(last.indexes) == len(planned(rules).policies[0].trees[0].keys)


def test_of_a_collection_several_elements_find_rules() -> None:
    made = planned("\n".join(f'permit q{i} when "t{i}" in subject.tags' for i in range(20)))
    assert (made.candidates, made.count("indexed")) == (ELEMENTS, 20)


def test_a_rule_for_some_element_costs_its_condition_as_often_as_there_are_elements() -> None:
    [plain, walked] = planned("permit a when subject.n == 1\npermit b for some i in subject.items when i == 1").rules
    assert walked.cost > ELEMENTS * (plain.cost - NODE)


def test_rules_of_a_short_policy_are_all_wide_unless_one_tree_tells_them_apart() -> None:
    made = planned("permit a when subject.n == 1\npermit b when subject.n == 2")
    assert (made.count("wide"), made.candidates, made.policies[0].trees) == (2, 2, ())
    assert {rule.why for rule in made.rules} == {made.policies[0].why} != {""}
    made = planned("\n".join(f"permit p{i} when subject.n == {i}" for i in range(8)))
    assert (made.count("indexed"), made.candidates, len(made.policies[0].trees)) == (8, 1, 1)


def test_rules_of_a_policy_that_is_indexed_are_indexed_by_it() -> None:
    inner = 'policy {0}: first-applicable {{ target context.place == "{0}"\n permit {0}_one when subject.open\n deny {0}_two otherwise }}'
    made = planned("\n".join([MANY, *(inner.format(name) for name in ("a", "b"))]))
    told = {rule.name: (rule.search, [index_text(each) for each in rule.indexes], rule.depth) for rule in made.rules}
    assert told["a_two"] == ("indexed", ['context.place = "a" (policy a)'], 1)
    assert {policy.path: policy.candidates for policy in made.policies} == {"p": 3, "p/a": 2, "p/b": 2}
    assert made.count("wide") == 0


def test_a_rule_behind_one_that_decides_wherever_it_is_found_is_unreached() -> None:
    made = planned(f'{MANY}\npermit again when context.place == "place 3" and resource.id == subject.id', "permit-overrides")
    assert [(rule.name, rule.why) for rule in made.rules if rule.search == "unreached"] == [
        ("again", "a rule before it decides wherever it could be found")
    ]


@pytest.mark.parametrize("family, told", [("wide_comparisons", "trees"), ("nested_opaque", "ranges overlap")])
def test_limits_that_were_met_are_told_with_what_was_done(family: str, told: str) -> None:
    made = plan(Workload(FAMILIES[family], 200).text)
    assert any(told in fallback for fallback in made.policies[0].fallbacks)
    assert f"fallback   {made.policies[0].path}: " in render_plan(made)


def test_where_trees_ran_out_a_wide_rule_says_so() -> None:
    made = plan(Workload(FAMILIES["wide_comparisons"], 200).text)
    assert any(rule.why.startswith("the policy has as many trees as it may have, or fewer than 2") for rule in made.rules)


# ── costs ──────────────────────────────────────────────────────────────────────────────────────────────────

CALL: tuple[Any, ...] = (
    {"entity_type": "U", "id": "u", "team": "red", "n": 5, "m": 6, "open": True, "tags": ["a", "b"], "items": [1, 2, 3, 4]},
    "read",
    {"entity_type": "U", "id": "v", "team": "red", "n": 5, "m": 6, "open": True, "tags": ["a"], "items": [1, 2, 3, 4]},
    {"place": "here"},
)


def of(rules: str) -> tuple[float, int]:
    """The estimated cost, and what is executed, of a policy that no request of ours is decided early by."""
    text = f"{HEAD}policy p: deny-overrides {{\n{rules}\n}}\n"
    engine = Engine.from_text(text)
    subject, action, resource, context = CALL
    call = engine.subject(subject), action, engine.resource(resource), engine.context(context)
    engine.permits(*call, at=NOW)
    return plan(text).cost, executed(lambda: engine.permits(*call, at=NOW))


LADDERS: dict[str, list[str]] = {
    "conditions": [
        "permit a when subject.n == 5",
        "permit a when subject.n == 5 and subject.m == 6 and subject.n < subject.m",
        "permit a when subject.n == 5 and subject.m == 6 and subject.n + subject.m < 20 and subject.n * subject.m < 90 and subject.open",
    ],
    "rules": ["\n".join(f"deny d{i} when subject.n > subject.m + {i}" for i in range(count)) for count in (1, 4, 9)],
    "elements": [
        "permit a when subject.n == 5",
        "permit a for some i in subject.items when i > subject.n",
        "permit a for some i in subject.items when i > subject.n + subject.m * 2",
    ],
    "wide rules": ["\n".join(f"deny d{i} when subject.n > subject.m + {i}" for i in range(count)) for count in (20, 60, 200)],
    "an index beside none": [
        "\n".join(f'deny d{i} when context.place == "p{i}"' for i in range(200)),
        "\n".join(f'deny d{i} when context.place == "p{i}" or subject.n > subject.m + {i}' for i in range(200)),
    ],
}


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
def test_what_costs_more_executes_more(ladder: list[str]) -> None:
    found = [of(rules) for rules in ladder]
    assert found == sorted(found) and [count for _, count in found] == sorted({count for _, count in found})
    assert [cost for cost, _ in found] == sorted({cost for cost, _ in found})


def test_the_cost_of_a_decision_does_not_grow_with_rules_that_are_indexed() -> None:
    small, large = (plan(Workload(SHAPES["per_resource"], rules).text) for rules in (100, 1_000))
    assert large.cost < 1.5 * small.cost and large.candidates < 10


# ── written ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("render", [as_json, render_plan])
def test_the_same_policy_has_the_same_plan(render: Callable[[Plan], str]) -> None:
    text = Workload(FAMILIES["attribute_pairs"], 60).text
    assert render(plan(text)) == render(plan_of(improve(lower(checked.__wrapped__(text)))))


def test_json_is_whole_numbers_and_texts() -> None:
    told = json.loads(as_json(planned(MANY)), parse_float=lambda text: pytest.fail(f"a fraction: {text}"))
    assert told["summary"]["rules"] == 12 == len(told["rules"])


def test_the_page_names_every_member() -> None:
    page = (Path(__file__).parents[2] / "docs" / "plan.md").read_text("utf-8").partition("## For machines")[2]
    text = f"{MANY}\npolicy inner: first-applicable {{ permit q when subject.open }}"

    def names(told: Any) -> set[str]:
        members = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
        return {*(told if isinstance(told, dict) else ()), *(name for member in members for name in names(member))}

    told = names(json.loads(as_json(planned(text))))
    assert {"indexes", "ranges", "trees", "why"} < told
    assert {name for name in told if f"`{name}`" not in page and f"`{name}[]`" not in page} == set()


def test_the_page_tells_the_model_as_it_is() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "plan.md").read_text("utf-8").split())
    told = f"{DECISION:g} for a decision, {TABLE:g} for a look into a table and {CUT:g} for each halving of a table of ranges, {NODE:g} for"
    assert told in page and f"{CALL_COST:g} for a call of a function" in page and f"counts as {ELEMENTS} elements" in page


@pytest.mark.parametrize(
    "index, told",
    [
        (Index("a", "equal", ("1",), (), ""), "a = 1"),
        (Index("a", "equal", ("1", "2"), (), ""), "a one of 1, 2"),
        (Index("a", "meets", ("1",), (), ""), "a with 1"),
        (Index("a", "meets", ("1", "2", "3", "4", "5"), (), "x/y"), "a with one of 1, 2, 3 and 2 more (policy y)"),
        (Index("a", "range", (), (("1", "2"),), ""), "a from 1 until 2"),
        (Index("a", "range", (), ((None, "2"), ("3", None)), ""), "a until 2, from 3"),
    ],
)
def test_an_index_is_told_close_to_how_a_policy_says_it(index: Index, told: str) -> None:
    assert index_text(index) == told


def test_a_budget_is_kept_up_to_itself() -> None:
    made = replace(planned(MANY), candidates=5, cost=99.4)
    assert list(Budget(0, 5, 99).passed(made)) == []
    assert len(list(Budget(candidates=4, cost=98).passed(made))) == 2
    assert list(Budget().passed(made)) == []
