"""Floor 3, checker: in which order declarations are resolved, so that each finds those it uses; and which go round in circles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from abac.language import nodes as n

Resolved = n.TypeDeclaration | n.ConstDeclaration | n.Definition


@dataclass(frozen=True, slots=True)
class Order:
    """`names`, each after those it uses; `rings` of names that need themselves."""

    names: tuple[str, ...]
    rings: tuple[tuple[str, ...], ...]


def order(declarations: Mapping[str, Resolved]) -> Order:
    """The order of declarations by use. Walks without recursion: chains of any length are fine."""
    done: dict[str, None] = {}
    rings: list[tuple[str, ...]] = []
    for start in declarations:
        path: dict[str, Iterator[str]] = {} if start in done else {start: _used(declarations, start)}
        while path:
            here = next(reversed(path))
            following = next((name for name in path[here] if name not in done), None)
            if following is None:
                path.pop(here)
                done[here] = None
            elif following in path:
                on_path = list(path)
                rings.append(tuple(on_path[on_path.index(following) :]))
            else:
                path[following] = _used(declarations, following)
    return Order(tuple(done), tuple(rings))


def _used(declarations: Mapping[str, Resolved], name: str) -> Iterator[str]:
    """The declarations that one names, in source order."""
    return iter(dict.fromkeys(used for used in _names(declarations[name]) if used in declarations))


def _names(root: n.Node) -> list[str]:
    """The names in a declaration that it does not bind itself."""
    found: list[str] = []
    bound: set[str] = set()
    todo: list[object] = [root]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple):
            todo += reversed(part)
        elif isinstance(part, n.Node):
            if isinstance(part, n.Name | n.Call | n.NamedType):
                found.append(part.name)
            elif isinstance(part, n.Parameter):
                bound.add(part.name.value)
            elif isinstance(part, n.Quantifier):
                bound.add(part.variable)
            todo += reversed([getattr(part, each.name) for each in fields(part)])
    return [name for name in found if name not in bound]
