"""Every code that the source can report is documented, with its severities, and shown by a test."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (error|warning|note) \| (.+) \| (.+) \|$", re.MULTILINE)
EXPECTATION = re.compile(r"# [!~] (?:\S+:\d+ )?([a-z0-9-]+): ")
REPORTING = {"error", "warning", "complain", "Diagnostic", "BadLiteral"}
"""Functions whose first argument is a code."""
CODE = re.compile(r"[a-z]+(-[a-z0-9]+)*")


@cache
def reported() -> dict[str, set[str]]:
    """The codes in the source, with the modules that use them."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in (ROOT / "abac").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in REPORTING and node.args:
                for constant in ast.walk(node.args[0]):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str) and CODE.fullmatch(constant.value):
                        found[constant.value].add(str(module.relative_to(ROOT)))
    return found


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def documented() -> list[tuple[str, str, str, str]]:
    return ROW.findall((ROOT / "docs" / "diagnostics.md").read_text("utf-8"))


def test_codes_are_found_in_the_source() -> None:
    assert {"unreachable", "repeated-condition", "syntax", "type-mismatch", "outside-root"} <= reported().keys()


def test_every_code_is_documented_once_and_no_other_is() -> None:
    codes = [code for code, *_ in documented()]
    assert sorted(codes) == sorted(reported())


def test_every_code_is_shown_by_a_test() -> None:
    texts = [file.read_text("utf-8") for file in (ROOT / "tests").rglob("*.abac")]
    shown = {code for text in texts for code in EXPECTATION.findall(text)}
    tests = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py") if file != Path(__file__))
    assert not {code for code in reported() if code not in shown and f'"{code}"' not in tests}
