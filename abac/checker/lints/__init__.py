"""Floor 3, checker: findings about policies that are well formed. One file a lint; each is a function of policy and definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from abac.checker.lints.codes import one_effect_per_code
from abac.checker.lints.constants import constant_conditions
from abac.checker.lints.overlaps import denies_below_permits
from abac.checker.lints.reach import unreachable_rules
from abac.checker.lints.repeats import identical_conditions
from abac.language import checked as c
from abac.model.diagnostics import Diagnostic

Lint = Callable[[c.Policy, Mapping[str, c.Definition]], Iterable[Diagnostic]]

LINTS: tuple[Lint, ...] = (one_effect_per_code, unreachable_rules, identical_conditions, constant_conditions, denies_below_permits)
