"""What the property tests draw from: trees over the whole surface syntax, and texts with odd white space and comments."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from abac.language import nodes as n
from abac.language.operators import COMPARATORS, Operator
from abac.language.parser import keywords, tokens_of
from abac.language.printer import render
from abac.model.combining import Algorithm
from abac.model.limits import INT_MAX
from abac.model.schema import DutyKind
from abac.model.source import Source, Span

NOWHERE = Span(Source("made up", ""), 0, 0)
UNARY = (Operator.NOT, Operator.NEGATE, Operator.EMPTY, Operator.NOT_EMPTY, Operator.FROM)
JUNCTIONS = (Operator.AND, Operator.OR)
PATTERNS = (Operator.LIKE, Operator.MATCHES)
BINARY = tuple(o for o in Operator if o not in (*UNARY, *JUNCTIONS, *PATTERNS))
Expressions = st.SearchStrategy[n.Expression]


def node(kind: Callable[..., Any], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nodes of one class from its fields in order."""
    return st.builds(kind, *arguments, span=st.just(NOWHERE))


def several(items: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, min_size=least, max_size=most).map(tuple)


# ── words and literals ─────────────────────────────────────────────────────────────────────────────────────

RESERVED = sorted(keywords())
names = st.one_of(
    st.sampled_from(["a", "b", "xs", "person", "subject", "resource", "now", "_x1", "days", "permitted"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(lambda text: text.isascii() and text not in keywords()),
)
any_words = names | st.sampled_from(RESERVED)
variables = names | st.sampled_from(["context", "action"])
dotted_names = st.builds(lambda first, rest: ".".join([first, *rest]), names, st.lists(any_words, max_size=2))
words = node(n.Word, names)
strings = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text('a"\\\n\t\x00\x7f{}#é\u0301\u202e\u200b\u2028\U000e0041ſ', max_size=8),
    st.sampled_from(["", "15 CFR 746", "{resource.model} cannot be reached.", "# no comment", "\\u{41}"]),
)
texts = node(n.Text, strings)
decimals = st.builds(
    lambda negative, whole, fraction: Decimal(f"{'-' * negative}{whole}.{fraction}"),
    st.booleans(), st.integers(0, 10**17 - 1), st.from_regex(r"[0-9]{1,17}", fullmatch=True).filter(str.isascii),
)  # fmt: skip
durations = st.one_of(st.integers(-10_000, 10_000), st.integers(-86_399_999_913_600, 86_399_999_913_600)).map(
    lambda seconds: dt.timedelta(seconds=seconds)
) | st.sampled_from([dt.timedelta(weeks=2), dt.timedelta(days=-1), dt.timedelta(hours=72), dt.timedelta(minutes=1)])
values: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-INT_MAX, INT_MAX),
    Decimal: decimals,
    str: strings,
    dt.datetime: st.datetimes(timezones=st.just(dt.timezone.utc)),
    dt.date: st.dates(),
    dt.time: st.builds(dt.time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)),
    dt.timedelta: durations,
}
literals = st.one_of(*(node(n.Literal, st.just(kind), found) for kind, found in values.items()))


# ── expressions and types ──────────────────────────────────────────────────────────────────────────────────


def _compound(inner: Expressions) -> Expressions:
    text = node(n.Literal, st.just(str), strings)
    return st.one_of(
        node(n.Access, inner, any_words),
        node(n.Index, inner, inner),
        node(n.Call, names, several(inner)),
        node(n.SetLiteral, several(inner)),
        node(n.ListLiteral, several(inner)),
        node(n.RecordLiteral, names, several(node(n.RecordEntry, any_words, inner))),
        node(n.Operation, st.sampled_from(UNARY), st.tuples(inner)),
        *[node(n.Operation, st.sampled_from(BINARY), st.tuples(inner, inner))] * 3,  # thrice: there are many operators
        node(n.Operation, st.sampled_from(JUNCTIONS), several(inner, 2, 4)),
        node(n.Operation, st.sampled_from(PATTERNS), st.tuples(inner, text)),
        node(n.Has, inner, any_words, st.none(), st.none()),
        node(n.Has, inner, any_words, st.sampled_from([*COMPARATORS, Operator.IN, Operator.NOT_IN]), inner),
        node(n.IsType, inner, names),
        node(n.Latest, inner, any_words),
        node(n.Chain, inner, any_words),
        node(n.Age, inner),
        node(n.Quantifier, st.sampled_from(n.QuantifierKind), names, inner, inner),
        node(n.Conditional, several(node(n.Arm, inner, inner), 1), inner).map(_flattened),
    )


def _flattened(ladder: n.Conditional) -> n.Conditional:
    """As the parser makes it: what follows the last `else` is no `if`."""
    if isinstance(ladder.otherwise, n.Conditional):
        return n.Conditional((*ladder.arms, *ladder.otherwise.arms), ladder.otherwise.otherwise, span=NOWHERE)
    return ladder


expressions: Expressions = st.recursive(
    st.one_of(literals, node(n.Name, variables), node(n.EntityLiteral, names, strings)), _compound, max_leaves=10
)
types: st.SearchStrategy[n.TypeExpression] = st.recursive(
    st.one_of(
        node(n.NamedType, names),
        node(n.KeyType, names),
        node(n.UnionType, several(strings, 1, 6), st.booleans(), st.just(False)),
        node(n.UnionType, several(strings, 2, 4), st.just(False), st.just(True)),
    ),
    lambda inner: node(n.AppliedType, names, inner) | node(n.OptionalType, inner),
    max_leaves=4,
)


# ── declarations ───────────────────────────────────────────────────────────────────────────────────────────

effects = st.sampled_from(["permit", "deny"])
duty_kinds = st.sampled_from(DutyKind)
duty_calls = node(n.DutyCall, dotted_names, several(expressions, most=2))
called = several(duty_calls, 1, 2)
duties = st.one_of(
    node(n.Duty, duty_kinds, called, st.none() | effects, expressions, st.booleans()),
    node(n.Duty, duty_kinds, called, st.none() | effects, st.none(), st.just(False)),
)
conditions = st.one_of(
    st.none(),
    node(n.Condition, st.just(True), st.none(), st.none(), st.none(), st.just(False)),
    node(
        n.Condition, st.just(False), st.none() | node(n.Witness, names, expressions), st.none() | expressions, st.none() | expressions,
        st.booleans(),
    ).filter(lambda c: c.witness or c.when or c.unless or c.even_if_unknown),
)  # fmt: skip
rules = node(
    n.Rule, effects, words, st.none() | texts, conditions, st.none() | words, st.none() | texts, several(expressions, most=2),
    several(duties, most=2),
)  # fmt: skip


def _policies(children: st.SearchStrategy[Any]) -> st.SearchStrategy[n.Policy]:
    return node(
        n.Policy, words, st.none() | texts, st.sampled_from([str(a) for a in Algorithm]), st.none() | expressions, st.none() | expressions,
        several(expressions, most=1), several(duties, most=2), several(children),
    )  # fmt: skip


policies = _policies(st.recursive(rules, lambda inner: rules | _policies(inner), max_leaves=4))
ages = st.none() | st.integers(0, 10**7).map(lambda seconds: dt.timedelta(seconds=seconds))
fields = several(node(n.FieldDeclaration, node(n.Word, any_words), types, st.booleans(), st.booleans(), st.booleans(), ages))
parameters = several(node(n.Parameter, words, types))
steps = st.builds(
    lambda first, rest: tuple(n.PathStep(s, span=NOWHERE) for s in [first, *rest]),
    variables, st.lists(any_words | st.integers(0, INT_MAX), max_size=3),
)  # fmt: skip
expectations = st.one_of(
    st.just(n.Expectation(None, None, (), span=NOWHERE)),
    node(n.Expectation, effects, words, several(st.tuples(duty_kinds, duty_calls))),
)
declarations: st.SearchStrategy[n.Declaration] = st.one_of(
    node(n.TypeDeclaration, words, types),
    node(n.RecordDeclaration, words, fields),
    node(n.EntityDeclaration, words, several(words, most=2), node(n.Word, any_words), fields),
    node(n.ContextDeclaration, fields),
    node(n.ActionDeclaration, several(words, 1), several(words, 1), several(words, 1)),
    node(n.DutyDeclaration, duty_kinds, several(node(n.DutySignature, dotted_names, parameters, st.none() | strings), 1)),
    node(n.ConstDeclaration, words, st.none() | types, expressions),
    node(n.DataDeclaration, words, types, st.sampled_from(["table", "json"]), texts, st.none() | node(n.Word, any_words)),
    node(n.Definition, words, parameters, st.none() | types, expressions),
    policies,
    node(n.Test, texts, texts, st.none() | texts, several(node(n.Edit, steps, st.none() | expressions)), expectations),
)


@st.composite
def files(draw: st.DrawFn, most: int = 4) -> n.File:
    """Files without comments, made of nothing."""
    package = n.Word(draw(dotted_names), span=NOWHERE)
    imports = draw(several(node(n.Import, dotted_names), most=2))
    return n.File(package, imports, draw(several(declarations, most=most)), (), NOWHERE.source, span=NOWHERE)


# ── texts ──────────────────────────────────────────────────────────────────────────────────────────────────

TOUCHING = ("", "", "", " ", "\n", "  {}\n", "\n{}\n")
APART = (" ", " ", "\n", "\n\n\n", "\t", " \r\n  ", " {}\n", "\n\n  {}\n", "\n{}\n\n{}\n", " {}\n{}\n")


@st.composite
def odd_texts(draw: st.DrawFn, most: int = 2) -> str:
    """Files that parse, with odd white space and comments between any two tokens."""
    return draw(disturbed(render(draw(files(most=most)))))


@st.composite
def damaged_texts(draw: st.DrawFn) -> str:
    """Files with one token too many, too few, or wrong; most do not parse."""
    tokens = [t.text for t in tokens_of(Source("made up", render(draw(files(most=2))))).tokens]
    at = draw(st.integers(0, len(tokens) - 1))
    other = draw(st.sampled_from(["", "type", "policy", "a", "}", "(", '"s"', "5", "permit", ".", "=", "test", "and"]))
    return "\n".join([*tokens[:at], other, *tokens[at + draw(st.integers(0, 1)) :]])


@st.composite
def disturbed(draw: st.DrawFn, text: str) -> str:
    """The same tokens with other white space between them, and comments."""
    tokens = [(t.start, t.end) for t in tokens_of(Source("made up", text)).tokens]
    gaps = draw(st.lists(st.tuples(st.integers(0, len(tokens)), st.sampled_from(TOUCHING), st.sampled_from(APART)), max_size=12))
    chosen = {at: (touching, apart) for at, touching, apart in gaps}
    numbers = itertools.count(1)
    remark = draw(st.sampled_from(["# {}", "# {} is é", '#{} "a { ( #']))
    pieces: list[str] = []
    ends = [0, *(end for _, end in tokens)]
    starts = [*(start for start, _ in tokens), len(text)]
    for at, (end, start) in enumerate(zip(ends, starts, strict=True)):
        gap = text[end:start]
        if at in chosen:
            template = chosen[at][1] if gap else chosen[at][0]
            for _ in range(template.count("{}")):
                template = template.replace("{}", remark.replace("{}", str(next(numbers))), 1)
            gap = template
        pieces.append(gap)
        if at < len(tokens):
            pieces.append(text[slice(*tokens[at])])
    return "".join(pieces)
