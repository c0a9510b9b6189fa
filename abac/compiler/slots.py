"""Floor 4, compiler: the namespace of generated code: constants in numbered slots, and the functions it may call by name."""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from abac.compiler.syntax import const, name
from abac.model.values import Interval, ListValue, SetValue, Value

_SMALL = 10**9


@dataclass(slots=True)
class Slots:
    """Invariant: the same constant object, or equal constant of the same exact type, has one slot."""

    values: dict[str, Any] = field(default_factory=dict)
    _seen: dict[object, str] = field(default_factory=dict)

    def literal(self, value: Value) -> ast.expr:
        """A value of the policy: as a constant where Python's tree can hold it exactly, else as a slot."""
        if type(value) is str or type(value) is bool or (type(value) is int and 0 <= value < _SMALL):
            return const(value)
        return self.slot(value)

    def slot(self, value: object) -> ast.expr:
        key = _key(value)
        if key not in self._seen:
            self._seen[key] = f"K{len(self._seen) + 1}"
            self.values[self._seen[key]] = value
        return name(self._seen[key])

    def helper(self, identifier: str, value: Callable[..., Any] | type | object) -> ast.expr:
        """A function, class or fixed object of the run time under a name of its own."""
        assert self.values.setdefault(identifier, value) is value
        return name(identifier)


def _key(value: object) -> object:
    """Equal only for what nothing can tell apart: `{true}` is not `{1}`, 1.0 is not 1.00 in a reason. The rest is told by identity."""
    match value:
        case Decimal():
            return Decimal, value.as_tuple()
        case SetValue(elements=elements) | ListValue(elements=elements):
            return type(value), tuple(map(_key, elements))
        case Interval(start=start, end=end):
            return Interval, _key(start), _key(end)
        case frozenset():
            return frozenset, frozenset(map(_key, value))
        case str() | bool() | int() | dt.date() | dt.time() | dt.timedelta() | None:
            return type(value), value
    return type(value), id(value)
