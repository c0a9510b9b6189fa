"""Floor 5, engine: what `check` did so far, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """What is counted off the hot path. Invariant: changed under the lock of the engine's generations alone."""

    hits_gone: int = 0
    misses: int = 0
    not_kept: int = 0
    evictions: int = 0
    invalidations: int = 0
    dropped: int = 0
    fetches: int = 0
    joined: int = 0
    kept_answers: int = 0
    timeouts: int = 0
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What `check` and `acheck` did since the engine was made, and what they keep now.

    Attributes:
        hits: decisions that were kept from before. Where many threads hit one entry at once some may go uncounted.
        misses: decisions that were made.
        not_kept: of these, decisions that may not be used again: a source failed, the key is too long, they hold for this instant only, an
            entity was invalidated meanwhile, or the caller gave the clock.
        evictions: decisions that made room for others.
        invalidations: calls of `invalidate`.
        dropped: decisions that these dropped.
        fetches: questions that sources were asked.
        joined: questions that waited for one that was being asked.
        kept_answers: questions that an answer from before settled.
        timeouts: questions that were not answered in time; they are among the failures.
        failures: questions that failed, by the name of the source.
        decisions, answers: how many are kept now.
        oldest, mean_age: seconds since the decisions that are kept now were made; 0 if there are none.
    """

    hits: int
    misses: int
    not_kept: int
    evictions: int
    invalidations: int
    dropped: int
    fetches: int
    joined: int
    kept_answers: int
    timeouts: int
    failures: Mapping[str, int]
    decisions: int
    answers: int
    oldest: float
    mean_age: float
