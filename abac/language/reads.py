"""Floor 2, language: which attributes the decisions of a checked package can read. Known from its form, before any request.

Sound, not exact: a decision never depends on what is not listed; what is listed may not matter to a particular request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from abac.language import checked as c
from abac.language.operators import Operator
from abac.model import types as t
from abac.model.schema import Field, Schema

EQUALITIES = (Operator.EQUAL, Operator.UNEQUAL, Operator.INTERSECTS, Operator.SUBSET)
MEMBERSHIPS = (Operator.IN, Operator.NOT_IN)


@dataclass(frozen=True, slots=True)
class Reads:
    """What decisions can read.

    Attributes:
        attributes: names of attributes by what has them: an entity, a record (of a request or of a table), `context`. The key of an
            entity is among them only where it is read: who asks for what must be known before any rule is looked at.
        parents: entities whose parents can be read.
        now: whether the clock can be.
    """

    attributes: Mapping[str, frozenset[str]]
    parents: frozenset[str]
    now: bool

    def of(self, owner: str) -> frozenset[str]:
        """The attributes of an entity, a record or `context` that can be read."""
        return self.attributes.get(owner, frozenset())


def reads(package: c.Package) -> Reads:
    """What the package's decisions can read, by all they consist of: effect and rule, reason, citations, duties and how long they hold.

    A record that is compared or given out in a duty is read whole, an entity by its key. What may come to stand in a set is read whole
    to the last attribute of every entity in it: sets keep a canonical order, and merge what does not differ.
    """
    return _Reading(package).whole()


def expressions(package: c.Package) -> Iterator[c.Expression]:
    """Every expression that decisions consist of, with all inside it, and those of definitions that they come to use."""
    used: set[str] = set()
    waiting = list(_outermost(package.policy))
    while waiting:
        each = waiting.pop()
        yield each
        waiting += c.children(each)
        if isinstance(each, c.Invocation) and each.definition not in used:
            used.add(each.definition)
            waiting.append(package.definitions[each.definition].body)


def handed_out(package: c.Package) -> Iterator[c.Expression]:
    """The expressions whose whole value a decision gives to its caller: the arguments of duties, what reasons show."""
    for each in _policies_and_rules(package.policy):
        for duty in each.duties:
            yield from duty.arguments
        if isinstance(each, c.Rule):
            yield from _shown(each)


def _policies_and_rules(policy: c.Policy) -> Iterator[c.Policy | c.Rule]:
    yield policy
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from _policies_and_rules(child)
        else:
            yield child


def _outermost(policy: c.Policy) -> Iterator[c.Expression]:
    for each in _policies_and_rules(policy):
        yield from each.citations
        for duty in each.duties:
            yield from duty.arguments
            if duty.guard is not None:
                yield duty.guard
        if isinstance(each, c.Policy):
            if each.applies is not None:
                yield each.applies
            continue
        yield each.condition
        if each.witness is not None:
            yield each.witness.collection
        yield from _shown(each)


def _shown(rule: c.Rule) -> Iterator[c.Expression]:
    if rule.because is not None:
        yield from (part for part in rule.because.parts if isinstance(part, c.Expression))


class _Reading:
    def __init__(self, package: c.Package) -> None:
        self.package = package
        self.schema = package.schema
        self.found: dict[str, dict[str, None]] = {}
        self.parents: dict[str, None] = {}
        self.now = False
        self._compared_whole: set[str] = set()
        self._merged: set[str] = set()

    def whole(self) -> Reads:
        for each in expressions(self.package):
            self._expression(each)
        for each in handed_out(self.package):
            self._compared(each.type)
        self._sets_of_what_is_read()
        attributes = {owner: frozenset(names) for owner, names in self.found.items()}
        clock = self.schema.context.clock
        return Reads(attributes, frozenset(self.parents), self.now or clock in attributes.get("context", ()))

    def _expression(self, e: c.Expression) -> None:
        match e:
            case c.Root(name="now"):
                self.now = True
            case c.Attribute(target=target, name=name) | c.HasAttribute(target=target, name=name):
                self._attribute(target.type, name)
            case c.AgeOf(target=target, name=name):
                self._attribute(target.type, name)
                self.now = True
            case c.Latest(target=target, by=name):
                self._attribute(_element(target.type), name)
            case c.Chain(target=target, by=name):
                self._attribute(target.type, name)
                self._compared(target.type)
            case c.SetOfExpressions():
                self._merge(_element(e.type))
            case c.Operation(operator=operator, operands=operands) if operator in EQUALITIES:
                for operand in operands:
                    self._compared(operand.type)
            case c.Operation(operator=operator, operands=(item, group)) if operator in MEMBERSHIPS:
                self._compared(item.type)
                self._compared(group.type)
                if isinstance(group.type, t.EntityOf):
                    self._ancestors(item.type)

    def _attribute(self, owner: t.Type, name: str) -> None:
        for each in names_of(owner):
            if name in fields_of(self.schema, each):
                self.found.setdefault(each, {})[name] = None

    def _compared(self, type_: t.Type) -> None:
        """What `==` reads of a value."""
        match type_:
            case t.SetOf(element=inner) | t.ListOf(element=inner) | t.Optional(inner=inner):
                self._compared(inner)
            case t.RecordOf(name=name) if name not in self._compared_whole:
                self._compared_whole.add(name)
                for field in fields_of(self.schema, name).values():
                    self._attribute(type_, field.name)
                    self._compared(field.type)
            case t.EntityOf(names=names):
                for name in names:
                    self._attribute(type_, self.schema.entities[name].key)

    def _merge(self, type_: t.Type) -> None:
        """What a set reads of its elements, once, when it is made: sums and definitions hold what some set held before."""
        match type_:
            case t.SetOf(element=inner) | t.ListOf(element=inner) | t.Optional(inner=inner):
                self._merge(inner)
            case t.RecordOf() | t.EntityOf():
                for name in names_of(type_):
                    if name not in self._merged:
                        self._merged.add(name)
                        self._merge_fields(type_, name)

    def _merge_fields(self, type_: t.Type, name: str) -> None:
        for field in fields_of(self.schema, name).values():
            self._attribute(type_, field.name)
            self._merge(field.type)
        entity = self.schema.entities.get(name)
        if entity is not None and entity.parents:
            self.parents[name] = None
            self._merge(t.EntityOf(entity.parents))

    def _ancestors(self, type_: t.Type) -> None:
        """What `entity in group` reads: the entity, its parents, theirs, and so on."""
        waiting = list(names_of(type_))
        seen = set(waiting)
        while waiting:
            entity = self.schema.entities[waiting.pop()]
            self.found.setdefault(entity.name, {})[entity.key] = None
            if entity.parents:
                self.parents[entity.name] = None
            waiting += [name for name in entity.parents if name not in seen]
            seen.update(entity.parents)

    def _sets_of_what_is_read(self) -> None:
        """A set that comes with the request was merged when it was read."""
        done: set[tuple[str, str]] = set()
        while waiting := [(owner, name) for owner, names in self.found.items() for name in names if (owner, name) not in done]:
            for owner, name in waiting:
                for inner in sets_in(fields_of(self.schema, owner)[name].type):
                    self._merge(inner.element)
            done.update(waiting)


def names_of(type_: t.Type) -> tuple[str, ...]:
    """The names under which values of a type have attributes."""
    match type_:
        case t.RecordOf(name=name):
            return (name,)
        case t.EntityOf(names=names):
            return names
        case t.Optional(inner=inner):
            return names_of(inner)
        case _:
            return ()


def fields_of(schema: Schema, owner: str) -> Mapping[str, Field]:
    """The declared attributes of an entity, a record, or `context`."""
    if owner == "context":
        return schema.context.fields
    return schema.entities[owner].fields if owner in schema.entities else schema.records[owner].fields


def sets_in(type_: t.Type) -> Iterable[t.SetOf]:
    """The outermost sets that a value of the type may be or hold, not looking into records and entities."""
    match type_:
        case t.SetOf():
            yield type_
        case t.ListOf(element=inner) | t.Optional(inner=inner):
            yield from sets_in(inner)


def _element(type_: t.Type) -> t.Type:
    return type_.element if isinstance(type_, t.SetOf | t.ListOf) else type_
