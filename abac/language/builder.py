"""Floor 2, language: builds nodes while the parser reduces. One method per rule of the grammar; a test compares the two."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from lark import Token, Transformer

from abac.language import nodes as n
from abac.language.operators import Operator
from abac.model.diagnostics import Diagnostic
from abac.model.limits import DECIMAL_DIGITS, INT_MAX, INT_MIN, MAX_ARMS
from abac.model.schema import DutyKind
from abac.model.source import Source, Span

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_LONGEST = 999_999_999 * 86_400  # seconds; what Python can hold with either sign
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(.?))", re.DOTALL)
_SIMPLE_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
Parts = list[Any]  # lark hands over tokens and whatever the methods below returned


@dataclass(frozen=True, slots=True)
class Header(n.Node):
    package: n.Word
    imports: tuple[n.Import, ...]


@dataclass(frozen=True, slots=True)
class _Part(n.Node):
    """A piece that the enclosing method puts in its place."""

    name: str
    value: Any


def _operation(operator: Operator) -> Callable[[Builder, Parts], n.Operation]:
    def build(self: Builder, parts: Parts) -> n.Operation:
        return n.Operation(operator, tuple(self.nodes(parts)), span=self.span(parts))

    return build


class Builder(Transformer[Token, Any]):
    """Methods are called by rule name with every token and node of the rule, in source order."""

    source: Source
    diagnostics: list[Diagnostic]

    def begin(self, source: Source, diagnostics: list[Diagnostic]) -> None:
        self.source, self.diagnostics = source, diagnostics

    # ── helpers ────────────────────────────────────────────────────────────────────────────────────────────

    def span(self, parts: Sequence[Any]) -> Span:
        first, last = parts[0], parts[-1]
        start = first.start_pos if isinstance(first, Token) else first.span.start
        end = last.end_pos if isinstance(last, Token) else last.span.end
        return Span(self.source, start or 0, end or 0)

    def nodes(self, parts: Parts) -> list[Any]:
        return [p for p in parts if not isinstance(p, Token)]

    def of(self, kind: type, parts: Parts) -> tuple[Any, ...]:
        return tuple(p for p in parts if isinstance(p, kind))

    def parts(self, parts: Parts) -> dict[str, Any]:
        return {p.name: p.value for p in parts if isinstance(p, _Part)}

    def part(self, name: str, value: Any, parts: Parts) -> _Part:
        return _Part(name, value, span=self.span(parts))

    def has(self, parts: Parts, *types: str) -> bool:
        return any(isinstance(p, Token) and p.type in types for p in parts)

    def complain(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.diagnostics.append(Diagnostic(code, message, span, help=help))

    # ── words ──────────────────────────────────────────────────────────────────────────────────────────────

    def name(self, parts: Parts) -> n.Word:
        return n.Word(str(parts[0]), span=self.span(parts))

    word = root = name

    def dotted(self, parts: Parts) -> n.Word:
        return n.Word("".join(p.value if isinstance(p, n.Word) else str(p) for p in parts), span=self.span(parts))

    def text(self, parts: Parts) -> n.Text:
        return n.Text(self._string(parts[0]), span=self.span(parts))

    def names(self, parts: Parts) -> _Part:
        return self.part("names", self.of(n.Word, parts), parts)

    alternatives = names

    def _string(self, token: Token) -> str:
        def unescape(found: re.Match[str]) -> str:
            code, letter = found.groups()
            start = (token.start_pos or 0) + 1 + found.start()
            place = Span(self.source, start, start + len(found.group()))
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

        return _ESCAPE.sub(unescape, token[1:-1])

    # ── declarations ───────────────────────────────────────────────────────────────────────────────────────

    def header(self, parts: Parts) -> Header:
        return Header(self.of(n.Word, parts)[0], self.of(n.Import, parts), span=self.span(parts))

    def import_clause(self, parts: Parts) -> n.Import:
        return n.Import(self.of(n.Word, parts)[0].value, span=self.span(parts))

    def type_declaration(self, parts: Parts) -> n.TypeDeclaration:
        return n.TypeDeclaration(*self.nodes(parts), span=self.span(parts))

    def record_declaration(self, parts: Parts) -> n.RecordDeclaration:
        return n.RecordDeclaration(self.of(n.Word, parts)[0], self.of(n.FieldDeclaration, parts), span=self.span(parts))

    def entity_declaration(self, parts: Parts) -> n.EntityDeclaration:
        name, key = self.of(n.Word, parts)
        parents = self.parts(parts).get("parents", ())
        return n.EntityDeclaration(name, parents, key, self.of(n.FieldDeclaration, parts), span=self.span(parts))

    def entity_parents(self, parts: Parts) -> _Part:
        return self.part("parents", self.of(n.Word, parts), parts)

    def context_declaration(self, parts: Parts) -> n.ContextDeclaration:
        return n.ContextDeclaration(self.of(n.FieldDeclaration, parts), span=self.span(parts))

    def field(self, parts: Parts) -> n.FieldDeclaration:
        kept = [p for p in parts if not (isinstance(p, Token) and p.type == "COMMA")]
        name, type_ = [p for p in self.nodes(kept) if not isinstance(p, _Part)]
        given = self.parts(kept)
        marks = self.has(kept, "CLOCK"), self.has(kept, "SENSITIVE"), "absent" in given
        return n.FieldDeclaration(name, type_, *marks, given.get("max_age"), span=self.span(kept))

    def absent(self, parts: Parts) -> _Part:
        return self.part("absent", True, parts)

    def max_age(self, parts: Parts) -> _Part:
        return self.part("max_age", self._duration(next(p for p in parts if p.type == "DURATION")), parts)

    def action_declaration(self, parts: Parts) -> n.ActionDeclaration:
        names, subjects, resources = (p.value for p in self.of(_Part, parts))
        return n.ActionDeclaration(names, subjects, resources, span=self.span(parts))

    def duty_declaration(self, parts: Parts) -> n.DutyDeclaration:
        return n.DutyDeclaration(DutyKind(str(parts[0])), self.of(n.DutySignature, parts), span=self.span(parts))

    def duty_signature(self, parts: Parts) -> n.DutySignature:
        found = self.parts(parts)
        return n.DutySignature(self.of(n.Word, parts)[0].value, found["parameters"], found.get("id"), span=self.span(parts))

    def duty_id(self, parts: Parts) -> _Part:
        return self.part("id", self.of(n.Text, parts)[0].value, parts)

    def parameters(self, parts: Parts) -> _Part:
        return self.part("parameters", self.of(n.Parameter, parts), parts)

    def parameter(self, parts: Parts) -> n.Parameter:
        return n.Parameter(*self.nodes(parts), span=self.span(parts))

    def type_annotation(self, parts: Parts) -> _Part:
        return self.part("type", self.nodes(parts)[0], parts)

    def const_declaration(self, parts: Parts) -> n.ConstDeclaration:
        name, *_, value = self.nodes(parts)
        return n.ConstDeclaration(name, self.parts(parts).get("type"), value, span=self.span(parts))

    def data_declaration(self, parts: Parts) -> n.DataDeclaration:
        name, type_, file = [p for p in self.nodes(parts) if not isinstance(p, _Part)]
        format = "table" if self.has(parts, "TABLE") else "json"
        return n.DataDeclaration(name, type_, format, file, self.parts(parts).get("key"), span=self.span(parts))

    def data_key(self, parts: Parts) -> _Part:
        return self.part("key", self.of(n.Word, parts)[0], parts)

    def definition(self, parts: Parts) -> n.Definition:
        name, *_, body = self.nodes(parts)
        found = self.parts(parts)
        return n.Definition(name, found.get("parameters", ()), found.get("type"), body, span=self.span(parts))

    # ── types ──────────────────────────────────────────────────────────────────────────────────────────────

    def named_type(self, parts: Parts) -> n.NamedType:
        return n.NamedType(str(parts[0]), span=self.span(parts))

    def optional_type(self, parts: Parts) -> n.OptionalType:
        return n.OptionalType(parts[0], span=self.span(parts))

    def applied_type(self, parts: Parts) -> n.AppliedType:
        return n.AppliedType(str(parts[0]), self.nodes(parts)[0], span=self.span(parts))

    def key_type(self, parts: Parts) -> n.KeyType:
        return n.KeyType(str(parts[-1]), span=self.span(parts))

    def grouped_type(self, parts: Parts) -> n.TypeExpression:
        return replace(parts[1], span=self.span(parts))  # type: ignore[no-any-return]

    def union_type(self, parts: Parts) -> n.UnionType:
        return n.UnionType(self._words(parts), self.has(parts, "OPEN"), False, span=self.span(parts))

    def ordered_type(self, parts: Parts) -> n.UnionType:
        return n.UnionType(self._words(parts), False, True, span=self.span(parts))

    def _words(self, parts: Parts) -> tuple[str, ...]:
        return tuple(self._string(p) for p in parts if p.type == "STRING")

    # ── policies and rules ─────────────────────────────────────────────────────────────────────────────────

    def policy(self, parts: Parts) -> n.Policy:
        found = self.parts(parts)
        algorithm = next(str(p) for p in parts if isinstance(p, Token) and p.type == "ALGORITHM")
        return n.Policy(
            self.of(n.Word, parts)[0], next(iter(self.of(n.Text, parts)), None), algorithm, found.get("target"), found.get("effective"),
            found.get("citations", ()), self.of(n.Duty, parts), tuple(p for p in parts if isinstance(p, n.Policy | n.Rule)),
            span=self.span(parts),
        )  # fmt: skip

    def rule(self, parts: Parts) -> n.Rule:
        found = self.parts(parts)
        return n.Rule(
            str(parts[0]), self.of(n.Word, parts)[0], next(iter(self.of(n.Text, parts)), None),
            next(iter(self.of(n.Condition, parts)), None), found.get("code"), found.get("because"), found.get("citations", ()),
            self.of(n.Duty, parts), span=self.span(parts),
        )  # fmt: skip

    def condition(self, parts: Parts) -> n.Condition:
        found = self.parts(parts)
        otherwise, even = self.has(parts, "OTHERWISE"), "even" in found
        return n.Condition(otherwise, found.get("witness"), found.get("when"), found.get("unless"), even, span=self.span(parts))

    def witness(self, parts: Parts) -> _Part:
        name, collection = self.nodes(parts)
        return self.part("witness", n.Witness(name.value, collection, span=self.span(parts)), parts)

    def even_if_unknown(self, parts: Parts) -> _Part:
        return self.part("even", True, parts)

    def citations(self, parts: Parts) -> _Part:
        return self.part("citations", tuple(self.nodes(parts)), parts)

    def _clause(self, parts: Parts) -> _Part:
        return self.part(str(parts[0]), self.nodes(parts)[0], parts)

    target = effective = when = unless = code = because = _clause

    def duty(self, parts: Parts) -> n.Duty:
        found = self.parts(parts)
        kind = DutyKind.OBLIGATION if self.has(parts, "OBLIGE") else DutyKind.ADVICE
        guard, negated = found.get("guard", (None, False))
        return n.Duty(kind, self.of(n.DutyCall, parts), found.get("on"), guard, negated, span=self.span(parts))

    def duty_effect(self, parts: Parts) -> _Part:
        return self.part("on", str(parts[1]), parts)

    def duty_guard(self, parts: Parts) -> _Part:
        return self.part("guard", (parts[1], self.has(parts, "UNLESS")), parts)

    def duty_call(self, parts: Parts) -> n.DutyCall:
        return n.DutyCall(self.of(n.Word, parts)[0].value, self.parts(parts)["arguments"], span=self.span(parts))

    def arguments(self, parts: Parts) -> _Part:
        return self.part("arguments", tuple(self.nodes(parts)), parts)

    # ── tests ──────────────────────────────────────────────────────────────────────────────────────────────

    def test(self, parts: Parts) -> n.Test:
        given, file = self.parts(parts)["given"]
        return n.Test(
            self.of(n.Text, parts)[0], given, file, self.of(n.Edit, parts), self.of(n.Expectation, parts)[0], span=self.span(parts)
        )

    def given(self, parts: Parts) -> _Part:
        return self.part("given", (self.of(n.Text, parts)[0], self.parts(parts).get("from")), parts)

    def given_file(self, parts: Parts) -> _Part:
        return self.part("from", self.of(n.Text, parts)[0], parts)

    def set_edit(self, parts: Parts) -> n.Edit:
        path, value = self.nodes(parts)
        return n.Edit(path.value, value, span=self.span(parts))

    def remove_edit(self, parts: Parts) -> n.Edit:
        return n.Edit(self.nodes(parts)[0].value, None, span=self.span(parts))

    def path(self, parts: Parts) -> _Part:
        steps = tuple(n.PathStep(p.value, span=p.span) for p in parts)
        return self.part("path", steps, parts)

    def step(self, parts: Parts) -> n.Word:
        return n.Word(parts[1].value, span=self.span(parts))

    def index(self, parts: Parts) -> _Part:
        return self.part("index", self._int(parts[1]), parts)

    def expectation(self, parts: Parts) -> n.Expectation:
        duties = tuple(d for p in self.of(_Part, parts) for d in p.value)
        return n.Expectation(str(parts[1]), self.of(n.Word, parts)[0], duties, span=self.span(parts))

    def no_permit(self, parts: Parts) -> n.Expectation:
        return n.Expectation(None, None, (), span=self.span(parts))

    def expected_duty(self, parts: Parts) -> _Part:
        kind = DutyKind.OBLIGATION if self.has(parts, "OBLIGE") else DutyKind.ADVICE
        return self.part("duties", tuple((kind, call) for call in self.of(n.DutyCall, parts)), parts)

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

    def comparator(self, parts: Parts) -> _Part:
        return self.part("comparator", Operator(str(parts[0])), parts)

    def comparison(self, parts: Parts) -> n.Operation:
        left, comparator, right = parts
        return n.Operation(comparator.value, (left, right), span=self.span(parts))

    def negate(self, parts: Parts) -> n.Expression:
        operand = parts[1]
        at = parts[0].end_pos
        folds = isinstance(operand, n.Literal) and operand.span.start == at and self.source.text[at] != "("
        if folds and operand.kind in (int, dt.timedelta):
            if operand.value == -INT_MIN:  # the smallest Int has no positive twin
                self.diagnostics[:] = [d for d in self.diagnostics if d.span != operand.span]
            return n.Literal(operand.kind, -operand.value, span=self.span(parts))
        if folds and operand.kind is Decimal:  # unary minus would round to the digits of the default context
            return n.Literal(Decimal, operand.value.copy_negate() if operand.value else operand.value, span=self.span(parts))
        return n.Operation(Operator.NEGATE, (operand,), span=self.span(parts))

    def _pattern(self, parts: Parts) -> n.Operation:
        target, pattern = self.nodes(parts)
        literal = n.Literal(str, pattern.value, span=pattern.span)
        return n.Operation(Operator(str(parts[1])), (target, literal), span=self.span(parts))

    like = matches = _pattern

    def is_type(self, parts: Parts) -> n.IsType:
        return n.IsType(parts[0], str(parts[2]), span=self.span(parts))

    def _has(self, parts: Parts, operator: Operator | None) -> n.Has:
        right = parts[-1] if operator else None
        return n.Has(parts[0], parts[2].value, operator, right, span=self.span(parts))

    def has_presence(self, parts: Parts) -> n.Has:
        return self._has(parts, None)

    def has_comparison(self, parts: Parts) -> n.Has:
        return self._has(parts, parts[3].value)

    def has_membership(self, parts: Parts) -> n.Has:
        return self._has(parts, Operator.IN)

    def has_non_membership(self, parts: Parts) -> n.Has:
        return self._has(parts, Operator.NOT_IN)

    def latest(self, parts: Parts) -> n.Latest:
        return n.Latest(parts[1], parts[3].value, span=self.span(parts))

    def chain(self, parts: Parts) -> n.Chain:
        return n.Chain(parts[1], parts[3].value, span=self.span(parts))

    def age(self, parts: Parts) -> n.Age:
        return n.Age(parts[2], span=self.span(parts))

    def quantifier(self, parts: Parts) -> n.Quantifier:
        name, collection, body = self.nodes(parts)
        return n.Quantifier(n.QuantifierKind(str(parts[0])), name.value, collection, body, span=self.span(parts))

    def conditional(self, parts: Parts) -> n.Conditional:
        condition, value, otherwise = self.nodes(parts)
        arm = n.Arm(condition, value, span=condition.span.to(value.span))
        if isinstance(otherwise, n.Conditional):
            if len(otherwise.arms) > MAX_ARMS:
                return otherwise  # complained of already
            if len(otherwise.arms) == MAX_ARMS:
                self.complain("nesting", f"an `if` has more than {MAX_ARMS} arms", otherwise.span, "a table reads better, and is faster")
            return n.Conditional((arm, *otherwise.arms), otherwise.otherwise, span=self.span(parts))
        return n.Conditional((arm,), otherwise, span=self.span(parts))

    def access(self, parts: Parts) -> n.Access:
        return n.Access(parts[0], parts[2].value, span=self.span(parts))

    def subscript(self, parts: Parts) -> n.Index:
        target, key = self.nodes(parts)
        return n.Index(target, key, span=self.span(parts))

    def grouped(self, parts: Parts) -> n.Expression:
        return replace(parts[1], span=self.span(parts))  # type: ignore[no-any-return]

    def variable(self, parts: Parts) -> n.Name:
        return n.Name(parts[0].value, span=self.span(parts))

    def call(self, parts: Parts) -> n.Call:
        return n.Call(str(parts[0]), parts[1].value, span=self.span(parts))

    def entity_literal(self, parts: Parts) -> n.EntityLiteral:
        return n.EntityLiteral(str(parts[0]), self._string(parts[-1]), span=self.span(parts))

    def record_literal(self, parts: Parts) -> n.RecordLiteral:
        return n.RecordLiteral(str(parts[0]), self.of(n.RecordEntry, parts), span=self.span(parts))

    def record_entry(self, parts: Parts) -> n.RecordEntry:
        name, value = self.nodes(parts)
        return n.RecordEntry(name.value, value, span=self.span(parts))

    def set_literal(self, parts: Parts) -> n.SetLiteral:
        return n.SetLiteral(tuple(self.nodes(parts)), span=self.span(parts))

    def list_literal(self, parts: Parts) -> n.ListLiteral:
        return n.ListLiteral(tuple(self.nodes(parts)), span=self.span(parts))

    # ── literals ───────────────────────────────────────────────────────────────────────────────────────────

    def literal(self, parts: Parts) -> n.Literal:
        token, span = parts[0], self.span(parts)
        read: dict[str, tuple[type, Callable[[Token], object]]] = {
            "STRING": (str, self._string), "INT": (int, self._int), "DECIMAL": (Decimal, self._decimal), "DATE": (dt.date, self._date),
            "INSTANT": (dt.datetime, self._instant), "TIME": (dt.time, self._time), "DURATION": (dt.timedelta, self._duration),
            "TRUE": (bool, lambda _: True), "FALSE": (bool, lambda _: False),
        }  # fmt: skip
        kind, convert = read[token.type]
        return n.Literal(kind, convert(token), span=span)

    def _int(self, token: Token) -> int:
        if len(token) > 19 or int(token) > INT_MAX:
            self.complain("number-out-of-range", "the number does not fit into 64 bits", self.span([token]))
            return -INT_MIN if token == str(-INT_MIN) else 0
        return int(token)

    def _decimal(self, token: Token) -> Decimal:
        if len(token.replace(".", "").lstrip("0")) > DECIMAL_DIGITS:
            self.complain("number-out-of-range", f"a Decimal has at most {DECIMAL_DIGITS} digits", self.span([token]))
            return Decimal(0)
        return Decimal(str(token))

    def _calendar(self, token: Token, what: str, convert: Callable[[str], Any], fallback: object) -> Any:
        try:
            return convert(str(token))
        except (ValueError, OverflowError):
            self.complain("bad-literal", f"there is no such {what}", self.span([token]))
            return fallback

    def _date(self, token: Token) -> Any:
        return self._calendar(token, "date", dt.date.fromisoformat, dt.date.min)

    def _time(self, token: Token) -> Any:
        return self._calendar(token, "time of day", dt.time.fromisoformat, dt.time.min)

    def _instant(self, token: Token) -> Any:
        if not re.search(r"(Z|[+-]\d\d:\d\d)$", token):
            self.complain("bad-literal", "an instant needs a zone", self.span([token]), "end it with `Z` or an offset such as `-04:00`")
            return dt.datetime.min
        fraction = re.search(r"\.(\d+)", token)
        if fraction and len(fraction[1].rstrip("0")) > 6:
            self.complain("bad-literal", "instants are exact to a microsecond", self.span([token]))
            return dt.datetime.min
        return self._calendar(token, "instant", lambda t: dt.datetime.fromisoformat(t).astimezone(dt.timezone.utc), dt.datetime.min)

    def _duration(self, token: Token) -> Any:
        number, unit = token.split()

        def convert(_: str) -> dt.timedelta:
            seconds = int(number) * _SECONDS[unit.removesuffix("s")] if len(number) <= 14 else _LONGEST + 1
            if seconds > _LONGEST:
                raise OverflowError
            return dt.timedelta(seconds=seconds)

        return self._calendar(token, "duration", convert, dt.timedelta())
