"""The grammar is found from the package, never from where the program happens to run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from abac.language.grammar import grammar_text, tables_text
from abac.model.combining import Algorithm

ROOT = Path(__file__).parents[2]


def installed(folder: Path, grammar: Path | None) -> Path:
    """A copy of the package as an installer would lay it, with the grammar at a place of our choice or nowhere."""
    shutil.copytree(ROOT / "abac", folder / "abac", ignore=shutil.ignore_patterns("__pycache__"))
    if grammar:
        (folder / grammar).parent.mkdir(parents=True, exist_ok=True)
        (folder / grammar).write_text(f"// at {grammar.as_posix()}", encoding="utf-8")
    return folder


def ask(site: Path, here: Path) -> subprocess.CompletedProcess[str]:
    """Ask a copy for its grammar, from a working directory that offers another one."""
    (here / "grammar").mkdir(parents=True)
    (here / "grammar" / "abac.lark").write_text("// from the working directory", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from abac.language.grammar import grammar_text; print(grammar_text(), end='')"
    return subprocess.run([sys.executable, "-I", "-c", code], cwd=here, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("place", ["abac/grammar/abac.lark", "grammar/abac.lark"], ids=["in the wheel", "in a checkout"])
def test_the_grammar_is_found_where_an_installation_puts_it(place: str, tmp_path: Path) -> None:
    done = ask(installed(tmp_path / "site", Path(place)), tmp_path / "elsewhere")
    assert (done.stdout, done.stderr) == (f"// at {place}", "")


def test_a_missing_grammar_is_a_load_error_that_names_the_places(tmp_path: Path) -> None:
    done = ask(installed(tmp_path / "site", None), tmp_path / "elsewhere")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and done.stdout == ""
    assert last.startswith("abac.model.errors.LoadError: the grammar `abac.lark` is missing")
    assert str(tmp_path / "site" / "grammar" / "abac.lark") in last


def test_missing_tables_are_a_load_error_too(tmp_path: Path) -> None:
    site = installed(tmp_path / "site", Path("grammar/abac.lark"))
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from abac.language.parser import keywords; keywords()"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("abac.model.errors.LoadError: the table file `abac.tables.json` is missing")


def test_the_checkout_reads_its_own_grammar_and_tables() -> None:
    assert grammar_text() == (ROOT / "grammar" / "abac.lark").read_text(encoding="utf-8")
    assert tables_text() == (ROOT / "grammar" / "abac.tables.json").read_text(encoding="utf-8")


def test_the_grammar_names_every_combining_algorithm_and_no_other() -> None:
    terminal = re.search(r"^ALGORITHM\S*: /\((?P<words>[^)]+)\)", grammar_text(), re.MULTILINE)
    assert terminal and terminal["words"].split("|") == [str(algorithm) for algorithm in Algorithm]
