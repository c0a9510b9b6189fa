"""Tests: whatever the limits of filing and of the exact path's index are, decisions are the reference's: they bound what a policy costs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from abac.compiler import emit_entry, emit_forest, exact_index, guards, improve
from abac.compiler.graph import blocks
from abac.compiler.lower import lower
from abac.language import checked as c
from tests.compiler.agreeing import Tally, complaints
from tests.compiler.filed import filed_package, themed_packages

filing: Any = importlib.import_module("abac.compiler.passes.filing")
share: Any = importlib.import_module("abac.compiler.passes.share")
simplify: Any = importlib.import_module("abac.compiler.passes.simplify")
LIMITS: dict[str, Any] = {
    "FEWEST": filing, "SHORTEST": filing, "BUCKET": filing, "LEVELS": filing, "COMPLETE": filing, "MOST_TREES": filing, "CELLS": filing,
    "WORTH": filing, "WIDEST": filing, "MOST_VALUES": guards, "_INLINE": emit_forest, "_MOST_INLINED": emit_entry, "SPARSE": exact_index,
    "CHECKPOINTS": exact_index, "MOST_SHARED": share, "LEAST_GAIN": share, "LARGEST_BODY": simplify, "LARGEST_SHARED": simplify,
    "LARGEST_ARGUMENT": simplify, "LARGEST_CONDITION": simplify, "LONGEST_WALK": simplify,
}  # fmt: skip
"""Every limit that is there for cost alone, and its module."""

SETTINGS = [(name, value) for name in LIMITS for value in (0, 1) if (name, value) != ("CHECKPOINTS", 0)]
"""A table without a checkpoint is none."""


def packages() -> Iterator[c.Package]:
    """One of each theme, and some of everything."""
    return chain(themed_packages()[::2], map(filed_package, range(100, 103)))


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_a_limit_changes_nothing_but_the_cost(name: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, "FEWEST", 2)
    monkeypatch.setattr(LIMITS[name], name, value)
    tally = Tally()
    assert (found := next(complaints(packages(), f"{name}={value}", 5, tally), None)) is None, str(found)
    assert tally.two_valued > 0.3 * tally.pairs and tally.certified == tally.two_valued


def test_without_any_tree_no_step_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, "MOST_TREES", 0)
    for package in packages():
        for block in blocks(improve(lower(package)).root):
            if block.forest is not None:
                assert not block.forest.trees and block.forest.wide


@pytest.mark.parametrize(("name", "value", "told"), [("MOST_TREES", 1, "more than 1 trees"), ("CELLS", 0, "ranges overlap so much")])
def test_a_limit_that_was_met_is_reported(name: str, value: int, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, name, value)
    caps = [cap for package in packages() for b in blocks(improve(lower(package)).root) if b.forest for cap in b.forest.caps]
    assert any(cap.startswith(told) for cap in caps), caps[:3]
