"""Tests: damages requests, keeps a record of where, and supplies what was made unknown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from abac.model import types as t
from tests.generate.requests import MISSING, Raw, RequestMaker, Spot, get, put, spots, spots_inside

TEXTUAL = (t.INSTANT, t.DATE, t.DURATION, t.TIME_OF_DAY, t.TIME_ZONE, t.IP_ADDRESS, t.IP_NETWORK)
NUMBERS = (t.INT, t.DECIMAL)


@dataclass(frozen=True)
class Damaged:
    """A request some parts of which are unknown: at these places, and nowhere else. `kinds` says how they were damaged."""

    request: Raw
    spots: tuple[Spot, ...]
    kinds: tuple[str, ...]


class Broken(Mapping[str, object]):
    """A Mapping that cannot be read."""

    def __getitem__(self, name: str) -> object:
        raise RuntimeError("the database is gone")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("the database is gone")

    def __len__(self) -> int:
        raise RuntimeError("the database is gone")


NOT = object()
"""What a kind of damage gives for a place that it does not fit."""

Wound = Callable[[RequestMaker, Spot, Any], Any]


def _where(fits: Callable[[Spot], bool], *values: Any) -> Wound:
    return lambda maker, spot, present: maker.rng.choice(values) if fits(spot) else NOT


def _of(*types: t.Type) -> Callable[[Spot], bool]:
    return lambda spot: t.base(spot.type) in types


def _reference(maker: RequestMaker, spot: Spot, present: Any) -> Any:
    """An entity by its key alone."""
    if not isinstance(spot.type, t.EntityOf) or len(spot.type.names) != 1 or not isinstance(present, dict):
        return NOT
    return present.get(maker.schema.entities[spot.type.names[0]].key, NOT)


def _is_collection(spot: Spot) -> bool:
    return isinstance(spot.type, t.SetOf | t.ListOf)


def _too_many(maker: RequestMaker, spot: Spot, present: Any) -> Any:
    return [maker.value(spot.type.element, 9)] * 10_001 if isinstance(spot.type, t.SetOf | t.ListOf) else NOT


def _offset_less(maker: RequestMaker, spot: Spot, present: Any) -> Any:
    return maker.rng.choice((dt.datetime(2026, 6, 15, 12), "2026-06-15T12:00:00")) if spot.type == t.INSTANT else NOT


WOUNDS: dict[str, Wound] = {
    "missing": _where(lambda s: s.field is not None and not s.field.absent_by_default, MISSING),
    "null for required": _where(lambda s: s.field is not None and not s.optional, None),
    "null element of a list": _where(lambda s: s.collection == "list", None),
    "null element of a set": _where(lambda s: s.collection == "set", None),
    "mistyped element": lambda maker, s, present: object() if s.collection else NOT,
    "bool for a number": _where(_of(*NUMBERS), True, False),
    "number for a bool": _where(_of(t.BOOL), 0, 1),
    "float": _where(_of(*NUMBERS), 1.0, 0.5),
    "not a number": _where(_of(*NUMBERS), float("nan"), Decimal("NaN"), Decimal("Infinity")),
    "beyond 64 bits": _where(_of(t.INT), 10**30, -(2**63) - 1, 2**63),
    "35 digits": _where(_of(t.DECIMAL), Decimal("1." + "1" * 34)),
    "wrong text": _where(_of(*TEXTUAL, *NUMBERS, t.BOOL), "?", "", "1", "true"),
    "number for text": _where(_of(t.STRING, *TEXTUAL), 1, 0.5, True),
    "naive": _offset_less,
    "surrogate": _where(_of(t.STRING), "\ud800", "a\udfff"),
    "word outside": _where(lambda s: isinstance(s.type, t.Words) and not s.type.open, "violet", "Red", ""),
    "no such row": _where(lambda s: isinstance(s.type, t.KeyOf), "XX", 99),
    "reference": _reference,
    "no parents": _where(lambda s: s.path[-1] == "parents", MISSING),
    "10,001 elements": _too_many,
    "not a collection": _where(_is_collection, {}, "ab", 1),
    "not an object": _where(lambda s: isinstance(s.type, t.RecordOf | t.IntervalOf), [], "?", 1),
    "raises": _where(lambda s: isinstance(s.type, t.RecordOf | t.EntityOf | t.IntervalOf), Broken()),
}


def damage(maker: RequestMaker, request: Raw, count: int, only: str = "") -> Damaged:
    """Damage a request at up to `count` places (by one kind of damage if `only` names it); who and what is asked about stays known."""
    hurt = Damaged(request, (), ())
    places = places_of(maker, request)
    for _ in range(count):
        wound = only or maker.rng.choice(tuple(WOUNDS))
        for spot in maker.rng.sample(places, len(places)):
            worse = wounded(maker, hurt, spot, wound)
            if worse is not None:
                hurt = worse
                break
    return hurt


def places_of(maker: RequestMaker, request: Raw) -> list[Spot]:
    """The places that damage may befall without making the whole request invalid."""
    return [s for s in spots(request, maker.schema) if len(s.path) > 2 or not s.key]


def wounded(maker: RequestMaker, hurt: Damaged, spot: Spot, wound: str = "") -> Damaged | None:
    """One more place damaged, by any kind of damage that fits or the one named; None if the place cannot be."""
    if any(_overlaps(spot, other) for other in hurt.spots):
        return None
    present = get(hurt.request, spot.path)
    for name in [wound] if wound else maker.rng.sample(tuple(WOUNDS), len(WOUNDS)):
        if name == "10,001 elements" and not wound and maker.rng.random() < 0.85:  # they take long to read
            continue
        value = WOUNDS[name](maker, spot, present)
        if value is not NOT and not (value is MISSING and present is MISSING):
            return Damaged(put(hurt.request, spot.path, value), (*hurt.spots, spot), (*hurt.kinds, name))
    return None


def unknown_first(maker: RequestMaker, request: Raw) -> Damaged | None:
    """Nulls before the elements of a list."""
    lists = [
        s for s in spots(request, maker.schema) if isinstance(s.type, t.ListOf) and isinstance(raw := get(request, s.path), list) and raw
    ]
    if not lists:
        return None
    chosen = maker.rng.choice(lists)
    assert isinstance(chosen.type, t.ListOf)
    made = put(request, chosen.path, [None, *get(request, chosen.path)])
    return Damaged(made, (Spot((*chosen.path, 0), chosen.type.element, None, "list"),), ("null before others",))


def _overlaps(a: Spot, b: Spot) -> bool:
    short = min(len(a.path), len(b.path))
    return a.path[:short] == b.path[:short]


def supply(maker: RequestMaker, damaged: Damaged) -> Damaged:
    """The request with values for some or all of what was unknown: well-typed ones, some of which are extreme or again unknown in parts."""
    rng, request, left = maker.rng, damaged.request, list[Spot]()
    everything = rng.random() < 0.6
    for spot in damaged.spots:
        if not everything and rng.random() < 0.4:
            left.append(spot)
            continue
        maker.extreme = rng.choice((0.0, 0.0, 0.3, 0.8))
        request = put(request, spot.path, _supplied(maker, spot, get(damaged.request, spot.path)))
        maker.extreme = 0.0
        if rng.random() < 0.3:
            found = spots_inside(get(request, spot.path), spot, maker.schema)
            inner = [each for each in found if not _is_reference_key(each, spot, damaged)]
            if inner:
                hurt = rng.choice(inner)
                request = put(request, hurt.path, rng.choice((object(), 0.5)))
                left.append(hurt)
    return Damaged(request, tuple(left), damaged.kinds)


def _is_reference_key(inner: Spot, spot: Spot, damaged: Damaged) -> bool:
    """Whether this is the key that a reference told."""
    return inner.key and len(inner.path) == len(spot.path) + 1 and type(get(damaged.request, spot.path)) in (str, int)


def _supplied(maker: RequestMaker, spot: Spot, present: Any) -> Any:
    is_there = isinstance(present, Broken) or (
        isinstance(spot.type, t.EntityOf) and type(present) in (str, int)
    )  # only its parts are unknown
    if spot.optional and maker.rng.random() < 0.3 and not is_there:
        return None
    value = maker.value(spot.type, min(len(spot.path), 3))
    if isinstance(spot.type, t.EntityOf) and type(present) in (str, int) and not isinstance(present, bool):
        value = {**value, maker.schema.entities[spot.type.names[0]].key: present}  # a reference tells the key
    return value
