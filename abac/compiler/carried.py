"""Floor 4, compiler: what a rule or policy lends to a decision: a reason, citations, duties, with places for what the request fills in.

Generated code takes the values; what they become is made here, and only when somebody asks: making texts takes longer than deciding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from abac.compiler.forms import value_of
from abac.compiler.graph import Leaf
from abac.compiler.runtime import cited, text_of
from abac.language import checked as c
from abac.model.decision import Duty, Effect
from abac.model.schema import DutyKind
from abac.model.values import Cause, Unknown

Causes = frozenset[Cause]
NONE: Causes = frozenset()
Values = tuple[Any, ...]


def computed(clause: c.DutyClause) -> bool:
    """Whether the duty depends on the request."""
    return clause.guard is not None or not all(isinstance(a, c.Constant) for a in clause.arguments)


def clauses_for(duties: Iterable[c.DutyClause], effect: Effect) -> Iterator[c.DutyClause]:
    return (clause for clause in duties if clause.effect in (None, str(effect)))


def clauses(leaf: Leaf) -> Iterator[tuple[c.DutyClause, bool]]:
    """The duty clauses of a leaf for its effect, the rule's own first, and whether each is the rule's own."""
    for duties, own in ((leaf.rule.duties if leaf.rule else (), True), *((p.duties, False) for p in leaf.around)):
        yield from ((clause, own) for clause in clauses_for(duties, leaf.effect))


def obligations_of(leaf: Leaf) -> list[c.DutyClause]:
    """The obligations of a leaf for its effect, the rule's own first."""
    return [clause for clause, _ in clauses(leaf) if clause.kind is DutyKind.OBLIGATION]


def may_fail(leaf: Leaf) -> bool:
    """Whether it is a permit with an obligation that may not be computable."""
    return leaf.effect is Effect.PERMIT and any(map(computed, obligations_of(leaf)))


def is_fixed(leaf: Leaf) -> bool:
    """Whether nothing that its decisions carry depends on the request."""
    if leaf.rule is not None and not all(isinstance(part, str) for part in reason_of(leaf.rule)):
        return False
    return all(isinstance(e, c.Constant) for e in citations_of(leaf)) and not any(computed(clause) for clause, _ in clauses(leaf))


def citations_of(leaf: Leaf) -> Iterator[c.Expression]:
    yield from leaf.rule.citations if leaf.rule else ()
    for policy in leaf.around:
        yield from policy.citations


@dataclass(slots=True)
class Duties:
    """Those of a decision, with what was unknown about them. `computable`: no obligation had an unknown part."""

    made: list[tuple[DutyKind, Duty]]
    causes: Causes = NONE
    computable: bool = True


@dataclass(frozen=True, slots=True)
class Carried:
    """What is carried. Invariant: generated code takes the values of `shown`, `cited` and `asked`, in this order, one a clause.

    Attributes:
        texts: the parts of the reason; None stands for the next value shown.
        citations: texts, or None for the next value cited.
        duties: each clause with its duty if that is always the same, else None.
    """

    texts: tuple[str | None, ...]
    citations: tuple[tuple[str, ...] | None, ...]
    duties: tuple[tuple[c.DutyClause, Duty | None], ...]
    shown: tuple[c.Expression, ...]
    cited: tuple[c.Expression, ...]
    asked: tuple[c.DutyClause, ...]

    @classmethod
    def of(cls, reason: Sequence[str | c.Expression], citations: Iterable[c.Expression], duties: Iterable[c.DutyClause]) -> Carried:
        citations, duties = tuple(citations), tuple(duties)
        return cls(
            texts=tuple(part if isinstance(part, str) else None for part in reason),
            citations=tuple(cited(e.value) if isinstance(e, c.Constant) else None for e in citations),
            duties=tuple((clause, None if computed(clause) else _fixed(clause)) for clause in duties),
            shown=tuple(part for part in reason if not isinstance(part, str)),
            cited=tuple(e for e in citations if not isinstance(e, c.Constant)),
            asked=tuple(filter(computed, duties)),
        )

    @property
    def fixed(self) -> bool:
        """Whether nothing depends on the request."""
        return not (self.shown or self.cited or self.asked)

    def reason(self, values: Values) -> str:
        left = iter(values)
        return "".join(text if text is not None else text_of(next(left)) for text in self.texts)

    def cite(self, values: Values) -> tuple[str, ...]:
        left = iter(values[len(self.shown) :])
        return tuple(text for texts in self.citations for text in (texts if texts is not None else cited(next(left))))

    def made(self, values: Values, kind: DutyKind) -> tuple[Duty, ...]:
        """The obligations or advice, of values all of which are known: a clause's arguments, or None where its guard is false."""
        left = iter(values[len(self.shown) + len(self.cited) :])
        found: list[Duty] = []
        for clause, duty in self.duties:
            arguments = None if duty is not None else next(left)
            if clause.kind is kind and duty is not None:
                found.append(duty)
            elif clause.kind is kind and arguments is not None:
                found.append(_duty(clause, map(value_of, arguments)))
        return tuple(found)

    def weighed(self, values: Values) -> Duties:
        """The duties of values that may be unknown: a clause's guard and then its arguments.

        What is unknown about advice drops it. What is unknown about an obligation leaves it without that argument.
        """
        left = iter(values[len(self.shown) + len(self.cited) :])
        found = Duties([])
        for clause, duty in self.duties:
            if duty is not None:
                found.made.append((clause.kind, duty))
                continue
            guard, *arguments = next(left)
            if guard is False:
                continue
            unknowns = [each for each in (guard, *arguments) if type(each) is Unknown]
            found.causes = found.causes.union(*(each.causes for each in unknowns))
            if unknowns and clause.kind is DutyKind.ADVICE:
                continue
            found.computable = found.computable and not unknowns
            known = (None if type(each) is Unknown else value_of(each) for each in arguments)
            found.made.append((clause.kind, _duty(clause, known)))
        return found


def reason_of(rule: c.Rule) -> tuple[str | c.Expression, ...]:
    """The parts of a rule's reason; one without a template has its title, or its effect and name."""
    return rule.because.parts if rule.because is not None else (rule.title or f"{rule.effect}: {rule.name}",)


def carried_by_leaf(leaf: Leaf) -> Carried:
    """What decisions by one leaf carry: the rule's own, then that of the policies around it."""
    reason = reason_of(leaf.rule) if leaf.rule is not None else (f"no rule of {leaf.around[0].name} applies",)
    return Carried.of(reason, citations_of(leaf), (clause for clause, _ in clauses(leaf)))


def carried_by_rule(rule: c.Rule) -> Carried:
    return Carried.of(reason_of(rule), rule.citations, clauses_for(rule.duties, Effect(rule.effect)))


def carried_by_policy(policy: c.Policy, effect: Effect) -> Carried:
    return Carried.of((), policy.citations, clauses_for(policy.duties, effect))


def _fixed(clause: c.DutyClause) -> Duty:
    return _duty(clause, (a.value for a in clause.arguments if isinstance(a, c.Constant)))


def _duty(clause: c.DutyClause, arguments: Iterable[Any]) -> Duty:
    return Duty(clause.id, dict(zip(clause.parameters, arguments, strict=True)))
