"""Floor 4, compiler: what several conditions ask at some cost becomes a definition, which is computed at most once a decision.

Sound because an expression without variables is the same wherever it stands in one decision: it has no effects, it is still evaluated
only where it is needed (guards of presence stay around it), and what a definition without parameters comes to is kept with the request.
Expressions that walk through collections are moved only from where nothing is walked around them: the limit on combinations counts from
one in a definition. What rules can be filed by stays where it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from abac.compiler.graph import Block, Graph, Test, blocks, rewritten
from abac.compiler.guards import guards_of
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.types import SetOf

MOST_SHARED = 24
"""Definitions that are made: each has a place in the memo of every decision."""

LEAST_GAIN = 10
"""What uses after the first must cost together, in tests of an attribute, to be worth keeping the first."""


def share(graph: Graph) -> Graph:
    """The graph with definitions for what is asked more than once."""
    sharing = _Sharing(graph)
    if not sharing.choose():
        return graph
    root = sharing.block(graph.root)
    definitions = {name: replace(each, body=sharing.inside(each.body)) for name, each in graph.definitions.items()}
    return replace(graph, root=root, definitions=definitions | sharing.made())


@dataclass
class _Sharing:
    graph: Graph
    counts: Counter[c.Expression] = field(default_factory=Counter)
    names: dict[c.Expression, str] = field(default_factory=dict)

    # ── what is asked, and how often ───────────────────────────────────────────────────────────────────────

    def choose(self) -> bool:
        """Give names to what is worth it; whether there is any."""
        for block in blocks(self.graph.root):
            for e, walked in _asked(block):
                self._count_parts(e, walked)
        for definition in self.graph.definitions.values():
            self._count(definition.body, walked=bool(definition.parameters))
        gains = {e: (count - 1) * cost(e) for e, count in self.counts.items() if count > 1}
        chosen = sorted((e for e, gain in gains.items() if gain >= LEAST_GAIN), key=lambda e: -gains[e])[:MOST_SHARED]
        self.names = {e: f"{self.graph.package.name}.shared'{number}" for number, e in enumerate(chosen)}
        return bool(chosen)

    def _count_parts(self, e: c.Expression, walked: bool) -> None:
        for part in c.conjuncts(e):
            if not is_simple(part) and not self._files(part):
                self._count(part, walked)

    def _files(self, part: c.Expression) -> bool:
        return bool(guards_of(part, self.graph.package.schema))

    def _count(self, e: c.Expression, walked: bool) -> None:
        """What stands inside something that was met before is not counted again: it will be computed with it."""
        if is_simple(e):
            return
        if movable(e, self.graph, walked):
            self.counts[e] += 1
            if self.counts[e] > 1:
                return
        if isinstance(e, c.Quantified):
            self._count(e.collection, walked)
            self._count(e.body, walked=True)
            return
        for part in c.children(e):
            self._count(part, walked)

    # ── rewriting ──────────────────────────────────────────────────────────────────────────────────────────

    def block(self, block: Block) -> Block:
        return rewritten(block, lambda e: self._condition(e, walked=False), self._rule)

    def _rule(self, step: Test) -> Test:
        witness, walked = step.witness, step.witness is not None
        if witness is not None:
            witness = replace(witness, collection=self._moved(witness.collection, walked=False))
        return replace(step, condition=self._condition(step.condition, walked), witness=witness)

    def _condition(self, e: c.Expression, walked: bool) -> c.Expression:
        if isinstance(e, c.Operation) and e.operator is Operator.AND:
            return c.rebuilt(e, lambda part: self._condition(part, walked))
        return e if is_simple(e) or self._files(e) else self._moved(e, walked)

    def _moved(self, e: c.Expression, walked: bool) -> c.Expression:
        """The definition's name in place of what it is."""
        if is_simple(e):
            return e
        if e in self.names and movable(e, self.graph, walked):
            return c.Invocation(self.names[e], (), type=e.type, span=e.span)
        if isinstance(e, c.Quantified):
            return replace(e, collection=self._moved(e.collection, walked), body=self._moved(e.body, walked=True))
        return c.rebuilt(e, lambda part: self._moved(part, walked))

    def inside(self, body: c.Expression) -> c.Expression:
        """The body of a definition that the policy has: those with parameters may be asked while something is walked through."""
        return self._moved(body, walked=True)

    def made(self) -> dict[str, c.Definition]:
        return {name: c.Definition(name, (), self._body(e), span=e.span) for e, name in self.names.items()}

    def _body(self, e: c.Expression) -> c.Expression:
        if isinstance(e, c.Quantified):
            return replace(e, collection=self._moved(e.collection, walked=False), body=self._moved(e.body, walked=True))
        return c.rebuilt(e, lambda part: self._moved(part, walked=False))


def _asked(block: Block) -> Iterator[tuple[c.Expression, bool]]:
    """The conditions of one policy, and whether something is walked through around them."""
    if block.applies is not None:
        yield block.applies, False
    for step in {id(step): step for step in (*block.strong, *block.weak)}.values():
        if isinstance(step, Test):
            yield step.condition, step.witness is not None
            if step.witness is not None:
                yield step.witness.collection, False


# ── which expressions ──────────────────────────────────────────────────────────────────────────────────────


def is_simple(e: c.Expression) -> bool:
    """Whether it takes no longer than looking up what was kept: attributes, constants, and comparisons of them."""
    if isinstance(e, c.Operation):
        return len(e.operands) <= 2 and all(isinstance(each, c.Constant) or _is_path(each) for each in e.operands)
    if isinstance(e, c.HasAttribute | c.IsType):
        return _is_path(e.target)
    return isinstance(e, c.Constant) or _is_path(e)


def _is_path(e: c.Expression) -> bool:
    while isinstance(e, c.Attribute):
        e = e.target
    return isinstance(e, c.Root | c.Variable)


def movable(e: c.Expression, graph: Graph, walked: bool) -> bool:
    """Whether it may be computed elsewhere: it has no variables of others, is no definition itself, and counts no combinations."""
    if isinstance(e, c.Invocation) and not e.arguments:
        return False
    return not free(e) and not (walked and _walks(e, graph))


def free(e: c.Expression) -> frozenset[str]:
    """The variables that it does not bind itself."""
    if isinstance(e, c.Variable):
        return frozenset((e.name,))
    found = frozenset[str]().union(*map(free, c.children(e)))
    if isinstance(e, c.Quantified):
        return free(e.collection) | (free(e.body) - {e.variable})
    return found


def _walks(e: c.Expression, graph: Graph) -> bool:
    return any(
        isinstance(x, c.Quantified) or (isinstance(x, c.Invocation) and _walks(graph.definitions[x.definition].body, graph))
        for x in c.walk(e)
    )


_COSTS: dict[type[c.Expression], int] = {c.Quantified: 8, c.Chain: 6, c.Latest: 8, c.LibraryCall: 5, c.Row: 3, c.InTable: 3, c.Element: 2}
_SETS = frozenset((Operator.INTERSECTS, Operator.SUBSET, Operator.IN, Operator.NOT_IN))
_ARITHMETIC = frozenset((Operator.ADD, Operator.SUBTRACT, Operator.MULTIPLY, Operator.AT))


def cost(e: c.Expression) -> int:
    """About how many tests of an attribute it takes."""
    return sum(map(_cost, c.walk(e)))


def _cost(e: c.Expression) -> int:
    match e:
        case c.Invocation(arguments=arguments):
            return 6 if arguments else 1
        case c.Operation(operator=operator, operands=operands):
            if operator in _ARITHMETIC:
                return 4
            return 3 if operator in _SETS and any(isinstance(each.type, SetOf) for each in operands[:1]) else 1
    return _COSTS.get(type(e), 0)
