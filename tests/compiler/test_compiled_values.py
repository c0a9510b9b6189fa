"""Constants of every type at their bounds mean in compiled code what they mean in the reference; nothing of the caller's is ever called."""

from __future__ import annotations

import copy
import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from abac.compiler.load import Compiled
from abac.engine.requests import read_request
from abac.language.checked import Package
from abac.model.limits import INT_MAX, INT_MIN, MAX_COLLECTION
from abac.model.request import Request
from abac.reference import evaluate
from tests.compiler.deciding import PARTS, checked, checked_file, compiled, decide, shown
from tests.packs.pack_cases import POLICIES, Pack

# ── constants ────────────────────────────────────────────────────────────────────────────────────────────

LITERALS: dict[str, list[tuple[str, object]]] = {
    "Bool": [("true", True), ("false", False)],
    "Int": [("0", 0), ("1", 1), (str(INT_MAX), INT_MAX), (f"-{INT_MAX} - 1", INT_MIN), ("-1", -1), (str(2**31), 2**31), (str(10**9),
    10**9), (str(2**53 + 1), 2**53 + 1)],
    "Decimal": [
        ("0.0", Decimal("0.0")), ("-0.0", Decimal("-0.0")), ("1.0", Decimal(1)), ("1.00", Decimal("1.00")), ("0.1", Decimal("0.1")),
        ("9" * 33 + ".9", Decimal("9" * 33 + ".9")), ("0." + "0" * 30 + "123", Decimal("0." + "0" * 30 + "123")), (f"-{'1' * 33}.5",
        Decimal(f"-{'1' * 33}.5")),
    ],
    "String": [('""', ""), ('" "', " "), ('"\\u{0}"', "\0"), ('"\\u{10ffff}"', "\U0010ffff"), ('"' + "x" * 70_000 + '"', "x" * 70_000),
    ('"true"', "true"), ('"1"', "1")],
    "Instant": [
        ("0001-01-01T00:00:00Z", dt.datetime.min.replace(tzinfo=dt.timezone.utc)),
        ("9999-12-31T23:59:59.999999Z", dt.datetime.max.replace(tzinfo=dt.timezone.utc)),
        ("1969-12-31T23:59:59.999999Z", dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, dt.timezone.utc)),
        ("2026-06-30T23:59:59+14:00", dt.datetime(2026, 6, 30, 9, 59, 59, tzinfo=dt.timezone.utc)),
    ],
    "Date": [("0001-01-01", dt.date.min), ("9999-12-31", dt.date.max), ("2024-02-29", dt.date(2024, 2, 29))],
    "Duration": [("0 seconds", dt.timedelta()), ("1 second", dt.timedelta(seconds=1)), ("999999999 days",
    dt.timedelta(days=999_999_999)), ("-999999999 days", dt.timedelta(days=-999_999_999)), ("-1 second", dt.timedelta(seconds=-1))],
    "TimeOfDay": [("00:00", dt.time()), ("23:59:59", dt.time(23, 59, 59))],
    "IpAddress": [
        ('address("0.0.0.0")', ipaddress.ip_address("0.0.0.0")), ('address("255.255.255.255")', ipaddress.ip_address("255.255.255.255")),
        ('address("::")', ipaddress.ip_address("::")), ('address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")',
        ipaddress.ip_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")),
        ('address("::ffff:1.2.3.4")', ipaddress.ip_address("1.2.3.4")), ('address("fe80::1")', ipaddress.ip_address("fe80::1")),
    ],
    "IpNetwork": [
        ('network("0.0.0.0/0")', ipaddress.ip_network("0.0.0.0/0")), ('network("1.2.3.4/32")', ipaddress.ip_network("1.2.3.4/32")),
        ('network("::/0")', ipaddress.ip_network("::/0")), ('network("2001:db8::/127")', ipaddress.ip_network("2001:db8::/127")),
    ],
}  # fmt: skip
ORDERED = {"Int", "Decimal", "String", "Instant", "Date", "Duration", "TimeOfDay"}
WORLD = """package p
entity U key id {{ id: String, v: {type}, l: List<{type}>, s: Set<{type}>, o: {type}? }}
context {{ clock at: Instant, v: {type} }}
action view: U -> U
obligation tell(x: {type}, y: Set<{type}>, z: List<{type}>)
const C: {type} = {literal}
"""
QUESTIONS = {
    "equal": "subject.v == C",
    "unequal": "C != subject.v",
    "member": "subject.v in {{ C, {other} }}",
    "in an attribute": "C in subject.s",
    "not in an attribute": "C not in subject.l",
    "meets": "subject.s intersects {{ C }}",
    "inside": "subject.s subset of {{ C, {other} }}",
    "optional": "subject has o == C",
    "some": "some x in [C, {other}]: x == subject.v",
}
COMPARED = {"less": "subject.v < C", "at most": "C <= subject.v", "more": "C > context.v", "at least": "context.v >= C"}


def policies(type_: str, literal: str, other: str) -> Iterator[tuple[str, str]]:
    questions = QUESTIONS | (COMPARED if type_ in ORDERED else {})
    rule = 'permit r when {} because "{{C}} {{subject.v}}" oblige tell(C, {{ C, {} }}, [subject.v, C])'
    for name, question in questions.items():
        text = WORLD.format(type=type_, literal=literal)
        yield name, text + f"policy main: first-applicable {{ {rule.format(question.format(other=other), other)} deny s otherwise }}\n"


@pytest.mark.parametrize(("type_", "at"), [(type_, i) for type_, literals in LITERALS.items() for i in range(len(literals))])
def test_a_constant_at_its_bounds_is_the_same_in_compiled_code(type_: str, at: int) -> None:
    literals = LITERALS[type_]
    (literal, constant), (other, _) = literals[at], literals[at - 1]
    effects = set()
    for name, text in policies(type_, literal, other):
        for value in [held for _, held in literals] + [None, object()]:
            thing = {"id": "x", "v": value, "l": [value, constant], "s": [value], "o": value if value is None else constant}
            decision = decide(text, subject=thing, action="view", resource=thing, context={"v": value})
            effects.add((name, str(decision.effect)))
    assert {effect for _, effect in effects} == {"permit", "deny", "indeterminate"}
    assert len(effects) > 2 * len(QUESTIONS)


def test_a_huge_set_and_zones_are_the_same_in_compiled_code() -> None:
    text = f"""package p
entity U key id {{ id: String, n: Int, zone: TimeZone }}
context {{ clock at: Instant }}
action view: U -> U
const BIG = {{ {", ".join(str(n * 3) for n in range(MAX_COLLECTION))} }}
const NONE: Set<Int> = {{}}
policy main: first-applicable {{
  deny zone when subject.n == 4 and time_of_day(context.at at subject.zone) < 08:00
  deny fixed when subject.n == 5 and weekday(context.at at "Pacific/Kiritimati") == "monday"
  permit r when subject.n in BIG
  deny s when subject.n in NONE or NONE intersects {{ 1 }}
  permit t when subject.n > 0
}}
"""
    found = []
    for n in (0, 3 * (MAX_COLLECTION - 1), 1, 4, 5, None):
        for zone in ("UTC", ZoneInfo("America/St_Johns"), "Nowhere/Land"):
            for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-29T00:59:59.999999Z", "2026-06-14T23:00:00Z"):
                person = {"id": "x", "n": n, "zone": zone}
                found.append(str(decide(text, subject=person, action="view", resource=person, context={"at": at}).effect))
    assert set(found) == {"permit", "deny", "indeterminate"}


# ── nothing of the caller's is called ────────────────────────────────────────────────────────────────────

CALLED: list[str] = []
SILENT = {
    "__new__",
    "__init__",
    "__class__",
    "__del__",
    "__init_subclass__",
    "__subclasshook__",
    "__getnewargs__",
    "__doc__",
    "__dict__",
    "__slots__",
}


def counting(base: type) -> type:
    """A subclass that does what its base does, and notes every special method that somebody calls."""

    def noted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: object, *arguments: Any, **named: Any) -> Any:
            CALLED.append(f"{base.__name__}.{name}")
            return method(self, *arguments, **named)

        return call

    names = {name for cls in base.__mro__ for name in vars(cls) if name.startswith("__") and name.endswith("__")} - SILENT
    methods = {name: noted(name, getattr(base, name)) for name in names if callable(getattr(base, name))}
    return type(f"Counting{base.__name__}", (base,), methods)


class Looked(Mapping[str, object]):
    """A Mapping that is no dict."""

    def __init__(self, members: dict[str, object]) -> None:
        self.members = members

    def __getitem__(self, name: str) -> object:
        CALLED.append("Mapping.__getitem__")
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        CALLED.append("Mapping.__iter__")
        return iter(self.members)

    def __len__(self) -> int:
        CALLED.append("Mapping.__len__")
        return len(self.members)


COUNTING = {
    base: counting(base) for base in (dict, list, str, int, Decimal, set, tuple, frozenset, dt.datetime, dt.date, dt.timedelta, dt.time)
}


def disguised(value: object, mapping: type = COUNTING[dict]) -> Any:
    """The value made of instances of subclasses, at every place; `bool` can have none."""
    if isinstance(value, dict):
        return mapping({name: disguised(each, mapping) for name, each in value.items()})
    if isinstance(value, list):
        return COUNTING[list](disguised(each, mapping) for each in value)
    return COUNTING[type(value)](value) if type(value) in (str, int, Decimal) else value


def asked(package: Package, code: Compiled, request: Any) -> list[bytes]:
    found = [shown(code.decide_request(request)), shown(evaluate(package, request))]
    code.permits_request(request)
    if isinstance(request, Request):
        found.append(shown(code.exact(request)))
    return found


@pytest.mark.parametrize("mapping", [COUNTING[dict], Looked], ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", ["export_control", "hospital", "saas"])
def test_nothing_of_the_callers_is_called_once_the_request_is_read(name: str, mapping: type) -> None:
    package = checked_file(POLICIES / name)
    compiled_code = Pack(name).engine.state.by
    assert compiled_code is not None
    calls = 0
    for case in Pack(name).cases:
        plain = {part: case.get(part) for part in PARTS}
        costume = {part: disguised(copy.deepcopy(value), mapping) for part, value in plain.items()}
        CALLED.clear()
        request = read_request(*costume.values(), package.schema, package.tables, None)
        calls += len(CALLED)
        CALLED.clear()
        found = asked(package, compiled_code, request)
        assert not CALLED, case["id"]
        digestless = shown(evaluate(package, read_request(*plain.values(), package.schema, package.tables, None)))
        assert found[1] == digestless, case["id"]
    assert calls > 0 or mapping is not Looked, "nothing was ever called: the test shows nothing"


@pytest.mark.parametrize("type_", LITERALS)
def test_values_of_subclasses_are_read_into_plain_ones(type_: str) -> None:
    literal, constant = LITERALS[type_][-1]
    text = (
        WORLD.format(type=type_, literal=literal)
        + "policy main: deny-unless-permit { permit r when subject.v == C and C in subject.s and C in subject.l }\n"
    )
    package, code = checked(text), compiled(text)
    cls = COUNTING.get(type(constant))
    if cls is None:
        pytest.skip(f"{type(constant).__name__} is never taken for one of its subclasses, or has none")
    made = copy_as(cls, constant)
    thing = {"id": "x", "v": made, "l": [made], "s": [made]}
    request = read_request(thing, "view", thing, {"v": made}, package.schema, package.tables, None)
    CALLED.clear()
    found = set(asked(package, code, request))
    assert len(found) == 1 and not CALLED
    str(made == constant)
    assert CALLED, "the class counts nothing: the test shows nothing"


def copy_as(cls: type, value: Any) -> Any:
    match value:
        case dt.datetime():
            return cls(value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
        case dt.date():
            return cls(value.year, value.month, value.day)
        case dt.time():
            return cls(value.hour, value.minute, value.second)
        case dt.timedelta():
            return cls(value.days, value.seconds, value.microseconds)
        case _:
            return cls(value)
