"""Floor 4, compiler: the fast path's Python for filed steps: looks into one tree after the other, and keeps what has the least rank.

best = 4096; found = None
t1 = K1(resource.f1)                          # K1 is the `get` of a dictionary
if t1 is not None:
    for rank, outcome, shape, k in t1:        # in order of rank
        if rank >= best: break
        if subject.f2 == k[0]: best = rank; found = outcome; break
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from abac.compiler.functions import STANDARD, Function
from abac.compiler.graph import Block, Nested, Row, Test, Tree
from abac.compiler.guards import Key, Kind, Sort, address_number
from abac.compiler.outcomes import Outcome
from abac.compiler.shapes import ROW, Holes, skeleton
from abac.compiler.syntax import assign, attribute, call, compare, const, item, junction, name, walrus
from abac.compiler.tables import Table
from abac.language import checked as c

if TYPE_CHECKING:
    from abac.compiler.emit_search import Gives, SearchEmitter

_INLINE = 24
"""Wide rules up to which each has its own lines."""

_RULES, _WIDE_RULES, _POLICIES, _WIDE_POLICIES = range(4)
"""In this order they are searched, cheap before dear: what is found soon rules out what stands below it."""

_TYPE = type
_UNPACKED = ("rank", "outcome", "shape", ROW)
Shape = tuple[Any, ...]
Outcomes = Mapping[int, Outcome]


@dataclass
class ForestEmitter:
    """Emits the search of one policy's filed steps into the body of its function."""

    search: SearchEmitter
    block: Block
    f: Function
    gives: Gives

    def __post_init__(self) -> None:
        self.fast, self.world = self.search.fast, self.search.fast.world
        assert self.block.forest is not None
        self.forest = self.block.forest

    def emit(self) -> None:
        """Statements that return what is found; whoever calls puts behind them what there is if nothing is."""
        parts: list[tuple[int, int, Callable[[], None]]] = []
        for tree in self.forest.trees:
            parts.append((_POLICIES if tree.nested else _RULES, tree.least, lambda tree=tree: self._tree(tree)))  # type: ignore[misc]
        rules = tuple(row for row in self.forest.wide if isinstance(row.step, Test))
        policies = tuple(row for row in self.forest.wide if isinstance(row.step, Nested))
        if rules:
            parts.append((_WIDE_RULES, rules[0].rank, lambda: self._wide(rules)))
        if policies:
            parts.append((_WIDE_POLICIES, policies[0].rank, lambda: self._policies(policies)))
        if self._alone:
            self._tree(self.forest.trees[0])
            return
        parts.sort(key=lambda part: part[:2])
        self.f.body += [assign("best", const(len(self.block.strong) + len(self.block.weak))), assign("found", const(None))]
        for i, (_, least, emit) in enumerate(parts):
            outer = self.f
            if i:
                self.f = outer.inside()
            emit()
            if i:
                outer.body.append(ast.If(compare(name("best"), ast.Gt(), const(least)), self.f.body, []))
            self.f = outer
        returned = self.search.found_inside("found", self.block, self.gives)
        self.f.body.append(ast.If(compare(name("found"), ast.IsNot(), const(None)), [returned], []))

    @property
    def _alone(self) -> bool:
        """Whether one leaf is found at most, and decides."""
        trees = self.forest.trees
        return len(trees) == 1 and not self.forest.wide and trees[0].holds and all(key.kind is not Kind.MEETS for key in trees[0].keys)

    # ── trees ──────────────────────────────────────────────────────────────────────────────────────────────

    def _tree(self, tree: Tree) -> None:
        """Level by level, then the rows that are found."""
        table = self._table(tree)
        rows = tuple(tree.all_rows())
        found = self._leaf if tree.holds else self._rows
        self._level(tree, 0, None, table, lambda leaf, f: found(leaf, rows, f))

    def _table(self, tree: Tree) -> str:
        """The name of the tree's table, which all searches share."""
        make = self._policy_row if tree.nested else self._held_row if tree.holds else self._rule_row
        return self.world.table(tree, lambda outcomes: Table(tree, lambda row: make(row, outcomes)))

    def _level(self, tree: Tree, level: int, above: ast.expr | None, table: str, then: Callable[[ast.expr, Function], None]) -> None:
        """One key: what stands under its value is looked for, and in that the next."""
        if level == len(tree.keys):
            assert above is not None
            then(above, self.f)
            return
        key, found = tree.keys[level], self.f.fresh("t")
        read, optional = self._read(key)
        outer = self.f
        match key.kind:
            case Kind.EQUAL:
                get = name(f"{table}_get") if above is None else attribute(above, "get")
                self.f.body.append(assign(found, call(get, read)))
                there = compare(name(found), ast.IsNot(), const(None))
            case Kind.RANGE:
                self._cell(key, read, above, table, found, optional)
                there = compare(name(found), ast.IsNot(), const(None))
            case Kind.MEETS:
                self._each(tree, level, key, read, optional, above, table, then)
                return
        self.f = outer.inside()
        self._level(tree, level + 1, name(found), table, then)
        outer.body.append(ast.If(there, self.f.body, []))
        self.f = outer

    def _cell(self, key: Key, read: ast.expr, above: ast.expr | None, table: str, found: str, optional: bool) -> None:
        """t1 = K1_cells[bisect(K1_cuts, a1)], None where the key is absent"""
        cuts = name(f"{table}_cuts") if above is None else item(above, 0)
        cells = name(f"{table}_cells") if above is None else item(above, 1)
        runs = self.fast.timed and self.fast.clockwork.rate(key.expression)
        if runs:
            place: ast.expr = self.fast.run("cell_at", name("memo"), cuts, read)
        else:
            place = call(self.fast.slots.helper("bisect", bisect_right), cuts, read)
        made: ast.expr = ast.Subscript(cells, place, ast.Load())
        if optional:
            made = ast.IfExp(compare(read, ast.IsNot(), const(None)), made, const(None))
        self.f.body.append(assign(found, made))

    def _each(
        self, tree: Tree, level: int, key: Key, read: ast.expr, optional: bool, above: ast.expr | None, table: str,
        then: Callable[[ast.expr, Function], None],
    ) -> None:  # fmt: skip
        """for e1 in a1 & K1_keys: t1 = K1[e1]; of what an entity stands in, only if all of that is known"""
        outer, element, found = self.f, self.f.fresh("e"), self.f.fresh("t")
        if key.sort is Sort.ABOVE and self.fast.raw(key.expression, outer.raws) is None:
            outer.body.append(ast.Expr(self._above(key, "w")))  # raises where it is unknown
        keys: ast.expr = name(f"{table}_keys") if above is None else item(above, 0)
        walked: ast.expr = ast.BinOp(read, ast.BitAnd(), keys)
        if optional:
            walked = ast.IfExp(compare(read, ast.IsNot(), const(None)), walked, self.fast.slots.slot(()))
        self.f = outer.inside()
        self.f.loops += 1
        table_ = name(table) if above is None else item(above, 1)
        self.f.body.append(assign(found, ast.Subscript(table_, name(element), ast.Load())))
        self._level(tree, level + 1, name(found), table, then)
        outer.body.append(ast.For(ast.Name(element, ast.Store()), walked, self.f.body, []))
        self.f = outer

    # ── keys ───────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, key: Key) -> tuple[ast.expr, bool]:
        """The key's value, read as if it were optional, and whether it may be None; read once on every way."""
        if key in self.f.read:
            return name(self.f.read[key]), self._is_optional(key.expression)
        e = key.expression
        if key.sort is Sort.TYPE:
            assert isinstance(e, c.Root)
            made: ast.expr = self._type_of(e)
        elif key.sort is Sort.ABOVE:
            made = self._above(key, "u")
        else:
            made = self._chain(e)
        optional = self._is_optional(e)
        if key.sort is Sort.NUMBER:
            made = self._number(made, optional)
        elif key.sort is Sort.BACKWARDS:
            backwards = ast.Slice(None, None, ast.UnaryOp(ast.USub(), const(1)))
            made = self._if_there(made, optional, lambda there: ast.Subscript(there, backwards, ast.Load()))
        if not isinstance(made, ast.Name):
            variable = self.f.fresh("a")
            self.f.body.append(assign(variable, made))
            made = name(variable)
        self.f.read[key] = made.id
        return made, optional

    def _is_optional(self, e: c.Expression) -> bool:
        """Whether the key may be absent, or something on the way to it, or not belong to the kind of entity that is asked about."""
        while isinstance(e, c.Attribute):
            if self.world.field(e).optional or not self._everybody_has(e):
                return True
            e = e.target
        return False

    def _everybody_has(self, e: c.Attribute) -> bool:
        return not isinstance(e.target, c.Root) or all(e.name in self.world.forms.owners[kind] for kind in self.world.kinds(e.target.name))

    def _chain(self, e: c.Expression) -> ast.expr:
        """An attribute reached by attributes: a1.f2 if a1 is not None else None"""
        if not isinstance(e, c.Attribute):
            return self.fast.value(e, self.f, running=True)
        if isinstance(e.target, c.Root):
            if self._everybody_has(e):
                return self._read_ahead(e)
            read = self.fast.deferred(self.f, lambda: self.fast.read(e, self.f))
            has = frozenset(kind for kind in self.world.kinds(e.target.name) if e.name in self.world.forms.owners[kind])
            return ast.IfExp(compare(self._type_of(e.target), ast.In(), self.fast.slots.slot(has)), read, const(None))
        if self.fast.raw(e.target, self.f.raws) is not None:
            if not self._is_optional(e.target):
                return self._read_ahead(e)
            return self._where_it_is(e.target, lambda: self.fast.read(e, self.f))
        target = self._chain(e.target)
        slot = self.world.forms.slots[e.name]
        return self._if_there(target, self._is_optional(e.target), lambda there: attribute(there, slot))

    def _read_ahead(self, e: c.Attribute) -> ast.expr:
        self.f.ahead = True
        read = self.fast.read(e, self.f)
        self.f.ahead = False
        return read

    def _where_it_is(self, e: c.Expression, use: Callable[[], ast.expr]) -> ast.expr:
        """a2 if … is not None and … else None: what is reached by what is not there is not there."""

        def make() -> ast.expr:
            there: list[ast.expr] = []
            for each in _way(e):
                if isinstance(each.target, c.Root) and not self._everybody_has(each):
                    has = frozenset(kind for kind in self.world.kinds(each.target.name) if each.name in self.world.forms.owners[kind])
                    there.append(compare(self._type_of(each.target), ast.In(), self.fast.slots.slot(has)))
                if self.world.field(each).optional:
                    there.append(compare(self.fast.in_place(each, self.f), ast.IsNot(), const(None)))
            return ast.IfExp(junction(ast.And(), there), use(), const(None))

        return self.fast.deferred(self.f, make)

    def _if_there(self, made: ast.expr, optional: bool, use: Callable[[ast.expr], ast.expr]) -> ast.expr:
        if not optional:
            return use(made)
        variable = self.f.fresh("a")
        return ast.IfExp(compare(walrus(variable, made), ast.IsNot(), const(None)), use(name(variable)), const(None))

    def _number(self, made: ast.expr, optional: bool) -> ast.expr:
        """int(a1) if type(a1) is IPv4Address else number(a1)"""
        slots = self.fast.slots
        variable = self.f.fresh("a")
        kind = compare(call(slots.helper("type", _TYPE), walrus(variable, made)), ast.Is(), slots.helper("IPv4Address", IPv4Address))
        other: ast.expr = call(slots.helper("address_number", address_number), name(variable))
        if optional:
            other = ast.IfExp(compare(name(variable), ast.IsNot(), const(None)), other, const(None))
        return ast.IfExp(kind, call(slots.helper("int", int), name(variable)), other)

    def _type_of(self, root: c.Root) -> ast.expr:
        if root.name in self.fast.plain:
            return self.fast.type_of(root.name)
        return attribute(name(root.name), "_type")

    def _above(self, key: Key, letter: str) -> ast.expr:
        """What an entity stands in, or whether all of that is known: subject.u1"""
        e = key.expression
        if self.fast.raw(e, self.f.raws) is not None:
            if not self._is_optional(e):
                return self.fast.above_in_place(e, key.group, self.f)
            return self._where_it_is(e, lambda: self.fast.above_in_place(e, key.group, self.f))
        slot = f"{letter}{self.world.forms.groups[key.group]}"
        return self._if_there(self._chain(key.expression), self._is_optional(key.expression), lambda there: attribute(there, slot))

    # ── rows ───────────────────────────────────────────────────────────────────────────────────────────────

    def _leaf(self, leaf: ast.expr, rows: tuple[Row, ...], f: Function) -> None:
        """return t1.stands; where more may be found: if t1[0] < best: best = t1[0]; found = t1[1]"""
        if self._alone:
            assert isinstance(leaf, ast.Name)
            f.body.append(self.search.found_inside(leaf.id, self.block, self.gives))
            return
        keep: list[ast.stmt] = [assign("best", item(leaf, 0)), assign("found", item(leaf, 1))]
        f.body.append(ast.If(compare(item(leaf, 0), ast.Lt(), name("best")), keep, []))

    def _rows(self, leaf: ast.expr, rows: tuple[Row, ...], f: Function) -> None:
        """The rows of a leaf, in order of rank."""
        self.f = f
        if isinstance(rows[0].step, Nested):
            self._policy_rows(leaf)
            return
        shapes = {self._shape(row) for row in rows if not self._holds(row)}
        inner = f.inside()
        inner.loops += 1
        inner.body.append(self._dominated())
        keep: list[ast.stmt] = [assign("best", name("rank")), assign("found", name("outcome")), ast.Break()]
        if not shapes:
            inner.body += keep
        elif len(shapes) == 1 and not any(self._holds(row) for row in rows) and not self._has_witness(rows):
            self._inline(rows[0], keep, inner)
        else:
            inner.body.append(ast.If(self._tested(rows), keep, []))
        target = ast.Tuple([ast.Name(each, ast.Store()) for each in _UNPACKED], ast.Store())
        f.body.append(ast.For(target, leaf, inner.body, []))

    def _dominated(self) -> ast.stmt:
        return ast.If(compare(name("rank"), ast.GtE(), name("best")), [ast.Break()], [])

    def _has_witness(self, rows: tuple[Row, ...]) -> bool:
        return any(isinstance(row.step, Test) and row.step.witness is not None for row in rows)

    def _inline(self, row: Row, keep: list[ast.stmt], f: Function) -> None:
        self.world.holes = self._holes(row)
        self.search.nest(list(self.world.holes.expressions), keep, f)
        self.world.holes = None

    def _tested(self, rows: tuple[Row, ...]) -> ast.expr:
        """shape == 0 or T1[shape](subject, …, k)"""
        for row in rows:
            self._number_of(row)
        asked = call(ast.Subscript(name(self._tests_name()), name("shape"), ast.Load()), *(name(p) for p in STANDARD), name(ROW))
        return junction(ast.Or(), [compare(name("shape"), ast.Eq(), const(0)), asked])

    def _tests_name(self) -> str:
        """The tuple of this search's tests, by number."""
        return self.search.tests_of(self.block)

    def _holds(self, row: Row) -> bool:
        return self.world.once("holds", row, attrgetter("holds"))  # type: ignore[no-any-return]  # as it was made

    def _expressions(self, row: Row) -> tuple[c.Expression, ...]:
        """What a row's code is made of; of a rule with a witness, its collection first."""
        return self.world.once("expressions", row, _expressions)  # type: ignore[no-any-return]  # as it was made

    def _shape(self, row: Row) -> Shape:
        return self.world.once("shape", row, self._made_shape)  # type: ignore[no-any-return]  # as it was made

    def _made_shape(self, row: Row) -> Shape:
        assert isinstance(row.step, Test)
        witness = row.step.witness
        return (None if witness is None else witness.variable, tuple(map(skeleton, self._expressions(row))))

    def _holes(self, row: Row) -> Holes:
        return self.world.shape(("row", *self._shape(row)), self._expressions(row))

    def _number_of(self, row: Row) -> int:
        """Which test a row refers to: the same in every search of the policy."""
        if self._holds(row):
            return 0
        number = self.world.number(self.block.number, self._shape(row))
        self.search.test(self.block, number, row, self._holes(row))
        return number

    def _held_row(self, row: Row, outcomes: Outcomes) -> Any:
        """Of a tree whose rows hold: the outcome, and its rank unless nothing else can be found."""
        assert isinstance(row.step, Test)
        outcome = outcomes[row.step.leaf.number]
        return outcome if self._alone else (row.rank, outcome)

    def _rule_row(self, row: Row, outcomes: Outcomes) -> tuple[Any, ...]:
        """A row at run time, made once all code is."""
        assert isinstance(row.step, Test)
        outcome = outcomes[row.step.leaf.number]
        if self._holds(row):
            return row.rank, outcome, 0, ()
        first = (row.step.leaf.number,) if row.step.witness is not None else ()
        k = (*first, *self._holes(row).row_of(self._expressions(row)))
        return row.rank, outcome, self.world.number(self.block.number, self._shape(row)), k

    def _wide(self, rows: tuple[Row, ...]) -> None:
        """Rules that nothing files, in order of rank, each with its own lines if they are few."""
        if len(rows) > _INLINE:
            table = self.world.table(rows, lambda outcomes: tuple(self._rule_row(row, outcomes) for row in rows))
            self._rows(name(table), rows, self.f)
            return
        inner = self.f.inside()
        inner.loops += 1
        for row in rows:
            assert isinstance(row.step, Test)
            keep = [assign("best", const(row.rank)), assign("found", self.search.outcome(row.step.leaf)), ast.Break()]
            inner.body.append(ast.If(compare(name("best"), ast.LtE(), const(row.rank)), [ast.Break()], []))
            self.search.rule(row.step, row.rest, keep, inner)
        once = self.fast.slots.slot((None,))
        self.f.body.append(ast.For(ast.Name("_", ast.Store()), once, inner.body, []))

    # ── policies inside ────────────────────────────────────────────────────────────────────────────────────

    def _policy_row(self, row: Row, outcomes: Outcomes) -> tuple[Any, ...]:
        assert isinstance(row.step, Nested)
        return row.rank, row.rank if row.weak_rank is None else row.weak_rank, row.step.block.number

    def _policies(self, rows: tuple[Row, ...]) -> None:
        table = self.world.table(rows, lambda outcomes: tuple(self._policy_row(row, outcomes) for row in rows))
        self._policy_rows(name(table))

    def _policy_rows(self, leaf: ast.expr) -> None:
        """
        for rank, weak, which in t1:
            if rank >= best: break
            b = S[which](subject, …)
            if b is not None:
                if b.effect is not deny: rank = weak
                if rank < best: best = rank; found = b
        """
        f = self.f
        asked = call(ast.Subscript(name(self.search.searches_name), name("which"), ast.Load()), *(name(p) for p in STANDARD))
        inner: list[ast.stmt] = []
        strong = self.block.strong_effect
        if strong is not None:
            effect = attribute(name("b"), "effect")
            waits: list[ast.stmt] = [assign("rank", name("weak"))]
            stand = f.inside()
            self.search.stand("b", self.block, stand)
            inner.append(ast.If(compare(effect, ast.IsNot(), self.fast.slots.slot(strong)), [*waits, *stand.body], []))
        better: list[ast.stmt] = [assign("best", name("rank")), assign("found", name("b"))]
        inner.append(ast.If(compare(name("rank"), ast.Lt(), name("best")), better, []))
        body: list[ast.stmt] = [
            self._dominated(),
            assign("b", asked),
            ast.If(compare(name("b"), ast.IsNot(), const(None)), inner, []),
        ]
        target = ast.Tuple([ast.Name(each, ast.Store()) for each in ("rank", "weak", "which")], ast.Store())
        f.body.append(ast.For(target, leaf, body, []))


def _expressions(row: Row) -> tuple[c.Expression, ...]:
    assert isinstance(row.step, Test)
    witness = row.step.witness
    return row.rest if witness is None else (witness.collection, *row.rest)


def _way(e: c.Expression) -> list[c.Attribute]:
    """The attributes by which an expression is reached from a part of the request, the first read first."""
    found: list[c.Attribute] = []
    while isinstance(e, c.Attribute):
        found.insert(0, e)
        e = e.target
    return found
