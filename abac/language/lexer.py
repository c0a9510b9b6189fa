"""Floor 2, language: text to tokens. One regular expression made of the grammar's own terminals; comments are set aside."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from lark import Token
from lark.lexer import PatternStr, TerminalDef

from abac.language.nodes import Comment
from abac.model.diagnostics import Diagnostic
from abac.model.source import Source, Span

OPENING, CLOSING = frozenset({"LPAR", "LBRACE", "LSQB"}), frozenset({"RPAR", "RBRACE", "RSQB"})
MOST_COMPLAINTS = 100  # about characters: a file of another kind is not worth more
_QUOTES = 'strings are in double quotes: "…"'
_FOREIGN = {
    "&&": "write `and`", "&": "write `and`", "!": "write `not`", "~": "write `not`", "//": "comments begin with `#`",
    "/*": "comments begin with `#`", "/": "the language has no division", "%": "the language has no remainder",
    "'": _QUOTES, "`": _QUOTES, "\N{LEFT DOUBLE QUOTATION MARK}": _QUOTES, "\N{DOUBLE LOW-9 QUOTATION MARK}": _QUOTES,
    ";": "nothing separates clauses or declarations", "$": "names are written without `$`", "@": "names are written without `@`",
}  # fmt: skip
_NONSENSE = re.compile(
    r""""[^\n]*|//[^\n]*|/\*[^\n]*|'[^'\n]*'|`[^`\n]*`|[\u201c\u201e][^\u201c\u201d\n]*[\u201c\u201d]|&&|[^\x00-\x7f]+|.""", re.DOTALL
)
"""What is plainly one thing, such as a string in single quotes, is one mistake."""
INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co"})
_ASCII_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Lexed:
    tokens: list[Token]
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]
    passed_over: tuple[int, ...]
    """Where text was left out because it is no token, in order: syntax errors around it would only follow from that."""


class Lexer:
    """Invariant: a keyword never lexes as a NAME; longer and higher-ranked terminals come first."""

    def __init__(self, terminals: Iterable[TerminalDef]) -> None:
        words: dict[str, str] = {}
        self.spelling: dict[str, str] = {}
        """How each terminal that is a fixed word or symbol is written."""
        symbols: list[tuple[int, int, str, str]] = []
        for terminal in terminals:
            text = terminal.pattern.value
            if isinstance(terminal.pattern, PatternStr):
                self.spelling[terminal.name] = text
            if isinstance(terminal.pattern, PatternStr) and text[0].isalpha():
                words[text] = terminal.name
            else:
                symbols.append((-terminal.priority, -len(text), terminal.name, terminal.pattern.to_regexp()))
        self.keywords = words
        self._pattern = re.compile("|".join(f"(?P<{name}>{regexp})" for *_, name, regexp in sorted(symbols)), re.ASCII)

    def lex(self, source: Source) -> Lexed:
        """All tokens of a source; what is no token is reported and passed over."""
        diagnostics = list(unreadable_characters(source))
        tokens: list[Token] = []
        comments: list[Comment] = []
        passed_over: list[int] = []
        text, at, end = source.text, 0, len(source.text)
        while at < end:
            found = self._pattern.match(text, at)
            if found is None:
                nonsense = _NONSENSE.match(text, at)
                start, at = at, nonsense.end() if nonsense else at + 1
                passed_over.append(start)
                if unicodedata.category(text[start]) not in INVISIBLE and len(passed_over) <= MOST_COMPLAINTS:
                    diagnostics.append(_no_token(source, start, at))
                continue
            kind, start, at = found.lastgroup or "", at, found.end()
            if kind == "WHITE_SPACE":
                continue
            if kind == "COMMENT":
                line_start = text.rfind("\n", 0, start) + 1
                trailing = bool(text[line_start:start].strip())
                comments.append(Comment(found.group().rstrip(), trailing, span=Span(source, start, at)))
                continue
            value = found.group()
            if kind == "NAME":
                kind = self.keywords.get(value, kind)
            column = 1 if start == 0 or text[start - 1] == "\n" else 2
            tokens.append(Token(kind, value, start_pos=start, end_pos=at, column=column))
        return Lexed(tokens, tuple(comments), tuple(diagnostics), tuple(passed_over))


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
