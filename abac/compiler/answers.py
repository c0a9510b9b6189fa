"""Floor 4, compiler: the exact path's policies: rules, targets, duties, combining, in three values. Called by generated code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.runtime import Memo
from abac.language import checked as c
from abac.model.combining import Algorithm, Child, Combined, Outcome, combine
from abac.model.decision import MORE_THAN_ONE_APPLIES, NO_RULE_APPLIES, Duty
from abac.model.limits import MAX_COMBINATIONS
from abac.model.schema import DutyKind
from abac.model.values import Cause, CauseKind, Unknown

Causes = frozenset[Cause]
NONE: Causes = frozenset()


@dataclass(slots=True)
class Duties:
    made: list[tuple[DutyKind, Duty]] = field(default_factory=list)
    causes: Causes = NONE
    computable: bool = True


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


def duties(*clauses: tuple[DutyKind, str, tuple[str, ...], Callable[[], Any], Callable[[], tuple[Any, ...]]]) -> Duties:
    """Duties from (kind, id, parameters, guard, arguments), the last two as thunks."""
    result = Duties()
    for kind, id_, parameters, guard, arguments in clauses:
        truth = guard()
        if truth is False:
            continue
        values = arguments()
        causes = NONE.union(_causes(truth), *(_causes(v) for v in values))
        result.causes |= causes
        doubtful = type(truth) is Unknown or any(type(v) is Unknown for v in values)
        if doubtful and kind is DutyKind.ADVICE:
            continue
        result.computable = result.computable and not doubtful
        known = {p: None if type(v) is Unknown else v for p, v in zip(parameters, values, strict=True)}
        result.made.append((kind, Duty(id_, known)))
    return result


def flat(citations: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(text for texts in citations for text in texts)


@dataclass(frozen=True, slots=True)
class Held:
    """What a rule carries for one witness: thunks made by generated code."""

    reason: Callable[[], str] | None
    citations: Callable[[], tuple[tuple[str, ...], ...]]
    duties: Callable[[], Duties]


def rule(
    memo: Memo,
    rule: c.Rule,
    policy: c.Policy,
    collection: Callable[[], Any] | None,
    text: str,
    condition: Callable[[Any, int], Any],
    held: Callable[[Any], Held],
) -> Answer:
    """A rule; `collection` is None where it has no witness."""
    truth, witnesses = _condition(collection, text, condition)
    if truth is False:
        return Answer(Outcome.NOT_APPLICABLE, None, policy)
    if type(truth) is Unknown:
        return _undecided(rule, policy, truth, held(truth))
    first = chosen = held(witnesses[0])
    made = chosen.duties()
    if rule.effect == "permit" and not made.computable:
        for witness in witnesses[1:]:
            chosen = held(witness)
            made = chosen.duties()
            if made.computable:
                break
        else:
            return Answer(Outcome.INDETERMINATE_P, rule, policy, causes=first.duties().causes)
    return Answer(Outcome(rule.effect), rule, policy, True, chosen.reason, flat(chosen.citations()), made.made, made.causes, made.causes)


def _condition(collection: Callable[[], Any] | None, text: str, condition: Callable[[Any, int], Any]) -> tuple[Any, list[Any]]:
    if collection is None:
        return condition(None, 1), [None]
    walked = collection()
    if type(walked) is Unknown:
        return walked, []
    size = len(walked.elements)
    if size > MAX_COMBINATIONS:
        return Unknown.of(text, CauseKind.LIMIT_EXCEEDED), []
    truths = [(element, condition(element, size)) for element in walked.elements]
    true = [element for element, truth in truths if truth is True]
    if true:
        return True, sorted(true, key=lambda element: type(element) is Unknown)
    unknowns = [truth for _, truth in truths if type(truth) is Unknown]
    return (Unknown.union(unknowns) if unknowns else False), []


def _undecided(rule: c.Rule, policy: c.Policy, truth: Unknown, carried: Held) -> Answer:
    if rule.effect == "permit":
        return Answer(Outcome.INDETERMINATE_P, rule, policy, causes=truth.causes)
    made = carried.duties()
    outcome = Outcome.DENY if rule.even_if_unknown else Outcome.INDETERMINATE_D
    causes = truth.causes | made.causes if rule.even_if_unknown else truth.causes
    return Answer(outcome, rule, policy, rule.even_if_unknown, carried.reason, flat(carried.citations()), made.made, causes, made.causes)


Child_ = Callable[[Memo], Answer]


def policy(
    memo: Memo,
    policy: c.Policy,
    applies: Callable[[], Any],
    targets: Sequence[Callable[[], Any]],
    children: Sequence[Child_],
    citations: Callable[[], tuple[tuple[str, ...], ...]],
    on_permit: Callable[[], Duties],
    on_deny: Callable[[], Duties],
) -> Answer:
    """A policy; `targets` are those of its children, for only-one-applicable."""
    target = applies()
    if target is False:
        return Answer(Outcome.NOT_APPLICABLE, None, policy)
    answer = _combined(memo, policy, targets, children)
    if answer.outcome is Outcome.NOT_APPLICABLE:
        return answer
    if answer.outcome is Outcome.PERMIT:
        own = on_permit()
        if own.computable:
            answer.duties, answer.causes = answer.duties + own.made, answer.causes | own.causes
            answer.doubts |= own.causes
            answer.citations += flat(citations())
        else:
            answer.causes |= own.causes
            _withdraw(answer)
    elif answer.outcome is not Outcome.INDETERMINATE_P:
        own = on_deny()
        answer.duties = answer.duties + own.made
        answer.doubts |= own.causes
        answer.citations += flat(citations())
        if answer.outcome is Outcome.DENY:
            answer.causes |= own.causes
    return _in_doubt(answer, target) if type(target) is Unknown else answer


_DOUBTED = {Outcome.PERMIT: Outcome.INDETERMINATE_P, Outcome.DENY: Outcome.INDETERMINATE_D}


def _in_doubt(answer: Answer, target: Unknown) -> Answer:
    answer.outcome = _DOUBTED.get(answer.outcome, answer.outcome)
    answer.causes |= target.causes
    answer.held = False
    if answer.outcome is Outcome.INDETERMINATE_P:
        _withdraw(answer)
    return answer


def _withdraw(answer: Answer) -> None:
    """A permit that is in doubt carries nothing."""
    answer.outcome, answer.held = Outcome.INDETERMINATE_P, False
    answer.citations, answer.duties, answer.doubts = (), [], NONE


_SETTLES = {
    Algorithm.DENY_OVERRIDES: {Outcome.DENY},
    Algorithm.PERMIT_UNLESS_DENY: {Outcome.DENY},
    Algorithm.PERMIT_OVERRIDES: {Outcome.PERMIT},
    Algorithm.DENY_UNLESS_PERMIT: {Outcome.PERMIT},
    Algorithm.FIRST_APPLICABLE: set(Outcome) - {Outcome.NOT_APPLICABLE},
}
"""Outcomes below which no child changes anything: neither what is decided nor by whom, nor what is listed as unknown."""


def _combined(memo: Memo, policy: c.Policy, targets: Sequence[Callable[[], Any]], children: Sequence[Child_]) -> Answer:
    algorithm = Algorithm(policy.algorithm)
    answers: list[Answer] = []
    if algorithm is Algorithm.ONLY_ONE_APPLICABLE:
        answers, combined = _only_one(memo, policy, targets, children)
    else:
        for child in children:
            answers.append(child(memo))
            if answers[-1].outcome in _SETTLES[algorithm]:
                break
        combined = combine(algorithm, [Child(v.outcome) for v in answers])
    causes = NONE.union(*(answers[i].causes for i in combined.unknown))
    if not combined.deciding:
        return Answer(combined.outcome, None, policy, causes=causes, several=combined.several)
    chosen = answers[combined.deciding[0]]
    if chosen.outcome.undecided and not combined.outcome.undecided:
        causes |= chosen.doubts
    chosen.outcome = combined.outcome
    chosen.causes |= causes
    return chosen


def _only_one(
    memo: Memo, policy: c.Policy, targets: Sequence[Callable[[], Any]], children: Sequence[Child_]
) -> tuple[list[Answer], Combined]:
    truths = [target() for target in targets]
    settled = not any(type(truth) is Unknown for truth in truths) and truths.count(True) == 1
    answers, seen = [], []
    for inner, child, truth in zip(policy.children, children, truths, strict=True):
        assert isinstance(inner, c.Policy)
        if truth is True and settled:
            answer = child(memo)
        else:
            outcome = Outcome.INDETERMINATE_DP if type(truth) is Unknown else Outcome.NOT_APPLICABLE
            answer = Answer(outcome, None, inner, causes=_causes(truth))
        answers.append(answer)
        seen.append(Child(answer.outcome, None if type(truth) is Unknown else truth))
    return answers, combine(Algorithm.ONLY_ONE_APPLICABLE, seen)
