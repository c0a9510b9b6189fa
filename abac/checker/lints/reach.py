"""Floor 3, checker: rules that no request reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abac.checker.lints.traversal import always, policies
from abac.language import checked as c
from abac.model.combining import Algorithm
from abac.model.diagnostics import Diagnostic, Severity

_SETTLES = {
    Algorithm.DENY_OVERRIDES: "deny",
    Algorithm.PERMIT_UNLESS_DENY: "deny",
    Algorithm.PERMIT_OVERRIDES: "permit",
    Algorithm.DENY_UNLESS_PERMIT: "permit",
}


def unreachable_rules(policy: c.Policy, definitions: Mapping[str, c.Definition]) -> Iterator[Diagnostic]:
    """Below a rule that always holds nothing is reached under first-applicable; under the others such a rule settles the whole policy."""
    for each in policies(policy):
        settled: c.Rule | None = None
        for child in each.children:
            if settled is not None:
                name = child.name
                yield Diagnostic(
                    "unreachable", f"`{name}` is never reached: `{settled.name}` always holds", child.span,
                    help=f"move it above `{settled.name}`",
                )  # fmt: skip
            elif isinstance(child, c.Rule) and always(child):
                if each.algorithm == Algorithm.FIRST_APPLICABLE:
                    settled = child
                elif child.effect == _SETTLES.get(Algorithm(each.algorithm)) and len(each.children) > 1:
                    yield Diagnostic(
                        "settles-everything", f"`{child.name}` always holds, so `{each.name}` is always {child.effect}", child.span,
                        severity=Severity.WARNING,
                    )  # fmt: skip
