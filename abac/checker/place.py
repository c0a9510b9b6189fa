"""Floor 3, checker: where an expression stands: what it may name and what is certain there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from abac.checker.guards import Facts, Known, Requirement
from abac.model.types import Type

Roots = Literal["known", "library", "constant"]


@dataclass(slots=True)
class Place:
    """Where an expression stands.

    Attributes:
        variables: those in scope, with their types.
        facts: what is certain here.
        parameters: of the definition around it, None outside definitions; what the definition lacks is asked of its callers.
        roots: whether `subject` and the others may be named, or why not.
        shown: in a reason, where what is absent prints as such and needs no guard.
    """

    variables: Mapping[str, Type] = field(default_factory=dict)
    facts: Known = field(default_factory=Known)
    parameters: frozenset[str] | None = None
    roots: Roots = "known"
    shown: bool = False
    requirements: list[Requirement] = field(default_factory=list)

    def knowing(self, facts: Facts) -> Place:
        if not facts:
            return self
        return Place(self.variables, self.facts.knowing(facts), self.parameters, self.roots, self.shown, self.requirements)

    def binding(self, variable: str, type: Type) -> Place:
        return replace(self, variables={**self.variables, variable: type})

    def showing(self) -> Place:
        """The same place in a reason."""
        return Place(self.variables, self.facts, self.parameters, self.roots, True, self.requirements)
