"""Damaged lines get byte for byte the same answers from compiled code and from the reference, through the loop of `abac decide`."""

from __future__ import annotations

import copy
import datetime as dt
import io
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from abac import Engine
from abac.cli.decide import _answers, _print_lines
from abac.engine.requests import read_lines
from abac.model.json_text import dump_json
from tests.cli.runs import run
from tests.packs.pack_cases import POLICIES

PACKS = ["export_control", "hospital", "saas"]
LINES = 900  # of each pack
VALID = re.compile(rb'"valid_until": ?(null|"[0-9TZ:.-]+")')
REMOVED = object()
VALUES: list[Any] = [
    REMOVED, None, True, False, 0, 1, -1, 10**15, Decimal("1.50"), Decimal("1e3"), "", "x", "US", "2026-06-15T12:00:00",
    "2026-06-15T12:00:00Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", "10.0.0.1", "\0", "é", [], [None], [[]], {}, {"id": None}, {"id": "x"},
    {"from": "2026-01-01T00:00:00Z"}, [{"id": "x"}, None, 1],
]  # fmt: skip


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield (*path, step)
        yield from places(each, (*path, step))


def ill_typed(case: dict[str, Any], rng: random.Random) -> bytes:
    """A JSON object with wrong values at a few places."""
    changed = copy.deepcopy(case)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        path = rng.choice([p for p in places(changed) if p[0] in ("subject", "action", "resource", "context")] or [("id",)])
        holder: Any = changed
        for step in path[:-1]:
            holder = holder[step]
        value = rng.choice(VALUES)
        if value is REMOVED and isinstance(holder, dict):
            del holder[path[-1]]
        else:
            holder[path[-1]] = None if value is REMOVED else copy.deepcopy(value)
    return dump_json(changed)


def torn(line: bytes, rng: random.Random) -> bytes:
    """A line with wrong bytes: most are no JSON any more."""
    at, other = rng.randrange(len(line)), rng.randrange(len(line))
    kinds = [
        line[:at],
        line[:at] + bytes([rng.randrange(256)]) + line[at + 1 :],
        line[:at] + line[at + 1 :],
        line[:at]
        + rng.choice((b"\0", b"\xff", b'"', b"{", b"}", b",", b"null", b"NaN", b"1e999", b"\\ud800", b"\xe2\x80\xa8"))
        + line[at:],
        line[: min(at, other)] + line[max(at, other) :],
        line + line,
        b"[" + line + b"]",
        line.replace(b": ", b": -", 1),
        re.sub(rb'"(\w+)": ', rb'"\1": null, "\1": ', line, count=1),
        re.sub(rb": (true|false)", b": 0", line, count=1),
        line.replace(b"Z", b"", 1),
    ]
    return rng.choice(kinds).replace(b"\n", b" ").replace(b"\r", b" ")


def damaged(pack: str) -> bytes:
    rng = random.Random(pack)
    texts = (POLICIES / pack / "cases.jsonl").read_bytes().splitlines()
    cases = [json.loads(text, parse_float=Decimal) for text in texts]
    lines = list(texts)
    while len(lines) < LINES:
        at = rng.randrange(len(texts))
        lines.append(torn(texts[at], rng) if rng.random() < 0.3 else ill_typed(cases[at], rng))
    return b"\n".join(lines) + b"\n"


def engine(pack: str, *, compiled: bool) -> Engine:
    return Engine.load(POLICIES / pack, trust_request_clock=True, compiled=compiled)


def answers(asked: Engine, lines: bytes, capture: pytest.CaptureFixture[bytes]) -> list[bytes]:
    capture.readouterr()
    _print_lines(_answers(asked, None, io.BytesIO(lines)))
    return capture.readouterr().out.splitlines(keepends=True)


def masked(answer: bytes) -> bytes:
    return VALID.sub(b'"valid_until": null', answer)


@pytest.mark.parametrize("pack", PACKS)
def test_damaged_lines_get_the_same_bytes_from_compiled_code_and_from_the_reference(
    pack: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    lines = damaged(pack)
    compiled, reference = (answers(engine(pack, compiled=each), lines, capsysbinary) for each in (True, False))
    assert len(compiled) == len(reference) == len([line for line in lines.splitlines() if line.strip()])
    differing = [(a, b) for a, b in zip(compiled, reference, strict=True) if masked(a) != masked(b)]
    assert not differing, differing[:1]
    effects = Counter(json.loads(answer).get("effect", "error") for answer in compiled)
    assert all(effects[effect] >= LINES // 50 for effect in ("permit", "deny", "indeterminate", "error")), effects


@pytest.mark.parametrize("pack", PACKS)
def test_the_command_line_prints_the_same_bytes(pack: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    lines = b"".join(damaged(pack).splitlines(keepends=True)[::3])
    expected = b"".join(answers(engine(pack, compiled=True), lines, capsysbinary))
    ran = run("decide", POLICIES / pack, "--requests", "-", stdin=lines)
    assert (ran.code, ran.out.encode()) == (1, expected)


@pytest.mark.parametrize("pack", PACKS)
def test_a_compiled_answer_to_a_damaged_line_holds_as_long_as_it_says(pack: str) -> None:
    """At the last instant before `valid_until`, and at one on the way, the reference still says the same."""
    compiled, reference = engine(pack, compiled=True), engine(pack, compiled=False)
    rng, held = random.Random(pack), 0
    for line in read_lines(io.BytesIO(damaged(pack))):
        parts = [line.members.get(name) for name in ("subject", "action", "resource", "context")]
        found = compiled.decide(*parts)
        clock = parts[3].get("at") if isinstance(parts[3], dict) else None
        if line.error or found.valid_until is None or not isinstance(clock, str) or rng.random() < 0.5:
            continue
        now = dt.datetime.fromisoformat(clock.replace("Z", "+00:00"))
        if found.valid_until <= now:
            continue
        last = found.valid_until - dt.timedelta(microseconds=1)
        for later in (last, now + (last - now) * rng.random()):
            again = reference.decide(*parts, at=later)
            assert masked(dump_json(again.to_dict())) == masked(dump_json(found.to_dict())), (line.id, later)
            held += 1
    assert held > 100
