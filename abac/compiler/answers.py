"""Floor 4, compiler: the exact path's combining: rules, targets and duties in three values, by generated functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.carried import NONE, Causes, Duties, Values
from abac.compiler.emit_answers import Code, ExactPolicy, ExactRule
from abac.compiler.exact_index import Parts
from abac.language import checked as c
from abac.model.combining import Algorithm, Child, Combined, Outcome, combine
from abac.model.decision import MORE_THAN_ONE_APPLIES, NO_RULE_APPLIES, Duty, Effect
from abac.model.schema import DutyKind
from abac.model.values import Unknown


@dataclass(slots=True)
class Answer:
    """What a rule or policy comes to. Invariant: `reason` is called only for a rule that held or counts as held.

    `doubts` is what was unknown about its duties; it matters once an undecided answer counts as a deny.
    """

    outcome: Outcome
    rule: c.Rule | None
    policy: c.Policy
    held: bool = False
    reason: Callable[[], str] | None = None
    citations: tuple[str, ...] = ()
    duties: list[tuple[DutyKind, Duty]] = field(default_factory=list)
    causes: Causes = NONE
    doubts: Causes = NONE
    several: bool = False

    @property
    def code(self) -> str:
        if self.several:
            return MORE_THAN_ONE_APPLIES
        return self.rule.code if self.rule else NO_RULE_APPLIES


def _causes(operand: Any) -> Causes:
    return operand.causes if type(operand) is Unknown else NONE


def _taken(carry: Code | None, parts: Parts, witness: Any = None) -> Values:
    return () if carry is None else carry.function(*parts, carry.row, witness)


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────


def _rule(rule: ExactRule, parts: Parts) -> Answer | None:
    """None: it does not apply."""
    truth = rule.test.function(*parts, rule.test.row)
    witnesses: Any = (None,)
    if rule.has_witness:
        truth, witnesses = truth
    if truth is False:
        return None
    if type(truth) is Unknown:
        return _undecided(rule, truth, parts)
    chosen = sorted(witnesses, key=lambda each: type(each) is Unknown) if len(witnesses) > 1 else witnesses
    values = _taken(rule.carry, parts, chosen[0])
    duties = rule.carried.weighed(values)
    if rule.rule.effect == "permit" and not duties.computable:
        first = duties
        for witness in chosen[1:]:
            values = _taken(rule.carry, parts, witness)
            duties = rule.carried.weighed(values)
            if duties.computable:
                break
        else:
            return Answer(Outcome.INDETERMINATE_P, rule.rule, rule.policy, causes=first.causes)
    return _held(rule, Outcome(rule.rule.effect), values, duties, duties.causes)


def _held(rule: ExactRule, outcome: Outcome, values: Values, duties: Duties, causes: Causes, *, held: bool = True) -> Answer:
    carried = rule.carried
    return Answer(
        outcome, rule.rule, rule.policy, held, lambda: carried.reason(values), carried.cite(values), duties.made, causes, duties.causes
    )


def _undecided(rule: ExactRule, truth: Unknown, parts: Parts) -> Answer:
    if rule.rule.effect == "permit":
        return Answer(Outcome.INDETERMINATE_P, rule.rule, rule.policy, causes=truth.causes)
    values = _taken(rule.carry, parts, truth)
    duties = rule.carried.weighed(values)
    if rule.rule.even_if_unknown:
        return _held(rule, Outcome.DENY, values, duties, truth.causes | duties.causes)
    return _held(rule, Outcome.INDETERMINATE_D, values, duties, truth.causes, held=False)


# ── policies ───────────────────────────────────────────────────────────────────────────────────────────────


def answer(policy: ExactPolicy, parts: Parts) -> Answer:
    """What a policy comes to."""
    target = _applies(policy, parts)
    if target is False:
        return Answer(Outcome.NOT_APPLICABLE, None, policy.policy)
    found = _combined(policy, parts)
    if found.outcome is Outcome.NOT_APPLICABLE:
        return found
    _with_duties(policy, parts, found)
    return _in_doubt(found, target) if type(target) is Unknown else found


def _applies(policy: ExactPolicy, parts: Parts) -> Any:
    return True if policy.applies is None else policy.applies.function(*parts, policy.applies.row)


def _with_duties(policy: ExactPolicy, parts: Parts, found: Answer) -> None:
    """The policy's own duties and citations after those from inside; a permit whose obligations cannot be computed is in doubt."""
    if found.outcome is Outcome.INDETERMINATE_P:
        return
    carried, carry = policy.carried[Effect.PERMIT if found.outcome is Outcome.PERMIT else Effect.DENY]
    values = _taken(carry, parts)
    own = carried.weighed(values)
    if found.outcome is Outcome.PERMIT and not own.computable:
        found.causes |= own.causes
        _withdraw(found)
        return
    found.duties = found.duties + own.made
    found.doubts |= own.causes
    found.citations += carried.cite(values)
    if not found.outcome.undecided:
        found.causes |= own.causes


_DOUBTED = {Outcome.PERMIT: Outcome.INDETERMINATE_P, Outcome.DENY: Outcome.INDETERMINATE_D}


def _in_doubt(found: Answer, target: Unknown) -> Answer:
    found.outcome = _DOUBTED.get(found.outcome, found.outcome)
    found.causes |= target.causes
    found.held = False
    if found.outcome is Outcome.INDETERMINATE_P:
        _withdraw(found)
    return found


def _withdraw(found: Answer) -> None:
    """A permit that is in doubt carries nothing."""
    found.outcome, found.held = Outcome.INDETERMINATE_P, False
    found.citations, found.duties, found.doubts = (), [], NONE


_SETTLES = {
    Algorithm.DENY_OVERRIDES: {Outcome.DENY},
    Algorithm.PERMIT_UNLESS_DENY: {Outcome.DENY},
    Algorithm.PERMIT_OVERRIDES: {Outcome.PERMIT},
    Algorithm.DENY_UNLESS_PERMIT: {Outcome.PERMIT},
    Algorithm.FIRST_APPLICABLE: set(Outcome) - {Outcome.NOT_APPLICABLE},
}
"""Outcomes below which no child changes anything: neither what is decided nor by whom, nor what is listed as unknown."""


def _combined(policy: ExactPolicy, parts: Parts) -> Answer:
    """What the children come to; those that do not apply change nothing, except to only-one-applicable."""
    algorithm = Algorithm(policy.policy.algorithm)
    answers: list[Answer] = []
    if algorithm is Algorithm.ONLY_ONE_APPLICABLE:
        answers, combined = _only_one(policy, parts)
    else:
        settling = _SETTLES[algorithm]
        for child, doubts in _asked(policy, parts):
            found = _rule(child, parts) if type(child) is ExactRule else answer(child, parts)  # type: ignore[arg-type]  # the other
            if found is None or found.outcome is Outcome.NOT_APPLICABLE:
                continue
            answers.append(found)
            if found.outcome in settling:
                break
            if found.outcome.undecided:
                found.causes |= doubts
        combined = combine(algorithm, [Child(each.outcome) for each in answers])
    causes = NONE.union(*(answers[i].causes for i in combined.unknown))
    if not combined.deciding:
        return Answer(combined.outcome, None, policy.policy, causes=causes, several=combined.several)
    chosen = answers[combined.deciding[0]]
    if chosen.outcome.undecided and not combined.outcome.undecided:
        causes |= chosen.doubts
    chosen.outcome = combined.outcome
    chosen.causes |= causes
    return chosen


def _asked(policy: ExactPolicy, parts: Parts) -> Iterable[tuple[ExactRule | ExactPolicy, Causes]]:
    """The children that may apply, in source order; with the first of several that are unknown alike, what is unknown about the others."""
    if policy.index is None:
        return ((child, NONE) for child in policy.children)
    found = policy.index.candidates(parts)
    return ((policy.children[i], found.doubts.get(i, NONE)) for i in found.steps)


def _only_one(policy: ExactPolicy, parts: Parts) -> tuple[list[Answer], Combined]:
    """Targets first; only the one policy that applies is looked into."""
    truths = [_applies(child, parts) for child in policy.children if isinstance(child, ExactPolicy)]
    settled = not any(type(truth) is Unknown for truth in truths) and truths.count(True) == 1
    answers, seen = [], []
    for child, truth in zip(policy.children, truths, strict=True):
        assert isinstance(child, ExactPolicy)
        if truth is True and settled:
            found = answer(child, parts)
        else:
            outcome = Outcome.INDETERMINATE_DP if type(truth) is Unknown else Outcome.NOT_APPLICABLE
            found = Answer(outcome, None, child.policy, causes=_causes(truth))
        answers.append(found)
        seen.append(Child(found.outcome, None if type(truth) is Unknown else truth))
    return answers, combine(Algorithm.ONLY_ONE_APPLICABLE, seen)
