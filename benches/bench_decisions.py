"""Benches, with pytest-benchmark: the same batches one by one, with their distributions.

python -m pytest benches -o python_files='bench_*.py' -o python_functions='bench_*'
"""

from __future__ import annotations

from typing import Any

import pytest

from benches.packs.workloads import SOURCES, Workload, workload


@pytest.fixture(params=SOURCES)
def work(request: pytest.FixtureRequest) -> Workload:
    made = workload(request.param)
    assert not made.disagreements()
    return made


def bench_permits_of_validated_requests(work: Workload, benchmark: Any) -> None:
    permits, entities = work.engine.permits, work.entities
    benchmark(lambda: [permits(s, a, r, c, at=now) for s, a, r, c, now in entities])


def bench_permits_by_hand_of_validated_requests(work: Workload, benchmark: Any) -> None:
    permits, entities = work.by_hand_entities, work.entities
    benchmark(lambda: [permits(*parts) for parts in entities])


def bench_decide_of_validated_requests(work: Workload, benchmark: Any) -> None:
    decide = work.code.decide_request
    benchmark(lambda: [decide(request) for request in work.read])


def bench_permits_of_plain_dicts(work: Workload, benchmark: Any) -> None:
    permits = work.engine.permits
    benchmark(lambda: [permits(s, a, r, c, at=now) for s, a, r, c, now in work.calls])


def bench_permits_by_hand_of_plain_dicts(work: Workload, benchmark: Any) -> None:
    permits = work.by_hand
    benchmark(lambda: [permits(*parts) for parts in work.calls])
