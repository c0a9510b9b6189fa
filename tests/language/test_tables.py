"""The shipped tables are those of the grammar, and what they read is what lark reads by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer

from abac.language.automaton import Automaton, Unexpected
from abac.language.builder import Builder
from abac.language.grammar import grammar_text, tables_text
from abac.language.lexer import Lexed
from abac.language.parser import _machine, tokens_of
from abac.language.tables import read_tables
from abac.model.errors import LoadError
from abac.model.source import Source, Span
from grammar.tables import STARTS, tables_of
from tests.language.places import with_places
from tests.strategies import damaged_texts, odd_texts

ROOT = Path(__file__).parents[2]


def test_the_shipped_tables_are_those_of_the_grammar() -> None:
    assert tables_text() == tables_of(grammar_text()), "make tables"


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_tables_do_not_depend_on_how_strings_hash(seed: str) -> None:
    code = "from grammar.tables import *; print(tables_of(GRAMMAR.read_text(encoding='utf-8')), end='')"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == tables_text()


def test_a_repetition_directly_in_another_has_no_tables() -> None:
    grammar = 'header: "a" (("b")* "c")*\ndeclaration: "d"\nexpression: "e"\n'
    with pytest.raises(ValueError, match="directly inside another"):
        tables_of(grammar)


def test_tables_of_another_format_are_a_load_error() -> None:
    with pytest.raises(LoadError, match="install the package again"):
        read_tables(tables_text().replace("abac-tables/1", "abac-tables/0"))


# ── lark by itself ─────────────────────────────────────────────────────────────────────────────────────────


class NoLexer(Lexer):
    """Tokens are fed by hand."""

    def __init__(self, conf: object) -> None:
        """Takes what lark hands to lexers, and needs none of it."""

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Token]:
        raise AssertionError("tokens are fed by hand")


@cache
def lark_itself() -> Lark:
    return Lark(grammar_text(), parser="lalr", lexer=NoLexer, start=STARTS, keep_all_tokens=True, maybe_placeholders=False)


def read_by_lark(lexed: Lexed, start: str) -> Any:
    """What the builder makes of lark's own tree; or the number of the token that fits nowhere, and those that would."""
    state = lark_itself().parse_interactive(start=start)
    try:
        for number, token in enumerate(lexed.tokens):
            state.feed_token(Token(token.type, token.text, start_pos=number))
        tree = state.feed_eof()  # type: ignore[no-untyped-call]  # lark is untyped
    except UnexpectedToken as error:
        at = None if error.token.type == "$END" else error.token.start_pos
        return at, state.accepts() or {"$END"}  # type: ignore[no-untyped-call]  # lark forgets the end after a whole expression
    return built(tree, lexed, Builder(lexed))


def built(part: Any, lexed: Lexed, builder: Builder) -> Any:
    """The node of a part of lark's tree. Its place is that of its outermost tokens, found by looking."""
    if isinstance(part, Token):
        return part.start_pos
    assert isinstance(part, Tree)
    numbers = [token.start_pos for token in part.scan_values(lambda value: isinstance(value, Token))]
    span = Span(lexed.source, lexed.starts[min(numbers)], lexed.ends[max(numbers)])
    return getattr(builder, part.data)([built(child, lexed, builder) for child in part.children], span)


def read_by_us(lexed: Lexed, start: str) -> Any:
    machine = _machine()
    try:
        return machine.automaton.read(start, lexed, 0, len(lexed.kinds), Builder(lexed))
    except Unexpected as error:
        return error.at, machine.automaton.accepts(error.states)


def parts(text: str) -> Iterator[tuple[str, str]]:
    """Start rules, and what may be read by them: the text cut at its blank lines, and around its first `=`."""
    header, *declarations = text.split("\n\n")
    yield "header", header
    yield from (("declaration", each) for each in declarations)
    yield "expression", text.partition("=")[2]


def agree(text: str) -> None:
    for start, part in parts(text):
        lexed = tokens_of(Source("text", part))
        assert with_places(read_by_us(lexed, start)) == with_places(read_by_lark(lexed, start))


PACKS = sorted((ROOT / "policies").rglob("*.abac")) + sorted((ROOT / "tests" / "accepted").glob("*.abac"))


@pytest.mark.parametrize("path", PACKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_read_as_lark_reads_them(path: Path) -> None:
    agree(path.read_text(encoding="utf-8"))


@settings(suppress_health_check=list(HealthCheck), max_examples=100)
@given(odd_texts())
def test_whatever_is_written_is_read_as_lark_reads_it(text: str) -> None:
    agree(text)


@settings(suppress_health_check=list(HealthCheck), max_examples=200)
@given(damaged_texts())
def test_an_error_is_found_where_lark_finds_it_and_the_same_would_have_fitted(text: str) -> None:
    agree(text)


# ── what makes it fast ─────────────────────────────────────────────────────────────────────────────────────


def test_steps_that_hand_on_a_value_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[tuple[int, int, str]] = []
    land = Automaton._land

    def counting(self: Automaton, below: int, state: int, kind: str) -> int:
        worked_out.append((below, state, kind))
        return land(self, below, state, kind)

    monkeypatch.setattr(Automaton, "_land", counting)
    automaton = Automaton(read_tables(tables_text()))
    for count in (10, 1_000):
        lexed = tokens_of(Source("text", "a.b == 1 and " * count + "c"))
        automaton.read("expression", lexed, 0, len(lexed.kinds), Builder(lexed))
    assert 0 < len(worked_out) == len(set(worked_out)) < 30


def test_most_rules_between_a_name_and_what_follows_only_hand_it_on() -> None:
    """So that the test above is about something."""
    handing_on = [each for each in read_tables(tables_text()).productions if each.builds is None and not each.gathers]
    assert {"expression", "unary", "comparison", "range", "sum", "product", "factor", "postfix"} <= {each.origin for each in handing_on}


def test_reading_needs_no_lark() -> None:
    code = (
        "import sys\nfrom abac import Engine\nfrom abac.language.parser import parse_with_errors\nfrom abac.model.source import Source\n"
        "parse_with_errors(Source('text', 'package p\\nconst A = 1 +'))\nprint('lark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
