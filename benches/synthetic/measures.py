"""Benches: what is measured of a shape, at every size: against code by hand, against itself at ten rules, and with something missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benches.budgets import BY_HAND, DAMAGED, DECIDE, LOAD_SECONDS, MISSING_KEY_NANOSECONDS, PLAIN
from benches.figures import Figure, percentile, percentiles
from benches.profiles import profiled
from benches.synthetic.loaded import NOW, Call, Loaded, read_json
from benches.synthetic.requests import Damage, reader, wire
from benches.synthetic.shape import HOT, parts
from benches.timing import Batch, Clock, Stream, interleaved, latencies, ratio

Sizes = Mapping[int, Loaded]
"""One shape, by rules, in rising order."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Attributes: rounds; seconds after which no comparison begins another round."""

    rounds: int = 7
    seconds: float = 1.0


def against_by_hand(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    for loaded in sizes.values():
        compared = _Compared(loaded, _validated(loaded), effort, loaded.rules == max(sizes))
        yield compared.figure("by-hand", "`permits`, validated / by hand", "permits", "by hand", BY_HAND)
        yield compared.figure("decide", "`decide` / `permits`, validated", "decide", "permits", DECIDE)


def _validated(loaded: Loaded) -> dict[str, Batch]:
    permits, decide, by_hand, calls = loaded.engine.permits, loaded.engine.decide, loaded.by_hand, loaded.hot
    return {
        "permits": lambda: [permits(s, a, r, c, at=NOW) for s, a, r, c in calls],
        "by hand": lambda: [by_hand(s, a, r, c) for s, a, r, c in calls],
        "decide": lambda: [decide(s, a, r, c, at=NOW) for s, a, r, c in calls],
    }


def plain_dicts(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    for loaded in sizes.values():
        compared = _Compared(loaded, _plain(loaded), effort, loaded.rules == max(sizes))
        yield compared.figure("plain-dicts", "`permits`, plain dicts / by hand without checks", "permits", "by hand", PLAIN)


def _plain(loaded: Loaded) -> dict[str, Batch]:
    permits, by_hand, calls = loaded.engine.permits, loaded.work.by_hand, loaded.hot_calls
    return {
        "permits": lambda: [permits(s, a, r, c, at=NOW) for s, a, r, c in calls],
        "by hand": lambda: [by_hand(s, a, r, c) for s, a, r, c in calls],
    }


def raw_json(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    for loaded in sizes.values():
        compared = _Compared(loaded, _read(loaded), effort, loaded.rules == max(sizes))
        yield compared.figure("raw-json", "`permits`, raw JSON / by hand", "permits", "by hand", None)


def _read(loaded: Loaded) -> dict[str, Batch]:
    permits, by_hand, read_by_hand = loaded.engine.permits, loaded.work.by_hand, reader(loaded.work.policy)
    lines = [wire(request) for request in loaded.work.hot]
    return {
        "permits": lambda: [permits(*parts(read_json(line)), at=NOW) for line in lines],
        "by hand": lambda: [by_hand(*parts(read_by_hand(line))) for line in lines],
    }


class _Compared:
    """Batches of the hot requests, timed turn by turn; `last` says whether the size is the largest."""

    def __init__(self, loaded: Loaded, batches: Mapping[str, Batch], effort: Effort, last: bool) -> None:
        self._loaded, self._batches, self._last = loaded, batches, last
        self._spent = interleaved(batches, effort.rounds, seconds=effort.seconds)

    def figure(self, benchmark: str, what: str, mine: str, theirs: str, budget: float | None) -> Figure:
        each = len(self._loaded.work.hot)
        value, against = (min(self._spent[name]) / each for name in (mine, theirs))
        over = ratio(self._spent[mine], self._spent[theirs])
        made = Figure(benchmark, self._loaded.of, what, "ns", value, against, over, budget, self._loaded.rules)
        return _explained(made, self._batches[mine], self._last)


def _explained(figure: Figure, batch: Callable[[], Any], last: bool) -> Figure:
    """With a profile, if the budget is missed at the largest size."""
    return replace(figure, why=profiled(batch)) if last and figure.met is False else figure


# ── growth ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def growth_hot(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    yield from _growth(sizes, "growth-hot", "median of 64 requests", lambda loaded: loaded.hot, effort)


def growth_cold(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    yield from _growth(sizes, "growth-cold", "median of 4,000 requests", lambda loaded: loaded.cold, effort)


def _growth(sizes: Sizes, benchmark: str, what: str, calls: Callable[[Loaded], list[Call]], effort: Effort) -> Iterator[Figure]:
    """The budget is for the largest size; the others are for information, the smallest has nothing to be compared with."""
    first, *_ = sizes.values()
    shape = first.work.shape
    smallest = max(shape.smallest, min(sizes))
    streams = {str(rules): deciding(loaded, calls(loaded)) for rules, loaded in sizes.items()}
    taken = latencies(streams, effort.rounds, effort.seconds * 2)
    allowed = shape.hot_growth if benchmark == "growth-hot" else shape.cold_growth
    for rules in sizes:
        each, last = taken[str(rules)], rules == max(sizes)
        value, shares = percentile(each, 50), percentiles(each)
        made = Figure(benchmark, shape.name, f"{what} / at {smallest} rules", "ns", value, rules=rules, percentiles=shares)
        if rules > smallest and smallest in sizes:
            least = percentile(taken[str(smallest)], 50)
            made = replace(made, against=least, ratio=value / least, budget=allowed if last else None)
        yield _explained(made, _untimed(streams[str(rules)]), last)


def _untimed(stream: Stream) -> Callable[[], Any]:
    return lambda: stream(lambda: 0)


def deciding(loaded: Loaded, calls: Sequence[Call]) -> Stream:
    permits = loaded.engine.permits

    def stream(clock: Clock) -> list[int]:
        return [(start := clock(), permits(s, a, r, c, at=NOW), clock() - start)[2] for s, a, r, c in calls]

    return stream


# ── something missing ────────────────────────────────────────────────────────────────────────────────────────────────


AT_ONCE = 100_000_000
"""Nanoseconds that one pass over damaged requests may take: there are fewer of them where each takes long."""
FEWEST = 8


def one_missing(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    for rules, loaded in sizes.items():
        broken = {damage: loaded.damaged(damage) for damage in (Damage.MISSING, Damage.MISTYPED, Damage.ALL)}
        count = _how_many(deciding(loaded, [parts(request) for request in broken[Damage.MISSING]][:FEWEST]))
        streams = {
            "validated, whole": deciding(loaded, loaded.hot[:count]),
            "plain dicts, whole": deciding(loaded, loaded.hot_calls[:count]),
        }
        for damage, requests in broken.items():
            streams[f"validated, {damage}"] = deciding(loaded, loaded.validated(requests[:count]))
            streams[f"plain dicts, {damage}"] = deciding(loaded, [parts(request) for request in requests[:count]])
        taken = latencies(streams, effort.rounds, effort.seconds)
        for damage in broken:
            for form in ("validated", "plain dicts"):
                mine, whole = taken[f"{form}, {damage}"], taken[f"{form}, whole"]
                value, against = percentile(mine, 50), percentile(whole, 50)
                made = Figure("one-missing", loaded.of, f"{damage} / complete, {form}", "ns", value, against, value / against, rules=rules)
                made = replace(made, budget=None if damage is Damage.ALL else DAMAGED, percentiles=percentiles(mine))
                yield _explained(made, _untimed(streams[f"{form}, {damage}"]), rules == max(sizes))


def _how_many(stream: Stream) -> int:
    each = percentile(latencies({"": stream}, 1)[""], 50)
    return max(FEWEST, min(HOT, int(AT_ONCE / max(1.0, each))))


def missing_key(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    """None where rules are filed under an identity: a request without it is refused before any rule is looked at."""
    for rules, loaded in sizes.items():
        if loaded.work.shape.keys <= {"resource.id", "subject.id"}:
            return
        calls = loaded.validated(loaded.damaged(Damage.KEY))
        stream = deciding(loaded, calls[: _how_many(deciding(loaded, calls[:FEWEST]))])
        each = latencies({"": stream}, effort.rounds, effort.seconds)[""]
        made = Figure("missing-key", loaded.of, f"{Damage.KEY}, validated", "ns", percentile(each, 50), rules=rules)
        made = replace(made, budget=MISSING_KEY_NANOSECONDS, percentiles=percentiles(each))
        yield _explained(made, _untimed(stream), rules == max(sizes))


def load(sizes: Sizes, effort: Effort) -> Iterator[Figure]:
    for rules, loaded in sizes.items():
        budget = LOAD_SECONDS if rules == 10_000 else None
        yield Figure("load", loaded.of, "`Engine.from_text`", "s", loaded.seconds, budget=budget, rules=rules)


MEASURES: Mapping[str, Callable[[Sizes, Effort], Iterator[Figure]]] = {
    "load": load,
    "by-hand": against_by_hand,
    "plain-dicts": plain_dicts,
    "raw-json": raw_json,
    "growth-hot": growth_hot,
    "growth-cold": growth_cold,
    "one-missing": one_missing,
    "missing-key": missing_key,
}
"""By the name of the benchmark; `by-hand` gives `decide` too."""
