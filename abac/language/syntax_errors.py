"""Floor 2, language: what is said about a token that does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abac.language.lexer import CLOSING, OPENING, Token
from abac.model.combining import Algorithm
from abac.model.diagnostics import Diagnostic, suggestion
from abac.model.source import Source, Span


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_KINDS = {
    "NAME": "a name", "STRING": "a string", "INT": "a number", "DECIMAL": "a number", "ALGORITHM": "a combining algorithm",
    "INSTANT": "an instant", "DATE": "a date", "TIME": "a time of day", "DURATION": "a duration",
}  # fmt: skip
_COMPARATORS = _set("== != < <= > >= in is has like matches intersects subset within")
_OPERATORS = _COMPARATORS | _set("+ - * and or at until not . [ ( { ::")
_EXPRESSION = _set(
    "STRING INSTANT DATE TIME DURATION DECIMAL INT NAME true false context action ( { [ - latest chain age from not some every if"
)
_DECLARATIONS = _set("type record entity context action obligation advice const data define policy test")
_CLAUSES = _set("for when unless even code because cite oblige advise otherwise")
_RULES = _set("permit deny policy")
_TYPE = _set("key open STRING ( NAME")
_SEVERAL: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (frozenset({"STRING", "INT", "("}), _EXPRESSION, "an expression"),
    (frozenset({"+"}), _OPERATORS, "an operator"),
    (frozenset({"in", "is"}), _OPERATORS, "an operator"),
    (_DECLARATIONS, _DECLARATIONS, "a declaration"),
    (_TYPE, _TYPE, "a type"),
    (frozenset({"because", "cite"}), _CLAUSES, "a clause"),
    (_RULES, _RULES, "a rule or policy"),
)
"""Where all of the first may stand, the third stands for whatever of the second may."""
_OTHER_LANGUAGES = {
    "allow": "a rule begins with `permit` or `deny`", "grant": "a rule begins with `permit` or `deny`",
    "forbid": "a rule begins with `permit` or `deny`", "rule": "a rule begins with `permit` or `deny`",
    "let": "constants begin with `const`, definitions with `define`", "var": "constants begin with `const`",
    "def": "definitions begin with `define`", "function": "definitions begin with `define`", "fn": "definitions begin with `define`",
    "func": "definitions begin with `define`", "enum": 'write `type NAME = "a" | "b"`', "struct": "records begin with `record`",
    "elif": "write `else if`", "elsif": "write `else if`", "elseif": "write `else if`", "contains": "write `x in xs`",
}  # fmt: skip
_ORDER = "a rule's clauses come in this order: for, when, unless, even if unknown, code, because, cite, oblige, advise"
_SYMBOLS = {
    "=": "`==` compares; `=` belongs to declarations", "|": "write `or`", "?": "write `if … then … else …`",
    "(": "functions are called by their name: `f(x)`", ":": 'records are written `Name { field: … }`, entities `Type::"key"`',
    "!": "write `not`", ",": "only brackets hold several values",
}  # fmt: skip


def explain(
    found: Token, tokens: Sequence[Token], accepts: set[str], spelling: Mapping[str, str], source: Source, start: str
) -> Diagnostic:
    """The complaint about `found`, where one of the terminals `accepts` was expected. `spelling` has those that are written one way."""
    if start == "header" and (not tokens or found is tokens[0]):
        span = Span(source, tokens[0].start, tokens[0].end) if tokens else Span(source, 0, 0)
        return Diagnostic("syntax", "the file does not begin with `package`", span, help="a file begins with `package NAME`")
    whole = "expression" if start == "expression" else "declaration"
    if found.type == "$END":
        at = tokens[-1].end if tokens else 0
        span, shown = Span(source, max(0, at - 1), at), f"the end of the {whole}"
    else:
        span, shown = Span(source, found.start, found.end), f"`{found.text}`"
    index = next((i for i, t in enumerate(tokens) if t is found), len(tokens))
    before = tokens[:index]
    expected = {spelling.get(t, t) for t in accepts}
    listed = _listed(expected, "a declaration" if start == "header" else f"the end of the {whole}")
    words = {w for w in spelling.values() if w.isalpha()}
    help = _help_with_brackets(found, before, source) or _help(found, before[-1].text if before else "", before, expected, words)
    return Diagnostic("syntax", f"expected {listed}, found {shown}", span, help=help)


def _listed(expected: set[str], end: str) -> str:
    readable: list[str] = []
    left = expected - {"$END"}
    if _any_word(expected):
        readable, left = ["an attribute name"], {t for t in left if not t.isalpha()}
    for needed, members, name in _SEVERAL:
        if left >= needed:
            readable, left = [*readable, name], left - members
    readable += sorted({_KINDS.get(t) or f"`{t}`" for t in left})
    if "$END" in expected:
        readable.append(end)
    return readable[0] if len(readable) == 1 else f"{', '.join(readable[:-1])} or {readable[-1]}"


def _any_word(expected: set[str]) -> bool:
    return {"NAME", "when", "then"} <= expected


def _help_with_brackets(found: Token, before: Sequence[Token], source: Source) -> str:
    """What is wrong with brackets, if they are what is wrong."""
    opened: list[Token] = []
    for token in before:
        if token.type in OPENING:
            opened.append(token)
        elif token.type in CLOSING and opened:
            opened.pop()
    if found.type in CLOSING and not opened:
        return f"there is no bracket that this `{found.text}` could close"
    if opened and (found.type == "$END" or (found.type in CLOSING and found.type[1:] != opened[-1].type[1:])):
        line, _ = source.position(opened[-1].start)
        return f"the `{opened[-1].text}` in line {line} is not closed"
    return ""


def _help(found: Token, last: str, before: Sequence[Token], expected: set[str], words: set[str]) -> str:
    if "ALGORITHM" in expected:
        return suggestion(found.text.replace("_", "-"), list(Algorithm)) or f"one of {', '.join(Algorithm)}"
    if _any_word(expected):
        return 'addresses are written `address("…")`, elements of lists `xs[0]`' if found.type in ("INT", "DECIMAL") else ""
    if found.text in ("then", "else") or expected & {"then", "else"}:
        return "`if … then … else …` needs all three parts"
    if found.text in _RULES and "$END" in expected:
        return "rules stand inside a policy"
    if found.text in ("import", "package") and "$END" in expected:
        return "`package` and the imports stand before all declarations"
    if last in ("permit", "deny") and "NAME" in expected:
        return "every rule has a name"
    if found.text in _CLAUSES and expected & (_CLAUSES | _RULES):
        return _ORDER
    if found.text == "if" and "when" in expected:
        return "the condition of a rule begins with `when`"
    if {"INT", "("} <= expected and found.text in ("some", "every", "if", "not", "from"):
        return f"here `{found.text} …` needs parentheses"
    after_operand = bool(expected & {"and", "or", "+", "*"})
    help = _help_after_operand(found, before) if after_operand else _help_elsewhere(found, last, expected)
    return help or _help_with_words(found, expected, words)


def _help_after_operand(found: Token, before: Sequence[Token]) -> str:
    if found.text in ("and", "or"):
        return "`and` and `or` do not mix without parentheses"
    if found.text in _COMPARATORS:
        return "comparisons do not chain: join two with `and`"
    if found.type == "NAME" and before[-1].type == "INT":
        fixed = ": months and years have no fixed length" if found.text.rstrip("s") in ("month", "year") else ""
        return f"durations are given in seconds, minutes, hours, days or weeks{fixed}"
    return _SYMBOLS.get(found.text, "")


def _help_elsewhere(found: Token, last: str, expected: set[str]) -> str:
    if found.text == "=" and last in ("==", "="):
        return "`==` compares"
    if found.text == ">" and last == "<":
        return "write `!=`"
    if last == "not" and expected == {"in"}:
        return f"`not` stands before what it negates: `not x {found.text} …`"
    if last == "is" and not found.text.isalpha():
        return "`is` asks for the type of an entity; `==` compares values"
    return ""


def _help_with_words(found: Token, expected: set[str], words: set[str]) -> str:
    if found.text in _OTHER_LANGUAGES:
        return _OTHER_LANGUAGES[found.text]
    if found.type == "NAME":
        return suggestion(found.text, expected & words)
    taken = found.text in words and "NAME" in expected and found.text not in _CLAUSES | _OPERATORS | _RULES
    return f"`{found.text}` is a word of the language: choose another name" if taken else ""
