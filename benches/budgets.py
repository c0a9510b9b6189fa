"""Benches: every budget, as a ratio of two things timed in one run where there is anything to compare with.

`BENCHMARKS` names what measures each; `python -m benches --only NAME` runs one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BY_HAND, DECIDE, PLAIN, DAMAGED = 1.3, 1.5, 2.5, 5.0
IMPORT_MILLISECONDS = 150.0
MISSING_KEY_NANOSECONDS = 1_000_000.0
"""A request without the attribute that all rules are filed under, at any size."""

LOAD_SECONDS = 10.0
"""From the text of 10,000 rules to an engine that decides."""

TRUSTED, DATA = 0.05, 0.25
"""Processor time of a load from the compile cache over that from text, in one process; and from the checked package as data, of which
everything is compiled."""

MEMORY_GROWTH = 1.2
"""Bytes a rule at 10,000 rules over 1,000: memory is linear. What a policy of no rules takes is in neither."""

CHECK_CALLS, CHECK_ATTRIBUTE_NANOSECONDS = 5.0, 100.0
"""A kept decision by identifiers: empty calls, and beyond them time for each attribute of the context that is read."""

BYTES_KEPT = 1.0
"""What a request may leave behind, on average over many that are never seen again."""

PEERS: Mapping[int, float] = {10: 12.0, 1_000: 100.0, 10_000: 240.0}
"""How many times as long the fastest of the other engines must take, by rules."""


def wide(rules: float) -> float:
    """Nanoseconds where a request finds so many rules that no index tells apart."""
    return 1_000.0 + 50.0 * rules


@dataclass(frozen=True, slots=True)
class Benchmark:
    """
    Attributes:
        measures: what, and of what: packs, shapes, families, or peers.
        budget: in words, as the report prints it; empty for information.
    """

    measures: str
    budget: str = ""


BENCHMARKS: Mapping[str, Benchmark] = {
    "by-hand": Benchmark("`permits` on validated requests over the same policy by hand; packs and shapes at every size", f"{BY_HAND}×"),
    "decide": Benchmark("`decide` over `permits`; packs and shapes at every size", f"{DECIDE}×"),
    "plain-dicts": Benchmark("`permits` on plain dicts over code by hand without checks; packs and shapes at every size", f"{PLAIN}×"),
    "one-missing": Benchmark("a request with one attribute missing or mistyped over the same complete; packs and shapes", f"{DAMAGED:g}×"),
    "missing-key": Benchmark("a request without the attribute that rules are filed under; shapes at every size", "1 ms"),
    "growth-hot": Benchmark("median of 64 requests over that at 10 rules (mixed: 100); shapes", "1.5×; nested ranges 2×, windows 1.7×"),
    "growth-cold": Benchmark("median of 4,000 requests over that at 10 rules (mixed: 100); shapes", "3×; windows and mixed 4.5×"),
    "raw-json": Benchmark("bytes in, bool out, over reading the JSON and code by hand; shapes at every size"),
    "worst-cases": Benchmark(
        "worst cases, median of 64 requests; families", "1 µs + 50 ns for each rule that no index tells apart; missing key 1 ms"
    ),
    "memory-kept": Benchmark("what requests with values that never come again leave behind", f"{BYTES_KEPT:g} byte each"),
    "check": Benchmark(
        "`check` of kept decisions over an empty call; the clock and counters are in it",
        f"{CHECK_CALLS:g}× + {CHECK_ATTRIBUTE_NANOSECONDS / 1_000:g} µs for each attribute of the context that is read",
    ),
    "load": Benchmark("load: from text to an engine; packs, shapes and families", f"{LOAD_SECONDS:g} s at 10,000 rules"),
    "load-kept": Benchmark(
        "from the compile cache, and from the package as data, over from text; 10,000 rules",
        f"{TRUSTED:.0%}; data {DATA:.0%}",
    ),
    "memory": Benchmark("memory: bytes a rule at 10,000 rules over 1,000", f"{MEMORY_GROWTH}×"),
    "import": Benchmark("`import abac` over a bare interpreter", f"{IMPORT_MILLISECONDS:g} ms"),
    "making": Benchmark("`subject`, `resource` and `context`, which read a request once, over `permits` on the same plain dicts; packs"),
    "reference": Benchmark("the reference evaluator over compiled code; packs"),
    "peers": Benchmark(
        "the fastest of the other engines over `permits`, both from plain dicts; shapes",
        "at least 12× at 10 rules, 100× at 1,000, 240× at 10,000",
    ),
}
