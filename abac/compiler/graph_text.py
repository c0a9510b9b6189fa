"""Floor 4, compiler: the decision graph for people: as text, one step a line, and in Graphviz's language."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from typing import Any

from abac.compiler.graph import Block, Forest, Graph, Leaf, Nested, Node, Ranges, Row, Step, Test, Tree, Values, blocks
from abac.compiler.guards import Key, Sort
from abac.language import checked as c
from abac.language.surface import text_of
from abac.model.decision import Effect
from abac.model.text import show

_MOST = 40
"""Entries of a table that are shown; of a larger one it is said how many there are."""


def render(graph: Graph) -> str:
    """The graph as text, one step a line; and the definitions that passes have made."""
    made = (
        f"define {d.name.rpartition('.')[2]} = {text_of(d.body)}"
        for d in graph.definitions.values()
        if d.name not in graph.package.definitions
    )
    return "\n".join((*_lines(graph.root, ""), *made)) + "\n"


def _lines(block: Block, indent: str) -> Iterator[str]:
    yield indent + _heading(block)
    if block.forest is not None:
        yield from _forest_lines(block.forest, indent + "  ")
    else:
        for title, steps in (("first", block.strong), ("then", block.weak)):
            if steps and block.weak:
                yield f"{indent}  {title}"
            for step in steps:
                yield from _step_lines(step, indent + ("    " if block.weak else "  "), again=title == "then" and step in block.strong)
    if block.default is not None:
        yield f"{indent}  default {block.default.effect} #{block.default.number}"


def _step_lines(step: Step, indent: str, again: bool) -> Iterator[str]:
    match step:
        case Test(leaf=leaf):
            yield f"{indent}{leaf.effect} {leaf.name} #{leaf.number}: {_condition(step)}"
        case Nested(block=block) if again:
            yield f"{indent}policy {block.policy.name}, as found above"
        case Nested(block=block):
            yield from _lines(block, indent)


def _heading(block: Block) -> str:
    applies = f" when {text_of(block.applies)}" if block.applies else ""
    return f"policy {block.policy.name}: {block.algorithm}{applies}"


def _condition(step: Test) -> str:
    """What the rule asks; a constant true is `otherwise`."""
    if step.witness is None:
        always = isinstance(step.condition, c.Constant) and step.condition.value is True
        return "otherwise" if always else text_of(step.condition)
    return f"for some {step.witness.variable} in {text_of(step.witness.collection)}: {text_of(step.condition)}"


def key_text(key: Key) -> str:
    """What rules are filed by, in words."""
    told = text_of(key.expression)
    match key.sort:
        case Sort.TYPE:
            return f"kind of {told}"
        case Sort.ABOVE:
            return f"{key.group} that {told} stands in"
        case Sort.BACKWARDS:
            return f"end of {told}"
    return told


def _forest_lines(forest: Forest, indent: str) -> Iterator[str]:
    for tree in forest.trees:
        yield f"{indent}by {', '.join(map(key_text, tree.keys))}: {tree.rows} {'policies' if tree.nested else 'rules'}"
        yield from _node_lines(tree, tree.node, indent + "  ", _MOST)
    if forest.wide:
        yield f"{indent}always: {len(forest.wide)}"
        for row in forest.wide[:_MOST]:
            yield f"{indent}  {_row_text(row)}"
        if len(forest.wide) > _MOST:
            yield f"{indent}  … {len(forest.wide) - _MOST} more"
    for cap in forest.caps:
        yield f"{indent}note: {cap}"


def _node_lines(tree: Tree, node: Node, indent: str, most: int) -> Iterator[str]:
    entries = list(_entries(tree, node))
    for told, inside in entries[:most]:
        if isinstance(inside, Values | Ranges):
            yield f"{indent}{told}"
            yield from _node_lines(tree, inside, indent + "  ", most // 4)
        else:
            yield f"{indent}{told}: {', '.join(map(_row_text, inside))}"
    if len(entries) > most:
        yield f"{indent}… {len(entries) - most} more"


def _entries(tree: Tree, node: Node) -> Iterator[tuple[str, Node]]:
    match node:
        case Values(entries=entries):
            yield from ((told_value(value), inside) for value, inside in entries.items())
        case Ranges(cuts=cuts, cells=cells):
            ends: list[Any] = [None, *cuts, None]
            for start, end, cell in zip(ends, ends[1:], cells, strict=False):
                if cell is not None:
                    yield f"from {told_value(start)} until {told_value(end)}", cell


def told_value(value: Any) -> str:
    """A value of a table, as a policy has it; None is without end."""
    return "…" if value is None else f'"{show(value)}"' if type(value) is str else show(value)


def _row_text(row: Row) -> str:
    """Its place in the order, and what is left to test."""
    if isinstance(row.step, Nested):
        return f"{row.rank}. policy {row.step.block.policy.name}"
    witness = row.step.witness
    rest = " and ".join(map(text_of, row.rest))
    walked = f"for some {witness.variable} in {text_of(witness.collection)}: " if witness is not None else ""
    shown = f" if {walked}{rest}" if walked or rest else ""
    return f"{row.rank}. {row.step.leaf.effect} {row.step.leaf.name} #{row.step.leaf.number}{shown}"


# ── for Graphviz ───────────────────────────────────────────────────────────────────────────────────────────

_COLORS = {Effect.PERMIT: "#1b7a3d", Effect.DENY: "#b3261e"}
_OTHER = {Effect.PERMIT: Effect.DENY, Effect.DENY: Effect.PERMIT}
_WIDE, _TALL = 72, 12


def render_dot(graph: Graph) -> str:
    """The graph in Graphviz's language: a table a policy, its steps in the order in which they are searched."""
    lines = [
        "digraph policy {",
        "  rankdir=LR; ranksep=0.6; nodesep=0.3;",
        '  node [shape=plain, fontname="Helvetica", fontsize=11];',
        '  edge [color="#555555", arrowsize=0.7];',
    ]
    for block in reversed(list(blocks(graph.root))):
        lines += _dot_block(block)
    return "\n".join([*lines, "}"]) + "\n"


def _dot_block(block: Block) -> Iterator[str]:
    """Rows are the steps; an edge leads from the row of a nested policy, or of a branch, to its own table."""
    rows = [_row(_cell(_heading(block), 'colspan="4" port="top" bgcolor="#e6e6e6"', bold=True))]
    edges: list[str] = []
    order = 0
    if block.forest is not None:
        rows += _dot_forest(block.forest)
    for title, steps in _shown_steps(block):
        if steps and block.weak:
            strong = block.strong_effect or Effect.DENY
            sought = strong if title == "first" else _OTHER[strong]
            rows.append(_row(_cell(f"{title} {sought}", 'colspan="4" bgcolor="#f5f5f5"')))
        for step in steps:
            order += 1
            again = title == "then" and step in block.strong
            rows.append(_dot_step(order, step, again))
            if not again and isinstance(step, Nested):
                edges.append(f"  b{block.number}:s{order} -> b{step.block.number}:top;")
    if block.default is not None:
        rows.append(_row(_cell(""), _dot_leaf(block.default), _cell("if nothing is found")))
    yield _table(f"b{block.number}", rows)
    yield from edges


def _dot_step(order: int, step: Step, again: bool) -> str:
    number, port = _cell(f"{order}."), f'port="s{order}"'
    match step:
        case Test(leaf=leaf):
            return _row(number, _dot_leaf(leaf), _cell(_condition(step)))
        case Nested(block=block):
            return _row(number, _cell(f"policy {block.policy.name}{', as found above' if again else ''}", f'colspan="3" {port}'))


def _shown_steps(block: Block) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """The steps one after the other; of a policy whose steps are filed, the policies inside."""
    if block.forest is None:
        return ("first", block.strong), ("then", block.weak)
    inside = {step.block.number: step for step in (*block.strong, *block.weak) if isinstance(step, Nested)}
    return (("first", tuple(inside.values())[:_MOST]),)


def _dot_forest(forest: Forest) -> Iterator[str]:
    """A line a tree, then what is in none."""
    for tree in forest.trees:
        told = f"by {', '.join(map(key_text, tree.keys))}: {tree.rows} {'policies' if tree.nested else 'rules'}"
        yield _row(_cell(told, 'colspan="4" bgcolor="#f5f5f5"'))
        for line in list(_node_lines(tree, tree.node, "", _TALL))[: 2 * _TALL]:
            yield _row(_cell(line, 'colspan="4"'))
    if forest.wide:
        yield _row(_cell(f"always: {len(forest.wide)}", 'colspan="4" bgcolor="#f5f5f5"'))
        for row in forest.wide[: 2 * _TALL]:
            yield _row(_cell(_row_text(row), 'colspan="4"'))


def _table(node: str, rows: list[str]) -> str:
    body = "".join(rows)
    return f'  {node} [label=<<table border="0" cellborder="1" cellspacing="0" cellpadding="4" color="#999999">{body}</table>>];'


def _row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str, options: str = "", *, bold: bool = False, color: str = "") -> str:
    """Text wrapped to a bounded width and height, safe inside a label."""
    lines = textwrap.wrap(text, _WIDE, break_long_words=True) or [""]
    lines = lines if len(lines) <= _TALL else [*lines[: _TALL - 1], "…"]
    shown = "".join(f'{html.escape(line)}<br align="left"/>' for line in lines) if text else ""
    shown = f"<b>{shown}</b>" if bold else shown
    shown = f'<font color="{color}">{shown}</font>' if color else shown
    return f'<td align="left" balign="left"{" " + options if options else ""}>{shown}</td>'


def _dot_leaf(leaf: Leaf) -> str:
    color = _COLORS.get(leaf.effect, "#555555")
    return _cell(str(leaf.effect), color=color) + _cell(leaf.rule.name if leaf.rule else "default", bold=leaf.rule is not None)
