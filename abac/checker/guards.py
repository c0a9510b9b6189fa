"""Floor 3, checker: what is certain about optional attributes and entity types at a place in an expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from abac.language import checked as c
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.source import Span
from abac.model.types import EntityOf

_LARGEST = 256
"""Parts of an expression that a fact may be about: definitions that hand on composed arguments would double it at every step."""


@dataclass(frozen=True, slots=True)
class Present:
    """`target has name`."""

    target: c.Expression
    name: str


@dataclass(frozen=True, slots=True)
class Typed:
    """`target is` one of the names."""

    target: c.Expression
    names: tuple[str, ...]


Fact = Present | Typed
Facts = frozenset[Fact]
NO_FACTS: Facts = frozenset()


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a caller of a definition must make certain, and where the definition relies on it."""

    fact: Present
    span: Span


@dataclass(frozen=True, slots=True)
class Measure:
    """How large an expression is with definitions written out: operations, nesting, and quantifiers inside one another."""

    size: int = 1
    depth: int = 1
    quantifiers: int = 0


@dataclass(slots=True)
class Summary:
    """What a definition's body needs, and what follows when it is true or false; all in terms of its parameters."""

    parameters: tuple[str, ...]
    measure: Measure
    when_true: Facts = NO_FACTS
    when_false: Facts = NO_FACTS
    requires: dict[Present, Span] = field(default_factory=dict)


Summaries = Mapping[str, Summary]


def variables(expression: c.Expression) -> set[str]:
    return {e.name for e in c.walk(expression) if isinstance(e, c.Variable)}


def free_of_binders(fact: Fact) -> bool:
    """Whether the fact's variables are all parameters: one with a quantifier inside means nothing elsewhere."""
    return not any(isinstance(e, c.Quantified) for e in c.walk(fact.target))


def substitute(target: c.Expression, values: Mapping[str, c.Expression]) -> c.Expression | None:
    """What a fact is about, in terms of the arguments of a call; None if that is too large to keep."""
    sizes = {name: sum(1 for _ in c.walk(value)) for name, value in values.items()}
    size = sum(sizes.get(e.name, 1) if isinstance(e, c.Variable) else 1 for e in c.walk(target))
    return c.substitute(target, values) if size <= _LARGEST else None


def for_callers(facts: Facts) -> Facts:
    """The facts about a definition's body that make sense where it is called."""
    return frozenset(fact for fact in facts if free_of_binders(fact))


def when(expression: c.Expression, truth: bool, summaries: Summaries) -> Facts:
    """What is certain where the expression is known to be true (or false).

    Invariant: where a fact about a type is false, the expression is known to be the opposite. What stands behind a guard is evaluated
    also where the guard is unknown; then an optional attribute reads as unknown, but one of another type of entity cannot be read. So
    forms that can be unknown whatever the guard inside them says (quantifiers, most conditionals) tell nothing about types.
    """
    match expression:
        case c.HasAttribute(target=target, name=name):
            return frozenset((Present(target, name),)) if truth else NO_FACTS
        case c.IsType(target=target, name=name):
            names = (name,) if truth else tuple(other for other in _possible(target) if other != name)
            return frozenset((Typed(target, names),)) if names else NO_FACTS
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
            return frozenset(f for f in untyped(when(body, truth, summaries)) if variable not in variables(f.target))
        case c.Invocation(definition=name, arguments=arguments) if name in summaries:
            summary = summaries[name]
            values = dict(zip(summary.parameters, arguments, strict=True))
            return _at_call(summary.when_true if truth else summary.when_false, values)
    return NO_FACTS


def _at_call(facts: Facts, values: Mapping[str, c.Expression]) -> Facts:
    found: set[Fact] = set()
    for fact in facts:
        target = substitute(fact.target, values)
        if target is not None:
            found.add(replace(fact, target=target))
    return frozenset(found)


def _possible(target: c.Expression) -> tuple[str, ...]:
    return target.type.names if isinstance(target.type, EntityOf) else ()


def _union(facts: Iterable[Facts]) -> Facts:
    return frozenset().union(*facts)


def _common(facts: Iterable[Facts]) -> Facts:
    """What is certain whichever holds: `x is A or x is B` leaves two types."""
    each = list(facts)
    return reduce(_either, each) if each else NO_FACTS


def _either(a: Facts, b: Facts) -> Facts:
    left, right = _types(a), _types(b)
    joined = {t: tuple(sorted({*left[t], *right[t]})) for t in left if t in right}
    return (a & b) | frozenset(Typed(target, names) for target, names in joined.items())


def _types(facts: Facts) -> dict[c.Expression, tuple[str, ...]]:
    """The types that each target may have."""
    found: dict[c.Expression, tuple[str, ...]] = {}
    for fact in facts:
        if isinstance(fact, Typed):
            found[fact.target] = tuple(n for n in found.get(fact.target, fact.names) if n in fact.names)
    return found


def untyped(facts: Facts) -> Facts:
    """Without the facts about types."""
    return frozenset(fact for fact in facts if isinstance(fact, Present))


def _when_conditional(ladder: c.Conditional, truth: bool, summaries: Summaries) -> Facts:
    """What all arms that can end in `truth` have in common; about types what the one condition says that leads there."""
    passed, ends = NO_FACTS, []
    for condition, value in ladder.arms:
        if not _constantly(value, not truth):
            ends.append(passed | when(condition, True, summaries) | when(value, truth, summaries))
        passed |= when(condition, False, summaries)
    if not _constantly(ladder.otherwise, not truth):
        ends.append(passed | when(ladder.otherwise, truth, summaries))
    facts = untyped(_common(ends))
    (condition, value), *more = ladder.arms
    if not more and _constantly(ladder.otherwise, not truth):
        facts |= when(condition, True, summaries)
    elif not more and _constantly(value, not truth):
        facts |= when(condition, False, summaries)
    return facts


def _constantly(expression: c.Expression, truth: bool) -> bool:
    return isinstance(expression, c.Constant) and expression.value is truth
