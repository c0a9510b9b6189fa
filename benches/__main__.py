"""Benches: `python -m benches` measures and reports, `python -m benches --profile NAME` shows where the time of one policy goes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from benches.budgets import BENCHMARKS
from benches.packs.workloads import SOURCES, workload
from benches.profiles import profiled
from benches.report import RESULTS, as_json, show, write
from benches.suite import NAMES, Plan, measure
from benches.synthetic.families import FAMILIES
from benches.synthetic.loaded import NOW, Loaded
from benches.synthetic.measures import Effort
from benches.synthetic.shape import Workload
from benches.synthetic.shapes import SHAPES
from benches.timing import Batch


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 whether or not the budgets are met: a figure is read, not obeyed."""
    parser = _parser()
    told = parser.parse_args(arguments)
    names, only = told.names or list(NAMES), told.only or list(BENCHMARKS)
    if not set(names) <= set(NAMES) or not set(only) <= set(BENCHMARKS):
        parser.error("expected names and benchmarks that `--list` shows")
    if min(told.requests, told.rounds, told.largest, told.family) < 1:
        parser.error("expected at least one request, round and rule")
    if told.list:
        _show_list()
        return 0
    if told.profile:
        for name in names:
            _show_profiles(name, told.requests, min(told.largest, 1_000))
        return 0
    plan = Plan(names, only, told.largest, told.family, told.requests, Effort(told.rounds))
    console, begun = Console(width=None if sys.stdout.isatty() else 160), time.monotonic()
    figures = list(measure(plan, lambda name: print(f"{time.monotonic() - begun:5.0f} s  {name}", file=sys.stderr, flush=True)))
    show(figures, console)
    if told.write:
        write(as_json(figures, " ".join(["python -m benches", *arguments])))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benches", description="Measure decisions against hand-written Python.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="packs, shapes and families; all of them by default")
    parser.add_argument("--only", action="append", metavar="BENCHMARK", help="one benchmark; may be given again; all by default")
    parser.add_argument("--list", action="store_true", help="list names and benchmarks")
    parser.add_argument("--largest", type=int, default=10_000, metavar="N", help="rules of the largest policy of a shape, 10000 by default")
    parser.add_argument("--family", type=int, default=1_000, metavar="N", help="rules of a family, 1000 by default")
    parser.add_argument("--requests", type=int, default=1_000, metavar="N", help="requests of a pack, 1000 by default")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="how often each is timed, 7 by default")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}, the plots, and the tables of docs/benchmarks.md")
    parser.add_argument("--profile", action="store_true", help="show where the time of the policies goes instead")
    return parser


def _show_list() -> None:
    print("packs     ", ", ".join(SOURCES))
    for title, shapes in (("shapes", SHAPES), ("families", FAMILIES)):
        print(title, *(f"  {shape.name:20} {shape.about}" for shape in shapes.values()), sep="\n")
    print(
        "benchmarks", *(f"  {name:20} {each.measures}{each.budget and f'; {each.budget}'}" for name, each in BENCHMARKS.items()), sep="\n"
    )


def _show_profiles(name: str, requests: int, rules: int) -> None:
    if name in SOURCES:
        work = workload(name, requests)
        permits, decide, calls, entities = work.engine.permits, work.engine.decide, work.calls, work.entities
    else:
        loaded = Loaded(Workload({**SHAPES, **FAMILIES}[name], rules))
        permits, decide = loaded.engine.permits, loaded.engine.decide
        calls, entities = ([(*call, NOW) for call in each] for each in (loaded.hot_calls, loaded.hot))
    batches: dict[str, Batch] = {
        "permits, validated": lambda: [permits(s, a, r, c, at=now) for s, a, r, c, now in entities],
        "decide, validated": lambda: [decide(s, a, r, c, at=now) for s, a, r, c, now in entities],
        "permits, plain dicts": lambda: [permits(s, a, r, c, at=now) for s, a, r, c, now in calls],
    }
    for title, batch in batches.items():
        print(f"{name}: {title}", *profiled(batch, lines=25), "", sep="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
