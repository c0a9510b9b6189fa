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
class Verdict:
    """What a rule or policy comes to. Invariant: `reason` is called only for a rule that held or counts as held.

    `doubts` is what was unknown about its duties; it matters once an undecided verdict counts as a deny.
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
) -> Verdict:
    """A rule; `collection` is None where it has no witness."""
    truth, witnesses = _condition(collection, text, condition)
    if truth is False:
        return Verdict(Outcome.NOT_APPLICABLE, None, policy)
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
            return Verdict(Outcome.INDETERMINATE_P, rule, policy, causes=first.duties().causes)
    return Verdict(Outcome(rule.effect), rule, policy, True, chosen.reason, flat(chosen.citations()), made.made, made.causes, made.causes)


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


def _undecided(rule: c.Rule, policy: c.Policy, truth: Unknown, carried: Held) -> Verdict:
    if rule.effect == "permit":
        return Verdict(Outcome.INDETERMINATE_P, rule, policy, causes=truth.causes)
    made = carried.duties()
    outcome = Outcome.DENY if rule.even_if_unknown else Outcome.INDETERMINATE_D
    causes = truth.causes | made.causes if rule.even_if_unknown else truth.causes
    return Verdict(outcome, rule, policy, rule.even_if_unknown, carried.reason, flat(carried.citations()), made.made, causes, made.causes)


Child_ = Callable[[Memo], Verdict]


def policy(
    memo: Memo,
    policy: c.Policy,
    applies: Callable[[], Any],
    targets: Sequence[Callable[[], Any]],
    children: Sequence[Child_],
    citations: Callable[[], tuple[tuple[str, ...], ...]],
    on_permit: Callable[[], Duties],
    on_deny: Callable[[], Duties],
) -> Verdict:
    """A policy; `targets` are those of its children, for only-one-applicable."""
    target = applies()
    if target is False:
        return Verdict(Outcome.NOT_APPLICABLE, None, policy)
    verdict = _combined(memo, policy, targets, children)
    if verdict.outcome is Outcome.NOT_APPLICABLE:
        return verdict
    if verdict.outcome is Outcome.PERMIT:
        own = on_permit()
        if own.computable:
            verdict.duties, verdict.causes = verdict.duties + own.made, verdict.causes | own.causes
            verdict.doubts |= own.causes
            verdict.citations += flat(citations())
        else:
            verdict.causes |= own.causes
            _withdraw(verdict)
    elif verdict.outcome is not Outcome.INDETERMINATE_P:
        own = on_deny()
        verdict.duties = verdict.duties + own.made
        verdict.doubts |= own.causes
        verdict.citations += flat(citations())
        if verdict.outcome is Outcome.DENY:
            verdict.causes |= own.causes
    return _in_doubt(verdict, target) if type(target) is Unknown else verdict


_DOUBTED = {Outcome.PERMIT: Outcome.INDETERMINATE_P, Outcome.DENY: Outcome.INDETERMINATE_D}


def _in_doubt(verdict: Verdict, target: Unknown) -> Verdict:
    verdict.outcome = _DOUBTED.get(verdict.outcome, verdict.outcome)
    verdict.causes |= target.causes
    verdict.held = False
    if verdict.outcome is Outcome.INDETERMINATE_P:
        _withdraw(verdict)
    return verdict


def _withdraw(verdict: Verdict) -> None:
    """A permit that is in doubt carries nothing."""
    verdict.outcome, verdict.held = Outcome.INDETERMINATE_P, False
    verdict.citations, verdict.duties, verdict.doubts = (), [], NONE


def _combined(memo: Memo, policy: c.Policy, targets: Sequence[Callable[[], Any]], children: Sequence[Child_]) -> Verdict:
    algorithm = Algorithm(policy.algorithm)
    verdicts: list[Verdict] = []
    if algorithm is Algorithm.ONLY_ONE_APPLICABLE:
        verdicts, combined = _only_one(memo, policy, targets, children)
    else:
        for child in children:
            verdicts.append(child(memo))
            if algorithm is Algorithm.FIRST_APPLICABLE and verdicts[-1].outcome is not Outcome.NOT_APPLICABLE:
                break
        combined = combine(algorithm, [Child(v.outcome) for v in verdicts])
    causes = NONE.union(*(verdicts[i].causes for i in combined.unknown))
    if not combined.deciding:
        return Verdict(combined.outcome, None, policy, causes=causes, several=combined.several)
    chosen = verdicts[combined.deciding[0]]
    if chosen.outcome.undecided and not combined.outcome.undecided:
        causes |= chosen.doubts
    chosen.outcome = combined.outcome
    chosen.causes |= causes
    return chosen


def _only_one(
    memo: Memo, policy: c.Policy, targets: Sequence[Callable[[], Any]], children: Sequence[Child_]
) -> tuple[list[Verdict], Combined]:
    truths = [target() for target in targets]
    settled = not any(type(truth) is Unknown for truth in truths) and truths.count(True) == 1
    verdicts, seen = [], []
    for inner, child, truth in zip(policy.children, children, truths, strict=True):
        assert isinstance(inner, c.Policy)
        if truth is True and settled:
            verdict = child(memo)
        else:
            outcome = Outcome.INDETERMINATE_DP if type(truth) is Unknown else Outcome.NOT_APPLICABLE
            verdict = Verdict(outcome, None, inner, causes=_causes(truth))
        verdicts.append(verdict)
        seen.append(Child(verdict.outcome, None if type(truth) is Unknown else truth))
    return verdicts, combine(Algorithm.ONLY_ONE_APPLICABLE, seen)
