"""What the README shows is what a user gets."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PACK = "policies/export_control"
REQUESTS = f"{PACK}/scenarios.jsonl"


def block(after: str, info: str = "") -> str:
    found = re.search(rf"{re.escape(after)}.*?\n```{info}\n(.*?)\n```", README, re.DOTALL)
    assert found is not None, after
    return found[1]


def test_the_readme_shows_what_it_is_then_commands_library_policy_and_explanation() -> None:
    marks = ["# abac", "make demo", "make test", "```python", "```abac policy", "abac explain", "## What it promises"]
    places = [README.index(mark) for mark in marks]
    assert places == sorted(places)


def test_the_library_example_prints_what_its_comments_say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    lines = (ROOT / REQUESTS).read_text("utf-8").splitlines()
    case = next(c for line in lines if (c := json.loads(line, parse_float=Decimal))["id"] == "S10")
    code = block("or `pip install .`", "python")
    names = {name: case[name] for name in ("subject", "resource", "context")}
    names["context"] |= {"screening_snapshot_at": dt.datetime.now(dt.timezone.utc)}  # the engine's clock is the machine's
    exec(compile(code, "README.md", "exec"), {**names, "__name__": "readme"})
    printed = capsys.readouterr().out
    for line in code.splitlines():
        if line.strip().startswith("print(") and "explain" not in line:
            assert line.rpartition("# ")[2] in printed


def test_the_explanation_is_the_one_the_command_prints() -> None:
    command = [sys.executable, "-m", "abac", "explain", PACK, "--requests", REQUESTS, "--id", "S38"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    at = 0
    for line in block("An explanation (").splitlines():
        if line.strip() != "…" and "sha256:" not in line:  # the digest holds for one version of Python and of the zone database
            assert line in printed[at:], line
            at = printed.index(line, at) + 1


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_figures_are_those_of_the_last_run() -> None:
    from benches.report import BEGIN, END, summary

    shown = README.partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == summary().strip()
