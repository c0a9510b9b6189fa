"""Benches: what is measured, against what, and how much it may take."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from abac import Engine
from abac.compiler.runtime import HandOver
from abac.model.request import Request
from abac.model.values import CauseKind, EntityValue, RecordValue, Unknown
from benches.timing import Batch, import_times, interleaved, ratio
from benches.workloads import Workload, memo_of

HAND_WRITTEN, DECIDE, PLAIN, DAMAGED = 1.3, 1.5, 2.5, 5.0
"""Budgets, as ratios."""

IMPORT_MILLISECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        unit: of `value`, `against` and, where `ratio` is None, `budget`.
        value, against: the best round, of a request or of what is done once.
        ratio: the median over the rounds.
        budget: the ratio, or the value if there is none, may be at most this; None: for information.
    """

    policy: str
    what: str
    unit: str
    value: float
    against: float | None = None
    ratio: float | None = None
    budget: float | None = None

    @property
    def met(self) -> bool | None:
        measured = self.value if self.ratio is None else self.ratio
        return None if self.budget is None else measured <= self.budget

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def decisions(work: Workload, rounds: int) -> list[Figure]:
    """`permits` and `decide`, on both forms of the requests, against hand-written code and each other."""
    permits, decide, discharges = work.code.permits, work.code.decide, work.obligations
    read, entities, calls, engine = work.read, work.entities, work.calls, work.engine
    broken, whole = damaged(work)
    plainly_broken = [_without(call, place) for call, place in _broken_calls(work)]
    batches: dict[str, Batch] = {
        "permits": lambda: [permits(request, discharges) for request in read],
        "permits by hand": lambda: [work.by_hand_entities(s, a, r, c, now) for s, a, r, c, now in entities],
        "decide": lambda: [decide(request) for request in read],
        "plain": lambda: [engine.permits(s, a, r, c, at=now) for s, a, r, c, now in calls],
        "plain by hand": lambda: [work.by_hand(s, a, r, c, now) for s, a, r, c, now in calls],
        "broken": lambda: [permits(request, discharges) for request in broken],
        "whole": lambda: [permits(request, discharges) for request in whole],
    }
    del plainly_broken
    spent = interleaved(batches, rounds)
    count = len(read)

    def figure(what: str, mine: str, theirs: str, budget: float, each: int = count) -> Figure:
        best = [min(spent[name]) / each for name in (mine, theirs)]
        return Figure(work.name, what, "ns", best[0], best[1], ratio(spent[mine], spent[theirs]), budget)

    return [
        figure("`permits`, validated request / by hand", "permits", "permits by hand", HAND_WRITTEN),
        figure("`decide` / `permits`, validated request", "decide", "permits", DECIDE),
        figure("`permits`, plain dicts / by hand without checks", "plain", "plain by hand", PLAIN),
        figure("one missing attribute / complete, validated request", "broken", "whole", DAMAGED, len(broken)),
    ]
