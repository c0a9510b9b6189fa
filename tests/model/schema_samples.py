"""Random schemas, and modules made of printed source."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from abac.model import types as t
from abac.model.schema import Action, Context, DutyKind, DutySignature, Entity, Field, Record, Schema

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
FIELDS = (
    "name", "type", "set", "date", "str", "list", "int", "time", "context", "clock", "deny", "class", "json",
    "Literal", "Key", "BaseModel", "x_1",
)  # fmt: skip
TYPES = (
    "Person", "Key", "Decimal_", "Schema", "Context", "Interval_", "DateInterval", "Literal", "AsSet", "SCHEMA", "Annotated", "Team",
    "time",
)  # fmt: skip
"""Names that printed source must keep apart from its own."""

KEYS: st.SearchStrategy[t.Type] = st.sampled_from([t.STRING, t.INT, t.DATE, t.IP_ADDRESS, t.Words(("a", "b"), open=True)])
AGES = st.none() | st.integers(1, 86_399_999_913_600).map(lambda seconds: dt.timedelta(seconds=seconds))
DECLARABLE = st.sampled_from(list(t.DECLARABLE.values()))


@st.composite
def words(draw: st.DrawFn) -> t.Words:
    kind = draw(st.sampled_from(["closed", "open", "ordered"]))
    listed = tuple(draw(st.lists(WORDS, min_size=2 if kind == "ordered" else 1, max_size=8, unique=True)))
    return t.Words(listed, open=kind == "open", ordered=kind == "ordered")


def plain_types(named: list[t.Type], tables: bool) -> st.SearchStrategy[t.Type]:
    """Types that are never absent; with `tables` keys of tables too."""
    intervals = st.sampled_from([t.INSTANT, t.DATE, t.TIME_OF_DAY]).map(t.IntervalOf)
    keys = [st.sampled_from([t.STRING, t.INT]).map(lambda key: t.KeyOf("pack.table", key))] if tables else []
    leaves = st.one_of(DECLARABLE, words(), intervals, *([st.sampled_from(named)] if named else []), *keys)
    return st.recursive(leaves, lambda inner: st.one_of(inner.map(t.SetOf), inner.map(t.ListOf)), max_leaves=3)


@st.composite
def schemas(draw: st.DrawFn, tables: bool = False) -> Schema:
    """A schema that can be declared. Recursive records, hierarchies, unused types, duties with ids are among them."""
    names = draw(st.permutations(TYPES))
    counts = [draw(st.integers(0, 3)), draw(st.integers(0, 2)), draw(st.integers(1, 3))]
    aliased, recorded, entered = names[: counts[0]], names[4 : 4 + counts[1]], names[7 : 7 + counts[2]]
    references: list[t.Type] = [*map(t.RecordOf, recorded), *(t.EntityOf((name,)) for name in entered)]
    aliases: dict[str, t.Type] = {}
    for name in aliased:
        found = draw(st.one_of(words(), plain_types(references, tables), st.sampled_from([*aliases.values()] or [t.INT])))
        if isinstance(found, t.Words | t.KeyOf) and found.name is None:
            found = _called(found, name)
        elif not isinstance(found, t.Optional) and draw(st.booleans()):
            found = t.Optional(found)
        aliases[name] = found
    named = [*references, *(type for type in aliases.values() if not isinstance(type, t.Optional))]
    inner: st.SearchStrategy[t.Type] = plain_types(named, tables)

    types: st.SearchStrategy[t.Type] = st.one_of(inner, inner.map(t.Optional))
    free = [name for name in FIELDS if name not in (*aliased, *recorded, *entered)]

    def field(name: str, aging: bool) -> Field:
        type: t.Type = draw(types)
        max_age = draw(AGES) if aging else None
        return Field(name, type, isinstance(type, t.Optional) and draw(st.booleans()), draw(st.booleans()), max_age)

    def fields(aging: bool = False) -> dict[str, Field]:
        return {name: field(name, aging) for name in draw(st.lists(st.sampled_from(free), max_size=4, unique=True))}

    entities = {}
    for name in entered:
        parents = tuple(draw(st.lists(st.sampled_from(entered), max_size=2, unique=True)))
        entities[name] = Entity(name, "id", {**fields(aging=True), "id": Field("id", draw(KEYS), False, draw(st.booleans()))}, parents)
    context = Context(fields())
    if draw(st.booleans()):
        context = Context({**context.fields, "at": Field("at", t.INSTANT)}, "at")
    sides = st.lists(st.sampled_from(entered), min_size=1, max_size=3, unique=True).map(lambda names: tuple(sorted(names)))
    verbs = draw(st.lists(st.sampled_from(["read", "write", "go"]), unique=True))
    actions = {name: Action(name, draw(sides), draw(sides)) for name in verbs}
    duties = {}
    for name in draw(st.lists(st.sampled_from(["audit.record", "notify", "a.deny"]), unique=True)):
        parameters = tuple((word, draw(inner)) for word in draw(st.lists(st.sampled_from(["n", "text"]), unique=True)))
        id = draw(st.sampled_from([name, f'{name}/5 "y"']))
        duties[name] = DutySignature(name, id, draw(st.sampled_from(DutyKind)), parameters)
    return Schema(aliases, {name: Record(name, fields()) for name in recorded}, entities, context, actions, duties)


def _called(type: t.Words | t.KeyOf, name: str) -> t.Type:
    if isinstance(type, t.Words):
        return t.Words(type.words, type.open, type.ordered, name)
    return t.KeyOf(type.table, type.key, name)


@contextmanager
def module(source: str) -> Iterator[Any]:
    """The module that the source makes."""
    made = ModuleType("printed_models")
    sys.modules[made.__name__] = made
    try:
        exec(compile(source, made.__name__, "exec"), made.__dict__)
        yield made
    finally:
        del sys.modules[made.__name__]
