"""What is certain at a place: facts that add up, shared between places, and never seen where they do not hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from abac.checker.guards import Fact, Known, Present, Typed
from abac.language import checked as c
from abac.model.source import Source, Span
from abac.model.types import EntityOf

AT = Span(Source("", ""), 0, 0)
TARGETS = [c.Root(name, type=EntityOf(("A", "B")), span=AT) for name in ("subject", "resource")]  # type: ignore[arg-type]
FACTS: list[Fact] = [
    *(Present(target, name) for target in TARGETS for name in "abcd"),
    *(Typed(target, names) for target in TARGETS for names in (("A",), ("B",), ("A", "B"))),
]
growths = st.lists(st.tuples(st.integers(0, 30), st.frozensets(st.sampled_from(FACTS), max_size=3)), max_size=30)


@given(growths)
def test_a_place_knows_its_own_facts_and_no_others(steps: list[tuple[int, frozenset[Fact]]]) -> None:
    """Places grow from any earlier one; plain sets say what each must know, whatever grew from it later."""
    places: list[tuple[Known, frozenset[Fact]]] = [(Known(), frozenset())]
    for origin, facts in steps:
        known, expected = places[origin % len(places)]
        places.append((known.knowing(facts), expected | facts))
    for known, expected in places:
        assert set(known) == expected and len(list(known)) == len(expected)
        assert {fact for fact in FACTS if fact in known} == expected
        for target in TARGETS:
            typed = {fact.names for fact in expected if isinstance(fact, Typed) and fact.target == target}
            assert set(known.types(target)) == typed


def test_what_grows_step_by_step_shares_what_it_grew_from() -> None:
    first = known = Known().knowing(frozenset(FACTS[:1]))
    for fact in FACTS[1:]:
        known = known.knowing(frozenset((fact,)))
    assert known._order is first._order and list(first) == FACTS[:1] and list(known) == FACTS


def test_two_that_grow_by_the_same_facts_share_them() -> None:
    origin = Known().knowing(frozenset(FACTS[:1]))
    one, other = origin.knowing(frozenset(FACTS[1:2])), origin.knowing(frozenset(FACTS[1:2]))
    assert one._order is other._order is origin._order
    assert origin.knowing(frozenset(FACTS[2:3]))._order is not origin._order
