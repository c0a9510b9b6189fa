"""Floor 3, checker: what is certain about optional attributes and entity types at a place in an expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from abac.language import checked as c
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.source import Span
from abac.model.types import EntityOf


@dataclass(frozen=True, slots=True)
class Present:
    """`target has name`."""

    target: c.Expression
    name: str


@dataclass(frozen=True, slots=True)
class Typed:
    """`target is name`."""

    target: c.Expression
    name: str


Fact = Present | Typed
Facts = frozenset[Fact]
NO_FACTS: Facts = frozenset()


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a caller of a definition must make certain, and where the definition relies on it."""

    fact: Fact
    span: Span


@dataclass(slots=True)
class Summary:
    """What a definition's body needs, and what follows when it is true or false; all in terms of its parameters."""

    body: c.Expression
    parameters: tuple[str, ...]
    when_true: Facts = NO_FACTS
    when_false: Facts = NO_FACTS
    requires: dict[Fact, Span] = field(default_factory=dict)
    size: int = 1
    quantifiers: int = 0


Summaries = Mapping[str, Summary]


def variables(expression: c.Expression) -> set[str]:
    return {e.name for e in c.walk(expression) if isinstance(e, c.Variable)}


def substitute(fact: Fact, values: Mapping[str, c.Expression]) -> Fact:
    return type(fact)(c.substitute(fact.target, values), fact.name)


def when(expression: c.Expression, truth: bool, summaries: Summaries) -> Facts:
    """What is certain where the expression is known to be true (or false)."""
    match expression:
        case c.HasAttribute(target=target, name=name):
            return frozenset((Present(target, name),)) if truth else NO_FACTS
        case c.IsType(target=target, name=name):
            if truth:
                return frozenset((Typed(target, name),))
            others = [other for other in _possible(target) if other != name]
            return frozenset((Typed(target, others[0]),)) if len(others) == 1 else NO_FACTS
        case c.Operation(operator=Operator.NOT, operands=(operand,)):
            return when(operand, not truth, summaries)
        case c.Operation(operator=Operator.AND | Operator.OR as operator, operands=operands):
            each = [when(operand, truth, summaries) for operand in operands]
            return _union(each) if (operator is Operator.AND) is truth else _common(each)
        case c.Conditional():
            return _when_conditional(expression, truth, summaries)
        case c.Quantified(kind=kind, variable=variable, body=body):
            if (kind is QuantifierKind.SOME) is not truth:
                return NO_FACTS
            return frozenset(f for f in when(body, truth, summaries) if variable not in variables(f.target))
        case c.Invocation(definition=name, arguments=arguments) if name in summaries:
            summary = summaries[name]
            values = dict(zip(summary.parameters, arguments, strict=False))
            return frozenset(substitute(f, values) for f in (summary.when_true if truth else summary.when_false))
    return NO_FACTS


def _possible(target: c.Expression) -> tuple[str, ...]:
    return target.type.names if isinstance(target.type, EntityOf) else ()


def _union(facts: Iterable[Facts]) -> Facts:
    return frozenset().union(*facts)


def _common(facts: Iterable[Facts]) -> Facts:
    each = list(facts)
    return reduce(lambda a, b: a & b, each) if each else NO_FACTS


def _when_conditional(ladder: c.Conditional, truth: bool, summaries: Summaries) -> Facts:
    """What all arms that can end in `truth` have in common."""
    passed, ends = NO_FACTS, []
    for condition, value in ladder.arms:
        if not _constantly(value, not truth):
            ends.append(passed | when(condition, True, summaries) | when(value, truth, summaries))
        passed |= when(condition, False, summaries)
    if not _constantly(ladder.otherwise, not truth):
        ends.append(passed | when(ladder.otherwise, truth, summaries))
    return _common(ends)


def _constantly(expression: c.Expression, truth: bool) -> bool:
    return isinstance(expression, c.Constant) and expression.value is truth
