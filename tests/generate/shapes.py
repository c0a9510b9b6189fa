"""Tests: other shapes of the same request: other Mappings, dataclasses, subclasses, tuples, sets, offsets, zones."""

from __future__ import annotations

import dataclasses
import datetime as dt
import keyword
import random
from collections import Counter, UserDict
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from abac.model import types as t
from abac.model.schema import Schema
from tests.generate.pools import ZONES
from tests.generate.requests import WALKED, Raw, get, put, spots


class Text(str):
    """A str that lies about itself."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Number(int):
    """An int that compares as nothing does."""

    def __lt__(self, other: object) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def dress(rng: random.Random, request: Raw, schema: Schema, seen: Counter[str]) -> Raw:
    """The same request in other shapes, which are counted into `seen`."""
    for spot in list(spots(request, schema)):
        present = get(request, spot.path)
        if spot.type == t.INSTANT and isinstance(present, str) and rng.random() < 0.4:
            made = _moved(rng, present, seen)
            if made is not None:
                request = put(request, spot.path, made)
        if isinstance(spot.type, t.SetOf) and isinstance(present, list) and _fits_a_set(present) and rng.random() < 0.3:
            seen["frozenset"] += 1
            request = put(request, spot.path, frozenset(present))
    return {name: part if name == "action" else _dressed(rng, part, seen) for name, part in request.items()}


def _fits_a_set(elements: list[Any]) -> bool:
    """Whether a Python set can hold them all: they hash, and no two are equal."""
    return all(type(e) in (str, int) for e in elements) and len(set(elements)) == len(elements)


def _moved(rng: random.Random, text: str, seen: Counter[str]) -> object:
    """The same instant with an offset, or as a datetime of a zone, with its fold; None where clocks cannot show it."""
    try:
        instant = dt.datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return None
        away = dt.timezone(dt.timedelta(hours=rng.randint(-12, 12), minutes=rng.choice((0, 30))))
        moved, local = instant.astimezone(away), instant.astimezone(ZoneInfo(rng.choice(ZONES)))
    except (ValueError, OverflowError):
        return None
    if rng.random() < 0.5:
        seen["offset"] += 1
        return moved.isoformat()
    seen["fold" if local.fold else "zone"] += 1
    return local


def _dressed(rng: random.Random, value: Any, seen: Counter[str]) -> Any:
    if type(value) is dict:
        inner = {name: _dressed(rng, each, seen) for name, each in value.items()}
        return _object(rng, inner, seen) if rng.random() < 0.1 else inner
    if type(value) is list and len(value) <= WALKED:
        elements = [_dressed(rng, each, seen) for each in value]
        if rng.random() < 0.2:
            seen["tuple"] += 1
            return tuple(elements)
        return elements
    if type(value) is str and rng.random() < 0.1:
        seen["str subclass"] += 1
        return Text(value)
    if type(value) is int and rng.random() < 0.1:
        seen["int subclass"] += 1
        return Number(value)
    return value


def _object(rng: random.Random, members: Raw, seen: Counter[str]) -> object:
    kind = rng.choice(("MappingProxyType", "UserDict", "dataclass"))
    if kind == "dataclass":
        if not members or any(keyword.iskeyword(name) for name in members):
            return members
        seen[kind] += 1
        return dataclasses.make_dataclass("Drawn", list(members), eq=False)(**members)
    seen[kind] += 1
    return MappingProxyType(members) if kind == "MappingProxyType" else UserDict(members)
