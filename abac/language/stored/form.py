"""Floor 2, language: a checked package as bytes, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import is_dataclass
from itertools import chain
from typing import Any

from abac.language import checked as c
from abac.language.collector import collector_paused
from abac.language.stored.columns import Column
from abac.language.stored.layout import FAMILIES, column_of, layout_digest
from abac.language.stored.stream import In, Out, read_strings, write_strings
from abac.model.errors import StoredError
from abac.model.types import Words

_MAGIC = b"abac-stored/1\n"
_DIGEST = 32


def dump(package: c.Package) -> bytes:
    """The whole package as data, the text of its sources included. One package has one form, whatever strings hash to."""
    with collector_paused():
        return _dump(package)


def _dump(package: c.Package) -> bytes:
    members = _Members(package)
    batches = {family: _batches(members.found[family]) for family in FAMILIES}
    out = Out({family: members.places(family, batches[family]) for family in FAMILIES})
    for family, kinds in FAMILIES.items():
        out.numbers([len(batches[family])], "Q")
        for batch in batches[family]:
            out.numbers([kinds.index(type(batch[0])), len(batch)], "Q")
            _column(batch[0]).write(batch, out)
    column_of(c.Package).write([package], out)
    strings = Out({})
    write_strings(list(out.strings), strings)
    body = b"".join((layout_digest(), *strings.parts, *out.parts))
    return b"".join((_MAGIC, hashlib.sha256(body).digest(), body))


def load(data: bytes) -> c.Package:
    """The package that `dump` wrote.

    Raises:
        StoredError: the data is damaged, cut short, or was not written by this version. It never gives another package instead.
    """
    view = memoryview(data)
    if bytes(view[: len(_MAGIC)]) != _MAGIC:
        raise StoredError("this is no stored policy")
    digest, body = view[len(_MAGIC) : len(_MAGIC) + _DIGEST], view[len(_MAGIC) + _DIGEST :]
    if hashlib.sha256(body).digest() != digest:
        raise StoredError("the stored policy is damaged")
    if bytes(body[: len(layout_digest())]) != layout_digest():
        raise StoredError("the stored policy is of another version")
    try:
        with collector_paused():
            return _read(In(body[len(layout_digest()) :]))
    except (LookupError, ValueError, TypeError, ArithmeticError, StopIteration) as error:
        raise StoredError("the stored policy does not fit together") from error


def _read(data: In) -> c.Package:
    data.strings = read_strings(data)
    for family, kinds in FAMILIES.items():
        found = data.families[family] = []
        (batches,) = data.numbers(1)
        for _ in range(batches):
            kind, count = data.numbers(2)
            found += column_of(kinds[kind]).read(count, data)
    (package,) = column_of(c.Package).read(1, data)
    if data.at != len(data.data):
        raise StoredError("the stored policy goes on behind its end")
    assert isinstance(package, c.Package)
    data.records.update(package.schema.records)
    data.entities.update(package.schema.entities)
    return package


def _column(member: Any) -> Column:
    return column_of(type(member))


class _Members:
    """The members of the families that a package refers to: each once, behind those that it refers to, with its height above them.

    Types that are the same in every respect are one, and so are plain values.
    """

    def __init__(self, package: c.Package) -> None:
        self.found: dict[str, list[tuple[int, Any]]] = {family: [] for family in FAMILIES}
        self._heights: dict[str, dict[int, int]] = {family: {} for family in FAMILIES}
        self._same: dict[str, dict[object, Any]] = {family: {} for family in FAMILIES}
        self._stands_for: dict[str, dict[int, int]] = {family: {} for family in FAMILIES}
        waiting: list[tuple[str, Any]] = []
        column_of(c.Package).referred(package, waiting)
        self._gather(waiting)

    def _gather(self, waiting: list[tuple[str, Any]]) -> None:
        """Without recursion, for a caller may have used most of the stack."""
        inside: dict[int, list[tuple[str, Any]]] = {}
        while waiting:
            family, member = waiting.pop()
            heights, known = self._heights[family], id(member)
            if known in heights:
                continue
            inner = inside.pop(known, None)
            if inner is None:
                inner = []
                _column(member).referred(member, inner)
                missing = [each for each in inner if id(each[1]) not in self._heights[each[0]]]
                if missing:
                    inside[known] = inner
                    waiting += ((family, member), *missing)
                    continue
            heights[known] = max([heights[id(each)] for other, each in inner if other == family], default=-1) + 1
            self._add(family, member)

    def _add(self, family: str, member: Any) -> None:
        key = _key(family, member)
        first = member if key is None else self._same[family].setdefault(key, member)
        if first is member:
            self.found[family].append((self._heights[family][id(member)], member))
        else:
            self._stands_for[family][id(member)] = id(first)

    def places(self, family: str, batches: Sequence[Sequence[Any]]) -> dict[int, int]:
        """The index of each member by its identity."""
        places = {id(member): place for place, member in enumerate(chain.from_iterable(batches))}
        places.update({member: places[first] for member, first in self._stands_for[family].items()})
        return places


def _key(family: str, member: Any) -> object:
    """What members that are the same have in common; None for those of which each is stored."""
    if isinstance(member, Words):
        return member.words, member.open, member.ordered, member.name
    if family == "type":
        return repr(member)  # names every class and field
    return (type(member), str(member)) if family == "value" and not is_dataclass(member) else None


def _batches(found: Sequence[tuple[int, Any]]) -> list[list[Any]]:
    """Members of one height and class together: lower ones first, so that nothing refers to what comes later."""
    batches: dict[tuple[int, str], list[Any]] = {}
    for height, member in found:
        batches.setdefault((height, type(member).__name__), []).append(member)
    return [batches[key] for key in sorted(batches)]
