"""Floor 4, compiler: the fast path's Python for operators that tell true from false, of operands that stand in variables or expressions."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from abac.compiler import runtime
from abac.compiler.classes import COMPARE, SPELLED, is_plain
from abac.compiler.functions import Function, Raw
from abac.compiler.motion import Clockwork, Motion
from abac.compiler.syntax import attribute, call, compare, const, integer, junction, name, negation, walrus
from abac.compiler.world import World
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.types import TIME_ZONE, EntityOf, IntervalOf, ListOf, SetOf, Type, Words, base

T = TypeVar("T")


class OperatorEmitter(ABC):
    """Emits tests; what gives it their operands is left open.

    Attributes:
        timed: whether comparisons that run with the clock note when they change.
    """

    world: World
    clockwork: Clockwork
    timed: bool

    @abstractmethod
    def value(self, e: c.Expression, f: Function, *, running: bool = False) -> ast.expr:
        """A known value."""

    @abstractmethod
    def deferred(self, f: Function, make: Callable[[], T]) -> T:
        """What may not be evaluated."""

    @abstractmethod
    def raw(self, e: c.Expression, raws: Mapping[str, Raw]) -> Raw | None:
        """Where the expression's value stands, if it is a caller's object that is read in place."""

    @abstractmethod
    def in_place(self, e: c.Expression, f: Function) -> ast.expr:
        """That object."""

    @abstractmethod
    def key_in_place(self, e: c.Expression, f: Function) -> ast.expr:
        """The key of an entity that is read in place."""

    @abstractmethod
    def above_in_place(self, e: c.Expression, group: str, f: Function) -> ast.expr:
        """The keys of all of a group that an entity stands in that is read in place."""

    def later(self, e: c.Expression, f: Function, *, running: bool = False) -> ast.expr:
        """A value that is not certainly evaluated next: its reads stay inside the expression."""
        return self.deferred(f, lambda: self.value(e, f, running=running))

    def run(self, helper: str, *arguments: ast.expr) -> ast.Call:
        """A call of a run-time function."""
        return call(self.world.slots.helper(helper, getattr(runtime, helper)), *arguments)

    def test(self, e: c.Operation, f: Function) -> ast.expr:
        left, *rest = e.operands
        match e.operator:
            case Operator.EQUAL | Operator.UNEQUAL if not is_plain(left.type):
                made = self._same(left, rest[0], f)
                return made if e.operator is Operator.EQUAL else negation(made)
            case Operator.EQUAL | Operator.UNEQUAL | Operator.LESS | Operator.LESS_EQUAL | Operator.GREATER | Operator.GREATER_EQUAL:
                return self._comparison(e, left, rest[0], f)
            case Operator.IN:
                return self._membership(left, rest[0], f)
            case Operator.NOT_IN:
                return negation(self._membership(left, rest[0], f))
            case Operator.INTERSECTS:
                return self._meets(left, rest[0], f)
            case Operator.SUBSET:
                return self._within_set(left, rest[0], f)
            case Operator.WITHIN:
                return self._within(left, rest[0], rest[1], f)
            case Operator.LIKE | Operator.MATCHES:  # K1(a1)
                assert isinstance(rest[0], c.Constant)
                return call(self.world.matcher(e.operator, rest[0]), self.value(left, f))
            case Operator.EMPTY | Operator.NOT_EMPTY:  # len(a1) == 0
                python: ast.cmpop = ast.Eq() if e.operator is Operator.EMPTY else ast.NotEq()
                made = self.value(left, f) if self.raw(left, f.raws) is None else self.in_place(left, f)
                return compare(call(self.world.slots.helper("len", len), made), python, const(0))
        raise AssertionError(f"{e.operator} makes a value")

    # ── collections ────────────────────────────────────────────────────────────────────────────────────────

    def _deep(self, helper: str, e: tuple[c.Expression, c.Expression], f: Function) -> ast.expr:
        """A test of values with parts, within the limit on combinations where elements have parts."""
        test: Any = getattr(runtime, helper)
        if any(isinstance(x.type, SetOf | ListOf) and not is_plain(x.type.element) and not isinstance(x.type.element, EntityOf) for x in e):
            test = runtime.small_enough(test)
        made = self.world.slots.helper(f"{helper}{'_bounded' * (test is not getattr(runtime, helper))}", self.world.deep(test))
        return call(made, self.value(e[0], f), self.later(e[1], f))

    def _same(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        """`==` of what has parts."""
        match left.type, right.type:
            case EntityOf(names=(a,)), EntityOf(names=(b,)) if a == b:  # a1._key == a2._key
                return compare(self._key(left, f), ast.Eq(), self.deferred(f, lambda: self._key(right, f)))
            case EntityOf(), EntityOf():
                return self.run("same_entity", self.value(left, f), self.later(right, f))
            case (SetOf(element=a), SetOf(element=b)) | (ListOf(element=a), ListOf(element=b)) if is_plain(a) and is_plain(b):
                return compare(self.value(left, f), ast.Eq(), self.later(right, f))  # a1 == a2
            case IntervalOf(), IntervalOf():
                return compare(self.value(left, f), ast.Eq(), self.later(right, f))
        return self._deep("same", (left, right), f)

    def _key(self, e: c.Expression, f: Function) -> ast.expr:
        if self.raw(e, f.raws) is not None:
            return self.key_in_place(e, f)
        return attribute(self.value(e, f), "_key")

    def _meets(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        """not K1.isdisjoint(a1)"""
        if not (_plain_elements(left.type) and _plain_elements(right.type)):
            return self._deep("meets", (left, right), f)
        a, b = self.value(left, f), self.later(right, f)
        if isinstance(left.type, ListOf) or (isinstance(right, c.Constant) and isinstance(right.type, SetOf)):
            a, b = b, a
        if isinstance(left.type, ListOf) and isinstance(right.type, ListOf):
            a = call(self.world.slots.helper("frozenset", frozenset), a)
        return negation(call(attribute(a, "isdisjoint"), b))

    def _within_set(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        """a1 <= a2"""
        if not (_plain_elements(left.type) and _plain_elements(right.type)):
            return self._deep("within_set", (left, right), f)
        a, b = self.value(left, f), self.later(right, f)
        made = [self._as_set(x, e.type) for x, e in ((a, left), (b, right))]
        return compare(made[0], ast.LtE(), made[1])

    def _as_set(self, made: ast.expr, type_: Type) -> ast.expr:
        return call(self.world.slots.helper("frozenset", frozenset), made) if isinstance(type_, ListOf) else made

    def _membership(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        match right.type:
            case SetOf(element=element) | ListOf(element=element):
                if is_plain(element) and is_plain(left.type):  # a1 in a2
                    return compare(self.value(left, f), ast.In(), self.later(right, f))
                return self._deep_member(left, right, f)
            case IntervalOf():
                return self._in_interval(left, right, f)
            case EntityOf(names=names):
                return self._stands_in(left, right, names, f)
            case _:  # an address in a network
                return self._in_network(left, right, f)

    def _deep_member(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        made = self.world.slots.helper("has_element", self.world.deep(runtime.has_element))
        return call(made, self.value(right, f), self.later(left, f))

    def _stands_in(self, left: c.Expression, right: c.Expression, names: tuple[str, ...], f: Function) -> ast.expr:
        """a2._key in a1.u1 or a1.w1: the latter false where all that the entity stands in is known."""
        if len(names) > 1:
            groups = {each: (f"u{self.world.forms.groups[each]}", f"w{self.world.forms.groups[each]}") for each in names}
            return self.run("stands_in", self.value(left, f), self.later(right, f), self.world.slots.slot(groups))
        if self.raw(left, f.raws) is not None:
            above = self.above_in_place(left, names[0], f)
            return compare(self.deferred(f, lambda: self._key(right, f)), ast.In(), above)
        number = self.world.forms.groups[names[0]]
        entity = self.value(left, f)
        if not isinstance(entity, ast.Name):
            variable = f.fresh("a")
            first: ast.expr = walrus(variable, entity)
            entity = name(variable)
        else:
            first = entity
        known = compare(self.deferred(f, lambda: self._key(right, f)), ast.In(), attribute(first, f"u{number}"))
        return junction(ast.Or(), [known, attribute(entity, f"w{number}")])

    def _in_network(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        """K1(a1): a network that is known is compared as numbers."""
        if not isinstance(right, c.Constant):
            return compare(self.value(left, f), ast.In(), self.later(right, f))
        return call(self.world.network(right), self.value(left, f))

    # ── comparison and time ────────────────────────────────────────────────────────────────────────────────

    def _comparison(self, e: c.Operation, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        python, spelling = COMPARE[e.operator]
        order = left.type
        if isinstance(order, Words) and order.ordered and e.operator not in (Operator.EQUAL, Operator.UNEQUAL):
            a, b = self._placed(left, order, self.value(left, f)), self._placed(right, order, self.later(right, f))
            return compare(a, python, b)  # K1[a1] >= 1
        if base(order) == TIME_ZONE:  # a1.key == a2.key
            return compare(attribute(self.value(left, f), "key"), python, attribute(self.later(right, f), "key"))
        rates = (self.clockwork.rate(left), self.clockwork.rate(right)) if self.timed else (0, 0)
        if Motion.DAILY in rates:
            return self._daily(spelling, left, right, f)
        if isinstance(rates[0], int) and isinstance(rates[1], int) and rates[0] != rates[1]:
            helper = f"{SPELLED[spelling]}_at"
            made = runtime.crossing(runtime.COMPARISONS[spelling])
            operands = (self.value(left, f, running=True), self.later(right, f, running=True))
            return call(self.world.slots.helper(helper, made), name("memo"), *operands, integer(rates[0] - rates[1]))
        if rates[0] and rates[0] == rates[1]:  # both run alike: the comparison never changes
            return compare(self.value(left, f, running=True), python, self.later(right, f, running=True))
        return compare(self.value(left, f), python, self.later(right, f))  # a1 == 'x'

    def _placed(self, e: c.Expression, order: Words, word: ast.expr) -> ast.expr:
        """The position of a word in its ordered union."""
        if isinstance(e, c.Constant):
            return self.world.place(e, order)
        return ast.Subscript(self.world.places(order), word, ast.Load())

    def _daily(self, spelling: str, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        """The running time of day on one side; on both it is settled."""
        mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
        if self.clockwork.rate(left) is Motion.DAILY and self.clockwork.rate(right) is Motion.DAILY:
            return compare(self.value(left, f), COMPARE[Operator(spelling)][0], self.later(right, f))
        if self.clockwork.rate(right) is Motion.DAILY:
            return self._daily(mirrored.get(spelling, spelling), right, left, f)
        assert isinstance(left, c.LibraryCall)
        helper = f"daily_{SPELLED[spelling]}"
        made = runtime.daily(runtime.COMPARISONS[spelling])
        clock = self.value(left.arguments[0], f, running=True)
        return call(self.world.slots.helper(helper, made), name("memo"), clock, self.later(right, f))

    def _in_interval(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        rate = self.clockwork.rate(left) if self.timed else 0
        if rate is Motion.DAILY:
            assert isinstance(left, c.LibraryCall)
            clock = self.value(left.arguments[0], f, running=True)
            return self.run("in_daily_at", name("memo"), clock, self.later(right, f))
        if isinstance(rate, int) and rate:
            operands = (self.value(left, f, running=True), self.later(right, f))
            return self.run("in_interval_at", name("memo"), *operands, integer(rate))
        return self.run("in_interval", self.value(left, f), self.later(right, f))

    def _within(self, instant: c.Expression, limit: c.Expression, now: c.Expression, f: Function) -> ast.expr:
        rate = self.clockwork.rate(instant) if self.timed else 0
        if self.timed and isinstance(rate, int) and rate != 1 and not self.clockwork.rate(limit):
            parts = (self.value(instant, f, running=True), self.later(limit, f), self.later(now, f, running=True))
            return self.run("within_at", name("memo"), *parts, integer(1 - rate))
        return self.run("within", self.value(instant, f), self.later(limit, f), self.later(now, f))


def _plain_elements(type_: Type) -> bool:
    return isinstance(type_, SetOf | ListOf) and is_plain(type_.element)
