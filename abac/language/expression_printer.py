"""Floor 2, language: the documents of expressions and types, with parentheses where the grammar needs them."""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from abac.language import nodes as n
from abac.language.layout import Align, Blank, Break, Doc, Mark, Nest, group
from abac.language.operators import COMPARATORS, LEVELS, Level, Operator
from abac.language.spelling import spell, spell_duration, spell_string

_TRIVIA = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_WORD_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|#[^\n]*')
_DURATION = re.compile(r"-?\d+[ \t]+(second|minute|hour|day|week)s?")
_BRACKETED = (n.SetLiteral, n.ListLiteral, n.RecordLiteral)
_BINARY = frozenset({
    *COMPARATORS, Operator.IN, Operator.NOT_IN, Operator.INTERSECTS, Operator.SUBSET, Operator.WITHIN, Operator.LIKE, Operator.MATCHES,
    Operator.UNTIL, Operator.AT,
})  # fmt: skip
_OPERANDS: dict[Operator, tuple[Level, Level]] = {
    **dict.fromkeys(_BINARY, (Level.RANGE, Level.RANGE)),
    Operator.WITHIN: (Level.RANGE, Level.POSTFIX),
    Operator.UNTIL: (Level.SUM, Level.SUM),
    Operator.AT: (Level.POSTFIX, Level.POSTFIX),
    Operator.ADD: (Level.SUM, Level.PRODUCT),
    Operator.SUBTRACT: (Level.SUM, Level.PRODUCT),
    Operator.MULTIPLY: (Level.PRODUCT, Level.FACTOR),
}
"""How loosely the left and the right operand may bind without parentheses."""


def level(node: n.Expression) -> Level:
    """How tightly an expression binds where it stands."""
    match node:
        case n.Operation(operator=Operator.NOT, operands=(operand,)):
            return Level.OPEN if level(operand) is Level.OPEN else Level.UNARY
        case n.Operation(operator=operator):
            return LEVELS[operator]
        case n.Quantifier() | n.Conditional():
            return Level.OPEN
        case n.Has() | n.IsType():
            return Level.COMPARISON
        case n.Latest() | n.Chain() | n.Age():
            return Level.FACTOR
        case n.Literal():
            return Level.FACTOR if _is_negative(node) else Level.POSTFIX
        case _:
            return Level.POSTFIX


def _is_negative(node: n.Literal) -> bool:
    return isinstance(node.value, int | Decimal | dt.timedelta) and node.kind is not bool and spell(node.value).startswith("-")


class ExpressionPrinter:
    """Knows the source and its comments: a comment between two items keeps them on different lines."""

    def __init__(self, text: str = "", comments: Sequence[n.Comment] = ()) -> None:
        self.text = text
        self.comment_starts = [c.span.start for c in comments]

    # ── where comments and brackets stand ──────────────────────────────────────────────────────────────────

    def has_comment(self, start: int, end: int) -> bool:
        at = bisect_left(self.comment_starts, start)
        return at < len(self.comment_starts) and self.comment_starts[at] < end

    def between(self, left: n.Node, right: n.Node) -> bool:
        return self.has_comment(left.span.end, right.span.start)

    def find(self, bracket: str, at: int, end: int) -> int:
        """Where a bracket stands between two offsets, outside comments; words and dots may precede it."""
        end = min(end, len(self.text))
        while at < end:
            trivia = _TRIVIA.match(self.text, at)
            at = trivia.end() if trivia else at
            if self.text.startswith(bracket, at):
                break
            at += 1
        return min(at, end)

    def bracketed(
        self, opening: str, items: Sequence[Doc], closing: str, place: tuple[int, int], padding: str = "", broken: bool = False
    ) -> Doc:
        """Items separated by commas; `place` is where the brackets begin and end. One a line if they do not fit on one."""
        broken = broken or self.has_comment(*place)
        close: Doc = (Mark(place[1] - 1), closing)
        if not items:
            return (opening, group((Break("", Blank.LAST), close), broken))
        listed: list[Doc] = []
        for i, item in enumerate(items):
            listed += [Break(padding, Blank.FIRST) if i == 0 else Break(" ", Blank.KEEP), item, "," if i < len(items) - 1 else ""]
        return group((opening, Nest(tuple(listed)), Break(padding, Blank.LAST), close), broken)

    def filled(self, opening: str, elements: Sequence[n.Expression], closing: str, place: tuple[int, int], padding: str = "") -> Doc:
        """As `bracketed`, but with as many elements a line as fit."""
        listed: list[Doc] = []
        for i, element in enumerate(elements):
            item: Doc = (self.expression(element), "," if i < len(elements) - 1 else "")
            separator = Break(" ") if i else Break(padding, Blank.FIRST)
            listed.append(group((separator, item), self.between(elements[i - 1], element)) if i else (separator, item))
        close: Doc = (Break(padding, Blank.LAST), Mark(place[1] - 1), closing)
        return group((opening, Nest(tuple(listed)), close), self.has_comment(*place))

    # ── expressions ────────────────────────────────────────────────────────────────────────────────────────

    def expression(self, node: n.Expression) -> Doc:
        return (Mark(node.span.start), self._bare(node), Mark(node.span.end))

    def operand(self, node: n.Expression, loosest: Level, last: bool = False) -> Doc:
        """In parentheses if it binds more loosely than its place allows; `last` admits `some`, `every` and `if`."""
        found = level(node)
        if found.value >= loosest.value or (last and found is Level.OPEN):
            return self.expression(node)
        return (Mark(node.span.start), "(", Align(self._bare(node)), ")", Mark(node.span.end))

    def _bare(self, node: n.Expression) -> Doc:
        match node:
            case n.Literal(value=value):
                return self._own_unit(node, value) if isinstance(value, dt.timedelta) else spell(value)
            case n.Name(name=name):
                return name
            case n.Access(target=target, name=name):
                return (self.operand(target, Level.POSTFIX), ".", name)
            case n.Index(target=target, key=key):
                return (self.operand(target, Level.POSTFIX), "[", self.expression(key), "]")
            case n.Call(name=name, arguments=arguments):
                return (name, self.arguments(arguments, node.span.start + len(name), node.span.end))
            case n.SetLiteral(elements=elements):
                return self._elements("{", elements, "}", node, " ")
            case n.ListLiteral(elements=elements):
                return self._elements("[", elements, "]", node)
            case n.RecordLiteral():
                return self._record(node)
            case n.EntityLiteral(name=name, key=key):
                return (name, "::", spell_string(key))
            case n.Operation():
                return self._operation(node)
            case n.Has(target=target, name=name, operator=operator, right=right):
                present = (self.operand(target, Level.RANGE), " has ", name)
                return present if operator is None or right is None else self._split(present, operator, right, Level.RANGE)
            case n.IsType(target=target, name=name):
                return (self.operand(target, Level.RANGE), " is ", name)
            case n.Latest(target=target, by=by):
                return ("latest ", self.operand(target, Level.POSTFIX), " by ", by)
            case n.Chain(target=target, by=by):
                return ("chain ", self.operand(target, Level.POSTFIX), " by ", by)
            case n.Age(target=target):
                return ("age of ", self.operand(target, Level.POSTFIX))
            case n.Quantifier(kind=kind, variable=variable, collection=collection, body=body):
                head = (str(kind), " ", variable, " in ", self.operand(collection, Level.SUM), ":")
                return group((head, Nest((Break(), self.expression(body)))), self.between(collection, body))
            case n.Conditional():
                return self._conditional(node)
            case unknown:
                assert_never(unknown)

    def _own_unit(self, node: n.Literal, value: dt.timedelta) -> str:
        """A duration in the unit that the author chose, where the source is at hand."""
        written = _DURATION.fullmatch(self.text, node.span.start, node.span.end)
        return spell_duration(value, written[1] if written else "")

    def arguments(self, arguments: Sequence[n.Expression], start: int, end: int) -> Doc:
        """`start` is at or before the opening bracket, `end` after the closing one."""
        return self.bracketed("(", [self.expression(a) for a in arguments], ")", (self.find("(", start, end), end))

    def _elements(self, opening: str, elements: Sequence[n.Expression], closing: str, node: n.Expression, padding: str = "") -> Doc:
        place = node.span.start, node.span.end
        if len(elements) > 1 and all(isinstance(e, n.Literal) for e in elements):
            return self.filled(opening, elements, closing, place, padding)
        return self.bracketed(opening, [self.expression(e) for e in elements], closing, place, padding if elements else "")

    def _record(self, node: n.RecordLiteral) -> Doc:
        """On several lines also where the author begins a new line for the first field."""
        start = self.find("{", node.span.start + len(node.name), node.span.end)
        entries = [(Mark(f.span.start), f.name, ": ", self.expression(f.value), Mark(f.span.end)) for f in node.fields]
        opened = bool(entries) and "\n" in self.text[start : node.fields[0].span.start]
        return (node.name, " ", self.bracketed("{", entries, "}", (start, node.span.end), " " if entries else "", opened))

    def _operation(self, node: n.Operation) -> Doc:
        operator, operands = node.operator, node.operands
        match operator:
            case Operator.AND | Operator.OR:
                return self._junction(operator, operands)
            case Operator.NOT:
                return ("not ", self.operand(operands[0], Level.UNARY, last=True))
            case Operator.NEGATE:
                number = isinstance(operands[0], n.Literal) and operands[0].kind in (int, Decimal, dt.timedelta)
                return ("-(", self.expression(operands[0]), ")") if number else ("-", self.operand(operands[0], Level.FACTOR))
            case Operator.EMPTY | Operator.NOT_EMPTY:
                return (self.operand(operands[0], Level.RANGE), f" {operator}")
            case Operator.FROM:
                return ("from ", self.operand(operands[0], Level.SUM))
            case Operator.ADD | Operator.SUBTRACT | Operator.MULTIPLY:
                return self._arithmetic(node)
            case _:
                left, right = _OPERANDS[operator]
                return self._split(self.operand(operands[0], left), operator, operands[1], right)

    def _split(self, left: Doc, operator: Operator, right: n.Expression, loosest: Level) -> Doc:
        """The operator begins the second line, except before brackets, which break inside."""
        shown = (f"{operator} ", self.operand(right, loosest))
        return (left, " ", shown) if isinstance(right, _BRACKETED) else group((left, Nest((Break(), shown))))

    def _junction(self, operator: Operator, operands: Sequence[n.Expression]) -> Doc:
        parts: list[Doc] = [self.operand(operands[0], Level.UNARY)]
        for i, operand in enumerate(operands[1:], 1):
            last = i == len(operands) - 1 and not _reaches_far(operand)
            parts.append((Break(), f"{operator} ", Align(self.operand(operand, Level.UNARY, last=last))))
        return group(tuple(parts), any(map(self.between, operands, operands[1:])))

    def _arithmetic(self, node: n.Operation) -> Doc:
        """A chain such as `a + b - c` breaks before all its operators or before none."""
        loosest, tightest = _OPERANDS[node.operator]
        chain: list[tuple[Operator, n.Expression]] = []
        first: n.Expression = node
        while isinstance(first, n.Operation) and first.operator in _OPERANDS and LEVELS[first.operator] is loosest:
            chain.append((first.operator, first.operands[1]))
            first = first.operands[0]
        parts: list[Doc] = [self.operand(first, loosest)]
        broken, before = False, first
        for operator, operand in reversed(chain):
            parts.append(Nest((Break(), f"{operator} ", self.operand(operand, tightest))))
            broken, before = broken or self.between(before, operand), operand
        return group(tuple(parts), broken)

    def _conditional(self, node: n.Conditional) -> Doc:
        """One arm a line, unless there is only one."""
        parts: list[Doc] = []
        broken = len(node.arms) > 1
        following = [*(arm.condition for arm in node.arms[1:]), node.otherwise]
        for i, (arm, after) in enumerate(zip(node.arms, following, strict=True)):
            head = (Mark(arm.span.start), "else if " if i else "if ", Align(self._part(arm.condition)))
            value = Nest((Break(), "then ", Align(self._part(arm.value))))
            parts += [group((head, value), self.between(arm.condition, arm.value)), Break()]
            broken = broken or self.between(arm.value, after)
        return group((*parts, "else ", Align(self.expression(node.otherwise))), broken)

    def _part(self, node: n.Expression) -> Doc:
        """An `if` directly inside another stands in parentheses: the grammar could do without, readers cannot."""
        return self.operand(node, Level.JUNCTION if isinstance(node, n.Conditional) else Level.OPEN)

    # ── types ──────────────────────────────────────────────────────────────────────────────────────────────

    def type(self, node: n.TypeExpression) -> Doc:
        return (Mark(node.span.start), self._bare_type(node), Mark(node.span.end))

    def _bare_type(self, node: n.TypeExpression) -> Doc:
        match node:
            case n.NamedType(name=name):
                return name
            case n.AppliedType(name=name, argument=argument):
                return (name, "<", self.type(argument), ">")
            case n.KeyType(table=table):
                return ("key of ", table)
            case n.UnionType():
                return self._union(node)
            case n.OptionalType(inner=inner):
                grouped = isinstance(inner, n.OptionalType) or (isinstance(inner, n.UnionType) and (inner.open or len(inner.words) > 1))
                return ("(", Align(self.type(inner)), ")?") if grouped else (self.type(inner), "?")
            case unknown:
                assert_never(unknown)

    def _union(self, node: n.UnionType) -> Doc:
        places = [m.start() for m in _WORD_OR_COMMENT.finditer(self.text, node.span.start, node.span.end) if m.group().startswith('"')]
        known = len(places) == len(node.words)
        separator = "< " if node.ordered else "| "
        parts: list[Doc] = ["open "] if node.open else []
        for i, word in enumerate(node.words):
            shown: Doc = (Mark(places[i]), spell_string(word)) if known else spell_string(word)
            commented = known and i > 0 and self.has_comment(places[i - 1], places[i])
            parts.append(group((Break(), separator, shown), commented) if i else shown)
        return Align(tuple(parts))


def _reaches_far(node: n.Expression) -> bool:
    """A quantifier over `and` or `or` beside another `and` or `or`: the grammar needs no parentheses there, readers do."""
    match node:
        case n.Operation(operator=Operator.NOT, operands=(operand,)):
            return _reaches_far(operand)
        case n.Quantifier(body=body):
            return _reaches_far(body) or (isinstance(body, n.Operation) and body.operator in (Operator.AND, Operator.OR))
    return False
