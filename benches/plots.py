"""Benches: figures as plots: how long a decision takes as a policy grows, how many a second, and how long loading takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines by what they are of, over rules; both axes are logarithmic. `file` is the name of the file without its ending."""

    file: str
    title: str
    unit: str
    lines: Mapping[str, Points]


def series(figures: Iterable[Json]) -> list[Plot]:
    """What there is to be drawn; a plot without lines is none."""
    found = list(figures)
    plots = [
        Plot("latency-by-rules", "median of 64 requests, validated", "ns a decision", _lines(found, "growth-hot")),
        Plot("latency-by-rules-cold", "median of 4,000 requests, validated", "ns a decision", _lines(found, "growth-cold")),
        Plot("plain-dicts-by-rules", "plain dicts, types checked on the way", "ns a decision", _lines(found, "plain-dicts")),
        Plot("throughput-by-rules", "one core, plain dicts", "decisions a second", _per_second(_lines(found, "plain-dicts"))),
        Plot("load-by-rules", "from text to an engine", "s", _lines(found, "load", "`Engine.from_text`")),
    ]
    return [plot for plot in plots if plot.lines]


def _lines(figures: Sequence[Json], benchmark: str, what: str | None = None) -> dict[str, Points]:
    """Figures of one benchmark with rules, at two sizes or more."""
    lines: dict[str, dict[float, float]] = {}
    for figure in figures:
        if figure["benchmark"] == benchmark and figure["rules"] is not None and what in (None, figure["what"]):
            lines.setdefault(figure["of"], {})[figure["rules"]] = figure["value"]
    return {of: tuple(sorted(points.items())) for of, points in lines.items() if len(points) > 1}


def _per_second(lines: Mapping[str, Points]) -> dict[str, Points]:
    return {of: tuple((rules, 1e9 / spent) for rules, spent in points) for of, points in lines.items()}


def draw(plots: Sequence[Plot], folder: Path) -> list[Path]:
    """One SVG a plot; the same plots make the same files."""
    if not plots:
        return []
    import matplotlib  # type: ignore[import-not-found, unused-ignore]  # a tool of `make bench` alone

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "benches", "svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False})
    from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for plot in plots:
        figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
        for number, (of, points) in enumerate(plot.lines.items()):
            axes.plot(
                *zip(*points, strict=True), marker="os^Dv*"[number % 6], markersize=4, linewidth=1.2, label=of, color=f"C{number % 10}"
            )
        axes.set(xscale="log", yscale="log", xlabel="rules", ylabel=plot.unit, title=plot.title)
        axes.grid(True, which="major", linewidth=0.4)
        figure.legend(loc="outside right upper", fontsize="small", frameon=False)
        written.append(folder / f"{plot.file}.svg")
        figure.savefig(written[-1], metadata={"Date": None})
        pyplot.close(figure)
    return written
