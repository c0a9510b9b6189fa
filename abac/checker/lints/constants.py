"""Floor 3, checker: conditions that are the same for every request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from abac.checker.constants import fold
from abac.checker.lints.traversal import policies, says_otherwise
from abac.language import checked as c
from abac.language.library import patterns, times
from abac.language.operators import Operator
from abac.model.diagnostics import Diagnostic, Severity
from abac.model.types import TIME_OF_DAY, IntervalOf, Words
from abac.model.values import Interval, ListValue, SetValue, Value, canonical_key

_LIMIT = 64


def constant_conditions(policy: c.Policy, definitions: Mapping[str, c.Definition]) -> Iterator[Diagnostic]:
    """A rule that never holds, or holds always without saying `otherwise`."""
    for each in policies(policy):
        if each.applies is not None and (truth := constant(each.applies, definitions)) is not None:
            yield _finding("target", each.name, truth, each.applies)
        for child in each.children:
            if not isinstance(child, c.Rule) or says_otherwise(child):
                continue
            truth = constant(child.condition, definitions)
            if truth is not None and not (truth and child.witness is not None):
                yield _finding("condition", child.name, truth, child.condition)


def _finding(what: str, name: str, truth: bool, expression: c.Expression) -> Diagnostic:
    plain = what == "condition" and isinstance(expression, c.Constant) and truth
    always_help = "write `otherwise` if that is meant" if what == "condition" else "leave it out"
    return Diagnostic(
        "constant-condition", f"the {what} of `{name}` is {'always' if truth else 'never'} true", expression.span,
        help=always_help if truth else "", severity=Severity.WARNING if plain else Severity.ERROR,
    )  # fmt: skip


def constant(expression: c.Expression, definitions: Mapping[str, c.Definition], depth: int = 0) -> bool | None:
    """The truth of a condition that reads nothing of the request, or that a constant part settles; else None."""
    if depth > _LIMIT:
        return None
    match expression:
        case c.Constant(value=value):
            return value if isinstance(value, bool) else None
        case c.Operation(operator=Operator.NOT, operands=(operand,)):
            inner = constant(operand, definitions, depth + 1)
            return None if inner is None else not inner
        case c.Operation(operator=Operator.AND | Operator.OR as operator, operands=operands):
            truths = [constant(operand, definitions, depth + 1) for operand in operands]
            dominating = operator is Operator.OR
            if dominating in truths:
                return dominating
            return None if None in truths else not dominating
        case c.Invocation(definition=name):
            return constant(definitions[name].body, definitions, depth + 1)
        case c.Operation(operator=operator, operands=operands) if operator in _TESTS:
            values = [fold(operand) for operand in operands]
            known = [v for v in values if v is not None]
            if len(known) < len(values):
                return None
            return _TESTS[operator](expression, *known)
    return None


def _order(expression: c.Operation, value: Value) -> object:
    kind = expression.operands[0].type
    return kind.words.index(value) if isinstance(kind, Words) and kind.ordered and isinstance(value, str) else value


def _compare(compare: Callable[..., bool]) -> Callable[..., bool]:
    return lambda e, a, b: compare(_order(e, a), _order(e, b))


def _in(expression: c.Operation, item: Value, collection: Value) -> bool | None:
    if isinstance(collection, SetValue | ListValue):
        keys = {canonical_key(element) for element in collection.elements}
        return canonical_key(item) in keys
    if isinstance(collection, Interval):
        if expression.operands[1].type == IntervalOf(TIME_OF_DAY):
            return times.in_daily(item, collection)  # type: ignore[arg-type]  # the checker typed it
        return collection.start <= item and (collection.end is None or item < collection.end)  # type: ignore[operator]
    return None


def _not_in(expression: c.Operation, item: Value, collection: Value) -> bool | None:
    found = _in(expression, item, collection)
    return None if found is None else not found


_TESTS: dict[Operator, Callable[..., bool | None]] = {
    Operator.EQUAL: lambda e, a, b: canonical_key(a) == canonical_key(b),
    Operator.UNEQUAL: lambda e, a, b: canonical_key(a) != canonical_key(b),
    Operator.LESS: _compare(lambda a, b: a < b),
    Operator.LESS_EQUAL: _compare(lambda a, b: a <= b),
    Operator.GREATER: _compare(lambda a, b: a > b),
    Operator.GREATER_EQUAL: _compare(lambda a, b: a >= b),
    Operator.IN: _in,
    Operator.NOT_IN: _not_in,
    Operator.EMPTY: lambda e, a: not a.elements,
    Operator.NOT_EMPTY: lambda e, a: bool(a.elements),
    Operator.LIKE: lambda e, a, b: patterns.like(a, b),
    Operator.MATCHES: lambda e, a, b: patterns.matches(a, b),
}
