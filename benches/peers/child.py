"""Benches: measures one engine with one workload, in a process of its own: what another engine leaks, locks or crashes is its own affair.

`python -m benches.peers.child PEER SHAPE RULES SECONDS` prints one JSON object. Code by hand is timed between the rounds, so that figures
from different processes can be compared: each is a ratio to the same thing. It is processor time, that of an engine's own threads included;
only the percentiles are of time that passes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benches.figures import percentiles
from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.table import PEERS
from benches.synthetic.shape import Workload, parts
from benches.synthetic.shapes import SHAPES
from benches.timing import Batch, Clock, interleaved, latencies, ratio

MANY = 1_000
"""Requests that agreement is asserted on, where the engine is quick enough."""
CHECKED = 640_000
"""Rules that the oracle looks at in one go at most, beyond the hot requests."""
PATIENCE = 10.0
"""Seconds that the engine may take to decide the hot requests for all of them to be held against the oracle; otherwise as many as fit."""


@dataclass(frozen=True, slots=True)
class Record:
    """
    Attributes:
        load: seconds that pass until the engine has decided for the first time: some prepare a policy only then.
        each: nanoseconds of processor time of a decision from a plain dict, best round.
        by_hand: the same of code by hand.
        ratio: of the two, the median over the rounds.
        percentiles: of single decisions, in nanoseconds that pass.
        timed, agreed: how many requests were timed, and how many were held against the oracle before.
        cannot: why the engine cannot express the policy; empty if it can.
        error: what failed; empty if nothing did.
    """

    peer: str
    shape: str
    rules: int
    version: str = ""
    load: float = 0.0
    each: float = 0.0
    by_hand: float = 0.0
    ratio: float = 0.0
    percentiles: dict[str, float] = field(default_factory=dict)
    timed: int = 0
    agreed: int = 0
    cannot: str = ""
    error: str = ""


def measure(peer: Peer, work: Workload, seconds: float) -> Record:
    """Raises: AssertionError: the engine does not agree with the oracle: there is nothing to compare."""
    record = Record(peer.name, work.shape.name, work.rules, installed(peer))
    policy, hot = work.policy, work.hot
    begun = time.perf_counter()
    try:
        decide = peer.build(policy)
        decide(hot[0])
        load = time.perf_counter() - begun
        begun = time.perf_counter()
        decide(hot[0])
    except CannotExpress as why:
        return Record(peer.name, work.shape.name, work.rules, record.version, cannot=str(why))
    first = time.perf_counter() - begun
    timed = min(len(hot), max(1, int(seconds / 4 / max(first, 1e-6))))  # each is decided four times at least
    agreed = agree(decide, work, min(len(hot), max(1, int(PATIENCE / max(first, 1e-6)))))
    if first * MANY < seconds:
        agreed += agree(decide, work, 0, min(MANY, CHECKED // work.rules))
    by_hand, calls, some = work.by_hand, [parts(request) for request in hot[:timed]], hot[:timed]
    batches: dict[str, Batch] = {
        "peer": lambda: [decide(request) for request in some],
        "by hand": lambda: [by_hand(*call) for call in calls],
    }
    spent = interleaved(batches, 7, seconds=seconds / 2)
    taken = latencies({"": _stream(decide, some)}, 5, seconds / 4)[""]
    best = {name: min(times) / timed for name, times in spent.items()}
    return Record(
        peer.name,
        work.shape.name,
        work.rules,
        record.version,
        load,
        best["peer"],
        best["by hand"],
        ratio(spent["peer"], spent["by hand"]),
        percentiles(taken),
        timed,
        agreed,
    )


def agree(decide: Decide, work: Workload, hot: int, cold: int = 0) -> int:
    """How many requests the engine was held against the oracle on."""
    requests = [*work.hot[:hot], *work.cold[:cold]]
    expected = work.expected(requests)
    wrong = [number for number, (request, answer) in enumerate(zip(requests, expected, strict=True)) if decide(request) is not answer]
    assert not wrong, f"disagrees with the oracle on {len(wrong)} of {len(requests)} requests, first on number {wrong[0]}"
    return len(requests)


def _stream(decide: Decide, requests: Sequence[Any]) -> Callable[[Clock], list[int]]:
    return lambda clock: [(start := clock(), decide(request), clock() - start)[2] for request in requests]


def installed(peer: Peer) -> str:
    try:
        return version(peer.distribution)
    except PackageNotFoundError:
        return ""


def main(arguments: Sequence[str]) -> int:
    peer, shape, rules, seconds = arguments
    try:
        record = measure(PEERS[peer], Workload(SHAPES[shape], int(rules)), float(seconds))
    except Exception as failure:  # told, whatever it is: the others are measured all the same
        told = f"{type(failure).__name__}: {failure}"
        record = Record(peer, shape, int(rules), installed(PEERS[peer]), error=told[:500])
    print("\n" + json.dumps(asdict(record)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
