"""Floor 3, checker: reasons with `{path}` in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from abac.checker.place import Place
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.model.limits import INT_MAX, MAX_NESTING
from abac.model.source import Span
from abac.model.types import LOCAL_TIME, IntervalOf, ListOf, RecordOf, SetOf, TableOf, Type

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_BRACES = re.compile(r"\{([^{}]+)\}")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[\d+\])*", re.ASCII)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def check_template(package: PackageChecker, text: n.Text, place: Place) -> c.Template:
    """The checked form of a reason: braces hold paths, `{{` and `}}` are braces."""
    parts: list[str | c.Expression] = []
    places = _places(text.span) if "{" in text.value else {}
    at = 0
    for found in _PIECE.finditer(text.value):
        parts.append(text.value[at : found.start()])
        at = found.end()
        if found.group() in ("{{", "}}"):
            parts.append(found.group()[0])
        elif found.group(1) is None:
            package.reporter.error("bad-template", f"a lone `{found.group()}`", text.span, help="write `{{` or `}}` for a brace")
        else:
            parts.append(_value(package, found.group(1), places.get(found.group(1), text.span), place))
    parts.append(text.value[at:])
    return c.Template(tuple(_joined(p for p in parts if not (isinstance(p, c.Expression) and p.type is ERROR))))


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


def _value(package: PackageChecker, path: str, span: Span, place: Place) -> c.Expression:
    steps = _STEP.findall(path)
    if not _PATH.fullmatch(path):
        package.reporter.error("bad-template", f"`{{{path}}}` is no path", span, help="only names, `.name` and `[0]` stand in braces")
        return package.expressions.error(span)
    if len(steps) > MAX_NESTING:
        package.reporter.error("nesting", f"a path has at most {MAX_NESTING} steps", span)
        return package.expressions.error(span)
    expression: n.Expression = n.Name(path.split(".")[0].split("[")[0], span=span)
    for name, index in steps:
        if name:
            expression = n.Access(expression, name, span=span)
        else:
            expression = n.Index(expression, n.Literal(int, min(int(index[:20]), INT_MAX), span=span), span=span)
    checked = package.expressions.check(expression, place.showing())
    if checked.type is not ERROR and not _showable(checked.type):
        package.reporter.error("not-showable", f"{checked.type} cannot be shown in a reason", span, help="name one of its attributes")
    return checked


def _places(around: Span) -> dict[str, Span]:
    """Where each path first stands in a literal; one that is written with escapes is not among them."""
    places: dict[str, Span] = {}
    for found in _BRACES.finditer(around.source.text, around.start, around.end):
        places.setdefault(found[1], Span(around.source, found.start(1), found.end(1)))
    return places


def _showable(type: Type) -> bool:
    match type:
        case SetOf(element=element) | ListOf(element=element):
            return not isinstance(element, SetOf | ListOf) and _showable(element)
        case RecordOf() | TableOf() | IntervalOf():
            return False
    return type != LOCAL_TIME
