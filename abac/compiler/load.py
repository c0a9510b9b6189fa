"""Floor 4, compiler: generated code becomes functions that decide."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from abac.compiler import answers
from abac.compiler.answers import Answer
from abac.compiler.edge import Edge
from abac.compiler.emit import Module, emit_module
from abac.compiler.emit_answers import ExactPolicy
from abac.compiler.graph import Graph, Leaf
from abac.compiler.later import Later
from abac.compiler.outcomes import Facts, Outcome, nothing_applies
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
_STOP = (KeyboardInterrupt, SystemExit)
Decide = Callable[..., Decision]
Permits = Callable[..., bool]
KEPT = ("name", "package_name", "schema", "tables", "forms", "edge", "kept", "searches", "trusting")
"""The attributes of a compiled policy that are kept as they are."""


class Compiled:
    """A policy as Python functions. Immutable; any number of threads may decide at once.

    Attributes:
        name, package_name: of its policy, and of the package.
        decide, permits: of (subject, action, resource, context, at), whatever a caller has for them; raise for no request.
        namespace: the generated functions, and what they find by name.
        given: the names that every policy has of itself.
        searches: the names of the functions that search forms, for `permits` and for `decide`.
        kept: how many places a memo has for what decisions compute once.
        package, graph, module, exact_policy: what was compiled, what it became, and the exact path, each made when it is first asked
            for where the policy was kept as it is.
        surprises: how often the fast path met an error that it does not know: raised by a caller's objects, or by a mistake of ours.
    """

    def __init__(self, module: Module, digest: str = "", discharges: frozenset[str] = frozenset()) -> None:
        package = module.graph.package
        self.start(digest, discharges, module.code())
        self.trusting = module.trusting
        self.name, self.package_name = module.graph.root.policy.name, package.name
        self.schema, self.tables = package.schema, package.tables
        self.forms, self._reads_now, self.kept = module.world.forms, module.world.uses.now, module.world.memo_places - FIRST_SLOT
        self.searches = module.verdict.forms, module.decision.forms
        self.edge = Edge(self.schema, self.tables, self.forms, self._reads_now)
        self._package, self._leaves = Later.given(package), Later.given(module.graph.leaves)
        self._graph, self._module, self._exact_policy = Later.given(module.graph), Later.given(module), Later.given(module.exact)
        outcomes = {leaf.number: Outcome(Facts.of(leaf), self.leaf, digest, discharges) for leaf in module.graph.leaves}
        self.namespace |= module.world.slots.values
        self._link(module, outcomes)
        self._open()

    # ── the namespace ──────────────────────────────────────────────────────────────────────────────────────

    def start(self, digest: str, discharges: frozenset[str], code: CodeType) -> None:
        """The namespace after the module ran: its functions, and nothing built in but what its slots name."""
        self.digest, self.discharges, self.code, self.surprises = digest, discharges, code, 0
        self.namespace: dict[str, Any] = {
            "__builtins__": {}, "__name__": "abac.policy", "STOP": _STOP, "UNREAD": UNREAD, "BaseException": BaseException,
            "surprise": self._surprised, "DISCHARGED": discharges, "slow_decide": self._slow_decide, "slow_permits": self._slow_permits,
            "unread_decide": self._unread_decide, "unread_permits": self._unread_permits,
            "exact_decide": self._exact_decide, "exact_permits": self._exact_permits,
        }  # fmt: skip
        self.given = frozenset((*self.namespace, "EMPTY", "NOTHING_APPLIES", "LATER"))
        exec(code, self.namespace)  # the tree was made by the emitters: names are counters, constants are constants

    def resume(
        self, state: Mapping[str, Any], package: Later[c.Package], leaves: Later[tuple[Leaf, ...]], graph: Later[Graph],
        module: Later[Module], exact: Later[ExactPolicy],
    ) -> None:  # fmt: skip
        """After `start`, take over what was kept of a policy, by the names of `KEPT`. Beside them stand `named`, for the namespace, and
        `outcomes`, those that code calls by name."""
        for each in KEPT:
            setattr(self, each, state[each])
        self._reads_now = self.edge.reads_now
        self._package, self._leaves, self._graph, self._module, self._exact_policy = package, leaves, graph, module, exact
        self.namespace |= state["named"]
        self._name_outcomes(state["outcomes"])
        self._open()

    def _open(self) -> None:
        """Requests may come in, once everything has its name."""
        self.namespace |= {"EMPTY": self._empty(), "NOTHING_APPLIES": nothing_applies(self.name, self.digest)}
        self.decide: Decide = self.namespace["decide"]
        self.permits: Permits = self.namespace["permits"]
        for way_in in (self.namespace["decide"], self.namespace["permits"]):
            way_in.__defaults__ = (self.namespace["EMPTY"], None)

    def _link(self, module: Module, outcomes: dict[int, Outcome]) -> None:
        """Names of functions become functions wherever code or data was made before them."""
        namespace = self.namespace
        for odd, identifier in module.world.readers.links:
            odd.read = namespace[identifier]
        for code in module.codes:
            code.function = namespace[code.name]
        for number, outcome in outcomes.items():
            for name, value in module.captures.get(number, {}).items():
                setattr(outcome, name, namespace[value] if isinstance(value, str) else value())
        self._name_outcomes(outcomes)
        self._fill_tables(module, outcomes)
        for owner, (fast, exact, wanted) in module.roots.items():
            self.edge.fast[owner], self.edge.exact[owner], self.edge.wanted[owner] = namespace[fast], namespace[exact], wanted

    def _name_outcomes(self, outcomes: dict[int, Outcome]) -> None:
        for number, outcome in outcomes.items():
            self.namespace |= {f"L{number}": outcome, f"P{number}": outcome.stands, f"D{number}": outcome.decision}

    def _fill_tables(self, module: Module, outcomes: dict[int, Outcome]) -> None:
        """The tables of filed steps, under the names by which generated code looks into them."""
        namespace = self.namespace
        for identifier, _, make in module.world.tables.values():
            made = make(outcomes)
            root = namespace[identifier] = made.root() if isinstance(made, Table) else made
            if type(root) is dict:
                namespace |= {f"{identifier}_get": root.get, f"{identifier}_keys": frozenset(root)}
            elif isinstance(made, Table):
                namespace[f"{identifier}_cuts"], namespace[f"{identifier}_cells"] = root
        for tests, numbers in module.tests.items():
            namespace[tests] = (None, *(namespace[numbers[i]] for i in range(1, len(numbers) + 1)))
        for searches, identifiers in module.searches.items():
            namespace[searches] = {number: namespace[identifier] for number, identifier in identifiers.items()}

    # ── what was compiled ──────────────────────────────────────────────────────────────────────────────────

    @property
    def package(self) -> c.Package:
        return self._package()

    @property
    def graph(self) -> Graph:
        return self._graph()

    @property
    def module(self) -> Module:
        return self._module()

    @property
    def exact_policy(self) -> ExactPolicy:
        return self._exact_policy()

    def numbers(self) -> range:
        """The numbers of all leaves."""
        return range(1, len(self._leaves()) + 1)

    def leaf(self, number: int) -> Leaf:
        """The leaf with that number."""
        return self._leaves()[number - 1]

    @property
    def source(self) -> str:
        """The generated Python, laid out for readers. It is made anew: the same graph gives the same text."""
        return emit_module(self.graph).text()

    def succeed(self, successor: Any) -> None:
        """From now on `decide` and `permits` are the successor's, for callers who still hold them: calls under way end as they began."""
        self.namespace["LATER"] = successor
        self.namespace["decide"].__code__, self.namespace["permits"].__code__ = _later_decide.__code__, _later_permits.__code__

    def _empty(self) -> Validated:
        """The context of a request without one."""
        read = read_context(None, self.schema, self.tables)
        assert isinstance(read, RecordValue)
        return self.form(read)

    def form(self, value: EntityValue | RecordValue) -> Validated:
        """What was read once, as decisions take it."""
        made = self.forms.top(value)
        self.forms.freeze(made)
        return made

    # ── what the ways in leave ─────────────────────────────────────────────────────────────────────────────

    def _now(self, at: Clock, context: Any) -> Any:
        """The clock of a decision, where one is read."""
        return self.edge.clock(at, context, self.trusting) if self._reads_now else None

    def _slow_decide(self, subject: Any, action: Any, resource: Any, context: Any, at: Clock) -> Decision:
        now = self._now(at, context)
        found = self._fast(self.searches[1], (subject, action, resource, context), now)
        return self._exactly(subject, action, resource, context, now) if found is None else found

    def _slow_permits(self, subject: Any, action: Any, resource: Any, context: Any, at: Clock) -> bool:
        now = self._now(at, context)
        found = self._fast(self.searches[0], (subject, action, resource, context), now)
        return self._exactly_permits(subject, action, resource, context, now) if found is None else bool(found)

    def _unread_decide(self, subject: Any, action: Any, resource: Any, context: Any, at: Clock) -> Decision:
        """The decision on plain dicts of which the search of plain dicts could not read something: most often it is not there."""
        now = self._now(at, context)
        return self._exactly(subject, action, resource, context, now)

    def _unread_permits(self, subject: Any, action: Any, resource: Any, context: Any, at: Clock) -> bool:
        now = self._now(at, context)
        return self._exactly_permits(subject, action, resource, context, now)

    def _exactly_permits(self, subject: Any, action: Any, resource: Any, context: Any, now: Any) -> bool:
        try:
            parts = self.edge.exact_parts(subject, action, resource, context)
        except _STOP:
            raise
        except BaseException as error:
            return self._given_up(error).permitted
        return not isinstance(parts, InvalidRequest) and self._exact_permits(*parts, now)

    def _exact_decide(self, subject: Any, action: Any, resource: Any, context: Any, now: Any) -> Decision:
        """The decision on exact forms."""
        return self._whole(lambda: self._exact_decision((subject, action, resource, context), now))

    def _exact_permits(self, subject: Any, action: Any, resource: Any, context: Any, now: Any) -> bool:
        """Whether exact forms are permitted, and the caller discharges what that obliges to."""
        try:
            return answers.stands(self.exact_policy, (subject, action, resource, context, self.memo(now)), self.discharges)
        except _STOP:
            raise
        except BaseException as error:
            return self._given_up(error).permitted

    def _fast(self, search: str, request: tuple[Any, Any, Any, Any], now: Any) -> Any:
        """What a search comes to for forms that the edge reads; None where it cannot tell."""
        try:
            parts = self.edge.fast_parts(*request)
            if parts is not None and type(now) is not Unknown:
                return self.namespace[search](*parts, self.memo(now))
        except UNREAD:
            pass
        except _STOP:
            raise
        except BaseException:  # the objects are the caller's, and may raise anything
            self._surprised()
        return None

    def _surprised(self) -> None:
        """Something was raised that the fast path has no name for: the exact path decides."""
        self.surprises += 1
        log.warning("%s while deciding in two values: decided again in three", getattr(sys.exc_info()[0], "__name__", "nothing"))

    def memo(self, now: Any) -> Memo:
        """What a decision keeps while it is made."""
        return [now, None, {}, *[None] * self.kept]

    def _exactly(self, subject: Any, action: Any, resource: Any, context: Any, now: Any) -> Decision:
        def decided() -> Decision:
            parts = self.edge.exact_parts(subject, action, resource, context)
            return self._invalid(parts) if isinstance(parts, InvalidRequest) else self._exact_decision(parts, now)

        return self._whole(decided)

    def _whole(self, decided: Callable[[], Decision]) -> Decision:
        """What was decided in three values; where that raises, the request is given up."""
        try:
            return decided()
        except _STOP:
            raise
        except BaseException as error:
            return self._given_up(error)

    # ── requests that were read before ─────────────────────────────────────────────────────────────────────

    def permits_request(self, request: Request | InvalidRequest) -> bool:
        """Whether the request is permitted and every obligation is one that the caller discharges."""
        return not isinstance(request, InvalidRequest) and self.permits(*self._as_parts(request))

    def decide_request(self, request: Request | InvalidRequest) -> Decision:
        """The decision of this policy, also where another has succeeded it since the request was read; raises for no request."""
        if isinstance(request, InvalidRequest):
            return self._invalid(request)
        try:
            return self.fast(request)
        except UNREAD:
            pass
        except _STOP:
            raise
        except BaseException:  # a mistake of ours
            self._surprised()
        return self._whole(lambda: self.exact(request))

    def _as_parts(self, request: Request) -> tuple[Any, ...]:
        return self.form(request.subject), request.action, self.form(request.resource), self.form(request.context), request.now

    def fast(self, request: Request, parts: tuple[Any, ...] | None = None, memo: Memo | None = None) -> Decision:
        """The decision in two values.

        Args:
            parts, memo: in place of forms made of the request, and of a memo.

        Raises:
            HandOver and others of `UNREAD`: something read was unknown.
        """
        if type(request.now) is Unknown and self._reads_now:
            raise HandOver
        subject, resource, context = parts or self.forms.parts(request)
        search = self.namespace[self.searches[1]]
        made: Decision = search(subject, request.action, resource, context, memo if memo is not None else self.memo(request.now))
        return made

    def exact(self, request: Request) -> Decision:
        """The decision in three values."""
        return self._exact_decision(self.edge.exact_forms(request), request.now)

    def _exact_decision(self, parts: Any, now: Any) -> Decision:
        memo = self.memo(now)
        return self._decision_of(answers.answer(self.exact_policy, (*parts, memo)), memo)

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

    def _given_up(self, error: BaseException) -> Decision:
        """Nothing could be made of the request: its objects use up the stack, say."""
        log.error("a decision was given up: %s", type(error).__name__)
        return self._undecided(INVALID_REQUEST, "the request cannot be read", (Cause("request", CauseKind.LIMIT_EXCEEDED),))

    def _undecided(self, code: str, reason: str, causes: tuple[Cause, ...]) -> Decision:
        return Decision(
            effect=Effect.INDETERMINATE, rule=None, policy=self.name, code=code, reason=reason, unknown=causes,
            digest=self.digest,
        )  # fmt: skip


def _later_decide(subject, action, resource, context, at):  # type: ignore[no-untyped-def]  # run with the names of a namespace
    return LATER.decide(subject, action, resource, context, at)  # type: ignore[name-defined]  # noqa: F821


def _later_permits(subject, action, resource, context, at):  # type: ignore[no-untyped-def]
    return LATER.permits(subject, action, resource, context, at)  # type: ignore[name-defined]  # noqa: F821


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
