"""Floor 4, compiler: takes requests of every kind to the compiled policy, and to its exact path whatever two values cannot decide.

Three ways in: forms that this policy made are taken as they are, plain dicts and what has members by generated readers, and what they
cannot tell (or tell to be no request) by the one reader that knows why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.forms import Form, Forms
from abac.compiler.runtime import PLENTY
from abac.model.request import Clock, InvalidRequest, Request, clock_of, read_context, read_request
from abac.model.schema import Action, Schema
from abac.model.values import EntityValue, RecordValue, Table, Unknown, Validated
from abac.model.wire import named_members, unwrapped

Parts = tuple[Form, str, Form, Form]


@dataclass(slots=True)
class Edge:
    """Reads the parts of requests to one policy.

    Attributes:
        schema, tables: what requests may contain.
        fast, exact: the generated readers, by entity or `context`.
        wanted: the members to ask objects for that are no dict, by the same.
        reads_now: whether decisions depend on the clock.
    """

    schema: Schema
    tables: Mapping[str, Table]
    forms: Forms
    reads_now: bool
    wanted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fast: dict[str, Callable[..., Any]] = field(default_factory=dict)
    exact: dict[str, Callable[..., Any]] = field(default_factory=dict)

    # ── in two values ──────────────────────────────────────────────────────────────────────────────────────

    def fast_parts(self, subject: Any, action: Any, resource: Any, context: Any) -> Parts | None:
        """The request's parts as fast forms; None if anything about it is unusual."""
        signature = self.schema.actions.get(action) if type(action) is str else None
        if signature is None:
            return None
        who = self._entity(subject, signature.subjects, "subject", self.fast)
        what = self._entity(resource, signature.resources, "resource", self.fast)
        around = self._context(context, self.fast)
        return None if who is None or what is None or around is None else (who, action, what, around)

    def _entity(self, raw: Any, names: tuple[str, ...], part: str, readers: dict[str, Callable[..., Any]]) -> Any:
        """A form of an entity whose key is known; None: the one reader must tell."""
        mine = self._mine(raw, part)
        if mine is not None:
            return None if mine._type not in names else mine._exact if readers is self.exact else mine
        members, name = self._members(raw, names)
        if members is None or name is None:
            return None
        exactly = (part,) if readers is self.exact else ()
        made = readers[name](members, *exactly, 0, [PLENTY])
        key = getattr(made, self.forms.slots[self.schema.entities[name].key], None)
        return None if key is None or type(key) is Unknown else made

    def _mine(self, raw: Any, part: str) -> Any:
        """The form, if the object is one of this policy's, read for this part."""
        if isinstance(raw, Form) and type(raw) is self.forms.frozen.get(raw._type) and raw._path == part:
            return raw
        return None

    def _members(self, raw: Any, names: tuple[str, ...]) -> tuple[Any, str | None]:
        """The object's members, and the type of entity it is."""
        if self._is_value(raw, EntityValue):
            return None, None
        known = self.schema.entities
        wanted = tuple(dict.fromkeys(member for name in names for member in self.wanted[name]))
        members = raw if type(raw) is dict else named_members(raw, wanted)
        if members is None:
            return None, None
        if len(names) == 1 and "entity_type" in known[names[0]].fields:
            return members, names[0]
        named = members.get("entity_type", names[0] if len(names) == 1 else None)
        return members, named if type(named) is str and named in names else None

    def _context(self, raw: Any, readers: dict[str, Callable[..., Any]]) -> Any:
        mine = self._mine(raw, "context")
        if mine is not None:
            return mine._exact if readers is self.exact else mine
        if self._is_value(raw, RecordValue):
            return None
        members = raw if type(raw) is dict else {} if raw is None else named_members(raw, self.wanted["context"])
        if members is None:
            return None
        exactly = ("context",) if readers is self.exact else ()
        return readers["context"](members, *exactly, 0, [PLENTY])

    def _is_value(self, raw: Any, kind: type) -> bool:
        """Whether it is what another policy, or another version of this one, has read; or a value of which is known how old it is."""
        return issubclass(type(raw), Validated) or (type(raw) is kind and bool(self.forms.ages))

    # ── in three values ────────────────────────────────────────────────────────────────────────────────────

    def exact_parts(self, subject: Any, action: Any, resource: Any, context: Any) -> Parts | InvalidRequest:
        """The request's parts as exact forms, or why it is none."""
        signature = self.schema.actions.get(action) if type(action) is str else None
        if signature is not None:
            try:
                found = self._exactly(signature, subject, resource, context)
            except _STOP:
                raise
            except BaseException:  # too many values, or a caller's object that raises: the one reader minds both
                found = None
            if found is not None:
                who, what, around = found
                return who, action, what, around
        request = read_request(subject, action, resource, context, self.schema, self.tables, _NO_CLOCK)
        return request if isinstance(request, InvalidRequest) else self.exact_forms(request)

    def _exactly(self, signature: Action, subject: Any, resource: Any, context: Any) -> tuple[Form, Form, Form] | None:
        who = self._entity(subject, signature.subjects, "subject", self.exact)
        what = self._entity(resource, signature.resources, "resource", self.exact)
        around = self._context(context, self.exact)
        if who is None or what is None or around is None:
            return None
        return who, what, around

    def exact_forms(self, request: Request) -> Parts:
        who, what, around = (form._exact for form in self.forms.parts(request))
        return who, request.action, what, around

    # ── the clock ──────────────────────────────────────────────────────────────────────────────────────────

    def clock(self, at: Clock, context: Any, trusting: bool) -> dt.datetime | Unknown:
        """The clock of a decision: the one given, the context's own where it is trusted, or the machine's."""
        if at is None and not trusting:
            return dt.datetime.now(dt.timezone.utc)
        if at is not None:
            return clock_of(at, {}, None)
        read = read_context(unwrapped(context), self.schema, self.tables)
        return clock_of(
            None, {} if isinstance(read, Unknown) else read.fields, None if isinstance(read, Unknown) else self.schema.context.clock
        )


_STOP = (KeyboardInterrupt, SystemExit)
_NO_CLOCK = dt.datetime.min.replace(tzinfo=dt.timezone.utc)
"""Where the clock is told apart from the parts of a request."""
