"""Damaged policies are refused with complaints or accepted; what is accepted decides every request, however damaged."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abac.checker import check
from abac.checker.types import ERROR
from abac.engine.requests import read_request
from abac.language import checked as c
from abac.model.errors import PolicyErrors
from abac.model.request import InvalidRequest
from abac.model.types import Optional, TableOf
from abac.reference import evaluate
from abac.reference.evaluator import Environment, Evaluator
from tests.checker.mutants import Mutants, damaged

ROOT = Path(__file__).parents[2]
PACKS = ("export_control", "hospital", "saas")
ACCEPTED = sorted((ROOT / "tests" / "accepted").glob("*.abac"))
SHARED = ROOT / "tests" / "rejected" / "shared"
ILL_FITTING: tuple[object, ...] = (
    None,
    0,
    -1,
    2**62,
    True,
    "",
    "x",
    [],
    {},
    [None],
    {"id": "x"},
    "2026-01-01",
    "9999-12-31T23:59:59Z",
    "low",
)
"""What damaged requests hold in place of what they should."""


def checked(mutants: Mutants) -> c.Package | None:
    """A mutant, if it is accepted; anything but complaints is raised."""
    packages, found = mutants.make()
    try:
        return check(packages, found)
    except PolicyErrors as errors:
        assert errors.diagnostics
        return None


def expressions(policy: c.Policy) -> Iterator[c.Expression]:
    """Everything that stands in a policy, without what stands in definitions."""
    yield from filter(None, (policy.applies, *policy.citations))
    for child in policy.children:
        if isinstance(child, c.Policy):
            yield from expressions(child)
            continue
        yield from (child.condition, *child.citations)
        yield from (part for part in (child.because.parts if child.because else ()) if isinstance(part, c.Expression))
        for duty in child.duties:
            yield from filter(None, (duty.guard, *duty.arguments))


def assert_sound(package: c.Package) -> None:
    """No complaint was forgotten: every expression has a type that values have."""
    bodies = [definition.body for definition in package.definitions.values()]
    for root in (*bodies, *expressions(package.policy)):
        for each in c.walk(root):
            assert each.type != ERROR and not isinstance(each.type, TableOf | Optional), each.span.text


@pytest.mark.parametrize("pack", PACKS)
def test_a_mutant_of_a_pack_is_refused_with_complaints_or_decides_every_request(pack: str) -> None:
    dice = random.Random(pack)
    folder = ROOT / "policies" / pack
    cases: list[dict[str, Any]] = [json.loads(line) for line in (folder / "cases.jsonl").read_text("utf-8").splitlines()]
    mutants, accepted = Mutants(folder, dice), 0
    for _ in range(40):
        package = checked(mutants)
        if package is None:
            continue
        accepted += 1
        assert_sound(package)
        for case in dice.sample(cases, 4):
            subject, resource, context = (damaged(dice, case[part], ILL_FITTING) for part in ("subject", "resource", "context"))
            request = read_request(subject, case["action"], resource, context, package.schema, package.tables, None)
            evaluate(package, request)
    assert accepted


GRANT = {"id": "g", "level": "low", "until": "2026-07-01T00:00:00Z", "note": None, "uses": 2}
PLACE = {"country": "DE", "city": "Berlin", "zone": "Europe/Berlin"}
USER = {
    "entity_type": "User", "id": "x", "level": "high", "grade": "b", "status": "active", "origin": "phone", "boss": "b", "age": 30,
    "score": 1.5, "home": "DE", "born": "1990-01-01", "email": "x@example.com", "ssn": "x", "spouse": None, "tags": ["x", "y"],
    "roles": ["x"], "grants": [GRANT, {**GRANT, "id": "h", "until": None}], "place": PLACE, "parents": [{"id": "group", "parents": []}],
}  # fmt: skip
BOT = {"entity_type": "Bot", "id": "bot", "owner": "x", "tags": ["x"], "port": 80, "level": "low"}
DOCUMENT: dict[str, object] = {
    "entity_type": "Document", "id": "d", "owner": USER, "level": "low", "status": None, "created": "2026-01-01T00:00:00Z",
    "keywords": [], "parent": None, "pages": 3, "house": {"id": "group", "parents": []}, "patient": {"number": "1", "notes": []},
}  # fmt: skip
IMAGE = {"entity_type": "Image", "id": "i", "owner": None, "width": 3}
CONTEXT = {
    "at": "2026-06-15T12:00:00Z", "place": PLACE, "ip": "10.0.0.1", "network": "10.0.0.0/8", "zone": "UTC", "session": None,
    "grants": [GRANT], "cases": [], "hours": {"from": "08:00", "until": "18:00"}, "window": {"from": "2026-01-01T00:00:00Z"},
    "flag": True, "note": "x", "timeout": "1 hour", "day": "2026-06-15", "limit": 3,
}  # fmt: skip


def placed(twin: Path, folder: Path) -> Path:
    """An accepted file as a package of its own."""
    package = folder / "rejected"
    package.mkdir()
    beside = twin.read_text("utf-8").splitlines()[0].removeprefix("# beside:").split()
    for file in (*(SHARED / name for name in beside), *(f for f in SHARED.iterdir() if f.suffix != ".abac"), twin):
        shutil.copy(file, package)
    return package


def arguments(definition: c.Definition, people: dict[str, Any]) -> Environment | None:
    """Arguments for a definition, if there are any of its parameters' types."""
    found = {name: people[str(type_)] for name, type_ in definition.parameters if str(type_) in people}
    return Environment(found) if len(found) == len(definition.parameters) else None


@pytest.mark.parametrize("twin", ACCEPTED, ids=lambda twin: twin.stem)
def test_a_mutant_of_a_well_formed_policy_is_refused_with_complaints_or_evaluates(twin: Path, tmp_path: Path) -> None:
    dice = random.Random(twin.stem)
    mutants = Mutants(placed(twin, tmp_path), dice)
    for _ in range(90):
        package = checked(mutants)
        if package is None:
            continue
        assert_sound(package)
        for subject, action, resource in (
            (USER, "approve", DOCUMENT),
            (BOT, "view", IMAGE),
            (damaged(dice, USER, ILL_FITTING), "view", DOCUMENT),
        ):
            context = damaged(dice, CONTEXT, ILL_FITTING)
            request = read_request(subject, action, resource, context, package.schema, package.tables, None)
            evaluate(package, request)
            if isinstance(request, InvalidRequest):
                continue
            evaluator = Evaluator(package, request)
            people = {request.subject.type: request.subject, request.resource.type: request.resource, "Int": 0, "String": "DE"}
            for definition in package.definitions.values():
                environment = arguments(definition, people)
                if environment is not None:
                    evaluator.value(definition.body, environment)
