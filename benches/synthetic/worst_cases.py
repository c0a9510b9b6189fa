"""Benches: what is measured of the families: decisions with few requests and with many, loading, and what requests leave behind."""

from __future__ import annotations

import gc
import itertools
import statistics
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

from benches.budgets import BYTES_KEPT, MISSING_KEY_NANOSECONDS, wide
from benches.figures import Figure, percentile, percentiles
from benches.profiles import profiled
from benches.synthetic import oracle
from benches.synthetic.loaded import NOW, Loaded
from benches.synthetic.measures import Effort, deciding
from benches.synthetic.requests import Damage, Requests
from benches.synthetic.shape import parts
from benches.timing import latencies

OPAQUE = frozenset({"nested_opaque", "wide_1", "wide_10", "wide_100", "wide_comparisons", "hot_value", "late_denies"})
"""Families of rules that no index tells apart."""


def worst_case(loaded: Loaded, effort: Effort) -> Iterator[Figure]:
    """Of OPAQUE families the budget counts the rules that a request finds, on average; of `missing_key` it is that of the shapes."""
    taken = latencies({"hot": deciding(loaded, loaded.hot), "cold": deciding(loaded, loaded.cold)}, effort.rounds, effort.seconds)
    budget = None
    if loaded.of in OPAQUE:
        keys = loaded.work.shape.keys
        budget = wide(statistics.mean(oracle.candidates(loaded.work.policy, request, keys) for request in loaded.work.hot))
    yield _figure(loaded, "median of 64 requests", taken["hot"], budget)
    yield _figure(loaded, "median of 4,000 requests", taken["cold"], None)
    if loaded.of == "missing_key":
        each = latencies({"": deciding(loaded, loaded.validated(loaded.damaged(Damage.KEY)))}, effort.rounds, effort.seconds)[""]
        yield _figure(loaded, f"{Damage.KEY}, validated", each, MISSING_KEY_NANOSECONDS)


def _figure(loaded: Loaded, what: str, taken: list[float], budget: float | None) -> Figure:
    made = Figure(
        "worst-cases", loaded.of, what, "ns", percentile(taken, 50), budget=budget, rules=loaded.rules, percentiles=percentiles(taken)
    )
    if made.met is not False:
        return made
    return replace(made, why=profiled(lambda: deciding(loaded, loaded.hot)(lambda: 0)))


WARM, MANY = 2_000, 20_000
"""Requests before memory is looked at, and between that and the second look."""


def memory_kept(loaded: Loaded, effort: Effort) -> Iterator[Figure]:
    """Bytes that each request leaves behind, of many that bring values never seen before."""
    permits, stream = loaded.engine.permits, iter(Requests(loaded.work.policy, loaded.work.seed))
    tracemalloc.start()
    try:
        held = [_held(permits, itertools.islice(stream, count)) for count in (WARM, MANY)]
    finally:
        tracemalloc.stop()
    kept = max(0.0, (held[1] - held[0]) / MANY)
    yield Figure("memory-kept", loaded.of, "left behind by a request", "bytes", kept, budget=BYTES_KEPT, rules=loaded.rules)


def _held(permits: object, requests: Iterator[oracle.Request]) -> int:
    """Bytes in use after the requests."""
    for request in requests:
        permits(*parts(request), at=NOW)  # type: ignore[operator]  # the engine's
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
