"""Explanations: why a decision is as it is, for the requester without secrets, for the officer with everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from abac import Engine
from abac.engine.explain import Explanation, Standing
from abac.engine.pipeline import Loaded
from abac.engine.requests import read_request
from abac.language import checked as c
from abac.model.json_text import dump_json, parse_json
from abac.model.request import Request
from abac.model.values import Unknown
from abac.reference.decide import applicability, condition
from abac.reference.evaluator import Evaluator
from abac.reference.logic import Truth, all_of
from tests.packs.pack_cases import Pack

NOON = dt.datetime(2026, 7, 15, 12, tzinfo=dt.timezone.utc)
PACKS = [Pack("export_control"), Pack("hospital"), Pack("saas")]

WORDS = """package desk
record Pass { number: String, level: Int, open: Bool }
entity Person key id {
  id: String, role: "chief" | "clerk", level: Int, team: String?, sensitive pay: Int, passes: List<Pass>, sensitive notes: List<String>
}
entity Visitor key id { id: String, host: String }
entity Paper key id { id: String, level: Int, kind: "memo" | "file" }
context { clock at: Instant, quiet: Bool }
action read, write: Person | Visitor -> Paper
obligation log(pay: Int)
advice ask(whom: String, pay: Int)
define grown(p: Person) = p.level > 1 and known(p)
define known(p: Person) = p has team and p.level < 9
"""


ANN = {"entity_type": "Person", "id": "ann", "role": "clerk", "level": 2, "team": "a", "pay": 4242, "passes": [], "notes": []}
MEMO = {"id": "memo", "level": 3, "kind": "memo"}


def explained(policy: str, subject: Mapping[str, object] = {}, action: str = "read", quiet: object = False) -> Explanation:
    engine = Engine.from_text(WORDS + policy, discharges={"log"})
    return engine.explain({**ANN, **subject}, action, MEMO, {"quiet": quiet}, at=NOON)


def rules(made: Explanation, standing: Standing) -> list[str]:
    return [rule.name for rule in made.standing(standing)]


def conditions(made: Explanation, name: str) -> list[tuple[str, str]]:
    (rule,) = (rule for rule in made.rules if rule.name == name)
    return [(each.word, each.text) for each in rule.conditions]


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_deciding_rule_stands_with_its_policies_place_and_conditions() -> None:
    made = explained("""policy top: first-applicable { policy inner: first-applicable {
  target resource.kind == "memo"
  permit cleared when subject is Person and subject.level >= 2
} }""")
    rule = made.deciding
    assert rule is not None
    assert (rule.name, rule.effect, rule.policy, rule.standing, rule.needs) == ("cleared", "permit", "top/inner", Standing.HELD, 3)
    assert rule.place.endswith(":16:10")
    assert conditions(made, "cleared") == [
        ("true", 'resource.kind == "memo"'),
        ("true", "subject is Person"),
        ("true", "subject.level >= 2"),
    ]
    assert dict(rule.conditions[2].values) == {"subject.level": 2}


def test_every_other_rule_that_held_is_told() -> None:
    made = explained("""policy top: first-applicable {
  permit first when resource.level == 3
  deny second when resource.kind == "memo"
  permit third when resource.kind == "file"
  deny rest otherwise
}""")
    assert made.decision.rule == "first"
    assert rules(made, Standing.HELD) == ["second", "rest"]
    assert conditions(made, "rest") == []


def test_a_rule_that_missed_by_one_condition_is_told_with_it_and_one_that_missed_by_two_is_not() -> None:
    made = explained("""policy top: deny-unless-permit {
  permit one when resource.level == 3 and resource.kind == "file"
  permit two when resource.level == 4 and resource.kind == "file"
  permit alone when resource.level == 5
  permit excepted when resource.level == 3 unless resource.kind == "memo"
}""")
    assert rules(made, Standing.MISSED) == ["one", "alone", "excepted"]
    assert conditions(made, "one") == [("false", 'resource.kind == "file"')]
    assert conditions(made, "excepted") == [("false", 'not (resource.kind == "memo")')]
    assert conditions(made, "two") == []


def test_conditions_are_counted_through_definitions() -> None:
    missed = """policy top: deny-unless-permit { permit grown_up when subject is Person and grown(subject) and resource.level == 3 }"""
    made = explained(missed, {"team": None})
    assert conditions(made, "grown_up") == [("false", "p has team")]
    assert next(rule.needs for rule in made.rules) == 5
    twice = explained(missed, {"team": None, "level": 9})
    assert rules(twice, Standing.MISSED) == []


def test_an_exception_that_is_a_disjunction_counts_each_of_its_parts() -> None:
    made = explained("""policy top: deny-unless-permit {
  permit either when resource.level == 3 unless (resource.kind == "memo" or action == "write")
}""")
    assert conditions(made, "either") == [("false", 'not (resource.kind == "memo")')]
    assert made.rules[0].needs == 3


def test_targets_of_the_policies_around_count_as_conditions() -> None:
    made = explained("""policy top: deny-unless-permit {
  target resource.level == 3
  policy files: first-applicable { target resource.kind == "file"  permit low when resource.level < 4 }
  policy later: first-applicable { effective from 2027-01-01T00:00:00Z  permit late when resource.level < 4 }
  policy both: first-applicable { target resource.kind == "file"  permit never when resource.level > 4 }
}""")
    assert rules(made, Standing.MISSED) == ["low", "late"]
    assert conditions(made, "low") == [("false", 'resource.kind == "file"')]
    assert conditions(made, "late") == [("false", "now in from 2027-01-01T00:00:00Z")]


# ── witnesses ────────────────────────────────────────────────────────────────────────────────────────────

PASSES = """policy top: deny-unless-permit {
  target subject is Person
  permit pass for some p in subject.passes when p.open and p.level >= 3 and p.number != ""
}"""


def some_pass(number: str, level: object, open: bool) -> dict[str, object]:
    return {"number": number, "level": level, "open": open}


def test_the_witness_is_the_first_element_that_the_rule_holds_for() -> None:
    made = explained(PASSES, {"passes": [some_pass("a", 1, True), some_pass("b", 4, True), some_pass("c", 5, True)]})
    assert made.deciding is not None
    assert made.deciding.witness == "subject.passes[1]"


def test_a_rule_that_missed_is_told_with_the_element_that_came_closest() -> None:
    made = explained(PASSES, {"passes": [some_pass("", 1, False), some_pass("b", 1, True), some_pass("", 5, True)]})
    (rule,) = made.standing(Standing.MISSED)
    assert (rule.witness, conditions(made, "pass")) == ("subject.passes[1]", [("false", "p.level >= 3")])
    assert dict(rule.conditions[0].values) == {"subject.passes[1].level": 1}
    assert rules(explained(PASSES), Standing.MISSED) == []


def test_an_undecided_element_is_nearer_than_one_that_missed() -> None:
    made = explained(PASSES, {"passes": [some_pass("a", 1, True), some_pass("b", "high", True)]})
    (rule,) = made.standing(Standing.UNDECIDED)
    assert rule.witness == "subject.passes[1]"
    assert [str(cause) for cause in made.unknown] == ["subject.passes[1].level is mistyped"]


def test_the_witness_of_a_permit_is_one_whose_obligations_can_be_computed() -> None:
    policy = """policy top: deny-unless-permit {
  target subject is Person
  permit pass for some p in subject.passes when p.open  oblige log(p.level)
}"""
    made = explained(policy, {"passes": [some_pass("a", "high", True), some_pass("b", 7, True)]})
    assert made.decision.permitted
    assert made.deciding is not None and made.deciding.witness == "subject.passes[1]"


def test_a_collection_that_is_unknown_leaves_the_rule_undecided() -> None:
    made = explained(PASSES.replace("p.open and", "resource.level == 9 and p.open and"), {"passes": "none"})
    assert rules(made, Standing.UNDECIDED) == ["pass"]
    assert conditions(made, "pass") == [("unknown", "subject.passes")]


# ── what was unknown and what was read ───────────────────────────────────────────────────────────────────

UNKNOWN = """policy top: first-applicable {
  deny quiet_hours when context.quiet and resource.kind == "file"
  permit cleared when subject is Person and subject.level >= 2 and subject.role == "clerk"
}"""


def test_what_was_unknown_is_told_with_path_and_cause_whether_it_mattered_or_not() -> None:
    made = explained(UNKNOWN, {"level": "high"}, quiet="no")
    assert [str(cause) for cause in made.decision.unknown] == ["subject.level is mistyped"]
    assert [str(cause) for cause in made.unknown] == ["context.quiet is mistyped", "subject.level is mistyped"]
    text = str(made)
    assert "  unknown     subject.level is mistyped\n" in text
    assert "  unknown, but of no consequence\n    context.quiet is mistyped\n" in text


def test_the_values_read_stand_by_path_and_those_not_read_do_not() -> None:
    made = explained(UNKNOWN)
    assert dict(made.values) == {"context.quiet": False, "resource.kind": "memo", "subject.level": 2, "subject.role": "clerk"}
    assert made.at == NOON


def test_attributes_of_another_type_of_subject_are_not_called_unknown() -> None:
    policy = """policy top: deny-unless-permit {
  permit guests when subject is Visitor and subject.host == "bob"
  permit staff when subject is Person and subject.level == 2
}"""
    made = explained(policy)
    assert (made.unknown, list(made.values)) == ((), ["subject.level"])


# ── requester and officer ────────────────────────────────────────────────────────────────────────────────

SECRETS = """policy top: first-applicable {
  deny paid_too_much
    when   subject is Person and subject.pay > 4000 and (some n in subject.notes: n == "watched")
    because "Not today."
    oblige log(subject.pay)
    advise ask("boss", subject.pay)
}"""


def test_sensitive_values_are_in_the_officers_part_alone() -> None:
    made = explained(SECRETS, {"notes": ["watched"]})
    parts = made.to_dict()
    assert parts["requester"] == {"effect": "deny", "code": "paid_too_much", "text": "Not today.", "advice": ["ask"]}
    above, below = str(made).split("\nFor the officer\n")
    for secret in ("4242", "watched", "subject.", "desk", "top"):
        assert secret not in above
        assert secret not in str(parts["requester"])
    for secret in ("4242", "watched"):
        assert secret in below
        assert secret.encode() in dump_json(parts["officer"])


@pytest.mark.parametrize(
    ("policy", "subject", "action", "text"),
    [
        ("permit-unless-deny { deny never when resource.level == 9 }", {}, "read", "Nothing forbids this."),
        ("deny-unless-permit { permit yes when resource.level == 9 }", {}, "read", "No rule permits this."),
        ("first-applicable { permit yes when resource.level == 9 }", {}, "read", "No rule applies to this."),
        ("first-applicable { deny never when subject is Person and subject.pay > 1 }", {"pay": "much"}, "read", "This cannot be decided."),
        (
            "permit-unless-deny { deny never when subject is Person and subject.pay > 1 because \"Too rich.\" }", {"pay": "much"}, "read",
            "This cannot be permitted: something that is needed to decide it is not known.",
        ),
        (
            "first-applicable { deny never when subject is Person and subject.pay > 1 even if unknown because \"Too rich.\" }",
            {"pay": "much"}, "read", "Too rich.",
        ),
        ("first-applicable { permit yes otherwise }", {}, "burn", "This is no valid request."),
    ],
    ids=["permit by default", "deny by default", "not applicable", "indeterminate", "counted as deny", "even if unknown", "invalid"],
)  # fmt: skip
def test_the_requester_is_told_a_reason_but_nothing_that_was_not_sent(
    policy: str, subject: dict[str, object], action: str, text: str
) -> None:
    made = explained(f"policy top: {policy}", subject, action)
    assert made.requester == text
    assert str(made).splitlines()[:2] == [f"{made.decision.effect.upper()}  {made.decision.code}", f"  {text}"]


def test_the_text_says_what_decided() -> None:
    def decided(policy: str, action: str = "read", subject: Mapping[str, object] = {}) -> str:
        return str(explained(policy, subject, action)).split("For the officer\n")[1].splitlines()[0]

    assert decided("policy top: deny-unless-permit { permit yes when resource.level == 3 }").startswith("  decided by  permit yes, ")
    assert decided("policy top: deny-unless-permit { permit yes when resource.level == 9 }") == "  decided by  the default of top"
    assert decided("policy top: first-applicable { permit yes otherwise }", "burn").startswith("  undecided   the request does not fit")
    unknown = "policy top: first-applicable { permit yes when subject is Person and subject.level == 2 }"
    assert decided(unknown, subject={"level": None}).startswith("  undecided   permit yes, ")
    two = """policy top: only-one-applicable {
  policy a: first-applicable { permit yes otherwise }
  policy b: first-applicable { deny never otherwise }
}"""
    assert decided(two) == "  undecided   more than one policy of top applies"


def test_an_empty_list_is_not_called_absent() -> None:
    policy = """policy top: deny-unless-permit {
  permit yes when subject is Person and subject.passes is empty and not subject has team
}"""
    assert "    subject.passes  (empty)\n    subject.team    (none)\n" in str(explained(policy, {"team": None}))


def test_citations_obligations_and_the_end_of_validity_are_told() -> None:
    made = explained("""policy top: first-applicable {
  effective 2026-01-01T00:00:00Z until 2027-01-01T00:00:00Z
  cite "Law 1"
  oblige log(7)
  permit yes otherwise
}""")
    text = str(made)
    for line in ("cited       Law 1", "obligation  log(pay: 7)", "decided at  2026-07-15T12:00:00Z", "valid until 2027-01-01T00:00:00Z"):
        assert f"\n  {line}\n" in text
    assert text.endswith(f"\n  policy      {made.decision.digest}")


# ── over the packs ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_explanations_are_for_machines_too_and_stable(pack: Pack) -> None:
    for case in pack.cases:
        parts = [case[name] for name in ("subject", "action", "resource", "context")]
        made, again = (pack.engine.explain(*parts) for _ in range(2))
        written = dump_json(made.to_dict())
        assert written == dump_json(again.to_dict())
        assert str(made) == str(again)
        read: Any = parse_json(written)
        decided = pack.decide(case).to_dict() | {"valid_until": read["decision"]["valid_until"]}  # a bound, which may be closer
        assert read["decision"] == parse_json(dump_json(decided)), case["id"]
        assert list(read["requester"]) == ["effect", "code", "text", "advice"]
        assert read["officer"]["citations"] == list(made.decision.citations)


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_rules_stand_as_the_reference_evaluates_them(pack: Pack) -> None:
    state = pack.engine.state
    for case in pack.cases:
        request = asked(state, case)
        if request is None:
            continue
        made = pack.engine.explain(*(case[name] for name in ("subject", "action", "resource", "context")))
        truths = dict(rule_truths(Evaluator(state.package, request), state.package.policy, []))
        assert {rule.name for rule in made.rules} == set(truths)
        for rule in made.rules:
            truth = truths[rule.name]
            expected = {True: {Standing.HELD}, False: {Standing.MISSED, Standing.NO}}
            wanted = {Standing.UNDECIDED} if isinstance(truth, Unknown) else expected[truth]
            assert rule.standing in wanted, (case["id"], rule.name)


def asked(state: Loaded, case: dict[str, Any]) -> Request | None:
    parts = (case["subject"], case["action"], case["resource"], case["context"])
    request = read_request(*parts, state.package.schema, state.package.tables, None)
    return request if isinstance(request, Request) else None


def rule_truths(evaluator: Evaluator, policy: c.Policy, targets: list[Truth]) -> list[tuple[str, Truth]]:
    """By the reference: whether all targets around a rule and its own condition hold."""
    targets = [*targets, applicability(evaluator, policy)]
    found: list[tuple[str, Truth]] = []
    for child in policy.children:
        if isinstance(child, c.Policy):
            found += rule_truths(evaluator, child, targets)
        else:
            found.append((child.name, all_of([*targets, condition(evaluator, child)[0]])))
    return found
