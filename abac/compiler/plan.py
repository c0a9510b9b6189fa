"""Floor 4, compiler: the plan of a policy: of each rule whether and by what it is found, and about what a decision costs at most.

A pure function of the graph: what is told is what is compiled. It tells of requests in which everything is known: where an index key is
unknown, no rule under it is ruled out. Costs come from the small model below, which is for comparing rules and policies with one another,
not for promising times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest

from abac.compiler.graph import Block, Forest, Graph, Nested, Node, Ranges, Row, Test, Tree, Values
from abac.compiler.graph_text import key_text, told_value
from abac.compiler.guards import MOST_VALUES, Guard, Key, Kind, needs_of
from abac.compiler.passes.filing import FEWEST, WORTH, ranked
from abac.language import checked as c
from abac.language.surface import text_of
from abac.model.combining import Algorithm

DECISION, TABLE, CUT, NODE, CALL, ELEMENTS = 600.0, 60.0, 15.0, 12.0, 120.0, 4
"""The model, in nanoseconds: a decision that looks at no rule; a look into a table; each halving of a table of ranges; each part of a
condition; each call of a function of the library. A collection of the request is taken to have so many elements."""


@dataclass(frozen=True, slots=True)
class Index:
    """What must be so for a rule to be looked at.

    Attributes:
        key: what of the request, in the policy's words.
        kind: `equal`: it is one of the values; `meets`: it has one of them; `range`: it lies in one of the ranges.
        ranges: start and end, without the end; None is without bound.
        policy: path of the policy that is found by it; empty where it is the rule itself.
    """

    key: str
    kind: str
    values: tuple[str, ...]
    ranges: tuple[tuple[str | None, str | None], ...]
    policy: str


@dataclass(frozen=True, slots=True)
class RulePlan:
    """
    Attributes:
        policy: path of the policy it stands in.
        place: file, line and column.
        search: `indexed`: only some requests look at it; `wide`: nothing rules it out before it is looked at; `unreached`: a rule
            before it decides wherever it could be found.
        indexes: what it is found by, that of the policies around it first; empty unless it is indexed.
        why: it is not indexed itself; empty if it is.
        tree: number of the tree of its policy that it stands in.
        depth: tables that are looked into before it is found.
        nodes: leaves of its tree that it stands in.
        cost: nanoseconds of looking at it, once found.
    """

    name: str
    effect: str
    policy: str
    place: str
    search: str
    indexes: tuple[Index, ...]
    why: str
    tree: int | None
    depth: int
    nodes: int
    cost: float


@dataclass(frozen=True, slots=True)
class TreePlan:
    """
    Attributes:
        keys: what is looked up, one level each.
        holds: `rules` or `policies`.
        filed: how many of them.
        nodes: tables and leaves.
        entries: of all leaves together.
        candidates: rules that one request finds by it at most.
    """

    number: int
    keys: tuple[str, ...]
    holds: str
    filed: int
    nodes: int
    entries: int
    candidates: int


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """
    Attributes:
        path: its name behind those of the policies around it.
        rules: directly in it.
        fallbacks: where a limit made filing coarser, and what was done.
        why: its rules stand in no tree; empty where some do.
        candidates: rules of it, and of the policies in it, that one request looks at, at most.
        cost: nanoseconds of that.
    """

    path: str
    place: str
    algorithm: str
    rules: int
    trees: tuple[TreePlan, ...]
    fallbacks: tuple[str, ...]
    why: str
    candidates: int
    cost: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Policies outermost first, rules in source order.

    Attributes:
        candidates: rules that one request looks at, at most.
        cost: nanoseconds of such a decision.
    """

    policies: tuple[PolicyPlan, ...]
    rules: tuple[RulePlan, ...]
    candidates: int
    cost: float

    def count(self, search: str) -> int:
        """Rules that are searched so."""
        return sum(rule.search == search for rule in self.rules)


def plan_of(graph: Graph) -> Plan:
    """The plan of a graph after every pass."""
    planning = _Planning(graph)
    planning.block(graph.root, "", ())
    first = planning.policies[0]
    rules = sorted(planning.rules, key=lambda found: found[0])
    return Plan(tuple(planning.policies), tuple(rule for _, rule in rules), first.candidates, DECISION + first.cost)


Weigh = Callable[[Row], float]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a step is filed: number of the tree, the tree, in how many of its leaves, and the row as it stands in one of them."""

    number: int
    tree: Tree
    leaves: int
    row: Row


@dataclass
class _Planning:
    graph: Graph
    policies: list[PolicyPlan] = field(default_factory=list)
    rules: list[tuple[tuple[str, int, int], RulePlan]] = field(default_factory=list)
    bodies: dict[str, float] = field(default_factory=dict)
    found: dict[tuple[int, bool], float] = field(default_factory=dict)

    def block(self, block: Block, above: str, around: tuple[Index, ...]) -> None:
        """Plans the policy and those inside it. `around`: what it is found by itself."""
        path = f"{above}/{block.policy.name}" if above else block.policy.name
        forest = block.forest
        rows = ranked(block)
        trees = tuple(self._tree(number, tree) for number, tree in enumerate(forest.trees, 1)) if forest else ()
        direct, caps = sum(isinstance(row.step, Test) for row in rows), forest.caps if forest else ()
        most, cost = round(self.most(block, counting=True)), self.most(block, counting=False)
        place, algorithm = block.policy.span.place, str(block.algorithm)
        self.policies.append(PolicyPlan(path, place, algorithm, direct, trees, caps, _why_no_forest(block), most, cost))
        filed = _filed(forest) if forest else {}
        guards = {entry.row.rank: entry.guards for entry in forest.entries} if forest else {}
        wide = {row.rank for row in forest.wide} if forest else {row.rank for row in rows}
        for row in rows:
            found = filed.get(row.rank)
            own = _indexes(found, guards[row.rank], path) if found else ()
            if isinstance(row.step, Nested):
                self.block(row.step.block, path, around + own)
                continue
            reached = found is not None or row.rank in wide
            search = "unreached" if not reached else "indexed" if around + own else "wide"
            why = "" if own else self._why(block, row) if reached else "a rule before it decides wherever it could be found"
            self._rule(found.row if found else row, path, search, around + own, why, found)

    def _rule(self, row: Row, policy: str, search: str, indexes: tuple[Index, ...], why: str, found: Standing | None) -> None:
        assert isinstance(row.step, Test)
        rule, cost = row.step.rule, self._row_cost(row, counting=False)
        number, leaves = (found.number, found.leaves) if found else (None, 0)
        effect, place = str(row.step.leaf.effect), rule.span.place
        made = RulePlan(rule.name, effect, policy, place, search, indexes, why, number, len(indexes), leaves, cost)
        self.rules.append((rule.span.sort_key, made))

    # ── the most that one request looks at ─────────────────────────────────────────────────────────────────

    def most(self, block: Block, *, counting: bool) -> float:
        """Rules, or nanoseconds, of the policy and those inside it."""
        known = self.found.get((block.number, counting))
        if known is not None:
            return known

        def weigh(row: Row) -> float:
            return self._row_cost(row, counting=counting)

        if block.forest is None:
            found = sum(map(weigh, ranked(block)))
        else:
            found = sum(map(weigh, block.forest.wide)) + sum(_most(tree, weigh, counting=counting) for tree in block.forest.trees)
        if block.applies is not None and not counting:
            found += self._cost(block.applies)
        self.found[block.number, counting] = found
        return found

    def _row_cost(self, row: Row, *, counting: bool) -> float:
        if isinstance(row.step, Nested):
            return self.most(row.step.block, counting=counting)
        if counting:
            return 1.0
        each = NODE + sum(map(self._cost, row.rest))
        witness = row.step.witness
        return each if witness is None else self._cost(witness.collection) + ELEMENTS * each

    def _cost(self, e: c.Expression) -> float:
        inside = sum(map(self._cost, c.children(e)))
        match e:
            case c.Constant():
                return 0.0
            case c.Quantified(collection=collection, body=body):
                return NODE + self._cost(collection) + ELEMENTS * self._cost(body)
            case c.Invocation(definition=name):
                if name not in self.bodies:
                    self.bodies[name] = self._cost(self.graph.definitions[name].body)
                return NODE + inside + self.bodies[name]
            case c.LibraryCall():
                return CALL + inside
        return NODE + inside

    def _tree(self, number: int, tree: Tree) -> TreePlan:
        tables, leaves = _parts(tree)
        most = _most(tree, lambda row: self._row_cost(row, counting=True), counting=True)
        return TreePlan(
            number, tuple(map(key_text, tree.keys)), "policies" if tree.nested else "rules", tree.rows, tables + len(leaves),
            sum(map(len, leaves)), round(most),
        )  # fmt: skip

    # ── reasons ────────────────────────────────────────────────────────────────────────────────────────────

    def _why(self, block: Block, row: Row) -> str:
        """Why a rule that stands in no tree does not."""
        if block.forest is None:
            return _why_no_forest(block)
        assert isinstance(row.step, Test)
        witness = row.step.witness
        if witness is not None:
            return f"it is for some {witness.variable} in {text_of(witness.collection)}, and by an element nothing is filed"
        if not row.rest:
            return "it asks nothing"
        needs = needs_of(row.step.condition, self.graph.package.schema)
        for guard in needs:
            if len(guard) > MOST_VALUES:
                return f"{key_text(guard.key)} may be any of {len(guard)}, and by more than {MOST_VALUES} nothing is filed"
        if needs:
            keys = " and ".join(key_text(guard.key) for guard in needs)
            crowded = "the policy has as many trees as it may have, or " if any("trees" in cap for cap in block.forest.caps) else ""
            return f"{crowded}fewer than {WORTH} rules are best found by {keys}, and looking at one costs less than a tree"
        return "no part of its condition says which values one attribute must have"


def _why_no_forest(block: Block) -> str:
    if block.forest is not None:
        return ""
    if block.algorithm is Algorithm.ONLY_ONE_APPLICABLE:
        return "under only-one-applicable every policy is looked at"
    return f"its policy has fewer than {FEWEST} rules and policies, and no one tree tells all of them apart"


# ── trees ──────────────────────────────────────────────────────────────────────────────────────────────────


def _most(tree: Tree, weigh: Weigh, *, counting: bool) -> float:
    """The most that one request finds by it; of a collection, with as many elements as the model has."""

    def of(node: Node | None, keys: tuple[Key, ...]) -> float:
        match node:
            case None:
                return 0.0
            case Values(entries=entries):
                elements = ELEMENTS if keys[0].kind is Kind.MEETS else 1
                found = sum(nlargest(elements, (of(inside, keys[1:]) for inside in entries.values())))
                return found + (0.0 if counting else TABLE * elements)
            case Ranges(cuts=cuts, cells=cells):
                found = max(of(cell, keys[1:]) for cell in cells)
                return found + (0.0 if counting else TABLE + CUT * len(cuts).bit_length())
        return sum(map(weigh, node))

    return of(tree.node, tree.keys)


def _parts(tree: Tree) -> tuple[int, list[tuple[Row, ...]]]:
    """How many tables it has, and its leaves, each once."""
    tables, leaves = 0, {}
    waiting: list[Node] = [tree.node]
    while waiting:
        match waiting.pop():
            case Values(entries=entries):
                tables += 1
                waiting += entries.values()
            case Ranges(cells=cells):
                tables += 1
                waiting += (cell for cell in cells if cell is not None)
            case rows:
                leaves[id(rows)] = rows
    return tables, list(leaves.values())


def _filed(forest: Forest) -> Mapping[int, Standing]:
    """By rank."""
    found: dict[int, Standing] = {}
    for number, tree in enumerate(forest.trees, 1):
        rows = [row for leaf in _parts(tree)[1] for row in leaf]
        leaves = Counter(row.rank for row in rows)
        found.update({row.rank: Standing(number, tree, leaves[row.rank], row) for row in rows})
    return found


def _indexes(found: Standing, guards: tuple[Guard, ...], path: str) -> tuple[Index, ...]:
    by_key, step = {guard.key: guard for guard in guards}, found.row.step
    of = f"{path}/{step.block.policy.name}" if isinstance(step, Nested) else ""
    return tuple(_index(by_key[key], of) for key in found.tree.keys)


def _index(guard: Guard, policy: str) -> Index:
    values = tuple(sorted(map(told_value, guard.values)))
    ranges = tuple((None if start is None else told_value(start), None if end is None else told_value(end)) for start, end in guard.ranges)
    return Index(key_text(guard.key), guard.key.kind.value, values, ranges, policy)
