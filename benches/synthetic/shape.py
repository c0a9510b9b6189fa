"""Benches: a shape of policy, and one workload of it: so many rules, the requests that are timed, and code by hand that answers alike."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benches.synthetic import oracle
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Policy
from benches.synthetic.requests import Requests
from benches.synthetic.text import text_of

SEED = 2026
HOT, COLD = 64, 4_000
"""Distinct requests: those that stay in the processor's caches, and those that do not."""

Permits = Callable[[Any, str, Any, Any], bool]
"""On subject, action, resource, context."""
Draft = Callable[[int, random.Random], Policy]
ByHand = Callable[[Policy], Permits]


@dataclass(frozen=True)
class Shape:
    """
    Attributes:
        about: one line.
        draft: a policy of about so many rules.
        keys: attributes that a good index is keyed by: how many rules a request finds by them does not grow with the policy.
        by_hand, by_hand_entities: the same policy as a competent engineer would write it for speed, on plain dicts and on validated values.
            It is made from the rules, as its tables would be, but decides by nothing else. None: for worst cases, where no code is fast.
        hot_growth, cold_growth: what 10,000 rules may cost over `smallest`, as ratios of the median, with few requests and with many.
        smallest: rules of the policy that is compared with.
    """

    name: str
    about: str
    draft: Draft
    keys: frozenset[str]
    by_hand: ByHand | None = None
    by_hand_entities: ByHand | None = None
    hot_growth: float = 1.5
    cold_growth: float = 3.0
    smallest: int = 10


class Workload:
    """One shape at one size; the same for one seed, wherever it is made."""

    def __init__(self, shape: Shape, rules: int, seed: int = SEED) -> None:
        self.shape, self.rules, self.seed = shape, rules, seed

    @cached_property
    def policy(self) -> Policy:
        return self.shape.draft(self.rules, random.Random(f"{self.shape.name} {self.seed}"))

    @cached_property
    def text(self) -> str:
        return text_of(self.policy)

    @cached_property
    def hot(self) -> list[Request]:
        return list(itertools.islice(Requests(self.policy, self.seed), HOT))

    @cached_property
    def cold(self) -> list[Request]:
        return list(itertools.islice(Requests(self.policy, self.seed + 1), COLD))

    @cached_property
    def by_hand(self) -> Permits:
        assert self.shape.by_hand is not None
        return self.shape.by_hand(self.policy)

    def expected(self, requests: list[Request]) -> list[bool]:
        """What the oracle says."""
        return [oracle.permits(self.policy, request) for request in requests]


def parts(request: Request) -> tuple[Any, str, Any, Any]:
    return request["subject"], request["action"], request["resource"], request["context"]
