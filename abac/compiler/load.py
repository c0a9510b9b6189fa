"""Floor 4, compiler: generated code becomes functions that decide."""

from __future__ import annotations

import itertools
import linecache
import logging
import sys
import weakref
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from abac.compiler import answers
from abac.compiler.answers import Answer
from abac.compiler.edge import Edge
from abac.compiler.emit import Module, emit_module
from abac.compiler.graph import Graph
from abac.compiler.listing import number
from abac.compiler.outcomes import decision, nothing_applies
from abac.compiler.runtime import FIRST_SLOT, HORIZON, UNREAD, HandOver, Memo
from abac.compiler.tables import Table
from abac.language import checked as c
from abac.model.combining import Outcome as Extended
from abac.model.decision import INVALID_REQUEST, Decision, Effect
from abac.model.limits import MAX_CAUSES
from abac.model.request import Clock, InvalidRequest, Request, read_context
from abac.model.schema import DutyKind
from abac.model.values import Cause, CauseKind, EntityValue, RecordValue, Unknown, Validated

log = logging.getLogger("abac")
_numbers = itertools.count(1)
_STOP = (KeyboardInterrupt, SystemExit)
Decide = Callable[..., Decision]
Permits = Callable[..., bool]


class Compiled:
    """A policy as Python functions. Immutable; any number of threads may decide at once.

    Attributes:
        graph: what was compiled.
        namespace: the generated functions, and what they find by name.
        surprises: how often the fast path met an error that it does not know: raised by a caller's objects, or by a mistake of ours.
    """

    def __init__(self, graph: Graph, module: Module, digest: str) -> None:
        self.graph, self.digest, self.module = graph, digest, module
        world = module.world
        self.forms = world.forms
        self.edge = Edge(graph.package, world.forms, world.uses.now)
        filename = f"abac-policy-{next(_numbers)}"
        self.namespace = load(module, filename)
        weak = weakref.ref(self)
        linecache.cache[filename] = (lambda: made._flat() if (made := weak()) else "",)
        weakref.finalize(self, linecache.cache.pop, filename, None)
        self._link()
        self._nothing = nothing_applies(graph.root.policy.name, digest)
        self._entries: dict[tuple[frozenset[str], bool], tuple[Decide, Permits]] = {}
        self._codes: dict[bool, CodeType] = {}
        self.successors: list[Any] = []
        self.surprises = 0
        self._fixed = {
            "LATER": self.successors, "surprise": self._surprised,
            "STOP": _STOP, "UNREAD": UNREAD, "BaseException": BaseException, "decision": decision, "NO_RULE": _Nothing(self._nothing),
            "EMPTY": self._empty(),
        }  # fmt: skip

    def _link(self) -> None:
        """Names of functions become functions wherever code or data was made before them."""
        module, namespace = self.module, self.namespace
        for odd, identifier in module.world.readers.links:
            odd.read = namespace[identifier]
        for code in module.codes:
            code.function = namespace[code.function]
        for outcome in module.outcomes:
            outcome.digest = self.digest
            for name, value in module.captures.get(outcome.leaf.number, {}).items():
                setattr(outcome, name, namespace[value] if isinstance(value, str) else value())
            if outcome.carried.fixed:
                outcome.decision = decision(outcome, (), None)
        self._fill_tables()
        for owner, (fast, exact, wanted) in module.roots.items():
            self.edge.fast[owner], self.edge.exact[owner], self.edge.wanted[owner] = namespace[fast], namespace[exact], wanted

    def _fill_tables(self) -> None:
        """The tables of filed steps, under the names by which generated code looks into them."""
        namespace = self.namespace
        for identifier, _, make in self.module.world.tables.values():
            made = make()
            root = namespace[identifier] = made.root() if isinstance(made, Table) else made
            if type(root) is dict:
                namespace |= {f"{identifier}_get": root.get, f"{identifier}_keys": frozenset(root)}
            elif isinstance(made, Table):
                namespace[f"{identifier}_cuts"], namespace[f"{identifier}_cells"] = root
        for tests, numbers in self.module.tests.items():
            namespace[tests] = (None, *(namespace[numbers[i]] for i in range(1, len(numbers) + 1)))
        for searches, identifiers in self.module.searches.items():
            namespace[searches] = {number: namespace[identifier] for number, identifier in identifiers.items()}

    @property
    def source(self) -> str:
        """The generated Python, laid out for readers. It is made anew: the same graph gives the same text."""
        return emit_module(self.graph).text(entries=True)

    def _flat(self) -> str:
        """The generated Python as tracebacks and `inspect` count its lines; asked for by `linecache`, when it needs it."""
        return emit_module(self.graph).flat()

    # ── the ways in ────────────────────────────────────────────────────────────────────────────────────────

    def entries(self, discharges: frozenset[str], *, trusting: bool) -> tuple[Decide, Permits]:
        """`decide` and `permits`, of (subject, action, resource, context=None, at=None), for what one caller discharges."""
        key = (discharges, trusting)
        if key not in self._entries:
            scope = {**self.namespace, **self._verdicts(discharges), **self._fixed}
            for name, value in self.namespace.items():  # each caller's functions read its own globals
                if type(value) is FunctionType and value.__globals__ is self.namespace:
                    scope[name] = FunctionType(value.__code__, scope, name, value.__defaults__)
            scope["slow_decide"] = self._slow_decide(trusting)
            scope["slow_permits"] = self._slow_permits(discharges, scope[self.module.search.forms], trusting)
            code = self._entry_code(trusting)
            scope.update(self.module.world.slots.values)
            exec(code, scope)
            self._entries[key] = scope["decide"], scope["permits"]
        return self._entries[key]

    def _entry_code(self, trusting: bool) -> CodeType:
        if trusting not in self._codes:
            self._codes[trusting] = compile(number(self.module.entries(trusting=trusting), {}), "abac-entry", "exec")
        return self._codes[trusting]

    def _verdicts(self, discharges: frozenset[str]) -> dict[str, Any]:
        """P1: whether a permit by leaf 1 stands; A: those that do; C: those of which the request tells; D: what the caller discharges."""
        permitting = [outcome for outcome in self.module.outcomes if outcome.effect is Effect.PERMIT]
        stands = {o: o.obligations is not None and o.obligations <= discharges for o in permitting}
        named = {f"P{o.leaf.number}": stands[o] for o in permitting}
        always = frozenset(o for o in permitting if stands[o])
        return {**named, "A": always, "C": frozenset(o for o in permitting if o.obligations is None), "D": discharges}

    def _empty(self) -> Validated:
        """The context of a request without one."""
        package = self.graph.package
        read = read_context(None, package.schema, package.tables)
        assert isinstance(read, RecordValue)
        return self.form(read)

    def form(self, value: EntityValue | RecordValue) -> Validated:
        """What was read once, as decisions take it."""
        made = self.forms.top(value)
        self.forms.freeze(made)
        return made

    def _slow_decide(self, trusting: bool) -> Decide:
        search = self.namespace[self.module.search_timed.forms]

        def decide(subject: Any, action: Any, resource: Any, context: Any, at: Clock) -> Decision:
            now = self.edge.clock(at, context, trusting) if self.edge.reads_now else None
            try:
                parts = self.edge.fast_parts(subject, action, resource, context)
                if parts is not None and type(now) is not Unknown:
                    return self._made(search, parts, self.memo(now))
            except UNREAD:
                pass
            except _STOP:
                raise
            except BaseException:  # the objects are the caller's, and may raise anything
                self._surprised()
            return self._exactly(subject, action, resource, context, now)

        return decide

    def _slow_permits(self, discharges: frozenset[str], search: Any, trusting: bool) -> Permits:
        def permits(subject: Any, action: Any, resource: Any, context: Any, at: Clock) -> bool:
            now = self.edge.clock(at, context, trusting) if self.edge.reads_now else None
            try:
                parts = self.edge.fast_parts(subject, action, resource, context)
                if parts is not None and type(now) is not Unknown:
                    return bool(search(*parts, self.memo(now)))
            except UNREAD:
                pass
            except _STOP:
                raise
            except BaseException:  # the objects are the caller's, and may raise anything
                self._surprised()
            decided = self._exactly(subject, action, resource, context, now)
            return decided.permitted and all(duty.id in discharges for duty in decided.obligations)

        return permits

    def _surprised(self) -> None:
        """Something was raised that the fast path has no name for: the exact path decides."""
        self.surprises += 1
        log.warning("%s while deciding in two values: decided again in three", getattr(sys.exc_info()[0], "__name__", "nothing"))

    def memo(self, now: Any) -> Memo:
        """What a decision keeps while it is made."""
        return [now, None, {}, *[None] * max(0, self.module.memo - FIRST_SLOT)]

    def _made(self, search: Any, parts: Any, memo: Memo) -> Decision:
        outcome = search(*parts, memo)
        if outcome is None:
            made = self._nothing
        elif outcome.decision is not None:
            made = outcome.decision
        else:
            values = outcome.capture(*parts, memo, outcome.row)
            return decision(outcome, values, memo[HORIZON])
        return made if memo[HORIZON] is None else made.until(memo[HORIZON])

    def _exactly(self, subject: Any, action: Any, resource: Any, context: Any, now: Any) -> Decision:
        try:
            parts = self.edge.exact_parts(subject, action, resource, context)
            return self._invalid(parts) if isinstance(parts, InvalidRequest) else self._exact_decision(parts, now)
        except _STOP:
            raise
        except BaseException as error:
            log.error("a decision was given up: %s", type(error).__name__)
            return self._given_up()

    # ── requests that were read before ─────────────────────────────────────────────────────────────────────

    def permits(self, request: Request | InvalidRequest, discharges: frozenset[str]) -> bool:
        """Whether the request is permitted and every obligation is one of `discharges`."""
        if isinstance(request, InvalidRequest):
            return False
        _, permits = self.entries(discharges, trusting=False)
        parts = self.forms.parts(request)
        for part in parts:
            self.forms.freeze(part)
        subject, resource, context = parts
        return permits(subject, request.action, resource, context, request.now)

    def decide(self, request: Request | InvalidRequest) -> Decision:
        """The decision; raises for no request."""
        if isinstance(request, InvalidRequest):
            return self._invalid(request)
        try:
            return self.fast(request)
        except UNREAD:
            return self.exact(request)

    def fast(self, request: Request, parts: tuple[Any, ...] | None = None, memo: Memo | None = None) -> Decision:
        """The decision in two values.

        Args:
            parts, memo: in place of forms made of the request, and of a memo.

        Raises:
            HandOver and others of `UNREAD`: something read was unknown.
        """
        if type(request.now) is Unknown and self.edge.reads_now:
            raise HandOver
        subject, resource, context = parts or self.forms.parts(request)
        search = self.namespace[self.module.search_timed.forms]
        return self._made(search, (subject, request.action, resource, context), memo if memo is not None else self.memo(request.now))

    def exact(self, request: Request) -> Decision:
        """The decision in three values."""
        return self._exact_decision(self.edge.exact_forms(request), request.now)

    def _exact_decision(self, parts: Any, now: Any) -> Decision:
        memo = self.memo(now)
        return self._decision_of(answers.answer(self.module.exact, (*parts, memo)), memo)

    def _decision_of(self, answer: Answer, memo: Memo) -> Decision:
        decided = answer.outcome in (Extended.PERMIT, Extended.DENY)
        duties = answer.duties if decided else []
        return Decision(
            effect=answer.outcome.effect, rule=answer.rule.name if answer.rule else None, policy=answer.policy.name, code=answer.code,
            reason=_reason(answer), citations=answer.citations if decided else (),
            obligations=tuple(duty for kind, duty in duties if kind is DutyKind.OBLIGATION),
            advice=tuple(duty for kind, duty in duties if kind is DutyKind.ADVICE),
            unknown=tuple(sorted(answer.causes)[:MAX_CAUSES]), valid_until=memo[HORIZON], digest=self.digest,
        )  # fmt: skip

    def _invalid(self, request: InvalidRequest) -> Decision:
        causes = tuple(sorted(request.unknown.causes))
        return self._undecided(INVALID_REQUEST, f"the request is not valid: {causes[0]}", causes)

    def _given_up(self) -> Decision:
        """Nothing could be made of the request: its objects use up the stack, say."""
        return self._undecided(INVALID_REQUEST, "the request cannot be read", (Cause("request", CauseKind.LIMIT_EXCEEDED),))

    def _undecided(self, code: str, reason: str, causes: tuple[Cause, ...]) -> Decision:
        return Decision(
            effect=Effect.INDETERMINATE, rule=None, policy=self.graph.root.policy.name, code=code, reason=reason, unknown=causes,
            digest=self.digest,
        )  # fmt: skip


class _Nothing:
    """In place of an outcome where no rule applies."""

    __slots__ = ("decision",)

    def __init__(self, decision: Decision) -> None:
        self.decision = decision


def load(module: Module, filename: str) -> dict[str, Any]:
    """The namespace of a generated module after it ran: its functions, and nothing built in but what its slots name."""
    code: CodeType = compile(module.tree(), filename, "exec")
    namespace: dict[str, Any] = {"__builtins__": {}, "__name__": "abac.policy", **module.world.slots.values}
    for outcome in module.outcomes:
        namespace[f"L{outcome.leaf.number}"] = outcome
    exec(code, namespace)  # the tree was made by the emitters: names are counters, constants are constants
    return namespace


def _reason(answer: Answer) -> str:
    """As the fast path says it, or why the rule cannot be decided."""
    rule: c.Rule | None = answer.rule
    first = str(min(answer.causes)) if answer.causes else "something is unknown"
    if answer.several:
        return f"more than one policy of {answer.policy.name} applies"
    if rule is None:
        return f"no rule of {answer.policy.name} applies" + (f": {first}" if answer.causes else "")
    if answer.outcome.undecided or not answer.held:
        return f"cannot decide {rule.name}: {first}"
    assert answer.reason is not None
    return answer.reason()
