"""Floor 1, model: what requests may contain: entities, context, actions, duties, tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from abac.model.types import Optional, Type, plain


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute or record field.

    Args:
        type: `Optional(T)` for `T?`.
        absent_by_default: `= absent`: a missing member is known to be absent rather than unknown.
        sensitive: may not be shown to requesters.
    """

    name: str
    type: Type
    absent_by_default: bool = False
    sensitive: bool = False

    @property
    def optional(self) -> bool:
        return isinstance(self.type, Optional)

    @property
    def plain(self) -> Type:
        return plain(self.type)


@dataclass(frozen=True, slots=True)
class Record:
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
