"""Floor 3, checker: denies that stand below permits which may take their requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from abac.checker.lints.traversal import always, policies
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.combining import Algorithm
from abac.model.diagnostics import Diagnostic, Severity
from abac.model.values import SetValue, canonical_key

_FARTHEST = 100
"""How many permits above a deny are compared with it for the note: the nearest matter most, and long policies have thousands."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """A rule with what its condition asks for."""

    rule: c.Rule
    parts: frozenset[c.Expression]
    allowed: Mapping[c.Expression, frozenset[object]]


@dataclass(slots=True)
class _Above:
    """The permits above a place, in order, and by the first part of their condition."""

    all: list[_Asking] = field(default_factory=list)
    by_part: dict[c.Expression, list[_Asking]] = field(default_factory=lambda: defaultdict(list))

    def add(self, rule: c.Rule) -> None:
        permit = _asking(rule)
        self.all.append(permit)
        if rule.witness is None:
            self.by_part[next(c.conjuncts(rule.condition))].append(permit)


def denies_below_permits(policy: c.Policy, definitions: Mapping[str, c.Definition]) -> Iterator[Diagnostic]:
    """Under first-applicable: an error if a permit covers the deny wholly, else a note about the nearest that overlaps."""
    for each in policies(policy):
        if each.algorithm != Algorithm.FIRST_APPLICABLE:
            continue
        above = _Above()
        for child in each.children:
            if isinstance(child, c.Policy):
                continue
            if always(child):  # nothing below it is reached
                break
            if child.effect == "permit":
                above.add(child)
            else:
                yield from _against(_asking(child), above)


def _asking(rule: c.Rule) -> _Asking:
    parts = tuple(c.conjuncts(rule.condition))
    return _Asking(rule, frozenset(parts), {target: allowed for target, allowed in map(_allowed, parts) if target is not None})


def _against(deny: _Asking, above: _Above) -> Iterator[Diagnostic]:
    for part in c.conjuncts(deny.rule.condition):
        for permit in above.by_part.get(part, ()):
            if permit.parts <= deny.parts:
                yield Diagnostic(
                    "unreachable", f"`{deny.rule.name}` is never reached: `{permit.rule.name}` above it takes every such request",
                    deny.rule.span, help=f"move it above `{permit.rule.name}` at {permit.rule.span.place}",
                )  # fmt: skip
                return
    nearest = next((permit for permit in above.all[: -_FARTHEST - 1 : -1] if not _disjoint(deny, permit)), None)
    if nearest is not None:
        message = f"what `{nearest.rule.name}` permits is never denied by `{deny.rule.name}` below it"
        yield Diagnostic("deny-below-permit", message, deny.rule.span, severity=Severity.NOTE)


def _disjoint(a: _Asking, b: _Asking) -> bool:
    """Whether some attribute is asked for different values, or one asks for what the other excludes."""
    if any(_negated(x) in b.parts for x in a.parts) or any(_negated(x) in a.parts for x in b.parts):
        return True
    return any(target in b.allowed and not b.allowed[target] & allowed for target, allowed in a.allowed.items())


def _negated(test: c.Expression) -> c.Expression | None:
    return test.operands[0] if isinstance(test, c.Operation) and test.operator is Operator.NOT else None


def _allowed(test: c.Expression) -> tuple[c.Expression | None, frozenset[object]]:
    """The attribute and the values that an equality or membership test lets through."""
    if isinstance(test, c.Operation) and len(test.operands) == 2 and isinstance(test.operands[1], c.Constant):
        target, value = test.operands[0], test.operands[1].value
        if test.operator is Operator.EQUAL:
            return target, frozenset((canonical_key(value),))
        if test.operator is Operator.IN and isinstance(value, SetValue):
            return target, frozenset(canonical_key(element) for element in value.elements)
    return None, frozenset()
