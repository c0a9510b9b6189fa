"""Reasons are for the requester: they show what may be shown, as text that harms nobody, and decide nothing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from abac import PolicyErrors
from abac.model.limits import MAX_TEXT
from tests.reference.asking import decide

DECLARE = """
entity Team key id { id: String, sensitive secret: String }
record Place { country: String?, sensitive street: String? }
const LIMIT = 72 hours
define country_of(p: Place) = if p has country then p.country else "nowhere"
"""


def reason(template: str, fields: str = "", effect: str = "deny", **context: object) -> str:
    policy = f'policy p: deny-overrides {{ {effect} r otherwise because "{template}" }}'
    return decide(policy, context, declare=DECLARE, fields=fields).reason


@pytest.mark.parametrize(
    ("type", "given", "shown"),
    [
        ("String", "Paris", "Paris"),
        ("String", "", ""),
        ("Int", -5, "-5"),
        ("Bool", True, "true"),
        ("Bool", False, "false"),
        ("Decimal", Decimal("0.50"), "0.50"),
        ("Decimal", Decimal("1E+3"), "1000"),
        ("Instant", "2026-07-15T14:00:00+02:00", "2026-07-15T12:00:00Z"),
        ("Instant", "2026-07-15T12:00:00.25Z", "2026-07-15T12:00:00.250000Z"),
        ("Date", "2026-07-15", "2026-07-15"),
        ("Duration", dt.timedelta(hours=72), "3 days"),
        ("Duration", dt.timedelta(hours=5), "5 hours"),
        ("TimeOfDay", "08:30", "08:30:00"),
        ("TimeZone", "Europe/Berlin", "Europe/Berlin"),
        ("IpAddress", "::ffff:10.0.0.1", "10.0.0.1"),
        ("IpNetwork", "10.0.0.0/8", "10.0.0.0/8"),
        ('"x" | "y"', "x", "x"),
        ("Set<Int>", [3, 1, 2], "1, 2, 3"),
        ("List<String>", ["b", "a"], "b, a"),
        ("List<String>", ["b", None], "b, (unknown)"),
        ("List<Int>", list(range(12)), "0, 1, 2, 3, 4, 5, 6, 7, … 4 more"),
        ("Set<Int>", [], "(none)"),
        ("Team", {"id": "core", "secret": "s"}, "core"),
        ("Team", "core", "core"),
    ],
)
def test_every_type_that_may_be_shown_is_shown_plainly(type: str, given: object, shown: str) -> None:
    assert reason("<{~x}>", f"x: {type}", x=given) == f"<{shown}>"
    assert reason("<{~x}>", f"x: {type}") == "<(unknown)>"


def test_what_is_absent_is_none_and_what_is_unknown_is_unknown() -> None:
    assert reason("{~x}", "x: String?", x=None) == "(none)"
    assert reason("{~x}", "x: String?") == "(unknown)"
    assert reason("{~x}", "x: String?", x=5) == "(unknown)"
    assert reason("{~x}", "x: String? = absent") == "(none)"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"place": None}, "(none)"),
        ({}, "(unknown)"),
        ({"place": {"country": None}}, "(none)"),
        ({"place": {"country": "FR"}}, "FR"),
        ({"place": {}}, "(unknown)"),
    ],
)
def test_a_part_of_what_is_absent_is_absent(given: dict[str, Any], shown: str) -> None:
    assert reason("{~place.country}", "place: Place?", **given) == shown


def test_paths_reach_into_lists_constants_and_every_part_of_the_request() -> None:
    shown = reason("{~xs[1]} {~xs[9]} {LIMIT} {subject.id} {resource.id} {action}", "xs: List<Int>", xs=[7, 8])
    assert shown == "8 (unknown) 3 days alice doc read"


def test_doubled_braces_are_braces() -> None:
    assert reason("{{~x}} {{{~x}}}", "x: Int", x=1).replace("context.", "~") == "{~x} {1}"


@pytest.mark.parametrize(
    "template", ["{", "}", "{~x", "{~x }", "{ ~x}", "{~x + 1}", "{country_of(~p)}", "{}", "{~x:>10}", "{~x!r}", "{~xs[-1]}"]
)
def test_only_paths_stand_in_braces(template: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        reason(template, "x: Int, p: Place, xs: List<Int>")
    assert "bad-template" in {each.code for each in caught.value.diagnostics}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\nb", "a\\u{a}b"),
        ("\x1b[31mred", "\\u{1b}[31mred"),
        ("\u202eevil", "\\u{202e}evil"),
        ("a\u200bb", "a\\u{200b}b"),
        ("{~y}", "{~y}"),
        ("<script>", "<script>"),
    ],
)
def test_values_carry_no_control_characters_and_are_never_templates_themselves(given: str, shown: str) -> None:
    assert reason("{~x}", "x: String, y: String", x=given, y="secret") == shown


def test_a_long_value_is_cut() -> None:
    assert reason("{~x}", "x: String", x="a" * MAX_TEXT) == "a" * MAX_TEXT
    shown = reason("{~x}", "x: String", x="a" * 100_000)
    assert shown == "a" * (MAX_TEXT - 1) + "…"
    assert len(reason("{~x}", "x: List<String>", x=["b" * 1_000] * 5_000)) == MAX_TEXT


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("{~place.street}", "place: Place"),
        ("{~team.secret}", "team: Team"),
        ("{~pin}", "sensitive pin: Int"),
        ("{hidden}", "sensitive pin: Int"),
    ],
)
def test_a_sensitive_attribute_may_not_stand_in_a_reason(path: str, fields: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        declare = DECLARE + ("define hidden = context.pin" if "hidden" in path else "")
        decide(f'policy p: deny-overrides {{ deny r otherwise because "{path}" }}', declare=declare, fields=fields)
    assert [each.code for each in caught.value.diagnostics] == ["sensitive-in-reason"]


def test_a_sensitive_attribute_may_be_decided_by() -> None:
    assert decide("policy p: deny-overrides { permit r when ~pin == 1 }", {"pin": 1}, fields="sensitive pin: Int").permitted


def test_a_record_cannot_be_shown() -> None:
    with pytest.raises(PolicyErrors) as caught:
        reason("{~place}", "place: Place")
    assert [each.code for each in caught.value.diagnostics] == ["not-showable"]


@pytest.mark.parametrize("effect", ["permit", "deny"])
def test_an_unknown_in_a_reason_changes_no_effect_and_is_not_listed(effect: str) -> None:
    found = decide(f'policy p: deny-overrides {{ {effect} r otherwise because "{{~x}}" }}', {}, fields="x: Int")
    assert (found.effect, found.reason, found.unknown) == (effect, "(unknown)", ())


def test_a_rule_without_a_reason_gives_its_title_or_its_name() -> None:
    assert decide('policy p: deny-overrides { deny r "No entry" otherwise }').reason == "No entry"
    assert decide("policy p: deny-overrides { deny r otherwise }").reason == "deny: r"


def test_what_is_undecided_says_so_and_never_gives_its_reason() -> None:
    found = decide('policy p: deny-overrides { deny r when ~a because "because" }', {}, fields="a: Bool")
    assert found.reason == "cannot decide r: context.a is missing"
    found = decide('policy p: deny-overrides { deny r when ~n + 1 > 0 because "because" }', {"n": 2**63 - 1}, fields="n: Int")
    assert found.reason == "cannot decide r: context.n + 1: overflow"
