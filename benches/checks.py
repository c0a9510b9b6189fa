"""Benches: what `check` costs beside a call that does nothing, and what it spares."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any

from abac import Engine
from abac.engine.sources import MemorySource, Supply
from benches.budgets import CHECK_ATTRIBUTE_NANOSECONDS, CHECK_CALLS
from benches.figures import Figure
from benches.profiles import profiled
from benches.timing import Batch, interleaved

ATTRIBUTES = (0, 1, 4, 8)
HOUR = dt.timedelta(hours=1)
NAME = "check"
SUBJECTS, RESOURCES, ASKED = 200, 50, 64

Call = tuple[Any, ...]


class Service:
    def nothing(self, subject_id: object, action: object, resource_id: object, context: object = None, *, at: object = None) -> None:
        """An empty call of the same arguments, on a method as `check` is one."""


def engine_of(attributes: int) -> Engine:
    """An engine whose policy reads so many attributes of the context, half of them words, a quarter each numbers and truths."""
    names = {f"a{i}": ("String", "Int", "String", "Bool")[i % 4] for i in range(attributes)}
    tests = {"String": '{} != "none"', "Int": "{} < 1000", "Bool": "{} == true"}
    conditions = "".join(f" and {tests[type_].format(f'context.{name}')}" for name, type_ in names.items())
    text = f"""package bench
entity User key id {{ id: String, level: Int }}
entity Document key id {{ id: String, level: Int }}
context {{ clock at: Instant, other: String? = absent {"".join(f", {name}: {type_}" for name, type_ in names.items())} }}
action read: User -> Document
policy main: deny-overrides {{ permit cleared when subject.level >= resource.level{conditions} }}
"""
    people = MemorySource("people", {"User": {f"user:{i}": {"level": i % 7} for i in range(SUBJECTS)}})
    documents = MemorySource("documents", {"Document": {f"document:{i}": {"level": i % 5} for i in range(RESOURCES)}})
    supplies = [Supply(entity, source, keep=HOUR, timeout=None) for entity, source in (("User", people), ("Document", documents))]
    return Engine.from_text(text, sources=supplies, kept=2 * SUBJECTS * 64)


def calls_of(attributes: int) -> list[Call]:
    """Distinct calls, whose strings are no objects that the engine has seen."""
    values = {f"a{i}": (f"word {i}", i, f"other {i}", True)[i % 4] for i in range(attributes)}
    context = {**values, "other": "is not read"} if attributes else None
    pairs = itertools.product(range(SUBJECTS), range(RESOURCES))
    spread = list(itertools.islice(pairs, 0, None, SUBJECTS * RESOURCES // ASKED))[:ASKED]
    return [(f"user:{who}", "read", f"document:{what}", None if context is None else dict(context)) for who, what in spread]


def checked(rounds: int) -> list[Figure]:
    """Kept decisions against an empty call; and for information decisions that are made anew."""
    figures = []
    for attributes in ATTRIBUTES:
        engine, calls, service = engine_of(attributes), calls_of(attributes), Service()
        check, empty = engine.check, service.nothing
        expected = [engine.check(*call) for call in calls_of(attributes)]
        assert all(engine.check(*call) is decision for call, decision in zip(calls, expected, strict=True)), "they are kept"
        batches: dict[str, Batch] = {
            "check": lambda check=check, calls=calls: [check(s, a, r, c) for s, a, r, c in calls],  # type: ignore[misc]
            "empty": lambda empty=empty, calls=calls: [empty(s, a, r, c) for s, a, r, c in calls],  # type: ignore[misc]
        }
        spent = interleaved(batches, rounds)
        mine, theirs = (min(spent[name]) / len(calls) for name in ("check", "empty"))
        read = f"{attributes or 'no'} context attribute{'s' * (attributes != 1)}"
        budget = CHECK_CALLS * theirs + attributes * CHECK_ATTRIBUTE_NANOSECONDS
        made = Figure(NAME, "", f"`check` of kept decisions, {read} read, and an empty call", "ns", mine, theirs, budget=budget)
        figures.append(made if made.met else replace(made, why=profiled(batches["check"])))
    return [*figures, *_made_anew(rounds)]


def _made_anew(rounds: int) -> list[Figure]:
    """For information: decisions whose answers are kept, and decisions for which sources in memory are asked."""
    calls, keeping, asking = calls_of(4), engine_of(4), engine_of(4)

    def anew() -> None:
        for number, (s, a, r, c) in enumerate(calls):
            keeping.check(s, a, r, {**c, "a1": number + next(others)})

    def asked() -> None:
        for s, a, r, c in calls:
            asking.invalidate(s)
            asking.check(s, a, r, c)

    others = itertools.count(-(2**40))
    spent = interleaved({"anew": anew, "asked": asked}, rounds)
    return [
        Figure(NAME, "", "`check` made anew, answers kept", "ns", min(spent["anew"]) / len(calls)),
        Figure(NAME, "", "`invalidate` and `check`, one source in memory asked", "ns", min(spent["asked"]) / len(calls)),
    ]
