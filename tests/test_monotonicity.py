"""Tests: promise 1. Whatever is supplied for what was unknown, a permit stays a permit."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain

import pytest

from abac.language import checked as c
from abac.language.library import functions
from abac.model.combining import Algorithm, Outcome
from abac.model.values import EntityValue, ListValue, RecordValue, SetValue, Unknown
from abac.reference import decide as reference
from abac.reference import evaluator, logic
from tests.generate.asking import damaged_while_permitted, decide, drawn_packages, reads_unknown
from tests.generate.damage import WOUNDS, Damaged, supply
from tests.generate.packages import DrawnPackage, load_package
from tests.generate.requests import RequestMaker


@dataclass
class Tried:
    """How many permits with unknowns there were, and supplied requests; and by what they were damaged."""

    permits: int = 0
    supplied: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    algorithms: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Counterexample:
    """A request that was permitted, and one that should have been."""

    package: c.Package
    permitted: Damaged
    supplied: Damaged

    def __str__(self) -> str:
        text = self.package.sources[0].text
        first, second = (decide(self.package, each.request) for each in (self.permitted, self.supplied))
        places = [(kind, spot.path) for kind, spot in zip(self.permitted.kinds, self.permitted.spots, strict=True)]
        return "\n\n".join(map(str, (text, places, self.permitted.request, first, self.supplied.request, second)))


def counterexamples(packages: tuple[c.Package, ...], seed: int, requests: int, supplies: int, tried: Tried) -> Iterator[Counterexample]:
    """Permits of requests with unknowns, where the reference looks, that supplied values take away."""
    for i, package in enumerate(packages):
        maker = RequestMaker.of(random.Random(f"{seed}/{i}"), package)
        for _ in range(requests):
            hurt = damaged_while_permitted(package, maker, maker.request(), tried.kinds)
            if hurt is None or not reads_unknown(package, hurt.request):
                continue
            tried.permits += 1
            tried.algorithms.update(algorithms(package.policy))
            for _ in range(supplies):
                better = supply(maker, hurt)
                tried.supplied += 1
                if not decide(package, better.request).permitted:
                    yield Counterexample(package, hurt, better)


POINTED = """package pointed
record Item { n: Int, ok: Bool, at: Instant }
entity Tag key id { id: String, ok: Bool }
entity User key id { id: String, tags: Set<String>, items: List<Item>, marks: Set<Tag>, boss: User?, nick: String? }
context { clock time: Instant }
action read: User -> User
obligation spend(n: Int)
policy main: deny-overrides { permit the_one CONDITION }
"""
CONDITIONS = (
    "for some i in subject.items when i.ok oblige spend(i.n + 1)",
    "when count(subject.tags) >= 2",
    "when count(subject.tags) == 2 or count(subject.marks) == 2",
    "when some m in subject.marks: m.ok",
    "when some i in (latest subject.items by at): i.ok",
    "when every b in (chain subject by boss): not b has nick",
    'unless subject.tags intersects { "a", "ab" }',
    'unless "a" in subject.tags',
    'unless if "a" in subject.tags then true else subject.items is empty',
    "unless subject has nick or subject.items is empty",
)


@cache
def pointed_packages() -> tuple[c.Package, ...]:
    """Small policies, each of which turns on one thing that drawn ones seldom turn on."""
    found = (load_package(DrawnPackage(POINTED.replace("CONDITION", condition), {})) for condition in CONDITIONS)
    return tuple(package for package in found if package is not None)


def algorithms(policy: c.Policy) -> set[str]:
    inner = (algorithms(child) for child in policy.children if isinstance(child, c.Policy))
    return {policy.algorithm}.union(*inner)


def test_supplying_what_was_unknown_never_takes_a_permit_away() -> None:
    tried = Tried()
    assert len(pointed_packages()) == len(CONDITIONS)
    for found in chain(counterexamples(pointed_packages(), 1, 60, 4, tried), counterexamples(drawn_packages(1, 110), 1, 16, 4, tried)):
        pytest.fail(str(found))
    assert tried.permits >= 500 and tried.supplied >= 2000
    assert {kind for kind in WOUNDS if tried.kinds[kind] < 10} == set()
    assert {a for a in Algorithm if tried.algorithms[a] < 50} == set()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_supplying_what_was_unknown_never_takes_a_permit_away_in_many_more_draws(seed: int) -> None:
    tried = Tried()
    for found in counterexamples(drawn_packages(seed, 200), seed, 40, 6, tried):
        pytest.fail(str(found))
    assert tried.supplied >= 8000


# ── mistakes that this would find ──────────────────────────────────────────────────────────────────────────

Patch = pytest.MonkeyPatch


def takes_missing_for_absent(patch: Patch) -> None:
    honest = evaluator.Evaluator._has

    def has(self: evaluator.Evaluator, e: c.HasAttribute, environment: evaluator.Environment) -> evaluator.Result:
        found = honest(self, e, environment)
        return False if isinstance(found, Unknown) else found

    patch.setattr(evaluator.Evaluator, "_has", has)


def skips_unknown_elements(patch: Patch) -> None:
    honest = logic.Index.contains
    patch.setattr(
        logic.Index,
        "contains",
        lambda self, item: (found := honest(self, item)) is True or (found if isinstance(item, Unknown) else False),
    )


def skips_unknown_elements_when_counting(patch: Patch) -> None:
    def count(elements: ListValue | SetValue) -> int:
        return len(elements.elements)

    patch.setitem(functions.FUNCTIONS, "count", replace(functions.FUNCTIONS["count"], meaning=count))


def stops_at_the_first_witness(patch: Patch) -> None:
    honest = reference.condition

    def condition(e: evaluator.Evaluator, rule: c.Rule) -> tuple[logic.Truth, list[evaluator.Environment]]:
        truth, witnesses = honest(e, rule)
        return truth, witnesses[:1]

    patch.setattr(reference, "condition", condition)


def skips_undecided_denies(patch: Patch) -> None:
    honest = reference.rule_result

    def result(e: evaluator.Evaluator, rule: c.Rule, policy: c.Policy) -> reference.Result:
        found = honest(e, rule, policy)
        return replace(found, outcome=Outcome.NOT_APPLICABLE) if found.outcome is Outcome.INDETERMINATE_D else found

    patch.setattr(reference, "rule_result", result)


def skips_policies_with_unknown_targets(patch: Patch) -> None:
    honest = reference.applicability

    def applies(e: evaluator.Evaluator, policy: c.Policy) -> logic.Truth:
        found = honest(e, policy)
        return False if isinstance(found, Unknown) else found

    patch.setattr(reference, "applicability", applies)


def takes_unknown_conditions_for_false(patch: Patch) -> None:
    def conditional(self: evaluator.Evaluator, e: c.Conditional, environment: evaluator.Environment) -> evaluator.Result:
        for condition, value in e.arms:
            if self.truth(condition, environment) is True:
                return self.result(value, environment)
        return self.result(e.otherwise, environment)

    patch.setattr(evaluator.Evaluator, "_conditional", conditional)


def negates_unknown_to_true(patch: Patch) -> None:
    patch.setattr(evaluator, "negation", lambda truth: truth is not True)


def leaves_unknown_out_of_the_latest(patch: Patch) -> None:
    honest = evaluator.Evaluator._latest

    def latest(self: evaluator.Evaluator, e: c.Latest, environment: evaluator.Environment) -> evaluator.Result:
        target = self.value(e.target, environment)
        if not isinstance(target, ListValue):
            return honest(self, e, environment)
        kept = [
            each for each in target.elements if isinstance(each, RecordValue | EntityValue) and not isinstance(each.fields[e.by], Unknown)
        ]
        inner = c.Variable("those", type=e.target.type, span=e.span)
        return honest(self, replace(e, target=inner), environment.binding("those", ListValue(tuple(kept)), 1))

    patch.setattr(evaluator.Evaluator, "_latest", latest)


def merges_entities_by_key(patch: Patch) -> None:
    from abac.model import values

    honest = values.canonical_key
    patch.setattr(values, "canonical_key", lambda value, whole=False: honest(value))


DEFECTS = (
    takes_missing_for_absent, skips_unknown_elements, skips_unknown_elements_when_counting, stops_at_the_first_witness,
    skips_undecided_denies, skips_policies_with_unknown_targets,
    takes_unknown_conditions_for_false, negates_unknown_to_true, leaves_unknown_out_of_the_latest, merges_entities_by_key
)  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_mistaken_evaluator_is_caught(defect: Callable[[Patch], None], monkeypatch: Patch) -> None:
    defect(monkeypatch)
    searched = chain(counterexamples(pointed_packages(), 2, 60, 6, Tried()), counterexamples(drawn_packages(1, 110), 2, 10, 6, Tried()))
    assert next(searched, None) is not None
