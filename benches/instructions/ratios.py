"""Benches: what counts of one run may be beside one another, with wide margins: these hold with any Python and need no record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benches.instructions.baseline import Finding

SHAPES = ("per_resource", "int_ranges", "set_overlap", "hierarchy", "mixed")
RATIOS: Mapping[tuple[str, str], float] = {
    **{(f"{name}: permits, 1,000 rules", f"{name}: permits, 10 rules"): 6.0 if name == "mixed" else 3.0 for name in SHAPES},
    **{(f"{name}: permits, one missing, 1,000 rules", f"{name}: permits, one missing, 10 rules"): 6.0 for name in SHAPES},
    ("load: from text, 40 rules", "load: from text, 10 rules"): 5.0,
    **{(f"{name}: decide", f"{name}: permits"): 4.0 for name in ("ten_rules", "export_control", "hospital", "saas")},
}
"""Counts, and how many times the second the first may be."""


def beyond(counted: Mapping[str, int]) -> Iterator[Finding]:
    """The ratios that are not kept. A count that is not there is not compared: not everything is counted each time."""
    for (name, against), most in RATIOS.items():
        if name in counted and against in counted and counted[name] > most * counted[against]:
            ratio = counted[name] / counted[against]
            yield Finding(f"{name}: {ratio:.1f}× {against} ({counted[name]:,} and {counted[against]:,}), and at most {most:g}× is allowed")
