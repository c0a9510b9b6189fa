"""Tests: disagreements that were found, each as the smallest policy and request that showed it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from abac.compiler import compile_package
from abac.model.decision import Decision, Effect
from abac.reference import evaluate
from tests.compiler.agreeing import DIGEST, at_instant, differences, fast
from tests.compiler.pointed import package
from tests.generate.asking import read

UTC = dt.timezone.utc
LAST = dt.datetime.max.replace(tzinfo=UTC)


def decisions(policy: str, context: dict[str, Any], **attributes: Any) -> tuple[Decision, Decision]:
    """What the reference and what compiled code decides, at the instant `context` gives."""
    drawn = package(policy)
    request = read(drawn, {"subject": {"id": "a", **attributes}, "action": "read", "resource": {"id": "b"}, "context": context}, None)
    return evaluate(drawn, request, DIGEST), compile_package(drawn, DIGEST).decide_request(request)


@pytest.mark.parametrize("algorithm", ["permit-overrides", "first-applicable", "deny-unless-permit"])
def test_a_permit_inside_a_policy_that_waits_is_no_permit_if_its_obligation_is_unknown(algorithm: str) -> None:
    """The other permit was given, although the policy beside it could have come to a deny."""
    policy = f"""policy main: deny-overrides {{
        permit first when context.flag
        policy inner: {algorithm} {{ permit second when context.colour == "red" oblige spend(subject.n)  deny third otherwise }} }}"""
    expected, found = decisions(policy, {"flag": True, "colour": "red"})
    assert not expected.permitted
    assert differences(expected, found) == {}


def test_a_permit_that_waits_is_given_if_its_obligation_is_known() -> None:
    policy = """policy main: deny-overrides {
        permit first when context.flag
        policy inner: deny-unless-permit { permit second when context.colour == "red" oblige spend(subject.n) } }"""
    expected, found = decisions(policy, {"flag": True, "colour": "red"}, n=1)
    assert expected.rule == "first" and differences(expected, found) == {}


def holds(policy: str, now: dt.datetime, later: dt.datetime, context: dict[str, Any]) -> bool:
    """Whether compiled code says that its decision holds at the later instant; if so, the reference has to agree."""
    drawn = package(policy)
    compiled = compile_package(drawn, DIGEST)
    raw = {"subject": {"id": "a"}, "action": "read", "resource": {"id": "b"}, "context": {**context, "time": now}}
    request = read(drawn, raw, None)
    again = evaluate(drawn, at_instant(request, drawn, later), DIGEST)  # type: ignore[arg-type]  # the request is valid
    claims = []
    for decision in (compiled.decide_request(request), compiled.exact(request)):  # type: ignore[arg-type]
        claims.append(decision.valid_until is None or later < decision.valid_until)
        if claims[-1]:
            assert differences(decision, again) == {}
    return all(claims)


def test_a_local_time_that_is_none_yet_may_become_one() -> None:
    """On the first day of all, clocks west of Greenwich show nothing; the decision was said to hold for ever."""
    policy = 'policy main: deny-overrides { permit p unless weekday(now at "America/St_Johns") == "friday" }'
    assert not holds(policy, dt.datetime(1, 1, 1, tzinfo=UTC), dt.datetime(2026, 1, 2, 12, tzinfo=UTC), {})


def test_a_local_time_that_is_compared_with_an_unknown_may_cease_to_be_one() -> None:
    """On the last day of all, clocks east of Greenwich show nothing, which is one more cause; the decision was said to hold for ever."""
    policy = 'policy main: deny-overrides { permit p when time_of_day(now at "Australia/Lord_Howe") <= time_of_day(context.seen at "UTC") }'
    now = dt.datetime(2026, 6, 15, 12, tzinfo=UTC)
    assert not holds(policy, now, LAST, {})
    assert holds(policy, now, now + dt.timedelta(days=1), {})


def test_a_shift_of_a_duration_that_runs_twice_as_fast_has_a_decision_at_the_end_of_time() -> None:
    """Its overflow escaped as an exception."""
    policy = 'policy main: deny-overrides { permit p when date((now + (now - context.seen)) at "UTC") == 2026-01-01 }'
    for now in (dt.datetime(1, 1, 1, tzinfo=UTC), dt.datetime(2026, 1, 1, tzinfo=UTC), LAST):
        expected, found = decisions(policy, {"time": now, "seen": "2026-01-01T00:00:00Z"})
        assert differences(expected, found) == {}


def test_each_unknown_operand_of_freshness_is_a_cause() -> None:
    """An unknown limit went unmentioned where the clock was unknown too."""
    policy = "policy main: deny-overrides { permit p when context.time within last (context.seen - context.seen) }"
    expected, found = decisions(policy, {})
    assert [cause.path for cause in found.unknown] == ["context.seen", "context.time"]
    assert differences(expected, found) == {}


def test_members_of_an_empty_set_need_no_known_item() -> None:
    """Looking an item up whose parts are unknown in a set without elements is false, on each path."""
    policy = 'policy main: deny-unless-permit { permit p unless "a" in subject.tags }'
    expected, found = decisions(policy, {}, tags=[])
    assert expected.effect is Effect.PERMIT and differences(expected, found) == {}


def test_an_unknown_that_is_dominated_does_not_keep_the_fast_path_from_deciding() -> None:
    drawn = package("policy main: permit-overrides { permit p when context.flag  deny q when subject.n == 1 }")
    request = read(drawn, {"subject": {"id": "a"}, "action": "read", "resource": {"id": "b"}, "context": {"flag": True}}, None)
    assert fast(compile_package(drawn, DIGEST), request) is not None  # type: ignore[arg-type]  # the request is valid


def test_a_rule_whose_collection_is_unknown_is_not_ruled_out_by_another_conjunct() -> None:
    """Rules with a witness were filed under a value that all of them require; asked for another, they held of no unknown collection."""
    denies = " ".join(f'deny d{i} for some x in subject.items when resource.id == "{i}" and x.ok' for i in range(8))
    policy = f'policy main: deny-overrides {{ {denies} permit other when resource.id == "b" }}'
    expected, found = decisions(policy, {})
    assert not expected.permitted
    assert differences(expected, found) == {}
