"""Benches: every range begins at nought and ends where no other does: all overlap, and a request finds half of them."""

from __future__ import annotations

import random
from typing import Any

from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Permits, Shape
from benches.synthetic.shapes.words import ACTIONS, ROLES

EACH = 5
DENIED, *PERMITTED = ROLES


def draft(rules: int, rng: random.Random) -> Policy:
    """The role that is denied below a limit is permitted below a higher one."""
    drawn = []
    for number in range(rules):
        permits = number % EACH != EACH - 2
        role = rng.choice(PERMITTED) if permits and number % EACH else DENIED
        drawn.append(
            Rule(
                f"r{number}",
                permits,
                (Comparison("context.amount", Operator.BELOW, (number + 1) * 10), Comparison("subject.role", Operator.IS, role)),
            )
        )
    return Policy(
        attributes={"subject.role": Kind.STRING, "context.amount": Kind.INT, "context.channel": Kind.STRING},
        actions=ACTIONS,
        rules=tuple(drawn),
        domains={
            "action": one_of(ACTIONS),
            "subject.role": one_of(ROLES),
            "context.amount": lambda rng: rng.randrange(rules * 10),
            "context.channel": one_of(("branch", "web", "phone")),
        },
    )


def limits(policy: Policy) -> dict[str, tuple[int, int]]:
    """By role, below what it is denied and permitted: of ranges that all begin at nought only the longest counts."""
    found: dict[str, list[int]] = {}
    for rule in policy.rules:
        limit, role = (test.value for test in rule.comparisons)
        sides = found.setdefault(str(role), [0, 0])
        sides[rule.permits] = max(sides[rule.permits], limit)
    return {role: (denied, permitted) for role, (denied, permitted) in found.items()}


NEVER = (0, 0)


def by_hand(policy: Policy) -> Permits:
    by_role = limits(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        denied, permitted = by_role.get(subject["role"], NEVER)
        is_permitted: bool = denied <= context["amount"] < permitted
        return is_permitted

    return permits


def by_hand_entities(policy: Policy) -> Permits:
    by_role = limits(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        denied, permitted = by_role.get(subject.role, NEVER)
        is_permitted: bool = denied <= context.amount < permitted
        return is_permitted

    return permits


SHAPE = Shape(
    name="nested_ranges",
    about="ranges of an Int that lie in one another, and a role",
    draft=draft,
    keys=frozenset(),  # what a request finds grows with the policy; that the cost need not is the point
    by_hand=by_hand,
    by_hand_entities=by_hand_entities,
    hot_growth=2.0,
)
