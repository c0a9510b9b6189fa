"""Benches: what `import abac` adds to a bare interpreter."""

from __future__ import annotations

import statistics
from dataclasses import replace

from benches.budgets import IMPORT_MILLISECONDS
from benches.figures import NANOSECONDS, Figure
from benches.profiles import imports
from benches.timing import import_times


def import_time(rounds: int) -> Figure:
    spent = import_times(rounds)
    added = statistics.median(mine - bare for mine, bare in zip(spent["import abac"], spent["bare"], strict=True))
    made = Figure("import", "", "`import abac` over a bare interpreter", "ms", added / NANOSECONDS["ms"], budget=IMPORT_MILLISECONDS)
    return made if made.met else replace(made, why=imports())
