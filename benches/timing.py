"""Benches: times several functions in one run, turn by turn, so that whatever else the machine does meets them alike."""

from __future__ import annotations

import gc
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any

if sys.platform != "win32":
    import resource

Batch = Callable[[], object]
Clock = Callable[[], int]
Stream = Callable[[Clock], list[int]]
"""Makes some calls and gives what the clock says each took."""
LONG_ENOUGH = 20_000_000
"""Nanoseconds from which a batch need not be repeated within a round."""


def interleaved(
    batches: Mapping[str, Batch], rounds: int, clock: Clock = time.process_time_ns, seconds: float = math.inf
) -> dict[str, list[float]]:
    """Nanoseconds of each batch in each round: of processor time, so that other processes count little.

    The order changes from round to round. Before the first, each batch runs once; a short one then runs several times a round. After
    so many seconds no further round begins; one is run in any case.
    """
    spent: dict[str, list[float]] = {name: [] for name in batches}
    passes = {name: max(1, LONG_ENOUGH // max(1, _spent(batch, 1, clock))) for name, batch in batches.items()}
    order = list(batches)
    with _collector_paused():
        for _ in _rounds(rounds, seconds):
            for name in order:
                spent[name].append(_spent(batches[name], passes[name], clock) / passes[name])
            order.append(order.pop(0))
    return spent


def latencies(streams: Mapping[str, Stream], passes: int, seconds: float = math.inf) -> dict[str, list[float]]:
    """Nanoseconds of each call of each stream: the best of the passes, which take turns, two at a time: what ran between finds the
    processor's caches full of other things, and a stream that is short enough to be found there is found there at the second pass.

    A single call is too short for the clock of processor time, so it is time that passes, and what reading the clock takes (the median
    of many readings with nothing between them) is subtracted.
    """
    clock = time.perf_counter_ns
    best: dict[str, list[int]] = {}
    order = list(streams)
    with _collector_paused():
        empty = median([(start := clock(), clock() - start)[1] for _ in range(10_001)])
        for name in order:
            streams[name](clock)
        for _ in _rounds(passes, seconds):
            for name in order:
                for _ in range(2):
                    taken = streams[name](clock)
                    best[name] = list(map(min, best[name], taken)) if name in best else taken
            order.append(order.pop(0))
    return {name: [max(0.0, taken - empty) for taken in best[name]] for name in streams}


def _rounds(rounds: int, seconds: float) -> Iterator[int]:
    """One, and then as many as there is time for."""
    begun = time.monotonic()
    for number in range(rounds):
        if number and time.monotonic() - begun > seconds:
            return
        yield number


@contextmanager
def _collector_paused() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _spent(batch: Batch, passes: int, clock: Clock) -> int:
    start = clock()
    for _ in range(passes):
        batch()
    return clock() - start


def ratio(spent: list[float], against: list[float]) -> float:
    """The median over the rounds: both were timed in each."""
    return median(mine / theirs for mine, theirs in zip(spent, against, strict=True))


def import_times(rounds: int) -> dict[str, list[float]]:
    """Nanoseconds that an interpreter works, bare and with `import abac`."""
    return interleaved({"bare": lambda: _python("pass"), "import abac": lambda: _python("import abac")}, rounds, _children)


def _children() -> int:
    """Processor time of the processes that were waited for; where the system does not tell it, the time that passes."""
    if sys.platform == "win32":
        return time.perf_counter_ns()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((used.ru_utime + used.ru_stime) * 1e9)


def _python(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
