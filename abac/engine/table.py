"""Floor 5, engine: the decisions that are kept: looked up without a lock, bounded, and found by the entities they were made of.

Eviction is first in, first out with a second chance: what was hit since it last came up goes to the end of the queue once more.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final

from abac.engine.statistics import Counters
from abac.model.decision import Decision

SHARE: Final = 64
"""One subject has at most one of so many parts of the entries."""

Key = tuple[Hashable, Hashable, Hashable]
"""Action; subject; resource, with the values of the context that are read."""


@dataclass(slots=True, eq=False)
class Entry:
    """A decision that is served while `start <= now < end`.

    Attributes:
        hits: how often it was served. The only thing that changes without a lock.
        seen: what that was when it last came up for eviction.
        slots: the counters of the entities that it was made of.
        number: the entry's place in the order of insertion.
    """

    start: float
    end: float
    decision: Decision
    key: Key
    slots: frozenset[int]
    number: int = 0
    hits: int = 0
    seen: int = 0


Leaves = dict[Hashable, Entry]


@dataclass(slots=True)
class Table:
    """The entries of one policy version.

    Attributes:
        most: how many there may be.
        entries: by action, subject and leaf. Readers take no lock; all else is done under that of the engine's generations.
    """

    most: int
    counters: Counters
    entries: dict[Hashable, dict[Hashable, Leaves]] = field(default_factory=dict)
    _queue: OrderedDict[int, Entry] = field(default_factory=OrderedDict)
    _by_slot: dict[int, dict[int, Entry]] = field(default_factory=dict)
    _by_subject: dict[Hashable, int] = field(default_factory=dict)
    _number: int = 0

    def find(self, key: Key, now: float) -> Entry | None:
        """The entry that may be served now."""
        action, subject, leaf = key
        try:
            entry = self.entries[action][subject][leaf]
        except KeyError:
            return None
        return entry if entry.start <= now < entry.end else None

    def insert(self, entry: Entry) -> None:
        """Keep an entry, in the place of any other with its key, and make room for it."""
        if self.most < 1:
            return
        action, subject, leaf = entry.key
        if (old := self.entries.get(action, {}).get(subject, {}).get(leaf)) is not None:
            self._remove(old)
        if self._by_subject.get(subject, 0) >= max(1, self.most // SHARE):
            self._remove(self._oldest(subject))
            self.counters.evictions += 1
        elif len(self._queue) >= self.most:
            self._evict()
        self._number += 1
        entry.number = self._number
        self._queue[entry.number] = entry
        for slot in entry.slots:
            self._by_slot.setdefault(slot, {})[entry.number] = entry
        self._by_subject[subject] = self._by_subject.get(subject, 0) + 1
        self.entries.setdefault(action, {}).setdefault(subject, {})[leaf] = entry

    def drop(self, slot: int) -> None:
        """Forget every decision that was made of an entity with this counter."""
        for entry in list(self._by_slot.get(slot, {}).values()):
            self._remove(entry)
            self.counters.dropped += 1

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._queue.values())

    def __len__(self) -> int:
        return len(self._queue)

    def _evict(self) -> None:
        """Remove the first in the queue that was not hit since it last came up; after a whole round, the first."""
        for _ in range(len(self._queue)):
            number, entry = self._queue.popitem(last=False)
            self._queue[number] = entry
            if entry.hits == entry.seen:
                break
            entry.seen = entry.hits
        else:
            entry = next(iter(self._queue.values()))
        self._remove(entry)
        self.counters.evictions += 1

    def _oldest(self, subject: Hashable) -> Entry:
        """A subject's first entry: those of each action stand in the order of their insertion."""
        firsts = (next(iter(leaves.values())) for by_subject in self.entries.values() if (leaves := by_subject.get(subject)))
        return min(firsts, key=lambda entry: entry.number)

    def _remove(self, entry: Entry) -> None:
        action, subject, leaf = entry.key
        del self._queue[entry.number]
        for slot in entry.slots:
            filed = self._by_slot[slot]
            del filed[entry.number]
            if not filed:
                del self._by_slot[slot]
        by_subject = self.entries[action]
        leaves = by_subject[subject]
        del leaves[leaf]
        if not leaves:
            del by_subject[subject]
        self._by_subject[subject] -= 1
        if not self._by_subject[subject]:
            del self._by_subject[subject]
        self.counters.hits_gone += entry.hits


def bounded(decision: Decision, until: dt.datetime | None) -> Decision:
    """A decision holds no longer than the values that it was made of may be used."""
    if until is None or (decision.valid_until is not None and decision.valid_until <= until):
        return decision
    return decision.until(until)
