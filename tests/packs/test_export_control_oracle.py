"""Tests: the second statement of the export-control procedure keeps to the scenarios and cases; the drawn requests reach all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.packs.export_control_oracle import PACK, STEPS, Answer, Facts, decide
from tests.packs.export_control_requests import as_json, requests, shares

Case = dict[str, Any]

CODES = {
    "restricted_party", "embargoed_destination", "not_controlled", "order_not_in_effect", "stale_evidence", "prohibited_end_use",
    "red_flag_hold", "unverified_status", "order_exempt", "serving_location", "unverified_location", "us_person",
    "license_required", "licensed", "license_scope", "license_invalid",
}  # fmt: skip


def read(name: str) -> list[Case]:
    return [json.loads(line) for line in (PACK / name).read_text(encoding="utf-8").splitlines()]


def expected(case: Case) -> Answer:
    told = case["expected"]
    obligations, advice = frozenset(told["obligations"]), frozenset(told["advice"])
    return Answer(told["effect"], told["reason_code"], told["license_number"], obligations, advice)


SCENARIOS = read("scenarios.jsonl")
CASES = read("cases.jsonl")


@pytest.mark.parametrize("case", SCENARIOS, ids=lambda case: case["id"])
def test_every_scenario_is_decided_as_expected(case: Case) -> None:
    assert decide(case) == expected(case)


@pytest.mark.parametrize("case", [case for case in SCENARIOS if case["alt"]], ids=lambda case: case["id"])
def test_every_scenario_is_decided_as_expected_under_its_other_profile_or_regime(case: Case) -> None:
    other = {name: case["alt"][name] for name in ("profile", "regime") if name in case["alt"]}
    answer = decide({**case, "context": {**case["context"], **other}})
    assert other and (answer.effect, answer.code) == (case["alt"]["effect"], case["alt"]["reason_code"])


@pytest.mark.parametrize("case", [case for case in CASES if not case["unknown"]], ids=lambda case: case["id"])
def test_every_complete_case_is_decided_as_expected(case: Case) -> None:
    assert decide(case) == expected(case)


def test_cases_are_numbered_in_order_and_no_scenario_is_told_twice() -> None:
    assert [case["id"] for case in CASES] == [f"C{number:02}" for number in range(1, len(CASES) + 1)]
    told = [json.dumps([case[part] for part in ("subject", "resource", "action", "context")]) for case in (*SCENARIOS, *CASES)]
    assert len(set(told)) == len(told)


def test_an_undecided_case_carries_no_duty() -> None:
    undecided = [case["expected"] for case in CASES if case["expected"]["effect"] == "indeterminate"]
    assert undecided and all(not told["obligations"] and not told["advice"] for told in undecided)


def test_every_reason_code_decides_a_hundredth_of_the_drawn_requests() -> None:
    counted = shares(requests(seed=1, count=5_000))
    assert set(counted) == CODES
    assert {code: count for code, count in counted.items() if count < 50} == {}


def test_every_step_decides_some_of_the_drawn_requests() -> None:
    decided = set()
    for request in requests(seed=2, count=1_000):
        facts = Facts.of(request)
        decided.add(next(step for step in STEPS if step(facts) is not None))
    assert decided == set(STEPS)


def test_drawn_requests_depend_on_the_seed_alone() -> None:
    assert requests(seed=3, count=50) == requests(seed=3, count=50)
    assert requests(seed=3, count=50) != requests(seed=4, count=50)


def test_a_drawn_request_written_as_json_is_decided_alike() -> None:
    for request in requests(seed=5, count=300):
        assert decide(json.loads(as_json(request))) == decide(request)


def test_break_glass_never_changes_the_effect() -> None:
    for request in requests(seed=6, count=1_000):
        with_it, without = ({**request, "context": {**request["context"], "break_glass": state}} for state in (True, False))
        assert (decide(with_it).effect, decide(with_it).code) == (decide(without).effect, decide(without).code)


def test_a_list_hit_a_red_flag_or_an_anonymizer_never_turns_a_deny_into_a_permit() -> None:
    for request in requests(seed=7, count=1_000):
        if decide(request).effect == "permit":
            continue
        context, subject = request["context"], request["subject"]
        masked = {**context["location"], "anonymizer": "vpn"}
        worse = [
            {**request, "subject": {**subject, "lists": [*subject["lists"], "EL"]}},
            {**request, "context": {**context, "red_flags": [*context["red_flags"], "unusual_volume"]}},
            {**request, "context": {**context, "location": masked}},
        ]
        assert [decide(each).effect for each in worse] == ["deny"] * 3
