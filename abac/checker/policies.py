"""Floor 3, checker: policies, rules, duties and test blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from abac.checker import guards
from abac.checker.expressions import Place
from abac.checker.templates import check_template
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.operators import Operator
from abac.model.combining import Algorithm
from abac.model.decision import ENGINE_CODES
from abac.model.diagnostics import suggestion
from abac.model.schema import DutyKind
from abac.model.source import Span
from abac.model.types import BOOL, INSTANT, STRING, EntityOf, IntervalOf, ListOf, Optional, RecordOf, SetOf, Type

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


class PolicyChecker:
    """Builds the checked form of the package's policy and tests."""

    def __init__(self, package: PackageChecker) -> None:
        self.package = package
        self.reporter = package.reporter
        self.expressions = package.expressions
        self.names: dict[str, Span] = {}
        self.rules: dict[str, str] = {}

    # ── policies ───────────────────────────────────────────────────────────────────────────────────────────

    def policy(self, node: n.Policy, place: Place) -> c.Policy:
        self._name(node.name, "policy")
        applies, place = self._applies(node, place)
        if not node.children:
            self.reporter.error("empty-policy", f"policy `{node.name.value}` has no rules", node.name.span)
        if node.algorithm == Algorithm.ONLY_ONE_APPLICABLE:
            for child in node.children:
                if isinstance(child, n.Rule):
                    help = "put the rule into a policy with a target"
                    self.reporter.error("rule-in-only-one", "only-one-applicable chooses among policies, not rules", child.name.span, help=help)
        return c.Policy(
            node.name.value, node.title.value if node.title else None, node.algorithm, applies, self._citations(node.citations, place),
            self._duties(node.duties, place, None), tuple(self._child(child, place) for child in node.children), span=node.span,
        )  # fmt: skip

    def _child(self, child: n.Policy | n.Rule, place: Place) -> c.Policy | c.Rule:
        return self.policy(child, place) if isinstance(child, n.Policy) else self.rule(child, place)

    def _applies(self, node: n.Policy, place: Place) -> tuple[c.Expression | None, Place]:
        """Target and window as one condition, and the place inside."""
        parts: list[c.Expression] = []
        if node.target is not None:
            parts.append(self.expressions.boolean(node.target, place))
            place = place.knowing(guards.when(parts[-1], True, self.package.summaries))
        if node.effective is not None:
            window = self.expressions.expect(node.effective, IntervalOf(INSTANT), place)
            now = self.expressions.check(n.Name("now", span=node.effective.span), place)
            parts.append(self.expressions.apply(Operator.IN, (now, window), node.effective.span))
        if not parts:
            return None, place
        if len(parts) == 1:
            return parts[0], place
        return c.Operation(Operator.AND, tuple(parts), type=BOOL, span=parts[0].span.to(parts[1].span)), place

    def _name(self, name: n.Word, what: str) -> None:
        earlier = self.names.setdefault(name.value, name.span)
        if earlier is not name.span:
            help = f"first used at {earlier.place}; rules and policies of a package share their names"
            self.reporter.error("duplicate-name", f"{what} `{name.value}` is declared twice", name.span, help=help)

    # ── rules ──────────────────────────────────────────────────────────────────────────────────────────────

    def rule(self, node: n.Rule, place: Place) -> c.Rule:
        self._name(node.name, "rule")
        self.rules[node.name.value] = node.effect
        condition, witness, place = self._condition(node, place)
        code = node.code or node.name
        if code.value in ENGINE_CODES and node.code is not None:
            self.reporter.error("reserved-name", f"`{code.value}` is a code of the engine's own", code.span)
        because = check_template(self.package, node.because, place) if node.because else None
        size, quantifiers = self.package.measure(condition)
        self.package.within_limits(size, quantifiers + (witness is not None), node.name.span)
        return c.Rule(
            node.name.value, node.title.value if node.title else None, node.effect, witness, condition,
            node.condition is not None and node.condition.even_if_unknown, code.value, because, self._citations(node.citations, place),
            self._duties(node.duties, place, node.effect), span=node.name.span,
        )  # fmt: skip

    def _condition(self, node: n.Rule, place: Place) -> tuple[c.Expression, c.Witness | None, Place]:
        """`when and not unless`, and the place in which it holds."""
        true = c.Constant(True, BOOL, type=BOOL, span=node.name.span)
        stated = node.condition
        if stated is None or not (stated.otherwise or stated.witness or stated.when or stated.unless):
            help = "state `when`, `unless` or `for`, or write `otherwise` if it always holds"
            self.reporter.error("no-condition", f"rule `{node.name.value}` states no condition", node.name.span, help=help)
            return true, None, place
        if stated.even_if_unknown and node.effect != "deny":
            help = "what is unknown never permits"
            self.reporter.error("even-if-unknown-permit", "`even if unknown` belongs to deny rules", stated.span, help=help)
        witness = None
        if stated.witness is not None:
            collection = self.expressions.check(stated.witness.collection, place)
            element = self.expressions.elements(collection, "for some")
            place = self.expressions.bind(stated.witness.variable, element, stated.witness.span, place)
            witness = c.Witness(stated.witness.variable, collection)
        parts: list[c.Expression] = []
        if stated.when is not None:
            parts.append(self.expressions.boolean(stated.when, place))
            place = place.knowing(guards.when(parts[-1], True, self.package.summaries))
        if stated.unless is not None:
            unless = self.expressions.boolean(stated.unless, place)
            parts.append(c.Operation(Operator.NOT, (unless,), type=BOOL, span=unless.span))
            place = place.knowing(guards.when(unless, False, self.package.summaries))
        if not parts:
            return true, witness, place
        condition = parts[0] if len(parts) == 1 else c.Operation(Operator.AND, tuple(parts), type=BOOL, span=parts[0].span.to(parts[1].span))
        return condition, witness, place

    def _citations(self, citations: tuple[n.Expression, ...], place: Place) -> tuple[c.Expression, ...]:
        checked = []
        for citation in citations:
            found = self.expressions.check(citation, place)
            element = found.type.element if isinstance(found.type, ListOf | SetOf) else found.type
            if not self.package.typing.assignable(element, STRING):
                self.reporter.error("type-mismatch", f"a citation is a String or a list of them, found {found.type}", citation.span)
            elif found.type != ERROR:
                checked.append(found)
        return tuple(checked)

    # ── duties ─────────────────────────────────────────────────────────────────────────────────────────────

    def _duties(self, duties: tuple[n.Duty, ...], place: Place, effect: str | None) -> tuple[c.DutyClause, ...]:
        """`effect` is that of the rule around, None for a policy."""
        return tuple(clause for duty in duties for clause in self._duty(duty, place, effect))

    def _duty(self, node: n.Duty, place: Place, effect: str | None) -> Iterator[c.DutyClause]:
        if effect is not None and node.effect not in (None, effect):
            self.reporter.error("wrong-effect", f"a {effect} rule has no duties on {node.effect}", node.span)
        guard = None
        if node.guard is not None:
            guard = self.expressions.boolean(node.guard, place)
            place = place.knowing(guards.when(guard, not node.guard_negated, self.package.summaries))
            if node.guard_negated:
                guard = c.Operation(Operator.NOT, (guard,), type=BOOL, span=guard.span)
        for call in node.calls:
            yield from self._call(node.kind, call, node.effect or effect, guard, place)

    def _call(self, kind: DutyKind, call: n.DutyCall, effect: str | None, guard: c.Expression | None, place: Place) -> Iterator[c.DutyClause]:
        arguments = tuple(self.expressions.check(a, place) for a in call.arguments)
        signature = self.package.duties.get(call.name)
        if signature is None:
            if call.name.split(".")[0] not in self.package.scope.broken:
                known = [d.name for d in self.package.duties.values() if d.kind == kind]
                help = suggestion(call.name, known) or next((f"declared `as \"{d.id}\"`: write `{d.name}()`" for d in self.package.duties.values() if d.id == call.name), "")  # fmt: skip
                self.reporter.error("unknown-duty", f"no {kind} is called `{call.name}`", call.span, help=help)
            return
        if signature.kind != kind:
            verb = "oblige" if signature.kind is DutyKind.OBLIGATION else "advise"
            article = "an obligation" if signature.kind is DutyKind.OBLIGATION else "advice"
            self.reporter.error("unknown-duty", f"`{call.name}` is {article}", call.span, help=f"write `{verb} {call.name}(…)`")
            return
        if len(arguments) != len(signature.parameters):
            message = f"`{call.name}` takes {len(signature.parameters)} arguments, found {len(arguments)}"
            self.reporter.error("wrong-arguments", message, call.span)
            return
        fitted = tuple(self.expressions.fit(a, t) for a, (_, t) in zip(arguments, signature.parameters, strict=True))
        if all(a.type != ERROR for a in fitted) and (guard is None or guard.type != ERROR):
            names = tuple(name for name, _ in signature.parameters)
            yield c.DutyClause(kind, signature.id, names, fitted, effect, guard, span=call.span)

    # ── tests ──────────────────────────────────────────────────────────────────────────────────────────────

    def test(self, node: n.Test) -> c.Test:
        expected = node.expectation
        if expected.rule is not None and self.rules.get(expected.rule.value) != expected.effect:
            if expected.rule.value in self.rules:
                message, help = f"`{expected.rule.value}` is a {self.rules[expected.rule.value]} rule", ""
            else:
                message, help = f"no rule is called `{expected.rule.value}`", suggestion(expected.rule.value, self.rules)
            self.reporter.error("unknown-rule", message, expected.rule.span, help=help)
        edits = tuple(edit for each in node.edits if (edit := self._edit(each)) is not None)
        duties = tuple(clause for kind, call in expected.duties for clause in self._call(kind, call, None, None, Place()))
        return c.Test(
            node.title.value, node.given.value, node.file.value if node.file else None, edits, expected.effect,
            expected.rule.value if expected.rule else None, duties, span=node.span,
        )  # fmt: skip

    def _edit(self, node: n.Edit) -> c.TestEdit | None:
        type_ = self._path_type(node)
        if type_ is None:
            return None
        path = tuple(step.value for step in node.path)
        value = None if node.value is None else self.expressions.expect(node.value, type_.inner if isinstance(type_, Optional) else type_, Place())
        return c.TestEdit(path, value)

    def _path_type(self, node: n.Edit) -> Type | None:
        """The type of what stands at the path of an edit; guards do not matter to an edit."""
        first = str(node.path[0].value)
        type_ = self.package.roots.get(first)
        if type_ is None or first == "now":
            help = "a path begins with subject, action, resource or context"
            self.reporter.error("unknown-attribute", f"a request has no part `{first}`", node.path[0].span, help=help)
            return None
        for step in node.path[1:]:
            inner = type_.inner if isinstance(type_, Optional) else type_
            match inner:
                case ListOf(element=element) if isinstance(step.value, int):
                    type_ = element
                case RecordOf() | EntityOf() if isinstance(step.value, str):
                    owner = self._owner(inner, step.value)
                    found = self.expressions.attribute(c.Variable("", type=owner, span=step.span), step.value, step.span, Place())
                    if found is None:
                        return None
                    type_ = found.type
                case _:
                    self.reporter.error("unknown-attribute", f"{inner} has no `{step.value}`", step.span)
                    return None
        return type_

    def _owner(self, type_: RecordOf | EntityOf, name: str) -> RecordOf | EntityOf:
        """Of several entity types those that have the attribute: the request under test is one of them."""
        if not isinstance(type_, EntityOf):
            return type_
        having = tuple(owner for owner in type_.names if name in self.package.fields(owner))
        return EntityOf(having) if having else type_
