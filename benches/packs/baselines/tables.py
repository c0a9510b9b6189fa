"""Benches: reads the packs' reference data, so that hand-written code has it in the form that suits it best."""

from __future__ import annotations

import csv
from pathlib import Path

POLICIES = Path(__file__).parents[3] / "policies"


def rows(pack: str, file: str) -> list[dict[str, str]]:
    with (POLICIES / pack / file).open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def is_true(cell: str) -> bool:
    return cell in {"1", "true"}


def parts(cell: str) -> frozenset[str]:
    return frozenset(cell.split(";")) if cell else frozenset()
