"""Small policies around one expression, so that a table can say what the expression means through the public surface alone.

In expressions and policies `~name` is short for `context.name`, so that tables stay narrow.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cache
from typing import Any

from abac import Decision, Engine
from abac.engine.requests import read_request
from abac.reference import evaluate

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 7, 15, 12, tzinfo=UTC)
WHO, WHAT = {"id": "alice"}, {"id": "doc"}

PEOPLE = """package asked
entity Person key id { id: String }
entity Paper key id { id: String }
action read: Person -> Paper
"""


@cache
def engine(text: str) -> Engine:
    """One engine a text: loading is the slow part of these tests."""
    return Engine.from_text(text)


@cache
def trusting(text: str) -> Engine:
    return Engine.from_text(text, trust_request_clock=True)


def causes(decision: Decision) -> list[str]:
    return [str(cause) for cause in decision.unknown]


def decide(
    policy: str, context: dict[str, object] | None = None, *, declare: str = "", fields: str = "", at: dt.datetime = NOON
) -> Decision:
    """The reference's decision of a policy on alice reading the paper. `fields` are those of the context, beside its clock `at`."""
    made = f"{PEOPLE}{declare}\ncontext {{ clock at: Instant, {fields} }}\n{policy.replace('~', 'context.')}"
    state = engine(made).state
    request = read_request(WHO, "read", WHAT, context, state.package.schema, state.package.tables, at)
    decision = evaluate(state.package, request, state.digest)
    decided = engine(made).decide(WHO, "read", WHAT, context, at=at)
    assert decided.until(None) == decision.until(None), "the engine says what the reference says"
    return decision


def truth(expression: str, fields: str = "", declare: str = "", at: dt.datetime = NOON, **context: object) -> bool | None:
    """What a Bool expression comes to: None if it is unknown."""
    policy = f"policy p: deny-overrides {{\n permit holds when {expression}\n deny fails unless {expression}\n}}"
    decision = decide(policy, context, declare=declare, fields=fields, at=at)
    answer = {"permit": True, "deny": False, "indeterminate": None}[decision.effect]
    assert bool(decision.unknown) is (answer is None), "an unknown has a cause, and nothing else has"
    return answer


def value(expression: str, type: str, fields: str = "", declare: str = "", at: dt.datetime = NOON, **context: object) -> Any:
    """The value of an expression; of an unknown one the list of its causes."""
    policy = f"obligation tell(what: {type})\npolicy p: deny-overrides {{ deny r otherwise oblige tell({expression}) }}"
    decision = decide(policy, context, declare=declare, fields=fields, at=at)
    (duty,) = decision.obligations
    assert (duty.arguments["what"] is None) is bool(decision.unknown), "an unknown has a cause, and nothing else has"
    return causes(decision) or duty.arguments["what"]


def until(expression: str, fields: str = "", at: dt.datetime = NOON, **context: object) -> dt.datetime | None:
    """How long a decision holds that asks the expression."""
    return decide(f"policy p: deny-overrides {{ permit holds when {expression} }}", context, fields=fields, at=at).valid_until


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def ids(duties: Iterable[Any]) -> list[str]:
    return [duty.id for duty in duties]
