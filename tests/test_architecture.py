"""The stairs are tested: floors and third-party rooms stand in pyproject.toml, imports are found in the syntax of every module."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEIGHT: dict[str, int] = PROJECT["tool"]["abac"]["floors"]
THIRD_PARTY: dict[str, str] = PROJECT["tool"]["abac"]["third-party"]
SURFACE = "abac"  # `abac/__init__.py` and `abac/__main__.py`: above every room, and no room imports it
MODULES = sorted((ROOT / "abac").rglob("*.py"))


def room(module: Path) -> str:
    parts = module.relative_to(ROOT / "abac").parts
    return parts[0] if len(parts) > 1 else SURFACE


def imports(text: str, module: Path) -> Iterator[str]:
    """Dotted names of all that a module imports, at any depth: in functions and under TYPE_CHECKING too."""
    package = module.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=base, names=names, level=level):
                above = package[: len(package) - level + 1] if level else ()
                start = ".".join((*above, *([base] if base else [])))
                yield from (f"{start}.{each.name}" for each in names) if start == SURFACE else (start,)


def imported_rooms(text: str, module: Path) -> set[str]:
    ours = [name.split(".") for name in imports(text, module) if name.split(".")[0] == "abac"]
    return {parts[1] if len(parts) > 1 and parts[1] in HEIGHT else SURFACE for parts in ours}


def strangers(text: str, module: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(text, module)} - sys.stdlib_module_names - {"abac"}


def by_path(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_imports_are_found_wherever_they_stand() -> None:
    text = """
import abac.model.values as v
from typing import TYPE_CHECKING
from . import nodes
from ..model import types
from abac import compiler, Engine
if TYPE_CHECKING:
    from abac.checker.names import Names
def late():
    import lark.lexer
    async def later():
        from rich.table import Table
"""
    module = ROOT / "abac" / "language" / "imagined.py"
    assert imported_rooms(text, module) == {"model", "language", "checker", "compiler", SURFACE}
    assert strangers(text, module) == {"lark", "rich"}


def test_every_folder_of_the_package_has_a_floor() -> None:
    rooms = {folder.name for folder in (ROOT / "abac").iterdir() if any(folder.rglob("*.py"))}
    assert rooms and rooms <= set(HEIGHT)


@pytest.mark.parametrize("module", MODULES, ids=by_path)
def test_imports_go_down_the_stairs(module: Path) -> None:
    here = room(module)
    others = imported_rooms(module.read_text(encoding="utf-8"), module) - {here}
    heights = {**HEIGHT, SURFACE: max(HEIGHT.values()) + 1}
    upward = {other for other in others if heights[other] >= heights[here]}
    assert not upward, f"{here} may not import {', '.join(sorted(upward))}"


@pytest.mark.parametrize("module", MODULES, ids=by_path)
def test_third_party_modules_are_imported_in_their_room_alone(module: Path) -> None:
    text, here = module.read_text(encoding="utf-8"), room(module)
    misplaced = {name for name in strangers(text, module) if THIRD_PARTY.get(name) != here}
    assert not misplaced, f"{here} may not import {', '.join(sorted(misplaced))}"


def test_every_third_party_module_comes_from_a_declared_dependency() -> None:
    project = PROJECT["project"]
    declared = {re.match(r"[\w.-]+", each)[0] for each in project["dependencies"]}  # type: ignore[index]
    for name, extra in project["optional-dependencies"].items():
        if name not in ("test", "dev"):
            declared |= {re.match(r"[\w.-]+", each)[0] for each in extra}  # type: ignore[index]
    distributions = packages_distributions()
    undeclared = {name for name in THIRD_PARTY if not declared & set(distributions.get(name, ()))}
    assert not undeclared


@pytest.mark.parametrize("module", MODULES, ids=by_path)
def test_a_module_opens_with_its_floor(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    here = room(module)
    opening = "" if here == SURFACE else f"Floor {HEIGHT[here]}, {here}: "
    assert docstring.startswith(opening) and len(docstring) > len(opening), f"expected a docstring that starts with `{opening}`"


def test_the_public_surface_is_imports_and_all() -> None:
    tree = ast.parse((ROOT / "abac" / "__init__.py").read_text(encoding="utf-8"))
    docstring, *body = tree.body
    assert isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant)
    names = [ast.unparse(node.targets[0]) for node in body if isinstance(node, ast.Assign)]
    assert names == ["__all__"]
    assert all(isinstance(node, ast.Import | ast.ImportFrom | ast.Assign) for node in body)


def test_importing_the_package_pulls_in_nothing_heavy() -> None:
    heavy = ("lark", "pydantic", "typer", "rich", "re2", "orjson")
    code = f"import sys, abac; abac.Engine; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")


@pytest.mark.parametrize("name", ["util", "utils", "helper", "helpers", "common", "misc"])
def test_no_folder_or_module_is_a_drawer_for_odds_and_ends(name: str) -> None:
    ours = [path for top in ("abac", "tests", "benches") for path in (ROOT / top).rglob("*") if "__pycache__" not in path.parts]
    assert ours and name not in {path.stem for path in ours}


SIZED = [path for folder in ("abac", "tests", "benches") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_files_stay_below_five_hundred_lines() -> None:
    long = {str(path.relative_to(ROOT)): count for path in SIZED if (count := path.read_text("utf-8").count("\n")) > 500}
    assert not long


def test_functions_fit_a_screen() -> None:
    """Sixty lines; a `match` over every node may be longer."""
    long = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
                long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not long
