"""Floor 4, compiler: the steps of long policies are filed by what they need of the request, each under its rarest guard.

Sound because guards are necessary: a step that is not found has, by a value that was read, a condition that is false. A step stands under
its own values only, so entries grow with the text of the policy; what nothing files is tested every time. Order is kept by rank: whatever
is found first, the least rank of those that hold decides. A part of a condition is left out only where
the way to it proves it by a value read.

The limits below bound what a hostile policy can cost. At each of them filing becomes coarser; no step is ever dropped.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

from abac.compiler.graph import Block, Entry, Forest, Graph, Nested, Node, Ranges, Row, Rows, Step, Test, Tree, Values
from abac.compiler.guards import Guard, Key, Kind, guards_of
from abac.compiler.lower import effects
from abac.model.combining import Algorithm

FEWEST = 12
"""Steps of a policy below which they are searched one after the other, unless one table tells them all apart."""

WIDEST = 64
"""Steps that nothing files up to which they are searched one after the other; beyond, their tests are called from a table."""

SHORTEST = 4
"""Steps below which testing them costs less than any table."""

BUCKET = 6
"""Steps under one key beyond which a further key is used, if there is one."""

LEVELS = 3
"""Keys by which rules are told apart."""

COMPLETE = 8
"""Entries a rule, on average over a tree, up to which further keys are added so that nothing is left to test."""

MOST_TREES = 24
"""Trees of one policy: each is looked into at every decision. Rules of the smallest beyond it are filed by fewer keys."""

CELLS = 4
"""Entries of a table of ranges, as a multiple of its rows, beyond which neighbouring cells are merged."""

WORTH = 2
"""Rows of a tree below which testing them every time costs less than looking into it."""

_WEIGHTS = {Kind.EQUAL: 1.0, Kind.MEETS: 1.3, Kind.RANGE: 1.6}
_ORDER = {Kind.EQUAL: 0, Kind.MEETS: 1, Kind.RANGE: 2}


def file_steps(graph: Graph) -> Graph:
    """The graph with long policies filed."""
    return replace(graph, root=_Filing(graph).block(graph.root))


@dataclass(slots=True)
class _Filing:
    graph: Graph
    done: dict[int, Block] = field(default_factory=dict)

    def block(self, block: Block) -> Block:
        if block.number not in self.done:
            strong, weak = self._steps(block.strong), self._steps(block.weak)
            filed = replace(block, strong=strong, weak=weak)
            if block.algorithm is not Algorithm.ONLY_ONE_APPLICABLE:
                filed = replace(filed, forest=self._forest(filed))
            self.done[block.number] = filed
        return self.done[block.number]

    def _steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(Nested(self.block(step.block)) if isinstance(step, Nested) else step for step in steps)

    def _forest(self, block: Block) -> Forest | None:
        rows = ranked(block)
        if len(rows) < min(FEWEST, SHORTEST):
            return None
        forest = Planner([Entry(row, self._guards(row)) for row in rows]).forest()
        whole = len(forest.trees) == 1 and forest.trees[0].holds and not forest.wide
        long = len(rows) >= (FEWEST if forest.trees else WIDEST)
        return forest if whole or long else None

    def _guards(self, row: Row) -> tuple[Guard, ...]:
        """A rule with a witness has none: over an unknown collection it is unknown, though its condition be false of every element."""
        if row.condition is None or (isinstance(row.step, Test) and row.step.witness is not None):
            return ()
        return guards_of(row.condition, self.graph.package.schema)


def ranked(block: Block) -> list[Row]:
    """The steps of a policy by rank; a policy inside it with both effects has two ranks and stands once."""
    places = {id(step): rank for rank, step in reversed(list(enumerate((*block.strong, *block.weak))))}
    later = {step.block.number: len(block.strong) + i for i, step in enumerate(block.weak) if isinstance(step, Nested)}
    rows: list[Row] = []
    seen: set[int] = set()
    for step in (*block.strong, *block.weak):
        weak = None
        if isinstance(step, Nested):
            if step.block.number in seen:
                continue
            seen.add(step.block.number)
            mixed = block.strong_effect is not None and len(effects(step)) > 1
            weak = later[step.block.number] if mixed else None
        rows.append(Row(places[id(step)], step, weak))
    return rows


Members = Sequence[tuple[Row, tuple[Guard, ...]]]
Filed = dict[tuple[bool, tuple[Key, ...]], list[tuple[Row, tuple[Guard, ...]]]]
"""What goes into each tree: policies or rules, by these keys."""


# ── which keys ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Planner:
    """Chooses keys for the entries of one policy, and builds its trees."""

    entries: Sequence[Entry]
    caps: list[str] = field(default_factory=list)

    @cached_property
    def _postings(self) -> Counter[tuple[Key, Any]]:
        """How many entries each value of each key has."""
        return Counter((guard.key, value) for entry in self.entries for guard in entry.guards for value in guard.values)

    @cached_property
    def _ends(self) -> dict[Key, tuple[list[Any], list[Any], int]]:
        """Of keys by range: starts and ends in order, and how many ranges have no start."""
        found: dict[Key, tuple[list[Any], list[Any], int]] = {}
        for entry in self.entries:
            for guard in entry.guards:
                for start, end in guard.ranges:
                    starts, ends, open_ = found.get(guard.key, ([], [], 0))
                    if start is not None:
                        starts.append(start)
                    if end is not None:
                        ends.append(end)
                    found[guard.key] = starts, ends, open_ + (start is None)
        for starts, ends, _ in found.values():
            starts.sort()
            ends.sort()
        return found

    def sharing(self, guard: Guard) -> float:
        """About how many entries a request finds that finds this guard's."""
        if guard.values:
            return sum(self._postings[guard.key, value] for value in guard.values) / len(guard.values)
        starts, ends, open_ = self._ends[guard.key]
        found = 0
        for start, end in guard.ranges:  # those that begin before its end, without those that end before its start
            begun = open_ + (len(starts) if end is None else bisect_left(starts, end))
            found += begun - (0 if start is None else bisect_right(ends, start))
        return found / len(guard.ranges)

    def keys(self, entry: Entry) -> tuple[Guard, ...]:
        """The guards that an entry is filed by: the rarest, and more while too many share them."""
        left = sorted(entry.guards, key=lambda guard: self.sharing(guard) * _WEIGHTS[guard.key.kind])
        chosen: list[Guard] = []
        shared = float(len(self.entries))
        while left and len(chosen) < LEVELS and (not chosen or shared > BUCKET):
            guard = left.pop(0)
            rarer = shared * self.sharing(guard) / len(self.entries)
            if chosen and rarer > shared / 2:
                continue
            chosen.append(guard)
            shared = rarer
        self._complete(entry, chosen)
        return tuple(chosen)

    def _complete(self, entry: Entry, chosen: list[Guard]) -> None:
        """One more range costs nothing where nothing is then left to test: its cells keep the least rank alone."""
        if not chosen or len(chosen) >= LEVELS or any(guard.key.kind is Kind.RANGE for guard in chosen):
            return
        for guard in entry.guards:
            if guard.key.kind is Kind.RANGE and entry.row.holds_by((*chosen, guard)):
                chosen.append(guard)
                return

    def forest(self) -> Forest:
        """All entries, filed."""
        filed: Filed = defaultdict(list)
        for entry in self.entries:
            guards = _sorted(self.keys(entry))
            filed[isinstance(entry.row.step, Nested), tuple(guard.key for guard in guards)].append((entry.row, guards))
        self._shorten(filed)
        wide: list[Row] = []
        trees = []
        for (nested, keys), members in self._completed(filed).items():
            if not keys or len(members) < WORTH or MOST_TREES == 0:
                wide += [row for row, _ in members]
            else:
                builder = Builder(self.caps)
                node = builder.node(members, keys)
                assert node is not None
                trees.append(Tree(keys, node, nested, len(members), min(row.rank for row, _ in members), builder.holds))
        return Forest(tuple(sorted(trees, key=lambda tree: tree.least)), _cut(wide), tuple(self.entries), tuple(self.caps))

    def _completed(self, filed: Filed) -> Filed:
        """Trees get further keys by value if then nothing is left to test of any of their rules; those with the same keys become one."""
        whose = {entry.row.rank: entry for entry in self.entries}
        found: Filed = defaultdict(list)
        for (nested, keys), members in filed.items():
            entries = [(whose[row.rank], guards) for row, guards in members]
            for row, guards in (keys and not nested and COMPLETE and _completion(entries)) or members:
                found[nested, tuple(guard.key for guard in guards)].append((row, guards))
        return found

    def _shorten(self, filed: Filed) -> None:
        """While there are too many trees, the smallest gives up its last key."""
        if MOST_TREES == 0:
            return
        while sum(1 for _, keys in filed if keys) > MOST_TREES:
            if not any("trees" in cap for cap in self.caps):
                self.caps.append(f"more than {MOST_TREES} trees: the smallest are filed by fewer keys")
            smallest = min((tree for tree in filed if tree[1]), key=lambda tree: (len(filed[tree]), str(tree)))
            nested, keys = smallest
            filed[nested, keys[:-1]].extend((row, guards[:-1]) for row, guards in filed.pop(smallest))


def _sorted(guards: Iterable[Guard]) -> tuple[Guard, ...]:
    """In the order in which tables lie in one another."""
    return tuple(sorted(guards, key=lambda guard: (_ORDER[guard.key.kind], guard.key.name)))


def _completion(entries: Sequence[tuple[Entry, tuple[Guard, ...]]]) -> list[tuple[Row, tuple[Guard, ...]]] | None:
    """Rows with guards that say all of their conditions, on the same keys; None if there are none, or too many entries."""
    found, wanted, product = list[tuple[Row, tuple[Guard, ...]]](), None, 0
    for entry, guards in entries:
        proven = frozenset[int]().union(*(guard.parts for guard in guards))
        more = [guard for guard in entry.guards if guard.key.kind is Kind.EQUAL and guard not in guards and not guard.parts <= proven]
        keys = {guard.key for guard in more}
        wanted = keys if wanted is None else wanted
        product += prod(len(guard) for guard in more)
        if keys != wanted or not entry.row.holds_by((*guards, *more)):
            return None
        found.append((entry.row, _sorted((*guards, *more))))
    return found if product <= COMPLETE * len(found) else None


def _stable(value: Any) -> tuple[str, Any]:
    """By which values of one key are sorted: addresses of both versions are not comparable."""
    return type(value).__name__, value


def _cut(rows: Iterable[Row]) -> Rows:
    """In order of rank; what stands below a row that holds is never reached."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: row.rank):
        kept.append(row)
        if row.holds:
            break
    return tuple(kept)


# ── tables ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Builder:
    """Builds the tables of one tree; leaves with the same rows are one object.

    Attributes:
        holds: whether every leaf so far is one row that holds.
    """

    caps: list[str]
    leaves: dict[tuple[Any, ...], Rows] = field(default_factory=dict)
    holds: bool = True

    def node(self, members: Members, keys: tuple[Key, ...]) -> Node | None:
        """The table for the first of the keys, or rows where there is none left; None where there are no members."""
        if not members:
            return None
        if not keys:
            return self._leaf(row for row, _ in members)
        proven = [(replace(row, proven=row.proven | guards[0].parts), guards) for row, guards in members]
        if keys[0].kind is Kind.RANGE:
            return self._ranges(proven, keys)
        entries: dict[Any, list[tuple[Row, tuple[Guard, ...]]]] = defaultdict(list)
        for row, guards in proven:
            for value in sorted(guards[0].values, key=_stable):
                entries[value].append((row, guards[1:]))
        return Values({value: node for value, inside in entries.items() if (node := self.node(inside, keys[1:])) is not None})

    def _leaf(self, rows: Iterable[Row]) -> Rows:
        cut = _cut(rows)
        self.holds = self.holds and len(cut) == 1 and cut[0].holds
        return self.leaves.setdefault(tuple((row.rank, row.proven) for row in cut), cut)

    # ── ranges ─────────────────────────────────────────────────────────────────────────────────────────────

    def _ranges(self, members: Members, keys: tuple[Key, ...]) -> Node:
        cuts = _cuts(members)
        spans = [(_span(cuts, each), row, guards) for row, guards in members for each in guards[0].ranges]
        if len(keys) == 1 and all(row.holds for _, row, _ in spans):
            return self._least(cuts, spans)
        total = sum(last - first for (first, last), _, _ in spans)
        if total > CELLS * max(1, len(members)):
            cuts = _coarser(cuts, spans, CELLS * max(1, len(members)))
            members = [(replace(row, proven=row.proven - guards[0].parts), guards) for row, guards in members]
            spans = [(_touched(cuts, each), row, guards) for row, guards in members for each in guards[0].ranges]
            if not any("ranges" in cap for cap in self.caps):
                self.caps.append("ranges overlap so much that neighbouring ones share a cell and are tested again")
        cells: list[list[tuple[Row, tuple[Guard, ...]]]] = [[] for _ in range(len(cuts) + 1)]
        for (first, last), row, guards in spans:
            for i in range(first, last):
                if not cells[i] or cells[i][-1][0] is not row:
                    cells[i].append((row, guards[1:]))
        return Ranges(cuts, tuple(self.node(cell, keys[1:]) for cell in cells))

    def _least(self, cuts: tuple[Any, ...], spans: Sequence[tuple[tuple[int, int], Row, Any]]) -> Node:
        """Each cell keeps the row of least rank: rows in order of rank take what cells are left, each cell once."""
        cells: list[Node | None] = [None] * (len(cuts) + 1)
        following = list(range(len(cuts) + 2))

        def free(i: int) -> int:
            while following[i] != i:
                following[i] = following[following[i]]
                i = following[i]
            return i

        for (first, last), row, _ in sorted(spans, key=lambda span: span[1].rank):
            i = free(first)
            while i < last:
                cells[i] = self._leaf((row,))
                following[i] = i + 1
                i = free(i + 1)
        return Ranges(cuts, tuple(cells))


def _cuts(members: Members) -> tuple[Any, ...]:
    return tuple(sorted({end for _, guards in members for each in guards[0].ranges for end in each if end is not None}))


def _span(cuts: Sequence[Any], range_: tuple[Any, Any]) -> tuple[int, int]:
    """The cells of a range whose ends are cuts: from the first until the last."""
    start, end = range_
    return 0 if start is None else bisect_right(cuts, start), len(cuts) + 1 if end is None else bisect_right(cuts, end)


def _touched(cuts: Sequence[Any], range_: tuple[Any, Any]) -> tuple[int, int]:
    """The cells that a range has a part in."""
    start, end = range_
    return 0 if start is None else bisect_right(cuts, start), len(cuts) + 1 if end is None else bisect_left(cuts, end) + 1


def _coarser(cuts: tuple[Any, ...], spans: Sequence[tuple[tuple[int, int], Row, Any]], most: int) -> tuple[Any, ...]:
    """Every so manieth cut, as many as keep the entries within `most`; none at all if even one is too many."""
    step = 2
    while step <= len(cuts):
        kept = cuts[step - 1 :: step]
        if sum((last - 1) // step - first // step + 1 for (first, last), _, _ in spans) <= most:
            return kept
        step *= 2
    return ()
