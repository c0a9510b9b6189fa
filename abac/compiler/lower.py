"""Floor 4, compiler: lowers a checked package to its decision graph: combining algorithms become orders of search."""

from __future__ import annotations

from collections.abc import Iterable

from abac.compiler.graph import Block, Graph, Leaf, Nested, Step, Test
from abac.language import checked as c
from abac.model.combining import Algorithm
from abac.model.decision import Effect

STRONG = {
    Algorithm.DENY_OVERRIDES: Effect.DENY,
    Algorithm.PERMIT_UNLESS_DENY: Effect.DENY,
    Algorithm.PERMIT_OVERRIDES: Effect.PERMIT,
    Algorithm.DENY_UNLESS_PERMIT: Effect.PERMIT,
}
DEFAULTS = {Algorithm.DENY_UNLESS_PERMIT: Effect.DENY, Algorithm.PERMIT_UNLESS_DENY: Effect.PERMIT}


def lower(package: c.Package) -> Graph:
    """The graph of a package, before any pass."""
    lowering = _Lowering()
    root = lowering.block(package.policy, ())
    return Graph(package, package.definitions, root, tuple(lowering.leaves))


class _Lowering:
    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.count = 0

    def block(self, policy: c.Policy, around: tuple[c.Policy, ...]) -> Block:
        self.count += 1
        number, here = self.count, (policy, *around)
        steps = [self._step(child, here) for child in policy.children]
        algorithm = Algorithm(policy.algorithm)
        default = self._leaf(DEFAULTS[algorithm], None, here) if algorithm in DEFAULTS else None
        strong = STRONG.get(algorithm)
        if strong is None:
            return Block(number, policy, policy.applies, tuple(steps), (), None, default)
        first = tuple(step for step in steps if strong in effects(step))
        then = tuple(step for step in steps if effects(step) - {strong})
        return Block(number, policy, policy.applies, first, then, strong, default)

    def _step(self, child: c.Policy | c.Rule, around: tuple[c.Policy, ...]) -> Step:
        if isinstance(child, c.Policy):
            return Nested(self.block(child, around))
        return Test(self._leaf(Effect(child.effect), child, around), child.condition, child.witness)

    def _leaf(self, effect: Effect, rule: c.Rule | None, around: tuple[c.Policy, ...]) -> Leaf:
        leaf = Leaf(len(self.leaves) + 1, effect, rule, around)
        self.leaves.append(leaf)
        return leaf


def effects(step: Step) -> set[Effect]:
    """The effects that a step may come to, or may be in doubt about.

    A policy under first-applicable or only-one-applicable that cannot be decided weighs as both effects, whatever its rules are; so it
    has to be searched wherever either effect has to be ruled out.
    """
    match step:
        case Test(leaf=leaf):
            return {leaf.effect}
        case Nested(block=block) if block.strong_effect is None:
            return {Effect.PERMIT, Effect.DENY}
        case Nested(block=block):
            default = {block.default.effect} if block.default else set()
            return default | _all(block.strong) | _all(block.weak)
    raise AssertionError(step)


def _all(steps: Iterable[Step]) -> set[Effect]:
    return {effect for step in steps for effect in effects(step)}
