"""Floor 4, compiler: the fast path's Python: two-valued, reading each attribute at first need by exact type.

Every method shows, in the comment beside its arm, the code that comes out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TypeVar

from abac.compiler import runtime
from abac.compiler.classes import COMPARE, SPELLED, arithmetic_name, class_of, is_plain, kind_of
from abac.compiler.functions import STANDARD, Function
from abac.compiler.motion import SUMS, Clockwork, Motion, Rate
from abac.compiler.slots import Slots
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
)
from abac.language import checked as c
from abac.language.library import patterns
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.limits import MAX_COMBINATIONS
from abac.model.types import (
    BOOL,
    INSTANT,
    TIME_OF_DAY,
    EntityOf,
    IntervalOf,
    ListOf,
    SetOf,
    Type,
    Words,
)  # fmt: skip
from abac.model.values import ABSENT, Interval, ListValue, SetValue, Unknown

T = TypeVar("T")
_MOST_ARMS = 8
TYPE = type
"""Under this name because a parameter called `type` is a type of the language."""


class FastEmitter:
    """Emits expressions. `timed`: whether comparisons that run with the clock note when they change."""

    def __init__(self, package: c.Package, slots: Slots, shared: dict[str, int], *, timed: bool) -> None:
        self.package, self.slots, self.shared, self.timed = package, slots, shared, timed
        self.clockwork = Clockwork(package)
        self.functions: list[ast.FunctionDef] = []
        self.comments: dict[int, str] = {}
        self.definitions: dict[tuple[str, tuple[Rate, ...]], str] = {}
        self.dispatchers: list[tuple[str, dict[object, ast.expr]]] = []
        self.counts: dict[str, int] = {}
        self.orders: dict[Words, dict[str, int]] = {}

    # ── functions ──────────────────────────────────────────────────────────────────────────────────────────

    def identifier(self, letter: str) -> str:
        self.counts[letter] = self.counts.get(letter, 0) + 1
        return f"{letter}{self.counts[letter]}{'_timed' if self.timed else ''}"

    def add(self, identifier: str, parameters: Sequence[str], body: list[ast.stmt], comment: str) -> None:
        made = function(identifier, parameters, body)
        self.comments[id(made)] = comment
        self.functions.append(made)

    def run(self, helper: str, *arguments: ast.expr) -> ast.Call:
        """A call of a run-time function."""
        return call(self.slots.helper(helper, getattr(runtime, helper)), *arguments)

    def hand_over(self) -> ast.expr:
        return self.run("hand_over")

    def is_class(self, value: ast.expr, type: Type) -> ast.expr:
        """`type(value) is str`."""
        wanted = class_of(type)
        asked = call(self.slots.helper("type", TYPE), value)
        if isinstance(wanted, tuple):
            return compare(asked, ast.In(), self.slots.slot(wanted))
        return compare(asked, ast.Is(), self.slots.helper(wanted.__name__, wanted))

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────

    def fields(self, target: c.Expression, f: Function) -> ast.expr:
        if isinstance(target, c.Root):
            return name(target.name)  # subject
        return attribute(self.value(target, f), "fields")  # a1.fields

    def raw(self, e: c.Attribute | c.HasAttribute, f: Function) -> ast.expr:
        """The attribute as the request has it: typed, absent or unknown."""
        if isinstance(e.target, c.Root) and e.target.name == "context" and e.name == self.clockwork.clock:
            return item(name("memo"), runtime.NOW)
        fields = self.fields(e.target, f)
        if isinstance(e.target.type, EntityOf) and len(e.target.type.names) > 1:
            return call(attribute(fields, "get"), const(e.name))
        return item(fields, e.name)

    def kind(self, e: c.HasAttribute) -> Type:
        """The type of the attribute whose presence is asked for."""
        return kind_of(self.package, e.target.type, e.name)

    def read(self, e: c.Attribute, f: Function) -> ast.expr:
        """A typed attribute; hands over if it is anything else."""
        key = (e.target, e.name)
        if key in f.read:
            return name(f.read[key])  # a1
        raw, variable = self.raw(e, f), f.fresh("a")
        f.read[key] = variable
        if f.ahead:
            f.body.append(assign(variable, raw))  # a1 = subject['x']
            refuse = ast.Expr(self.hand_over())  # if type(a1) is not str: hand_over()
            f.body.append(ast.If(negation(self.is_class(name(variable), e.type)), [refuse], []))
            return name(variable)
        # a1 if type((a1 := subject['x'])) is str else hand_over()
        return ast.IfExp(self.is_class(walrus(variable, raw), e.type), name(variable), self.hand_over())

    def presence(self, e: c.HasAttribute, f: Function) -> ast.expr:
        key = (e.target, e.name)
        absent = self.slots.helper("ABSENT", ABSENT)
        if key in f.read:
            return compare(name(f.read[key]), ast.IsNot(), absent)  # a1 is not ABSENT
        raw, variable = self.raw(e, f), f.fresh("a")
        f.read[key] = variable
        if f.ahead:
            f.body.append(assign(variable, raw))  # a1 = subject['x']
            neither = junction(
                ast.And(), [negation(self.is_class(name(variable), self.kind(e))), compare(name(variable), ast.IsNot(), absent)]
            )
            f.body.append(ast.If(neither, [ast.Expr(self.hand_over())], []))
            return compare(name(variable), ast.IsNot(), absent)
        # type((a1 := subject['x'])) is str or (a1 is not ABSENT and hand_over())
        given_up = junction(ast.And(), [compare(name(variable), ast.IsNot(), absent), self.hand_over()])
        return junction(ast.Or(), [self.is_class(walrus(variable, raw), self.kind(e)), given_up])

    # ── values ─────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, e: c.Expression, f: Function, *, running: bool = False) -> ast.expr:
        """A known value. One that runs with the clock is settled unless the caller minds its motion."""
        made = self._value(e, f)
        if self.timed and not running and self.clockwork.rate(e):
            return self.run("settled", name("memo"), made)
        return made

    def _value(self, e: c.Expression, f: Function) -> ast.expr:
        match e:
            case c.Constant(value=value):
                return self.slots.literal(value)
            case c.Root():
                return self._root(e, f)
            case c.Variable(name=variable):
                return name(f.variables[variable])
            case c.Attribute():
                return self.read(e, f)
            case c.Element(target=target, index=index):  # element(a1, 0)
                return self.run("element", self.value(target, f), self.later(index, f))
            case c.Row(table=table, key=key):  # row(K1, a1)
                return self.run("row", self.slots.slot(self.package.tables[table]), self.value(key, f))
            case c.Invocation():
                return self._invocation(e, f)
            case c.LibraryCall():
                return self._library(e, f)
            case c.SetOfExpressions(elements=elements):
                return self.run("make_set", *(self.later(x, f) for x in elements))
            case c.ListOfExpressions(elements=elements):
                return self.run("make_list", *(self.later(x, f) for x in elements))
            case c.RecordOfExpressions(entries=entries):
                absent = self.slots.helper("ABSENT", ABSENT)
                fields = {field: absent if x is None else self.later(x, f) for field, x in entries}
                return self.run("make_record", const(str(e.type)), dict_of(fields))
            case c.Latest(target=target, by=by):
                order = self._order_of_key(target, by)
                return self.run("latest", self.value(target, f), const(by), const(None) if order is None else self.slots.slot(order))
            case c.Chain(target=target, by=by):
                return self.run("chain", self.value(target, f), const(by))
            case c.Conditional():
                return self._conditional(e, f)
            case c.Operation() if e.type != BOOL:
                return self._computed(e, f)
            case _:
                return self.truth(e, f)

    def later(self, e: c.Expression, f: Function, *, running: bool = False) -> ast.expr:
        """A value that is not certainly evaluated next: its reads stay inside the expression."""
        return self._deferred(f, lambda: self.value(e, f, running=running))

    def _deferred(self, f: Function, make: Callable[[], T]) -> T:
        """What may not be evaluated: its reads do not stand before it and are not known after it."""
        ahead, f.ahead = f.ahead, False
        known, f.read = f.read, dict(f.read)
        made = make()
        f.ahead, f.read = ahead, known
        return made

    def _root(self, e: c.Root, f: Function) -> ast.expr:
        if e.name == "now":
            return self._now(e, f)
        return attribute(item(name("memo"), runtime.REQUEST), e.name)  # memo[0].subject

    def _now(self, e: c.Root, f: Function) -> ast.expr:
        key = (e, "")
        if key not in f.read:
            variable = f.read[key] = f.fresh("a")
            raw = item(name("memo"), runtime.NOW)
            return ast.IfExp(self.is_class(walrus(variable, raw), INSTANT), name(variable), self.hand_over())
        return name(f.read[key])

    def _order_of_key(self, target: c.Expression, by: str) -> Words | None:
        assert isinstance(target.type, ListOf)
        kind = kind_of(self.package, target.type.element, by)
        return kind if isinstance(kind, Words) and kind.ordered else None

    def _invocation(self, e: c.Invocation, f: Function) -> ast.expr:
        rates = self.clockwork.passed(e) if self.timed else tuple(0 for _ in e.arguments)
        identifier = self.definition(e.definition, rates)
        slot = self.shared.get(e.definition)
        if slot is not None:
            kept = item(name("memo"), slot)
            made = call(identifier, *(name(p) for p in STANDARD))
            return ast.IfExp(compare(kept, ast.IsNot(), const(None)), kept, made)  # memo[3] if memo[3] is not None else d1(…)
        arguments = [self.later(a, f, running=bool(rate)) for a, rate in zip(e.arguments, rates, strict=True)]
        return call(identifier, *(name(p) for p in STANDARD), self._combinations(f), *arguments)  # d2(subject, …, 1, a1)

    def _combinations(self, f: Function) -> ast.expr:
        return name(f.combinations) if f.combinations else const(1)

    def definition(self, qualified: str, rates: tuple[Rate, ...]) -> str:
        """The function of a definition whose arguments run so; emitted when first used."""
        if (qualified, rates) in self.definitions:
            return self.definitions[qualified, rates]
        definition = self.package.definitions[qualified]
        identifier = self.definitions[qualified, rates] = self.identifier("d")
        variables = {p: f"p{i}" for i, (p, _) in enumerate(definition.parameters, 1)}
        shared = qualified in self.shared
        f = Function(variables=variables, combinations="" if shared else "n")
        with self.clockwork.inside(qualified, rates):
            running = self.clockwork.rate(definition.body) is not Motion.DAILY
            self._return(definition.body, f, self.shared.get(qualified), running=running)
        parameters = STANDARD if shared else (*STANDARD, "n", *variables.values())
        self.add(identifier, parameters, f.body, f"define {qualified.rpartition('.')[2]}, {definition.span.place}")
        return identifier

    def _return(self, e: c.Expression, f: Function, slot: int | None, *, running: bool) -> None:
        """Statements that return the value, kept in the memo if it has a slot there; a ladder becomes `if`s."""
        if isinstance(e, c.Conditional):
            for condition, value in e.arms:
                f.ahead = True
                test = self.truth(condition, f)
                f.ahead = False
                inside = f.inside()
                self._return(value, inside, slot, running=running)
                f.body.append(ast.If(test, inside.body, []))
            self._return(e.otherwise, f, slot, running=running)
            return
        f.ahead = True
        made = self.truth(e, f) if e.type == BOOL else self.value(e, f, running=running)
        f.ahead = False
        if slot is not None:
            f.body.append(ast.Assign([ast.Subscript(name("memo"), const(slot), ast.Store())], made))
            made = item(name("memo"), slot)
        f.body.append(ast.Return(made))

    def _library(self, e: c.LibraryCall, f: Function) -> ast.expr:
        (*arguments,) = e.arguments
        if self.timed and arguments and self.clockwork.rate(arguments[0]) is Motion.LOCAL:
            clock = self.value(arguments[0], f, running=True)
            if e.type == TIME_OF_DAY:
                return self.run("time_of_day", clock)  # settled by `value` unless compared
            made = self.slots.helper(f"{e.function}_at", runtime.changing(e.function))
            return call(made, name("memo"), clock)  # weekday_at(memo, …)
        values = [self.value(arguments[0], f), *(self.later(a, f) for a in arguments[1:])]
        return call(self.slots.helper(f"{e.function}_of", runtime.library(e.function)), *values)  # count_of(a1)

    def _conditional(self, e: c.Conditional, f: Function) -> ast.expr:
        """`v1 if c1 else v2 if c2 else v3`; a long ladder is a function of its own."""
        if len(e.arms) > _MOST_ARMS:
            return self._lifted(e, f)
        return self._deferred(f, lambda: self._ladder(e, f))

    def _ladder(self, e: c.Conditional, f: Function) -> ast.expr:
        made = self.later(e.otherwise, f)
        for condition, value in reversed(e.arms):
            made = ast.IfExp(self._deferred(f, lambda x=condition: self.truth(x, f)), self.later(value, f), made)  # type: ignore[misc]
        return made

    def _lifted(self, e: c.Expression, f: Function) -> ast.expr:
        inner = Function(variables={v: f"v{i}" for i, v in enumerate(f.variables, 1)}, combinations="n")
        identifier = self.identifier("e")
        self._return(e, inner, None, running=False)
        self.add(identifier, (*STANDARD, "n", *inner.variables.values()), inner.body, f"part of {e.span.place}")
        return call(identifier, *(name(p) for p in STANDARD), self._combinations(f), *(name(v) for v in f.variables.values()))

    def _computed(self, e: c.Operation, f: Function) -> ast.expr:
        """Operators that make values."""
        left, *rest = e.operands
        match e.operator:
            case Operator.ADD | Operator.SUBTRACT:
                runs = bool(self.timed and (self.clockwork.rate(left) or self.clockwork.rate(rest[0])))
                keep = runs and e.type in SUMS
                made = self.run(arithmetic_name(e), self.value(left, f, running=keep), self.later(rest[0], f, running=keep))
                rate = self.clockwork.rate(e)
                return self.run("sum_at", name("memo"), made, integer(rate)) if keep and isinstance(rate, int) and rate else made
            case Operator.MULTIPLY | Operator.NEGATE:
                return self.run(arithmetic_name(e), self.value(left, f), *(self.later(x, f) for x in rest))
            case Operator.UNTIL | Operator.FROM:
                end = self.later(rest[0], f) if rest else const(None)
                return call(self.slots.helper("Interval", Interval), self.value(left, f), end)
            case Operator.AT:
                return self.run("local", self.value(left, f, running=self.clockwork.rate(e) is Motion.LOCAL), self.later(rest[0], f))
        raise AssertionError(f"{e.operator} makes a truth")

    # ── truths ─────────────────────────────────────────────────────────────────────────────────────────────

    def truth(self, e: c.Expression, f: Function) -> ast.expr:
        """A Python expression that is true or false."""
        match e:
            case c.Operation(operator=Operator.NOT, operands=(operand,)):
                return negation(self.truth(operand, f))
            case c.Operation(operator=Operator.AND | Operator.OR as operator, operands=operands):
                return self._junction(ast.And() if operator is Operator.AND else ast.Or(), operands, f)
            case c.Operation():
                return self._test(e, f)
            case c.HasAttribute():
                return self.presence(e, f)
            case c.IsType(target=target, name=wanted):  # memo[0].subject.type == 'User'
                return compare(attribute(self.value(target, f), "type"), ast.Eq(), const(wanted))
            case c.InTable(table=table, key=key):  # a1 in K1
                return compare(self.value(key, f), ast.In(), attribute(self.slots.slot(self.package.tables[table]), "rows"))
            case c.Quantified():
                return self._quantified(e, f)
            case _:
                return self._value(e, f)

    def _junction(self, operator: ast.boolop, operands: Sequence[c.Expression], f: Function) -> ast.expr:
        """What the first operand reads is read whatever the others do; what they read may not be."""
        first = self.truth(operands[0], f)
        rest = self._deferred(f, lambda: [self.truth(operand, f) for operand in operands[1:]])
        return junction(operator, [first, *rest])

    def _test(self, e: c.Operation, f: Function) -> ast.expr:
        left, *rest = e.operands
        match e.operator:
            case Operator.EQUAL | Operator.UNEQUAL if not is_plain(left.type):
                return self._same(e, f)
            case Operator.EQUAL | Operator.UNEQUAL | Operator.LESS | Operator.LESS_EQUAL | Operator.GREATER | Operator.GREATER_EQUAL:
                return self._comparison(e, left, rest[0], f)
            case Operator.IN:
                return self._membership(left, rest[0], f)
            case Operator.NOT_IN:
                return negation(self._membership(left, rest[0], f))
            case Operator.INTERSECTS | Operator.SUBSET:
                helper = "meets" if e.operator is Operator.INTERSECTS else "within_set"
                return call(self._bounded(helper, left.type, rest[0].type), self.value(left, f), self.later(rest[0], f))
            case Operator.WITHIN:
                return self._within(left, rest[0], rest[1], f)
            case Operator.LIKE:
                like = self.slots.helper("like", patterns.like)
                return call(like, self.value(left, f), self.later(rest[0], f))
            case Operator.MATCHES:  # K1.fullmatch(a1) is not None
                assert isinstance(rest[0], c.Constant)
                program = self.slots.slot(patterns.compiled(str(rest[0].value)))
                return compare(call(attribute(program, "fullmatch"), self.value(left, f)), ast.IsNot(), const(None))
            case Operator.EMPTY | Operator.NOT_EMPTY:  # a1.elements == ()
                python = ast.Eq() if e.operator is Operator.EMPTY else ast.NotEq()
                return compare(attribute(self.value(left, f), "elements"), python, tuple_of(()))
        raise AssertionError(f"{e.operator} makes a value")

    def _bounded(self, helper: str, *types: Type) -> ast.expr:
        """The helper, within the limit on combinations where elements have parts."""
        test = getattr(runtime, helper)
        if not any(isinstance(t, SetOf | ListOf) and not is_plain(t.element) and not isinstance(t.element, EntityOf) for t in types):
            return self.slots.helper(helper, test)
        return self.slots.helper(f"{helper}_bounded", runtime.small_enough(test))

    def _same(self, e: c.Operation, f: Function) -> ast.expr:
        left, right = e.operands
        if isinstance(left.type, EntityOf):
            made: ast.expr = self.run("same_entity", self.value(left, f), self.later(right, f))
        else:
            made = call(self._bounded("same", left.type, right.type), self.value(left, f), self.later(right, f))
        return made if e.operator is Operator.EQUAL else negation(made)

    def _comparison(self, e: c.Operation, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        python, spelling = COMPARE[e.operator]
        order = left.type
        if isinstance(order, Words) and order.ordered and e.operator not in (Operator.EQUAL, Operator.UNEQUAL):
            a, b = self._placed(left, order, self.value(left, f)), self._placed(right, order, self.later(right, f))
            return compare(a, python, b)  # K1[a1] >= 1
        rates = (self.clockwork.rate(left), self.clockwork.rate(right)) if self.timed else (0, 0)
        if Motion.DAILY in rates:
            return self._daily(spelling, left, right, f)
        if isinstance(rates[0], int) and isinstance(rates[1], int) and rates[0] != rates[1]:
            helper = f"{SPELLED[spelling]}_at"
            made = runtime.crossing(runtime.COMPARISONS[spelling])
            operands = (self.value(left, f, running=True), self.later(right, f, running=True))
            return call(self.slots.helper(helper, made), name("memo"), *operands, integer(rates[0] - rates[1]))
        if rates[0] and rates[0] == rates[1]:  # both run alike: the comparison never changes
            return compare(self.value(left, f, running=True), python, self.later(right, f, running=True))
        return compare(self.value(left, f), python, self.later(right, f))  # a1 == 'x'

    def _placed(self, e: c.Expression, order: Words, word: ast.expr) -> ast.expr:
        """The position of a word in its ordered union."""
        if isinstance(e, c.Constant):
            return const(order.words.index(str(e.value)))
        places = self.orders.setdefault(order, {w: i for i, w in enumerate(order.words)})
        return ast.Subscript(self.slots.slot(places), word, ast.Load())

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
        return call(self.slots.helper(helper, made), name("memo"), clock, self.later(right, f))

    def _membership(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        match right.type:
            case SetOf(element=element) | ListOf(element=element):
                if isinstance(right, c.Constant) and is_plain(element) and is_plain(left.type):
                    assert isinstance(right.value, SetValue | ListValue)
                    return compare(self.value(left, f), ast.In(), self.slots.slot(frozenset(right.value.elements)))  # a1 in K1
                return self.run("has_element", self.later(right, f), self.later(left, f))
            case IntervalOf():
                return self._in_interval(left, right, f)
            case EntityOf():
                return self.run("stands_in", self.value(left, f), self.later(right, f))
            case _:  # an address in a network
                return compare(self.value(left, f), ast.In(), self.later(right, f))

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

    def _quantified(self, e: c.Quantified, f: Function) -> ast.expr:
        """A function with the loop: q1(subject, resource, context, memo, 1, a1.elements)."""
        collection = self.value(e.collection, f)
        outer = dict(zip(f.variables, (f"v{i}" for i in range(1, len(f.variables) + 1)), strict=True))
        variable = f"v{len(outer) + 1}"
        inner = Function(variables={**outer, e.variable: variable}, combinations="m")
        some = e.kind is QuantifierKind.SOME
        inner.ahead = True
        body = self.truth(e.body, inner)
        element = self._element_check(e, variable)
        found = ast.If(body if some else negation(body), [ast.Return(const(some))], [])
        loop = ast.For(ast.Name(variable, ast.Store()), attribute(name("elements"), "elements"), [*element, *inner.body, found], [])
        identifier = self.identifier("q")
        walked = self.walked(name("n"))
        parameters = (*STANDARD, "n", "elements", *outer.values())
        self.add(identifier, parameters, [*walked, loop, ast.Return(const(not some))], f"{e.kind} {e.variable}, {e.span.place}")
        return call(identifier, *(name(p) for p in STANDARD), self._combinations(f), collection, *(name(v) for v in f.variables.values()))

    def walked(self, around: ast.expr) -> list[ast.stmt]:
        """m = n * len(elements.elements), within the limit on combinations."""
        size = call(self.slots.helper("len", len), attribute(name("elements"), "elements"))
        beyond = compare(name("m"), ast.Gt(), const(MAX_COMBINATIONS))
        return [assign("m", ast.BinOp(around, ast.Mult(), size)), ast.If(beyond, [ast.Expr(self.hand_over())], [])]

    def _element_check(self, e: c.Quantified, variable: str) -> list[ast.stmt]:
        """An unknown element: if type(v1) is Unknown: hand_over()."""
        asked = call(self.slots.helper("type", TYPE), name(variable))
        test = compare(asked, ast.Is(), self.slots.helper("Unknown", Unknown))
        return [ast.If(test, [ast.Expr(self.hand_over())], [])]
