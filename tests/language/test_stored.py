"""A stored policy is read back as it was, with all its places; whatever is no stored policy is refused by one error."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import random
import subprocess
import sys
from dataclasses import fields
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abac.compiler import compile_package
from abac.engine.pipeline import load_paths
from abac.engine.requests import read_request
from abac.language import checked as c
from abac.language.stored import dump, load
from abac.language.stored import layout as l
from abac.language.stored.form import _DIGEST, _MAGIC
from abac.model.errors import AbacError, StoredError
from abac.model.types import BOOL, INT
from abac.reference import evaluate
from tests.compiler.deciding import PARTS, checked, shown
from tests.generate.packages import draw_package, load_package
from tests.language.places import with_places
from tests.shapes import SHAPES

ROOT = Path(__file__).parents[2]
BEGIN = len(_MAGIC) + _DIGEST


def folders() -> list[Path]:
    return sorted(path for path in (ROOT / "policies").iterdir() if any(path.glob("*.abac")))


@cache
def pack(folder: Path) -> c.Package:
    return load_paths([folder], compiled=False).package


@cache
def stored(folder: Path) -> bytes:
    return dump(pack(folder))


SMALLEST = folders()[-1]


# ── what is read is what was written ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_a_pack_is_read_back_with_all_its_places(folder: Path) -> None:
    assert with_places(load(stored(folder))) == with_places(pack(folder))


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_whatever_is_well_typed_is_read_back_with_all_its_places(seed: int) -> None:
    package = load_package(draw_package(random.Random(seed), ages=seed % 2 == 1))
    if package is not None:
        assert with_places(load(dump(package))) == with_places(package)


def test_most_of_what_is_drawn_is_well_typed() -> None:
    """So that the test above is about something."""
    assert sum(load_package(draw_package(random.Random(seed), ages=seed % 2 == 1)) is not None for seed in range(20)) > 15


@pytest.mark.parametrize("shape", SHAPES)
def test_large_policies_are_read_back(shape: str) -> None:
    package = checked(SHAPES[shape](100))
    assert with_places(load(dump(package))) == with_places(package)


def test_all_kinds_of_expressions_values_and_types_are_among_them() -> None:
    found: set[type] = set()

    def note(part: object) -> None:
        if isinstance(part, tuple) and part:
            if isinstance(part[0], type):
                found.add(part[0])
            for each in part:
                note(each)

    for folder in folders():
        note(with_places(pack(folder)))
    for seed in range(40):
        note(with_places(load_package(draw_package(random.Random(seed), ages=seed % 2 == 1))))
    never = {"LocalTime", "TableOf", "IPv6Address", "IPv6Network"}  # what no constant is, and what is drawn nowhere
    missing = {kind.__name__ for family, kinds in l.FAMILIES.items() for kind in kinds if family != "source" and kind not in found} - never
    assert missing == set()


@pytest.mark.parametrize(
    "constant",
    [
     'address("::1")', 'network("2001:db8::/32")', "-9223372036854775808", "9223372036854775807", "1.00", "-0.5", "-5 days",
     '"\\u{1f600} é"',
     "{ 1, 2.5 }", "[]", "0001-01-01T00:00:00.000001Z", "9999-12-31", "23:59:59", "22:00 until 06:00", "from 2026-01-01"],
)  # fmt: skip
def test_a_constant_at_the_edge_is_read_back(constant: str) -> None:
    text = f"package p\nentity U key id {{ id: String }}\naction view: U -> U\nconst C = {constant}\n"
    package = checked(text + "policy main: deny-overrides { permit r when count([C]) > length(subject.id) }\n")
    assert with_places(load(dump(package))) == with_places(package)


def test_types_that_are_one_object_stay_it() -> None:
    package = load(dump(checked(SHAPES["mixture"](20))))
    types = [each.type for unit in _rules(package.policy) for each in c.walk(unit.condition)]
    assert BOOL in types and INT in types
    assert all(any(each is known for known in (BOOL, INT)) for each in types if each in (BOOL, INT))


def _rules(policy: c.Policy) -> list[c.Rule]:
    return [rule for child in policy.children for rule in (_rules(child) if isinstance(child, c.Policy) else [child])]


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_a_pack_decides_its_cases_as_before(folder: Path) -> None:
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    cases = [json.loads(line, parse_float=Decimal) for line in lines]
    answers = []
    for package in (pack(folder), load(stored(folder))):
        code = compile_package(package)
        read = [read_request(*(case[part] for part in PARTS), package.schema, package.tables, None) for case in cases]
        answers.append([shown(code.decide_request(request)) for request in read] + [shown(evaluate(package, request)) for request in read])
    assert cases and answers[0] == answers[1]


def test_one_policy_has_one_form() -> None:
    code = (
        "import sys, hashlib\nfrom pathlib import Path\n"
        "from abac.engine.pipeline import load_paths\nfrom abac.language.stored import dump, load\n"
        "data = dump(load_paths([Path(sys.argv[1])], compiled=False).package)\n"
        "print(hashlib.sha256(data).hexdigest(), dump(load(data)) == data)"
    )
    said = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", code, f"policies/{SMALLEST.name}"]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        said.add(done.stdout)
    assert len(said) == 1 and said.pop().endswith("True\n")


# ── what is no stored policy ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("data", [b"", b"x", _MAGIC, b"{}", pickle.dumps({}), b"\0" * 1_000], ids=lambda data: repr(data[:10]))
def test_what_is_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(StoredError):
        load(data)
    assert issubclass(StoredError, AbacError)


def test_however_it_is_cut_short_it_is_refused() -> None:
    data = stored(SMALLEST)
    for length in (*range(200), *range(200, len(data), len(data) // 200), len(data) - 1):
        with pytest.raises(StoredError):
            load(data[:length])


def test_one_changed_byte_is_found_wherever_it_is() -> None:
    data = stored(SMALLEST)
    for place in (*range(200), *range(200, len(data), len(data) // 200), len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        with pytest.raises(StoredError):
            load(bytes(changed))


def test_more_behind_its_end_is_refused() -> None:
    with pytest.raises(StoredError):
        load(stored(SMALLEST) + b"\0")
    with pytest.raises(StoredError, match="goes on behind its end"):
        load(sealed(stored(SMALLEST)[BEGIN:] + b"\0"))


def sealed(body: bytes) -> bytes:
    """A form with this body and a checksum that is right: of somebody who means it."""
    return _MAGIC + hashlib.sha256(body).digest() + body


def test_the_form_of_another_version_is_refused() -> None:
    body = bytearray(stored(SMALLEST)[BEGIN:])
    body[0] ^= 1
    with pytest.raises(StoredError, match="another version"):
        load(sealed(bytes(body)))


@settings(max_examples=300)
@given(st.data())
def test_a_forged_form_is_refused_or_is_a_policy_but_never_anything_else(data: st.DataObject) -> None:
    body = bytearray(stored(SMALLEST)[BEGIN:])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(len(l.layout_digest()), len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(StoredError):
        assert isinstance(load(sealed(bytes(body))), c.Package)


def test_a_huge_count_is_refused_before_anything_is_made() -> None:
    body = l.layout_digest() + b"Q" + (2**63).to_bytes(8, "little") * 2 + b"Q"
    with pytest.raises(StoredError, match="ends too early"):
        load(sealed(body))


# ── the form ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_field_of_the_checked_tree_is_in_the_layout() -> None:
    said = l._layout()
    for kind in (*get_args(c.CheckedExpression), c.Rule, c.Policy, c.Package, c.Definition, c.Test, c.DutyClause, c.Template):
        assert kind.__name__ in said
        assert all(f"'{each.name}'" in said for each in fields(kind))


def test_another_layout_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = l.layout_digest()
    monkeypatch.setattr(l, "_layout", lambda: "another")
    l.layout_digest.cache_clear()
    try:
        assert l.layout_digest() != before
    finally:
        l.layout_digest.cache_clear()


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_stored_grows_with_the_rules_and_stays_small(shape: str) -> None:
    sizes = [len(dump(checked(SHAPES[shape](count)))) for count in (1_000, 2_000)]
    text = len(SHAPES[shape](2_000)) - len(SHAPES[shape](1_000))
    assert sizes[1] - sizes[0] < 4 * text
    assert sizes[1] < 2.6 * sizes[0]  # numbers above 65,535 take twice the room of smaller ones
