"""Floor 4, compiler: outcomes: what the fast path's search gives, one object a leaf, from which decisions are made."""

from __future__ import annotations

import datetime as dt
from typing import Any

from abac.compiler.carried import Carried, carried_by_leaf, may_fail, obligations_of
from abac.compiler.graph import Leaf
from abac.model.decision import NO_RULE_APPLIES, Decision, Duty, Effect
from abac.model.schema import DutyKind


class Outcome:
    """A leaf as generated code returns it; it is the source of the decisions by it.

    Attributes:
        obligations: ids of a permit's obligations, or None where `oblige` tells them.
        decision: what every decision by the leaf is at every instant, or None where the request fills something in.
        capture, oblige: what takes the values that a decision is made of, and tells a permit's obligations, of forms and of plain dicts,
            with and without noting when they change; called with the request's parts, the memo and the row beside it (`row`, `owed` …).
    """

    __slots__ = (
        "capture", "capture_plain", "carried", "code", "decision", "digest", "effect", "leaf", "obligations", "oblige", "oblige_plain",
        "oblige_plain_timed", "oblige_timed", "owed", "owed_plain", "owed_plain_timed", "owed_timed", "policy", "row", "row_plain", "rule",
    )  # fmt: skip

    def __init__(self, leaf: Leaf, digest: str) -> None:
        self.leaf, self.effect, self.digest = leaf, leaf.effect, digest
        self.rule = leaf.rule.name if leaf.rule else None
        self.policy = leaf.around[0].name
        self.code = leaf.rule.code if leaf.rule else NO_RULE_APPLIES
        self.carried: Carried = carried_by_leaf(leaf)
        self.obligations = None if may_fail(leaf) else frozenset(clause.id for clause in obligations_of(leaf))
        self.capture: Any = None
        self.capture_plain: Any = None
        self.oblige: Any = None
        self.oblige_plain: Any = None
        self.oblige_timed: Any = None
        self.oblige_plain_timed: Any = None
        self.row = self.row_plain = self.owed = self.owed_plain = self.owed_timed = self.owed_plain_timed = ()
        self.decision = decision(self, (), None) if self.carried.fixed else None

    def reason(self, values: tuple[Any, ...]) -> str:
        return self.carried.reason(values)

    def cite(self, values: tuple[Any, ...]) -> tuple[str, ...]:
        return self.carried.cite(values)

    def duties(self, values: tuple[Any, ...], kind: DutyKind) -> tuple[Duty, ...]:
        return self.carried.made(values, kind)


def decision(source: Any, values: tuple[Any, ...], until: dt.datetime | None) -> Decision:
    """The decision by a source, for the values that were taken."""
    made = Decision.__new__(Decision)
    made._source, made._values, made._unknown, made._until, made._made = source, values, (), until, None
    return made


def nothing_applies(policy: str, digest: str) -> Decision:
    return Decision(
        effect=Effect.NOT_APPLICABLE, rule=None, policy=policy, code=NO_RULE_APPLIES, reason=f"no rule of {policy} applies", digest=digest
    )
