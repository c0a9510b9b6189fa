"""Benches: vakt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.plain import groups_above
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule

NAMES = {
    Operator.IS: "Eq",
    Operator.ONE_OF: "In",
    Operator.AT_LEAST: "GreaterOrEqual",
    Operator.BELOW: "Less",
    Operator.IN_NETWORK: "CIDR",
    Operator.HOLDS: "AnyIn",
    Operator.MEETS: "AnyIn",
    Operator.STANDS_IN: "AnyIn",
}
"""vakt's rules; what they are given is `arguments`."""
SEVERAL = (Operator.ONE_OF, Operator.MEETS)


def vakt_of(rule: Rule) -> dict[str, Any]:
    """Of subject, resource, context and action: by attribute, what is asked as (name of vakt's rule, its arguments)."""
    found: dict[str, Any] = {"subject": defaultdict(list), "resource": defaultdict(list), "context": defaultdict(list), "action": []}
    for condition in rule.conditions:
        if not isinstance(condition, Comparison):
            raise CannotExpress(f"`{type(condition).__name__}` is not translated to vakt")
        asked = (NAMES[condition.operator], tuple(condition.value) if condition.operator in SEVERAL else (condition.value,))
        if condition.attribute == "action":
            found["action"].append(asked)
        else:
            part, _, name = condition.attribute.partition(".")
            found[part][name or "groups"].append(asked)
    return found


def build(policy: Policy) -> Decide:
    import vakt
    from vakt import rules

    def made(asked: list[tuple[str, tuple[Any, ...]]]) -> Any:
        each = [getattr(rules, name)(*arguments) for name, arguments in asked]
        return each[0] if len(each) == 1 else rules.And(*each)

    def part(tests: dict[str, Any]) -> Any:
        return [{name: made(asked) for name, asked in tests.items()}] if tests else [rules.Any()]

    storage = vakt.MemoryStorage()
    for rule in policy.rules:
        told = vakt_of(rule)
        storage.add(
            vakt.Policy(
                rule.name,
                effect=vakt.ALLOW_ACCESS if rule.permits else vakt.DENY_ACCESS,
                subjects=part(told["subject"]),
                resources=part(told["resource"]),
                actions=[made(told["action"])] if told["action"] else [rules.Any()],
                context={name: made(asked) for name, asked in told["context"].items()},
            )
        )
    guard, inquiry = vakt.Guard(storage, vakt.RulesChecker()), vakt.Inquiry
    return decider(policy, lambda **parts: guard.is_allowed(inquiry(**parts)))


def decider(policy: Policy, ask: Callable[..., bool]) -> Decide:
    """vakt takes Python's values as they are, but addresses as strings."""
    addresses = [path.partition(".")[2] for path, kind in policy.attributes.items() if kind is Kind.ADDRESS]
    has_groups = bool(policy.groups)

    def decide(request: Request) -> bool:
        subject, context = request["subject"], request["context"]
        if has_groups:
            subject = {**subject, "groups": groups_above(subject)}
        if addresses:
            context = {**context, **{name: str(context[name]) for name in addresses}}
        return bool(ask(subject=subject, action=request["action"], resource=request["resource"], context=context))

    return decide


PEER = Peer(
    name="vakt",
    distribution="vakt",
    used="Policies of rules (not of strings) in its memory storage, `RulesChecker`, `Guard.is_allowed`. It looks at every policy.",
    build=build,
)
