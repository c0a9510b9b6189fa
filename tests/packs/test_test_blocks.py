"""The `test` blocks of the packs are true: each edits a case, and the decision is the one that it expects."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest

from abac.language import checked as c
from abac.model.request import Request
from abac.model.values import Unknown
from abac.model.wire import to_wire
from abac.reference.evaluator import Evaluator
from tests.packs.pack_cases import Pack

PACKS = [Pack("export_control"), Pack("hospital"), Pack("saas")]
BLOCKS = [pytest.param(pack, block, id=f"{pack.name}: {block.title}") for pack in PACKS for block in pack.engine.state.package.tests]


def given(pack: Pack, block: c.Test) -> dict[str, Any]:
    lines = (pack.folder / (block.file or "cases.jsonl")).read_text("utf-8").splitlines()
    return next(case for line in lines if (case := json.loads(line, parse_float=Decimal))["id"] == block.given)


def evaluator(pack: Pack, case: dict[str, Any]) -> Evaluator:
    state = pack.engine.state
    request = state.read(case["subject"], case["action"], case["resource"], case["context"], None)
    assert isinstance(request, Request)
    return Evaluator(state.package, request)


def edited(pack: Pack, case: dict[str, Any], edits: tuple[c.TestEdit, ...]) -> dict[str, Any]:
    case = copy.deepcopy(case)
    for edit in edits:
        holder: Any = case
        for step in edit.path[:-1]:
            holder = holder[step]
        if edit.value is None:
            del holder[edit.path[-1]]
        else:
            value = evaluator(pack, case).value(edit.value)
            assert not isinstance(value, Unknown)
            holder[edit.path[-1]] = to_wire(value)
    return case


@pytest.mark.parametrize(("pack", "block"), BLOCKS)
def test_the_decision_is_the_one_that_the_block_expects(pack: Pack, block: c.Test) -> None:
    case = edited(pack, given(pack, block), block.edits)
    decision = pack.decide(case)
    if block.rule is None:
        assert not decision.permitted
        return
    assert (str(decision.effect), decision.rule) == (block.effect, block.rule)
    made = {duty.id: list(duty.arguments.values()) for duty in (*decision.obligations, *decision.advice)}
    for duty in block.duties:
        assert made[duty.id] == [evaluator(pack, case).value(argument) for argument in duty.arguments]


def test_every_pack_has_test_blocks() -> None:
    assert {pack.name for pack, _ in (block.values for block in BLOCKS)} == {pack.name for pack in PACKS}
