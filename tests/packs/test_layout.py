"""The packs are laid out as `abac fmt` lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from abac.language.parser import parse
from abac.language.printer import render
from abac.model.source import Source
from tests.packs.pack_cases import POLICIES

FILES = sorted(POLICIES.rglob("*.abac"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(POLICIES)))
def test_formatting_changes_nothing(path: Path) -> None:
    text = path.read_text("utf-8")
    assert render(parse(Source(path.name, text))) == text
