"""Benches: measures every policy, prints the figures beside their budgets, and writes them where readers look for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benches.measures import Figure, against_reference, decisions, import_time, load_time
from benches.timing import machine
from benches.workloads import workload

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benches" / "results" / "latest.json"
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"
COLUMNS = ("policy", "what", "time", "against", "ratio", "budget", "")


def measure(names: Iterable[str], count: int, rounds: int) -> list[Figure]:
    """All figures of the named policies.

    Raises:
        AssertionError: engine, reference and hand-written code do not answer alike: there is nothing to compare.
    """
    figures = []
    for name in names:
        work = workload(name, count)
        found = work.disagreements()
        if found:
            raise AssertionError("\n".join(found))
        figures += [*decisions(work, rounds), against_reference(work, min(rounds, 3)), load_time(work, min(rounds, 3))]
    return [*figures, import_time(rounds)]


def as_rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    return [
        (
            figure.policy,
            figure.what,
            _time(figure.value, figure.unit),
            "" if figure.against is None else _time(figure.against, figure.unit),
            "" if figure.ratio is None else f"{figure.ratio:.2f}×",
            "" if figure.budget is None else f"{figure.budget:g}×" if figure.ratio is not None else _time(figure.budget, figure.unit),
            {None: "", True: "met", False: "NOT MET"}[figure.met],
        )
        for figure in figures
    ]


def _time(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}"


def show(figures: Sequence[Figure], console: Console) -> None:
    table = Table(*COLUMNS)
    for column in table.columns[2:6]:
        column.justify = "right"
    for row in as_rows(figures):
        table.add_row(*row, style="red" if row[-1] == "NOT MET" else None)
    console.print(table)


def as_json(figures: Sequence[Figure], command: str) -> dict[str, Any]:
    return {"command": command, "machine": machine(), "figures": [figure.as_dict() for figure in figures]}


def write(result: dict[str, Any], figures: Sequence[Figure]) -> None:
    """The JSON file, and the generated parts of the page and of the README."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _put(PAGE, as_markdown(result, figures))
    _put(README, as_summary(result["figures"]))


def _put(path: Path, generated: str) -> None:
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{generated}\n{END}{after}", encoding="utf-8")


def as_summary(figures: Sequence[dict[str, Any]]) -> str:
    """Ratios only, a line for what is compared and a column for each policy; what misses its budget is in bold type."""
    compared = [figure for figure in figures if figure["budget"] is not None and figure["ratio"] is not None]
    policies, rows = (list(dict.fromkeys(figure[key] for figure in compared)) for key in ("policy", "what"))
    cells = {(figure["what"], figure["policy"]): _cell(figure) for figure in compared}
    budgets = {figure["what"]: f"{figure['budget']:g}×" for figure in compared}
    lines = [f"| | budget | {' | '.join(policies)} |", f"| --- | ---: |{' ---: |' * len(policies)}"]
    lines += [f"| {what} | {budgets[what]} | {' | '.join(cells[what, policy] for policy in policies)} |" for what in rows]
    return "\n".join(lines) + "\n"


def _cell(figure: dict[str, Any]) -> str:
    shown = f"{figure['ratio']:.1f}×"
    return shown if figure["met"] else f"**{shown}**"


def as_markdown(result: dict[str, Any], figures: Sequence[Figure]) -> str:
    facts = result["machine"]
    lines = [
        f"`{result['command']}`, {facts['python']}, {facts['system']}, {facts['cores']} cores of {facts['processor']}, "
        f"load {facts['load']}:",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
        *(f"| {' | '.join(row)} |" for row in as_rows(figures)),
    ]
    for figure in figures:
        if figure.why:
            lines += [
                "",
                f"**{figure.policy or 'all'}: {figure.what}** misses its budget. Most of its own time:",
                "",
                "```",
                *figure.why,
                "```",
            ]
    return "\n".join(lines) + "\n"
