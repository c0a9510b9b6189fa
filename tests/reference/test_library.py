"""Patterns, built-in functions, and what takes elements out of lists."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from abac import PolicyErrors
from abac.language.library.functions import FUNCTIONS
from abac.model.limits import INT_MAX
from tests.reference.asking import truth, value

LEVELS_OF = 'type Level = "zebra" < "bear" < "ant"'


# ── patterns ─────────────────────────────────────────────────────────────────────────────────────────────

LIKE = [
    ("*", "", True),
    ("*", "a\nb", True),
    ("**", "", True),
    ("a*", "a", True),
    ("a*", "ba", False),
    ("*a", "a\n", False),
    ("a*a", "a", False),
    ("a*a", "aa", True),
    ("a*b*c", "a--b--c", True),
    ("a*b*c", "a--c--b", False),
    ("*ab*ab*", "ab", False),
    ("*ab*ab*", "xabyabz", True),
    ("*a*a*a*", "aa", False),
    ("a?", "ab", False),
    ("a?", "a?", True),
    ("[ab]*", "a", False),
    ("[ab]*", "[ab]c", True),
    ("A*", "ab", False),
    ("a.c", "abc", False),
    ("", "", True),
    ("", "a", False),
    ("*" * 900 + "b", "a" * 10_000, False),
]


@pytest.mark.parametrize(("pattern", "text", "answer"), LIKE)
def test_like_knows_the_star_alone_and_spans_the_whole_text(pattern: str, text: str, answer: bool) -> None:
    assert truth(f'~t like "{pattern}"', "t: String", t=text) is answer


MATCHES = [
    ("a+", "aaa", True),
    ("a+", "aaa\\n", False),
    ("a+", "baaa", False),
    ("a", "ab", False),
    ("a|ab", "ab", True),
    ("a$", "a\\n", False),
    ("^a$", "a", True),
    ("a.c", "a\\nc", False),
    ("(?s)a.c", "a\\nc", True),
    ("(?i)straße", "STRASSE", False),
    ("(?i)abc", "aBC", True),
    ("\\\\d+", "12", True),
    ("\\\\d+", "\u0661\u0662", False),
    ("\\\\w+", "\u00e9", False),
    ("", "", True),
    ("", "a", False),
    ("(a*)*b", "a" * 5_000, False),
]


@pytest.mark.parametrize(("pattern", "text", "answer"), MATCHES)
def test_matches_is_a_full_match_up_to_the_last_character(pattern: str, text: str, answer: bool) -> None:
    assert truth(f'~t matches "{pattern}"', "t: String", t=text.replace("\\n", "\n")) is answer


@pytest.mark.parametrize("operator", ["like", "matches"])
def test_a_pattern_on_an_unknown_text_is_unknown(operator: str) -> None:
    assert truth(f'~t {operator} "*"' if operator == "like" else '~t matches ".*"', "t: String", t=5) is None


@pytest.mark.parametrize("pattern", [r"(a)\\1", "(?=a)", "a{2000}", "(", "a" * 1_001])
def test_a_pattern_that_may_take_forever_is_refused(pattern: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        truth(f'~t matches "{pattern}"', "t: String", t="a")
    assert {each.code for each in caught.value.diagnostics} == {"bad-pattern"}


# ── functions ────────────────────────────────────────────────────────────────────────────────────────────

# function, the call, its type, the fields it reads, what they hold, what comes out
LOCAL = "Asia/Kolkata"
CALLS: list[tuple[str, str, str, str, list[tuple[object, object]]]] = [
    ("final", "final(~x)", "Int", "List<Int>", [
        ([1, 2, 3], 3), ([None, 1], 1), ([1, None], ["context.x[1] is mistyped"]), ([], ["final(context.x) is missing"]),
    ]),
    ("count", "count(~x)", "Int", "List<Int>", [([], 0), ([1, 1], 2)]),
    ("length", "length(~x)", "Int", "String", [("", 0), ("a\u0301", 2), ("\U0001f600", 1), (5, ["context.x is mistyped"])]),
    ("lower", "lower(~x)", "String", "String", [("ÀB", "àb"), ("İ", "i̇"), ("ß", "ß")]),
    ("upper", "upper(~x)", "String", "String", [("àb", "ÀB"), ("ß", "SS")]),
    ("starts_with", 'starts_with(~x, "ab")', "Bool", "String", [("abc", True), ("ab", True), ("a", False), ("Abc", False)]),
    ("ends_with", 'ends_with(~x, "ab")', "Bool", "String", [("cab", True), ("ab", True), ("ab\n", False), ("", False)]),
    ("contains", 'contains(~x, "a.")', "Bool", "String", [("xa.y", True), ("xay", False)]),
    ("weekday", f'weekday(~x at "{LOCAL}")', "Weekday", "Instant", [
        ("2026-07-15T18:29:59Z", "wednesday"), ("2026-07-15T18:30:00Z", "thursday"),
    ]),
    ("date", f'date(~x at "{LOCAL}")', "Date", "Instant", [
        ("2025-12-31T18:29:59Z", dt.date(2025, 12, 31)), ("2025-12-31T18:30:00Z", dt.date(2026, 1, 1)),
    ]),
    ("time_of_day", f'time_of_day(~x at "{LOCAL}")', "TimeOfDay", "Instant", [
        ("2026-07-15T12:00:00Z", dt.time(17, 30)), ("nonsense", ["context.x is mistyped"]),
    ]),
    ("address", 'address("::ffff:1.2.3.4") == ~x', "Bool", "IpAddress", [("1.2.3.4", True), ("1.2.3.5", False)]),
    ("network", 'network("10.0.0.0/8") == ~x', "Bool", "IpNetwork", [("10.0.0.0/8", True), ("10.0.0.0/9", False)]),
]  # fmt: skip


def test_every_function_has_a_row_here() -> None:
    assert {row[0] for row in CALLS} == set(FUNCTIONS)


@pytest.mark.parametrize(("call", "type", "of", "rows"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_every_function_gives_what_its_table_says(call: str, type: str, of: str, rows: list[tuple[object, object]]) -> None:
    for given, expected in rows:
        assert value(call, type, f"x: {of}", x=given) == expected
    assert value(call, type, f"x: {of}") == ["context.x is missing"]


# ── elements ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("xs", "i", "expected"),
    [
        ([7, 8], 0, 7),
        ([7, 8], 1, 8),
        ([7, 8], 2, ["context.xs[context.i] is missing"]),
        ([7, 8], -1, ["context.xs[context.i] is missing"]),
        ([], 0, ["context.xs[context.i] is missing"]),
        ([7, None], 1, ["context.xs[1] is mistyped"]),
        ([None, 8], 1, 8),
        ([7], INT_MAX, ["context.xs[context.i] is missing"]),
        ([7], "0", ["context.i is mistyped"]),
        (None, None, ["context.i is mistyped", "context.xs is mistyped"]),
    ],
)
def test_an_element_outside_its_list_is_unknown(xs: object, i: object, expected: object) -> None:
    assert value("~xs[~i]", "Int", "xs: List<Int>, i: Int", xs=xs, i=i) == expected


PRICE = "record Price { at: Instant, n: Int, open: Bool? = absent }"


def price(n: int, day: int | None) -> dict[str, Any]:
    return {"n": n} if day is None else {"n": n, "at": f"2026-07-{day:02}T00:00:00Z"}


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([], []),
        ([price(1, 1)], [1]),
        ([price(1, 1), price(2, 3), price(3, 2)], [2]),
        ([price(1, 3), price(2, 1), price(3, 3)], [1, 3]),
        ([price(1, 3), price(2, None)], None),
        ([price(1, 3), None], None),
        (None, None),
    ],
)
def test_latest_is_all_elements_with_the_greatest_key_and_unknown_beside_an_unknown_one(prices: object, expected: list[int] | None) -> None:
    fields = "prices: List<Price>"
    if expected is None:
        assert truth("latest ~prices by at is empty", fields, PRICE, prices=prices) is None
        return
    found = truth("latest ~prices by at is empty", fields, PRICE, prices=prices)
    assert found is (not expected)
    for n in (1, 2, 3):
        assert truth(f"some p in latest ~prices by at: p.n == {n}", fields, PRICE, prices=prices) is (n in expected)
    assert value("count(latest ~prices by at)", "Int", fields, PRICE, prices=prices) == len(expected)


def test_latest_by_a_word_of_an_ordered_union_goes_by_its_place() -> None:
    declare = f"{LEVELS_OF}\nrecord Grade {{ level: Level, n: Int }}"
    grades = [{"level": "zebra", "n": 1}, {"level": "ant", "n": 2}, {"level": "bear", "n": 3}]
    assert value("final(latest ~grades by level).n", "Int", "grades: List<Grade>", declare, grades=grades) == 2


def test_final_of_the_latest_of_nothing_is_unknown() -> None:
    found = value("final(latest ~prices by at).n", "Int", "prices: List<Price>", PRICE, prices=[])
    assert found == ["final(latest context.prices by at) is missing"]
