"""Floor 3, checker: what is certain about optional attributes and entity types at a place in an expression."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import islice

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
Both = tuple[Facts, Facts]
NO_FACTS: Facts = frozenset()


class Known:
    """The facts that are certain at a place. Never changed: `knowing` makes another.

    The facts of an `and` add up from operand to operand, so what grows by one fact shares all others with what it grew from. Both keep
    their facts in one list; `_count` is how many of them are one's own, and `_facts` has the place of each in the list.
    """

    __slots__ = ("_count", "_facts", "_order", "_typed")

    def __init__(self) -> None:
        self._order: list[Fact] = []
        self._facts: dict[Fact, int] = {}
        self._typed: dict[c.Expression, list[tuple[int, Typed]]] = {}
        self._count = 0

    def __contains__(self, fact: Fact) -> bool:
        return self._facts.get(fact, self._count) < self._count

    def __iter__(self) -> Iterator[Fact]:
        return islice(self._order, self._count)

    def knowing(self, facts: Facts) -> Known:
        """These facts and more."""
        grown = Known()
        new = {fact for fact in facts if fact not in self}
        following = self._order[self._count : self._count + len(new)]
        if following and new != set(following):  # something else has grown from this one
            grown._add(self)
        else:
            grown._order, grown._facts, grown._typed = self._order, self._facts, self._typed
        grown._add(new)
        grown._count = self._count + len(new)
        return grown

    def _add(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if fact not in self._facts:
                if isinstance(fact, Typed):
                    self._typed.setdefault(fact.target, []).append((len(self._order), fact))
                self._facts[fact] = len(self._order)
                self._order.append(fact)

    def types(self, target: c.Expression) -> Iterator[tuple[str, ...]]:
        """What is known of the type of something: the names that each fact leaves."""
        if self._typed:
            yield from (fact.names for number, fact in self._typed.get(target, ()) if number < self._count)


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
    return _certain(expression, summaries)[0 if truth else 1]


def _certain(expression: c.Expression, summaries: Summaries) -> Both:
    """What is certain where the expression is true, and where it is false: both in one walk, so that `if`s in `if`s stay linear."""
    match expression:
        case c.HasAttribute(target=target, name=name):
            return frozenset((Present(target, name),)), NO_FACTS
        case c.IsType(target=target, name=name):
            others = tuple(other for other in _possible(target) if other != name)
            return frozenset((Typed(target, (name,)),)), frozenset((Typed(target, others),)) if others else NO_FACTS
        case c.Operation(operator=Operator.NOT, operands=(operand,)):
            when_true, when_false = _certain(operand, summaries)
            return when_false, when_true
        case c.Operation(operator=Operator.AND | Operator.OR as operator, operands=operands):
            each = [_certain(operand, summaries) for operand in operands]
            trues, falses = [found for found, _ in each], [found for _, found in each]
            return (_union(trues), _common(falses)) if operator is Operator.AND else (_common(trues), _union(falses))
        case c.Conditional():
            return _certain_conditional(expression, summaries)
        case c.Quantified(kind=kind, variable=variable, body=body):
            when_true, when_false = _certain(body, summaries)
            found = when_true if kind is QuantifierKind.SOME else when_false
            kept = frozenset(f for f in untyped(found) if variable not in variables(f.target))
            return (kept, NO_FACTS) if kind is QuantifierKind.SOME else (NO_FACTS, kept)
        case c.Invocation(definition=name, arguments=arguments) if name in summaries:
            summary = summaries[name]
            values = dict(zip(summary.parameters, arguments, strict=True))
            return _at_call(summary.when_true, values), _at_call(summary.when_false, values)
    return NO_FACTS, NO_FACTS


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
    if not a or not b:
        return NO_FACTS
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


def untyped(facts: Iterable[Fact]) -> Facts:
    """Without the facts about types."""
    return frozenset(fact for fact in facts if isinstance(fact, Present))


def _certain_conditional(ladder: c.Conditional, summaries: Summaries) -> Both:
    """What all arms that can end in a truth have in common; about types what the one condition says that leads there."""
    arms = [(_certain(condition, summaries), value, _certain(value, summaries)) for condition, value in ladder.arms]
    last = _certain(ladder.otherwise, summaries)
    return _ends(ladder, arms, last, True), _ends(ladder, arms, last, False)


def _ends(ladder: c.Conditional, arms: list[tuple[Both, c.Expression, Both]], last: Both, truth: bool) -> Facts:
    at = 0 if truth else 1
    passed, ends = NO_FACTS, []
    for condition, value, of_value in arms:
        if not _constantly(value, not truth):
            ends.append(passed | condition[0] | of_value[at])
        passed |= condition[1]
    if not _constantly(ladder.otherwise, not truth):
        ends.append(passed | last[at])
    facts = untyped(_common(ends))
    (condition, value, _), *more = arms
    if not more and _constantly(ladder.otherwise, not truth):
        facts |= condition[0]
    elif not more and _constantly(value, not truth):
        facts |= condition[1]
    return facts


def _constantly(expression: c.Expression, truth: bool) -> bool:
    return isinstance(expression, c.Constant) and expression.value is truth
