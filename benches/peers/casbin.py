"""Benches: pycasbin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.plain import scalar
from benches.synthetic.oracle import Request, value_of
from benches.synthetic.policy import Comparison, Kind, Operator, Policy, Rule

ANY = "*"
"""A column of a rule that does not test it."""
INDEXED = (("resource.id", Operator.IS), ("action", Operator.IS))

Column = tuple[str, Operator]


def columns(policy: Policy) -> list[Column]:
    """What any rule tests, in the order in which rules come to test it, those that the fast enforcer can file rules under first."""
    found: dict[Column, None] = {}
    for rule in policy.rules:
        for condition in rule.conditions:
            if not isinstance(condition, Comparison):
                raise CannotExpress(f"`{type(condition).__name__}` is not translated to casbin")
            found[condition.attribute, condition.operator] = None
    return sorted(found, key=lambda column: column not in INDEXED)


def is_indexed(policy: Policy) -> bool:
    """Whether every rule names a resource and an action."""
    asked = [{(test.attribute, test.operator) for test in rule.comparisons} for rule in policy.rules]
    return all(set(INDEXED) <= each for each in asked)


def model_of(policy: Policy) -> str:
    """A column for whatever any rule tests; a rule that does not has `*` there."""
    found = columns(policy)
    names = [f"c{number}" for number in range(len(found))]
    asked = list(dict.fromkeys(attribute for attribute, _ in found))
    always = {column for column in found if all(_cell(rule, column) != ANY for rule in policy.rules)}
    tests = [
        _matcher(f"r.a{asked.index(column[0])}", column, f"p.{name}", column in always) for column, name in zip(found, names, strict=True)
    ]
    lines = [
        "[request_definition]",
        f"r = {', '.join(f'a{number}' for number in range(len(asked)))}",
        "[policy_definition]",
        f"p = {', '.join(names)}, eft",
        "[policy_effect]",
        "e = some(where (p.eft == allow)) && !some(where (p.eft == deny))",
        "[matchers]",
        f"m = {' && '.join(tests)}",
    ]
    if policy.groups:
        lines[4:4] = ["[role_definition]", "g = _, _"]
    return "\n".join(lines)


def _matcher(found: str, column: Column, named: str, always: bool) -> str:
    test = {
        Operator.IS: f"{found} == {named}",
        Operator.ONE_OF: f"one_of({found}, {named})",
        Operator.AT_LEAST: f"{found} >= number({named})",
        Operator.BELOW: f"{found} < number({named})",
        Operator.IN_NETWORK: f"ipMatch({found}, {named})",
        Operator.HOLDS: f"holds({found}, {named})",
        Operator.MEETS: f"meets({found}, {named})",
        Operator.STANDS_IN: f"g({found}, {named})",
    }[column[1]]
    return test if always else f'({named} == "{ANY}" || {test})'


def row_of(rule: Rule, found: list[Column]) -> list[str]:
    return [*(_cell(rule, column) for column in found), "allow" if rule.permits else "deny"]


def _cell(rule: Rule, column: Column) -> str:
    """Cells are text: numbers by their digits, several words with a bar between them."""
    for test in rule.comparisons:
        if (test.attribute, test.operator) == column:
            return BAR.join(test.value) if isinstance(test.value, tuple) else str(scalar(test.value))
    return ANY


BAR = "|"


@cache
def number(cell: str) -> int | Decimal:
    return Decimal(cell) if "." in cell else int(cell)


@cache
def words(cell: str) -> frozenset[str]:
    return frozenset(cell.split(BAR))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "number": number,
    "one_of": lambda found, cell: found in words(cell),
    "holds": lambda found, cell: cell in found,
    "meets": lambda found, cell: not words(cell).isdisjoint(found),
}
"""What matchers call, besides casbin's own; what is made of a cell is kept."""


def build(policy: Policy) -> Decide:
    import casbin
    from casbin.model import FastModel

    logging.disable(logging.CRITICAL)  # it logs every decision
    found, text = columns(policy), model_of(policy)
    enforcer: Any
    if is_indexed(policy):
        model = FastModel([0, 1])
        model.load_model_from_text(text)
        enforcer = casbin.FastEnforcer(model, cache_key_order=[0, 1])
    else:
        model = casbin.Enforcer.new_model(text=text)
        enforcer = casbin.Enforcer(model)
    for name, function in FUNCTIONS.items():
        enforcer.add_function(name, function)
    for rule in policy.rules:
        model.add_policy("p", "p", row_of(rule, found))
    if policy.groups:
        for group, parents in policy.groups.items():
            for parent in parents:
                model.add_policy("g", "g", [group, parent])
        enforcer.build_role_links()
    asked = [reader(attribute, policy) for attribute in dict.fromkeys(attribute for attribute, _ in found)]
    enforce = enforcer.enforce
    return lambda request: bool(enforce(*[read(request) for read in asked]))


def reader(attribute: str, policy: Policy) -> Callable[[Request], Any]:
    """Of the subject, the one group directly above it: what is above that the enforcer was told."""
    if attribute == "subject":
        return lambda request: request["subject"]["parents"][0]["id"]
    match policy.kinds[attribute]:
        case Kind.INSTANT:
            return lambda request: scalar(value_of(attribute, request))
        case Kind.ADDRESS:
            return lambda request: str(value_of(attribute, request))
        case _:
            return lambda request: value_of(attribute, request)


PEER = Peer(
    name="pycasbin",
    distribution="casbin",
    used="A column for each attribute that rules test, no `eval()` (which compiles every rule for every decision); the fast enforcer, "
    "filed by resource and action, where every rule names both. Groups are its role hierarchy, told once. Times are whole microseconds.",
    build=build,
)
