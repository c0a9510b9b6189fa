"""Floor 3, checker: what names and calls stand for."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from abac.checker import guards
from abac.checker.constants import fold
from abac.checker.place import Place
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.library.functions import FUNCTIONS, Function
from abac.model.source import Span
from abac.model.types import IP_NETWORK, NOTHING, STRING, EntityOf, Words, base
from abac.model.values import Unknown

if TYPE_CHECKING:
    from abac.checker.expressions import ExpressionChecker


def name(checker: ExpressionChecker, e: n.Name, place: Place) -> c.Expression:
    """A variable, a part of the request, a constant, a table, or a definition without parameters."""
    if e.name in place.variables:
        type_ = place.variables[e.name]
        return checker.error(e.span) if type_ is ERROR else c.Variable(e.name, type=type_, span=e.span)
    if e.name in checker.package.roots:
        return _root(checker, e, place)
    entry = checker.package.scope.entries.get(e.name)
    match entry.node if entry else None:
        case n.ConstDeclaration():
            constant = checker.package.constant(e.name)
            return replace(constant, name=e.name, span=e.span) if constant else checker.error(e.span)
        case n.DataDeclaration():
            return _data(checker, e)
        case n.Definition() as definition if definition.parameters:
            takes = _plural(len(definition.parameters), "argument")
            checker.reporter.error("wrong-arguments", f"`{e.name}` takes {takes}", e.span, help=f"write `{e.name}(…)`")
        case n.Definition():
            return _invoke(checker, e.name, (), e.span, place)
        case None:
            _unknown_name(checker, e, place)
        case _:
            checker.reporter.error("not-a-value", f"`{e.name}` is a type, not a value", e.span)
    return checker.error(e.span)


def _root(checker: ExpressionChecker, e: n.Name, place: Place) -> c.Expression:
    if place.roots == "library":
        message, help = f"`{e.name}` is not known in an imported package", "pass what is needed as a parameter"
        checker.reporter.error("request-in-library", message, e.span, help=help)
        return checker.error(e.span)
    if place.roots == "constant":
        checker.reporter.error(
            "not-constant", f"`{e.name}` differs from request to request", e.span, help="use `define` for what is computed"
        )
        return checker.error(e.span)
    type_ = checker.package.roots[e.name]
    if type_ is None:
        _undeclared(checker, e)
    if type_ in (None, ERROR):
        return checker.error(e.span)
    assert type_ is not None
    return c.Root(e.name, type=type_, span=e.span)  # type: ignore[arg-type]  # the keys of roots are its names


def _undeclared(checker: ExpressionChecker, e: n.Name) -> None:
    """A part of the request that nothing declares: said once."""
    roots: tuple[str, ...] = ("action", "subject", "resource")
    what, help = f"nothing declares what `{e.name}` is", "declare `action NAME: SUBJECT -> RESOURCE`"
    if e.name == "now":
        roots, what, help = ("now",), "no clock is declared", "mark an Instant of the context block `clock`"
    checker.reporter.error("no-such-part", what, e.span, help=help)
    checker.package.roots |= dict.fromkeys(roots, ERROR)


def clock(checker: ExpressionChecker, span: Span, place: Place) -> c.Expression:
    """`now`, where it is not written."""
    return _root(checker, n.Name("now", span=span), place)


def _data(checker: ExpressionChecker, e: n.Name) -> c.Expression:
    data = checker.package.data(e.name)
    if data is None:
        return checker.error(e.span)
    if isinstance(data, c.Constant):
        return replace(data, name=e.name, span=e.span)
    return c.Variable(e.name, type=data, span=e.span)


def _unknown_name(checker: ExpressionChecker, e: n.Name, place: Place) -> None:
    scope = checker.package.scope
    if scope.excuses(e.name):
        return
    if e.name in FUNCTIONS:
        help = f"write `{signature(FUNCTIONS[e.name])}`"
        checker.reporter.error("wrong-arguments", f"`{e.name}` is a function", e.span, help=help)
        return
    known = chain(place.variables, checker.package.roots, scope.names(n.ConstDeclaration, n.DataDeclaration, n.Definition))
    checker.reporter.error("unknown-name", f"nothing is called `{e.name}`", e.span, help=checker.reporter.suggestion(e.name, known))


def entity(checker: ExpressionChecker, e: n.EntityLiteral) -> c.Expression:
    """`Type::"key"`"""
    declared = checker.package.entity(e.name, e.span)
    if declared is None:
        return checker.error(e.span)
    key = declared.fields[declared.key].type
    if key is ERROR:
        return checker.error(e.span)
    if base(key) != STRING:
        checker.reporter.error("type-mismatch", f"the key of `{e.name}` is {key}, found String", e.span)
        return checker.error(e.span)
    word = Words((e.key,))
    if checker.fit(c.Constant(e.key, word, type=word, span=e.span), key).type is ERROR:
        return checker.error(e.span)
    kind = EntityOf((declared.name,))
    return c.Constant(checker.package.reference(declared, e.key), kind, type=kind, span=e.span)


# ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────


def call(checker: ExpressionChecker, e: n.Call, place: Place) -> c.Expression:
    """A definition or built-in function with arguments."""
    arguments = tuple(checker.check(a, place) for a in e.arguments)
    scope = checker.package.scope
    entry = scope.entries.get(e.name)
    if entry is not None and isinstance(entry.node, n.Definition):
        return _invoke(checker, e.name, arguments, e.span, place)
    if e.name in FUNCTIONS:
        return _library(checker, FUNCTIONS[e.name], arguments, e.span)
    span = Span(e.span.source, e.span.start, e.span.start + len(e.name))
    if entry is not None or e.name in place.variables or e.name in checker.package.roots:
        checker.reporter.error("unknown-function", f"`{e.name}` takes no arguments", span)
    elif not scope.excuses(e.name):
        known = chain(FUNCTIONS, scope.names(n.Definition))
        message = f"no definition or function is called `{e.name}`"
        checker.reporter.error("unknown-function", message, span, help=checker.reporter.suggestion(e.name, known))
    return checker.error(e.span)


def _invoke(checker: ExpressionChecker, name: str, arguments: tuple[c.Expression, ...], span: Span, place: Place) -> c.Expression:
    package = checker.package
    definition = package.definition(name)
    if definition is None:
        return checker.error(span)
    if len(arguments) != len(definition.parameters):
        takes = _plural(len(definition.parameters), "argument")
        checker.reporter.error("wrong-arguments", f"`{name}` takes {takes}, found {len(arguments)}", span)
        return checker.error(span)
    fitted = tuple(checker.fit(a, type_) for a, (_, type_) in zip(arguments, definition.parameters, strict=True))
    if any(a.type is ERROR for a in fitted):
        return checker.error(span)
    package.called.add(definition.name)
    values = {p: a for (p, _), a in zip(definition.parameters, fitted, strict=True)}
    for fact, where in package.summaries[definition.name].requires.items():
        target = guards.substitute(fact.target, values)
        if target is None:
            checker.report_unguarded(fact, where)
        else:
            checker.require(guards.Present(target, fact.name), span, place)
    return c.Invocation(definition.name, fitted, type=definition.body.type, span=span)


def _library(checker: ExpressionChecker, function: Function, arguments: tuple[c.Expression, ...], span: Span) -> c.Expression:
    if any(a.type is ERROR for a in arguments):
        return checker.error(span)
    result = function.result(tuple(a.type for a in arguments))
    if result is None or result == NOTHING:
        found = ", ".join(str(a.type) for a in arguments)
        help = f"write `{signature(function)}`"
        checker.reporter.error("wrong-arguments", f"`{function.name}` does not take ({found})", span, help=help)
        return checker.error(span)
    made = c.LibraryCall(function.name, arguments, type=result, span=span)
    if not function.literal_only:
        return made
    value = fold(made) if all(isinstance(a, c.Constant) for a in arguments) else None
    if value is None:
        checker.reporter.error("wrong-arguments", f"`{function.name}` takes a string literal", span)
        return checker.error(span)
    if isinstance(value, Unknown):
        help = "the bits behind the prefix are zero" if result == IP_NETWORK else ""
        checker.reporter.error("bad-literal", f"`{span.text}` is no {result}", span, help=help)
        return checker.error(span)
    return c.Constant(value, result, type=result, span=span)


def signature(function: Function) -> str:
    return f"{function.name}({', '.join(function.parameters)})"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else f"no {noun}s"
