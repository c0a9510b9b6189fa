"""Floor 4, compiler: from the graph to one Python module: the fast path, its timed variant where time is read, and the exact path."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.emit_exact import ExactEmitter
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.emit_policies import PolicyEmitter
from abac.compiler.emit_verdicts import VerdictEmitter
from abac.compiler.graph import Graph, Leaf, blocks
from abac.compiler.listing import Listing, legend
from abac.compiler.motion import Clockwork
from abac.compiler.runtime import FIRST_SLOT
from abac.compiler.slots import Slots
from abac.language import checked as c
from abac.model.decision import Effect


@dataclass(slots=True, eq=False)
class Outcome:
    """A leaf as generated code returns it; the loader fills in what decisions by it carry.

    Attributes:
        finish: makes reason, citations, obligations and advice from the request; None if they are always the same.
        finish_timed: the same, noting when they change.
    """

    leaf: Leaf
    effect: Effect
    finish: Any = None
    finish_timed: Any = None


@dataclass(frozen=True, slots=True)
class Module:
    """One generated module.

    Attributes:
        slots: its namespace.
        search, search_timed, exact: the names of its entry functions.
        memo: how many places a decision's memo has.
    """

    tree: ast.Module
    text: str
    slots: dict[str, Any]
    outcomes: tuple[Outcome, ...]
    finishers: dict[int, tuple[str, str]]
    dispatchers: tuple[tuple[str, dict[object, ast.expr]], ...]
    search: str
    search_timed: str
    exact: str
    memo: int


@dataclass(slots=True)
class _Emission:
    functions: list[ast.FunctionDef] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)

    def take(self, functions: list[ast.FunctionDef], comments: dict[int, str]) -> None:
        self.functions += functions
        self.comments.update(comments)


def emit_module(graph: Graph) -> Module:
    """The Python module of a graph. The same graph gives the same text."""
    package, slots = graph.package, Slots()
    shared = {name: FIRST_SLOT + i for i, name in enumerate(_shared_definitions(package))}
    with_witness = [leaf.number for leaf in graph.leaves if leaf.rule is not None and leaf.rule.witness is not None]
    witnesses = {number: FIRST_SLOT + len(shared) + i for i, number in enumerate(with_witness)}
    outcomes = {leaf.number: Outcome(leaf, leaf.effect) for leaf in graph.leaves}
    emission = _Emission()
    searches: list[str] = []
    finishers: dict[int, list[str]] = {}
    dispatchers: list[tuple[str, dict[object, ast.expr]]] = []
    for timed in (False, True) if _reads_time(graph) else (False,):
        fast = FastEmitter(package, slots, shared, timed=timed)
        policies = PolicyEmitter(fast, outcomes, witnesses)
        searches.append(policies.search(graph.root))
        for leaf in graph.leaves:
            if (finisher := policies.finish(leaf)) is not None:
                finishers.setdefault(leaf.number, []).append(finisher)
        emission.take(fast.functions, fast.comments)
        dispatchers += fast.dispatchers
    exact = ExactEmitter(package, slots, shared)
    entry = VerdictEmitter(exact).policy(package.policy)
    emission.take(exact.functions, exact.comments)
    listing = Listing(emission.comments, legend(package.name, slots.values))
    tree = listing.module(emission.functions)
    return Module(
        tree, listing.text, slots.values, tuple(outcomes.values()), {n: (f[0], f[-1]) for n, f in finishers.items()}, tuple(dispatchers),
        searches[0], searches[-1], entry, FIRST_SLOT + len(shared) + len(witnesses),
    )  # fmt: skip


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
