"""Every case of every pack is decided alike by compiled code and by the reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from abac import Engine
from tests.generate.asking import meaning
from tests.packs.pack_cases import POLICIES


@cache
def engines(pack: str) -> tuple[Engine, Engine]:
    compiled, reference = (Engine.load(POLICIES / pack, trust_request_clock=True, compiled=compiled) for compiled in (True, False))
    return compiled, reference


def cases() -> Iterator[Any]:
    for file in sorted(POLICIES.glob("*/*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            case = json.loads(line, parse_float=Decimal)
            yield pytest.param(file.parent.name, case, id=f"{file.parent.name}-{case['id']}")


@pytest.mark.parametrize(("pack", "case"), list(cases()))
def test_compiled_code_and_the_reference_give_one_answer(pack: str, case: dict[str, Any]) -> None:
    compiled, reference = (
        engine.decide(*(case[part] for part in ("subject", "action", "resource", "context"))) for engine in engines(pack)
    )
    assert meaning(compiled) == meaning(reference)
