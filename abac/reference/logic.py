"""Floor 3, reference: Kleene's three truth values, and equality and membership in terms of them.

A truth is True, False or an Unknown with its causes. Nothing here depends on the order of its operands.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from abac.model.values import ABSENT, Absence, EntityValue, ListValue, RecordValue, SetValue, Unknown, Value, canonical_key, is_known

Truth = bool | Unknown
Collection = ListValue | SetValue


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene `or`: true if one is true, else unknown if one is unknown, else false."""
    unknowns = []
    for truth in truths:
        if truth is True:
            return True
        if isinstance(truth, Unknown):
            unknowns.append(truth)
    return Unknown.union(unknowns) if unknowns else False


def negation(truth: Truth) -> Truth:
    return truth if isinstance(truth, Unknown) else not truth


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene `and`, by De Morgan."""
    return negation(any_of(negation(truth) for truth in truths))


def equal(a: Value | Unknown | Absence, b: Value | Unknown | Absence) -> Truth:
    """`==`: sets by both subsets, lists and records part by part, entities by type and key, everything else by value."""
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return Unknown.union(u for u in (a, b) if isinstance(u, Unknown))
    if a is ABSENT or b is ABSENT:
        return a is b
    match a, b:
        case SetValue(), SetValue():
            return all_of((subset(a, b), subset(b, a)))
        case ListValue(), ListValue():
            if len(a.elements) != len(b.elements):
                return False
            return all_of(equal(x, y) for x, y in zip(a.elements, b.elements, strict=True))
        case RecordValue(), RecordValue():
            return all_of(equal(a.fields[name], b.fields[name]) for name in a.fields)
        case EntityValue(), EntityValue():
            return a.type == b.type and equal(a.key, b.key)
    return canonical_key(a) == canonical_key(b)


def contains(collection: Collection, item: Value | Unknown) -> Truth:
    """`item in collection`: `some y in collection: item == y`."""
    return Index(collection).contains(item)


def intersects(a: Collection, b: Collection) -> Truth:
    """`some x in a: x in b`."""
    index = Index(b)
    return any_of(index.contains(x) for x in a.elements)


def subset(a: Collection, b: Collection) -> Truth:
    """`every x in a: x in b`."""
    index = Index(b)
    return all_of(index.contains(x) for x in a.elements)


class Index:
    """A collection prepared for many membership tests: known elements by key, the others one by one."""

    def __init__(self, collection: Collection) -> None:
        self.elements = collection.elements

    @cached_property
    def _known(self) -> frozenset[tuple[object, ...]]:
        return frozenset(canonical_key(e) for e in self.elements if is_known(e))

    @cached_property
    def _partly(self) -> tuple[Value | Unknown, ...]:
        return tuple(e for e in self.elements if not is_known(e))

    @cached_property
    def _unknown(self) -> tuple[Unknown, ...]:
        return tuple(e for e in self.elements if isinstance(e, Unknown))

    def contains(self, item: Value | Unknown) -> Truth:
        if isinstance(item, Unknown):
            return Unknown.union((item, *self._unknown)) if self.elements else False
        if not is_known(item):
            return any_of(equal(item, each) for each in self.elements)
        if canonical_key(item) in self._known:
            return True
        return any_of(equal(item, each) for each in self._partly)


def ancestors(entity: EntityValue) -> Iterable[EntityValue | Unknown]:
    """The entity, its parents, theirs, and so on; an unknown wherever parents are."""
    yield entity
    if isinstance(entity.parents, Unknown):
        yield entity.parents
        return
    for parent in entity.parents.elements:
        if isinstance(parent, EntityValue):
            yield from ancestors(parent)
        elif isinstance(parent, Unknown):
            yield parent


def inside(entity: EntityValue, group: EntityValue) -> Truth:
    """`entity in group`: the group is the entity itself or one of its ancestors."""
    return any_of(equal(each, group) for each in ancestors(entity))
