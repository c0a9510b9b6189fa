"""Benches: policies in Rego, for the engines that read it: OPA, regorus, rego-cpp.

A rule is a rule. All tests of attributes are equalities, comparisons and `in` on `input`, which OPA's rule index reads where it can.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from benches.peers.peer import CannotExpress
from benches.peers.plain import scalar
from benches.synthetic.policy import Comparison, Condition, Operator, Policy, Rule

PACKAGE, RULE = "benches", "allow"
HEAD = f"""package {PACKAGE}

default {RULE} := false

{RULE} if {{
  permitted
  not denied
}}
"""


def rego_of(policy: Policy) -> str:
    """`data.benches.allow` is the decision; groups are the list `input.subject.groups`."""
    return "\n".join([HEAD, *map(_rule, policy.rules), ""])


def modules_of(policy: Policy) -> list[str]:
    """The same, in modules of one package, each below a megabyte."""
    rules = [_rule(rule) for rule in policy.rules]
    heads = [HEAD] + [f"package {PACKAGE}\n"] * ((len(rules) - 1) // EACH_MODULE)
    return ["\n".join([head, *rules[number * EACH_MODULE : (number + 1) * EACH_MODULE], ""]) for number, head in enumerate(heads)]


EACH_MODULE = 2_500


def _rule(rule: Rule) -> str:
    body = "; ".join(_condition(condition, f"e{number}") for number, condition in enumerate(rule.conditions))
    return f"{'permitted' if rule.permits else 'denied'} if {{ {body} }}"


def _condition(condition: Condition, variable: str) -> str:
    if not isinstance(condition, Comparison):
        raise CannotExpress(f"`{type(condition).__name__}` is not translated to Rego")
    found, value = f"input.{condition.attribute}", condition.value
    match condition.operator:
        case Operator.IS:
            return f"{found} == {_literal(value)}"
        case Operator.ONE_OF:
            return f"{found} in {{{', '.join(map(_literal, value))}}}"
        case Operator.AT_LEAST:
            return f"{found} >= {_literal(value)}"
        case Operator.BELOW:
            return f"{found} < {_literal(value)}"
        case Operator.IN_NETWORK:
            return f"net.cidr_contains({_literal(value)}, {found})"
        case Operator.HOLDS:
            return f"{_literal(value)} in {found}"
        case Operator.MEETS:
            return f"some {variable} in {_literal(value)}; {variable} in {found}"
        case Operator.STANDS_IN:
            return f"{_literal(value)} in input.subject.groups"


def _literal(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(scalar(value))
