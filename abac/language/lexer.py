"""Floor 2, language: text to tokens. One regular expression made of the grammar's own terminals; comments are set aside.

Tokens are kept in columns: a policy of a hundred thousand rules has two million of them.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from abac.language.nodes import Comment
from abac.language.tables import Terminal
from abac.model.diagnostics import Diagnostic
from abac.model.source import Source, Span

OPENING, CLOSING = frozenset({"LPAR", "LBRACE", "LSQB"}), frozenset({"RPAR", "RBRACE", "RSQB"})
BEGINNING = frozenset({
    "TYPE", "RECORD", "ENTITY", "CONTEXT", "ACTION", "OBLIGATION", "ADVICE", "CONST", "DATA", "DEFINE", "POLICY", "TEST",
})  # fmt: skip
"""The words that declarations begin with."""
_MARKED = OPENING | CLOSING | BEGINNING
MOST_COMPLAINTS = 100  # about characters: a file of another kind is not worth more
_QUOTES = 'strings are in double quotes: "…"'
_FOREIGN = {
    "&&": "write `and`", "&": "write `and`", "!": "write `not`", "~": "write `not`", "//": "comments begin with `#`",
    "/*": "comments begin with `#`", "/": "the language has no division", "%": "the language has no remainder",
    "'": _QUOTES, "`": _QUOTES, "\N{LEFT DOUBLE QUOTATION MARK}": _QUOTES, "\N{DOUBLE LOW-9 QUOTATION MARK}": _QUOTES,
    ";": "nothing separates clauses or declarations", "$": "names are written without `$`", "@": "names are written without `@`",
}  # fmt: skip
_NONSENSE = r'"[^\n]*|//[^\n]*|/\*[^\n]*|\'[^\'\n]*\'|`[^`\n]*`|[\u201c\u201e][^\u201c\u201d\n]*[\u201c\u201d]|&&|[^\x00-\x7f]+|(?s:.)'
"""What is plainly one thing, such as a string in single quotes, is one mistake."""
INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co"})
_ASCII_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Token(NamedTuple):
    """One token by itself: its terminal, its text, and where it stands, in characters."""

    type: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexed:
    """The tokens of a source in columns, and what stands between them.

    Attributes:
        marks: the numbers of the brackets and of the words that may begin declarations, in order.
        passed_over: where text was left out because it is no token, in order: syntax errors around it would only follow from that.
    """

    source: Source
    kinds: list[str]
    starts: Sequence[int]
    ends: Sequence[int]
    marks: Sequence[int]
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]
    passed_over: Sequence[int]

    def token(self, number: int) -> Token:
        """A token by its number."""
        start, end = self.starts[number], self.ends[number]
        return Token(self.kinds[number], self.source.text[start:end], start, end)

    @property
    def tokens(self) -> list[Token]:
        """All tokens, one by one."""
        return [self.token(number) for number in range(len(self.kinds))]

    def begins_line(self, number: int) -> bool:
        """Whether a token is the first thing on its line, without indentation."""
        start = self.starts[number]
        return start == 0 or self.source.text[start - 1] == "\n"


class Lexer:
    """Invariant: a keyword never lexes as a NAME; longer and higher-ranked terminals come first."""

    def __init__(self, terminals: Iterable[Terminal]) -> None:
        self.spelling = {terminal.name: terminal.text for terminal in terminals if terminal.is_fixed}
        """How each terminal that is a fixed word or symbol is written."""
        self.keywords = {text: name for name, text in self.spelling.items() if text[0].isalpha()}
        others = sorted((t for t in terminals if t.text not in self.keywords), key=lambda t: (-t.priority, -len(t.text), t.name))
        patterns = {t.name: re.escape(t.text) if t.is_fixed else t.text for t in others}
        space = patterns.pop("WHITE_SPACE")
        tokens = "|".join(f"(?P<{name}>{pattern})" for name, pattern in patterns.items())
        # Whatever stands behind the space matches a branch: the search passes over nothing, and is linear.
        self._pattern = re.compile(f"(?:{space})?(?:{tokens}|(?P<NONSENSE>{_NONSENSE})|(?P<END>\\Z))", re.ASCII)

    def lex(self, source: Source) -> Lexed:
        """All tokens of a source; what is no token is reported and passed over."""
        text, keywords = source.text, self.keywords
        kinds: list[str] = []
        starts, ends, marks, passed_over = array("I"), array("I"), array("I"), array("I")
        comments: list[Comment] = []
        diagnostics = list(unreadable_characters(source))
        add_kind, add_start, add_end = kinds.append, starts.append, ends.append
        for found in self._pattern.finditer(text):
            kind = found.lastgroup
            assert kind is not None
            start, end = found.span(kind)
            if kind == "NAME":
                kind = keywords.get(text[start:end], kind)
            elif kind == "COMMENT":
                comments.append(_comment(source, start, end))
                continue
            elif kind == "NONSENSE":
                passed_over.append(start)
                if len(passed_over) <= MOST_COMPLAINTS and unicodedata.category(text[start]) not in INVISIBLE:
                    diagnostics.append(_no_token(source, start, end))
                continue
            elif kind == "END":
                break
            if kind in _MARKED:
                marks.append(len(kinds))
            add_kind(kind)
            add_start(start)
            add_end(end)
        return Lexed(source, kinds, starts, ends, marks, tuple(comments), tuple(diagnostics), passed_over)


def _comment(source: Source, start: int, end: int) -> Comment:
    text = source.text
    line_start = text.rfind("\n", 0, start) + 1
    trailing = bool(text[line_start:start].strip())
    return Comment(text[start:end].rstrip(), trailing, span=Span(source, start, end))


def unreadable_characters(source: Source) -> Iterable[Diagnostic]:
    """Invisible and direction-changing characters, and text that is not in Unicode's normal form C."""
    text = source.text
    if text.isascii():
        suspects: Iterable[int] = (m.start() for m in _ASCII_CONTROLS.finditer(text))
    else:
        suspects = (i for i, c in enumerate(text) if unicodedata.category(c) in INVISIBLE and c not in "\t\r\n")
        if not unicodedata.is_normalized("NFC", text):
            yield _not_normal(source)
    for count, i in enumerate(suspects):
        if count == MOST_COMPLAINTS:
            return
        name = unicodedata.name(text[i], "").lower() or f"U+{ord(text[i]):04X}"
        help = "save the file without a byte order mark" if text[i] == "\ufeff" else f"inside a string write \\u{{{ord(text[i]):x}}}"
        yield Diagnostic("invisible-character", f"invisible character ({name})", Span(source, i, i + 1), help=help)


def _not_normal(source: Source) -> Diagnostic:
    for number, line in enumerate(source.text.split("\n")):
        if not unicodedata.is_normalized("NFC", line):
            start = source._line_starts[number]
            return Diagnostic(
                "not-normalised", "text is not in Unicode normal form C", Span(source, start, start + len(line)),
                help="two spellings of one letter look alike and compare as different: save the file as NFC",
            )  # fmt: skip
    return Diagnostic("not-normalised", "text is not in Unicode normal form C", Span(source, 0, 1))


def _no_token(source: Source, start: int, end: int) -> Diagnostic:
    span = Span(source, start, end)
    text = span.text
    if text.startswith('"'):
        help = 'strings end with `"` on the same line; a line break is \\n'
        return Diagnostic("unterminated-string", "the string has no end", span, help=help)
    if text.startswith(("//", "/*")):
        span = Span(source, start, start + 2)
    ascii_only = "" if text.isascii() else "outside strings and comments policies are in ASCII"
    help = _FOREIGN.get(text[:2]) or _FOREIGN.get(text[0]) or ascii_only
    return Diagnostic("unexpected-character", f"unexpected `{span.text}`", span, help=help)
