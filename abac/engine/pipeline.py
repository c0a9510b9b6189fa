"""Floor 5, engine: the whole journey from files to a policy that can decide."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from abac.checker import Parsed, check
from abac.compiler import Compiled, compile_package
from abac.engine.folder import Folder, cache_folder
from abac.engine.packages import PackageReader
from abac.engine.store import Store
from abac.language import checked as c
from abac.language import stored
from abac.model.decision import Decision
from abac.model.diagnostics import Diagnostic
from abac.model.errors import StoredError
from abac.model.request import Clock, InvalidRequest, Request, read_request
from abac.model.schema import Schema
from abac.model.values import EntityValue, RecordValue, Table, Validated
from abac.reference import evaluate

log = logging.getLogger("abac")
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
        name: of the package.
        digest: names policies, tables, schema, and the versions of what gives them meaning.
        by: the compiled policy, or the reference evaluator.
    """

    name: str
    digest: str
    by: Compiled | Reference = field(repr=False)
    loaded_at: dt.datetime

    @property
    def package(self) -> c.Package:
        """As it was checked. Of a policy that was kept compiled it is read when it is first asked for."""
        return self.by.package

    @property
    def schema(self) -> Schema:
        return self.by.schema

    @property
    def tables(self) -> Mapping[str, Table]:
        return self.by.tables

    @property
    def decide(self) -> Decide:
        return self.by.decide

    @property
    def permits(self) -> Permits:
        return self.by.permits

    def read(self, subject: object, action: object, resource: object, context: object, now: Clock) -> Request | InvalidRequest:
        """The request that four objects of a caller's are; `now` as for `read_request`."""
        return read_request(subject, action, resource, context, self.schema, self.tables, now)

    def decide_request(self, request: Request | InvalidRequest) -> Decision:
        """The decision on a request that was read."""
        return self.by.decide_request(request)

    def validated(self, value: EntityValue | RecordValue) -> EntityValue | RecordValue | Validated:
        """A part of a request that was read, as decisions take it without reading it again."""
        return self.by.form(value)


class Reference:
    """Decides by the reference evaluator."""

    def __init__(self, package: c.Package, digest: str, options: Options) -> None:
        self.package, self.schema, self.tables = package, package.schema, package.tables
        self._digest, self._options = digest, options
        self._successor: Decider | None = None

    def decide(self, subject: object, action: object, resource: object, context: object = None, at: Clock = None) -> Decision:
        if self._successor is not None:
            return self._successor.decide(subject, action, resource, context, at)
        now = dt.datetime.now(dt.timezone.utc) if at is None and not self._options.trust_request_clock else at
        return self.decide_request(read_request(subject, action, resource, context, self.schema, self.tables, now))

    def permits(self, subject: object, action: object, resource: object, context: object = None, at: Clock = None) -> bool:
        decision = self.decide(subject, action, resource, context, at)
        return decision.permitted and all(duty.id in self._options.discharges for duty in decision.obligations)

    def decide_request(self, request: Request | InvalidRequest) -> Decision:
        return evaluate(self.package, request, self._digest)

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
    cache: Folder | None = None,
) -> Loaded:
    """Load a folder, or files of one folder.

    Args:
        declarations: of the schema, in addition to those of the package.
        discharges: ids of the obligations that the caller promises to discharge.
        compiled: decide by compiled code; otherwise by the reference evaluator.
        trust_request_clock: whether the context's clock attribute is believed.
        cache: where compiled policies are kept.

    Raises:
        LoadError: if something cannot be read or is beyond a limit.
        PolicyErrors: with every complaint about the policy.
    """
    options = Options(discharges, compiled, trust_request_clock)
    found = None if cache is None else _found(cache, paths, declarations, options)
    if found is not None:
        return found
    reader = PackageReader()
    main = reader.open_main(paths)
    loaded = _load(reader, *reader.read_main(main, declarations), options)
    if cache is not None and isinstance(loaded.by, Compiled):
        Store(cache, main, declarations, trusting=trust_request_clock).put(reader, loaded.by)
    return loaded


def check_paths(paths: Sequence[Path], cache: bool) -> Loaded:
    """The same for those who want the checked package alone.

    Args:
        cache: whether it may come from what commands have compiled and kept.
    """
    folder = cache_folder(cache)
    for trusting in (True, False):  # whichever command kept it
        found = None if folder is None else _found(folder, paths, "", Options(frozenset(), False, trusting))
        if found is not None:
            return found
    return load_paths(paths, compiled=False)


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
    return _of_package(check(packages, found), reader.digest(), options)


def _of_package(package: c.Package, digest: str, options: Options) -> Loaded:
    now = dt.datetime.now(dt.timezone.utc)
    if not options.compiled:
        return Loaded(package.name, digest, Reference(package, digest, options), now)
    code = compile_package(package, digest, discharges=options.discharges, trust_request_clock=options.trust_request_clock)
    return Loaded(package.name, digest, code, now)


def _found(cache: Folder, paths: Sequence[Path], declarations: str, options: Options) -> Loaded | None:
    """What the cache has of these files as they are now."""
    from abac.compiler.store import restore

    reader = PackageReader()
    main = reader.open_main(paths)
    entry = Store(cache, main, declarations, trusting=options.trust_request_clock).find(reader, main)
    if entry is None:
        return None
    try:
        if not options.compiled:
            return _of_package(stored.load(entry.kept.package), entry.digest, options)
        code = restore(entry.kept, entry.digest, options.discharges)
    except StoredError as error:
        log.warning("compile cache: an entry is ignored: %s", error)
        return None
    return Loaded(code.package_name, entry.digest, code, dt.datetime.now(dt.timezone.utc))
