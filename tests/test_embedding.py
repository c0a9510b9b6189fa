"""The guide for engineers is code that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abac import Decision, Engine

ROOT = Path(__file__).parents[1]
ENGINE = Engine.from_text("package p entity U key id { id: String } action a: U -> U policy p: deny-overrides { permit r otherwise }")
GUIDE = (ROOT / "docs" / "embedding.md").read_text("utf-8")


def test_the_examples_of_the_guide_run_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    for block in blocks:
        exec(compile(block, "embedding.md", "exec"), names)
    assert len(blocks) == 6
    assert isinstance(names["engine"], Engine) and isinstance(names["decision"], Decision)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`engine\.(\w+)", GUIDE))))
def test_what_the_guide_names_exists(name: str) -> None:
    assert hasattr(ENGINE, name)
