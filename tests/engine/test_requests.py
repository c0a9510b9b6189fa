"""Requests are read by the action's signature; lines of JSON one by one, a bad one without harm to the rest."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest

from abac.engine import requests
from abac.engine.requests import RequestLine, read_lines, read_request
from abac.model import types as t
from abac.model.request import InvalidRequest, Request
from abac.model.schema import Action, Context, Entity, Field, Schema
from abac.model.values import ABSENT, Cause, CauseKind, EntityValue, Unknown

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 7, 15, 12, tzinfo=UTC)
K = CauseKind


def entity(name: str) -> Entity:
    return Entity(name, "id", {"id": Field("id", t.STRING), "level": Field("level", t.INT)})


def schema(clock: str | None = "at", at: t.Type = t.INSTANT) -> Schema:
    return Schema(
        entities={name: entity(name) for name in ("Person", "Service", "Model")},
        context=Context({"at": Field("at", at), "place": Field("place", t.Optional(t.STRING))}, clock),
        actions={"read": Action("read", ("Person",), ("Model",)), "call": Action("call", ("Service", "Person"), ("Model",))},
    )


PERSON = {"id": "p", "level": 1}
MODEL = {"id": "m", "level": 2}
CONTEXT = {"at": "2026-07-15T12:00:00Z", "place": None}


def asked(
    subject: object = PERSON,
    action: object = "read",
    resource: object = MODEL,
    context: object = CONTEXT,
    now: Any = None,
    schema: Schema = schema(),  # noqa: B008  # never changed
) -> Request | InvalidRequest:
    return read_request(subject, action, resource, context, schema, {}, now)


def accepted(**parts: Any) -> Request:
    request = asked(**parts)
    assert isinstance(request, Request)
    return request


def unknown(*causes: tuple[str, CauseKind]) -> Unknown:
    return Unknown(frozenset(Cause(*cause) for cause in causes))


class Verb(StrEnum):
    READ = "read"


class Raising(Mapping[str, object]):
    def __getitem__(self, name: str) -> object:
        raise ZeroDivisionError

    def __iter__(self) -> Iterator[str]:
        raise ZeroDivisionError

    __len__ = __bool__ = __iter__  # type: ignore[assignment]


def test_a_good_request_is_read_whole() -> None:
    request = accepted()
    assert (request.subject.type, request.subject.key, request.subject.fields) == ("Person", "p", PERSON)
    assert (request.resource.type, request.resource.key, request.resource.path) == ("Model", "m", "resource")
    assert (request.action, request.context.fields, request.now) == ("read", {"at": NOON, "place": ABSENT}, NOON)


def test_a_bad_attribute_does_not_make_a_request_invalid() -> None:
    request = accepted(subject={"id": "p"}, resource={"id": "m", "level": "x"}, context={"place": 5})
    assert request.subject.fields["level"] == unknown(("subject.level", K.MISSING))
    assert request.resource.fields["level"] == unknown(("resource.level", K.MISTYPED))
    assert request.context.fields == {"at": unknown(("context.at", K.MISSING)), "place": unknown(("context.place", K.MISTYPED))}


@pytest.mark.parametrize(
    ("parts", "causes"),
    [
        ({"action": None}, [("action", K.MISSING)]),
        ({"action": "fly"}, [("action", K.MISTYPED)]),
        ({"action": ["read"]}, [("action", K.MISTYPED)]),
        ({"action": Raising()}, [("action", K.MISTYPED)]),
        ({"subject": None}, [("subject", K.MISSING)]),
        ({"subject": "p"}, [("subject", K.MISTYPED)]),
        ({"subject": [PERSON]}, [("subject", K.MISTYPED)]),
        ({"subject": {}}, [("subject.id", K.MISSING)]),
        ({"subject": {"id": None}}, [("subject.id", K.MISTYPED)]),
        ({"subject": {"id": 5}}, [("subject.id", K.MISTYPED)]),
        ({"subject": {"id": "\ud800"}}, [("subject.id", K.MISTYPED)]),
        ({"subject": Raising()}, [("subject.entity_type", K.MISTYPED)]),
        ({"subject": PERSON | {"entity_type": "Model"}}, [("subject.entity_type", K.MISTYPED)]),
        ({"action": "call"}, [("subject.entity_type", K.MISTYPED)]),
        ({"action": "call", "subject": PERSON | {"entity_type": "Model"}}, [("subject.entity_type", K.MISTYPED)]),
        ({"resource": None}, [("resource", K.MISSING)]),
        ({"resource": 5}, [("resource", K.MISTYPED)]),
        ({"resource": {"level": 1}}, [("resource.id", K.MISSING)]),
        ({"context": []}, [("context", K.MISTYPED)]),
        ({"context": "x"}, [("context", K.MISTYPED)]),
        ({"subject": 1, "resource": {}, "context": 1}, [("subject", K.MISTYPED), ("resource.id", K.MISSING), ("context", K.MISTYPED)]),
        ({"action": "fly", "subject": 1}, [("action", K.MISTYPED)]),
    ],
)
def test_what_the_signature_rules_out_is_invalid_with_every_cause(parts: dict[str, Any], causes: list[tuple[str, CauseKind]]) -> None:
    assert asked(**parts) == InvalidRequest(unknown(*causes))


def test_of_several_subjects_the_named_one_is_read() -> None:
    request = accepted(action="call", subject={"id": "s", "entity_type": "Service"})
    assert (request.subject.type, request.subject.key) == ("Service", "s")


def test_an_action_may_be_a_word_of_an_enum_and_is_copied() -> None:
    assert type(accepted(action=Verb.READ).action) is str


def test_no_context_is_an_empty_one() -> None:
    request = accepted(context=None)
    assert request.context.fields["place"] == unknown(("context.place", K.MISSING))
    assert request.now == unknown(("context.at", K.CLOCK))


def test_a_context_that_raises_has_unknown_attributes() -> None:
    assert accepted(context=Raising()).context.fields["place"] == unknown(("context.place", K.MISTYPED))


def test_an_entity_that_was_read_before_is_a_subject() -> None:
    before = accepted().subject
    again = accepted(subject=before).subject
    assert isinstance(again, EntityValue) and (again.key, again.fields) == (before.key, before.fields)


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_given_clock_is_now_whatever_the_context_says() -> None:
    later = NOON + dt.timedelta(hours=1)
    request = accepted(now=later.astimezone(dt.timezone(dt.timedelta(hours=2))))
    assert request.now == later
    assert isinstance(request.now, dt.datetime) and request.now.tzinfo is UTC


def test_a_given_unknown_clock_is_now_whatever_the_context_says() -> None:
    lost = unknown(("now", K.SOURCE_FAILED))
    assert accepted(now=lost).now == lost


@pytest.mark.parametrize("now", [dt.datetime(2026, 7, 15), dt.date(2026, 7, 15), "2026-07-15T12:00:00Z", 5, Raising()])
def test_a_given_clock_that_is_no_instant_is_unknown(now: object) -> None:
    request = accepted(now=now)
    assert request.now == unknown(("now", K.CLOCK))


@pytest.mark.parametrize("at", [{}, {"at": None}, {"at": "2026-07-15T12:00:00"}, {"at": dt.datetime(2026, 7, 15)}, {"at": 5}])
def test_a_context_without_a_good_clock_makes_now_unknown(at: dict[str, object]) -> None:
    request = accepted(context=at)
    assert request.now == unknown(("context.at", K.CLOCK))
    assert isinstance(request.context.fields["at"], Unknown)


def test_a_clock_known_to_be_absent_makes_now_unknown() -> None:
    request = accepted(context={"at": None}, schema=schema(at=t.Optional(t.INSTANT)))
    assert (request.now, request.context.fields["at"]) == (unknown(("context.at", K.CLOCK)), ABSENT)


def test_without_a_clock_attribute_only_a_given_clock_is_known() -> None:
    assert accepted(schema=schema(clock=None)).now == unknown(("now", K.CLOCK))
    request = accepted(schema=schema(clock=None), now=NOON + dt.timedelta(days=1))
    assert (request.now, request.context.fields["at"]) == (NOON + dt.timedelta(days=1), NOON)


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────


def lines(text: bytes) -> list[RequestLine]:
    return list(read_lines(io.BytesIO(text)))


def test_lines_are_read_in_order_and_blank_ones_left_out() -> None:
    found = lines(b'{"id": "a", "subject": {"id": 1.50}}\r\n\n  \t\n{"id": 7}\n{}')
    assert found == [
        RequestLine(1, "a", {"id": "a", "subject": {"id": Decimal("1.50")}}),
        RequestLine(4, 7, {"id": 7}),
        RequestLine(5, None, {}),
    ]


@pytest.mark.parametrize(
    ("text", "id_"), [(b"null", None), (b"true", True), (b"0.5", Decimal("0.5")), (b"[1]", None), (b"{}", None), (b'""', "")]
)
def test_an_id_is_echoed_if_it_is_a_scalar(text: bytes, id_: object) -> None:
    (line,) = lines(b'{"id": ' + text + b"}")
    assert (line.id, type(line.id), line.error) == (id_, type(id_), None)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (b"{x", "the line is not JSON: expecting property name enclosed in double quotes at offset 1"),
        (b'{"id": 1, "id": 2}', "the line is not JSON: a duplicate member at offset 10"),
        (b'{"a": NaN}', "the line is not JSON: a number that JSON does not know at offset 6"),
        (b'{"a": "\xff"}', "the line is not JSON: bytes that are not UTF-8 at offset 7"),
        (b"\xef\xbb\xbf{}", "the line is not JSON: a byte order mark at offset 0"),
        (b"[" * 100_000, "the line is not JSON: nesting beyond 64 levels at offset 64"),
        (b"[]", "the line is no JSON object"),
        (b"null", "the line is no JSON object"),
        (b'"{}"', "the line is no JSON object"),
    ],
)
def test_a_bad_line_is_an_error_and_the_rest_still_runs(bad: bytes, error: str) -> None:
    first, second, third = lines(b'{"id": 1}\n' + bad + b'\n{"id": 3}\n')
    assert second == RequestLine(2, None, {}, error)
    assert (first.id, first.error, third.number, third.id, third.error) == (1, None, 3, 3, None)


def test_a_line_beyond_the_limit_is_an_error_and_the_rest_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_LINE_BYTES", 10)
    at_limit = b'{"id": 1}\n'
    found = lines(at_limit + b'{"id": 22}\n' + b" " * 35 + b'{"id": 3}\n' + at_limit + b"x" * 21)
    assert [(line.number, line.id, line.error) for line in found] == [
        (1, 1, None),
        (2, None, "the line is longer than 10 bytes"),
        (3, None, "the line is longer than 10 bytes"),
        (4, 1, None),
        (5, None, "the line is longer than 10 bytes"),
    ]


def test_lines_are_read_one_at_a_time() -> None:
    class Endless:
        def readline(self, size: int = -1, /) -> bytes:
            return b"{}\n"

    found = read_lines(Endless())
    assert [next(found).number for _ in range(3)] == [1, 2, 3]
