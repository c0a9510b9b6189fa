"""Benches: measures what was asked for, one policy after another, so that no more than one shape is loaded at once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benches.budgets import BENCHMARKS
from benches.checks import checked
from benches.figures import Figure
from benches.imports import import_time
from benches.packs.measures import against_reference, decisions, load_time, making
from benches.packs.workloads import SOURCES, workload
from benches.synthetic import load, measures, worst_cases
from benches.synthetic.families import FAMILIES
from benches.synthetic.loaded import Loaded
from benches.synthetic.measures import Effort
from benches.synthetic.shape import Shape, Workload
from benches.synthetic.shapes import SHAPES

SIZES = (10, 100, 1_000, 10_000)
NAMES = (*SOURCES, *SHAPES, *FAMILIES)
MEASURED_FOR_LOAD = ("per_resource", "mixed")
KEEPS_NOTHING = "random_values"
OF_NO_POLICY = ("check", "import")
"""Benchmarks of none of the names."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Attributes:
        names: of packs, shapes and families.
        only: of benchmarks.
        largest: rules of the largest policy of a shape. Beyond 10,000 one such policy is loaded and nothing else is measured of it.
        family: rules of a family.
        requests: of a pack.
    """

    names: Sequence[str] = NAMES
    only: Sequence[str] = tuple(BENCHMARKS)
    largest: int = 10_000
    family: int = 1_000
    requests: int = 1_000
    effort: Effort = field(default_factory=Effort)

    @property
    def sizes(self) -> list[int]:
        return [rules for rules in SIZES if rules <= self.largest]


def measure(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Iterator[Figure]:
    """All figures that the plan asks for. `tell` hears what is being measured.

    Raises:
        AssertionError: engine, oracle and hand-written code do not answer alike: there is nothing to compare.
    """
    for name in plan.names if set(plan.only) - set(OF_NO_POLICY) else ():
        tell(name)
        if name in SOURCES:
            found = _pack(name, plan)
        elif name in SHAPES:
            found = _shape(SHAPES[name], plan)
        else:
            found = _family(FAMILIES[name], plan)
        yield from (figure for figure in found if figure.benchmark in plan.only)
        gc.collect()
    if "check" in plan.only:
        yield from checked(plan.effort.rounds)
    if "import" in plan.only:
        yield import_time(plan.effort.rounds)


def _pack(name: str, plan: Plan) -> Iterator[Figure]:
    work, rounds = workload(name, plan.requests), plan.effort.rounds
    _agree(work.disagreements())
    yield from decisions(work, rounds)
    if "making" in plan.only:
        yield making(work, min(rounds, 3))
    if "reference" in plan.only:
        yield against_reference(work, min(rounds, 3))
    if "load" in plan.only:
        yield load_time(work, min(rounds, 3))


def _shape(shape: Shape, plan: Plan) -> Iterator[Figure]:
    if shape.name in MEASURED_FOR_LOAD and load.MEASURES & set(plan.only):
        sizes = sorted({rules for rules in (*plan.sizes, plan.largest) if rules >= 1_000})
        yield from load.as_figures(shape.name, {rules: load.load_of(shape.name, rules) for rules in sizes})
    wanted = [
        measured for name, measured in measures.MEASURES.items() if name in plan.only or (name == "by-hand" and "decide" in plan.only)
    ]
    if wanted:
        sizes_loaded = {rules: Loaded(Workload(shape, rules)) for rules in plan.sizes}
        for loaded in sizes_loaded.values():
            _agree(loaded.disagreements())
        for measured in wanted:
            yield from measured(sizes_loaded, plan.effort)


def _family(shape: Shape, plan: Plan) -> Iterator[Figure]:
    if load.MEASURES & set(plan.only):
        yield from load.as_figures(shape.name, {plan.family: load.load_of(shape.name, plan.family)})
    if {"worst-cases", "memory-kept"} & set(plan.only):
        loaded = Loaded(Workload(shape, plan.family))
        _agree(loaded.disagreements())
        yield from worst_cases.worst_case(loaded, plan.effort)
        if shape.name == KEEPS_NOTHING:
            yield from worst_cases.memory_kept(loaded, plan.effort)


def _agree(disagreements: list[str]) -> None:
    if disagreements:
        raise AssertionError("\n".join(disagreements[:20]))
