"""Benches: eight attributes, one to four of them in a rule; and two wide rules at any size.

A rule names one department, project, tag or range of amounts, each of which there are more of where there are more rules, and up to three
of role, kind and action, of which there are few.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from typing import Any

from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule, one_of
from benches.synthetic.shape import Permits, Shape
from benches.synthetic.shapes.words import ACTIONS, KINDS, ROLES

EACH = 5
HELD = 6
WIDE = (
    Rule("too_risky", False, (Comparison("context.risk", Operator.AT_LEAST, 95),)),
    Rule("audited", True, (Comparison("subject.role", Operator.IS, "auditor"), Comparison("action", Operator.IS, "read"))),
)
FEW = {"subject.role": ROLES, "resource.kind": KINDS, "action": ACTIONS}


def draft(rules: int, rng: random.Random) -> Policy:
    many = max(2, rules // 4)
    tags = tuple(f"tag-{number}" for number in range(max(2 * HELD, HELD * many)))
    drawn = []
    for number in range(rules - len(WIDE)):
        rare = (
            (Comparison("subject.department", Operator.IS, f"department-{rng.randrange(many)}"),),
            (Comparison("resource.project", Operator.IS, f"project-{rng.randrange(many)}"),),
            (Comparison("subject.tags", Operator.HOLDS, rng.choice(tags)),),
            (
                Comparison("context.amount", Operator.AT_LEAST, number // 4 * 1_000),
                Comparison("context.amount", Operator.BELOW, (number // 4 + 1) * 1_000),
            ),
        )[number % 4]
        few = [_few(path, rng) for path in sorted(rng.sample(sorted(FEW), rng.randrange(4)))]
        drawn.append(Rule(f"r{number}", number % EACH != EACH - 1, (*rare, *few)))
    return Policy(
        attributes={
            "subject.role": Kind.STRING,
            "subject.department": Kind.STRING,
            "subject.tags": Kind.STRINGS,
            "resource.kind": Kind.STRING,
            "resource.project": Kind.STRING,
            "context.amount": Kind.INT,
            "context.risk": Kind.INT,
        },
        actions=ACTIONS,
        rules=(*drawn, *WIDE),
        domains={
            "action": one_of(ACTIONS),
            "subject.role": one_of(ROLES),
            "subject.department": lambda rng: f"department-{rng.randrange(many)}",
            "subject.tags": lambda rng: rng.sample(tags, HELD),
            "resource.kind": one_of(KINDS),
            "resource.project": lambda rng: f"project-{rng.randrange(many)}",
            "context.amount": lambda rng: rng.randrange(many * 1_000),
            "context.risk": lambda rng: rng.randrange(100),
        },
    )


def _few(path: str, rng: random.Random) -> Comparison:
    if rng.random() < 0.5:
        return Comparison(path, Operator.IS, rng.choice(FEW[path]))
    return Comparison(path, Operator.ONE_OF, tuple(rng.sample(FEW[path], 3)))


# ── by hand: four tables of rows, and the two wide rules ─────────────────────────────────────────────────────────────

Values = frozenset[str] | None
Row = tuple[bool, Values, Values, Values]
"""Whether it permits, and roles, kinds and actions; None: all of them."""
Rows = tuple[Row, ...]


class Tables:
    """Rows by department, project and tag, and between cuts of the amount; those that deny come first."""

    def __init__(self, policy: Policy) -> None:
        tables: dict[str, dict[Any, list[Row]]] = {path: {} for path in ("subject.department", "resource.project", "subject.tags")}
        ranges: list[tuple[Any, Any, Row]] = []
        for rule in policy.rules:
            if rule in WIDE:
                continue
            row = (rule.permits, _values(rule, "subject.role"), _values(rule, "resource.kind"), _values(rule, "action"))
            first, second, *_ = *rule.comparisons, None
            if first.attribute == "context.amount":
                assert second is not None
                ranges.append((first.value, second.value, row))
            else:
                tables[first.attribute].setdefault(first.value, []).append(row)
        self.departments, self.projects, self.tags = (
            {value: tuple(sorted(rows, key=lambda row: row[0])) for value, rows in table.items()} for table in tables.values()
        )
        self.cuts = sorted({side for start, end, _ in ranges for side in (start, end)})
        self.between: list[Rows] = [()] * (len(self.cuts) + 1)
        for start, end, row in ranges:
            for index in range(bisect_left(self.cuts, start), bisect_left(self.cuts, end)):
                self.between[index + 1] += (row,)


def _values(rule: Rule, path: str) -> Values:
    for test in rule.comparisons:
        if test.attribute == path:
            return frozenset(test.value if test.operator is Operator.ONE_OF else (test.value,))
    return None


def by_hand(policy: Policy) -> Permits:
    tables = Tables(policy)
    departments, projects, tagged, cuts, between = tables.departments, tables.projects, tables.tags, tables.cuts, tables.between

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        if context["risk"] >= 95:
            return False
        role, kind = subject["role"], resource["kind"]
        rows = departments.get(subject["department"], ()) + projects.get(resource["project"], ())
        rows += between[bisect_right(cuts, context["amount"])]
        for tag in subject["tags"]:
            if tag in tagged:
                rows += tagged[tag]
        is_permitted = role == "auditor" and action == "read"
        for permits, roles, kinds, actions in rows:
            if (
                (roles is None or role in roles)
                and (kinds is None or kind in kinds)
                and (actions is None or action in actions)
            ):  # fmt: skip
                if not permits:
                    return False
                is_permitted = True
        return is_permitted

    return permits


def by_hand_entities(policy: Policy) -> Permits:
    tables = Tables(policy)
    departments, projects, tagged, cuts, between = tables.departments, tables.projects, tables.tags, tables.cuts, tables.between
    known = frozenset(tagged)

    def permits(subject: Any, action: str, resource: Any, context: Any) -> bool:
        if context.risk >= 95:
            return False
        role, kind = subject.role, resource.kind
        rows = departments.get(subject.department, ()) + projects.get(resource.project, ())
        rows += between[bisect_right(cuts, context.amount)]
        for tag in known & subject.tags:
            rows += tagged[tag]
        is_permitted = role == "auditor" and action == "read"
        for permits, roles, kinds, actions in rows:
            if (
                (roles is None or role in roles)
                and (kinds is None or kind in kinds)
                and (actions is None or action in actions)
            ):  # fmt: skip
                if not permits:
                    return False
                is_permitted = True
        return is_permitted

    return permits


SHAPE = Shape(
    name="mixed",
    about="one to four of eight attributes in a rule, two wide rules",
    draft=draft,
    keys=frozenset({"subject.department", "resource.project", "subject.tags", "context.amount"}),
    by_hand=by_hand,
    by_hand_entities=by_hand_entities,
    cold_growth=4.5,
    smallest=100,
)
