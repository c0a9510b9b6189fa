"""Floor 4, compiler: the decision graph: in which order rules are searched, and what each outcome carries. Small, immutable, printable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from abac.compiler.guards import Guard, Key
from abac.language import checked as c
from abac.model.combining import Algorithm
from abac.model.decision import Effect


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
    """A rule: its leaf, if its condition holds (for some witness). Passes rewrite `condition` and `witness`; the rule stays as written."""

    leaf: Leaf
    condition: c.Expression
    witness: c.Witness | None

    @property
    def rule(self) -> c.Rule:
        assert self.leaf.rule is not None
        return self.leaf.rule


@dataclass(frozen=True, slots=True)
class Nested:
    """A policy inside a policy: its leaf, if it comes to one."""

    block: Block


Step = Test | Nested


@dataclass(frozen=True, slots=True)
class Row:
    """A step that is filed.

    Attributes:
        rank: its place in the order of search; the least rank of those that hold decides.
        weak_rank: of a policy with both effects: the place of its weak one.
        proven: parts of its condition that whoever has found it here knows to be true.
    """

    rank: int
    step: Step
    weak_rank: int | None = None
    proven: frozenset[int] = frozenset()

    @property
    def condition(self) -> c.Expression | None:
        """What must hold; None for always."""
        return self.step.condition if isinstance(self.step, Test) else self.step.block.applies

    @property
    def rest(self) -> tuple[c.Expression, ...]:
        """The parts of its condition that are still to be tested."""
        if self.condition is None:
            return ()
        parts = enumerate(c.conjuncts(self.condition))
        return tuple(part for i, part in parts if i not in self.proven and not _always(part))

    @property
    def holds(self) -> bool:
        """Whether it decides, once found."""
        return isinstance(self.step, Test) and self.step.witness is None and not self.rest

    def holds_by(self, guards: Iterable[Guard]) -> bool:
        """Whether it decides, once found by these."""
        return replace(self, proven=self.proven.union(*(guard.parts for guard in guards))).holds


def _always(part: c.Expression) -> bool:
    return isinstance(part, c.Constant) and part.value is True


Rows = tuple[Row, ...]
"""In order of rank; one that holds is the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """A table by value: of an equal key one entry is found, of a set those of its elements."""

    entries: Mapping[Any, Node]


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """A table by range. Invariant: `cells` has one more than `cuts`; cell i is for keys from cut i - 1 until cut i; None is empty."""

    cuts: tuple[Any, ...]
    cells: tuple[Node | None, ...]


Node = Rows | Values | Ranges


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Rules filed by the same keys, one level of tables a key.

    Attributes:
        nested: whether policies are filed in it, or rules: never both.
        rows: how many are filed in it.
        least: the least rank of them.
        holds: whether whatever is found in it holds: then each leaf is one row.
    """

    keys: tuple[Key, ...]
    node: Node
    nested: bool
    rows: int
    least: int
    holds: bool

    def all_rows(self) -> Iterator[Row]:
        """Each row once for every leaf it stands in."""
        seen: set[int] = set()
        waiting: list[Node] = [self.node]
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            match node:
                case Values(entries=entries):
                    waiting += entries.values()
                case Ranges(cells=cells):
                    waiting += (cell for cell in cells if cell is not None)
                case _:
                    yield from node


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with the guards of its condition."""

    row: Row
    guards: tuple[Guard, ...]

    @property
    def pure(self) -> bool:
        """Whether its guards say all that its condition says."""
        return self.row.holds_by(self.guards)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """The steps of a policy, filed: trees in order of their least rank, and what is in none.

    Attributes:
        wide: steps that nothing files.
        entries: every step once.
        caps: which limits were met while filing, and what was done.
    """

    trees: tuple[Tree, ...]
    wide: Rows
    entries: tuple[Entry, ...]
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A policy as an order of search.

    Attributes:
        strong: steps of the effect that wins at once, searched first; under first-applicable all steps, under only-one-applicable
            the policies to choose from.
        weak: steps of the other effect, in source order; a nested block that was searched among the strong stands here again.
        applies: target and window; None for always.
        strong_effect: None where every leaf found ends the search.
        default: the leaf if nothing is found.
        forest: the same steps, filed; None where they are searched one after the other.
    """

    number: int
    policy: c.Policy
    applies: c.Expression | None
    strong: tuple[Step, ...]
    weak: tuple[Step, ...]
    strong_effect: Effect | None
    default: Leaf | None
    forest: Forest | None = None

    @property
    def algorithm(self) -> Algorithm:
        return Algorithm(self.policy.algorithm)


@dataclass(frozen=True, slots=True)
class Graph:
    """A package ready to be emitted. Passes rewrite `definitions`; the package stays as it was checked."""

    package: c.Package
    definitions: Mapping[str, c.Definition]
    root: Block
    leaves: tuple[Leaf, ...]


def rewritten(root: Block, target: Callable[[c.Expression], c.Expression], rule: Callable[[Test], Test]) -> Block:
    """The block and those inside it with targets and rules changed; one that is searched for both effects stands twice, and stays one."""
    done: dict[int, Block] = {}

    def of_block(block: Block) -> Block:
        if block.number not in done:
            applies = None if block.applies is None else target(block.applies)
            strong, weak = (tuple(map(of_step, steps)) for steps in (block.strong, block.weak))
            done[block.number] = replace(block, applies=applies, strong=strong, weak=weak)
        return done[block.number]

    def of_step(step: Step) -> Step:
        return Nested(of_block(step.block)) if isinstance(step, Nested) else rule(step)

    return of_block(root)


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
