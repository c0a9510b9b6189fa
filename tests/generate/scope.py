"""Tests: what may be read at a place in a drawn policy, and what must be certain before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from abac.model import types as t
from abac.model.schema import Field
from tests.generate.schemas import DrawnSchema

DEEPEST = 3


@dataclass(frozen=True)
class Path:
    """Something that can be read; `needs` are the guards that must hold first, each readable once those before it hold."""

    text: str
    type: t.Type
    needs: tuple[str, ...] = ()
    sensitive: bool = False


@dataclass(frozen=True)
class Scope:
    paths: Mapping[t.Type, tuple[Path, ...]]
    facts: frozenset[str] = frozenset()
    loops: int = 0

    def readable(self, type_: t.Type) -> list[Path]:
        return [p for p in self.paths.get(type_, ()) if self.facts.issuperset(p.needs)]

    def all_readable(self) -> list[Path]:
        return [p for paths in self.paths.values() for p in paths if self.facts.issuperset(p.needs)]

    def guards(self) -> list[str]:
        """Guards that can be asked here and are not certain yet."""
        found = {self._next(p.needs) for paths in self.paths.values() for p in paths}
        return sorted(g for g in found if g and not self.typed(g.partition(" is ")[0]))

    def typed(self, text: str) -> bool:
        """Whether it is certain already which type of entity this is."""
        return any(fact.startswith(f"{text} is ") for fact in self.facts)

    def _next(self, needs: tuple[str, ...]) -> str:
        return next((need for need in needs if need not in self.facts), "")

    def knowing(self, *facts: str) -> Scope:
        return replace(self, facts=self.facts | set(facts))

    def refuting(self, guard: str) -> Scope:
        """Where a guard does not hold: of two types of entity it is the other."""
        target, _, name = guard.partition(" is ")
        others = {need for paths in self.paths.values() for p in paths for need in p.needs if need.startswith(f"{target} is ")} - {guard}
        return self.knowing(*others) if name else self

    def binding(self, schema: DrawnSchema, name: str, type_: t.Type, loop: bool = False) -> Scope:
        paths = {key: list(each) for key, each in self.paths.items()}
        for path in expand(schema, Path(name, type_), 0):
            paths.setdefault(path.type, []).append(path)
        return replace(self, paths={key: tuple(each) for key, each in paths.items()}, loops=self.loops + loop)


def roots(schema: DrawnSchema) -> Scope:
    scope = Scope({})
    scope = scope.binding(schema, "subject", t.EntityOf(tuple(sorted(schema.subjects))))
    scope = scope.binding(schema, "resource", t.EntityOf(tuple(sorted(schema.resources))))
    scope = scope.binding(schema, "action", t.Words(schema.actions, name="action"))
    scope = scope.binding(schema, "now", t.INSTANT)
    scope = scope.binding(schema, "now", t.INSTANT)  # twice: time is what decisions most often turn on
    return scope.binding(schema, "context", t.RecordOf("context"))


def expand(schema: DrawnSchema, path: Path, depth: int) -> Iterator[Path]:
    """The path and what can be read below it."""
    if path.type != t.RecordOf("context"):
        yield path
    if depth >= DEEPEST:
        return
    for needs, field in _fields(schema, path):
        text = f"{path.text}.{field.name}"
        needs = (*needs, f"{path.text} has {field.name}") if field.optional else needs
        yield from expand(schema, Path(text, field.plain, needs, path.sensitive or field.sensitive), depth + 1)


def _fields(schema: DrawnSchema, path: Path) -> Iterator[tuple[tuple[str, ...], Field]]:
    """The fields below a path with what must be certain to name them."""
    match path.type:
        case t.RecordOf(name="context"):
            yield from ((path.needs, f) for f in schema.context.values())
        case t.RecordOf(name=name):
            yield from ((path.needs, f) for f in schema.records[name].values())
        case t.EntityOf(names=names):
            for name in names:
                for field in schema.entities[name].fields.values():
                    same = all(
                        schema.entities[o].fields.get(field.name, field) == field and field.name in schema.entities[o].fields for o in names
                    )
                    if same and name == names[0]:
                        yield path.needs, field
                    elif not same:
                        yield (*path.needs, f"{path.text} is {name}"), field
