"""`abac compile`: every stage of a policy on its way to Python can be looked at, and what is shown is what decides."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from abac.engine.pipeline import load_paths, load_text
from abac.language.parser import parse_expression
from abac.language.surface import render_package, surface, text_of
from abac.model.source import Source
from tests.cli.runs import MISTAKE, MISTAKEN_LINE, POLICY, package, run, run_process
from tests.compiler.deciding import module_of
from tests.packs.pack_cases import POLICIES

PACKS = ["export_control", "hospital", "saas"]
STAGES = ["tree", "graph", "python", "dot"]

FILED = """package filed
entity U key id { id: String, n: Int, items: List<Int> }
context { clock at: Instant }
action a, b, c, d, e, f, g, h, i, j, k: U -> U
const LIMIT = 7
define low(u: U) = u.n < LIMIT
policy main "All of it": permit-overrides {
  permit one when action == "a" and subject.n > 1
  permit two when action == "b" and subject.n > 2
  permit three when action == "c" and subject.n > 3
  permit four when action in { "d", "a" } and subject.n > 4
  permit older when action == "e" and subject.n > 5
  permit wiser when action == "f" and subject.n > 6
  permit bolder when action == "g" and subject.n > 7
  permit colder when action == "h" and subject.n > 8
  permit nearer when action == "i" and subject.n > 9
  permit dearer when action == "j" and subject.n > 10
  permit sooner when action == "k" and subject.n > 11
  deny never unless low(subject)
  policy inner: first-applicable {
    effective from 2026-01-01T00:00:00Z
    permit five for some i in subject.items when i == LIMIT because "{i} {{x}}"
  }
}
"""


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("compile"), FILED, "filed")


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_of_a_pack_can_be_looked_at(pack: str, stage: str) -> None:
    ran = run("compile", POLICIES / pack, "--emit", stage)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("\n") and len(ran.out) > 1_000
    assert ran.out == run("compile", POLICIES / pack, "--emit", stage).out, "the same policy gives the same text"


def test_the_tree_is_the_policy_as_checked(filed: Path) -> None:
    """Names resolved, definitions typed, windows in the target, `unless` as `not`: and it can be read as a policy again."""
    out = run("compile", filed, "--emit", "tree").out
    for line in (
        "# package filed, checked",
        "const LIMIT: Int = 7",
        "define low(u: U): Bool = u.n < LIMIT",
        '    when    action in { "a", "d" } and subject.n > 4',
        "    when    not low(subject)",
        "    target now in from 2026-01-01T00:00:00Z",
        '      because "{i} {{x}}"',
    ):
        assert line in out.splitlines(), line
    declarations = FILED[: FILED.index("const LIMIT")]
    assert render_package(load_text(declarations + out, compiled=False).package) == out


@pytest.mark.parametrize("pack", PACKS)
def test_the_tree_of_a_pack_says_what_the_pack_says(pack: str) -> None:
    """Conditions, reasons and targets that are printed are read back as the same tree."""
    found = load_paths([POLICIES / pack], compiled=False).package
    for definition in found.definitions.values():
        assert parse_expression(Source("printed", text_of(definition.body))) == surface(definition.body)


def test_the_graph_says_in_which_order_rules_are_searched(filed: Path) -> None:
    assert run("compile", filed, "--emit", "graph").out == (
        "policy main: permit-overrides\n"
        "  by action, subject.n: 11 rules\n"
        '    "a"\n'
        "      from 2 until 5: 0. permit one #1\n"
        "      from 5 until …: 0. permit one #1\n"
        '    "b"\n'
        "      from 3 until …: 1. permit two #2\n"
        '    "c"\n'
        "      from 4 until …: 2. permit three #3\n"
        '    "d"\n'
        "      from 5 until …: 3. permit four #4\n"
        '    "e"\n'
        "      from 6 until …: 4. permit older #5\n"
        '    "f"\n'
        "      from 7 until …: 5. permit wiser #6\n"
        '    "g"\n'
        "      from 8 until …: 6. permit bolder #7\n"
        '    "h"\n'
        "      from 9 until …: 7. permit colder #8\n"
        '    "i"\n'
        "      from 10 until …: 8. permit nearer #9\n"
        '    "j"\n'
        "      from 11 until …: 9. permit dearer #10\n"
        '    "k"\n'
        "      from 12 until …: 10. permit sooner #11\n"
        "  always: 2\n"
        "    11. policy inner\n"
        "    12. deny never #12 if not subject.n < LIMIT\n"
    )


def test_the_python_is_what_is_compiled(filed: Path) -> None:
    out = run("compile", filed, "--emit", "python").out
    module = module_of(load_paths([filed], compiled=False).package)
    assert ast.dump(ast.parse(out)) == ast.dump(module.tree())
    assert run("compile", filed).out == out, "it is what one sees without --emit"
    for line in ("# Generated from package filed.", "# L13 = permit five", f"    # permit five, {filed}/desk.abac:22:12"):
        assert line in out.splitlines(), line


@pytest.mark.parametrize("pack", PACKS)
def test_the_python_of_a_pack_has_lines_that_can_be_read(pack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the checkout is: places are named by the path that was given."""
    monkeypatch.chdir(POLICIES.parent)
    lines = run("compile", Path(POLICIES.name, pack)).out.splitlines()
    long = [line for line in lines if len(line) > 100 and "'" not in line]
    assert len(lines) > 1_000 and not long, long[:3]


def test_the_graph_for_graphviz_has_a_table_a_policy_and_an_edge_to_each(filed: Path) -> None:
    out = run("compile", filed, "--emit", "dot").out
    nodes = [line.split()[0] for line in out.splitlines() if " [label=<<table" in line]
    assert nodes == ["b1", "b2"]
    assert "  b1:s1 -> b2:top;" in out.splitlines()
    assert "not subject.n &lt; LIMIT" in out and "subject.n <" not in out


HOSTILE = POLICY.replace("resource.level < 3", r'resource.id == "<b>&amp;\"</table>\\ \u{0}\u{2028}]>;" and resource.level < 3')


def test_strings_of_a_policy_are_text_in_the_graph(tmp_path: Path) -> None:
    out = run("compile", package(tmp_path, HOSTILE), "--emit", "dot").out
    assert "&lt;b&gt;&amp;amp;\\&quot;&lt;/table&gt;\\\\ \\u{0}\\u{2028}]&gt;;" in out.replace('<br align="left"/>', " ")


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
@pytest.mark.parametrize("text", [FILED, HOSTILE], ids=["filed", "hostile"])
def test_graphviz_draws_the_graph(tmp_path: Path, text: str) -> None:
    folder = package(tmp_path, text, text.split()[1])
    ran = run("compile", folder, "--emit", "svg", "--output", tmp_path / "graph.svg")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    drawn = (tmp_path / "graph.svg").read_text("utf-8")
    assert "<svg" in drawn and drawn.count("<text") > 10
    dot = run("compile", folder, "--emit", "dot").out
    done = subprocess.run(["dot", "-Tplain"], input=dot, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_graphviz_an_svg_says_what_is_missing(filed: Path, tmp_path: Path) -> None:
    ran = run("compile", filed, "--emit", "svg", env={"PATH": str(tmp_path)})
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: --emit svg needs Graphviz, whose program `dot` is not installed; --emit dot writes what it would draw\n"


def test_a_graphviz_that_fails_is_reported(filed: Path, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho 'no fonts' >&2\nexit 3\n")
    program.chmod(0o755)
    ran = run("compile", filed, "--emit", "svg", env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {program} cannot draw the graph: no fonts\n")


def test_output_goes_to_a_file_and_nowhere_else(filed: Path, tmp_path: Path) -> None:
    file = tmp_path / "policy.py"
    ran = run("compile", filed, "--output", file)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert file.read_text("utf-8") == run("compile", filed).out


def test_what_cannot_be_written_ends_with_two(filed: Path, tmp_path: Path) -> None:
    for output, message in (
        (tmp_path, "is a directory"),
        (tmp_path / "no" / "file", "no such file or directory"),
        ("a\0b", "embedded null byte"),
    ):
        ran = run("compile", filed, "--output", output)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: ") and ran.err.endswith(f"{message}\n")


def test_policies_with_errors_end_with_one_and_what_cannot_be_read_with_two(tmp_path: Path) -> None:
    broken = package(tmp_path, MISTAKE)
    for stage in STAGES:
        ran = run("compile", broken, "--emit", stage)
        assert (ran.code, ran.out) == (1, "")
        assert f"desk.abac:{MISTAKEN_LINE}:43" in ran.err and ran.err.endswith(
            f"error: {broken} cannot be compiled: 1 problem in the policy\n"
        )
    missing = run("compile", tmp_path / "nothing")
    assert (missing.code, missing.out) == (2, "") and missing.err.startswith("error: ")
    assert run("compile", broken, "--emit", "assembler").code == 2


def test_it_is_a_command_of_the_process_whatever_the_encoding(filed: Path) -> None:
    ran = run_process("compile", filed, env={"PYTHONIOENCODING": "ascii"})
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == run("compile", filed).out
    assert "Show what policies become on their way to Python" in run_process("compile", "--help").out
