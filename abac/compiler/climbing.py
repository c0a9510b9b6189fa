"""Floor 4, compiler: what an entity of a caller's stands in and leads to, as far as plain dicts and bare keys tell."""

from __future__ import annotations

from typing import Any, NamedTuple

from abac.compiler.runtime import PLENTY, hand_over, is_text
from abac.model.limits import MAX_CHAIN, MAX_COLLECTION, MAX_NESTING, MAX_STRING
from abac.model.schema import Entity, Schema
from abac.model.types import STRING
from abac.model.wire import NOTHING

LISTS = (list, tuple)
_DEEPEST = MAX_NESTING - 2
"""Where parents may stand: their keys stand two deeper."""


class _Kind(NamedTuple):
    """A type of entity.

    Attributes:
        parents: the types it may stand below; `only`: if there is one, that.
        is_named: whether a parent says what it is.
        key: its key, where that is a String.
    """

    parents: tuple[str, ...]
    only: str | None
    is_named: bool
    key: str | None


class Climber:
    """Climbs from entities to all that they stand in."""

    def __init__(self, schema: Schema) -> None:
        self.kinds = {entity.name: _kind(entity, schema) for entity in schema.entities.values()}

    def above(self, raw: Any, owner: str, depth: int, group: str) -> set[Any]:
        """The keys of all of a group that an entity stands in, itself among them; hands over unless that is all of them.

        Args:
            raw: a plain dict, or the entity's bare key; `depth` is how deep it stands at most.
        """
        kind, found = self.kinds[owner], dict[str, set[Any]]()
        is_dict = type(raw) is dict
        key = (None if kind.key is None else raw.get(kind.key)) if is_dict else raw
        if type(key) is not str or not is_text(key):
            hand_over()
        found[owner] = {key}
        if kind.parents and not (is_dict and self.climb(owner, raw.get("parents", NOTHING), depth + 1, found)):
            hand_over()
        return found.get(group) or set()

    def climb(self, owner: str, parents: Any, depth: int, found: dict[str, set[Any]]) -> bool:
        """Adds the keys of all that stands above an entity; whether all of it could be told.

        Args:
            parents: the raw member, which stands at `depth`; NOTHING if there is none.
        """
        kinds, whole, left, waiting = self.kinds, True, PLENTY, [(self.kinds[owner], parents, depth)]
        while waiting:
            (allowed, only, is_named, _), raw, depth = waiting.pop()
            if not allowed:
                continue
            if (type(raw) is not list and type(raw) is not tuple) or depth > _DEEPEST:
                whole = False
                continue
            left -= len(raw)
            if len(raw) > MAX_COLLECTION or left < 0:
                return False
            for each in raw:
                if type(each) is dict:
                    named = each.get("entity_type", only) if is_named else only
                    if type(named) is not str or named not in allowed:
                        whole = False
                        continue
                    kind = kinds[named]
                    key, above = each.get(kind[3]), each.get("parents", NOTHING)
                elif only is None:
                    whole = False
                    continue
                else:
                    named, kind, key, above = only, kinds[only], each, NOTHING
                if type(key) is not str or not key.isascii() or len(key) > MAX_STRING or kind[3] is None:
                    whole = False
                    continue
                if named in found:
                    found[named].add(key)
                else:
                    found[named] = {key}
                if kind[0]:
                    waiting.append((kind, above, depth + 2))
        return whole


def _kind(entity: Entity, schema: Schema) -> _Kind:
    only = entity.parents[0] if len(entity.parents) == 1 else None
    is_named = only is None or "entity_type" not in schema.entities[only].fields
    return _Kind(entity.parents, only, is_named, entity.key if entity.fields[entity.key].type == STRING else None)


def chain_in_place(start: Any, by: str, missing: Any, key: str, owner: str) -> tuple[Any, ...]:
    """The entity, a plain dict, and those it leads to."""
    each, links, seen = start, list[Any](), set[str]()
    while each is not None:
        if type(each) is not dict:
            hand_over()
        named, identity = each.get("entity_type", owner), each.get(key)
        if (links and not (type(named) is str and named == owner)) or type(identity) is not str or not is_text(identity):
            hand_over()
        if identity in seen or len(links) > MAX_CHAIN:
            hand_over()
        seen.add(identity)
        links.append(each)
        each = each.get(by, missing)
    return tuple(links)
