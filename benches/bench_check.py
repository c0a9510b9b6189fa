"""Benches, with pytest-benchmark: kept decisions by identifiers, and an empty call beside them.

python -m pytest benches -o python_files='bench_*.py' -o python_functions='bench_*'
"""

from __future__ import annotations

from typing import Any

import pytest

from benches.checks import ATTRIBUTES, Service, calls_of, engine_of


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def bench_cached_check(attributes: int, benchmark: Any) -> None:
    engine, calls = engine_of(attributes), calls_of(attributes)
    for call in calls_of(attributes):
        engine.check(*call)
    check = engine.check
    benchmark(lambda: [check(s, a, r, c) for s, a, r, c in calls])
    assert engine.statistics.misses == len(calls)


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def bench_empty_call(attributes: int, benchmark: Any) -> None:
    empty, calls = Service().nothing, calls_of(attributes)
    benchmark(lambda: [empty(s, a, r, c) for s, a, r, c in calls])
