"""Floor 1, model: what is answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from abac.model.schema import DutyKind
from abac.model.values import Cause, Value
from abac.model.wire import to_wire

T = TypeVar("T")
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
    """An obligation or advice of a decision; an argument that was unknown is None.

    Nobody can change it: the same may be given to several.
    """

    id: str
    arguments: Mapping[str, Value | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments", MappingProxyType(dict(self.arguments)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Duty, (self.id, dict(self.arguments))

    def to_dict(self) -> dict[str, object]:
        """For machines: arguments in wire form."""
        return {"id": self.id, "arguments": {n: None if v is None else to_wire(v) for n, v in self.arguments.items()}}


class Source(Protocol):
    """What a decision is made of: what is the same for every request that one rule decides, and what makes the rest of request values."""

    @property
    def effect(self) -> Effect: ...
    @property
    def rule(self) -> str | None: ...
    @property
    def policy(self) -> str | None: ...
    @property
    def code(self) -> str: ...
    @property
    def digest(self) -> str: ...
    def reason(self, values: tuple[Any, ...]) -> str: ...
    def cite(self, values: tuple[Any, ...]) -> tuple[str, ...]: ...
    def duties(self, values: tuple[Any, ...], kind: DutyKind) -> tuple[Duty, ...]: ...


@dataclass(frozen=True, slots=True)
class _Stated:
    """A source whose every part is stated."""

    effect: Effect
    rule: str | None
    policy: str | None
    code: str
    digest: str
    stated: str
    citations: tuple[str, ...]
    obligations: tuple[Duty, ...]
    advice: tuple[Duty, ...]

    def reason(self, values: tuple[Any, ...]) -> str:
        return self.stated

    def cite(self, values: tuple[Any, ...]) -> tuple[str, ...]:
        return self.citations

    def duties(self, values: tuple[Any, ...], kind: DutyKind) -> tuple[Duty, ...]:
        return self.obligations if kind is DutyKind.OBLIGATION else self.advice


class Decision:
    """The answer to one request: XACML 3.0's authorization decision (section 7.17) with the duties it carries (section 7.18).

    A decision never changes. Texts and duties are made when they are first asked for, of values that were taken when it was decided.
    """

    __slots__ = ("_made", "_source", "_unknown", "_until", "_values")
    _source: Source
    _values: tuple[Any, ...]
    _unknown: tuple[Cause, ...]
    _until: dt.datetime | None
    _made: dict[str, Any] | None

    def __init__(
        self,
        *,
        effect: Effect,
        rule: str | None,
        policy: str | None,
        code: str,
        reason: str,
        citations: tuple[str, ...] = (),
        obligations: tuple[Duty, ...] = (),
        advice: tuple[Duty, ...] = (),
        unknown: tuple[Cause, ...] = (),
        valid_until: dt.datetime | None = None,
        digest: str = "",
    ) -> None:
        self._source = _Stated(effect, rule, policy, code, digest, reason, citations, obligations, advice)
        self._values, self._unknown, self._until, self._made = (), unknown, valid_until, None

    @property
    def effect(self) -> Effect:
        """Only `permit` permits."""
        return self._source.effect

    @property
    def permitted(self) -> bool:
        """Whether the effect is permit. Obligations are the caller's to discharge; `Engine.permits` checks that too."""
        return self._source.effect is Effect.PERMIT

    @property
    def rule(self) -> str | None:
        """The deciding rule, or the first that could not be decided; None where a policy's default decided."""
        return self._source.rule

    @property
    def policy(self) -> str | None:
        """The policy that holds the rule, or whose default decided."""
        return self._source.policy

    @property
    def code(self) -> str:
        """A stable reason code for machines."""
        return self._source.code

    @property
    def reason(self) -> str:
        """For the requester; names nothing sensitive."""
        return self._once("reason", lambda: self._source.reason(self._values))

    @property
    def citations(self) -> tuple[str, ...]:
        """The texts that a permit or deny cites, the rule's own first."""
        return self._once("citations", lambda: self._source.cite(self._values))

    @property
    def obligations(self) -> tuple[Duty, ...]:
        """What the caller must do, or else deny."""
        return self._once("obligations", lambda: self._source.duties(self._values, DutyKind.OBLIGATION))

    @property
    def advice(self) -> tuple[Duty, ...]:
        """What the caller may do or tell."""
        return self._once("advice", lambda: self._source.duties(self._values, DutyKind.ADVICE))

    @property
    def unknown(self) -> tuple[Cause, ...]:
        """What could not be had and mattered, sorted by path."""
        return self._unknown

    @property
    def valid_until(self) -> dt.datetime | None:
        """An aware datetime in UTC: all else equal, the decision is the same at each earlier instant from its own on; None: always."""
        return self._until

    @property
    def digest(self) -> str:
        """Of the policy that decided."""
        return self._source.digest

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """A part that is made when first asked for; two threads may make it twice, alike."""
        if self._made is None:
            self._made = {}
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]  # type: ignore[no-any-return]  # made by `make`

    def until(self, valid_until: dt.datetime | None) -> Decision:
        """The same decision, valid until then."""
        made = Decision.__new__(Decision)
        made._source, made._values, made._unknown, made._until, made._made = self._source, self._values, self._unknown, valid_until, None
        return made

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _PARTS}

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Decision) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.effect, self.rule, self.policy, self.code, self.valid_until, self.digest))

    def __repr__(self) -> str:
        return f"Decision({', '.join(f'{name}={value!r}' for name, value in self._parts().items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._parts(),)

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


_PARTS = (
    "effect", "rule", "policy", "code", "reason", "citations", "obligations", "advice", "unknown", "valid_until", "digest",
)  # fmt: skip


def _restored(parts: dict[str, Any]) -> Decision:
    return Decision(**parts)
