"""Tests: what a decision executes hardly grows with the policy: bytecode is counted, and no test looks at a time."""

from __future__ import annotations

import pytest

from abac import Engine
from benches.synthetic.loaded import NOW, Loaded
from benches.synthetic.shape import Shape, Workload, parts
from benches.synthetic.shapes import SHAPES
from tests.bytecode import executed

MARGINS = {"nested_ranges": 16.0, "mixed": 6.0}
"""What 1,000 rules may cost over 10: hundredfold where they were searched one by one, once where they were filed without loss."""


def of_shape(shape: Shape, rules: int) -> int:
    loaded = Loaded(Workload(shape, rules))
    permits, hot = loaded.engine.permits, loaded.hot
    assert [permits(*call, at=NOW) for call in hot] == [loaded.by_hand(*call) for call in hot]
    return executed(lambda: [permits(*call, at=NOW) for call in hot])


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
def test_a_thousand_rules_cost_little_more_than_ten(shape: Shape) -> None:
    assert of_shape(shape, 1_000) <= MARGINS.get(shape.name, 3.0) * of_shape(shape, 10)


def test_what_is_executed_is_counted_and_is_the_same_each_time() -> None:
    def count(rounds: int) -> int:
        return executed(lambda: sum(number * 2 for number in range(rounds)))

    assert count(1_000) == count(1_000) > 90 * (count(10) - count(0)) > 0


def test_the_reference_which_searches_rule_by_rule_would_fail() -> None:
    def of_permits(rules: int) -> int:
        work = Workload(SHAPES["per_resource"], rules)
        engine, call = Engine.from_text(work.text, compiled=False), parts(work.hot[0])
        return executed(lambda: engine.permits(*call, at=NOW))

    assert of_permits(300) > 10 * of_permits(10)
