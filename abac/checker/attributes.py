"""Floor 3, checker: reading attributes, rows and elements, and asking about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abac.checker.guards import Present
from abac.checker.place import Place
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.operators import Operator
from abac.model.schema import Field
from abac.model.source import Span
from abac.model.types import BOOL, DURATION, INT, NOTHING, EntityOf, ListOf, Optional, RecordOf, TableOf, Type, base

if TYPE_CHECKING:
    from abac.checker.expressions import ExpressionChecker


def access(checker: ExpressionChecker, e: n.Access, place: Place) -> c.Expression:
    """`target.name`"""
    target = checker.check(e.target, place)
    found = checker.attribute(target, e.name, lambda: _last_word(e.span, e.name), place)
    if found is None or found.plain is ERROR:
        return checker.error(e.span)
    if isinstance(found.type, Optional):
        checker.require(Present(target, e.name), e.span, place)
    return c.Attribute(target, e.name, found.sensitive, type=found.plain, span=e.span)


def has(checker: ExpressionChecker, e: n.Has, place: Place) -> c.Expression:
    """`target has name`, alone or with a test of what is there."""
    target = checker.check(e.target, place)
    span = _last_word(Span(e.span.source, e.target.span.end, e.span.end), e.name, first=True)
    found = checker.attribute(target, e.name, lambda: span, place)
    if found is None or found.plain is ERROR:
        if e.right is not None:
            checker.operand(e.right, place)
        return checker.error(e.span)
    if not found.optional and e.operator is None:
        help = f"declare it `{e.name}: {found.type}?` if it may be absent"
        checker.reporter.warning("useless-guard", f"`{e.name}` is never absent", span, help=help)
    presence = c.HasAttribute(target, e.name, type=BOOL, span=e.span)
    if e.operator is None or e.right is None:
        return presence
    inner = place.knowing(frozenset((Present(target, e.name),)))
    value = c.Attribute(target, e.name, found.sensitive, type=found.plain, span=Span(e.span.source, e.span.start, span.end))
    ask = checker.operand if e.operator in (Operator.IN, Operator.NOT_IN) else checker.check
    test = checker.apply(e.operator, (value, ask(e.right, inner)), e.span)
    return test if test.type is ERROR else c.Operation(Operator.AND, (presence, test), type=BOOL, span=e.span)


def is_type(checker: ExpressionChecker, e: n.IsType, place: Place) -> c.Expression:
    """`target is Name`"""
    target = checker.check(e.target, place)
    if target.type is ERROR:
        return target
    if not isinstance(target.type, EntityOf):
        checker.reporter.error("type-mismatch", f"`is` asks for the type of an entity, found {target.type}", target.span)
    elif e.name not in target.type.names:
        possible = target.type.names
        help = checker.reporter.suggestion(e.name, possible) or f"it is {' or '.join(f'`{p}`' for p in possible)}"
        checker.reporter.error("never-this-type", f"`{target.span.text}` is never `{e.name}`", e.span, help=help)
    else:
        return c.IsType(target, e.name, type=BOOL, span=e.span)
    return checker.error(e.span)


def index(checker: ExpressionChecker, e: n.Index, place: Place) -> c.Expression:
    """`table[key]` or `list[position]`"""
    target, key = checker.operand(e.target, place), checker.check(e.key, place)
    if target.type is ERROR or key.type is ERROR:
        return checker.error(e.span)
    match target.type:
        case TableOf(table=table, key=key_type, row=row):
            fitted = _key(checker, key, table, key_type)
            return fitted if fitted.type is ERROR else c.Row(table, fitted, type=row, span=e.span)
        case ListOf(element=element) if element == NOTHING:
            checker.reporter.error("type-mismatch", f"`{target.span.text}` has no elements", target.span)
        case ListOf(element=element):
            fitted = checker.fit(key, INT)
            if fitted.type is not ERROR:
                return c.Element(target, fitted, type=element, span=e.span)
        case found:
            checker.reporter.error("type-mismatch", f"only tables and lists can be looked up in, found {found}", target.span)
    return checker.error(e.span)


def _key(checker: ExpressionChecker, key: c.Expression, table: str, key_type: Type) -> c.Expression:
    fitted = checker.fit(key, base(key_type))
    if isinstance(fitted, c.Constant) and fitted.type is not ERROR and fitted.value not in checker.package.rows(table):
        shown = fitted.value if isinstance(fitted.value, str) else key.span.text
        checker.no_row(table, f"`{shown}`", key.span, fitted.value)
        return checker.error(key.span)
    return fitted


def latest(checker: ExpressionChecker, e: n.Latest, place: Place) -> c.Expression:
    """`latest list by name`"""
    target = checker.check(e.target, place)
    if target.type is ERROR:
        return target
    if not isinstance(target.type, ListOf):
        checker.reporter.error("type-mismatch", f"`latest` takes a List, found {target.type}", target.span)
        return checker.error(e.span)
    element = checker.elements(target, "latest")
    found = _inside(checker, element, e.by, e.span, place)
    if found is None or found.plain is ERROR:
        return checker.error(e.span)
    if found.optional or checker.typing.order(found.type, found.type) is None:
        message = f"`latest` needs an ordered attribute that is never absent, `{e.by}` is {found.type}"
        checker.reporter.error("type-mismatch", message, _last_word(e.span, e.by))
        return checker.error(e.span)
    return c.Latest(target, e.by, type=target.type, span=e.span)


def chain(checker: ExpressionChecker, e: n.Chain, place: Place) -> c.Expression:
    """`chain entity by name`"""
    target = checker.check(e.target, place)
    if target.type is ERROR:
        return target
    if not isinstance(target.type, EntityOf):
        checker.reporter.error("type-mismatch", f"`chain` follows a reference of an entity, found {target.type}", target.span)
        return checker.error(e.span)
    found = _inside(checker, target.type, e.by, e.span, place)
    if found is None or found.plain is ERROR:
        return checker.error(e.span)
    if not (found.optional and found.plain == target.type):
        message = f"`chain` follows an attribute of type {target.type}?, `{e.by}` is {found.type}"
        checker.reporter.error("type-mismatch", message, _last_word(e.span, e.by))
        return checker.error(e.span)
    return c.Chain(target, e.by, type=ListOf(target.type), span=e.span)


def _inside(checker: ExpressionChecker, element: Type, name: str, span: Span, place: Place) -> Field | None:
    return checker.attribute(c.Variable("", type=element, span=span), name, lambda: _last_word(span, name), place)


def age(checker: ExpressionChecker, e: n.Age, place: Place) -> c.Expression:
    """`age of target.name`; it can be asked of an attribute that may be absent."""
    if not isinstance(e.target, n.Access):
        checker.check(e.target, place)
        checker.reporter.error("no-age", "`age of` takes an attribute of an entity", e.target.span, help="write `age of x.a`")
        return checker.error(e.span)
    target, name = checker.check(e.target.target, place), e.target.name
    found = checker.attribute(target, name, lambda: _last_word(e.span, name), place)
    if found is None or found.plain is ERROR:
        return checker.error(e.span)
    if not isinstance(target.type, EntityOf):
        why = "it comes with the request" if target.type == RecordOf("context") else "that of the attribute that holds the record counts"
        checker.reporter.error("no-age", f"`{e.target.span.text}` has no age: {why}", e.span)
        return checker.error(e.span)
    if any(checker.package.shared.entities[name].key == e.target.name for name in target.type.names):
        checker.reporter.error("no-age", f"`{e.target.span.text}` has no age: it is the key", e.span)
        return checker.error(e.span)
    return c.AgeOf(target, e.target.name, type=DURATION, span=e.span)


def _last_word(span: Span, word: str, first: bool = False) -> Span:
    """Where a word stands in a span: its last occurrence, or its first."""
    at = span.text.find(word) if first else span.text.rfind(word)
    return span if at < 0 else Span(span.source, span.start + at, span.start + at + len(word))
