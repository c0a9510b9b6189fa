"""Floor 3, checker: denies that stand below permits which may take their requests.

Every deny is compared with the permits above it. Parts of conditions, and the values that they ask for, are numbers here: equal ones have
equal numbers, so that comparing is cheap; and two bounds keep the time in proportion to the rules. What they leave out is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice

from abac.checker.lints.traversal import always, policies
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.combining import Algorithm
from abac.model.diagnostics import Diagnostic, Severity
from abac.model.values import SetValue, canonical_key

_FARTHEST = 100
"""How many permits above a deny are compared with it for the note: the nearest matter most, and long policies have thousands."""

_MOST_COVERING = 1_000
"""How many permits that share a part with a deny are tried for covering it wholly."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """A rule with what its condition asks for.

    Attributes:
        place: how many permits stand above it.
        parts: in source order, each once.
        negated: the parts whose opposite it asks for.
        allowed: the values that an equality or membership test lets through, by attribute.
    """

    rule: c.Rule
    place: int
    parts: dict[int, None]
    negated: frozenset[int]
    allowed: Mapping[int, frozenset[int]]


@dataclass(slots=True)
class _Numbers:
    """Equal things have equal numbers."""

    expressions: dict[c.Expression, int] = field(default_factory=dict)
    values: dict[tuple[object, ...], int] = field(default_factory=dict)

    def expression(self, expression: c.Expression) -> int:
        return self.expressions.setdefault(expression, len(self.expressions))

    def value(self, key: tuple[object, ...]) -> int:
        return self.values.setdefault(key, len(self.values))


@dataclass(slots=True)
class _Above:
    """The permits above a place, in order; and those without a witness, each filed under one part of its condition: the least used."""

    permits: list[_Asking] = field(default_factory=list)
    by_part: dict[int, list[_Asking]] = field(default_factory=lambda: defaultdict(list))

    def add(self, permit: _Asking) -> None:
        self.permits.append(permit)
        if permit.rule.witness is None:
            self.by_part[min(permit.parts, key=lambda part: len(self.by_part.get(part, ())))].append(permit)


def denies_below_permits(policy: c.Policy, definitions: Mapping[str, c.Definition]) -> Iterator[Diagnostic]:
    """Under first-applicable: an error if a permit covers the deny wholly, else a note about the nearest that overlaps."""
    for each in policies(policy):
        if each.algorithm != Algorithm.FIRST_APPLICABLE:
            continue
        above, numbers = _Above(), _Numbers()
        left_out: list[_Asking] = []
        for child in each.children:
            if isinstance(child, c.Policy):
                continue
            if always(child):  # nothing below it is reached
                break
            asking = _asking(child, len(above.permits), numbers)
            if child.effect == "permit":
                above.add(asking)
            else:
                yield from _against(asking, above, left_out)
        if left_out:
            yield _not_compared(each, left_out)


def _asking(rule: c.Rule, place: int, numbers: _Numbers) -> _Asking:
    parts = dict.fromkeys(c.conjuncts(rule.condition))
    negated = frozenset(numbers.expression(x.operands[0]) for x in parts if isinstance(x, c.Operation) and x.operator is Operator.NOT)
    allowed = {}
    for target, keys in map(_allowed, parts):
        if target is not None:
            allowed[numbers.expression(target)] = frozenset(map(numbers.value, keys))
    return _Asking(rule, place, dict.fromkeys(map(numbers.expression, parts)), negated, allowed)


def _against(deny: _Asking, above: _Above, left_out: list[_Asking]) -> Iterator[Diagnostic]:
    """What is to be said of a deny. It is added to `left_out` if not everything was tried."""
    sharing = chain.from_iterable(above.by_part.get(part, ()) for part in deny.parts)
    tried = list(islice(sharing, _MOST_COVERING + 1))
    covering = [permit for permit in tried[:_MOST_COVERING] if permit.parts.keys() <= deny.parts.keys()]
    if covering:
        order = {part: i for i, part in enumerate(deny.parts)}
        permit = min(covering, key=lambda permit: (order[next(iter(permit.parts))], permit.place))
        yield Diagnostic(
            "unreachable", f"`{deny.rule.name}` is never reached: `{permit.rule.name}` above it takes every such request",
            deny.rule.span, help=f"move it above `{permit.rule.name}` at {permit.rule.span.place}",
        )  # fmt: skip
        return
    nearest = next((permit for permit in above.permits[: -_FARTHEST - 1 : -1] if not _disjoint(deny, permit)), None)
    if nearest is not None:
        message = f"what `{nearest.rule.name}` permits is never denied by `{deny.rule.name}` below it"
        yield Diagnostic("deny-below-permit", message, deny.rule.span, severity=Severity.NOTE)
    if len(tried) > _MOST_COVERING or (nearest is None and len(above.permits) > _FARTHEST):
        left_out.append(deny)


def _not_compared(policy: c.Policy, denies: list[_Asking]) -> Diagnostic:
    many = f"{len(denies)} denies of `{policy.name}` were" if len(denies) > 1 else f"`{denies[0].rule.name}` was"
    return Diagnostic(
        "not-compared", f"{many} not compared with all permits above", denies[0].rule.span, severity=Severity.NOTE,
        help=f"only the nearest {_FARTHEST}, and {_MOST_COVERING} that share a part of the condition, were looked at",
    )  # fmt: skip


def _disjoint(a: _Asking, b: _Asking) -> bool:
    """Whether some attribute is asked for different values, or one asks for what the other excludes."""
    if not a.negated.isdisjoint(b.parts) or not b.negated.isdisjoint(a.parts):
        return True
    return any(target in b.allowed and b.allowed[target].isdisjoint(allowed) for target, allowed in a.allowed.items())


def _allowed(test: c.Expression) -> tuple[c.Expression | None, frozenset[tuple[object, ...]]]:
    """The attribute and the values that an equality or membership test lets through."""
    if isinstance(test, c.Operation) and len(test.operands) == 2 and isinstance(test.operands[1], c.Constant):
        target, value = test.operands[0], test.operands[1].value
        if test.operator is Operator.EQUAL:
            return target, frozenset((canonical_key(value),))
        if test.operator is Operator.IN and isinstance(value, SetValue):
            return target, frozenset(canonical_key(element) for element in value.elements)
    return None, frozenset()
