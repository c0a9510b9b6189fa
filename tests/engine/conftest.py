"""Fixtures: a clock that stands still until it is moved."""

from __future__ import annotations

import pytest

from tests.engine.world import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The machine's clock, for every engine of the test."""
    made = Clock()
    monkeypatch.setattr("abac.engine.engine.time", made)
    return made
