"""Benches: policies in CEL, for the engines that read it.

CEL has expressions and no policies: what denies is one expression, what permits another, each an `or` of all rules. The `or` is written as
a balanced tree, so that parsers do not meet 10,000 levels of nesting.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from benches.peers.peer import CannotExpress
from benches.synthetic.policy import Comparison, Condition, Operator, Policy, Rule


def cel_of(policy: Policy, permits: bool) -> str:
    """Whether any rule of the effect holds. Groups are the list `subject.groups`.

    Raises:
        CannotExpress: CEL has no decimals and no networks.
    """
    return _any([" && ".join(map(_condition, rule.conditions)) for rule in policy.rules if rule.permits is permits])


def cel_of_rule(rule: Rule) -> str:
    return " && ".join(map(_condition, rule.conditions))


def _any(expressions: Sequence[str]) -> str:
    if len(expressions) <= 2:
        return " || ".join(f"({each})" for each in expressions) or "false"
    middle = len(expressions) // 2
    return f"({_any(expressions[:middle])}) || ({_any(expressions[middle:])})"


def _condition(condition: Condition) -> str:
    if not isinstance(condition, Comparison):
        raise CannotExpress(f"`{type(condition).__name__}` is not translated to CEL")
    found, value = condition.attribute, condition.value
    match condition.operator:
        case Operator.IS:
            return f"{found} == {_literal(value)}"
        case Operator.ONE_OF:
            return f"{found} in [{', '.join(map(_literal, value))}]"
        case Operator.AT_LEAST:
            return f"{found} >= {_literal(value)}"
        case Operator.BELOW:
            return f"{found} < {_literal(value)}"
        case Operator.IN_NETWORK:
            raise CannotExpress("CEL has no addresses and networks")
        case Operator.HOLDS:
            return f"{_literal(value)} in {found}"
        case Operator.MEETS:
            return f"({' || '.join(f'{_literal(each)} in {found}' for each in value)})"
        case Operator.STANDS_IN:
            return f"{_literal(value)} in subject.groups"


def _literal(value: Any) -> str:
    if isinstance(value, Decimal):
        raise CannotExpress("CEL has no decimals, only binary fractions, which are not exact")
    if isinstance(value, dt.datetime):
        return f"timestamp({json.dumps(value.isoformat().replace('+00:00', 'Z'))})"
    return json.dumps(value)
