"""Benches: runs sources under callgrind, one process each, two at a time, and reads how many instructions each batch took."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRIGGER = re.compile(r"^desc: Trigger: Client Request: (.+)$", re.MULTILINE)
TOTALS = re.compile(r"^totals: ([0-9]+)$", re.MULTILINE)
OPTIONS = ("--tool=callgrind", "--instr-atstart=no", "--dump-line=no", "--quiet")
ALWAYS = {"PYTHONHASHSEED": "0"}
"""Where memory lies needs no fixing: valgrind lays it out itself, and alike each time."""


class CannotCount(Exception):
    """Why; for people."""


def unsuitable() -> str | None:
    """Why nothing can be counted on this kind of machine, whatever is installed."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"instructions are counted on Linux x86_64 alone, and this is {platform.system()} {platform.machine()}"
    return None


def valgrind() -> str:
    """Raises: CannotCount: it is not installed."""
    program = shutil.which("valgrind")
    if program is None:
        raise CannotCount("valgrind is not installed, and counts the instructions; on Debian and Ubuntu: apt-get install valgrind")
    return program


def count(sources: Sequence[str], tell: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Instructions a call, of every batch of the sources, by `source: batch`.

    Raises:
        CannotCount: valgrind is not there, or a process failed.
    """
    program = valgrind()

    def counted(source: str) -> Mapping[str, int]:
        found = _in_process(program, source)
        tell(source)
        return {f"{source}: {name}": number for name, number in found.items()}

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return {name: number for found in pool.map(counted, sources) for name, number in found.items()}


def _in_process(program: str, source: str) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "counts"
        command = [program, *OPTIONS, f"--callgrind-out-file={out}", sys.executable, "-m", "benches.instructions.child", source]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ALWAYS}, capture_output=True, text=True)
        if done.returncode:
            raise CannotCount(f"{source}: the process that is counted ended with {done.returncode}: {done.stderr[-2000:]}")
        calls: Mapping[str, int] = json.loads(done.stdout.splitlines()[-1])
        least = read_dumps(path.read_text("utf-8") for path in Path(folder).glob("counts.*"))
    if set(least) != set(calls):
        raise CannotCount(f"{source}: counted {sorted(least)}, expected {sorted(calls)}")
    return {name: round(least[name] / calls[name]) for name in calls}


def read_dumps(dumps: Iterable[str]) -> dict[str, int]:
    """By name the least count: the first run of a batch under instrumentation may still make something on first use."""
    least: dict[str, int] = {}
    for text in dumps:
        trigger, totals = TRIGGER.search(text), TOTALS.search(text)
        if trigger is not None and totals is not None:
            least[trigger[1]] = min(int(totals[1]), least.get(trigger[1], int(totals[1])))
    return least
