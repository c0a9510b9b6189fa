"""Benches: where the time of `permits` goes."""

from __future__ import annotations

import cProfile
import io
import pstats

from benches.workloads import Workload

LINES = 25


def profile(work: Workload) -> str:
    """The functions that take most time of their own, for validated requests and for plain dicts."""
    permits, engine, discharges = work.code.permits, work.engine.permits, work.obligations
    validated, plain = cProfile.Profile(), cProfile.Profile()
    with validated:
        for request in work.read:
            permits(request, discharges)
    with plain:
        for subject, action, resource, context, now in work.calls:
            engine(subject, action, resource, context, at=now)
    return f"{_told('validated requests', validated)}\n{_told('plain dicts', plain)}"


def _told(title: str, profiled: cProfile.Profile) -> str:
    text = io.StringIO()
    pstats.Stats(profiled, stream=text).strip_dirs().sort_stats("tottime").print_stats(LINES)
    return f"{title}\n{text.getvalue().strip()}\n"
