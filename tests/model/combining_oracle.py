"""XACML 3.0 appendix C, transcribed apart from the engine: one child after the other, flags where the standard has flags.

Nothing here knows `abac.model.combining` but the names of outcomes and algorithms. Where the language departs from the standard, the
standard's answer stands in `STANDARD` and the language's in `LANGUAGE`; the tests list where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from abac.model.combining import Algorithm, Outcome

P, D, NA = Outcome.PERMIT, Outcome.DENY, Outcome.NOT_APPLICABLE
IP, ID, IDP = Outcome.INDETERMINATE_P, Outcome.INDETERMINATE_D, Outcome.INDETERMINATE_DP

Combine = Callable[[Sequence[Outcome]], Outcome]


def deny_overrides(outcomes: Sequence[Outcome]) -> Outcome:
    """C.2."""
    error_dp = error_d = error_p = permit = False
    for outcome in outcomes:
        if outcome is D:
            return D
        if outcome is P:
            permit = True
        elif outcome is ID:
            error_d = True
        elif outcome is IP:
            error_p = True
        elif outcome is IDP:
            error_dp = True
    if error_dp:
        return IDP
    if error_d and (error_p or permit):
        return IDP
    if error_d:
        return ID
    if permit:
        return P
    return IP if error_p else NA


def permit_overrides(outcomes: Sequence[Outcome]) -> Outcome:
    """C.4."""
    error_dp = error_d = error_p = deny = False
    for outcome in outcomes:
        if outcome is P:
            return P
        if outcome is D:
            deny = True
        elif outcome is IP:
            error_p = True
        elif outcome is ID:
            error_d = True
        elif outcome is IDP:
            error_dp = True
    if error_dp:
        return IDP
    if error_p and (error_d or deny):
        return IDP
    if error_p:
        return IP
    if deny:
        return D
    return ID if error_d else NA


def deny_unless_permit(outcomes: Sequence[Outcome]) -> Outcome:
    """C.6."""
    for outcome in outcomes:
        if outcome is P:
            return P
    return D


def permit_unless_deny(outcomes: Sequence[Outcome]) -> Outcome:
    """C.7."""
    for outcome in outcomes:
        if outcome is D:
            return D
    return P


def permit_unless_possible_deny(outcomes: Sequence[Outcome]) -> Outcome:
    """C.7 as the language has it: a child that may be a deny is one."""
    for outcome in outcomes:
        if outcome is D or outcome is ID or outcome is IDP:
            return D
    return P


def first_applicable(outcomes: Sequence[Outcome]) -> Outcome:
    """C.8, an undecided child's answer handed on as it is."""
    for outcome in outcomes:
        if outcome is NA:
            continue
        return outcome
    return NA


def first_applicable_widened(outcomes: Sequence[Outcome]) -> Outcome:
    """C.8 as the language has it: behind an undecided child anything may stand."""
    for outcome in outcomes:
        if outcome is NA:
            continue
        if outcome is IP or outcome is ID or outcome is IDP:
            return IDP
        return outcome
    return NA


def only_one_applicable(children: Sequence[tuple[bool | None, Outcome]]) -> Outcome:
    """C.9: each child is its applicability (None: its target is unknown) and its answer. Plain Indeterminate is {DP}."""
    selected: Outcome | None = None
    for applies, outcome in children:
        if applies is None:
            return IDP
        if applies:
            if selected is not None:
                return IDP
            selected = outcome
    return NA if selected is None else selected


STANDARD: dict[Algorithm, Combine] = {
    Algorithm.DENY_OVERRIDES: deny_overrides,
    Algorithm.PERMIT_OVERRIDES: permit_overrides,
    Algorithm.FIRST_APPLICABLE: first_applicable,
    Algorithm.DENY_UNLESS_PERMIT: deny_unless_permit,
    Algorithm.PERMIT_UNLESS_DENY: permit_unless_deny,
}
LANGUAGE = STANDARD | {
    Algorithm.FIRST_APPLICABLE: first_applicable_widened,
    Algorithm.PERMIT_UNLESS_DENY: permit_unless_possible_deny,
}
