"""Floor 5, engine: loads policies, decides requests, replaces policies without a gap."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Protocol, Self

from abac.model.decision import Decision
from abac.model.request import read_context
from abac.model.schema import DutyKind, Schema
from abac.model.values import EntityValue, RecordValue, Unknown, Validated
from abac.model.wire import read_entity

if TYPE_CHECKING:
    from abac.engine.explain import Explanation
    from abac.engine.pipeline import Loaded
    from abac.engine.sources.protocol import Supply
    from abac.engine.statistics import Statistics

log = logging.getLogger("abac")
AnyPath = str | PathLike[str]
KEPT = 65_536
"""Decisions that are kept by default. With what it takes to find them, one takes about a kilobyte."""
Entity = EntityValue | RecordValue | Validated
Record = Entity


class Decide(Protocol):
    """How `Engine.decide` is called."""

    def __call__(
        self, subject: object, action: object, resource: object, context: object = None, at: dt.datetime | None = None
    ) -> Decision:
        """The decision on a request (AuthZEN 1.0 section 6.1, access evaluation).

        Args:
            subject, resource: plain mappings, pydantic models or dataclasses with the attributes that the schema declares, or what
                `Engine.subject` and `Engine.resource` made of them.
            action: the name of a declared action.
            context: like subject and resource; None is the empty context.
            at: the clock of this decision, an aware datetime; None: see `trust_request_clock` of `Engine.load`.

        Raises nothing for any request: what is missing or mistyped is unknown, and unknown never permits.
        """
        ...


class Permits(Protocol):
    """How `Engine.permits` is called."""

    def __call__(self, subject: object, action: object, resource: object, context: object = None, at: dt.datetime | None = None) -> bool:
        """Whether the request is permitted and every obligation is one that the caller discharges. Arguments as for `decide`."""
        ...


class Engine:
    """Decides requests by one package of policies.

    An engine is one reference to an immutable state: every decision sees one policy version whole, any number of threads may
    decide at once, and `reload` puts a new state in place or leaves the old one.

    Use `Engine.load` or `Engine.from_text`.
    """

    decide: Decide
    """The decision on a request (AuthZEN 1.0 section 6.1, access evaluation); see `Decide`."""

    permits: Permits
    """Whether a request is permitted and every obligation is one that the caller discharges; see `Permits`."""

    def __init__(
        self,
        load: Callable[[], Loaded],
        *,
        discharges: Iterable[str] = (),
        trusting: bool = False,
        sources: Sequence[Supply] = (),
        kept: int = KEPT,
    ) -> None:
        from abac.engine.checks import setting

        self._load, self._trusting = load, trusting
        self._discharges = frozenset(discharges)
        self._reloading = threading.Lock()
        self._setting = setting(sources, kept, trusting)
        self._put(load())
        self._report(self._state)

    def _put(self, state: Loaded) -> None:
        """Put a policy version in force. `decide` and `permits` are its own functions: nothing stands between them and the caller.

        Raises LoadError if a source supplies what its schema does not have.
        """
        from abac.engine.checks import Checks

        checks = Checks(state, self._setting)
        before, former = getattr(self, "_state", None), getattr(self, "_checks", None)
        self._state, self.decide, self.permits, self._checks = state, state.decide, state.permits, checks
        if before is not None:
            before.by.succeed(self)
        if former is not None:
            former.retire()

    @classmethod
    def load(
        cls,
        path: AnyPath | Sequence[AnyPath],
        *,
        discharges: Iterable[str] = (),
        trust_request_clock: bool = False,
        schema: Schema | None = None,
        compiled: bool = True,
        sources: Sequence[Supply] = (),
        kept: int = KEPT,
    ) -> Self:
        """An engine for a folder of `.abac` files, or for files of one folder.

        Args:
            discharges: ids of the obligations that the caller promises to discharge (XACML 3.0 section 7.18); `permits` is false
                for a permit that carries any other.
            trust_request_clock: whether the context's clock attribute is believed. Without it, `now` is the machine's clock, or
                `at` where a call gives it.
            schema: declarations that come from the service's own models, `Schema.from_models(…)`; the policies see their names.
            compiled: False decides by the reference evaluator, slowly: for comparison.
            sources: who supplies which attributes to `check`.
            kept: how many decisions `check` keeps for the next time, and how many answers of sources; 0: none.

        Raises:
            LoadError: something cannot be read, or is beyond a limit, or a source supplies what the schema does not have.
            PolicyErrors: every complaint about the policies, with places.
        """
        from abac.engine.pipeline import load_paths

        paths = [Path(path)] if isinstance(path, (str, PathLike)) else [Path(each) for each in path]
        declared = _declarations(schema)
        promised = frozenset(discharges)

        def read() -> Loaded:
            return load_paths(paths, declared, discharges=promised, compiled=compiled, trust_request_clock=trust_request_clock)

        return cls(read, discharges=promised, trusting=trust_request_clock, sources=sources, kept=kept)

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        discharges: Iterable[str] = (),
        trust_request_clock: bool = False,
        schema: Schema | None = None,
        compiled: bool = True,
        sources: Sequence[Supply] = (),
        kept: int = KEPT,
    ) -> Self:
        """An engine for one source text, which can neither import nor read data files. Arguments and errors are those of `load`."""
        from abac.engine.pipeline import load_text

        declared = _declarations(schema)
        promised = frozenset(discharges)

        def read() -> Loaded:
            return load_text(text, declared, discharges=promised, compiled=compiled, trust_request_clock=trust_request_clock)

        return cls(read, discharges=promised, trusting=trust_request_clock, sources=sources, kept=kept)

    # ── explaining ─────────────────────────────────────────────────────────────────────────────────────────

    def explain(
        self, subject: object, action: object, resource: object, context: object = None, *, at: dt.datetime | None = None
    ) -> Explanation:
        """The decision with what led to it. `str()` of it is for people, `.to_dict()` for machines. Arguments as for `decide`."""
        from abac.engine.explain import explain

        state = self._state
        now = dt.datetime.now(dt.timezone.utc) if at is None and not self._trusting else at
        return explain(state, state.read(subject, action, resource, context, now))

    # ── by identifiers ─────────────────────────────────────────────────────────────────────────────────────

    def check(
        self, subject_id: object, action: object, resource_id: object, context: object = None, *, at: dt.datetime | None = None
    ) -> Decision:
        """The decision on a request by identifiers, whose attributes the engine's sources supply.

        What was decided before is given again, without asking anybody, as long as a new decision would be the same: until it depends on
        time, until what the sources said is older than it may be, until `invalidate` or `reload`.

        Args:
            subject_id, resource_id: keys of entities; `EntityRef("User", "alice")` where the action admits several types.
            action, context: as for `decide`.
            at: the clock of this decision, an aware datetime; then nothing from before is given, and nothing is kept.

        Raises:
            TypeError: a source that must be asked is asynchronous; use `acheck`.
        """
        if at is None and type(subject_id) is str and type(action) is str and type(resource_id) is str:
            checks = self._checks
            try:  # as `Checks.kept` does, without the call, which is a fifth of what a hit may cost
                if context is None:
                    entry = checks.entries[action][subject_id][resource_id]
                else:
                    entry = checks.entries[action][subject_id][checks.key(resource_id, context)]
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:  # it is not kept; or the context is no dictionary, or one that raises: it is then read with more care
                pass
            else:
                if entry.start <= time() < entry.end:
                    entry.hits += 1
                    return entry.decision
        return self._checks.check(subject_id, action, resource_id, context, at, time)

    async def acheck(
        self, subject_id: object, action: object, resource_id: object, context: object = None, *, at: dt.datetime | None = None
    ) -> Decision:
        """`check` for event loops: waits for sources without holding up the loop. Sources that are not asynchronous run on threads."""
        checks = self._checks
        if at is None and (decision := checks.kept(subject_id, action, resource_id, context, time())) is not None:
            return decision
        return await checks.acheck(subject_id, action, resource_id, context, at, time)

    def explain_check(
        self, subject_id: object, action: object, resource_id: object, context: object = None, *, at: dt.datetime | None = None
    ) -> Explanation:
        """The decision of `check`, made anew, with what led to it and where the attributes came from.

        Arguments and errors are those of `check`.
        """
        from abac.engine.explain import explain

        checks = self._checks
        supplied = checks.supplied(subject_id, action, resource_id, context, at, time)
        return explain(checks.loaded, supplied.request, supplied.until)

    async def aexplain_check(
        self, subject_id: object, action: object, resource_id: object, context: object = None, *, at: dt.datetime | None = None
    ) -> Explanation:
        """`explain_check` for event loops."""
        from abac.engine.explain import explain

        checks = self._checks
        supplied = await checks.asupplied(subject_id, action, resource_id, context, at, time)
        return explain(checks.loaded, supplied.request, supplied.until)

    def invalidate(self, entity: object) -> None:
        """An entity has changed: whoever asks once this returns is given nothing that was fetched of it before.

        Args:
            entity: its key, whatever its type; or an EntityRef, which counts for its key alone.

        Raises:
            ValueError: no type of entity can have such a key.
        """
        checks = None
        while checks is not self._checks:  # a version that came into force meanwhile may read keys differently
            checks = self._checks
            checks.invalidate(entity)

    @property
    def statistics(self) -> Statistics:
        """What `check` did so far."""
        return self._checks.statistics(time())

    # ── entities that are decided on again and again ───────────────────────────────────────────────────────

    def subject(self, raw: object) -> Entity:
        """A subject read once: `decide` and the others take it as it is, without looking at its attributes again.

        What is missing or mistyped in it is unknown, as it is in any request. It is bound to the policy version in force; after `reload`
        it is read again, silently, by every decision.

        Raises:
            ValueError: if it is no object of a subject type, or its key is missing or mistyped.
        """
        return self._entity(raw, "subject", {name for action in self.schema.actions.values() for name in action.subjects})

    def resource(self, raw: object) -> Entity:
        """A resource read once; see `subject`."""
        return self._entity(raw, "resource", {name for action in self.schema.actions.values() for name in action.resources})

    def context(self, raw: object) -> Record:
        """A context read once; see `subject`. Its clock attribute counts only where the request's clock is trusted."""
        state = self._state
        read = read_context(raw, state.package.schema, state.package.tables)
        if isinstance(read, Unknown):
            raise ValueError(f"no context: {min(read.causes)}")
        return state.validated(read)

    def _entity(self, raw: object, part: str, names: set[str]) -> Entity:
        state = self._state
        read = read_entity(raw, tuple(sorted(names)), part, state.package.schema, state.package.tables)
        unknown = read if isinstance(read, Unknown) else read.key
        if isinstance(unknown, Unknown):
            raise ValueError(f"no {part}: {min(unknown.causes)}")
        assert isinstance(read, EntityValue)
        return state.validated(read)

    # ── the policy ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def digest(self) -> str:
        """`sha256:…` of policies, tables, schema, and the versions of the time zone database, Unicode and RE2."""
        return self._state.digest

    @property
    def schema(self) -> Schema:
        """What requests may contain."""
        return self._state.package.schema

    @property
    def state(self) -> Loaded:
        """The policy version in force: immutable, so that tools that look more than once see one version."""
        return self._state

    @property
    def undischarged(self) -> tuple[str, ...]:
        """Obligations that the policy may impose and the caller did not promise to discharge."""
        imposed = {d.id for d in self._state.package.schema.duties.values() if d.kind is DutyKind.OBLIGATION}
        return tuple(sorted(imposed - self._discharges))

    def reload(self) -> None:
        """Read the policies again and put them in place at once. On an error the old policy stays.

        Raises:
            LoadError, PolicyErrors: as `load` does.
        """
        with self._reloading:
            fresh = self._load()
            self._put(fresh)
        self._report(fresh)

    def _report(self, state: Loaded) -> None:
        log.info("loaded package %s, digest %s", state.package.name, state.digest)
        if self.undischarged:
            log.warning("nobody discharges %s: `permits` is false for every permit that carries one of them", ", ".join(self.undischarged))


def _declarations(schema: Schema | None) -> str:
    return "" if schema is None else schema.to_declarations()
