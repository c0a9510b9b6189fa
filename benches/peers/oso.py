"""Benches: oso, the library (deprecated by its makers, still the only Polar)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.plain import constant, converter, scalar
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule

HEAD = """decision(subject, action, id, resource, context) if
  not denied(subject, action, id, resource, context) and
  permitted(subject, action, id, resource, context);
"""
"""In this order: the other way round it would look for a deny once for each permit that holds."""
IN_HEAD = {"action": "action", "resource.id": "id"}
HEADS = (("", "subject"), ("action", "action"), ("resource.id", "id"), ("", "resource"), ("", "context"))
"""What a constant of the head would be asked of, and the variable that stands there otherwise."""


def polar_of(policy: Policy) -> str:
    return "\n".join([HEAD, *map(_rule, policy.rules), ""])


def _rule(rule: Rule) -> str:
    """Constants that the head can hold stand there: rules are filed under them. What a rule does not read is `_`."""
    named = {attribute: constant(rule, attribute) for attribute in IN_HEAD}
    body, read = [], set()
    for condition in rule.conditions:
        if not isinstance(condition, Comparison):
            raise CannotExpress(f"`{type(condition).__name__}` is not translated to Polar")
        if named.get(condition.attribute) is None:
            body.append(_condition(condition))
            read.add(IN_HEAD.get(condition.attribute, condition.attribute.partition(".")[0]))
    head = [_literal(named[attribute]) if named.get(attribute) else name if name in read else "_" for attribute, name in HEADS]
    written = f"{'permitted' if rule.permits else 'denied'}({', '.join(head)})"
    return f"{written} if {' and '.join(body)};" if body else f"{written};"


def _condition(test: Comparison) -> str:
    found, value = IN_HEAD.get(test.attribute, test.attribute), test.value
    match test.operator:
        case Operator.IS:
            return f"{found} = {_literal(value)}"
        case Operator.ONE_OF:
            return f"{found} in {_literal(value)}"
        case Operator.AT_LEAST:
            return f"{found} >= {_literal(value)}"
        case Operator.BELOW:
            return f"{found} < {_literal(value)}"
        case Operator.IN_NETWORK:
            raise CannotExpress("Polar has no addresses and networks")
        case Operator.HOLDS:
            return f"{_literal(value)} in {found}"
        case Operator.MEETS:
            return f"tag in {found} and tag in {_literal(value)}"
        case Operator.STANDS_IN:
            return f"{_literal(value)} in subject.groups"


def _literal(value: Any) -> str:
    if isinstance(value, Decimal):
        raise CannotExpress("Polar has no decimals, only binary fractions, which are not exact")
    return json.dumps(scalar(value))


def build(policy: Policy) -> Decide:
    from oso import Oso

    if Kind.DECIMAL in policy.attributes.values():
        _literal(Decimal(0))
    oso, convert = Oso(), converter(policy)
    oso.load_str(polar_of(policy))

    def decide(request: Request) -> bool:
        found = convert(request)
        asked = (found["subject"], found["action"], found["resource"]["id"], found["resource"], found["context"])
        return bool(oso.query_rule_once("decision", *asked))

    return decide


PEER = Peer(
    name="oso",
    distribution="oso",
    used="Rules are loaded once, the names of action and resource in their heads, where Polar files rules by constants. Requests are "
    "dictionaries, which its machine reads without calling back; `query_rule_once` asks a rule of five parts, as `allow` takes three. "
    "Times are whole microseconds.",
    build=build,
)
