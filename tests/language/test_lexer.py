"""Characters and tokens: what is refused, where, and what is one mistake."""

from __future__ import annotations

import pytest

from abac.language.lexer import MOST_COMPLAINTS
from abac.language.parser import keywords, parse_with_errors, tokens_of
from abac.model.source import Source


def kinds(text: str) -> list[str]:
    return [t.type for t in tokens_of(Source("text", text)).tokens]


def complaints(body: str) -> list[tuple[str, str, str]]:
    """Code, message and the text pointed at."""
    _, found = parse_with_errors(Source("text", f"package p\n{body}\n"))
    return [(d.code, d.message, d.span.text) for d in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00.5Z 2026-01-01 08:30 08:30:15 0.5 5", ["INSTANT", "DATE", "TIME", "TIME", "DECIMAL", "INT"]),
        ("5 days 1 week 3\tseconds", ["DURATION"] * 3),
        ("5 daysx 5\ndays", ["INT", "NAME", "INT", "NAME"]),
        ("08:30: x", ["TIME", "COLON", "NAME"]),
        ("first-applicable first - applicable", ["ALGORITHM", "NAME", "MINUS", "NAME"]),
        ("permit permitted PERMIT _permit", ["PERMIT", "NAME", "NAME", "NAME"]),
        ('"# no comment" # a "comment"', ["STRING"]),
        (r'"a\"b" "\\"', ["STRING", "STRING"]),
        ("<= < >= > == = :: : ->", ["__ANON_0", "LESSTHAN", "__ANON_4", "MORETHAN", "__ANON_2", "EQUAL", "__ANON_5", "COLON", "__ANON_1"]),
    ],
)  # fmt: skip
def test_text_becomes_these_tokens(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


def test_no_keyword_is_a_name() -> None:
    assert {word: kinds(word) for word in keywords() if kinds(word) == ["NAME"]} == {}


def test_comments_are_kept_with_what_stands_before_them() -> None:
    comments = tokens_of(Source("text", "# one  \na # two\r\n  #three")).comments
    assert [(c.text, c.trailing) for c in comments] == [("# one", False), ("# two", True), ("#three", False)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("const A = 'x y'", ("unexpected-character", "unexpected `'x y'`", "'x y'")),
        ("const A = “x”", ("unexpected-character", "unexpected `“x”`", "“x”")),
        ("const A = a && b", ("unexpected-character", "unexpected `&&`", "&&")),
        ("const A = !a", ("unexpected-character", "unexpected `!`", "!")),
        ("const A = a / b", ("unexpected-character", "unexpected `/`", "/")),
        ("const A = 1 // it's one", ("unexpected-character", "unexpected `//`", "//")),
        ("const größe = 1", ("unexpected-character", "unexpected `öß`", "öß")),
        ("const A = ٣", ("unexpected-character", "unexpected `٣`", "٣")),
        ('const A = "x', ("unterminated-string", "the string has no end", '"x')),
        ('const A = "x\\', ("unterminated-string", "the string has no end", '"x\\')),
        ('const A = "x\ny"', ("unterminated-string", "the string has no end", '"x')),
        ('const A = "\u202ex"', ("invisible-character", "invisible character (right-to-left override)", "\u202e")),
        ('const A = "\u200bx"', ("invisible-character", "invisible character (zero width space)", "\u200b")),
        ("# \u2066 hidden\nconst A = 1", ("invisible-character", "invisible character (left-to-right isolate)", "\u2066")),
        ("const A = 1\x00", ("invisible-character", "invisible character (U+0000)", "\x00")),
        ("const A = 1\x0c", ("invisible-character", "invisible character (U+000C)", "\x0c")),
        ("const A\u00ad = 1", ("invisible-character", "invisible character (soft hyphen)", "\u00ad")),
        ('const A = "e\u0301"', ("not-normalised", "text is not in Unicode normal form C", 'const A = "e\u0301"')),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_token_is_one_complaint(body: str, expected: tuple[str, str, str]) -> None:
    found = complaints(body)
    assert found[0] == expected
    assert len(found) == (2 if body == 'const A = "x\ny"' else 1)  # there the second line has no end either


def test_a_byte_order_mark_is_refused_with_advice() -> None:
    _, found = parse_with_errors(Source("text", "\ufeffpackage p\n"))
    assert [(d.code, d.help) for d in found] == [("invisible-character", "save the file without a byte order mark")]


def test_an_invisible_character_may_be_written_as_an_escape() -> None:
    assert complaints(r'const A = "\u{202e}\u{0}"') == []


def test_letters_of_any_language_may_stand_in_strings_and_comments() -> None:
    assert complaints('const A = "größe 大小 ٣" # größe') == []


def test_a_file_of_another_kind_brings_a_bounded_number_of_complaints() -> None:
    assert len(complaints("!\x01" * 10_000)) <= 2 * MOST_COMPLAINTS
