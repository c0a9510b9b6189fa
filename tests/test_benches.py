"""Tests: what is timed answers alike, and the report of it runs. No test looks at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abac.compiler.graph import Leaf
from abac.model.decision import Effect
from benches import report
from benches.__main__ import main
from benches.damage import damaged
from benches.measures import Figure
from benches.workloads import SOURCES, Workload, workload

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
    decided = [work.code.decide(request).effect for request in work.read]
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


def test_the_report_runs_and_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, readme = tmp_path / "benchmarks.md", tmp_path / "README.md"
    for each in (page, readme):
        each.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", "utf-8")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "README", readme)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "latest.json")
    assert main(["ten_rules", "--requests", "20", "--rounds", "2", "--write"]) == 0
    assert "ten_rules" in capsys.readouterr().out
    figures = json.loads((tmp_path / "latest.json").read_text("utf-8"))["figures"]
    assert {figure["budget"] for figure in figures} == {1.3, 1.5, 2.5, 5.0, 150.0, None}
    written = page.read_text("utf-8")
    assert written.startswith("before\n") and written.endswith("after\n") and "old" not in written
    assert all(figure["what"] in written for figure in figures)
    summary = readme.read_text("utf-8")
    assert all(figure["what"] in summary for figure in figures if figure["budget"] and figure["ratio"]) and "old" not in summary


def test_a_profile_names_generated_functions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ten_rules", "--requests", "20", "--profile"]) == 0
    assert ": policy documents: deny-overrides" in capsys.readouterr().out


@pytest.mark.parametrize(
    "figure, met",
    [
        (Figure("p", "what", "ns", 130, 100, ratio=1.3, budget=1.3), True),
        (Figure("p", "what", "ns", 131, 100, ratio=1.31, budget=1.3), False),
        (Figure("p", "what", "ms", 151, budget=150), False),
        (Figure("p", "what", "ms", 151), None),
    ],
)
def test_a_budget_is_met_up_to_itself(figure: Figure, met: bool | None) -> None:
    assert figure.met is met
    assert report.as_rows([figure])[0][-1] == {True: "met", False: "NOT MET", None: ""}[met]


def _leaves(work: Workload) -> tuple[Leaf, ...]:
    return tuple(work.code.graph.leaves)
