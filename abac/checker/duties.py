"""Floor 3, checker: obligations and advice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from abac.checker import guards
from abac.checker.place import Place
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.operators import Operator
from abac.model.schema import DutyKind
from abac.model.types import BOOL

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker

_VERBS = {DutyKind.OBLIGATION: "oblige", DutyKind.ADVICE: "advise"}
_PHRASES = {DutyKind.OBLIGATION: "an obligation", DutyKind.ADVICE: "advice"}


def duty_clauses(package: PackageChecker, node: n.Duty, place: Place, effect: str | None) -> Iterator[c.DutyClause]:
    """The clauses of an `oblige` or `advise`; `effect` is that of the rule around, None for a policy."""
    if effect is not None and node.effect not in (None, effect):
        package.reporter.error("wrong-effect", f"a {effect} rule has no duties on {node.effect}", node.span)
    guard = None
    if node.guard is not None:
        guard = package.expressions.boolean(node.guard, place)
        place = place.knowing(guards.when(guard, not node.guard_negated, package.summaries))
        if node.guard_negated and guard.type is not ERROR:
            guard = c.Operation(Operator.NOT, (guard,), type=BOOL, span=guard.span)
    for call in node.calls:
        yield from duty_call(package, node.kind, call, node.effect or effect, guard, place)


def duty_call(
    package: PackageChecker, kind: DutyKind, call: n.DutyCall, effect: str | None, guard: c.Expression | None, place: Place
) -> Iterator[c.DutyClause]:
    """The clause of one call, or none after a complaint."""
    arguments = tuple(package.expressions.check(a, place) for a in call.arguments)
    signature = package.duties.get(call.name)
    if signature is None:
        _unknown(package, kind, call)
        return
    if signature.kind != kind:
        help = f"write `{_VERBS[signature.kind]} {call.name}(…)`"
        package.reporter.error("unknown-duty", f"`{call.name}` is {_PHRASES[signature.kind]}", call.span, help=help)
        return
    if len(arguments) != len(signature.parameters):
        count = len(signature.parameters)
        takes = f"{count} argument{'' if count == 1 else 's'}" if count else "no arguments"
        package.reporter.error("wrong-arguments", f"`{call.name}` takes {takes}, found {len(arguments)}", call.span)
        return
    fitted = tuple(package.expressions.fit(a, t) for a, (_, t) in zip(arguments, signature.parameters, strict=True))
    if all(a.type is not ERROR for a in fitted) and (guard is None or guard.type is not ERROR):
        names = tuple(name for name, _ in signature.parameters)
        yield c.DutyClause(kind, signature.id, names, fitted, effect, guard, span=call.span)


def _unknown(package: PackageChecker, kind: DutyKind, call: n.DutyCall) -> None:
    if package.scope.excuses(call.name.split(".")[0]):
        return
    by_id = next((d.name for d in package.duties.values() if d.id == call.name), None)
    help = package.reporter.suggestion(call.name, (d.name for d in package.duties.values() if d.kind == kind))
    if by_id is not None:
        help = f"`{call.name}` is the id of `{by_id}`: write `{_VERBS[kind]} {by_id}(…)`"
    package.reporter.error("unknown-duty", f"no {kind} is called `{call.name}`", call.span, help=help)
