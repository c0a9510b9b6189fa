"""Tests: what is timed of the packs answers alike. No test looks at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from abac.compiler.graph import Leaf
from abac.model.decision import Effect
from benches import bench_decisions
from benches.packs.damage import damaged
from benches.packs.workloads import SOURCES, Workload, workload

COUNT = 200
NEVER = {"export_control": {"no_rule_applies"}}
"""What decides incomplete requests only: before it, `license_scope` decides all else."""


@pytest.fixture(params=SOURCES)
def work(request: pytest.FixtureRequest) -> Workload:
    return workload(request.param, COUNT)


def test_hand_written_code_the_engine_and_the_reference_answer_alike(work: Workload) -> None:
    assert len(work.read) == len(work.calls) == COUNT
    assert work.disagreements() == []


def test_every_rule_decides_some_request(work: Workload) -> None:
    rules = {leaf.rule.name for leaf in _leaves(work) if leaf.rule is not None}
    assert rules - work.rules == NEVER.get(work.name, set())


def test_requests_are_decided_both_ways(work: Workload) -> None:
    decided = [work.code.decide_request(request).effect for request in work.read]
    assert set(decided) == {Effect.PERMIT, Effect.DENY}
    assert min(decided.count(effect) for effect in set(decided)) >= COUNT / 10


def test_a_disagreement_is_told(work: Workload) -> None:
    contrary = Workload(**{**vars(work), "by_hand": lambda *parts: not work.by_hand(*parts)})
    assert len(contrary.disagreements()) == COUNT


def test_damage_takes_one_attribute_that_the_decision_reads(work: Workload) -> None:
    found = damaged(work)
    assert len(found) >= COUNT / 2
    assert all(call != work.calls[number] for number, call, _ in found)


def test_a_stream_depends_on_its_seed_alone() -> None:
    first = workload("ten_rules", COUNT)
    workload.cache_clear()
    assert workload("ten_rules", COUNT).calls == first.calls


@pytest.mark.parametrize("bench", [each for name, each in vars(bench_decisions).items() if name.startswith("bench_")])
def test_every_bench_of_the_history_runs(bench: Callable[[Workload, object], None]) -> None:
    answers: list[list[object]] = []
    bench(workload("ten_rules", COUNT), lambda batch: answers.append(batch()))
    [decided] = answers
    assert len(decided) == COUNT


def _leaves(work: Workload) -> tuple[Leaf, ...]:
    return tuple(work.code.graph.leaves)
