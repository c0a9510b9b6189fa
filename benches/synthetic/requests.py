"""Benches: draws requests for a policy: most of them so that they meet one of its rules.

A request is a dict of plain dicts, as a service holds it: sets are lists, times and addresses are objects, a group is an object with its
parents. `wire` is the same as JSON, `damaged` the same with something missing.
"""

from __future__ import annotations

import copy
import datetime as dt
import ipaddress
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

from benches.synthetic.oracle import Request, value_of
from benches.synthetic.policy import AnyOf, Comparison, Kind, Operator, Policy, Rule, Weighed


class Requests:
    """Draws without end, always the same for one policy and seed."""

    def __init__(self, policy: Policy, seed: int) -> None:
        self.policy = policy
        self._rng = random.Random(f"requests {seed}")
        self._rules = {effect: [rule for rule in policy.rules if rule.permits is effect] for effect in (True, False, None)}
        self._drawn = 0

    def __iter__(self) -> Iterator[Request]:
        while True:
            yield self.draw()

    def draw(self) -> Request:
        rng, policy, self._drawn = self._rng, self.policy, self._drawn + 1
        request: Request = {"subject": {"id": f"person-{self._drawn}"}, "action": rng.choice(policy.actions), "resource": {}, "context": {}}
        request["resource"]["id"] = "document-0"
        for path, draw in policy.domains.items():
            if path != "subject":
                _put(request, path, draw(rng))
        standing: Any = policy.domains["subject"](rng) if policy.groups else []
        rule = self._rule()
        if rule is not None:
            standing = self._meet(rule, request, standing)
        if policy.groups:
            request["subject"]["parents"] = [self._objects[group] for group in standing]
        return request

    def _rule(self) -> Rule | None:
        rules = self._rules[self._rng.choice(self.policy.aims)]
        return self._rng.choice(rules) if rules else None

    def _meet(self, rule: Rule, request: Request, standing: Any) -> Any:
        """Changes the request so that the rule holds, as far as single tests can tell; gives the groups to stand in."""
        bounds: dict[str, dict[Operator, Any]] = defaultdict(dict)
        for condition in rule.conditions:
            if isinstance(condition, AnyOf):
                condition = condition.conditions[0]
            match condition:
                case Comparison(operator=Operator.AT_LEAST | Operator.BELOW as side, attribute=path, value=value):
                    bounds[path][side] = value
                case Comparison(operator=Operator.STANDS_IN, value=group):
                    standing = [self._rng.choice(self._below[group])]
                case Comparison():
                    self._put(request, condition)
                case Weighed(left=left, factor=factor, least=least):
                    _put(request, left, least // factor + 1)
        for path, sides in bounds.items():
            _put(request, path, _between(sides.get(Operator.AT_LEAST), sides.get(Operator.BELOW), self._rng))
        return standing

    def _put(self, request: Request, test: Comparison) -> None:
        path, value = test.attribute, test.value
        match test.operator:
            case Operator.IS:
                _put(request, path, value)
            case Operator.ONE_OF:
                _put(request, path, self._rng.choice(value))
            case Operator.IN_NETWORK:
                network = ipaddress.ip_network(value)
                _put(request, path, network[self._rng.randrange(network.num_addresses)])
            case Operator.HOLDS | Operator.MEETS:
                member = value if test.operator is Operator.HOLDS else self._rng.choice(value)
                held = value_of(path, request)
                if member not in held:
                    held[self._rng.randrange(len(held))] = member

    @cached_property
    def _below(self) -> Mapping[str, list[str]]:
        """Of each group itself and the groups below it, at any distance."""
        below: dict[str, list[str]] = {group: [] for group in self.policy.groups}
        for group in self.policy.groups:
            reached, waiting = {group: None}, [group]
            while waiting:
                for parent in self.policy.groups[waiting.pop()]:
                    if parent not in reached:
                        reached[parent] = None
                        waiting.append(parent)
            for each in reached:
                below[each].append(group)
        return below

    @cached_property
    def _objects(self) -> Mapping[str, dict[str, Any]]:
        """Each group as an object with its parents; those of one group are one object."""
        found: dict[str, dict[str, Any]] = {group: {"id": group, "parents": []} for group in self.policy.groups}
        for group, parents in self.policy.groups.items():
            found[group]["parents"] = [found[parent] for parent in parents]
        return found


def _put(request: Request, path: str, value: object) -> None:
    part, _, name = path.partition(".")
    if name:
        request[part][name] = value
    else:
        request[part] = value


def _between(low: Any, high: Any, rng: random.Random) -> Any:
    """A value of a half-open range; the least number is 0, and 5 above the start suffices where there is no end."""
    match low if high is None else high:
        case dt.datetime():  # whole seconds, if there are any: not every engine has finer ones
            step = dt.timedelta(seconds=1) if high - low > dt.timedelta(seconds=1) else dt.timedelta(microseconds=1)
            return low + rng.randrange((high - low) // step) * step
        case Decimal():
            low, high = low or Decimal(0), high or low + 5
            return low + Decimal(rng.randrange(int((high - low) * 100))) / 100
        case _:
            low, high = low or 0, high or low + 5
            return low + rng.randrange(high - low)


# ── as JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def wire(request: Request) -> bytes:
    """One JSON object. Decimals are numbers, exactly."""
    return _json(request).encode()


def _json(value: Any) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{json.dumps(name)}: {_json(member)}' for name, member in value.items())}}}"
        case list():
            return f"[{', '.join(map(_json, value))}]"
        case Decimal():
            return f"{value:f}"
        case dt.datetime():
            return json.dumps(value.isoformat().replace("+00:00", "Z"))
        case ipaddress.IPv4Address():
            return json.dumps(str(value))
        case _:
            return json.dumps(value)


def reader(policy: Policy) -> Callable[[bytes], Request]:
    """What a service writes by hand to have plain dicts again: it knows where times and addresses stand."""
    places = [path.split(".") for path in policy.attributes]
    made = {Kind.INSTANT: dt.datetime.fromisoformat, Kind.ADDRESS: ipaddress.IPv4Address, Kind.DECIMAL: Decimal}
    converted = [(part, name, made[kind]) for (part, name), kind in zip(places, policy.attributes.values(), strict=True) if kind in made]

    def read(line: bytes) -> Request:
        request: Request = json.loads(line, parse_float=Decimal)
        for part, name, convert in converted:
            request[part][name] = convert(request[part][name])
        return request

    return read


# ── with something missing ───────────────────────────────────────────────────────────────────────────────────────────


class Damage(StrEnum):
    """What is wrong with a request. Ids stay: without them there is no request."""

    MISSING = "one attribute missing"
    MISTYPED = "one attribute mistyped"
    KEY = "index key missing"
    ALL = "all attributes missing"


def damaged(request: Request, policy: Policy, damage: Damage, keys: frozenset[str], rng: random.Random) -> Request:
    """The same request with the damage; `keys` are the attributes that an index would be keyed by.

    Of several attributes or keys one is taken, of those that the policy tests.
    """
    found = copy.deepcopy(request)
    tested = sorted({test.attribute for rule in policy.rules for test in rule.comparisons} - {"action", "resource.id"})
    match damage:
        case Damage.ALL:
            for path in tested:
                _take(found, path)
        case Damage.KEY:
            _take(found, rng.choice(sorted(keys - {"action", "resource.id"}) or tested))
        case Damage.MISSING:
            _take(found, rng.choice(tested))
        case Damage.MISTYPED:
            _spoil(found, rng.choice(tested), policy)
    return found


def _take(request: Request, path: str) -> None:
    part, _, name = path.partition(".")
    request[part].pop(name or "parents", None)


def _spoil(request: Request, path: str, policy: Policy) -> None:
    part, _, name = path.partition(".")
    request[part][name or "parents"] = 7 if name and policy.kinds[path] in (Kind.STRING, Kind.ADDRESS, Kind.INSTANT) else "x"
