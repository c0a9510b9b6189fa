"""Tests: what the bench of `check` times is what it says. No test looks at a time."""

from __future__ import annotations

import pytest

from benches.checks import ASKED, ATTRIBUTES, calls_of, checked, engine_of


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def test_every_timed_decision_is_kept_and_hangs_on_every_attribute(attributes: int) -> None:
    engine, calls = engine_of(attributes), calls_of(attributes)
    assert len({call[:3] for call in calls}) == len(calls) == ASKED
    first = [engine.check(*call) for call in calls]
    assert [engine.check(*call) for call in calls_of(attributes)] == first and engine.statistics.hits == ASKED
    assert {decision.permitted for decision in first} == {True, False}
    for name in [f"a{i}" for i in range(attributes)]:
        who, action, what, context = calls[0]
        assert not engine.check(who, action, what, {key: value for key, value in context.items() if key != name}).permitted


def test_the_figures_have_budgets_where_there_is_one() -> None:
    figures = checked(1)
    assert [figure.budget is not None for figure in figures] == [True] * len(ATTRIBUTES) + [False, False]
    assert all(figure.value > 0 for figure in figures)
