"""Benches: what a policy means: rule by rule, condition by condition, slowly."""

from __future__ import annotations

import ipaddress
from functools import cache
from typing import Any, assert_never

from benches.synthetic.policy import AnyOf, Comparison, Condition, Not, Operator, Policy, Rule, Weighed

Request = dict[str, Any]
_network = cache(ipaddress.ip_network)


def permits(policy: Policy, request: Request) -> bool:
    held = [rule for rule in policy.rules if holds(rule, request)]
    return bool(held) and all(rule.permits for rule in held)


def holds(rule: Rule, request: Request) -> bool:
    return all(_holds(condition, request) for condition in rule.conditions)


def candidates(policy: Policy, request: Request, keys: frozenset[str]) -> int:
    """How many rules the request finds by the attributes that an index is keyed by; a rule that tests none of them is always found."""
    return sum(all(_holds(test, request) for test in rule.comparisons if test.attribute in keys) for rule in policy.rules)


def value_of(path: str, request: Request) -> Any:
    part, _, name = path.partition(".")
    return request[part][name] if name else request[part]


def _holds(condition: Condition, request: Request) -> bool:
    match condition:
        case Comparison(attribute="subject", operator=Operator.STANDS_IN, value=group):
            return group in ancestors(request["subject"])
        case Comparison(attribute=attribute, operator=operator, value=value):
            return _compared(value_of(attribute, request), operator, value)
        case Weighed(left=left, factor=factor, right=right, least=least):
            weight: int = value_of(left, request) * factor + value_of(right, request)
            return weight >= least
        case Not(condition=inner):
            return not _holds(inner, request)
        case AnyOf(conditions=conditions):
            return any(_holds(each, request) for each in conditions)
        case unknown:
            assert_never(unknown)


def _compared(found: Any, operator: Operator, value: Any) -> bool:
    match operator:
        case Operator.IS:
            return bool(found == value)
        case Operator.ONE_OF:
            return found in value
        case Operator.AT_LEAST:
            return bool(found >= value)
        case Operator.BELOW:
            return bool(found < value)
        case Operator.IN_NETWORK:
            return found in _network(value)
        case Operator.HOLDS:
            return value in found
        case Operator.MEETS:
            return any(each in found for each in value)
        case Operator.STANDS_IN:
            raise ValueError("only the subject stands in groups")
        case unknown:
            assert_never(unknown)


def ancestors(entity: Any) -> set[str]:
    """Ids of all groups above an entity."""
    found: set[str] = set()
    for parent in entity["parents"]:
        found |= {parent["id"]} | ancestors(parent)
    return found
