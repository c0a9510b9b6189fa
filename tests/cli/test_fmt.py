"""`abac fmt`: writes whole files or none, and nothing at all when asked to look only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from abac.language.parser import parse
from abac.language.printer import render
from abac.model.limits import MAX_FILE_BYTES
from abac.model.source import Source
from tests.cli.runs import POLICY, package, run

TIDY = render(parse(Source("tidy", POLICY)))
UNTIDY = TIDY.replace("package papers", "package   papers # kept")
TIDIED = render(parse(Source("untidy", UNTIDY)))
BROKEN = "package papers\npolicy {\n"


def file_with(folder: Path, text: str, name: str = "a.abac") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_a_file_is_formatted_in_place_and_then_left_alone(tmp_path: Path) -> None:
    path = file_with(tmp_path, UNTIDY)
    ran = run("fmt", path)
    assert (ran.code, ran.out, path.read_text("utf-8")) == (0, f"formatted {path}\n", TIDIED)
    assert "# kept" in TIDIED
    before = path.stat().st_mtime_ns
    again = run("fmt", path)
    assert (again.code, again.out, path.stat().st_mtime_ns) == (0, "", before)


def test_check_writes_nothing_and_says_what_would_change(tmp_path: Path) -> None:
    path, tidy = file_with(tmp_path, UNTIDY), file_with(tmp_path, TIDY, "b.abac")
    ran = run("fmt", "--check", path, tidy)
    assert (ran.code, ran.out, path.read_text("utf-8")) == (1, f"would format {path}\n", UNTIDY)
    assert run("fmt", "--check", tidy).code == 0


def test_diff_writes_nothing_and_shows_the_change(tmp_path: Path) -> None:
    path = file_with(tmp_path, UNTIDY)
    ran = run("fmt", "--diff", path)
    assert (ran.code, path.read_text("utf-8")) == (1, UNTIDY)
    assert ran.out.startswith(f"--- {path}\n+++ {path} (formatted)\n@@ -1,")
    assert "\n-package   papers # kept\n" in ran.out
    assert run("fmt", "--diff", file_with(tmp_path, TIDY, "b.abac")).out == ""


def test_the_diff_of_a_file_without_a_last_newline_can_be_read(tmp_path: Path) -> None:
    ran = run("fmt", "--diff", file_with(tmp_path, TIDY.rstrip("\n")))
    assert ran.out.endswith("-}\n\\ No newline at end of file\n+}\n")


def test_standard_input_goes_to_standard_output(tmp_path: Path) -> None:
    assert run("fmt", "-", stdin=UNTIDY).out == TIDIED
    assert run("fmt", "-", stdin=UNTIDY).code == 0
    umlaut = POLICY.replace("Rule 1", "§ 1, ☂")
    assert run("fmt", "-", stdin=umlaut, env={"PYTHONIOENCODING": "ascii"}).out == render(parse(Source("", umlaut)))


def test_standard_input_is_checked_and_compared_like_a_file() -> None:
    checked = run("fmt", "--check", "-", stdin=UNTIDY)
    assert (checked.code, checked.out) == (1, "would format <stdin>\n")
    assert run("fmt", "--check", "-", stdin=TIDY).code == 0
    compared = run("fmt", "--diff", "-", stdin=UNTIDY)
    assert compared.code == 1
    assert compared.out.startswith("--- <stdin>\n")


def test_a_folder_is_searched_through_and_other_files_are_left_alone(tmp_path: Path) -> None:
    folder = package(tmp_path, UNTIDY)
    inner = folder / "inner"
    inner.mkdir()
    deep, other = file_with(inner, UNTIDY), file_with(inner, UNTIDY, "notes.txt")
    assert run("fmt", tmp_path).code == 0
    assert (deep.read_text("utf-8"), other.read_text("utf-8")) == (TIDIED, UNTIDY)
    assert (folder / "desk.abac").read_text("utf-8") == TIDIED


@pytest.mark.parametrize("content", [BROKEN.encode(), b"package p\xff", b"\xef\xbb\xbf" + BROKEN.encode(), b" " * (MAX_FILE_BYTES + 1)])
def test_a_file_that_cannot_be_read_stays_as_it_is_and_the_others_are_formatted(tmp_path: Path, content: bytes) -> None:
    broken, good = tmp_path / "a.abac", file_with(tmp_path, UNTIDY, "b.abac")
    broken.write_bytes(content)
    ran = run("fmt", broken, tmp_path / "nothing.abac", good)
    assert ran.code == 2
    assert (broken.read_bytes() == content, good.read_text("utf-8")) == (True, TIDIED)
    assert str(broken) in ran.err and "nothing.abac: no such file or directory" in ran.err


def test_broken_standard_input_prints_nothing_but_the_findings() -> None:
    ran = run("fmt", "-", stdin=BROKEN)
    assert (ran.code, ran.out) == (2, "")
    assert "--> <stdin>:" in ran.err


def test_permissions_stay_and_a_link_stays_a_link(tmp_path: Path) -> None:
    path = file_with(tmp_path, UNTIDY)
    path.chmod(0o640)
    link = tmp_path / "link.abac"
    link.symlink_to(path)
    assert run("fmt", link).code == 0
    assert link.is_symlink()
    assert (path.read_text("utf-8"), stat.S_IMODE(path.stat().st_mode)) == (TIDIED, 0o640)


def test_a_file_that_cannot_be_replaced_stays_whole_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_with(tmp_path, UNTIDY)

    def refuse(source: object, target: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    ran = run("fmt", path)
    assert (ran.code, ran.err) == (2, f"error: {path}: cannot be written: permission denied\n")
    assert (path.read_text("utf-8"), list(tmp_path.iterdir())) == (UNTIDY, [path])
