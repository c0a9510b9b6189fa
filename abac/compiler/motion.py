"""Floor 4, compiler: which expressions run with the clock, and how fast. Known from their form, before any request."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.types import DURATION, INSTANT, TIME_OF_DAY


class Motion(Enum):
    """What runs but is no sum of `now` and fixed values: a zone's local time, and the time of day read from one."""

    LOCAL = "local"
    DAILY = "daily"


Rate = int | Motion
SUMS = (INSTANT, DURATION)
"""The types of sums that keep running; a Date plus a running duration jumps."""


class Clockwork:
    """Tells how an expression runs: 0 stands still, 1 is `now`; everything else that depends on the clock is settled where it is used."""

    def __init__(self, package: c.Package) -> None:
        self.definitions: Mapping[str, c.Definition] = package.definitions
        self.clock = package.schema.context.clock
        self._known: dict[str, Rate] = {}

    def rate(self, expression: c.Expression) -> Rate:
        match expression:
            case c.Root(name="now"):
                return 1
            case c.Attribute(target=c.Root(name="context"), name=name):
                return 1 if name == self.clock else 0
            case c.Operation(operator=Operator.ADD | Operator.SUBTRACT as operator, operands=(left, right)) if expression.type in SUMS:
                a, b = self.rate(left), self.rate(right)
                if isinstance(a, int) and isinstance(b, int):
                    return a + b if operator is Operator.ADD else a - b
            case c.Operation(operator=Operator.AT, operands=(instant, _)):
                return Motion.LOCAL if self.rate(instant) == 1 else 0
            case c.LibraryCall(arguments=(local,)) if expression.type == TIME_OF_DAY:
                return Motion.DAILY if self.rate(local) is Motion.LOCAL else 0
            case c.Invocation(definition=name):
                if name not in self._known:
                    inner = self.rate(self.definitions[name].body)
                    self._known[name] = 0 if inner is Motion.DAILY else inner
                return self._known[name]
        return 0

    def touched(self, expression: c.Expression) -> bool:
        """Whether the clock is read anywhere inside."""
        for each in c.walk(expression):
            if self.rate(each):
                return True
            if isinstance(each, c.Invocation) and self.touched(self.definitions[each.definition].body):
                return True
        return False
