"""No object, however hostile, makes reading raise or gets itself into a value."""

from __future__ import annotations

import datetime as dt
import ipaddress as ip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import pytest
from pydantic import BaseModel

from abac.model import types as t
from abac.model import wire
from abac.model.limits import MAX_NESTING
from abac.model.scalars import READERS, read_scalar
from abac.model.schema import Field
from abac.model.values import (
    EntityValue,
    ListValue,
    RecordValue,
    SetValue,
)
from abac.model.wire import read_entity, read_field
from tests.model.wire_samples import (
    COUNTRY,
    EITHER,
    LISTS,
    SCHEMA,
    TABLES,
    US_STATUS,
    K,
    Lookup,
    Zone,
    reading,
    unknown,
)

DUNDERS = """
__getattribute__ __getattr__ __eq__ __hash__ __iter__ __len__ __bool__ __str__ __repr__ __int__ __index__ __float__
__contains__ __getitem__ __call__ __lt__ __le__ __gt__ __ge__ __ne__ __format__ __bytes__ __abs__ __fspath__ __reversed__
__next__ __length_hint__
__add__ __radd__ __sub__ __rsub__ __and__ __or__ __enter__ __dir__ __sizeof__ __reduce__ __instancecheck__ __set_name__ __get__
"""


class Fatal(BaseException):
    """Nothing that `except Exception` would catch."""


def raising(*_: object, **__: object) -> NoReturn:
    raise Fatal


def hostile(base: type, *arguments: Any) -> object:
    body = dict.fromkeys(DUNDERS.split(), raising) | {"__class__": property(raising)}
    return type(f"Hostile{base.__name__.capitalize()}", (base,), body)(*arguments)


class HostileMeta(type):
    __getattribute__ = __instancecheck__ = __subclasscheck__ = __eq__ = __hash__ = raising


class HostileMapping(Mapping[str, object]):
    __getitem__ = __iter__ = __len__ = raising


@dataclass
class HostileData:
    id: int = 1

    @property
    def country(self) -> str:
        raise Fatal

    level = ties = next = all = note = n = country


class HostileModel(BaseModel):
    id: int = 1
    level: int = 1

    @property
    def country(self) -> str:
        raise Fatal


HOSTILE: list[Callable[[], object]] = [
    lambda: hostile(object),
    lambda: hostile(str, "US"),
    lambda: hostile(int, 1),
    lambda: hostile(Decimal, 1),
    lambda: hostile(dict, {"id": 1, "from": 2}),
    lambda: hostile(list, [1, "a", None]),
    lambda: hostile(tuple, (1, "a")),
    lambda: hostile(frozenset, ["a"]),
    lambda: hostile(dt.datetime, 2026, 7, 15),
    lambda: hostile(dt.date, 2026, 7, 15),
    lambda: hostile(dt.time, 8),
    lambda: hostile(dt.timedelta, 8),
    lambda: dt.datetime(2026, 7, 15, tzinfo=Zone(Fatal())),
    lambda: dt.datetime(2026, 7, 15, tzinfo=Zone(hostile(object))),
    lambda: dt.time(8, tzinfo=Zone(Fatal())),
    lambda: ip.IPv4Address.__new__(ip.IPv4Address),
    lambda: ip.IPv6Network.__new__(ip.IPv6Network),
    lambda: HostileMeta("Meta", (), {})(),
    lambda: HostileMeta("Meta", (dict,), {}),
    HostileMapping,
    HostileData,
    HostileModel,
    lambda: HostileModel.__new__(HostileModel),
]
ALL_TYPES: list[t.Type] = [
    *READERS,
    US_STATUS,
    LISTS,
    COUNTRY,
    t.SetOf(t.STRING),
    t.ListOf(t.INT),
    t.IntervalOf(t.INSTANT),
    *(t.RecordOf(name) for name in SCHEMA.records),
    *(t.EntityOf((name,)) for name in SCHEMA.entities),
    EITHER,
    t.Optional(t.INT),
]


@pytest.mark.parametrize("make", HOSTILE)
@pytest.mark.parametrize("type_", ALL_TYPES, ids=str)
def test_no_object_makes_reading_raise_or_reach_a_value(make: Callable[[], object], type_: t.Type) -> None:
    def plain(value: object) -> bool:
        match value:
            case ListValue(elements=elements) | SetValue(elements=elements):
                return all(map(plain, elements))
            case RecordValue(fields=parts):
                return all(map(plain, parts.values()))
            case EntityValue(key=key, fields=parts, parents=parents):
                return all(map(plain, (key, parents, *parts.values())))
            case _:
                return type(value).__module__ in ("builtins", "decimal", "datetime", "ipaddress", "zoneinfo", "abac.model.values")

    field = Field("a", type_)
    places: list[object] = [
        reading(make(), type_),
        reading([make(), make()], t.ListOf(type_)),
        reading([make()], t.SetOf(type_)),
        read_field({"a": make()}, field, "s", SCHEMA, TABLES),
        read_field(Lookup(a=make()), field, "s", SCHEMA, TABLES),
        read_field(make(), field, "s", SCHEMA, TABLES),
        read_entity(make(), ("Group", "Org"), "s", SCHEMA, TABLES),
        read_entity({"id": make(), "parents": make(), "entity_type": make()}, ("Group",), "s", SCHEMA, TABLES),
    ]
    assert all(map(plain, places))


def test_hostile_names_of_members_do_no_harm() -> None:
    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return hash("n")

        def __eq__(self, other: object) -> bool:
            raise Fatal

    assert read_field({Name("x"): 1}, Field("n", t.INT), "s", SCHEMA, TABLES) == unknown("s.n", K.MISTYPED)


def test_what_the_caller_must_not_survive_is_not_caught() -> None:
    class Ends(Mapping[str, object]):
        def __getitem__(self, name: str) -> object:
            raise KeyboardInterrupt

        __iter__ = __len__ = __getitem__  # type: ignore[assignment]

    with pytest.raises(KeyboardInterrupt):
        read_field(Ends(), Field("n", t.INT), "s", SCHEMA, TABLES)
    with pytest.raises(SystemExit):
        read_scalar(dt.datetime(2026, 7, 15, tzinfo=Zone(SystemExit())), t.INSTANT)


def test_an_object_within_itself_ends_at_the_limit_of_nesting() -> None:
    loop: dict[str, object] = {"all": []}
    loop["next"] = loop
    found: object = reading(loop, t.RecordOf("Deep"), "d")
    for _ in range(MAX_NESTING):
        assert isinstance(found, RecordValue)
        found = found.fields["next"]
    assert isinstance(found, RecordValue)
    assert found.fields["next"] == unknown("d" + ".next" * (MAX_NESTING + 1), K.LIMIT_EXCEEDED)


def test_an_object_that_holds_itself_twice_ends_at_the_limit_of_values() -> None:
    twice: dict[str, object] = {"next": None}
    twice["all"] = [twice, twice]
    reader = wire._Reader(SCHEMA, TABLES, left=10_000)
    found = reader.read(twice, t.RecordOf("Deep"), "d", 0)
    assert reader.left < 0 and isinstance(found, RecordValue)
    assert wire._Reader(SCHEMA, TABLES, left=2).read([1, 1, 1], t.ListOf(t.INT), "x", 0) == ListValue(
        (1, unknown("x[1]", K.LIMIT_EXCEEDED), unknown("x[2]", K.LIMIT_EXCEEDED))
    )
