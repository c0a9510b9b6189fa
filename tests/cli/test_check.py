"""`abac check`: exit codes, findings for people and machines, and what happens to paths that hold no policies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runs import MISTAKE, MISTAKEN_LINE, POLICY, Ran, environment, package, run, run_process

OVERLAP = POLICY.replace("deny-unless-permit", "first-applicable")  # what a rule permits is not denied by one below: a note


def findings(ran: Ran) -> list[dict[str, object]]:
    (checked,) = json.loads(ran.out)["packages"]
    return list(checked["findings"])


def test_a_package_without_findings_is_good(tmp_path: Path) -> None:
    ran = run("check", package(tmp_path))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{tmp_path}/papers: no findings, sha256:")


def test_an_error_is_shown_with_its_place_and_advice(tmp_path: Path) -> None:
    ran = run("check", package(tmp_path, MISTAKE))
    assert ran.code == 1
    assert f"--> {tmp_path}/papers/desk.abac:{MISTAKEN_LINE}:43\n" in ran.out
    assert "= help: did you mean `level`?" in ran.out
    assert ran.out.endswith(f"{tmp_path}/papers: 1 error\n")


def test_notes_are_shown_and_never_change_the_exit_code(tmp_path: Path) -> None:
    folder = package(tmp_path, OVERLAP)
    assert {finding["severity"] for finding in findings(run("check", folder, "--format", "json"))} == {"note"}
    ran = run("check", folder)
    assert ran.code == 0
    assert "note[" in ran.out


def test_findings_for_machines_have_every_member_and_the_exit_code_stays(tmp_path: Path) -> None:
    ran = run("check", package(tmp_path, MISTAKE), "--format", "json")
    (finding,) = findings(ran)
    assert ran.code == 1
    assert finding | {"message": "", "help": ""} == {
        "severity": "error", "code": "unknown-attribute", "message": "", "label": finding["label"], "help": "",
        "file": f"{tmp_path}/papers/desk.abac", "line": MISTAKEN_LINE, "column": 43, "end_line": MISTAKEN_LINE, "end_column": 47,
    }  # fmt: skip


def test_several_packages_are_checked_one_by_one_and_the_worst_decides(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    good, bad = package(tmp_path), package(tmp_path / "a", MISTAKE)
    ran = run("check", good, bad, "--format", "json")
    assert [(each["path"], each["error"]) for each in json.loads(ran.out)["packages"]] == [(str(good), None), (str(bad), None)]
    assert ran.code == 1
    assert run("check", good, good).code == 0


@pytest.mark.parametrize("format", ["text", "json"])
def test_what_cannot_be_read_ends_with_two_and_the_others_are_checked(tmp_path: Path, format: str) -> None:
    (tmp_path / "empty").mkdir()
    ran = run("check", tmp_path / "nothing", tmp_path / "empty", package(tmp_path), "--format", format)
    assert ran.code == 2
    if format == "json":
        errors = [each["error"] for each in json.loads(ran.out)["packages"]]
        assert errors == [f"{tmp_path}/nothing: no such file or folder", f"{tmp_path}/empty: no .abac files in this folder", None]
    else:
        assert "error: " + str(tmp_path / "nothing") in ran.err
        assert "papers: no findings" in ran.out


def test_colours_follow_the_option_and_no_color(tmp_path: Path) -> None:
    folder = package(tmp_path, MISTAKE)
    assert "\x1b[" not in run("check", folder).out
    assert "\x1b[1;31merror\x1b[0m[" in run("check", folder, "--color", "always", env={"NO_COLOR": "1", "TERM": "dumb"}).out
    assert "\x1b[" not in run("check", folder, "--color", "never", env={"FORCE_COLOR": "1"}).out


def test_markup_in_a_path_or_policy_is_text(tmp_path: Path) -> None:
    folder = package(tmp_path, "package papers # [red]\npolicy [bold]x[/bold]", name="[bold]papers")
    ran = run("check", folder)
    assert ran.code == 1
    assert "[bold]papers: " in ran.out and "policy [bold]x[/bold]" in ran.out


def test_narrow_terminals_do_not_break_a_finding_apart(tmp_path: Path) -> None:
    folder = package(tmp_path, MISTAKE)
    assert run("check", folder, env={"COLUMNS": "20"}).out == run("check", folder).out


@pytest.mark.parametrize("arguments", [["chek"], ["check"], ["check", ".", "--format", "xml"], ["check", ".", "--nope"], []])
def test_a_wrong_command_line_ends_with_two_and_no_traceback(arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert "Usage: abac" in ran.out + ran.err


@pytest.mark.parametrize("command", ["check", "fmt", "decide", "explain"])
def test_every_command_has_help(command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0
    assert f"Usage: abac {command}" in ran.out
    assert "Exits with 0" in ran.out


# ── as a process ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_is_no_utf8_is_escaped(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/p\xff"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (folder / "desk.abac").write_text("package papers\nnonsense\n", "utf-8")
    text, machine = run_process("check", folder), run_process("check", folder, "--format", "json")
    assert (text.code, machine.code) == (1, 1)
    assert "Traceback" not in text.err + machine.err
    assert json.loads(machine.out)["packages"][0]["path"].endswith("p\\udcff")


def test_a_terminal_that_lacks_a_character_gets_its_escape(tmp_path: Path) -> None:
    folder = package(tmp_path, POLICY + "# ünïcode ☂\npolicy ☂ {}\n")
    ran = run_process("check", folder, env={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 1
    assert "\\u2602" in ran.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    folder = package(tmp_path)
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "abac", "check", str(folder)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, env=environment())
    assert (done.returncode, done.stderr) == (2, b"error: no space left on device\n")


def test_nothing_heavy_is_imported_before_a_command_needs_it() -> None:
    program = "import abac.cli.main, sys; print({'lark', 're2', 'rich.progress', 'rich.table', 'abac.checker'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment())
    assert done.stdout.strip() == b"set()"
