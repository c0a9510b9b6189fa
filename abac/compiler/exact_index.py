"""Floor 4, compiler: which steps of a long policy the exact path looks at, and which it decides many at once.

By the same guards that file them for the fast path. A guard whose key is known and is not as it says makes the step false; so does one
whose key is absent. Where a key is unknown, the step is in doubt by it. A rule is *pure* if its condition is the conjunction of exact
guards: in doubt, it is exactly as unknown as its keys that are, so that of all such rules of one effect only the first has to be asked.

Sets of steps are integers, one bit a step, in source order: a policy of 10,000 rules is 1,250 bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from typing import Any

from abac.compiler.forms import Forms
from abac.compiler.graph import Entry
from abac.compiler.guards import Guard, Key, Kind, Range, Sort, address_number
from abac.compiler.runtime import NOW, cell_at
from abac.language import checked as c
from abac.model.limits import MAX_CAUSES
from abac.model.values import Cause, CauseKind, SetValue, Unknown

Parts = tuple[Any, Any, Any, Any, list[Any]]
"""Subject, action, resource and context as exact forms, and the memo."""

Hits = tuple[int, ...] | int
"""Steps by number, or as bits."""

SPARSE = 32
"""Steps up to which they are kept by number: a few numbers are smaller than many bits."""

CHECKPOINTS = 1_024
"""How often the steps of a range key are written down whole at most."""


@dataclass(slots=True)
class Candidates:
    """
    Attributes:
        steps: those to be asked, by number, in source order.
        doubts: by place among them, of the first of a kind: what is unknown about others of the kind too.
    """

    steps: list[int]
    doubts: dict[int, frozenset[Cause]] = field(default_factory=dict)


class ExactIndex:
    """The steps of one policy, filed by every guard they have. It is made when it is first needed.

    Args:
        steps: in source order, each with what it is in doubt as: of those that are in doubt alike, the first is asked for all.
        rate: whether an expression runs with the clock.
    """

    def __init__(self, steps: Sequence[tuple[Entry, object]], forms: Forms, rate: Callable[[c.Expression], Any]) -> None:
        self._steps, self._forms, self._rate = steps, forms, rate
        self._all = (1 << len(steps)) - 1

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """One a key."""
        found: dict[Key, list[tuple[int, Guard]]] = defaultdict(list)
        for i, (entry, _) in enumerate(self._steps):
            for guard in entry.guards:
                found[guard.key].append((i, guard))
        return tuple(self._column(key, members) for key, members in found.items())

    @cached_property
    def _kinds(self) -> tuple[int, ...]:
        """The pure steps, by what they are in doubt as."""
        kinds: dict[object, list[int]] = defaultdict(list)
        for i, (entry, kind) in enumerate(self._steps):
            if entry.pure:
                kinds[kind].append(i)
        return tuple(bits(members) for members in kinds.values())

    @cached_property
    def _pure(self) -> int:
        return reduce(or_, self._kinds, 0)

    def _column(self, key: Key, members: list[tuple[int, Guard]]) -> Column:
        read = reader(key, self._forms)
        table = RangeTable(members, bool(self._rate(key.expression))) if key.kind is Kind.RANGE else ValueTable(members)
        has = bits(i for i, _ in members)
        return Column(read, table, has, self._all & ~has)

    def candidates(self, parts: Parts) -> Candidates:
        """What has to be asked about a request."""
        alive, doubts = self._all, list[tuple[int, frozenset[Cause]]]()
        for column in self.columns:
            hits, unknown = column.look(parts)
            if unknown is not None:
                doubts.append((column.has & ~as_bits(hits), unknown.causes))
            elif not column.lacks and (type(hits) is tuple or hits.bit_count() <= SPARSE):  # type: ignore[union-attr]  # an int
                return Candidates(list(numbers(hits)))
            else:
                alive &= as_bits(hits) | column.lacks
        return self._weighed(alive, doubts)

    def _weighed(self, alive: int, doubts: list[tuple[int, frozenset[Cause]]]) -> Candidates:
        """All that is left is asked, but of the pure ones in doubt only the first of a kind, for all."""
        doubtful = 0
        for steps, _ in doubts:
            doubtful |= steps
        doubtful &= alive & self._pure
        first_of: dict[int, frozenset[Cause]] = {}
        for kind in self._kinds:
            if same := doubtful & kind:
                first = (same & -same).bit_length() - 1
                causes = frozenset[Cause]().union(*(causes for steps, causes in doubts if steps & same))
                first_of[first] = frozenset(sorted(causes)[:MAX_CAUSES])
        asked = sorted((*numbers(alive & ~doubtful), *first_of))
        return Candidates(asked, {asked.index(first): causes for first, causes in first_of.items()})


# ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Column:
    """What one key files. `has` and `lacks`: the steps that have a guard on it, and the others."""

    read: Callable[[Parts], Any]
    table: ValueTable | RangeTable
    has: int
    lacks: int

    def look(self, parts: Parts) -> tuple[Hits, Unknown | None]:
        """The steps of which this guard holds, and what is unknown about the other ones that have it; None: for them it is false."""
        value = self.read(parts)
        if value is None:
            return (), None
        if type(value) is Unknown:
            return (), value
        return self.table.look(value, parts)


def reader(key: Key, forms: Forms) -> Callable[[Parts], Any]:
    """What reads the key of exact forms: its value, None if it is absent or something on the way is, or the Unknown."""
    walk = _walker(key.expression, forms)
    match key.sort:
        case Sort.TYPE:
            return lambda parts: walk(parts)._type
        case Sort.ABOVE:
            number = forms.groups[key.group]
            known, others = f"u{number}", f"w{number}"

            def above(parts: Parts) -> Any:
                entity = walk(parts)
                return entity if entity is None or type(entity) is Unknown else (getattr(entity, known), getattr(entity, others))

            return above
        case Sort.NUMBER:
            return lambda parts: _of_known(walk(parts), address_number)
        case Sort.BACKWARDS:
            return lambda parts: _of_known(walk(parts), lambda text: text[::-1])
    return walk


def _of_known(value: Any, make: Callable[[Any], Any]) -> Any:
    return value if value is None or type(value) is Unknown else make(value)


_ROOTS = {"subject": 0, "action": 1, "resource": 2, "context": 3}


def _walker(e: c.Expression, forms: Forms) -> Callable[[Parts], Any]:
    """A root, or an attribute of one."""
    names: list[str] = []
    while isinstance(e, c.Attribute):
        names.insert(0, e.name)
        e = e.target
    assert isinstance(e, c.Root)
    if e.name == "now":
        return lambda parts: parts[4][NOW]
    root, path = _ROOTS[e.name], tuple((forms.slots[name], name) for name in names)
    if len(path) == 1:
        ((slot, _),) = path
        return lambda parts: getattr(parts[root], slot, None)

    def walk(parts: Parts) -> Any:
        found: Any = parts[root]
        for place, (slot, name) in enumerate(path):
            if found is None or type(found) is Unknown:
                return found
            target, found = found, getattr(found, slot, UNLIKE)
            if found is UNLIKE:  # the rule asks of which kind subject or resource is; of anything else the checker knows it
                return None if place == 0 else Unknown.of(f"{target._path}.{name}", CauseKind.MISTYPED)
        return found

    return walk


UNLIKE = object()
"""In place of an attribute that this kind of entity does not have."""


# ── values ─────────────────────────────────────────────────────────────────────────────────────────────────


class ValueTable:
    """Steps by the values of one key: of one value, or of those of a set."""

    def __init__(self, members: Iterable[tuple[int, Guard]]) -> None:
        found: dict[Any, list[int]] = defaultdict(list)
        self.sets = False
        for i, guard in members:
            self.sets = guard.key.kind is Kind.MEETS
            for value in guard.values:
                found[value].append(i)
        self.steps: dict[Any, Hits] = {value: tuple(each) if len(each) <= SPARSE else bits(each) for value, each in found.items()}

    def look(self, value: Any, parts: Parts) -> tuple[Hits, Unknown | None]:
        if not self.sets:
            return self.steps.get(value, ()), None
        known, unknown = _elements(value)
        hits = 0
        for met in known & self.steps.keys():
            hits |= as_bits(self.steps[met])
        return hits, unknown


def _elements(value: Any) -> tuple[frozenset[Any], Unknown | None]:
    """The known elements, and what is unknown about others: of a set, or of what an entity stands in."""
    if type(value) is frozenset:
        return value, None
    if type(value) is SetValue:
        unknowns = [each for each in value.elements if type(each) is Unknown]
        return frozenset(each for each in value.elements if type(each) is not Unknown), Unknown.union(unknowns) if unknowns else None
    known, others = value
    return known, others or None


class RangeTable:
    """Steps by the ranges of one key. `runs`: whether the key runs with the clock.

    Between two cuts the same steps hold. Where they are few, they are written down; else now and then, and follow from the cuts passed
    since.
    """

    def __init__(self, members: Iterable[tuple[int, Guard]], runs: bool) -> None:
        self.runs, passed, open_ = runs, list[tuple[Any, int]](), set[int]()
        for i, guard in members:
            for start, end in joined(guard.ranges):
                if start is None:
                    open_ ^= {i}
                else:
                    passed.append((start, i))
                if end is not None:
                    passed.append((end, i))
        passed.sort(key=lambda each: each[0])
        self.cuts, self.passed = [cut for cut, _ in passed], [i for _, i in passed]
        self.cells = self._few(open_)
        if self.cells is None:
            self._checked(bits(open_))

    def _few(self, open_: set[int]) -> list[Hits] | None:
        """The steps of each cell, unless they are many in all."""
        cells: list[Hits] = [tuple(sorted(open_))]
        left, open_ = 4 * (len(self.passed) + 1), set(open_)
        for i in self.passed:
            open_ ^= {i}
            left -= len(open_)
            if len(open_) > SPARSE or left < 0:
                return None
            cells.append(tuple(sorted(open_)))
        return cells

    def _checked(self, mask: int) -> None:
        self.every = max(1, len(self.passed) // CHECKPOINTS)
        self.checkpoints = [mask]
        for place, i in enumerate(self.passed, 1):
            mask ^= 1 << i
            if place % self.every == 0:
                self.checkpoints.append(mask)

    def look(self, value: Any, parts: Parts) -> tuple[Hits, Unknown | None]:
        place = cell_at(parts[4], self.cuts, value) if self.runs else bisect_right(self.cuts, value)
        if self.cells is not None:
            return self.cells[place], None
        number = place // self.every
        mask = self.checkpoints[number]
        for i in self.passed[number * self.every : place]:
            mask ^= 1 << i
        return mask, None


def joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """The same ranges, those that overlap as one."""
    left = sorted(ranges, key=lambda each: (False,) if each[0] is None else (True, each[0]))
    open_: Range | None = None
    for start, end in left:
        if open_ is not None and (open_[1] is None or start is None or start <= open_[1]):
            open_ = open_[0], None if open_[1] is None or end is None else max(open_[1], end)
            continue
        if open_ is not None:
            yield open_
        open_ = start, end
    if open_ is not None:
        yield open_


# ── sets of steps ──────────────────────────────────────────────────────────────────────────────────────────


def bits(steps: Iterable[int]) -> int:
    """As bits: by way of bytes, so that many take no longer than few."""
    members = list(steps)
    if len(members) <= SPARSE:
        return sum(1 << i for i in set(members))
    made = bytearray(max(members) // 8 + 1)
    for i in members:
        made[i >> 3] |= 1 << (i & 7)
    return int.from_bytes(made, "little")


def as_bits(hits: Hits) -> int:
    return hits if type(hits) is int else bits(hits)  # type: ignore[arg-type]  # a tuple


def numbers(hits: Hits) -> Iterator[int]:
    """By number, in order."""
    if type(hits) is tuple:
        yield from hits
        return
    assert type(hits) is int
    if hits.bit_count() <= SPARSE:
        while hits:
            low = hits & -hits
            yield low.bit_length() - 1
            hits ^= low
        return
    text = bin(hits)[:1:-1]
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)
