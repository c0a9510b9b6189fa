"""Tests: the reference, compiled code, and its exact path alone give one answer.

Every shard draws its own policies and requests, compares whole decisions, makes decisions again at later instants (a decision holds until
it says) and from nothing but what the fast path had read (its certificate), and counts what it saw. `make test-long` runs a million.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abac.compiler import compile_package
from abac.model.decision import Effect
from abac.model.request import InvalidRequest
from abac.reference import evaluate
from tests.compiler.agreeing import CHECKS, DIGEST, Complaint, Tally, complaints, differences, drawn_request, fast, questions, trusting
from tests.compiler.pointed import pointed_packages
from tests.generate.asking import damaged_while_permitted, drawn_packages, read
from tests.generate.damage import supply
from tests.generate.requests import RequestMaker

SHARDS, PACKAGES, REQUESTS = 8, 56, 48
AGED_PACKAGES = 40
LONG_SHARDS, LONG_PACKAGES, LONG_REQUESTS = 100, 200, 52
REPORT = "agreement"

Record = Callable[[str, object], None]


def agreed(found: Iterator[Complaint]) -> None:
    """Fails with the first complaint, and how many more there are of which kind."""
    first = next(found, None)
    if first is not None:
        more = Counter(complaint.about for _, complaint in zip(range(50), found, strict=False))
        pytest.fail(f"{first}\n\nand among the next {dict(more)}")


def is_telling(tally: Tally) -> None:
    """Whether the draws were such that a mistake would show."""
    assert tally.two_valued >= 0.4 * tally.pairs, tally
    for effect in (Effect.PERMIT, Effect.DENY, Effect.INDETERMINATE):
        assert tally.effects[effect] >= 0.1 * tally.pairs, (effect, tally)
    assert tally.certified >= 0.99 * tally.two_valued, tally
    timed = tally.timed.total()
    assert timed >= 0.1 * tally.certified, tally
    assert tally.timed["for ever"] <= 0.6 * timed, tally
    assert tally.timed["later"] >= 0.3 * timed, tally
    assert tally.instants >= 0.5 * tally.pairs, tally


@pytest.mark.parametrize("shard", range(SHARDS))
def test_three_engines_give_one_answer(shard: int, record_property: Record) -> None:
    tally = Tally()
    agreed(complaints(drawn_packages(shard, PACKAGES), shard, REQUESTS, tally))
    record_property(REPORT, tally.plain())
    assert tally.pairs >= 20_000 / SHARDS
    is_telling(tally)


def test_three_engines_give_one_answer_about_ages(record_property: Record) -> None:
    tally = Tally()
    agreed(complaints(drawn_packages(7, AGED_PACKAGES, ages=True), "ages", REQUESTS, tally))
    record_property(REPORT, tally.plain())
    assert tally.pairs >= 1_500
    is_telling(tally)


def test_three_engines_give_one_answer_on_what_is_seldom_drawn(record_property: Record) -> None:
    tally = Tally()
    agreed(complaints(pointed_packages(), "pointed", 100, tally))
    record_property(REPORT, tally.plain())


@pytest.mark.long
@pytest.mark.parametrize("shard", range(1000, 1000 + LONG_SHARDS))
def test_three_engines_give_one_answer_a_million_times(shard: int, record_property: Record, capsys: pytest.CaptureFixture[str]) -> None:
    """Shards stand alone: `-k 1042` runs one, and where a run was broken off it can go on."""
    tally = Tally()
    agreed(complaints(drawn_packages(shard, LONG_PACKAGES), shard, LONG_REQUESTS, tally))
    record_property(REPORT, tally.plain())
    with capsys.disabled():
        print(f"shard {shard}: {tally.pairs} pairs", file=sys.stderr, flush=True)
    assert tally.pairs >= 1_000_000 / LONG_SHARDS
    is_telling(tally)


def test_what_another_version_has_read_is_read_again() -> None:
    asked = 0
    for i, package in enumerate(pointed_packages()):
        before, after, maker = trusting(package), trusting(package), RequestMaker.of(random.Random(f"versions {i}"), package)
        for _ in range(12):
            request = read(package, drawn_request(package, maker), None)
            if isinstance(request, InvalidRequest):
                continue
            asked += 1
            parts = (before.form(request.subject), request.action, before.form(request.resource), before.form(request.context))
            assert not differences(evaluate(package, request, DIGEST), after.decide(*parts, request.now)), package.sources[0].text
            assert after.permits(*parts, request.now) is (before.permits(*parts, request.now))
    assert asked > 100


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(rng=st.randoms(use_true_random=False))
def test_three_engines_give_one_answer_to_requests_that_can_be_shrunk(rng: random.Random) -> None:
    package = rng.choice(pointed_packages())
    compiled = trusting(package)
    for question in questions(package, compiled, RequestMaker.of(rng, package), 1):
        for about, check in CHECKS.items():
            assert not (found := check(question, Tally())), str(Complaint(question, about, found))


@pytest.mark.parametrize("seed", range(2))
def test_supplying_what_was_unknown_never_takes_a_permit_of_compiled_code_away(seed: int) -> None:
    permits = by_two_values = supplied = 0
    for i, package in enumerate(chain(pointed_packages(), drawn_packages(seed, PACKAGES))):
        maker = RequestMaker.of(random.Random(f"monotone {seed}/{i}"), package)
        compiled = compile_package(package)
        for _ in range(4):
            hurt = damaged_while_permitted(package, maker, maker.request(), Counter())
            if hurt is None:
                continue
            permits += 1
            request = read(package, hurt.request, None)
            assert compiled.decide_request(request).permitted
            by_two_values += fast(compiled, request) is not None  # type: ignore[arg-type]  # permitted, so valid
            for _ in range(4):
                better = supply(maker, hurt)
                supplied += 1
                assert compiled.decide_request(read(package, better.request, None)).permitted, (package.sources[0].text, hurt, better)
    assert permits >= 60 and supplied >= 240 and by_two_values >= 0.1 * permits, (permits, supplied, by_two_values)
