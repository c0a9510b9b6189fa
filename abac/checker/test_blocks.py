"""Floor 3, checker: `test` blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from abac.checker.duties import duty_call
from abac.checker.place import Place
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.model.source import Span
from abac.model.types import EntityOf, ListOf, RecordOf, Type, plain

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


def check_test(package: PackageChecker, node: n.Test, rules: Mapping[str, str]) -> c.Test:
    """The checked form of a test block; `rules` are the effects of the package's rules by name."""
    expected = node.expectation
    if expected.rule is not None and rules.get(expected.rule.value) != expected.effect:
        if expected.rule.value in rules:
            message, help = f"`{expected.rule.value}` is a {rules[expected.rule.value]} rule", ""
        else:
            message, help = f"no rule is called `{expected.rule.value}`", package.reporter.suggestion(expected.rule.value, rules)
        package.reporter.error("unknown-rule", message, expected.rule.span, help=help)
    edits = tuple(edit for each in node.edits if (edit := _edit(package, each)) is not None)
    duties = tuple(clause for kind, call in expected.duties for clause in duty_call(package, kind, call, None, None, Place()))
    return c.Test(
        node.title.value, node.given.value, node.file.value if node.file else None, edits, expected.effect,
        expected.rule.value if expected.rule else None, duties, span=node.span,
    )  # fmt: skip


def _edit(package: PackageChecker, node: n.Edit) -> c.TestEdit | None:
    value = None if node.value is None else package.expressions.check(node.value, Place())
    type_ = _path_type(package, node)
    if type_ is None:
        return None
    path = tuple(step.value for step in node.path)
    return c.TestEdit(path, None if value is None else package.expressions.fit(value, plain(type_)))


def _path_type(package: PackageChecker, node: n.Edit) -> Type | None:
    """The type of what stands at the path of an edit, or None after a complaint; guards do not matter to an edit."""
    first = str(node.path[0].value)
    type_ = package.roots.get(first)
    if type_ is ERROR:
        return None
    if type_ is None or first == "now":
        help = "a path begins with subject, action, resource or context"
        package.reporter.error("unknown-attribute", f"a request has no part `{first}`", node.path[0].span, help=help)
        return None
    for step in node.path[1:]:
        match plain(type_):
            case ListOf(element=element) if isinstance(step.value, int):
                type_ = element
            case (RecordOf() | EntityOf()) as owner if isinstance(step.value, str):
                target = c.Variable("", type=_having(package, owner, step.value), span=step.span)
                found = package.expressions.attribute(target, step.value, _at(step), Place())
                if found is None or found.plain is ERROR:
                    return None
                type_ = found.type
            case inner:
                if inner is not ERROR:
                    shown = f"`[{step.value}]`" if isinstance(step.value, int) else f"`{step.value}`"
                    package.reporter.error("unknown-attribute", f"{inner} has no {shown}", step.span)
                return None
    return type_


def _at(step: n.PathStep) -> Callable[[], Span]:
    return lambda: step.span


def _having(package: PackageChecker, type_: RecordOf | EntityOf, name: str) -> RecordOf | EntityOf:
    """Of several entity types those that have the attribute: the request under test is one of them."""
    if not isinstance(type_, EntityOf):
        return type_
    having = tuple(owner for owner in type_.names if name in package.fields(owner))
    return EntityOf(having) if having else type_
