"""Floor 2, language: builds nodes as rules of the grammar are complete. One method per rule; a test compares the two.

A method gets all tokens and nodes of its rule in source order, and the span of the whole. A token is its number, an `int`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from abac.language import nodes as n
from abac.language.lexer import Lexed
from abac.language.literals import LITERALS, BadLiteral
from abac.language.operators import Operator
from abac.model.diagnostics import Diagnostic
from abac.model.limits import INT_MIN, MAX_ARMS
from abac.model.schema import DutyKind
from abac.model.source import Span

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(.?))", re.DOTALL)
_SIMPLE_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_DUTY_KINDS = {"OBLIGE": DutyKind.OBLIGATION, "ADVISE": DutyKind.ADVICE}
_OPERATORS = {operator.value: operator for operator in Operator}
Parts = list[Any]


@dataclass(frozen=True, slots=True)
class Header(n.Node):
    package: n.Word
    imports: tuple[n.Import, ...]


@dataclass(frozen=True, slots=True)
class _Part(n.Node):
    """A piece that the enclosing method puts in its place."""

    name: str
    value: Any


def _operation(operator: Operator) -> Callable[[Builder, Parts, Span], n.Operation]:
    def build(self: Builder, parts: Parts, span: Span) -> n.Operation:
        return n.Operation(operator, tuple([p for p in parts if type(p) is not int]), span=span)

    return build


def _clause(self: Builder, parts: Parts, span: Span) -> _Part:
    """A clause with one node, called as its first word."""
    return _Part(self.text_of(parts[0]), parts[1], span=span)


class Builder:
    """Builds the nodes of one source; what it complains about goes to `diagnostics`."""

    def __init__(self, lexed: Lexed) -> None:
        self.source, self.kinds, self.starts, self.ends = lexed.source, lexed.kinds, lexed.starts, lexed.ends
        self.diagnostics: list[Diagnostic] = []
        self._texts: dict[str, str] = {}

    # ── helpers ────────────────────────────────────────────────────────────────────────────────────────────

    def text_of(self, token: int) -> str:
        """What a token looks like; one string for all that look alike."""
        text = self.source.text[self.starts[token] : self.ends[token]]
        return self._texts.setdefault(text, text)

    def place_of(self, token: int) -> Span:
        return Span(self.source, self.starts[token], self.ends[token])

    def nodes(self, parts: Parts) -> list[Any]:
        return [p for p in parts if type(p) is not int]

    def of(self, kind: type, parts: Parts) -> tuple[Any, ...]:
        return tuple([p for p in parts if type(p) is kind])

    def parts(self, parts: Parts) -> dict[str, Any]:
        return {p.name: p.value for p in parts if type(p) is _Part}

    def has(self, parts: Parts, kind: str) -> bool:
        """Whether one of the tokens is of this kind."""
        return any(type(p) is int and self.kinds[p] == kind for p in parts)

    def complain(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.diagnostics.append(Diagnostic(code, message, span, help=help))

    # ── words ──────────────────────────────────────────────────────────────────────────────────────────────

    def name(self, parts: Parts, span: Span) -> n.Word:
        return n.Word(self.text_of(parts[0]), span=span)

    def _word(self, token: int) -> n.Word:
        return n.Word(self.text_of(token), span=self.place_of(token))

    def dotted(self, parts: Parts, span: Span) -> n.Word:
        return n.Word("".join(map(self.text_of, parts)), span=span)

    def text(self, parts: Parts, span: Span) -> n.Text:
        return n.Text(self._string(parts[0]), span=span)

    def names(self, parts: Parts, span: Span) -> _Part:
        return _Part("names", self.of(n.Word, parts), span=span)

    alternatives = names

    def _string(self, token: int) -> str:
        begin, end = self.starts[token] + 1, self.ends[token] - 1
        text = self.source.text[begin:end]
        if "\\" not in text:
            return self._texts.setdefault(text, text)

        def unescape(found: re.Match[str]) -> str:
            code, letter = found.groups()
            place = Span(self.source, begin + found.start(), begin + found.end())
            if code is not None:
                number = int(code, 16)
                if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
                    return chr(number)
                self.complain("bad-escape", "no such character", place)
            elif letter in _SIMPLE_ESCAPES:
                return _SIMPLE_ESCAPES[letter]
            else:
                self.complain("bad-escape", f"unknown escape `{found.group()}`", place, 'use \\", \\\\, \\n, \\t or \\u{…}')
            return ""

        return _ESCAPE.sub(unescape, text)

    # ── declarations ───────────────────────────────────────────────────────────────────────────────────────

    def header(self, parts: Parts, span: Span) -> Header:
        return Header(self.of(n.Word, parts)[0], self.of(n.Import, parts), span=span)

    def import_clause(self, parts: Parts, span: Span) -> n.Import:
        return n.Import(self.of(n.Word, parts)[0].value, span=span)

    def type_declaration(self, parts: Parts, span: Span) -> n.TypeDeclaration:
        return n.TypeDeclaration(*self.nodes(parts), span=span)

    def record_declaration(self, parts: Parts, span: Span) -> n.RecordDeclaration:
        return n.RecordDeclaration(self.of(n.Word, parts)[0], self.of(n.FieldDeclaration, parts), span=span)

    def entity_declaration(self, parts: Parts, span: Span) -> n.EntityDeclaration:
        parents = self.parts(parts).get("parents", ())
        key = self._word(
            next(p for p, before in zip(parts[1:], parts, strict=False) if type(before) is int and self.kinds[before] == "KEY")
        )
        return n.EntityDeclaration(parts[1], parents, key, self.of(n.FieldDeclaration, parts), span=span)

    def entity_parents(self, parts: Parts, span: Span) -> _Part:
        return _Part("parents", self.of(n.Word, parts), span=span)

    def context_declaration(self, parts: Parts, span: Span) -> n.ContextDeclaration:
        return n.ContextDeclaration(self.of(n.FieldDeclaration, parts), span=span)

    def field(self, parts: Parts, span: Span) -> n.FieldDeclaration:
        colon = next(i for i, p in enumerate(parts) if type(p) is int and self.kinds[p] == "COLON")
        name, type_ = self._word(parts[colon - 1]), parts[colon + 1]
        marks = [self.kinds[p] for p in parts[: colon - 1]]
        behind, given = self.of(_Part, parts), self.parts(parts)
        end = (behind[-1] if behind else type_).span.end  # a comma behind it is no part of it
        said = "CLOCK" in marks, "SENSITIVE" in marks, "absent" in given, given.get("max_age")
        return n.FieldDeclaration(name, type_, *said, span=Span(self.source, span.start, end))

    def absent(self, parts: Parts, span: Span) -> _Part:
        return _Part("absent", True, span=span)

    def max_age(self, parts: Parts, span: Span) -> _Part:
        return _Part("max_age", self._value(next(p for p in parts if self.kinds[p] == "DURATION")), span=span)

    def action_declaration(self, parts: Parts, span: Span) -> n.ActionDeclaration:
        names, subjects, resources = (p.value for p in self.of(_Part, parts))
        return n.ActionDeclaration(names, subjects, resources, span=span)

    def duty_declaration(self, parts: Parts, span: Span) -> n.DutyDeclaration:
        return n.DutyDeclaration(DutyKind(self.text_of(parts[0])), self.of(n.DutySignature, parts), span=span)

    def duty_signature(self, parts: Parts, span: Span) -> n.DutySignature:
        found = self.parts(parts)
        return n.DutySignature(self.of(n.Word, parts)[0].value, found["parameters"], found.get("id"), span=span)

    def duty_id(self, parts: Parts, span: Span) -> _Part:
        return _Part("id", self.of(n.Text, parts)[0].value, span=span)

    def parameters(self, parts: Parts, span: Span) -> _Part:
        return _Part("parameters", self.of(n.Parameter, parts), span=span)

    def parameter(self, parts: Parts, span: Span) -> n.Parameter:
        return n.Parameter(*self.nodes(parts), span=span)

    def type_annotation(self, parts: Parts, span: Span) -> _Part:
        return _Part("type", self.nodes(parts)[0], span=span)

    def const_declaration(self, parts: Parts, span: Span) -> n.ConstDeclaration:
        name, *_, value = self.nodes(parts)
        return n.ConstDeclaration(name, self.parts(parts).get("type"), value, span=span)

    def data_declaration(self, parts: Parts, span: Span) -> n.DataDeclaration:
        name, type_, file = [p for p in self.nodes(parts) if type(p) is not _Part]
        format = "table" if self.has(parts, "TABLE") else "json"
        return n.DataDeclaration(name, type_, format, file, self.parts(parts).get("key"), span=span)

    def data_key(self, parts: Parts, span: Span) -> _Part:
        return _Part("key", self._word(parts[1]), span=span)

    def definition(self, parts: Parts, span: Span) -> n.Definition:
        name, *_, body = self.nodes(parts)
        found = self.parts(parts)
        return n.Definition(name, found.get("parameters", ()), found.get("type"), body, span=span)

    # ── types ──────────────────────────────────────────────────────────────────────────────────────────────

    def named_type(self, parts: Parts, span: Span) -> n.NamedType:
        return n.NamedType(self.text_of(parts[0]), span=span)

    def optional_type(self, parts: Parts, span: Span) -> n.OptionalType:
        return n.OptionalType(parts[0], span=span)

    def applied_type(self, parts: Parts, span: Span) -> n.AppliedType:
        return n.AppliedType(self.text_of(parts[0]), parts[2], span=span)

    def key_type(self, parts: Parts, span: Span) -> n.KeyType:
        return n.KeyType(self.text_of(parts[-1]), span=span)

    def grouped_type(self, parts: Parts, span: Span) -> n.TypeExpression:
        return replace(parts[1], span=span)  # type: ignore[no-any-return]

    def union_type(self, parts: Parts, span: Span) -> n.UnionType:
        return n.UnionType(self._words(parts), self.has(parts, "OPEN"), False, span=span)

    def ordered_type(self, parts: Parts, span: Span) -> n.UnionType:
        return n.UnionType(self._words(parts), False, True, span=span)

    def _words(self, parts: Parts) -> tuple[str, ...]:
        return tuple(self._string(p) for p in parts if self.kinds[p] == "STRING")

    # ── policies and rules ─────────────────────────────────────────────────────────────────────────────────

    def policy(self, parts: Parts, span: Span) -> n.Policy:
        found = self.parts(parts)
        algorithm = next(self.text_of(p) for p in parts if type(p) is int and self.kinds[p] == "ALGORITHM")
        return n.Policy(
            parts[1], next(iter(self.of(n.Text, parts)), None), algorithm, found.get("target"), found.get("effective"),
            found.get("citations", ()), self.of(n.Duty, parts), tuple([p for p in parts if type(p) is n.Rule or type(p) is n.Policy]),
            span=span,
        )  # fmt: skip

    def rule(self, parts: Parts, span: Span) -> n.Rule:
        title = condition = None
        found: dict[str, Any] = {}
        duties = []
        for part in parts[2:]:
            kind = type(part)
            if kind is n.Condition:
                condition = part
            elif kind is _Part:
                found[part.name] = part.value
            elif kind is n.Duty:
                duties.append(part)
            else:
                title = part
        return n.Rule(
            self.text_of(parts[0]), parts[1], title, condition, found.get("code"), found.get("because"), found.get("citations", ()),
            tuple(duties), span=span,
        )  # fmt: skip

    def condition(self, parts: Parts, span: Span) -> n.Condition:
        if type(parts[0]) is int:
            return n.Condition(True, None, None, None, False, span=span)
        found = self.parts(parts)
        return n.Condition(False, found.get("witness"), found.get("when"), found.get("unless"), "even" in found, span=span)

    def witness(self, parts: Parts, span: Span) -> _Part:
        name, collection = self.nodes(parts)
        return _Part("witness", n.Witness(name.value, collection, span=span), span=span)

    def even_if_unknown(self, parts: Parts, span: Span) -> _Part:
        return _Part("even", True, span=span)

    def citations(self, parts: Parts, span: Span) -> _Part:
        return _Part("citations", tuple(self.nodes(parts)), span=span)

    target = effective = when = unless = code = because = _clause

    def duty(self, parts: Parts, span: Span) -> n.Duty:
        found = self.parts(parts)
        kind = _DUTY_KINDS[self.kinds[parts[0]]]
        guard, negated = found.get("guard", (None, False))
        return n.Duty(kind, self.of(n.DutyCall, parts), found.get("on"), guard, negated, span=span)

    def duty_effect(self, parts: Parts, span: Span) -> _Part:
        return _Part("on", self.text_of(parts[1]), span=span)

    def duty_guard(self, parts: Parts, span: Span) -> _Part:
        return _Part("guard", (parts[1], self.kinds[parts[0]] == "UNLESS"), span=span)

    def duty_call(self, parts: Parts, span: Span) -> n.DutyCall:
        return n.DutyCall(parts[0].value, parts[1].value, span=span)

    def arguments(self, parts: Parts, span: Span) -> _Part:
        return _Part("arguments", tuple(self.nodes(parts)), span=span)

    # ── tests ──────────────────────────────────────────────────────────────────────────────────────────────

    def test(self, parts: Parts, span: Span) -> n.Test:
        given, file = self.parts(parts)["given"]
        return n.Test(self.of(n.Text, parts)[0], given, file, self.of(n.Edit, parts), self.of(n.Expectation, parts)[0], span=span)

    def given(self, parts: Parts, span: Span) -> _Part:
        return _Part("given", (self.of(n.Text, parts)[0], self.parts(parts).get("from")), span=span)

    def given_file(self, parts: Parts, span: Span) -> _Part:
        return _Part("from", self.of(n.Text, parts)[0], span=span)

    def set_edit(self, parts: Parts, span: Span) -> n.Edit:
        path, value = self.nodes(parts)
        return n.Edit(path.value, value, span=span)

    def remove_edit(self, parts: Parts, span: Span) -> n.Edit:
        return n.Edit(self.nodes(parts)[0].value, None, span=span)

    def path(self, parts: Parts, span: Span) -> _Part:
        root = n.PathStep(self.text_of(parts[0]), span=self.place_of(parts[0]))
        return _Part("path", (root, *parts[1:]), span=span)

    def step(self, parts: Parts, span: Span) -> n.PathStep:
        return n.PathStep(self.text_of(parts[1]), span=span)

    def index(self, parts: Parts, span: Span) -> n.PathStep:
        return n.PathStep(self._value(parts[1]), span=span)

    def expectation(self, parts: Parts, span: Span) -> n.Expectation:
        duties = tuple(d for p in self.of(_Part, parts) for d in p.value)
        return n.Expectation(self.text_of(parts[1]), self.of(n.Word, parts)[0], duties, span=span)

    def no_permit(self, parts: Parts, span: Span) -> n.Expectation:
        return n.Expectation(None, None, (), span=span)

    def expected_duty(self, parts: Parts, span: Span) -> _Part:
        kind = _DUTY_KINDS[self.kinds[parts[0]]]
        return _Part("duties", tuple((kind, call) for call in self.of(n.DutyCall, parts)), span=span)

    # ── expressions ────────────────────────────────────────────────────────────────────────────────────────

    conjunction = _operation(Operator.AND)
    disjunction = _operation(Operator.OR)
    negation = _operation(Operator.NOT)
    membership = _operation(Operator.IN)
    non_membership = _operation(Operator.NOT_IN)
    is_empty = _operation(Operator.EMPTY)
    is_not_empty = _operation(Operator.NOT_EMPTY)
    intersects = _operation(Operator.INTERSECTS)
    subset = _operation(Operator.SUBSET)
    within = _operation(Operator.WITHIN)
    until = _operation(Operator.UNTIL)
    since = _operation(Operator.FROM)
    add = _operation(Operator.ADD)
    subtract = _operation(Operator.SUBTRACT)
    multiply = _operation(Operator.MULTIPLY)
    at_zone = _operation(Operator.AT)

    def comparison(self, parts: Parts, span: Span) -> n.Operation:
        left, comparator, right = parts
        return n.Operation(_OPERATORS[self.text_of(comparator)], (left, right), span=span)

    def negate(self, parts: Parts, span: Span) -> n.Expression:
        operand = parts[1]
        at = self.ends[parts[0]]
        folds = isinstance(operand, n.Literal) and operand.span.start == at and self.source.text[at] != "("
        if folds and operand.kind in (int, dt.timedelta):
            if operand.value == -INT_MIN:  # the smallest Int has no positive twin: what was said of it, just now, does not hold
                self.diagnostics.pop()
            return n.Literal(operand.kind, -operand.value, span=span)
        if folds and operand.kind is Decimal:  # unary minus would round to the digits of the default context
            return n.Literal(Decimal, operand.value.copy_negate() if operand.value else operand.value, span=span)
        return n.Operation(Operator.NEGATE, (operand,), span=span)

    def _pattern(self, parts: Parts, span: Span) -> n.Operation:
        target, pattern = self.nodes(parts)
        literal = n.Literal(str, pattern.value, span=pattern.span)
        return n.Operation(_OPERATORS[self.text_of(parts[1])], (target, literal), span=span)

    like = matches = _pattern

    def is_type(self, parts: Parts, span: Span) -> n.IsType:
        return n.IsType(parts[0], self.text_of(parts[2]), span=span)

    def has_presence(self, parts: Parts, span: Span) -> n.Has:
        return n.Has(parts[0], self.text_of(parts[2]), None, None, span=span)

    def has_comparison(self, parts: Parts, span: Span) -> n.Has:
        return n.Has(parts[0], self.text_of(parts[2]), _OPERATORS[self.text_of(parts[3])], parts[-1], span=span)

    def has_membership(self, parts: Parts, span: Span) -> n.Has:
        return n.Has(parts[0], self.text_of(parts[2]), Operator.IN, parts[-1], span=span)

    def has_non_membership(self, parts: Parts, span: Span) -> n.Has:
        return n.Has(parts[0], self.text_of(parts[2]), Operator.NOT_IN, parts[-1], span=span)

    def latest(self, parts: Parts, span: Span) -> n.Latest:
        return n.Latest(parts[1], self.text_of(parts[3]), span=span)

    def chain(self, parts: Parts, span: Span) -> n.Chain:
        return n.Chain(parts[1], self.text_of(parts[3]), span=span)

    def age(self, parts: Parts, span: Span) -> n.Age:
        return n.Age(parts[2], span=span)

    def quantifier(self, parts: Parts, span: Span) -> n.Quantifier:
        name, collection, body = self.nodes(parts)
        return n.Quantifier(n.QuantifierKind(self.text_of(parts[0])), name.value, collection, body, span=span)

    def conditional(self, parts: Parts, span: Span) -> n.Conditional:
        condition, value, otherwise = self.nodes(parts)
        arm = n.Arm(condition, value, span=condition.span.to(value.span))
        if isinstance(otherwise, n.Conditional):
            if len(otherwise.arms) > MAX_ARMS:
                return otherwise  # complained of already
            if len(otherwise.arms) == MAX_ARMS:
                self.complain("nesting", f"an `if` has more than {MAX_ARMS} arms", otherwise.span, "a table reads better, and is faster")
            return n.Conditional((arm, *otherwise.arms), otherwise.otherwise, span=span)
        return n.Conditional((arm,), otherwise, span=span)

    def access(self, parts: Parts, span: Span) -> n.Access:
        return n.Access(parts[0], self.text_of(parts[2]), span=span)

    def subscript(self, parts: Parts, span: Span) -> n.Index:
        return n.Index(parts[0], parts[2], span=span)

    def grouped(self, parts: Parts, span: Span) -> n.Expression:
        return replace(parts[1], span=span)  # type: ignore[no-any-return]

    def variable(self, parts: Parts, span: Span) -> n.Name:
        return n.Name(self.text_of(parts[0]), span=span)

    def call(self, parts: Parts, span: Span) -> n.Call:
        return n.Call(self.text_of(parts[0]), parts[1].value, span=span)

    def entity_literal(self, parts: Parts, span: Span) -> n.EntityLiteral:
        return n.EntityLiteral(self.text_of(parts[0]), self._string(parts[-1]), span=span)

    def record_literal(self, parts: Parts, span: Span) -> n.RecordLiteral:
        return n.RecordLiteral(self.text_of(parts[0]), self.of(n.RecordEntry, parts), span=span)

    def record_entry(self, parts: Parts, span: Span) -> n.RecordEntry:
        return n.RecordEntry(self.text_of(parts[0]), parts[2], span=span)

    def set_literal(self, parts: Parts, span: Span) -> n.SetLiteral:
        return n.SetLiteral(tuple(self.nodes(parts)), span=span)

    def list_literal(self, parts: Parts, span: Span) -> n.ListLiteral:
        return n.ListLiteral(tuple(self.nodes(parts)), span=span)

    # ── literals ───────────────────────────────────────────────────────────────────────────────────────────

    def literal(self, parts: Parts, span: Span) -> n.Literal:
        token = parts[0]
        if self.kinds[token] == "STRING":
            return n.Literal(str, self._string(token), span=span)
        return n.Literal(LITERALS[self.kinds[token]][0], self._value(token), span=span)

    def _value(self, token: int) -> Any:
        try:
            return LITERALS[self.kinds[token]][1](self.text_of(token))
        except BadLiteral as bad:
            self.complain(bad.code, bad.message, self.place_of(token), bad.help)
            return bad.instead
