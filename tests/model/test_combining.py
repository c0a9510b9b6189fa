"""Combining, proved over every sequence of up to four outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, reduce
from itertools import product

import pytest

from abac.model.combining import MERGES, Algorithm, Child, Combined, Outcome, combine
from abac.model.decision import Effect
from tests.model.combining_oracle import ID, IDP, IP, LANGUAGE, NA, STANDARD, D, P, only_one_applicable

DENY_OVERRIDES, PERMIT_OVERRIDES = Algorithm.DENY_OVERRIDES, Algorithm.PERMIT_OVERRIDES
FIRST_APPLICABLE, ONLY_ONE_APPLICABLE = Algorithm.FIRST_APPLICABLE, Algorithm.ONLY_ONE_APPLICABLE
DENY_UNLESS_PERMIT, PERMIT_UNLESS_DENY = Algorithm.DENY_UNLESS_PERMIT, Algorithm.PERMIT_UNLESS_DENY

UNDECIDED = (IP, ID, IDP)
SEQUENCES = [each for length in range(5) for each in product(Outcome, repeat=length)]
MERGING = [algorithm for algorithm in Algorithm if algorithm is not ONLY_ONE_APPLICABLE]
merging = pytest.mark.parametrize("algorithm", MERGING)

# What an undecided child may turn out to be once more is known, itself (nothing more is known) included.
ANSWERS: dict[Outcome, tuple[Outcome, ...]] = {P: (P,), D: (D,), NA: (NA,), IP: (IP, P, NA), ID: (ID, D, NA), IDP: tuple(Outcome)}


@cache
def combined(algorithm: Algorithm, outcomes: tuple[Outcome, ...]) -> Combined:
    return combine(algorithm, [Child(outcome) for outcome in outcomes])


def answered(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, ...]]:
    """Every way in which more may become known about the same children."""
    return product(*(ANSWERS[outcome] for outcome in outcomes))


def where(outcomes: Sequence[Outcome], *wanted: Outcome) -> tuple[int, ...]:
    return tuple(index for index, outcome in enumerate(outcomes) if outcome in wanted)


# ── the outcome ──────────────────────────────────────────────────────────────────────────────────────────


@merging
def test_every_sequence_combines_as_the_oracle_says(algorithm: Algorithm) -> None:
    wrong = [each for each in SEQUENCES if combined(algorithm, each).outcome is not LANGUAGE[algorithm](each)]
    assert not wrong


@pytest.mark.parametrize("algorithm", [DENY_OVERRIDES, PERMIT_OVERRIDES, DENY_UNLESS_PERMIT])
def test_three_algorithms_are_the_standard_to_the_letter(algorithm: Algorithm) -> None:
    assert all(combined(algorithm, each).outcome is STANDARD[algorithm](each) for each in SEQUENCES)


def test_permit_unless_deny_departs_where_a_possible_deny_would_permit() -> None:
    departures = {each for each in SEQUENCES if combined(PERMIT_UNLESS_DENY, each).outcome is not STANDARD[PERMIT_UNLESS_DENY](each)}
    assert departures == {each for each in SEQUENCES if D not in each and (ID in each or IDP in each)}
    assert {combined(PERMIT_UNLESS_DENY, each).outcome for each in departures} == {D}


def test_first_applicable_departs_where_the_first_child_that_matters_is_half_decided() -> None:
    departures = {each for each in SEQUENCES if combined(FIRST_APPLICABLE, each).outcome is not STANDARD[FIRST_APPLICABLE](each)}
    assert departures == {each for each in SEQUENCES if next((o for o in each if o is not NA), NA) in (IP, ID)}
    assert {combined(FIRST_APPLICABLE, each).outcome for each in departures} == {IDP}


# Written out by hand: the row is the first child, the column the second.
PAIRS = {
    DENY_OVERRIDES: """
              P    D    NA   IP   ID   IDP
        P     P    D    P    P    IDP  IDP
        D     D    D    D    D    D    D
        NA    P    D    NA   IP   ID   IDP
        IP    P    D    IP   IP   IDP  IDP
        ID    IDP  D    ID   IDP  ID   IDP
        IDP   IDP  D    IDP  IDP  IDP  IDP
    """,
    PERMIT_OVERRIDES: """
              P    D    NA   IP   ID   IDP
        P     P    P    P    P    P    P
        D     P    D    D    IDP  D    IDP
        NA    P    D    NA   IP   ID   IDP
        IP    P    IDP  IP   IP   IDP  IDP
        ID    P    D    ID   IDP  ID   IDP
        IDP   P    IDP  IDP  IDP  IDP  IDP
    """,
    FIRST_APPLICABLE: """
              P    D    NA   IP   ID   IDP
        P     P    P    P    P    P    P
        D     D    D    D    D    D    D
        NA    P    D    NA   IDP  IDP  IDP
        IP    IDP  IDP  IDP  IDP  IDP  IDP
        ID    IDP  IDP  IDP  IDP  IDP  IDP
        IDP   IDP  IDP  IDP  IDP  IDP  IDP
    """,
    ONLY_ONE_APPLICABLE: """
              P    D    NA   IP   ID   IDP
        P     IDP  IDP  IDP  IDP  IDP  IDP
        D     IDP  IDP  IDP  IDP  IDP  IDP
        NA    IDP  IDP  IDP  IDP  IDP  IDP
        IP    IDP  IDP  IDP  IDP  IDP  IDP
        ID    IDP  IDP  IDP  IDP  IDP  IDP
        IDP   IDP  IDP  IDP  IDP  IDP  IDP
    """,
    DENY_UNLESS_PERMIT: """
              P    D    NA   IP   ID   IDP
        P     P    P    P    P    P    P
        D     P    D    D    D    D    D
        NA    P    D    D    D    D    D
        IP    P    D    D    D    D    D
        ID    P    D    D    D    D    D
        IDP   P    D    D    D    D    D
    """,
    PERMIT_UNLESS_DENY: """
              P    D    NA   IP   ID   IDP
        P     P    D    P    P    D    D
        D     D    D    D    D    D    D
        NA    P    D    P    P    D    D
        IP    P    D    P    P    D    D
        ID    D    D    D    D    D    D
        IDP   D    D    D    D    D    D
    """,
}
EMPTY = {
    DENY_OVERRIDES: NA,
    PERMIT_OVERRIDES: NA,
    FIRST_APPLICABLE: NA,
    ONLY_ONE_APPLICABLE: NA,
    DENY_UNLESS_PERMIT: D,
    PERMIT_UNLESS_DENY: P,
}
SYMBOLS = {"P": P, "D": D, "NA": NA, "IP": IP, "ID": ID, "IDP": IDP}


def test_every_algorithm_has_its_tables() -> None:
    assert set(PAIRS) == set(EMPTY) == set(Algorithm)
    assert set(MERGES) == set(LANGUAGE) == set(MERGING)
    assert set(ANSWERS) == set(SYMBOLS.values()) == set(Outcome)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_pair_combines_as_its_table_says(algorithm: Algorithm) -> None:
    header, *rows = (line.split() for line in PAIRS[algorithm].strip().splitlines())
    table = {(SYMBOLS[row[0]], SYMBOLS[name]): SYMBOLS[cell] for row in rows for name, cell in zip(header, row[1:], strict=True)}
    assert len(table) == len(Outcome) ** 2
    assert {pair: combined(algorithm, pair).outcome for pair in table} == table


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_policy_without_children_answers_its_default_for_no_reason(algorithm: Algorithm) -> None:
    assert combine(algorithm, []) == Combined(EMPTY[algorithm])


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────


@merging
def test_regrouping_never_changes_the_outcome(algorithm: Algorithm) -> None:
    merge = MERGES[algorithm]
    assert all(merge(merge(a, b), c) is merge(a, merge(b, c)) for a, b, c in product(Outcome, repeat=3))


@merging
def test_merging_one_by_one_from_the_default_is_combining(algorithm: Algorithm) -> None:
    wrong = [each for each in SEQUENCES if reduce(MERGES[algorithm], each, EMPTY[algorithm]) is not combined(algorithm, each).outcome]
    assert not wrong


@pytest.mark.parametrize("algorithm", [each for each in Algorithm if each is not FIRST_APPLICABLE])
def test_order_matters_to_first_applicable_alone(algorithm: Algorithm) -> None:
    assert all(combined(algorithm, each).outcome is combined(algorithm, tuple(sorted(each))).outcome for each in SEQUENCES)
    assert combined(FIRST_APPLICABLE, (P, D)).outcome is not combined(FIRST_APPLICABLE, (D, P)).outcome


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_permit_survives_whatever_becomes_known(algorithm: Algorithm) -> None:
    permitted = [each for each in SEQUENCES if combined(algorithm, each).outcome is P]
    assert permitted
    assert all(combined(algorithm, more).outcome is P for each in permitted for more in answered(each))


@merging
def test_an_undecided_outcome_leaves_room_for_whatever_becomes_known(algorithm: Algorithm) -> None:
    undecided = [each for each in SEQUENCES if combined(algorithm, each).outcome.undecided]
    assert all(
        combined(algorithm, more).outcome in ANSWERS[combined(algorithm, each).outcome] for each in undecided for more in answered(each)
    )


# ── which children it came from ──────────────────────────────────────────────────────────────────────────


@merging
def test_a_decided_outcome_is_decided_by_the_children_that_have_it(algorithm: Algorithm) -> None:
    for each in SEQUENCES:
        result = combined(algorithm, each)
        if result.outcome in (P, D) and result.outcome in each:
            assert {each[index] for index in result.deciding} == {result.outcome}, each
            assert result.deciding[0] == each.index(result.outcome), each


@merging
def test_only_a_default_or_a_possible_deny_decides_without_a_child_that_has_the_outcome(algorithm: Algorithm) -> None:
    for each in SEQUENCES:
        result = combined(algorithm, each)
        if result.outcome in (P, D) and result.outcome not in each:
            assert algorithm in (DENY_UNLESS_PERMIT, PERMIT_UNLESS_DENY), each
            assert result.deciding == (where(each, ID, IDP) if algorithm is PERMIT_UNLESS_DENY and result.outcome is D else ()), each


@merging
def test_an_indeterminate_is_the_doing_of_its_unknown_children(algorithm: Algorithm) -> None:
    for each in SEQUENCES:
        result = combined(algorithm, each)
        if result.outcome.undecided:
            every = where(each, *UNDECIDED)
            assert result.deciding == result.unknown == (every[:1] if algorithm is FIRST_APPLICABLE else every) != (), each


@merging
def test_not_applicable_is_nobodys_doing(algorithm: Algorithm) -> None:
    assert {combined(algorithm, each) for each in SEQUENCES if combined(algorithm, each).outcome is NA} <= {Combined(NA)}


@merging
def test_a_permit_names_nothing_unknown(algorithm: Algorithm) -> None:
    assert {combined(algorithm, each).unknown for each in SEQUENCES if combined(algorithm, each).outcome is P} == {()}


@merging
def test_a_deny_names_unknown_children_exactly_when_they_could_have_made_it_a_permit(algorithm: Algorithm) -> None:
    for each in SEQUENCES:
        result = combined(algorithm, each)
        if result.outcome is D:
            could_permit = any(combined(algorithm, more).outcome is P for more in answered(each))
            assert bool(result.unknown) is could_permit, each
            assert {each[index] for index in result.unknown} <= set(UNDECIDED), each
            told = product(*(ANSWERS[outcome] if index in result.unknown else (outcome,) for index, outcome in enumerate(each)))
            assert any(combined(algorithm, more).outcome is P for more in told) is could_permit, each


@pytest.mark.parametrize(
    ("algorithm", "outcomes", "expected"),
    [
        (DENY_OVERRIDES, (P, D, NA, D), Combined(D, (1, 3))),
        (DENY_OVERRIDES, (ID, P, D), Combined(D, (2,))),
        (DENY_OVERRIDES, (NA, IP, P), Combined(P, (2,))),
        (DENY_OVERRIDES, (P, ID), Combined(IDP, (1,), (1,))),
        (DENY_OVERRIDES, (NA, ID, ID), Combined(ID, (1, 2), (1, 2))),
        (PERMIT_OVERRIDES, (D, P, IDP, P), Combined(P, (1, 3))),
        (PERMIT_OVERRIDES, (D, ID), Combined(D, (0,))),
        (PERMIT_OVERRIDES, (D, IP, NA), Combined(IDP, (1,), (1,))),
        (FIRST_APPLICABLE, (NA, D, P, D), Combined(D, (1,))),
        (FIRST_APPLICABLE, (NA, IP, P), Combined(IDP, (1,), (1,))),
        (FIRST_APPLICABLE, (P, IDP), Combined(P, (0,))),
        (DENY_UNLESS_PERMIT, (IP, P, P), Combined(P, (1, 2))),
        (DENY_UNLESS_PERMIT, (D, IP, ID, IDP), Combined(D, (0,), (1, 3))),
        (DENY_UNLESS_PERMIT, (NA, ID), Combined(D)),
        (PERMIT_UNLESS_DENY, (P, ID, D), Combined(D, (2,))),
        (PERMIT_UNLESS_DENY, (P, ID, IP, IDP), Combined(D, (1, 3), (1, 3))),
        (PERMIT_UNLESS_DENY, (IP, NA), Combined(P)),
        (PERMIT_UNLESS_DENY, (IP, P), Combined(P, (1,))),
    ],
)
def test_the_children_that_reached_the_top_are_named(algorithm: Algorithm, outcomes: tuple[Outcome, ...], expected: Combined) -> None:
    assert combined(algorithm, outcomes) == expected


# ── only-one-applicable, which looks at targets ──────────────────────────────────────────────────────────

# A child that surely does not apply has no other outcome; one whose target is unknown may have any outcome that lends doubt, or none.
POLICIES = [Child(NA, False), *(Child(o, True) for o in Outcome), *(Child(o, None) for o in (NA, *UNDECIDED))]
FAMILIES = [each for length in range(4) for each in product(POLICIES, repeat=length)]


def by_target(family: Sequence[Child], applies: bool | None) -> tuple[int, ...]:
    return tuple(index for index, child in enumerate(family) if child.applies is applies)


def test_only_one_applicable_is_the_standard_but_for_half_decided_policies() -> None:
    for family in FAMILIES:
        standard = only_one_applicable([(child.applies, child.outcome) for child in family])
        assert combine(ONLY_ONE_APPLICABLE, family).outcome is (IDP if standard in (IP, ID) else standard), family


def test_two_that_surely_apply_are_several_wherever_they_stand_and_whatever_is_unknown() -> None:
    for family in FAMILIES:
        result = combine(ONLY_ONE_APPLICABLE, family)
        assert result.several is (len(by_target(family, True)) > 1), family
        assert not result.several or result == Combined(IDP, several=True), family


def test_an_unknown_target_leaves_only_one_applicable_undecided() -> None:
    for family in FAMILIES:
        unknown = by_target(family, None)
        if unknown and len(by_target(family, True)) < 2:
            assert combine(ONLY_ONE_APPLICABLE, family) == Combined(IDP, unknown, unknown), family


def test_the_only_applicable_policy_decides() -> None:
    for family in FAMILIES:
        applicable = by_target(family, True)
        if len(applicable) == 1 and not by_target(family, None):
            result, outcome = combine(ONLY_ONE_APPLICABLE, family), family[applicable[0]].outcome
            assert result.outcome is (IDP if outcome in UNDECIDED else outcome), family
            assert result.deciding == (() if outcome is NA else applicable), family
            assert result.unknown == (applicable if outcome in UNDECIDED else ()), family


def test_a_permit_of_the_only_applicable_policy_survives_whatever_becomes_known_of_targets() -> None:
    for family in FAMILIES:
        if combine(ONLY_ONE_APPLICABLE, family).outcome is P:
            assert not by_target(family, None), family


# ── outcomes ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outcome_is_seen_outside_as_its_effect() -> None:
    assert {outcome: outcome.effect for outcome in Outcome} == {
        P: Effect.PERMIT,
        D: Effect.DENY,
        NA: Effect.NOT_APPLICABLE,
        **dict.fromkeys(UNDECIDED, Effect.INDETERMINATE),
    }
    assert {outcome for outcome in Outcome if outcome.undecided} == set(UNDECIDED)
