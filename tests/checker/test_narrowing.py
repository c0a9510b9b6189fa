"""A guard such as `subject is User` says what an entity of several types is, also where it is passed on, followed or compared."""

from __future__ import annotations

import pytest

from abac import Engine, PolicyErrors

SCHEMA = """package p
entity User key id { id: String, locked: Bool, team: String? }
entity Token key id { id: String, team: String?, made_from: Token? }
entity Page key id { id: String }
context {}
action read: User | Token -> Page
define locked(u: User) = u.locked
"""


def engine(when: str) -> Engine:
    return Engine.from_text(SCHEMA + f"policy p: deny-unless-permit {{ permit r when {when} }}")


USER = {"entity_type": "User", "id": "u", "locked": True, "team": "a"}
TOKEN = {"entity_type": "Token", "id": "t", "team": None, "made_from": {"id": "s", "team": None, "made_from": None}}


@pytest.mark.parametrize(
    ("when", "user", "token"),
    [
        ("subject is User and locked(subject)", True, False),
        ("subject is Token and count(chain subject by made_from) == 2", False, True),
        ('locked(if subject is User then subject else User::"nobody")', True, False),
        ("not subject is Token and locked(subject)", True, False),
        ('subject has team and subject is User and subject.team == "a"', True, False),
    ],
)
def test_a_guarded_entity_is_used_as_what_it_is(when: str, user: bool, token: bool) -> None:
    decide = engine(when).decide
    assert (decide(USER, "read", {"id": "x"}, {}).permitted, decide(TOKEN, "read", {"id": "x"}, {}).permitted) == (user, token)


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("locked(subject)", "type-mismatch"),
        ("(subject is User or true) and locked(subject)", "type-mismatch"),
        ("subject is Token and locked(subject)", "type-mismatch"),
        ("subject is Token and subject is User", "never-this-type"),
        ("count(chain subject by made_from) == 2", "unknown-attribute"),
    ],
)
def test_without_the_guard_it_is_an_error(when: str, code: str) -> None:
    with pytest.raises(PolicyErrors) as raised:
        engine(when)
    assert {d.code for d in raised.value.diagnostics} == {code}


def test_a_test_block_edits_an_attribute_that_one_of_the_types_has() -> None:
    text = SCHEMA + "policy p: deny-unless-permit { permit r when true }\n"
    with pytest.raises(PolicyErrors) as raised:
        Engine.from_text(text + 'test "t" { given "x" from "c.jsonl" set subject.lockd = true expect no permit }')
    assert {d.code for d in raised.value.diagnostics} == {"unknown-attribute"}
    Engine.from_text(text + 'test "t" { given "x" from "c.jsonl" set subject.locked = true expect no permit }')
