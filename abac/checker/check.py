"""Floor 3, checker: from the trees of a package and its imports to one checked tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abac.checker.lints import LINTS
from abac.checker.package import PackageChecker, ReadData, Shared
from abac.checker.place import Place
from abac.checker.policies import PolicyChecker
from abac.checker.reporter import Reporter
from abac.checker.scope import Scope, collect
from abac.checker.test_blocks import check_test
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.collector import collector_paused
from abac.model.diagnostics import Diagnostic
from abac.model.errors import PolicyErrors


@dataclass(frozen=True, slots=True)
class Parsed:
    """A package as read: its files in source order, and how to read its data files (LoadError if that fails)."""

    name: str
    files: tuple[n.File, ...]
    read_data: ReadData


def check(packages: Sequence[Parsed], found: Sequence[Diagnostic] = ()) -> c.Package:
    """Check the last package; those before it are its imports, each after its own imports.

    Args:
        packages: at least one.
        found: what was complained about already.

    Raises:
        PolicyErrors: with every complaint, warnings and notes included, if there is any error.
    """
    with collector_paused():
        return _check(packages, found)


def _check(packages: Sequence[Parsed], found: Sequence[Diagnostic]) -> c.Package:
    reporter, shared = Reporter(), Shared()
    for diagnostic in found:
        reporter.add(diagnostic)
    checker = _declared(packages, shared, reporter)
    main = packages[-1]
    policies = PolicyChecker(checker)
    policy = _policy(main, policies, reporter)
    tests = tuple(check_test(checker, d, policies.rules) for file in main.files for d in file.declarations if isinstance(d, n.Test))
    checker.report_unmet_requirements()
    if policy is not None and not reporter.failed:
        for lint in LINTS:
            for diagnostic in lint(policy, shared.definitions):
                reporter.add(diagnostic)
    if policy is None or reporter.failed:
        raise PolicyErrors.of(reporter.diagnostics)
    sources = tuple(file.source for parsed in packages for file in parsed.files)
    return c.Package(main.name, checker.schema(), shared.tables, shared.definitions, policy, tests, reporter.diagnostics, sources)


def _declared(packages: Sequence[Parsed], shared: Shared, reporter: Reporter) -> PackageChecker:
    """Resolve the declarations of all packages; returns the checker of the last."""
    scopes: dict[str, Scope] = {}
    for parsed in packages:
        library = parsed is not packages[-1]
        scopes[parsed.name] = collect(parsed.name, parsed.files, scopes, reporter)
        checker = PackageChecker(parsed.name, parsed.files, scopes[parsed.name], shared, parsed.read_data, reporter, library=library)
        checker.declare()
        if library:
            checker.report_idle_declarations()
    return checker


def _policy(main: Parsed, policies: PolicyChecker, reporter: Reporter) -> c.Policy | None:
    """The package's one top-level policy."""
    found = [d for file in main.files for d in file.declarations if isinstance(d, n.Policy)]
    for extra in found[1:]:
        help = f"the first is at {found[0].name.span.place}; put both into one policy that says how they combine"
        reporter.error("second-policy", "a package has one top-level policy", extra.name.span, help=help)
    checked = [policies.policy(each, Place()) for each in found]
    if not found and not any(file.broken for file in main.files):
        help = "declare `policy NAME: deny-overrides { … }`"
        reporter.error("no-policy", f"package `{main.name}` has no policy", main.files[0].package.span, help=help)
    return checked[0] if checked else None
