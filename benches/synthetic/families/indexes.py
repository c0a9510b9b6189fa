"""Benches: families against the choice of what to index by."""

from __future__ import annotations

import math
import random

from benches.synthetic.families.drafts import EACH, action, of_resource, opaque, policy, resource, role
from benches.synthetic.policy import AnyOf, Comparison, Kind, Not, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Draft, Shape

RESOURCE = frozenset({"resource.id"})


def nested_opaque(rules: int, rng: random.Random) -> Policy:
    drawn = [
        Rule(f"r{number}", number % EACH != 0, (Comparison("context.amount", Operator.BELOW, (number + 1) * 10), opaque(rng)))
        for number in range(rules)
    ]
    return policy(drawn, {"context.amount": Kind.INT}, {"context.amount": lambda rng: rng.randrange(rules * 10)})


def wide(share: float) -> Draft:
    """So much of the policy tests two attributes of each request; the rest belongs to resources."""

    def draft(rules: int, rng: random.Random) -> Policy:
        count = max(1, round(rules * share))
        drawn = [Rule(f"wide{number}", number % EACH != 0, (opaque(rng), role(rng), action(rng))) for number in range(count)]
        drawn += [of_resource(number, rng) for number in range(rules - count)]
        rng.shuffle(drawn)
        return policy(drawn, {}, {"resource.id": resource(rules - count)})

    return draft


MEASURES = 24


def wide_comparisons(rules: int, rng: random.Random) -> Policy:
    names = [f"context.measure{number}" for number in range(min(MEASURES, rules))]
    drawn = [
        Rule(f"wide{number}", number % 2 == 0, (Comparison(name, Operator.AT_LEAST, 990 + number % 10),))
        for number, name in enumerate(names)
    ]
    drawn += [of_resource(number, rng) for number in range(rules - len(names))]
    domains = {name: (lambda rng: rng.randrange(1_000)) for name in names}
    return policy(drawn, dict.fromkeys(names, Kind.INT), {"resource.id": resource(rules - len(names)), **domains})


LABELS = 12


def attribute_pairs(rules: int, rng: random.Random) -> Policy:
    names = [f"{part}.label{number}" for number in range(LABELS // 3) for part in ("subject", "resource", "context")]
    values = max(2, math.isqrt(rules // 3))
    pairs = [(left, right) for number, left in enumerate(names) for right in names[number + 1 :]]
    drawn = []
    for number in range(rules):
        tests = tuple(Comparison(name, Operator.IS, f"value-{rng.randrange(values)}") for name in pairs[number % len(pairs)])
        drawn.append(Rule(f"r{number}", number % EACH != 0, (*tests, action(rng))))
    return policy(drawn, dict.fromkeys(names, Kind.STRING), {name: (lambda rng: f"value-{rng.randrange(values)}") for name in names})


def hot_value(rules: int, rng: random.Random) -> Policy:
    drawn = []
    for number in range(rules):
        if number % 2:
            conditions = (Comparison("action", Operator.IS, "read"), role(rng), opaque(rng))
            drawn.append(Rule(f"hot{number}", number % EACH != 0, conditions))
        else:
            drawn.append(of_resource(number, rng))
    return policy(drawn, {}, {"resource.id": resource(rules)})


def or_not(rules: int, rng: random.Random) -> Policy:
    first = Comparison("resource.id", Operator.IS, "document-0")
    odd = [
        Rule(
            "elevated",
            True,
            (AnyOf((first, Comparison("subject.role", Operator.IS, "manager"))), Comparison("action", Operator.IS, "read")),
        ),
        Rule("elsewhere", False, (Not(first), Comparison("subject.role", Operator.IS, "contractor"))),
    ]
    return policy([*odd, *(of_resource(number, rng) for number in range(rules - len(odd)))], {}, {"resource.id": resource(rules)})


def one_resource(rules: int, rng: random.Random) -> Policy:
    roles = tuple(f"role-{number}" for number in range(max(2, rules // 4)))
    drawn = []
    for number in range(rules):
        conditions = (
            Comparison("resource.id", Operator.IS, "document-0"),
            Comparison("subject.role", Operator.IS, rng.choice(roles)),
            action(rng),
        )
        drawn.append(Rule(f"r{number}", number % EACH != 0, conditions))
    return policy(drawn, {}, {"resource.id": lambda rng: "document-0", "subject.role": one_of(roles)})


WARDS = 32
ON_DUTY = ("physician", "nurse", "surgeon", "pharmacist", "clerk", "technician", "therapist", "midwife", "porter")
RECORDS = ("chart", "scan", "order", "result", "note", "plan", "bill", "consent", "report", "image")
DOING = ("read", "write", "share", "delete")


def wards(rules: int, rng: random.Random) -> Policy:
    """33 rules for each department, 32 that permit and one that denies, and five that hold everywhere."""
    everywhere = [
        Rule(
            f"emergency{number}",
            True,
            (Comparison("context.emergency", Operator.IS, "declared"), Comparison("subject.role", Operator.IS, duty)),
        )
        for number, duty in enumerate(ON_DUTY[:5])
    ]
    drawn: list[Rule] = []
    departments = max(1, round((rules - len(everywhere)) / (WARDS + 1)))
    for department in range(departments):
        within = Comparison("resource.department", Operator.IS, f"department-{department}")
        for number in range(WARDS):
            asked = (
                Comparison("action", Operator.IS, rng.choice(DOING))
                if number % 2
                else Comparison("action", Operator.ONE_OF, tuple(rng.sample(DOING, 2)))
            )
            conditions = (
                Comparison("subject.role", Operator.IS, rng.choice(ON_DUTY)),
                Comparison("resource.kind", Operator.IS, rng.choice(RECORDS)),
                asked,
                within,
                Comparison("subject.departments", Operator.HOLDS, f"department-{department}"),
            )
            drawn.append(Rule(f"d{department}_{number}", True, conditions))
        drawn.append(Rule(f"d{department}_sealed", False, (within, Comparison("resource.sensitivity", Operator.AT_LEAST, 9))))
    names = tuple(f"department-{number}" for number in range(max(2, departments)))
    return policy(
        [*drawn, *everywhere],
        {
            "subject.departments": Kind.STRINGS,
            "resource.department": Kind.STRING,
            "resource.kind": Kind.STRING,
            "resource.sensitivity": Kind.INT,
            "context.emergency": Kind.STRING,
        },
        {
            "subject.role": one_of(ON_DUTY),
            "subject.departments": lambda rng: rng.sample(names, 2),
            "resource.department": one_of(names),
            "resource.kind": one_of(RECORDS),
            "resource.sensitivity": lambda rng: rng.randrange(10),
            "context.emergency": lambda rng: "declared" if rng.random() < 0.05 else "none",
        },
    )


FAMILIES = (
    Shape("nested_opaque", "no index: half of all rules are found, each with a test of its own", nested_opaque, frozenset()),
    Shape("wide_1", "one rule in a hundred wide: it is looked at for every request", wide(0.01), RESOURCE),
    Shape("wide_10", "one rule in ten wide", wide(0.1), RESOURCE),
    Shape("wide_100", "every rule wide", wide(1.0), frozenset()),
    Shape(
        "wide_comparisons", "24 wide rules with a comparison each: a diagram of matched sets has 2^24 leaves", wide_comparisons, RESOURCE
    ),
    Shape("attribute_pairs", "each rule tests another pair of 12 attributes: 66 tables to look into", attribute_pairs, frozenset()),
    Shape("hot_value", "half of the rules test one action, and nothing rare: one bucket holds them all", hot_value, RESOURCE),
    Shape("or_not", "one `or` and one `not` on the attribute that all else is filed under", or_not, RESOURCE),
    Shape(
        "one_resource",
        "all rules test one resource: the first key that comes to mind tells nothing",
        one_resource,
        frozenset({"subject.role"}),
    ),
    Shape(
        "wards",
        "33 rules for each department and five everywhere: the workload that other engines are published with",
        wards,
        frozenset({"resource.department"}),
    ),
)
