"""Floor 1, model: what is answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from abac.model.values import Cause, Value

INVALID_REQUEST = "invalid_request"
NO_RULE_APPLIES = "no_rule_applies"
MORE_THAN_ONE_APPLIES = "more_than_one_applies"
ENGINE_CODES = frozenset({INVALID_REQUEST, NO_RULE_APPLIES, MORE_THAN_ONE_APPLIES})


class Effect(StrEnum):
    """XACML 3.0 section 7.2.2. Only `permit` permits."""

    PERMIT = "permit"
    DENY = "deny"
    NOT_APPLICABLE = "not-applicable"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Duty:
    """An obligation or advice of a decision; an argument that was unknown is None."""

    id: str
    arguments: Mapping[str, Value | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to one request.

    Attributes:
        rule: the deciding rule, or the first that could not be decided; None where a policy's default decided.
        policy: the policy that holds the rule, or whose default decided.
        code: a stable reason code for machines.
        reason: for the requester; names nothing sensitive.
        unknown: what could not be had and mattered, sorted by path.
        valid_until: all else equal, the whole decision is the same at every earlier instant from its own on; None: for ever.
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

    def __bool__(self) -> bool:
        raise TypeError("a decision has four effects: ask for `decision.permitted`")
