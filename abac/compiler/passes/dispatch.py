"""Floor 4, compiler: runs of rules that require one attribute to have certain values are found by that value.

Sound because a rule that is left out has, by the value that was read, a conjunct that is false, and false makes its condition false
whatever else is unknown. The attribute is one of subject, resource, context or the action itself, so reading it needs no guard but its
own: where it is absent every rule of the run is false, for each has a conjunct that asks for its presence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from abac.compiler.graph import Block, Branch, Graph, Nested, Step, Test
from abac.language import checked as c
from abac.language.checked import conjuncts
from abac.language.operators import Operator
from abac.model.types import DECIMAL, INT, STRING, KeyOf, Scalar, Type, Words
from abac.model.values import SetValue, Unknown, Value

SHORTEST_RUN = 4
"""Rules below which a dictionary costs more than the tests it saves."""

MOST_VALUES = 64
"""Values of one rule above which the rule is tested rather than filed."""

Guards = dict[c.Expression, tuple[Value, ...]]


def dispatch(graph: Graph) -> Graph:
    """The graph with dictionaries in place of long runs of rules that ask one attribute for its value."""
    return replace(graph, root=_block(graph.root))


def _block(block: Block) -> Block:
    return replace(block, strong=_steps(block.strong), weak=_steps(block.weak))


def _steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    made: list[Step] = []
    run: list[Test] = []
    shared: list[c.Expression] = []
    for step in steps:
        guards = required_values(step.rule) if isinstance(step, Test) else {}
        common = [a for a in guards if a in shared] if run else list(guards)
        if isinstance(step, Test) and common:
            run.append(step)
            shared = common
            continue
        made += _filed(run, shared)
        run, shared = ([step], list(guards)) if isinstance(step, Test) and guards else ([], [])
        if not run:
            made.append(Nested(_block(step.block)) if isinstance(step, Nested) else step)
    return (*made, *_filed(run, shared))


def _filed(run: list[Test], shared: list[c.Expression]) -> Iterator[Step]:
    """The run as one branch on the attribute that tells its rules apart best, if that is worth it."""
    if len(run) < SHORTEST_RUN:
        yield from run
        return
    filed = [(attribute, _cases(run, attribute)) for attribute in shared]
    attribute, cases = min(filed, key=lambda each: max(len(tests) for _, tests in each[1]))
    if max(len(tests) for _, tests in cases) * 2 > len(run):
        yield from run
    else:
        yield Branch(attribute, cases)


def _cases(run: list[Test], attribute: c.Expression) -> tuple[tuple[Value, tuple[Test, ...]], ...]:
    cases: dict[Value, list[Test]] = {}
    for test in run:
        for value in required_values(test.rule)[attribute]:
            cases.setdefault(value, []).append(test)
    return tuple((value, tuple(tests)) for value, tests in cases.items())


def required_values(rule: c.Rule) -> Guards:
    """The attributes of the request that the rule requires to have one of a few values."""
    found: Guards = {}
    if rule.witness is not None:
        return found
    for part in conjuncts(rule.condition):
        match part:
            case c.Operation(operator=Operator.EQUAL, operands=(attribute, c.Constant(value=value))):
                values: tuple[Value | Unknown, ...] = (value,)
            case c.Operation(operator=Operator.IN, operands=(attribute, c.Constant(value=SetValue(elements=elements)))):
                values = elements
            case _:
                continue
        if _indexable(attribute) and attribute not in found and len(values) <= MOST_VALUES:
            found[attribute] = values  # type: ignore[assignment]  # constants have no unknown elements
    return found


def _indexable(expression: c.Expression) -> bool:
    """Whether the expression is the action, or a plain attribute of subject, resource or context."""
    if not _hashes(expression.type):
        return False
    if isinstance(expression, c.Root):
        return expression.name == "action"
    return isinstance(expression, c.Attribute) and isinstance(expression.target, c.Root)


def _hashes(type: Type) -> bool:
    return isinstance(type, Words | KeyOf) or (isinstance(type, Scalar) and type in (STRING, INT, DECIMAL))
