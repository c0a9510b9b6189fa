"""Benches: `python -m benches.instructions` counts instructions and compares them with those on record; `make count` runs it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benches.instructions.baseline import Baseline, Finding, Malformed, compare, here, libraries, read, renewed
from benches.instructions.callgrind import CannotCount, count, unsuitable
from benches.instructions.inputs import SOURCES
from benches.instructions.ratios import beyond

RECORD = Path(__file__).with_name("baseline.json")


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if a count grew too much, 2 if nothing can be counted; 0 where this kind of machine cannot count."""
    parser = argparse.ArgumentParser(prog="python -m benches.instructions", description="Count the instructions of fixed inputs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SOURCES)}; all of them by default")
    parser.add_argument("--record", action="store_true", help=f"write what is counted to {RECORD.name}")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why counts rise; with --record")
    parser.add_argument("--show", action="store_true", help="print every count")
    told = parser.parse_args(arguments)
    if not set(told.names) <= set(SOURCES):
        parser.error(f"expected names of {', '.join(SOURCES)}")
    if told.record and told.names:
        parser.error("what is recorded is everything: expected no names with --record")
    why = unsuitable()
    if why is not None:
        print(f"nothing is counted: {why}")
        return 0
    try:
        baseline = _baseline()
        counted = _counted([name for name in SOURCES if not told.names or name in told.names])
        if told.show:
            print(*(f"{each:>15,}  {name}" for name, each in counted.items()), sep="\n")
        return _record(baseline, counted, told.reason) if told.record else _judge(baseline, counted, bool(told.names))
    except (CannotCount, Malformed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _baseline() -> Baseline | None:
    """Raises: Malformed."""
    if not RECORD.exists():
        return None
    try:
        return read(RECORD.read_text("utf-8"))
    except Malformed as error:
        raise Malformed(f"{RECORD.name}: {error}") from None


def _counted(names: Sequence[str]) -> Mapping[str, int]:
    begun = time.monotonic()
    counted = count(names, lambda name: print(f"{time.monotonic() - begun:5.0f} s  {name}", file=sys.stderr, flush=True))
    print(f"{len(counted)} counts in {time.monotonic() - begun:.0f} s")
    return counted


def _judge(baseline: Baseline | None, counted: Mapping[str, int], some: bool) -> int:
    findings = list(judged(baseline, counted, some))
    for finding in findings:
        print(f"{'error' if finding.fails else 'note'}: {finding.text}", file=sys.stderr if finding.fails else sys.stdout)
    return 1 if any(finding.fails for finding in findings) else 0


def judged(baseline: Baseline | None, counted: Mapping[str, int], some: bool = False) -> list[Finding]:
    """
    Args:
        some: whether what is on record and was not counted is no finding.
    """
    findings = list(beyond(counted))
    if baseline is None:
        return [*findings, Finding(f"there is no {RECORD.name}: `make count-baseline` makes it")]
    if some:
        kept = {name: each for name, each in baseline.instructions.items() if name in counted}
        baseline = Baseline(baseline.where, baseline.libraries, baseline.reason, kept)
    return [*findings, *compare(baseline, counted, here(), libraries())]


def _record(baseline: Baseline | None, counted: Mapping[str, int], reason: str) -> int:
    made = renewed(baseline, counted, reason)
    RECORD.write_text(made.as_json(), encoding="utf-8")
    before = baseline.instructions if baseline is not None else {}
    for name, each in made.instructions.items():
        if before.get(name) != each:
            print(f"{name}: {before[name]:,} → {each:,}" if name in before else f"{name}: {each:,}, new")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
