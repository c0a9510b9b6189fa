"""Floor 3, checker: constant expressions become values."""

from __future__ import annotations

from collections.abc import Callable

from abac.language import checked as c
from abac.language.library import arithmetic
from abac.language.library.functions import FUNCTIONS
from abac.language.operators import Operator
from abac.model.values import ABSENT, Absence, CauseKind, Interval, ListValue, RecordValue, Unknown, Value, set_of

_FOLDED: dict[Operator, Callable[..., Value | CauseKind]] = {
    Operator.ADD: arithmetic.add,
    Operator.SUBTRACT: arithmetic.subtract,
    Operator.MULTIPLY: arithmetic.multiply,
    Operator.NEGATE: arithmetic.negate,
    Operator.UNTIL: Interval,
    Operator.FROM: lambda start: Interval(start, None),
}


def fold(expression: c.Expression) -> Value | Unknown | None:
    """The value of a constant expression; unknown if it has none (an overflow, say); None if it is not constant."""
    match expression:
        case c.Constant(value=value):
            return value
        case c.SetOfExpressions(elements=elements) | c.ListOfExpressions(elements=elements):
            values = _all(elements)
            if values is None or isinstance(values, Unknown):
                return values
            return set_of(values) if isinstance(expression, c.SetOfExpressions) else ListValue(values)
        case c.RecordOfExpressions(entries=entries):
            return _record(expression, entries)
        case c.Operation(operator=operator, operands=operands) if operator in _FOLDED:
            values = _all(operands)
            if values is None or isinstance(values, Unknown):
                return values
            return _value(_FOLDED[operator](*values), expression)
        case c.LibraryCall(function=name, arguments=arguments):
            values = _all(arguments)
            if values is None or isinstance(values, Unknown):
                return values
            return _value(FUNCTIONS[name].meaning(*values), expression)
    return None


def folded(expression: c.Expression) -> c.Expression:
    """The constant that an expression is, or the expression itself."""
    value = fold(expression)
    if value is None or isinstance(value, Unknown):
        return expression
    return c.Constant(value, expression.type, type=expression.type, span=expression.span)


def _all(expressions: tuple[c.Expression, ...]) -> tuple[Value, ...] | Unknown | None:
    values = []
    for each in expressions:
        value = fold(each)
        if value is None or isinstance(value, Unknown):
            return value
        values.append(value)
    return tuple(values)


def _record(expression: c.Expression, entries: tuple[tuple[str, c.Expression | None], ...]) -> Value | Unknown | None:
    fields: dict[str, Value | Unknown | Absence] = {}
    for name, entry in entries:
        value = ABSENT if entry is None else fold(entry)
        if value is None or isinstance(value, Unknown):
            return value
        fields[name] = value
    return RecordValue(str(expression.type), fields)


def _value(result: Value | CauseKind | Unknown, expression: c.Expression) -> Value | Unknown:
    return Unknown.of(expression.span.text, result) if isinstance(result, CauseKind) else result
