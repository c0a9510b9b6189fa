"""Floor 3, checker: types expressions and builds their checked form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from abac.checker import attributes, constructs, guards, names, operations
from abac.checker.guards import Fact, Present, Requirement
from abac.checker.place import Place
from abac.checker.types import ERROR, fields_owner
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.operators import Operator
from abac.model.scalars import read_scalar, time_zones
from abac.model.schema import Field
from abac.model.source import Span
from abac.model.types import BOOL, NOTHING, TIME_ZONE, EntityOf, KeyOf, ListOf, SetOf, TableOf, Type, Words
from abac.model.values import CauseKind

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


class ExpressionChecker:
    """Every method that makes an expression gives it the type ERROR after a complaint, and complains about it no more."""

    def __init__(self, package: PackageChecker) -> None:
        self.package = package
        self.reporter = package.reporter
        self.typing = package.typing
        self._attributes: dict[tuple[tuple[str, ...], str], Field] = {}  # what was found once, by the owners and the name

    def check(self, expression: n.Expression, place: Place) -> c.Expression:
        """The checked form of an expression of any type."""
        found = self.operand(expression, place)
        if isinstance(found.type, TableOf):
            help = "look a row up with `TABLE[key]`, or test `key in TABLE`"
            self.reporter.error("type-mismatch", f"`{found.span.text}` is a table, not a value", found.span, help=help)
            return self.error(found.span)
        return found

    def operand(self, expression: n.Expression, place: Place) -> c.Expression:
        """The checked form of an expression that may be a table. An entity of several types is what a guard says it is."""
        found = self._checked(expression, place)
        if not isinstance(found.type, EntityOf) or len(found.type.names) == 1:
            return found
        names = self._narrowed(found, place)
        return found if names == found.type.names else replace(found, type=EntityOf(names))

    def _checked(self, e: n.Expression, place: Place) -> c.Expression:
        match e:  # what policies are full of comes first
            case n.Name():
                return names.name(self, e, place)
            case n.Literal():
                return constructs.literal(e)
            case n.Access():
                return attributes.access(self, e, place)
            case n.Operation():
                return self._operation(e, place)
            case n.Call():
                return names.call(self, e, place)
            case n.EntityLiteral():
                return names.entity(self, e)
            case n.Has():
                return attributes.has(self, e, place)
            case n.IsType():
                return attributes.is_type(self, e, place)
            case n.Index():
                return attributes.index(self, e, place)
            case n.Latest():
                return attributes.latest(self, e, place)
            case n.Chain():
                return attributes.chain(self, e, place)
            case n.Age():
                return attributes.age(self, e, place)
            case n.SetLiteral() | n.ListLiteral():
                return constructs.collection(self, e, place)
            case n.RecordLiteral():
                return constructs.record(self, e, place)
            case n.Quantifier():
                return constructs.quantifier(self, e, place)
            case n.Conditional():
                return constructs.conditional(self, e, place)
            case unknown:
                assert_never(unknown)

    def expect(self, expression: n.Expression, expected: Type, place: Place) -> c.Expression:
        """The checked form of an expression that must fit a type."""
        return self.fit(self.check(expression, place), expected)

    def boolean(self, expression: n.Expression, place: Place) -> c.Expression:
        return self.expect(expression, BOOL, place)

    def error(self, span: Span) -> c.Expression:
        return c.Constant(False, ERROR, type=ERROR, span=span)

    # ── fitting ────────────────────────────────────────────────────────────────────────────────────────────

    def fit(self, found: c.Expression, expected: Type) -> c.Expression:
        """The expression, if it fits the type."""
        if found.type is ERROR or expected is ERROR:
            return found if found.type is ERROR else self.error(found.span)
        if expected is TIME_ZONE and isinstance(found, c.Constant) and type(found.value) is str:
            return self._zone(found)
        if isinstance(found, c.Constant) and isinstance(expected, KeyOf) and found.type == expected.key:
            return self._constant_key(found, expected)
        if not self.typing.assignable(found.type, expected):
            self.mismatch(found, expected)
            return self.error(found.span)
        if isinstance(found, c.Constant):
            return c.Constant(found.value, expected, found.name, type=expected, span=found.span)
        return found

    def _zone(self, found: c.Constant) -> c.Expression:
        zone = read_scalar(found.value, TIME_ZONE)
        if isinstance(zone, CauseKind):
            help = self.reporter.suggestion(str(found.value), time_zones())
            self.reporter.error("bad-literal", f"there is no time zone `{found.value}`", found.span, help=help)
            return self.error(found.span)
        return c.Constant(zone, TIME_ZONE, type=TIME_ZONE, span=found.span)

    def _constant_key(self, found: c.Constant, expected: KeyOf) -> c.Expression:
        """A constant that is not a word but stands where a key is expected."""
        table = self.typing.tables.get(expected.table)
        if table is not None and found.value not in table.rows:
            self.no_row(expected.table, f"`{found.span.text}`", found.span, found.value)
            return self.error(found.span)
        return c.Constant(found.value, expected, found.name, type=expected, span=found.span)

    def mismatch(self, found: c.Expression, expected: Type) -> None:
        words, target = _element(found.type), _element(expected)
        if isinstance(words, Words) and words.name is None and (outside := self.typing.outside(words, target)):
            self.not_in_union(outside, target, found.span)
            return
        help = ""
        if isinstance(words, Words) and words.open and isinstance(target, Words | KeyOf):
            help = "the union is open: requests may bring other words"
        self.reporter.error("type-mismatch", f"expected {expected}, found {found.type}", found.span, help=help)

    def not_in_union(self, outside: Sequence[str], target: Type, span: Span) -> None:
        if all(self.package.scope.excuses(word) for word in outside):
            return
        shown = ", ".join(f"`{word}`" for word in outside[:4])
        if isinstance(target, Words):
            close = self.reporter.suggestion(outside[0], target.words)
            help = close or f"it has {', '.join(f'`{w}`' for w in target.words[:12])}; list the word there if requests may bring it"
            verb = "is no word" if len(outside) == 1 else "are no words"
            self.reporter.error("not-in-union", f"{shown} {verb} of `{target}`", span, help=help)
        elif isinstance(target, KeyOf):
            self.no_row(target.table, shown, span, outside[0])

    def no_row(self, table: str, shown: str, span: Span, key: object) -> None:
        keys = (k for k in self.typing.tables[table].rows if isinstance(k, str))
        help = self.reporter.suggestion(key, keys) if isinstance(key, str) else ""
        self.reporter.error("no-such-row", f"table `{table.rpartition('.')[2]}` has no row {shown}", span, help=help)

    # ── attributes and guards ──────────────────────────────────────────────────────────────────────────────

    def attribute(self, target: c.Expression, name: str, where: Callable[[], Span], place: Place) -> Field | None:
        """The field of that name, or None after a complaint, for which `where` tells the name's place."""
        if target.type is ERROR:
            return None
        owners = self._narrowed(target, place)
        known = self._attributes.get((owners, name))
        if known is not None:
            return known
        span = where()
        if not owners:
            help = "read it in one of the elements: `some x in … : x.…`" if isinstance(target.type, SetOf | ListOf) else ""
            self.reporter.error("no-attributes", f"{target.type} has no attributes", span, help=help)
            return None
        found = {owner: self.package.fields(owner).get(name) for owner in owners}
        present = [field for field in found.values() if field is not None]
        if len(present) < len(owners):
            self._unknown_attribute(target, name, found, span)
            return None
        if any(each.type != present[0].type for each in present):
            types = " and ".join(sorted({str(each.type) for each in present}))
            help = f"ask first which it is: `… is {owners[0]} and …`"
            self.reporter.error("type-mismatch", f"`{name}` has different types in {', '.join(owners)}: {types}", span, help=help)
            return None
        found_in_all = Field(name, present[0].type, present[0].absent_by_default, any(each.sensitive for each in present))
        self._attributes[owners, name] = found_in_all
        return found_in_all

    def _unknown_attribute(self, target: c.Expression, name: str, found: dict[str, Field | None], span: Span) -> None:
        lacking = [owner for owner, field in found.items() if field is None]
        if any(self.package.scope.excuses(owner) for owner in lacking):
            return
        known = (f for owner in found for f in self.package.fields(owner))
        help = self.reporter.suggestion(name, known)
        whole = isinstance(target, c.Root) and len(lacking) == len(found)
        owner = "context" if lacking[0] == "context" else f"`{lacking[0]}`"
        if whole and isinstance(target, c.Root):
            owner = target.name
        if len(lacking) < len(found):
            help = f"ask first which it is: `… is {next(o for o in found if o not in lacking)} and …`"
        self.reporter.error("unknown-attribute", f"{owner} has no attribute `{name}`", span, label="not in the schema", help=help)

    def _narrowed(self, target: c.Expression, place: Place) -> tuple[str, ...]:
        """The records or entities that the target may be, as far as is certain here."""
        owners = fields_owner(target.type)
        for possible in place.facts.types(target) if len(owners) > 1 else ():
            owners = tuple(owner for owner in owners if owner in possible) or owners
        return owners

    def require(self, fact: Present, span: Span, place: Place) -> None:
        """A fact that must be certain here, or be asked of the callers of the definition around."""
        if place.shown or fact in place.facts:
            return
        if place.parameters is not None and guards.free_of_binders(fact) and guards.variables(fact.target) <= place.parameters:
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

    # ── operators ──────────────────────────────────────────────────────────────────────────────────────────

    def _operation(self, e: n.Operation, place: Place) -> c.Expression:
        match e.operator:
            case Operator.AND | Operator.OR:
                return self._junction(e, place)
            case Operator.AT:
                instant, zone = (self.check(operand, place) for operand in e.operands)
                return self.apply(Operator.AT, (instant, self.fit(zone, TIME_ZONE)), e.span)
            case Operator.WITHIN:
                moment, duration = (self.check(operand, place) for operand in e.operands)
                return self.apply(Operator.WITHIN, (moment, duration, names.clock(self, e.span, place)), e.span)
            case Operator.IN | Operator.NOT_IN:
                left, right = e.operands
                return self.apply(e.operator, (self.check(left, place), self.operand(right, place)), e.span)
        return self.apply(e.operator, tuple(self.check(operand, place) for operand in e.operands), e.span)

    def _junction(self, e: n.Operation, place: Place) -> c.Expression:
        """What is certain from the left holds to the right: after `and` what it asks for, after `or` its opposite."""
        operands: list[c.Expression] = []
        here = place
        for operand in e.operands:
            operands.append(self.boolean(operand, here))
            here = here.knowing(guards.when(operands[-1], e.operator is Operator.AND, self.package.summaries))
        if any(operand.type is ERROR for operand in operands):
            return self.error(e.span)
        return c.Operation(e.operator, tuple(operands), type=BOOL, span=e.span)

    def apply(self, operator: Operator, operands: tuple[c.Expression, ...], span: Span) -> c.Expression:
        """An operator on checked operands."""
        for operand in operands:
            if operand.type is ERROR:
                return self.error(span)
        made = operations.RULES[operator](self, operator, operands, span)
        for part in c.children(made):
            if part.type is ERROR:
                return self.error(span)
        return made

    # ── variables ──────────────────────────────────────────────────────────────────────────────────────────

    def elements(self, collection: c.Expression, what: str) -> Type:
        """The type of a collection's elements."""
        match collection.type:
            case SetOf(element=element) | ListOf(element=element) if element == NOTHING:
                self.reporter.error("type-mismatch", f"`{collection.span.text}` has no elements", collection.span)
            case SetOf(element=element) | ListOf(element=element):
                return element
            case TableOf():
                help = "`data … json` without a key gives a List of records"
                self.reporter.error("type-mismatch", f"`{what}` does not range over a table", collection.span, help=help)
            case found if found is not ERROR:
                message = f"`{what}` ranges over a Set or List, found {found}"
                self.reporter.error("type-mismatch", message, collection.span)
        return ERROR

    def bind(self, variable: str, type: Type, span: Span, place: Place) -> Place:
        """The place with one more variable, which may not hide another name."""
        if variable in place.variables or variable in self.package.roots or variable in self.package.scope.entries:
            self.reporter.error("shadowed-name", f"`{variable}` already stands for something else here", span, help="choose another name")
        return place.binding(variable, type)


def _element(type: Type) -> Type:
    return type.element if isinstance(type, SetOf | ListOf) else type
