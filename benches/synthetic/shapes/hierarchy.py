"""Benches: the subject stands in a group, at up to eight steps, and an action; a rule for each group.

Groups stand in lines of eight, so that a request finds up to eight rules at any size.
"""

from __future__ import annotations

import random
from typing import Any

from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Permits, Shape
from benches.synthetic.shapes.words import ACTIONS

EACH = 5
STEPS = 8


def draft(rules: int, rng: random.Random) -> Policy:
    names = [f"group-{number}" for number in range(rules)]
    drawn = []
    for number, name in enumerate(names):
        conditions = (Comparison("subject", Operator.STANDS_IN, name), Comparison("action", Operator.IS, rng.choice(ACTIONS)))
        drawn.append(Rule(f"r{number}", number % EACH != EACH - 1, conditions))
    lowest = [name for number, name in enumerate(names) if number % STEPS >= STEPS // 2] or names
    return Policy(
        attributes={"subject.level": Kind.INT, "resource.owner": Kind.STRING},
        actions=ACTIONS,
        rules=tuple(drawn),
        domains={
            "action": one_of(ACTIONS),
            "subject": lambda rng: [rng.choice(lowest)],
            "subject.level": lambda rng: rng.randrange(10),
            "resource.owner": lambda rng: f"person-{rng.randrange(1_000)}",
        },
        groups={name: (names[number - 1],) if number % STEPS else () for number, name in enumerate(names)},
    )


Actions = frozenset[str]


def tables(policy: Policy) -> dict[str, tuple[Actions, Actions]]:
    """Actions that are denied and permitted, by group."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for rule in policy.rules:
        group, asked = rule.comparisons
        found.setdefault(str(group.value), (set(), set()))[rule.permits].add(str(asked.value))
    return {group: (frozenset(denied), frozenset(permitted)) for group, (denied, permitted) in found.items()}


def by_hand(policy: Policy) -> Permits:
    by_group = tables(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        is_permitted = False
        waiting = list(subject["parents"])
        for group in waiting:  # grows as it goes
            if group["id"] in by_group:
                denied, permitted = by_group[group["id"]]
                if action in denied:
                    return False
                if action in permitted:
                    is_permitted = True
            waiting += group["parents"]
        return is_permitted

    return permits


def by_hand_entities(policy: Policy) -> Permits:
    by_group = tables(policy)
    known = frozenset(by_group)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        is_permitted = False
        for group in known & subject.in_Group:
            denied, permitted = by_group[group]
            if action in denied:
                return False
            if action in permitted:
                is_permitted = True
        return is_permitted

    return permits


SHAPE = Shape(
    name="hierarchy",
    about="a group above the subject, at up to eight steps, and an action",
    draft=draft,
    keys=frozenset({"subject"}),
    by_hand=by_hand,
    by_hand_entities=by_hand_entities,
)
