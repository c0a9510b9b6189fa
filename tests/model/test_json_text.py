"""JSON is read strictly and written exactly, alike with and without orjson."""

from __future__ import annotations

import decimal
import sys
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abac.model import json_text
from abac.model.errors import AbacError
from abac.model.json_text import JsonError, dump_json, parse_json, parse_number, write_fast, write_plain
from abac.model.limits import DECIMAL_EXPONENT, INT_MAX, INT_MIN, MAX_NESTING

finite = st.decimals(-(10**20), 10**20, places=6) | st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.sampled_from([0, 1]),
    st.lists(st.integers(0, 9), min_size=1, max_size=34).map(tuple),
    st.integers(-6000, 6000),
)
scalars = st.none() | st.booleans() | st.integers(INT_MIN, INT_MAX) | finite | st.text()
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def exactly(value: object) -> object:
    """With types, since `1 == True == Decimal(1)`."""
    if isinstance(value, dict):
        return {name: exactly(part) for name, part in value.items()}
    if isinstance(value, list):
        return [exactly(part) for part in value]
    return type(value), value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-0", 0),
        ("9223372036854775807", INT_MAX),
        ("-9223372036854775808", INT_MIN),
        ("1.0", Decimal("1.0")),
        ("0.1", Decimal("0.1")),
        ("1e3", Decimal("1e3")),
        ("1E+400", Decimal("1e400")),
        ("-1e-400", Decimal("-1e-400")),
        (f"1e{DECIMAL_EXPONENT}", Decimal(f"1e{DECIMAL_EXPONENT}")),
        ("1." + "3" * 33, Decimal("1." + "3" * 33)),
        ("1." + "0" * 50, Decimal(1)),
        ("true", True),
        (" \t\r\n[ null , {} ]\n", [None, {}]),
        (b'"\xc3\xa9"', "é"),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\\\ud800"', "\\ud800"),
        ('"\\u0000"', "\0"),
        ('"NaN 1e9999999 [[[ {}"', "NaN 1e9999999 [[[ {}"),
        ('{"b": 1, "a": {"b": 2}, "": 3}', {"b": 1, "a": {"b": 2}, "": 3}),
        ('[{"a": 1}, {"a": 1}]', [{"a": 1}, {"a": 1}]),
        ('{"a": "a", "b": "a"}', {"a": "a", "b": "a"}),
    ],
)
def test_admitted_text_gives_its_value(text: bytes | str, value: object) -> None:
    assert exactly(parse_json(text)) == exactly(value)


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ('{"a": 1, "a": 1}', "a duplicate member", 9),
        ('{"x": [{"a": 1, "b": {}, "\\u0061" : 2}]}', "a duplicate member", 25),
        ('{"a": {"a": 1}, "a": 2}', "a duplicate member", 16),
        ('["ok", NaN]', "a number that JSON does not know", 7),
        ("[Infinity]", "a number that JSON does not know", 1),
        ("-Infinity", "a number that JSON does not know", 0),
        ('"\\ud800"', "a lone surrogate", 0),
        ('["a", "\\uDE00\\uD83D"]', "a lone surrogate", 6),
        ('{"a\\ud800": 1}', "a lone surrogate", 1),
        ('["a\ud800"]', "a lone surrogate", 3),
        ("9223372036854775808", "an integer beyond 64 bits", 0),
        ("-9223372036854775809", "an integer beyond 64 bits", 0),
        (f'{{"a": [1, {10**30}]}}', "an integer beyond 64 bits", 10),
        ("1" * 1_000_000, "an integer beyond 64 bits", 0),
        ("[1." + "3" * 34 + "]", "a number beyond 34 digits or the exponents of decimal128", 1),
        (f"1e{DECIMAL_EXPONENT + 1}", "a number beyond 34 digits or the exponents of decimal128", 0),
        (f"1e-{DECIMAL_EXPONENT + 1}", "a number beyond 34 digits or the exponents of decimal128", 0),
        ("1e99999999999999999999", "a number beyond 34 digits or the exponents of decimal128", 0),
        (b"\xef\xbb\xbf{}", "a byte order mark", 0),
        ("\ufeff{}", "a byte order mark", 0),
        (b'["\xc3\xa9\xff"]', "bytes that are not UTF-8", 3),
        (b'"\xed\xa0\x80"', "bytes that are not UTF-8", 1),
        ("{}".encode("utf-16-le"), "expecting property name enclosed in double quotes", 1),
        ("{} {}", "extra data", 3),
        ("\0", "expecting value", 0),
        ('"\0"', "invalid control character", 1),
        ('"a', "unterminated string starting", 0),
        ("", "expecting value", 0),
        ("01", "extra data", 1),
        ("1.", "extra data", 1),
        ("+1", "expecting value", 0),
        ("'a'", "expecting value", 0),
        ('"\\x41"', "invalid \\escape", 1),
        ("\u0661", "expecting value", 0),
        ("\u00a01", "expecting value", 0),
    ],
)
def test_refused_text_is_refused_with_its_place(text: bytes | str, message: str, offset: int) -> None:
    with pytest.raises(JsonError) as caught:
        parse_json(text)
    assert (caught.value.message, caught.value.offset) == (message, offset)
    assert str(caught.value) == f"{message} at offset {offset}"
    assert isinstance(caught.value, AbacError)


@pytest.mark.parametrize("text", ["[1,]", '{"a": 1,}', "[1 2]", '{"a" 1}', "{1: 2}", "[", "tru", "[1] // no"])
def test_broken_text_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        parse_json(text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_limited(opening: str, closing: str) -> None:
    at_limit = opening * (MAX_NESTING - 1) + "[]" + closing * (MAX_NESTING - 1)
    parse_json(at_limit)
    with pytest.raises(JsonError, match="nesting beyond 64 levels at offset") as caught:
        parse_json(opening * MAX_NESTING + "[]" + closing * MAX_NESTING)
    assert caught.value.offset == len(opening) * MAX_NESTING
    with pytest.raises(JsonError, match="nesting beyond"):
        parse_json(opening * 200_000)


def test_brackets_side_by_side_or_in_strings_are_no_nesting() -> None:
    assert parse_json("[" + "[]," * 500 + '"' + "[" * 500 + '\\"{"]') == [[]] * 500 + ["[" * 500 + '"{']


def test_many_quotes_in_an_unclosed_string_are_refused_in_linear_time() -> None:
    with pytest.raises(JsonError, match="unterminated string"):
        parse_json('"' + '\\"' * 1_000_000 + "[" * 65)


def test_reading_takes_no_notice_of_the_decimal_context() -> None:
    with decimal.localcontext(decimal.Context(prec=3, capitals=0, traps=[])):
        assert str(parse_json("1.23456789")) == "1.23456789"
        assert dump_json([Decimal("123456789e5"), Decimal("1.23456")]) == b"[1.23456789E+13,1.23456]"
        with pytest.raises(JsonError):
            parse_json("1e99999999999999999999")


@pytest.mark.parametrize("text", ["12", "-1.5", "1e5"])
def test_a_number_alone_is_read(text: str) -> None:
    assert parse_number(text) == Decimal(text)


@pytest.mark.parametrize("text", ["", " 1", "1 ", "01", "1.", ".5", "+1", "[1", "0x1", "\u0661", "1_0", "1\n", str(10**19), "NaN"])
def test_what_is_no_number_alone_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        parse_number(text)


@given(trees)
def test_what_is_written_is_the_same_with_and_without_orjson(value: object) -> None:
    assert write_fast(value) == write_plain(value) == dump_json(value)


@given(trees)
def test_what_is_written_can_be_read_again(value: object) -> None:
    assert parse_json(dump_json(value)) == value


class Word(StrEnum):
    HELLO = "hello"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, b'{"b":1,"a":[true,null]}'),
        ((1, 'é\x7f\x1f\n"\\/'), '[1,"é\x7f\\u001f\\n\\"\\\\/"]'.encode()),
        (Word.HELLO, b'"hello"'),
        ([Decimal("1.50"), Decimal("1E+3"), Decimal("-0.0"), Decimal(7)], b"[1.50,1E+3,-0.0,7]"),
        (Decimal(10**30 + 1), b"1.000000000000000000000000000001E+30"),
        ({}, b"{}"),
        ([[], {}], b"[[],{}]"),
    ],
)
def test_json_is_written_compactly_and_exactly(value: object, text: bytes) -> None:
    assert dump_json(value) == text == write_plain(value) == write_fast(value)


@pytest.mark.parametrize("value", [1.5, float("nan"), {1, 2}, {1: 2}, {Word.HELLO: 1}, object(), b"a", [[1.0]], {"a": 1.0}])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dump_json(value)


@pytest.mark.parametrize(
    "value",
    ["\ud800", {"\ud800": 1}, INT_MAX + 1, INT_MIN - 1, Decimal("NaN"), [Decimal("-Infinity")], Decimal(10**34 + 1), Decimal("1e7000")],
)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="has no JSON form"):
        dump_json(value)


def test_json_is_written_where_orjson_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    json_text._writer.cache_clear()
    try:
        assert json_text._writer() is write_plain
        assert dump_json({"a": Decimal("0.5")}) == b'{"a":0.5}'
    finally:
        json_text._writer.cache_clear()
