"""Benches: prints the figures beside their budgets, and writes them where readers look for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benches import tables
from benches.figures import Figure
from benches.plots import draw, series
from benches.timing import machine

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benches" / "results" / "latest.json"
PEER_RESULTS = ROOT / "benches" / "results" / "peers.json"
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
PLOTS = ROOT / "docs" / "plots"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"
COLUMNS = ("of", "rules", "what", "value", "against", "ratio", "budget", "")

Json = dict[str, Any]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Every figure, in one table a benchmark; missed budgets in red, with their profiles."""
    for benchmark in dict.fromkeys(figure.benchmark for figure in figures):
        table = Table(*COLUMNS, title=benchmark)
        for column in (table.columns[1], *table.columns[3:7]):
            column.justify = "right"
        for figure in figures:
            if figure.benchmark == benchmark:
                row = tables.as_row(figure.as_dict())
                table.add_row(*row, style="red" if row[-1] == "NOT MET" else None)
        console.print(table)
    for figure in figures:
        if figure.why:
            console.print(
                f"{figure.benchmark}, {figure.of}, {figure.rules or ''}: {figure.what}: missed; most of its own time:", highlight=False
            )
            console.print("\n".join(figure.why), highlight=False, markup=False)


def as_json(figures: Sequence[Figure], command: str) -> Json:
    return {"command": command, "machine": machine(), "figures": [figure.as_dict() for figure in figures]}


def write(result: Json) -> None:
    """The JSON file, the plots, and the generated parts of the page and of the README."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plots = draw(series(result["figures"]), PLOTS)
    put(PAGE, tables.as_markdown(result, [f"plots/{plot.name}" for plot in plots]), BEGIN)
    put(README, summary(), BEGIN)


def summary() -> str:
    """Of the last runs of both, as they were recorded."""
    recorded = [json.loads(file.read_text("utf-8"))["figures"] for file in (RESULTS, PEER_RESULTS) if file.exists()]
    return tables.as_summary([figure for figures in recorded for figure in figures])


def put(path: Path, generated: str, begin: str) -> None:
    """In place of what stood between the marks."""
    before, _, rest = path.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{begin}\n\n{generated}\n{END}{after}", encoding="utf-8")
