"""Floor 4, compiler: from the graph to one Python module: the fast path, its timed variant where time is read, and the exact path."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.emit_answers import AnswerEmitter
from abac.compiler.emit_exact import ExactEmitter
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.emit_policies import PolicyEmitter
from abac.compiler.graph import Graph, Leaf, blocks
from abac.compiler.listing import Comments, Listing, flat_text, legend, number
from abac.compiler.motion import Clockwork
from abac.compiler.runtime import FIRST_SLOT
from abac.compiler.slots import Slots
from abac.language import checked as c
from abac.model.decision import Decision, Effect


@dataclass(slots=True, eq=False)
class Outcome:
    """A leaf as generated code returns it; the loader fills in what decisions by it carry.

    Attributes:
        effect: the leaf's.
        obligations: ids of a permit's obligations, or None where `oblige` tells them.
        oblige, oblige_timed: the ids of a permit's obligations for a request; the latter notes when they change.
        decision: what every decision by the leaf is, or None where `finish` makes its parts.
        finish: reason, citations, obligations and advice for a request.
    """

    leaf: Leaf
    effect: Effect
    obligations: frozenset[str] | None = None
    oblige: Any = None
    oblige_timed: Any = None
    decision: Decision | None = None
    finish: Any = None


@dataclass(frozen=True, slots=True)
class Module:
    """One generated module.

    Attributes:
        slots: its namespace.
        obligers, finishers: the functions of leaves whose obligations or parts depend on the request, by the leaf's number.
        search, search_timed, exact: the names of its entry functions.
        memo: how many places a decision's memo has.
    """

    package: str
    functions: tuple[ast.FunctionDef, ...]
    comments: Comments
    slots: dict[str, Any]
    outcomes: tuple[Outcome, ...]
    obligers: dict[int, tuple[str, str]]
    finishers: dict[int, str]
    dispatchers: tuple[tuple[str, dict[object, ast.expr]], ...]
    search: str
    search_timed: str
    exact: str
    memo: int

    def tree(self) -> ast.Module:
        """What is compiled, its lines numbered as in `flat`."""
        return number(self.functions, self.comments)

    def flat(self) -> str:
        """The text that tracebacks and `inspect` show."""
        self.tree()
        return flat_text(self.functions, self.comments)

    def text(self) -> str:
        """The text for readers. Making it numbers the lines of the tree anew."""
        listing = Listing(self.comments, legend(self.package, self.slots))
        listing.module(self.functions)
        return listing.text


@dataclass(slots=True)
class _Emission:
    functions: list[ast.FunctionDef] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    dispatchers: list[tuple[str, dict[object, ast.expr]]] = field(default_factory=list)

    def take(self, emitter: FastEmitter | ExactEmitter) -> None:
        """What an emitter has made since it was last asked."""
        self.functions += emitter.functions
        self.comments.update(emitter.comments)
        emitter.functions = []
        if isinstance(emitter, FastEmitter):
            self.dispatchers += emitter.dispatchers
            emitter.dispatchers = []


def emit_module(graph: Graph) -> Module:
    """The Python module of a graph. The same graph gives the same text."""
    package, slots = graph.package, Slots()
    shared = {name: FIRST_SLOT + i for i, name in enumerate(_shared_definitions(package))}
    with_witness = [leaf.number for leaf in graph.leaves if leaf.rule is not None and leaf.rule.witness is not None]
    witnesses = {number: FIRST_SLOT + len(shared) + i for i, number in enumerate(with_witness)}
    outcomes = {leaf.number: Outcome(leaf, leaf.effect) for leaf in graph.leaves}
    emission = _Emission()
    fast = FastEmitter(package, slots, shared, timed=False)
    policies = PolicyEmitter(fast, outcomes, witnesses)
    search = policies.search(graph.root)
    obligers = _named(policies.obliges, graph.leaves)
    emission.take(fast)
    search_timed, obligers_timed = search, obligers
    if _reads_time(graph):
        timed = FastEmitter(package, slots, shared, timed=True)
        policies = PolicyEmitter(timed, outcomes, witnesses)
        search_timed = policies.search(graph.root)
        obligers_timed = _named(policies.obliges, graph.leaves)
        finishers = _named(policies.finish, graph.leaves)
        emission.take(timed)
    else:
        finishers = _named(policies.finish, graph.leaves)
        emission.take(fast)
    exact = ExactEmitter(package, slots, shared)
    entry = AnswerEmitter(exact).policy(package.policy)
    emission.take(exact)
    return Module(
        package=package.name,
        functions=tuple(emission.functions),
        comments=emission.comments,
        slots=slots.values,
        outcomes=tuple(outcomes.values()),
        obligers={number: (identifier, obligers_timed[number]) for number, identifier in obligers.items()},
        finishers=finishers,
        dispatchers=tuple(emission.dispatchers),
        search=search,
        search_timed=search_timed,
        exact=entry,
        memo=FIRST_SLOT + len(shared) + len(witnesses),
    )


def _named(emit: Callable[[Leaf], str | None], leaves: tuple[Leaf, ...]) -> dict[int, str]:
    """The functions emitted for leaves that need one, by the leaf's number."""
    return {leaf.number: identifier for leaf in leaves if (identifier := emit(leaf)) is not None}


def _shared_definitions(package: c.Package) -> Iterator[str]:
    """Definitions without parameters: computed at most once a decision, when first needed."""
    return (name for name, definition in package.definitions.items() if not definition.parameters)


def _reads_time(graph: Graph) -> bool:
    clockwork = Clockwork(graph.package)
    return any(clockwork.touched(e) for e in _all_expressions(graph))


def _all_expressions(graph: Graph) -> Iterator[c.Expression]:
    for block in blocks(graph.root):
        if block.policy.applies is not None:
            yield block.policy.applies
    for leaf in graph.leaves:
        for duties in (leaf.rule.duties if leaf.rule else (), *(p.duties for p in leaf.around)):
            for clause in duties:
                yield from clause.arguments
                if clause.guard is not None:
                    yield clause.guard
        for policy in leaf.around:
            yield from policy.citations
        if leaf.rule is not None:
            yield leaf.rule.condition
            yield from leaf.rule.citations
            if leaf.rule.witness is not None:
                yield leaf.rule.witness.collection
            if leaf.rule.because is not None:
                yield from (part for part in leaf.rule.because.parts if not isinstance(part, str))
