"""Benches: requests each without one attribute that their decision reads."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from abac.engine.requests import read_request
from abac.model.request import Request
from benches.packs.workloads import Workload, is_two_valued

Place = tuple[str | int, ...]
IDENTITY = frozenset({"entity_type", "id", "model", "number"})
"""A request without these is refused before any rule is looked at."""


def damaged(work: Workload, seed: int = 1) -> list[tuple[int, tuple[Any, ...], Request]]:
    """Number of the request in the stream, the damaged one as plain dicts with its clock, and the same validated.

    A request is left out if no attribute is found whose absence two-valued code would notice.
    """
    rng, package = random.Random(seed), work.engine.state.package
    found = []
    for number, call in enumerate(work.calls):
        places = [place for part in (0, 2, 3) for place in _places(call[part], (part,))]
        for place in rng.sample(places, len(places)):
            broken = _without(call, place)
            subject, action, resource, context, now = broken
            request = read_request(subject, action, resource, context, package.schema, package.tables, now)
            if type(request) is Request and not is_two_valued(work.code, request):
                found.append((number, broken, request))
                break
    return found


def _places(holder: object, place: Place) -> Iterator[Place]:
    """Where members stand, at any depth."""
    members = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
    for name, member in members:
        if isinstance(holder, dict) and name not in IDENTITY:
            yield (*place, name)
        yield from _places(member, (*place, name))


def _without(call: tuple[Any, ...], place: Place) -> tuple[Any, ...]:
    parts = list(call)
    parts[place[0]] = holder = copy.deepcopy(parts[place[0]])  # type: ignore[index]  # the first step is the part
    for step in place[1:-1]:
        holder = holder[step]
    del holder[place[-1]]
    return tuple(parts)
