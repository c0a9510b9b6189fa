"""Floor 4, compiler: the tables of filed steps as generated code looks into them: dictionaries, cuts with cells, tuples of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.graph import Node, Ranges, Row, Tree, Values


@dataclass(slots=True)
class Table:
    """One tree at run time. Shared by all searches: rows hold no functions, but which of a search's functions is to be called.

    Attributes:
        make: a row at run time.
    """

    tree: Tree
    make: Callable[[Row], tuple[Any, ...]]
    made: dict[int, Any] = field(default_factory=dict)
    rows: dict[tuple[int, frozenset[int]], tuple[Any, ...]] = field(default_factory=dict)

    def root(self) -> Any:
        return self._node(self.tree.node)

    def _node(self, node: Node | None) -> Any:
        """Nodes that are one object stay one object."""
        if node is None:
            return None
        if id(node) not in self.made:
            self.made[id(node)] = self._build(node)
        return self.made[id(node)]

    def _build(self, node: Node) -> Any:
        match node:
            case Values(entries=entries):
                return {value: self._node(inside) for value, inside in entries.items()}
            case Ranges(cuts=cuts, cells=cells):
                return list(cuts), [self._node(cell) for cell in cells]
        return tuple(self._row(row) for row in node)

    def _row(self, row: Row) -> tuple[Any, ...]:
        key = (row.rank, row.proven)
        if key not in self.rows:
            self.rows[key] = self.make(row)
        return self.rows[key]
