"""Floor 4, compiler: the exact path's Python: three-valued. A value or an Unknown stands in each variable; statements follow one another.

Every method shows, in the comment beside its arm, the code that comes out.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from abac.compiler import exact, runtime
from abac.compiler.classes import arithmetic_name, is_plain, kind_of
from abac.compiler.functions import STANDARD, Function, reads
from abac.compiler.motion import SUMS, Motion, Rate
from abac.compiler.syntax import assign, attribute, call, compare, const, dict_of, function, item, name, negation, tuple_of
from abac.compiler.world import World
from abac.language import checked as c
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.limits import MAX_COMBINATIONS
from abac.model.types import BOOL, TIME_OF_DAY, EntityOf, IntervalOf, ListOf, SetOf, Type, Words
from abac.model.values import Unknown

_NEGATED = {Operator.UNEQUAL: Operator.EQUAL, Operator.NOT_IN: Operator.IN, Operator.NOT_EMPTY: Operator.EMPTY}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PYTHON: dict[str, ast.cmpop] = {"==": ast.Eq(), "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE()}
_MOST_LOOPS = 12
_DEEPEST = 40
_TYPE = type


class ExactEmitter:
    """Emits expressions as statements of the function at hand; what comes back is a variable or a constant."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.package, self.slots, self.forms = world.package, world.slots, world.forms
        self.clockwork = world.clockwork()
        self.functions: list[ast.FunctionDef] = []
        self.comments: dict[int, str] = {}
        self.definitions: dict[tuple[str, tuple[Rate, ...]], str] = {}
        self.counts: dict[str, int] = {}

    def run(self, helper: str, *arguments: ast.expr) -> ast.Call:
        return call(self.slots.helper(f"x_{helper}", getattr(exact, helper)), *arguments)

    def identifier(self, letter: str) -> str:
        self.counts[letter] = self.counts.get(letter, 0) + 1
        return f"x_{letter}{self.counts[letter]}"

    def add(self, identifier: str, parameters: Sequence[str], body: list[ast.stmt], comment: str) -> None:
        made = function(identifier, parameters, body)
        self.comments[id(made)] = comment
        self.functions.append(made)

    # ── small pieces ───────────────────────────────────────────────────────────────────────────────────────

    def unknown(self, value: ast.expr) -> ast.expr:
        """type(a1) is Unknown"""
        return compare(call(self.slots.helper("type", _TYPE), value), ast.Is(), self.slots.helper("Unknown", Unknown))

    def kept(self, made: ast.expr, f: Function, letter: str = "a") -> ast.Name:
        """a1 = …"""
        variable = f.fresh(letter)
        f.body.append(assign(variable, made))
        return name(variable)

    def text(self, e: c.Expression) -> ast.expr:
        """How the policy writes it: the place of what is unknown about it."""
        return self.world.constant(e, "text", lambda e: e.span.text)

    def _guarded(self, operands: Sequence[tuple[c.Expression, ast.expr]], made: ast.expr) -> ast.expr:
        """The result where all operands are known: a1 if type(a1) is Unknown else …"""
        doubtful = [value for e, value in operands if not isinstance(e, c.Constant)]
        if not doubtful:
            return made
        if len(doubtful) == 1:
            return ast.IfExp(self.unknown(doubtful[0]), doubtful[0], made)
        return ast.IfExp(ast.BoolOp(ast.Or(), [self.unknown(each) for each in doubtful]), self.run("union", *doubtful), made)

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────

    def _is_clock(self, e: c.Attribute | c.HasAttribute | c.AgeOf) -> bool:
        return isinstance(e.target, c.Root) and e.target.name == "context" and e.name == self.clockwork.clock

    def _raw(self, e: c.Attribute | c.HasAttribute | c.AgeOf, f: Function) -> ast.expr:
        """What the slot holds: a value, None where it is absent, or an Unknown."""
        key = reads(e.target, e.name)
        if key in f.read:
            return name(f.read[key])
        slot = self.forms.slots[e.name]
        if isinstance(e.target, c.Root):
            target: ast.expr = name(e.target.name)
            found: ast.expr = attribute(target, slot)  # subject.f3
            if not self._everybody_has(e):
                found = self.run("slot", target, const(slot), const(e.name))
        else:
            target = self.value(e.target, f)
            found = self._guarded([(e.target, target)], attribute(target, slot))  # a1 if type(a1) is Unknown else a1.f3
        kept = self.kept(found, f)
        f.read[key] = kept.id
        return kept

    def _everybody_has(self, e: c.Attribute | c.HasAttribute | c.AgeOf) -> bool:
        """Whether all kinds of subject or resource that there are have the attribute."""
        assert isinstance(e.target, c.Root)
        if e.target.name == "context":
            return True
        actions = self.package.schema.actions.values()
        kinds = {n for a in actions for n in (a.subjects if e.target.name == "subject" else a.resources)}
        return all(e.name in self.forms.owners[kind] for kind in kinds)

    def _attribute(self, e: c.Attribute, f: Function) -> ast.expr:
        if self._is_clock(e):
            return item(name("memo"), runtime.NOW)
        found = self._raw(e, f)
        if not self.world.field(e).optional:
            return found
        target = name(e.target.name) if isinstance(e.target, c.Root) else self.value(e.target, f)
        missing = self.run("missing", target, const(e.name), self.text(e))  # a1 if a1 is not None else missing(subject, 'x', 'subject.x')
        return self.kept(ast.IfExp(compare(found, ast.IsNot(), const(None)), found, missing), f)

    def _has(self, e: c.HasAttribute, f: Function) -> ast.expr:
        if self._is_clock(e):
            now = item(name("memo"), runtime.NOW)
            return self.kept(ast.IfExp(self.unknown(now), now, const(True)), f, "t")
        found = self._raw(e, f)  # a1 if type(a1) is Unknown else a1 is not None
        return self.kept(ast.IfExp(self.unknown(found), found, compare(found, ast.IsNot(), const(None))), f, "t")

    # ── values ─────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, e: c.Expression, f: Function, *, running: bool = False) -> ast.expr:
        """A value or unknown; one that runs with the clock is settled unless the caller minds its motion."""
        made = self._value(e, f)
        return made if running or not self.clockwork.rate(e) else self.kept(self.run("settled", name("memo"), made), f)

    def values(self, expressions: Sequence[c.Expression], f: Function) -> list[ast.expr]:
        return [self.value(e, f) for e in expressions]

    def _value(self, e: c.Expression, f: Function) -> ast.expr:
        match e:
            case c.Constant():
                return self.world.literal(e, exact=True)
            case c.Root(name="now"):
                return item(name("memo"), runtime.NOW)
            case c.Root(name=part):
                return name(part)
            case c.Variable(name=variable):
                return name(f.variables[variable])
            case c.Attribute():
                return self._attribute(e, f)
            case c.HasAttribute():
                return self._has(e, f)
            case c.Quantified():
                return self._quantified(e, f)
            case c.Conditional():
                return self._conditional(e, f)
            case c.Operation():
                return self._operation(e, f)
            case c.Invocation():
                return self._invocation(e, f)
        return self.kept(self._made(e, f), f)

    def _made(self, e: c.Expression, f: Function) -> ast.expr:
        """What a function of the run time makes."""
        match e:
            case c.AgeOf(target=target, name=attribute_name):
                found = self._raw(e, f)
                slot = const(self.forms.ages[attribute_name])
                return self.run("age", name("memo"), found, self.value(target, f), slot, self.text(e))
            case c.IsType(target=target, name=wanted):
                found = self.value(target, f)
                return self._guarded([(target, found)], compare(attribute(found, "_type"), ast.Eq(), const(wanted)))
            case c.Element(target=target, index=index):
                return self.run("element", self.text(e), *self.values((target, index), f))
            case c.Row(table=table, key=key):
                return self.run("row", self.world.rows(table, exact=True), const(table.rpartition(".")[2]), self.value(key, f))
            case c.InTable(table=table, key=key):
                found = self.value(key, f)
                return self._guarded([(key, found)], compare(found, ast.In(), self.world.rows(table, exact=True)))
            case c.Latest(target=target, by=by):
                assert isinstance(target.type, ListOf)
                order = kind_of(self.package, target.type.element, by)
                places = self.world.places(order) if isinstance(order, Words) and order.ordered else const(None)
                return self.run("latest", self.value(target, f), const(self.forms.slots[by]), places)
            case c.Chain(target=target, by=by):
                return self.run("chain", self.value(target, f), const(self.forms.slots[by]), const(by))
            case c.LibraryCall():
                return self._library(e, f)
            case c.ListOfExpressions(elements=elements):
                return tuple_of(self.values(elements, f))
            case c.SetOfExpressions(elements=elements):
                return self.run("make_set", self.slots.slot(self.forms), self.slots.slot(e.type), *self.values(elements, f))
            case c.RecordOfExpressions(entries=entries):
                fields = {field: const(None) if x is None else self.value(x, f) for field, x in entries}
                return self.run("make_record", self.slots.slot(self.forms), self.slots.slot(e.type), dict_of(fields))
        raise AssertionError(f"no expression: {e}")

    def _library(self, e: c.LibraryCall, f: Function) -> ast.expr:
        if e.arguments and self.clockwork.rate(e.arguments[0]) is Motion.LOCAL:
            clock = self.value(e.arguments[0], f, running=True)
            if e.type == TIME_OF_DAY:
                return self.run("time_of_day", clock)
            made = self.slots.helper(f"x_{e.function}_at", exact.changing(e.function))
            return call(made, name("memo"), self.text(e), clock)
        made = self.slots.helper(f"x_{e.function}_of", exact.library(e.function, self.forms))
        return call(made, self.text(e), *self.values(e.arguments, f))

    def _invocation(self, e: c.Invocation, f: Function) -> ast.expr:
        rates = self.clockwork.passed(e)
        identifier = self.definition(e.definition, rates)
        slot = self.world.shared.get(e.definition)
        if slot is not None:
            if e not in f.read:
                kept = item(name("memo"), slot)
                made = ast.IfExp(compare(kept, ast.IsNot(), const(None)), kept, call(identifier, *(name(p) for p in STANDARD)))
                f.read[e] = self.kept(made, f).id
            return name(f.read[e])
        arguments = [self.value(a, f, running=bool(rate)) for a, rate in zip(e.arguments, rates, strict=True)]
        around = [self._combinations(f)] if self.world.walks(e.definition) else []
        return self.kept(call(identifier, *(name(p) for p in STANDARD), *around, *arguments), f)

    def _combinations(self, f: Function) -> ast.expr:
        return name(f.combinations) if f.combinations else const(1)

    def definition(self, qualified: str, rates: tuple[Rate, ...]) -> str:
        """The function of a definition whose arguments run so; emitted when first used."""
        if (qualified, rates) not in self.definitions:
            definition = self.world.definitions[qualified]
            identifier = self.definitions[qualified, rates] = self.identifier("d")
            variables = {p: f"p{i}" for i, (p, _) in enumerate(definition.parameters, 1)}
            slot = self.world.shared.get(qualified)
            counted = slot is None and self.world.walks(qualified)
            f = Function(variables=variables, combinations="n" if counted else "")
            with self.clockwork.inside(qualified, rates), self.world.outside_shapes():
                running = self.clockwork.rate(definition.body) is not Motion.DAILY
                made = self.value(definition.body, f, running=running)
            if slot is not None:
                f.body.append(ast.Assign([ast.Subscript(name("memo"), const(slot), ast.Store())], made))
            f.body.append(ast.Return(made))
            parameters = (*STANDARD, *(["n"] if counted else []), *variables.values())
            self.add(identifier, parameters, f.body, f"define {qualified.rpartition('.')[2]}, {definition.span.place}")
        return self.definitions[qualified, rates]

    def _lifted(self, e: c.Expression, f: Function) -> ast.expr:
        """What would nest too deep here, as a function of its own: x_e1(subject, …, 1, v1)."""
        inner = Function(variables={v: f"x{i}" for i, v in enumerate(f.variables, 1)}, combinations="n")
        identifier, row = self.identifier("e"), self.world.row
        if isinstance(e, c.Conditional):
            self._ladder(e, inner)
        else:
            inner.body.append(ast.Return(self._value(e, inner)))
        self.add(identifier, (*STANDARD, "n", *inner.variables.values(), *row), inner.body, f"part of {e.span.place}")
        passed = (*(name(v) for v in f.variables.values()), *(name(r) for r in row))
        return self.kept(call(identifier, *(name(p) for p in STANDARD), self._combinations(f), *passed), f)

    # ── choices and walks ──────────────────────────────────────────────────────────────────────────────────

    def _conditional(self, e: c.Conditional, f: Function) -> ast.expr:
        """A function of its own, which leaves at the first condition that is true or unknown."""
        return self._lifted(e, f)

    def _ladder(self, e: c.Conditional, f: Function) -> None:
        """t1 = …; if type(t1) is Unknown: return t1; if t1: … return a1"""
        for condition, value in e.arms:
            asked = self.value(condition, f)
            inside = f.inside()
            inside.body.append(ast.Return(self.value(value, inside)))
            f.body += [ast.If(self.unknown(asked), [ast.Return(asked)], []), ast.If(asked, inside.body, [])]
        f.body.append(ast.Return(self.value(e.otherwise, f)))

    def _quantified(self, e: c.Quantified, f: Function) -> ast.expr:
        """
        t1 = a1
        if type(a1) is not Unknown:
            t1 = False
            for v1 in a1: …; if b1 is True: t1 = True; break; if b1 is not False: t1 = b1 if t1 is False else union(t1, b1)
        """
        if f.loops >= _MOST_LOOPS:
            return self._lifted(e, f)
        some = e.kind is QuantifierKind.SOME
        walked = self.kept(self.value(e.collection, f), f)
        result = self.kept(walked, f, "t")
        inner = f.inside()
        inner.loops += 1
        checks, product = self._counted(e, walked, f, inner)
        variable = inner.variables[e.variable] = f.fresh("v")
        made = self.kept(self.value(e.body, inner), inner, "b")
        stop = compare(made, ast.Is(), const(some))
        pending = compare(made, ast.IsNot(), const(not some))
        inner.body += [
            ast.If(stop, [assign(result.id, const(some)), ast.Break()], []),
            ast.If(pending, [assign(result.id, self.either(result, made, const(not some)))], []),
        ]
        loop = ast.For(ast.Name(variable, ast.Store()), self.run("elements", walked), inner.body, [])
        body: list[ast.stmt] = [assign(result.id, const(not some)), loop]
        if product is not None:
            body = [*checks, ast.If(product, [assign(result.id, self._beyond(e))], body)]
        f.body.append(ast.If(negation(self.unknown(walked)), body, []))
        return result

    def either(self, result: ast.expr, made: ast.expr, nothing: ast.expr) -> ast.expr:
        """What is unknown so far, and now: b1 if t1 is False else union(t1, b1)"""
        return ast.IfExp(compare(result, ast.Is(), nothing), made, self.run("union", result, made))

    def _beyond(self, e: c.Quantified) -> ast.expr:
        return self.run("beyond", self.text(e.collection))

    def _counted(self, e: c.Quantified, walked: ast.expr, f: Function, inner: Function) -> tuple[list[ast.stmt], ast.expr | None]:
        """m1 = n * len(a1), and whether it is beyond the limit; nothing where one collection cannot be."""
        if not f.combinations and not self.world.walks_inside(e.body):
            return [], None
        product = inner.combinations = f.fresh("m")
        size = call(self.slots.helper("len", len), self.run("elements", walked))
        counted = size if not f.combinations else ast.BinOp(name(f.combinations), ast.Mult(), size)
        return [assign(product, counted)], self.too_many(name(product))

    def too_many(self, product: ast.expr) -> ast.expr:
        return compare(product, ast.Gt(), const(MAX_COMBINATIONS))

    # ── operators ──────────────────────────────────────────────────────────────────────────────────────────

    def _operation(self, e: c.Operation, f: Function) -> ast.expr:
        left = e.operands[0]
        if e.operator in (Operator.AND, Operator.OR):
            return self._junction(e, f)
        if e.operator is Operator.NOT:
            return self._opposite(self.value(left, f), f)
        if e.operator in _NEGATED:
            positive = c.Operation(_NEGATED[e.operator], e.operands, type=BOOL, span=e.span)
            return self._opposite(self.kept(self._test(positive, f, e), f), f)
        return self.kept(self._test(e, f, e), f)

    def _opposite(self, made: ast.expr, f: Function) -> ast.expr:
        """t1 if type(t1) is Unknown else not t1"""
        return self.kept(ast.IfExp(self.unknown(made), made, negation(made)), f, "t")

    def _junction(self, e: c.Operation, f: Function) -> ast.expr:
        """
        t1 = …
        if t1 is not False: …; if b1 is False: t1 = False; elif b1 is not True: t1 = b1 if t1 is True else union(t1, b1)
        """
        if f.depth > _DEEPEST:
            return self._lifted(e, f)
        deciding = e.operator is Operator.OR
        result = self.kept(self.value(e.operands[0], f), f, "t")
        for operand in e.operands[1:]:
            inner = f.inside()
            made = self.value(operand, inner)
            if not isinstance(made, ast.Name):
                made = self.kept(made, inner, "b")
            pending = ast.If(
                compare(made, ast.IsNot(), const(not deciding)), [assign(result.id, self.either(result, made, const(not deciding)))], []
            )
            inner.body.append(ast.If(compare(made, ast.Is(), const(deciding)), [assign(result.id, const(deciding))], [pending]))
            f.body.append(ast.If(compare(result, ast.IsNot(), const(deciding)), inner.body, []))
        return result

    def _test(self, e: c.Operation, f: Function, place: c.Operation) -> ast.expr:
        """`place` is the expression as the policy has it."""
        operator = e.operator
        left, *rest = e.operands
        match operator:
            case Operator.EQUAL if not is_plain(left.type):
                return self._same(e, f, place)
            case Operator.EQUAL | Operator.LESS | Operator.LESS_EQUAL | Operator.GREATER | Operator.GREATER_EQUAL:
                return self._comparison(str(operator), left, rest[0], f)
            case Operator.IN:
                return self._membership(left, rest[0], f)
            case Operator.INTERSECTS | Operator.SUBSET:
                helper = "meets" if operator is Operator.INTERSECTS else "subset"
                return self.run(helper, self.text(place), *self.values(e.operands, f), const(_has_parts(rest[0].type)))
            case Operator.WITHIN:
                return self._within(left, rest[0], rest[1], f)
            case Operator.EMPTY:
                found = self.value(left, f)
                size = call(self.slots.helper("len", len), self.run("elements", found))
                return self._guarded([(left, found)], compare(size, ast.Eq(), const(0)))
            case Operator.LIKE | Operator.MATCHES:
                assert isinstance(rest[0], c.Constant)
                found = self.value(left, f)
                return self._guarded([(left, found)], call(self.world.matcher(operator, rest[0]), found))
        return self._computed(e, f)

    def _same(self, e: c.Operation, f: Function, place: c.Operation) -> ast.expr:
        left, right = e.operands
        operands = self.values(e.operands, f)
        if isinstance(left.type, EntityOf):
            return self.run("same_entity", *operands)
        return self.run(
            "equal_parts" if _has_parts(right.type) else "equal", *([self.text(place)] if _has_parts(right.type) else []), *operands
        )

    def _computed(self, e: c.Operation, f: Function) -> ast.expr:
        """Operators that make values."""
        left, *rest = e.operands
        text = self.text(e)
        match e.operator:
            case Operator.ADD | Operator.SUBTRACT:
                runs = self.clockwork.rate(left) or self.clockwork.rate(rest[0])
                keep = bool(runs) and e.type in SUMS
                operands = [self.value(x, f, running=keep) for x in e.operands]
                made = self.run("join", self.slots.slot(self.forms), self.slots.slot(e.type), text, *operands)
                if not isinstance(e.type, SetOf | ListOf):
                    made = self.run(arithmetic_name(e), text, *operands)
                rate = self.clockwork.rate(e)
                return self.run("sum_at", name("memo"), made, self.slots.literal(rate)) if keep and isinstance(rate, int) else made
            case Operator.MULTIPLY | Operator.NEGATE:
                return self.run(arithmetic_name(e), text, *self.values(e.operands, f))
            case Operator.AT if self.clockwork.rate(e) is Motion.LOCAL:
                return self.run("local_at", name("memo"), text, self.value(left, f, running=True), self.value(rest[0], f))
            case Operator.AT:
                return self.run("local", text, *self.values(e.operands, f))
        return self.run("until" if e.operator is Operator.UNTIL else "since", text, *self.values(e.operands, f))

    def _comparison(self, spelling: str, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        if isinstance(left.type, Words) and left.type.ordered and spelling != "==":
            a, b = self.value(left, f), self.value(right, f)
            placed = [self._placed(x, left.type, made) for x, made in ((left, a), (right, b))]
            return self._guarded([(left, a), (right, b)], compare(placed[0], _PYTHON[spelling], placed[1]))
        rates = self.clockwork.rate(left), self.clockwork.rate(right)
        if Motion.DAILY in rates and rates[0] is not rates[1]:
            if rates[1] is Motion.DAILY:
                return self._comparison(_MIRRORED.get(spelling, spelling), right, left, f)
            assert isinstance(left, c.LibraryCall)
            clock = self.value(left.arguments[0], f, running=True)
            return self.run("compare_daily", name("memo"), self._asked(spelling), clock, self.value(right, f))
        running = isinstance(rates[0], int) and isinstance(rates[1], int)
        operands = [self.value(x, f, running=running) for x in (left, right)]
        if running and rates[0] != rates[1]:
            rate = rates[0] - rates[1]  # type: ignore[operator]  # both are int
            return self.run("compare_at", name("memo"), self._asked(spelling), self.slots.literal(rate), *operands)
        return self._guarded(list(zip((left, right), operands, strict=True)), compare(operands[0], _PYTHON[spelling], operands[1]))

    def _asked(self, spelling: str) -> ast.expr:
        return self.slots.slot(runtime.COMPARISONS[spelling])

    def _placed(self, e: c.Expression, order: Words, word: ast.expr) -> ast.expr:
        """The position of a word in its ordered union."""
        if isinstance(e, c.Constant):
            return self.world.place(e, order)
        return ast.Subscript(self.world.places(order), word, ast.Load())

    def _membership(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        match right.type:
            case SetOf() | ListOf():
                item_, collection = self.value(left, f), self.value(right, f)
                if isinstance(right, c.Constant) and isinstance(right.type, SetOf) and is_plain(right.type.element) and is_plain(left.type):
                    return self._guarded([(left, item_)], compare(item_, ast.In(), collection))
                return self.run("member", item_, collection)
            case EntityOf(names=names):
                groups = {each: (f"u{self.forms.groups[each]}", f"w{self.forms.groups[each]}") for each in names}
                return self.run("stands_in", *self.values((left, right), f), self.slots.slot(groups))
            case IntervalOf():
                return self._in_interval(left, right, f)
        if isinstance(right, c.Constant):
            found = self.value(left, f)
            return self._guarded([(left, found)], call(self.world.network(right), found))
        return self.run("in_network", *self.values((left, right), f))

    def _in_interval(self, left: c.Expression, right: c.Expression, f: Function) -> ast.expr:
        rate = self.clockwork.rate(left)
        if rate is Motion.DAILY:
            assert isinstance(left, c.LibraryCall)
            clock = self.value(left.arguments[0], f, running=True)
            return self.run("in_daily_at", name("memo"), clock, self.value(right, f))
        if isinstance(rate, int) and rate:
            operands = (self.value(left, f, running=True), self.value(right, f))
            return self.run("in_interval_at", name("memo"), self.slots.literal(rate), *operands)
        return self.run("in_interval", *self.values((left, right), f))

    def _within(self, instant: c.Expression, limit: c.Expression, now: c.Expression, f: Function) -> ast.expr:
        rate = self.clockwork.rate(instant)
        fixed = isinstance(rate, int) and rate != 1 and not self.clockwork.rate(limit)
        gain = 1 - rate if isinstance(rate, int) and fixed else 0
        operands = (self.value(instant, f, running=fixed), self.value(limit, f), self.value(now, f, running=fixed))
        return self.run("within", name("memo"), self.slots.literal(gain), *operands)

    # ── reasons and citations ──────────────────────────────────────────────────────────────────────────────

    def shown(self, e: c.Expression, f: Function) -> ast.expr:
        """A value as a reason shows it, where an absent attribute is no unknown; of an entity its key."""
        made = self._shown(e, f)
        return self.run("key_shown", made) if isinstance(e.type, EntityOf) else made

    def _shown(self, e: c.Expression, f: Function) -> ast.expr:
        if not isinstance(e, c.Attribute) or self._is_clock(e):
            return self.value(e, f)
        return self.run("shown", self._shown(e.target, f), const(self.forms.slots[e.name]), const(e.name), self.text(e))


def _has_parts(type: Type) -> bool:
    return isinstance(type, SetOf | ListOf) and not is_plain(type.element) and not isinstance(type.element, EntityOf)
