"""Floor 2, language: `parse(Source)` makes the tree of one file. No lark type leaves this module and the lexer.

A file is cut into declarations by their first words, and each is parsed alone: one syntax error per declaration is reported, and
the next declaration is read as if nothing had happened.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import takewhile
from typing import get_args

from lark import Lark, Token
from lark.exceptions import UnexpectedToken

from abac.language import syntax_errors
from abac.language.builder import Builder, Header
from abac.language.grammar import grammar_text
from abac.language.lexer import CLOSING, OPENING, Lexed, Lexer
from abac.language.nodes import Declaration, Expression, File, Node, TypeExpression, Word
from abac.model.diagnostics import Diagnostic
from abac.model.errors import PolicyErrors
from abac.model.limits import MAX_NESTING
from abac.model.source import Source, Span

_MAY_BEGIN = frozenset({
    "TYPE", "RECORD", "ENTITY", "CONTEXT", "ACTION", "OBLIGATION", "ADVICE", "CONST", "DATA", "DEFINE", "POLICY", "TEST",
})  # fmt: skip
_FOLLOWS = {"CONTEXT": "LBRACE", "ACTION": "NAME", "TEST": "STRING"}  # all others: a name
_NAMES_FOLLOW = frozenset({"HAS", "BY", "KEY"})
_NESTING = (*get_args(Expression), *get_args(TypeExpression))
_building = threading.Lock()


def parse(source: Source) -> File:
    """The tree of one policy file.

    Raises:
        PolicyErrors: with every syntax error, at most one a declaration.
    """
    file, diagnostics = parse_with_errors(source)
    if diagnostics:
        raise PolicyErrors.of(diagnostics)
    return file


def parse_with_errors(source: Source) -> tuple[File, tuple[Diagnostic, ...]]:
    """The tree of the declarations that could be read, and all syntax errors."""
    machine = _machine()
    lexed = machine.lexer.lex(source)
    diagnostics = list(lexed.diagnostics)
    start = Span(source, 0, min(1, len(source.text)))
    header = Header(Word("", span=start), (), span=start)
    declarations: list[Declaration] = []
    broken: list[str] = []
    chunks = list(_chunks(lexed.tokens))
    for number, chunk in enumerate(chunks):
        following = chunks[number + 1] if number + 1 < len(chunks) else ()
        complaints: list[Diagnostic] = []
        result = machine.parse(chunk, "header" if number == 0 else "declaration", source, complaints)
        if isinstance(result, Header):
            header = result
        elif result is not None:
            declarations.append(result)  # type: ignore[arg-type]  # the start rule says what it is
        else:
            broken += _declared(chunk)
            if _has_gap(lexed.passed_over, 0 if number == 0 else chunk[0].start_pos, following[0].start_pos if following else None):
                complaints = [c for c in complaints if c.code != "syntax"]
        diagnostics += complaints
    file = File(
        header.package, header.imports, tuple(declarations), lexed.comments, source, tuple(broken),
        span=Span(source, 0, len(source.text)),
    )  # fmt: skip
    return file, tuple(sorted(set(diagnostics), key=lambda d: d.span.sort_key))


def _has_gap(passed_over: Sequence[int], start: int | None, end: int | None) -> bool:
    """Whether the lexer left something out, and reported it, between two offsets."""
    at = bisect_left(passed_over, start or 0)
    return at < len(passed_over) and (end is None or passed_over[at] < end)


def _declared(chunk: Sequence[Token]) -> list[str]:
    """The names that a declaration would have brought."""
    if chunk and chunk[0].type == "ACTION":
        return [str(t) for t in takewhile(lambda t: t.type in ("NAME", "COMMA"), chunk[1:]) if t.type == "NAME"]
    return [str(t) for t in chunk[1:2] if t.type == "NAME"] or [str(t) for t in chunk[:1]]


def parse_expression(source: Source) -> Expression:
    """The tree of a single expression.

    Raises:
        PolicyErrors: if the source is anything else.
    """
    machine = _machine()
    lexed = machine.lexer.lex(source)
    diagnostics = list(lexed.diagnostics)
    result = None if diagnostics else machine.parse(lexed.tokens, "expression", source, diagnostics)
    if diagnostics:
        raise PolicyErrors.of(diagnostics)
    return result  # type: ignore[return-value]  # the start rule says what it is


def tokens_of(source: Source) -> Lexed:
    """The tokens and comments of a source."""
    return _machine().lexer.lex(source)


def keywords() -> frozenset[str]:
    """The words that cannot be names of declarations."""
    return frozenset(_machine().lexer.keywords)


def _chunks(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The header's tokens, then those of each declaration.

    A declaration begins at its first word outside all brackets or, where brackets do not match, at its first word at the
    beginning of a line.
    """
    matched = _brackets_match(tokens)
    begin = depth = 0
    before, before_is_name = "", False
    for i, token in enumerate(tokens):
        is_name = before == "DOT" or (before in _NAMES_FOLLOW and not before_is_name)
        before, before_is_name = token.type, is_name
        if token.type in CLOSING:
            depth = max(0, depth - 1)
        elif token.type in OPENING:
            depth += 1
        elif not is_name and (depth == 0 or (token.column == 1 and not matched)) and _begins_declaration(tokens, i):
            yield tokens[begin:i]
            begin, depth = i, 0
    yield tokens[begin:]


def _brackets_match(tokens: Sequence[Token]) -> bool:
    opened: list[str] = []
    for token in tokens:
        if token.type in OPENING:
            opened.append(token.type[1:])
        elif token.type in CLOSING and (not opened or opened.pop() != token.type[1:]):
            return False
    return not opened


def _begins_declaration(tokens: Sequence[Token], i: int) -> bool:
    """Whether a word that begins declarations does so here, rather than being misused as a name."""
    kind = tokens[i].type
    if kind not in _MAY_BEGIN:
        return False
    following = tokens[i + 1].type if i + 1 < len(tokens) else ""
    if kind in ("CONTEXT", "ACTION"):
        return following == _FOLLOWS[kind]
    return following == _FOLLOWS.get(kind, "NAME") or (tokens[i].column == 1 and following != "COLON")


class _Machine:
    """Grammar tables, built once per process. The builder is stateful, hence the lock."""

    def __init__(self) -> None:
        self.builder = Builder()
        starts = ["header", "declaration", "expression"]
        self.lark = Lark(
            grammar_text(), parser="lalr", lexer="basic", start=starts, keep_all_tokens=True, maybe_placeholders=False,
            transformer=self.builder,
        )  # fmt: skip
        self.lexer = Lexer(self.lark.terminals)

    def parse(self, tokens: Sequence[Token], start: str, source: Source, diagnostics: list[Diagnostic]) -> Node | None:
        """The node of one start rule, or None after a complaint."""
        if deep := _deepest_bracket(tokens):
            diagnostics.append(_too_deep("brackets", Span(source, deep.start_pos or 0, deep.end_pos or 0)))
            return None
        with _building:
            self.builder.begin(source, diagnostics)
            state = self.lark.parse_interactive(start=start)
            try:
                for token in tokens:
                    state.feed_token(token)
                result: Node = state.feed_eof(tokens[-1] if tokens else None)  # type: ignore[no-untyped-call]  # lark is untyped
            except UnexpectedToken as error:
                accepts: set[str] = state.accepts()  # type: ignore[no-untyped-call]  # lark is untyped
                diagnostics.append(syntax_errors.explain(error.token, tokens, accepts, self.lexer.spelling, source, start))
                return None
        if deep_node := _too_deep_node(result):
            diagnostics.append(_too_deep("expressions", deep_node.span))
            return None
        return result


@cache
def _machine() -> _Machine:
    return _Machine()


def _too_deep(what: str, place: Span) -> Diagnostic:
    return Diagnostic("nesting", f"{what} are nested more than {MAX_NESTING} deep", place)


def _deepest_bracket(tokens: Sequence[Token]) -> Token | None:
    """The first bracket that stands in too many others."""
    depth = 0
    for token in tokens:
        depth += (token.type in OPENING) - (token.type in CLOSING)
        if depth > MAX_NESTING:
            return token
    return None


def _too_deep_node(root: Node) -> Node | None:
    """An expression or type that stands in too many others. Walks without recursion."""
    todo = [(root, 0)]
    while todo:
        node, depth = todo.pop()
        depth += isinstance(node, _NESTING)
        if depth > MAX_NESTING:
            return node
        todo += ((child, depth) for child in child_nodes(node))
    return None


def child_nodes(node: Node) -> Iterator[Node]:
    """The nodes directly inside one, in source order."""
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes_in(value)


def _nodes_in(items: tuple[object, ...]) -> Iterator[Node]:
    for item in items:
        if isinstance(item, Node):
            yield item
        elif isinstance(item, tuple):
            yield from _nodes_in(item)
