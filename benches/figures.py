"""Benches: a figure: what was measured, against what, and how much it may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

NANOSECONDS = {"ns": 1, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        benchmark: its name in the registry.
        of: the pack, shape, family or peer; empty where it is none.
        what: what is measured, and against what.
        unit: of value and against: per request, or of what is done once.
        value, against: the best round.
        ratio: of the two, the median over the rounds.
        budget: what the ratio may be at most, or the value where nothing is compared; None: for information.
        rules: how many the policy has; None where that does not matter.
        at_least: whether the budget is what the ratio must reach.
        percentiles: of the value over the requests, such as `p99`, in the unit.
        why: the main lines of a profile, where the budget is not met.
    """

    benchmark: str
    of: str
    what: str
    unit: str
    value: float
    against: float | None = None
    ratio: float | None = None
    budget: float | None = None
    rules: int | None = None
    at_least: bool = False
    percentiles: Mapping[str, float] = field(default_factory=dict)
    why: tuple[str, ...] = ()

    @property
    def measured(self) -> float:
        return self.value if self.ratio is None else self.ratio

    @property
    def met(self) -> bool | None:
        if self.budget is None:
            return None
        return self.measured >= self.budget if self.at_least else self.measured <= self.budget

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def percentile(values: Sequence[float], share: int) -> float:
    """The least value that so many per cent of all do not exceed."""
    return sorted(values)[max(0, -(-len(values) * share // 100) - 1)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    return {f"p{share}": percentile(values, share) for share in (50, 90, 99)}
