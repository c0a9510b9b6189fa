"""Floor 1, model: makes a schema of pydantic models. All that has no counterpart is told at once."""

from __future__ import annotations

import datetime as dt
import ipaddress
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

import pydantic

from abac.model import markers as m
from abac.model import types as t
from abac.model.declarations import is_dotted, is_name, is_type_name, is_word
from abac.model.errors import SchemaError
from abac.model.schema import Action, Context, DutyKind, DutySignature, Entity, Field, Record, Schema

Model = type[pydantic.BaseModel]

SCALARS: Mapping[object, t.Scalar] = {
    bool: t.BOOL,
    int: t.INT,
    Decimal: t.DECIMAL,
    str: t.STRING,
    dt.datetime: t.INSTANT,
    pydantic.AwareDatetime: t.INSTANT,
    dt.date: t.DATE,
    dt.timedelta: t.DURATION,
    dt.time: t.TIME_OF_DAY,
    ZoneInfo: t.TIME_ZONE,
    ipaddress.IPv4Address: t.IP_ADDRESS,
    ipaddress.IPv6Address: t.IP_ADDRESS,
    pydantic.IPvAnyAddress: t.IP_ADDRESS,
    ipaddress.IPv4Network: t.IP_NETWORK,
    ipaddress.IPv6Network: t.IP_NETWORK,
    pydantic.IPvAnyNetwork: t.IP_NETWORK,
}

_INSTEAD: Mapping[object, str] = {
    float: "use `Decimal`, which is exact",
    bytes: "use `str`",
    UUID: "use `str`",
    pydantic.SecretStr: "use `Annotated[str, Sensitive()]`",
    pydantic.NaiveDatetime: "use `AwareDatetime`: an instant needs a zone",
    dict: "use a model with named attributes, or a table of the package",
    list: "say of what: `list[str]`",
    tuple: "say of what: `tuple[str, ...]`",
    set: "say of what: `set[str]`",
    frozenset: "say of what: `frozenset[str]`",
    typing.Any: "name the one type it has",
    object: "name the one type it has",
}
_TYPES_ONLY = "use one of the types in docs/schema.md"
_KINDS = {m.Obligation: DutyKind.OBLIGATION, m.Advice: DutyKind.ADVICE}
_PLAIN = (t.Scalar, t.Words, t.KeyOf)
_BAD = t.NOTHING
"""The type of what was complained about."""


def read_models(
    actions: Mapping[str, tuple[object, object]],
    context: Model | None,
    duties: Iterable[m.Obligation | m.Advice],
    also: Iterable[object],
) -> Schema:
    """See `Schema.from_models`."""
    reader = _Reader()
    schema = Schema(reader.aliases, reader.records, reader.entities, reader.context(context), {}, {})
    declared = {name: reader.action(name, sides) for name, sides in actions.items()}
    signatures = [reader.duty(duty) for duty in duties]
    for extra in also:
        reader.type(extra, (), "`also`")
    reader.check_references()
    names = [signature.name for signature in signatures]
    ids = [(signature.kind, signature.id) for signature in signatures]
    for each in signatures:
        if names.count(each.name) > 1 or ids.count((each.kind, each.id)) > 1:
            reader.complain(f"{each.kind} `{each.id}`", "is declared twice")
    if reader.complaints:
        raise SchemaError(dict.fromkeys(reader.complaints))
    return replace(schema, actions=declared, duties={signature.name: signature for signature in signatures})


@dataclass(slots=True)
class _Reader:
    """One reading of a service's models.

    Attributes:
        owners: what each name stands for.
        keys: types that stand beside an entity's model, as the type of its key, with the place.
        beside: entities that stand beside others.
    """

    aliases: dict[str, t.Type] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    entities: dict[str, Entity] = field(default_factory=dict)
    owners: dict[str, object] = field(default_factory=dict)
    keys: list[tuple[str, t.Type, str]] = field(default_factory=list)
    beside: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def complain(self, place: str, problem: str) -> t.Type:
        self.complaints.append(f"{place}: {problem}")
        return _BAD

    # ── what is asked ──────────────────────────────────────────────────────────────────────────────────────

    def context(self, model: Model | None) -> Context:
        if model is None:
            return Context()
        if not _is_model(model):
            self.complain("`context`", f"{_shown(model)} is no model")
            return Context()
        parts = list(self._parts(model))
        fields = {part.name: self._field(part) for part in parts}
        self._without_age(parts, "it comes with the request")
        clocks = [part for part in parts if part.has(m.Clock)]
        for part in parts:
            if part.has(m.Key):
                self.complain(part.place, "the context has no key: leave out `Key()`")
        for clock in clocks:
            if fields[clock.name].type != t.INSTANT or clock is not clocks[0]:
                self.complain(clock.place, "the clock is one `AwareDatetime` that is never absent")
        return Context(fields, clocks[0].name if clocks else None)

    def action(self, name: str, sides: tuple[object, object]) -> Action:
        place = f"action `{name}`"
        if not is_name(name):
            self.complain(place, "is no name of the language")
        subjects, resources = sides
        return Action(name, *(tuple(sorted(set(self._entities(side, place)))) for side in (subjects, resources)))

    def _entities(self, annotation: object, place: str) -> tuple[str, ...]:
        """Entities that stand side by side: their models, or a union of them."""
        models = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
        names: list[str] = []
        for model in models:
            found = self._model(model) if _is_model(model) else self.complain(place, f"expected models, found {_shown(model)}")
            if isinstance(found, t.EntityOf):
                names += found.names
            elif isinstance(found, t.RecordOf):
                self.complain(f"`{found.name}`", "no attribute is its key: mark the one that identifies it, `id: Annotated[str, Key()]`")
        if len(names) > 1:
            self.beside.update(names)
        return tuple(names)

    def duty(self, duty: m.Obligation | m.Advice) -> DutySignature:
        kind = _KINDS[type(duty)]
        place = f"{kind} `{duty.name}`"
        if not is_dotted(duty.name):
            self.complain(place, "is no name of the language")
        parameters = []
        for name, annotation in duty.parameters.items():
            at = f"{place}, parameter `{name}`"
            if not is_name(name):
                self.complain(at, "is no name of the language")
            found = self.type(annotation, (), at)
            if isinstance(found, t.Optional):
                self.complain(at, "a parameter is never absent: leave out `None`")
            parameters.append((name, found))
        return DutySignature(duty.name, duty.id or duty.name, kind, tuple(parameters))

    def check_references(self) -> None:
        """What can be said only when every model is read."""
        for name, found, place in self.keys:
            entity = self.entities[name]
            key = entity.fields[entity.key].type
            if found != _BAD and t.base(found) != t.base(key):
                self.complain(place, f"beside `{name}` only the type of its key, {key}, may stand")
        for name in sorted(self.beside):
            model = typing.cast(Model, self.owners[name])
            if "entity_type" not in model.model_fields:
                self.complain(f"`{name}`", f'stands beside other models: add `entity_type: Literal["{name}"] = "{name}"`')

    # ── models ─────────────────────────────────────────────────────────────────────────────────────────────

    def _model(self, model: Model) -> t.Type:
        """The record or entity of a model; one with a key is an entity."""
        name = model.__name__
        if self._is_new(name, model):
            parts = list(self._parts(model))
            keys = [part for part in parts if part.has(m.Key)]
            for part in parts:
                if part.has(m.Clock):
                    self.complain(part.place, "only the context has a clock: leave out `Clock()`")
            if keys:
                self._entity(name, parts, keys)
            else:
                fields: dict[str, Field] = {}
                self.records[name] = Record(name, fields)
                self._without_age(parts, "that of the attribute that holds the record counts")
                fields.update((part.name, self._field(part)) for part in parts)
        return t.EntityOf((name,)) if name in self.entities else t.RecordOf(name) if name in self.records else _BAD

    def _entity(self, name: str, parts: Sequence[_Part], keys: Sequence[_Part]) -> None:
        key, fields = keys[0], dict[str, Field]()
        self.entities[name] = Entity(name, key.name, fields)
        for extra in keys[1:]:
            self.complain(extra.place, f"an entity has one key, which is `{key.name}` already")
        self._without_age((part for part in parts if part is key or part.name == "parents"), "only attributes beside the key have one")
        parents: tuple[str, ...] = ()
        for part in parts:
            if part.name == "parents":
                parents = self._parents(part)
            elif part.name == "entity_type":
                if typing.get_args(part.annotation) != (name,):
                    self.complain(part.place, f'is reserved for the name of the entity: `entity_type: Literal["{name}"] = "{name}"`')
            else:
                fields[part.name] = self._field(part)
        self.entities[name] = Entity(name, key.name, fields, parents)
        if not isinstance(fields[key.name].type, _PLAIN):
            self.complain(key.place, f"a key is a plain value that is never absent, this is {fields[key.name].type}")

    def _parents(self, part: _Part) -> tuple[str, ...]:
        """`parents: list[Folder | str]`, or of the models of several entities."""
        if typing.get_origin(part.annotation) is not list:
            self.complain(part.place, "is reserved for what an entity stands in: `parents: list[Folder | str]`")
            return ()
        (element,) = typing.get_args(part.annotation)
        if _is_union(element) and sum(map(_is_model, typing.get_args(element))) == 1:
            found = self.type(element, (), part.place)
            return found.names if isinstance(found, t.EntityOf) else ()
        return self._entities(element, part.place)

    def _parts(self, model: Model) -> Iterator[_Part]:
        """The attributes of instances: fields and computed fields, by the names they have in Python."""
        try:
            model.model_rebuild(_types_namespace={})
        except (NameError, pydantic.PydanticUserError) as error:
            name = getattr(error, "name", None)
            what = f"`{name}` is not defined yet" if name else "pydantic cannot resolve its annotations"
            self.complain(f"`{model.__name__}`", f"{what}: define it in the same module, or call `{model.__name__}.model_rebuild()` first")
            return
        if issubclass(model, pydantic.RootModel):
            self.complain(f"`{model.__name__}`", "a RootModel has no attributes: use the type of its root")
            return
        for name, info in model.model_fields.items():
            optional_default = info.default is None and info.default_factory is None
            yield _Part(f"`{model.__name__}.{name}`", name, info.annotation, tuple(info.metadata), optional_default)
        for name, computed in model.model_computed_fields.items():
            yield _Part(f"`{model.__name__}.{name}`", name, computed.return_type, (), False)

    def _field(self, part: _Part) -> Field:
        if not is_word(part.name):
            self.complain(part.place, "is no name of the language: letters of ASCII, digits and `_`")
        type = self.type(part.annotation, part.markers, part.place)
        max_age = next((marker.duration for marker in part.markers if isinstance(marker, m.MaxAge)), None)
        if max_age is not None and (max_age <= dt.timedelta() or max_age % dt.timedelta(seconds=1)):
            self.complain(part.place, "a maximum age is a positive number of whole seconds")
        return Field(part.name, type, part.default_none and isinstance(type, t.Optional), part.has(m.Sensitive), max_age)

    def _without_age(self, parts: Iterable[_Part], why: str) -> None:
        for part in parts:
            if part.has(m.MaxAge):
                self.complain(part.place, f"has no age: {why}")

    def _is_new(self, name: str, owner: object) -> bool:
        """Whether a named type is met for the first time; complains of two with one name."""
        if name in self.owners:
            if self.owners[name] is not owner:
                self.complain(f"`{name}`", f"two types have this name: {_whence(self.owners[name])} and {_whence(owner)}")
            return False
        self.owners[name] = owner
        if not is_type_name(name):
            self.complain(f"`{name}`", "no type can be called so in the language: rename it")
        return True

    # ── types ──────────────────────────────────────────────────────────────────────────────────────────────

    def type(self, annotation: object, markers: Sequence[object], place: str) -> t.Type:
        """The type that an annotation stands for."""
        found = self._bare(annotation, place)
        for marker in markers:
            found = self._marked(found, marker, place)
        return found

    def _bare(self, annotation: typing.Any, place: str) -> t.Type:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if _is_union(annotation):
            return self._union(arguments, place)
        if origin is typing.Annotated:
            for marker in arguments[1:]:
                if isinstance(marker, m.Key | m.Sensitive | m.Clock | m.MaxAge):
                    whole = f"write `Annotated[…, {marker}]` around all of its type"
                    self.complain(place, f"`{marker}` marks an attribute, not a part of it: {whole}")
            return self.type(arguments[0], arguments[1:], place)
        if origin is typing.Literal:
            return self._literal(arguments, place)
        if origin in (list, set, frozenset) or (origin is tuple and len(arguments) == 2 and arguments[1] is ...):
            element = self.type(arguments[0], (), place)
            if isinstance(element, t.Optional):
                self.complain(place, "elements are never absent: leave out `None`")
            return t.ListOf(element) if origin in (list, tuple) else t.SetOf(element)
        if origin is tuple:
            return self.complain(place, f"{_shown(annotation)} has no counterpart: use a model with named attributes, or `tuple[X, ...]`")
        if origin is None:
            return self._named(annotation, place)
        return self._unsupported(annotation, origin, place)

    def _named(self, annotation: typing.Any, place: str) -> t.Type:
        if isinstance(annotation, type) and annotation in SCALARS:
            return SCALARS[annotation]
        if _is_model(annotation):
            return self._model(annotation)
        if type(annotation).__name__ == "TypeAliasType":
            return self._alias(annotation.__name__, annotation, place)
        if isinstance(annotation, typing.NewType):
            return self.type(annotation.__supertype__, (), place)
        if isinstance(annotation, type) and issubclass(annotation, Enum) and issubclass(annotation, str):
            return self._alias(annotation.__name__, annotation, place)
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return self.complain(place, f"the members of {_shown(annotation)} are no strings: use `StrEnum`, or a Literal")
        if hasattr(annotation, "__total__"):  # a TypedDict
            return self._interval(annotation, place)
        return self._unsupported(annotation, annotation, place)

    def _unsupported(self, annotation: object, known: object, place: str) -> t.Type:
        advice = next((text for type, text in _INSTEAD.items() if type is known), _TYPES_ONLY)
        return self.complain(place, f"{_shown(annotation)} has no counterpart: {advice}")

    def _alias(self, name: str, owner: typing.Any, place: str) -> t.Type:
        if self._is_new(name, owner):
            if isinstance(owner, type) and issubclass(owner, Enum):
                found: t.Type = t.Words(tuple(str(each.value) for each in owner))
            else:
                found = self.type(owner.__value__, (), f"type `{name}`")
            self.aliases[name] = replace(found, name=name) if isinstance(found, t.Words | t.KeyOf) and found.name is None else found
        elif name not in self.aliases:
            return self.complain(f"type `{name}`", "needs itself: use a model")
        return self.aliases[name]

    def _literal(self, words: tuple[object, ...], place: str) -> t.Type:
        bad = [word for word in words if type(word) is not str and word is not None]
        if bad:
            return self.complain(place, f"a Literal of the language is of strings, `{bad[0]!r}` is none: use `bool`, `int` or a StrEnum")
        found = t.Words(tuple(word for word in words if isinstance(word, str)))
        return t.Optional(found) if None in words else found

    def _interval(self, annotation: typing.Any, place: str) -> t.Type:
        members = typing.get_type_hints(annotation)
        if set(members) != {"from", "until"}:
            return self.complain(place, f"{_shown(annotation)} is no interval, which has `from` and `until`: use a model")
        start, end = (self.type(members[name], (), place) for name in ("from", "until"))
        if start not in (t.INSTANT, t.DATE, t.TIME_OF_DAY) or t.plain(end) != start:
            return self.complain(place, "`from` and `until` of an interval are of `AwareDatetime`, `date` or `time`, both of the same")
        return t.IntervalOf(start)

    def _union(self, members: Sequence[object], place: str) -> t.Type:
        models = [each for each in members if _is_model(each)]
        others = [each for each in members if not _is_model(each) and each is not types.NoneType]
        found = list(dict.fromkeys(self.type(each, (), place) for each in others))
        joined = _joined([t.plain(each) for each in found])
        if len(models) == 1 and (joined is not None or not found):
            entity = self._model(models[0])
            if isinstance(entity, t.EntityOf) and joined is not None:
                self.keys.append((entity.names[0], joined, place))
            elif joined is not None:
                self.complain(place, f"beside `{models[0].__name__}` nothing may stand: it has no key")
            joined = entity
        elif models or joined is None:
            shown = " | ".join(_shown(each).strip("`") for each in members)
            return self.complain(place, f"`{shown}` is a union of unlike types: use one of them, or an attribute for each")
        absent = types.NoneType in members or any(isinstance(each, t.Optional) for each in found)
        return t.Optional(joined) if absent and joined != _BAD else joined

    def _marked(self, found: t.Type, marker: object, place: str) -> t.Type:
        """The type with what a marker says of it; what other libraries say is theirs."""
        if isinstance(found, t.Optional):
            return t.Optional(self._marked(found.inner, marker, place))
        match marker:
            case m.Ordered() if isinstance(found, t.Words) and not found.open:
                return t.Words(found.words, ordered=True)
            case m.Ordered():
                return self.complain(place, "`Ordered()` is for a Literal or a StrEnum")
            case m.KeyOf(table=table) if isinstance(found, t.Scalar):
                return t.KeyOf(table, found) if is_dotted(table) else self.complain(place, f"no table can be called `{table}`")
            case m.KeyOf():
                return self.complain(place, "`KeyOf(…)` is for the type of a table's key, such as `str`")
            case m.AsSet() if isinstance(found, t.ListOf):
                return t.SetOf(found.element)
            case m.AsSet():
                return self.complain(place, "`AsSet()` is for a list")
        return found


@dataclass(frozen=True, slots=True)
class _Part:
    """An attribute of a model's instances."""

    place: str
    name: str
    annotation: object
    markers: tuple[object, ...]
    default_none: bool

    def has(self, marker: type) -> bool:
        return any(isinstance(each, marker) for each in self.markers)


def _joined(found: Sequence[t.Type]) -> t.Type | None:
    """One type for members of a union that are alike, or None: equal ones, and words, with `str` beside them open."""
    words = [each for each in found if isinstance(each, t.Words) and not each.ordered]
    others = [each for each in dict.fromkeys(found) if each not in words]
    if not words:
        return others[0] if len(others) == 1 else None
    if others not in ([], [t.STRING]):
        return None
    if len(words) == 1 and not others:
        return words[0]
    return t.Words(tuple(dict.fromkeys(word for each in words for word in each.words)), bool(others) or any(each.open for each in words))


def _is_model(annotation: object) -> typing.TypeGuard[Model]:
    return isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)


def _is_union(annotation: object) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _shown(annotation: object) -> str:
    """As the author wrote it, nearly."""
    whole = typing.get_origin(annotation) is not None or not isinstance(annotation, type)
    return f"`{str(annotation).replace('typing.', '') if whole else annotation.__name__}`"  # type: ignore[attr-defined]  # a class


def _whence(owner: typing.Any) -> str:
    return f"{owner.__module__}.{getattr(owner, '__qualname__', owner.__name__)}"
