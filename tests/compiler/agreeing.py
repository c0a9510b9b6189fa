"""Tests: puts one question to the reference, to compiled code and to its exact path alone, and says where their answers differ."""

from __future__ import annotations

import datetime as dt
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from abac.compiler import Compiled, improve
from abac.compiler.emit import emit_module
from abac.compiler.lower import lower
from abac.compiler.runtime import UNREAD
from abac.language import checked as c
from abac.model.decision import Decision, Effect
from abac.model.request import InvalidRequest, Request, read_request
from abac.model.values import RecordValue
from abac.reference import evaluate
from tests.compiler.recording import Recording
from tests.generate.ages import dated_request
from tests.generate.asking import damaged_where_read, meaning, read
from tests.generate.damage import damage
from tests.generate.requests import Raw, RequestMaker
from tests.test_reference_properties import draw_instant, later_instants

DIGEST = "digest"
CERTIFIED = ("effect", "rule", "policy", "code", "citations", "obligations", "advice")


@dataclass
class Tally:
    """What was tried.

    Attributes:
        two_valued: decisions that the fast path came to.
        certified: decisions of the fast path that were made again from nothing but what it had read.
        timed: of these, how many had read the clock; and what bound they gave.
        instants: at which decisions were made again.
    """

    pairs: int = 0
    two_valued: int = 0
    certified: int = 0
    effects: Counter[Effect] = field(default_factory=Counter)
    timed: Counter[str] = field(default_factory=Counter)
    instants: int = 0

    def plain(self) -> dict[str, object]:
        """As numbers and dicts, which test runners can pass on."""
        counted = {name: {str(key): count for key, count in getattr(self, name).items()} for name in ("effects", "timed")}
        return {"pairs": self.pairs, "two_valued": self.two_valued, "instants": self.instants, **counted}


@dataclass(frozen=True)
class Question:
    """A request to a package, and what the reference answers."""

    package: c.Package
    compiled: Compiled
    raw: Raw
    at: dt.datetime | None
    request: Request | InvalidRequest
    expected: Decision
    rng: random.Random
    others: dict[frozenset[str], Compiled]

    def discharging(self, obligations: frozenset[str]) -> Compiled:
        """The same policy for a caller who discharges these."""
        if obligations not in self.others:
            self.others[obligations] = Compiled(self.compiled.module, DIGEST, obligations)
        return self.others[obligations]


@dataclass(frozen=True)
class Complaint:
    """An answer that is not the reference's."""

    question: Question
    about: str
    differences: object

    def __str__(self) -> str:
        q = self.question
        now = None if isinstance(q.request, InvalidRequest) else q.request.now
        return "\n\n".join(map(str, (q.package.sources[0].text, q.raw, now, self.about, self.differences)))


def complaints(packages: Iterable[c.Package], seed: int | str, requests: int, tally: Tally) -> Iterator[Complaint]:
    """Every answer that differs; a crash is one. Packages are compiled here, one after the other."""
    for i, package in enumerate(packages):
        maker = RequestMaker.of(random.Random(f"{seed}/{i}"), package)
        compiled = trusting(package)
        for question in questions(package, compiled, maker, requests):
            tally.pairs += 1
            tally.effects[question.expected.effect] += 1
            for about, check in CHECKS.items():
                try:
                    found = check(question, tally)
                except Exception:  # no request makes an engine raise
                    found = traceback.format_exc()
                if found:
                    yield Complaint(question, about, found)


def trusting(package: c.Package) -> Compiled:
    """Compiled code that believes the context's clock, as the reference does that is given one."""
    return Compiled(emit_module(improve(lower(package)), trusting=True), DIGEST)


def questions(package: c.Package, compiled: Compiled, maker: RequestMaker, count: int) -> Iterator[Question]:
    others: dict[frozenset[str], Compiled] = {}
    asks_ages = bool(compiled.forms.ages)
    for _ in range(count):
        raw = drawn_request(package, maker)
        at = draw_instant(maker.rng) if maker.rng.random() < 0.3 else None
        request = aged(read(package, raw, at), maker.rng) if asks_ages else read(package, raw, at)
        yield Question(package, compiled, raw, at, request, evaluate(package, request, DIGEST), maker.rng, others)


def aged(request: Request | InvalidRequest, rng: random.Random) -> Request | InvalidRequest:
    """The request as if sources had said most of it."""
    if isinstance(request, InvalidRequest) or not isinstance(request.now, dt.datetime):
        return request
    return dated_request(request, rng, request.now)


def drawn_request(package: c.Package, maker: RequestMaker) -> Raw:
    """Complete ones, ones with extreme values, ones damaged anywhere and, most often, where the reference looks."""
    kind = maker.rng.random()
    maker.extreme = 0.4 if kind < 0.1 else 0.0
    raw = maker.request()
    maker.extreme = 0.0
    if kind < 0.25:
        return raw
    if kind < 0.35:
        return damage(maker, raw, maker.rng.randint(1, 6)).request
    return damaged_where_read(package, maker, raw, maker.rng.choice((1, 2, 3, 5))).request


def fast(compiled: Compiled, request: Request) -> Decision | None:
    """The two-valued decision, if there is one."""
    try:
        return compiled.fast(request)
    except UNREAD:
        return None


# ── what is checked ────────────────────────────────────────────────────────────────────────────────────────


def differences(expected: Decision, found: Decision) -> object:
    """The parts that differ, and how."""
    a, b = meaning(expected), meaning(found)
    return {name: (a[name], b[name]) for name in a if a[name] != b[name]}


def decided_otherwise(q: Question, tally: Tally) -> object:
    if isinstance(q.request, Request):
        tally.two_valued += fast(q.compiled, q.request) is not None
    return differences(q.expected, q.compiled.decide_request(q.request))


def decided_otherwise_as_forms(q: Question, tally: Tally) -> object:
    """As parts that were read before and given to `decide`."""
    if isinstance(q.request, InvalidRequest):
        return None
    parts = [q.compiled.form(getattr(q.request, part)) for part in ("subject", "resource", "context")]
    return differences(q.expected, q.compiled.decide(parts[0], q.request.action, *parts[1:], q.request.now))


def decided_otherwise_exactly(q: Question, tally: Tally) -> object:
    return isinstance(q.request, Request) and differences(q.expected, q.compiled.exact(q.request))


def permits_otherwise(q: Question, tally: Tally) -> object:
    """`permits` for all obligations of the decision, for none, and for some of those there are."""
    open_ = {duty.id for duty in q.expected.obligations}
    declared = sorted({d.id for d in q.package.schema.duties.values()})
    for discharges in (open_, set(), q.rng.sample(declared, q.rng.randint(0, len(declared)))):
        expected = q.expected.permitted and open_.issubset(discharges)
        if q.discharging(frozenset(discharges)).permits_request(q.request) is not expected:
            return f"permits {discharges}: expected {expected}"
    return None


def holds_no_longer_than_it_says(q: Question, tally: Tally) -> object:
    """Whether the reference decides otherwise at an instant until which a decision said that it holds."""
    if isinstance(q.request, InvalidRequest) or not isinstance(q.request.now, dt.datetime) or q.rng.random() < 0.7:
        return None
    for decision in (q.compiled.decide_request(q.request), q.compiled.exact(q.request)):
        for later in q.rng.sample(instants := later_instants(q.rng, q.request.now, decision.valid_until), min(3, len(instants))):
            tally.instants += 1
            if found := differences(decision, evaluate(q.package, at_instant(q.request, q.package, later), DIGEST)):
                return decision.valid_until, later, found
    return None


def at_instant(request: Request, package: c.Package, at: dt.datetime) -> Request:
    """The same request, asked at another instant."""
    clock = package.schema.context.clock
    fields = dict(request.context.fields)
    if clock is not None:
        fields[clock] = at
    return replace(request, context=RecordValue("context", fields, "context"), now=at)


def decides_by_what_it_did_not_read(q: Question, tally: Tally) -> object:
    """Whether the reference decides otherwise when it is given nothing but what the fast path read."""
    if isinstance(q.request, InvalidRequest):
        return None
    recording = Recording(q.compiled.forms, q.request, q.compiled.memo(q.request.now))
    try:
        decision = q.compiled.fast(q.request, recording.parts, recording.memo)
    except UNREAD:
        return None
    a = meaning(decision)  # texts and duties are made of what was taken: of collections, when they are asked for
    tally.certified += 1
    if recording.memo.clock_read:
        tally.timed["for ever" if decision.valid_until is None else "now" if decision.valid_until == q.request.now else "later"] += 1
    elif decision.valid_until is not None:
        return f"valid until {decision.valid_until}, but the clock was not read"
    again = evaluate(q.package, recording.rest(q.package.schema.context.clock), DIGEST)
    b = meaning(again)
    return {name: (a[name], b[name]) for name in CERTIFIED if a[name] != b[name]}


def decided_otherwise_as_it_comes(q: Question, tally: Tally) -> object:
    """The request as callers bring it: each part as a plain dict, as another Mapping, or read once before."""
    parts = [_brought(q, name) for name in ("subject", "resource", "context")]
    subject, resource, context = parts
    action, expected = q.raw.get("action"), q.expected
    if q.compiled.forms.ages:  # what callers say has no age
        request = read_request(subject, action, resource, context, q.package.schema, q.package.tables, q.at)
        expected = evaluate(q.package, request, DIGEST)
    compiled = q.discharging(frozenset(duty.id for duty in expected.obligations))
    before = compiled.surprises
    found = differences(expected, compiled.decide(subject, action, resource, context, q.at))
    if found:
        return [type(part).__name__ for part in parts], found
    if compiled.permits(subject, action, resource, context, q.at) is not expected.permitted:
        return [type(part).__name__ for part in parts], f"permits: expected {expected.permitted}"
    return "the fast path raised what it has no name for" if compiled.surprises > before else None


def _brought(q: Question, part: str) -> object:
    raw, kind = q.raw.get(part), q.rng.random()
    if kind < 0.15 and isinstance(raw, dict):
        return MappingProxyType(raw)
    if kind < 0.3 and isinstance(q.request, Request) and (part != "context" or q.package.schema.context.clock is None):
        value = getattr(q.request, part)
        return value if q.compiled.forms.ages and kind > 0.25 else q.compiled.form(value)
    return raw


CHECKS: dict[str, Callable[[Question, Tally], object]] = {
    "decide": decided_otherwise,
    "forms": decided_otherwise_as_forms,
    "exact": decided_otherwise_exactly,
    "permits": permits_otherwise,
    "as it comes": decided_otherwise_as_it_comes,
    "valid_until": holds_no_longer_than_it_says,
    "certificate": decides_by_what_it_did_not_read,
}
