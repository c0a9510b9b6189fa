"""Benches: figures as tables in Markdown, from the record that is kept of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benches.budgets import BENCHMARKS
from benches.synthetic.families import FAMILIES
from benches.synthetic.shapes import SHAPES

Json = dict[str, Any]
BY_SIZE = ("by-hand", "decide", "plain-dicts", "growth-hot", "growth-cold", "one-missing", "missing-key", "raw-json", "load", "memory")
"""Benchmarks of shapes, each a table with a column for every size."""


def as_row(figure: Json) -> tuple[str, ...]:
    unit, ratio, budget = figure["unit"], figure["ratio"], figure["budget"]
    sign = "at least " if figure["at_least"] else ""
    return (
        figure["of"],
        "" if figure["rules"] is None else f"{figure['rules']:,}",
        figure["what"],
        quantity(figure["value"], unit),
        "" if figure["against"] is None else quantity(figure["against"], unit),
        "" if ratio is None else f"{ratio:.2f}×",
        "" if budget is None else f"{sign}{budget:g}×" if ratio is not None else quantity(budget, unit),
        {None: "", True: "met", False: "NOT MET"}[figure["met"]],
    )


def quantity(value: float, unit: str) -> str:
    """Three digits, with the unit that suits them."""
    if unit in ("ns", "ms", "s"):
        value *= {"ns": 1, "ms": 1e6, "s": 1e9}[unit]
        for larger, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
            if value >= size * 0.9995:
                return f"{_digits(value / size)} {larger}"
        return f"{_digits(value)} ns"
    return f"{_digits(value)} {unit}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def as_summary(figures: Sequence[Json]) -> str:
    """A line for each budget: how often it is met, and the figure that is farthest from it, in bold type if it misses."""
    lines = ["| | budget | met | farthest from it | |", "| --- | --- | ---: | ---: | --- |"]
    for name, benchmark in BENCHMARKS.items():
        judged = [figure for figure in figures if figure["benchmark"] == name and figure["budget"] is not None]
        if judged:
            worst = max(judged, key=_distance)
            met = sum(figure["met"] for figure in judged)
            shown = _cell(worst)
            where = worst["of"] if worst["rules"] is None else f"{worst['of']}, {worst['rules']:,} rules"
            lines.append(f"| {benchmark.measures.partition(';')[0]} | {benchmark.budget} | {met} of {len(judged)} | {shown} | {where} |")
    return "\n".join(lines) + "\n"


def _distance(figure: Json) -> float:
    measured = float(figure["value"] if figure["ratio"] is None else figure["ratio"])
    return float(figure["budget"]) / measured if figure["at_least"] else measured / float(figure["budget"])


def _cell(figure: Json) -> str:
    shown = quantity(figure["value"], figure["unit"]) if figure["ratio"] is None else f"{figure['ratio']:.2f}×"
    return f"**{shown}**" if figure["met"] is False else shown


def heading(result: Json) -> str:
    facts = result["machine"]
    machine = f"{facts['system']}, {facts['cores']} cores of {facts['processor']}, load {facts['load']}"
    return f"`{result['command']}`, {facts['python']}, {machine}:"


def as_markdown(result: Json, plots: Iterable[str] = ()) -> str:
    figures = result["figures"]
    parts = [heading(result), "", as_summary(figures)]
    parts += [f"![{plot.rpartition('/')[2].removesuffix('.svg').replace('-', ' ')}]({plot})" for plot in plots]
    packs = [figure for figure in figures if figure["of"] not in SHAPES and figure["of"] not in FAMILIES]
    if packs:
        parts += ["", "### Packs", "", _listed(packs)]
    shapes = [figure for figure in figures if figure["of"] in SHAPES]
    for name in BY_SIZE:
        chosen = [figure for figure in shapes if figure["benchmark"] == name]
        if chosen:
            parts += ["", f"### Shapes: {name}", "", _told(name), "", by_size(chosen)]
    families = [figure for figure in figures if figure["of"] in FAMILIES]
    if families:
        parts += ["", "### Worst cases", "", _worst(families)]
    parts += _profiles(figures)
    return "\n".join(parts) + "\n"


def _told(name: str) -> str:
    told = BENCHMARKS[name]
    return f"{told.measures[0].upper()}{told.measures[1:]}. {f'Budget: {told.budget}.' if told.budget else 'For information.'}"


def _listed(figures: Sequence[Json]) -> str:
    lines = ["| of | what | time | against | ratio | budget | |", "| --- | --- | ---: | ---: | ---: | ---: | --- |"]
    lines += [f"| {' | '.join((row[0], *row[2:]))} |" for row in map(as_row, figures)]
    return "\n".join(lines)


def by_size(figures: Sequence[Json]) -> str:
    """The measured value and its ratio; of what has percentiles, the 99th too."""
    sizes = sorted({figure["rules"] for figure in figures})
    rows = list(dict.fromkeys((figure["of"], figure["what"]) for figure in figures))
    cells = {(figure["of"], figure["what"], figure["rules"]): _sized(figure) for figure in figures}
    several = len(rows) > len({of for of, _ in rows})
    lines = [f"| | {'what | ' if several else ''}{' | '.join(f'{size:,}' for size in sizes)} |"]
    lines.append(f"| --- |{' --- |' if several else ''}{' ---: |' * len(sizes)}")
    for of, what in rows:
        shown = " | ".join(cells.get((of, what, size), "") for size in sizes)
        lines.append(f"| {of} | {f'{what} | ' if several else ''}{shown} |")
    return "\n".join(lines)


def _sized(figure: Json) -> str:
    value = quantity(figure["value"], figure["unit"])
    if "p99" in figure["percentiles"]:
        value += f" (p99 {quantity(figure['percentiles']['p99'], figure['unit'])})"
    if figure["ratio"] is None:
        return f"**{value}**" if figure["met"] is False else value
    return f"{_cell(figure)}, {value}"


def _worst(figures: Sequence[Json]) -> str:
    lines = [
        "| family | against | few requests: median, p90, p99 | many requests | budget | load | a rule holds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(figure["of"] for figure in figures):
        own = [figure for figure in figures if figure["of"] == name]
        hot, cold, loaded, held = (
            next((figure for figure in own if figure["benchmark"] == benchmark and figure["what"].startswith(what)), None)
            for benchmark, what in (
                ("worst-cases", "median of 64"),
                ("worst-cases", "median of 4,000"),
                ("load", ""),
                ("memory", "held"),
            )
        )
        budget = "" if hot is None or hot["budget"] is None else quantity(hot["budget"], "ns")
        lines.append(
            f"| {name} | {FAMILIES[name].about} | {_spread(hot)} | {_spread(cold)} | {budget} | "
            f"{_cell(loaded) if loaded else ''} | {_cell(held) if held else ''} |"
        )
    others = [
        figure for figure in figures if figure["benchmark"] in ("worst-cases", "memory-kept") and not figure["what"].startswith("median")
    ]
    return "\n".join(lines) + (f"\n\n{_listed(others)}" if others else "")


def _spread(figure: Json | None) -> str:
    if figure is None:
        return ""
    shown = ", ".join(quantity(value, figure["unit"]) for value in figure["percentiles"].values())
    return f"**{shown}**" if figure["met"] is False else shown


def _profiles(figures: Sequence[Json]) -> list[str]:
    """Of what misses its budget by most, of each benchmark."""
    lines = []
    for name in dict.fromkeys(figure["benchmark"] for figure in figures):
        missed = [figure for figure in figures if figure["benchmark"] == name and figure["why"]]
        if missed:
            worst = max(missed, key=_distance)
            rules = "" if worst["rules"] is None else f", {worst['rules']:,} rules"
            lines += ["", f"**{name}: {worst['of']}{rules}: {worst['what']}** misses its budget. Most of its own time:", ""]
            lines += ["```", *worst["why"], "```"]
    return lines
