"""Floor 4, compiler: the exact path's Python: three-valued expressions, every part of them a call of `exact`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from abac.compiler import exact, runtime
from abac.compiler.classes import arithmetic_name, is_plain, kind_of
from abac.compiler.motion import SUMS, Clockwork, Motion, Rate
from abac.compiler.slots import Slots
from abac.compiler.syntax import attribute, call, const, dict_of, function, item, name, thunk, tuple_of
from abac.language import checked as c
from abac.language.library import patterns
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.types import BOOL, TIME_OF_DAY, EntityOf, IntervalOf, ListOf, SetOf, Type, Words
from abac.model.values import ABSENT

STANDARD = ("memo", "n")
_SIMPLE = {
    Operator.UNTIL: "until",
    Operator.FROM: "since",
}
_NEGATED = {Operator.UNEQUAL: Operator.EQUAL, Operator.NOT_IN: Operator.IN, Operator.NOT_EMPTY: Operator.EMPTY}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}

Names = dict[str, str]


class ExactEmitter:
    """Emits expressions as nested calls and lambdas; `names` are the policy's variables in Python."""

    def __init__(self, package: c.Package, slots: Slots, shared: dict[str, int]) -> None:
        self.package, self.slots, self.shared = package, slots, shared
        self.clockwork = Clockwork(package)
        self.functions: list[ast.FunctionDef] = []
        self.comments: dict[int, str] = {}
        self.definitions: dict[tuple[str, tuple[Rate, ...]], str] = {}
        self.count = 0

    def run(self, helper: str, *arguments: ast.expr) -> ast.Call:
        return call(self.slots.helper(f"x_{helper}", getattr(exact, helper)), *arguments)

    def add(self, identifier: str, parameters: tuple[str, ...], result: ast.expr, comment: str) -> None:
        made = function(identifier, parameters, [ast.Return(result)])
        self.comments[id(made)] = comment
        self.functions.append(made)

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    # ── values ─────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, e: c.Expression, names: Names, *, running: bool = False) -> ast.expr:
        """A value or unknown; one that runs with the clock is settled unless the caller minds its motion."""
        made = self._value(e, names)
        return made if running or not self.clockwork.rate(e) else self.run("settled", name("memo"), made)

    def _value(self, e: c.Expression, names: Names) -> ast.expr:
        match e:
            case c.Constant(value=value):
                return self.slots.literal(value)
            case c.Root(name="now"):
                return item(name("memo"), runtime.NOW)
            case c.Root(name=part):
                return attribute(item(name("memo"), runtime.REQUEST), part)
            case c.Variable(name=variable):
                return name(names[variable])
            case c.Attribute(target=target, name=field):
                if self._is_clock(target, field):
                    return item(name("memo"), runtime.NOW)
                return self.run("attr", self.value(target, names), const(field), const(e.span.text))
            case c.HasAttribute(target=target, name=field):
                if self._is_clock(target, field):
                    return self.run("has_clock", name("memo"))
                return self.run("has", self.value(target, names), const(field), const(e.span.text))
            case c.IsType(target=target, name=wanted):
                return self.run("is_type", self.value(target, names), const(wanted))
            case c.Element(target=target, index=index):
                return self.run("element", const(e.span.text), self.value(target, names), self.value(index, names))
            case c.Row(table=table, key=key):
                return self.run("row", self.slots.slot(self.package.tables[table]), self.value(key, names))
            case c.InTable(table=table, key=key):
                return self.run("in_table", self.slots.slot(self.package.tables[table]), self.value(key, names))
            case c.Latest(target=target, by=by):
                assert isinstance(target.type, ListOf)
                order = kind_of(self.package, target.type.element, by)
                ordered = self.slots.slot(order) if isinstance(order, Words) and order.ordered else const(None)
                return self.run("latest", self.value(target, names), const(by), ordered)
            case c.Chain(target=target, by=by):
                return self.run("chain", self.value(target, names), const(by))
            case _:
                return self._compound(e, names)

    def _compound(self, e: c.Expression, names: Names) -> ast.expr:
        match e:
            case c.Invocation():
                return self._invocation(e, names)
            case c.LibraryCall():
                return self._library(e, names)
            case c.SetOfExpressions(elements=elements):
                return self.run("make_set", *(self.value(x, names) for x in elements))
            case c.ListOfExpressions(elements=elements):
                return self.run("make_list", *(self.value(x, names) for x in elements))
            case c.RecordOfExpressions(entries=entries):
                absent = self.slots.helper("ABSENT", ABSENT)
                fields = {field: absent if x is None else self.value(x, names) for field, x in entries}
                return self.run("make_record", const(str(e.type)), dict_of(fields))
            case c.Quantified():
                return self._quantified(e, names)
            case c.Conditional(arms=arms, otherwise=otherwise):
                parts = [x for arm in arms for x in arm]
                return self.run("choose", *(thunk(self.value(x, names)) for x in (*parts, otherwise)))
            case c.Operation():
                return self._operation(e, names)
        raise AssertionError(f"no expression: {e}")

    def _is_clock(self, target: c.Expression, field: str) -> bool:
        return isinstance(target, c.Root) and target.name == "context" and field == self.clockwork.clock

    def _quantified(self, e: c.Quantified, names: Names) -> ast.expr:
        variable, combinations = self.fresh("v"), "n"
        body = thunk(self.value(e.body, {**names, e.variable: variable}), variable, combinations)
        helper = "some" if e.kind is QuantifierKind.SOME else "every"
        return self.run(helper, self.value(e.collection, names), const(e.collection.span.text), name("n"), body)

    def _invocation(self, e: c.Invocation, names: Names) -> ast.expr:
        rates = self.clockwork.passed(e)
        identifier = self.definition(e.definition, rates)
        slot = self.shared.get(e.definition)
        if slot is not None:
            return self.run("shared", name("memo"), const(slot), name(identifier))
        arguments = (self.value(a, names, running=bool(rate)) for a, rate in zip(e.arguments, rates, strict=True))
        return call(identifier, name("memo"), name("n"), *arguments)

    def definition(self, qualified: str, rates: tuple[Rate, ...]) -> str:
        """The function of a definition whose arguments run so; emitted when first used."""
        if (qualified, rates) not in self.definitions:
            definition = self.package.definitions[qualified]
            identifier = self.definitions[qualified, rates] = f"x_d{len(self.definitions) + 1}"
            names = {p: f"p{i}" for i, (p, _) in enumerate(definition.parameters, 1)}
            with self.clockwork.inside(qualified, rates):
                running = self.clockwork.rate(definition.body) is not Motion.DAILY
                body = self.value(definition.body, names, running=running)
            comment = f"define {qualified.rpartition('.')[2]}, {definition.span.place}"
            self.add(identifier, (*STANDARD, *names.values()), body, comment)
        return self.definitions[qualified, rates]

    def _library(self, e: c.LibraryCall, names: Names) -> ast.expr:
        if e.arguments and self.clockwork.rate(e.arguments[0]) is Motion.LOCAL:
            clock = self.value(e.arguments[0], names, running=True)
            if e.type == TIME_OF_DAY:
                return self.run("time_of_day", clock)
            made = self.slots.helper(f"x_{e.function}_at", exact.changing(e.function))
            return call(made, name("memo"), const(e.span.text), clock)
        made = self.slots.helper(f"x_{e.function}_of", exact.library(e.function))
        return call(made, const(e.span.text), *(self.value(a, names) for a in e.arguments))

    # ── operators ──────────────────────────────────────────────────────────────────────────────────────────

    def _operation(self, e: c.Operation, names: Names) -> ast.expr:
        operator, text = e.operator, const(e.span.text)
        left, *rest = e.operands
        if operator in _NEGATED:
            positive = c.Operation(_NEGATED[operator], e.operands, type=BOOL, span=e.span)
            return self.run("no", self._operation(positive, names))
        match operator:
            case Operator.NOT:
                return self.run("no", self.value(left, names))
            case Operator.AND | Operator.OR:
                helper = "all_of" if operator is Operator.AND else "some_of"
                return self.run(helper, *(thunk(self.value(operand, names)) for operand in e.operands))
            case Operator.EQUAL if not is_plain(left.type):
                parts = _has_parts(rest[0].type)
                operands = (self.value(left, names), self.value(rest[0], names))
                return self.run("equal_parts", text, *operands) if parts else self.run("equal", *operands)
            case Operator.EQUAL | Operator.LESS | Operator.LESS_EQUAL | Operator.GREATER | Operator.GREATER_EQUAL:
                return self._comparison(str(operator), left, rest[0], names)
            case Operator.IN:
                return self._membership(left, rest[0], names)
            case Operator.INTERSECTS | Operator.SUBSET:
                helper = "meets" if operator is Operator.INTERSECTS else "subset"
                limited = const(_has_parts(rest[0].type))
                return self.run(helper, text, self.value(left, names), self.value(rest[0], names), limited)
            case Operator.WITHIN:
                return self._within(left, rest[0], rest[1], names)
            case Operator.EMPTY:
                return self.run("empty", self.value(left, names))
            case Operator.AT:
                if self.clockwork.rate(e) is Motion.LOCAL:
                    return self.run("local_at", name("memo"), text, self.value(left, names, running=True), self.value(rest[0], names))
                return self.run("local", text, self.value(left, names), self.value(rest[0], names))
        return self._computed(e, text, names)

    def _computed(self, e: c.Operation, text: ast.expr, names: Names) -> ast.expr:
        left, *rest = e.operands
        if e.operator in (Operator.ADD, Operator.SUBTRACT):
            runs = self.clockwork.rate(left) or self.clockwork.rate(rest[0])
            keep = bool(runs) and e.type in SUMS
            made = self.run(arithmetic_name(e), text, *(self.value(x, names, running=keep) for x in e.operands))
            rate = self.clockwork.rate(e)
            return self.run("sum_at", name("memo"), made, self.slots.literal(rate)) if keep and isinstance(rate, int) else made
        if e.operator in (Operator.MULTIPLY, Operator.NEGATE):
            return self.run(arithmetic_name(e), text, *(self.value(x, names) for x in e.operands))
        if e.operator in _SIMPLE:
            return self.run(_SIMPLE[e.operator], text, *(self.value(x, names) for x in e.operands))
        test = patterns.like if e.operator is Operator.LIKE else patterns.matches
        asked = self.slots.helper(f"x_{e.operator}_test", test)
        return self.run("compare", asked, self.value(left, names), self.value(rest[0], names))

    def _comparison(self, spelling: str, left: c.Expression, right: c.Expression, names: Names) -> ast.expr:
        test = self.slots.slot(runtime.COMPARISONS[spelling])
        if isinstance(left.type, Words) and left.type.ordered and spelling != "==":
            return self.run("compare_words", test, self.slots.slot(left.type), self.value(left, names), self.value(right, names))
        rates = self.clockwork.rate(left), self.clockwork.rate(right)
        if Motion.DAILY in rates and rates[0] is not rates[1]:
            if rates[1] is Motion.DAILY:
                return self._comparison(_MIRRORED.get(spelling, spelling), right, left, names)
            assert isinstance(left, c.LibraryCall)
            clock = self.value(left.arguments[0], names, running=True)
            return self.run("compare_daily", name("memo"), test, clock, self.value(right, names))
        running = isinstance(rates[0], int) and isinstance(rates[1], int)
        operands = (self.value(left, names, running=running), self.value(right, names, running=running))
        if running and rates[0] != rates[1]:
            rate = rates[0] - rates[1]  # type: ignore[operator]  # both are int
            return self.run("compare_at", name("memo"), test, self.slots.literal(rate), *operands)
        return self.run("compare", test, *operands)

    def _membership(self, left: c.Expression, right: c.Expression, names: Names) -> ast.expr:
        match right.type:
            case SetOf() | ListOf():
                return self.run("member", self.value(left, names), self.value(right, names))
            case EntityOf():
                return self.run("stands_in", self.value(left, names), self.value(right, names))
            case IntervalOf():
                return self._in_interval(left, right, names)
        return self.run("in_network", self.value(left, names), self.value(right, names))

    def _in_interval(self, left: c.Expression, right: c.Expression, names: Names) -> ast.expr:
        rate = self.clockwork.rate(left)
        if rate is Motion.DAILY:
            assert isinstance(left, c.LibraryCall)
            clock = self.value(left.arguments[0], names, running=True)
            return self.run("in_daily_at", name("memo"), clock, self.value(right, names))
        if isinstance(rate, int) and rate:
            operands = (self.value(left, names, running=True), self.value(right, names))
            return self.run("in_interval_at", name("memo"), self.slots.literal(rate), *operands)
        return self.run("in_interval", self.value(left, names), self.value(right, names))

    def _within(self, instant: c.Expression, limit: c.Expression, now: c.Expression, names: Names) -> ast.expr:
        rate = self.clockwork.rate(instant)
        fixed = isinstance(rate, int) and rate != 1 and not self.clockwork.rate(limit)
        gain = 1 - rate if isinstance(rate, int) and fixed else 0
        operands = (self.value(instant, names, running=fixed), self.value(limit, names), self.value(now, names, running=fixed))
        return self.run("within", name("memo"), self.slots.literal(gain), *operands)

    # ── reasons and citations ──────────────────────────────────────────────────────────────────────────────

    def reason(self, template: c.Template, names: Names) -> ast.expr:
        parts = (const(p) if isinstance(p, str) else tuple_of([self.shown(p, names)]) for p in template.parts)
        return self.run("text_of", *parts)

    def shown(self, e: c.Expression, names: Names) -> ast.expr:
        if isinstance(e, c.Attribute) and not self._is_clock(e.target, e.name):
            return self.run("shown", self.shown(e.target, names), const(e.name), const(e.span.text))
        return self.value(e, names)

    def citations(self, expressions: Iterator[c.Expression] | tuple[c.Expression, ...], names: Names) -> ast.expr:
        return tuple_of(self.run("cited", self.value(e, names)) for e in expressions)


def _has_parts(type: Type) -> bool:
    return isinstance(type, SetOf | ListOf) and not is_plain(type.element) and not isinstance(type.element, EntityOf)
