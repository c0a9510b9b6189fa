"""Benches: what the drafts of the families share: attributes with domains, rules of resources, tests that no index can file."""

from __future__ import annotations

import random
from collections.abc import Mapping

from benches.synthetic.policy import Comparison, Condition, Draw, Kind, Operator, Policy, Rule, Weighed, one_of
from benches.synthetic.shapes.words import ACTIONS, ROLES

EACH = 5
SCORES = 10_000
"""Scores and weights are below this."""


def policy(
    rules: list[Rule],
    kinds: Mapping[str, Kind],
    domains: Mapping[str, Draw],
    groups: Mapping[str, tuple[str, ...]] | None = None,
    aims: tuple[bool | None, ...] = (True, True, False, None),
) -> Policy:
    """With a role, a score and a weight beside what the family is about."""
    return Policy(
        attributes={"subject.role": Kind.STRING, "subject.score": Kind.INT, "resource.weight": Kind.INT, **kinds},
        actions=ACTIONS,
        rules=tuple(rules),
        domains={
            "action": one_of(ACTIONS),
            "subject.role": one_of(ROLES),
            "subject.score": lambda rng: rng.randrange(SCORES),
            "resource.weight": lambda rng: rng.randrange(SCORES),
            **domains,
        },
        groups=groups or {},
        aims=aims,
    )


def opaque(rng: random.Random) -> Weighed:
    """True of about half of all requests, and a test of its own in each rule."""
    factor = rng.randrange(2, 1_000)
    return Weighed("subject.score", factor, "resource.weight", (factor + 1) * SCORES // 2 + rng.randrange(factor))


def seldom(rng: random.Random) -> Weighed:
    """True of about one request in twenty."""
    factor = rng.randrange(2, 1_000)
    return Weighed("subject.score", factor, "resource.weight", factor * SCORES * 95 // 100 + rng.randrange(factor))


def role(rng: random.Random) -> Comparison:
    return Comparison("subject.role", Operator.IS, rng.choice(ROLES))


def action(rng: random.Random) -> Comparison:
    return Comparison("action", Operator.IS, rng.choice(ACTIONS))


def of_resource(number: int, rng: random.Random, attribute: str = "resource.id") -> Rule:
    """One of the five of a resource."""
    conditions: tuple[Condition, ...] = (Comparison(attribute, Operator.IS, f"document-{number // EACH}"), role(rng), action(rng))
    return Rule(f"r{number}", number % EACH != EACH - 1, conditions)


def resource(rules: int) -> Draw:
    resources = max(1, rules // EACH)
    return lambda rng: f"document-{rng.randrange(resources)}"
