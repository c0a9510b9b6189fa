"""Benches: times several functions in one run, turn by turn, so that whatever else the machine does meets them alike."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Batch = Callable[[], object]


def interleaved(batches: Mapping[str, Batch], rounds: int) -> dict[str, list[int]]:
    """Nanoseconds of each batch in each round. The order changes from round to round, and a first round is not counted."""
    spent: dict[str, list[int]] = {name: [] for name in batches}
    order = list(batches)
    was_enabled = gc.isenabled()
    for each in batches.values():
        each()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name in order:
                batch = batches[name]
                start = time.perf_counter_ns()
                batch()
                spent[name].append(time.perf_counter_ns() - start)
            order.append(order.pop(0))
    finally:
        if was_enabled:
            gc.enable()
    return spent


def ratio(spent: list[int], against: list[int]) -> float:
    """The median over the rounds: both were timed in each."""
    return median(mine / theirs for mine, theirs in zip(spent, against, strict=True))


def import_times(rounds: int) -> dict[str, list[int]]:
    """Nanoseconds that an interpreter runs, bare and with `import abac`."""
    return interleaved({"bare": lambda: _python("pass"), "import abac": lambda: _python("import abac")}, rounds)


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
