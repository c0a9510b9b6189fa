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
    """Below a rule that always holds nothing is reached under first-applicable; under the others such a rule settles the whole policy.

    Below a policy that always decides nothing is reached either: a note, for a rule there may guard against later changes inside.
    """
    for each in policies(policy):
        settled: c.Policy | c.Rule | None = None
        for child in each.children:
            if isinstance(settled, c.Policy):
                yield Diagnostic(
                    "idle-rule", f"`{child.name}` is never reached: policy `{settled.name}` above it always decides", child.span,
                    severity=Severity.NOTE,
                )  # fmt: skip
            elif settled is not None:
                yield Diagnostic(
                    "unreachable", f"`{child.name}` is never reached: `{settled.name}` always holds", child.span,
                    help=f"move it above `{settled.name}`",
                )  # fmt: skip
            elif isinstance(child, c.Policy):
                settled = child if each.algorithm == Algorithm.FIRST_APPLICABLE and always_decides(child) else None
            elif always(child):
                if each.algorithm == Algorithm.FIRST_APPLICABLE:
                    settled = child
                elif child.effect == _SETTLES.get(Algorithm(each.algorithm)) and len(each.children) > 1:
                    yield Diagnostic(
                        "settles-everything", f"`{child.name}` always holds, so `{each.name}` is always {child.effect}", child.span,
                        severity=Severity.WARNING,
                    )  # fmt: skip


_HAVE_DEFAULTS = (Algorithm.DENY_UNLESS_PERMIT, Algorithm.PERMIT_UNLESS_DENY)


def always_decides(policy: c.Policy) -> bool:
    """Whether a policy is applicable to every request: a default, or a child that always holds, sees to it."""
    if policy.applies is not None or policy.algorithm == Algorithm.ONLY_ONE_APPLICABLE:
        return False
    return policy.algorithm in _HAVE_DEFAULTS or any(
        always_decides(child) if isinstance(child, c.Policy) else always(child) for child in policy.children
    )
