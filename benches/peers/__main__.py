"""Benches: `python -m benches.peers` measures other engines and this one with the same policies, and reports."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from benches.peers.child import Record
from benches.peers.report import as_text, write
from benches.peers.run import SIZES, Tour, measure
from benches.peers.table import PEERS
from benches.synthetic.shapes import SHAPES
from benches.timing import machine


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.peers", description="Measure other engines with the same policies.")
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}; all of them by default")
    parser.add_argument("--shape", action="append", metavar="SHAPE", help=f"of {', '.join(SHAPES)}; may be given again; all by default")
    parser.add_argument("--largest", type=int, default=10_000, metavar="N", help="rules of the largest policy, 10000 by default")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="for the decisions of each measurement, 1 by default")
    parser.add_argument("--limit", type=float, default=90.0, metavar="S", help="after which a measurement is given up, 90 by default")
    parser.add_argument("--write", action="store_true", help="write peers.json, the plots, and the tables of docs/benchmarks.md")
    told = parser.parse_args(arguments)
    peers, shapes = told.peers or list(PEERS), told.shape or list(SHAPES)
    if not set(peers) <= set(PEERS) or not set(shapes) <= set(SHAPES):
        parser.error("expected peers and shapes that `--help` shows")
    sizes, begun = [rules for rules in SIZES if rules <= told.largest], time.monotonic()
    command = " ".join(["python -m benches.peers", *arguments])

    def tell(record: Record) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {as_text(record)}", file=sys.stderr, flush=True)

    records: list[Record] = []
    for shape in shapes:  # what is measured is written: a run may be ended between two
        records += measure(Tour(peers, [shape], sizes, told.seconds, told.limit), tell=tell)
        if told.write:
            write({"command": command, "machine": machine(), "records": [asdict(record) for record in records]})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
