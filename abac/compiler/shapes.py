"""Floor 4, compiler: shapes: conditions that differ in their constants alone share one piece of code, and each brings a row of constants.

Where a constant may stand there is a hole. What the code needs of the constant there (itself, its place in an ordered union, a compiled
pattern) is a column of the row.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from abac.compiler.syntax import item, name
from abac.language import checked as c
from abac.model.types import KeyOf, ListOf, SetOf, Type, Words, base

ROW = "k"
"""The variable that holds a row."""

_BESIDE = {
    kind: tuple(f.name for f in fields(kind) if f.name not in (*c.PARTS[kind], "type", "span", "value"))
    for kind in get_args(c.CheckedExpression)
}
"""What of an expression is neither a part nor a constant."""


def skeleton(e: c.Expression) -> tuple[Any, ...]:
    """Equal for expressions that differ in their constants alone; types are compared too, for code depends on them."""
    kind = type(e)
    if kind is c.Constant:
        return kind, _plainly(e.kind)  # type: ignore[attr-defined]  # a constant
    beside = tuple(getattr(e, each) for each in _BESIDE[kind])
    return (kind, _plainly(e.type), *beside, *(_skeleton(getattr(e, each)) for each in c.PARTS[kind]))


def _plainly(type_: Type) -> Type:
    """The type as far as code depends on it: which words a union has does not matter, but where they have an order."""
    match type_:
        case Words(ordered=False) | KeyOf():
            return base(type_)
        case SetOf(element=element):
            return SetOf(_plainly(element))
        case ListOf(element=element):
            return ListOf(_plainly(element))
    return type_


def _skeleton(part: Any) -> Any:
    if isinstance(part, c.Expression):
        return skeleton(part)
    return tuple(map(_skeleton, part)) if type(part) is tuple else part


@dataclass
class Holes:
    """The holes of one shape, and the columns that its code asks for. Code of several kinds for one shape shares them.

    Args:
        expressions: those that the code is emitted from, always; other members of the shape have their like in the same order.
        offset: how many places of a row stand before the columns.
    """

    expressions: Sequence[c.Expression]
    columns: list[tuple[int, Callable[[Any], Any]]] = field(default_factory=list)
    offset: int = 0

    def __post_init__(self) -> None:
        self._places = {id(node): place for place, node in enumerate(_nodes(self.expressions))}
        self._known: dict[tuple[int, object], int] = {}

    def column(self, e: c.Expression, what: object, prepare: Callable[[Any], Any]) -> ast.expr:
        """`k[2]`: what `prepare` makes of the expression that stands here in each member; `what` tells preparations apart."""
        key = (self._places[id(e)], what)
        if key not in self._known:
            self._known[key] = len(self.columns)
            self.columns.append((key[0], prepare))
        return item(name(ROW), self.offset + self._known[key])

    def row_of(self, expressions: Sequence[c.Expression]) -> tuple[Any, ...]:
        """The row of a member of the shape."""
        if not self.columns:
            return ()
        nodes = list(_nodes(expressions))
        return tuple(prepare(nodes[place]) for place, prepare in self.columns)


def _nodes(expressions: Sequence[c.Expression]) -> list[c.Expression]:
    return [node for e in expressions for node in c.walk(e)]
