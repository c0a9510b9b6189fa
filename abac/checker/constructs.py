"""Floor 3, checker: literals, collections, records, quantifiers and conditionals."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

from abac.checker import guards
from abac.checker.constants import folded
from abac.checker.place import Place
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.model.schema import Record
from abac.model.types import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    INSTANT,
    INT,
    LOCAL_TIME,
    TIME_OF_DAY,
    ListOf,
    RecordOf,
    SetOf,
    Type,
    Words,
)
from abac.model.values import Value

if TYPE_CHECKING:
    from abac.checker.expressions import ExpressionChecker

LITERALS: dict[type, Type] = {
    int: INT, Decimal: DECIMAL, bool: BOOL, dt.datetime: INSTANT, dt.date: DATE, dt.timedelta: DURATION, dt.time: TIME_OF_DAY
}  # fmt: skip


def literal(e: n.Literal) -> c.Constant:
    value: Value = e.value  # type: ignore[assignment]  # the parser made it
    kind = Words((e.value,)) if isinstance(e.value, str) else LITERALS[e.kind]
    return c.Constant(value, kind, type=kind, span=e.span)


def collection(checker: ExpressionChecker, e: n.SetLiteral | n.ListLiteral, place: Place) -> c.Expression:
    """`{ … }` and `[ … ]`"""
    elements = tuple(checker.check(element, place) for element in e.elements)
    if any(element.type is ERROR for element in elements):
        return checker.error(e.span)
    joined = checker.typing.join([element.type for element in elements])
    if joined is None:
        types = ", ".join(dict.fromkeys(str(element.type) for element in elements))
        checker.reporter.error("type-mismatch", f"the elements are of different types: {types}", e.span)
        return checker.error(e.span)
    if joined == LOCAL_TIME:
        checker.reporter.error("type-mismatch", "a LocalTime stands in no collection", e.span, help="take its `date` or `time_of_day`")
        return checker.error(e.span)
    if isinstance(e, n.SetLiteral):
        return folded(c.SetOfExpressions(elements, type=SetOf(joined), span=e.span))
    return folded(c.ListOfExpressions(elements, type=ListOf(joined), span=e.span))


def record(checker: ExpressionChecker, e: n.RecordLiteral, place: Place) -> c.Expression:
    """`Name { field: value, … }`"""
    declared = checker.package.record(e.name, e.span)
    if declared is None:
        for entry in e.fields:
            checker.check(entry.value, place)
        return checker.error(e.span)
    given = _given(checker, e, declared, place)
    missing = [f.name for f in declared.fields.values() if f.name not in given and not f.optional]
    if missing:
        checker.reporter.error("missing-field", f"`{e.name}` lacks {', '.join(f'`{m}`' for m in missing)}", e.span)
    if missing or any(v.type is ERROR for v in given.values()) or not given.keys() <= declared.fields.keys():
        return checker.error(e.span)
    entries = tuple((name, given.get(name)) for name in declared.fields)
    return folded(c.RecordOfExpressions(entries, type=RecordOf(declared.name), span=e.span))


def _given(checker: ExpressionChecker, e: n.RecordLiteral, declared: Record, place: Place) -> dict[str, c.Expression]:
    """What the literal gives for each name, unknown names included."""
    given: dict[str, c.Expression] = {}
    for entry in e.fields:
        value = checker.check(entry.value, place)
        if entry.name in given:
            checker.reporter.error("duplicate-name", f"`{entry.name}` is given twice", entry.span)
            given[entry.name] = checker.error(entry.span)
        elif entry.name in declared.fields:
            given[entry.name] = checker.fit(value, declared.fields[entry.name].plain)
        else:
            help = checker.reporter.suggestion(entry.name, declared.fields)
            checker.reporter.error("unknown-attribute", f"`{e.name}` has no attribute `{entry.name}`", entry.span, help=help)
            given[entry.name] = checker.error(entry.span)
    return given


def quantifier(checker: ExpressionChecker, e: n.Quantifier, place: Place) -> c.Expression:
    """`some x in xs: …` and `every x in xs: …`"""
    ranged = checker.operand(e.collection, place)
    element = checker.elements(ranged, e.kind)
    body = checker.boolean(e.body, checker.bind(e.variable, element, e.span, place))
    if element is ERROR or body.type is ERROR:
        return checker.error(e.span)
    return c.Quantified(e.kind, e.variable, ranged, body, type=BOOL, span=e.span)


def conditional(checker: ExpressionChecker, e: n.Conditional, place: Place) -> c.Expression:
    """`if … then … else …`: each branch knows what led to it."""
    summaries = checker.package.summaries
    arms: list[tuple[c.Expression, c.Expression]] = []
    here = place
    for arm in e.arms:
        condition = checker.boolean(arm.condition, here)
        arms.append((condition, checker.check(arm.value, here.knowing(guards.when(condition, True, summaries)))))
        here = here.knowing(guards.when(condition, False, summaries))
    otherwise = checker.check(e.otherwise, here)
    values = [*(value for _, value in arms), otherwise]
    if any(part.type is ERROR for part in (*values, *(condition for condition, _ in arms))):
        return checker.error(e.span)
    joined = checker.typing.join([v.type for v in values])
    if joined is None:
        types = ", ".join(dict.fromkeys(str(v.type) for v in values))
        checker.reporter.error("type-mismatch", f"the branches are of different types: {types}", e.span)
        return checker.error(e.span)
    return c.Conditional(tuple(arms), otherwise, type=joined, span=e.span)
