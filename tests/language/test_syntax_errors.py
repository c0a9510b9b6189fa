"""What authors hear about typical mistakes, word for word."""

from __future__ import annotations

import pytest

from abac.language.parser import parse_expression, parse_with_errors
from abac.model.diagnostics import Diagnostic
from abac.model.errors import PolicyErrors
from abac.model.source import Source

ORDER = "a rule's clauses come in this order: for, when, unless, even if unknown, code, because, cite, oblige, advise"
ALGORITHMS = "deny-overrides, permit-overrides, first-applicable, only-one-applicable, deny-unless-permit, permit-unless-deny"
END = "the end of the declaration"


def complaints(text: str) -> tuple[Diagnostic, ...]:
    return parse_with_errors(Source("text", text))[1]


def rule(text: str) -> str:
    return f"policy q: first-applicable {{ {text} }}"


MISTAKES = [  # text, message, text pointed at, help
    ("define f = a || b", f"expected an operator or {END}, found `|`", "|", "write `or`"),
    ("define f = a ? b : c", f"expected an operator or {END}, found `?`", "?", "write `if … then … else …`"),
    ("define f = a = b", f"expected an operator or {END}, found `=`", "=", "`==` compares; `=` belongs to declarations"),
    ("define f = a === b", "expected an expression, found `=`", "=", "`==` compares"),
    ("define f = a <> b", "expected an expression, found `>`", ">", "write `!=`"),
    ("define f = a < b < c", f"expected `and`, `or` or {END}, found `<`", "<", "comparisons do not chain: join two with `and`"),
    ("define f = a in b in c", f"expected `and`, `or` or {END}, found `in`", "in", "comparisons do not chain: join two with `and`"),
    ("define f = a and b or c", f"expected `and` or {END}, found `or`", "or", "`and` and `or` do not mix without parentheses"),
    ("define f = a or b and c", f"expected `or` or {END}, found `and`", "and", "`and` and `or` do not mix without parentheses"),
    ("define f = a and or c", "expected an expression, found `or`", "or", ""),
    ("define f = if a then b", f"expected `else`, found {END}", "b", "`if … then … else …` needs all three parts"),
    ("define f = if a b", "expected an operator or `then`, found `b`", "b", "`if … then … else …` needs all three parts"),
    ("define f = a not has b", "expected `in`, found `has`", "has", "`not` stands before what it negates: `not x has …`"),
    ('define f = a is "x"', 'expected `empty`, `not` or a name, found `"x"`', '"x"',
     "`is` asks for the type of an entity; `==` compares values"),
    ("define f = a == not b", "expected an expression, found `not`", "not", "here `not …` needs parentheses"),
    ("define f = a == some x in xs: x", "expected an expression, found `some`", "some", "here `some …` needs parentheses"),
    ("define f = [a b]", "expected an operator, `,` or `]`, found `b`", "b", ""),
    ("define f = {a: 1}", "expected an operator, `,` or `}`, found `:`", ":",
     'records are written `Name { field: … }`, entities `Type::"key"`'),
    ("define f = x.y(z)", f"expected an operator or {END}, found `(`", "(", "functions are called by their name: `f(x)`"),
    ("define f = (a", f"expected `)`, found {END}", "a", "the `(` in line 2 is not closed"),
    ("define f = [a, b)", "expected `,` or `]`, found `)`", ")", "the `[` in line 2 is not closed"),
    ("define f = a)", f"expected {END}, found `)`", ")", "there is no bracket that this `)` could close"),
    ("define f(x) = x", "expected `:`, found `)`", ")", ""),
    ("define f(x: T) x", "expected `:` or `=`, found `x`", "x", ""),
    ("define f", f"expected `(`, `:` or `=`, found {END}", "f", ""),
    ("define test = 1", "expected a name, found `test`", "test", "`test` is a word of the language: choose another name"),
    ("define f = data", "expected an expression, found `data`", "data", "`data` is a word of the language: choose another name"),
    ("define f = 5 months", f"expected an operator or {END}, found `months`", "months",
     "durations are given in seconds, minutes, hours, days or weeks: months and years have no fixed length"),
    ("define f = 5 min", f"expected an operator or {END}, found `min`", "min",
     "durations are given in seconds, minutes, hours, days or weeks"),
    ("define f = 10.0.0.1", "expected an attribute name, found `0.1`", "0.1",
     'addresses are written `address("…")`, elements of lists `xs[0]`'),
    ("define f = some x of xs: x", "expected `in`, found `of`", "of", ""),
    ("define f = some x in xs x", "expected an operator or `:`, found `x`", "x", ""),
    ("define f = x within 5 days", "expected `last`, found `5 days`", "5 days", ""),
    ("let x = 5", "expected `.`, `import` or a declaration, found `let`", "let", "constants begin with `const`, definitions with `define`"),
    ("permit x when a", "expected `.`, `import` or a declaration, found `permit`", "permit", "rules stand inside a policy"),
    ("const A = 1 import q", f"expected an operator or {END}, found `import`", "import",
     "`package` and the imports stand before all declarations"),
    ("entity E { id: String }", "expected `in` or `key`, found `{`", "{", ""),
    ("record R { a String }", "expected `:`, found `String`", "String", ""),
    ("record R { a: }", "expected a type, found `}`", "}", ""),
    ("record R { a: B b: C", f"expected an attribute name, `(`, `,`, `=` or `}}`, found {END}", "C", "the `{` in line 2 is not closed"),
    ('type T = "a" | "b" < "c"', f"expected `?`, `|` or {END}, found `<`", "<", ""),
    ("action read: U D", "expected `->` or `|`, found `D`", "D", ""),
    ('data d: T = csv "f"', "expected `json` or `table`, found `csv`", "csv", ""),
    ("policy q: first_applicable { }", "expected a combining algorithm, found `first_applicable`", "first_applicable",
     "did you mean `first-applicable` or `only-one-applicable`?"),
    ("policy q: { }", "expected a combining algorithm, found `{`", "{", f"one of {ALGORITHMS}"),
    (rule("allow x when a"), "expected a rule or policy, `advise`, `cite`, `effective`, `oblige`, `target` or `}`, found `allow`", "allow",
     "a rule begins with `permit` or `deny`"),
    (rule("permit when a"), "expected a name, found `when`", "when", "every rule has a name"),
    (rule("permit x if a"), "expected a clause, a rule or policy, `}` or a string, found `if`", "if",
     "the condition of a rule begins with `when`"),
    (rule("permit x wehn a"), "expected a clause, a rule or policy, `}` or a string, found `wehn`", "wehn", "did you mean `when`?"),
    (rule('permit x because "b" when a'), "expected a rule or policy, `advise`, `cite`, `oblige` or `}`, found `when`", "when", ORDER),
    (rule("permit x when a because b"), "expected a string, found `b`", "b", ""),
    (rule("permit x when"), "expected an expression, found `}`", "}", ""),
    (rule("permit x when a and"), "expected an expression, found `}`", "}", ""),
    (rule("permit x when a foo"), "expected an operator, a clause, a rule or policy or `}`, found `foo`", "foo", ""),
    ('test "x" { expect no permit }', "expected `given`, found `expect`", "expect", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "at", "help"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_explained(text: str, message: str, at: str, help: str) -> None:
    assert [(d.code, d.message, d.span.text, d.help) for d in complaints(f"package p\n{text}\n")] == [("syntax", message, at, help)]


@pytest.mark.parametrize("text", ["", "# nothing\n", "define f = a", "pakage p", "p"])
def test_a_file_without_its_first_line_is_told_so(text: str) -> None:
    expected = ("the file does not begin with `package`", "a file begins with `package NAME`")
    assert [(d.message, d.help) for d in complaints(text)] == [expected]


def test_every_broken_declaration_is_reported_and_the_others_are_read() -> None:
    text = "package p\ndefine a = = 1\ndefine b = 2\npolicy q: nonsense {\n  permit x when )\n}\nconst c = 3 3\nrecord R { a: B }\n"
    file, found = parse_with_errors(Source("text", text))
    assert [d.span.source.position(d.span.start)[0] for d in found] == [2, 4, 7]
    assert [type(d).__name__ for d in file.declarations] == ["Definition", "RecordDeclaration"]
    assert file.broken == ("a", "q", "c")


def test_a_bracket_left_open_spoils_its_own_declaration_only() -> None:
    file, found = parse_with_errors(Source("text", "package p\ndefine a = (1\ndefine b = 2\npolicy q: deny-overrides {\ndefine c = 3\n"))
    assert [d.help for d in found] == ["the `(` in line 2 is not closed", "the `{` in line 4 is not closed"]
    assert len(file.declarations) == 2 and file.broken == ("a", "q")


def test_all_names_of_a_broken_action_declaration_are_known_to_be_broken() -> None:
    assert parse_with_errors(Source("text", "package p\naction read, write: -> D\n"))[0].broken == ("read", "write")


def test_no_syntax_error_follows_from_what_is_no_token() -> None:
    found = complaints("package p\ndefine a = b ! c d\ndefine e = f g\n")
    assert [(d.code, d.span.text) for d in found] == [("unexpected-character", "!"), ("syntax", "g")]


def test_an_expression_alone_speaks_of_an_expression() -> None:
    with pytest.raises(PolicyErrors) as raised:
        parse_expression(Source("text", "a b"))
    assert [d.message for d in raised.value.diagnostics] == ["expected an operator or the end of the expression, found `b`"]


@pytest.mark.parametrize(("text", "found"), [("a }", "}"), ("a , b", ","), ("a then", "then"), ("a policy", "policy")])
def test_what_follows_a_whole_expression_is_a_complaint(text: str, found: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        parse_expression(Source("text", text))
    assert [d.message for d in caught.value.diagnostics] == [f"expected the end of the expression, found `{found}`"]
