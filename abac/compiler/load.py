"""Floor 4, compiler: generated code becomes functions that decide."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from abac.compiler.answers import Answer
from abac.compiler.emit import Module, Outcome, emit_module
from abac.compiler.emit_policies import citations_of, clauses, dynamic, fixed_reason, obligations_of
from abac.compiler.graph import Graph, Leaf
from abac.compiler.runtime import HORIZON, HandOver, Memo, cited
from abac.language import checked as c
from abac.model.combining import Outcome as Extended
from abac.model.decision import INVALID_REQUEST, NO_RULE_APPLIES, Decision, Duty, Effect
from abac.model.limits import MAX_CAUSES
from abac.model.request import InvalidRequest, Request
from abac.model.schema import DutyKind

_numbers = itertools.count(1)
Fields = Mapping[str, Any]
Search = Callable[[Fields, Fields, Fields, Memo], Outcome | None]


class Compiled:
    """A policy as Python functions. Immutable; any number of threads may decide at once.

    Attributes:
        graph: what was compiled.
    """

    def __init__(self, graph: Graph, module: Module, digest: str) -> None:
        self.graph, self.digest = graph, digest
        filename = f"abac-policy-{next(_numbers)}"
        namespace = load(module, filename)
        weak = weakref.ref(self)
        linecache.cache[filename] = (lambda: made._flat() if (made := weak()) else "",)
        weakref.finalize(self, linecache.cache.pop, filename, None)
        self._search: Search = namespace[module.search]
        self._search_timed: Search = namespace[module.search_timed]
        self._exact: Callable[[Memo], Answer] = namespace[module.exact]
        self._outcomes = module.outcomes
        self._blank = [None] * (module.memo - HORIZON)
        for outcome in module.outcomes:
            number = outcome.leaf.number
            if number in module.obligers:
                outcome.oblige, outcome.oblige_timed = (namespace[identifier] for identifier in module.obligers[number])
            else:
                outcome.obligations = frozenset(clause.id for clause in obligations_of(outcome.leaf))
            if number in module.finishers:
                outcome.finish = namespace[module.finishers[number]]
            else:
                outcome.decision = _decision(outcome.leaf, digest, *_fixed_parts(outcome.leaf))
        self._nothing = Decision(
            effect=Effect.NOT_APPLICABLE, rule=None, policy=graph.root.policy.name, code=NO_RULE_APPLIES,
            reason=f"no rule of {graph.root.policy.name} applies", digest=digest,
        )  # fmt: skip

    @property
    def source(self) -> str:
        """The generated Python, laid out for readers. It is made anew: the same graph gives the same text."""
        return emit_module(self.graph).text()

    def _flat(self) -> str:
        """The generated Python as tracebacks and `inspect` count its lines; asked for by `linecache`, when it needs it."""
        return emit_module(self.graph).flat()

    def permits(self, request: Request | InvalidRequest, discharges: frozenset[str]) -> bool:
        """Whether the request is permitted and every obligation is one of `discharges`."""
        return self.permitter(discharges)(request)

    def permitter(self, discharges: frozenset[str]) -> Callable[[Request | InvalidRequest], bool]:
        """`permits` for one set of discharges, ready to be asked often: outcomes whose obligations never change are looked up."""
        permitting = [outcome for outcome in self._outcomes if outcome.effect is Effect.PERMIT]
        always = frozenset(o for o in permitting if o.obligations is not None and o.obligations <= discharges)
        computed = frozenset(o for o in permitting if o.obligations is None)
        search, blank, exact = self._search, self._blank, self.exact

        def permits(request: Request | InvalidRequest) -> bool:
            if type(request) is not Request:
                return False
            subject, resource, context = request.subject.fields, request.resource.fields, request.context.fields
            memo = [request, request.now, *blank]
            try:
                outcome = search(subject, resource, context, memo)
                if outcome in always:
                    return True
                return outcome in computed and discharges.issuperset(outcome.oblige(subject, resource, context, memo))
            except HandOver:
                decision = exact(request)
                return decision.permitted and all(duty.id in discharges for duty in decision.obligations)

        return permits

    def decide(self, request: Request | InvalidRequest) -> Decision:
        """The decision; raises for no request."""
        if type(request) is not Request:
            assert isinstance(request, InvalidRequest)
            return self._invalid(request)
        memo = [request, request.now, *self._blank]
        try:
            return self.fast(request, memo)
        except HandOver:
            return self.exact(request)

    def fast(self, request: Request, memo: Memo) -> Decision:
        """The decision in two values.

        Raises:
            HandOver: something read was unknown.
        """
        parts = (request.subject.fields, request.resource.fields, request.context.fields, memo)
        outcome = self._search_timed(*parts)
        if outcome is None:
            made = self._nothing
        elif outcome.decision is not None:
            made = outcome.decision
        else:
            made = _decision(outcome.leaf, self.digest, *outcome.finish(*parts))
        return made if memo[HORIZON] is None else made.until(memo[HORIZON])

    def exact(self, request: Request) -> Decision:
        """The decision in three values."""
        memo: Memo = [request, request.now, *self._blank]
        return self._decision_of(self._exact(memo), memo)

    def _decision_of(self, answer: Answer, memo: Memo) -> Decision:
        decided = answer.outcome in (Extended.PERMIT, Extended.DENY)
        duties = answer.duties if decided else []
        reason = _reason(answer)
        return Decision(
            effect=answer.outcome.effect, rule=answer.rule.name if answer.rule else None, policy=answer.policy.name, code=answer.code,
            reason=reason, citations=answer.citations if decided else (),
            obligations=tuple(duty for kind, duty in duties if kind is DutyKind.OBLIGATION),
            advice=tuple(duty for kind, duty in duties if kind is DutyKind.ADVICE),
            unknown=tuple(sorted(answer.causes)[:MAX_CAUSES]), valid_until=memo[HORIZON], digest=self.digest,
        )  # fmt: skip

    def _invalid(self, request: InvalidRequest) -> Decision:
        causes = tuple(sorted(request.unknown.causes))
        return Decision(
            effect=Effect.INDETERMINATE, rule=None, policy=self.graph.root.policy.name, code=INVALID_REQUEST,
            reason=f"the request is not valid: {causes[0]}", unknown=causes, digest=self.digest,
        )  # fmt: skip


def load(module: Module, filename: str) -> dict[str, Any]:
    """The namespace of a generated module after it ran: its functions, and nothing built in but what its slots name."""
    code: CodeType = compile(module.tree(), filename, "exec")
    namespace: dict[str, Any] = {"__builtins__": {}, "__name__": "abac.policy", **module.slots}
    for outcome in module.outcomes:
        namespace[f"L{outcome.leaf.number}"] = outcome
    exec(code, namespace)  # the tree was made by the emitters: names are counters, constants are constants
    for identifier, table in module.dispatchers:
        namespace[identifier] = {value: namespace[target.id] for value, target in table.items()}  # type: ignore[attr-defined]  # names
    return namespace


def _fixed_parts(leaf: Leaf) -> tuple[str, tuple[tuple[str, ...], ...], list[Duty], list[Duty]]:
    """What every decision by a leaf without computed parts carries."""
    assert not dynamic(leaf)
    reason = fixed_reason(leaf)
    if leaf.rule is not None and leaf.rule.because is not None:
        reason = "".join(str(part) for part in leaf.rule.because.parts)
    made: dict[DutyKind, list[Duty]] = {kind: [] for kind in DutyKind}
    for clause, _ in clauses(leaf):
        values = [a.value for a in clause.arguments if isinstance(a, c.Constant)]
        made[clause.kind].append(Duty(clause.id, dict(zip(clause.parameters, values, strict=True))))
    citations = tuple(cited(e.value) for e in citations_of(leaf) if isinstance(e, c.Constant))
    return reason, citations, made[DutyKind.OBLIGATION], made[DutyKind.ADVICE]


def _decision(
    leaf: Leaf, digest: str, reason: str, citations: tuple[tuple[str, ...], ...], obligations: list[Duty], advice: list[Duty]
) -> Decision:
    return Decision(
        effect=leaf.effect, rule=leaf.rule.name if leaf.rule else None, policy=leaf.around[0].name,
        code=leaf.rule.code if leaf.rule else NO_RULE_APPLIES, reason=reason, citations=tuple(t for texts in citations for t in texts),
        obligations=tuple(obligations), advice=tuple(advice), digest=digest,
    )  # fmt: skip


def _reason(answer: Answer) -> str:
    """As the fast path says it, or why the rule cannot be decided."""
    rule = answer.rule
    first = str(min(answer.causes)) if answer.causes else "something is unknown"
    if answer.several:
        return f"more than one policy of {answer.policy.name} applies"
    if rule is None:
        return f"no rule of {answer.policy.name} applies" + (f": {first}" if answer.causes else "")
    if answer.outcome.undecided or not answer.held:
        return f"cannot decide {rule.name}: {first}"
    return answer.reason() if answer.reason is not None else rule.title or f"{rule.effect}: {rule.name}"
