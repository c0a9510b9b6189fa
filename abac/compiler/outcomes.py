"""Floor 4, compiler: outcomes: what the fast path's search gives, one object a leaf, from which decisions are made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from abac.compiler.carried import Carried, carried_by_leaf, is_fixed, may_fail, obligations_of
from abac.compiler.graph import Leaf
from abac.compiler.runtime import HORIZON
from abac.model.decision import NO_RULE_APPLIES, Decision, Duty, Effect
from abac.model.schema import DutyKind


@dataclass(frozen=True, slots=True)
class Facts:
    """What an outcome knows of its leaf at once; the rest it asks for when somebody wants to read it.

    Attributes:
        fixed: whether nothing that decisions carry depends on the request.
        owed: ids of the obligations of a decision; None where the request tells them.
    """

    number: int
    effect: Effect
    rule: str | None
    policy: str
    code: str
    fixed: bool
    owed: frozenset[str] | None

    @classmethod
    def of(cls, leaf: Leaf) -> Facts:
        owed = None if may_fail(leaf) else frozenset(clause.id for clause in obligations_of(leaf))
        rule, code = (leaf.rule.name, leaf.rule.code) if leaf.rule else (None, NO_RULE_APPLIES)
        return cls(leaf.number, leaf.effect, rule, leaf.around[0].name, code, is_fixed(leaf), owed)


class Outcome:
    """A leaf as generated code returns it; it is the source of the decisions by it.

    Attributes:
        facts: of its leaf; `leaf_of` gives the leaf by its number.
        decision: what every decision by the leaf is at every instant, or None where the request fills something in.
        stands: whether `permits` says yes, for what the caller discharges; None where the request tells what a permit obliges to.
        capture, oblige: what takes the values that a decision is made of, and tells a permit's obligations, of forms and of plain dicts,
            with and without noting when they change; called with the request's parts, the memo and the row beside it (`row`, `owed` …).
    """

    __slots__ = (
        "_carried", "capture", "capture_plain", "code", "decision", "digest", "effect", "facts", "leaf_of", "oblige", "oblige_plain",
        "oblige_plain_timed", "oblige_timed", "owed", "owed_plain", "owed_plain_timed", "owed_timed", "policy", "row", "row_plain", "rule",
        "stands",
    )  # fmt: skip

    def __init__(self, facts: Facts, leaf_of: Callable[[int], Leaf], digest: str, discharges: frozenset[str]) -> None:
        self.facts, self.leaf_of, self.digest = facts, leaf_of, digest
        self.effect, self.rule, self.policy, self.code = facts.effect, facts.rule, facts.policy, facts.code
        self._carried: Carried | None = None
        self.stands = facts.effect is Effect.PERMIT and facts.owed <= discharges if facts.owed is not None else None
        self.capture: Any = None
        self.capture_plain: Any = None
        self.oblige: Any = None
        self.oblige_plain: Any = None
        self.oblige_timed: Any = None
        self.oblige_plain_timed: Any = None
        self.row = self.row_plain = self.owed = self.owed_plain = self.owed_timed = self.owed_plain_timed = ()
        self.decision = decision(self, (), None) if facts.fixed else None

    @property
    def carried(self) -> Carried:
        """What decisions carry; the same whoever makes it first."""
        if self._carried is None:
            self._carried = carried_by_leaf(self.leaf_of(self.facts.number))
        return self._carried

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


def decided(outcome: Outcome, subject: Any, action: Any, resource: Any, context: Any, memo: Any) -> Decision:
    """The decision by an outcome, of a request of forms."""
    if outcome.decision is None:
        values = outcome.capture(subject, action, resource, context, memo, outcome.row)
        return decision(outcome, values, _horizon(memo))
    return outcome.decision if _horizon(memo) is None else outcome.decision.until(_horizon(memo))


def decided_plain(outcome: Outcome, subject: Any, action: Any, resource: Any, context: Any, memo: Any) -> Decision:
    """The same of plain dicts."""
    if outcome.decision is None:
        values = outcome.capture_plain(subject, action, resource, context, memo, outcome.row_plain)
        return decision(outcome, values, _horizon(memo))
    return outcome.decision if _horizon(memo) is None else outcome.decision.until(_horizon(memo))


def _horizon(memo: Any) -> dt.datetime | None:
    return None if memo is None else memo[HORIZON]


def nothing_applies(policy: str, digest: str) -> Decision:
    return Decision(
        effect=Effect.NOT_APPLICABLE, rule=None, policy=policy, code=NO_RULE_APPLIES, reason=f"no rule of {policy} applies", digest=digest
    )
