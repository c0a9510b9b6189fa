"""Floor 1, model: prints a schema as Python source of pydantic models."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from abac.model import types as t
from abac.model.declarations import every_type, field_owners
from abac.model.errors import SchemaError
from abac.model.scalars import duration_text
from abac.model.schema import Action, DutyKind, DutySignature, Entity, Field, Record, Schema

_HOMES = {
    "abac": ("Schema",),
    "abac.model.markers": ("Advice", "AsSet", "Clock", "Key", "KeyOf", "MaxAge", "Obligation", "Ordered", "Sensitive"),
    "builtins": ("bool", "int", "list", "set", "str"),
    "datetime": ("date", "time", "timedelta"),
    "decimal": ("Decimal",),
    "ipaddress": ("IPv4Address", "IPv4Network", "IPv6Address", "IPv6Network"),
    "pydantic": ("AwareDatetime", "BaseModel", "create_model"),
    "typing": ("Annotated", "Literal"),
    "typing_extensions": ("NotRequired", "TypeAliasType", "TypedDict"),
    "zoneinfo": ("ZoneInfo",),
}
"""Whence the names of the printed source come."""

_HOME = {name: home for home, names in _HOMES.items() for name in names}
_SECTIONS = (
    ("datetime", "decimal", "ipaddress", "typing", "zoneinfo", "builtins"),
    ("pydantic", "typing_extensions"),
    ("abac", "abac.model.markers"),
)
"""Homes as imports are sorted: the standard library, other packages, ours."""

_SCALARS: Mapping[t.Scalar, tuple[str, ...]] = {
    t.BOOL: ("bool",),
    t.INT: ("int",),
    t.DECIMAL: ("Decimal",),
    t.STRING: ("str",),
    t.INSTANT: ("AwareDatetime",),
    t.DATE: ("date",),
    t.DURATION: ("timedelta",),
    t.TIME_OF_DAY: ("time",),
    t.TIME_ZONE: ("ZoneInfo",),
    t.IP_ADDRESS: ("IPv4Address", "IPv6Address"),
    t.IP_NETWORK: ("IPv4Network", "IPv6Network"),
}
"""One row for each type that can be declared."""


_Line = tuple[str, str, str]
"""An attribute, its annotation and its default, if any."""


def model_source(schema: Schema) -> str:
    """See `Schema.to_models`."""
    complaints = list(_unspeakable(schema))
    if complaints:
        raise SchemaError(complaints)
    return _Printer(schema).source()


def _unspeakable(schema: Schema) -> Iterator[str]:
    """Names that a class or an attribute of a model cannot have."""
    types = {*schema.aliases, *schema.records, *schema.entities}
    for name in sorted(types):
        if keyword.iskeyword(name) or hasattr(builtins, name):  # before its class stands, the name would mean Python's own
            yield f"`{name}`: Python has a meaning of its own for this name"
    for owner, fields in field_owners(schema):
        for name in fields:
            if name.startswith(("_", "model_")):
                yield f"`{owner}.{name}`: no attribute of a model can be called so"
        for name in sorted(_hiding(fields) & types):
            yield f"`{owner}.{name}`: the attribute would hide the type `{name}`"


def _hiding(fields: Mapping[str, Field]) -> set[str]:
    """Attributes with a value in the class body, which hides what else has their names."""
    return {name for name, field in fields.items() if field.absent_by_default or _needs_call(fields)}


def _needs_call(names: Iterable[str]) -> bool:
    """Whether a class body has no room for one of the attributes, such as `class: str`."""
    return any(map(keyword.iskeyword, names))


class _Printer:
    """Collects the names that the source uses; a name that the schema takes for itself is imported under another."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        hiding = {name for _, fields in field_owners(schema) for name in _hiding(fields)}
        self.taken = {*schema.aliases, *schema.records, *schema.entities, *hiding}
        self.imported: dict[str, str] = {}
        self.intervals: dict[t.Type, str] = {}
        self.beside = {name for names in _side_by_side(schema) for name in names if len(names) > 1}

    def source(self) -> str:
        schema = self.schema
        own = {name for name, type in schema.aliases.items() if isinstance(type, t.Words | t.KeyOf) and type.name == name}
        context = self._free("Context") if schema.context.fields else None
        classes = [*map(self._record, schema.records.values()), *map(self._entity, schema.entities.values())]
        if context:
            fields = schema.context.fields.values()
            classes.append(self._body(context, [self._field(f, "Clock" if f.name == schema.context.clock else "") for f in fields]))
        words = "".join(self._alias(name) for name in schema.aliases if name in own)
        others = "".join(self._alias(name) for name in schema.aliases if name not in own)
        last = self._call(context)
        intervals = "".join(self._interval(element, name) for element, name in self.intervals.items())
        blocks = [self._imports(), words, intervals, *(f"\n{text}" for text in classes), f"\n{others}" if others else "", f"\n{last}"]
        return "\n".join(block for block in blocks if block)

    # ── classes ────────────────────────────────────────────────────────────────────────────────────────────

    def _record(self, record: Record) -> str:
        return self._body(record.name, [self._field(field) for field in record.fields.values()])

    def _entity(self, owner: Entity) -> str:
        lines = [self._field(field, "Key" if name == owner.key else "") for name, field in owner.fields.items()]
        if owner.parents:
            lines.append(("parents", f"{self.use('list')}[{' | '.join(owner.parents)}{self._reference(owner.parents)}]", ""))
        if owner.name in self.beside:
            lines.append(("entity_type", f'{self.use("Literal")}["{owner.name}"]', f'"{owner.name}"'))
        return self._body(owner.name, lines)

    def _body(self, name: str, lines: Sequence[_Line]) -> str:
        if _needs_call(attribute for attribute, _, _ in lines):
            members = "".join(f'    "{attribute}": ({_string(type)}, {default or "..."}),\n' for attribute, type, default in lines)
            return f'{name} = {self.use("create_model")}("{name}", __module__=__name__, **{{\n{members}}})\n'
        members = "".join(f"    {attribute}: {type}{f' = {default}' if default else ''}\n" for attribute, type, default in lines)
        return f"class {name}({self.use('BaseModel')}):\n" + (members or "    pass\n")

    def _field(self, field: Field, mark: str = "") -> _Line:
        marks = [f"{self.use(name)}()" for name in (mark, "Sensitive" if field.sensitive else "") if name]
        if field.max_age is not None:
            count, unit = duration_text(field.max_age).split()
            marks.append(f"{self.use('MaxAge')}({self.use('timedelta')}({unit.removesuffix('s')}s={count}))")
        type = self.type(field.type)
        annotation = f"{self.use('Annotated')}[{', '.join([type, *marks])}]" if marks else type
        return field.name, annotation, "None" if field.absent_by_default else ""

    def _alias(self, name: str) -> str:
        type = self.type(self.schema.aliases[name], own=name)
        return f'{name} = {self.use("TypeAliasType")}("{name}", {type})\n'

    def _interval(self, element: t.Type, name: str) -> str:
        members = f'{{"from": {self.type(element)}, "until": {self.use("NotRequired")}[{self.type(element)} | None]}}'
        return f'{name} = {self.use("TypedDict")}("{name}", {members})\n'

    # ── types ──────────────────────────────────────────────────────────────────────────────────────────────

    def type(self, type: t.Type, own: str = "") -> str:
        """As Python annotates it, by the name of its alias except where that is `own`."""
        match type:
            case t.Words(name=str(name)) | t.KeyOf(name=str(name)) if name != own and self.schema.aliases.get(name) == type:
                return name
            case t.Words(words=words, open=is_open, ordered=ordered):
                literal = f"{self.use('Literal')}[{', '.join(map(_string, words))}]"
                if ordered:
                    return f"{self.use('Annotated')}[{literal}, {self.use('Ordered')}()]"
                return f"{literal} | {self.use('str')}" if is_open else literal
            case t.KeyOf(table=table, key=key):
                return f'{self.use("Annotated")}[{self.type(key)}, {self.use("KeyOf")}("{table}")]'
            case t.SetOf(element=t.Scalar() | t.Words() | t.KeyOf() as element):
                return f"{self.use('set')}[{self.type(element)}]"
            case t.SetOf(element=element):
                return f"{self.use('Annotated')}[{self.use('list')}[{self.type(element)}], {self.use('AsSet')}()]"
            case t.ListOf(element=element):
                return f"{self.use('list')}[{self.type(element)}]"
            case t.IntervalOf(element=element):
                if element not in self.intervals:
                    self.intervals[element] = self._free(f"{'' if element == t.INSTANT else element}Interval")
                return self.intervals[element]
            case t.Optional(inner=inner):
                return f"{self.type(inner)} | None"
            case t.RecordOf(name=name):
                return name
            case t.EntityOf(names=(name,) as names):
                return f"{name}{self._reference(names)}"
            case t.Scalar() if type in _SCALARS:
                return " | ".join(map(self.use, _SCALARS[type]))
            case t.Scalar() | t.EntityOf() | t.TableOf():
                raise SchemaError([f"the type `{type}` has no counterpart in Python"])
            case unknown:
                assert_never(unknown)

    def _reference(self, names: tuple[str, ...]) -> str:
        """` | str`: in a request the bare key stands for an entity, where it can be of one type only."""
        if len(names) > 1:
            return ""
        entity = self.schema.entities[names[0]]
        return f" | {self.type(entity.fields[entity.key].type)}"

    # ── names ──────────────────────────────────────────────────────────────────────────────────────────────

    def use(self, name: str) -> str:
        """A name of `_HOMES` as the source calls it."""
        if name not in self.imported:
            self.imported[name] = self._free(name)
        return self.imported[name]

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _imports(self) -> str:
        sections = ["from __future__ import annotations\n", *("".join(map(self._import, homes)) for homes in _SECTIONS)]
        return "\n".join(section for section in sections if section)

    def _import(self, home: str) -> str:
        used = sorted((name, here) for name, here in self.imported.items() if _HOME[name] == home and (home != "builtins" or name != here))
        names = ", ".join(name if name == here else f"{name} as {here}" for name, here in used)
        return f"from {home} import {names}\n" if used else ""

    # ── the call ───────────────────────────────────────────────────────────────────────────────────────────

    def _call(self, context: str | None) -> str:
        schema = self.schema
        also = [name for name in (*schema.aliases, *schema.records, *schema.entities) if name not in _reached(schema)]
        parts: list[tuple[str, tuple[str, str], list[str]]] = [
            ("actions", ("{", "}"), [self._action(action) for action in schema.actions.values()]),
            ("duties", ("[", "]"), [self._duty(duty) for duty in schema.duties.values()]),
            ("also", ("[", "]"), also),
        ]
        lines = []
        for name, (opening, closing), items in parts:
            if items or name == "actions":
                inside = "".join(f"        {item},\n" for item in items)
                lines.append(f"{name}={opening}\n{inside}    {closing}" if items else f"{name}={opening}{closing}")
            if name == "actions" and context:
                lines.append(f"context={context}")
        arguments = "".join(f"    {line},\n" for line in lines)
        return f"{self._free('SCHEMA')} = {self.use('Schema')}.from_models(\n{arguments})\n"

    def _action(self, action: Action) -> str:
        return f'"{action.name}": ({" | ".join(action.subjects)}, {" | ".join(action.resources)})'

    def _duty(self, duty: DutySignature) -> str:
        parameters = ", ".join(f'"{name}": {self.type(type)}' for name, type in duty.parameters)
        id = f", id={_string(duty.id)}" if duty.id != duty.name else ""
        kind = self.use("Obligation" if duty.kind is DutyKind.OBLIGATION else "Advice")
        return f'{kind}("{duty.name}"{f", {{{parameters}}}" if parameters else ""}{id})'


def _string(text: str) -> str:
    """In double quotes where that needs no escapes."""
    return repr(text) if "'" in text or '"' in text else f'"{repr(text)[1:-1]}"'


def _side_by_side(schema: Schema) -> Iterator[tuple[str, ...]]:
    for action in schema.actions.values():
        yield from (action.subjects, action.resources)
    yield from (entity.parents for entity in schema.entities.values())


def _reached(schema: Schema) -> set[str]:
    """The named types that `from_models` finds from the actions, the context and the duties."""
    found: set[str] = set()
    waiting: list[t.Type] = [t.EntityOf(names) for action in schema.actions.values() for names in (action.subjects, action.resources)]
    waiting += every_type(Schema(context=schema.context, duties=schema.duties))
    while waiting:
        match waiting.pop():
            case t.SetOf(element=inner) | t.ListOf(element=inner) | t.Optional(inner=inner):
                waiting.append(inner)
            case (t.Words(name=str(name)) | t.KeyOf(name=str(name))) as type if schema.aliases.get(name) == type:
                found.add(name)
            case t.RecordOf(name=name) if name not in found:
                found.add(name)
                waiting += (field.type for field in schema.records[name].fields.values())
            case t.EntityOf(names=names):
                for name in set(names) - found:
                    found.add(name)
                    waiting += (field.type for field in schema.entities[name].fields.values())
                    waiting.append(t.EntityOf(schema.entities[name].parents))
    return found
