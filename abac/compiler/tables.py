"""Floor 4, compiler: the tables of filed steps as generated code looks into them: dictionaries, cuts with cells, tuples of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.graph import Node, Ranges, Row, Tree, Values
from abac.compiler.guards import Kind


@dataclass(slots=True)
class Table:
    """One tree at run time. Shared by all searches: rows hold no functions, but which of a search's functions is to be called.

    Attributes:
        make: a row at run time; of a tree whose rows hold, a leaf.
    """

    tree: Tree
    make: Callable[[Row], Any]
    made: dict[int, Any] = field(default_factory=dict)
    rows: dict[tuple[int, frozenset[int]], Any] = field(default_factory=dict)

    def root(self) -> Any:
        return self._node(self.tree.node, 0)

    def _node(self, node: Node | None, level: int) -> Any:
        """Nodes that are one object stay one object."""
        if node is None:
            return None
        if id(node) not in self.made:
            self.made[id(node)] = self._build(node, level)
        return self.made[id(node)]

    def _build(self, node: Node, level: int) -> Any:
        match node:
            case Values(entries=entries):
                table = {value: self._node(inside, level + 1) for value, inside in entries.items()}
                return (frozenset(table), table) if level and self.tree.keys[level].kind is Kind.MEETS else table
            case Ranges(cuts=cuts, cells=cells):
                return list(cuts), [self._node(cell, level + 1) for cell in cells]
        if self.tree.holds:
            (row,) = node
            return self._row(row)
        return tuple(self._row(row) for row in node)

    def _row(self, row: Row) -> Any:
        key = (row.rank, row.proven)
        if key not in self.rows:
            self.rows[key] = self.make(row)
        return self.rows[key]
