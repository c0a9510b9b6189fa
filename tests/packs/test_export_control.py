"""The export-control pack: scenarios, cases, and thousands of drawn requests held against a second statement of the procedure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from abac import Decision, Effect, Engine
from tests.packs.export_control_oracle import PACK, Answer
from tests.packs.export_control_oracle import decide as oracle
from tests.packs.export_control_requests import as_json, requests

Case = dict[str, Any]
DRAWN = 3_000


def read(name: str) -> list[Case]:
    return [json.loads(line, parse_float=Decimal) for line in (PACK / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(PACK, trust_request_clock=True)


def decide(engine: Engine, case: Case, context: Case | None = None) -> Decision:
    return engine.decide(case["subject"], case["action"], case["resource"], context or case["context"])


def answer(decision: Decision) -> Answer:
    numbers = {str(duty.arguments["number"]) for duty in decision.obligations if duty.id == "license.decrement"}
    obligations, advice = (frozenset(duty.id for duty in duties) for duties in (decision.obligations, decision.advice))
    return Answer(str(decision.effect), decision.code, min(numbers, default=None), obligations, advice)


def expected(told: Case) -> Answer:
    return Answer(told["effect"], told["reason_code"], told["license_number"], frozenset(told["obligations"]), frozenset(told["advice"]))


@pytest.mark.parametrize("case", read("scenarios.jsonl") + read("cases.jsonl"), ids=lambda case: str(case["id"]))
def test_the_case_is_decided_as_expected(engine: Engine, case: Case) -> None:
    assert answer(decide(engine, case)) == expected(case["expected"])


def variants() -> Iterator[Any]:
    for case in read("scenarios.jsonl"):
        if case["alt"]:
            yield pytest.param(case, id=str(case["id"]))


@pytest.mark.parametrize("case", list(variants()))
def test_the_other_profile_or_regime_is_decided_as_expected(engine: Engine, case: Case) -> None:
    alt = case["alt"]
    context = case["context"] | {name: alt[name] for name in ("profile", "regime") if name in alt}
    decision = decide(engine, case, context)
    assert (str(decision.effect), decision.code) == (alt["effect"], alt["reason_code"])


def test_drawn_requests_are_decided_as_the_procedure_says(engine: Engine) -> None:
    codes: Counter[str] = Counter()
    for number, request in enumerate(requests(11, DRAWN)):
        said = oracle(request)
        assert answer(decide(engine, request)) == said, f"request {number}: {as_json(request)}"
        codes[said.code] += 1
    assert len(codes) == 16
    assert min(codes.values()) >= DRAWN // 100, codes


def test_a_permit_for_a_foreign_person_carries_a_licence_or_an_exemption(engine: Engine) -> None:
    for request in requests(12, 500):
        decision = decide(engine, request)
        if decision.permitted and decision.code not in ("not_controlled", "order_not_in_effect", "us_person"):
            assert decision.code == "order_exempt" or any(duty.id == "license.decrement" for duty in decision.obligations)


def test_breaking_the_glass_never_changes_the_effect(engine: Engine) -> None:
    for request in requests(13, 300):
        broken = decide(engine, request, request["context"] | {"break_glass": True})
        whole = decide(engine, request, request["context"] | {"break_glass": False})
        assert broken.effect is whole.effect


def test_taking_an_attribute_away_never_permits(engine: Engine) -> None:
    """Away is unknown; `null` would say that it is known to be absent."""
    denied = 0
    for request in requests(14, 150):
        if decide(engine, request).permitted:
            continue
        for part in ("subject", "resource", "context"):
            for name in request[part]:
                damaged = request | {part: {k: v for k, v in request[part].items() if k != name}}
                assert not decide(engine, damaged).permitted, (part, name, as_json(request))
                denied += 1
    assert denied > 1_000


def test_one_pack_is_four_states_at_four_times(engine: Engine) -> None:
    base = next(case for case in read("scenarios.jsonl") if case["id"] == "S58")
    seen = []
    for day in ("12T21:20:59", "12T21:21:00", "26T22:00:00", "30T23:30:00"):
        at = f"2026-06-{day}Z"
        context = base["context"] | {"at": at, "screening_snapshot_at": at, "order_set": "REPORTED"}
        seen.append(decide(engine, base, context).code)
    assert seen == ["order_not_in_effect", "license_required", "order_exempt", "order_not_in_effect"]


def test_a_decision_says_until_when_it_holds(engine: Engine) -> None:
    base = next(case for case in read("scenarios.jsonl") if case["id"] == "S56")
    decision = decide(engine, base)
    assert decision.effect is Effect.PERMIT
    assert decision.valid_until is not None and decision.valid_until.isoformat() == "2026-06-12T21:21:00+00:00"


def test_no_rule_names_a_scenario() -> None:
    titles = {case["id"] for case in read("scenarios.jsonl") + read("cases.jsonl")}
    for path in PACK.glob("*.abac"):
        if path.name != "tests.abac":
            words = set(path.read_text("utf-8").replace('"', " ").split())
            assert not words & titles, path


def test_a_new_order_is_one_block_in_one_file(tmp_path: Any) -> None:
    for path in PACK.iterdir():
        if path.suffix in (".abac", ".csv"):
            (tmp_path / "export_control").mkdir(exist_ok=True)
            (tmp_path / "export_control" / path.name).write_bytes(path.read_bytes())
    orders = tmp_path / "export_control" / "orders.abac"
    block = """Order {
    id: "ORD-X", set: "TEST", authority: ["15 CFR 744.22(b)"], effective: from 2026-07-01T00:00:00Z,
    items: { "saga-2" }, derivatives: { "fine_tune" }
  },
  Order {
    id: "ORD-T","""
    orders.write_text(orders.read_text("utf-8").replace('Order {\n    id: "ORD-T",', block, 1), "utf-8")
    fresh = Engine.load(tmp_path / "export_control", trust_request_clock=True)
    base = next(case for case in read("scenarios.jsonl") if case["id"] == "S10")
    resource = base["resource"] | {"model": "saga-2"}
    before = Engine.load(PACK, trust_request_clock=True).decide(base["subject"], base["action"], resource, base["context"])
    after = fresh.decide(base["subject"], base["action"], resource, base["context"])
    assert (before.code, after.code) == ("not_controlled", "license_required")
