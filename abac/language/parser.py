"""Floor 2, language: `parse(Source)` makes the tree of one file.

A file is cut into declarations by their first words, and each is parsed alone: one syntax error per declaration is reported, and
the next declaration is read as if nothing had happened.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import takewhile
from typing import get_args

from abac.language import syntax_errors
from abac.language.automaton import Automaton, Unexpected
from abac.language.builder import Builder, Header
from abac.language.collector import collector_paused
from abac.language.grammar import tables_text
from abac.language.lexer import BEGINNING, CLOSING, OPENING, Lexed, Lexer, Token
from abac.language.nodes import Declaration, Expression, File, Node, TypeExpression, Word
from abac.language.tables import read_tables
from abac.model.diagnostics import Diagnostic
from abac.model.errors import PolicyErrors
from abac.model.limits import MAX_NESTING
from abac.model.source import Source, Span

_FOLLOWS = {"CONTEXT": "LBRACE", "ACTION": "NAME", "TEST": "STRING"}  # all others: a name
_NAMES_FOLLOW = frozenset({"HAS", "BY", "KEY"})
_NESTING = frozenset((*get_args(Expression), *get_args(TypeExpression)))


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
    with collector_paused():
        return _parse(source)


def _parse(source: Source) -> tuple[File, tuple[Diagnostic, ...]]:
    machine = _machine()
    lexed = machine.lexer.lex(source)
    builder = Builder(lexed)
    diagnostics = list(lexed.diagnostics)
    start = Span(source, 0, min(1, len(source.text)))
    header = Header(Word("", span=start), (), span=start)
    declarations: list[Declaration] = []
    broken: list[str] = []
    begins = [0, *_beginnings(lexed)]
    for number, (first, last) in enumerate(zip(begins, [*begins[1:], len(lexed.kinds)], strict=True)):
        complaints: list[Diagnostic] = []
        result = machine.read(lexed, first, last, "header" if number == 0 else "declaration", builder, complaints)
        if isinstance(result, Header):
            header = result
        elif result is not None:
            declarations.append(result)  # type: ignore[arg-type]  # the start rule says what it is
        else:
            broken += _declared(lexed, first, last)
            following = lexed.starts[last] if last < len(lexed.kinds) else None
            if _has_gap(lexed.passed_over, 0 if number == 0 else lexed.starts[first], following):
                complaints = [c for c in complaints if c.code != "syntax"]
        diagnostics += complaints
    file = File(
        header.package, header.imports, tuple(declarations), lexed.comments, source, tuple(broken),
        span=Span(source, 0, len(source.text)),
    )  # fmt: skip
    return file, tuple(sorted(set(diagnostics), key=lambda d: d.span.sort_key))


def _has_gap(passed_over: Sequence[int], start: int, end: int | None) -> bool:
    """Whether the lexer left something out, and reported it, between two offsets."""
    at = bisect_left(passed_over, start)
    return at < len(passed_over) and (end is None or passed_over[at] < end)


def _declared(lexed: Lexed, first: int, last: int) -> list[str]:
    """The names that a declaration would have brought."""
    tokens = map(lexed.token, range(first, last))
    head = next(tokens, None)
    if head is not None and head.type == "ACTION":
        return [t.text for t in takewhile(lambda t: t.type in ("NAME", "COMMA"), tokens) if t.type == "NAME"]
    name = next(tokens, None)
    return [name.text] if name is not None and name.type == "NAME" else [head.text] if head is not None else []


def parse_expression(source: Source) -> Expression:
    """The tree of a single expression.

    Raises:
        PolicyErrors: if the source is anything else.
    """
    machine = _machine()
    lexed = machine.lexer.lex(source)
    diagnostics = list(lexed.diagnostics)
    result = None if diagnostics else machine.read(lexed, 0, len(lexed.kinds), "expression", Builder(lexed), diagnostics)
    if diagnostics:
        raise PolicyErrors.of(diagnostics)
    return result  # type: ignore[return-value]  # the start rule says what it is


def tokens_of(source: Source) -> Lexed:
    """The tokens and comments of a source."""
    return _machine().lexer.lex(source)


def keywords() -> frozenset[str]:
    """The words that cannot be names of declarations."""
    return frozenset(_machine().lexer.keywords)


# ── cutting ────────────────────────────────────────────────────────────────────────────────────────────────


def _beginnings(lexed: Lexed) -> Iterator[int]:
    """The number of the first token of each declaration.

    A declaration begins at its first word outside all brackets or, where brackets do not match, at its first word at the
    beginning of a line.
    """
    kinds = lexed.kinds
    matched = _brackets_match(lexed)
    depth = 0
    for i in lexed.marks:
        if kinds[i] in CLOSING:
            depth = max(0, depth - 1)
        elif kinds[i] in OPENING:
            depth += 1
        elif (depth == 0 or (not matched and lexed.begins_line(i))) and _begins_declaration(lexed, i) and not _is_name(kinds, i):
            yield i
            depth = 0


def _brackets_match(lexed: Lexed) -> bool:
    opened: list[str] = []
    for kind in (lexed.kinds[i] for i in lexed.marks):
        if kind in OPENING:
            opened.append(kind[1:])
        elif kind in CLOSING and (not opened or opened.pop() != kind[1:]):
            return False
    return not opened


def _is_name(kinds: Sequence[str], i: int) -> bool:
    """Whether a word stands where any word is a name: after a point, or after `has`, `by` or `key` if that is not a name itself."""
    first = i
    while first and kinds[first - 1] in _NAMES_FOLLOW:
        first -= 1
    after_point = first > 0 and kinds[first - 1] == "DOT"
    return ((i - first) % 2 == 1) != after_point


def _begins_declaration(lexed: Lexed, i: int) -> bool:
    """Whether a word that begins declarations does so here, rather than being misused as a name."""
    kind = lexed.kinds[i]
    if kind not in BEGINNING:
        return False
    following = lexed.kinds[i + 1] if i + 1 < len(lexed.kinds) else ""
    if kind in ("CONTEXT", "ACTION"):
        return following == _FOLLOWS[kind]
    return following == _FOLLOWS.get(kind, "NAME") or (lexed.begins_line(i) and following != "COLON")


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


class _Machine:
    """Lexer and automaton, made of the grammar's tables once per process."""

    def __init__(self) -> None:
        tables = read_tables(tables_text())
        self.lexer = Lexer(tables.terminals)
        self.automaton = Automaton(tables)

    def read(self, lexed: Lexed, first: int, last: int, start: str, builder: Builder, diagnostics: list[Diagnostic]) -> Node | None:
        """The node of one start rule, or None after a complaint."""
        source = lexed.source
        if (deep := _deepest_bracket(lexed, first, last)) is not None:
            diagnostics.append(_too_deep("brackets", builder.place_of(deep)))
            return None
        builder.diagnostics = diagnostics
        try:
            result: Node = self.automaton.read(start, lexed, first, last, builder)
        except Unexpected as error:
            tokens = [lexed.token(number) for number in range(first, last)]
            found = Token("$END", "", 0, 0) if error.at is None else tokens[error.at - first]
            accepts = self.automaton.accepts(error.states)
            diagnostics.append(syntax_errors.explain(found, tokens, accepts, self.lexer.spelling, source, start))
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


def _deepest_bracket(lexed: Lexed, first: int, last: int) -> int | None:
    """The first bracket that stands in too many others."""
    depth = 0
    for i in lexed.marks[bisect_left(lexed.marks, first) : bisect_left(lexed.marks, last)]:
        kind = lexed.kinds[i]
        depth += (kind in OPENING) - (kind in CLOSING)
        if depth > MAX_NESTING:
            return i
    return None


def _too_deep_node(root: Node) -> Node | None:
    """An expression or type that stands in too many others. Walks without recursion.

    Every level takes at least a character, so what is shorter than the levels left is not walked: most of a policy.
    """
    todo = [(root, 0)]
    while todo:
        node, depth = todo.pop()
        depth += type(node) in _NESTING
        if depth > MAX_NESTING:
            return node
        todo += ((child, depth) for child in child_nodes(node) if child.span.end - child.span.start > MAX_NESTING - depth)
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
