"""Tests: golden files tell the whole journey of small policies; `pytest --update-golden` writes them anew, and the diff is reviewed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from abac.compiler import compile_package
from abac.compiler.graph import render
from tests.generate.packages import DrawnPackage, load_package

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = sorted(GOLDEN.glob("*.txt"))
_SECTION = re.compile(r"^=== (\w[\w ]*)\n", re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """The parts of a golden file by title."""
    parts = _SECTION.split(text)
    assert parts[0] == "", "a golden file opens with a section"
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def journey(policy: str, titles: list[str]) -> dict[str, str]:
    """The stages that a golden file asks for."""
    package = load_package(DrawnPackage(policy, {}))
    assert package is not None, "the policy was refused"
    compiled = compile_package(package)
    functions = compiled.source.strip("\n").split("\n\n\n")
    stages = {
        "policy": policy,
        "graph": render(compiled.graph),
        "python": written(functions, lambda name: not name.startswith("x_") and not name.endswith("_timed")),
        "python with time": written(functions, lambda name: name.endswith("_timed")),
        "python of the exact path": written(functions, lambda name: name.startswith("x_")),
    }
    return {title: stages[title] for title in titles}


def written(functions: list[str], wanted: Callable[[str], bool]) -> str:
    """The functions of one path, in order."""
    named = [(re.search(r"^def (\w+)", text, re.MULTILINE), text) for text in functions]
    return "\n\n\n".join(text for found, text in named if found is not None and wanted(found[1])) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_tells_what_happens(path: Path, request: pytest.FixtureRequest) -> None:
    told = sections(path.read_text("utf-8"))
    made = journey(told["policy"], list(told))
    if request.config.getoption("--update-golden"):
        path.write_text("".join(f"=== {title}\n{text}" for title, text in made.items()), "utf-8")
        return
    assert made == told


def test_there_are_golden_files() -> None:
    assert len(FILES) >= 7
