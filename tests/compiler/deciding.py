"""Tests: one policy text decided by compiled code, by its exact path alone and by the reference: the same bytes, or the test fails."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from abac.compiler import Compiled, compile_package, improve
from abac.compiler.emit import Module, emit_module
from abac.compiler.lower import lower
from abac.engine.pipeline import load_paths, load_text
from abac.engine.requests import read_request
from abac.language.checked import Package
from abac.model.decision import Decision
from abac.model.json_text import dump_json
from abac.model.request import Request
from abac.reference import evaluate

PARTS = ("subject", "action", "resource", "context")


@cache
def checked(text: str) -> Package:
    return load_text(text, compiled=False).package


def checked_file(path: Path) -> Package:
    return load_paths([path], compiled=False).package


@cache
def compiled(text: str) -> Compiled:
    return compile_package(checked(text))


def module_of(package: Package) -> Module:
    return emit_module(improve(lower(package)))


def shown(decision: Decision) -> bytes:
    """All of a decision but how long it holds; Python says that 1 == True and 1.0 == 1.00, bytes do not."""
    policy = "" if decision.policy is None else decision.policy
    return dump_json({**decision.until(None).to_dict(), "policy": policy})


def agreed(package: Package, code: Compiled, **parts: Any) -> Decision:
    """The decision on a request."""
    request = read_request(*(parts.get(name) for name in PARTS), package.schema, package.tables, None)
    expected = evaluate(package, request)
    decision = code.decide_request(request)
    assert shown(decision) == shown(expected)
    if isinstance(request, Request):
        assert shown(code.exact(request)) == shown(expected)
    declared = frozenset(duty.id for duty in package.schema.duties.values())
    assert Compiled(code.module, "", declared).permits_request(request) is expected.permitted
    assert Compiled(code.module).permits_request(request) is (expected.permitted and not expected.obligations)
    return decision


def decide(text: str, **parts: Any) -> Decision:
    return agreed(checked(text), compiled(text), **parts)
