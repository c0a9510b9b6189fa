"""Benches: five rules for each resource, four that permit and one that denies: a role and an action each."""

from __future__ import annotations

import random
from typing import Any

from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Permits, Shape
from benches.synthetic.shapes.words import ACTIONS, ROLES

EACH = 5


def draft(rules: int, rng: random.Random) -> Policy:
    drawn = []
    for number in range(rules):
        conditions = (
            Comparison("resource.id", Operator.IS, f"document-{number // EACH}"),
            Comparison("subject.role", Operator.IS, rng.choice(ROLES)),
            Comparison("action", Operator.IS, rng.choice(ACTIONS)),
        )
        drawn.append(Rule(f"r{number}", number % EACH != EACH - 1, conditions))
    resources = max(1, rules // EACH)
    return Policy(
        attributes={"subject.role": Kind.STRING, "subject.level": Kind.INT, "resource.owner": Kind.STRING},
        actions=ACTIONS,
        rules=tuple(drawn),
        domains={
            "action": one_of(ACTIONS),
            "subject.role": one_of(ROLES),
            "subject.level": lambda rng: rng.randrange(10),
            "resource.id": lambda rng: f"document-{rng.randrange(resources)}",
            "resource.owner": lambda rng: f"person-{rng.randrange(1_000)}",
        },
    )


Pairs = frozenset[tuple[str, str]]
NONE: tuple[Pairs, Pairs] = (frozenset(), frozenset())


def tables(policy: Policy) -> dict[str, tuple[Pairs, Pairs]]:
    """Roles with actions that are denied and permitted, by resource."""
    found: dict[str, tuple[set[Any], set[Any]]] = {}
    for rule in policy.rules:
        resource, role, action = (test.value for test in rule.comparisons)
        found.setdefault(str(resource), (set(), set()))[rule.permits].add((role, action))
    return {resource: (frozenset(denied), frozenset(permitted)) for resource, (denied, permitted) in found.items()}


def by_hand(policy: Policy) -> Permits:
    by_resource = tables(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        asked = (subject["role"], action)
        denied, permitted = by_resource.get(resource["id"], NONE)
        return asked in permitted and asked not in denied

    return permits


def by_hand_entities(policy: Policy) -> Permits:
    by_resource = tables(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        asked = (subject.role, action)
        denied, permitted = by_resource.get(resource.id, NONE)
        return asked in permitted and asked not in denied

    return permits


SHAPE = Shape(
    name="per_resource",
    about="five rules for each resource: role and action",
    draft=draft,
    keys=frozenset({"resource.id"}),
    by_hand=by_hand,
    by_hand_entities=by_hand_entities,
)
