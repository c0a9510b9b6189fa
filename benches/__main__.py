"""Benches: `python -m benches` measures and reports, `python -m benches --profile NAME` shows where the time of one policy goes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from benches.profiles import profiled
from benches.report import RESULTS, as_json, measure, show, write
from benches.timing import Batch
from benches.workloads import SOURCES, Workload, workload


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 whether or not the budgets are met: a figure is read, not obeyed."""
    parser = argparse.ArgumentParser(prog="python -m benches", description="Measure decisions against hand-written Python.")
    parser.add_argument("policies", nargs="*", metavar="POLICY", help=f"of {', '.join(SOURCES)}; all of them by default")
    parser.add_argument("--requests", type=int, default=1_000, metavar="N", help="length of the stream, 1000 by default")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="how often each is timed, 7 by default")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} and the table of docs/benchmarks.md")
    parser.add_argument("--profile", action="store_true", help="show where the time of the policies goes instead")
    told = parser.parse_args(arguments)
    names = told.policies or list(SOURCES)
    if not set(names) <= set(SOURCES) or told.requests < 1 or told.rounds < 1:
        parser.error(f"expected policies of {', '.join(SOURCES)}, and at least one request and round")
    if told.profile:
        for name in names:
            _show_profiles(workload(name, told.requests))
        return 0
    figures = measure(names, told.requests, told.rounds)
    show(figures, Console(width=None if sys.stdout.isatty() else 140))
    if told.write:
        write(as_json(figures, " ".join(["python -m benches", *arguments])), figures)
    return 0


def _show_profiles(work: Workload) -> None:
    permits, decide = work.engine.permits, work.engine.decide
    batches: dict[str, Batch] = {
        "permits, validated": lambda: [permits(s, a, r, c, at=now) for s, a, r, c, now in work.entities],
        "decide, validated": lambda: [decide(s, a, r, c, at=now) for s, a, r, c, now in work.entities],
        "permits, plain dicts": lambda: [permits(s, a, r, c, at=now) for s, a, r, c, now in work.calls],
    }
    for title, batch in batches.items():
        print(f"{work.name}: {title}", *profiled(batch, lines=25), "", sep="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
