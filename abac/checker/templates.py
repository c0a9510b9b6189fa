"""Floor 3, checker: reasons with `{path}` in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from abac.checker.expressions import Place
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.model.source import Span
from abac.model.types import IntervalOf, ListOf, RecordOf, SetOf, TableOf, Type

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[\d+\])*", re.ASCII)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def check_template(package: PackageChecker, text: n.Text, place: Place) -> c.Template:
    """The checked form of a reason: braces hold paths, `{{` and `}}` are braces."""
    parts: list[str | c.Expression] = []
    at = 0
    for found in _PIECE.finditer(text.value):
        parts.append(text.value[at : found.start()])
        at = found.end()
        if found.group() in ("{{", "}}"):
            parts.append(found.group()[0])
        elif found.group(1) is None:
            package.reporter.error("bad-template", f"a lone `{found.group()}`", text.span, help="write `{{` or `}}` for a brace")
        else:
            parts.append(_value(package, found.group(1), text.span, place))
    parts.append(text.value[at:])
    return c.Template(tuple(_joined(p for p in parts if not (isinstance(p, c.Expression) and p.type == ERROR))))


def _joined(parts: Iterator[str | c.Expression]) -> Iterator[str | c.Expression]:
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text


def _value(package: PackageChecker, path: str, around: Span, place: Place) -> c.Expression:
    span = _place(path, around)
    if not _PATH.fullmatch(path):
        package.reporter.error("bad-template", f"`{{{path}}}` is no path", span, help="only names, `.name` and `[0]` stand in braces")
        return package.expressions.error(span)
    first = re.match(r"\w+", path)
    assert first is not None
    expression: n.Expression = n.Name(first.group(), span=span)
    for name, index in _STEP.findall(path):
        if name:
            expression = n.Access(expression, name, span=span)
        else:
            expression = n.Index(expression, n.Literal(int, int(index[:18]), span=span), span=span)
    checked = package.expressions.check(expression, replace(place, shown=True))
    if not _showable(checked.type):
        package.reporter.error("not-showable", f"{checked.type} cannot be shown in a reason", span, help="name one of its attributes")
    for name in sorted(set(sensitive_reads(checked, package.shared.definitions))):
        package.reporter.error("sensitive-in-reason", f"`{name}` is sensitive and may not be shown to requesters", span)
    return checked


def _place(path: str, around: Span) -> Span:
    at = around.text.find("{" + path + "}")
    return around if at < 0 else Span(around.source, around.start + at + 1, around.start + at + 1 + len(path))


def _showable(type: Type) -> bool:
    match type:
        case SetOf(element=element) | ListOf(element=element):
            return not isinstance(element, SetOf | ListOf) and _showable(element)
        case RecordOf() | TableOf() | IntervalOf():
            return False
    return True


def sensitive_reads(expression: c.Expression, definitions: Mapping[str, c.Definition]) -> Iterator[str]:
    """The sensitive attributes that an expression reads, definitions included."""
    seen: set[str] = set()
    waiting = [expression]
    while waiting:
        for each in c.walk(waiting.pop()):
            if isinstance(each, c.Attribute) and each.sensitive:
                yield each.name
            elif isinstance(each, c.Invocation) and each.definition not in seen and each.definition in definitions:
                seen.add(each.definition)
                waiting.append(definitions[each.definition].body)
