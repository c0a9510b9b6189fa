"""Tests: plain dicts are decided where they stand, and as the reference decides them, whatever else stands there."""

from __future__ import annotations

import copy
import datetime as dt
import ipaddress
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from abac.compiler import Compiled
from abac.compiler.runtime import LONGEST_IN_PLACE
from abac.language import checked as c
from abac.model.limits import MAX_COLLECTION, MAX_COLLIDING
from abac.model.request import InvalidRequest
from abac.model.values import CauseKind
from abac.reference import evaluate
from benches.packs.workloads import SOURCES, workload
from tests.compiler.agreeing import DIGEST, Tally, complaints, differences, trusting
from tests.compiler.deciding import checked
from tests.compiler.in_place import POLICIES, placed_package, placed_packages
from tests.generate.asking import read
from tests.generate.requests import Raw, RequestMaker

PARTS = ("subject", "resource", "context")
NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.timezone.utc)


class Text(str):
    """A str that says of itself what is not so."""

    def isascii(self) -> bool:
        return True

    def __len__(self) -> int:
        return 0


class Same:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("User")


class Loud:
    """A key that raises when it is compared with another."""

    def __init__(self, like: str) -> None:
        self.hash = hash(like)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("loud")

    def __hash__(self) -> int:
        return self.hash


class Whole(int):
    """An int of a class of its own."""


class Members(dict[str, Any]):
    """A dict that gives what it has not."""

    def get(self, key: str, default: Any = None) -> Any:
        return "given"

    def __missing__(self, key: str) -> Any:
        return "given"


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    Whole(2),
    1.5,
    float("nan"),
    "",
    "a",
    "é",
    "\ud800",
    Text("a"),
    Text("User"),
    Same(),
    b"a",
    [],
    (),
    {},
    set(),
    [None],
    ["a", 1],
    [{"x": 1}],
    ({"x": 2},),
    {"x": 1, "name": None, "tags": ["a"]},
    Members(x=1),
    MappingProxyType({"x": 1}),
    {"id": "a"},
    {"id": 1},
    {"id": Text("a")},
    {"id": "a", "entity_type": Same()},
    {"id": "a", "entity_type": "Tenant"},
    {"id": "a", "entity_type": None},
    {"id": "a", "parents": ["b"]},
    {"id": "a", "parents": [{"id": "b", "entity_type": Text("Team"), "parents": []}]},
    Decimal("1.5"),
    Decimal("NaN"),
    Decimal("1e9999"),
    Decimal("0E+7000"),
    Decimal("1." + "0" * 40),
    Decimal("1." + "0" * 40 + "1"),
    NOW,
    NOW.replace(tzinfo=None),
    "10.0.0.1",
    ipaddress.IPv4Address("10.0.0.1"),
    ipaddress.IPv6Address("::ffff:10.0.0.1"),
    "User",
    "Token",
    frozenset({"a"}),
    {"a"},
    [Text("a")],
    ["a"] * 300,
]
KEYS = ("id", "entity_type", "parents", "tenant", "shares", "n", "x", "made_from")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for step, each in list(value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()):
        yield value, step
        yield from places(each)


def hurt(raw: Raw, rng: random.Random) -> Raw:
    """The request with something odd at a few places."""
    made = {**raw, **{part: copy.deepcopy(raw.get(part)) for part in PARTS}}
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        found = [place for part in PARTS for place in places(made[part])]
        if not found:
            break
        holder, step = rng.choice(found)
        kind = rng.random()
        if kind < 0.1 and type(holder) is dict:
            del holder[step]
        elif kind < 0.2 and type(holder) is dict:
            holder[rng.choice(KEYS)] = odd(rng)
        elif kind < 0.3 and type(holder[step]) is list:
            holder[step] = rng.choice((tuple(holder[step]), holder[step] * (LONGEST_IN_PLACE + 1), holder[step] * (MAX_COLLECTION + 1)))
        else:
            holder[step] = odd(rng)
    if rng.random() < 0.05:
        made[rng.choice(PARTS)] = odd(rng)
    if rng.random() < 0.1:
        dicts = [holder[step] for part in PARTS for holder, step in places(made[part]) if type(holder[step]) is dict]
        holder = rng.choice([*dicts, *(made[part] for part in PARTS if type(made[part]) is dict)])
        if missing := [key for key in KEYS if key not in holder]:
            holder[Loud(rng.choice(missing))] = 1
    return made


def odd(rng: random.Random) -> Any:
    found = rng.choice(ODD)
    return copy.deepcopy(found) if type(found) in (dict, list) else found


class Watched:
    """A compiled package that counts how often the ways in leave a request to the edge."""

    def __init__(self, package: c.Package) -> None:
        self.compiled = trusting(package)
        self.left = 0
        for name in ("slow_decide", "slow_permits", "unread_decide", "unread_permits"):
            self.compiled.namespace[name] = self.counting(self.compiled.namespace[name])

    def counting(self, slow: Any) -> Any:
        def counted(*request: Any) -> Any:
            self.left += 1
            return slow(*request)

        return counted


@pytest.mark.parametrize("name", POLICIES)
def test_whatever_stands_in_a_plain_dict_the_answer_is_the_references(name: str) -> None:
    package, watched, seen, in_place = placed_package(name), Watched(placed_package(name)), Counter[str](), 0
    rng = random.Random(name)
    maker = RequestMaker.of(rng, package)
    for _ in range(400):
        raw = hurt(maker.request(), rng)
        expected = evaluate(package, request := read(package, raw), DIGEST)
        before = watched.left
        found = watched.compiled.decide(raw.get("subject"), raw.get("action"), raw.get("resource"), raw.get("context"), None)
        in_place += watched.left == before
        seen["invalid" if isinstance(request, InvalidRequest) else expected.effect] += 1
        assert not (other := differences(expected, found)), (raw, other)
        discharging = Compiled(watched.compiled.module, DIGEST, frozenset(duty.id for duty in expected.obligations))
        assert (
            discharging.permits(raw.get("subject"), raw.get("action"), raw.get("resource"), raw.get("context"), None) is expected.permitted
        ), raw
    assert in_place > 80 and len(seen) > 2 and seen["invalid"] > 5, (in_place, seen)


@pytest.mark.parametrize("seed", range(2))
def test_engines_give_one_answer_about_what_is_read_in_place(seed: int) -> None:
    found = next(complaints(placed_packages(), f"placed/{seed}", 60, Tally()), None)
    assert found is None, str(found)


@pytest.mark.parametrize("name", SOURCES)
def test_complete_requests_as_plain_dicts_are_never_left_to_the_edge(name: str) -> None:
    work = workload(name, 200)
    code = Compiled(work.code.module, work.engine.digest, work.obligations)
    left: list[Any] = []
    for leaving in ("slow_decide", "slow_permits", "unread_decide", "unread_permits"):
        code.namespace[leaving] = lambda *request: left.append(request)
    for subject, action, resource, context, now in work.calls:
        code.permits(subject, action, resource, context, now)
        code.decide(subject, action, resource, context, now)
    assert not left and code.surprises == 0


HIERARCHY = """package deep
entity Group in Group key id { id: String }
entity User in Group key id { id: String, home: Group }
entity Doc key id { id: String }
action act: User -> Doc
policy main: first-applicable { deny below when ~ in Group::"top" permit other otherwise }
"""


@pytest.mark.parametrize("who", ["subject", "subject.home"])
def test_what_stands_above_too_deep_is_unknown(who: str) -> None:
    package = checked(HIERARCHY.replace("~", who))
    compiled, effects = trusting(package), Counter[str]()
    for steps in range(20, 70):
        group: Any = {"id": "last", "parents": []}
        for step in range(steps):
            group = {"id": f"g{step}", "parents": [group]}
        raw = {"subject": {"id": "u", "parents": [group], "home": group}, "action": "act", "resource": {"id": "d"}, "context": {}}
        expected = evaluate(package, read(package, raw), DIGEST)
        effects[expected.effect] += 1
        assert not differences(expected, compiled.decide(raw["subject"], "act", raw["resource"], {}, None)), steps
    assert len(effects) == 2, effects


NUMBERS = """package numbers
entity User key id { id: String, limits: ~<Decimal> }
action act: User -> User
policy main: first-applicable { permit found when 7 in subject.limits deny other otherwise }
"""


@pytest.mark.parametrize("kind", ["Set", "List"])
@pytest.mark.parametrize("count", [1, MAX_COLLIDING, MAX_COLLIDING + 1, MAX_COLLECTION])
def test_many_decimals_that_share_a_hash_are_beyond_a_limit(kind: str, count: int) -> None:
    package = checked(NUMBERS.replace("~", kind))
    compiled = trusting(package)
    limits = [Decimal(i) * (2**61 - 1) + 5 for i in range(count)]
    assert len(set(map(hash, limits))) == 1
    raw = {"subject": {"id": "u", "limits": limits}, "action": "act", "resource": {"id": "v", "limits": [1, 1, 1] * 20}, "context": {}}
    expected = evaluate(package, request := read(package, raw), DIGEST)
    assert not isinstance(request, InvalidRequest)
    assert not differences(expected, compiled.decide(raw["subject"], "act", raw["resource"], {}, None))
    assert not differences(expected, compiled.decide_request(request))
    assert not differences(expected, compiled.exact(request))
    assert [cause.kind for cause in expected.unknown] == ([CauseKind.LIMIT_EXCEEDED] if count > MAX_COLLIDING else [])
