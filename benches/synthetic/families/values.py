"""Benches: families against the tables and grids that values are looked up in."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from benches.synthetic.families.drafts import EACH, action, of_resource, policy, resource, role
from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule
from benches.synthetic.shape import Shape

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
LONG = 1_000


def long_lists(rules: int, rng: random.Random) -> Policy:
    """One rule in twenty names 1,000 resources, or 1,000 tags; every subject has 1,000 tags."""
    documents = tuple(f"document-{number}" for number in range(LONG * 2))
    tags = tuple(f"tag-{number}" for number in range(LONG * 20))
    drawn = []
    for number in range(rules):
        match number % 40:
            case 0:
                drawn.append(
                    Rule(f"r{number}", True, (Comparison("resource.id", Operator.ONE_OF, tuple(rng.sample(documents, LONG))), role(rng)))
                )
            case 20:
                drawn.append(
                    Rule(
                        f"r{number}",
                        False,
                        (Comparison("subject.tags", Operator.MEETS, tuple(rng.sample(tags, LONG // 20))), role(rng), action(rng)),
                    )
                )
            case _:
                drawn.append(of_resource(number, rng))
    return policy(
        drawn, {"subject.tags": Kind.STRINGS}, {"resource.id": resource(rules), "subject.tags": lambda rng: rng.sample(tags, LONG)}
    )


def skewed_cuts(rules: int, rng: random.Random) -> Policy:
    """Ranges a microsecond long, side by side, between two that are years away."""
    microsecond = dt.timedelta(microseconds=1)
    ranges = [
        (EPOCH - dt.timedelta(days=9_000), EPOCH - dt.timedelta(days=8_000)),
        (EPOCH + dt.timedelta(days=8_000), EPOCH + dt.timedelta(days=9_000)),
    ]
    ranges += [(EPOCH + number * microsecond, EPOCH + (number + 1) * microsecond) for number in range(rules - len(ranges))]
    drawn = []
    for number, (start, end) in enumerate(ranges):
        inside = (Comparison("context.booked", Operator.AT_LEAST, start), Comparison("context.booked", Operator.BELOW, end))
        drawn.append(Rule(f"r{number}", number % EACH != 0, (*inside, role(rng))))
    booked = {"context.booked": lambda rng: EPOCH + rng.randrange(rules) * microsecond}
    return policy(drawn, {"context.booked": Kind.INSTANT}, booked)


PRIME = 2**61 - 1
"""Numbers that differ by a multiple of this have one hash in CPython."""


def colliding_decimals(rules: int, rng: random.Random) -> Policy:
    """Numbers of one hash: a dictionary of them is a list. Unlike that of strings, the hash of numbers is the same in every process."""
    values = [Decimal(5 + number * PRIME) for number in range(rules)]
    drawn = [
        Rule(f"r{number}", number % EACH != 0, (Comparison("context.code", Operator.IS, value), role(rng)))
        for number, value in enumerate(values)
    ]
    return policy(drawn, {"context.code": Kind.DECIMAL}, {"context.code": lambda rng: rng.choice(values)})


def colliding_ints(rules: int, rng: random.Random) -> Policy:
    """Numbers whose low bits are alike: of 64 bits few have one hash, but these begin their search in one slot."""
    values = [number << 48 for number in range(min(rules, 2**14))]
    drawn = [
        Rule(f"r{number}", number % EACH != 0, (Comparison("context.code", Operator.IS, values[number % len(values)]), role(rng)))
        for number in range(rules)
    ]
    return policy(drawn, {"context.code": Kind.INT}, {"context.code": lambda rng: rng.choice(values)})


STEPS = 31
"""As deep as a request may be: values nest to 64, and each group is an object in an array."""


def deep_hierarchy(rules: int, rng: random.Random) -> Policy:
    names = [f"group-{number}" for number in range(rules)]
    drawn = [
        Rule(f"r{number}", number % EACH != 0, (Comparison("subject", Operator.STANDS_IN, name), action(rng)))
        for number, name in enumerate(names)
    ]
    groups = {name: (names[number - 1],) if number % STEPS else () for number, name in enumerate(names)}
    lowest = [name for number, name in enumerate(names) if number % STEPS >= STEPS - 4] or names
    return policy(drawn, {}, {"subject": lambda rng: [rng.choice(lowest)]}, groups)


LAYERS, ACROSS = 6, 2


def diamonds(rules: int, rng: random.Random) -> Policy:
    """Groups in layers of two, each below both of the next: 32 ways lead from one to a top."""
    names = [f"group-{number}" for number in range(max(rules, LAYERS * ACROSS))]
    drawn = [
        Rule(f"r{number}", number % EACH != 0, (Comparison("subject", Operator.STANDS_IN, name), action(rng)))
        for number, name in enumerate(names[:rules])
    ]
    groups: dict[str, tuple[str, ...]] = {}
    for number, name in enumerate(names):
        layer = number // ACROSS * ACROSS
        groups[name] = tuple(names[layer - ACROSS : layer]) if number // ACROSS % LAYERS else ()
    lowest = [name for number, name in enumerate(names) if number // ACROSS % LAYERS == LAYERS - 1]
    return policy(drawn, {}, {"subject": lambda rng: [rng.choice(lowest)]}, groups)


FAMILIES = (
    Shape("long_lists", "lists of 1,000 values in rules, sets of 1,000 tags in requests", long_lists, frozenset({"resource.id"})),
    Shape(
        "skewed_cuts",
        "all ranges in one millisecond but for two that are decades away: a grid of equal steps is one slot",
        skewed_cuts,
        frozenset({"context.booked"}),
    ),
    Shape("colliding_decimals", "rules filed under numbers of one hash", colliding_decimals, frozenset({"context.code"})),
    Shape("colliding_ints", "rules filed under numbers whose search begins in one slot", colliding_ints, frozenset({"context.code"})),
    Shape("deep_hierarchy", "31 groups above a subject, as deep as a request may be", deep_hierarchy, frozenset({"subject"})),
    Shape(
        "diamonds",
        "groups in layers of two, each below both of the next: 32 ways lead up through 12 groups",
        diamonds,
        frozenset({"subject"}),
    ),
)
