"""Benches: py-abac."""

from __future__ import annotations

from typing import Any

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.plain import converter, scalar
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule

TARGETS = {"resource.id": "resource_id", "action": "action_id"}


def py_abac_of(rule: Rule) -> dict[str, Any]:
    """As its JSON: what targets can say stands in targets, the rest in rules."""
    rules: dict[str, dict[str, Any]] = {"subject": {}, "resource": {}, "action": {}, "context": {}}
    targets: dict[str, Any] = {}
    for condition in rule.conditions:
        if not isinstance(condition, Comparison):
            raise CannotExpress(f"`{type(condition).__name__}` is not translated to py-abac")
        if condition.attribute in TARGETS:
            targets[TARGETS[condition.attribute]] = list(condition.value) if condition.operator is Operator.ONE_OF else condition.value
            continue
        part, _, name = condition.attribute.partition(".")
        path, asked = f"$.{name or 'groups'}", _condition(condition)
        known = rules[part].get(path)
        rules[part][path] = asked if known is None else {"condition": "AllOf", "values": [known, asked]}
    return {"uid": rule.name, "effect": "allow" if rule.permits else "deny", "rules": rules, "targets": targets}


def _condition(test: Comparison) -> dict[str, Any]:
    value = scalar(test.value)
    match test.operator:
        case Operator.IS:
            return {"condition": "Equals" if isinstance(value, str) else "Eq", "value": value}
        case Operator.ONE_OF:
            return {"condition": "IsIn", "values": value}
        case Operator.AT_LEAST:
            return {"condition": "Gte", "value": value}
        case Operator.BELOW:
            return {"condition": "Lt", "value": value}
        case Operator.IN_NETWORK:
            return {"condition": "CIDR", "value": value}
        case Operator.HOLDS | Operator.STANDS_IN:
            return {"condition": "AnyIn", "values": [value]}
        case Operator.MEETS:
            return {"condition": "AnyIn", "values": value}


def build(policy: Policy) -> Decide:
    from py_abac import PDP, AccessRequest, EvaluationAlgorithm
    from py_abac import Policy as Made
    from py_abac.storage.memory import MemoryStorage

    if Kind.DECIMAL in policy.attributes.values():
        raise CannotExpress("numbers are int or float; a Decimal is no number and is refused")
    storage = MemoryStorage()
    for rule in policy.rules:
        storage.add(Made.from_json(py_abac_of(rule)))
    pdp, convert = PDP(storage, EvaluationAlgorithm.DENY_OVERRIDES), converter(policy)

    def decide(request: Request) -> bool:
        found = convert(request)
        subject, resource = found["subject"], found["resource"]
        asked = AccessRequest(
            subject={"id": subject["id"], "attributes": subject},
            resource={"id": resource["id"], "attributes": resource},
            action={"id": found["action"], "attributes": {}},
            context=found["context"],
        )
        return bool(pdp.is_allowed(asked))

    return decide


PEER = Peer(
    name="py-abac",
    distribution="py-abac",
    used="Policies from its JSON in memory storage, deny-overrides. Its storage says itself that it gives back every policy. Times are "
    "whole microseconds.",
    build=build,
)
