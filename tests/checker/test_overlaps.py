"""Denies below permits: found among thousands, and what was not looked at is said."""

from __future__ import annotations

import pytest

from abac.checker.lints import overlaps
from abac.model.errors import PolicyErrors
from tests.compiler.deciding import checked
from tests.shapes import WORLD


def findings(rules: list[str]) -> list[tuple[str, str]]:
    """Codes and messages about rules under first-applicable."""
    text = f"{WORLD}policy main: first-applicable {{\n" + "\n".join(rules) + "\n}\n"
    try:
        return [(d.code, d.message) for d in checked(text).findings]
    except PolicyErrors as errors:
        return [(d.code, d.message) for d in errors.diagnostics]


def permits(count: int, condition: str) -> list[str]:
    return [f"permit p{i} when {condition.format(i=i)}" for i in range(count)]


def test_a_deny_that_is_covered_is_found_among_thousands_that_begin_alike() -> None:
    above = permits(3_000, 'action == "read" and subject.n == {i}')
    found = findings([*above, 'deny d when action == "read" and subject.n == 1234 and context.mfa'])
    assert found == [("unreachable", "`d` is never reached: `p1234` above it takes every such request")]


def test_of_two_that_cover_it_the_one_is_named_whose_first_part_comes_first_in_it() -> None:
    above = ["permit a when context.mfa", 'permit b when action == "read"']
    assert findings([*above, 'deny d when action == "read" and context.mfa']) == [
        ("unreachable", "`d` is never reached: `b` above it takes every such request")
    ]


def test_a_deny_below_permits_that_it_cannot_overlap_was_not_compared_with_all() -> None:
    deny = "deny d when subject.n == -1"
    assert findings([*permits(100, "subject.n == {i}"), deny]) == []
    assert findings([*permits(101, "subject.n == {i}"), deny]) == [("not-compared", "`d` was not compared with all permits above")]


def test_one_note_speaks_for_all_denies_of_a_policy() -> None:
    denies = [f"deny d{i} when subject.n == -{i + 1}" for i in range(3)]
    found = findings([*permits(101, "subject.n == {i}"), *denies])
    assert found == [("not-compared", "3 denies of `main` were not compared with all permits above")]


def test_an_overlap_that_was_found_needs_no_further_comparing() -> None:
    found = findings([*permits(500, "subject.n == {i}"), "deny d when subject.n == 499 and context.mfa"])
    assert found == [("unreachable", "`d` is never reached: `p499` above it takes every such request")]
    found = findings([*permits(500, "subject.n == {i} and context.mfa"), "deny d when subject.n == 499"])
    assert [code for code, _ in found] == ["deny-below-permit"]


def test_permits_that_share_all_parts_are_tried_up_to_a_bound_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlaps, "_MOST_COVERING", 10)
    above = [f"permit p{i}_{j} when subject.n != {i} and subject.level != {j}" for i in range(6) for j in range(6)]
    deny = f"deny d when {' and '.join(f'subject.n != {i}' for i in range(6))}"
    assert [code for code, _ in findings([*above, deny])] == ["deny-below-permit", "not-compared"]
    monkeypatch.undo()
    checked.cache_clear()
    assert [code for code, _ in findings([*above, deny])] == ["deny-below-permit"]


def test_comparisons_grow_with_the_rules_and_not_with_their_square(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    disjoint = overlaps._disjoint

    def counting(a: overlaps._Asking, b: overlaps._Asking) -> bool:
        nonlocal compared
        compared += 1
        return disjoint(a, b)

    monkeypatch.setattr(overlaps, "_disjoint", counting)
    counts = []
    for count in (500, 1_000, 2_000):
        compared = 0
        findings([f"{('permit', 'deny')[i % 2]} r{i} when subject.n == {i}" for i in range(count)])
        counts.append(compared)
    assert 0 < counts[2] - counts[1] <= 2 * (counts[1] - counts[0])
