"""Each production of the grammar, and that reading declaration by declaration changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from lark import Lark, Token
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer

from abac.language import nodes as n
from abac.language.builder import Builder
from abac.language.grammar import grammar_text
from abac.language.operators import Operator
from abac.language.parser import child_nodes, keywords, parse, parse_expression, parse_with_errors, tokens_of
from abac.model.diagnostics import Diagnostic
from abac.model.schema import DutyKind
from abac.model.source import Source, Span
from tests.strategies import damaged_texts, odd_texts

AT = Span(Source("", ""), 0, 0)


def source(text: str) -> Source:
    return Source("text", text)


def expression(text: str) -> n.Expression:
    return parse_expression(source(text))


def declaration(text: str) -> n.Declaration:
    (only,) = parse(source(f"package p\n{text}\n")).declarations
    return only


def complaints(text: str) -> tuple[Diagnostic, ...]:
    return parse_with_errors(source(text))[1]


def name(text: str) -> n.Name:
    return n.Name(text, span=AT)


def word(text: str) -> n.Word:
    return n.Word(text, span=AT)


def literal(value: object) -> n.Literal:
    return n.Literal(type(value), value, span=AT)


def operation(operator: Operator, *operands: n.Expression) -> n.Operation:
    return n.Operation(operator, operands, span=AT)


a, b, c = name("a"), name("b"), name("c")


# ── the grammar and its builder ────────────────────────────────────────────────────────────────────────────


class NoLexer(Lexer):
    """Tokens come from our own; lark's would want another package to be strict."""

    def __init__(self, conf: object) -> None:
        """Takes what lark hands to lexers, and needs none of it."""

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Token]:
        raise AssertionError("tokens are fed by hand")


@cache
def whole_grammar() -> Lark:
    """Strict: a conflict between shifting and reducing is an error, not settled silently."""
    starts = ["file", "expression"]
    return Lark(grammar_text(), parser="lalr", lexer=NoLexer, start=starts, keep_all_tokens=True, maybe_placeholders=False, strict=True)


def test_every_grammar_rule_has_a_builder_method() -> None:
    called = {
        rule.alias or str(rule.origin.name)
        for rule in whole_grammar().rules
        if rule.alias or not (rule.options.expand1 and len(rule.expansion) == 1)
    }
    rules = {str(r) for r in called if not r.startswith("_")} - {"file"}  # a file is put together from its parts
    plain = {"nodes", "of", "parts", "has", "complain", "text_of", "place_of"}
    methods = {m for m in vars(Builder) if not m.startswith("_") and callable(getattr(Builder, m))} - plain
    assert methods == rules


def test_every_keyword_of_the_grammar_may_be_an_attribute_name() -> None:
    for keyword in keywords():
        assert expression(f"a.{keyword}") == n.Access(a, keyword, span=AT)


def accepted_whole(text: str) -> bool:
    state = whole_grammar().parse_interactive(start="file")
    try:
        for token in tokens_of(source(text)).tokens:
            state.feed_token(Token(token.type, token.text))
        state.feed_eof()  # type: ignore[no-untyped-call]  # lark is untyped
    except UnexpectedToken:
        return False
    return True


def accepted_in_parts(text: str) -> bool:
    return not any(d.code == "syntax" for d in complaints(text))


@settings(suppress_health_check=list(HealthCheck), max_examples=150)
@given(odd_texts())
def test_declaration_by_declaration_accepts_what_the_whole_grammar_accepts(text: str) -> None:
    assert accepted_whole(text)
    assert accepted_in_parts(text)


@settings(suppress_health_check=list(HealthCheck), max_examples=300)
@given(damaged_texts())
def test_declaration_by_declaration_refuses_what_the_whole_grammar_refuses(text: str) -> None:
    assert accepted_in_parts(text) == accepted_whole(text)


# ── expressions ────────────────────────────────────────────────────────────────────────────────────────────

OPERATIONS: dict[str, n.Operation] = {
    "a and b and c": operation(Operator.AND, a, b, c),
    "a or b or c": operation(Operator.OR, a, b, c),
    "a and (b or c)": operation(Operator.AND, a, operation(Operator.OR, b, c)),
    "not a": operation(Operator.NOT, a),
    "not a == b": operation(Operator.NOT, operation(Operator.EQUAL, a, b)),
    "a == b": operation(Operator.EQUAL, a, b),
    "a != b": operation(Operator.UNEQUAL, a, b),
    "a < b": operation(Operator.LESS, a, b),
    "a <= b": operation(Operator.LESS_EQUAL, a, b),
    "a > b": operation(Operator.GREATER, a, b),
    "a >= b": operation(Operator.GREATER_EQUAL, a, b),
    "a in b": operation(Operator.IN, a, b),
    "a not in b": operation(Operator.NOT_IN, a, b),
    "a intersects b": operation(Operator.INTERSECTS, a, b),
    "a subset of b": operation(Operator.SUBSET, a, b),
    "a within last b": operation(Operator.WITHIN, a, b),
    'a like "x*"': operation(Operator.LIKE, a, literal("x*")),
    'a matches "x+"': operation(Operator.MATCHES, a, literal("x+")),
    "a is empty": operation(Operator.EMPTY, a),
    "a is not empty": operation(Operator.NOT_EMPTY, a),
    "a until b": operation(Operator.UNTIL, a, b),
    "from a": operation(Operator.FROM, a),
    "a + b - c": operation(Operator.SUBTRACT, operation(Operator.ADD, a, b), c),
    "a + b * c": operation(Operator.ADD, a, operation(Operator.MULTIPLY, b, c)),
    "-a": operation(Operator.NEGATE, a),
    "-a * b": operation(Operator.MULTIPLY, operation(Operator.NEGATE, a), b),
    "a at b": operation(Operator.AT, a, b),
    "a + b until c": operation(Operator.UNTIL, operation(Operator.ADD, a, b), c),
    "a in b until c": operation(Operator.IN, a, operation(Operator.UNTIL, b, c)),
}
OTHERS: dict[str, n.Expression] = {
    "a.b": n.Access(a, "b", span=AT),
    "a.b[c]": n.Index(n.Access(a, "b", span=AT), c, span=AT),
    "f(a, b,)": n.Call("f", (a, b), span=AT),
    "f()": n.Call("f", (), span=AT),
    "{ a, b, }": n.SetLiteral((a, b), span=AT),
    "[a]": n.ListLiteral((a,), span=AT),
    "[]": n.ListLiteral((), span=AT),
    "R { when: a, b: c, }": n.RecordLiteral("R", (n.RecordEntry("when", a, span=AT), n.RecordEntry("b", c, span=AT)), span=AT),
    'T::"x\\n"': n.EntityLiteral("T", "x\n", span=AT),
    "a has b": n.Has(a, "b", None, None, span=AT),
    "a has b >= c": n.Has(a, "b", Operator.GREATER_EQUAL, c, span=AT),
    "a has b in c": n.Has(a, "b", Operator.IN, c, span=AT),
    "a has b not in c": n.Has(a, "b", Operator.NOT_IN, c, span=AT),
    "a has has": n.Has(a, "has", None, None, span=AT),
    "a has in in b": n.Has(a, "in", Operator.IN, b, span=AT),
    "a is T": n.IsType(a, "T", span=AT),
    "latest a by by": n.Latest(a, "by", span=AT),
    "chain a.b by has": n.Chain(n.Access(a, "b", span=AT), "has", span=AT),
    "age of a.b": n.Age(n.Access(a, "b", span=AT), span=AT),
    "some b in a: b == c": n.Quantifier(n.QuantifierKind.SOME, "b", a, operation(Operator.EQUAL, b, c), span=AT),
    "every b in a: b and c": n.Quantifier(n.QuantifierKind.EVERY, "b", a, operation(Operator.AND, b, c), span=AT),
    "a and some b in c: b": operation(Operator.AND, a, n.Quantifier(n.QuantifierKind.SOME, "b", c, b, span=AT)),
    "not not some b in c: b": operation(Operator.NOT, operation(Operator.NOT, n.Quantifier(n.QuantifierKind.SOME, "b", c, b, span=AT))),
    "if a then b else c": n.Conditional((n.Arm(a, b, span=AT),), c, span=AT),
    "if a then b else if b then c else a": n.Conditional((n.Arm(a, b, span=AT), n.Arm(b, c, span=AT)), a, span=AT),
    "if a then b else (if b then c else a)": n.Conditional((n.Arm(a, b, span=AT), n.Arm(b, c, span=AT)), a, span=AT),
    "context.action": n.Access(name("context"), "action", span=AT),
    "action": name("action"),
    "subject.resource": n.Access(name("subject"), "resource", span=AT),
}


@pytest.mark.parametrize("text", [*OPERATIONS, *OTHERS])
def test_an_expression_is_read_as_this_tree(text: str) -> None:
    assert expression(text) == (OPERATIONS.get(text) or OTHERS[text])


def test_every_operator_is_read() -> None:
    assert {node.operator for node in OPERATIONS.values()} == set(Operator)


# ── literals ───────────────────────────────────────────────────────────────────────────────────────────────

UTC = dt.timezone.utc
LITERALS = {
    "true": True,
    "false": False,
    "0": 0,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775807": -(2**63) + 1,
    "-9223372036854775808": -(2**63),
    "--5": 5,
    "0.5": Decimal("0.5"),
    "-0.5": Decimal("-0.5"),
    "0001234567890123456789012345678.901234": Decimal("1234567890123456789012345678.901234"),
    "-1234567890123456789012345678.901234": Decimal("-1234567890123456789012345678.901234"),
    '"a\\"\\\\\\n\\t\\u{1f600}\\u{41}"': 'a"\\\n\t😀A',
    "2026-02-28": dt.date(2026, 2, 28),
    "2026-06-12T21:21:00Z": dt.datetime(2026, 6, 12, 21, 21, tzinfo=UTC),
    "2026-06-12T21:21:00.000001-04:00": dt.datetime(2026, 6, 13, 1, 21, 0, 1, tzinfo=UTC),
    "2026-06-12T21:21+00:00": dt.datetime(2026, 6, 12, 21, 21, tzinfo=UTC),
    "08:30": dt.time(8, 30),
    "23:59:59": dt.time(23, 59, 59),
    "1 second": dt.timedelta(seconds=1),
    "2 minutes": dt.timedelta(minutes=2),
    "72 hours": dt.timedelta(hours=72),
    "365 days": dt.timedelta(days=365),
    "1 week": dt.timedelta(weeks=1),
    "-1 day": dt.timedelta(days=-1),
    "-999999999 days": dt.timedelta(days=-999_999_999),
}


@pytest.mark.parametrize("text", LITERALS)
def test_a_literal_has_this_value(text: str) -> None:
    assert expression(text) == literal(LITERALS[text])


def test_a_literal_is_of_its_kind_and_not_of_an_equal_value() -> None:
    assert expression("1") != literal(True)
    assert expression("1") != literal(Decimal(1))


def test_what_stands_for_a_bad_instant_can_be_compared_with_other_instants() -> None:
    file, found = parse_with_errors(source("package p\nconst A = 2026-02-30T00:00:00Z until 2026-03-01T00:00:00Z\n"))
    (declared,) = file.declarations
    assert [d.code for d in found] == ["bad-literal"] and isinstance(declared, n.ConstDeclaration)
    assert isinstance(declared.value, n.Operation)
    bad, good = (operand.value for operand in declared.value.operands if isinstance(operand, n.Literal))
    assert bad < good  # type: ignore[operator]  # both are datetimes


def test_minus_before_brackets_or_space_is_an_operation() -> None:
    five = operation(Operator.NEGATE, literal(5))
    assert expression("-(5)") == expression("- 5") == five
    assert expression("a -5") == operation(Operator.SUBTRACT, a, literal(5))


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("9223372036854775808", "number-out-of-range", "the number does not fit into 64 bits"),
        ("- 9223372036854775808", "number-out-of-range", "the number does not fit into 64 bits"),
        ("-9223372036854775809", "number-out-of-range", "the number does not fit into 64 bits"),
        ("1" * 5000, "number-out-of-range", "the number does not fit into 64 bits"),
        ("12345678901234567890123456789012345.0", "number-out-of-range", "a Decimal has at most 34 digits"),
        ("0." + "1" * 35, "number-out-of-range", "a Decimal has at most 34 digits"),
        ("2026-02-29", "bad-literal", "there is no such date"),
        ("0000-01-01", "bad-literal", "there is no such date"),
        ("25:00", "bad-literal", "there is no such time of day"),
        ("2026-13-01T00:00:00Z", "bad-literal", "there is no such instant"),
        ("0001-01-01T00:00:00+14:00", "bad-literal", "there is no such instant"),
        ("2026-01-01T00:00:00", "bad-literal", "an instant needs a zone"),
        ("2026-01-01T00:00:00.1234567Z", "bad-literal", "instants are exact to a microsecond"),
        ("86399999999999 seconds", "bad-literal", "there is no such duration"),
        ("1000000000 days", "bad-literal", "there is no such duration"),
        ("9" * 5000 + " weeks", "bad-literal", "there is no such duration"),
        (r'"\x"', "bad-escape", r"unknown escape `\x`"),
        (r'"\u{zz}"', "bad-escape", r"unknown escape `\u`"),
        (r'"\u{110000}"', "bad-escape", "no such character"),
        (r'"\u{d800}"', "bad-escape", "no such character"),
    ],
    ids=lambda v: v[:40],
)
def test_a_literal_without_a_value_is_refused(text: str, code: str, message: str) -> None:
    assert [(d.code, d.message) for d in complaints(f"package p\nconst A = {text}\n")] == [(code, message)]


# ── types, declarations, policies, tests ───────────────────────────────────────────────────────────────────

T = n.NamedType("T", span=AT)
TYPES: dict[str, n.TypeExpression] = {
    "T": T,
    "T?": n.OptionalType(T, span=AT),
    "(T?)?": n.OptionalType(n.OptionalType(T, span=AT), span=AT),
    "Set<List<T>?>": n.AppliedType("Set", n.OptionalType(n.AppliedType("List", T, span=AT), span=AT), span=AT),
    "key of groups": n.KeyType("groups", span=AT),
    '"a"': n.UnionType(("a",), False, False, span=AT),
    'open "a" | "b"': n.UnionType(("a", "b"), True, False, span=AT),
    '"a" < "b" < "c"': n.UnionType(("a", "b", "c"), False, True, span=AT),
    '("a" | "b")?': n.OptionalType(n.UnionType(("a", "b"), False, False, span=AT), span=AT),
    '"a" | "b"?': n.OptionalType(n.UnionType(("a", "b"), False, False, span=AT), span=AT),
}


@pytest.mark.parametrize("text", TYPES)
def test_a_type_is_read_as_this_tree(text: str) -> None:
    assert declaration(f"type X = {text}") == n.TypeDeclaration(word("X"), TYPES[text], span=AT)


def field(text: str, clock: bool = False, sensitive: bool = False, absent: bool = False) -> n.FieldDeclaration:
    return n.FieldDeclaration(word(text), T, clock, sensitive, absent, span=AT)


def parameter(text: str) -> n.Parameter:
    return n.Parameter(word(text), T, span=AT)


DECLARATIONS = {
    "record R { a: T, b: T clock: T, }": n.RecordDeclaration(word("R"), (field("a"), field("b"), field("clock")), span=AT),
    "record R { sensitive when: T = absent sensitive: T }": n.RecordDeclaration(
        word("R"), (field("when", sensitive=True, absent=True), field("sensitive")), span=AT
    ),
    "entity E key id {}": n.EntityDeclaration(word("E"), (), word("id"), (), span=AT),
    "entity E in F, G key type { type: T }": n.EntityDeclaration(word("E"), (word("F"), word("G")), word("type"), (field("type"),),
     span=AT),
    "context { clock at: T }": n.ContextDeclaration((field("at", clock=True),), span=AT),
    "action r, w: U | V -> D | E": n.ActionDeclaration((word("r"), word("w")), (word("U"), word("V")), (word("D"), word("E")), span=AT),
    'obligation a.in(x: T, y: T,) as "a.5", b()': n.DutyDeclaration(
        DutyKind.OBLIGATION,
        (n.DutySignature("a.in", (parameter("x"), parameter("y")), "a.5", span=AT), n.DutySignature("b", (), None, span=AT)), span=AT,
    ),
    "advice b()": n.DutyDeclaration(DutyKind.ADVICE, (n.DutySignature("b", (), None, span=AT),), span=AT),
    "const X = a": n.ConstDeclaration(word("X"), None, a, span=AT),
    "const X: T = a": n.ConstDeclaration(word("X"), T, a, span=AT),
    'data d: T = table "f.csv" key by': n.DataDeclaration(word("d"), T, "table", n.Text("f.csv", span=AT), word("by"), span=AT),
    'data d: T = json "f.json"': n.DataDeclaration(word("d"), T, "json", n.Text("f.json", span=AT), None, span=AT),
    "define f = a": n.Definition(word("f"), (), None, a, span=AT),
    "define f(x: T, y: T): T = a": n.Definition(word("f"), (parameter("x"), parameter("y")), T, a, span=AT),
}  # fmt: skip


@pytest.mark.parametrize("text", DECLARATIONS)
def test_a_declaration_is_read_as_this_tree(text: str) -> None:
    assert declaration(text) == DECLARATIONS[text]


def test_the_header_names_the_package_and_its_imports() -> None:
    file = parse(source("package a.test.b import c import d.policy\n"))
    assert (file.package.value, [i.name for i in file.imports]) == ("a.test.b", ["c", "d.policy"])


def test_a_policy_has_all_its_parts() -> None:
    policy = declaration(
        'policy q "t": deny-overrides { target a effective from b cite "x", c oblige d(a) on permit unless b advise e.if() if c'
        " policy r: first-applicable {} deny s otherwise }"
    )
    assert isinstance(policy, n.Policy)
    assert (policy.name, policy.title, policy.algorithm) == (word("q"), n.Text("t", span=AT), "deny-overrides")
    assert (policy.target, policy.effective) == (a, operation(Operator.FROM, b))
    assert policy.citations == (literal("x"), c)
    assert policy.duties == (
        n.Duty(DutyKind.OBLIGATION, (n.DutyCall("d", (a,), span=AT),), "permit", b, True, span=AT),
        n.Duty(DutyKind.ADVICE, (n.DutyCall("e.if", (), span=AT),), None, c, False, span=AT),
    )
    assert [type(child) for child in policy.children] == [n.Policy, n.Rule]


def rule(text: str) -> n.Rule:
    policy = declaration(f"policy q: deny-overrides {{ {text} }}")
    assert isinstance(policy, n.Policy) and isinstance(policy.children[0], n.Rule)
    return policy.children[0]


def test_a_rule_has_all_its_parts() -> None:
    found = rule(
        'deny x "t" for some l in a.b when a unless b even if unknown code k because "r" cite "1", "2"'
        " oblige f(), g() on deny if a advise h()"
    )
    condition = n.Condition(False, n.Witness("l", n.Access(a, "b", span=AT), span=AT), a, b, True, span=AT)
    calls = tuple(n.DutyCall(d, (), span=AT) for d in "fgh")
    assert found == n.Rule(
        "deny", word("x"), n.Text("t", span=AT), condition, word("k"), n.Text("r", span=AT), (literal("1"), literal("2")),
        (
            n.Duty(DutyKind.OBLIGATION, calls[:2], "deny", a, False, span=AT), n.Duty(DutyKind.ADVICE, calls[2:], None, None, False,
             span=AT),
        ), span=AT,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("permit x", None),
        ("permit x otherwise", n.Condition(True, None, None, None, False, span=AT)),
        ("permit x when a", n.Condition(False, None, a, None, False, span=AT)),
        ("permit x unless a", n.Condition(False, None, None, a, False, span=AT)),
        ("permit x for some a in b", n.Condition(False, n.Witness("a", b, span=AT), None, None, False, span=AT)),
        ("deny x even if unknown", n.Condition(False, None, None, None, True, span=AT)),
    ],
)
def test_a_condition_is_read_as_this_tree(text: str, condition: n.Condition | None) -> None:
    assert rule(text).condition == condition


def test_a_test_block_has_all_its_parts() -> None:
    steps = tuple(n.PathStep(s, span=AT) for s in ("context", "in", 0, "if"))
    call = n.DutyCall("f", (a,), span=AT)
    text = 'test "t" { given "g" from "f" set context.in[0].if = a remove b expect permit r oblige f(a) advise f(a), f(a) }'
    assert declaration(text) == n.Test(
        n.Text("t", span=AT), n.Text("g", span=AT), n.Text("f", span=AT),
        (n.Edit(steps, a, span=AT), n.Edit((n.PathStep("b", span=AT),), None, span=AT)),
        n.Expectation("permit", word("r"), ((DutyKind.OBLIGATION, call), (DutyKind.ADVICE, call), (DutyKind.ADVICE, call)), span=AT),
         span=AT,
    )  # fmt: skip
    nothing = declaration('test "t" { given "g" expect no permit }')
    assert isinstance(nothing, n.Test) and nothing.expectation == n.Expectation(None, None, (), span=AT)


def test_several_declarations_may_share_a_line_and_nested_ones_may_begin_it() -> None:
    text = "package p type A = B type C = D define f = a.by type E = F\npolicy q: deny-overrides {\npolicy r: deny-overrides {\n}\n}"
    file = parse(source(text))
    assert [type(d) for d in file.declarations] == [n.TypeDeclaration] * 2 + [n.Definition, n.TypeDeclaration, n.Policy]


def test_attribute_names_that_begin_declarations_do_not() -> None:
    text = "package p\ndefine f = a.\ntype\ndefine g = a has\npolicy\ndefine h = latest a by\ntest\nentity E key\ndata {\ntype: T\n}\n"
    assert [type(d) for d in parse(source(text)).declarations] == [n.Definition] * 3 + [n.EntityDeclaration]


def test_places_of_nodes_take_in_their_brackets() -> None:
    found = expression("(a or b) and not (c)")
    assert found.span.text == "(a or b) and not (c)"
    assert [child.span.text for child in child_nodes(found)] == ["(a or b)", "not (c)"]
