"""Floor 3, checker: the typing rule of every operator, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from abac.checker.constants import fold
from abac.checker.types import ERROR, NUMBERS, interval
from abac.language import checked as c
from abac.language.library import patterns
from abac.language.operators import Operator
from abac.model.limits import MAX_PATTERN
from abac.model.source import Span
from abac.model.types import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    INSTANT,
    INT,
    IP_ADDRESS,
    IP_NETWORK,
    LOCAL_TIME,
    STRING,
    TIME_ZONE,
    EntityOf,
    IntervalOf,
    ListOf,
    SetOf,
    TableOf,
    Type,
    Words,
    base,
)  # fmt: skip
from abac.model.values import Interval, Unknown

if TYPE_CHECKING:
    from abac.checker.expressions import ExpressionChecker

Operands = tuple[c.Expression, ...]
Rule = Callable[["ExpressionChecker", Operator, Operands, Span], c.Expression]


def _made(operator: Operator, operands: Operands, type: Type, span: Span) -> c.Expression:
    return c.Operation(operator, operands, type=type, span=span)


def _refuse(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span, help: str = "") -> c.Expression:
    found = " and ".join(str(operand.type) for operand in operands)
    shown = "-" if operator is Operator.NEGATE else operator
    checker.reporter.error("type-mismatch", f"`{shown}` does not take {found}", span, help=help)
    return checker.error(span)


def _not(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    fitted = checker.fit(operands[0], BOOL)
    return fitted if fitted.type is ERROR else _made(operator, (fitted,), BOOL, span)


def _junction(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    return _made(operator, tuple(checker.fit(operand, BOOL) for operand in operands), BOOL, span)


def _equal(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    left, right = operands
    if left.type == LOCAL_TIME:
        return _refuse(checker, operator, operands, span, "compare its `date`, `time_of_day` or `weekday`")
    if not _may_equal(checker, left, right):
        return checker.error(span)
    if left == right:
        checker.reporter.warning("identical-operands", f"both sides of `{operator}` are the same", span)
    return _made(operator, operands, BOOL, span)


def _may_equal(checker: ExpressionChecker, left: c.Expression, right: c.Expression, whole: Type | None = None) -> bool:
    """Complains unless the two types can have equal values. `whole`: the collection type to show for the right side."""
    a, b = left.type, whole or right.type
    if checker.typing.comparable(a, b):
        return True
    for words, target, place in ((a, b, left), (b, a, right)):
        if isinstance(words, Words) and not words.name and (outside := checker.typing.outside(words, target)):
            checker.not_in_union(outside, target, place.span)
            return False
    checker.reporter.error("type-mismatch", f"{a} never equals {b}", left.span.to(right.span))
    return False


def _compare(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    left, right = operands
    order = checker.typing.order(left.type, right.type)
    if order is None:
        return _unordered(checker, operator, operands, span)
    if isinstance(order, Words):
        operands = tuple(replace(operand, type=order) for operand in operands)
    return _made(operator, operands, BOOL, span)


def _unordered(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    """Complains about values without a common order."""
    left, right = operands
    words = [operand for operand in operands if isinstance(operand.type, Words)]
    ordered = [operand for operand in words if isinstance(operand.type, Words) and operand.type.ordered]
    help = ""
    if len(words) == 2 and len(ordered) == 1:
        other = right if ordered[0] is left else left
        assert isinstance(other.type, Words)
        if other.type.name is None and (outside := checker.typing.outside(other.type, ordered[0].type)):
            checker.not_in_union(outside, ordered[0].type, other.span)
            return checker.error(span)
        help = "requests may bring words that are not in the order"
    elif len(ordered) == 2:
        help = "these are two different orders"
    elif ordered:
        help = f"only the words of `{ordered[0].type}` have this order"
    elif words:
        help = 'declare an ordered union: `"low" < "high"`'
    return _refuse(checker, operator, operands, span, help)


def _in(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    left, right = operands
    match right.type:
        case SetOf(element=element) | ListOf(element=element):
            if not _may_equal(checker, left, right, element):
                return checker.error(span)
            return _made(operator, operands, BOOL, span)
        case TableOf(table=table, key=key):
            fitted = checker.fit(left, base(key))
            if fitted.type is ERROR:
                return fitted
            test = c.InTable(table, fitted, type=BOOL, span=span)
            return test if operator is Operator.IN else _made(Operator.NOT, (test,), BOOL, span)
        case IntervalOf(element=element) if left.type == element:
            return _made(operator, operands, BOOL, span)
        case _ if (left.type, right.type) == (IP_ADDRESS, IP_NETWORK):
            return _made(operator, operands, BOOL, span)
        case EntityOf() if isinstance(left.type, EntityOf):
            return _hierarchy(checker, operator, operands, span)
    return _refuse(checker, operator, operands, span)


def _hierarchy(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    left, right = operands
    assert isinstance(left.type, EntityOf) and isinstance(right.type, EntityOf)
    reachable = {a for name in left.type.names for a in checker.package.types.ancestors(name)}
    if not reachable & set(right.type.names):
        help = f"declare `entity {left.type.names[0]} in {right.type.names[0]} …`"
        if any(checker.package.scope.excuses(name) for name in (*left.type.names, *right.type.names)):
            return checker.error(span)
        checker.reporter.error("never-inside", f"`{left.type}` never stands in `{right.type}`", span, help=help)
        return checker.error(span)
    return _made(operator, operands, BOOL, span)


def _sets(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    left, right = operands
    if not (isinstance(left.type, SetOf | ListOf) and isinstance(right.type, SetOf | ListOf)):
        return _refuse(checker, operator, operands, span)
    a = replace(left, type=left.type.element)
    if not _may_equal(checker, a, replace(right, type=right.type.element)):
        return checker.error(span)
    return _made(operator, operands, BOOL, span)


def _within(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    """The third operand is the clock."""
    left, right, _ = operands
    if left.type != INSTANT or right.type != DURATION:
        return _refuse(checker, operator, (left, right), span, "write `INSTANT within last DURATION`")
    return _made(operator, operands, BOOL, span)


def _pattern(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    text, pattern = operands
    assert isinstance(pattern, c.Constant)
    if base(text.type) != STRING:
        return _refuse(checker, operator, operands, span)
    literal = str(pattern.value)
    if len(literal) > MAX_PATTERN:
        checker.reporter.error("bad-pattern", f"a pattern has at most {MAX_PATTERN} characters", pattern.span)
        return checker.error(span)
    if operator is Operator.MATCHES:
        try:
            patterns.compiled(literal)
        except ValueError as error:
            checker.reporter.error("bad-pattern", f"not a regular expression of RE2: {error}", pattern.span)
            return checker.error(span)
    return _made(operator, operands, BOOL, span)


def _empty(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    if not isinstance(operands[0].type, SetOf | ListOf):
        return _refuse(checker, operator, operands, span)
    return _made(operator, operands, BOOL, span)


def _range(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    made = interval(operands[0].type)
    if made is None or any(operand.type != operands[0].type for operand in operands):
        return _refuse(checker, operator, operands, span, "intervals are of Instant, Date or TimeOfDay")
    result = _constant(checker, operator, operands, made, span)
    value = result.value if isinstance(result, c.Constant) else None
    if isinstance(value, Interval) and value.end is not None and _never_opens(value, operands[0].type):
        checker.reporter.error("empty-interval", "this interval is empty", span, label="it ends before it begins")
    return result


def _never_opens(value: Interval, element: Type) -> bool:
    assert value.end is not None
    return value.start == value.end or (element in (INSTANT, DATE) and value.start > value.end)  # type: ignore[operator]


def _constant(checker: ExpressionChecker, operator: Operator, operands: Operands, type: Type, span: Span) -> c.Expression:
    """The operation, folded if its operands are constants; a constant that does not fit is an error."""
    made = _made(operator, operands, type, span)
    if not all(isinstance(operand, c.Constant) for operand in operands):
        return made
    value = fold(made)
    if isinstance(value, Unknown):
        cause = next(iter(value.causes))
        checker.reporter.error("constant-unknown", f"`{span.text}` has no value: {cause.kind}", span)
        return checker.error(span)
    return made if value is None else c.Constant(value, type, type=type, span=span)


_SUMS: dict[tuple[Operator, Type, Type], Type] = {
    (Operator.ADD, DURATION, DURATION): DURATION,
    (Operator.ADD, INSTANT, DURATION): INSTANT,
    (Operator.ADD, DURATION, INSTANT): INSTANT,
    (Operator.ADD, DATE, DURATION): DATE,
    (Operator.ADD, DURATION, DATE): DATE,
    (Operator.SUBTRACT, DURATION, DURATION): DURATION,
    (Operator.SUBTRACT, INSTANT, DURATION): INSTANT,
    (Operator.SUBTRACT, INSTANT, INSTANT): DURATION,
    (Operator.SUBTRACT, DATE, DURATION): DATE,
    (Operator.SUBTRACT, DATE, DATE): DURATION,
    (Operator.MULTIPLY, DURATION, INT): DURATION,
    (Operator.MULTIPLY, INT, DURATION): DURATION,
}


def _arithmetic(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    left, right = (operand.type for operand in operands)
    result = _SUMS.get((operator, left, right))
    if left in NUMBERS and right in NUMBERS:
        result = DECIMAL if DECIMAL in (left, right) else INT
    elif operator is Operator.ADD and isinstance(left, SetOf | ListOf) and type(left) is type(right):
        result = checker.typing.join((left, right))
    if result is None:
        return _refuse(checker, operator, operands, span)
    return _constant(checker, operator, operands, result, span)


def _negate(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    if operands[0].type not in (INT, DECIMAL, DURATION):
        return _refuse(checker, operator, operands, span)
    return _constant(checker, operator, operands, operands[0].type, span)


def _at(checker: ExpressionChecker, operator: Operator, operands: Operands, span: Span) -> c.Expression:
    if (operands[0].type, operands[1].type) != (INSTANT, TIME_ZONE):
        return _refuse(checker, operator, operands, span, 'write `now at "Europe/Berlin"`')
    return _made(operator, operands, LOCAL_TIME, span)


RULES: dict[Operator, Rule] = {
    Operator.AND: _junction,
    Operator.OR: _junction,
    Operator.NOT: _not,
    Operator.EQUAL: _equal,
    Operator.UNEQUAL: _equal,
    Operator.LESS: _compare,
    Operator.LESS_EQUAL: _compare,
    Operator.GREATER: _compare,
    Operator.GREATER_EQUAL: _compare,
    Operator.IN: _in,
    Operator.NOT_IN: _in,
    Operator.INTERSECTS: _sets,
    Operator.SUBSET: _sets,
    Operator.WITHIN: _within,
    Operator.LIKE: _pattern,
    Operator.MATCHES: _pattern,
    Operator.EMPTY: _empty,
    Operator.NOT_EMPTY: _empty,
    Operator.UNTIL: _range,
    Operator.FROM: _range,
    Operator.ADD: _arithmetic,
    Operator.SUBTRACT: _arithmetic,
    Operator.MULTIPLY: _arithmetic,
    Operator.NEGATE: _negate,
    Operator.AT: _at,
}
