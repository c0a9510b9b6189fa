"""Floor 5, engine: the whole journey from files to a policy that can decide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from abac.checker import Parsed, check
from abac.compiler import Compiled, compile_package
from abac.engine.packages import PackageReader
from abac.language import checked as c
from abac.model.decision import Decision
from abac.model.diagnostics import Diagnostic
from abac.model.request import Clock, InvalidRequest, Request, read_request
from abac.model.values import EntityValue, RecordValue, Validated
from abac.reference import evaluate

Read = Callable[[object, object, object, object, Clock], Request | InvalidRequest]
Decide = Callable[..., Decision]
Permits = Callable[..., bool]


class Decider(Protocol):
    """Whoever decides by a policy version: of (subject, action, resource, context=None, at=None), all of them a caller's objects."""

    decide: Decide
    permits: Permits


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version of a policy, whole: never changed, only replaced.

    Attributes:
        digest: names policies, tables, schema, and the versions of what gives them meaning.
        by: the compiled policy, or the reference evaluator.
    """

    package: c.Package
    digest: str
    by: Compiled | Reference = field(repr=False)
    loaded_at: dt.datetime

    @property
    def decide(self) -> Decide:
        return self.by.decide

    @property
    def permits(self) -> Permits:
        return self.by.permits

    def read(self, subject: object, action: object, resource: object, context: object, now: Clock) -> Request | InvalidRequest:
        """The request that four objects of a caller's are; `now` as for `read_request`."""
        return read_request(subject, action, resource, context, self.package.schema, self.package.tables, now)

    def decide_request(self, request: Request | InvalidRequest) -> Decision:
        """The decision on a request that was read."""
        return self.by.decide_request(request)

    def validated(self, value: EntityValue | RecordValue) -> EntityValue | RecordValue | Validated:
        """A part of a request that was read, as decisions take it without reading it again."""
        return self.by.form(value)


class Reference:
    """Decides by the reference evaluator."""

    def __init__(self, package: c.Package, digest: str, options: Options) -> None:
        self._package, self._digest, self._options = package, digest, options
        self._successor: Decider | None = None

    def decide(self, subject: object, action: object, resource: object, context: object = None, at: Clock = None) -> Decision:
        if self._successor is not None:
            return self._successor.decide(subject, action, resource, context, at)
        now = dt.datetime.now(dt.timezone.utc) if at is None and not self._options.trust_request_clock else at
        return self.decide_request(read_request(subject, action, resource, context, self._package.schema, self._package.tables, now))

    def permits(self, subject: object, action: object, resource: object, context: object = None, at: Clock = None) -> bool:
        decision = self.decide(subject, action, resource, context, at)
        return decision.permitted and all(duty.id in self._options.discharges for duty in decision.obligations)

    def decide_request(self, request: Request | InvalidRequest) -> Decision:
        return evaluate(self._package, request, self._digest)

    def form(self, value: EntityValue | RecordValue) -> EntityValue | RecordValue:
        return value

    def succeed(self, successor: Decider) -> None:
        """From now on the successor decides, for callers who still hold `decide` and `permits`."""
        self._successor = successor


@dataclass(frozen=True, slots=True)
class Options:
    """How a policy is to be loaded: see `load_paths`."""

    discharges: frozenset[str]
    compiled: bool
    trust_request_clock: bool


def load_paths(
    paths: Sequence[Path],
    declarations: str = "",
    *,
    discharges: frozenset[str] = frozenset(),
    compiled: bool = True,
    trust_request_clock: bool = False,
) -> Loaded:
    """Load a folder, or files of one folder.

    Args:
        declarations: of the schema, in addition to those of the package.
        discharges: ids of the obligations that the caller promises to discharge.
        compiled: decide by compiled code; otherwise by the reference evaluator.
        trust_request_clock: whether the context's clock attribute is believed.

    Raises:
        LoadError: if something cannot be read or is beyond a limit.
        PolicyErrors: with every complaint about the policy.
    """
    reader = PackageReader()
    return _load(reader, *reader.read_main(paths, declarations), Options(discharges, compiled, trust_request_clock))


def load_text(
    text: str,
    declarations: str = "",
    *,
    discharges: frozenset[str] = frozenset(),
    compiled: bool = True,
    trust_request_clock: bool = False,
) -> Loaded:
    """Load a package of one source, which can neither import nor read data. Arguments are those of `load_paths`.

    Raises:
        PolicyErrors: with every complaint about the policy.
    """
    reader = PackageReader()
    return _load(reader, *reader.read_text(text, declarations), Options(discharges, compiled, trust_request_clock))


def _load(reader: PackageReader, packages: list[Parsed], found: list[Diagnostic], options: Options) -> Loaded:
    """Text is parsed by the reader; then checked, and compiled."""
    package = check(packages, found)
    digest, now = reader.digest(), dt.datetime.now(dt.timezone.utc)
    if not options.compiled:
        return Loaded(package, digest, Reference(package, digest, options), now)
    code = compile_package(package, digest, discharges=options.discharges, trust_request_clock=options.trust_request_clock)
    return Loaded(package, digest, code, now)
