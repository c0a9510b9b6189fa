"""Benches: the subject's tags meet those of a rule, or hold the one of a rule; and an action.

There are more tags where there are more rules, so that a request finds about three rules at any size.
"""

from __future__ import annotations

import random
from typing import Any

from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Permits, Shape
from benches.synthetic.shapes.words import ACTIONS

EACH = 5
HELD, MET = 8, 3
"""Tags of a subject, and of a rule that asks for one of several."""


def draft(rules: int, rng: random.Random) -> Policy:
    tags = tuple(f"tag-{number}" for number in range(max(2 * HELD, 6 * rules)))
    drawn = []
    for number in range(rules):
        named = (
            Comparison("subject.tags", Operator.MEETS, tuple(rng.sample(tags, MET)))
            if number % 2
            else Comparison("subject.tags", Operator.HOLDS, rng.choice(tags))
        )
        drawn.append(Rule(f"r{number}", number % EACH != EACH - 1, (named, Comparison("action", Operator.IS, rng.choice(ACTIONS)))))
    return Policy(
        attributes={"subject.tags": Kind.STRINGS, "subject.level": Kind.INT, "resource.owner": Kind.STRING},
        actions=ACTIONS,
        rules=tuple(drawn),
        domains={
            "action": one_of(ACTIONS),
            "subject.tags": lambda rng: rng.sample(tags, HELD),
            "subject.level": lambda rng: rng.randrange(10),
            "resource.owner": lambda rng: f"person-{rng.randrange(1_000)}",
        },
    )


Actions = frozenset[str]


def tables(policy: Policy) -> dict[str, tuple[Actions, Actions]]:
    """Actions that are denied and permitted, by tag."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for rule in policy.rules:
        named, asked = rule.comparisons
        for tag in named.value if named.operator is Operator.MEETS else (named.value,):
            found.setdefault(tag, (set(), set()))[rule.permits].add(str(asked.value))
    return {tag: (frozenset(denied), frozenset(permitted)) for tag, (denied, permitted) in found.items()}


def by_hand(policy: Policy) -> Permits:
    by_tag = tables(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        is_permitted = False
        for tag in subject["tags"]:
            if tag in by_tag:
                denied, permitted = by_tag[tag]
                if action in denied:
                    return False
                if action in permitted:
                    is_permitted = True
        return is_permitted

    return permits


def by_hand_entities(policy: Policy) -> Permits:
    by_tag = tables(policy)
    known = frozenset(by_tag)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        is_permitted = False
        for tag in known & subject.tags:
            denied, permitted = by_tag[tag]
            if action in denied:
                return False
            if action in permitted:
                is_permitted = True
        return is_permitted

    return permits


SHAPE = Shape(
    name="set_overlap",
    about="one or one of three tags among the subject's eight, and an action",
    draft=draft,
    keys=frozenset({"subject.tags"}),
    by_hand=by_hand,
    by_hand_entities=by_hand_entities,
)
