"""Floor 5, engine: what an attribute source is asked and may answer, and which source supplies what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol

from abac.model.values import EntityRef


@dataclass(frozen=True, slots=True)
class Found:
    """The entity exists.

    Attributes:
        values: attributes by name: a mapping, pydantic model or dataclass, in the forms that requests have. What was asked for and is not
            in it is unknown, unless the schema says `= absent`; what was not asked for is ignored. Groups are under `parents`.
        fetched_at: as of when the values are right, aware; None: as of the moment before the source was asked.
        version: what the source calls this state of the entity, for explanations.
    """

    values: Any
    fetched_at: dt.datetime | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The entity is known not to exist. A source that does not know raises."""


class AttributeSource(Protocol):
    """Supplies attributes of entities. `name` is how logs, explanations and statistics call it."""

    @property
    def name(self) -> str: ...

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        """The attributes of one entity; called from several threads at once.

        Args:
            entity: its type and its key, as the schema reads it.
            names: attributes that policies can read, and `parents` where they look at groups.
            at: the clock of the decision.

        Whatever it raises makes these attributes unknown, with cause `source failed`.
        """
        ...


class AsyncAttributeSource(Protocol):
    """An AttributeSource that is awaited, on the loop that runs `Engine.acheck`."""

    @property
    def name(self) -> str: ...

    async def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent: ...


@dataclass(frozen=True, slots=True)
class Supply:
    """Which source supplies which attributes of which type of entity.

    Several may supply one type, each other attributes of it.

    Attributes:
        entity: the name of the type.
        attributes: those that come from this source, `parents` among them; None: all that no other supply names.
        keep: how long the engine may answer without asking again; None: until `Engine.invalidate`. It has no default: it is how late a
            change may be seen that nobody announces.
        max_age: a value older than this at the decision's clock is unknown, cause `stale`; None: as old as the schema lets it be.
        timeout: how long to wait for an answer before it is `source failed`; None: for ever, in the caller's own thread, for what cannot
            hang.
        threads: calls in progress at once, of a source that is not asynchronous and has a timeout.

    Raises:
        TypeError: if the source is none: a bare function, say.
        ValueError: if `keep` is negative, `max_age` or `timeout` is not positive, there is no thread, or `attributes` is one string.
    """

    entity: str
    source: AttributeSource | AsyncAttributeSource
    attributes: Collection[str] | None = None
    _: KW_ONLY
    keep: dt.timedelta | None
    max_age: dt.timedelta | None = None
    timeout: dt.timedelta | None = dt.timedelta(seconds=1)
    threads: int = 8

    def __post_init__(self) -> None:
        if not callable(getattr(self.source, "fetch", None)) or not isinstance(getattr(self.source, "name", None), str):
            raise TypeError("a source has a `name` and a `fetch`: put a function into a `FunctionSource` or an `AsyncFunctionSource`")
        nothing = dt.timedelta()
        if self.keep is not None and self.keep < nothing:
            raise ValueError("`keep` is negative")
        for name, given in (("max_age", self.max_age), ("timeout", self.timeout)):
            if given is not None and given <= nothing:
                raise ValueError(f"`{name}` is not positive")
        if self.threads < 1:
            raise ValueError("`threads` is less than one")
        if isinstance(self.attributes, str):
            raise ValueError("`attributes` is a collection of names")
