"""Subjects, resources and contexts that were read once are decided on as they were, and only by the policy that read them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from abac import Effect, Engine
from abac.model import wire

TEXT = """package p
entity User key id { id: String, level: Int, team: String? }
entity Robot key id { id: String, level: Int }
entity Page key id { id: String, owner: String }
context { clock at: Instant, tags: Set<String> }
action read: User | Robot -> Page
policy p: deny-unless-permit {
  permit late when context.at >= 2026-06-01T00:00:00Z and context has at
  permit owner when subject.id == resource.owner and subject.level > 2 and "x" in context.tags
}
"""
USER = {"entity_type": "User", "id": "u", "level": 3, "team": None}
PAGE = {"id": "x", "owner": "u"}
CONTEXT = {"at": "2026-01-01T00:00:00Z", "tags": ["x"]}
EARLY, LATE = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), dt.datetime(2026, 7, 1, tzinfo=dt.timezone.utc)


@pytest.fixture(params=[True, False], ids=["compiled", "reference"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine.from_text(TEXT, compiled=request.param, trust_request_clock=True)


def test_what_was_read_once_is_decided_like_what_it_was_read_from(engine: Engine) -> None:
    for level in (3, 1, "3", None):
        raw = USER | {"level": level}
        read = engine.decide(engine.subject(raw), "read", engine.resource(PAGE), engine.context(CONTEXT))
        assert read == engine.decide(raw, "read", PAGE, CONTEXT)


def test_what_was_read_once_is_not_read_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: Any = engine.subject(USER), "read", engine.resource(PAGE), engine.context(CONTEXT)
    monkeypatch.setattr(wire, "members_of", lambda raw: pytest.fail("read again"))
    assert engine.permits(*parts)


def test_another_policy_reads_it_again(engine: Engine) -> None:
    other = Engine.from_text(TEXT.replace("level: Int", "level: String").replace("subject.level > 2", 'subject.level == "3"'))
    subject = engine.subject(USER)
    assert other.decide(subject, "read", PAGE, CONTEXT, at=EARLY).unknown[0].path == "subject.level"
    assert engine.permits(subject, "read", PAGE, CONTEXT)


def test_a_reloaded_policy_reads_it_again(engine: Engine) -> None:
    subject = engine.subject(USER)
    engine.reload()
    assert engine.permits(subject, "read", PAGE, CONTEXT)


def test_a_subject_is_no_resource(engine: Engine) -> None:
    assert engine.decide(USER, "read", engine.subject(USER), CONTEXT).code == "invalid_request"


def test_a_given_clock_counts_whatever_the_context_was_read_with(engine: Engine) -> None:
    context = engine.context(CONTEXT)
    assert engine.decide(USER | {"level": 0}, "read", PAGE, context, at=LATE).rule == "late"
    assert engine.decide(USER | {"level": 0}, "read", PAGE, context, at=EARLY).effect is Effect.DENY
    assert engine.decide(USER | {"level": 0}, "read", PAGE, {"tags": []}, at=LATE).rule == "late"


@pytest.mark.parametrize("raw", ["u", None, {}, {"id": "u"}, {"entity_type": "User"}, {"entity_type": "Cat", "id": "u"}, 7])
def test_what_is_no_subject_is_refused_when_it_is_made(engine: Engine, raw: object) -> None:
    with pytest.raises(ValueError, match="no subject: "):
        engine.subject(raw)


def test_what_is_no_context_is_refused_when_it_is_made(engine: Engine) -> None:
    with pytest.raises(ValueError, match="no context: context is mistyped"):
        engine.context("x")
