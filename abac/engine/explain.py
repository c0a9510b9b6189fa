"""Floor 5, engine: explains a decision: how each rule stood to the request, and what was read and unknown on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from abac.engine.explanation import Condition, Explanation, RuleTrace, Standing
from abac.engine.pipeline import Loaded
from abac.engine.table import bounded
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.request import InvalidRequest, Request
from abac.model.source import Span
from abac.model.types import BOOL
from abac.model.values import Cause, EntityValue, ListValue, Origin, RecordValue, SetValue, Unknown
from abac.reference import evaluate
from abac.reference.decide import duties_for
from abac.reference.evaluator import NOTHING_BOUND, Environment, Evaluator

__all__ = ["Condition", "Explanation", "RuleTrace", "Standing", "explain"]


def explain(state: Loaded, request: Request | InvalidRequest, until: dt.datetime | None = None) -> Explanation:
    """The explanation of the decision of one policy version on a request, whose values may be used until then; None: for ever."""
    decision = bounded(evaluate(state.package, request, state.digest), until)
    if isinstance(request, InvalidRequest):
        return Explanation(decision, None, (), {}, decision.unknown)
    evaluator = Evaluator(state.package, request)
    rules = tuple(_traces(evaluator, state.package.policy, (), ""))
    reads = {path: evaluator.reads[path] for path in sorted(evaluator.reads) if not _foreign(path, request)}
    values = {path: value for path, value in reads.items() if _plain(value)}
    unknown = {cause for value in reads.values() if isinstance(value, Unknown) for cause in value.causes}
    unknown.update(_causes_of(rules, request), decision.unknown)
    supplied = dict(_origins(request.subject)) | dict(_origins(request.resource)) | dict(_origins(request.context))
    origins = {path: origin for path in values if (origin := _origin(path, supplied)) is not None}
    return Explanation(decision, evaluator.at, rules, values, tuple(sorted(unknown)), origins)


def _origins(value: object) -> Iterator[tuple[str, Origin]]:
    """Where attributes came from that sources supplied, by path."""
    match value:
        case EntityValue(fields=fields, parents=parents, path=path, origins=origins):
            yield from ((f"{path}.{name}", origin) for name, origin in (origins or {}).items())
            for part in (*fields.values(), parents):
                yield from _origins(part)
        case RecordValue(fields=fields):
            for part in fields.values():
                yield from _origins(part)
        case ListValue(elements=elements) | SetValue(elements=elements):
            for part in elements:
                yield from _origins(part)


def _origin(path: str, supplied: Mapping[str, Origin]) -> Origin | None:
    """Where what stands at a path came from: it may be part of an attribute that was supplied whole."""
    while path:
        if path in supplied:
            return supplied[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


def _causes_of(rules: Iterable[RuleTrace], request: Request) -> Iterator[Cause]:
    for rule in rules:
        for each in rule.conditions:
            if isinstance(each.truth, Unknown):
                yield from (cause for cause in each.truth.causes if not _foreign(cause.path, request))


def _foreign(path: str, request: Request) -> bool:
    """Whether an attribute belongs to another type of subject or resource than the request's: nobody could have sent it."""
    root, _, rest = path.partition(".")
    entity = {"subject": request.subject, "resource": request.resource}.get(root)
    return entity is not None and rest.partition(".")[0].partition("[")[0] not in entity.fields


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────


def _traces(evaluator: Evaluator, policy: c.Policy, targets: tuple[c.Expression, ...], above: str) -> Iterator[RuleTrace]:
    path = f"{above}/{policy.name}" if above else policy.name
    targets = targets if policy.applies is None else (*targets, policy.applies)
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from _traces(evaluator, child, targets, path)
        else:
            yield _trace(evaluator, child, targets, path)


def _trace(evaluator: Evaluator, rule: c.Rule, targets: tuple[c.Expression, ...], policy: str) -> RuleTrace:
    """The rule for the witness with which it holds, or comes closest to holding."""
    outer = tuple(each for target in targets for each in _conditions(evaluator, target, NOTHING_BOUND))
    best = RuleTrace(rule.name, rule.effect, policy, rule.span.place, Standing.NO)
    nearest = 0
    for own, environment, witness in _attempts(evaluator, rule):
        conditions = (*outer, *own)
        standing, telling = _standing(conditions)
        nearness = _NEARNESS[standing] + (standing is Standing.HELD and _dischargeable(evaluator, rule, environment))
        if nearness > nearest:
            denies = standing is Standing.UNDECIDED and rule.even_if_unknown and all(each.truth is True for each in outer)
            applied = standing is Standing.HELD or denies
            best = RuleTrace(rule.name, rule.effect, policy, rule.span.place, standing, applied, len(conditions), telling, witness)
            nearest = nearness
    return best


_NEARNESS = {Standing.NO: 0, Standing.MISSED: 1, Standing.UNDECIDED: 2, Standing.HELD: 3}


def _dischargeable(evaluator: Evaluator, rule: c.Rule, environment: Environment) -> bool:
    """A permit takes the first witness with which all its obligations can be computed, a deny the first."""
    return rule.effect == "deny" or duties_for(evaluator, rule.duties, rule.effect, environment).computable


Attempt = tuple[tuple[Condition, ...], Environment, str | None]


def _attempts(evaluator: Evaluator, rule: c.Rule) -> Iterator[Attempt]:
    """The rule's conditions for each element that might be its witness, and where that stands.

    Unknown elements come last: they are no witnesses if others are.
    """
    if rule.witness is None:
        yield tuple(_conditions(evaluator, rule.condition, NOTHING_BOUND)), NOTHING_BOUND, None
        return
    span = rule.witness.collection.span
    collection = evaluator.value(rule.witness.collection)
    if isinstance(collection, Unknown):
        yield (Condition(_text(span), collection, span.place, {}),), NOTHING_BOUND, None
    elif isinstance(collection, ListValue | SetValue):
        for index, element in sorted(enumerate(collection.elements), key=lambda pair: isinstance(pair[1], Unknown)):
            environment = NOTHING_BOUND.binding(rule.witness.variable, element, len(collection.elements))
            path = getattr(element, "path", "") or f"{_text(span)}[{index}]"
            yield tuple(_conditions(evaluator, rule.condition, environment)), environment, path


def _standing(conditions: tuple[Condition, ...]) -> tuple[Standing, tuple[Condition, ...]]:
    """How a rule with these conditions stands, and which of them tell why."""
    false = tuple(each for each in conditions if each.truth is False)
    unknown = tuple(each for each in conditions if isinstance(each.truth, Unknown))
    if not false:
        return (Standing.UNDECIDED, unknown) if unknown else (Standing.HELD, conditions)
    return (Standing.MISSED, false) if len(false) == 1 and not unknown else (Standing.NO, ())


# ── conditions ─────────────────────────────────────────────────────────────────────────────────────────────


def _conditions(evaluator: Evaluator, expression: c.Expression, environment: Environment, negated: bool = False) -> Iterator[Condition]:
    """What must hold one by one, with definitions that are conjunctions written out."""
    match expression:
        case c.Constant(value=value) if value is not negated:  # `otherwise`
            pass
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


def _conjunction(body: c.Expression, negated: bool) -> bool:
    if isinstance(body, c.Operation) and body.operator is Operator.NOT:
        return _conjunction(body.operands[0], not negated)
    return isinstance(body, c.Operation) and body.operator is (Operator.OR if negated else Operator.AND) and not _one(body)


def _one(expression: c.Operation) -> bool:
    """Whether this `and` is one condition to its author: `x has a == v`."""
    return isinstance(expression.operands[0], c.HasAttribute) and expression.operands[0].span == expression.span


def _condition(evaluator: Evaluator, expression: c.Expression, environment: Environment, negated: bool) -> Condition:
    outside, evaluator.reads = evaluator.reads, {}
    meant = c.Operation(Operator.NOT, (expression,), type=BOOL, span=expression.span) if negated else expression
    truth = evaluator.truth(meant, environment)
    values = {path: value for path, value in evaluator.reads.items() if _plain(value)}
    evaluator.reads = outside | evaluator.reads
    return Condition(_words(expression, negated), truth, expression.span.place, values)


def _words(expression: c.Expression, negated: bool) -> str:
    text = _text(expression.span)
    if isinstance(expression, c.Operation) and expression.operator is Operator.IN and expression.operands[0].span == expression.span:
        text = f"now in {text}"  # a window, which states its interval alone
    if not negated:
        return text
    return f"not {text}" if text.replace(".", "").isidentifier() else f"not ({text})"


def _plain(value: object) -> bool:
    """Whether a value is shown as such; of records and entities their attributes are."""
    if isinstance(value, ListValue | SetValue):
        return all(_plain(element) for element in value.elements)
    return not isinstance(value, RecordValue | EntityValue)


def _text(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 120 else text[:119] + "…"
