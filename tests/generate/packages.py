"""Tests: draws whole packages: a schema, definitions, a nested policy; and reads them as the engine does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from abac.checker import Parsed, check
from abac.language import checked as c
from abac.language.parser import parse_with_errors
from abac.model import types as t
from abac.model.errors import PolicyErrors
from abac.model.source import Source
from tests.generate.expressions import DrawnDefinition, Expressions
from tests.generate.literals import NoLiteral
from tests.generate.policies import Policies
from tests.generate.schemas import LEVEL, draw_schema, draw_type
from tests.generate.scope import Scope, roots


@dataclass(frozen=True)
class DrawnPackage:
    """Source text of a package, and the data files it reads."""

    text: str
    data: Mapping[str, bytes]


def draw_package(rng: random.Random, ages: bool = False) -> DrawnPackage:
    """A package that is meant to be well typed; nearly all are. `ages`: it asks how old attributes are."""
    while True:
        schema = draw_schema(rng)
        expressions = Expressions(rng, schema, ages=ages)
        scope = roots(schema)
        expressions.plain_paths.update({p.text: p.type for paths in scope.paths.values() for p in paths if not p.needs})
        try:
            readers = _guard_words(expressions)
            lines = [schema.text, *_definitions(expressions, scope), *Policies(expressions, scope).policy(scope, "main", 3)]
            lines += [line for name, line in readers if name in expressions.used or name.startswith("asks")]
        except NoLiteral:
            continue
        return DrawnPackage("\n".join(lines) + "\n", schema.data)


def load_package(drawn: DrawnPackage, rejects: Counter[str] | None = None) -> c.Package | None:
    """The checked package; None if it was refused, whose codes are counted into `rejects`."""
    file, complaints = parse_with_errors(Source("drawn", drawn.text))
    try:
        return check([Parsed("drawn", (file,), drawn.data.__getitem__)], complaints)
    except PolicyErrors as errors:
        if rejects is not None:
            rejects.update({d.code for d in errors.diagnostics if d.severity == "error"})
        return None


def _guard_words(e: Expressions) -> list[tuple[str, str]]:
    """Definitions that ask for an optional attribute of their parameter, and ones that read it: their callers must have asked."""
    lines = []
    for entity in e.schema.entities.values():
        for field in entity.fields.values():
            if field.optional and e.rng.random() < 0.5:
                asks, reads = e.name("asks"), e.name("reads")
                e.guard_words[entity.name, field.name] = (asks, reads)
                lines.append((asks, f"define {asks}(p: {entity.name}) = p has {field.name}"))
                lines.append((reads, f"define {reads}(p: {entity.name}) = p.{field.name}"))
    return lines


def _definitions(e: Expressions, scope: Scope) -> list[str]:
    lines = []
    for i in range(e.rng.randint(1, 5)):
        result = t.BOOL if e.rng.random() < 0.6 else draw_type(e.rng, 1)
        parameters = tuple((e.name("q"), _parameter_type(e)) for _ in range(e.rng.choice((0, 0, 1, 1, 2))))
        inner = scope
        for name, type_ in parameters:
            inner = inner.binding(e.schema, name, type_)
        inner = Scope(inner.paths, inner.facts, loops=1)
        body = e.truth(inner, 2) if result == t.BOOL else e.rooted(result, inner, 2)
        if body is None:
            continue
        declared = f": {result}" if e.rng.random() < 0.3 else ""
        listed = f"({', '.join(f'{name}: {type_}' for name, type_ in parameters)})" if parameters else ""
        lines.append(f"define word{i}{listed}{declared} = {body}")
        e.definitions.append(DrawnDefinition(f"word{i}", parameters, result))
    return lines


def _parameter_type(e: Expressions) -> t.Type:
    return e.rng.choice((t.INT, t.INSTANT, t.STRING, t.DURATION, LEVEL, t.EntityOf(("Person",)), t.RecordOf("Entry")))
