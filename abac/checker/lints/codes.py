"""Floor 3, checker: a reason code stands for one effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abac.checker.lints.traversal import rules
from abac.language import checked as c
from abac.model.decision import ENGINE_CODES
from abac.model.diagnostics import Diagnostic


def one_effect_per_code(policy: c.Policy, definitions: Mapping[str, c.Definition]) -> Iterator[Diagnostic]:
    """A code that permits here and denies there tells machines nothing."""
    first: dict[str, c.Rule] = {}
    for rule in rules(policy):
        earlier = first.setdefault(rule.code, rule)
        if earlier.effect != rule.effect and rule.code not in ENGINE_CODES:
            yield Diagnostic(
                "code-with-two-effects", f"code `{rule.code}` permits in one rule and denies in another", rule.span,
                help=f"the other is `{earlier.name}` at {earlier.span.place}; give one of them another `code`",
            )  # fmt: skip
