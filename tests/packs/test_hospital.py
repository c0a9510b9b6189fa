"""The hospital pack: every case is decided as it says, and every rule decides at least one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.packs.pack_cases import Pack, answered, expected

PACK = Pack("hospital")


@pytest.mark.parametrize("case", PACK.cases, ids=lambda case: case["id"])
def test_the_case_is_decided_as_it_expects(case: dict[str, Any]) -> None:
    assert answered(PACK.decide(case)) == expected(case), case["title"]


def test_every_rule_decides_at_least_one_case() -> None:
    decisions = [PACK.decide(case) for case in PACK.cases]
    deciding = {decision.rule for decision in decisions if decision.effect in ("permit", "deny")}
    assert not PACK.rules - deciding


def test_the_cases_show_every_effect() -> None:
    effects = {case["expected"]["effect"] for case in PACK.cases}
    assert effects >= {"permit", "deny", "indeterminate"}


def test_no_rule_names_a_case() -> None:
    text = "".join(path.read_text("utf-8") for path in PACK.folder.glob("*.abac") if path.name != "tests.abac")
    named = {part["id"] for case in PACK.cases for part in (case["subject"], case["resource"])} | {case["id"] for case in PACK.cases}
    assert not {name for name in named if name in text.split() or f'"{name}"' in text}
