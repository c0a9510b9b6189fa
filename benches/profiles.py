"""Benches: where time goes: the functions that take most of it themselves, generated ones by what they were made from."""

from __future__ import annotations

import cProfile
import linecache
import pstats
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benches.timing import Batch

LINES = 7
PLACE = re.compile(r", [^,]*:[0-9]+:[0-9]+$")


def profiled(batch: Batch, lines: int = LINES) -> tuple[str, ...]:
    """Share of the time, calls, and name of each."""
    profile = cProfile.Profile(time.process_time)
    with profile:
        batch()
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # documented, but not in the stubs
    own = sorted(((tottime, calls, _named(*key)) for key, (_, calls, tottime, _, _) in stats.items()), reverse=True)
    whole = sum(tottime for tottime, _, _ in own)
    return tuple(f"{tottime / whole:4.0%} {calls:>9,} calls  {name}" for tottime, calls, name in own[:lines])


def _named(filename: str, line: int, name: str) -> str:
    if filename.startswith("abac-policy-"):
        return f"{name}: {PLACE.sub('', linecache.getline(filename, line - 1).strip().removeprefix('# '))}"
    if filename == "~":  # built in
        return name
    return f"{Path(filename).name}:{line} {name}"


def imports(lines: int = LINES) -> tuple[str, ...]:
    """What `import abac` spends most time on, by module."""
    told = subprocess.run([sys.executable, "-X", "importtime", "-c", "import abac"], check=True, capture_output=True, text=True).stderr
    rows = [line.removeprefix("import time:").split("|") for line in told.splitlines()[1:]]
    own = sorted(((int(row[0]), row[2].strip()) for row in rows if row[0].strip().isdigit()), reverse=True)
    return tuple(f"{spent / 1000:6.1f} ms  {name}" for spent, name in own[:lines])
