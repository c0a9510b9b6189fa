"""Floor 3, checker: denies that stand below permits which may take their requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abac.checker.lints.traversal import always, conjuncts, policies
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.combining import Algorithm
from abac.model.diagnostics import Diagnostic, Severity
from abac.model.values import SetValue, canonical_key

_MOST = 1


def denies_below_permits(policy: c.Policy, definitions: Mapping[str, c.Definition]) -> Iterator[Diagnostic]:
    """Under first-applicable: an error if the permit covers the deny wholly, else a note, one a deny."""
    for each in policies(policy):
        if each.algorithm != Algorithm.FIRST_APPLICABLE:
            continue
        permits: list[c.Rule] = []
        for child in each.children:
            if isinstance(child, c.Policy):
                continue
            if always(child):  # nothing below it is reached
                break
            if child.effect == "permit":
                permits.append(child)
            elif permits:
                yield from _against(child, permits)


def _against(deny: c.Rule, permits: list[c.Rule]) -> Iterator[Diagnostic]:
    parts = set(conjuncts(deny.condition))
    for permit in permits:
        if permit.witness is None and set(conjuncts(permit.condition)) <= parts:
            yield Diagnostic(
                "unreachable", f"`{deny.name}` is never reached: `{permit.name}` above it takes every such request", deny.span,
                help=f"move it above `{permit.name}` at {permit.span.place}",
            )  # fmt: skip
            return
    overlapping = [permit for permit in permits if not _disjoint(deny.condition, permit.condition)]
    for permit in overlapping[:_MOST]:
        more = f" and {len(overlapping) - 1} more" if len(overlapping) > 1 else ""
        yield Diagnostic(
            "deny-below-permit", f"what `{permit.name}`{more} permits is never denied by `{deny.name}` below it", deny.span,
            severity=Severity.NOTE,
        )  # fmt: skip


def _disjoint(a: c.Expression, b: c.Expression) -> bool:
    """Whether some attribute is asked for different values, or one asks for what the other excludes."""
    left, right = list(conjuncts(a)), list(conjuncts(b))
    if any(_negates(x, y) or _negates(y, x) for x in left for y in right):
        return True
    values = {target: allowed for target, allowed in map(_allowed, left) if target is not None}
    return any(target in values and not values[target] & allowed for target, allowed in map(_allowed, right))


def _negates(a: c.Expression, b: c.Expression) -> bool:
    return isinstance(a, c.Operation) and a.operator is Operator.NOT and a.operands[0] == b


def _allowed(test: c.Expression) -> tuple[c.Expression | None, frozenset[object]]:
    """The attribute and the values that an equality or membership test lets through."""
    if isinstance(test, c.Operation) and len(test.operands) == 2 and isinstance(test.operands[1], c.Constant):
        target, value = test.operands[0], test.operands[1].value
        if test.operator is Operator.EQUAL:
            return target, frozenset((canonical_key(value),))
        if test.operator is Operator.IN and isinstance(value, SetValue):
            return target, frozenset(canonical_key(element) for element in value.elements)
    return None, frozenset()
