"""Floor 2, language: what the decisions of a checked package can read, place by place: of the subject, the resource, the context.

Where `reads` says which attributes of a User are read anywhere, this says which are read of *this* one: of the resource's owner perhaps
nothing but its key. Sound, not exact, as `reads` is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from abac.language import checked as c
from abac.language.operators import Operator
from abac.language.reads import EQUALITIES, MEMBERSHIPS, fields_of, names_of, sets_in
from abac.model import types as t
from abac.model.schema import Schema


@dataclass(slots=True, eq=False)
class Demand:
    """What is read of what stands at one place: of a record or entity, or of every element of a collection of them.

    An entity's type and key are always read. A chain of references leads back to the demand that it came from.

    Attributes:
        attributes: those that are read, each with what is read of its value.
        parents: what is read of the parents; None: they are not looked at.
        whole: everything is read, to the last attribute of the last entity: `attributes` and `parents` say nothing.
    """

    attributes: dict[str, Demand] = field(default_factory=dict)
    parents: Demand | None = None
    whole: bool = False
    _same: Demand | None = None

    def of(self, name: str) -> Demand | None:
        """What is read of an attribute's value; None: the attribute is not read."""
        return self if self.whole else self.attributes.get(name)

    @property
    def above(self) -> Demand | None:
        """What is read of the parents; None: they are not looked at."""
        return self if self.whole else self.parents

    @property
    def empty(self) -> bool:
        """Whether nothing is read, but an entity's type and key."""
        return not (self.whole or self.attributes or self.parents)


@dataclass(frozen=True, slots=True)
class Demands:
    """What is read of the parts of a request."""

    subject: Demand
    resource: Demand
    context: Demand


def demands(package: c.Package) -> Demands:
    """What the decisions of a package can read of the parts of a request."""
    analysis = _Analysis(package)
    analysis.policy(package.policy)
    return analysis.settled()


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A record that the policy makes: where the values of its fields come from."""

    fields: Mapping[str, Places]


Places = frozenset["Demand | _Made"]
"""Where the value of an expression, or its elements, may come from. Tables, constants and scalars come from nowhere."""

Scope = Mapping[str, Places]
NOWHERE: Places = frozenset()


class _Analysis:
    """Walks policies as an evaluator would, with places in the stead of values; a definition once for each set of arguments."""

    def __init__(self, package: c.Package) -> None:
        self.schema: Schema = package.schema
        self.definitions = package.definitions
        self.subject, self.resource, self.context = Demand(), Demand(), Demand()
        self._known: dict[tuple[str, tuple[Places, ...]], Places] = {}

    def settled(self) -> Demands:
        """The demands of the parts, in which no place stands for another."""
        seen: dict[int, Demand] = {}
        return Demands(*(_settled(part, seen) for part in (self.subject, self.resource, self.context)))

    # ── policies ───────────────────────────────────────────────────────────────────────────────────────────

    def policy(self, policy: c.Policy) -> None:
        if policy.applies is not None:
            self.places(policy.applies, {})
        self._given_out(policy.citations, policy.duties, {})
        for child in policy.children:
            if isinstance(child, c.Policy):
                self.policy(child)
            else:
                self._rule(child)

    def _rule(self, rule: c.Rule) -> None:
        scope: Scope = {} if rule.witness is None else {rule.witness.variable: self.places(rule.witness.collection, {})}
        self.places(rule.condition, scope)
        self._given_out(rule.citations, rule.duties, scope)
        if rule.because is not None:
            self._whole_values((part for part in rule.because.parts if isinstance(part, c.Expression)), scope)

    def _given_out(self, citations: Iterable[c.Expression], duties: Iterable[c.DutyClause], scope: Scope) -> None:
        self._whole_values(citations, scope)
        for duty in duties:
            self._whole_values(duty.arguments, scope)
            if duty.guard is not None:
                self.places(duty.guard, scope)

    def _whole_values(self, expressions: Iterable[c.Expression], scope: Scope) -> None:
        for each in expressions:
            self._compared(self.places(each, scope), each.type)

    # ── expressions ────────────────────────────────────────────────────────────────────────────────────────

    def places(self, expression: c.Expression, scope: Scope) -> Places:
        """Where the value comes from, having noted all that is read on the way to it; of a value without parts nothing more is read."""
        found = self._places(expression, scope)
        return found if self._has_parts(expression.type) else NOWHERE

    def _places(self, expression: c.Expression, scope: Scope) -> Places:
        e: c.CheckedExpression = expression  # type: ignore[assignment]  # the family is closed
        match e:
            case c.Constant():
                return NOWHERE
            case c.Root(name=name):
                part = {"subject": self.subject, "resource": self.resource, "context": self.context}.get(name)
                return NOWHERE if part is None else frozenset((part,))
            case c.Variable(name=name):
                return scope[name]
            case c.Attribute(target=target, name=name) | c.HasAttribute(target=target, name=name) | c.AgeOf(target=target, name=name):
                return self._attribute(self.places(target, scope), target.type, name)
            case c.Latest(target=target, by=name):
                found = self.places(target, scope)
                self._attribute(found, target.type, name)
                return found
            case c.Chain(target=target, by=name):
                return self._chain(self.places(target, scope), name)
            case c.Invocation():
                return self._invocation(e, scope)
            case c.Operation():
                return self._operation(e, scope)
            case c.RecordOfExpressions(entries=entries):
                fields = {name: NOWHERE if entry is None else self.places(entry, scope) for name, entry in entries}
                return frozenset((_Made(fields),))
            case c.SetOfExpressions(elements=elements):
                found = NOWHERE.union(*(self.places(each, scope) for each in elements))
                self._merge(found, e.type)
                return found
            case c.ListOfExpressions(elements=elements):
                return NOWHERE.union(*(self.places(each, scope) for each in elements))
            case c.Quantified(variable=variable, collection=collection, body=body):
                self.places(body, {**scope, variable: self.places(collection, scope)})
                return NOWHERE
            case c.Row(key=key) | c.InTable(key=key):
                self.places(key, scope)
                return NOWHERE
            case c.Conditional() | c.Element() | c.LibraryCall() | c.IsType():
                return NOWHERE.union(*[self.places(each, scope) for each in c.children(e)])
            case unknown:
                assert_never(unknown)

    def _attribute(self, places: Places, owner: t.Type, name: str) -> Places:
        inner: set[Demand | _Made] = set()
        for place in places:
            if isinstance(place, _Made):
                inner |= place.fields[name]
            else:
                inner.add(self._inside(_same(place), owner, name))
        return frozenset(inner)

    def _inside(self, place: Demand, owner: t.Type, name: str) -> Demand:
        if place.whole:
            return place
        inner = place.attributes.setdefault(name, Demand())
        if any(self._has_parts(each.element) for each in self._sets(owner, name)):
            inner = _same(inner)
            inner.whole = True
        return inner

    def _sets(self, owner: t.Type, name: str) -> Iterable[t.SetOf]:
        for each in names_of(_element(owner)):
            fields = fields_of(self.schema, each)
            if name in fields:
                yield from sets_in(fields[name].type)

    def _has_parts(self, type_: t.Type) -> bool:
        return bool(names_of(_innermost(type_)))

    def _chain(self, places: Places, name: str) -> Places:
        """A chain reads of every link what is read of the first."""
        for place in places:
            if isinstance(place, Demand) and not _same(place).whole:
                first = _same(place)
                _unite(first, first.attributes.setdefault(name, first))
        return places

    def _invocation(self, e: c.Invocation, scope: Scope) -> Places:
        arguments = tuple(self.places(each, scope) for each in e.arguments)
        key = (e.definition, arguments)
        if key not in self._known:
            definition = self.definitions[e.definition]
            inner = {name: places for (name, _), places in zip(definition.parameters, arguments, strict=True)}
            self._known[key] = self.places(definition.body, inner)
        return self._known[key]

    def _operation(self, e: c.Operation, scope: Scope) -> Places:
        found = [self.places(operand, scope) for operand in e.operands]
        types = [operand.type for operand in e.operands]
        if e.operator in MEMBERSHIPS and isinstance(types[1], t.EntityOf):
            if any(self.schema.entities[name].parents for name in names_of(types[0])):
                self._ancestors(found[0])
        elif e.operator in EQUALITIES or e.operator in MEMBERSHIPS:
            for places, type_ in zip(found, types, strict=True):
                self._compared(places, type_)
        return NOWHERE.union(*found) if e.operator is Operator.ADD else NOWHERE

    def _ancestors(self, places: Places) -> None:
        for place in places:
            if isinstance(place, Demand):
                place = _same(place)
                if place.parents is None:
                    place.parents = Demand()
                    place.parents.parents = place.parents

    def _compared(self, places: Places, type_: t.Type, around: frozenset[str] = frozenset()) -> None:
        """What `==` reads: the fields of records, and theirs; of entities only what is always read."""
        record = _innermost(type_)
        if not places or not isinstance(record, t.RecordOf):
            return
        if record.name in around:  # a record that holds others of its kind
            self._merge(places, record)
            return
        for each in fields_of(self.schema, record.name).values():
            self._compared(self._attribute(places, record, each.name), each.type, around | {record.name})

    def _merge(self, places: Places, type_: t.Type) -> None:
        """What a set reads of its elements, once, when it is made: everything."""
        if self._has_parts(type_):
            for place in places:
                if isinstance(place, Demand):
                    _same(place).whole = True
                else:
                    for name, inner in place.fields.items():
                        self._merge(inner, fields_of(self.schema, names_of(_innermost(type_))[0])[name].type)


def _same(place: Demand) -> Demand:
    """The place that a place was found to be the same as."""
    while place._same is not None:
        place = place._same
    return place


def _unite(a: Demand, b: Demand) -> None:
    """From now on both are one place, of which is read what was read of either."""
    a, b = _same(a), _same(b)
    if a is b:
        return
    b._same = a
    a.whole = a.whole or b.whole
    if b.parents is not None:
        if a.parents is None:
            a.parents = b.parents
        else:
            _unite(a.parents, b.parents)
    for name, inner in b.attributes.items():
        if name in a.attributes:
            _unite(a.attributes[name], inner)
        else:
            a.attributes[name] = inner


def _settled(place: Demand, seen: dict[int, Demand]) -> Demand:
    place = _same(place)
    if id(place) not in seen:
        made = seen[id(place)] = Demand(whole=place.whole)
        if not place.whole:
            made.parents = None if place.parents is None else _settled(place.parents, seen)
            made.attributes = {name: _settled(inner, seen) for name, inner in place.attributes.items()}
    return seen[id(place)]


def _element(type_: t.Type) -> t.Type:
    return type_.element if isinstance(type_, t.SetOf | t.ListOf) else type_


def _innermost(type_: t.Type) -> t.Type:
    match type_:
        case t.SetOf(element=inner) | t.ListOf(element=inner) | t.Optional(inner=inner):
            return _innermost(inner)
        case _:
            return type_
