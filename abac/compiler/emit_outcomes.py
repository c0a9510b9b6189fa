"""Floor 4, compiler: the fast path's Python for what a decision carries: the values its texts and duties are made of, taken at once.

A decision renders its reason and its duties when somebody asks for them, from these values: by then the request may have changed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.carried import Carried, clauses, computed
from abac.compiler.classes import is_plain
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.functions import STANDARD, Function
from abac.compiler.graph import Leaf
from abac.compiler.runtime import WITNESSES
from abac.compiler.shapes import ROW, skeleton
from abac.compiler.syntax import assign, const, item, name, tuple_of
from abac.language import checked as c
from abac.model.schema import DutyKind
from abac.model.types import EntityOf, ListOf, SetOf


@dataclass
class OutcomeEmitter:
    """Emits the functions that take what decisions by a leaf carry; leaves of one shape share them. A row begins with the leaf's number."""

    fast: FastEmitter
    known: dict[Any, str] = field(default_factory=dict)

    def capture(self, leaf: Leaf, carried: Carried) -> tuple[str, Callable[[], tuple[Any, ...]]]:
        """The function that takes the values, and what makes the leaf's row for it once all code is emitted."""
        asked = [(clause, own) for clause, own in clauses(leaf) if computed(clause)]
        guards = tuple(clause.guard for clause, _ in asked if clause.guard is not None)
        arguments = tuple(a for clause, _ in asked for a in clause.arguments)
        expressions = (*carried.shown, *carried.cited, *guards, *arguments)
        layout = tuple((clause.guard is not None, len(clause.arguments), own) for clause, own in asked)
        key = ("capture", len(carried.shown), len(carried.cited), layout, self._witness(leaf), tuple(map(skeleton, expressions)))
        return self._shared("f", key, leaf, expressions, lambda f: self._captured(leaf, carried, asked, f), f"what {leaf.name} carries")

    def oblige(self, leaf: Leaf) -> tuple[str, Callable[[], tuple[Any, ...]]]:
        """The function that tells the ids of a permit's obligations, after making sure that their arguments are known; and as above."""
        asked = [(clause, own) for clause, own in clauses(leaf) if clause.kind is DutyKind.OBLIGATION]
        guards = tuple(clause.guard for clause, _ in asked if clause.guard is not None)
        arguments = tuple(a for clause, _ in asked for a in clause.arguments)
        expressions = (*guards, *arguments)
        layout = tuple((clause.id, clause.guard is not None, len(clause.arguments), own) for clause, own in asked)
        key = ("oblige", layout, self._witness(leaf), tuple(map(skeleton, expressions)))
        return self._shared("o", key, leaf, expressions, lambda f: self._obliged(leaf, asked, f), f"obligations of {leaf.name}")

    def _witness(self, leaf: Leaf) -> str | None:
        return leaf.rule.witness.variable if leaf.rule is not None and leaf.rule.witness is not None else None

    def _shared(
        self, letter: str, key: Any, leaf: Leaf, expressions: Sequence[c.Expression], emit: Callable[[Function], None], comment: str
    ) -> tuple[str, Callable[[], tuple[Any, ...]]]:
        holes = self.fast.world.shape(key, expressions)
        holes.offset = 1
        if key not in self.known:
            f = Function()
            self.fast.world.holes = holes
            if self._witness(leaf) is not None:  # v1 = memo[2][k[0]]
                f.body.append(assign("v1", ast.Subscript(item(name("memo"), WITNESSES), item(name(ROW), 0), ast.Load())))
            f.count[0] = 1
            emit(f)
            self.fast.world.holes = None
            self.known[key] = self.fast.identifier(letter)
            self.fast.add(self.known[key], (*STANDARD, ROW), f.body, comment)
        return self.known[key], lambda: (leaf.number, *holes.row_of(expressions))

    def _captured(self, leaf: Leaf, carried: Carried, asked: Sequence[tuple[c.DutyClause, bool]], f: Function) -> None:
        """return (a1, …, (a2,) if a3 else None)"""
        own = self._with_witness(leaf, f)
        parts = [self._shown(e, own) for e in carried.shown]
        mine = sum(not isinstance(e, c.Constant) for e in (leaf.rule.citations if leaf.rule else ()))
        parts += [self.fast.later(e, own if i < mine else f) for i, e in enumerate(carried.cited)]
        parts += [self._asked(clause, own if is_own else f) for clause, is_own in asked]
        f.body.append(ast.Return(tuple_of(parts)))

    def _with_witness(self, leaf: Leaf, f: Function) -> Function:
        """Duties of policies around a rule do not see its witness."""
        if leaf.rule is None or leaf.rule.witness is None:
            return f
        return Function(f.body, f.read, {leaf.rule.witness.variable: "v1"}, count=f.count)

    def _asked(self, clause: c.DutyClause, f: Function) -> ast.expr:
        """The arguments of a duty, or None where its guard is false."""
        guard = None if clause.guard is None else self.fast.truth(clause.guard, f)
        arguments = tuple_of(self._handed(a, f) for a in clause.arguments)
        return arguments if guard is None else ast.IfExp(guard, arguments, const(None))

    def _handed(self, e: c.Expression, f: Function) -> ast.expr:
        """An argument of a duty, all of whose parts must be known."""
        made = self.fast.later(e, f)
        inner = e.type.element if isinstance(e.type, SetOf | ListOf) else e.type
        return made if is_plain(inner) else self.fast.run("handed", made)

    def _obliged(self, leaf: Leaf, asked: Sequence[tuple[c.DutyClause, bool]], f: Function) -> None:
        """return ('audit.record', …), those with a guard only where it is true"""
        parts: list[ast.expr] = []
        for clause, own in asked:
            inner = self._with_witness(leaf, f) if own else f
            values = [self._handed(a, inner) for a in clause.arguments if not isinstance(a, c.Constant)]
            told: ast.expr = const(clause.id)
            if values:  # ('spend', a1)[0]: evaluated only to see that it is known
                told = item(tuple_of([told, *values]), 0)
            if clause.guard is not None:
                told = ast.IfExp(self.fast.truth(clause.guard, inner), tuple_of([told]), tuple_of(()))
                parts.append(ast.Starred(told, ast.Load()))
            else:
                parts.append(told)
        f.body.append(ast.Return(tuple_of(parts)))

    def _shown(self, e: c.Expression, f: Function) -> ast.expr:
        """A value as a reason shows it, where an absent attribute is no unknown; of an entity its key."""
        if not isinstance(e, c.Attribute) or isinstance(e.target, c.Root):
            made = self.fast.later(e, f)
        else:
            made = self.fast.run("shown", self._shown_whole(e.target, f), const(self.fast.forms.slots[e.name]))
        return self.fast.run("key_shown", made) if isinstance(e.type, EntityOf) else made

    def _shown_whole(self, e: c.Expression, f: Function) -> ast.expr:
        if isinstance(e, c.Attribute) and not isinstance(e.target, c.Root):
            return self.fast.run("shown", self._shown_whole(e.target, f), const(self.fast.forms.slots[e.name]))
        return self.fast.later(e, f)
