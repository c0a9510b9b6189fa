"""Floor 2, language: what is said about a token that does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lark import Token

from abac.language.lexer import CLOSING, OPENING
from abac.model.combining import Algorithm
from abac.model.diagnostics import Diagnostic, suggestion
from abac.model.source import Source, Span

_KINDS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"STRING", "INT", "LPAR", "LBRACE", "LSQB", "NAME"}), "an expression"),
    (frozenset({"PLUS", "MINUS"}), "an operator"),
    (frozenset({"BECAUSE", "CITE", "OBLIGE", "ADVISE"}), "a clause"),
    (frozenset({"PERMIT", "DENY", "POLICY"}), "a rule"),
    (frozenset({"NAME", "SENSITIVE", "RBRACE"}), "a name"),
    (frozenset({"NAME", "KEY", "OPEN", "STRING"}), "a type"),
)
"""Where all of the left may stand, the right is expected; more exact than a list of everything that may stand there."""
_MEMBERS: dict[str, frozenset[str]] = {
    "an expression": frozenset({
        "STRING", "INSTANT", "DATE", "TIME", "DURATION", "DECIMAL", "INT", "TRUE", "FALSE", "NAME", "CONTEXT", "ACTION", "LPAR", "LBRACE",
        "LSQB", "MINUS", "LATEST", "CHAIN", "AGE", "FROM", "NOT", "SOME", "EVERY", "IF",
    }),
    "an operator": frozenset({
        "PLUS", "MINUS", "STAR", "AND", "OR", "AT", "UNTIL", "IN", "NOT", "IS", "HAS", "INTERSECTS", "SUBSET", "WITHIN", "LIKE", "MATCHES",
        "DOT", "LSQB", "LPAR", "DOUBLECOLON", "__ANON_0", "__ANON_1", "__ANON_2", "__ANON_3", "__ANON_4", "__ANON_5", "LESSTHAN", "MORETHAN",
    }),
    "a clause": frozenset({"FOR", "WHEN", "UNLESS", "EVEN", "CODE", "BECAUSE", "CITE", "OBLIGE", "ADVISE", "OTHERWISE", "TARGET", "EFFECTIVE"}),
    "a rule": frozenset({"PERMIT", "DENY", "POLICY"}),
    "a type": frozenset({"NAME", "KEY", "OPEN", "STRING", "LPAR"}),
}  # fmt: skip


def explain(
    found: Token, tokens: Sequence[Token], accepts: set[str], keywords: Mapping[str, str], source: Source, start: str
) -> Diagnostic:
    raise NotImplementedError
