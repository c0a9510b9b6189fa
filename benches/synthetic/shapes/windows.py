"""Benches: an amount and a time, tiles of a plane, with a role each; one rule in five denies across two tiles.

How many tiles a request meets, one or two, does not grow with the policy.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from bisect import bisect_left, bisect_right
from typing import Any

from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Permits, Shape
from benches.synthetic.shapes.intervals import NOBODY, Cell, cells, range_of
from benches.synthetic.shapes.words import ACTIONS, ROLES

EACH = 5
EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
WIDTH, HOUR = 1_000, dt.timedelta(hours=1)


def draft(rules: int, rng: random.Random) -> Policy:
    tiles = rules - rules // EACH
    side = math.isqrt(tiles - 1) + 1
    drawn: list[Rule] = []
    role = ""
    for number in range(rules):
        group, within = divmod(number, EACH)
        row, column = divmod(group * (EACH - 1) + within, side)
        if within < EACH - 1:
            role = rng.choice(ROLES)
            drawn.append(_rule(number, True, column * WIDTH, WIDTH, EPOCH + row * HOUR, role))
        else:  # from the middle of the tile before, whose role it denies
            row, column = divmod(group * (EACH - 1) + within - 1, side)
            drawn.append(_rule(number, False, column * WIDTH + WIDTH // 2, WIDTH, EPOCH + row * HOUR, role))
    return Policy(
        attributes={"subject.role": Kind.STRING, "context.amount": Kind.INT, "context.booked": Kind.INSTANT},
        actions=ACTIONS,
        rules=tuple(drawn),
        domains={
            "action": one_of(ACTIONS),
            "subject.role": one_of(ROLES),
            "context.amount": lambda rng: rng.randrange(side * WIDTH),
            "context.booked": lambda rng: EPOCH + rng.randrange(side * 3_600) * dt.timedelta(seconds=1),
        },
    )


def _rule(number: int, permits: bool, amount: int, width: int, booked: dt.datetime, role: str) -> Rule:
    conditions = (
        Comparison("context.amount", Operator.AT_LEAST, amount),
        Comparison("context.amount", Operator.BELOW, amount + width),
        Comparison("context.booked", Operator.AT_LEAST, booked),
        Comparison("context.booked", Operator.BELOW, booked + HOUR),
        Comparison("subject.role", Operator.IS, role),
    )
    return Rule(f"r{number}", permits, conditions)


Column = tuple[list[Any], list[Cell]]


def columns(policy: Policy) -> tuple[list[Any], list[Column]]:
    """Cuts of the amount, and between them cuts of the time with what holds between those."""
    amounts, booked = range_of("context.amount"), range_of("context.booked")
    cuts = sorted({side for rule in policy.rules for side in amounts(rule)})
    inside: list[list[Rule]] = [[] for _ in cuts]
    for rule in policy.rules:
        start, end = amounts(rule)
        for index in range(bisect_left(cuts, start), bisect_left(cuts, end)):
            inside[index].append(rule)
    return cuts, [([], [NOBODY]), *(cells(rules, booked) for rules in inside)]


def by_hand(policy: Policy) -> Permits:
    amounts, by_amount = columns(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        times, between = by_amount[bisect_right(amounts, context["amount"])]
        denied, permitted = between[bisect_right(times, context["booked"])]
        role = subject["role"]
        return role in permitted and role not in denied

    return permits


def by_hand_entities(policy: Policy) -> Permits:
    amounts, by_amount = columns(policy)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        times, between = by_amount[bisect_right(amounts, context.amount)]
        denied, permitted = between[bisect_right(times, context.booked)]
        role = subject.role
        return role in permitted and role not in denied

    return permits


SHAPE = Shape(
    name="windows",
    about="a range of an Int, a range of an Instant, and a role",
    draft=draft,
    keys=frozenset({"context.amount", "context.booked"}),
    by_hand=by_hand,
    by_hand_entities=by_hand_entities,
    hot_growth=1.7,
    cold_growth=4.5,
)
