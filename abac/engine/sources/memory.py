"""Floor 5, engine: an attribute source in memory: for tests, and for what fits there."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Mapping

from abac.engine.sources.protocol import Absent, Found
from abac.model.values import EntityRef


class MemorySource:
    """Entities in a dictionary. What is put in is not copied: do not change it afterwards, put something else.

    After `put` or `remove` tell the engine, `engine.invalidate(key)`, unless nothing is kept.
    """

    def __init__(self, name: str, entities: Mapping[str, Mapping[object, object]] | None = None) -> None:
        """Args: `entities` by type and key: `{"User": {"user:alice": {"role": "member"}}}`."""
        self.name = name
        self._lock = threading.Lock()
        self._states: dict[tuple[str, type, object], tuple[object, int]] = {}
        self._changes = 0
        for type_, by_key in (entities or {}).items():
            for key, values in by_key.items():
                self.put(EntityRef(type_, key), values)

    def put(self, entity: EntityRef, values: object) -> None:
        """The entity exists and has these attributes: a mapping, pydantic model or dataclass."""
        with self._lock:
            self._changes += 1
            self._states[_place(entity)] = (values, self._changes)

    def remove(self, entity: EntityRef) -> None:
        """The entity does not exist."""
        with self._lock:
            self._states.pop(_place(entity), None)

    def entities(self) -> Iterable[EntityRef]:
        """Those that exist."""
        with self._lock:
            return [EntityRef(type_, key) for type_, _, key in self._states]

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        with self._lock:
            found = self._states.get(_place(entity))
        return Absent() if found is None else Found(found[0], version=str(found[1]))


def _place(entity: EntityRef) -> tuple[str, type, object]:
    """`True` is not `1`."""
    return entity.type, type(entity.key), entity.key
