"""What is printed can be read again, loses no comment, and is printed the same again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from abac.language import nodes as n
from abac.language.expression_printer import level
from abac.language.operators import LEVELS, Level, Operator
from abac.language.parser import child_nodes, parse, parse_expression
from abac.language.printer import render
from abac.model.source import Source
from tests.strategies import expressions, files, odd_texts

POLICIES = sorted((Path(__file__).parents[2] / "policies").rglob("*.abac"))
WIDTHS = st.sampled_from([110, 40, 20, 8])
quickly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=150)


def read(text: str) -> n.File:
    return parse(Source("printed", text))


def formatted(text: str, width: int = 110) -> str:
    return render(read(text), width)


def assert_formats(text: str, width: int) -> None:
    tree = read(text)
    printed = render(tree, width)
    again = read(printed)
    assert again == tree
    assert [c.text for c in again.comments] == [c.text for c in tree.comments]
    assert render(again, width) == printed
    assert not any(line != line.rstrip() for line in printed.split("\n"))
    assert "\n\n\n" not in printed


# ── laws ───────────────────────────────────────────────────────────────────────────────────────────────────


@quickly
@given(files(), WIDTHS)
def test_printing_then_parsing_returns_the_same_tree(file: n.File, width: int) -> None:
    assert read(render(file, width)) == file


@quickly
@given(expressions)
def test_an_expression_printed_on_one_line_is_read_back_as_itself(expression: n.Expression) -> None:
    printed = render(expression)
    assert "\n" not in printed
    assert parse_expression(Source("printed", printed)) == expression


@quickly
@given(odd_texts(), WIDTHS)
def test_formatting_keeps_the_meaning_and_every_comment_in_order_and_is_done_after_once(text: str, width: int) -> None:
    assert_formats(text, width)


@pytest.mark.parametrize("path", POLICIES, ids=lambda p: f"{p.parent.name}/{p.name}")
@pytest.mark.parametrize("width", [110, 60, 20])
def test_a_policy_that_we_ship_means_the_same_after_formatting(path: Path, width: int) -> None:
    assert_formats(path.read_text(encoding="utf-8"), width)


def test_there_are_shipped_policies_to_format() -> None:
    assert POLICIES


def _everything_in(node: n.Node) -> Iterator[n.Node]:
    yield node
    for child in child_nodes(node):
        yield from _everything_in(child)


NODE_KINDS = {k for k in vars(n).values() if isinstance(k, type) and issubclass(k, n.Node)} - {n.Node, n.File, n.Comment}


def test_the_laws_are_tried_on_every_kind_of_node_and_every_operator() -> None:
    kinds: set[type[n.Node]] = set()
    operators: set[Operator] = set()

    for attempt in range(8):

        @seed(attempt)
        @settings(max_examples=400, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
        @given(files(most=2) | expressions | expressions)
        def look(tree: n.Node) -> None:
            for node in _everything_in(tree):
                kinds.add(type(node))
                if isinstance(node, n.Operation):
                    operators.add(node.operator)

        look()
        if kinds >= NODE_KINDS and operators == set(Operator):
            break
    assert kinds >= NODE_KINDS
    assert operators == set(Operator)


def test_every_operator_has_a_level() -> None:
    assert set(LEVELS) == set(Operator)


# ── parentheses ────────────────────────────────────────────────────────────────────────────────────────────

AS_WRITTEN = [
    "a and b and c", "(a or b) and c", "a and (b or c)", "a and (b and c)", "not (a and b)", "not not a", "not a == b", "(not a) == b",
    "(a == b) == c", "a + b + c", "a + (b + c)", "(a + b) * c", "a * b * c", "a * (b * c)", "a - (b - c)", "a + b until c + d",
    "a until b == c until d", "(a until b) until c", "from a + b", "(from a) until b", "x in from a", "a and (some x in xs: x or b)",
    "a and some x in xs: x", "a or (not some x in xs: x and b)",
    "(some x in xs: x) and a", "not some x in xs: x", "(not some x in xs: x) and a", "a or not every x in xs: x", "some x in (a in b): x",
    "some x in xs: some y in ys: x == y", "if a then b else c", "(if a then b else c) == d", "[if a then b else c]", "-a", "--a",
     "-(a + b)",
    "-(5)", "-(-5)", "-5", "(-5).x", "-5.x", "(-5) at z", "a - -5", "a within last (-1 day)", "a within last 1 day", "a.b[c].d",
    "(a at b).c", "a at b.c", "(latest xs by y)[0]", "latest xs.ys by by", "chain (chain a by b) by has", "age of (age of a)",
    "a has b", "a has b == c + d", "a has in not in c", "(a has b) == c", "a is B", "a is not empty", "not a is empty", "a intersects b",
    "a subset of b", 'a like "*"', 'a matches "x"', "{}", "{ {} }", "[]", "[[]]", "R {}", "R { in: a }", "f()", 'T::"x"', "a.if.then",
    "some x in [08:30]: x", "some x in a + 08:30: x", "context.action", "action in action",
]  # fmt: skip


@pytest.mark.parametrize("text", AS_WRITTEN)
def test_parentheses_stay_where_they_are_needed(text: str) -> None:
    assert render(parse_expression(Source("written", text))) == text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("((a))", "a"), ("(a and b)", "a and b"), ("a and (b == c)", "a and b == c"), ("a == (b + c)", "a == b + c"),
        ("(a + b) + c", "a + b + c"), ("a and (some x in xs: x)", "a and some x in xs: x"), ("not (not a)", "not not a"),
        ("(a.b).c", "a.b.c"), ("f((a))", "f(a)"), ("- 5", "-(5)"), ("--5", "5"), ("{ a, }", "{ a }"), ("x in(a)", "x in a"),
        ("if a then b else (if c then d else e)", "if a then b else if c then d else e"),
        ("if a then if b then c else d else e", "if a then (if b then c else d) else e"),
    ],
)  # fmt: skip
def test_parentheses_go_where_they_are_not_needed(text: str, printed: str) -> None:
    assert render(parse_expression(Source("written", text))) == printed


def test_a_quantifier_below_not_makes_the_whole_open() -> None:
    assert level(parse_expression(Source("written", "not some x in xs: x"))) is Level.OPEN


# ── literals ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("0.50", "0.50"), ("0.0000000001", "0.0000000001"), ("1234567890123456789012345678901.234", "1234567890123456789012345678901.234"),
        ("-1234567890123456789012345678901.234", "-1234567890123456789012345678901.234"), ("-0.0", "0.0"), ("007", "7"),
        ("9223372036854775807", "9223372036854775807"), ("72 hours", "3 days"), ("90 minutes", "90 minutes"), ("0 weeks", "0 seconds"),
        ("1 days", "1 day"), ("-1 hour", "-1 hour"), ("61 seconds", "61 seconds"), ("14  days", "2 weeks"), ("08:30:00", "08:30"),
        ("08:30:01", "08:30:01"), ("2026-06-30T23:30:00+02:00", "2026-06-30T21:30:00Z"), ("2026-06-30T23:30Z", "2026-06-30T23:30:00Z"),
        ("2026-06-30T23:30:00.25Z", "2026-06-30T23:30:00.250000Z"), ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"), ("true", "true"),
        (r'"\u{41}\n\t\"\\"', r'"A\n\t\"\\"'), (r'"\u{202e}\u{0}\u{200b}\u{e0041}"', r'"\u{202e}\u{0}\u{200b}\u{e0041}"'),
        (r'"e\u{301}"', r'"e\u{301}"'), (r'"\n\u{301}"', r'"\n\u{301}"'), ('"é ſ 日本"', '"é ſ 日本"'), ("'a'"[1:2], "a"),
    ],
)  # fmt: skip
def test_a_literal_has_one_spelling(text: str, printed: str) -> None:
    assert render(parse_expression(Source("written", text))) == printed


def test_a_decimal_keeps_its_digits() -> None:
    literal = parse_expression(Source("printed", render(parse_expression(Source("written", "1.00")))))
    assert isinstance(literal, n.Literal) and isinstance(literal.value, Decimal) and literal.value.as_tuple().exponent == -2


def test_a_file_keeps_the_unit_of_its_durations() -> None:
    assert "= 72 hours\n" in formatted("package p\nconst A = 72   hour")


# ── pictures ───────────────────────────────────────────────────────────────────────────────────────────────

PICTURES = {
    "rule": (
        """
        package p import q.in policy top "Title": first-applicable { effective from 2026-01-01 cite "1" oblige log(a) on permit
        permit licensed "By licence" for some l in context.licenses when valid(l) and in_scope(l) unless gone even if unknown code lic
        because "Licence {l.id}." cite "15 CFR 750.7", "x" oblige take(l.id), tell() on permit if a advise ask() unless b
        deny other otherwise }
        """,
        """
package p

import q.in

policy top "Title": first-applicable {
  effective from 2026-01-01
  cite      "1"
  oblige    log(a) on permit

  permit licensed "By licence"
    for     some l in context.licenses
    when    valid(l) and in_scope(l)
    unless  gone
    even if unknown
    code    lic
    because "Licence {l.id}."
    cite    "15 CFR 750.7", "x"
    oblige  take(l.id), tell() on permit if a
    advise  ask() unless b

  deny other otherwise
}
""",
    ),
    "columns": (
        """
        package p record R { a: Int, sensitive name: String?
          kind: open "a"|"b" = absent } record S { x: Int, y: ("a"<"b")? } entity E in F, G key id {} context { clock at: Instant
        break_glass: Bool }
        """,
        """
package p

record R {
  a:              Int
  sensitive name: String?
  kind:           open "a" | "b" = absent
}

record S { x: Int, y: ("a" < "b")? }
entity E in F, G key id {}

context {
  clock at:    Instant
  break_glass: Bool
}
""",
    ),
    "long": (
        """
        package p
        define long(o: Organisation) = o.first_attribute == "some long text"
          and (o.second == "another text" or o.third has x in {1, 2}) and final
        define ladder(p: Party): Standing = if p.type != "person" then "none" else if p has us_status then "us" else "foreign"
        const ORDERS = [Order { id: "A", items: { "first item", "second item", "third item" }, effective: from 2026-01-01,
          text: "long" }, x]
        const WORDS = { "first word", "second word", "third word", "fourth word", "fifth word", "sixth word", "seventh word", "eighth" }
        type T = "first alternative" | "second alternative" | "third alternative" | "fourth alternative" | "fifth alternative"
        """,
        """
package p

define long(o: Organisation) =
  o.first_attribute == "some long text"
  and (o.second == "another text" or o.third has x in { 1, 2 })
  and final
define ladder(p: Party): Standing =
  if p.type != "person" then "none"
  else if p has us_status then "us"
  else "foreign"
const ORDERS = [
  Order {
    id: "A",
    items: { "first item", "second item", "third item" },
    effective: from 2026-01-01,
    text: "long"
  },
  x
]
const WORDS = {
  "first word", "second word", "third word", "fourth word", "fifth word", "sixth word", "seventh word",
  "eighth"
}
type T = "first alternative" | "second alternative" | "third alternative" | "fourth alternative"
         | "fifth alternative"
""",
    ),
    "comments": (
        """
# The head.

package p
# about a


const A = 1 # one
const LONGER = 2 # two
# about f
define f = # why f
  g and # first
  # second
  h # third
const XS = [ # some
  1, # one
  # none

  2 ]

policy q: deny-overrides { # open
  # nothing
}
# The end.
        """,
        """
# The head.

package p
# about a

const A = 1       # one
const LONGER = 2  # two
# about f
define f =  # why f
  g  # first
  # second
  and h  # third
const XS = [  # some
  1,  # one
  # none
  2
]

policy q: deny-overrides {  # open
  # nothing
}
# The end.
""",
    ),
    "test": (
        """
        package p test "t" { given "S1" from "f.jsonl" set context.licenses[0].at = now + 1 second remove subject.in expect deny r
        oblige a(1) oblige b() advise c("x") } test "u" { given "S" expect no permit }
        """,
        """
package p

test "t" {
  given "S1" from "f.jsonl"
  set context.licenses[0].at = now + 1 second
  remove subject.in
  expect deny r oblige a(1), b() advise c("x")
}

test "u" {
  given "S"
  expect no permit
}
""",
    ),
    "declarations": (
        """
        package p.q type A = key of groups type B=List<Set<C>>? action read,write:U|V->D obligation a.in(x:Int,y:B) as "r.5y" , b()
        data g: G = table "g.csv" key by data j: J = json "j.json" const X : Int=-5 define f()=1 define g(a:A,b:B):C=a
        """,
        """
package p.q

type A = key of groups
type B = List<Set<C>>?
action read, write: U | V -> D
obligation a.in(x: Int, y: B) as "r.5y", b()
data g: G = table "g.csv" key by
data j: J = json "j.json"
const X: Int = -5
define f = 1
define g(a: A, b: B): C = a
""",
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_file_looks_as_in_the_picture(name: str) -> None:
    text, picture = PICTURES[name]
    assert formatted(text) == picture.removeprefix("\n")


def test_single_declarations_rules_duties_and_types_are_printed_without_a_line_end() -> None:
    file = read('package p type T = ("a" | "b")? policy q: deny-overrides { permit r when a and b oblige d(1) if c }')
    alias, policy = file.declarations
    assert isinstance(alias, n.TypeDeclaration) and isinstance(policy, n.Policy) and isinstance(policy.children[0], n.Rule)
    rule = policy.children[0]
    assert render(alias.type) == '("a" | "b")?'
    assert render(alias) == 'type T = ("a" | "b")?'
    assert render(rule.duties[0]) == "oblige d(1) if c"
    assert render(rule) == "permit r\n  when    a and b\n  oblige  d(1) if c"
    assert render(policy).splitlines() == ["policy q: deny-overrides {", *(f"  {line}" for line in render(rule).splitlines()), "}"]


def test_formatting_takes_work_in_proportion_to_the_text() -> None:
    assert work_of_formatting(400) < 4.2 * work_of_formatting(100)


def work_of_formatting(rules: int) -> int:
    """How many functions are called; unlike time, the same in every run."""
    rule = '  deny r{} # why\n    when a.b == {} and (some x in xs: x.y has z in {{ "a", "b" }})\n    because "no"\n'.format
    file = read("package p\npolicy q: deny-overrides {\n" + "".join(rule(i, i) for i in range(rules)) + "}\n")
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        printed = render(file)
    finally:
        sys.setprofile(before)
    assert printed.count("# why") == rules
    return calls
