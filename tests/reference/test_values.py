"""What every operator gives for every type it takes, where the ranges of the types end too."""

from __future__ import annotations

import datetime as dt
import decimal
import ipaddress
import threading
from decimal import Decimal
from typing import Any

import pytest

from abac import Engine, PolicyErrors
from abac.checker import operations
from abac.language.operators import LEVELS, Operator
from abac.model.limits import INT_MAX, INT_MIN
from abac.model.values import ListValue, SetValue, Unknown
from abac.reference.meanings import MEANINGS
from tests.reference.asking import NOON, UTC, causes, decide, instant, truth, value

JUNCTIONS = {Operator.AND, Operator.OR, Operator.NOT}
DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
FIRST, LAST = dt.datetime.min.replace(tzinfo=UTC), dt.datetime.max.replace(tzinfo=UTC)
DIGITS = "1234567890123456789012345678901234"


# ── the tables are whole ─────────────────────────────────────────────────────────────────────────────────


def test_every_operator_has_a_meaning() -> None:
    assert set(MEANINGS) | JUNCTIONS == set(Operator) and not set(MEANINGS) & JUNCTIONS


@pytest.mark.parametrize("table", [LEVELS, operations.RULES], ids=["syntax", "types"])
def test_every_operator_has_a_row(table: dict[Operator, object]) -> None:
    assert set(table) == set(Operator)


# ── arithmetic ───────────────────────────────────────────────────────────────────────────────────────────

OVERFLOW, INEXACT, MISSING = "overflow", "inexact", "missing"

# operator, types of left and right and result, left, right, what comes out: a value, or the kind of cause
ARITHMETIC: list[tuple[str, str, str, str, object, object, object]] = [
    ("+", "Int", "Int", "Int", 1, 2, 3),
    ("+", "Int", "Int", "Int", INT_MAX, 0, INT_MAX),
    ("+", "Int", "Int", "Int", INT_MAX - 1, 1, INT_MAX),
    ("+", "Int", "Int", "Int", INT_MAX, 1, OVERFLOW),
    ("+", "Int", "Int", "Int", INT_MIN, -1, OVERFLOW),
    ("+", "Int", "Int", "Int", INT_MIN, INT_MAX, -1),
    ("-", "Int", "Int", "Int", 1, 2, -1),
    ("-", "Int", "Int", "Int", INT_MIN, 1, OVERFLOW),
    ("-", "Int", "Int", "Int", 0, INT_MIN, OVERFLOW),
    ("-", "Int", "Int", "Int", -1, INT_MIN, INT_MAX),
    ("*", "Int", "Int", "Int", -3, 4, -12),
    ("*", "Int", "Int", "Int", 2**32, 2**31, OVERFLOW),
    ("*", "Int", "Int", "Int", 2**32, -(2**31), INT_MIN),
    ("*", "Int", "Int", "Int", INT_MIN, -1, OVERFLOW),
    ("+", "Decimal", "Decimal", "Decimal", Decimal("0.1"), Decimal("0.2"), Decimal("0.3")),
    ("+", "Decimal", "Int", "Decimal", Decimal("0.5"), 1, Decimal("1.5")),
    ("+", "Int", "Decimal", "Decimal", 1, Decimal("0.5"), Decimal("1.5")),
    ("+", "Int", "Decimal", "Decimal", INT_MAX, Decimal(1), Decimal(INT_MAX + 1)),
    ("+", "Decimal", "Decimal", "Decimal", Decimal(DIGITS), Decimal(1), Decimal(DIGITS[:-1] + "5")),
    ("+", "Decimal", "Decimal", "Decimal", Decimal(DIGITS), Decimal("0.1"), INEXACT),
    ("+", "Decimal", "Decimal", "Decimal", Decimal("9" * 34), Decimal(1), Decimal("1E+34")),
    ("-", "Decimal", "Decimal", "Decimal", Decimal("1.0"), Decimal(1), Decimal(0)),
    ("-", "Decimal", "Int", "Decimal", Decimal("1.5"), 1, Decimal("0.5")),
    ("-", "Decimal", "Decimal", "Decimal", Decimal("1E+40"), Decimal(1), INEXACT),
    ("*", "Decimal", "Decimal", "Decimal", Decimal("0.1"), Decimal("0.1"), Decimal("0.01")),
    ("*", "Decimal", "Int", "Decimal", Decimal("0.1"), 10, Decimal(1)),
    ("*", "Decimal", "Decimal", "Decimal", Decimal(DIGITS), Decimal("1.1"), INEXACT),
    ("*", "Decimal", "Decimal", "Decimal", Decimal("1E+6000"), Decimal("1E+6000"), OVERFLOW),
    ("*", "Decimal", "Decimal", "Decimal", Decimal("1E-6000"), Decimal("1E-6000"), INEXACT),
    ("+", "Duration", "Duration", "Duration", HOUR, DAY, dt.timedelta(hours=25)),
    ("+", "Duration", "Duration", "Duration", dt.timedelta.max, dt.timedelta(microseconds=1), OVERFLOW),
    ("-", "Duration", "Duration", "Duration", HOUR, DAY, dt.timedelta(hours=-23)),
    ("-", "Duration", "Duration", "Duration", dt.timedelta.min, dt.timedelta(microseconds=1), OVERFLOW),
    ("-", "Duration", "Duration", "Duration", dt.timedelta.max, dt.timedelta.max, dt.timedelta()),
    ("*", "Duration", "Int", "Duration", HOUR, 24, DAY),
    ("*", "Int", "Duration", "Duration", -2, HOUR, dt.timedelta(hours=-2)),
    ("*", "Duration", "Int", "Duration", DAY, 10**9, OVERFLOW),
    ("*", "Duration", "Int", "Duration", DAY, INT_MAX, OVERFLOW),
    ("+", "Instant", "Duration", "Instant", NOON, HOUR, NOON + HOUR),
    ("+", "Duration", "Instant", "Instant", HOUR, NOON, NOON + HOUR),
    ("+", "Instant", "Duration", "Instant", LAST, dt.timedelta(), LAST),
    ("+", "Instant", "Duration", "Instant", LAST, dt.timedelta(microseconds=1), OVERFLOW),
    ("-", "Instant", "Duration", "Instant", NOON, HOUR, NOON - HOUR),
    ("-", "Instant", "Duration", "Instant", FIRST, dt.timedelta(microseconds=1), OVERFLOW),
    ("-", "Instant", "Duration", "Instant", NOON, dt.timedelta.max, OVERFLOW),
    ("-", "Instant", "Instant", "Duration", NOON, NOON - DAY, DAY),
    ("-", "Instant", "Instant", "Duration", FIRST, LAST, FIRST - LAST),
    ("+", "Date", "Duration", "Date", dt.date(2026, 2, 28), DAY, dt.date(2026, 3, 1)),
    ("+", "Date", "Duration", "Date", dt.date(2028, 2, 28), DAY, dt.date(2028, 2, 29)),
    ("+", "Duration", "Date", "Date", dt.timedelta(days=-1), dt.date(2026, 1, 1), dt.date(2025, 12, 31)),
    ("+", "Date", "Duration", "Date", dt.date(2026, 1, 1), HOUR, INEXACT),
    ("+", "Date", "Duration", "Date", dt.date(2026, 1, 1), dt.timedelta(hours=36), INEXACT),
    ("+", "Date", "Duration", "Date", dt.date.max, DAY, OVERFLOW),
    ("-", "Date", "Duration", "Date", dt.date(2026, 3, 1), DAY, dt.date(2026, 2, 28)),
    ("-", "Date", "Duration", "Date", dt.date(2026, 3, 1), HOUR, INEXACT),
    ("-", "Date", "Duration", "Date", dt.date.min, DAY, OVERFLOW),
    ("-", "Date", "Duration", "Date", dt.date(2026, 3, 1), dt.timedelta.max, INEXACT),
    ("-", "Date", "Date", "Duration", dt.date(2026, 3, 1), dt.date(2026, 2, 1), dt.timedelta(days=28)),
    ("+", "List<Int>", "List<Int>", "List<Int>", [2, 1], [1], ListValue((2, 1, 1))),
    ("+", "Set<Int>", "Set<Int>", "Set<Int>", [2, 1], [1, 3], SetValue((1, 2, 3))),
    ("+", "List<Int>", "List<Int>", "List<Int>", [1] * 9_999, [1], ListValue((1,) * 10_000)),
    ("+", "List<Int>", "List<Int>", "List<Int>", [1] * 9_999, [1, 1], "limit exceeded"),
    ("+", "Set<Int>", "Set<Int>", "Set<Int>", list(range(6_000)), list(range(4_000, 10_000)), SetValue(tuple(range(10_000)))),
    ("+", "Set<Int>", "Set<Int>", "Set<Int>", list(range(6_000)), list(range(4_000, 10_001)), "limit exceeded"),
]


@pytest.mark.parametrize(("operator", "left", "right", "type", "a", "b", "expected"), ARITHMETIC)
def test_arithmetic_is_exact_or_unknown(operator: str, left: str, right: str, type: str, a: object, b: object, expected: object) -> None:
    found = value(f"~a {operator} ~b", type, f"a: {left}, b: {right}", a=a, b=b)
    if isinstance(expected, str):
        separator = ":" if expected in (OVERFLOW, "limit exceeded") else " is"
        assert found == [f"context.a {operator} context.b{separator} {expected}"]
    else:
        assert found == expected and found.__class__ is expected.__class__


@pytest.mark.parametrize(
    ("type", "a", "expected"),
    [
        ("Int", 5, -5),
        ("Int", INT_MAX, -INT_MAX),
        ("Int", INT_MIN, ["-context.a: overflow"]),
        ("Decimal", Decimal("0.5"), Decimal("-0.5")),
        ("Duration", HOUR, -HOUR),
        ("Duration", dt.timedelta.max, ["-context.a: overflow"]),
    ],
)
def test_minus_turns_the_sign_or_overflows(type: str, a: object, expected: object) -> None:
    assert value("-~a", type, f"a: {type}", a=a) == expected


def test_arithmetic_takes_no_notice_of_the_callers_decimal_context() -> None:
    with decimal.localcontext(decimal.Context(prec=2)):
        assert value("~a + ~b", "Decimal", "a: Decimal, b: Decimal", a=Decimal("1.234"), b=Decimal("1.111")) == Decimal("2.345")
        assert value("~a + ~b", "Decimal", "a: Decimal, b: Decimal", a=Decimal(DIGITS), b=Decimal("0.5")) == [
            "context.a + context.b is inexact"
        ]


def test_thirty_four_digits_are_read_and_a_thirty_fifth_is_not() -> None:
    assert value("~a", "Decimal", "a: Decimal", a=Decimal(DIGITS)) == Decimal(DIGITS)
    assert value("~a", "Decimal", "a: Decimal", a=Decimal(DIGITS + "5")) == ["context.a is inexact"]
    assert value("~a", "Decimal", "a: Decimal", a=Decimal("NaN")) == ["context.a is mistyped"]


def test_no_number_stands_for_a_truth_nor_a_truth_for_a_number() -> None:
    assert truth("~a == 1", "a: Int", a=True) is None
    assert truth("~a", "a: Bool", a=1) is None
    assert truth("~a in { 1 }", "a: Int", a=True) is None
    assert truth("some x in ~a: x", "a: List<Bool>", a=[1]) is None


# ── comparison ───────────────────────────────────────────────────────────────────────────────────────────

LEVELS_OF = 'type Level = "zebra" < "bear" < "ant"'

# type of left and right, lesser, greater
ORDERED: list[tuple[str, str, object, object]] = [
    ("Int", "Int", -1, 1),
    ("Int", "Decimal", 1, Decimal("1.5")),
    ("Decimal", "Int", Decimal("0.5"), 1),
    ("Decimal", "Decimal", Decimal("0.1"), Decimal("0.10000000000000000000000000000001")),
    ("Int", "Decimal", 2**53, Decimal(2**53) + Decimal("0.1")),
    ("String", "String", "Z", "a"),
    ("String", "String", "a", "ab"),
    ("String", "String", "\uffff", "\U00010000"),
    ("String", "String", "", "a"),
    ("Instant", "Instant", "2026-07-15T12:00:00+02:00", "2026-07-15T11:00:00Z"),
    ("Date", "Date", "2026-07-15", "2026-07-16"),
    ("Duration", "Duration", "23 hours", "1 day"),
    ("Duration", "Duration", "-1 day", "0 seconds"),
    ("TimeOfDay", "TimeOfDay", "08:30", "08:30:01"),
    ("Level", "Level", "zebra", "bear"),
    ("Weekday", "Weekday", "monday", "friday"),
]
SIGNS = ["==", "!=", "<", "<=", ">", ">="]


@pytest.mark.parametrize(("left", "right", "less", "more"), ORDERED)
def test_what_is_less_is_neither_equal_nor_greater(left: str, right: str, less: object, more: object) -> None:
    answers = [truth(f"~a {sign} ~b", f"a: {left}, b: {right}", LEVELS_OF, a=less, b=more) for sign in SIGNS]
    assert answers == [False, True, True, True, False, False]
    answers = [truth(f"~b {sign} ~a", f"a: {left}, b: {right}", LEVELS_OF, a=less, b=more) for sign in SIGNS]
    assert answers == [False, True, False, False, True, True]


# type of left and right, and two values that are equal
EQUAL: list[tuple[str, str, object, object]] = [
    ("Bool", "Bool", True, True),
    ("Int", "Int", 1, 1),
    ("Int", "Decimal", 1, Decimal("1.0")),
    ("Decimal", "Decimal", Decimal("0.50"), Decimal("0.5")),
    ("Decimal", "Decimal", Decimal("-0"), Decimal("0")),
    ("String", "String", "\u00e9", "\u00e9"),
    ("Level", "Level", "bear", "bear"),
    ("Instant", "Instant", "2026-07-15T12:00:00Z", "2026-07-15T14:00:00+02:00"),
    ("Instant", "Instant", NOON, "2026-07-15T05:00:00-07:00"),
    ("Date", "Date", "2026-07-15", dt.date(2026, 7, 15)),
    ("Duration", "Duration", "72 hours", dt.timedelta(days=3)),
    ("TimeOfDay", "TimeOfDay", "08:30", dt.time(8, 30)),
    ("TimeZone", "TimeZone", "Europe/Berlin", "Europe/Berlin"),
    ("Interval", "Interval", {"from": NOON}, {"from": "2026-07-15T12:00:00Z", "until": None}),
    ("Interval<Date>", "Interval<Date>", {"from": "2026-01-01", "until": "2026-02-01"}, {"from": "2026-01-01", "until": "2026-02-01"}),
    ("IpAddress", "IpAddress", "::ffff:10.0.0.1", "10.0.0.1"),
    ("IpAddress", "IpAddress", "2001:db8:0::1", ipaddress.ip_address("2001:db8::1")),
    ("IpNetwork", "IpNetwork", "::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ("List<Int>", "List<Int>", [1, 2], (1, 2)),
    ("Set<Int>", "Set<Int>", [2, 1, 1], {1, 2}),
    ("Set<Int>", "Set<Decimal>", [1], [Decimal("1.0")]),
    ("Set<Set<Int>>", "Set<Set<Int>>", [[1, 2], [3]], [[3], [2, 1]]),
]
DIFFERENT: list[tuple[str, str, object, object]] = [
    ("Bool", "Bool", True, False),
    ("String", "String", "\u00e9", "e\u0301"),
    ("String", "String", "a", "A"),
    ("String", "String", "1", "1.0"),
    ("TimeZone", "TimeZone", "Europe/Berlin", "Europe/Paris"),
    ("Interval", "Interval", {"from": NOON}, {"from": NOON, "until": NOON}),
    ("Interval", "Interval", {"from": NOON}, {"from": NOON, "until": "9999-12-31T23:59:59.999999Z"}),
    ("IpAddress", "IpAddress", "10.0.0.1", "::10.0.0.1"),
    ("IpAddress", "IpAddress", "0.0.0.1", "::1"),
    ("IpNetwork", "IpNetwork", "10.0.0.0/8", "10.0.0.0/9"),
    ("IpNetwork", "IpNetwork", "0.0.0.0/0", "::/0"),
    ("List<Int>", "List<Int>", [1, 2], [2, 1]),
    ("Set<Int>", "Set<Int>", [1], [1, 2]),
]


@pytest.mark.parametrize(
    ("left", "right", "a", "b", "equal"), [(*row, True) for row in EQUAL] + [(*row, False) for row in (*DIFFERENT, *ORDERED)]
)
def test_equality_is_of_meaning_and_in_agrees_with_it(left: str, right: str, a: object, b: object, equal: bool) -> None:
    fields = f"a: {left}, b: {right}, bs: List<{right}>, bz: Set<{right}>"
    given: dict[str, Any] = {"a": a, "b": b, "bs": [b], "bz": [b]}
    asked = [
        "~a == ~b",
        "~b == ~a",
        "not ~a != ~b",
        "~a in ~bs",
        "~a in ~bz",
        "not ~a not in ~bz",
        "{ ~a } intersects ~bs",
        "[~a] subset of ~bz",
    ]
    assert [truth(each, fields, LEVELS_OF, **given) for each in asked] == [equal] * len(asked)


def test_a_word_that_an_open_union_does_not_list_equals_none_of_the_listed() -> None:
    fields = 'status: open "citizen" | "refugee"'
    assert truth('~status == "citizen"', fields, status="martian") is False
    assert truth('~status in { "citizen", "refugee" }', fields, status="martian") is False
    assert truth('~status == "citizen"', fields, status="citizen") is True
    assert truth('~status == "citizen"', 'status: "citizen" | "refugee"', status="martian") is None


# ── intervals ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("type", "interval", "item", "answer"),
    [
        ("Instant", "2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z", "2026-06-30T23:59:59.999999Z", False),
        ("Instant", "2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z", "2026-07-01T00:00:00Z", True),
        ("Instant", "2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z", "2026-07-31T23:59:59.999999Z", True),
        ("Instant", "2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z", False),
        ("Instant", "2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z", "2026-08-01T01:00:00+02:00", True),
        ("Instant", "from 2026-07-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", True),
        ("Instant", "from 2026-07-01T00:00:00Z", "2026-06-30T23:59:59Z", False),
        ("Date", "2026-07-01 until 2026-08-01", "2026-07-01", True),
        ("Date", "2026-07-01 until 2026-08-01", "2026-08-01", False),
        ("Date", "from 2026-07-01", "9999-12-31", True),
        ("TimeOfDay", "08:00 until 17:00", "08:00", True),
        ("TimeOfDay", "08:00 until 17:00", "17:00", False),
        ("TimeOfDay", "08:00 until 17:00", "16:59:59.999999", True),
        ("TimeOfDay", "08:00 until 17:00", "00:00", False),
        ("TimeOfDay", "22:00 until 06:00", "22:00", True),
        ("TimeOfDay", "22:00 until 06:00", "00:00", True),
        ("TimeOfDay", "22:00 until 06:00", "05:59:59.999999", True),
        ("TimeOfDay", "22:00 until 06:00", "06:00", False),
        ("TimeOfDay", "22:00 until 06:00", "21:59", False),
        ("TimeOfDay", "22:00 until 00:00", "23:59", True),
        ("TimeOfDay", "22:00 until 00:00", "00:00", False),
        ("TimeOfDay", "from 22:00", "23:59", True),
        ("TimeOfDay", "from 22:00", "00:00", False),
    ],
)
def test_an_interval_holds_its_start_and_not_its_end(type: str, interval: str, item: str, answer: bool) -> None:
    assert truth(f"~x in {interval}", f"x: {type}", x=item) is answer
    assert truth(f"~x not in {interval}", f"x: {type}", x=item) is not answer


def test_an_interval_that_ends_before_it_begins_holds_nothing_unless_it_is_of_times_of_day() -> None:
    fields = "x: Instant, w: Interval, t: TimeOfDay, v: Interval<TimeOfDay>"
    backwards = {"from": "2026-08-01T00:00:00Z", "until": "2026-07-01T00:00:00Z"}
    for moment in ("2026-07-15T00:00:00Z", "2026-08-15T00:00:00Z", "2026-06-15T00:00:00Z"):
        assert truth("~x in ~w", fields, x=moment, w=backwards) is False
    assert truth("~t in ~v", fields, t="08:00", v={"from": "08:00", "until": "08:00"}) is False


def test_an_interval_with_an_unknown_end_is_unknown_even_before_its_start() -> None:
    assert truth("~x in ~a until ~b", "x: Instant, a: Instant, b: Instant", x="2026-01-01T00:00:00Z", a="2026-02-01T00:00:00Z") is None
    assert truth("~x in from ~a", "x: Instant, a: Instant", x="2026-01-01T00:00:00Z") is None


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "network", "answer"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.0.0.0", "10.0.0.0/8", False),
        ("10.255.255.255", "10.0.0.0/8", True),
        ("10.0.0.1", "10.0.0.1/32", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "::ffff:10.0.0.0/104", True),
        ("10.1.2.3", "::/0", False),
        ("2001:db8::1", "0.0.0.0/0", False),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:db9::1", "2001:db8::/32", False),
        ("::1", "::/0", True),
    ],
)
def test_an_address_is_in_a_network_of_its_own_family_alone(address: str, network: str, answer: bool) -> None:
    assert truth("~a in ~n", "a: IpAddress, n: IpNetwork", a=address, n=network) is answer
    assert truth(f'~a in network("{network}")', "a: IpAddress", a=address) is answer
    assert truth(f'address("{address}") in ~n', "n: IpNetwork", n=network) is answer


@pytest.mark.parametrize("bad", ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/0.0.0.255", "fe80::1%eth0", "010.0.0.1", ""])
def test_what_is_no_network_is_mistyped(bad: str) -> None:
    assert truth('address("10.0.0.1") in ~n', "n: IpNetwork", n=bad) is None


# ── how values reach and leave a decision ────────────────────────────────────────────────────────────────


def test_an_attribute_is_read_once_a_decision() -> None:
    reads: list[str] = []

    class Shifty(dict[str, object]):
        def __getitem__(self, name: str) -> object:
            reads.append(name)
            return len(reads)

        def get(self, name: str, default: object = None) -> object:
            reads.append(name)
            return len(reads)

    found = decide("policy p: deny-overrides { permit r when ~n == 5 }", Shifty(n=5), fields="n: Int")
    assert found.permitted and not reads


def test_a_subclass_that_says_it_equals_everything_is_copied_to_a_plain_value() -> None:
    class Liar(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("admin")

    assert truth('~role == "admin"', "role: String", role=Liar("guest")) is False
    assert type(value("~role", "String", "role: String", role=Liar("guest"))) is str


@pytest.mark.parametrize("text", ["\ud800", "a\udfff"])
def test_a_lone_surrogate_is_no_string(text: str) -> None:
    assert value("~t", "String", "t: String", t=text) == ["context.t is mistyped"]


def test_a_mapping_that_raises_is_unknown_and_nothing_escapes() -> None:
    class Raising:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    assert truth("~n == 1", "n: Int", n=Raising()) is None


def test_an_int_widens_to_decimal_wherever_a_decimal_is_asked_for() -> None:
    declare = "define doubled(x: Decimal) = x + x"
    assert value("doubled(~n)", "Decimal", "n: Int", declare, n=2) == 4
    assert value("doubled(~n)", "Decimal", "n: Int", declare, n=INT_MAX) == Decimal(2 * INT_MAX)
    assert value("-[~n, 0.5][0]", "Decimal", "n: Int", n=INT_MIN) == Decimal(-INT_MIN)
    assert value("(if ~n < 0 then ~n else 0.5) * 2", "Decimal", "n: Int", n=INT_MIN) == Decimal(2 * INT_MIN)
    assert truth("~n in ~ds", "n: Int, ds: Set<Decimal>", n=2, ds=[Decimal("2.0")]) is True
    assert truth("~ds intersects { 2 }", "ds: Set<Decimal>", ds=[Decimal("2.00")]) is True


def test_threads_share_no_arithmetic_state() -> None:
    wrong: list[object] = []

    def add() -> None:
        for _ in range(50):
            found = value("~a + ~b", "Decimal", "a: Decimal, b: Decimal", a=Decimal(DIGITS), b=Decimal("0.5"))
            if found != ["context.a + context.b is inexact"]:
                wrong.append(found)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_constant_that_cannot_be_computed_is_refused_when_the_policy_is_loaded() -> None:
    for expression in (f"{INT_MAX} + 1", "2026-01-01 + 1 hour", "9999-12-31T23:59:59Z + 1 day"):
        with pytest.raises(PolicyErrors) as caught:
            Engine.from_text(f"package a\nconst X = {expression}\npolicy p: deny-overrides {{ deny r otherwise }}")
        assert [each.code for each in caught.value.diagnostics] == ["constant-unknown"]


def test_instants_are_shown_in_utc_whatever_their_zone() -> None:
    assert value("~t", "Instant", "t: Instant", t="2026-07-15T14:00:00+02:00") == instant("2026-07-15T12:00:00Z")
    assert value("~t", "Instant", "t: Instant", t=NOON.astimezone(dt.timezone(HOUR))).tzinfo is dt.timezone.utc


def test_unknowns_do_not_leak_into_obligations_as_values() -> None:
    policy = "obligation tell(what: List<Int>)\npolicy p: deny-overrides { deny r otherwise oblige tell(~xs) }"
    found = decide(policy, {"xs": 5}, fields="xs: List<Int>")
    (duty,) = found.obligations
    assert duty.arguments == {"what": None} and causes(found) == ["context.xs is mistyped"]
    assert not isinstance(duty.arguments["what"], Unknown)
