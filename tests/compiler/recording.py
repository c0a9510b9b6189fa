"""Tests: forms that remember what was read of them, and what is left of a request when everything else is made unknown.

Compiled code cannot tell them from those that an engine makes. Keys of entities cannot remember: whoever reaches an entity is taken to have
read its key; a set of scalars is read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex

from abac.compiler.forms import Form, Forms, Several
from abac.compiler.runtime import NOW
from abac.model.request import Request
from abac.model.values import CauseKind, EntityValue, ListValue, RecordValue, SetValue, Unknown

UNREAD = Unknown.of("unread", CauseKind.MISSING)


def recording_class(forms: Forms, owner: str) -> Any:
    """A class like that of an owner's forms, whose attributes remember that they were read."""
    members: dict[str, Any] = {}
    for name in forms.owners[owner]:
        members[forms.slots[name]] = property(lambda self, name=name: self.see(name))
    for number in forms.groups.values():
        for letter in "uw":
            members[f"{letter}{number}"] = property(lambda self, slot=f"{letter}{number}": self.climb(slot))
    for name, slot in forms.ages.items():
        members[slot] = property(lambda self, name=name, slot=slot: self.see_age(name, slot))
    if owner in forms.schema.entities:
        members["_key"] = property(lambda self: self.see(forms.schema.entities[owner].key))
    members["_value"] = property(lambda self: self.see_all())
    members |= {"see": _see, "see_all": _see_all, "climb": _climb, "see_age": _see_age, "rest": _rest}
    return type(owner, (forms.classes[owner],), members)


def _see(self: Any, name: str) -> Any:
    self.seen.add(name)
    if name not in self.inside:
        self.inside[name] = recorded(self.forms, getattr(self.under, self.forms.slots[name]))
    return self.inside[name]


def _see_all(self: Any) -> Any:
    self.whole = True
    return self.under._value


def _climb(self: Any, slot: str) -> Any:
    self.climbed = True
    return getattr(self.under, slot)


def _see_age(self: Any, name: str, slot: str) -> Any:
    self.aged.add(name)
    return getattr(self.under, slot)


def _rest(self: Any) -> Any:
    """What was read of it; all else is unknown."""
    value = self.under._value
    if self.whole:
        return value
    fields = {name: rest(self.inside.get(name), value.fields[name]) if name in self.seen else UNREAD for name in value.fields}
    if isinstance(value, RecordValue):
        return RecordValue(value.type, fields, value.path)
    origins = {name: origin for name, origin in (value.origins or {}).items() if name in self.aged}
    return EntityValue(value.type, value.key, fields, value.parents if self.climbed else UNREAD, value.path, origins=origins)


def recorded(forms: Forms, value: Any) -> Any:
    """The same, with parts that remember."""
    if isinstance(value, Form):
        made = recording_class(forms, value._type)()
        made.forms, made.under, made.seen, made.inside, made.whole, made.climbed = forms, value, set(), {}, False, False
        made._type, made._path, made.aged = value._type, value._path, set()
        return made
    if type(value) is tuple:
        return Elements.of(tuple(recorded(forms, each) for each in value))
    if type(value) is Several:
        return RecordedSet(value, Elements.of(tuple(recorded(forms, each) for each in value.forms)))
    return value


class RecordedSet(Several):
    """A set of values with parts. `compared`: whether anybody looked at the set as a whole."""

    __slots__ = ("compared", "under")

    def __init__(self, under: Several, elements: Elements) -> None:
        self.under, self.forms, self.compared = under, elements, False

    @property
    def value(self) -> SetValue:  # type: ignore[override]
        self.compared = True
        return self.under.value


class Elements(tuple[Any, ...]):
    """Elements of a collection, which may be read one by one. `asked`: whether anybody looked, if only how many there are."""

    seen: set[int]
    asked: bool

    @classmethod
    def of(cls, elements: tuple[Any, ...]) -> Elements:
        made = cls(elements)
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

    def rest(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(rest(tuple.__getitem__(self, i), value) if i in self.seen else UNREAD for i, value in enumerate(values))


class Memo(list[Any]):
    """A decision's memo. `clock_read`: whether anybody asked for the time."""

    clock_read = False

    def __getitem__(self, index: Any) -> Any:
        self.clock_read = self.clock_read or index == NOW
        return super().__getitem__(index)


class Recording:
    """A request's parts and a memo that remember."""

    def __init__(self, forms: Forms, request: Request, memo: list[Any]) -> None:
        self.request = request
        self.parts = tuple(recorded(forms, part) for part in forms.parts(request))
        self.memo = Memo(memo)

    def rest(self, clock: str | None) -> Request:
        """What was read; all else is unknown."""
        subject, resource, context = (part.rest() for part in self.parts)
        now = self.request.now if self.memo.clock_read else Unknown.of("now", CauseKind.CLOCK)
        if clock is not None:
            context.fields[clock] = now
        return Request(subject, self.request.action, resource, context, now)


def rest(seen: Any, value: Any) -> Any:
    """What was read of a value that was itself read."""
    if isinstance(seen, Form):
        return seen.rest()  # type: ignore[attr-defined]  # one that remembers
    if isinstance(seen, Elements) and isinstance(value, ListValue):
        return ListValue(seen.rest(value.elements))
    if isinstance(seen, RecordedSet) and not seen.compared:
        elements = seen.forms.rest(value.elements)  # type: ignore[attr-defined]
        return SetValue((*(e for e in elements if e is not UNREAD), *(e for e in elements if e is UNREAD)))
    return value
