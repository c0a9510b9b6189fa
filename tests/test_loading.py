"""Loading takes steps in proportion to the rules, and few of them. Steps are counted, not timed: calls of functions, Python's and C's."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType

import pytest

from abac.checker import Parsed, check
from abac.checker.reporter import MOST_COMPARED
from abac.engine.pipeline import load_paths
from abac.language.checked import Package
from abac.language.nodes import File
from abac.language.parser import parse, tokens_of
from abac.language.stored import dump, form, load
from abac.language.stored.stream import In
from abac.model.diagnostics import Diagnostic
from abac.model.errors import PolicyErrors
from abac.model.source import Source, Span
from tests.language.places import with_places
from tests.shapes import SHAPES, WORLD

COUNTS = (200, 400, 800)


def steps(work: Callable[[], object]) -> int:
    """How many functions were called."""
    seen: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: object) -> None:
        seen[event] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen["call"] + seen["c_call"]


def read(text: str) -> File:
    return parse(Source("text", text))


def checked(file: File) -> Package:
    return check([Parsed("p", (file,), lambda name: b"")])


def reading_of(text: str) -> Callable[[], object]:
    return lambda: read(text)


def checking_of(text: str) -> Callable[[], object]:
    file = read(text)
    return lambda: checked(file)


def storing_of(text: str) -> Callable[[], object]:
    package = checked(read(text))
    return lambda: dump(package)


def loading_of(text: str) -> Callable[[], object]:
    data = dump(checked(read(text)))
    return lambda: load(data)


STAGES = {"parse": reading_of, "check": checking_of, "dump": storing_of, "load": loading_of}


@cache
def counted(stage: str, shape: str) -> list[int]:
    """The steps of a stage for each number of rules. The first round fills what is remembered from one policy to the next."""
    work = [STAGES[stage](SHAPES[shape](count)) for count in COUNTS]
    work[0]()
    return [steps(each) for each in work]


def tokens(shape: str, count: int) -> int:
    return len(tokens_of(Source("text", SHAPES[shape](count))).kinds)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stage", STAGES)
def test_steps_grow_with_the_rules_and_not_faster(stage: str, shape: str) -> None:
    few, some, many = counted(stage, shape)
    assert many - some <= 2.1 * (some - few)


MOST = {"parse": 28, "check": 28, "dump": 55, "load": 2}
"""Steps for each token of the policy. Parsing took 74 when lark's parser was driven token by token; a stored policy is read by columns."""


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_token_takes_few_steps(stage: str, shape: str) -> None:
    _, some, many = counted(stage, shape)
    compared = 45 if (stage, shape) == ("check", "first applicable") else 0  # denies with the nearest permits above them
    assert (many - some) / (tokens(shape, COUNTS[2]) - tokens(shape, COUNTS[1])) < MOST[stage] + compared


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_grows_with_the_rules_and_not_faster(shape: str) -> None:
    peaks = []
    for count in COUNTS:
        text = SHAPES[shape](count)
        tracemalloc.start()
        checked(read(text))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    few, some, many = peaks
    assert many - some < 2.3 * (some - few)


@pytest.mark.long
def test_a_hundred_thousand_rules_are_read_from_a_file_stored_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "p.abac").write_text(SHAPES["mixture"](100_000), encoding="utf-8")
    package = load_paths([tmp_path / "p"], compiled=False).package
    assert len(package.policy.children) == 10_000
    assert with_places(load(dump(package)).policy.children[-1]) == with_places(package.policy.children[-1])


def test_the_collector_rests_while_a_policy_is_checked_and_while_one_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    running = []

    def read_data(name: str) -> bytes:
        running.append(gc.isenabled())
        return b"[1]"

    file = read(f'{WORLD}data NUMBERS: List<Int> = json "n.json"\n{POLICY}')
    data = dump(check([Parsed("p", (file,), read_data)]))
    read_back = form._read

    def noting(stream: In) -> Package:
        running.append(gc.isenabled())
        return read_back(stream)

    monkeypatch.setattr(form, "_read", noting)
    load(data)
    assert running == [False, False] and gc.isenabled()


GUARDED: dict[str, Callable[[int], str]] = {
    "guards": lambda k: listed(k, "subject has o{i}"),
    "guards with a test": lambda k: listed(k, "subject has o{i} == 1"),
    "guarded reads": lambda k: listed(k, "subject has o{i} and subject.o{i} == 1"),
}
POLICY = "policy main: deny-overrides { permit r when context.mfa }\n"


def listed(count: int, part: str) -> str:
    declared = ", ".join(f"o{i}: Int?" for i in range(count))
    world = WORLD.replace("phone: String?", f"phone: String?, {declared}")
    return f"{world}define f = {' and '.join(part.format(i=i) for i in range(count))}\n"


@pytest.mark.parametrize("name", GUARDED)
def test_facts_add_up_in_steps_that_grow_with_them(name: str) -> None:
    few, some, many = (steps(checking_of(GUARDED[name](count) + POLICY)) for count in (250, 500, 1_000))
    assert many - some <= 2.2 * (some - few)


def test_names_that_nobody_knows_are_compared_with_those_there_are_up_to_a_bound() -> None:
    names = "".join(f"const KNOWN{i} = {i}\n" for i in range(500))
    rules = "\n".join(f"permit r{i} when subject.n == UNKNOWN{i}" for i in range(800))
    with pytest.raises(PolicyErrors) as raised:
        checked(read(f"{WORLD}{names}policy main: deny-overrides {{ {rules} }}\n"))
    helped = [bool(d.help) for d in raised.value.diagnostics]
    assert len(helped) == 800 and helped[0] and not helped[-1]
    assert 0 < sum(helped) * 500 < 2 * MOST_COMPARED


def test_a_line_of_a_million_characters_is_not_copied_for_each_of_its_mistakes() -> None:
    long = Source("text", "é" * 1_000_000)
    sizes = []
    for place in (0, 500_000, 999_999):
        tracemalloc.start()
        shown = str(Diagnostic("code", "message", Span(long, place, place + 1)))
        sizes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert "é" * 80 in shown and len(shown) < 1_000
    assert max(sizes[1:]) < 100_000
