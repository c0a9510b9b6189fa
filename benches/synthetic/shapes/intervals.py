"""Benches: ranges of rules, cut where one begins or ends, with the roles that are denied and permitted between two cuts."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

from benches.synthetic.policy import Operator, Rule

Roles = frozenset[str]
Cell = tuple[Roles, Roles]
NOBODY: Cell = (frozenset(), frozenset())
Bounds = Callable[[Rule], tuple[Any, Any]]


def range_of(attribute: str) -> Bounds:
    """Where a rule's range of the attribute begins and ends."""

    def bounds(rule: Rule) -> tuple[Any, Any]:
        sides = {test.operator: test.value for test in rule.comparisons if test.attribute == attribute}
        return sides[Operator.AT_LEAST], sides[Operator.BELOW]

    return bounds


def network_of(attribute: str) -> Bounds:
    def bounds(rule: Rule) -> tuple[Any, Any]:
        (value,) = (test.value for test in rule.comparisons if test.attribute == attribute)
        network = ipaddress.ip_network(str(value))
        return int(network.network_address), int(network.broadcast_address) + 1

    return bounds


def role_of(rule: Rule) -> str:
    (role,) = (test.value for test in rule.comparisons if test.attribute == "subject.role")
    return str(role)


def cells(rules: Iterable[Rule], bounds: Bounds) -> tuple[list[Any], list[Cell]]:
    """Cuts, and what holds between them: `cells[bisect_right(cuts, value)]`."""
    ranges = [(*bounds(rule), rule) for rule in rules]
    cuts = sorted({side for start, end, _ in ranges for side in (start, end)})
    inside: list[tuple[set[str], set[str]]] = [(set(), set()) for _ in cuts]
    for start, end, rule in ranges:
        for index in range(bisect_left(cuts, start), bisect_left(cuts, end)):
            inside[index][rule.permits].add(role_of(rule))
    return cuts, [NOBODY, *((frozenset(denied), frozenset(permitted)) for denied, permitted in inside)]
