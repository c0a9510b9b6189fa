"""Tests: what every decision of the reference keeps to, over drawn policies and requests, the worst of them included."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from abac.language import checked as c
from abac.language.library.functions import FUNCTIONS
from abac.language.operators import Operator
from abac.model.combining import Algorithm
from abac.model.decision import Decision, Effect
from abac.model.limits import MAX_CHAIN
from abac.model.types import SetOf
from tests.generate.asking import damaged_where_read, decide, drawn_packages, meaning
from tests.generate.damage import damage
from tests.generate.packages import draw_package, load_package
from tests.generate.requests import Raw, RequestMaker, get, put, spots
from tests.generate.shapes import dress

UTC = dt.timezone.utc
TICK = dt.timedelta(microseconds=1)
FIRST, LAST = (moment.replace(tzinfo=UTC) for moment in (dt.datetime.min, dt.datetime.max))


def makers(seed: int, packages: int) -> list[tuple[c.Package, RequestMaker]]:
    drawn = drawn_packages(seed, packages)
    return [(package, RequestMaker.of(random.Random(f"{seed}/{i}"), package)) for i, package in enumerate(drawn)]


# ── the draws themselves ───────────────────────────────────────────────────────────────────────────────────


def test_nearly_every_drawn_policy_is_accepted() -> None:
    rejects: Counter[str] = Counter()
    loaded = [load_package(draw_package(random.Random(f"accepted/{i}")), rejects) for i in range(150)]
    accepted = sum(package is not None for package in loaded)
    assert accepted >= 0.95 * len(loaded), rejects


def test_drawn_policies_use_the_whole_language() -> None:
    nodes: Counter[type] = Counter()
    operators: Counter[Operator] = Counter()
    functions: Counter[str] = Counter()
    for package in (*drawn_packages(1, 110), *drawn_packages(1, 10, ages=True)):
        for expression in everything(package):
            nodes[type(expression)] += 1
            if isinstance(expression, c.Operation):
                operators[expression.operator] += 1
            if isinstance(expression, c.LibraryCall):
                functions[expression.function] += 1
    assert {kind for kind in c.CheckedExpression.__args__ if nodes[kind] < 5} == set()
    assert {each for each in Operator if operators[each] < 5} == set()
    folded_when_loaded = {"address", "network"}
    assert {name for name in FUNCTIONS if functions[name] < 5} == folded_when_loaded


def everything(package: c.Package) -> list[c.Expression]:
    tops = [d.body for d in package.definitions.values()]
    waiting: list[c.Policy | c.Rule] = [package.policy]
    while waiting:
        each = waiting.pop()
        tops += [*each.citations, *(a for d in each.duties for a in d.arguments), *(d.guard for d in each.duties if d.guard)]
        if isinstance(each, c.Policy):
            waiting += each.children
            tops += [each.applies] if each.applies else []
        else:
            tops += [each.condition, *([each.witness.collection] if each.witness else [])]
    return [inner for top in tops for inner in c.walk(top)]


def test_each_effect_is_a_fair_share_of_the_draws() -> None:
    effects: Counter[Effect] = Counter()
    for package, maker in makers(1, 110):
        for _ in range(5):
            request = maker.request()
            effects[decide(package, request).effect] += 1
            effects[decide(package, damaged_where_read(package, maker, request, 4).request).effect] += 1
    total = sum(effects.values())
    assert {effect for effect in Effect if effects[effect] < 0.1 * total} == set(), effects


# ── whatever is asked, there is a decision ─────────────────────────────────────────────────────────────────


def test_every_request_has_a_decision() -> None:
    kinds: Counter[str] = Counter()
    for package, maker in makers(1, 110):
        for _ in range(10):
            request = hostile(maker, kinds)
            assert isinstance(decide(package, request), Decision)
    assert {kind for kind in HOSTILE if kinds[kind] < 10} == set()
    assert {shape for shape in SHAPES if kinds[shape] < 10} == set()


SHAPES = (
    "MappingProxyType",
    "UserDict",
    "dataclass",
    "str subclass",
    "int subclass",
    "tuple",
    "frozenset",
    "offset",
    "zone",
    "fold",
)


def hostile(maker: RequestMaker, kinds: Counter[str]) -> Raw:
    """A request of extreme values, damaged, in odd shapes, or with parts of it put out of place."""
    rng = maker.rng
    maker.extreme = rng.choice((0.0, 0.3, 0.9))
    request = maker.request()
    maker.extreme = 0.0
    request = dress(rng, damage(maker, request, rng.choice((0, 2, 6))).request, maker.schema, kinds)
    kind = rng.choice((*HOSTILE, *[""] * 6))
    kinds[kind] += 1
    return HOSTILE[kind](maker, request) if kind else request


def _circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def _person_above(maker: RequestMaker, request: Raw, links: int, cycle: bool = False) -> Raw:
    """The subject as the lowest of a chain, where people stand in chains."""
    if "boss" not in maker.schema.entities["Person"].fields or not isinstance(request["subject"], dict):
        return request
    return {**request, "subject": {"entity_type": "Person", **request["subject"], **maker.chain(links, cycle)}}


HOSTILE: Mapping[str, Callable[[RequestMaker, Raw], Raw]] = {
    "unknown action": lambda maker, r: {**r, "action": maker.rng.choice((None, "?", 1, b"read", ["read"], "\ud800"))},
    "no subject": lambda maker, r: {k: v for k, v in r.items() if k != "subject"},
    "no object": lambda maker, r: {
        **r,
        maker.rng.choice(("subject", "resource", "context")): maker.rng.choice((1, "a", [], object(), dict)),
    },
    "wrong type of entity": lambda maker, r: {**r, "subject": {"entity_type": "Doc", "id": "a"}},
    "no key": lambda maker, r: {**r, "resource": {}},
    "in a circle": lambda maker, r: {**r, "context": dict.fromkeys(maker.schema.context.fields, _circle())},
    "a chain of 16": lambda maker, r: _person_above(maker, r, MAX_CHAIN),
    "a chain of 17": lambda maker, r: _person_above(maker, r, MAX_CHAIN + 1),
    "a chain of 70": lambda maker, r: _person_above(maker, r, 70),
    "a chain in a circle": lambda maker, r: _person_above(maker, r, 3, cycle=True),
    "naive clock": lambda maker, r: {**r, "context": {"time": dt.datetime(2026, 1, 1)}},
}


# ── the same question has the same answer ──────────────────────────────────────────────────────────────────


def test_other_shapes_of_a_request_have_the_same_decision() -> None:
    for package, maker in makers(1, 110):
        for _ in range(2):
            request = damage(maker, maker.request(), maker.rng.choice((0, 0, 2))).request
            expected = meaning(decide(package, request))
            assert meaning(decide(package, request)) == expected
            assert meaning(decide(package, dress(maker.rng, request, maker.schema, Counter()))) == expected


def test_the_order_of_members_and_of_sets_changes_nothing() -> None:
    reordered = 0
    for package, maker in makers(1, 110):
        for _ in range(6):
            request = maker.request()
            other = shuffled(maker, request)
            reordered += str(request) != str(other)
            assert meaning(decide(package, other)) == meaning(decide(package, request))
    assert reordered >= 300


def shuffled(maker: RequestMaker, request: Raw) -> Raw:
    """Members and sets in another order; lists as they are."""
    for spot in sorted(spots(request, maker.schema), key=lambda spot: -len(spot.path)):
        present = get(request, spot.path)
        if isinstance(spot.type, SetOf) and isinstance(present, list):
            request = put(request, spot.path, maker.rng.sample(present, len(present)))
    made = _members_shuffled(maker.rng, request)
    assert isinstance(made, dict)
    return made


def _members_shuffled(rng: random.Random, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _members_shuffled(rng, value[name]) for name in rng.sample(list(value), len(value))}
    return [_members_shuffled(rng, each) for each in value] if isinstance(value, list) else value


def test_the_order_of_operands_and_of_merged_rules_never_changes_the_effect() -> None:
    seen: Counter[Effect] = Counter()
    for package, maker in makers(1, 110):
        if any(isinstance(e, c.IsType) for e in everything(package)):  # what stands behind `is` has no type before it
            continue
        rng = maker.rng
        definitions = {name: replace(d, body=reordered_expression(rng, d.body)) for name, d in package.definitions.items()}
        other = replace(package, policy=reordered_policy(rng, package.policy), definitions=definitions)
        for _ in range(6):
            request = damaged_where_read(package, maker, maker.request(), rng.choice((0, 2, 4))).request
            seen[decide(package, request).effect] += 1
            assert decide(other, request).effect is decide(package, request).effect
    assert min(seen[effect] for effect in Effect) >= 20


def reordered_expression(rng: random.Random, e: c.Expression) -> c.Expression:
    """The expression with the operands of every `and` and `or` in another order."""
    if isinstance(e, c.Operation):
        operands = [reordered_expression(rng, operand) for operand in e.operands]
        if e.operator in (Operator.AND, Operator.OR):
            rng.shuffle(operands)
        return replace(e, operands=tuple(operands))
    if isinstance(e, c.Quantified):
        return replace(e, body=reordered_expression(rng, e.body))
    if isinstance(e, c.Conditional):
        arms = tuple((reordered_expression(rng, condition), value) for condition, value in e.arms)
        return replace(e, arms=arms, otherwise=reordered_expression(rng, e.otherwise))
    return e


def reordered_policy(rng: random.Random, policy: c.Policy) -> c.Policy:
    children = [
        reordered_policy(rng, child)
        if isinstance(child, c.Policy)
        else replace(child, condition=reordered_expression(rng, child.condition))
        for child in policy.children
    ]
    if policy.algorithm != Algorithm.FIRST_APPLICABLE:
        rng.shuffle(children)
    return replace(policy, children=tuple(children))


# ── how long a decision holds ──────────────────────────────────────────────────────────────────────────────


def test_a_decision_holds_until_it_says() -> None:
    bounds: Counter[str] = Counter()
    for package, maker in makers(1, 110):
        for _ in range(6):
            hold_until_it_says(package, maker, bounds)
    timed = sum(bounds.values()) - bounds["for ever"]
    assert timed >= 200
    assert bounds["later"] >= 0.5 * timed, bounds


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200, 210))
def test_a_decision_holds_until_it_says_in_many_more_draws(seed: int) -> None:
    bounds: Counter[str] = Counter()
    for package, maker in makers(seed, 200):
        for _ in range(30):
            hold_until_it_says(package, maker, bounds)
    assert bounds["later"] >= 1000


def hold_until_it_says(package: c.Package, maker: RequestMaker, bounds: Counter[str]) -> None:
    rng = maker.rng
    maker.extreme = rng.choice((0.0, 0.0, 0.0, 0.5))
    request = maker.request()
    maker.extreme = 0.0
    if rng.random() < 0.3:
        request = damaged_where_read(package, maker, request, 2).request
    at = draw_instant(rng)
    decision = decide(package, request, at)
    until = decision.valid_until
    bounds["for ever" if until is None else "this instant" if until == at else "later"] += 1
    assert until is None or until >= at
    for later in later_instants(rng, at, until):
        found = meaning(decide(package, request, later))
        assert found == meaning(decision), (package.sources[0].text, request, at, later, until)
        if rng.random() < 0.2:
            trusted = {**request, "context": {**request["context"], "time": later}}
            assert meaning(decide(package, trusted)) == found


def draw_instant(rng: random.Random) -> dt.datetime:
    """Mostly in a year of clock changes, on round minutes; some at the ends of time."""
    if rng.random() < 0.1:
        margin = dt.timedelta(hours=rng.randint(0, 60))
        return rng.choice((FIRST + margin, LAST - margin))
    month, day, hour = rng.choice(((3, 29, 1), (10, 25, 1), (3, 8, 7), (4, 4, 15), (6, 15, 0)))  # clocks change, or they do not
    away = dt.timedelta(minutes=rng.choice((15, 30, 60, 1440)) * rng.randint(-50, 50), microseconds=rng.choice((0, 0, -1)))
    return dt.datetime(2026, month, day, hour, tzinfo=UTC) + away


def later_instants(rng: random.Random, at: dt.datetime, until: dt.datetime | None) -> list[dt.datetime]:
    """Instants in `[at, until)`: near both ends, and anywhere."""
    span = (until or LAST) - at
    if not span:
        return []
    reaches = (dt.timedelta(seconds=2), dt.timedelta(hours=2), dt.timedelta(days=2), dt.timedelta(days=400), span)
    return [at, at + span - TICK, *(at + (min(reach, span) - TICK) * rng.random() for reach in reaches)]
