"""Floor 1, model: prints a schema as declarations of the language, without a package header."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final, assert_never

from abac.model import types as t
from abac.model.errors import SchemaError
from abac.model.scalars import duration_text
from abac.model.schema import DutySignature, Field, Schema

KEYWORDS: Final = frozenset(
    # one word a line would be no better
    "absent action advice advise age and as at because by chain cite clock code const context data define deny effective else empty "  # noqa: SIM905
    "entity even every expect false for from given has if import in intersects is json key last latest like matches no not obligation "
    "oblige of on open or otherwise package permit policy record remove sensitive set some subset table target test then true type "
    "unknown unless until when within".split()
)
"""Words that cannot name a type, an action, a parameter, or begin the name of a duty."""

RESERVED: Final = frozenset({*t.DECLARABLE, "Set", "List", "Interval", "Weekday", "subject", "resource", "now"})
"""Names that have a meaning of their own where a type is named."""

_WORD = re.compile("[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def is_word(name: str) -> bool:
    """Whether an attribute can be called so."""
    return _WORD.fullmatch(name) is not None


def is_name(name: str) -> bool:
    """Whether an action or a parameter can be called so."""
    return is_word(name) and name not in KEYWORDS


def is_type_name(name: str) -> bool:
    return is_name(name) and name not in RESERVED


def is_dotted(name: str) -> bool:
    """Whether a duty can be called so."""
    first, *rest = name.split(".")
    return is_name(first) and all(map(is_word, rest))


def declarations(schema: Schema) -> str:
    """The schema in the language: what it reads back equals the schema, in a package that declares the tables it names.

    Raises:
        SchemaError: a type has no declaration, such as a table or the type of `instant at zone`.
    """
    return "\n".join(_Printer(schema).blocks())


class _Printer:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def blocks(self) -> Iterator[str]:
        schema = self.schema
        tables = sorted({table for type in every_type(schema) for table in tables_in(type)})
        if tables:
            yield f"# Tables that the package must declare as `data`: {', '.join(map(_bare, tables))}.\n"
        yield from self._section(f"type {name} = {self.type(type, own=name)}" for name, type in schema.aliases.items())
        for record in schema.records.values():
            yield f"record {record.name} {self._fields(record.fields)}\n"
        for entity in schema.entities.values():
            above = f" in {', '.join(entity.parents)}" if entity.parents else ""
            yield f"entity {entity.name}{above} key {entity.key} {self._fields(entity.fields)}\n"
        if schema.context.fields:
            yield f"context {self._fields(schema.context.fields, schema.context.clock)}\n"
        yield from self._section(self._actions())
        yield from self._section(map(self._duty, schema.duties.values()))

    def _section(self, lines: Iterable[str]) -> Iterator[str]:
        text = "\n".join(lines)
        if text:
            yield f"{text}\n"

    def _fields(self, fields: Mapping[str, Field], clock: str | None = None) -> str:
        marks = {name: f"{'clock ' * (name == clock)}{'sensitive ' * field.sensitive}{name}:" for name, field in fields.items()}
        width = max(map(len, marks.values()), default=0)
        lines = [
            f"  {marks[name]:<{width}} {self.type(field.type)}{' = absent' * field.absent_by_default}{_age(field)}\n"
            for name, field in fields.items()
        ]
        return f"{{\n{''.join(lines)}}}" if lines else "{}"

    def _actions(self) -> Iterator[str]:
        for (subjects, resources), actions in groupby(self.schema.actions.values(), lambda a: (a.subjects, a.resources)):
            yield f"action {', '.join(a.name for a in actions)}: {' | '.join(subjects)} -> {' | '.join(resources)}"

    def _duty(self, duty: DutySignature) -> str:
        parameters = ", ".join(f"{name}: {self.type(type)}" for name, type in duty.parameters)
        return f"{duty.kind} {duty.name}({parameters}){f' as {_string(duty.id)}' if duty.id != duty.name else ''}"

    def type(self, type: t.Type, own: str = "") -> str:
        """As it is declared, by the name of its alias except where that is `own`."""
        match type:
            case t.Words(name=str(name)) | t.KeyOf(name=str(name)) if name != own and self.schema.aliases.get(name) == type:
                return name
            case t.Words(words=words, open=is_open, ordered=ordered):
                return f"{'open ' * is_open}{(' < ' if ordered else ' | ').join(map(_string, words))}"
            case t.KeyOf(table=table):
                return f"key of {_bare(table)}"
            case t.SetOf(element=element):
                return f"Set<{self.type(element)}>"
            case t.ListOf(element=element):
                return f"List<{self.type(element)}>"
            case t.IntervalOf(element=element):
                return "Interval" if element == t.INSTANT else f"Interval<{self.type(element)}>"
            case t.Optional(inner=inner):
                text = self.type(inner)
                return f"({text})?" if isinstance(inner, t.Words) and '"' in text else f"{text}?"
            case t.RecordOf(name=name) | t.EntityOf(names=(name,)):
                return name
            case t.Scalar(name=name) if name in t.DECLARABLE:
                return name
            case t.Scalar() | t.EntityOf() | t.TableOf():
                raise SchemaError([f"the type `{type}` cannot be declared"])
            case unknown:
                assert_never(unknown)


def every_type(schema: Schema) -> Iterator[t.Type]:
    """The types of all aliases, attributes and parameters."""
    yield from schema.aliases.values()
    yield from (field.type for _, fields in field_owners(schema) for field in fields.values())
    for duty in schema.duties.values():
        yield from (type for _, type in duty.parameters)


def field_owners(schema: Schema) -> Iterator[tuple[str, Mapping[str, Field]]]:
    """All that has attributes, by name."""
    yield from ((record.name, record.fields) for record in schema.records.values())
    yield from ((entity.name, entity.fields) for entity in schema.entities.values())
    yield "context", schema.context.fields


def tables_in(type: t.Type) -> Iterator[str]:
    """The tables whose keys are in the type."""
    match type:
        case t.KeyOf(table=table):
            yield table
        case t.SetOf(element=inner) | t.ListOf(element=inner) | t.Optional(inner=inner):
            yield from tables_in(inner)


def _age(field: Field) -> str:
    return "" if field.max_age is None else f" (age <= {duration_text(field.max_age)})"


def _bare(table: str) -> str:
    """A table's name as its own package and those that import it call it."""
    return table.rpartition(".")[2]


def _string(text: str) -> str:
    """In double quotes; what cannot be seen, or would not survive normalisation, is escaped."""
    normal = unicodedata.is_normalized("NFC", f'"{text}"')
    return f'"{"".join(_escaped(c, normal) for c in text)}"'


def _escaped(character: str, normal: bool) -> str:
    if character in '"\\':
        return f"\\{character}"
    seen = character.isprintable() and (normal or character.isascii())
    return character if seen else f"\\u{{{ord(character):x}}}"
