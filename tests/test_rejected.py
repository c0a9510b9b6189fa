"""Every rejected policy carries its own expectation on the offending line: exactly these complaints are made, no more and no fewer.

A file under tests/rejected/ is loaded together with files of tests/rejected/shared/ that its first line names after `# beside:`.
A folder under tests/rejected/packages/ is a whole tree of packages, of which `main` is loaded. Expectations are comments:

    # ! code: message          an error on this line
    # ~ code: message          a warning or note on this line
    # ! code: message # ! …    two of them
    # ! rows.csv:3 code: …     an error on a line of a data file

Files under tests/accepted/ are the well-formed twins: they load without errors, and with no findings but those they announce.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from abac.engine.pipeline import load_paths
from abac.model.diagnostics import Diagnostic, Severity
from abac.model.errors import PolicyErrors

HERE = Path(__file__).parent
REJECTED, ACCEPTED = HERE / "rejected", HERE / "accepted"
SHARED = REJECTED / "shared"
FILES = sorted(REJECTED.glob("*.abac"))
TREES = sorted(folder for folder in (REJECTED / "packages").iterdir() if folder.is_dir())
TWINS = sorted(ACCEPTED.glob("*.abac"))
EXPECTATION = re.compile(r"# (?P<mark>[!~]) (?:(?P<place>\S+:\d+) )?(?P<code>[a-z0-9-]+): (?P<message>.*?)\s*(?=# [!~] |$)")

Complaint = tuple[str, int, str, str, str]
"""File, line, mark, code, message."""


def stem(path: Path) -> str:
    return path.stem


def expected(files: list[Path]) -> list[Complaint]:
    found: list[Complaint] = []
    for file in files:
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1):
            for each in EXPECTATION.finditer(line):
                name, _, other = (each["place"] or f"{file.name}:{number}").rpartition(":")
                found.append((name, int(other), each["mark"], each["code"], each["message"]))
    return sorted(found)


def complaints(folder: Path) -> tuple[Diagnostic, ...]:
    try:
        return load_paths([folder]).package.findings
    except PolicyErrors as errors:
        return errors.diagnostics


def made(folder: Path) -> list[Complaint]:
    """The complaints about a package; a path in a message is shown from its folder."""
    found = []
    for each in complaints(folder):
        line, _ = each.span.source.position(each.span.start)
        mark = "!" if each.severity is Severity.ERROR else "~"
        found.append(
            (Path(each.span.source.name).name, line, mark, each.code, each.message.replace(f"{folder}/", "").replace(str(folder), "."))
        )
    return sorted(found)


def beside(file: Path) -> list[str]:
    """The files of the shared folder that a file is loaded with."""
    first = file.read_text("utf-8").splitlines()[0]
    assert first.startswith("# beside:"), "the first line names the files of the shared folder, or none"
    return first.removeprefix("# beside:").split()


def placed(file: Path, folder: Path) -> Path:
    """A package of the file, those beside it, and the shared data."""
    package = folder / "rejected"
    package.mkdir()
    for name in beside(file):
        shutil.copy(SHARED / name, package)
    for data in SHARED.iterdir():
        if data.suffix != ".abac":
            shutil.copy(data, package)
    shutil.copy(file, package)
    return package


@pytest.mark.parametrize("file", FILES, ids=stem)
def test_exactly_what_the_file_announces_is_complained_about(file: Path, tmp_path: Path) -> None:
    announced = expected([file])
    assert any(mark == "!" for _, _, mark, _, _ in announced)
    assert made(placed(file, tmp_path)) == announced


@pytest.mark.parametrize("tree", TREES, ids=stem)
def test_exactly_what_the_packages_announce_is_complained_about(tree: Path) -> None:
    announced = expected(sorted(tree.rglob("*.abac")))
    assert announced
    assert made(tree / "main") == announced


@pytest.mark.parametrize("file", TWINS, ids=stem)
def test_a_well_formed_twin_loads_with_the_findings_it_announces(file: Path, tmp_path: Path) -> None:
    announced = expected([file])
    assert all(mark == "~" for _, _, mark, _, _ in announced)
    assert made(placed(file, tmp_path)) == announced


def test_a_message_is_lower_case_and_has_no_full_stop() -> None:
    messages = {message for file in (*FILES, *(REJECTED / "packages").rglob("*.abac")) for _, _, _, _, message in expected([file])}
    shouting = {m for m in messages if m[:1].isupper() and not re.match(r"[A-Z]\w+[ <]|[A-Z][a-z]+\b never", m)}
    assert messages and not shouting and not {m for m in messages if m.endswith(".")}


def test_there_are_a_hundred_rejected_policies() -> None:
    assert len(FILES) + len(TREES) >= 100
