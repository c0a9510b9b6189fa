"""Tests: a figure is judged by its budget, and the report shows what was measured. No test looks at a time."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benches import report, tables
from benches.__main__ import main
from benches.budgets import BENCHMARKS
from benches.figures import Figure, percentile, percentiles
from benches.plots import Plot, draw, series
from benches.suite import Plan, measure
from benches.synthetic.load import Load, as_figures
from benches.synthetic.measures import Effort
from benches.timing import interleaved, latencies, ratio

FACTS = {"python": "P", "system": "S", "cores": 1, "processor": "C", "load": 0}


@pytest.mark.parametrize(
    "figure, met",
    [
        (Figure("by-hand", "p", "what", "ns", 130, 100, ratio=1.3, budget=1.3), True),
        (Figure("by-hand", "p", "what", "ns", 131, 100, ratio=1.31, budget=1.3), False),
        (Figure("import", "p", "what", "ms", 151, budget=150), False),
        (Figure("import", "p", "what", "ms", 151), None),
        (Figure("peers", "p", "what", "ns", 131, 100, ratio=12, budget=12, at_least=True), True),
        (Figure("peers", "p", "what", "ns", 131, 100, ratio=11.9, budget=12, at_least=True), False),
    ],
)
def test_a_budget_is_met_up_to_itself(figure: Figure, met: bool | None) -> None:
    assert figure.met is met
    assert tables.as_row(figure.as_dict())[-1] == {True: "met", False: "NOT MET", None: ""}[met]


@pytest.mark.parametrize(
    "value, unit, shown",
    [
        (139.4, "ns", "139 ns"),
        (1_039, "ns", "1.04 µs"),
        (999.7, "ns", "1.00 µs"),
        (2_756_000, "ns", "2.76 ms"),
        (25.1, "s", "25.1 s"),
        (0.094, "s", "94.0 ms"),
        (94, "ms", "94.0 ms"),
        (8_312, "bytes", "8,312 bytes"),
    ],
)
def test_a_quantity_has_three_digits_and_the_unit_that_suits_it(value: float, unit: str, shown: str) -> None:
    assert tables.quantity(value, unit) == shown


def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2 and percentile([4, 1, 3, 2], 99) == 4 and percentile([7], 50) == 7
    assert percentiles(range(1, 101)) == {"p50": 50, "p90": 90, "p99": 99}


# ── timing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_batches_take_turns_and_are_timed_in_every_round() -> None:
    ran: list[str] = []
    spent = interleaved({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, 3, clock=iter(range(0, 10**12, 10**9)).__next__)
    assert [len(times) for times in spent.values()] == [3, 3]
    assert ran == ["a", "b", "a", "b", "b", "a", "a", "b"]


def test_no_further_round_begins_when_time_is_up() -> None:
    spent = interleaved({"a": lambda: time.sleep(0.002)}, 1_000, seconds=0.0)
    assert len(spent["a"]) == 1


def test_a_ratio_is_the_median_over_the_rounds() -> None:
    assert ratio([10, 20, 90], [10, 10, 10]) == 2


def test_the_latency_of_a_call_is_its_best() -> None:
    told = iter([[50, 90], [70, 60], [40, 80], [90_000, 90_000], [60, 70]])
    found = latencies({"a": lambda clock: [10_000 + each for each in next(told)]}, 2)["a"]
    assert [round(each - found[0]) for each in found] == [0, 20]  # the first pass warms up


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────

BY_HAND, GROWTH, HOT = "`permits`, validated / by hand", "median / at 100 rules", "median of 64 requests"
FIGURES = [
    Figure("by-hand", "saas", BY_HAND, "ns", 200, 100, 2.0, 1.3, why=("profile of saas",)),
    Figure("by-hand", "mixed", BY_HAND, "ns", 110, 100, 1.1, 1.3, 10),
    Figure("by-hand", "mixed", BY_HAND, "ns", 500, 100, 5.0, 1.3, 10_000, why=("profile of mixed",)),
    Figure("growth-hot", "mixed", GROWTH, "ns", 110, rules=100, percentiles={"p50": 110, "p99": 130}),
    Figure("growth-hot", "mixed", GROWTH, "ns", 150, 110, 1.4, 1.5, 10_000, percentiles={"p50": 150, "p99": 9_170}),
    Figure("worst-cases", "wide_10", HOT, "ns", 4_000, budget=6_000, rules=1_000, percentiles={"p50": 4_000, "p90": 5_000, "p99": 6_000}),
    Figure("memory", "wide_10", "held by a rule / at 1,000 rules", "bytes", 700, rules=1_000),
    Figure("import", "", "`import abac` over a bare interpreter", "ms", 70, budget=150),
]


def result(figures: list[Figure] = FIGURES) -> dict[str, Any]:
    return {"command": "the command", "machine": FACTS, "figures": [figure.as_dict() for figure in figures]}


def test_the_page_shows_every_figure_and_the_profile_of_the_worst_miss_of_a_benchmark() -> None:
    page = tables.as_markdown(result(), ["plots/a-plot.svg"])
    for shown in (
        "the command",
        "**5.00×**, 500 ns",
        "1.40×, 150 ns (p99 9.17 µs)",
        "110 ns (p99 130 ns)",
        "4.00 µs, 5.00 µs, 6.00 µs",
        "700 bytes",
    ):
        assert shown in page, shown
    assert "| saas | `permits`, validated / by hand | 200 ns | 100 ns | 2.00× | 1.3× | NOT MET |" in page
    assert "![a plot](plots/a-plot.svg)" in page
    assert "profile of mixed" in page and "profile of saas" not in page


def test_the_summary_has_a_line_for_each_budget_with_the_figure_that_is_farthest_from_it() -> None:
    lines = tables.as_summary(result()["figures"]).splitlines()
    assert len(lines) == 2 + 4
    assert lines[2].endswith("| 1.3× | 1 of 3 | **5.00×** | mixed, 10,000 rules |")
    assert lines[3].endswith("| 1 of 1 | 1.40× | mixed, 10,000 rules |")
    least = [Figure("peers", "mixed", "w", "ns", 1, 1, over, 12.0, 10, at_least=True) for over in (30.0, 13.0)]
    assert "| 2 of 2 | 13.00× |" in tables.as_summary([figure.as_dict() for figure in least])


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little is measured that it takes no time."""
    monkeypatch.setattr("benches.synthetic.shape.COLD", 50)
    monkeypatch.setattr("benches.synthetic.worst_cases.WARM", 50)
    monkeypatch.setattr("benches.synthetic.worst_cases.MANY", 100)


@pytest.mark.usefixtures("few")
def test_what_was_measured_is_printed_and_written_where_readers_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, readme = tmp_path / "benchmarks.md", tmp_path / "README.md"
    for each in (page, readme):
        each.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", "utf-8")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "README", readme)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "latest.json")
    monkeypatch.setattr(report, "PEER_RESULTS", tmp_path / "peers.json")
    monkeypatch.setattr(report, "draw", lambda plots, folder: [folder / f"{plot.file}.svg" for plot in plots])
    arguments = [
        "ten_rules",
        "per_resource",
        "wide_10",
        "random_values",
        "--largest",
        "100",
        "--family",
        "20",
        "--requests",
        "20",
        "--rounds",
        "1",
    ]
    assert main([*arguments, *(f"--only={name}" for name in BENCHMARKS if name not in ("load", "load-kept", "memory")), "--write"]) == 0
    told = capsys.readouterr().out
    written = json.loads((tmp_path / "latest.json").read_text("utf-8"))
    figures = written["figures"]
    assert {figure["of"] for figure in figures} == {"ten_rules", "per_resource", "wide_10", "random_values", ""}
    assert {figure["benchmark"] for figure in figures} == set(BENCHMARKS) - {"load", "load-kept", "memory", "peers", "missing-key"}
    text = page.read_text("utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "\nold\n" not in text
    for figure in figures:
        assert tables.as_row(figure)[3] in text, figure
        assert figure["benchmark"] in told
    assert "plots/latency-by-rules.svg" in text
    assert "| 1.3× |" in readme.read_text("utf-8")


@pytest.mark.usefixtures("few")
def test_only_what_was_asked_for_is_measured() -> None:
    plan = Plan(names=["per_resource", "windows"], only=["growth-hot"], largest=100, effort=Effort(1))
    figures = list(measure(plan))
    assert [(figure.of, figure.rules) for figure in figures] == [
        ("per_resource", 10),
        ("per_resource", 100),
        ("windows", 10),
        ("windows", 100),
    ]
    assert figures[0].ratio is None and figures[1].budget == 1.5 and figures[3].budget == 1.7


def test_memory_is_compared_with_a_thousand_rules() -> None:
    loads = {1_000: Load(1.0, 700_000, 9_000_000, 100_000), 10_000: Load(9.0, 7_700_000, 90_000_000, 1_000_000)}
    found = {(figure.benchmark, figure.what, figure.rules): figure for figure in as_figures("mixed", loads)}
    assert found["memory", "held by a rule / at 1,000 rules", 10_000].ratio == 1.1
    assert found["load", "`Engine.from_text`, in a new process", 10_000].met is True
    assert found["load", "`Engine.from_text`, in a new process", 1_000].met is None


def test_a_load_from_the_cache_is_compared_with_one_from_text() -> None:
    loads = {10_000: Load(4.0, 1, 1, 1, trusted=0.1, data=2.0), 1_000: Load(0.4, 1, 1, 1, trusted=0.1, data=2.0)}
    found = {(figure.what, figure.rules): figure for figure in as_figures("mixed", loads) if figure.benchmark == "load-kept"}
    assert found["compile cache / from text", 10_000].met is True
    assert found["the package as data / from text", 10_000].ratio == 0.5
    assert found["the package as data / from text", 10_000].met is False
    assert found["the package as data / from text", 1_000].met is None


@pytest.mark.parametrize("arguments", [["no_such_policy"], ["--only", "no-such-benchmark"], ["--rounds", "0"]])
def test_what_there_is_not_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)


def test_names_and_benchmarks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("ten_rules", "per_resource", "wide_10", *BENCHMARKS))


def test_a_profile_names_generated_functions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ten_rules", "per_resource", "--requests", "20", "--largest", "20", "--profile"]) == 0
    told = capsys.readouterr().out
    assert "permits: requests come in here" in told and "per_resource: permits, plain dicts" in told


# ── plots ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_drawn_of_what_was_measured_at_two_sizes_or_more() -> None:
    made = [
        replace(FIGURES[3], rules=rules, value=value, benchmark=benchmark)
        for benchmark in ("growth-hot", "plain-dicts")
        for rules, value in ((1_000, 500.0), (10, 250.0))
    ]
    plots = {plot.file: plot for plot in series([figure.as_dict() for figure in [*made, FIGURES[1]]])}
    assert set(plots) == {"latency-by-rules", "plain-dicts-by-rules", "throughput-by-rules"}
    assert plots["latency-by-rules"].lines == {"mixed": ((10, 250.0), (1_000, 500.0))}
    assert plots["throughput-by-rules"].lines == {"mixed": ((10, 4e6), (1_000, 2e6))}


def test_the_same_plot_makes_the_same_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is installed by `make bench` alone")
    plot = Plot("p", "title", "ns", {"mixed": ((10, 1.0), (100, 2.0))})
    (first,), (second,) = draw([plot], tmp_path / "a"), draw([plot], tmp_path / "b")
    assert first.read_bytes() == second.read_bytes() and b"mixed" in first.read_bytes()
    assert draw([], tmp_path / "c") == []
