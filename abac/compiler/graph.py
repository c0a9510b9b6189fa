"""Floor 4, compiler: the decision graph: in which order rules are searched, and what each outcome carries. Small, immutable, printable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from abac.language import checked as c
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


def render(graph: Graph) -> str:
    """The graph as text, one step a line."""
    return "\n".join(_lines(graph.root, "")) + "\n"


def _lines(block: Block, indent: str) -> Iterator[str]:
    applies = f" when {_text(block.policy.applies)}" if block.policy.applies else ""
    yield f"{indent}policy {block.policy.name}: {block.algorithm}{applies}"
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
            yield f"{indent}on {_text(attribute)}, {len(cases)} values"
            for value, tests in cases:
                yield f"{indent}  {value!r}: {', '.join(f'{t.leaf.name} #{t.leaf.number}' for t in tests)}"


def _condition(rule: c.Rule) -> str:
    found = f"for some {rule.witness.variable} in {_text(rule.witness.collection)}: " if rule.witness else ""
    return found + _text(rule.condition)


def _text(expression: c.Expression) -> str:
    """How the policy writes it; a constant true is `otherwise`."""
    if isinstance(expression, c.Constant) and expression.value is True:
        return "otherwise"
    return " ".join(expression.span.text.split())


def render_dot(graph: Graph) -> str:
    """The graph in Graphviz's language."""
    lines = ["digraph policy {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif", fontsize=10];']
    for block in blocks(graph.root):
        lines.append(f"  b{block.number} [label={_quoted(f'{block.policy.name}: {block.algorithm}')}, style=bold];")
        for order, step in enumerate((*block.strong, *(s for s in block.weak if s not in block.strong)), 1):
            lines += _dot_step(block.number, order, step)
        if block.default is not None:
            lines.append(_dot_leaf(block.default))
            lines.append(f'  b{block.number} -> l{block.default.number} [label="default", style=dashed];')
    return "\n".join([*lines, "}"]) + "\n"


def _dot_step(block: int, order: int, step: Step) -> Iterator[str]:
    match step:
        case Test(leaf=leaf):
            yield _dot_leaf(leaf)
            yield f"  b{block} -> l{leaf.number} [label={_quoted(f'{order}. {_condition(step.rule)[:60]}')}];"
        case Nested(block=inner):
            yield f'  b{block} -> b{inner.number} [label="{order}."];'
        case Branch(attribute=attribute, cases=cases):
            node = f"s{block}_{order}"
            yield f"  {node} [label={_quoted(_text(attribute))}, shape=diamond];"
            yield f'  b{block} -> {node} [label="{order}."];'
            for value, tests in cases:
                for test in tests:
                    yield _dot_leaf(test.leaf)
                    yield f"  {node} -> l{test.leaf.number} [label={_quoted(str(value)[:40])}];"


_COLORS = {Effect.PERMIT: "#2e7d32", Effect.DENY: "#c62828"}


def _dot_leaf(leaf: Leaf) -> str:
    color = _COLORS.get(leaf.effect, "#555555")
    return f'  l{leaf.number} [label={_quoted(f"{leaf.effect} {leaf.name}")}, color="{color}", fontcolor="{color}"];'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
