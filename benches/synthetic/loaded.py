"""Benches: a workload with the engine that decides it and its requests validated: the one file of these that imports the engine."""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

from abac import Engine
from benches.synthetic.oracle import Request
from benches.synthetic.requests import Damage, damaged
from benches.synthetic.shape import Permits, Workload, parts

NOW = dt.datetime(2026, 7, 15, 15, tzinfo=dt.timezone.utc)
"""The clock of every decision; no rule reads it."""

Call = tuple[Any, str, Any, Any]
"""Subject, action, resource, context."""
CHECKED = 640_000
"""How many rules the oracle looks at in one go: all 64 hot requests at 10,000 rules, or 1,000 requests at 640."""


class Loaded:
    """Attributes: engine; seconds: of processor time, that it took to load."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        text = work.text
        begun = time.process_time()
        self.engine = Engine.from_text(text)
        self.seconds = time.process_time() - begun

    @property
    def of(self) -> str:
        return self.work.shape.name

    @property
    def rules(self) -> int:
        return self.work.rules

    @cached_property
    def hot_calls(self) -> list[Call]:
        return [parts(request) for request in self.work.hot]

    @cached_property
    def hot(self) -> list[Call]:
        return self.validated(self.work.hot)

    @cached_property
    def cold(self) -> list[Call]:
        return self.validated(self.work.cold)

    @cached_property
    def by_hand(self) -> Permits:
        """On validated requests."""
        assert self.work.shape.by_hand_entities is not None
        return self.work.shape.by_hand_entities(self.work.policy)

    def validated(self, requests: Sequence[Request]) -> list[Call]:
        """As the engine makes them."""
        engine = self.engine
        return [(engine.subject(s), a, engine.resource(r), engine.context(c)) for s, a, r, c in map(parts, requests)]

    def damaged(self, damage: Damage) -> list[Request]:
        """The hot requests with the damage."""
        rng = random.Random(f"{damage} {self.work.seed}")
        return [damaged(request, self.work.policy, damage, self.work.shape.keys, rng) for request in self.work.hot]

    def disagreements(self) -> list[str]:
        """Requests that not everyone answers alike: the oracle, the engine on plain dicts and on validated requests, and code by hand.

        The oracle is asked about the hot requests, and about as many others as it can be asked in reasonable time; the engine and the
        code by hand must agree on all.
        """
        asked = [*self.work.hot, *self.work.cold]
        expected: list[bool | None] = [None] * len(asked)
        some = max(len(self.work.hot), min(len(self.work.hot) + 1_000, CHECKED // self.rules))
        expected[:some] = self.work.expected(asked[:some])
        found = []
        for number, (request, call, oracle) in enumerate(zip(asked, [*self.hot, *self.cold], expected, strict=True)):
            answers = {
                "plain": self.engine.permits(*parts(request), at=NOW),
                "validated": self.engine.permits(*call, at=NOW),
                "decide": self.engine.decide(*call, at=NOW).permitted,
            }
            if oracle is not None:
                answers["oracle"] = oracle
            if self.work.shape.by_hand is not None:
                answers["by hand"] = self.work.by_hand(*parts(request))
                answers["by hand, validated"] = self.by_hand(*call)
            if len(set(answers.values())) > 1:
                found.append(f"{self.of} of {self.rules} rules, request {number}: {answers}")
        return found


def read_json(line: bytes) -> Request:
    """As the library's documentation says: numbers with a fraction are exact."""
    found: Request = json.loads(line, parse_float=Decimal)
    return found
