"""Floor 5, engine: the whole journey from files to a policy that can decide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abac.checker import Parsed, check
from abac.compiler import compile_package
from abac.engine.packages import PackageReader
from abac.engine.requests import Read, request_reader
from abac.language import checked as c
from abac.model.decision import Decision
from abac.model.diagnostics import Diagnostic
from abac.model.request import InvalidRequest, Request
from abac.reference import evaluate

Decide = Callable[[Request | InvalidRequest], Decision]
Permits = Callable[[Request | InvalidRequest], bool]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version of a policy, whole: never changed, only replaced.

    Attributes:
        read: reads a request's parts and clock.
        digest: names policies, tables, schema, and the versions of what gives them meaning.
        decide: the decision function: compiled, or the reference evaluator.
        permits: whether a request is permitted with no obligation but those that the caller discharges.
    """

    package: c.Package
    digest: str
    read: Read = field(repr=False)
    decide: Decide = field(repr=False)
    permits: Permits = field(repr=False)
    loaded_at: dt.datetime


def load_paths(paths: Sequence[Path], declarations: str = "", *, discharges: frozenset[str] = frozenset(), compiled: bool = True) -> Loaded:
    """Load a folder, or files of one folder.

    Args:
        declarations: of the schema, in addition to those of the package.
        discharges: ids of the obligations that the caller promises to discharge.
        compiled: decide by compiled code; otherwise by the reference evaluator.

    Raises:
        LoadError: if something cannot be read or is beyond a limit.
        PolicyErrors: with every complaint about the policy.
    """
    reader = PackageReader()
    return _load(reader, *reader.read_main(paths, declarations), discharges=discharges, compiled=compiled)


def load_text(text: str, declarations: str = "", *, discharges: frozenset[str] = frozenset(), compiled: bool = True) -> Loaded:
    """Load a package of one source, which can neither import nor read data.

    Raises:
        PolicyErrors: with every complaint about the policy.
    """
    reader = PackageReader()
    return _load(reader, *reader.read_text(text, declarations), discharges=discharges, compiled=compiled)


def _load(reader: PackageReader, packages: list[Parsed], found: list[Diagnostic], *, discharges: frozenset[str], compiled: bool) -> Loaded:
    """Text is parsed by the reader; then checked, and compiled."""
    package = check(packages, found)
    digest, now = reader.digest(), dt.datetime.now(dt.timezone.utc)
    read = request_reader(package.schema, package.tables)
    if compiled:
        code = compile_package(package, digest)
        return Loaded(package, digest, read, code.decide, code.permitter(discharges), now)

    def decide(request: Request | InvalidRequest) -> Decision:
        return evaluate(package, request, digest)

    def permits(request: Request | InvalidRequest) -> bool:
        decision = decide(request)
        return decision.permitted and all(duty.id in discharges for duty in decision.obligations)

    return Loaded(package, digest, read, decide, permits, now)
