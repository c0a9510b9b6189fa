"""Floor 4, compiler: conditions written out: small definitions in their place, walks over constants one by one, what is constant decided.

Sound because every step is a law of Kleene's logic: `false and x` is false and `true or x` true whatever is unknown about x, a definition
is what its body is (expressions have no effects, so an argument may be evaluated where it is used), and `some` over a known list is `or`.
Nothing is dropped but what a constant decides: `x == 1 or x != 1` stays, and so does a branch whose children are equal.

Walks whose body walks further stay as they are: the limit on combinations counts what is walked around a place. An argument that walks is
not moved into a definition that walks, for the same reason.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from abac.compiler.classes import is_plain
from abac.compiler.graph import Block, Graph, Test, rewritten
from abac.language import checked as c
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.types import BOOL, ListOf, SetOf, Words
from abac.model.values import ABSENT, EntityValue, ListValue, RecordValue, SetValue, Unknown

_PRIME = "'"

LARGEST_BODY = 40
"""Nodes of a definition with parameters beyond which it stays a function."""

LARGEST_SHARED = 5
"""Nodes of a definition without parameters beyond which it is computed once a decision rather than written out."""

LARGEST_ARGUMENT = 3
"""Nodes of an argument beyond which a definition that uses it twice stays a function."""

LARGEST_CONDITION = 400
"""Nodes of a condition, written out, beyond which nothing more is written out in it."""

LONGEST_WALK = 8
"""Constant elements beyond which a walk stays a walk."""


def simplify(graph: Graph) -> Graph:
    """The graph with every condition and target written out."""
    simplifier = _Simplifier(graph.definitions)
    root = simplifier.block(graph.root)
    definitions = {name: replace(each, body=simplifier.body(name)) for name, each in graph.definitions.items()}
    return replace(graph, root=root, definitions=definitions)


@dataclass(slots=True)
class _Simplifier:
    definitions: Mapping[str, c.Definition]
    bodies: dict[str, c.Expression] = field(default_factory=dict)
    fresh: Iterator[int] = field(default_factory=itertools.count)
    left: int = LARGEST_CONDITION

    def block(self, block: Block) -> Block:
        return rewritten(block, self.whole, self._rule)

    def _rule(self, step: Test) -> Test:
        witness = step.witness
        if witness is not None:
            witness = replace(witness, collection=self.whole(witness.collection))
        return replace(step, condition=self.whole(step.condition), witness=witness)

    def whole(self, e: c.Expression) -> c.Expression:
        self.left = LARGEST_CONDITION
        return self.expression(e)

    def expression(self, e: c.Expression) -> c.Expression:
        """The expression, its parts first."""
        if isinstance(e, c.Constant | c.Root | c.Variable):
            return e
        if isinstance(e, c.Quantified) and self._walks_constants(e):
            return self._unrolled(e)
        return self._decided(c.rebuilt(e, self.expression))

    def _decided(self, e: c.Expression) -> c.Expression:
        match e:
            case c.Invocation():
                return self._written_out(e)
            case c.Attribute(target=c.Constant(value=RecordValue() as record), name=name):
                return _constant(record.fields[name], e)
            case c.Attribute(target=c.Constant(value=EntityValue() as entity), name=name):
                return _constant(entity.fields[name], e)
            case c.HasAttribute(target=c.Constant(value=RecordValue() as record), name=name):
                found = record.fields[name]
                return e if isinstance(found, Unknown) else truth(found is not ABSENT, e)
            case c.Operation(operator=Operator.AND | Operator.OR as junction, operands=operands):
                return joined(junction, operands, e)
            case c.Operation(operator=Operator.NOT, operands=(operand,)):
                return negated(operand, e)
            case c.Operation(operator=op, operands=operands) if all(isinstance(each, c.Constant) for each in operands):
                return _compared(op, operands, e)
            case c.Conditional(arms=arms, otherwise=otherwise):
                return _chosen(arms, otherwise, e)
        return e

    # ── definitions ────────────────────────────────────────────────────────────────────────────────────────

    def body(self, definition: str) -> c.Expression:
        if definition not in self.bodies:
            self.bodies[definition] = _Simplifier(self.definitions, self.bodies).whole(self.definitions[definition].body)
        return self.bodies[definition]

    def _written_out(self, e: c.Invocation) -> c.Expression:
        definition = self.definitions[e.definition]
        body = self.body(e.definition)
        size = sum(1 for _ in c.walk(body))
        if size > self.left or size > (LARGEST_BODY if definition.parameters else LARGEST_SHARED):
            return e
        if not definition.parameters:
            return e if walks(body) else body
        names = [name for name, _ in definition.parameters]
        used = [each.name for each in c.walk(body) if isinstance(each, c.Variable)]
        for name, argument in zip(names, e.arguments, strict=True):
            heavy = sum(1 for _ in c.walk(argument)) > LARGEST_ARGUMENT
            if (heavy and used.count(name) > 1) or (walks(argument) and walks(body)):
                return e
        self.left -= size
        return self.expression(self._renamed(body, dict(zip(names, e.arguments, strict=True))))

    def _renamed(self, body: c.Expression, values: Mapping[str, c.Expression]) -> c.Expression:
        """The body with its parameters replaced and its own variables called as nothing else is."""
        if isinstance(body, c.Quantified):
            name = f"{body.variable.split(_PRIME)[0]}{_PRIME}{next(self.fresh)}"
            variable = c.Variable(name, type=_element_type(body.collection), span=body.span)
            collection = self._renamed(body.collection, values)
            return replace(body, variable=name, collection=collection, body=self._renamed(body.body, {**values, body.variable: variable}))
        if isinstance(body, c.Variable):
            return values.get(body.name, body)
        return c.rebuilt(body, lambda part: self._renamed(part, values))

    # ── walks over constants ───────────────────────────────────────────────────────────────────────────────

    def _walks_constants(self, e: c.Quantified) -> bool:
        match e.collection:
            case c.Constant(value=ListValue(elements=elements) | SetValue(elements=elements)):
                return len(elements) <= LONGEST_WALK and not any(isinstance(x, Unknown) for x in elements) and not self._walks(e.body)
        return False

    def _walks(self, e: c.Expression) -> bool:
        """Whether anything in it walks, definitions written out."""
        return walks(e) or any(self._walks(self.definitions[each.definition].body) for each in c.walk(e) if isinstance(each, c.Invocation))

    def _unrolled(self, e: c.Quantified) -> c.Expression:
        assert isinstance(e.collection, c.Constant) and isinstance(e.collection.value, ListValue | SetValue)
        type_ = _element_type(e.collection)
        bodies = []
        for element in e.collection.value.elements:
            constant = c.Constant(element, type_, type=type_, span=e.collection.span)  # type: ignore[arg-type]  # none is unknown
            bodies.append(self.expression(c.substitute(e.body, {e.variable: constant})))
        return joined(Operator.OR if e.kind is QuantifierKind.SOME else Operator.AND, tuple(bodies), e)


def walks(e: c.Expression) -> bool:
    return any(isinstance(each, c.Quantified) for each in c.walk(e))


def truth(value: bool, e: c.Expression) -> c.Constant:
    return c.Constant(value, BOOL, type=BOOL, span=e.span)


def joined(junction: Operator, operands: tuple[c.Expression, ...], e: c.Expression) -> c.Expression:
    """`and` or `or` of the operands, flat, without what changes nothing; constant where a constant decides."""
    deciding = junction is Operator.OR
    kept: list[c.Expression] = []
    for operand in operands:
        for each in _flat(junction, operand):
            if isinstance(each, c.Constant):
                if each.value is deciding:
                    return truth(deciding, e)
            else:
                kept.append(each)
    if len(kept) < 2:
        return kept[0] if kept else truth(not deciding, e)
    return c.Operation(junction, tuple(kept), type=BOOL, span=e.span)


def _flat(junction: Operator, e: c.Expression) -> tuple[c.Expression, ...]:
    return e.operands if isinstance(e, c.Operation) and e.operator is junction else (e,)


_OPPOSITES = {
    Operator.EQUAL: Operator.UNEQUAL,
    Operator.UNEQUAL: Operator.EQUAL,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
    Operator.EMPTY: Operator.NOT_EMPTY,
    Operator.NOT_EMPTY: Operator.EMPTY,
}
"""The others are not turned round: what is compared may run with the clock, and when the opposite changes is another question."""


def negated(operand: c.Expression, e: c.Expression) -> c.Expression:
    """`not operand`, the `not` as far inside as it goes (De Morgan)."""
    match operand:
        case c.Constant(value=value):
            return truth(not value, e)
        case c.Operation(operator=Operator.NOT, operands=(inner,)):
            return inner
        case c.Operation(operator=Operator.AND | Operator.OR as junction, operands=operands):
            other = Operator.OR if junction is Operator.AND else Operator.AND
            return joined(other, tuple(negated(each, e) for each in operands), e)
        case c.Operation(operator=op) if op in _OPPOSITES:
            return replace(operand, operator=_OPPOSITES[op])
    return c.Operation(Operator.NOT, (operand,), type=BOOL, span=e.span)


_PLAIN_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_EQUAL: operator.ge,
}


def _compared(op: Operator, operands: tuple[c.Expression, ...], e: c.Operation) -> c.Expression:
    """A comparison of constants without parts is decided."""
    constants = [each for each in operands if isinstance(each, c.Constant)]
    if op in _PLAIN_TESTS and all(is_plain(each.type) for each in constants):
        ordered = constants[0].type
        if isinstance(ordered, Words) and ordered.ordered and op not in (Operator.EQUAL, Operator.UNEQUAL):
            return e
        return truth(_PLAIN_TESTS[op](constants[0].value, constants[1].value), e)
    if op in (Operator.IN, Operator.NOT_IN) and is_plain(constants[0].type):
        found = constants[1].value
        if isinstance(found, SetValue) and found.plain is not None:
            return truth((constants[0].value in found.plain) is (op is Operator.IN), e)
    if op in (Operator.EMPTY, Operator.NOT_EMPTY) and isinstance(constants[0].value, SetValue | ListValue):
        return truth((not constants[0].value.elements) is (op is Operator.EMPTY), e)
    return e


def _chosen(arms: tuple[tuple[c.Expression, c.Expression], ...], otherwise: c.Expression, e: c.Conditional) -> c.Expression:
    """The ladder without arms that a constant rules out, up to one that a constant decides."""
    kept: list[tuple[c.Expression, c.Expression]] = []
    for condition, value in arms:
        if isinstance(condition, c.Constant):
            if condition.value is True:
                otherwise = value
                break
        else:
            kept.append((condition, value))
    if not kept:
        return otherwise
    return replace(e, arms=tuple(kept), otherwise=otherwise)


def _constant(found: Any, e: c.Attribute) -> c.Expression:
    """The attribute of a constant; one that is absent or unknown is left for the run time."""
    if found is ABSENT or isinstance(found, Unknown):
        return e
    return c.Constant(found, e.type, type=e.type, span=e.span)


def _element_type(collection: c.Expression) -> Any:
    assert isinstance(collection.type, ListOf | SetOf)
    return collection.type.element
