"""What the tests of the wire share: a small schema, and values in a form that `==` compares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from abac.model import types as t
from abac.model.schema import Entity, Field, Record, Schema
from abac.model.values import (
    CauseKind,
    EntityValue,
    Interval,
    ListValue,
    RecordValue,
    SetValue,
    Table,
    Unknown,
    Value,
)
from abac.model.wire import read

UTC = dt.timezone.utc
K = CauseKind
COUNTRY = t.KeyOf("countries", t.STRING)
US_STATUS = t.Words(("citizen", "lpr"))
LISTS = t.Words(("SDN", "EL"), open=True)


def fields(*each: Field) -> dict[str, Field]:
    return {field.name: field for field in each}


SCHEMA = Schema(
    records={
        "Tie": Record("Tie", fields(Field("country", COUNTRY), Field("since", t.Optional(t.DATE)))),
        "Deep": Record("Deep", fields(Field("next", t.Optional(t.RecordOf("Deep"))), Field("all", t.ListOf(t.RecordOf("Deep"))))),
        "Noted": Record("Noted", fields(Field("note", t.STRING, absent_by_default=True), Field("n", t.INT))),
    },
    entities={
        "Group": Entity("Group", "id", fields(Field("id", t.STRING), Field("level", t.INT)), parents=("Group",)),
        "Org": Entity("Org", "id", fields(Field("id", t.INT), Field("country", COUNTRY))),
        "Person": Entity(
            "Person",
            "id",
            fields(
                Field("id", t.STRING),
                Field("ties", t.ListOf(t.RecordOf("Tie"))),
                Field("org", t.Optional(t.EntityOf(("Org",)))),
                Field("nick", t.Optional(t.STRING), absent_by_default=True),
            ),
            parents=("Org", "Group"),
        ),
    },
)


def row(key: str) -> RecordValue:
    return RecordValue("Country", {"key": key})


TABLES = {"countries": Table("countries", "Country", {key: row(key) for key in ("US", "CU")}, "countries.csv")}


def reading(raw: object, type: t.Type, path: str = "x") -> Value | Unknown:
    return read(raw, type, path, SCHEMA, TABLES)


def unknown(path: str, kind: CauseKind) -> Unknown:
    return Unknown.of(path, kind)


def shown(value: object) -> object:
    """The value with its types, in a form that `==` compares: records and entities have no `==` of their own."""
    match value:
        case RecordValue():
            return ("record", value.type, [(name, shown(part)) for name, part in value.fields.items()])
        case EntityValue():
            parts = [(name, shown(part)) for name, part in value.fields.items()]
            return ("entity", value.type, shown(value.key), parts, shown(value.parents), value.path)
        case ListValue(elements=elements) | SetValue(elements=elements):
            return (type(value), [shown(element) for element in elements])
        case Unknown(causes=causes):
            return sorted((cause.path, cause.kind) for cause in causes)
        case Interval(start=start, end=end):
            return ("interval", shown(start), shown(end))
        case _:
            return (type(value), str(value) if isinstance(value, Decimal) else value)


PERSON = t.EntityOf(("Person",))
EITHER = t.EntityOf(("Group", "Org"))


class Zone(dt.tzinfo):
    """Answers `utcoffset` with anything."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def utcoffset(self, when: dt.datetime | None) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    dst = utcoffset

    def tzname(self, when: dt.datetime | None) -> None:
        return None


BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 7, 15, 12, tzinfo=UTC)


class Lookup(Mapping[str, object]):
    """Counts how often each member is read."""

    def __init__(self, **members: object) -> None:
        self.members = members
        self.reads: list[str] = []

    def __getitem__(self, name: str) -> object:
        self.reads.append(name)
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("iterated")

    def __len__(self) -> int:
        raise AssertionError("measured")
