"""Floor 5, engine: a decision with what led to it: for the requester a text, for the officer the trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from abac.engine.pipeline import Loaded
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.decision import Decision
from abac.model.request import InvalidRequest, Request
from abac.model.source import Span
from abac.model.text import show, show_instant
from abac.model.types import BOOL
from abac.model.values import ABSENT, Cause, EntityValue, ListValue, RecordValue, SetValue, Unknown, Value
from abac.model.wire import to_wire
from abac.reference.evaluator import NOTHING_BOUND, Environment, Evaluator
from abac.reference.logic import Truth


class Standing(StrEnum):
    """How a rule stands to a request: `missed` is by one condition only, `no` by more."""

    HELD = "held"
    UNDECIDED = "undecided"
    MISSED = "missed by one condition"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the conditions that a rule needs, as the policy writes it, with the values it read."""

    text: str
    truth: Truth
    place: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule for one request.

    Attributes:
        needs: how many conditions it has.
        conditions: those that were false or unknown.
        witness: where the witness stood that came closest.
    """

    name: str
    effect: str
    policy: str
    place: str
    standing: Standing
    needs: int = 0
    conditions: tuple[Condition, ...] = ()
    witness: str | None = None

    def to_dict(self) -> dict[str, object]:
        failed = [{"condition": x.text, "place": x.place, "values": _wire(x.values), "unknown": _causes(x.truth)} for x in self.conditions]
        return {
            "rule": self.name, "effect": self.effect, "policy": self.policy, "place": self.place, "standing": str(self.standing),
            "needs": self.needs, "conditions": failed, "witness": self.witness,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision is as it is.

    Attributes:
        requester: what the requester may be told: the decision's reason and advice; nothing sensitive.
        rules: every rule of the policy in source order, with how it stood to the request.
        values: the attributes that were read, by path; sensitive ones too, so this part is for officers only.
        unknown: everything that could not be had, whether it mattered or not.
    """

    decision: Decision
    requester: str
    rules: tuple[RuleTrace, ...]
    values: Mapping[str, object]
    unknown: tuple[Cause, ...]

    def standing(self, standing: Standing) -> tuple[RuleTrace, ...]:
        """The rules that stand so, without the deciding one."""
        return tuple(rule for rule in self.rules if rule.standing is standing and rule.name != self.decision.rule)

    def to_dict(self) -> dict[str, object]:
        """For machines; `requester` may be shown to whoever asked, `officer` may not."""
        deciding = next((rule.to_dict() for rule in self.rules if rule.name == self.decision.rule), None)
        return {
            "decision": self.decision.to_dict(),
            "requester": {"text": self.requester, "advice": [duty.to_dict() for duty in self.decision.advice]},
            "officer": {
                "deciding": deciding,
                "policy": self.decision.policy,
                "held": [rule.to_dict() for rule in self.standing(Standing.HELD)],
                "missed_by_one": [rule.to_dict() for rule in self.standing(Standing.MISSED)],
                "undecided": [rule.to_dict() for rule in self.standing(Standing.UNDECIDED)],
                "unknown": [{"path": cause.path, "cause": str(cause.kind)} for cause in self.unknown],
                "values": _wire(self.values),
                "citations": list(self.decision.citations),
            },
        }

    def __str__(self) -> str:
        return "\n".join([*self._requester_lines(), "", *self._officer_lines()])

    def _requester_lines(self) -> Iterator[str]:
        decision = self.decision
        yield f"{decision.effect.upper()}  {decision.code}"
        yield f"  {self.requester}"
        for duty in decision.advice:
            yield f"  advice      {_duty(duty.id, duty.arguments)}"

    def _officer_lines(self) -> Iterator[str]:
        decision = self.decision
        yield "For the officer"
        deciding = next((rule for rule in self.rules if rule.name == decision.rule), None)
        if deciding is not None:
            yield f"  decided by  {deciding.name} in {deciding.policy}, {deciding.place}"
            yield from self._conditions(deciding)
        else:
            yield f"  decided by  the default of {decision.policy}"
        for citation in decision.citations:
            yield f"  cited       {citation}"
        for duty in decision.obligations:
            yield f"  obligation  {_duty(duty.id, duty.arguments)}"
        for standing in (Standing.HELD, Standing.UNDECIDED, Standing.MISSED):
            rules = [rule for rule in self.standing(standing) if standing is not Standing.MISSED or self._near_miss(rule)]
            if rules:
                yield f"  {'also held' if standing is Standing.HELD else standing}"
            for rule in rules:
                yield f"    {rule.effect} {rule.name}, {rule.place}" + (f", for {rule.witness}" if rule.witness else "")
                yield from self._conditions(rule)
        if self.unknown:
            yield "  unknown"
        for cause in self.unknown:
            yield f"    {cause.path}: {cause.kind}"
        yield "  values read"
        width = min(44, max((len(path) for path in self.values), default=0))
        for path, value in self.values.items():
            yield f"    {path:<{width}}  {show(value)}"  # type: ignore[arg-type]  # values of the language
        yield f"  valid until {show_instant(decision.valid_until) if decision.valid_until else 'anything it read changes'}"
        yield f"  policy      {decision.digest}"

    def _near_miss(self, rule: RuleTrace) -> bool:
        """Whether people want to hear of a missed rule: it would have changed the effect, and either permits or all but held."""
        return rule.effect != self.decision.effect and (rule.effect == "permit" or rule.needs > 1)

    def _conditions(self, rule: RuleTrace) -> Iterator[str]:
        for each in rule.conditions:
            seen = ", ".join(f"{path} = {show(value)}" for path, value in list(each.values.items())[:3])  # type: ignore[arg-type]
            yield f"      {'unknown' if isinstance(each.truth, Unknown) else 'false'}: {each.text}" + (f"   ({seen})" if seen else "")


def explain(state: Loaded, request: Request | InvalidRequest) -> Explanation:
    """The explanation of the decision of one policy version on a request."""
    decision = state.decide(request)
    if isinstance(request, InvalidRequest):
        return Explanation(decision, decision.reason, (), {}, decision.unknown)
    evaluator = Evaluator(state.package, request)
    rules = tuple(_traces(evaluator, state.package.policy, (), ""))
    values = {path: value for path, value in evaluator.reads.items() if _plain(value)}
    unknown: set[Cause] = {cause for value in evaluator.reads.values() if isinstance(value, Unknown) for cause in value.causes}
    for rule in rules:
        unknown.update(cause for each in rule.conditions if isinstance(each.truth, Unknown) for cause in each.truth.causes)
    ordered = {path: values[path] for path in sorted(values)}
    return Explanation(decision, decision.reason, rules, ordered, tuple(sorted(unknown | set(decision.unknown))))


def _traces(evaluator: Evaluator, policy: c.Policy, targets: tuple[c.Expression, ...], above: str) -> Iterator[RuleTrace]:
    path = f"{above}/{policy.name}" if above else policy.name
    targets = targets if policy.applies is None else (*targets, policy.applies)
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from _traces(evaluator, child, targets, path)
        else:
            yield _trace(evaluator, child, targets, path)


def _trace(evaluator: Evaluator, rule: c.Rule, targets: tuple[c.Expression, ...], policy: str) -> RuleTrace:
    """The rule for the witness with which it comes closest to holding."""
    outer = [each for target in targets for each in _conditions(evaluator, target, NOTHING_BOUND)]
    best: tuple[Standing, int, tuple[Condition, ...], str | None] = (Standing.NO, 0, (), None)
    for environment, witness in _environments(evaluator, rule):
        conditions = (*outer, *_conditions(evaluator, rule.condition, environment))
        standing, failed = _standing(conditions)
        if _NEARNESS[standing] > _NEARNESS[best[0]]:
            best = (standing, len(conditions), failed, witness)
    if rule.witness is not None and isinstance(value := evaluator.value(rule.witness.collection), Unknown):
        place = rule.witness.collection.span
        best = (Standing.UNDECIDED, 1, (Condition(_text(place), value, place.place, {}),), None)
    return RuleTrace(rule.name, rule.effect, policy, rule.span.place, *best)


_NEARNESS = {Standing.NO: 0, Standing.MISSED: 1, Standing.UNDECIDED: 2, Standing.HELD: 3}


def _environments(evaluator: Evaluator, rule: c.Rule) -> Iterator[tuple[Environment, str | None]]:
    if rule.witness is None:
        yield NOTHING_BOUND, None
        return
    collection = evaluator.value(rule.witness.collection)
    if isinstance(collection, ListValue | SetValue):
        for index, element in enumerate(collection.elements):
            path = getattr(element, "path", "") or f"{_text(rule.witness.collection.span)}[{index}]"
            yield NOTHING_BOUND.binding(rule.witness.variable, element, len(collection.elements)), path


def _standing(conditions: tuple[Condition, ...]) -> tuple[Standing, tuple[Condition, ...]]:
    failed = tuple(each for each in conditions if each.truth is False)
    unknown = tuple(each for each in conditions if isinstance(each.truth, Unknown))
    if not failed:
        return (Standing.UNDECIDED, unknown) if unknown else (Standing.HELD, ())
    return (Standing.MISSED, failed) if len(failed) == 1 and not unknown else (Standing.NO, ())


def _conditions(evaluator: Evaluator, expression: c.Expression, environment: Environment, negated: bool = False) -> Iterator[Condition]:
    """What must hold one by one, with definitions that are conjunctions written out."""
    match expression:
        case c.Operation(operator=Operator.NOT, operands=(operand,)):
            yield from _conditions(evaluator, operand, environment, not negated)
        case c.Operation(operands=operands) if _conjunction(expression, negated):
            for operand in operands:
                yield from _conditions(evaluator, operand, environment, negated)
        case c.Invocation(definition=name, arguments=arguments) if _conjunction(evaluator.package.definitions[name].body, negated):
            definition = evaluator.package.definitions[name]
            values = {p: evaluator.value(a, environment) for (p, _), a in zip(definition.parameters, arguments, strict=True)}
            yield from _conditions(evaluator, definition.body, Environment(values, environment.combinations), negated)
        case _:
            yield _condition(evaluator, expression, environment, negated)


def _one(expression: c.Operation) -> bool:
    """Whether this `and` is one condition to its author: `x has a == v`."""
    return isinstance(expression.operands[0], c.HasAttribute) and expression.operands[0].span == expression.span


def _conjunction(body: c.Expression, negated: bool) -> bool:
    if isinstance(body, c.Operation) and body.operator is Operator.NOT:
        return _conjunction(body.operands[0], not negated)
    return isinstance(body, c.Operation) and body.operator is (Operator.OR if negated else Operator.AND) and not _one(body)


def _condition(evaluator: Evaluator, expression: c.Expression, environment: Environment, negated: bool) -> Condition:
    outside, evaluator.reads = evaluator.reads, {}
    denied = c.Operation(Operator.NOT, (expression,), type=BOOL, span=expression.span) if negated else expression
    truth = evaluator.truth(denied, environment)
    values = {path: value for path, value in evaluator.reads.items() if _plain(value)}
    evaluator.reads = outside | evaluator.reads
    text = _text(expression.span)
    return Condition(f"not {text}" if negated else text, truth, expression.span.place, values)


def _plain(value: object) -> bool:
    """Whether a value is shown as such; of records and entities their attributes are."""
    if isinstance(value, ListValue | SetValue):
        return all(_plain(element) for element in value.elements)
    return not isinstance(value, RecordValue | EntityValue)


def _text(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 120 else text[:119] + "…"


def _duty(id: str, arguments: Mapping[str, Value | None]) -> str:
    shown = ", ".join(f"{name}: {'(unknown)' if value is None else show(value)}" for name, value in arguments.items())
    return f"{id}({shown})"


def _wire(values: Mapping[str, object]) -> dict[str, object]:
    """Values in wire form; an unknown one as its causes, so that it is not taken for absent."""
    return {
        path: {"unknown": _causes(value)} if isinstance(value, Unknown) else None if value is ABSENT else to_wire(value)  # type: ignore[arg-type]
        for path, value in values.items()
    }


def _causes(truth: object) -> list[dict[str, str]]:
    return [{"path": cause.path, "cause": str(cause.kind)} for cause in sorted(truth.causes)] if isinstance(truth, Unknown) else []
