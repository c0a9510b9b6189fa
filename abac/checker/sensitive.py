"""Floor 3, checker: which sensitive attributes a text for requesters would show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from abac.checker.types import fields_owner
from abac.language import checked as c
from abac.model.types import EntityOf, ListOf, SetOf, Type

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


def sensitive_reads(package: PackageChecker, shown: Iterable[c.Expression], witness: c.Witness | None) -> list[str]:
    """The sensitive attributes that the values of some expressions depend on, by way of definitions and the rule's witness too."""
    found: dict[str, None] = {}
    followed: set[str] = set()
    waiting = list(shown)
    while waiting:
        expression = waiting.pop()
        found |= dict.fromkeys(_key(package, expression.type))
        for each in c.walk(expression):
            found |= dict.fromkeys(_read(package, each))
            if isinstance(each, c.Invocation) and each.definition not in followed and each.definition in package.shared.definitions:
                followed.add(each.definition)
                waiting.append(package.shared.definitions[each.definition].body)
            elif isinstance(each, c.Variable) and witness is not None and each.name == witness.variable and "" not in followed:
                followed.add("")
                waiting.append(witness.collection)
    return sorted(found)


def _read(package: PackageChecker, expression: c.Expression) -> list[str]:
    """The sensitive attribute that an expression itself reads or asks about."""
    match expression:
        case c.Attribute(name=name, sensitive=True):
            return [name]
        case c.HasAttribute(target=target, name=name) | c.AgeOf(target=target, name=name):
            return [name] if _is_sensitive(package, target.type, name) else []
        case c.Chain(target=target, by=name) | c.Latest(target=target, by=name):
            return [name] if _is_sensitive(package, target.type, name) else []
    return []


def _is_sensitive(package: PackageChecker, type: Type, name: str) -> bool:
    owned = type.element if isinstance(type, ListOf | SetOf) else type
    fields = [package.fields(owner).get(name) for owner in fields_owner(owned)]
    return any(field is not None and field.sensitive for field in fields)


def _key(package: PackageChecker, type: Type) -> list[str]:
    """An entity is shown by its key."""
    entity = type.element if isinstance(type, ListOf | SetOf) else type
    if not isinstance(entity, EntityOf):
        return []
    entities = [package.shared.entities[name] for name in entity.names]
    return [each.key for each in entities if each.fields[each.key].sensitive]
