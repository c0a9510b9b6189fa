"""Benches: what is measured of a pack, against what, and how much it may take."""

from __future__ import annotations

from dataclasses import replace

from abac import Engine
from benches.budgets import BY_HAND, DAMAGED, DECIDE, PLAIN
from benches.figures import NANOSECONDS, Figure
from benches.packs.damage import damaged
from benches.packs.workloads import Workload, validated
from benches.profiles import profiled
from benches.timing import Batch, interleaved, ratio

SAMPLE = 200
"""Requests that the slow reference is timed on."""


def decisions(work: Workload, rounds: int) -> list[Figure]:
    """`permits` and `decide` on both forms of the requests, against hand-written code, each other, and damaged requests."""
    decide = work.engine.decide
    engine, by_hand, by_hand_entities = work.engine.permits, work.by_hand, work.by_hand_entities
    entities, calls = work.entities, work.calls
    broken = damaged(work)
    broken_read, broken_calls = [validated(work.engine, call) for _, call, _ in broken], [call for _, call, _ in broken]
    whole_read, whole_calls = [entities[number] for number, _, _ in broken], [calls[number] for number, _, _ in broken]
    groups: list[dict[str, Batch]] = [  # those of a group take turns, on the same objects
        {
            "permits": lambda: [engine(s, a, r, c, at=now) for s, a, r, c, now in entities],
            "by hand": lambda: [by_hand_entities(s, a, r, c, now) for s, a, r, c, now in entities],
            "decide": lambda: [decide(s, a, r, c, at=now) for s, a, r, c, now in entities],
        },
        {
            "plain": lambda: [engine(s, a, r, c, at=now) for s, a, r, c, now in calls],
            "plain by hand": lambda: [by_hand(s, a, r, c, now) for s, a, r, c, now in calls],
        },
        {
            "broken": lambda: [engine(s, a, r, c, at=now) for s, a, r, c, now in broken_read],
            "whole": lambda: [engine(s, a, r, c, at=now) for s, a, r, c, now in whole_read],
        },
        {
            "plain broken": lambda: [engine(s, a, r, c, at=now) for s, a, r, c, now in broken_calls],
            "plain whole": lambda: [engine(s, a, r, c, at=now) for s, a, r, c, now in whole_calls],
        },
    ]
    batches = {name: batch for group in groups for name, batch in group.items()}
    spent = {name: times for group in groups for name, times in interleaved(group, rounds).items()}

    def figure(benchmark: str, what: str, mine: str, theirs: str, budget: float, each: int) -> Figure:
        best = [min(spent[name]) / each for name in (mine, theirs)]
        made = Figure(benchmark, work.name, what, "ns", best[0], best[1], ratio(spent[mine], spent[theirs]), budget)
        return made if made.met else replace(made, why=profiled(batches[mine]))

    return [
        figure("by-hand", "`permits`, validated / by hand", "permits", "by hand", BY_HAND, len(entities)),
        figure("decide", "`decide` / `permits`, validated", "decide", "permits", DECIDE, len(entities)),
        figure("plain-dicts", "`permits`, plain dicts / by hand without checks", "plain", "plain by hand", PLAIN, len(calls)),
        figure("one-missing", "one missing attribute / complete, validated", "broken", "whole", DAMAGED, len(broken)),
        figure("one-missing", "one missing attribute / complete, plain dicts", "plain broken", "plain whole", DAMAGED, len(broken)),
    ]


def against_reference(work: Workload, rounds: int) -> Figure:
    """For information: what compiling gains."""
    some, decide, reference = work.read[:SAMPLE], work.code.decide_request, work.reference.decide_request
    batches: dict[str, Batch] = {
        "reference": lambda: [reference(request) for request in some],
        "compiled": lambda: [decide(request) for request in some],
    }
    spent = interleaved(batches, rounds)
    best = {name: min(times) / len(some) for name, times in spent.items()}
    gain = ratio(spent["reference"], spent["compiled"])
    return Figure("reference", work.name, "`decide`, reference / compiled", "ns", best["reference"], best["compiled"], gain)


def making(work: Workload, rounds: int) -> Figure:
    """For information: what validated requests cost before they are decided, beside deciding on the same plain dicts."""
    engine, calls = work.engine, work.calls
    batches: dict[str, Batch] = {
        "making": lambda: [(engine.subject(s), engine.resource(r), engine.context(c)) for s, _, r, c, _ in calls],
        "plain": lambda: [engine.permits(s, a, r, c, at=now) for s, a, r, c, now in calls],
    }
    spent = interleaved(batches, rounds)
    best = {name: min(times) / len(calls) for name, times in spent.items()}
    what = "`subject`, `resource` and `context` / `permits`, plain dicts"
    return Figure("making", work.name, what, "ns", best["making"], best["plain"], ratio(spent["making"], spent["plain"]))


def load_time(work: Workload, rounds: int) -> Figure:
    """For information: from files to an engine that decides."""
    spent = interleaved({"load": lambda: Engine.load(work.folder, discharges=work.obligations)}, rounds)
    return Figure("load", work.name, "`Engine.load`", "ms", min(spent["load"]) / NANOSECONDS["ms"])
