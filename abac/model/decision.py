"""Floor 1, model: what is answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from abac.model.values import Cause, Value
from abac.model.wire import to_wire

INVALID_REQUEST = "invalid_request"
NO_RULE_APPLIES = "no_rule_applies"
MORE_THAN_ONE_APPLIES = "more_than_one_applies"
ENGINE_CODES = frozenset({INVALID_REQUEST, NO_RULE_APPLIES, MORE_THAN_ONE_APPLIES})


class Effect(StrEnum):
    """XACML 3.0 section 7.17. Enforcement is deny-biased (section 7.2.2): only `permit` permits."""

    PERMIT = "permit"
    DENY = "deny"
    NOT_APPLICABLE = "not-applicable"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Duty:
    """An obligation or advice of a decision; an argument that was unknown is None."""

    id: str
    arguments: Mapping[str, Value | None] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """For machines: arguments in wire form."""
        return {"id": self.id, "arguments": {n: None if v is None else to_wire(v) for n, v in self.arguments.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to one request: XACML 3.0's authorization decision (section 7.17) with the duties it carries (section 7.18).

    Attributes:
        effect: only `permit` permits.
        rule: the deciding rule, or the first that could not be decided; None where a policy's default decided.
        policy: the policy that holds the rule, or whose default decided.
        code: a stable reason code for machines.
        reason: for the requester; names nothing sensitive.
        citations: the texts that a permit or deny cites, the rule's own first.
        obligations: what the caller must do, or else deny.
        advice: what the caller may do or tell.
        unknown: what could not be had and mattered, sorted by path.
        valid_until: an aware datetime in UTC: all else equal, the whole decision is the same at every earlier instant from its own on;
            None: for ever.
        digest: of the policy that decided.
    """

    effect: Effect
    rule: str | None
    policy: str | None
    code: str
    reason: str
    citations: tuple[str, ...] = ()
    obligations: tuple[Duty, ...] = ()
    advice: tuple[Duty, ...] = ()
    unknown: tuple[Cause, ...] = ()
    valid_until: dt.datetime | None = None
    digest: str = ""

    @property
    def permitted(self) -> bool:
        """Whether the effect is permit. Obligations are the caller's to discharge; `Engine.permits` checks that too."""
        return self.effect is Effect.PERMIT

    def until(self, valid_until: dt.datetime) -> Decision:
        """The same decision, valid until then."""
        return Decision(
            effect=self.effect, rule=self.rule, policy=self.policy, code=self.code, reason=self.reason, citations=self.citations,
            obligations=self.obligations, advice=self.advice, unknown=self.unknown, valid_until=valid_until, digest=self.digest,
        )  # fmt: skip

    def __bool__(self) -> bool:
        raise TypeError("a decision has four effects: ask for `decision.permitted`")

    def to_dict(self) -> dict[str, object]:
        """For machines, in the form that `abac decide` prints: everything in wire form."""
        return {
            "effect": str(self.effect),
            "rule": self.rule,
            "code": self.code,
            "reason": self.reason,
            "citations": list(self.citations),
            "obligations": [duty.to_dict() for duty in self.obligations],
            "advice": [duty.to_dict() for duty in self.advice],
            "unknown": [{"path": cause.path, "cause": str(cause.kind)} for cause in self.unknown],
            "valid_until": None if self.valid_until is None else to_wire(self.valid_until),
            "digest": self.digest,
        }
