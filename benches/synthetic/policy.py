"""Benches: a policy as plain data, so that every engine can be given the same one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Draw = Callable[[random.Random], object]


class Kind(StrEnum):
    """What an attribute holds, by its name in the language; in plain requests a Set is a list and all else the Python type."""

    STRING = "String"
    INT = "Int"
    DECIMAL = "Decimal"
    INSTANT = "Instant"
    ADDRESS = "IpAddress"
    STRINGS = "Set<String>"


class Operator(StrEnum):
    IS = "is"
    ONE_OF = "is one of"
    AT_LEAST = "is at least"
    BELOW = "is below"
    IN_NETWORK = "lies in the network"
    HOLDS = "holds"
    """The attribute is a set, the value one that it holds."""
    MEETS = "has an element of"
    STANDS_IN = "stands in the group"
    """The attribute is `subject`, the value the id of a group that is above it, at any distance."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`attribute` is a path such as `subject.role`, or `action`, or (with STANDS_IN) `subject`; of ONE_OF and MEETS `value` is a tuple."""

    attribute: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Weighed:
    """`left * factor + right >= least`: a test of two attributes, which no index can file under a value."""

    left: str
    factor: int
    right: str
    least: int


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple[Condition, ...]


Condition = Comparison | Weighed | Not | AnyOf


@dataclass(frozen=True, slots=True)
class Rule:
    """Permits, or denies, where all conditions hold."""

    name: str
    permits: bool
    conditions: tuple[Condition, ...]

    @property
    def comparisons(self) -> Iterator[Comparison]:
        """Those at the top level."""
        return (condition for condition in self.conditions if isinstance(condition, Comparison))


@dataclass(frozen=True)
class Policy:
    """Rules under deny-overrides: permitted is what some rule permits and none denies.

    Attributes:
        attributes: kinds by path, besides `subject.id` and `resource.id`, which are Strings and always there.
        groups: of each group those directly above it; empty if subjects stand in none.
        domains: how a value of an attribute is drawn, by path, `action` and `resource.id` among them; of `subject` the list of the ids of
            the groups directly above it.
        aims: what requests are drawn to meet, one as often as another: a rule that permits (True), one that denies (False), none in
            particular (None).
    """

    attributes: Mapping[str, Kind]
    actions: tuple[str, ...]
    rules: tuple[Rule, ...]
    domains: Mapping[str, Draw]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aims: tuple[bool | None, ...] = (True, True, False, None)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Of everything with a value."""
        return {"subject.id": Kind.STRING, "resource.id": Kind.STRING, "action": Kind.STRING, **self.attributes}


def one_of(values: tuple[object, ...]) -> Draw:
    return lambda rng: rng.choice(values)
