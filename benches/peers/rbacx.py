"""Benches: rbacx."""

from __future__ import annotations

import asyncio
from typing import Any

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.plain import groups_above
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule

PLACES = {"subject": "subject.attrs", "resource": "resource.attrs", "context": "context"}


def rbacx_of(rule: Rule, actions: tuple[str, ...]) -> dict[str, Any]:
    named, asked, conditions = {"type": "document"}, list(actions), []
    for condition in rule.conditions:
        if not isinstance(condition, Comparison):
            raise CannotExpress(f"`{type(condition).__name__}` is not translated to rbacx")
        if condition.attribute == "action":
            asked = list(condition.value) if condition.operator is Operator.ONE_OF else [condition.value]
        elif condition.attribute == "resource.id" and condition.operator is Operator.IS:
            named["id"] = condition.value
        else:
            conditions.append(_condition(condition))
    made: dict[str, Any] = {
        "id": rule.name,
        "effect": "permit" if rule.permits else "deny",
        "actions": asked,
        "resource": named,
    }
    return {**made, "condition": {"and": conditions}} if conditions else made


def _condition(test: Comparison) -> dict[str, Any]:
    part, _, name = test.attribute.partition(".")
    found: Any = {"attr": f"{PLACES[part]}.{name or 'groups'}"}
    value, is_time = test.value, hasattr(test.value, "tzinfo")
    match test.operator:
        case Operator.IS:
            return {"==": [found, value]}
        case Operator.ONE_OF:
            return {"in": [found, list(value)]}
        case Operator.AT_LEAST:
            return {"not": {"before": [found, value]}} if is_time else {">=": [found, value]}
        case Operator.BELOW:
            return {"before" if is_time else "<": [found, value]}
        case Operator.IN_NETWORK:
            raise CannotExpress("it has no addresses and networks")
        case Operator.HOLDS | Operator.STANDS_IN:
            return {"contains": [found, value]}
        case Operator.MEETS:
            return {"hasAny": [found, list(value)]}


def build(policy: Policy) -> Decide:
    from rbacx import Action, Context, Guard, Resource, Subject

    if Kind.DECIMAL in policy.attributes.values():
        raise CannotExpress("numbers are int or float; a Decimal is refused")
    rules = [rbacx_of(rule, policy.actions) for rule in policy.rules]
    guard = Guard({"algorithm": "deny-overrides", "rules": rules}, strict_types=True)
    loop, has_groups = asyncio.new_event_loop(), bool(policy.groups)

    def decide(request: Request) -> bool:
        subject, resource = request["subject"], request["resource"]
        if has_groups:
            subject = {**subject, "groups": groups_above(subject)}
        asked = (
            Subject(id=subject["id"], attrs=subject),
            Action(request["action"]),
            Resource(type="document", id=resource["id"], attrs=resource),
            Context(request["context"]),
        )
        return bool(loop.run_until_complete(guard.evaluate_async(*asked)).allowed)

    return decide


PEER = Peer(
    name="rbacx",
    distribution="rbacx",
    used="A compiled guard with strict types, awaited in one loop (its synchronous form makes a loop for each decision). "
    "It files rules by action, and hands every decision to another thread.",
    build=build,
)
