"""Tests: generated policies are the same wherever they are made, and everyone decides them alike."""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from abac import Engine
from benches.synthetic import oracle
from benches.synthetic.families import FAMILIES
from benches.synthetic.loaded import NOW, Loaded, read_json
from benches.synthetic.oracle import Request
from benches.synthetic.policy import AnyOf, Comparison, Kind, Not, Operator, Policy, Rule, Weighed
from benches.synthetic.requests import Damage, Requests, reader, wire
from benches.synthetic.shape import COLD, HOT, Shape, Workload, parts
from benches.synthetic.shapes import SHAPES

ROOT = Path(__file__).parents[2]
ALL = {**SHAPES, **FAMILIES}
FEW = {name: shape for name, shape in ALL.items() if name != "diamonds"}


def by_name(shape: Shape) -> str:
    return shape.name


def test_shapes_and_families_have_names_of_their_own() -> None:
    assert len(ALL) == len(SHAPES) + len(FAMILIES)
    assert all(shape.about for shape in ALL.values())


@pytest.mark.parametrize("shape", ALL.values(), ids=by_name)
def test_a_workload_depends_on_its_seed_alone(shape: Shape) -> None:
    first, again, other = Workload(shape, 50), Workload(shape, 50), Workload(shape, 50, seed=7)
    assert first.text == again.text and first.hot == again.hot
    assert first.hot != other.hot


def test_a_workload_is_the_same_in_another_process() -> None:
    code = "from benches.synthetic.shapes import SHAPES; from benches.synthetic.shape import Workload; import hashlib\n"
    code += "for s in SHAPES.values(): w = Workload(s, 50); print(hashlib.sha256((w.text + repr(w.hot)).encode()).hexdigest())"
    told = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] and len(told[0].split()) == len(SHAPES)


def test_making_a_workload_takes_nothing_of_ours() -> None:
    """Other engines are given it where ours is not installed."""
    code = (
        "import sys, benches.synthetic.shapes, benches.synthetic.families; print([name for name in sys.modules if name.startswith('abac')])"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("shape", ALL.values(), ids=by_name)
def test_a_policy_has_as_many_rules_as_it_was_asked_for(shape: Shape) -> None:
    asked = 500
    count = len(Workload(shape, asked).policy.rules)
    assert abs(count - asked) <= (17 if shape.name == "wards" else 0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=by_name)
@pytest.mark.parametrize("rules", [10, 100, 1_000])
def test_code_by_hand_agrees_with_the_oracle(shape: Shape, rules: int) -> None:
    work = Workload(shape, rules)
    requests = [*work.hot, *work.cold[: 10_000 // rules]]
    assert [work.by_hand(*parts(request)) for request in requests] == work.expected(requests)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=by_name)
def test_the_engine_and_code_by_hand_agree_with_the_oracle_on_every_form(shape: Shape) -> None:
    loaded = Loaded(Workload(shape, 100))
    loaded.work.cold = loaded.work.cold[:200]
    assert loaded.disagreements() == []


@pytest.mark.parametrize("shape", FAMILIES.values(), ids=by_name)
def test_the_engine_agrees_with_the_oracle_on_worst_cases(shape: Shape) -> None:
    loaded = Loaded(Workload(shape, 60))
    loaded.work.cold = []
    assert loaded.disagreements() == []


def test_a_disagreement_is_told() -> None:
    loaded = Loaded(Workload(SHAPES["per_resource"], 10))
    loaded.work.cold = []
    loaded.work.by_hand = lambda *call: True
    assert 0 < len(loaded.disagreements()) < HOT


@pytest.mark.parametrize("shape", SHAPES.values(), ids=by_name)
@pytest.mark.parametrize("rules", [10, 1_000])
def test_requests_are_decided_both_ways_and_denies_matter(shape: Shape, rules: int) -> None:
    work = Workload(shape, rules)
    requests = [*work.hot, *work.cold[:136]]
    permitted = [work.by_hand(*parts(request)) for request in requests]
    assert 0.3 < sum(permitted) / len(requests) < 0.7
    permits = [rule for rule in work.policy.rules if rule.permits]
    overridden = [
        request
        for request, is_permitted in zip(requests, permitted, strict=True)
        if not is_permitted and any(oracle.holds(rule, request) for rule in permits)
    ]
    assert len(overridden) > len(requests) / 50


@pytest.mark.parametrize("shape", SHAPES.values(), ids=by_name)
def test_requests_are_distinct(shape: Shape) -> None:
    work = Workload(shape, 1_000)
    assert len({wire(request) for request in work.cold}) == COLD and len({wire(request) for request in work.hot}) == HOT


@pytest.mark.parametrize("shape", [shape for shape in SHAPES.values() if shape.keys], ids=by_name)
def test_how_many_rules_a_request_finds_does_not_grow_with_the_policy(shape: Shape) -> None:
    found = {}
    for rules in (shape.smallest, 1_000):
        work = Workload(shape, rules)
        counts = [oracle.candidates(work.policy, request, shape.keys) for request in (work.cold[:400] if rules < 1_000 else work.hot)]
        found[rules] = sum(counts) / len(counts)
    assert found[1_000] <= found[shape.smallest] * 1.3
    assert found[1_000] < 8


@pytest.mark.parametrize("shape", list(FEW.values()), ids=by_name)
def test_what_is_missing_or_mistyped_never_permits_what_was_not_and_compiled_code_decides_it_like_the_reference(shape: Shape) -> None:
    work = Workload(shape, 20)
    loaded, reference = Loaded(work), Engine.from_text(work.text, compiled=False)
    whole = work.expected(work.hot)
    for damage in Damage:
        broken = loaded.damaged(damage)
        decided = [loaded.engine.decide(*parts(request), at=NOW) for request in broken]
        expected = [reference.decide(*parts(request), at=NOW) for request in broken]
        assert [(each.effect, each.rule) for each in decided] == [(each.effect, each.rule) for each in expected]
        assert not any(each.permitted and not was for each, was in zip(decided, whole, strict=True))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=by_name)
def test_damage_is_noticed(shape: Shape) -> None:
    loaded = Loaded(Workload(shape, 20))
    for damage in Damage:
        effects = [str(loaded.engine.decide(*parts(request), at=NOW).effect) for request in loaded.damaged(damage)]
        assert "indeterminate" in effects, damage


@pytest.mark.parametrize("shape", SHAPES.values(), ids=by_name)
def test_json_means_what_the_plain_request_does(shape: Shape) -> None:
    work = Workload(shape, 20)
    loaded, read = Loaded(work), reader(work.policy)
    lines = [wire(request) for request in work.hot]
    assert [read(line) for line in lines] == work.hot
    assert [loaded.engine.permits(*parts(read_json(line)), at=NOW) for line in lines] == work.expected(work.hot)
    assert all(isinstance(json.loads(line), dict) for line in lines)


# ── the oracle itself, and the text ──────────────────────────────────────────────────────────────────────────────────

GROUPS = {"top": (), "middle": ("top",), "low": ("middle",)}
REQUEST: Request = {
    "subject": {"id": "ann", "age": 40, "tags": ["a", "b"], "parents": [{"id": "middle", "parents": [{"id": "top", "parents": []}]}]},
    "action": "read",
    "resource": {"id": "d1", "price": Decimal("1.5")},
    "context": {"when": dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc), "address": ipaddress.IPv4Address("10.1.2.3")},
}
NEW_YEAR = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
CONDITIONS = [
    (Comparison("action", Operator.IS, "read"), True),
    (Comparison("subject.id", Operator.IS, "bob"), False),
    (Comparison("resource.price", Operator.IS, Decimal("1.50")), True),
    (Comparison("subject.id", Operator.ONE_OF, ("bob", "ann")), True),
    (Comparison("subject.id", Operator.ONE_OF, ("bob",)), False),
    (Comparison("subject.age", Operator.AT_LEAST, 40), True),
    (Comparison("subject.age", Operator.AT_LEAST, 41), False),
    (Comparison("subject.age", Operator.BELOW, 40), False),
    (Comparison("subject.age", Operator.BELOW, 41), True),
    (Comparison("context.when", Operator.AT_LEAST, NEW_YEAR), True),
    (Comparison("context.when", Operator.BELOW, NEW_YEAR), False),
    (Comparison("context.address", Operator.IN_NETWORK, "10.0.0.0/8"), True),
    (Comparison("context.address", Operator.IN_NETWORK, "10.1.2.4/32"), False),
    (Comparison("subject.tags", Operator.HOLDS, "b"), True),
    (Comparison("subject.tags", Operator.HOLDS, "c"), False),
    (Comparison("subject.tags", Operator.MEETS, ("c", "a")), True),
    (Comparison("subject.tags", Operator.MEETS, ("c", "d")), False),
    (Comparison("subject", Operator.STANDS_IN, "top"), True),
    (Comparison("subject", Operator.STANDS_IN, "low"), False),
    (Weighed("subject.age", 2, "subject.age", 120), True),
    (Weighed("subject.age", 2, "subject.age", 121), False),
    (Not(Comparison("action", Operator.IS, "read")), False),
    (AnyOf((Comparison("action", Operator.IS, "write"), Comparison("subject.id", Operator.IS, "ann"))), True),
    (AnyOf((Comparison("action", Operator.IS, "write"), Comparison("subject.id", Operator.IS, "bob"))), False),
]


def policy_of(*rules: Rule) -> Policy:
    kinds = {"subject.age": Kind.INT, "subject.tags": Kind.STRINGS, "resource.price": Kind.DECIMAL}
    kinds |= {"context.when": Kind.INSTANT, "context.address": Kind.ADDRESS}
    return Policy(kinds, ("read", "write"), rules, {}, GROUPS)


@pytest.mark.parametrize("condition, holds", CONDITIONS, ids=lambda value: type(value).__name__)
def test_the_oracle_and_the_engine_take_a_condition_alike(condition: Comparison | Weighed | Not | AnyOf, holds: bool) -> None:
    from benches.synthetic.text import text_of

    policy = policy_of(Rule("r", True, (condition,)))
    assert oracle.permits(policy, REQUEST) is holds
    assert Engine.from_text(text_of(policy)).permits(*parts(REQUEST), at=NOW) is holds


@pytest.mark.parametrize("operator", Operator)
def test_every_operator_is_in_the_table_above(operator: Operator) -> None:
    assert {holds for condition, holds in CONDITIONS if isinstance(condition, Comparison) and condition.operator is operator} == {
        True,
        False,
    }


def test_a_deny_outlives_every_permit_and_nothing_that_holds_is_no_permit() -> None:
    everyone = (Comparison("action", Operator.IS, "read"),)
    permit, deny = Rule("p", True, everyone), Rule("d", False, everyone)
    assert oracle.permits(policy_of(permit), REQUEST)
    assert not oracle.permits(policy_of(permit, deny), REQUEST)
    assert not oracle.permits(policy_of(), REQUEST)


def test_drawn_requests_have_every_attribute_of_the_right_type() -> None:
    types = {Kind.STRING: str, Kind.INT: int, Kind.DECIMAL: Decimal, Kind.INSTANT: dt.datetime, Kind.ADDRESS: ipaddress.IPv4Address}
    for shape in FEW.values():
        policy = Workload(shape, 40).policy
        for request in itertools.islice(Requests(policy, 3), 20):
            for path, kind in policy.kinds.items():
                assert type(oracle.value_of(path, request)) is types.get(kind, list), (shape.name, path)
