"""Floor 5, engine: attribute sources made of a function: the shortest way to whatever the service has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

from abac.engine.sources.protocol import Absent, Found
from abac.model.values import EntityRef

Answer = object
"""`Found` or `Absent`; else None for an entity that does not exist, anything else for its attributes."""


class FunctionSource:
    """Asks a function for `(entity, names, at)`. It answers with attributes, or with None if the entity does not exist; else it raises."""

    def __init__(self, name: str, function: Callable[[EntityRef, frozenset[str], dt.datetime], Answer]) -> None:
        self.name = name
        self._function = function

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        return _answer(self._function(entity, names, at))


class AsyncFunctionSource:
    """A FunctionSource whose function is awaited."""

    def __init__(self, name: str, function: Callable[[EntityRef, frozenset[str], dt.datetime], Awaitable[Answer]]) -> None:
        self.name = name
        self._function = function

    async def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        return _answer(await self._function(entity, names, at))


def _answer(answer: Answer) -> Found | Absent:
    if isinstance(answer, Found | Absent):
        return answer
    return Absent() if answer is None else Found(answer)
