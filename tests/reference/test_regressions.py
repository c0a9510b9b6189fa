"""Tests: counterexamples that properties found, written out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from abac.model.decision import Decision, Effect
from tests.generate import asking
from tests.generate.packages import DrawnPackage, load_package

SCHEMA = """package regressions
entity Tag key id { id: String, ok: Bool }
entity User key id { id: String, marks: Set<Tag>, since: Instant, day: Date, wait: Duration }
context { clock time: Instant }
action read: User -> User
policy main: deny-unless-permit { permit the_one CONDITION }
"""
UTC = dt.timezone.utc


def decide(condition: str, at: str = "2026-01-01T00:00:00Z", **attributes: Any) -> Decision:
    package = load_package(DrawnPackage(SCHEMA.replace("CONDITION", condition), {}))
    assert package is not None
    request = {"subject": {"id": "a", **attributes}, "action": "read", "resource": {"id": "b"}, "context": {"time": at}}
    return asking.decide(package, request)


@pytest.mark.parametrize("marks", [[None, {"id": "x", "ok": True}], [{"id": "x", "ok": False}, {"id": "x", "ok": True}]])
def test_an_object_of_the_same_entity_never_takes_the_place_of_another(marks: list[object]) -> None:
    """The null was supplied as another object of entity `x`, which displaced the one that permitted."""
    assert decide("when some m in subject.marks: m.ok", marks=marks).effect is Effect.PERMIT


def test_the_order_of_objects_of_one_entity_in_a_set_changes_nothing() -> None:
    good, bad = {"id": "x", "ok": True}, {"id": "x", "ok": False}
    for condition in (
        "when some m in subject.marks: m.ok",
        "when every m in subject.marks: m.ok",
        'for some m in subject.marks because "{m.ok}"',
    ):
        one, other = (decide(condition, marks=marks) for marks in ([good, bad], [bad, good]))
        assert (one.effect, one.reason) == (other.effect, other.reason)


@pytest.mark.parametrize("ok", [True, None])
def test_objects_of_one_entity_count_once(ok: bool | None) -> None:
    """Two objects whose attributes are unknown may turn out to be alike."""
    assert decide("when count(subject.marks) == 1", marks=[{"id": "x", "ok": ok}, {"id": "x", "ok": True}]).effect is Effect.PERMIT


def test_a_local_time_ahead_of_now_changes_by_the_clock_of_now() -> None:
    decision = decide('when time_of_day((now + 2 hours) at "UTC") >= 08:30', at="2026-01-01T00:00:00Z")
    assert decision.valid_until is not None and decision.valid_until <= dt.datetime(2026, 1, 1, 6, 30, tzinfo=UTC)


def test_a_local_time_behind_now_changes_after_now() -> None:
    decision = decide('when date((now - 400 days) at "UTC") == 2025-01-01', at="2026-01-01T00:00:00Z")
    assert decision.valid_until == dt.datetime(2026, 1, 2, tzinfo=UTC)


def test_a_date_plus_a_running_duration_holds_for_an_instant() -> None:
    condition, facts = (
        "when subject.day + (now - subject.since) == 2026-01-03",
        {"day": "2026-01-01", "since": "2026-01-01T00:00:00Z"},
    )
    decision = decide(condition, at="2026-01-03T00:00:00Z", **facts)
    assert decision.effect is Effect.PERMIT
    assert decision.valid_until == dt.datetime(2026, 1, 3, tzinfo=UTC)
    assert decide(condition, at="2026-01-03T00:00:01Z", **facts).effect is Effect.DENY


def test_a_local_time_compared_with_an_unknown_holds_until_clocks_end() -> None:
    """On the last evening of the year 9999 the local time is unknown too, and its cause is listed."""
    condition = 'when time_of_day(now at "Asia/Kolkata") == time_of_day(subject.since at "UTC")'
    decision = decide(condition)
    assert decision.valid_until is not None
    assert decide(condition, at="9999-12-31T23:00:00Z").unknown != decision.unknown


@pytest.mark.parametrize("wait", [dt.timedelta.max, dt.timedelta.min, "86399999999999 seconds"])
@pytest.mark.parametrize(
    "test",
    ["subject.since - subject.wait < now", "now - subject.since < subject.wait", "subject.wait - subject.wait == 0 seconds"],
)
def test_the_longest_durations_are_decided(wait: object, test: str) -> None:
    decide(f"when {test}", wait=wait, since="2020-01-01T00:00:00Z")


def test_the_difference_of_the_longest_duration_with_itself_is_nothing() -> None:
    assert decide("when subject.wait - subject.wait == 0 seconds", wait=dt.timedelta.max).effect is Effect.PERMIT
