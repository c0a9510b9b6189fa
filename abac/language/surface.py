"""Floor 2, language: a checked tree back in the words of the language, so that people can read what the checker made of a policy.

Names are resolved, targets and windows are one condition, `has … in …` is two tests, conditions say `when` what `unless` denied.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

from abac.language import checked as c
from abac.language import nodes as n
from abac.language.operators import Operator
from abac.language.printer import render
from abac.model.source import Span
from abac.model.types import Type
from abac.model.values import Absence, EntityValue, Interval, ListValue, LocalTime, RecordValue, SetValue, Unknown, Value


def text_of(expression: c.Expression) -> str:
    """An expression on one line."""
    return render(surface(expression))


def render_package(package: c.Package) -> str:
    """A checked package: tables, constants, definitions with their types, the policy."""
    parts = [f"# package {package.name}, checked"]
    for table in package.tables.values():
        parts[0] += f"\n# table {_short(table.name)}: {len(table.rows)} rows of {table.record}"
    constants = {each.name: each for each in _constants(package) if each.name}
    if constants:
        parts.append("\n".join(_constant(constants[name]) for name in sorted(constants)))
    parts += [_definition(definition) for definition in package.definitions.values()]
    return "\n\n".join([*parts, render(_policy(package.policy))]) + "\n"


def _short(qualified: str) -> str:
    return qualified.rpartition(".")[2]


def _constants(package: c.Package) -> Iterator[c.Constant]:
    for root in [*(definition.body for definition in package.definitions.values()), *_expressions(package.policy)]:
        for each in c.walk(root):
            if isinstance(each, c.Constant):
                yield each


def _expressions(policy: c.Policy) -> Iterator[c.Expression]:
    """Every expression of a policy and of what is inside it."""
    if policy.applies is not None:
        yield policy.applies
    for holder in (policy, *policy.children):
        yield from holder.citations
        for duty in holder.duties:
            yield from (*duty.arguments, *((duty.guard,) if duty.guard is not None else ()))
        if isinstance(holder, c.Rule):
            yield from (holder.condition, *((holder.witness.collection,) if holder.witness else ()))
            yield from (part for part in (holder.because.parts if holder.because else ()) if not isinstance(part, str))
        elif holder is not policy:
            yield from _expressions(holder)


# ── declarations ───────────────────────────────────────────────────────────────────────────────────────────


def _constant(constant: c.Constant) -> str:
    span = constant.span
    name = n.Word(str(constant.name), span=span)
    return render(n.ConstDeclaration(name, _type(constant.kind, span), value(constant.value, span), span=span))


def _definition(definition: c.Definition) -> str:
    span = definition.span
    parameters = tuple(n.Parameter(n.Word(name, span=span), _type(type, span), span=span) for name, type in definition.parameters)
    name = n.Word(_short(definition.name), span=span)
    return render(n.Definition(name, parameters, _type(definition.body.type, span), surface(definition.body), span=span))


def _type(type: Type, span: Span) -> n.TypeExpression:
    return n.NamedType(str(type), span=span)


def _policy(policy: c.Policy) -> n.Policy:
    span = policy.span
    target = None if policy.applies is None else surface(policy.applies)
    children = tuple(_policy(child) if isinstance(child, c.Policy) else _rule(child) for child in policy.children)
    citations, duties = tuple(map(surface, policy.citations)), tuple(_duty(duty, duty.effect) for duty in policy.duties)
    name, title = n.Word(policy.name, span=span), _text(policy.title, span)
    return n.Policy(name, title, policy.algorithm, target, None, citations, duties, children, span=span)


def _rule(rule: c.Rule) -> n.Rule:
    span = rule.span
    always = rule.witness is None and isinstance(rule.condition, c.Constant) and rule.condition.value is True
    witness = None
    if rule.witness is not None:
        witness = n.Witness(rule.witness.variable, surface(rule.witness.collection), span=span)
    condition = n.Condition(always, witness, None if always else surface(rule.condition), None, rule.even_if_unknown, span=span)
    code = None if rule.code == rule.name else n.Word(rule.code, span=span)
    because = _text(None if rule.because is None else "".join(_template_part(part) for part in rule.because.parts), span)
    citations, duties = tuple(map(surface, rule.citations)), tuple(_duty(duty, None) for duty in rule.duties)
    return n.Rule(
        rule.effect, n.Word(rule.name, span=span), _text(rule.title, span), condition, code, because, citations, duties, span=span
    )


def _template_part(part: str | c.Expression) -> str:
    return part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{text_of(part)}}}"


def _text(text: str | None, span: Span) -> n.Text | None:
    return None if text is None else n.Text(text, span=span)


def _duty(duty: c.DutyClause, effect: str | None) -> n.Duty:
    called = n.DutyCall(duty.id, tuple(map(surface, duty.arguments)), span=duty.span)
    return n.Duty(duty.kind, (called,), effect, None if duty.guard is None else surface(duty.guard), False, span=duty.span)


# ── expressions ────────────────────────────────────────────────────────────────────────────────────────────


def surface(expression: c.Expression) -> n.Expression:
    """An expression as the parser would have read it."""
    span = expression.span
    match cast("c.CheckedExpression", expression):
        case c.Constant(value=held, name=name):
            return value(held, span) if name is None else n.Name(name, span=span)
        case c.Root(name=name) | c.Variable(name=name):
            return n.Name(name, span=span)
        case c.Attribute(target=target, name=name):
            return n.Access(surface(target), name, span=span)
        case c.Element(target=target, index=index):
            return n.Index(surface(target), surface(index), span=span)
        case c.Row(table=table, key=key):
            return n.Index(n.Name(_short(table), span=span), surface(key), span=span)
        case c.InTable(table=table, key=key):
            return n.Operation(Operator.IN, (surface(key), n.Name(_short(table), span=span)), span=span)
        case c.Invocation(definition=name, arguments=()):
            return n.Name(_short(name), span=span)
        case c.Invocation(definition=name, arguments=arguments) | c.LibraryCall(function=name, arguments=arguments):
            return n.Call(_short(name), tuple(map(surface, arguments)), span=span)
        case c.SetOfExpressions(elements=elements):
            return n.SetLiteral(tuple(map(surface, elements)), span=span)
        case c.ListOfExpressions(elements=elements):
            return n.ListLiteral(tuple(map(surface, elements)), span=span)
        case c.RecordOfExpressions(entries=entries):
            given = tuple(n.RecordEntry(name, surface(each), span=span) for name, each in entries if each is not None)
            return n.RecordLiteral(str(expression.type), given, span=span)
        case c.Operation(operator=operator, operands=operands):
            written = operands[:2] if operator is Operator.WITHIN else operands  # the third is the clock
            return n.Operation(operator, tuple(map(surface, written)), span=span)
        case c.HasAttribute(target=target, name=name):
            return n.Has(surface(target), name, None, None, span=span)
        case c.AgeOf(target=target, name=name):
            return n.Age(n.Access(surface(target), name, span=span), span=span)
        case c.IsType(target=target, name=name):
            return n.IsType(surface(target), name, span=span)
        case c.Latest(target=target, by=by):
            return n.Latest(surface(target), by, span=span)
        case c.Chain(target=target, by=by):
            return n.Chain(surface(target), by, span=span)
        case c.Quantified(kind=kind, variable=variable, collection=collection, body=body):
            return n.Quantifier(kind, variable, surface(collection), surface(body), span=span)
        case c.Conditional(arms=arms, otherwise=otherwise):
            ladder = tuple(n.Arm(surface(condition), surface(then), span=span) for condition, then in arms)
            return n.Conditional(ladder, surface(otherwise), span=span)


def value(held: Value | Unknown | Absence, span: Span) -> n.Expression:
    """A constant's value as it would be written."""
    match held:
        case SetValue(elements=elements):
            return n.SetLiteral(tuple(value(each, span) for each in elements), span=span)
        case ListValue(elements=elements):
            return n.ListLiteral(tuple(value(each, span) for each in elements), span=span)
        case RecordValue(type=name, fields=fields):
            given = ((field, each) for field, each in fields.items() if not isinstance(each, Absence))
            return n.RecordLiteral(name, tuple(n.RecordEntry(field, value(each, span), span=span) for field, each in given), span=span)
        case EntityValue(type=name, key=key):
            return n.EntityLiteral(name, str(key), span=span)
        case Interval(start=start, end=end):
            if end is None:
                return n.Operation(Operator.FROM, (value(start, span),), span=span)
            return n.Operation(Operator.UNTIL, (value(start, span), value(end, span)), span=span)
        case ipaddress.IPv4Address() | ipaddress.IPv6Address():
            return n.Call("address", (n.Literal(str, str(held), span=span),), span=span)
        case ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return n.Call("network", (n.Literal(str, str(held), span=span),), span=span)
        case ZoneInfo():
            return n.Literal(str, held.key, span=span)
        case bool() | int() | Decimal() | str() | dt.date() | dt.timedelta() | dt.time():
            return n.Literal(type(held), held, span=span)
        case Unknown() | Absence() | LocalTime():
            raise AssertionError(f"no constant is {held!r}")
