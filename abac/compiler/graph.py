"""Floor 4, compiler: the decision graph: in which order rules are searched, and what each outcome carries. Small, immutable, printable."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from abac.language import checked as c
from abac.language.printer import render as render_node
from abac.language.surface import text_of, value
from abac.model.combining import Algorithm
from abac.model.decision import Effect
from abac.model.values import Value


@dataclass(frozen=True, slots=True)
class Leaf:
    """An outcome: a rule that holds, or a policy's default (`rule` None). `around` are the policies whose duties it carries, inside out."""

    number: int
    effect: Effect
    rule: c.Rule | None
    around: tuple[c.Policy, ...]

    @property
    def name(self) -> str:
        return self.rule.name if self.rule else f"default of {self.around[0].name}"


@dataclass(frozen=True, slots=True)
class Test:
    """A rule: its leaf, if its condition holds (for some witness)."""

    leaf: Leaf

    @property
    def rule(self) -> c.Rule:
        assert self.leaf.rule is not None
        return self.leaf.rule


@dataclass(frozen=True, slots=True)
class Nested:
    """A policy inside a policy: its leaf, if it comes to one."""

    block: Block


@dataclass(frozen=True, slots=True)
class Branch:
    """A run of rules that each require `attribute` to be one of certain values: a filter, the rules keep their whole condition.

    Invariant: every rule of the run stands, in order, under each of its values, and the runs of different values are independent.
    """

    attribute: c.Expression
    cases: tuple[tuple[Value, tuple[Test, ...]], ...]


Step = Test | Nested | Branch


@dataclass(frozen=True, slots=True)
class Block:
    """A policy as an order of search.

    Attributes:
        strong: steps of the effect that wins at once, searched first; under first-applicable all steps, under only-one-applicable
            the policies to choose from.
        weak: steps of the other effect, in source order; a nested block that was searched among the strong stands here again.
        strong_effect: None where every leaf found ends the search.
        default: the leaf if nothing is found.
    """

    number: int
    policy: c.Policy
    strong: tuple[Step, ...]
    weak: tuple[Step, ...]
    strong_effect: Effect | None
    default: Leaf | None

    @property
    def algorithm(self) -> Algorithm:
        return Algorithm(self.policy.algorithm)


@dataclass(frozen=True, slots=True)
class Graph:
    """A package ready to be emitted."""

    package: c.Package
    root: Block
    leaves: tuple[Leaf, ...]


def blocks(block: Block) -> Iterator[Block]:
    """The block and those inside it, each once, inner ones first."""
    seen: set[int] = set()
    for step in (*block.strong, *block.weak):
        if isinstance(step, Nested) and step.block.number not in seen:
            seen.add(step.block.number)
            yield from blocks(step.block)
    yield block


def leaves_of(block: Block) -> Iterator[Leaf]:
    """The leaves of the block and of those inside it."""
    for each in blocks(block):
        if each.default is not None:
            yield each.default
        for step in (*each.strong, *each.weak):
            if isinstance(step, Test):
                yield step.leaf
            elif isinstance(step, Branch):
                yield from (test.leaf for _, tests in step.cases for test in tests)


def render(graph: Graph) -> str:
    """The graph as text, one step a line."""
    return "\n".join(_lines(graph.root, "")) + "\n"


def _lines(block: Block, indent: str) -> Iterator[str]:
    yield indent + _heading(block)
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
            yield f"{indent}{leaf.effect} {leaf.name} #{leaf.number}: {_condition(step.rule)}"
        case Nested(block=block) if again:
            yield f"{indent}policy {block.policy.name}, as found above"
        case Nested(block=block):
            yield from _lines(block, indent)
        case Branch(attribute=attribute, cases=cases):
            yield f"{indent}on {text_of(attribute)}, {len(cases)} values"
            for held, tests in cases:
                yield f"{indent}  {_key(held, attribute)}: {', '.join(f'{t.leaf.name} #{t.leaf.number}' for t in tests)}"


def _heading(block: Block) -> str:
    applies = f" when {text_of(block.policy.applies)}" if block.policy.applies else ""
    return f"policy {block.policy.name}: {block.algorithm}{applies}"


def _condition(rule: c.Rule) -> str:
    """What the rule asks; a constant true is `otherwise`."""
    if rule.witness is None:
        always = isinstance(rule.condition, c.Constant) and rule.condition.value is True
        return "otherwise" if always else text_of(rule.condition)
    return f"for some {rule.witness.variable} in {text_of(rule.witness.collection)}: {text_of(rule.condition)}"


def _key(held: Value, attribute: c.Expression) -> str:
    return render_node(value(held, attribute.span))


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
    for title, steps in (("first", block.strong), ("then", block.weak)):
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
            if isinstance(step, Branch):
                yield from _dot_branch(f"b{block.number}_{order}", step)
                edges.append(f"  b{block.number}:s{order} -> b{block.number}_{order}:top;")
    if block.default is not None:
        rows.append(_row(_cell(""), _dot_leaf(block.default), _cell("if nothing is found")))
    yield _table(f"b{block.number}", rows)
    yield from edges


def _dot_step(order: int, step: Step, again: bool) -> str:
    number, port = _cell(f"{order}."), f'port="s{order}"'
    match step:
        case Test(leaf=leaf):
            return _row(number, _dot_leaf(leaf), _cell(_condition(step.rule)))
        case Nested(block=block):
            return _row(number, _cell(f"policy {block.policy.name}{', as found above' if again else ''}", f'colspan="3" {port}'))
        case Branch(attribute=attribute, cases=cases):
            return _row(number, _cell(f"on {text_of(attribute)}: {len(cases)} values", f'colspan="3" {port}'))


def _dot_branch(node: str, step: Branch) -> Iterator[str]:
    """The rules that stand under each value, those of one value in one row."""
    rows = [_row(_cell(text_of(step.attribute), 'colspan="2" port="top" bgcolor="#e6e6e6"', bold=True))]
    for held, tests in step.cases:
        rows.append(_row(_cell(_key(held, step.attribute)), _cell(", ".join(test.leaf.name for test in tests))))
    yield _table(node, rows)
    conditions = {test.leaf.number: test for _, tests in step.cases for test in tests}
    rules = [_row(_dot_leaf(test.leaf), _cell(_condition(test.rule))) for _, test in sorted(conditions.items())]
    yield _table(f"{node}_rules", rules)
    yield f"  {node} -> {node}_rules [style=dashed];"


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
