"""Floor 4, compiler: the fast path's Python: two-valued, reading slots of forms and, of a request's plain dicts, each member by exact type.

Every method shows, in the comment beside its arm, the code that comes out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeVar

from abac.compiler import runtime
from abac.compiler.classes import arithmetic_name, is_plain, kind_of
from abac.compiler.emit_in_place import InPlace
from abac.compiler.forms import UNSET
from abac.compiler.functions import STANDARD, Function, Raw
from abac.compiler.motion import SUMS, Motion, Rate
from abac.compiler.syntax import (
    assign,
    attribute,
    call,
    compare,
    const,
    dict_of,
    function,
    integer,
    item,
    junction,
    name,
    negation,
    tuple_of,
    walrus,
)  # fmt: skip
from abac.compiler.world import World
from abac.language import checked as c
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.limits import INT_MAX, INT_MIN, MAX_COLLECTION, MAX_COMBINATIONS
from abac.model.types import (
    BOOL,
    DATE,
    DURATION,
    INSTANT,
    INT,
    TIME_OF_DAY,
    ListOf,
    SetOf,
    Words,
)  # fmt: skip
from abac.model.values import Interval, ListValue, SetValue

T = TypeVar("T")
_MOST_ARMS = 8
_MOST_LOOPS = 12
_TYPE = type


class FastEmitter(InPlace):
    """Emits expressions.

    Attributes:
        timed: whether comparisons that run with the clock note when they change.
        plain: the parts of the request that are read in place, as plain dicts; the others are forms.
        mark: what tells the functions of this search from those of others.
    """

    def __init__(self, world: World, *, timed: bool, plain: frozenset[str] = frozenset()) -> None:
        self.world, self.timed, self.plain = world, timed, plain
        self.package, self.slots, self.forms = world.package, world.slots, world.forms
        self.clockwork = world.clockwork()
        self.functions: list[ast.FunctionDef] = []
        self.comments: dict[int, str] = {}
        self.definitions: dict[tuple[str, tuple[Rate, ...], tuple[Raw | None, ...]], str] = {}
        self.definitions_in_place: dict[tuple[str, tuple[Raw | None, ...]], Raw | None] = {}
        self.counts: dict[str, int] = {}
        self.mark = ""

    # ── functions ──────────────────────────────────────────────────────────────────────────────────────────

    def identifier(self, letter: str) -> str:
        self.counts[letter] = self.counts.get(letter, 0) + 1
        return f"{letter}{self.counts[letter]}{self.mark}{'_plain' if self.plain else ''}"

    def add(self, identifier: str, parameters: Sequence[str], body: list[ast.stmt], comment: str) -> None:
        made = function(identifier, parameters, body)
        self.comments[id(made)] = comment
        self.functions.append(made)

    def hand_over(self) -> ast.expr:
        return self.run("hand_over")

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, e: c.Attribute | c.HasAttribute, f: Function) -> ast.expr:
        """An attribute's value, None where it is absent; hands over if it is unknown."""
        target = e.target
        if isinstance(target, c.Root) and target.name == "context" and e.name == self.clockwork.clock:
            return item(name("memo"), runtime.NOW)
        if self.raw(target, f.raws) is not None:
            if not isinstance(target, c.Root) or target.name == "context" or self.reads_alike(e):
                return self.member(e, f)
            return attribute(self.value(target, f), self.forms.slots[e.name])
        return attribute(self.value(target, f), self.forms.slots[e.name])  # subject.f3

    def presence(self, e: c.HasAttribute, f: Function) -> ast.expr:
        """subject.f3 is not None"""
        whole = c.Attribute(e.target, e.name, type=self.world.field(e).plain, span=e.span)
        if self.raw(whole, f.raws) is not None:  # what stands in place is known, whatever stands in it
            return compare(self.in_place(whole, f), ast.IsNot(), const(None))
        found = self.read(e, f)
        if not self.world.field(e).optional:
            return compare(found, ast.IsNot(), self.slots.helper("UNSET", UNSET))
        return compare(found, ast.IsNot(), const(None))

    def _age(self, e: c.AgeOf, f: Function) -> ast.expr:
        """age(memo, K1(subject)), which hands over if the value is unknown or of unknown age, as all of a plain dict is."""
        if isinstance(e.target, c.Root) and e.target.name in self.plain:
            return self.hand_over()
        return self.run("age", name("memo"), call(self.slots.slot(self.world.dated(e.name)), self.value(e.target, f)))

    # ── values ─────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, e: c.Expression, f: Function, *, running: bool = False) -> ast.expr:
        """A known value. One that runs with the clock is settled unless the caller minds its motion."""
        made = self._value(e, f)
        if self.timed and not running and self.clockwork.rate(e):
            return self.run("settled", name("memo"), made)
        return made

    def _value(self, e: c.Expression, f: Function) -> ast.expr:
        match e:
            case c.Constant():
                return self.world.literal(e)
            case c.Root():
                return self._root(e, f)
            case c.Variable(name=variable):
                return self.as_form(e, f) if variable in f.raws else name(f.variables[variable])
            case c.Attribute():
                return self.read(e, f)
            case c.AgeOf():
                return self._age(e, f)
            case c.Element(target=target, index=c.Constant(value=int(index))) if index >= 0:  # a1[0]
                return item(self.value(target, f), index)
            case c.Element(target=target, index=index):  # element(a1, a2)
                return self.run("element", self.value(target, f), self.later(index, f))
            case c.Row(table=table, key=key):  # row(K1, a1)
                return self.run("row", self.world.rows(table), self.value(key, f))
            case c.Invocation():
                return self._invocation(e, f)
            case c.LibraryCall():
                return self._library(e, f)
            case c.SetOfExpressions() | c.ListOfExpressions() | c.RecordOfExpressions():
                return self._collected(e, f)
            case c.Latest(target=target, by=by):
                by_slot = self.slots.slot(attrgetter(self.forms.slots[by]))
                return self.run("latest", self.value(target, f), by_slot, self._order_of_key(target, by))
            case c.Chain(target=target, by=by):
                return self.run("chain", self.value(target, f), self.slots.slot(self.world.getter(by)))
            case c.Conditional():
                return self._conditional(e, f)
            case c.Operation() if e.type != BOOL:
                return self._computed(e, f)
            case _:
                return self.truth(e, f)

    def deferred(self, f: Function, make: Callable[[], T]) -> T:
        """What may not be evaluated: its reads do not stand before it and are not known after it."""
        ahead, f.ahead = f.ahead, False
        known, f.read = f.read, dict(f.read)
        made = make()
        f.ahead, f.read = ahead, known
        return made

    def _root(self, e: c.Root, f: Function) -> ast.expr:
        if e.name == "now":
            return item(name("memo"), runtime.NOW)
        return self.as_form(e, f) if e.name in self.plain else name(e.name)

    def _collected(self, e: c.SetOfExpressions | c.ListOfExpressions | c.RecordOfExpressions, f: Function) -> ast.expr:
        match e:
            case c.ListOfExpressions(elements=elements):  # (a1, a2)
                return tuple_of(self.later(x, f) for x in elements)
            case c.SetOfExpressions(elements=elements) if all(is_plain(x.type) for x in elements):  # frozenset((a1, a2))
                return call(self.slots.helper("frozenset", frozenset), tuple_of(self.later(x, f) for x in elements))
            case c.SetOfExpressions(elements=elements):
                return self.run("make_several", self._forms(), self.slots.slot(e.type), *(self.later(x, f) for x in elements))
            case c.RecordOfExpressions(entries=entries):
                fields = {field: const(None) if x is None else self.later(x, f) for field, x in entries}
                return self.run("make_record", self._forms(), self.slots.slot(e.type), dict_of(fields))

    def _forms(self) -> ast.expr:
        return self.slots.slot(self.forms)

    def _order_of_key(self, target: c.Expression, by: str) -> ast.expr:
        assert isinstance(target.type, ListOf)
        kind = kind_of(self.package, target.type.element, by)
        return self.world.places(kind) if isinstance(kind, Words) and kind.ordered else const(None)

    def _invocation(self, e: c.Invocation, f: Function) -> ast.expr:
        """A definition's value; one that stands in place is made a form."""
        at = self.raw(e, f.raws)
        made = self.invoked(e, f)
        return made if at is None else self.read_slowly(e.type, made, at)

    def invoked(self, e: c.Invocation, f: Function) -> ast.expr:
        rates = self.clockwork.passed(e) if self.timed else tuple(0 for _ in e.arguments)
        raws = tuple(self.raw(a, f.raws) for a in e.arguments)
        identifier = self.definition(e.definition, rates, raws)
        slot = self.world.shared.get(e.definition)
        if slot is not None:
            return self._shared(e, identifier, slot, f)
        arguments = [
            self.later(a, f, running=bool(rate)) if raw is None else self.deferred(f, lambda a=a: self.in_place(a, f))  # type: ignore[misc]
            for a, rate, raw in zip(e.arguments, rates, raws, strict=True)
        ]
        around = [self._combinations(f)] if self.world.walks(e.definition) else []
        return call(identifier, *(name(p) for p in STANDARD), *around, *arguments)  # d2(subject, …, 1, a1)

    def _shared(self, e: c.Invocation, identifier: str, slot: int, f: Function) -> ast.expr:
        """A definition that is computed once a decision: memo[3] if memo[3] is not None else d1(…)."""
        if e in f.read:
            return name(f.read[e])
        kept = item(name("memo"), slot)
        made = ast.IfExp(compare(kept, ast.IsNot(), const(None)), kept, call(identifier, *(name(p) for p in STANDARD)))
        if not f.ahead:
            return made
        variable = f.read[e] = f.fresh("a")
        f.body.append(assign(variable, made))
        return name(variable)

    def _combinations(self, f: Function) -> ast.expr:
        return name(f.combinations) if f.combinations else const(1)

    def definition(self, qualified: str, rates: tuple[Rate, ...], raws: tuple[Raw | None, ...]) -> str:
        """The function of a definition whose arguments run so and stand there; emitted when first used."""
        if (qualified, rates, raws) in self.definitions:
            return self.definitions[qualified, rates, raws]
        definition = self.world.definitions[qualified]
        identifier = self.definitions[qualified, rates, raws] = self.identifier("d")
        variables = {p: f"p{i}" for i, (p, _) in enumerate(definition.parameters, 1)}
        slot = self.world.shared.get(qualified)
        counted = slot is None and self.world.walks(qualified)
        f = Function(variables=variables, combinations="n" if counted else "", walked=MAX_COMBINATIONS if counted else 1)
        f.raws = {p: raw for (p, _), raw in zip(definition.parameters, raws, strict=True) if raw is not None}
        with self.clockwork.inside(qualified, rates), self.world.outside_shapes():
            running = self.clockwork.rate(definition.body) is not Motion.DAILY
            self._return(definition.body, f, slot, running=running, in_place=self.raw(definition.body, f.raws) is not None)
        parameters = (*STANDARD, *(["n"] if counted else []), *variables.values())
        self.add(identifier, parameters, f.body, f"define {qualified.rpartition('.')[2]}, {definition.span.place}")
        return identifier

    def _return(self, e: c.Expression, f: Function, slot: int | None, *, running: bool, in_place: bool = False) -> None:
        """Statements that return the value, kept in the memo if it has a slot there; a ladder becomes `if`s."""
        if isinstance(e, c.Conditional):
            for condition, value in e.arms:
                test = self.now(condition, f)
                inside = f.inside()
                self._return(value, inside, slot, running=running, in_place=in_place)
                f.body.append(ast.If(test, inside.body, []))
            self._return(e.otherwise, f, slot, running=running, in_place=in_place)
            return
        f.ahead = True
        if e.type == BOOL:
            made = self.truth(e, f)
        elif in_place:
            made = self.in_place(e, f)
        else:
            made = self.value(e, f, running=running)
        f.ahead = False
        if slot is not None:
            f.body.append(ast.Assign([ast.Subscript(name("memo"), const(slot), ast.Store())], made))
            made = item(name("memo"), slot)
        f.body.append(ast.Return(made))

    def now(self, e: c.Expression, f: Function) -> ast.expr:
        """A truth that is evaluated next, after the statements it needs."""
        f.ahead = True
        made = self.truth(e, f)
        f.ahead = False
        return made

    def _library(self, e: c.LibraryCall, f: Function) -> ast.expr:
        (*arguments,) = e.arguments
        if self.timed and arguments and self.clockwork.rate(arguments[0]) is Motion.LOCAL:
            clock = self.value(arguments[0], f, running=True)
            if e.type == TIME_OF_DAY:
                return self.run("time_of_day", clock)  # settled by `value` unless compared
            made = self.slots.helper(f"{e.function}_at", runtime.changing(e.function))
            return call(made, name("memo"), clock)  # weekday_at(memo, …)
        if e.function == "count" and isinstance(arguments[0].type, ListOf) and self.raw(arguments[0], f.raws) is not None:  # len(a1)
            return call(self.slots.helper("len", len), self.in_place(arguments[0], f))
        values = [self.value(arguments[0], f), *(self.later(a, f) for a in arguments[1:])]
        if e.function == "final":  # a1[-1]
            return item(values[0], -1)
        if e.function == "count":
            return self.run("count", *values)
        return call(self.slots.helper(f"{e.function}_of", runtime.library(e.function)), *values)  # lower_of(a1)

    def _conditional(self, e: c.Conditional, f: Function) -> ast.expr:
        """`v1 if c1 else v2 if c2 else v3`; a long ladder is a function of its own."""
        if len(e.arms) > _MOST_ARMS:
            return self._lifted(e, f)
        return self.deferred(f, lambda: self._ladder(e, f))

    def _ladder(self, e: c.Conditional, f: Function) -> ast.expr:
        made = self.later(e.otherwise, f)
        for condition, value in reversed(e.arms):
            made = ast.IfExp(self.deferred(f, lambda x=condition: self.truth(x, f)), self.later(value, f), made)  # type: ignore[misc]
        return made

    def _lifted(self, e: c.Expression, f: Function) -> ast.expr:
        inner = Function(
            variables={v: f"x{i}" for i, v in enumerate(f.variables, 1)}, combinations="n", walked=MAX_COMBINATIONS, raws=f.raws
        )
        identifier = self.identifier("e")
        self._return(e, inner, None, running=False)
        row = self.world.row
        self.add(identifier, (*STANDARD, "n", *inner.variables.values(), *row), inner.body, f"part of {e.span.place}")
        passed = (*(name(v) for v in f.variables.values()), *(name(r) for r in row))
        return call(identifier, *(name(p) for p in STANDARD), self._combinations(f), *passed)

    def _computed(self, e: c.Operation, f: Function) -> ast.expr:
        """Operators that make values."""
        left, *rest = e.operands
        match e.operator:
            case Operator.ADD | Operator.SUBTRACT:
                return self._sum(e, left, rest[0], f)
            case Operator.MULTIPLY | Operator.NEGATE:
                return self.run(arithmetic_name(e), self.value(left, f), *(self.later(x, f) for x in rest))
            case Operator.UNTIL | Operator.FROM:
                end = self.later(rest[0], f) if rest else const(None)
                return call(self.slots.helper("Interval", Interval), self.value(left, f), end)
            case Operator.AT:
                return self.run("local", self.value(left, f, running=self.clockwork.rate(e) is Motion.LOCAL), self.later(rest[0], f))
        raise AssertionError(f"{e.operator} makes a truth")

    def _sum(self, e: c.Operation, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        if isinstance(e.type, SetOf | ListOf):
            return self._joined(e.type, self.value(left, f), self.later(right, f))
        runs = bool(self.timed and (self.clockwork.rate(left) or self.clockwork.rate(right)))
        keep = runs and e.type in SUMS
        operands = (self.value(left, f, running=keep), self.later(right, f, running=keep))
        made = self._plain_sum(e, *operands, f)
        rate = self.clockwork.rate(e)
        return self.run("sum_at", name("memo"), made, integer(rate)) if keep and isinstance(rate, int) and rate else made

    def _joined(self, type_: SetOf | ListOf, left: ast.expr, right: ast.expr) -> ast.expr:
        if isinstance(type_, ListOf):  # bounded(a1 + a2)
            return self.run("bounded", ast.BinOp(left, ast.Add(), right))
        if is_plain(type_.element):  # bounded(a1 | a2)
            return self.run("bounded", ast.BinOp(left, ast.BitOr(), right))
        return self.run("join_sets", self._forms(), self.slots.slot(type_), left, right)

    def _plain_sum(self, e: c.Operation, left: ast.expr, right: ast.expr, f: Function) -> ast.expr:
        """What Python's own operator gives is right, or raises OverflowError, but for Decimals and whole days."""
        kinds = {operand.type for operand in e.operands}
        python: ast.operator = ast.Add() if e.operator is Operator.ADD else ast.Sub()
        if e.type == INT:  # t1 if -2**63 <= (t1 := a1 + a2) <= 2**63 - 1 else hand_over()
            made = f.fresh("t")
            whole = walrus(made, ast.BinOp(left, python, right))
            within = ast.Compare(integer(INT_MIN), [ast.LtE(), ast.LtE()], [whole, integer(INT_MAX)])
            return ast.IfExp(within, name(made), self.hand_over())
        if kinds <= {INSTANT, DURATION} or (kinds == {DATE} and e.operator is Operator.SUBTRACT):
            return ast.BinOp(left, python, right)  # a1 - a2
        return self.run(arithmetic_name(e), left, right)

    # ── truths ─────────────────────────────────────────────────────────────────────────────────────────────

    def truth(self, e: c.Expression, f: Function) -> ast.expr:
        """A Python expression that is true or false."""
        match e:
            case c.Operation(operator=Operator.NOT, operands=(operand,)):
                return negation(self.truth(operand, f))
            case c.Operation(operator=Operator.AND | Operator.OR as operator, operands=operands):
                return self._junction(operator, operands, f)
            case c.Operation():
                return self.test(e, f)
            case c.HasAttribute():
                return self.presence(e, f)
            case c.IsType(target=target, name=wanted):  # subject._type == 'User'
                return compare(self._type_of(target, f), ast.Eq(), const(wanted))
            case c.InTable(table=table, key=key):  # a1 in K1
                return compare(self.value(key, f), ast.In(), self.world.rows(table))
            case c.Quantified():
                return self._quantified(e, f)
            case _:
                return self._value(e, f)

    def _type_of(self, target: c.Expression, f: Function) -> ast.expr:
        if isinstance(target, c.Root) and target.name in self.plain:
            return self.type_of(target.name)
        return attribute(self.value(target, f), "_type")

    def _junction(self, operator: Operator, operands: Sequence[c.Expression], f: Function) -> ast.expr:
        """What the first operand reads is read whatever the others do; what they read may not be."""
        python: ast.boolop = ast.And() if operator is Operator.AND else ast.Or()
        if f.ahead and f.loops < _MOST_LOOPS and any(map(self._walks_here, operands)):
            return self._one_by_one(python, operands, f)
        first = self.truth(operands[0], f)
        rest = self.deferred(f, lambda: [self.truth(operand, f) for operand in operands[1:]])
        return junction(python, [first, *rest])

    def _walks_here(self, e: c.Expression) -> bool:
        match e:
            case c.Quantified():
                return True
            case c.Operation(operator=Operator.AND | Operator.OR | Operator.NOT, operands=operands):
                return any(map(self._walks_here, operands))
        return False

    def _one_by_one(self, python: ast.boolop, operands: Sequence[c.Expression], f: Function) -> ast.expr:
        """Loops stand before the expression that needs them: t1 = …; if t1: … t1 = … (for `or`: if not t1)."""
        variable = f.fresh("t")
        f.body.append(assign(variable, self.now(operands[0], f)))
        f.ahead = True
        for operand in operands[1:]:
            inner = f.inside()
            inner.body.append(assign(variable, self.now(operand, inner)))
            asked = name(variable) if isinstance(python, ast.And) else negation(name(variable))
            f.body.append(ast.If(asked, inner.body, []))
        return name(variable)

    # ── walks ──────────────────────────────────────────────────────────────────────────────────────────────

    def _quantified(self, e: c.Quantified, f: Function) -> ast.expr:
        """A loop before the expression where it is evaluated next, else a function with the loop: q1(subject, …, a1)."""
        if f.ahead and f.loops < _MOST_LOOPS:
            return self._loop(e, f)
        collection = self.collection(e.collection, f)
        outer = {v: f"x{i}" for i, v in enumerate(f.variables, 1)}
        inner = Function(variables=outer, combinations="n" if f.combinations else "", walked=f.walked, ahead=True, raws=f.raws)
        found = self._walk(e, inner, name("elements"), [ast.Return(const(e.kind is QuantifierKind.SOME))])
        identifier = self.identifier("q")
        around, row = ["n"] if f.combinations else [], self.world.row
        parameters = (*STANDARD, *around, "elements", *outer.values(), *row)
        body = [*inner.body, *found, ast.Return(const(e.kind is not QuantifierKind.SOME))]
        self.add(identifier, parameters, body, f"{e.kind} {e.variable}, {e.span.place}")
        passed = [name(f.combinations)] if f.combinations else []
        rest = (*(name(v) for v in f.variables.values()), *(name(r) for r in row))
        return call(identifier, *(name(p) for p in STANDARD), *passed, collection, *rest)

    def _loop(self, e: c.Quantified, f: Function) -> ast.expr:
        """t1 = False; for v1 in a1: if …: t1 = True; break"""
        collection, variable = self.collection(e.collection, f), f.fresh("t")
        some = e.kind is QuantifierKind.SOME
        f.body.append(assign(variable, const(not some)))
        f.body += self._walk(e, f, collection, [assign(variable, const(some)), ast.Break()])
        f.ahead = True
        return name(variable)

    def collection(self, e: c.Expression, f: Function) -> ast.expr:
        """What is walked, as it stands if it is read in place."""
        return self.value(e, f) if self.raw(e, f.raws) is None else self.in_place(e, f)

    def walks_in_place(self, collection: c.Expression, variable: str, element: str, f: Function, inner: Function) -> bool:
        """Whether the elements are callers' objects; each of them is then looked at first."""
        at = self.raw(collection, f.raws)
        inner.raws.pop(variable, None)
        if at is None:
            return False
        assert isinstance(collection.type, ListOf)
        inner.raws[variable] = Raw(at.depth + 1, at.lists)
        if not self.was_looked_at(collection):
            inner.body.append(self.element_check(collection.type.element, element, inner))
        return True

    def _walk(self, e: c.Quantified, f: Function, collection: ast.expr, found: list[ast.stmt]) -> list[ast.stmt]:
        """The loop; `found` is what it does at the first element that settles it."""
        inner = f.inside()
        inner.loops += 1
        checks, collection = self.walked(e.collection, (e.body,), collection, f, inner)
        variable = inner.variables[e.variable] = f.fresh("v")
        self.walks_in_place(e.collection, e.variable, variable, f, inner)
        test = self.now(e.body, inner)
        settled = test if e.kind is QuantifierKind.SOME else negation(test)
        return [*checks, ast.For(ast.Name(variable, ast.Store()), collection, [*inner.body, ast.If(settled, found, [])], [])]

    def walked(
        self, collection: c.Expression, body: Sequence[c.Expression], made: ast.expr, f: Function, inner: Function
    ) -> tuple[list[ast.stmt], ast.expr]:
        """Statements before a loop over a collection, which count what is walked if that can pass the limit, and the collection then.

        a1 = …; m1 = n * len(a1); if m1 > 1000000: hand_over()
        """
        inner.walked = f.walked * self._longest(collection)
        if inner.walked <= MAX_COMBINATIONS and not any(map(self.world.walks_inside, body)):
            return [], made
        variable, product = f.fresh("a"), f.fresh("m")
        inner.combinations = product
        size = call(self.slots.helper("len", len), name(variable))
        counted = size if not f.combinations else ast.BinOp(name(f.combinations), ast.Mult(), size)
        beyond = compare(name(product), ast.Gt(), const(MAX_COMBINATIONS))
        return [assign(variable, made), assign(product, counted), ast.If(beyond, [ast.Expr(self.hand_over())], [])], name(variable)

    def _longest(self, collection: c.Expression) -> int:
        """The greatest number of elements that a collection can have."""
        if isinstance(collection, c.Constant) and isinstance(collection.value, SetValue | ListValue):
            return max(1, len(collection.value.elements))
        return MAX_COLLECTION
