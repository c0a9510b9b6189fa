"""Benches: writes a policy in the language."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import assert_never

from benches.synthetic.policy import AnyOf, Comparison, Condition, Not, Operator, Policy, Rule, Weighed

SYMBOLS = {Operator.IS: "==", Operator.AT_LEAST: ">=", Operator.BELOW: "<"}


def text_of(policy: Policy) -> str:
    return "\n".join([*_declarations(policy), "policy rules: deny-overrides {", *map(_rule, policy.rules), "}", ""])


def _declarations(policy: Policy) -> Iterator[str]:
    yield "package synthetic"
    if policy.groups:
        yield "entity Group in Group key id { id: String }"
    yield f"entity Person {'in Group ' if policy.groups else ''}key id {{ id: String{_fields(policy, 'subject')} }}"
    yield f"entity Document key id {{ id: String{_fields(policy, 'resource')} }}"
    yield f"context {{ clock at: Instant{_fields(policy, 'context')} }}"
    yield f"action {', '.join(policy.actions)}: Person -> Document"


def _fields(policy: Policy, part: str) -> str:
    own = [(path.partition(".")[2], kind) for path, kind in policy.attributes.items() if path.startswith(f"{part}.")]
    return "".join(f", {name}: {kind}" for name, kind in own)


def _rule(rule: Rule) -> str:
    return f"  {'permit' if rule.permits else 'deny'} {rule.name} when {' and '.join(map(_condition, rule.conditions))}"


def _condition(condition: Condition) -> str:
    match condition:
        case Comparison(attribute=attribute, operator=operator, value=value):
            return _test(attribute, operator, value)
        case Weighed(left=left, factor=factor, right=right, least=least):
            return f"{left} * {factor} + {right} >= {least}"
        case Not(condition=inner):
            return f"not ({_condition(inner)})"
        case AnyOf(conditions=conditions):
            return f"({' or '.join(map(_condition, conditions))})"
        case unknown:
            assert_never(unknown)


def _test(attribute: str, operator: Operator, value: object) -> str:
    match operator:
        case Operator.IS | Operator.AT_LEAST | Operator.BELOW:
            return f"{attribute} {SYMBOLS[operator]} {_literal(value)}"
        case Operator.ONE_OF:
            return f"{attribute} in {_literal(value)}"
        case Operator.IN_NETWORK:
            return f"{attribute} in network({_literal(value)})"
        case Operator.HOLDS:
            return f"{_literal(value)} in {attribute}"
        case Operator.MEETS:
            return f"{attribute} intersects {_literal(value)}"
        case Operator.STANDS_IN:
            return f"{attribute} in Group::{_literal(value)}"
        case unknown:
            assert_never(unknown)


def _literal(value: object) -> str:
    match value:
        case str():
            return json.dumps(value)
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}" if "." in f"{value:f}" else f"{value:f}.0"
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case tuple():
            return f"{{ {', '.join(map(_literal, value))} }}"
        case _:
            raise TypeError(f"no literal for {type(value).__name__}")
