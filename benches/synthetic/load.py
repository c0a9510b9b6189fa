"""Benches: how long a policy takes to load and how much memory it then holds, each in a process of its own.

`python -m benches.synthetic.load SHAPE RULES` prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benches.budgets import LOAD_SECONDS, MEMORY_GROWTH
from benches.figures import Figure
from benches.synthetic.families import FAMILIES
from benches.synthetic.shape import Workload
from benches.synthetic.shapes import SHAPES

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
    """

    seconds: float
    held: int
    peak: int
    text: int


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
        yield Figure("memory", shape, "in use while loading, a rule", "bytes", load.peak / rules, rules=rules)
        each, made = load.held / rules, Figure("memory", shape, "held by a rule / at 1,000 rules", "bytes", load.held / rules, rules=rules)
        if rules > 1_000 and 1_000 in loads:
            least = loads[1_000].held / 1_000
            made = replace(made, against=least, ratio=each / least, budget=MEMORY_GROWTH)
        yield made


def main(arguments: Sequence[str]) -> int:
    name, rules = arguments
    text = Workload({**SHAPES, **FAMILIES}[name], int(rules)).text
    from abac import Engine  # only in the process that measures it

    Engine.from_text(WARM)
    begun = time.process_time()
    Engine.from_text(text)
    seconds = time.process_time() - begun
    gc.collect()
    tracemalloc.start(1)
    engine = Engine.from_text(text)
    gc.collect()
    held, peak = tracemalloc.get_traced_memory()
    assert engine.digest
    print(json.dumps(asdict(Load(seconds, held, peak, len(text.encode())))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
