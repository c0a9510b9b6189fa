"""Floor 4, compiler: which expressions run with the clock, and how fast. Known from their form, before any request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    """Tells how an expression runs: 0 stands still, 1 is `now`; everything else that depends on the clock is settled where it is used.

    A definition runs as its arguments do: `bound` is how the parameters run where the emitter is at work.
    """

    def __init__(self, package: c.Package, definitions: Mapping[str, c.Definition]) -> None:
        self.definitions = definitions
        self.clock = package.schema.context.clock
        self.bound: Mapping[str, Rate] = {}
        self._known: dict[tuple[str, tuple[Rate, ...]], Rate] = {}
        self._touched: dict[str, bool] = {}

    def rate(self, expression: c.Expression) -> Rate:
        match expression:
            case c.Root(name="now") | c.AgeOf():
                return 1
            case c.Variable(name=name):
                return self.bound.get(name, 0)
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
            case c.Invocation():
                return self._of_definition(expression)
        return 0

    def passed(self, invocation: c.Invocation) -> tuple[Rate, ...]:
        """How the arguments of a definition run inside it; a time of day is passed on for what it is at this instant only."""
        rates = (self.rate(argument) for argument in invocation.arguments)
        return tuple(0 if rate is Motion.DAILY else rate for rate in rates)

    def _of_definition(self, invocation: c.Invocation) -> Rate:
        key = invocation.definition, self.passed(invocation)
        if key not in self._known:
            with self.inside(*key):
                inner = self.rate(self.definitions[invocation.definition].body)
            self._known[key] = 0 if inner is Motion.DAILY else inner
        return self._known[key]

    @contextmanager
    def inside(self, definition: str, rates: tuple[Rate, ...]) -> Iterator[None]:
        """In the body of a definition whose arguments run so."""
        outer = self.bound
        self.bound = {p: rate for (p, _), rate in zip(self.definitions[definition].parameters, rates, strict=True)}
        try:
            yield
        finally:
            self.bound = outer

    def touched(self, expression: c.Expression) -> bool:
        """Whether the clock is read anywhere inside."""
        return any(self.rate(e) != 0 or (isinstance(e, c.Invocation) and self._touches(e.definition)) for e in c.walk(expression))

    def _touches(self, definition: str) -> bool:
        if definition not in self._touched:
            self._touched[definition] = self.touched(self.definitions[definition].body)
        return self._touched[definition]
