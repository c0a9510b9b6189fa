"""Floor 1, model: how the effects of children become one: XACML 3.0 appendix C, with the departures that docs/language.md lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

from abac.model.decision import Effect


class Outcome(StrEnum):
    """An effect with XACML's extended indeterminate (3.0 section 7.10): what an undecided child could still become."""

    PERMIT = "permit"
    DENY = "deny"
    NOT_APPLICABLE = "not-applicable"
    INDETERMINATE_P = "indeterminate{P}"
    INDETERMINATE_D = "indeterminate{D}"
    INDETERMINATE_DP = "indeterminate{DP}"

    @property
    def undecided(self) -> bool:
        return self in _UNDECIDED

    @property
    def effect(self) -> Effect:
        return Effect.INDETERMINATE if self.undecided else Effect(self.value)


P, D, NA = Outcome.PERMIT, Outcome.DENY, Outcome.NOT_APPLICABLE
IP, ID, IDP = Outcome.INDETERMINATE_P, Outcome.INDETERMINATE_D, Outcome.INDETERMINATE_DP
_UNDECIDED = frozenset((IP, ID, IDP))


class Algorithm(StrEnum):
    """XACML 3.0 appendix C."""

    DENY_OVERRIDES = "deny-overrides"
    PERMIT_OVERRIDES = "permit-overrides"
    FIRST_APPLICABLE = "first-applicable"
    ONLY_ONE_APPLICABLE = "only-one-applicable"
    DENY_UNLESS_PERMIT = "deny-unless-permit"
    PERMIT_UNLESS_DENY = "permit-unless-deny"


@dataclass(frozen=True, slots=True)
class Child:
    """What a rule or policy contributes. `applies` (its target and window; None: unknown) matters to only-one-applicable alone."""

    outcome: Outcome
    applies: bool | None = True


@dataclass(frozen=True, slots=True)
class Combined:
    """The outcome, and which children (by index, in source order) it came from.

    Attributes:
        deciding: those whose result reached the top; empty when the algorithm's default decided.
        unknown: those undecided children that made the outcome indeterminate, counted as deny, or prevented a permit.
        several: more than one policy applied under only-one-applicable.
    """

    outcome: Outcome
    deciding: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    several: bool = False


def combine(algorithm: Algorithm, children: Sequence[Child]) -> Combined:
    """Combine children in source order under an algorithm."""
    match algorithm:
        case Algorithm.ONLY_ONE_APPLICABLE:
            return _only_one_applicable(children)
        case Algorithm.FIRST_APPLICABLE:
            return _first_applicable(children)
        case Algorithm.DENY_UNLESS_PERMIT:
            return _deny_unless_permit(children)
        case Algorithm.PERMIT_UNLESS_DENY:
            return _permit_unless_deny(children)
        case Algorithm.DENY_OVERRIDES | Algorithm.PERMIT_OVERRIDES:
            outcome = reduce(MERGES[algorithm], (c.outcome for c in children), NA)
            undecided = _where(children, *_UNDECIDED) if outcome.undecided else ()
            return Combined(outcome, undecided or _where(children, outcome) if outcome is not NA else (), undecided)


def _where(children: Sequence[Child], *outcomes: Outcome) -> tuple[int, ...]:
    return tuple(i for i, c in enumerate(children) if c.outcome in outcomes)


def _overriding(strong: Outcome, strong_unknown: Outcome, weak: Outcome, weak_unknown: Outcome) -> Callable[[Outcome, Outcome], Outcome]:
    """C.2 and C.4: the strong effect wins at once; an unknown strong one beside anything weak could still go either way."""

    def merge(a: Outcome, b: Outcome) -> Outcome:
        pair = {a, b}
        if strong in pair:
            return strong
        if IDP in pair or (strong_unknown in pair and pair & {weak, weak_unknown}):
            return IDP
        return next((each for each in (strong_unknown, weak, weak_unknown) if each in pair), NA)

    return merge


def _first(a: Outcome, b: Outcome) -> Outcome:
    first = b if a is NA else a
    return IDP if first.undecided else first


MERGES: dict[Algorithm, Callable[[Outcome, Outcome], Outcome]] = {
    Algorithm.DENY_OVERRIDES: _overriding(D, ID, P, IP),
    Algorithm.PERMIT_OVERRIDES: _overriding(P, IP, D, ID),
    Algorithm.FIRST_APPLICABLE: _first,
    Algorithm.DENY_UNLESS_PERMIT: lambda a, b: P if P in (a, b) else D,
    Algorithm.PERMIT_UNLESS_DENY: lambda a, b: D if {a, b} & {D, ID, IDP} else P,
}
"""The algorithms that are merges of two outcomes; each is associative, so children may be regrouped."""


def _first_applicable(children: Sequence[Child]) -> Combined:
    """C.8; an undecided child stops the search, and could have been either effect or none."""
    for index, child in enumerate(children):
        if child.outcome.undecided:
            return Combined(IDP, (index,), (index,))
        if child.outcome is not NA:
            return Combined(child.outcome, (index,))
    return Combined(NA)


def _deny_unless_permit(children: Sequence[Child]) -> Combined:
    """C.6."""
    if permits := _where(children, P):
        return Combined(P, permits)
    return Combined(D, _where(children, D), _where(children, IP, IDP))


def _permit_unless_deny(children: Sequence[Child]) -> Combined:
    """C.7, except that what may be a deny counts as one."""
    if denies := _where(children, D):
        return Combined(D, denies)
    if counted := _where(children, ID, IDP):
        return Combined(D, counted, counted)
    return Combined(P, _where(children, P))


def _only_one_applicable(children: Sequence[Child]) -> Combined:
    """C.9, free of order: two that surely apply are too many, whatever is unknown about others."""
    applicable = [i for i, c in enumerate(children) if c.applies is True]
    uncertain = tuple(i for i, c in enumerate(children) if c.applies is None)
    if len(applicable) > 1:
        return Combined(IDP, several=True)
    if uncertain:
        return Combined(IDP, uncertain, uncertain)
    if not applicable:
        return Combined(NA)
    index = applicable[0]
    outcome = children[index].outcome
    if outcome.undecided:
        return Combined(IDP, (index,), (index,))
    return Combined(outcome, (index,) if outcome is not NA else ())
