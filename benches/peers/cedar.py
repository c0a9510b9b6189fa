"""Benches: Cedar, by cedarpy."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Comparison, Condition, Kind, Operator, Policy, Rule

PLACES = {"subject": "principal", "resource": "resource", "context": "context"}
IN_SCOPE = ("action", "resource.id", "subject")


def cedar_of(policy: Policy) -> str:
    return "\n".join(map(_rule, policy.rules))


def _rule(rule: Rule) -> str:
    """What the scope can say stands in the scope, as Cedar's best practices ask; the rest under `when`."""
    scope = {"action": "action", "resource.id": "resource", "subject": "principal"}
    conditions = []
    for condition in rule.conditions:
        if not isinstance(condition, Comparison):
            raise CannotExpress(f"`{type(condition).__name__}` is not translated to Cedar")
        if condition.attribute in IN_SCOPE:
            scope[condition.attribute] = _scope(condition)
        else:
            conditions.append(_condition(condition))
    when = f" when {{ {' && '.join(conditions)} }}" if conditions else ""
    effect = "permit" if rule.permits else "forbid"
    return f"{effect} ({scope['subject']}, {scope['action']}, {scope['resource.id']}){when};"


def _scope(test: Comparison) -> str:
    match test.attribute, test.operator:
        case "action", Operator.IS:
            return f"action == Action::{_literal(test.value)}"
        case "action", Operator.ONE_OF:
            return f"action in [{', '.join(f'Action::{_literal(each)}' for each in test.value)}]"
        case "resource.id", Operator.IS:
            return f"resource == Document::{_literal(test.value)}"
        case "subject", Operator.STANDS_IN:
            return f"principal in Group::{_literal(test.value)}"
        case _:
            raise CannotExpress(f"`{test.attribute} {test.operator}` is not translated to Cedar")


def _condition(test: Condition) -> str:
    assert isinstance(test, Comparison)
    part, _, name = test.attribute.partition(".")
    found, value = f"{PLACES[part]}.{name}", test.value
    match test.operator:
        case Operator.IS:
            return f"{found} == {_literal(value)}"
        case Operator.ONE_OF:
            return f"{_literal(value)}.contains({found})"
        case Operator.AT_LEAST:
            return f"{found}.greaterThanOrEqual({_literal(value)})" if isinstance(value, Decimal) else f"{found} >= {_literal(value)}"
        case Operator.BELOW:
            return f"{found}.lessThan({_literal(value)})" if isinstance(value, Decimal) else f"{found} < {_literal(value)}"
        case Operator.IN_NETWORK:
            return f"{found}.isInRange(ip({_literal(value)}))"
        case Operator.HOLDS:
            return f"{found}.contains({_literal(value)})"
        case Operator.MEETS:
            return f"{found}.containsAny({_literal(value)})"
        case Operator.STANDS_IN:
            raise CannotExpress("only the principal stands in groups")


def _literal(value: Any) -> str:
    match value:
        case Decimal():
            return f'decimal("{_places(value)}")'
        case dt.datetime():
            return f'datetime("{_milliseconds(value)}")'
        case tuple():
            return f"[{', '.join(map(_literal, value))}]"
        case _:
            return json.dumps(value)


def _places(value: Decimal) -> str:
    """Cedar's decimals have one to four digits after the point."""
    text = f"{value:f}"
    return text if "." in text else f"{text}.0"


def _milliseconds(value: dt.datetime) -> str:
    if value.microsecond % 1_000:
        raise CannotExpress("Cedar's times have milliseconds")
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1_000:03}Z"


def build(policy: Policy) -> Decide:
    from cedarpy import PolicySet, is_authorized

    policies = PolicySet.from_str(cedar_of(policy))
    extended: dict[Kind, Callable[[Any], Any]] = {Kind.DECIMAL: _decimal, Kind.INSTANT: _instant, Kind.ADDRESS: _address}
    changed: dict[tuple[str, str], Callable[[Any], Any]] = {}
    for path, kind in policy.attributes.items():
        if kind in extended:
            part, _, name = path.partition(".")
            changed[part, name] = extended[kind]
    named = {part: [name for each, name in changed if each == part] for part in PLACES}

    def attributes(part: str, values: dict[str, Any]) -> dict[str, Any]:
        found = {name: value for name, value in values.items() if name not in ("id", "parents")}
        for name in named[part]:
            found[name] = changed[part, name](found[name])
        return found

    def decide(request: Request) -> bool:
        subject, resource = request["subject"], request["resource"]
        groups: dict[str, dict[str, Any]] = {}
        waiting = list(subject.get("parents", ()))
        for group in waiting:  # grows as it goes
            if group["id"] not in groups:
                above = [{"type": "Group", "id": each["id"]} for each in group["parents"]]
                groups[group["id"]] = {"uid": {"type": "Group", "id": group["id"]}, "attrs": {}, "parents": above}
                waiting += group["parents"]
        principal, thing = {"type": "Person", "id": subject["id"]}, {"type": "Document", "id": resource["id"]}
        direct = [{"type": "Group", "id": group["id"]} for group in subject.get("parents", ())]
        entities = [
            {"uid": principal, "attrs": attributes("subject", subject), "parents": direct},
            {"uid": thing, "attrs": attributes("resource", resource), "parents": []},
            *groups.values(),
        ]
        asked = {
            "principal": principal,
            "action": {"type": "Action", "id": request["action"]},
            "resource": thing,
            "context": attributes("context", request["context"]),
        }
        result = is_authorized(asked, policies, json.dumps(entities))
        if result.diagnostics.errors:
            raise ValueError(result.diagnostics.errors[0])
        return bool(result.allowed)

    return decide


def _decimal(value: Decimal) -> Any:
    return {"__extn": {"fn": "decimal", "arg": _places(value)}}


def _instant(value: dt.datetime) -> Any:
    return {"__extn": {"fn": "datetime", "arg": _milliseconds(value)}}


def _address(value: ipaddress.IPv4Address) -> Any:
    return {"__extn": {"fn": "ip", "arg": str(value)}}


PEER = Peer(
    name="cedarpy",
    distribution="cedarpy",
    used="The policies are parsed once (`PolicySet`); subject, resource and the groups above the subject go along as entities, since they "
    "come with the request. Scopes are filled as Cedar's best practices ask; to choose a slice of the policies is left to storage, and "
    "cedarpy has none.",
    build=build,
)
