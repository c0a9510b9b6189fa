"""Floor 5, engine: loads policies, decides requests, replaces policies without a gap."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from abac.engine.folder import cache_folder
from abac.model.decision import Decision
from abac.model.request import read_context
from abac.model.schema import DutyKind, Schema
from abac.model.values import EntityValue, RecordValue, Unknown, Validated
from abac.model.wire import read_entity

if TYPE_CHECKING:
    from abac.engine.explain import Explanation
    from abac.engine.pipeline import Loaded

log = logging.getLogger("abac")
AnyPath = str | PathLike[str]
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

    def __init__(self, load: Callable[[], Loaded], *, discharges: Iterable[str] = (), trusting: bool = False) -> None:
        self._load, self._trusting = load, trusting
        self._discharges = frozenset(discharges)
        self._reloading = threading.Lock()
        self._put(load())
        self._report(self._state)

    def _put(self, state: Loaded) -> None:
        """Put a policy version in force. `decide` and `permits` are its own functions: nothing stands between them and the caller."""
        before = getattr(self, "_state", None)
        self._state, self.decide, self.permits = state, state.decide, state.permits
        if before is not None:
            before.by.succeed(self)

    @classmethod
    def load(
        cls,
        path: AnyPath | Sequence[AnyPath],
        *,
        discharges: Iterable[str] = (),
        trust_request_clock: bool = False,
        schema: Schema | None = None,
        compiled: bool = True,
        cache: bool | AnyPath | None = None,
    ) -> Self:
        """An engine for a folder of `.abac` files, or for files of one folder.

        Args:
            discharges: ids of the obligations that the caller promises to discharge (XACML 3.0 section 7.18); `permits` is false
                for a permit that carries any other.
            trust_request_clock: whether the context's clock attribute is believed. Without it, `now` is the machine's clock, or
                `at` where a call gives it.
            schema: declarations that come from the service's own models, `Schema.from_models(…)`; the policies see their names.
            compiled: False decides by the reference evaluator, slowly: for comparison.
            cache: where compiled policies are kept, so that the next load takes a fraction of the time: True for the user's own cache
                folder, or a folder; False for nowhere. None is nowhere too, unless `ABAC_CACHE_DIR` names a folder. Whoever may write
                that folder can run code here: it has to be this user's, or root's, and nobody else's.

        Raises:
            LoadError: something cannot be read, or is beyond a limit.
            PolicyErrors: every complaint about the policies, with places.
        """
        from abac.engine.pipeline import load_paths

        paths = [Path(path)] if isinstance(path, (str, PathLike)) else [Path(each) for each in path]
        declared = _declarations(schema)
        promised = frozenset(discharges)
        folder = cache_folder(cache)

        def read() -> Loaded:
            return load_paths(
                paths, declared, discharges=promised, compiled=compiled, trust_request_clock=trust_request_clock, cache=folder
            )

        return cls(read, discharges=promised, trusting=trust_request_clock)

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        discharges: Iterable[str] = (),
        trust_request_clock: bool = False,
        schema: Schema | None = None,
        compiled: bool = True,
    ) -> Self:
        """An engine for one source text, which can neither import nor read data files. Arguments and errors are those of `load`."""
        from abac.engine.pipeline import load_text

        declared = _declarations(schema)
        promised = frozenset(discharges)

        def read() -> Loaded:
            return load_text(text, declared, discharges=promised, compiled=compiled, trust_request_clock=trust_request_clock)

        return cls(read, discharges=promised, trusting=trust_request_clock)

    # ── explaining ─────────────────────────────────────────────────────────────────────────────────────────

    def explain(
        self, subject: object, action: object, resource: object, context: object = None, *, at: dt.datetime | None = None
    ) -> Explanation:
        """The decision with what led to it. `str()` of it is for people, `.to_dict()` for machines. Arguments as for `decide`."""
        from abac.engine.explain import explain

        state = self._state
        now = dt.datetime.now(dt.timezone.utc) if at is None and not self._trusting else at
        return explain(state, state.read(subject, action, resource, context, now))

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
        read = read_context(raw, state.schema, state.tables)
        if isinstance(read, Unknown):
            raise ValueError(f"no context: {min(read.causes)}")
        return state.validated(read)

    def _entity(self, raw: object, part: str, names: set[str]) -> Entity:
        state = self._state
        read = read_entity(raw, tuple(sorted(names)), part, state.schema, state.tables)
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
        return self._state.schema

    @property
    def state(self) -> Loaded:
        """The policy version in force: immutable, so that tools that look more than once see one version."""
        return self._state

    @property
    def undischarged(self) -> tuple[str, ...]:
        """Obligations that the policy may impose and the caller did not promise to discharge."""
        imposed = {d.id for d in self._state.schema.duties.values() if d.kind is DutyKind.OBLIGATION}
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
        log.info("loaded package %s, digest %s", state.name, state.digest)
        if self.undischarged:
            log.warning("nobody discharges %s: `permits` is false for every permit that carries one of them", ", ".join(self.undischarged))


def _declarations(schema: Schema | None) -> str:
    return "" if schema is None else schema.to_declarations()
