"""Tests: asks the reference, as the engine does."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Mapping
from functools import cache

from abac.engine.requests import read_request
from abac.language import checked as c
from abac.model.decision import Decision
from abac.model.request import InvalidRequest, Request
from abac.model.values import Absence, Unknown, Value, is_known
from abac.model.wire import to_wire
from abac.reference import decide as reference
from abac.reference.evaluator import Evaluator
from tests.generate.damage import Damaged, places_of, unknown_first, wounded
from tests.generate.packages import draw_package, load_package
from tests.generate.requests import Raw, RequestMaker, Spot, path_text


@cache
def drawn_packages(seed: int, count: int, ages: bool = False) -> tuple[c.Package, ...]:
    """Packages that the checker accepted, of `count` that were drawn. `ages`: they ask how old attributes are."""
    loaded = (load_package(draw_package(random.Random(f"{seed}/{i}"), ages)) for i in range(count))
    return tuple(package for package in loaded if package is not None)


def decide(package: c.Package, request: Raw, at: dt.datetime | None = None) -> Decision:
    """The decision; the request's clock is believed where `at` gives none."""
    return reference.evaluate(package, read(package, request, at))


def read(package: c.Package, request: Raw, at: dt.datetime | None = None) -> Request | InvalidRequest:
    subject, action, resource, context = (request.get(name) for name in ("subject", "action", "resource", "context"))
    return read_request(subject, action, resource, context, package.schema, package.tables, at)


def reads(package: c.Package, request: Raw) -> Mapping[str, object]:
    """What the reference reads on its way to the decision, by path."""
    asked = read(package, request)
    if isinstance(asked, InvalidRequest):
        return {}
    evaluator = Evaluator(package, asked)
    reference.policy_result(evaluator, package.policy)
    return evaluator.reads


def reads_unknown(package: c.Package, request: Raw) -> bool:
    """Whether the reference comes across something unknown on its way to the decision."""
    return any(isinstance(value, Value | Unknown | Absence) and not is_known(value) for value in reads(package, request).values())


def read_places(package: c.Package, maker: RequestMaker, request: Raw) -> list[Spot]:
    """The places that damage may befall and where the reference looks."""
    paths = tuple(reads(package, request))
    return [s for s in places_of(maker, request) if path_text(s.path).startswith(paths)]


def damaged_while_permitted(package: c.Package, maker: RequestMaker, request: Raw, seen: Counter[str]) -> Damaged | None:
    """As many unknowns as possible where the reference looks, as long as it still permits; None if it did not before."""
    if not decide(package, request).permitted:
        return None
    hurt = unknown_first(maker, request) if maker.rng.random() < 0.3 else None
    if hurt is None or not decide(package, hurt.request).permitted:
        hurt = Damaged(request, (), ())
    places = read_places(package, maker, hurt.request)
    for spot in maker.rng.sample(places, min(len(places), 12)):
        worse = wounded(maker, hurt, spot)
        if worse is not None and decide(package, worse.request).permitted:
            hurt = worse
    seen.update(hurt.kinds)
    return hurt if hurt.spots else None


def damaged_where_read(package: c.Package, maker: RequestMaker, request: Raw, count: int) -> Damaged:
    """Damage at up to so many of the places where the reference looks."""
    hurt = Damaged(request, (), ())
    places = read_places(package, maker, request)
    for spot in maker.rng.sample(places, min(count, len(places))):
        hurt = wounded(maker, hurt, spot) or hurt
    return hurt


def meaning(decision: Decision) -> dict[str, object]:
    """All of a decision but how long it stays valid, as text: `True` is not `1`, and `1.0` not `1.00`."""
    duties = {
        kind: [(d.id, {name: None if v is None else repr(to_wire(v)) for name, v in d.arguments.items()}) for d in made]
        for kind, made in (("obligations", decision.obligations), ("advice", decision.advice))
    }
    names = ("effect", "rule", "policy", "code", "reason", "citations", "unknown", "digest")
    return {**{name: getattr(decision, name) for name in names}, **duties}
