"""Tests: a world of entities behind an attribute source, a clock that stands still until it is moved, and a policy that reads both."""

from __future__ import annotations

import copy
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

from abac import Decision, Engine
from abac.engine.sources import Absent, Found, Supply
from abac.language import checked as c
from abac.model.values import EntityRef
from abac.reference import evaluate
from tests.generate.asking import meaning

UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
START = 1_800_000_000.0
HOUR = dt.timedelta(hours=1)

SCHEMA = """package shop
record Offer { price: Decimal, until: Instant }
entity Group in Group key id { id: String, level: Int }
entity User in Group key id {
  id: String, role: "member" | "owner" | "guest", level: Int, boss: User?, nick: String?, quiet: Bool? = absent, tags: Set<String>
}
entity Room key no { no: Int }
entity Service key id { id: String, level: Int }
entity Doc key id { id: String, owner: User, level: Int, readers: List<User>, offers: List<Offer>, closes: Instant? }
context {
  clock at: Instant, mfa: Bool, n: Int, rate: Decimal, seen: Instant, who: User, tags: Set<String>, offers: List<Offer>, note: String?,
  numbers: List<Int>, rates: Set<Decimal>, wait: Duration, room: Room
}
action read, write: User -> Doc
obligation log(level: Int)
obligation tell(who: User, note: String)
"""


class Clock:
    """Seconds since 1970, as far as this test is concerned. `tick` is what passes whenever somebody looks."""

    def __init__(self) -> None:
        self.now = START
        self.tick = 0.0

    def __call__(self) -> float:
        self.now += self.tick
        return self.now

    @property
    def instant(self) -> dt.datetime:
        return EPOCH + dt.timedelta(seconds=self.now)


class World:
    """Entities by type and key.

    Attributes:
        asked: the keys that it was asked for, in order.
        failing: keys for which it raises.
        meanwhile: called once, after the next answer was found and before it is given.
    """

    name = "world"

    def __init__(self, **entities: dict[str, dict[str, Any]]) -> None:
        self.entities: dict[tuple[str, object], dict[str, Any]] = {
            (type_, key): values for type_, by_key in entities.items() for key, values in by_key.items()
        }
        self.asked: list[object] = []
        self.names: list[frozenset[str]] = []
        self.clocks: list[dt.datetime] = []
        self.failing: set[object] = set()
        self.meanwhile: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        with self._lock:
            self.asked.append(entity.key)
            self.names.append(names)
            self.clocks.append(at)
            values = copy.deepcopy(self.entities.get((entity.type, entity.key)))
            meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        if entity.key in self.failing:
            raise ConnectionError("secret value")
        return Absent() if values is None else Found(values)

    def set(self, type_: str, key: object, **values: Any) -> None:
        self.entities[type_, key] = {**self.entities.get((type_, key), {}), **values}

    def nested(self, type_: str, key: object, depth: int = 6) -> dict[str, Any]:
        """An entity as one object, with all that it refers to inside: what a service would send that keeps nothing by reference."""
        entity = {"id": key, "entity_type": type_}
        values = self.entities.get((type_, key))
        if values is None or depth == 0:
            return entity
        inner: dict[str, Any] = dict(values)
        for name, of in (("boss", "User"), ("owner", "User")):
            if isinstance(inner.get(name), str):
                inner[name] = self.nested(of, inner[name], depth - 1)
        if "readers" in inner:
            inner["readers"] = [self.nested("User", each, depth - 1) for each in inner["readers"]]
        if "parents" in inner:
            inner["parents"] = [self.nested("Group", each, depth - 1) for each in inner["parents"]]
        return {**entity, **inner}


def world() -> World:
    return World(
        Group={"g": {"level": 1, "parents": ["staff"]}, "staff": {"level": 9, "parents": []}, "other": {"level": 0, "parents": []}},
        User={
            "ann": {"role": "member", "level": 5, "boss": None, "nick": "a", "tags": ["x"], "parents": ["g"]},
            "bob": {"role": "guest", "level": 2, "boss": "ann", "nick": None, "tags": [], "parents": []},
            "cy": {"role": "owner", "level": 3, "boss": "bob", "nick": None, "tags": ["x", "y"], "parents": ["other"]},
        },
        Service={"ann": {"level": 7}},
        Doc={
            "d1": {"owner": "cy", "level": 3, "readers": ["ann", "bob"], "offers": [], "closes": None},
            "d2": {"owner": "ann", "level": 4, "readers": [], "offers": [], "closes": None},
        },
    )


def supplies(source: Any, *types: str, **options: Any) -> list[Supply]:
    given = {"keep": HOUR, "timeout": None, **options}
    return [Supply(type_, source, **given) for type_ in types or ("Group", "User", "Service", "Doc")]


def engine_of(rules: str, *sources: Supply, more: str = "", **options: Any) -> Engine:
    return Engine.from_text(f"{SCHEMA}{more}\npolicy main: first-applicable {{\n{rules}\n}}\n", sources=sources, **options)


def fresh(package: c.Package, world: World, who: str, action: str, what: str, context: Any, at: dt.datetime) -> Decision:
    """The reference's decision on what the world is like now."""
    from abac.engine.requests import read_request

    subject, resource = world.nested("User", who), world.nested("Doc", what)
    return evaluate(package, read_request(subject, action, resource, context, package.schema, package.tables, at), "")


def told(decision: Decision) -> dict[str, object]:
    """All of a decision but its digest and how long it holds."""
    return {**meaning(decision), "digest": ""}


def hits(engine: Engine) -> int:
    return engine.statistics.hits


def counted(engine: Engine, *arguments: Any, **options: Any) -> tuple[Decision, bool]:
    """A decision, and whether it was kept from before."""
    before = hits(engine)
    decision = engine.check(*arguments, **options)
    return decision, hits(engine) > before
