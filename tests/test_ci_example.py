"""The workflow that users copy is YAML, names actions by commit, and its commands run on our packs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from abac.cli.main import app

ROOT = Path(__file__).parents[1]
EXAMPLE = (ROOT / "docs" / "ci-example.yml").read_text("utf-8")
PACKS = [path for path in sorted((ROOT / "policies").iterdir()) if path.is_dir()]


class YamlError(ValueError):
    pass


def read_yaml(text: str) -> Any:
    """The part of YAML that a workflow needs: mappings, lists, texts, blocks after `|`, comments. All else is refused."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = _node(lines, 0)
    if lines:
        raise YamlError(f"not understood: {lines[0]}")
    return found


def _indent(line: str) -> int:
    if "\t" in line:
        raise YamlError(f"a tab: {line}")
    return len(line) - len(line.lstrip())


def _node(lines: list[str], least: int) -> Any:
    if not lines or _indent(lines[0]) < least:
        return None
    indent = _indent(lines[0])
    if not lines[0].lstrip().startswith("- "):
        return _mapping(lines, indent)
    found = []
    while lines and _indent(lines[0]) == indent and lines[0].lstrip().startswith("- "):
        lines[0] = lines[0].replace("- ", "  ", 1)
        found.append(_mapping(lines, indent + 2))
    return found


def _mapping(lines: list[str], indent: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while lines and _indent(lines[0]) == indent and not lines[0].lstrip().startswith("- "):
        line = lines.pop(0)
        match = re.fullmatch(r" *([A-Za-z_-]+):(?: +(.*?))?(?: +#.*)?", line)
        if match is None or match[1] in found:
            raise YamlError(f"no member, or a second one of its name: {line}")
        if match[2] == "|":
            found[match[1]] = "".join(f"{lines.pop(0).strip()}\n" for _ in list(lines) if _indent(lines[0]) > indent)
        else:
            found[match[1]] = _scalar(match[2]) if match[2] else _node(lines, indent + 1)
    return found


def _scalar(text: str) -> Any:
    if text.startswith("["):
        return [_scalar(each.strip()) for each in text.removeprefix("[").removesuffix("]").split(",")]
    if text.startswith('"') and text.endswith('"') and '"' not in text[1:-1]:
        return text[1:-1]
    if text[0] in "\"'{}&*!%@`>|" or ": " in text or " #" in text:
        raise YamlError(f"must be quoted: {text}")
    return text


def steps() -> list[dict[str, Any]]:
    [job] = read_yaml(EXAMPLE)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


COMMANDS = [step["run"] for step in steps() if "run" in step]


def test_it_is_yaml_with_what_a_workflow_has() -> None:
    workflow = read_yaml(EXAMPLE)
    assert list(workflow) == ["name", "on", "permissions", "env", "jobs"]
    assert workflow["permissions"] == {"contents": "read"} and workflow["on"]["push"] == {"branches": ["main"]}
    assert all(("uses" in step) != ("run" in step) for step in steps())
    assert len(steps()) == EXAMPLE.count("- uses:") + EXAMPLE.count("- name:")


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: b: c", "- a: 1\n b: 2", "\ta: 1", "a: *b", "a: [\nb", "a:\n    b: 1\n  c: 2"])
def test_what_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises((YamlError, IndexError)):
        assert read_yaml(text) == {"a": ["", "b"]}, "not refused"
        raise YamlError


def test_actions_are_named_by_commit_with_their_version_beside() -> None:
    used = re.findall(r"uses: (.*)", EXAMPLE)
    assert used and all(re.fullmatch(r"[a-z/-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+", each) for each in used)


def test_pip_is_cached_by_the_file_that_names_the_version() -> None:
    [setup] = [step["with"] for step in steps() if "setup-python" in step.get("uses", "")]
    assert (setup["cache"], setup["cache-dependency-path"]) == ("pip", "requirements.txt")
    assert "--requirement requirements.txt" in COMMANDS[0]


def test_every_command_of_it_is_a_command() -> None:
    named = {command.split()[1] for command in COMMANDS if command.startswith("abac ")}
    assert len(named) == len(COMMANDS) - 1
    assert named <= {command.name for command in app.registered_commands}


def test_the_page_explains_every_command_of_it() -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    assert all(f"| `{' '.join(command.split()[:2])}" in page for command in COMMANDS if command.startswith("abac "))


@pytest.mark.skipif(shutil.which("bash") is None, reason="its commands are for bash")
@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("abac ")])
def test_every_command_ends_well_on_a_pack_and_badly_where_there_is_none(command: str, pack: Path, tmp_path: Path) -> None:
    def code(policies: Path) -> int:
        script = f'abac() {{ "{sys.executable}" -m abac "$@"; }}\nexport POLICIES="{policies}"\n{command}'
        env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        return subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=env, capture_output=True).returncode

    assert code(pack) == 0
    assert code(tmp_path / "nothing") == 2
