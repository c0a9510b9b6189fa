"""Benches: how long a policy takes to load and how much memory it then holds, each in a process of its own.

`python -m benches.synthetic.load SHAPE RULES` prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benches.budgets import DATA, LOAD_SECONDS, MEMORY_GROWTH, TRUSTED
from benches.figures import Figure
from benches.synthetic.families import FAMILIES
from benches.synthetic.shape import Workload, parts
from benches.synthetic.shapes import SHAPES

MEASURES = {"load", "load-kept", "memory"}
ROOT = Path(__file__).parents[2]
WARM = """package warm
entity E key id { id: String }
context { clock at: Instant }
action act: E -> E
policy p: deny-overrides { permit r when subject.id == "" }
"""
"""Loaded first, so that what the first load alone takes (reading the grammar, say) is not counted."""


@dataclass(frozen=True, slots=True)
class Load:
    """
    Attributes:
        seconds: of processor time.
        held: bytes that the engine holds: what Python allocated while loading again and did not give back.
        peak: the most bytes that were in use at once while loading again.
        text: bytes of the policy.
        trusted, data: seconds of a load from the compile cache, and from the checked package as data.
        resident: bytes of the process at its peak, when it had loaded once from text and measured nothing else yet.
    """

    seconds: float
    held: int
    peak: int
    text: int
    trusted: float = 0.0
    data: float = 0.0
    resident: int = 0


def load_of(shape: str, rules: int) -> Load:
    """Measured in another process.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", "benches.synthetic.load", shape, str(rules)]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Load(**json.loads(told))


def as_figures(shape: str, loads: Mapping[int, Load]) -> Iterator[Figure]:
    """By rules. What a rule holds is compared with what it holds at 1,000 rules."""
    for rules, load in loads.items():
        budget = LOAD_SECONDS if rules == 10_000 else None
        yield Figure("load", shape, "`Engine.from_text`, in a new process", "s", load.seconds, budget=budget, rules=rules)
        if load.trusted:
            yield from _kept(shape, rules, load)
        if load.resident:
            yield Figure("memory", shape, "of the process at its peak, loaded from text once", "MB", load.resident / 1e6, rules=rules)
        yield Figure("memory", shape, "in use while loading, a rule", "bytes", load.peak / rules, rules=rules)
        each, made = load.held / rules, Figure("memory", shape, "held by a rule / at 1,000 rules", "bytes", load.held / rules, rules=rules)
        if rules > 1_000 and 1_000 in loads:
            least = loads[1_000].held / 1_000
            made = replace(made, against=least, ratio=each / least, budget=MEMORY_GROWTH)
        yield made


def _kept(shape: str, rules: int, load: Load) -> Iterator[Figure]:
    judged = rules >= 10_000
    for what, seconds, budget in (("compile cache", load.trusted, TRUSTED), ("the package as data", load.data, DATA)):
        made = Figure("load-kept", shape, f"{what} / from text", "s", seconds, load.seconds, rules=rules)
        yield replace(made, ratio=seconds / load.seconds, budget=budget if judged else None)


def _decides(permits: Callable[..., bool], work: Workload) -> None:
    """What is loaded answers as the oracle does.

    Raises:
        AssertionError: it does not.
    """
    asked = work.hot[:8]
    assert [permits(*parts(request)) for request in asked] == work.expected(asked)


def _from_cache(work: Workload) -> tuple[float, float]:
    """Seconds to load from the compile cache, and from the checked package as data."""
    from abac.compiler import compile_package
    from abac.engine.folder import Folder
    from abac.engine.pipeline import load_paths
    from abac.language.stored import dump, load

    with tempfile.TemporaryDirectory() as made:
        policy, folder = Path(made, "synthetic", "main.abac"), Folder(Path(made, "cache"))
        policy.parent.mkdir()
        policy.write_text(work.text, encoding="utf-8")
        package = dump(load_paths([policy], cache=folder).package)
        ways: list[Callable[[], Any]] = [lambda: load_paths([policy], cache=folder), lambda: compile_package(load(package))]
        for way in ways:
            _decides(way().permits, work)
        trusted, data = map(_median, ways)
        return trusted, data


def _median(load: Callable[[], object], times: int = 3) -> float:
    spent = []
    for _ in range(times):
        gc.collect()
        begun = time.process_time()
        load()
        spent.append(time.process_time() - begun)
    return median(spent)


def _resident() -> int:
    """The most memory that this process has had; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE) if status.exists() else None
    return 0 if found is None else int(found[1]) * 1024


def main(arguments: Sequence[str]) -> int:
    name, rules = arguments
    work = Workload({**SHAPES, **FAMILIES}[name], int(rules))
    text = work.text
    from abac import Engine  # only in the process that measures it

    Engine.from_text(WARM)
    begun = time.process_time()
    first = Engine.from_text(text)
    seconds, resident = time.process_time() - begun, _resident()
    _decides(first.permits, work)
    del first
    trusted, data = _from_cache(work)
    gc.collect()
    tracemalloc.start(1)
    engine = Engine.from_text(text)
    gc.collect()
    held, peak = tracemalloc.get_traced_memory()
    assert engine.digest
    print(json.dumps(asdict(Load(seconds, held, peak, len(text.encode()), trusted, data, resident))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
