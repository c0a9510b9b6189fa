"""Floor 6, cli: `abac compile`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer

from abac.cli.output import FINDINGS, CacheOption, Format, PolicyPath, console, fail, print_findings, reason
from abac.model.errors import LoadError, PolicyErrors

if TYPE_CHECKING:
    from abac.compiler.plan_text import Budget
    from abac.language.checked import Package


class Stage(StrEnum):
    TREE = "tree"
    GRAPH = "graph"
    PLAN = "plan"
    PYTHON = "python"
    DOT = "dot"
    SVG = "svg"


def _budget(name: str, unit: str, what: str) -> Any:
    return typer.Option(name, metavar=unit, min=0, help=f"With a plan: at most so many {what}, or end with 1.", show_default=False)


def compile(
    path: PolicyPath,
    emit: Annotated[
        Stage,
        typer.Option(
            "--emit",
            help="tree: the policy as checked; graph: the order in which rules are searched;"
            " plan: of each rule whether and by what it is indexed, and what a decision costs at most; python: the code that decides;"
            " dot: the graph for Graphviz; svg: the graph drawn, if Graphviz is installed.",
        ),
    ] = Stage.PYTHON,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - for standard output.", show_default=False)
    ] = "-",
    format: Annotated[Format, typer.Option("--format", help="How a plan is printed.")] = Format.TEXT,
    max_wide: Annotated[int | None, _budget("--max-wide", "RULES", "rules that every request looks at")] = None,
    max_candidates: Annotated[int | None, _budget("--max-candidates", "RULES", "rules that one request looks at")] = None,
    max_cost: Annotated[int | None, _budget("--max-cost", "NS", "estimated nanoseconds of a decision")] = None,
    no_cache: CacheOption = False,
) -> None:
    """Show what policies become on their way to Python.

    Exits with 0 when done, 1 if the policies have errors or their plan is beyond a budget, 2 if something cannot be read, drawn or written.
    """
    from abac.compiler.plan_text import Budget

    budget = Budget(max_wide, max_candidates, max_cost)
    if emit is Stage.PLAN:
        _plan(path, format, budget, output, cache=not no_cache)
    elif budget != Budget() or format is not Format.TEXT:
        fail("--format and the --max- options are for --emit plan")
    else:
        _write(_emitted(_package(path, cache=not no_cache), emit), output)


def _plan(path: Path, format: Format, budget: Budget, output: str, *, cache: bool) -> None:
    from abac.compiler import improve
    from abac.compiler.lower import lower
    from abac.compiler.plan import plan_of
    from abac.compiler.plan_text import as_json, render_plan

    plan = plan_of(improve(lower(_package(path, cache=cache))))
    _write((as_json(plan) if format is Format.JSON else render_plan(plan)).encode("utf-8", "backslashreplace"), output)
    beyond = list(budget.passed(plan))
    for each in beyond:
        print(f"error: {path}: {each}", file=sys.stderr)
    if beyond:
        raise typer.Exit(FINDINGS)


def _package(path: Path, *, cache: bool) -> Package:
    from abac.engine.pipeline import check_paths

    try:
        return check_paths([path], cache).package
    except LoadError as error:
        fail(str(error))
    except PolicyErrors as errors:
        print_findings(errors.diagnostics, console(stderr=True))
        fail(f"{path} cannot be compiled: {errors.message}", FINDINGS)


def _emitted(package: Package, stage: Stage) -> bytes:
    from abac.compiler import compile_package, improve
    from abac.compiler.graph_text import render, render_dot
    from abac.compiler.lower import lower
    from abac.language.surface import render_package

    match stage:
        case Stage.TREE:
            text = render_package(package)
        case Stage.GRAPH:
            text = render(improve(lower(package)))
        case Stage.PYTHON:
            text = compile_package(package).source
        case Stage.DOT:
            text = render_dot(improve(lower(package)))
        case Stage.SVG:
            return _drawn(render_dot(improve(lower(package))))
        case Stage.PLAN:
            raise AssertionError("a plan has formats and budgets")
        case stage:
            assert_never(stage)
    return text.encode("utf-8", "backslashreplace")  # names of files may be no Unicode


def _drawn(dot: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        fail("--emit svg needs Graphviz, whose program `dot` is not installed; --emit dot writes what it would draw")
    done = subprocess.run([program, "-Tsvg"], input=dot.encode("utf-8", "backslashreplace"), capture_output=True, check=False)
    if done.returncode:
        fail(f"{program} cannot draw the graph: {done.stderr.decode(errors='backslashreplace').strip()}")
    return done.stdout


def _write(content: bytes, output: str) -> None:
    if output == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_bytes(content)
    except (OSError, ValueError) as error:  # a ValueError is a zero byte in the name
        fail(f"{output}: {reason(error) if isinstance(error, OSError) else error}")
