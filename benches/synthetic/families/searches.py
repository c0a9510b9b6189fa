"""Benches: families against stopping early, against attributes that are not there, and against memory."""

from __future__ import annotations

import random

from benches.synthetic.families.drafts import EACH, action, of_resource, policy, resource, role, seldom
from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, Weighed
from benches.synthetic.shape import Shape


def late_denies(rules: int, rng: random.Random) -> Policy:
    """One rule in ten is a wide deny at the end that seldom holds: all are looked at before a permit stands."""
    denies = max(1, rules // 10)
    drawn = [of_resource(number, rng) for number in range(rules - denies)]
    drawn = [Rule(rule.name, True, rule.conditions) for rule in drawn]
    drawn += [Rule(f"late{number}", False, (_never(rng), role(rng))) for number in range(denies)]
    return policy(drawn, {}, {"resource.id": resource(rules - denies)}, aims=(True,))


def _never(rng: random.Random) -> Weighed:
    """False of all that is drawn."""
    factor = rng.randrange(2, 1_000)
    return Weighed("subject.score", factor, "resource.weight", (factor + 2) * 10_000)


def last_tree_denies(rules: int, rng: random.Random) -> Policy:
    """Permits by resource, by owner, by kind and by label; what denies stands under tags, and is the fewest."""
    paths = ("resource.id", "resource.owner", "resource.label", "subject.team")
    many = max(1, rules // len(paths) // 2)
    drawn = []
    for number in range(rules):
        if number % 10 == 9:
            drawn.append(Rule(f"r{number}", False, (Comparison("subject.tags", Operator.HOLDS, f"tag-{rng.randrange(many)}"), seldom(rng))))
        else:
            path = paths[number % len(paths)]
            drawn.append(Rule(f"r{number}", True, (Comparison(path, Operator.IS, f"document-{rng.randrange(many)}"), action(rng))))
    return policy(
        drawn,
        {"resource.owner": Kind.STRING, "resource.label": Kind.STRING, "subject.team": Kind.STRING, "subject.tags": Kind.STRINGS},
        {
            **{path: (lambda rng: f"document-{rng.randrange(many)}") for path in paths},
            "subject.tags": lambda rng: [f"tag-{number}" for number in rng.sample(range(many + 8), 8)],
        },
    )


def missing_key(rules: int, rng: random.Random) -> Policy:
    """Filed under a label that is no id, so that a request without it is decided: every rule is then undecided."""
    drawn = [of_resource(number, rng, "resource.label") for number in range(rules)]
    return policy(drawn, {"resource.label": Kind.STRING}, {"resource.label": resource(rules)})


def no_match(rules: int, rng: random.Random) -> Policy:
    """Requests ask for resources that no rule names."""
    drawn = [of_resource(number, rng) for number in range(rules)]
    return policy(drawn, {}, {"resource.id": lambda rng: f"other-{rng.randrange(rules)}"}, aims=(None,))


def random_values(rules: int, rng: random.Random) -> Policy:
    """Every request brings values that none brought before: what is kept for a value must not be kept for ever."""
    drawn = [of_resource(number, rng, "resource.label") for number in range(rules)]
    return policy(
        drawn,
        {"resource.label": Kind.STRING, "context.amount": Kind.INT},
        {"resource.label": lambda rng: f"label-{rng.getrandbits(60)}", "context.amount": lambda rng: rng.getrandbits(60)},
        aims=(None,),
    )


def spread(rules: int, rng: random.Random) -> Policy:
    """A rule for each resource: of 4,000 requests each touches rows that no other touches."""
    drawn = []
    for number in range(rules):
        conditions = (Comparison("resource.id", Operator.IS, f"document-{number}"), role(rng), action(rng))
        drawn.append(Rule(f"r{number}", number % EACH != 0, conditions))
    rng.shuffle(drawn)
    return policy(drawn, {}, {"resource.id": lambda rng: f"document-{rng.randrange(rules)}"})


FAMILIES = (
    Shape(
        "late_denies",
        "many denies that never hold, below the permits: nothing lets the search stop",
        late_denies,
        frozenset({"resource.id"}),
    ),
    Shape("last_tree_denies", "what denies is filed where an engine looks last", last_tree_denies, frozenset()),
    Shape(
        "missing_key",
        "the attribute that all is filed under is missing: every rule is undecided",
        missing_key,
        frozenset({"resource.label"}),
    ),
    Shape("no_match", "no rule holds for any request", no_match, frozenset({"resource.id"})),
    Shape(
        "random_values", "values that never come again: memory must not grow with requests", random_values, frozenset({"resource.label"})
    ),
    Shape("spread", "a rule for each resource: every request touches other memory", spread, frozenset({"resource.id"})),
)
