"""Benches: ranges of one attribute that do not overlap, with a role each; one rule in five denies across the middle of its neighbours.

Of whole numbers, of decimals, of instants, and of addresses, where networks lie in one another: /12, /16, /20, /24, /28.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import random
from bisect import bisect_right
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Permits, Shape
from benches.synthetic.shapes.intervals import cells, network_of, range_of
from benches.synthetic.shapes.words import ACTIONS, ROLES

EACH = 5
EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
Value = Callable[[int], Any]


def disjoint(kind: Kind, value: Value) -> Callable[[int, random.Random], Policy]:
    """`value` gives the attribute at a place on a line where a range is 1,000 long."""

    def draft(rules: int, rng: random.Random) -> Policy:
        drawn: list[Rule] = []
        for number in range(rules):
            group, within = divmod(number, EACH)
            start = (group * (EACH - 1) + within) * 1_000
            if within < EACH - 1:
                drawn.append(_rule(number, True, value(start), value(start + 1_000), rng.choice(ROLES)))
            else:  # across the last two of the four, for whom the third permits
                (role,) = (test.value for test in drawn[-2].comparisons if test.attribute == "subject.role")
                drawn.append(_rule(number, False, value(start - 1_500), value(start - 500), str(role)))
        end = max(test.value for rule in drawn for test in rule.comparisons if test.operator is Operator.BELOW)
        places = -(-rules * (EACH - 1) // EACH) * 1_000 + 1_000
        assert value(places) >= end
        return Policy(
            attributes={"subject.role": Kind.STRING, "context.amount": kind, "context.channel": Kind.STRING},
            actions=ACTIONS,
            rules=tuple(drawn),
            domains={
                "action": one_of(ACTIONS),
                "subject.role": one_of(ROLES),
                "context.amount": lambda rng: value(rng.randrange(places)),
                "context.channel": one_of(("branch", "web", "phone")),
            },
        )

    return draft


def _rule(number: int, permits: bool, start: Any, end: Any, role: str) -> Rule:
    amount = "context.amount"
    inside = (Comparison(amount, Operator.AT_LEAST, start), Comparison(amount, Operator.BELOW, end))
    return Rule(f"r{number}", permits, (*inside, Comparison("subject.role", Operator.IS, role)))


def by_hand(policy: Policy) -> Permits:
    cuts, between = cells(policy.rules, range_of("context.amount"))

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        denied, permitted = between[bisect_right(cuts, context["amount"])]
        role = subject["role"]
        return role in permitted and role not in denied

    return permits


def by_hand_entities(policy: Policy) -> Permits:
    cuts, between = cells(policy.rules, range_of("context.amount"))

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        denied, permitted = between[bisect_right(cuts, context.amount)]
        role = subject.role
        return role in permitted and role not in denied

    return permits


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

LENGTHS = (12, 16, 20, 24, 28)


def draft_networks(rules: int, rng: random.Random) -> Policy:
    drawn: list[Rule] = []
    for number in range(rules):
        group, depth = divmod(number, EACH)
        if depth == 0:
            network = ipaddress.ip_network(((group + 16) << 20, LENGTHS[0]))  # 1.0.0.0/12 and on
            role = rng.choice(ROLES)
        else:
            network = ipaddress.ip_network((int(network.network_address) + (rng.randrange(16) << (32 - LENGTHS[depth])), LENGTHS[depth]))
        permits = depth != 3
        holder = role if depth in (0, 3) else rng.choice(ROLES)  # the deny takes from whom the widest network permits
        drawn.append(
            Rule(
                f"r{number}",
                permits,
                (Comparison("context.address", Operator.IN_NETWORK, str(network)), Comparison("subject.role", Operator.IS, holder)),
            )
        )
    networks = max(1, rules // EACH)
    return Policy(
        attributes={"subject.role": Kind.STRING, "context.address": Kind.ADDRESS},
        actions=ACTIONS,
        rules=tuple(drawn),
        domains={
            "action": one_of(ACTIONS),
            "subject.role": one_of(ROLES),
            "context.address": lambda rng: ipaddress.IPv4Address((16 << 20) + rng.randrange(networks << 20)),
        },
    )


def networks_by_hand(policy: Policy) -> Permits:
    cuts, between = cells(policy.rules, network_of("context.address"))

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        denied, permitted = between[bisect_right(cuts, int(context["address"]))]
        role = subject["role"]
        return role in permitted and role not in denied

    return permits


def networks_by_hand_entities(policy: Policy) -> Permits:
    cuts, between = cells(policy.rules, network_of("context.address"))

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        denied, permitted = between[bisect_right(cuts, int(context.address))]
        role = subject.role
        return role in permitted and role not in denied

    return permits


def _shape(name: str, about: str, kind: Kind, value: Value) -> Shape:
    return Shape(name, about, disjoint(kind, value), frozenset({"context.amount"}), by_hand, by_hand_entities)


INTS = _shape("int_ranges", "ranges of an Int that do not overlap, and a role", Kind.INT, lambda place: place)
DECIMALS = _shape("decimal_ranges", "the same of a Decimal", Kind.DECIMAL, lambda place: Decimal(place) / 100)
INSTANTS = _shape("instant_ranges", "the same of an Instant", Kind.INSTANT, lambda place: EPOCH + dt.timedelta(seconds=place * 4))
NETWORKS = Shape(
    name="networks",
    about="networks from /12 to /28, five in one another, and a role",
    draft=draft_networks,
    keys=frozenset({"context.address"}),
    by_hand=networks_by_hand,
    by_hand_entities=networks_by_hand_entities,
)
