"""Floor 3, checker: walks policies for the lints."""

from __future__ import annotations

from collections.abc import Iterator

from abac.language import checked as c


def policies(policy: c.Policy) -> Iterator[c.Policy]:
    """The policy and all inside it, in source order."""
    yield policy
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from policies(child)


def rules(policy: c.Policy) -> Iterator[c.Rule]:
    """All rules, in source order."""
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from rules(child)
        else:
            yield child


def always(rule: c.Rule) -> bool:
    """Whether the rule holds for every request, unknowns included."""
    return rule.witness is None and isinstance(rule.condition, c.Constant) and rule.condition.value is True


def says_otherwise(rule: c.Rule) -> bool:
    """Whether the rule states `otherwise`, or nothing but a witness, rather than a condition that is true."""
    return isinstance(rule.condition, c.Constant) and rule.condition.span == rule.span
