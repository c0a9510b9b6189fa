"""Floor 4, compiler: from the graph to one Python module: the fast path's searches, the exact path, the readers."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.carried import may_fail
from abac.compiler.emit_answers import AnswerEmitter, Code, ExactPolicy
from abac.compiler.emit_entry import EntryEmitter, Searches
from abac.compiler.emit_exact import ExactEmitter
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.emit_outcomes import OutcomeEmitter
from abac.compiler.emit_search import SearchEmitter
from abac.compiler.graph import Graph
from abac.compiler.listing import Listing, flat_text, legend, number
from abac.compiler.outcomes import Outcome
from abac.compiler.runtime import FIRST_SLOT
from abac.compiler.world import World

_PARTS = frozenset({"subject", "resource", "context"})


@dataclass(slots=True)
class Module:
    """One generated module.

    Attributes:
        exact: the exact path's policy.
        codes: functions by name that data refers to.
        captures: by a leaf's number, what its outcome is given: attribute and name of a function, or what makes a row.
        tests: functions that rows of tables refer to by number, by the name of the tuple that holds them.
        searches: functions of policies that rows refer to by number, by the name of the dict that holds them.
        roots: by entity or `context`, the names of its fast and its exact reader, and the members to ask objects for.
        plain: the parts that searches of plain dicts read as such.
        memo: how many places a decision's memo has; 0 where nobody needs one.
    """

    world: World
    exact: ExactPolicy = field(init=False)
    functions: list[ast.FunctionDef] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    captures: dict[int, dict[str, Any]] = field(default_factory=dict)
    codes: list[Code] = field(default_factory=list)
    tests: dict[str, dict[int, str]] = field(default_factory=dict)
    searches: dict[str, dict[int, str]] = field(default_factory=dict)
    roots: dict[str, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    search: Searches = field(default_factory=lambda: Searches("", None))
    search_timed: Searches = field(default_factory=lambda: Searches("", None))
    memo: int = 0

    def entries(self, *, trusting: bool) -> list[ast.FunctionDef]:
        """`decide` and `permits` as requests come in."""
        emitter = EntryEmitter(self.world, self.plain, self.memo, trusting)
        decide = emitter.entry("decide", self.search_timed, decide=True)
        return [decide, emitter.entry("permits", self.search, decide=False)]

    def tree(self) -> ast.Module:
        """What is compiled, its lines numbered as in `flat`."""
        return number(self.functions, self.comments)

    def flat(self) -> str:
        """The text that tracebacks and `inspect` show."""
        self.tree()
        return flat_text(self.functions, self.comments)

    def text(self, *, entries: bool = False) -> str:
        """The text for readers, of the ways in too if they are wanted. Making it numbers the lines of the tree anew."""
        listing = Listing(self.comments, [])
        listing.module([*self.functions, *(self.entries(trusting=False) if entries else ())])
        return "".join(f"{line}\n" for line in legend(self.world.package.name, self.world.slots.values)) + "\n\n" + listing.text

    def take(self, emitter: Any) -> None:
        """What an emitter has made."""
        self.functions += emitter.functions
        self.comments.update(emitter.comments)
        emitter.functions = []


def emit_module(graph: Graph, digest: str = "") -> Module:
    """The Python module of a graph. The same graph gives the same text."""
    world = World(graph)
    module = Module(world)
    module.outcomes = tuple(Outcome(leaf, digest) for leaf in graph.leaves)
    needed = world.uses.now or world.shared or any(leaf.rule is not None and leaf.rule.witness is not None for leaf in graph.leaves)
    module.memo = FIRST_SLOT + len(world.shared) if needed else 0
    entry = EntryEmitter(world, frozenset(), 0, trusting=False)
    module.plain = _PARTS - world.uses.roots if entry.takes_dicts else frozenset()
    timed = world.uses.now
    module.search = _searches(module, timed=False, verdict=True)
    module.search_timed = _searches(module, timed=timed, verdict=False)
    exact = ExactEmitter(world)
    answers = AnswerEmitter(exact)
    module.exact = answers.policy(graph.root)
    module.codes = answers.made
    module.take(exact)
    _readers(module)
    return module


def _searches(module: Module, *, timed: bool, verdict: bool) -> Searches:
    forms = _variant(module, frozenset(), timed=timed, verdict=verdict)
    return Searches(forms, _variant(module, module.plain, timed=timed, verdict=verdict) if module.plain else None)


def _variant(module: Module, plain: frozenset[str], *, timed: bool, verdict: bool) -> str:
    """One search with what belongs to it; the name of its function."""
    fast = FastEmitter(module.world, timed=timed, plain=plain)
    fast.mark = "_permits" if verdict else ""
    outcomes = OutcomeEmitter(fast)
    suffix = "_plain" if plain else ""
    obligers: dict[int, str] = {}
    for outcome in module.outcomes:
        found = module.captures.setdefault(outcome.leaf.number, {})
        if may_fail(outcome.leaf):
            way = f"{suffix}{'' if verdict else '_timed'}"
            identifier, found[f"owed{way}"] = outcomes.oblige(outcome.leaf)
            obligers[outcome.leaf.number] = found[f"oblige{way}"] = identifier
        if not verdict and not outcome.carried.fixed:
            found[f"capture{suffix}"], found[f"row{suffix}"] = outcomes.capture(outcome.leaf, outcome.carried)
    search = SearchEmitter(fast, {o.leaf.number: o for o in module.outcomes}, obligers, verdict=verdict)
    name = search.search(module.world.graph.root)
    module.take(fast)
    module.tests.update(search.tests)
    module.searches[search.searches_name] = search.identifiers
    return name


def _readers(module: Module) -> None:
    world = module.world
    schema = world.package.schema
    owners = {name for action in schema.actions.values() for name in (*action.subjects, *action.resources)}
    for owner in sorted(owners | {"context"}):
        names = [world.readers.root(owner, exact=exact) for exact in (False, True)]
        wanted = tuple(each.name for each in world.readers.fields(owner))
        extra = ("entity_type", "parents") if owner in schema.entities else ()
        clock = (schema.context.clock,) if owner == "context" and schema.context.clock else ()
        module.roots[owner] = (*(name.id for name in names), (*wanted, *extra, *clock))  # type: ignore[attr-defined]
    module.take(world.readers)
