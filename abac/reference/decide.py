"""Floor 3, reference: what policies mean: rules, combining, duties, and the decision that comes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from abac.language import checked as c
from abac.model.combining import Algorithm, Child, Combined, Outcome, combine
from abac.model.decision import INVALID_REQUEST, MORE_THAN_ONE_APPLIES, NO_RULE_APPLIES, Decision, Duty, Effect
from abac.model.limits import MAX_CAUSES, MAX_COMBINATIONS
from abac.model.request import InvalidRequest, Request
from abac.model.schema import DutyKind
from abac.model.text import show
from abac.model.values import Cause, CauseKind, ListValue, SetValue, Unknown, Value
from abac.reference.evaluator import NOTHING_BOUND, Environment, Evaluator
from abac.reference.logic import Truth, any_of

Causes = frozenset[Cause]
NO_CAUSES: Causes = frozenset()


@dataclass(frozen=True, slots=True)
class Duties:
    """What must and should be done. `causes`: what was unknown about it. `computable`: no obligation had an unknown part."""

    made: tuple[tuple[DutyKind, Duty], ...] = ()
    causes: Causes = NO_CAUSES
    computable: bool = True

    def __add__(self, other: Duties) -> Duties:
        return Duties(self.made + other.made, self.causes | other.causes, self.computable and other.computable)


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule or policy came to.

    Attributes:
        rule, policy: the deciding or undecided rule and the policy it stands in, or the policy whose default decided.
        environment: what the rule's witness bound.
        held: whether the rule itself came to its effect: in an undecided result, and where that counts as a deny, it did not.
        duties: for a permit or deny; of an undecided result, those it has where it counts as a deny.
        causes: the unknowns that belong into the decision.
        several: more than one policy applied.
    """

    outcome: Outcome
    rule: c.Rule | None
    policy: c.Policy
    environment: Environment = NOTHING_BOUND
    held: bool = False
    citations: tuple[str, ...] = ()
    duties: Duties = field(default_factory=Duties)
    causes: Causes = NO_CAUSES
    several: bool = False


def evaluate(package: c.Package, request: Request | InvalidRequest, digest: str = "") -> Decision:
    """The decision of a checked package on a request. Raises for no request."""
    if isinstance(request, InvalidRequest):
        causes = sorted(request.unknown.causes)
        return Decision(
            effect=Effect.INDETERMINATE, rule=None, policy=package.policy.name, code=INVALID_REQUEST,
            reason=f"the request is not valid: {causes[0]}", unknown=tuple(causes), digest=digest,
        )  # fmt: skip
    evaluator = Evaluator(package, request)
    result = policy_result(evaluator, package.policy)
    decided = not result.outcome.undecided and result.outcome is not Outcome.NOT_APPLICABLE
    duties = result.duties.made if decided else ()
    reason = _reason(evaluator, result)
    return Decision(
        effect=result.outcome.effect, rule=result.rule.name if result.rule else None, policy=result.policy.name, code=_code(result),
        reason=reason, citations=result.citations if decided else (),
        obligations=tuple(duty for kind, duty in duties if kind is DutyKind.OBLIGATION),
        advice=tuple(duty for kind, duty in duties if kind is DutyKind.ADVICE),
        unknown=tuple(sorted(result.causes)[:MAX_CAUSES]), valid_until=evaluator.horizon, digest=digest,
    )  # fmt: skip


def _code(result: Result) -> str:
    if result.several:
        return MORE_THAN_ONE_APPLIES
    return result.rule.code if result.rule else NO_RULE_APPLIES


def _reason(evaluator: Evaluator, result: Result) -> str:
    rule = result.rule
    if result.several:
        return f"more than one policy of {result.policy.name} applies"
    if rule is None:
        return f"no rule of {result.policy.name} applies" + (f": {_first(result)}" if result.causes else "")
    if result.outcome.undecided or not result.held:
        return f"cannot decide {rule.name}: {_first(result)}"
    if rule.because is None:
        return rule.title or f"{rule.effect}: {rule.name}"
    return render(evaluator, rule.because, result.environment)


def _first(result: Result) -> str:
    return str(min(result.causes)) if result.causes else "something is unknown"


def render(evaluator: Evaluator, template: c.Template, environment: Environment) -> str:
    """A reason with its values put in."""
    return "".join(part if isinstance(part, str) else show(evaluator.shown(part, environment)) for part in template.parts)


# ── policies ───────────────────────────────────────────────────────────────────────────────────────────────


def policy_result(evaluator: Evaluator, policy: c.Policy) -> Result:
    """A policy: not applicable unless its target holds; otherwise its children combined, then its own duties."""
    applies = applicability(evaluator, policy)
    if applies is False:
        return Result(Outcome.NOT_APPLICABLE, None, policy)
    result = _with_duties(evaluator, policy, _combined(evaluator, policy))
    return _doubted(result, applies) if isinstance(applies, Unknown) else result


def applicability(evaluator: Evaluator, policy: c.Policy) -> Truth:
    return True if policy.applies is None else evaluator.truth(policy.applies)


def _doubted(result: Result, target: Unknown) -> Result:
    """XACML 3.0 table 7: what a policy says is in doubt as long as its target is."""
    if result.outcome is Outcome.NOT_APPLICABLE:
        return result
    doubted = {Outcome.PERMIT: Outcome.INDETERMINATE_P, Outcome.DENY: Outcome.INDETERMINATE_D}.get(result.outcome, result.outcome)
    result = replace(result, outcome=doubted, held=False, causes=result.causes | target.causes)
    return replace(result, duties=Duties(), citations=()) if doubted is Outcome.INDETERMINATE_P else result


def _combined(evaluator: Evaluator, policy: c.Policy) -> Result:
    algorithm = Algorithm(policy.algorithm)
    results: list[Result] = []
    if algorithm is Algorithm.ONLY_ONE_APPLICABLE:
        results, combined = _only_one(evaluator, policy)
    else:
        for child in policy.children:
            results.append(rule_result(evaluator, child, policy) if isinstance(child, c.Rule) else policy_result(evaluator, child))
            if algorithm is Algorithm.FIRST_APPLICABLE and results[-1].outcome is not Outcome.NOT_APPLICABLE:
                break
        combined = combine(algorithm, [Child(r.outcome) for r in results])
    causes: Causes = NO_CAUSES.union(*(results[i].causes for i in combined.unknown))
    if not combined.deciding:
        return Result(combined.outcome, None, policy, causes=causes, several=combined.several)
    chosen = results[combined.deciding[0]]
    if chosen.outcome.undecided and not combined.outcome.undecided:  # its duties count now, with what is unknown about them
        causes |= chosen.duties.causes
    return replace(chosen, outcome=combined.outcome, causes=chosen.causes | causes)


def _only_one(evaluator: Evaluator, policy: c.Policy) -> tuple[list[Result], Combined]:
    """Targets first; only the one policy that applies is looked into."""
    truths = [applicability(evaluator, child) for child in policy.children if isinstance(child, c.Policy)]
    certain = sum(truth is True for truth in truths) == 1 and not any(isinstance(truth, Unknown) for truth in truths)
    results, children = [], []
    for child, truth in zip(policy.children, truths, strict=True):
        assert isinstance(child, c.Policy)
        if truth is True and certain:
            result = policy_result(evaluator, child)
        else:
            causes = truth.causes if isinstance(truth, Unknown) else NO_CAUSES
            result = Result(Outcome.INDETERMINATE_DP if causes else Outcome.NOT_APPLICABLE, None, child, causes=causes)
        results.append(result)
        children.append(Child(result.outcome, None if isinstance(truth, Unknown) else truth))
    return results, combine(Algorithm.ONLY_ONE_APPLICABLE, children)


def _with_duties(evaluator: Evaluator, policy: c.Policy, result: Result) -> Result:
    """The policy's own duties and citations after those from inside; a permit whose obligations cannot be computed is in doubt."""
    if result.outcome is Outcome.NOT_APPLICABLE:
        return result
    effect = "permit" if result.outcome is Outcome.PERMIT else "deny"
    if result.outcome is Outcome.INDETERMINATE_P:
        return result
    own = duties_for(evaluator, policy.duties, effect, NOTHING_BOUND)
    if result.outcome is Outcome.PERMIT and not own.computable:
        causes = result.causes | own.causes
        return replace(result, outcome=Outcome.INDETERMINATE_P, held=False, citations=(), duties=Duties(), causes=causes)
    citations = result.citations + citations_of(evaluator, policy.citations, NOTHING_BOUND)
    causes = result.causes if result.outcome.undecided else result.causes | own.causes
    return replace(result, duties=result.duties + own, citations=citations, causes=causes)


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────


def rule_result(evaluator: Evaluator, rule: c.Rule, policy: c.Policy) -> Result:
    """A rule: its effect if its condition holds, not applicable if it does not, and in doubt as long as it is unknown."""
    truth, witnesses = condition(evaluator, rule)
    if truth is False:
        return Result(Outcome.NOT_APPLICABLE, None, policy)
    if isinstance(truth, Unknown):
        return _undecided(evaluator, rule, policy, truth)
    chosen = [(each, duties_for(evaluator, rule.duties, rule.effect, each)) for each in witnesses]
    environment, duties = chosen[0]
    if rule.effect == "permit":
        environment, duties = next((pair for pair in chosen if pair[1].computable), chosen[0])
        if not duties.computable:
            return Result(Outcome.INDETERMINATE_P, rule, policy, environment, causes=duties.causes)
    citations = citations_of(evaluator, rule.citations, environment)
    return Result(Outcome(rule.effect), rule, policy, environment, True, citations, duties, duties.causes)


def _undecided(evaluator: Evaluator, rule: c.Rule, policy: c.Policy, truth: Unknown) -> Result:
    if rule.effect == "permit":
        return Result(Outcome.INDETERMINATE_P, rule, policy, causes=truth.causes)
    environment = NOTHING_BOUND if rule.witness is None else NOTHING_BOUND.binding(rule.witness.variable, truth, 1)
    duties = duties_for(evaluator, rule.duties, rule.effect, environment)
    citations = citations_of(evaluator, rule.citations, environment)
    if rule.even_if_unknown:
        return Result(Outcome.DENY, rule, policy, environment, True, citations, duties, truth.causes | duties.causes)
    return Result(Outcome.INDETERMINATE_D, rule, policy, environment, False, citations, duties, truth.causes)


def condition(evaluator: Evaluator, rule: c.Rule) -> tuple[Truth, list[Environment]]:
    """Whether the rule's condition holds, and for which witnesses, in order."""
    if rule.witness is None:
        return evaluator.truth(rule.condition), [NOTHING_BOUND]
    collection = evaluator.value(rule.witness.collection)
    if isinstance(collection, Unknown):
        return collection, []
    assert isinstance(collection, ListValue | SetValue)
    size = len(collection.elements)
    if size > MAX_COMBINATIONS:
        return Unknown.of(rule.witness.collection.span.text, CauseKind.LIMIT_EXCEEDED), []
    environments = [NOTHING_BOUND.binding(rule.witness.variable, element, size) for element in collection.elements]
    truths = [evaluator.truth(rule.condition, each) for each in environments]
    held = [each for each, truth in zip(environments, truths, strict=True) if truth is True]
    variable = rule.witness.variable
    return any_of(truths), sorted(held, key=lambda each: isinstance(each.variables[variable], Unknown))  # an unknown one last


def duties_for(evaluator: Evaluator, clauses: Iterable[c.DutyClause], effect: str, environment: Environment) -> Duties:
    """The duties of a rule or policy for an effect.

    What is unknown about advice drops it. What is unknown about an obligation leaves a deny with the obligation (arguments None) and
    a permit without the means to discharge it.
    """
    made: list[tuple[DutyKind, Duty]] = []
    causes, computable = NO_CAUSES, True
    for clause in clauses:
        if clause.effect not in (None, effect):
            continue
        guard: Truth = True if clause.guard is None else evaluator.truth(clause.guard, environment)
        if guard is False:
            continue
        arguments = [evaluator.value(argument, environment) for argument in clause.arguments]
        unknown = [u for u in (guard, *arguments) if isinstance(u, Unknown)]
        causes = causes.union(*(u.causes for u in unknown))
        if unknown and clause.kind is DutyKind.ADVICE:
            continue
        computable = computable and not unknown
        known = [None if isinstance(argument, Unknown) else argument for argument in arguments]
        made.append((clause.kind, Duty(clause.id, dict(zip(clause.parameters, known, strict=True)))))
    return Duties(tuple(made), causes, computable)


def citations_of(evaluator: Evaluator, expressions: Iterable[c.Expression], environment: Environment) -> tuple[str, ...]:
    """The citations as texts; lists are written out."""
    texts: list[str] = []
    for expression in expressions:
        value: Value | Unknown = evaluator.value(expression, environment)
        elements = value.elements if isinstance(value, ListValue | SetValue) else (value,)
        texts += [show(element) for element in elements]
    return tuple(texts)
