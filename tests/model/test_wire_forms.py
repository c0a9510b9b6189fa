"""Each type has its accepted forms in JSON, Python and CSV; any other is unknown with its cause; what is written can be read again."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress as ip
from collections import namedtuple
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abac.model import types as t
from abac.model.limits import DECIMAL_EXPONENT, INT_MAX, INT_MIN, MAX_COLLECTION, MAX_STRING
from abac.model.scalars import READERS, time_zones
from abac.model.values import (
    ABSENT,
    CauseKind,
    EntityValue,
    Interval,
    ListValue,
    LocalTime,
    RecordValue,
    SetValue,
    set_of,
)
from abac.model.wire import read_cell, to_wire
from tests.model.wire_samples import (
    BERLIN,
    COUNTRY,
    LISTS,
    NOON,
    SCHEMA,
    TABLES,
    US_STATUS,
    UTC,
    K,
    Zone,
    reading,
    shown,
    unknown,
)

Pair = namedtuple("Pair", "a b")


class Text(str):
    """Says something else than it is, wherever it is asked."""

    def __str__(self) -> str:
        raise AssertionError("asked")

    __repr__ = __len__ = __iter__ = __eq__ = __hash__ = __format__ = __getattribute__ = __str__  # type: ignore[assignment, misc]


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 3


class Number(int):
    def __int__(self) -> int:
        raise AssertionError("asked")

    __index__ = __eq__ = __hash__ = __abs__ = __le__ = __lt__ = __ge__ = __bool__ = __int__  # type: ignore[assignment]


class Amount(Decimal):
    def as_tuple(self) -> Any:
        raise AssertionError("asked")

    is_finite = __eq__ = __hash__ = __abs__ = __le__ = __lt__ = adjusted = as_tuple  # type: ignore[assignment]


class Moment(dt.datetime):
    def utcoffset(self) -> Any:
        raise AssertionError("asked")

    astimezone = replace = year = __eq__ = __hash__ = __sub__ = __add__ = utcoffset  # type: ignore[assignment]


class Stamp(dt.datetime):
    nanosecond = 1


class Day(dt.date):
    def isoformat(self) -> str:
        raise AssertionError("asked")


class Span(dt.timedelta):
    nanoseconds = 0


class FineSpan(dt.timedelta):
    nanoseconds = 7


ACCEPTED: list[tuple[t.Type, object, object]] = [
    (t.BOOL, True, True),
    (t.BOOL, False, False),
    (t.INT, INT_MAX, INT_MAX),
    (t.INT, INT_MIN, INT_MIN),
    (t.INT, Level.LOW, 3),
    (t.INT, Number(7), 7),
    (t.DECIMAL, 5, Decimal(5)),
    (t.DECIMAL, Decimal("0.10"), Decimal("0.10")),
    (t.DECIMAL, Amount("0.5"), Decimal("0.5")),
    (t.DECIMAL, Decimal(f"1e{DECIMAL_EXPONENT}"), Decimal(f"1e{DECIMAL_EXPONENT}")),
    (t.DECIMAL, Decimal("1" + "0" * 40), Decimal("1." + "0" * 33 + "e40")),
    (t.STRING, "", ""),
    (t.STRING, "é😀\0", "é😀\0"),
    (t.STRING, Text("a"), "a"),
    (t.STRING, Colour.RED, "red"),
    (t.STRING, "x" * MAX_STRING, "x" * MAX_STRING),
    (t.INSTANT, "2026-07-15T12:00:00Z", NOON),
    (t.INSTANT, "2026-07-15t12:00:00z", NOON),
    (t.INSTANT, "2026-07-15T12:00:00-00:00", NOON),
    (t.INSTANT, "2026-07-15T17:30:00+05:30", NOON),
    (t.INSTANT, "2026-07-14T12:01:00-23:59", NOON),
    (t.INSTANT, "2026-07-15T12:00:00.50Z", NOON.replace(microsecond=500_000)),
    (t.INSTANT, "2026-07-15T12:00:00.123456000Z", NOON.replace(microsecond=123_456)),
    (t.INSTANT, NOON, NOON),
    (t.INSTANT, dt.datetime(2026, 7, 15, 14, tzinfo=BERLIN), NOON),
    (t.INSTANT, dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    (t.INSTANT, dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), dt.datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    (t.INSTANT, Moment(2026, 7, 15, 14, tzinfo=BERLIN), NOON),
    (t.INSTANT, dt.datetime(2026, 7, 15, 13, tzinfo=Zone(Span(hours=1))), NOON),
    (t.DATE, "2026-02-28", dt.date(2026, 2, 28)),
    (t.DATE, dt.date(2026, 2, 28), dt.date(2026, 2, 28)),
    (t.DATE, Day(2026, 2, 28), dt.date(2026, 2, 28)),
    (t.DURATION, "72 hours", dt.timedelta(hours=72)),
    (t.DURATION, "1 week", dt.timedelta(weeks=1)),
    (t.DURATION, "1 days", dt.timedelta(days=1)),
    (t.DURATION, "0 minutes", dt.timedelta()),
    (t.DURATION, "-90 \tseconds", dt.timedelta(seconds=-90)),
    (t.DURATION, "1.5 seconds", dt.timedelta(seconds=1, microseconds=500_000)),
    (t.DURATION, "-0.25 seconds", dt.timedelta(microseconds=-250_000)),
    (t.DURATION, "0" * 5_000 + "1 hour", dt.timedelta(hours=1)),
    (t.DURATION, dt.timedelta.max, dt.timedelta.max),
    (t.DURATION, Span(hours=1), dt.timedelta(hours=1)),
    (t.TIME_OF_DAY, "08:30", dt.time(8, 30)),
    (t.TIME_OF_DAY, "08:30:15", dt.time(8, 30, 15)),
    (t.TIME_OF_DAY, "08:30:15.5", dt.time(8, 30, 15, 500_000)),
    (t.TIME_OF_DAY, dt.time(8, 30, fold=1), dt.time(8, 30)),
    (t.TIME_ZONE, "Europe/Berlin", BERLIN),
    (t.TIME_ZONE, BERLIN, BERLIN),
    (t.TIME_ZONE, ZoneInfo.no_cache("Europe/Berlin"), BERLIN),
    (t.IP_ADDRESS, "10.0.0.1", ip.IPv4Address("10.0.0.1")),
    (t.IP_ADDRESS, "2001:DB8::1", ip.IPv6Address("2001:db8::1")),
    (t.IP_ADDRESS, "::ffff:10.0.0.1", ip.IPv4Address("10.0.0.1")),
    (t.IP_ADDRESS, ip.IPv6Address("::ffff:10.0.0.1"), ip.IPv4Address("10.0.0.1")),
    (t.IP_ADDRESS, ip.IPv4Interface("10.0.0.1/8"), ip.IPv4Address("10.0.0.1")),
    (t.IP_NETWORK, "10.0.0.0/8", ip.IPv4Network("10.0.0.0/8")),
    (t.IP_NETWORK, "10.0.0.1", ip.IPv4Network("10.0.0.1/32")),
    (t.IP_NETWORK, "2001:db8::/32", ip.IPv6Network("2001:db8::/32")),
    (t.IP_NETWORK, "::ffff:10.0.0.0/104", ip.IPv4Network("10.0.0.0/8")),
    (t.IP_NETWORK, "::ffff:0:0/96", ip.IPv4Network("0.0.0.0/0")),
    (t.IP_NETWORK, "::/0", ip.IPv6Network("::/0")),
    (t.IP_NETWORK, ip.IPv6Network("::ffff:10.0.0.0/104"), ip.IPv4Network("10.0.0.0/8")),
    (US_STATUS, "lpr", "lpr"),
    (US_STATUS, Text("lpr"), "lpr"),
    (LISTS, "other", "other"),
    (COUNTRY, "CU", "CU"),
    (t.ListOf(t.INT), [2, 1, 2], ListValue((2, 1, 2))),
    (t.ListOf(t.INT), (2, 1), ListValue((2, 1))),
    (t.ListOf(t.INT), Pair(2, 1), ListValue((2, 1))),
    (t.ListOf(t.ListOf(t.INT)), [[], [1]], ListValue((ListValue(()), ListValue((1,))))),
    (t.SetOf(t.STRING), ["b", "a", "b"], SetValue(("a", "b"))),
    (t.SetOf(t.STRING), {"b", "a"}, SetValue(("a", "b"))),
    (t.SetOf(t.STRING), frozenset("ba"), SetValue(("a", "b"))),
    (t.SetOf(t.STRING), ("b", "a"), SetValue(("a", "b"))),
    (t.SetOf(t.DECIMAL), [1, Decimal("1.0"), 2], SetValue((Decimal(1), Decimal(2)))),
    (t.IntervalOf(t.DATE), {"from": "2026-01-01", "until": "2026-02-01"}, Interval(dt.date(2026, 1, 1), dt.date(2026, 2, 1))),
    (t.IntervalOf(t.INSTANT), {"from": "2026-07-15T12:00:00Z"}, Interval(NOON, None)),
    (t.IntervalOf(t.TIME_OF_DAY), {"from": "22:00", "until": None}, Interval(dt.time(22), None)),
    (t.Optional(t.INT), 5, 5),
]

NO_ARRAYS: tuple[object, ...] = ("ab", {"a": 1}, range(2), iter("ab"), None, 5, b"ab", {"a": 1}.keys())
NO_OBJECTS: tuple[object, ...] = ([], (), None, dict, SimpleNamespace(id=1, country="US"), {"id"}, Decimal(5), 5)
REFUSED: list[tuple[t.Type, object, CauseKind]] = [
    *(
        (scalar, raw, K.MISTYPED)
        for scalar in READERS
        for raw in (None, [], {}, (), 1.0, b"1", object(), SimpleNamespace(), type, float("nan"))
    ),
    *((scalar, raw, K.MISTYPED) for scalar in READERS if scalar not in (t.STRING,) for raw in ("", "x", "é", "\0", "1\n", "../x", " ")),
    *((scalar, raw, K.MISTYPED) for scalar in READERS if scalar != t.BOOL for raw in (True, False)),
    *((scalar, 5, K.MISTYPED) for scalar in READERS if scalar not in (t.INT, t.DECIMAL)),
    (t.BOOL, 1, K.MISTYPED),
    (t.BOOL, "true", K.MISTYPED),
    (t.INT, "1", K.MISTYPED),
    (t.INT, Decimal(1), K.MISTYPED),
    (t.INT, INT_MAX + 1, K.OVERFLOW),
    (t.INT, INT_MIN - 1, K.OVERFLOW),
    (t.INT, Number(2**64), K.OVERFLOW),
    (t.DECIMAL, "0.5", K.MISTYPED),
    (t.DECIMAL, Decimal("NaN"), K.MISTYPED),
    (t.DECIMAL, Decimal("sNaN"), K.MISTYPED),
    (t.DECIMAL, Decimal("-Infinity"), K.MISTYPED),
    (t.DECIMAL, Decimal("1." + "3" * 34), K.INEXACT),
    (t.DECIMAL, Decimal(f"1e{DECIMAL_EXPONENT + 1}"), K.OVERFLOW),
    (t.DECIMAL, Decimal(f"1e-{DECIMAL_EXPONENT + 1}"), K.OVERFLOW),
    (t.DECIMAL, 2**64, K.OVERFLOW),
    (t.STRING, "x" * (MAX_STRING + 1), K.LIMIT_EXCEEDED),
    (t.STRING, "a\ud800", K.MISTYPED),
    (t.STRING, enum.Enum("Plain", "A").A, K.MISTYPED),  # type: ignore[attr-defined]
    (t.INSTANT, "2026-07-15T12:00:00", K.MISTYPED),
    (t.INSTANT, "2026-07-15T12:00Z", K.MISTYPED),
    (t.INSTANT, "2026-07-15 12:00:00Z", K.MISTYPED),
    (t.INSTANT, "2026-07-15T23:59:60Z", K.MISTYPED),
    (t.INSTANT, "2026-07-15T24:00:00Z", K.MISTYPED),
    (t.INSTANT, "2026-02-30T12:00:00Z", K.MISTYPED),
    (t.INSTANT, "0000-01-01T00:00:00Z", K.MISTYPED),
    (t.INSTANT, "2026-07-15T12:00:00+24:00", K.MISTYPED),
    (t.INSTANT, "2026-07-15T12:00:00+00:60", K.MISTYPED),
    (t.INSTANT, "2026-07-15T12:00:00+0000", K.MISTYPED),
    (t.INSTANT, "2026-07-15T12:00:00Z\n", K.MISTYPED),
    (t.INSTANT, "２０２６-07-15T12:00:00Z", K.MISTYPED),
    (t.INSTANT, "2026-07-15T12:00:00.0000001Z", K.INEXACT),
    (t.INSTANT, "0001-01-01T00:00:00+00:01", K.OVERFLOW),
    (t.INSTANT, "9999-12-31T23:59:59-00:01", K.OVERFLOW),
    (t.INSTANT, dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-1))), K.OVERFLOW),
    (t.INSTANT, dt.datetime(2026, 7, 15), K.MISTYPED),
    (t.INSTANT, dt.date(2026, 7, 15), K.MISTYPED),
    (t.INSTANT, Stamp(2026, 7, 15, tzinfo=UTC), K.INEXACT),
    (t.INSTANT, dt.datetime(2026, 7, 15, tzinfo=Zone(None)), K.MISTYPED),
    (t.INSTANT, dt.datetime(2026, 7, 15, tzinfo=Zone(ZeroDivisionError())), K.MISTYPED),
    (t.INSTANT, dt.datetime(2026, 7, 15, tzinfo=Zone(5)), K.MISTYPED),
    (t.INSTANT, dt.datetime(2026, 7, 15, tzinfo=Zone(dt.timedelta(days=3))), K.MISTYPED),
    (t.DATE, "2026-02-29", K.MISTYPED),
    (t.DATE, "20260228", K.MISTYPED),
    (t.DATE, "2026-2-28", K.MISTYPED),
    (t.DATE, NOON, K.MISTYPED),
    (t.DURATION, "72hours", K.MISTYPED),
    (t.DURATION, "1 month", K.MISTYPED),
    (t.DURATION, "1.5 hours", K.MISTYPED),
    (t.DURATION, "+1 hour", K.MISTYPED),
    (t.DURATION, "1 hour 5 minutes", K.MISTYPED),
    (t.DURATION, "1.0000001 seconds", K.INEXACT),
    (t.DURATION, "1000000000 days", K.OVERFLOW),
    (t.DURATION, "9" * 1_000_000 + " seconds", K.OVERFLOW),
    (t.DURATION, FineSpan(1), K.INEXACT),
    (t.TIME_OF_DAY, "24:00", K.MISTYPED),
    (t.TIME_OF_DAY, "8:30", K.MISTYPED),
    (t.TIME_OF_DAY, "08:30Z", K.MISTYPED),
    (t.TIME_OF_DAY, "08:30:60", K.MISTYPED),
    (t.TIME_OF_DAY, "08:30:00.0000001", K.INEXACT),
    (t.TIME_OF_DAY, dt.time(8, 30, tzinfo=UTC), K.MISTYPED),
    (t.TIME_OF_DAY, NOON, K.MISTYPED),
    (t.TIME_ZONE, "Europe/Nowhere", K.MISTYPED),
    (t.TIME_ZONE, "europe/berlin", K.MISTYPED),
    (t.TIME_ZONE, "/etc/localtime", K.MISTYPED),
    (t.TIME_ZONE, "localtime", K.MISTYPED),
    (t.TIME_ZONE, UTC, K.MISTYPED),
    (t.IP_ADDRESS, "10.0.0.0/8", K.MISTYPED),
    (t.IP_ADDRESS, "010.0.0.1", K.MISTYPED),
    (t.IP_ADDRESS, "fe80::1%eth0", K.MISTYPED),
    (t.IP_ADDRESS, ip.IPv6Address("fe80::1%eth0"), K.MISTYPED),
    (t.IP_ADDRESS, 167772161, K.MISTYPED),
    (t.IP_NETWORK, "10.0.0.1/8", K.MISTYPED),
    (t.IP_NETWORK, "10.0.0.0/255.0.0.0", K.MISTYPED),
    (t.IP_NETWORK, "10.0.0.0/33", K.MISTYPED),
    (t.IP_NETWORK, "fe80::%1/64", K.MISTYPED),
    (t.IP_NETWORK, ip.IPv6Network("fe80::%1/128"), K.MISTYPED),
    (t.IP_NETWORK, ip.IPv4Address("10.0.0.0"), K.MISTYPED),
    (US_STATUS, "daca", K.MISTYPED),
    (US_STATUS, "", K.MISTYPED),
    (US_STATUS, ["lpr"], K.MISTYPED),
    (LISTS, 5, K.MISTYPED),
    (LISTS, "\ud800", K.MISTYPED),
    (COUNTRY, "ZZ", K.NO_SUCH_ROW),
    (COUNTRY, 5, K.MISTYPED),
    (t.ListOf(t.INT), {1}, K.MISTYPED),
    (t.ListOf(t.INT), [1] * (MAX_COLLECTION + 1), K.LIMIT_EXCEEDED),
    *((t.ListOf(t.STRING), raw, K.MISTYPED) for raw in NO_ARRAYS),
    *((t.SetOf(t.STRING), raw, K.MISTYPED) for raw in NO_ARRAYS),
    (t.SetOf(t.INT), set(range(MAX_COLLECTION + 1)), K.LIMIT_EXCEEDED),
    *((t.IntervalOf(t.DATE), raw, K.MISTYPED) for raw in ("2026-01-01", ["2026-01-01"], *NO_OBJECTS)),
    *((t.RecordOf("Tie"), raw, K.MISTYPED) for raw in ("US", [("country", "US")], *NO_OBJECTS)),
    *((t.EntityOf(("Org",)), raw, K.MISTYPED) for raw in ("acme", True, *NO_OBJECTS[:-1])),
    *((type_, "x", K.MISTYPED) for type_ in (t.LOCAL_TIME, t.NOTHING, t.TableOf("countries", t.STRING, t.RecordOf("Tie")))),
]


def by_position(case: tuple[t.Type, object, object]) -> str:
    return str(case[0])


@pytest.mark.parametrize("case", ACCEPTED, ids=by_position)
def test_an_accepted_form_gives_its_value(case: tuple[t.Type, object, object]) -> None:
    type_, raw, value = case
    assert shown(reading(raw, type_)) == shown(value)


@pytest.mark.parametrize("case", REFUSED, ids=by_position)
def test_a_refused_form_is_unknown_at_its_path_with_its_cause(case: tuple[t.Type, object, CauseKind]) -> None:
    type_, raw, kind = case
    assert reading(raw, type_, "subject.a") == unknown("subject.a", kind)


def test_every_declarable_type_has_a_reader() -> None:
    assert set(READERS) == set(t.DECLARABLE.values())


def test_the_zone_database_is_listed() -> None:
    assert {"UTC", "Europe/Berlin", "America/New_York"} <= time_zones()


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("type_", "cell", "value"),
    [
        (t.BOOL, "1", True),
        (t.BOOL, "true", True),
        (t.BOOL, "0", False),
        (t.BOOL, "false", False),
        (t.BOOL, "True", unknown("c", K.MISTYPED)),
        (t.INT, "-12", -12),
        (t.INT, "1.0", unknown("c", K.MISTYPED)),
        (t.INT, " 1", unknown("c", K.MISTYPED)),
        (t.INT, "007", unknown("c", K.MISTYPED)),
        (t.INT, "1_000", unknown("c", K.MISTYPED)),
        (t.INT, str(2**63), unknown("c", K.MISTYPED)),
        (t.DECIMAL, "0.50", Decimal("0.50")),
        (t.DECIMAL, "3", Decimal(3)),
        (t.DECIMAL, "NaN", unknown("c", K.MISTYPED)),
        (t.STRING, "1", "1"),
        (t.STRING, " a;b ", " a;b "),
        (t.STRING, "", unknown("c", K.MISSING)),
        (t.Optional(t.STRING), "", ABSENT),
        (t.Optional(t.BOOL), "1", True),
        (t.DATE, "2026-02-03", dt.date(2026, 2, 3)),
        (t.INSTANT, "2026-07-15T12:00:00Z", NOON),
        (t.DURATION, "72 hours", dt.timedelta(hours=72)),
        (t.IP_NETWORK, "10.0.0.0/8", ip.IPv4Network("10.0.0.0/8")),
        (US_STATUS, "lpr", "lpr"),
        (US_STATUS, "x", unknown("c", K.MISTYPED)),
        (COUNTRY, "US", "US"),
        (COUNTRY, "ZZ", unknown("c", K.NO_SUCH_ROW)),
        (t.SetOf(t.STRING), "", SetValue(())),
        (t.SetOf(t.STRING), "D:5;D:3; D:5", SetValue(("D:3", "D:5"))),
        (t.SetOf(t.STRING), "a;", SetValue(("a", unknown("c[1]", K.MISSING)))),
        (t.SetOf(t.INT), "2;x;1", SetValue((1, 2, unknown("c[1]", K.MISTYPED)))),
        (t.SetOf(t.INT), ";".join("1" * (MAX_COLLECTION + 1)), unknown("c", K.LIMIT_EXCEEDED)),
        (t.Optional(t.SetOf(t.INT)), "", ABSENT),
        (t.ListOf(t.INT), "1", unknown("c", K.MISTYPED)),
        (t.RecordOf("Tie"), "{}", unknown("c", K.MISTYPED)),
    ],
)
def test_a_cell_is_read_by_type(type_: t.Type, cell: str, value: object) -> None:
    assert shown(read_cell(cell, type_, "c", SCHEMA, TABLES)) == shown(value)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.sampled_from([0, 1]),
    st.lists(st.integers(0, 9), min_size=1, max_size=34).map(tuple),
    st.integers(-6000, 6000),
)
VALUES: dict[t.Type, st.SearchStrategy[Any]] = {
    t.BOOL: st.booleans(),
    t.INT: st.integers(INT_MIN, INT_MAX),
    t.DECIMAL: decimals,
    t.STRING: texts,
    t.INSTANT: st.datetimes(timezones=st.just(UTC)),
    t.DATE: st.dates(),
    t.DURATION: st.timedeltas() | st.integers(-(10**6), 10**6).map(lambda n: dt.timedelta(minutes=n)),
    t.TIME_OF_DAY: st.times(),
    t.TIME_ZONE: st.sampled_from(sorted(time_zones())).map(ZoneInfo),
    t.IP_ADDRESS: st.ip_addresses(v=4) | st.ip_addresses(v=6).map(lambda a: a.ipv4_mapped or a),  # type: ignore[union-attr]
    t.IP_NETWORK: st.builds(lambda a, p: ip.ip_network((int(a) >> (32 - p) << (32 - p), p)), st.ip_addresses(v=4), st.integers(0, 32))
    | st.builds(
        lambda a, p: ip.IPv6Network((int(a) >> (128 - p) << (128 - p), p)),
        st.ip_addresses(v=6, network="2000::/3"),
        st.integers(0, 128),
    ),
    US_STATUS: st.sampled_from(US_STATUS.words),
    LISTS: texts,
    COUNTRY: st.sampled_from(["US", "CU"]),
}
VALUES |= {
    t.SetOf(t.INT): st.lists(VALUES[t.INT]).map(set_of),
    t.ListOf(t.SetOf(t.DECIMAL)): st.lists(st.lists(decimals, max_size=3).map(set_of), max_size=3).map(lambda each: ListValue(tuple(each))),
    t.IntervalOf(t.INSTANT): st.builds(Interval, VALUES[t.INSTANT], st.none() | VALUES[t.INSTANT]),
    t.IntervalOf(t.TIME_OF_DAY): st.builds(Interval, VALUES[t.TIME_OF_DAY], st.none() | VALUES[t.TIME_OF_DAY]),
    t.RecordOf("Tie"): st.builds(
        lambda country, since: RecordValue("Tie", {"country": country, "since": since}),
        VALUES[COUNTRY],
        st.just(ABSENT) | VALUES[t.DATE],
    ),
    t.EntityOf(("Org",)): VALUES[t.INT].map(lambda key: reading(key, t.EntityOf(("Org",)))),
}


def test_every_type_is_written_in_the_test_below() -> None:
    assert set(READERS) <= set(VALUES)


@given(st.sampled_from(list(VALUES)).flatmap(lambda type_: st.tuples(st.just(type_), VALUES[type_])))
def test_what_is_written_can_be_read_again(pair: tuple[t.Type, Any]) -> None:
    type_, value = pair
    assert shown(reading(to_wire(value), type_)) == shown(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (NOON, "2026-07-15T12:00:00Z"),
        (NOON.replace(microsecond=500_000), "2026-07-15T12:00:00.500000Z"),
        (dt.date(26, 2, 3), "0026-02-03"),
        (dt.timedelta(hours=73), "73 hours"),
        (dt.timedelta(hours=72), "3 days"),
        (dt.timedelta(days=14), "2 weeks"),
        (dt.timedelta(minutes=-1), "-1 minute"),
        (dt.timedelta(seconds=90), "90 seconds"),
        (dt.timedelta(), "0 seconds"),
        (dt.timedelta(microseconds=1), "0.000001 seconds"),
        (dt.timedelta(seconds=-1, microseconds=-500_000), "-1.5 seconds"),
        (dt.time(8, 30), "08:30:00"),
        (BERLIN, "Europe/Berlin"),
        (ip.IPv6Network("2001:db8::/32"), "2001:db8::/32"),
        (Decimal("1.50"), Decimal("1.50")),
        (True, True),
        (ListValue((1, unknown("x", K.MISSING))), [1, None]),
        (SetValue(("a", "b")), ["a", "b"]),
        (Interval(dt.date(2026, 1, 1), None), {"from": "2026-01-01", "until": None}),
        (RecordValue("R", {"a": ABSENT, "b": unknown("x", K.MISSING), "c": 1}), {"a": None, "b": None, "c": 1}),
        (EntityValue("Org", 7, {"id": 7}, ListValue(())), 7),
        (LocalTime(NOON, BERLIN), "2026-07-15T14:00:00+02:00"),
        (ABSENT, None),
    ],
)
def test_a_value_is_written_in_its_wire_form(value: Any, written: object) -> None:
    assert shown(to_wire(value)) == shown(written)
