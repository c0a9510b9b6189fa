"""Floor 1, model: what pydantic models say beyond Python's types: `id: Annotated[str, Key()]`. Nothing here needs pydantic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

# ── on an attribute ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Key:
    """The attribute identifies the object: its model is an entity."""


@dataclass(frozen=True, slots=True)
class Sensitive:
    """The attribute may not be shown to requesters."""


@dataclass(frozen=True, slots=True)
class MaxAge:
    """What an attribute source supplied longer ago is unknown. `duration` is a positive number of whole seconds."""

    duration: dt.timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """The attribute of the context that is `now`."""


# ── on a type ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Ordered:
    """The words of the Literal or StrEnum compare by their order."""


@dataclass(frozen=True, slots=True)
class KeyOf:
    """A key of the table that the package declares as `data`."""

    table: str


@dataclass(frozen=True, slots=True)
class AsSet:
    """The list is a Set: for elements that Python cannot hash."""


# ── duties ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Obligation:
    """An obligation that policies may impose.

    Args:
        parameters: names with Python types.
        id: what enforcement points see; None: the name.
    """

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice that policies may give; as `Obligation`."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    id: str | None = None
