"""Deep and wide policies are decided as the reference decides them, or refused by a named limit; ten times as large nothing crashes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from abac.model.limits import MAX_ARMS, MAX_NESTING, MAX_QUANTIFIERS
from tests.cli.runs import ROOT, environment
from tests.compiler.deciding import checked, compiled
from tests.compiler.large import DEEP, WIDE, decide_all, refusals

LIMITS = {"nesting", "too-large", "too-many-quantifiers", "too-many-arms"}
EXPECTED = {"quantifiers": MAX_QUANTIFIERS, "quantifiers that see one another": MAX_QUANTIFIERS, "arms": MAX_ARMS}
LEAST = {"doubling definitions": 12, "and in or": 15}


def deepest(name: str) -> int:
    """The depth that is just accepted."""
    low, high = 1, EXPECTED.get(name, 2 * MAX_NESTING) + 1
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if refusals(DEEP[name](middle)) else (middle, high)
    return low


@pytest.mark.parametrize("name", DEEP)
def test_the_deepest_that_is_accepted_is_decided_and_one_more_is_refused(name: str) -> None:
    depth = deepest(name)
    assert depth >= EXPECTED.get(name, LEAST.get(name, 20))
    assert len(decide_all(DEEP[name](depth))) > 1
    refused = refusals(DEEP[name](depth + 1))
    assert refused and refused <= LIMITS


@pytest.mark.parametrize("name", WIDE)
def test_what_is_wide_is_decided_or_refused(name: str) -> None:
    text = WIDE[name](1)
    if not refusals(text):
        assert decide_all(text)
    else:
        assert refusals(text) <= LIMITS


def test_most_of_what_is_wide_is_decided() -> None:
    """So that the test above does not hold because everything is refused."""
    assert not any(refusals(WIDE[name](1)) for name in ("or", "and", "set of constants", "rules", "only one applies", "parameters"))


def tried(families: list[str], seconds: float) -> dict[str, list[str]]:
    """What became of each, in a process of its own; a crash fails the test."""
    command = [sys.executable, "-m", "tests.compiler.large", *families]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=seconds)
    found = {name: rest for name, *rest in (line.split("\t") for line in done.stdout.splitlines())}
    assert (done.returncode, done.stderr, list(found)) == (0, "", families), done.stderr[-2_000:]
    return found


def test_ten_times_as_deep_is_refused_and_nothing_crashes() -> None:
    families = [f"deep/{name}/{EXPECTED.get(name, MAX_NESTING) * 10}" for name in DEEP]
    for found in tried(families, 120).values():
        assert found[0] == "refused" and set(found[1:]) <= LIMITS


@pytest.mark.long
@pytest.mark.parametrize("name", WIDE)
def test_ten_times_as_wide_is_decided_or_refused_and_nothing_crashes(name: str) -> None:
    (found,) = tried([f"wide/{name}/10"], 600).values()
    assert found[0] == "decided" or set(found[1:]) <= LIMITS


def test_a_policy_is_compiled_far_down_the_stack() -> None:
    """A quarter of the stack is the caller's: the deepest policies still become code."""
    texts = [DEEP[name](deepest(name)) for name in ("parentheses", "if in its own condition", "and in or", "definitions", "policies")]

    def down(levels: int) -> None:
        if levels:
            return down(levels - 1)
        for text in texts:
            compiled.cache_clear()
            compiled(text)
        return None

    for text in texts:
        checked(text)
    down(sys.getrecursionlimit() // 4)
