"""Tests: a request that remembers what was read of it, and what is left of it when everything else is made unknown.

Its values have the classes that compiled code asks for; the mappings and tuples inside them remember. Keys of entities cannot: whoever
reaches an entity is taken to have read its key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex

from abac.compiler.runtime import NOW
from abac.model.request import Request
from abac.model.values import CauseKind, EntityValue, ListValue, RecordValue, SetValue, Unknown

UNREAD = Unknown.of("unread", CauseKind.MISSING)


class Fields(dict[str, Any]):
    """Attributes by name. `subscripted`: those of the ones seen that were read singly, as generated code reads them."""

    def __init__(self, fields: Any, whole: bool) -> None:
        super().__init__({name: recorded(value, whole) for name, value in fields.items()})
        self.seen: set[str] = set()
        self.subscripted: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.seen.add(name)
        self.subscripted.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.seen.add(name)
        return super().get(name, default)

    def values(self) -> Any:
        self.seen.update(self)
        return super().values()

    def items(self) -> Any:
        self.seen.update(self)
        return super().items()

    @property
    def fields(self) -> Fields:
        """Where a plain dict is told from a record by its class, this is a record."""
        return self

    def rest(self) -> dict[str, Any]:
        return {name: rest(value) if name in self.seen else UNREAD for name, value in super().items()}


class Elements(tuple[Any, ...]):
    """Elements of a collection, which may be read one by one. `asked`: whether anybody looked, if only how many there are."""

    seen: set[int]
    asked: bool

    @classmethod
    def of(cls, elements: tuple[Any, ...], whole: bool) -> Elements:
        made = cls(recorded(e, whole) for e in elements)
        made.seen, made.asked = set(), False
        return made

    def __iter__(self) -> Iterator[Any]:
        self.asked = True
        for i in range(tuple.__len__(self)):
            self.seen.add(i)
            yield tuple.__getitem__(self, i)

    def __len__(self) -> int:
        self.asked = True
        return super().__len__()

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        self.asked = True
        self.seen.update(range(*index.indices(super().__len__())) if isinstance(index, slice) else [range(super().__len__())[index]])
        return super().__getitem__(index)

    def __contains__(self, item: object) -> bool:
        return any(item == each for each in self)

    def __add__(self, other: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*self, *other)

    def __radd__(self, other: object) -> tuple[Any, ...]:
        return (*other, *self) if isinstance(other, tuple) else NotImplemented

    def __eq__(self, other: object) -> bool:
        self.asked = True
        if other != ():
            self.seen.update(range(super().__len__()))
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(iter(self)))

    def rest(self) -> tuple[Any, ...]:
        return tuple(rest(tuple.__getitem__(self, i)) if i in self.seen else UNREAD for i in range(tuple.__len__(self)))


class Memo(list[Any]):
    """A decision's memo. `clock_read`: whether anybody asked for the time."""

    clock_read = False

    def __getitem__(self, index: Any) -> Any:
        self.clock_read = self.clock_read or index == NOW
        return super().__getitem__(index)


class Recording:
    """A request and a memo that remember. `whole`: a set that is looked up by hash counts as read, all of it, once it was reached."""

    def __init__(self, request: Request, *, whole: bool) -> None:
        subject, resource, context = (recorded(part, whole) for part in (request.subject, request.resource, request.context))
        self.request = Request(subject, request.action, resource, context, request.now)
        self._memo = Memo()

    def memo(self, blanks: int) -> Memo:
        self._memo = Memo([self.request, self.request.now, *[None] * blanks])
        return self._memo

    @property
    def clock_read(self) -> bool:
        return self._memo.clock_read

    def rest(self, clock: str | None) -> Request:
        """What was read; all else is unknown."""
        subject, resource, context = (rest(part) for part in (self.request.subject, self.request.resource, self.request.context))
        now = self.request.now if self.clock_read else Unknown.of("now", CauseKind.CLOCK)
        if clock is not None:
            context.fields[clock] = now
        return Request(subject, self.request.action, resource, context, now)


def recorded(value: Any, whole: bool) -> Any:
    """The same value, with parts that remember."""
    match value:
        case RecordValue(type=type_, fields=fields, path=path):
            return RecordValue(type_, Fields(fields, whole), path)
        case EntityValue(type=type_, key=key, fields=fields, parents=parents, path=path):
            return EntityValue(type_, key, Fields(fields, whole), recorded(parents, whole), path)
        case ListValue(elements=elements):
            return ListValue(Elements.of(elements, whole))
        case SetValue(elements=elements, plain=plain) if plain is None or not whole:
            return SetValue(Elements.of(elements, whole))
    return value


def rest(value: Any) -> Any:
    """What was read of a value that was itself read."""
    match value:
        case RecordValue(type=type_, fields=Fields() as fields, path=path):
            return RecordValue(type_, fields.rest(), path)
        case EntityValue(type=type_, key=key, fields=Fields() as fields, parents=parents, path=path):
            walked = isinstance(parents, ListValue) and isinstance(parents.elements, Elements) and parents.elements.asked
            return EntityValue(type_, key, fields.rest(), rest(parents) if walked else UNREAD, path)
        case ListValue(elements=Elements() as elements):
            return ListValue(elements.rest())
        case SetValue(elements=Elements() as elements):
            left = elements.rest()
            return SetValue((*(e for e in left if e is not UNREAD), *(e for e in left if e is UNREAD)))
    return value
