"""Floor 4, compiler: what decisions of a package can read, and how: known from the checked tree, before any request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.schema import Field, Schema
from abac.model.types import EntityOf, ListOf, Optional, RecordOf, SetOf, Type

_COMPARING = (
    Operator.EQUAL, Operator.UNEQUAL, Operator.IN, Operator.NOT_IN, Operator.INTERSECTS, Operator.SUBSET, Operator.ADD,
)  # fmt: skip


@dataclass(slots=True)
class Uses:
    """What a package reads.

    Attributes:
        fields: names of the attributes read, by the record or entity that has them, or `context`.
        whole: records and entities that are used as values with all their parts: compared, put into sets, handed on in duties.
        ages: names of attributes of which it is asked how old they are.
        groups: entities that others are asked to stand in.
        now: whether the clock is read.
    """

    fields: dict[str, set[str]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    ages: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    now: bool = False


def uses(package: c.Package) -> Uses:
    """What the decisions of a package can read."""
    walker = _Walker(package)
    for expression in policy_expressions(package.policy):
        walker.expression(expression)
    for expression in _handed_on(package.policy):
        walker.whole(expression.type)
    for expression in _shown(package.policy):
        walker.shown(expression.type)
    return walker.found


def _handed_on(policy: c.Policy) -> Iterator[c.Expression]:
    """What leaves a decision as a value: arguments of duties, citations."""
    yield from policy.citations
    for clause in policy.duties:
        yield from clause.arguments
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from _handed_on(child)
        else:
            yield from (*child.citations, *(a for clause in child.duties for a in clause.arguments))


def _shown(policy: c.Policy) -> Iterator[c.Expression]:
    """What reasons show."""
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from _shown(child)
        elif child.because is not None:
            yield from (part for part in child.because.parts if not isinstance(part, str))


def policy_expressions(policy: c.Policy) -> Iterator[c.Expression]:
    """The expressions of a policy and of all inside it, those of duties, reasons and citations too."""
    if policy.applies is not None:
        yield policy.applies
    yield from policy.citations
    yield from _in_duties(policy.duties)
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from policy_expressions(child)
        else:
            yield from rule_expressions(child)


def rule_expressions(rule: c.Rule) -> Iterator[c.Expression]:
    """The expressions of a rule, its condition first."""
    yield rule.condition
    if rule.witness is not None:
        yield rule.witness.collection
    if rule.because is not None:
        yield from (part for part in rule.because.parts if not isinstance(part, str))
    yield from rule.citations
    yield from _in_duties(rule.duties)


def _in_duties(duties: tuple[c.DutyClause, ...]) -> Iterator[c.Expression]:
    for clause in duties:
        yield from clause.arguments
        if clause.guard is not None:
            yield clause.guard


def fields_of(schema: Schema, owner: str) -> dict[str, Field]:
    """The attributes of a record, an entity or the context."""
    if owner == "context":
        return dict(schema.context.fields)
    return dict(schema.records[owner].fields if owner in schema.records else schema.entities[owner].fields)


def owners(type_: Type) -> tuple[str, ...]:
    """Whose attributes a value of the type has."""
    match type_:
        case EntityOf(names=names):
            return names
        case RecordOf(name=name):
            return (name,)
    return ()


@dataclass(slots=True)
class _Walker:
    package: c.Package
    found: Uses = field(default_factory=Uses)
    seen: set[str] = field(default_factory=set)

    def expression(self, e: c.Expression) -> None:
        match e:
            case c.Root(name="now"):
                self.found.now = True
            case c.Attribute(target=target, name=name) | c.HasAttribute(target=target, name=name):
                self._read(target, name)
                return
            case c.AgeOf(target=target, name=name):
                self._read(target, name)
                self.found.ages.add(name)
                self.found.now = True
                return
            case c.IsType(target=target):
                self.expression(target)
                return
            case c.Latest(target=target, by=by) if isinstance(target.type, ListOf):
                self._field(target.type.element, by)
            case c.Chain(target=target, by=by):
                self._field(target.type, by)
                self._key(target.type)
            case c.Invocation(definition=definition):
                self._definition(definition)
            case c.Operation(operator=operator, operands=operands):
                self._operation(operator, operands)
            case c.LibraryCall(arguments=arguments):
                for argument in arguments:
                    self._sets(argument.type)
            case c.SetOfExpressions(elements=elements):
                for element in elements:
                    self.whole(element.type)
            case c.RecordOfExpressions(entries=entries):
                self.whole(e.type)
                for _, entry in entries:
                    if entry is not None:
                        self.whole(entry.type)
        for child in c.children(e):
            self.expression(child)

    def _read(self, target: c.Expression, name: str) -> None:
        if isinstance(target, c.Root) and target.name == "context" and name == self.package.schema.context.clock:
            self.found.now = True
            return
        self._field(target.type, name)
        self.expression(target)

    def _field(self, owner: Type, name: str) -> None:
        for each in owners(owner):
            if name in fields_of(self.package.schema, each):
                self.found.fields.setdefault(each, set()).add(name)

    def shown(self, type_: Type) -> None:
        """Of an entity, a reason shows the key."""
        if isinstance(type_, EntityOf):
            self._key(type_)
        else:
            self.whole(type_)

    def _key(self, type_: Type) -> None:
        for each in owners(type_):
            entity = self.package.schema.entities.get(each)
            if entity is not None:
                self.found.fields.setdefault(each, set()).add(entity.key)

    def _definition(self, name: str) -> None:
        if name not in self.seen:
            self.seen.add(name)
            self.expression(self.package.definitions[name].body)

    def _operation(self, operator: Operator, operands: tuple[c.Expression, ...]) -> None:
        if operator not in _COMPARING:
            return
        left, right = operands[0].type, operands[1].type
        if isinstance(right, EntityOf):
            self._key(left)
            self._key(right)
            if operator in (Operator.IN, Operator.NOT_IN):
                self.found.groups.update(right.names)
        elif operator is Operator.ADD:
            self._sets(left)
            self._sets(right)
        else:
            self.whole(left)
            self.whole(right)

    def _sets(self, type_: Type) -> None:
        """Sets of values with parts are compared, element with element."""
        if isinstance(type_, SetOf):
            self.whole(type_)

    def whole(self, type_: Type) -> None:
        match type_:
            case Optional(inner=inner) | SetOf(element=inner) | ListOf(element=inner):
                self.whole(inner)
            case RecordOf() | EntityOf():
                for each in owners(type_):
                    self._whole_owner(each)

    def _whole_owner(self, owner: str) -> None:
        if owner in self.found.whole:
            return
        self.found.whole.add(owner)
        fields = fields_of(self.package.schema, owner)
        self.found.fields.setdefault(owner, set()).update(fields)
        for each in fields.values():
            self.whole(each.plain)
