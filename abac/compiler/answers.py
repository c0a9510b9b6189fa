"""Floor 4, compiler: the exact path's combining: rules, targets and duties in three values, by generated functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from abac.compiler.carried import NONE, Causes, Values
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


Finding = tuple[Outcome, Causes, ExactRule | ExactPolicy, Any]
"""What a child comes to, and what is unknown about it. What it carries is made for the one that decides alone, of what stands last.

Of a policy that is its answer; of a rule that is undecided its truth; of one that holds its witness, and what its obligations are made of
if they may fail.
"""


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────


def _weighed(rule: ExactRule, truth: Any, parts: Parts) -> Finding | None:
    """What the truth of its condition makes of a rule; None: it does not apply."""
    witnesses: Any = (None,)
    if rule.has_witness:
        truth, witnesses = truth
    if truth is False:
        return None
    if type(truth) is Unknown:
        return _undecided(rule, truth)
    if len(witnesses) > 1:
        witnesses = sorted(witnesses, key=lambda each: type(each) is Unknown)
    if not rule.may_fail:
        return rule.effect, NONE, rule, (witnesses[0], None)
    causes = None
    for witness in witnesses:
        values = _taken(rule.carry, parts, witness)
        duties = rule.carried.weighed(values)
        if duties.computable:
            return Outcome.PERMIT, NONE, rule, (witness, values)
        causes = duties.causes if causes is None else causes
    assert causes is not None
    return Outcome.INDETERMINATE_P, causes, rule, None


def _undecided(rule: ExactRule, truth: Unknown) -> Finding:
    if rule.effect is Outcome.PERMIT:
        return Outcome.INDETERMINATE_P, truth.causes, rule, truth
    return Outcome.DENY if rule.rule.even_if_unknown else Outcome.INDETERMINATE_D, truth.causes, rule, truth


def _told(finding: Finding, parts: Parts) -> Answer:
    """The answer, with what it carries."""
    outcome, causes, child, detail = finding
    if type(detail) is Answer:
        return detail
    rule = child
    assert isinstance(rule, ExactRule)
    if outcome is Outcome.INDETERMINATE_P:
        return Answer(outcome, rule.rule, rule.policy, causes=causes)
    if type(detail) is Unknown:
        values, held = _taken(rule.carry, parts, detail), outcome is Outcome.DENY
    else:
        witness, values = detail
        values, held = _taken(rule.carry, parts, witness) if values is None else values, True
    duties = rule.carried.weighed(values)
    causes = causes | duties.causes if held else causes
    carried = rule.carried
    return Answer(
        outcome, rule.rule, rule.policy, held, lambda: carried.reason(values), carried.cite(values), duties.made, causes, duties.causes
    )


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


def stands(policy: ExactPolicy, parts: Parts, discharges: frozenset[str]) -> bool:
    """Whether it comes to a permit whose every obligation is discharged. Nothing is made of what comes to anything else."""
    if policy.algorithm is Algorithm.ONLY_ONE_APPLICABLE:
        found = answer(policy, parts)
    else:
        if _applies(policy, parts) is not True:
            return False
        findings = _findings(policy, parts, _FORBIDS[policy.algorithm])
        combined = _combination(policy.algorithm, tuple(outcome for outcome, _, _, _ in findings))
        if combined.outcome is not Outcome.PERMIT:
            return False
        found = _chosen(policy, findings, combined, parts)
        _with_duties(policy, parts, found)
    return found.outcome is Outcome.PERMIT and all(duty.id in discharges for kind, duty in found.duties if kind is DutyKind.OBLIGATION)


def _applies(policy: ExactPolicy, parts: Parts) -> Any:
    return True if policy.applies is None else policy.applies.function(*parts, policy.applies.row)


def _with_duties(policy: ExactPolicy, parts: Parts, found: Answer) -> None:
    """The policy's own duties and citations after those from inside; a permit whose obligations cannot be computed is in doubt."""
    if found.outcome is Outcome.INDETERMINATE_P:
        return
    carried, carry = policy.carried[Effect.PERMIT if found.outcome is Outcome.PERMIT else Effect.DENY]
    if not carried.duties and not carried.citations:
        return
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


_NO_DOUBTS: Mapping[int, Causes] = {}
_SETTLES = {
    Algorithm.DENY_OVERRIDES: frozenset((Outcome.DENY,)),
    Algorithm.PERMIT_UNLESS_DENY: frozenset((Outcome.DENY,)),
    Algorithm.PERMIT_OVERRIDES: frozenset((Outcome.PERMIT,)),
    Algorithm.DENY_UNLESS_PERMIT: frozenset((Outcome.PERMIT,)),
    Algorithm.FIRST_APPLICABLE: frozenset(set(Outcome) - {Outcome.NOT_APPLICABLE}),
}
"""Outcomes below which no child changes anything: neither what is decided nor by whom, nor what is listed as unknown."""

_MAY_DENY = frozenset((Outcome.DENY, Outcome.INDETERMINATE_D, Outcome.INDETERMINATE_DP))
_FORBIDS = _SETTLES | {Algorithm.DENY_OVERRIDES: _MAY_DENY, Algorithm.PERMIT_UNLESS_DENY: _MAY_DENY}
"""Outcomes below which no child changes whether there is a permit."""


def _combined(policy: ExactPolicy, parts: Parts) -> Answer:
    """What the children come to; those that do not apply change nothing, except to only-one-applicable."""
    if policy.algorithm is Algorithm.ONLY_ONE_APPLICABLE:
        findings, combined = _only_one(policy, parts)
    else:
        findings = _findings(policy, parts, _SETTLES[policy.algorithm])
        combined = _combination(policy.algorithm, tuple(outcome for outcome, _, _, _ in findings))
    return _chosen(policy, findings, combined, parts)


def _chosen(policy: ExactPolicy, findings: list[Finding], combined: Combined, parts: Parts) -> Answer:
    """The answer of the child that decides, with what is unknown about the others."""
    causes = NONE.union(*(findings[i][1] for i in combined.unknown))
    if not combined.deciding:
        return Answer(combined.outcome, None, policy.policy, causes=causes, several=combined.several)
    chosen = _told(findings[combined.deciding[0]], parts)
    if chosen.outcome.undecided and not combined.outcome.undecided:
        causes |= chosen.doubts
    chosen.outcome = combined.outcome
    chosen.causes |= causes
    return chosen


@lru_cache(maxsize=1_024)
def _combination(algorithm: Algorithm, outcomes: tuple[Outcome, ...]) -> Combined:
    return combine(algorithm, [Child(outcome) for outcome in outcomes])


def _findings(policy: ExactPolicy, parts: Parts, settling: frozenset[Outcome]) -> list[Finding]:
    """Of the children that apply, until one settles it; with the first of several that are in doubt alike, the doubts of all."""
    findings: list[Finding] = []
    asked: Sequence[ExactRule | ExactPolicy] = policy.children
    doubts = _NO_DOUBTS
    if policy.index is not None:
        candidates = policy.index.candidates(parts)
        asked, doubts = [policy.children[i] for i in candidates.steps], candidates.doubts
    subject, action, resource, context, memo = parts
    for place, child in enumerate(asked):
        if type(child) is ExactRule:
            test = child.test
            truth = test.function(subject, action, resource, context, memo, test.row)
            finding = None if truth is False else _weighed(child, truth, parts)
        else:
            finding = _of_policy(child, parts)  # type: ignore[arg-type]  # the other
        if finding is None:
            continue
        findings.append(finding)
        if finding[0] in settling:
            break
        if place in doubts and finding[0].undecided:
            findings[-1] = finding[0], finding[1] | doubts[place], *finding[2:]
    return findings


def _of_policy(policy: ExactPolicy, parts: Parts) -> Finding | None:
    found = answer(policy, parts)
    return None if found.outcome is Outcome.NOT_APPLICABLE else (found.outcome, found.causes, policy, found)


def _only_one(policy: ExactPolicy, parts: Parts) -> tuple[list[Finding], Combined]:
    """Targets first; only the one policy that applies is looked into."""
    truths = [_applies(child, parts) for child in policy.children if isinstance(child, ExactPolicy)]
    settled = not any(type(truth) is Unknown for truth in truths) and truths.count(True) == 1
    findings, seen = list[Finding](), []
    for child, truth in zip(policy.children, truths, strict=True):
        assert isinstance(child, ExactPolicy)
        if truth is True and settled:
            found = answer(child, parts)
        else:
            outcome = Outcome.INDETERMINATE_DP if type(truth) is Unknown else Outcome.NOT_APPLICABLE
            found = Answer(outcome, None, child.policy, causes=_causes(truth))
        findings.append((found.outcome, found.causes, child, found))
        seen.append(Child(found.outcome, None if type(truth) is Unknown else truth))
    return findings, combine(Algorithm.ONLY_ONE_APPLICABLE, seen)
