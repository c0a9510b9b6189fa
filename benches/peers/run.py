"""Benches: runs every engine with every shape at every size, each in a process of its own that is ended when it takes too long."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benches.budgets import PEERS as BUDGETS
from benches.figures import Figure
from benches.peers.child import Record
from benches.peers.table import OURS, PEERS
from benches.synthetic.shapes import SHAPES

ROOT = Path(__file__).parents[2]
SIZES = (10, 100, 1_000, 10_000)
Measure = Callable[[str, str, int], Record]


@dataclass(frozen=True, slots=True)
class Tour:
    """
    Attributes:
        seconds: that each measurement is given for its decisions.
        limit: seconds after which its process is ended, loading included.
        slow: nanoseconds of a decision beyond which ten times the rules are not tried: it would take minutes and tell nothing new.
    """

    peers: Sequence[str] = tuple(PEERS)
    shapes: Sequence[str] = tuple(SHAPES)
    sizes: Sequence[int] = SIZES
    seconds: float = 1.0
    limit: float = 90.0
    slow: float = 20e6


def measure(tour: Tour, measured: Measure | None = None, tell: Callable[[Record], None] = lambda _: None) -> Iterator[Record]:
    """Engine by engine, size by size; what could not be measured at one size is not tried at a larger one.

    Args:
        measured: what gives one record; a process of its own by default.
    """
    ask = measured or (lambda peer, shape, rules: in_process(peer, shape, rules, tour))
    for shape in tour.shapes:
        for peer in tour.peers:
            last = Record(peer, shape, 0)
            for rules in tour.sizes:
                if last.each > tour.slow:
                    record = Record(peer, shape, rules, last.version, error=f"not tried: {last.each / 1e6:.0f} ms at {last.rules:,} rules")
                else:
                    record = ask(peer, shape, rules)
                tell(record)
                yield record
                if record.cannot or record.error:
                    break
                last = record


def in_process(peer: str, shape: str, rules: int, tour: Tour) -> Record:
    command = [sys.executable, "-m", "benches.peers.child", peer, shape, str(rules), str(tour.seconds)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=tour.limit)
    except subprocess.TimeoutExpired:
        return Record(peer, shape, rules, error=f"did not load and decide within {tour.limit:g} s")
    try:
        return Record(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        return Record(peer, shape, rules, error=f"ended with {done.returncode}: {done.stderr[-300:]}")


def figures(records: Sequence[Record]) -> list[Figure]:
    """The fastest of the others over ours, at the sizes that have a budget and at the others for information."""
    found = []
    for shape in dict.fromkeys(record.shape for record in records):
        for rules in sorted({record.rules for record in records}):
            told = [record for record in records if (record.shape, record.rules) == (shape, rules) and record.each]
            ours = next((record for record in told if record.peer == OURS.name), None)
            others = [record for record in told if record.peer != OURS.name]
            if ours is None or not others:
                continue
            best = min(others, key=lambda record: record.ratio)
            what = f"{best.peer} / `permits`, plain dicts"
            over = best.ratio / ours.ratio
            found.append(Figure("peers", shape, what, "ns", best.each, ours.each, over, BUDGETS.get(rules), rules, at_least=True))
    return found
