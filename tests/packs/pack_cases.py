"""Reads a pack under policies/: its cases and the names of its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from abac import Engine
from abac.language.nodes import Policy, Rule
from abac.language.parser import parse
from abac.model.decision import Decision
from abac.model.source import Source

POLICIES = Path(__file__).parents[2] / "policies"


@dataclass(frozen=True)
class Pack:
    name: str

    @property
    def folder(self) -> Path:
        return POLICIES / self.name

    @cached_property
    def cases(self) -> list[dict[str, Any]]:
        lines = (self.folder / "cases.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line, parse_float=Decimal) for line in lines]

    @cached_property
    def obligations(self) -> set[str]:
        """Every obligation that some case expects."""
        return {id_ for case in self.cases for id_ in case["expected"]["obligations"]}

    @cached_property
    def engine(self) -> Engine:
        return Engine.load(self.folder, trust_request_clock=True, discharges=self.obligations)

    @cached_property
    def rules(self) -> set[str]:
        sources = [Source(path.name, path.read_text("utf-8")) for path in sorted(self.folder.glob("*.abac"))]
        declarations = [declaration for source in sources for declaration in parse(source).declarations]
        return {rule.name.value for policy in declarations if isinstance(policy, Policy) for rule in _rules(policy)}

    def decide(self, case: dict[str, Any]) -> Decision:
        return self.engine.decide(case["subject"], case["action"], case["resource"], case["context"])


def _rules(policy: Policy) -> Iterator[Rule]:
    for child in policy.children:
        if isinstance(child, Policy):
            yield from _rules(child)
        else:
            yield child


def answered(decision: Decision) -> dict[str, object]:
    """What a case may expect of a decision."""
    return {
        "effect": str(decision.effect),
        "reason_code": decision.code,
        "obligations": {duty.id for duty in decision.obligations},
        "advice": {duty.id for duty in decision.advice},
    }


def expected(case: dict[str, Any]) -> dict[str, object]:
    words = case["expected"]
    return {**words, "obligations": set(words["obligations"]), "advice": set(words["advice"])}
