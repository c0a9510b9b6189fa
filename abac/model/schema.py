"""Floor 1, model: what requests may contain: entities, context, actions, duties, tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from abac.model.types import Optional, Type, plain

if TYPE_CHECKING:
    from pydantic import BaseModel

    from abac.model.markers import Advice, Obligation


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute or record field.

    Args:
        type: `Optional(T)` for `T?`.
        absent_by_default: `= absent`: a missing member is known to be absent rather than unknown.
        sensitive: may not be shown to requesters.
        max_age: what an attribute source supplied longer ago is unknown, cause `stale`; None: of any age.
    """

    name: str
    type: Type
    absent_by_default: bool = False
    sensitive: bool = False
    max_age: dt.timedelta | None = None

    @property
    def optional(self) -> bool:
        return isinstance(self.type, Optional)

    @property
    def plain(self) -> Type:
        return plain(self.type)


@dataclass(frozen=True, slots=True)
class Record:
    """A value without an identity: `fields` by their names."""

    name: str
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Entity:
    """`key` names the field that identifies it; `parents` are the entity types it may stand below."""

    name: str
    key: str
    fields: Mapping[str, Field]
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """`clock` names the field that is `now`, if any."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """AuthZEN 1.0 section 5.3: what may be asked, with the entity types that may ask it and be asked for."""

    name: str
    subjects: tuple[str, ...]
    resources: tuple[str, ...]


class DutyKind(StrEnum):
    """XACML 3.0 section 7.18: an obligation must be discharged, advice may be ignored."""

    OBLIGATION = "obligation"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class DutySignature:
    """`name` is how policies call it, `id` what enforcement points see."""

    name: str
    id: str
    kind: DutyKind
    parameters: tuple[tuple[str, Type], ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything a package declares about requests. Two schemas are equal when they admit the same requests."""

    aliases: Mapping[str, Type] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    entities: Mapping[str, Entity] = field(default_factory=dict)
    context: Context = field(default_factory=Context)
    actions: Mapping[str, Action] = field(default_factory=dict)
    duties: Mapping[str, DutySignature] = field(default_factory=dict)

    @classmethod
    def from_models(
        cls,
        *,
        actions: Mapping[str, tuple[object, object]],
        context: type[BaseModel] | None = None,
        duties: Iterable[Obligation | Advice] = (),
        also: Iterable[object] = (),
    ) -> Schema:
        """A schema from the service's own pydantic models; `docs/schema.md` has the table of types.

        Args:
            actions: for each action the models of its subjects and of its resources: `{"read": (User | Service, Document)}`.
            context: the model of the context.
            also: models, type aliases and StrEnums that policies use and no other model mentions.

        Raises:
            SchemaError: with everything about the models that has no counterpart.
        """
        from abac.model.models import read_models

        return read_models(actions, context, duties, also)

    def to_declarations(self) -> str:
        """The schema in the language, without a package header. The tables of `key of` types are not in it: a comment names them.

        Raises:
            SchemaError: a type cannot be declared.
        """
        from abac.model.declarations import declarations

        return declarations(self)

    def to_models(self) -> str:
        """Python source of pydantic models, of which `from_models`, called on its last lines, makes an equal schema.

        Raises:
            SchemaError: with every name that Python has no room for, such as an attribute called `class`.
        """
        from abac.model.model_source import model_source

        return model_source(self)
