"""Benches: what instructions are counted of: fixed requests of packs, and of shapes at two sizes; and loading a small policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from abac import Engine
from benches.packs.damage import damaged
from benches.packs.workloads import validated, workload
from benches.synthetic.loaded import NOW, Loaded
from benches.synthetic.requests import Damage
from benches.synthetic.shape import Workload
from benches.synthetic.shapes import SHAPES
from benches.timing import Batch

REQUESTS, FEW = 32, 2
"""Distinct requests of a batch; of those that take a hundred times as long."""
SMALL, LARGE = 10, 1_000
Call = tuple[Any, ...]
"""Subject, action, resource, context, clock."""


@dataclass(frozen=True, slots=True)
class Counted:
    """
    Attributes:
        calls: how many decisions one batch makes.
    """

    batch: Batch
    calls: int


def _pack(name: str) -> dict[str, Counted]:
    work = workload(name, REQUESTS)
    broken = [validated(work.engine, call) for _, call, _ in damaged(work)[:FEW]]
    return {
        **_decisions(work.engine, work.entities, work.calls, broken),
        "explain": _of(work.engine.explain, work.entities[:FEW]),
    }


def _shape(name: str) -> dict[str, Counted]:
    found = {}
    for rules in (SMALL, LARGE):
        loaded = Loaded(Workload(SHAPES[name], rules))
        whole, plain = loaded.hot[:REQUESTS], loaded.hot_calls[:REQUESTS]
        broken = loaded.validated(loaded.damaged(Damage.MISSING)[:FEW])
        entities, dicts, few = ([(*call, NOW) for call in calls] for calls in (whole, plain, broken))
        made = _decisions(loaded.engine, entities, dicts, few)
        found.update({f"{batch}, {rules:,} rules": counted for batch, counted in made.items()})
    return found


def _decisions(engine: Engine, entities: Sequence[Call], plain: Sequence[Call], broken: Sequence[Call]) -> dict[str, Counted]:
    return {
        "permits": _of(engine.permits, entities),
        "permits, plain dicts": _of(engine.permits, plain),
        "permits, one missing": _of(engine.permits, broken),
        "decide": _of(engine.decide, entities),
    }


def _load() -> dict[str, Counted]:
    """Of the shape that has the most kinds of rules."""
    texts = {rules: Workload(SHAPES["mixed"], rules).text for rules in (SMALL, 4 * SMALL)}
    return {f"from text, {rules:,} rules": Counted(partial(Engine.from_text, text), 1) for rules, text in texts.items()}


def _of(ask: Callable[..., object], calls: Sequence[Call]) -> Counted:
    return Counted(lambda: [ask(s, a, r, c, at=now) for s, a, r, c, now in calls], len(calls))


SOURCES: Mapping[str, Callable[[], dict[str, Counted]]] = {
    **{name: partial(_shape, name) for name in ("hierarchy", "set_overlap", "mixed", "int_ranges", "per_resource")},
    **{name: partial(_pack, name) for name in ("saas", "hospital", "export_control")},
    "load": _load,
    "ten_rules": partial(_pack, "ten_rules"),
}
"""Each is counted in a process of its own; those that take longest come first."""
