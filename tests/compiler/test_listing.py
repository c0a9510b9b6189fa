"""Tests: generated code is the same every time, and tracebacks and `inspect` show the right lines of it."""

from __future__ import annotations

import ast
import gc
import inspect
import linecache
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from abac.compiler import Compiled, compile_package, improve
from abac.compiler.emit import emit_module
from abac.compiler.lower import lower
from abac.language import checked as c
from abac.model.request import Request
from tests.compiler.pointed import package, pointed_packages
from tests.generate.asking import drawn_packages

ROOT = Path(__file__).parents[2]

COMPILED = """
import hashlib, sys
from pathlib import Path
from abac.compiler import compile_package
from abac.engine.pipeline import load_paths
from tests.compiler.pointed import pointed_packages
packages = [load_paths([Path("policies") / name]).package for name in ("export_control", "saas")]
for each in (*packages, *pointed_packages()):
    print(hashlib.sha256(compile_package(each).source.encode()).hexdigest())
"""


def test_two_processes_generate_the_same_code() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", COMPILED], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    assert len(runs[0].stdout.splitlines()) == 2 + len(pointed_packages())
    assert {run.stdout for run in runs} == {runs[0].stdout}


def generated() -> tuple[c.Package, ...]:
    return (*pointed_packages(), *drawn_packages(0, 56)[:15])


def statements(tree: ast.AST) -> list[ast.stmt]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def test_the_listing_is_the_code_that_runs() -> None:
    for each in generated():
        module = emit_module(improve(lower(each)))
        for text in (module.text(), module.flat()):
            assert ast.dump(ast.parse(text)) == ast.dump(module.tree())


def test_every_statement_stands_where_the_listing_shows_it() -> None:
    checked = 0
    for each in generated():
        module = emit_module(improve(lower(each)))
        tree = module.tree()
        for ours, shown in zip(statements(tree), statements(ast.parse(module.flat())), strict=True):
            assert ours.lineno == shown.lineno, ast.unparse(ours)
            checked += 1
    assert checked >= 5000


class Broken:
    """Attributes that break the code that reads them."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"reading {name}")


def broken_frames() -> tuple[str, list[traceback.FrameSummary]]:
    """The source of a policy, and the frames of it in the traceback of an error inside."""
    compiled = compile_package(package("policy main: deny-overrides { permit p when context.flag  permit q when subject.n > 1 }"))
    context = compiled.forms.classes["context"]()
    setattr(context, compiled.forms.slots["flag"], False)
    with pytest.raises(RuntimeError) as caught:
        nobody: Any = None
        compiled.fast(Request(nobody, "read", nobody, nobody, nobody), (Broken(), nobody, context))
    frames = [frame for frame in traceback.extract_tb(caught.value.__traceback__) if frame.filename.startswith("abac-policy-")]
    return emit_module(compiled.graph).flat(), frames


def test_tracebacks_name_generated_functions_shortly_and_show_the_line_that_failed() -> None:
    source, frames = broken_frames()
    assert frames
    for frame in frames:
        assert re.fullmatch(r"abac-policy-\d+", frame.filename)
        assert re.fullmatch(r"(x_)?[a-z]\d+(_permits)?(_plain)?", frame.name)
        assert frame.lineno is not None and frame.line == source.splitlines()[frame.lineno - 1].strip()
    assert frames[-1].line is not None and re.search(r"subject\.f\d+ > 1", frames[-1].line)


def generated_functions(compiled: Compiled) -> list[FunctionType]:
    return [each for each in compiled.namespace.values() if isinstance(each, FunctionType) and each.__module__ == "abac.policy"]


def test_inspect_shows_the_source_of_a_generated_function() -> None:
    for each in pointed_packages()[:5]:
        compiled = compile_package(each)
        for entry in generated_functions(compiled):
            shown = inspect.getsource(entry)
            assert shown.startswith(f"def {entry.__name__}(") and shown in emit_module(compiled.graph).flat()


def test_the_source_of_a_policy_that_is_gone_is_not_kept() -> None:
    compiled = compile_package(pointed_packages()[0])
    filename = generated_functions(compiled)[0].__code__.co_filename
    assert filename in linecache.cache
    del compiled
    gc.collect()
    assert filename not in linecache.cache
