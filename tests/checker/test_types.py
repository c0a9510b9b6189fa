"""Joining types: what is quick for thousands of literals is what joining them one by one gives."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abac.checker.types import Typing
from abac.model.types import (
    BOOL,
    DECIMAL,
    INT,
    NOTHING,
    STRING,
    EntityOf,
    KeyOf,
    ListOf,
    SetOf,
    Type,
    Words,
)  # fmt: skip
from abac.model.values import RecordValue, Table

LEVEL = Words(("low", "mid", "high"), ordered=True, name="Level")
KIND = Words(("low", "other"), open=True, name="Kind")
TABLE = Table("p.t", "R", {"low": RecordValue("R", {}), "mid": RecordValue("R", {})}, "t.csv")
TYPING = Typing({"p.t": TABLE})

literals = st.sampled_from(["low", "mid", "high", "other", "more"]).map(lambda word: Words((word,)))
others = st.sampled_from(
    [LEVEL, KIND, STRING, INT, DECIMAL, BOOL, NOTHING, KeyOf("p.t", STRING), EntityOf(("A",)), EntityOf(("A", "B")), Words(("x", "y")),
     Words(("low", "x"), open=True), Words(("mid", "low"), ordered=True)]
)  # fmt: skip
simple = literals | others
types = simple | simple.map(SetOf) | simple.map(SetOf).map(SetOf) | simple.map(ListOf)


def one_by_one(types: Sequence[Type]) -> Type | None:
    joined: Type = NOTHING
    for each in types:
        pair = TYPING._join(joined, each)
        if pair is None:
            return None
        joined = pair
    return joined


@given(st.lists(types, max_size=4) | st.lists(simple, max_size=8) | st.lists(literals.map(SetOf) | simple.map(SetOf), max_size=6))
def test_many_types_are_joined_as_if_one_by_one(given_types: list[Type]) -> None:
    joined, expected = TYPING.join(given_types), one_by_one(given_types)
    assert joined == expected
    assert getattr(joined, "name", None) == getattr(expected, "name", None)


@pytest.mark.parametrize("wrapped", [lambda t: t, SetOf, lambda t: ListOf(SetOf(t))], ids=["strings", "sets", "lists of sets"])
def test_thousands_of_literals_are_joined_without_looking_at_each_pair(wrapped: type, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = 0
    join = Typing._join

    def counting(self: Typing, a: Type, b: Type) -> Type | None:
        nonlocal pairs
        pairs += 1
        return join(self, a, b)

    monkeypatch.setattr(Typing, "_join", counting)
    words = [f"w{i}" for i in range(2_000)]
    assert TYPING.join([wrapped(Words((word,))) for word in words]) == wrapped(Words(tuple(words)))
    assert pairs < 10


def test_a_literal_is_looked_up_in_a_large_union_and_not_the_union_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0
    outside = Typing.outside

    def counting(self: Typing, words: Words, target: Type) -> list[str]:
        nonlocal looked_at
        looked_at += len(words.words)
        return outside(self, words, target)

    monkeypatch.setattr(Typing, "outside", counting)
    union = Words(tuple(f"w{i}" for i in range(1_000)), name="Union")
    assert all(TYPING.comparable(union, Words((f"w{i}",))) and TYPING.comparable(Words((f"w{i}",)), union) for i in range(1_000))
    assert looked_at == 2_000
