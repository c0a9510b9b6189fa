"""Floor 4, compiler: from the graph to one Python module: the fast path's searches, the ways in, the exact path, the readers."""

from __future__ import annotations

import ast
import itertools
import linecache
import weakref
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Protocol

from abac.compiler.carried import carried_by_leaf, is_fixed, may_fail
from abac.compiler.emit_answers import AnswerEmitter, Code, ExactPolicy
from abac.compiler.emit_entry import EntryEmitter, Searches
from abac.compiler.emit_exact import ExactEmitter
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.emit_outcomes import OutcomeEmitter
from abac.compiler.emit_search import Gives, SearchEmitter
from abac.compiler.graph import Graph, Leaf
from abac.compiler.listing import Listing, flat_text, legend, number
from abac.compiler.runtime import FIRST_SLOT
from abac.compiler.world import World

_numbers = itertools.count(1)
_PARTS = frozenset({"subject", "resource", "context"})
_MEANT = {"L": "", "P": "whether it stands: ", "D": "the decision of "}


@dataclass(slots=True, weakref_slot=True, eq=False)
class Module:
    """One generated module.

    Attributes:
        exact: the exact path's policy.
        codes: functions by name that data refers to.
        carrying: leaves whose decisions are made of the request, with whether their obligations may fail, and whether the rest is fixed.
        captures: by a leaf's number, what its outcome is given: attribute and name of a function, or what makes a row.
        tests: functions that rows of tables refer to by number, by the name of the tuple that holds them.
        searches: functions of policies that rows refer to by number, by the name of the dict that holds them.
        roots: by entity or `context`, the names of its fast and its exact reader, and the members to ask objects for.
        plain: the parts that searches of plain dicts read as such.
        trusting: whether the clock is the context's own.
        memo: how many places a decision's memo has; 0 where nobody needs one.
    """

    world: World
    trusting: bool
    exact: ExactPolicy = field(init=False)
    functions: list[ast.FunctionDef] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    captures: dict[int, dict[str, Any]] = field(default_factory=dict)
    carrying: list[tuple[Leaf, bool, bool]] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    tests: dict[str, dict[int, str]] = field(default_factory=dict)
    searches: dict[str, dict[int, str]] = field(default_factory=dict)
    roots: dict[str, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    verdict: Searches = field(default_factory=lambda: Searches("", None))
    decision: Searches = field(default_factory=lambda: Searches("", None))
    memo: int = 0
    _code: CodeType | None = None

    @property
    def graph(self) -> Graph:
        return self.world.graph

    def code(self) -> CodeType:
        """The compiled module. Its lines are shown from a module made anew, when somebody asks for them."""
        if self._code is None:
            self._code = compile(self.tree(), shown_as(self), "exec")
        return self._code

    def tree(self) -> ast.Module:
        """What is compiled, its lines numbered as in `flat`."""
        return number(self.functions, self.comments)

    def flat(self) -> str:
        """The text that tracebacks and `inspect` show."""
        self.tree()
        return flat_text(self.functions, self.comments)

    def text(self) -> str:
        """The text for readers. Making it numbers the lines of the tree anew."""
        listing = Listing(self.comments, [])
        listing.module(self.functions)
        said = legend(self.world.package.name, self.world.slots.values, self._leaves())
        return "".join(f"{line}\n" for line in said) + "\n\n" + listing.text

    def _leaves(self) -> dict[str, str]:
        """The names by which functions know outcomes, whether they stand, and decisions; and of which rule they are."""
        used = {node.id for each in self.functions for node in ast.walk(each) if isinstance(node, ast.Name)}
        named = ((f"{letter}{leaf.number}", leaf) for letter in "LPD" for leaf in self.graph.leaves)
        return {name: f"{_MEANT[name[0]]}{leaf.effect} {leaf.name}" for name, leaf in named if name in used}

    def body(self, identifier: str) -> list[ast.stmt]:
        """The statements of a function."""
        return next(each.body for each in self.functions if each.name == identifier)

    def take(self, emitter: Any) -> None:
        """What an emitter has made."""
        self.functions += emitter.functions
        self.comments.update(emitter.comments)
        emitter.functions = []


class _Emitted(Protocol):
    @property
    def graph(self) -> Graph: ...
    @property
    def trusting(self) -> bool: ...


def shown_as(emitted: _Emitted) -> str:
    """A file name for code that was emitted, under which its lines are shown for as long as the object lives."""
    filename, weak = f"abac-policy-{next(_numbers)}", weakref.ref(emitted)
    linecache.cache[filename] = (lambda: emit_module(it.graph, trusting=it.trusting).flat() if (it := weak()) else "",)
    weakref.finalize(emitted, linecache.cache.pop, filename, None)
    return filename


def emit_module(graph: Graph, *, trusting: bool = False) -> Module:
    """The Python module of a graph. The same graph gives the same text.

    Args:
        trusting: whether the clock is the context's own.
    """
    world = World(graph)
    module = Module(world, trusting)
    needed = world.uses.now or any(leaf.rule is not None and leaf.rule.witness is not None for leaf in graph.leaves)
    module.carrying = [(leaf, fails, fixed) for leaf in graph.leaves if (fails := may_fail(leaf)) | (not (fixed := is_fixed(leaf)))]
    entry = EntryEmitter(world, trusting)
    module.plain = _PARTS if entry.takes_dicts else frozenset()
    module.verdict = _searches(module, Gives.VERDICT)
    module.decision = _searches(module, Gives.DECISION)
    entry.memo = module.memo = world.memo_places if needed or world.memo_places > FIRST_SLOT else 0
    for identifier, searches in (("permits", module.verdict), ("decide", module.decision)):
        bodies = [module.body(each) for each in (searches.forms, searches.plain) if each is not None]
        entry.emit(identifier, searches, bodies)
    module.take(entry)
    exact = ExactEmitter(world)
    answers = AnswerEmitter(exact)
    module.exact = answers.policy(graph.root)
    module.codes = answers.made
    module.take(exact)
    _readers(module)
    return module


def _searches(module: Module, gives: Gives) -> Searches:
    forms = _variant(module, frozenset(), gives)
    return Searches(forms, _variant(module, module.plain, gives) if module.plain else None)


def _variant(module: Module, plain: frozenset[str], gives: Gives) -> str:
    """One search with what belongs to it; the name of its function."""
    decides = gives is Gives.DECISION
    fast = FastEmitter(module.world, timed=decides and module.world.uses.now, plain=plain)
    fast.mark = "" if decides else "_permits"
    outcomes = OutcomeEmitter(fast)
    suffix = "_plain" if plain else ""
    captures: dict[int, str] = {}
    obligers: dict[int, str] = {}
    for leaf, fails, fixed in module.carrying:
        found = module.captures.setdefault(leaf.number, {})
        if fails:
            way = f"{suffix}{'_timed' if decides else ''}"
            identifier, found[f"owed{way}"] = outcomes.oblige(leaf)
            obligers[leaf.number] = found[f"oblige{way}"] = identifier
        if decides and not fixed:
            identifier, found[f"row{suffix}"] = outcomes.capture(leaf, carried_by_leaf(leaf))
            captures[leaf.number] = found[f"capture{suffix}"] = identifier
    search = SearchEmitter(fast, captures, obligers, gives)
    name = search.search(module.graph.root)
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
