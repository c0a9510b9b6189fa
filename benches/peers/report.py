"""Benches: what was measured of other engines, as tables and plots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benches import report, tables
from benches.budgets import BENCHMARKS
from benches.peers.child import Record
from benches.peers.run import figures
from benches.peers.table import PEERS
from benches.plots import Plot, draw

BEGIN = "<!-- figures: written by `make bench-peers` -->"
BY_HAND = "by hand"
Json = dict[str, Any]


def as_text(record: Record) -> str:
    told = record.cannot and f"cannot: {record.cannot}"
    told = told or (record.error and f"failed: {record.error}")
    told = told or f"{tables.quantity(record.each, 'ns')} a decision, {record.ratio:,.0f}× by hand, agreed on {record.agreed}"
    return f"{record.shape} {record.rules} {record.peer}: {told}".replace("\n", " ")[:300]


def write(result: Json) -> None:
    """The JSON file with what follows from it, the plots, and the generated parts of the page and of the README."""
    records = [Record(**each) for each in result["records"]]
    result = {**result, "figures": [figure.as_dict() for figure in figures(records)]}
    report.PEER_RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plots = draw(series(records), report.PLOTS)
    report.put(report.PAGE, as_markdown(result, [f"plots/{plot.name}" for plot in plots]), BEGIN)
    report.put(report.README, report.summary(), report.BEGIN)


def series(records: Sequence[Record]) -> list[Plot]:
    plots = []
    for shape in dict.fromkeys(record.shape for record in records):
        lines: dict[str, list[tuple[float, float]]] = {}
        for record in records:
            if record.shape == shape and record.each:
                lines.setdefault(record.peer, []).append((record.rules, record.each))
        by_hand = {
            rules: [record.by_hand for record in records if (record.shape, record.rules) == (shape, rules) and record.each]
            for rules in sorted({record.rules for record in records})
        }
        lines[BY_HAND] = [(rules, sorted(spent)[len(spent) // 2]) for rules, spent in by_hand.items() if spent]
        drawn = {of: tuple(points) for of, points in lines.items() if len(points) > 1}
        if drawn:
            plots.append(Plot(f"peers-{shape.replace('_', '-')}", f"{shape}: from a plain dict to a bool", "ns a decision", drawn))
    loads: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        if record.shape == "per_resource" and record.load:
            loads.setdefault(record.peer, []).append((record.rules, record.load))
    loaded = {of: tuple(points) for of, points in loads.items() if len(points) > 1}
    return [*plots, Plot("peers-load", "per_resource: from rules to an engine", "s", loaded)] if loaded else plots


def as_markdown(result: Json, plots: Sequence[str] = ()) -> str:
    records = [Record(**each) for each in result["records"]]
    parts = [tables.heading(result), "", _engines(records), "", "### The fastest of the others over this engine", ""]
    parts += [f"Budget: {BENCHMARKS['peers'].budget}.", "", _fastest(result["figures"])] if result["figures"] else ["Nothing to compare."]
    for shape in dict.fromkeys(record.shape for record in records):
        parts += ["", f"### Other engines: {shape}", "", _shape([record for record in records if record.shape == shape])]
        parts += [f"\n![{shape}]({plot})" for plot in plots if plot.endswith(f"/peers-{shape.replace('_', '-')}.svg")]
    parts += [f"\n![load]({plot})" for plot in plots if plot.endswith("/peers-load.svg")]
    return "\n".join(parts) + "\n"


def _fastest(figures: Sequence[Json]) -> str:
    """By shape and rules, which engine it is, and how many times as long it takes as this one."""
    sizes = sorted({figure["rules"] for figure in figures})
    cells = {(figure["of"], figure["rules"]): figure for figure in figures}
    lines = [f"| | {' | '.join(f'{size:,}' for size in sizes)} |", f"| --- |{' ---: |' * len(sizes)}"]
    for shape in dict.fromkeys(figure["of"] for figure in figures):
        shown = [_one(cells[shape, size]) if (shape, size) in cells else "" for size in sizes]
        lines.append(f"| {shape} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _one(figure: Json) -> str:
    ratio = f"{figure['ratio']:.1f}×"
    return f"{figure['what'].partition(' / ')[0]}, {f'**{ratio}**' if figure['met'] is False else ratio}"


def _engines(records: Sequence[Record]) -> str:
    lines = ["| engine | distribution | how it is used |", "| --- | --- | --- |"]
    for name in dict.fromkeys(record.peer for record in records):
        version = next((record.version for record in records if record.peer == name and record.version), "not installed")
        lines.append(f"| {name} | {PEERS[name].distribution} {version} | {PEERS[name].used} |")
    return "\n".join(lines)


def _shape(records: Sequence[Record]) -> str:
    sizes = sorted({record.rules for record in records})
    lines = [f"| | {' | '.join(f'{size:,}' for size in sizes)} | load at the largest |", f"| --- |{' ---: |' * (len(sizes) + 1)}"]
    notes = []
    for name in dict.fromkeys(record.peer for record in records):
        own = {record.rules: record for record in records if record.peer == name}
        measured = [record for record in own.values() if record.each]
        cells = [
            f"{tables.quantity(own[size].each, 'ns')}, {own[size].ratio:,.0f}×" if size in own and own[size].each else "" for size in sizes
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {tables.quantity(measured[-1].load, 's') if measured else ''} |")
        notes += [f"- {name} cannot express it: {record.cannot}." for record in own.values() if record.cannot]
        notes += [f"- {name} at {record.rules:,} rules: {_first_line(record.error)}." for record in own.values() if record.error]
        few = [record for record in measured if record.agreed < 64]
        notes += [f"- {name} at {record.rules:,} rules was held against the oracle on {record.agreed} requests only." for record in few]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".")
