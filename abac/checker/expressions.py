"""Floor 3, checker: types expressions and builds their checked form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from abac.checker import guards, operations
from abac.checker.constants import fold, folded
from abac.checker.guards import Fact, Facts, Present, Requirement, Typed
from abac.checker.types import ERROR, fields_owner
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.library.functions import FUNCTIONS, Function
from abac.language.operators import Operator
from abac.model.diagnostics import suggestion
from abac.model.scalars import read_scalar, time_zones
from abac.model.schema import Field
from abac.model.source import Span
from abac.model.types import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    INSTANT,
    INT,
    NOTHING,
    STRING,
    TIME_OF_DAY,
    TIME_ZONE,
    EntityOf,
    ListOf,
    Optional,
    RecordOf,
    SetOf,
    TableOf,
    Type,
    Words,
    base,
)  # fmt: skip
from abac.model.values import CauseKind, Unknown, Value

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker

LITERALS: dict[type, Type] = {
    int: INT, Decimal: DECIMAL, bool: BOOL, dt.datetime: INSTANT, dt.date: DATE, dt.timedelta: DURATION, dt.time: TIME_OF_DAY
}  # fmt: skip


@dataclass(slots=True)
class Place:
    """Where an expression stands.

    Attributes:
        variables: those in scope, with their types.
        facts: what is certain here.
        parameters: of the definition around it, None outside definitions; what the definition lacks is asked of its callers.
        roots: whether `subject` and the others may be named.
        shown: in a reason, where what is absent prints as such and needs no guard.
    """

    variables: Mapping[str, Type] = field(default_factory=dict)
    facts: Facts = guards.NO_FACTS
    parameters: frozenset[str] | None = None
    roots: bool = True
    shown: bool = False
    requirements: list[Requirement] = field(default_factory=list)

    def knowing(self, facts: Facts) -> Place:
        return replace(self, facts=self.facts | facts) if facts else self

    def binding(self, variable: str, type: Type) -> Place:
        return replace(self, variables={**self.variables, variable: type})


class ExpressionChecker:
    """One method a kind of expression; each returns its checked form, of type ERROR after a complaint."""

    def __init__(self, package: PackageChecker) -> None:
        self.package = package
        self.reporter = package.reporter
        self.typing = package.typing
        self.methods: dict[type[n.Node], Callable[..., c.Expression]] = {
            n.Literal: self._literal, n.Name: self._name, n.Access: self._access, n.Index: self._index, n.Call: self._call,
            n.SetLiteral: self._collection, n.ListLiteral: self._collection, n.RecordLiteral: self._record, n.EntityLiteral: self._entity,
            n.Operation: self._operation, n.Has: self._has, n.IsType: self._is_type, n.Latest: self._latest, n.Chain: self._chain,
            n.Age: self._age, n.Quantifier: self._quantifier, n.Conditional: self._conditional,
        }  # fmt: skip

    def check(self, expression: n.Expression, place: Place) -> c.Expression:
        """The checked form of an expression of any type."""
        return self._narrow(self.methods[type(expression)](expression, place), place)

    def _narrow(self, found: c.Expression, place: Place) -> c.Expression:
        """An entity of several types, as what a guard says it is."""
        if not isinstance(found.type, EntityOf) or len(found.type.names) == 1:
            return found
        names = self._narrowed(found, place)
        return found if names == found.type.names else replace(found, type=EntityOf(names))

    def expect(self, expression: n.Expression, expected: Type, place: Place, what: str = "") -> c.Expression:
        """The checked form of an expression that must fit a type."""
        return self.fit(self.check(expression, place), expected, what)

    def boolean(self, expression: n.Expression, place: Place) -> c.Expression:
        return self.expect(expression, BOOL, place)

    def fit(self, found: c.Expression, expected: Type, what: str = "") -> c.Expression:
        if expected == TIME_ZONE and isinstance(found, c.Constant) and type(found.value) is str:
            return self._zone(found)
        if self.typing.assignable(found.type, expected):
            if isinstance(found, c.Constant):
                return replace(found, type=expected, kind=expected)
            return found
        self.mismatch(found, expected, what)
        return self.error(found.span)

    def mismatch(self, found: c.Expression, expected: Type, what: str = "") -> None:
        words, target = _element(found.type), _element(expected)
        if isinstance(words, Words) and (outside := self.typing.outside(words, target)):
            self.not_in_union(outside, target, found.span)
            return
        self.reporter.error("type-mismatch", f"expected {expected}{what}, found {found.type}", found.span)

    def not_in_union(self, outside: Sequence[str], target: Type, span: Span) -> None:
        shown = ", ".join(f"`{word}`" for word in outside[:4])
        if isinstance(target, Words):
            close = suggestion(outside[0], target.words)
            help = close or f"it has {', '.join(f'`{w}`' for w in target.words[:12])}; list the word there if requests may bring it"
            self.reporter.error("not-in-union", f"{shown} is no word of `{target}`", span, help=help)
        else:
            keys = [k for k in self.typing.tables[target.table].rows if isinstance(k, str)]  # type: ignore[union-attr]
            self.reporter.error("no-such-row", f"{shown} is no {target}", span, help=suggestion(outside[0], keys))

    def error(self, span: Span) -> c.Expression:
        return c.Constant(False, ERROR, type=ERROR, span=span)

    # ── names and literals ─────────────────────────────────────────────────────────────────────────────────

    def _literal(self, e: n.Literal, place: Place) -> c.Expression:
        value: Value = e.value  # type: ignore[assignment]  # the parser made it
        kind = Words((e.value,)) if isinstance(e.value, str) else LITERALS[e.kind]
        return c.Constant(value, kind, type=kind, span=e.span)

    def _name(self, e: n.Name, place: Place) -> c.Expression:
        if e.name in place.variables:
            return c.Variable(e.name, type=place.variables[e.name], span=e.span)
        if e.name in self.package.roots:
            return self._root(e, place)
        entry = self.package.scope.entries.get(e.name)
        match entry.node if entry else None:
            case n.ConstDeclaration():
                constant = self.package.constant(e.name)
                return replace(constant, name=e.name, span=e.span) if constant else self.error(e.span)
            case n.DataDeclaration():
                return self._data(e)
            case n.Definition() as definition if definition.parameters:
                count = len(definition.parameters)
                self.reporter.error("wrong-arguments", f"`{e.name}` takes {_plural(count, 'argument')}", e.span, help=f"write `{e.name}(…)`")
                return self.error(e.span)
            case n.Definition():
                return self._invoke(e.name, (), e.span, place)
            case None:
                self._unknown_name(e, place)
            case _:
                self.reporter.error("not-a-value", f"`{e.name}` is a type, not a value", e.span)
        return self.error(e.span)

    def _root(self, e: n.Name, place: Place) -> c.Expression:
        if not place.roots:
            self.reporter.error(
                "request-in-library", f"`{e.name}` is not known in an imported package", e.span, help="pass what is needed as a parameter"
            )
            return self.error(e.span)
        type_ = self.package.roots[e.name]
        if type_ is None:
            what = "no clock is declared" if e.name == "now" else f"nothing declares what `{e.name}` is"
            help = "mark an Instant of the context block `clock`" if e.name == "now" else "declare `action NAME: SUBJECT -> RESOURCE`"
            self.reporter.error("no-such-part", what, e.span, help=help)
            return self.error(e.span)
        return c.Root(e.name, type=type_, span=e.span)  # type: ignore[arg-type]  # the keys of roots are its names

    def _data(self, e: n.Name) -> c.Expression:
        data = self.package.data(e.name)
        if data is None:
            return self.error(e.span)
        if isinstance(data, c.Constant):
            return replace(data, name=e.name, span=e.span)
        return c.Variable(e.name, type=data, span=e.span)

    def _unknown_name(self, e: n.Name, place: Place) -> None:
        if e.name in self.package.scope.broken:
            return
        if e.name in FUNCTIONS:
            self.reporter.error("wrong-arguments", f"`{e.name}` is a function", e.span, help=f"write `{signature(FUNCTIONS[e.name])}`")
            return
        known = [*place.variables, *self.package.roots, *self.package.scope.names(n.ConstDeclaration, n.DataDeclaration, n.Definition)]
        self.reporter.error("unknown-name", f"nothing is called `{e.name}`", e.span, help=suggestion(e.name, known))

    def _entity(self, e: n.EntityLiteral, place: Place) -> c.Expression:
        entity = self.package.entity(e.name, e.span)
        if entity is None:
            return self.error(e.span)
        key = entity.fields[entity.key]
        value: Value | None = e.key if base(key.type) == STRING else None
        if value is None or not self.typing.assignable(Words((e.key,)), key.type):
            self.reporter.error("type-mismatch", f"the key of `{e.name}` is {key.type}", e.span)
            return self.error(e.span)
        missing = self.package.reference(entity, value)
        kind = EntityOf((entity.name,))
        return c.Constant(missing, kind, type=kind, span=e.span)

    # ── attributes ─────────────────────────────────────────────────────────────────────────────────────────

    def attribute(self, target: c.Expression, name: str, span: Span, place: Place) -> Field | None:
        """The field of that name, or None after a complaint."""
        if target.type == ERROR:
            return None
        owners = self._narrowed(target, place)
        if not owners:
            self.reporter.error("no-attributes", f"{target.type} has no attributes", span)
            return None
        found = [self.package.fields(owner).get(name) for owner in owners]
        missing = [owner for owner, each in zip(owners, found, strict=True) if each is None]
        if missing:
            known = {f for owner in owners for f in self.package.fields(owner)}
            subject = "context" if missing[0] == "context" else f"`{missing[0]}`"
            help = suggestion(name, known)
            if len(missing) < len(owners):
                help = f"ask first which it is: `… is {next(o for o in owners if o not in missing)} and …`"
            if not any(owner in self.package.scope.broken for owner in missing):
                self.reporter.error("unknown-attribute", f"{subject} has no attribute `{name}`", span, label="not in the schema", help=help)
            return None
        first = found[0]
        if first is None or any(each is None or each.type != first.type for each in found):
            self.reporter.error("type-mismatch", f"`{name}` has different types in {', '.join(owners)}", span)
            return None
        return first

    def _narrowed(self, target: c.Expression, place: Place) -> tuple[str, ...]:
        owners = fields_owner(target.type)
        certain = {f.name for f in place.facts if isinstance(f, Typed) and f.target == target}
        return tuple(o for o in owners if o in certain) or owners

    def _access(self, e: n.Access, place: Place) -> c.Expression:
        target = self.check(e.target, place)
        found = self.attribute(target, e.name, _last_word(e.span, e.name), place)
        if found is None:
            return self.error(e.span)
        if isinstance(found.type, Optional):
            self._require(Present(target, e.name), e.span, place)
        return c.Attribute(target, e.name, found.sensitive, type=found.plain, span=e.span)

    def _require(self, fact: Fact, span: Span, place: Place) -> None:
        """A fact that must be certain here, or be asked of the callers of the definition around."""
        if place.shown or fact in place.facts:
            return
        if place.parameters is not None and guards.variables(fact.target) <= place.parameters:
            place.requirements.append(Requirement(fact, span))
        else:
            self.report_unguarded(fact, span)

    def report_unguarded(self, fact: Fact, span: Span) -> None:
        if isinstance(fact, Present):
            shown = fact.target.span.text
            self.reporter.error(
                "unguarded-optional", f"`{shown}.{fact.name}` may be absent here", span, label="read without a guard",
                help=f"guard it: `{shown} has {fact.name} and …`, or test it at once: `{shown} has {fact.name} == …`",
            )  # fmt: skip

    def _has(self, e: n.Has, place: Place) -> c.Expression:
        target = self.check(e.target, place)
        span = _last_word(Span(e.span.source, e.target.span.end, e.span.end), e.name, first=True)
        found = self.attribute(target, e.name, span, place)
        if found is None:
            if e.right is not None:
                self.check(e.right, place)
            return self.error(e.span)
        if not found.optional and e.operator is None:
            self.reporter.warning(
                "useless-guard", f"`{e.name}` is never absent", span, help=f"declare it `{e.name}: {found.type}?` if it may be absent"
            )
        presence = c.HasAttribute(target, e.name, type=BOOL, span=e.span)
        if e.operator is None or e.right is None:
            return presence
        inner = place.knowing(frozenset((Present(target, e.name),)))
        value = c.Attribute(target, e.name, found.sensitive, type=found.plain, span=Span(e.span.source, e.span.start, span.end))
        test = self.apply(e.operator, (value, self.check(e.right, inner)), e.span)
        return test if test.type == ERROR else c.Operation(Operator.AND, (presence, test), type=BOOL, span=e.span)

    def _is_type(self, e: n.IsType, place: Place) -> c.Expression:
        target = self.check(e.target, place)
        if target.type == ERROR:
            return target
        if not isinstance(target.type, EntityOf):
            self.reporter.error("type-mismatch", f"`is` asks for the type of an entity, found {target.type}", target.span)
        elif e.name not in target.type.names:
            possible = target.type.names
            help = suggestion(e.name, possible) or f"it is {' or '.join(f'`{p}`' for p in possible)}"
            self.reporter.error("never-this-type", f"`{target.span.text}` is never `{e.name}`", e.span, help=help)
        else:
            return c.IsType(target, e.name, type=BOOL, span=e.span)
        return self.error(e.span)

    def _index(self, e: n.Index, place: Place) -> c.Expression:
        target, key = self.check(e.target, place), self.check(e.key, place)
        match target.type:
            case TableOf(table=table, key=key_type, row=row):
                fitted = self._key(key, table, key_type)
                return c.Row(table, fitted, type=row, span=e.span)
            case ListOf(element=element):
                return c.Element(target, self.fit(key, INT), type=element, span=e.span)
        if target.type != ERROR:
            self.reporter.error("type-mismatch", f"only tables and lists can be looked up in, found {target.type}", target.span)
        return self.error(e.span)

    def _key(self, key: c.Expression, table: str, key_type: Type) -> c.Expression:
        if isinstance(key, c.Constant) and self.package.table(table) and key.value not in self.package.table(table).rows:
            self.reporter.error("no-such-row", f"table `{table.rpartition('.')[2]}` has no row `{key.span.text}`", key.span)
        return self.fit(key, base(key_type))

    def _latest(self, e: n.Latest, place: Place) -> c.Expression:
        target = self.check(e.target, place)
        if target.type == ERROR:
            return target
        if not isinstance(target.type, ListOf):
            self.reporter.error("type-mismatch", f"`latest` takes a list, found {target.type}", target.span)
            return self.error(e.span)
        found = self._inside(target.type.element, e.by, e.span, place)
        if found is None:
            return self.error(e.span)
        if found.optional or self.typing.order(found.type, found.type) is None:
            self.reporter.error("type-mismatch", f"`latest` needs an ordered key that is never absent, `{e.by}` is {found.type}", e.span)
            return self.error(e.span)
        return c.Latest(target, e.by, type=target.type, span=e.span)

    def _chain(self, e: n.Chain, place: Place) -> c.Expression:
        target = self.check(e.target, place)
        if target.type == ERROR:
            return target
        found = self._inside(target.type, e.by, e.span, place) if isinstance(target.type, EntityOf) else None
        if not isinstance(target.type, EntityOf):
            self.reporter.error("type-mismatch", f"`chain` follows a reference of an entity, found {target.type}", target.span)
        elif found is not None and not (found.optional and found.plain == target.type):
            self.reporter.error("type-mismatch", f"`chain` follows a `{target.type}?`, `{e.by}` is {found.type}", e.span)
        elif found is not None:
            return c.Chain(target, e.by, type=ListOf(target.type), span=e.span)
        return self.error(e.span)

    def _inside(self, element: Type, name: str, span: Span, place: Place) -> Field | None:
        return self.attribute(c.Variable("", type=element, span=span), name, _last_word(span, name), place)

    def _age(self, e: n.Age, place: Place) -> c.Expression:
        self.check(e.target, place)
        self.reporter.error("not-available-yet", "`age of` is not available yet", e.span, help="it comes with attribute sources")
        return self.error(e.span)

    # ── calls ──────────────────────────────────────────────────────────────────────────────────────────────

    def _call(self, e: n.Call, place: Place) -> c.Expression:
        arguments = tuple(self.check(a, place) for a in e.arguments)
        entry = self.package.scope.entries.get(e.name)
        if entry is not None and isinstance(entry.node, n.Definition):
            return self._invoke(e.name, arguments, e.span, place)
        if e.name in FUNCTIONS:
            return self._library(FUNCTIONS[e.name], arguments, e.span)
        if e.name not in self.package.scope.broken:
            known = [*FUNCTIONS, *self.package.scope.names(n.Definition)]
            span = Span(e.span.source, e.span.start, e.span.start + len(e.name))
            self.reporter.error("unknown-function", f"no definition or function is called `{e.name}`", span, help=suggestion(e.name, known))
        return self.error(e.span)

    def _invoke(self, name: str, arguments: tuple[c.Expression, ...], span: Span, place: Place) -> c.Expression:
        definition = self.package.definition(name, span)
        if definition is None:
            return self.error(span)
        if len(arguments) != len(definition.parameters):
            expected = _plural(len(definition.parameters), "argument")
            self.reporter.error("wrong-arguments", f"`{name}` takes {expected}, found {len(arguments)}", span)
            return self.error(span)
        fitted = tuple(self.fit(a, type_) for a, (_, type_) in zip(arguments, definition.parameters, strict=True))
        if any(a.type == ERROR for a in fitted) or definition.body.type == ERROR:
            return self.error(span)
        summary = self.package.summaries[definition.name]
        self.package.called.add(definition.name)
        values = {p: a for (p, _), a in zip(definition.parameters, fitted, strict=True)}
        for fact in summary.requires:
            self._require(guards.substitute(fact, values), span, place)
        return c.Invocation(definition.name, fitted, type=definition.body.type, span=span)

    def _library(self, function: Function, arguments: tuple[c.Expression, ...], span: Span) -> c.Expression:
        if any(a.type == ERROR for a in arguments):
            return self.error(span)
        result = function.result(tuple(a.type for a in arguments))
        if result is None or result == NOTHING:
            found = ", ".join(str(a.type) for a in arguments)
            self.reporter.error("wrong-arguments", f"`{function.name}` does not take ({found})", span, help=f"write `{signature(function)}`")
            return self.error(span)
        call = c.LibraryCall(function.name, arguments, type=result, span=span)
        if not function.literal_only:
            return call
        value = fold(call) if all(isinstance(a, c.Constant) for a in arguments) else None
        if value is None or isinstance(value, Unknown):
            self.reporter.error("bad-literal", f"`{span.text}` is no {result}", span, help=f"`{function.name}` takes a string literal")
            return self.error(span)
        return c.Constant(value, result, type=result, span=span)

    # ── collections and records ────────────────────────────────────────────────────────────────────────────

    def _collection(self, e: n.SetLiteral | n.ListLiteral, place: Place) -> c.Expression:
        elements = tuple(self.check(element, place) for element in e.elements)
        joined = self.typing.join([element.type for element in elements])
        if joined is None:
            types = ", ".join(sorted({str(element.type) for element in elements}))
            self.reporter.error("type-mismatch", f"the elements are of different types: {types}", e.span)
            return self.error(e.span)
        if joined == ERROR:
            return self.error(e.span)
        if isinstance(e, n.SetLiteral):
            return folded(c.SetOfExpressions(elements, type=SetOf(joined), span=e.span))
        return folded(c.ListOfExpressions(elements, type=ListOf(joined), span=e.span))

    def _record(self, e: n.RecordLiteral, place: Place) -> c.Expression:
        declared = self.package.record(e.name, e.span)
        given: dict[str, c.Expression] = {}
        for entry in e.fields:
            value = self.check(entry.value, place)
            if declared is None:
                continue
            if entry.name not in declared.fields:
                help = suggestion(entry.name, declared.fields)
                self.reporter.error("unknown-attribute", f"`{e.name}` has no attribute `{entry.name}`", entry.span, help=help)
            elif entry.name in given:
                self.reporter.error("duplicate-name", f"`{entry.name}` is given twice", entry.span)
            else:
                given[entry.name] = self.fit(value, declared.fields[entry.name].plain)
        if declared is None:
            return self.error(e.span)
        missing = [f.name for f in declared.fields.values() if f.name not in given and not f.optional]
        if missing:
            self.reporter.error("missing-field", f"`{e.name}` lacks {', '.join(f'`{m}`' for m in missing)}", e.span)
        if missing or any(v.type == ERROR for v in given.values()):
            return self.error(e.span)
        entries = tuple((name, given.get(name)) for name in declared.fields)
        return folded(c.RecordOfExpressions(entries, type=RecordOf(declared.name), span=e.span))

    # ── operators ──────────────────────────────────────────────────────────────────────────────────────────

    def _operation(self, e: n.Operation, place: Place) -> c.Expression:
        if e.operator in (Operator.AND, Operator.OR):
            return self._junction(e, place)
        if e.operator is Operator.AT:
            return self._at(e, place)
        return self.apply(e.operator, tuple(self.check(operand, place) for operand in e.operands), e.span)

    def _junction(self, e: n.Operation, place: Place) -> c.Expression:
        """What is certain from the left holds to the right: after `and` what it asks for, after `or` its opposite."""
        operands: list[c.Expression] = []
        here = place
        for operand in e.operands:
            operands.append(self.boolean(operand, here))
            here = here.knowing(guards.when(operands[-1], e.operator is Operator.AND, self.package.summaries))
        if any(operand.type == ERROR for operand in operands):
            return self.error(e.span)
        return c.Operation(e.operator, tuple(operands), type=BOOL, span=e.span)

    def _at(self, e: n.Operation, place: Place) -> c.Expression:
        instant, zone = (self.check(operand, place) for operand in e.operands)
        return self.apply(Operator.AT, (instant, self.fit(zone, TIME_ZONE)), e.span)

    def apply(self, operator: Operator, operands: tuple[c.Expression, ...], span: Span) -> c.Expression:
        """An operator on checked operands."""
        if any(operand.type == ERROR for operand in operands):
            return self.error(span)
        return operations.RULES[operator](self, operator, operands, span)

    def _zone(self, found: c.Constant) -> c.Expression:
        zone = read_scalar(found.value, TIME_ZONE)
        if isinstance(zone, CauseKind):
            help = suggestion(str(found.value), time_zones())
            self.reporter.error("bad-literal", f"there is no time zone `{found.value}`", found.span, help=help)
            return self.error(found.span)
        return c.Constant(zone, TIME_ZONE, type=TIME_ZONE, span=found.span)

    # ── forms that bind or choose ──────────────────────────────────────────────────────────────────────────

    def elements(self, collection: c.Expression, what: str) -> Type:
        """The type of a collection's elements."""
        match collection.type:
            case SetOf(element=element) | ListOf(element=element):
                return ERROR if element == NOTHING else element
        if collection.type != ERROR:
            help = "turn it into a list of records" if isinstance(collection.type, TableOf) else ""
            self.reporter.error("type-mismatch", f"`{what}` ranges over a Set or List, found {collection.type}", collection.span, help=help)
        return ERROR

    def bind(self, variable: str, type: Type, span: Span, place: Place) -> Place:
        """The place with one more variable, which may not hide another name."""
        if variable in place.variables or variable in self.package.roots or variable in self.package.scope.entries:
            self.reporter.error("shadowed-name", f"`{variable}` already stands for something else here", span, help="choose another name")
        return place.binding(variable, type)

    def _quantifier(self, e: n.Quantifier, place: Place) -> c.Expression:
        collection = self.check(e.collection, place)
        element = self.elements(collection, e.kind)
        body = self.boolean(e.body, self.bind(e.variable, element, e.span, place))
        if ERROR in (element, body.type):
            return self.error(e.span)
        return c.Quantified(e.kind, e.variable, collection, body, type=BOOL, span=e.span)

    def _conditional(self, e: n.Conditional, place: Place) -> c.Expression:
        arms: list[tuple[c.Expression, c.Expression]] = []
        here = place
        for arm in e.arms:
            condition = self.boolean(arm.condition, here)
            arms.append((condition, self.check(arm.value, here.knowing(guards.when(condition, True, self.package.summaries)))))
            here = here.knowing(guards.when(condition, False, self.package.summaries))
        otherwise = self.check(e.otherwise, here)
        values = [*(value for _, value in arms), otherwise]
        joined = self.typing.join([v.type for v in values])
        if joined is None:
            types = ", ".join(str(v.type) for v in values)
            self.reporter.error("type-mismatch", f"the branches are of different types: {types}", e.span)
        if joined in (None, ERROR) or any(condition.type == ERROR for condition, _ in arms):
            return self.error(e.span)
        assert joined is not None
        return c.Conditional(tuple(arms), otherwise, type=joined, span=e.span)


def signature(function: Function) -> str:
    return f"{function.name}({', '.join(function.parameters)})"


def _element(type: Type) -> Type:
    return type.element if isinstance(type, SetOf | ListOf) else type


def _last_word(span: Span, word: str, first: bool = False) -> Span:
    """Where a word stands in a span: its last occurrence, or its first."""
    at = span.text.find(word) if first else span.text.rfind(word)
    return span if at < 0 else Span(span.source, span.start + at, span.start + at + len(word))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else f"no {noun}s"


