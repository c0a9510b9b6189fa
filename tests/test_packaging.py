"""What is shipped works where it is installed: the wheel alone, away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACK = ROOT / "policies" / "export_control"

POLICY = """
package door
entity Person key id { id: String, badge: Bool }
entity Door key id { id: String }
action enter: Person -> Door
policy entry: deny-unless-permit {
  permit badged when subject.badge
}
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(each) for each in command], cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def built(kind: str, checkout: Path, into: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", into, cwd=checkout)
    (found,) = into.iterdir()
    return found


def environment(folder: Path) -> Path:
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    return folder / ("Scripts" if os.name == "nt" else "bin")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def binaries(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an empty environment with the wheel in it; its dependencies are borrowed from the running one."""
    found = environment(tmp_path_factory.mktemp("environment") / "venv")
    run(sys.executable, "-m", "pip", "--python", found / "python", "install", "-q", "--no-deps", "--no-index", wheel, cwd=found)
    site = Path(run(found / "python", "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=found).strip())
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "borrowed.pth").write_text("\n".join(sorted(borrowed)), encoding="utf-8")
    return found


def ask(binaries: Path, tmp_path: Path, code: str) -> Any:
    """What a program says (as JSON) that runs with the installed package, far from the checkout."""
    return json.loads(run(binaries / "python", "-I", "-c", f"import json, sys\nfrom decimal import Decimal\n{code}", cwd=tmp_path))


def test_the_wheel_holds_the_package_the_grammar_and_the_typing_marker_alone(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "abac").rglob("*.py")}
    assert {"abac/grammar/abac.lark", "abac/grammar/abac.tables.json", "abac/py.typed"} | modules <= names
    assert {name.split("/")[0] for name in names} == {"abac", f"abac-{PROJECT['version']}.dist-info"}


def test_the_wheel_asks_for_the_dependencies_that_the_project_declares(wheel: Path) -> None:
    text = ZipFile(wheel).read(f"abac-{PROJECT['version']}.dist-info/METADATA").decode()
    metadata = HeaderParser().parsestr(text)
    core = {each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each}
    assert core == set(PROJECT["dependencies"])
    assert (metadata["Version"], metadata["License-Expression"]) == (PROJECT["version"], PROJECT["license"])
    assert metadata["Requires-Python"] == PROJECT["requires-python"]


def test_a_wheel_built_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    with tarfile.open(built("sdist", ROOT, tmp_path / "archive")) as archive:
        archive.extractall(tmp_path, filter="data")
    again = built("wheel", tmp_path / f"abac-{PROJECT['version']}", tmp_path / "again")
    assert ZipFile(again).namelist() == ZipFile(wheel).namelist()
    assert all(ZipFile(again).read(name) == ZipFile(wheel).read(name) for name in ZipFile(wheel).namelist())


def test_the_installed_package_is_the_one_from_the_wheel_and_finds_its_grammar(binaries: Path, tmp_path: Path) -> None:
    code = "import abac.language.grammar as g; print(json.dumps([g.__file__, sys.prefix, g.grammar_text()]))"
    place, prefix, text = ask(binaries, tmp_path, code)
    assert Path(place).is_relative_to(Path(prefix))
    assert text == (ROOT / "grammar" / "abac.lark").read_text(encoding="utf-8")


def test_the_installed_package_decides_a_policy_from_text(binaries: Path, tmp_path: Path) -> None:
    code = f"""
from abac import Engine
engine = Engine.from_text({POLICY!r})
people = [{{"id": "ann", "badge": True}}, {{"id": "bob", "badge": False}}, {{"id": "eve", "badge": "yes"}}, {{"id": "kim"}}]
decisions = [engine.decide(person, "enter", {{"id": "front"}}, {{}}) for person in people]
print(json.dumps([[d.effect, d.rule] for d in decisions]))
"""
    assert ask(binaries, tmp_path, code) == [["permit", "badged"], ["deny", None], ["deny", None], ["deny", None]]


def test_the_installed_package_decides_the_export_control_pack(binaries: Path, tmp_path: Path) -> None:
    code = f"""
from abac import Engine
engine = Engine.load({str(PACK)!r}, trust_request_clock=True)
asked = {{}}
for line in open({str(PACK / "scenarios.jsonl")!r}, encoding="utf-8"):
    request = json.loads(line, parse_float=Decimal)
    asked[request["id"]] = request
decisions = [engine.decide(*(asked[id][part] for part in ("subject", "action", "resource", "context"))) for id in ("S01", "S38")]
print(json.dumps([[d.effect, d.code] for d in decisions]))
"""
    assert ask(binaries, tmp_path, code) == [["permit", "us_person"], ["deny", "license_invalid"]]


def test_the_installed_command_says_its_version(binaries: Path, tmp_path: Path) -> None:
    assert PROJECT["version"] in run(binaries / "abac", "--version", cwd=tmp_path).split()


def test_the_installed_command_checks_the_export_control_pack(binaries: Path, tmp_path: Path) -> None:
    run(binaries / "abac", "check", PACK, cwd=tmp_path)


@pytest.mark.long
def test_a_fresh_environment_needs_nothing_but_the_wheel(wheel: Path, tmp_path: Path) -> None:
    found = environment(tmp_path / "venv")
    run(sys.executable, "-m", "pip", "--python", found / "python", "install", "-q", wheel, cwd=tmp_path)
    run(found / "abac", "check", PACK, cwd=tmp_path)
