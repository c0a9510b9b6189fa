"""Floor 3, checker: policies, rules and their duties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from abac.checker import guards, limits
from abac.checker.duties import duty_clauses
from abac.checker.place import Place
from abac.checker.sensitive import sensitive_reads
from abac.checker.templates import check_template
from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.operators import Operator
from abac.model.combining import Algorithm
from abac.model.decision import ENGINE_CODES
from abac.model.source import Span
from abac.model.types import BOOL, INSTANT, STRING, IntervalOf, ListOf, SetOf

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


class PolicyChecker:
    """Builds the checked form of the package's policy."""

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
            self._only_policies(node)
        citations, duties = self._citations(node.citations, place, None), self._duties(node.duties, place, None)
        self._hold_to_limits([*([applies] if applies else ()), *citations, *_parts(duties)], node.name.span, 0)
        return c.Policy(
            node.name.value, node.title.value if node.title else None, node.algorithm, applies, citations, duties,
            tuple(self._child(child, place) for child in node.children), span=node.span,
        )  # fmt: skip

    def _child(self, child: n.Policy | n.Rule, place: Place) -> c.Policy | c.Rule:
        return self.policy(child, place) if isinstance(child, n.Policy) else self.rule(child, place)

    def _only_policies(self, node: n.Policy) -> None:
        for child in node.children:
            if isinstance(child, n.Rule):
                message, help = "only-one-applicable chooses among policies, not rules", "put the rule into a policy with a target"
                self.reporter.error("rule-in-only-one", message, child.name.span, help=help)

    def _applies(self, node: n.Policy, place: Place) -> tuple[c.Expression | None, Place]:
        """Target and window as one condition, and the place inside."""
        parts: list[c.Expression] = []
        if node.target is not None:
            parts.append(self.expressions.boolean(node.target, place))
            place = place.knowing(guards.when(parts[-1], True, self.package.summaries))
        if node.effective is not None:
            span = node.effective.span
            window = self.expressions.expect(node.effective, IntervalOf(INSTANT), place)
            now = self.expressions.check(n.Name("now", span=span), place)
            parts.append(self.expressions.apply(Operator.IN, (now, window), span))
        return (_joined(parts) if parts else None), place

    def _name(self, name: n.Word, what: str) -> None:
        earlier = self.names.setdefault(name.value, name.span)
        if earlier is not name.span:
            help = f"first used at {earlier.place}; rules and policies of a package share their names"
            self.reporter.error("duplicate-name", f"{what} `{name.value}` is declared twice", name.span, help=help)

    # ── rules ──────────────────────────────────────────────────────────────────────────────────────────────

    def rule(self, node: n.Rule, place: Place) -> c.Rule:
        self._name(node.name, "rule")
        self.rules.setdefault(node.name.value, node.effect)
        condition, witness, place = self._condition(node, place)
        code = node.code or node.name
        if code.value in ENGINE_CODES and node.code is not None:
            help = "the engine itself gives this code"
            self.reporter.error("reserved-name", f"`{code.value}` is no code for a rule", code.span, help=help)
        because = check_template(self.package, node.because, place) if node.because else None
        if because is not None:
            self._hide([part for part in because.parts if isinstance(part, c.Expression)], witness)
        citations, duties = self._citations(node.citations, place, witness), self._duties(node.duties, place, node.effect)
        shown = [part for part in because.parts if isinstance(part, c.Expression)] if because else []
        self._hold_to_limits([condition, *citations, *shown, *_parts(duties)], node.name.span, 0 if witness is None else 1)
        if witness is not None:
            self._hold_to_limits([witness.collection], node.name.span, 0)
        return c.Rule(
            node.name.value, node.title.value if node.title else None, node.effect, witness, condition,
            node.condition is not None and node.condition.even_if_unknown, code.value, because, citations, duties, span=node.name.span,
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
            self.reporter.error("even-if-unknown-permit", "`even if unknown` belongs to deny rules", node.name.span, help=help)
        witness = None
        if stated.witness is not None:
            collection = self.expressions.operand(stated.witness.collection, place)
            element = self.expressions.elements(collection, "for some")
            place = self.expressions.bind(stated.witness.variable, element, stated.witness.span, place)
            witness = c.Witness(stated.witness.variable, collection)
        outside = place
        parts: list[c.Expression] = []
        if stated.when is not None:
            parts.append(self.expressions.boolean(stated.when, place))
            place = place.knowing(guards.when(parts[-1], True, self.package.summaries))
        if stated.unless is not None:
            unless = self.expressions.boolean(stated.unless, place)
            parts.append(unless if unless.type is ERROR else c.Operation(Operator.NOT, (unless,), type=BOOL, span=unless.span))
            place = place.knowing(guards.when(unless, False, self.package.summaries))
        if witness is not None and node.effect == "deny":  # it keeps its duties where the collection is unknown: see `guards.when`
            place = outside.knowing(guards.untyped(place.facts))
        return (_joined(parts) if parts else true), witness, place

    def _citations(self, citations: tuple[n.Expression, ...], place: Place, witness: c.Witness | None) -> tuple[c.Expression, ...]:
        checked = []
        for citation in citations:
            found = self.expressions.check(citation, place)
            element = found.type.element if isinstance(found.type, ListOf | SetOf) else found.type
            if not self.package.typing.assignable(element, STRING):
                self.reporter.error("type-mismatch", f"a citation is a String or a list of them, found {found.type}", citation.span)
            elif found.type is not ERROR:
                checked.append(found)
        self._hide(checked, witness)
        return tuple(checked)

    def _hide(self, shown: Iterable[c.Expression], witness: c.Witness | None) -> None:
        """What is sensitive may not be shown to requesters."""
        for expression in shown:
            for name in sensitive_reads(self.package, [expression], witness):
                message = f"`{name}` is sensitive and may not be shown to requesters"
                self.reporter.error("sensitive-in-reason", message, expression.span)

    def _duties(self, duties: tuple[n.Duty, ...], place: Place, effect: str | None) -> tuple[c.DutyClause, ...]:
        return tuple(clause for duty in duties for clause in duty_clauses(self.package, duty, place, effect))

    def _hold_to_limits(self, expressions: Iterable[c.Expression], span: Span, quantifiers: int) -> None:
        """`quantifiers` stand around the expressions."""
        for expression in expressions:
            found = limits.measure(expression, self.package.summaries)
            if not limits.within(found, span, self.reporter, quantifiers):
                return


def _joined(parts: list[c.Expression]) -> c.Expression:
    """All parts under one `and`."""
    if len(parts) == 1:
        return parts[0]
    return c.Operation(Operator.AND, tuple(parts), type=BOOL, span=parts[0].span.to(parts[-1].span))


def _parts(duties: tuple[c.DutyClause, ...]) -> Iterator[c.Expression]:
    for duty in duties:
        if duty.guard is not None:
            yield duty.guard
        yield from duty.arguments
