"""Floor 3, checker: rules that repeat the condition of an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abac.checker.lints.traversal import always, policies
from abac.language import checked as c
from abac.model.combining import Algorithm
from abac.model.diagnostics import Diagnostic, Severity


def identical_conditions(policy: c.Policy, definitions: Mapping[str, c.Definition]) -> Iterator[Diagnostic]:
    """Under first-applicable the later of two such rules is never reached; elsewhere one of them is idle."""
    for each in policies(policy):
        seen: dict[tuple[object, ...], c.Rule] = {}
        for child in each.children:
            if isinstance(child, c.Policy) or always(child):
                continue
            witness = child.witness and (child.witness.variable, child.witness.collection)
            key: tuple[object, ...] = (child.condition, witness)
            if each.algorithm != Algorithm.FIRST_APPLICABLE:
                key = (*key, child.effect)
            earlier = seen.setdefault(key, child)
            if earlier is child:
                continue
            first = each.algorithm == Algorithm.FIRST_APPLICABLE
            yield Diagnostic(
                "unreachable" if first else "repeated-condition",
                f"`{child.name}` has the condition of `{earlier.name}`" + (" and is never reached" if first else ""), child.span,
                help=f"`{earlier.name}` is at {earlier.span.place}", severity=Severity.ERROR if first else Severity.WARNING,
            )  # fmt: skip
