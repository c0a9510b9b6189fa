"""Benches: seeded streams of requests, drawn by changing the cases of a pack.

Some attributes of a case take values that they have in other cases of the pack. Nothing here knows what an attribute means.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

Json = dict[str, Any]
PARTS = ("subject", "action", "resource", "context")


def read_cases(*files: Path) -> list[Json]:
    """The four parts of each case, in order."""
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    cases = [json.loads(line, parse_float=Decimal) for line in lines]
    return [{part: case[part] for part in PARTS} for case in cases]


def changed(cases: Sequence[Json], rng: random.Random) -> Iterator[Json]:
    """Requests without end: the cases themselves, then cases of which some attributes are changed."""
    pool: dict[str, list[Any]] = {}
    for case in cases:
        for place, value in _values(case):
            known = pool.setdefault(place, [])
            if value not in known:
                known.append(value)
    yield from copy.deepcopy(list(cases))
    while True:
        request = copy.deepcopy(rng.choice(cases))
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            _change(request, rng, pool)
        yield request


def _kind(place: str, value: Any) -> str:
    """Entities of different types have different places."""
    return f"{place}:{value['entity_type']}" if isinstance(value, dict) and "entity_type" in value else place


def _values(request: Json) -> Iterator[tuple[str, Any]]:
    """Every value in a request with its place."""
    waiting = [(part, request[part]) for part in PARTS]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if isinstance(value, dict):
            waiting += [(f"{_kind(place, value)}.{name}", member) for name, member in value.items()]


def _change(request: Json, rng: random.Random, pool: dict[str, list[Any]]) -> None:
    """Another value at one place, mostly not deep inside."""
    part = rng.choice(("subject", "resource", "context", "context", "action"))
    holder, name, place = request, part, part
    while isinstance(holder[name], dict) and holder[name] and rng.random() < 0.9:
        holder, place = holder[name], _kind(place, holder[name])
        name = rng.choice([member for member in holder if member not in ("entity_type", "id")] or list(holder))
        place = f"{place}.{name}"
    holder[name] = copy.deepcopy(rng.choice(pool.get(place, [holder[name]])))


# ── the document service has no cases: its requests are drawn from all there are ─────────────────────────────────────


def document_requests(rng: random.Random) -> Iterator[Json]:
    teams, people = ["sales", "law", "research"], [f"member:{number}" for number in range(20)]
    while True:
        yield {
            "subject": {
                "id": rng.choice(people),
                "role": rng.choice(["viewer", "author", "accountant", "lawyer", "auditor"]),
                "team": rng.choice(teams),
                "clearance": rng.randint(0, 3),
                "suspended": rng.random() < 0.05,
            },
            "action": rng.choice(["read", "read", "edit", "share", "delete"]),
            "resource": {
                "id": f"document:{rng.randint(0, 999)}",
                "kind": rng.choice(["report", "invoice", "contract", "memo"]),
                "team": rng.choice(teams),
                "owner": rng.choice(people),
                "level": rng.randint(0, 3),
                "locked": rng.random() < 0.1,
            },
            "context": {"at": "2026-07-15T15:00:00Z", "managed_device": rng.random() < 0.7},
        }
