"""Tests: golden files tell the whole journey of small policies; `pytest --update-golden` writes them anew, and the diff is reviewed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abac.compiler import compile_package
from abac.compiler.graph_text import render
from abac.compiler.lower import lower
from abac.compiler.passes.simplify import simplify
from abac.compiler.plan import plan_of
from abac.compiler.plan_text import as_json, render_plan
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
    lowered = lower(package)
    functions = compiled.source.strip("\n").split("\n\n\n")
    stages = {
        "policy": policy,
        "graph as lowered": render(lowered),
        "graph simplified": render(simplify(lowered)),
        "graph": render(compiled.graph),
        "plan": render_plan(plan_of(compiled.graph)),
        "plan as json": as_json(plan_of(compiled.graph)),
        **{title: written(functions, pattern) for title, pattern in WRITTEN.items()},
    }
    return {title: stages[title] for title in titles}


WRITTEN = {
    "python": r"\w+_permits",
    "python with time": r"[a-qs-z]\d+",
    "python of plain dicts": r"\w+_permits_plain",
    "python of the exact path": r"x_\w+",
    "readers": r"r\d+",
    "exact readers": r"R\d+",
    "ways in": r"permits|decide",
}
"""By the names of the functions: `permits` does without what decisions note of time, and that is all that tells its searches apart."""


def written(functions: list[str], pattern: str) -> str:
    """The functions with such names, in order."""
    named = [(re.search(r"^def (\w+)", text, re.MULTILINE), text) for text in functions]
    return "\n\n\n".join(text for found, text in named if found is not None and re.fullmatch(pattern, found[1])) + "\n"


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
