"""Floor 2, language: columns, of which the stored form consists: how many values of one kind become bytes, and come back.

A column knows nothing of the values beside it but their number, which it is told. What is read is bounded by the bytes that are there;
an index that is too large raises IndexError, and `form` makes that a StoredError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from abac.language.stored.stream import In, Out
from abac.model.errors import StoredError


class Column(Protocol):
    """Values of one kind."""

    def write(self, values: Sequence[Any], out: Out) -> None: ...

    def read(self, count: int, data: In) -> list[Any]:
        """Exactly `count` values."""
        ...

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        """Add what a value refers to, with its family."""
        ...


@dataclass(frozen=True)
class Plain:
    """Of columns that refer to nothing."""

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        return


@dataclass(frozen=True)
class Text(Plain):
    def write(self, values: Sequence[str], out: Out) -> None:
        strings = out.strings
        if any(type(value) is not str for value in values):
            raise TypeError("a subclass of str would come back as another value")
        out.numbers([strings.setdefault(value, len(strings)) for value in values])

    def read(self, count: int, data: In) -> list[str]:
        return list(map(data.strings.__getitem__, data.numbers(count)))


@dataclass(frozen=True)
class Number(Plain):
    """Integers that are not negative; or any of 64 bits."""

    signed: bool = False

    def write(self, values: Sequence[int], out: Out) -> None:
        out.numbers(values, "q" if self.signed else None)

    def read(self, count: int, data: In) -> list[int]:
        return data.numbers(count, "q" if self.signed else "BHIQ").tolist()


@dataclass(frozen=True)
class Choice(Plain):
    """One of a few values, such as the members of an enumeration."""

    options: tuple[Any, ...]

    def write(self, values: Sequence[Any], out: Out) -> None:
        places = {(type(option), option): place for place, option in enumerate(self.options)}
        out.numbers([places[type(value), value] for value in values])

    def read(self, count: int, data: In) -> list[Any]:
        return list(map(self.options.__getitem__, data.numbers(count)))


@dataclass(frozen=True)
class Written(Plain):
    """Values that have a text of their own. `of` raises ValueError or ArithmeticError for any other text."""

    kind: type
    text: Callable[[Any], str]
    of: Callable[[str], Any]

    def __repr__(self) -> str:
        return f"Written({self.kind.__name__})"

    def write(self, values: Sequence[Any], out: Out) -> None:
        Text().write(list(map(self.text, values)), out)

    def read(self, count: int, data: In) -> list[Any]:
        return list(map(self.of, Text().read(count, data)))


@dataclass(frozen=True)
class Ref:
    """An object of a family, by its index; where `kinds` are given, of one of these classes."""

    family: str
    kinds: tuple[type, ...] = ()

    def write(self, values: Sequence[Any], out: Out) -> None:
        places = out.places[self.family]
        out.numbers([places[id(value)] for value in values])

    def read(self, count: int, data: In) -> list[Any]:
        found = list(map(data.families[self.family].__getitem__, data.numbers(count)))
        if self.kinds and not set(map(type, found)) <= set(self.kinds):
            raise StoredError(f"the stored policy refers to a {self.family} of the wrong kind")
        return found

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        found.append((self.family, value))


@dataclass(frozen=True)
class Maybe:
    """A value or None."""

    inner: Column

    def write(self, values: Sequence[Any], out: Out) -> None:
        out.numbers([value is not None for value in values])
        self.inner.write([value for value in values if value is not None], out)

    def read(self, count: int, data: In) -> list[Any]:
        present = Choice((False, True)).read(count, data)
        values = iter(self.inner.read(sum(present), data))
        return [next(values) if each else None for each in present]

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        if value is not None:
            self.inner.referred(value, found)


@dataclass(frozen=True)
class Many:
    """A tuple of any length, or a set."""

    inner: Column
    made: type = tuple

    def write(self, values: Sequence[Any], out: Out) -> None:
        out.numbers([len(value) for value in values])
        self.inner.write([each for value in values for each in (sorted(value) if self.made is frozenset else value)], out)

    def read(self, count: int, data: In) -> list[Any]:
        lengths = data.numbers(count)
        values = iter(self.inner.read(sum(lengths), data))
        length = lengths[0] if count else 0
        if self.made is tuple and length and lengths.count(length) == count:
            return list(zip(*[values] * length, strict=True))
        found = [self.made(islice(values, length)) for length in lengths]
        if self.made is frozenset and sum(map(len, found)) != sum(lengths):
            raise StoredError("an element of the stored policy stands twice in a set")
        return found

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        for each in value:
            self.inner.referred(each, found)


@dataclass(frozen=True)
class Together:
    """A tuple of fixed length."""

    inner: tuple[Column, ...]

    def write(self, values: Sequence[Any], out: Out) -> None:
        for place, column in enumerate(self.inner):
            column.write([value[place] for value in values], out)

    def read(self, count: int, data: In) -> list[Any]:
        return list(zip(*(column.read(count, data) for column in self.inner), strict=True))

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        for column, each in zip(self.inner, value, strict=True):
            column.referred(each, found)


@dataclass(frozen=True)
class Keyed:
    """A dictionary, in its order."""

    key: Column
    value: Column

    def write(self, values: Sequence[Any], out: Out) -> None:
        out.numbers([len(value) for value in values])
        self.key.write([key for value in values for key in value], out)
        self.value.write([each for value in values for each in value.values()], out)

    def read(self, count: int, data: In) -> list[Any]:
        lengths = data.numbers(count)
        total = sum(lengths)
        pairs = zip(self.key.read(total, data), self.value.read(total, data), strict=True)
        found = [dict(islice(pairs, length)) for length in lengths]
        if sum(map(len, found)) != total:
            raise StoredError("a key of the stored policy stands twice")
        return found

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        for key, each in value.items():
            self.key.referred(key, found)
            self.value.referred(each, found)


@dataclass(frozen=True)
class Either:
    """Values of several kinds, each in a column of its own. `kinds` are base classes; the first that fits counts."""

    kinds: tuple[type, ...]
    inner: tuple[Column, ...]

    def _which(self, value: Any) -> int:
        return next(place for place, kind in enumerate(self.kinds) if isinstance(value, kind))

    def write(self, values: Sequence[Any], out: Out) -> None:
        which = [self._which(value) for value in values]
        out.numbers(which)
        for place, column in enumerate(self.inner):
            column.write([value for value, each in zip(values, which, strict=True) if each == place], out)

    def read(self, count: int, data: In) -> list[Any]:
        which = data.numbers(count)
        inner: list[Iterator[Any]] = [iter(column.read(which.count(place), data)) for place, column in enumerate(self.inner)]
        return [next(inner[place]) for place in which]

    def referred(self, value: Any, found: list[tuple[str, Any]]) -> None:
        self.inner[self._which(value)].referred(value, found)
