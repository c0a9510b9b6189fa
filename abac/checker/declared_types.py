"""Floor 3, checker: the types, records and entities that a package declares."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, get_args

from abac.checker.scope import TypeNode
from abac.checker.types import ERROR, INTERVALS
from abac.language import nodes as n
from abac.language.library.times import WEEKDAY
from abac.model.limits import MAX_NESTING
from abac.model.schema import Entity, Field, Record
from abac.model.source import Span
from abac.model.types import (
    DECLARABLE,
    INSTANT,
    EntityOf,
    IntervalOf,
    KeyOf,
    ListOf,
    Optional,
    RecordOf,
    SetOf,
    Type,
    Words,
)

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


class DeclaredTypes:
    """Resolves the type expressions of one package. Records and entities are resolved when first asked for."""

    def __init__(self, package: PackageChecker) -> None:
        self.package = package
        self.scope, self.shared, self.reporter = package.scope, package.shared, package.reporter
        self.aliases: dict[str, Type] = {}

    # ── type expressions ───────────────────────────────────────────────────────────────────────────────────

    def type(self, expression: n.TypeExpression) -> Type:
        """The type that a type expression stands for; ERROR after a complaint."""
        match expression:
            case n.NamedType(name=name, span=span):
                return self._named(name, span)
            case n.AppliedType(name=name, argument=argument, span=span):
                return self._applied(name, self.type(argument), span)
            case n.KeyType(table=table, span=span):
                return self._key(table, span)
            case n.OptionalType(inner=inner, span=span):
                resolved = self.type(inner)
                if isinstance(resolved, Optional):
                    self.reporter.error("type-mismatch", "the type is optional already", span)
                return resolved if isinstance(resolved, Optional) or resolved is ERROR else Optional(resolved)
            case n.UnionType(words=words, open=open, ordered=ordered, span=span):
                doubles = sorted(w for w, count in Counter(words).items() if count > 1)
                if doubles:
                    self.reporter.error("duplicate-name", f"`{doubles[0]}` stands twice in the union", span)
                return Words(tuple(dict.fromkeys(words)), open, ordered)

    def present(self, expression: n.TypeExpression, complaint: str, help: str) -> Type:
        """A type whose values are never absent."""
        type_ = self.type(expression)
        if isinstance(type_, Optional):
            self.reporter.error("type-mismatch", complaint, expression.span, help=help)
            return type_.inner
        return type_

    def _named(self, name: str, span: Span) -> Type:
        if name in DECLARABLE:
            return DECLARABLE[name]
        if name == "Interval":
            return IntervalOf(INSTANT)
        if name == WEEKDAY.name:
            return WEEKDAY
        entry = self.scope.entries.get(name)
        match entry.node if entry else None:
            case n.TypeDeclaration():
                return self.alias(name)
            case n.RecordDeclaration():
                return RecordOf(name)
            case n.EntityDeclaration():
                return EntityOf((name,))
            case None:
                if not self.scope.excuses(name):
                    self._unknown_type(name, span)
            case _:
                self.reporter.error("unknown-type", f"`{name}` is a value, not a type", span)
        return ERROR

    def _unknown_type(self, name: str, span: Span) -> None:
        known = chain(DECLARABLE, ("Interval", str(WEEKDAY.name), "Set", "List"), self.scope.names(*get_args(TypeNode)))
        help = f"write `{name}<T>`" if name in ("Set", "List") else self.reporter.suggestion(name, known)
        self.reporter.error("unknown-type", f"no type is called `{name}`", span, help=help)

    def _applied(self, name: str, argument: Type, span: Span) -> Type:
        if argument is ERROR:
            return ERROR
        if isinstance(argument, Optional):
            self.reporter.error("type-mismatch", f"the elements of a {name} are never absent", span, help="leave out the `?`")
            return ERROR
        match name:
            case "Set":
                return SetOf(argument)
            case "List":
                return ListOf(argument)
            case "Interval" if argument in INTERVALS:
                return IntervalOf(argument)
        known = "an Interval is of Instant, Date or TimeOfDay"
        help = known if name == "Interval" else self.reporter.suggestion(name, ["Set", "List", "Interval"])
        self.reporter.error("unknown-type", f"there is no type `{name}<{argument}>`", span, help=help)
        return ERROR

    def _key(self, table: str, span: Span) -> Type:
        entry = self.scope.entries.get(table)
        if entry is None or not isinstance(entry.node, n.DataDeclaration):
            if not self.scope.excuses(table):
                help = self.reporter.suggestion(table, self.scope.names(n.DataDeclaration))
                self.reporter.error("unknown-name", f"no table is called `{table}`", span, help=help)
            return ERROR
        if entry.node.key is None:
            help = "end its declaration with `key COLUMN`"
            self.reporter.error("bad-key", f"`{table}` has no key", span, help=help)
            return ERROR
        key = self.shared.checkers[entry.package].types.key_type(entry.node)
        return ERROR if key is None else KeyOf(entry.qualified, key)

    def key_type(self, node: n.DataDeclaration) -> Type | None:
        """The type of a table's key, known before the table is read; None if there will be a complaint about it."""
        entry = self.scope.entries.get(node.type.name) if isinstance(node.type, n.NamedType) else None
        if node.key is None or entry is None or not isinstance(entry.node, n.RecordDeclaration):
            return None
        for each in entry.node.fields:
            if each.name.value == node.key.value and isinstance(each.type, n.NamedType):
                return DECLARABLE.get(each.type.name)
        return None

    def alias(self, name: str) -> Type:
        entry = self.scope.entries[name]
        if entry.package != self.package.name:
            return self.shared.checkers[entry.package].types.alias(name)
        if name not in self.aliases:
            assert isinstance(entry.node, n.TypeDeclaration)
            resolved = _called(self.type(entry.node.type), name)
            if _depth(resolved) > MAX_NESTING:
                self.reporter.error("nesting", f"types are nested more than {MAX_NESTING} deep", entry.node.name.span)
                resolved = ERROR
            self.aliases[name] = self.shared.aliases[name] = resolved
        return self.aliases[name]

    # ── records and entities ───────────────────────────────────────────────────────────────────────────────

    def record(self, name: str, span: Span) -> Record | None:
        entry = self.scope.entries.get(name)
        if entry is not None and isinstance(entry.node, n.RecordDeclaration):
            return self.shared.checkers[entry.package].types.own_record(entry.node)
        if not self.scope.excuses(name):
            help = self.reporter.suggestion(name, self.scope.names(n.RecordDeclaration))
            self.reporter.error("unknown-type", f"no record is called `{name}`", span, help=help)
        return None

    def own_record(self, node: n.RecordDeclaration) -> Record:
        name = node.name.value
        if name not in self.shared.records:
            self.shared.records[name] = Record(name, self.fields_of(node.fields, node))
        return self.shared.records[name]

    def entity(self, name: str, span: Span) -> Entity | None:
        entry = self.scope.entries.get(name)
        if entry is not None and isinstance(entry.node, n.EntityDeclaration):
            return self.shared.checkers[entry.package].types.own_entity(entry.node)
        if not self.scope.excuses(name):
            help = self.reporter.suggestion(name, self.scope.names(n.EntityDeclaration))
            self.reporter.error("unknown-type", f"no entity is called `{name}`", span, help=help)
        return None

    def own_entity(self, node: n.EntityDeclaration) -> Entity:
        name = node.name.value
        if name in self.shared.entities:
            return self.shared.entities[name]
        fields = self.fields_of(node.fields, node)
        key = fields.get(node.key.value)
        if key is None:
            help = self.reporter.suggestion(node.key.value, fields)
            self.reporter.error("bad-key", f"`{name}` has no attribute `{node.key.value}` to be its key", node.key.span, help=help)
            fields[node.key.value] = Field(node.key.value, ERROR)
        elif key.optional or isinstance(key.type, SetOf | ListOf | RecordOf | EntityOf | IntervalOf):
            message = f"a key is a plain value that is never absent, `{key.name}` is {key.type}"
            self.reporter.error("bad-key", message, node.key.span)
            fields[node.key.value] = Field(node.key.value, ERROR)
        parents = tuple(dict.fromkeys(word.value for word in node.parents if self._is_entity(word)))
        self.shared.entities[name] = Entity(name, node.key.value, fields, parents)
        return self.shared.entities[name]

    def _is_entity(self, word: n.Word) -> bool:
        entry = self.scope.entries.get(word.value)
        if entry is not None and isinstance(entry.node, n.EntityDeclaration):
            return True
        return self.entity(word.value, word.span) is not None

    def fields_of(self, declared: tuple[n.FieldDeclaration, ...], owner: TypeNode | None) -> dict[str, Field]:
        """The fields of a record or entity, or of the context where `owner` is None."""
        shown = "context" if owner is None else f"`{owner.name.value}`"
        fields: dict[str, Field] = {}
        for each in declared:
            name, type_ = each.name.value, self.type(each.type)
            if name in fields:
                self.reporter.error("duplicate-name", f"{shown} has two attributes `{name}`", each.span)
            if name in ("parents", "entity_type") and isinstance(owner, n.EntityDeclaration):
                self.reporter.error("reserved-name", f"`{name}` has a meaning of its own in requests", each.name.span)
            if each.clock and owner is not None:
                self.reporter.error("bad-clock", "only the context has a clock", each.span)
            if each.absent and not isinstance(type_, Optional) and type_ is not ERROR:
                message = f"only an optional attribute can be absent, `{name}` is {type_}"
                self.reporter.error("type-mismatch", message, each.span, help=f"declare it `{name}: {type_}? = absent`")
            if each.max_age is not None:
                self._check_age(each, owner, each.max_age)
            fields.setdefault(name, Field(name, type_, each.absent, each.sensitive, each.max_age))
        return fields

    def _check_age(self, declared: n.FieldDeclaration, owner: TypeNode | None, max_age: dt.timedelta) -> None:
        name = declared.name.value
        if owner is None:
            self.reporter.error("no-age", f"`context.{name}` has no age: it comes with the request", declared.span)
        elif not isinstance(owner, n.EntityDeclaration):
            help = "give an age to the attribute that holds the record"
            self.reporter.error("no-age", f"`{name}` has no age: a record comes as a whole", declared.span, help=help)
        elif name == owner.key.value:
            self.reporter.error("no-age", f"`{name}` has no age: it is the key", declared.span)
        elif not max_age:
            self.reporter.error("no-age", f"`{name}` could never be used: everything is older than that", declared.span)

    def fields(self, owner: str) -> Mapping[str, Field]:
        """The attributes of any record or entity of the load."""
        types, node = self.shared.owners[owner]
        if isinstance(node, n.RecordDeclaration):
            return types.own_record(node).fields
        assert isinstance(node, n.EntityDeclaration)
        return types.own_entity(node).fields

    def ancestors(self, name: str) -> set[str]:
        """The entity types that an entity of this type may be, or stand in."""
        found, waiting = set[str](), [name]
        while waiting:
            each = waiting.pop()
            types, node = self.shared.owners[each]
            if each not in found and isinstance(node, n.EntityDeclaration):
                found.add(each)
                waiting += types.own_entity(node).parents
        return found


def nested(type: Type) -> Iterator[Type]:
    """The type and those inside it, outermost first."""
    yield type
    match type:
        case SetOf(element=inner) | ListOf(element=inner) | Optional(inner=inner):
            yield from nested(inner)


def _depth(type: Type) -> int:
    return sum(1 for _ in nested(type))


def _called(type: Type, name: str) -> Type:
    """The type under the name it was declared with."""
    if isinstance(type, Words | KeyOf) and type.name is None:
        return replace(type, name=name)
    return type
