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


class Successor(Protocol):
    """Whoever decides by the policy version in force."""

    decide: Decide
    permits: Permits


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version of a policy, whole: never changed, only replaced.

    Attributes:
        digest: names policies, tables, schema, and the versions of what gives them meaning.
        code: the compiled policy; None where the reference evaluator decides.
        decide, permits: of (subject, action, resource, context=None, at=None), all of them a caller's objects.
        successors: who decides in place of these two, for callers who still hold them; empty until there is one.
    """

    package: c.Package
    digest: str
    code: Compiled | None = field(repr=False)
    decide: Decide = field(repr=False)
    permits: Permits = field(repr=False)
    successors: list[Successor] = field(repr=False)
    loaded_at: dt.datetime

    def read(self, subject: object, action: object, resource: object, context: object, now: Clock) -> Request | InvalidRequest:
        """The request that four objects of a caller's are; `now` as for `read_request`."""
        return read_request(subject, action, resource, context, self.package.schema, self.package.tables, now)

    def decide_request(self, request: Request | InvalidRequest) -> Decision:
        """The decision on a request that was read."""
        return evaluate(self.package, request, self.digest) if self.code is None else self.code.decide(request)

    def validated(self, value: EntityValue | RecordValue) -> EntityValue | RecordValue | Validated:
        """A part of a request that was read, as decisions take it without reading it again."""
        return value if self.code is None else self.code.form(value)


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
    if options.compiled:
        code = compile_package(package, digest)
        return Loaded(package, digest, code, *code.entries(options.discharges, trusting=options.trust_request_clock), code.successors, now)
    successors: list[Successor] = []
    return Loaded(package, digest, None, *_by_reference(package, digest, options, successors), successors, now)


def _by_reference(package: c.Package, digest: str, options: Options, successors: list[Successor]) -> tuple[Decide, Permits]:
    """`decide` and `permits` by the reference evaluator."""

    def decide(subject: object, action: object, resource: object, context: object = None, at: Clock = None) -> Decision:
        if successors:
            return successors[0].decide(subject, action, resource, context, at)
        now = dt.datetime.now(dt.timezone.utc) if at is None and not options.trust_request_clock else at
        request = read_request(subject, action, resource, context, package.schema, package.tables, now)
        return evaluate(package, request, digest)

    def permits(subject: object, action: object, resource: object, context: object = None, at: Clock = None) -> bool:
        if successors:
            return successors[0].permits(subject, action, resource, context, at)
        decision = decide(subject, action, resource, context, at)
        return decision.permitted and all(duty.id in options.discharges for duty in decision.obligations)

    return decide, permits
