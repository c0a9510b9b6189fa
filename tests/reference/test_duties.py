"""Which obligations and advice a decision carries, and what becomes of those that cannot be computed."""

from __future__ import annotations

import pytest

from abac import Decision
from tests.reference.asking import causes, decide, ids

FIELDS = "a: Bool, b: Bool, n: Int, m: Int"
DECLARED = """
obligation log(), log.more(n: Int) as "log-more.v2", pay(n: Int, m: Int)
advice ring(), tell(n: Int), ask(n: Int)
"""


def asked(policy: str, **given: object) -> Decision:
    return decide(DECLARED + policy, given, fields=FIELDS)


# ── from inside out ──────────────────────────────────────────────────────────────────────────────────────

NESTED = """
policy outer: first-applicable {
  cite   "outer"
  oblige pay(1, 1) on deny
  oblige pay(2, 2) on permit
  advise tell(1)
  policy inner: deny-overrides {
    cite   "inner"
    oblige pay(3, 3)
    advise tell(2) on permit
    deny   d when ~a cite "d" oblige pay(4, 4) advise tell(3)
    deny   e when ~a cite "e" oblige pay(5, 5) advise tell(4)
    permit p when ~b cite "p" oblige pay(6, 6) advise tell(5)
  }
}"""


@pytest.mark.parametrize(
    ("given", "rule", "obligations", "advice", "citations"),
    [
        ({"a": True, "b": True}, "d", [4, 3, 1], [3, 1], ("d", "inner", "outer")),
        ({"a": False, "b": True}, "p", [6, 3, 2], [5, 2, 1], ("p", "inner", "outer")),
    ],
)
def test_duties_come_from_the_deciding_rule_and_then_from_inside_out(
    given: dict[str, object], rule: str, obligations: list[int], advice: list[int], citations: tuple[str, ...]
) -> None:
    found = asked(NESTED, **given)
    assert found.rule == rule
    assert [duty.arguments["n"] for duty in found.obligations] == obligations
    assert [duty.arguments["n"] for duty in found.advice] == advice
    assert found.citations == citations


@pytest.mark.parametrize("given", [{"a": False, "b": False}, {}, {"b": True}, {"a": False}])
def test_what_is_undecided_or_not_applicable_carries_no_duties(given: dict[str, object]) -> None:
    found = asked(NESTED, **given)
    assert found.effect in ("indeterminate", "not-applicable")
    assert (found.obligations, found.advice, found.citations) == ((), (), ())


def test_policies_beside_the_path_add_nothing() -> None:
    policy = """
    policy outer: deny-overrides {
      policy beside: deny-overrides { oblige log() advise ring() permit p when ~b }
      policy chosen: deny-overrides { deny d when ~a oblige pay(1, 2) }
    }"""
    found = asked(policy, a=True, b=True)
    assert (ids(found.obligations), ids(found.advice)) == (["pay"], [])


@pytest.mark.parametrize(("algorithm", "effect"), [("deny-unless-permit", "deny"), ("permit-unless-deny", "permit")])
def test_a_default_carries_the_duties_of_its_policy(algorithm: str, effect: str) -> None:
    policy = f"policy p: {algorithm} {{ oblige log() on {effect} oblige pay(1, 1) advise ring() permit r when ~a oblige pay(9, 9) }}"
    found = asked(policy, a=False)
    assert (found.effect, ids(found.obligations), ids(found.advice)) == (effect, ["log", "pay"], ["ring"])
    assert all(duty.arguments.get("n", 1) == 1 for duty in found.obligations)


def test_a_deny_that_was_counted_from_an_unknown_carries_its_duties() -> None:
    rules = "deny r when ~a oblige pay(1, 1) permit s when ~b"
    found = asked(f"policy p: permit-unless-deny {{ oblige log() on deny advise ring() on permit {rules} }}", b=True)
    assert (found.effect, ids(found.obligations), ids(found.advice)) == ("deny", ["pay", "log"], [])


def test_an_enforcement_point_sees_the_declared_id_and_named_arguments() -> None:
    found = asked("policy p: deny-overrides { deny r otherwise oblige log.more(~n), pay(~m, ~n) }", n=1, m=2)
    assert ids(found.obligations) == ["log-more.v2", "pay"]
    assert [duty.arguments for duty in found.obligations] == [{"n": 1}, {"n": 2, "m": 1}]


# ── guards ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("effect", ["permit", "deny"])
@pytest.mark.parametrize(
    ("guard", "given", "is_carried"),
    [("if ~a", {"a": True}, True), ("if ~a", {"a": False}, False), ("unless ~a", {"a": True}, False), ("unless ~a", {"a": False}, True)],
)
def test_a_guarded_duty_is_carried_where_its_guard_holds(effect: str, guard: str, given: dict[str, object], is_carried: bool) -> None:
    found = asked(f"policy p: deny-overrides {{ {effect} r otherwise oblige log() {guard} advise ring() {guard} }}", **given)
    assert (found.effect, ids(found.obligations), ids(found.advice)) == (effect, ["log"] * is_carried, ["ring"] * is_carried)
    assert not found.unknown


# What is unknown about one duty, and where: in its guard, or in its argument.
UNKNOWN = ["pay(~n, 1)", "pay(1, ~n)", "pay(~n + 1, ~m)", "log() if ~a", "log() unless ~a"]


@pytest.mark.parametrize("duty", UNKNOWN)
def test_a_deny_keeps_an_obligation_that_cannot_be_computed(duty: str) -> None:
    found = asked(f"policy p: deny-overrides {{ deny r otherwise oblige {duty} }}")
    (kept,) = found.obligations
    assert found.effect == "deny" and kept.id == duty.split("(")[0]
    assert found.unknown and set(causes(found)) <= {"context.n is missing", "context.m is missing", "context.a is missing"}


def test_the_unknown_arguments_of_a_kept_obligation_are_none() -> None:
    found = asked("policy p: deny-overrides { deny r otherwise oblige pay(~n, ~m) }", m=2)
    assert [duty.arguments for duty in found.obligations] == [{"n": None, "m": 2}]
    assert causes(found) == ["context.n is missing"]


@pytest.mark.parametrize("duty", UNKNOWN)
def test_a_permit_whose_obligation_cannot_be_computed_is_undecided(duty: str) -> None:
    found = asked(f"policy p: deny-overrides {{ permit r otherwise oblige {duty} }}")
    assert (found.effect, found.rule, found.code, found.obligations) == ("indeterminate", "r", "r", ())
    assert found.unknown and found.reason == f"cannot decide r: {causes(found)[0]}"


@pytest.mark.parametrize("duty", UNKNOWN)
@pytest.mark.parametrize("place", ["middle", "outer"])
def test_an_obligation_of_a_policy_around_the_permit_makes_it_undecided_too(duty: str, place: str) -> None:
    call, _, guard = duty.partition(") ")
    duties = {"middle": "", "outer": ""} | {place: f"oblige {call.rstrip(')')}) on permit {guard}"}
    policy = f"policy o: deny-overrides {{ {duties['outer']} policy m: deny-overrides {{ {duties['middle']} permit r otherwise }} }}"
    found = asked(policy)
    assert (found.effect, found.rule, found.code, found.obligations) == ("indeterminate", "r", "r", ())


@pytest.mark.parametrize("effect", ["permit", "deny"])
@pytest.mark.parametrize("duty", ["tell(~n)", "ring() if ~a", "tell(~n) if ~a"])
def test_advice_that_cannot_be_computed_is_dropped_and_listed(effect: str, duty: str) -> None:
    found = asked(f"policy p: deny-overrides {{ {effect} r otherwise advise {duty} advise ask(1) }}")
    assert (found.effect, found.rule, ids(found.advice)) == (effect, "r", ["ask"])
    assert found.unknown


def test_a_guard_that_is_false_settles_an_argument_that_is_unknown() -> None:
    found = asked("policy p: deny-overrides { permit r otherwise oblige pay(~n, 1) if ~a advise tell(~n) if ~a }", a=False)
    assert (found.effect, found.obligations, found.advice, found.unknown) == ("permit", (), (), ())


def test_an_obligation_on_the_other_effect_leaves_a_permit_alone() -> None:
    found = asked("policy p: deny-overrides { oblige pay(~n, 1) on deny permit r otherwise }")
    assert (found.effect, found.unknown) == ("permit", ())


def test_an_obligation_that_overflows_takes_the_permit_back() -> None:
    found = asked("policy p: deny-overrides { permit r otherwise oblige log.more(~n + 1) }", n=2**63 - 1)
    assert (found.effect, causes(found)) == ("indeterminate", ["context.n + 1: overflow"])


@pytest.mark.parametrize("place", ["rule", "middle", "outer"])
@pytest.mark.parametrize(("effect", "duty"), [("deny", "oblige log.more(~n)"), ("deny", "advise tell(~n)"), ("permit", "advise tell(~n)")])
def test_what_is_unknown_about_a_duty_is_listed_wherever_the_duty_stands(place: str, effect: str, duty: str) -> None:
    duties = {"rule": "", "middle": "", "outer": ""} | {place: duty}
    rule = f"{effect} r otherwise {duties['rule']}"
    found = asked(f"policy o: deny-overrides {{ {duties['outer']} policy m: deny-overrides {{ {duties['middle']} {rule} }} }}")
    assert (found.effect, ids(found.obligations), causes(found)) == (effect, ["log-more.v2"] * ("log" in duty), ["context.n is missing"])


@pytest.mark.parametrize("place", ["rule", "inner", "outer"])
def test_an_unknown_that_counts_as_a_deny_lists_what_is_unknown_about_its_duties_too(place: str) -> None:
    duties = {"rule": "", "inner": "", "outer": ""} | {place: "oblige log.more(~n)"}
    rule = f"deny r when ~a {duties['rule']}"
    found = asked(f"policy o: permit-unless-deny {{ {duties['outer']} policy m: deny-overrides {{ {duties['inner']} {rule} }} }}")
    assert (found.effect, [duty.arguments for duty in found.obligations]) == ("deny", [{"n": None}])
    assert causes(found) == ["context.a is missing", "context.n is missing"]


# ── the doubt arises where the duty stands ───────────────────────────────────────────────────────────────


def test_an_undischargeable_permit_is_a_possible_permit_before_the_parent_combines() -> None:
    one = "policy i: deny-overrides { permit r otherwise oblige log.more(~n) }"
    assert asked(f"policy o: deny-overrides {{ {one} permit s when ~b }}", b=True).rule == "s"
    assert asked(f"policy o: permit-overrides {{ {one} permit s when ~b }}", b=True).rule == "s"
    assert asked(f"policy o: deny-overrides {{ {one} deny s when ~b }}", b=True).effect == "deny"
    assert asked(f"policy o: permit-overrides {{ {one} deny s when ~b }}", b=True).effect == "indeterminate"
    assert asked(f"policy o: first-applicable {{ {one} permit s when ~b }}", b=True).effect == "indeterminate"


def test_an_undischargeable_permit_falls_back_to_a_default_deny_that_says_why() -> None:
    found = asked("policy o: deny-unless-permit { oblige log() permit r otherwise oblige log.more(~n) }")
    assert (found.effect, found.rule, found.code, ids(found.obligations)) == ("deny", None, "no_rule_applies", ["log"])
    assert causes(found) == ["context.n is missing"]


def test_duties_of_a_permit_that_became_doubtful_do_not_return_with_a_deny() -> None:
    policy = """
    policy o: permit-unless-deny {
      oblige log() on deny
      policy i: first-applicable { permit r otherwise oblige pay(~n, 1) advise ring() }
    }"""
    found = asked(policy)
    assert (found.effect, ids(found.obligations), ids(found.advice)) == ("deny", ["log"], [])


# ── citations ────────────────────────────────────────────────────────────────────────────────────────────


def test_citations_are_texts_and_lists_of_texts_in_order() -> None:
    policy = 'const LAWS = ["15 CFR 1", "15 CFR 2"]\npolicy p: deny-overrides { cite "last" deny r otherwise cite "first", LAWS, ~law }'
    found = decide(policy, {"law": "own"}, fields="law: String")
    assert found.citations == ("first", "15 CFR 1", "15 CFR 2", "own", "last")


def test_an_unknown_citation_changes_no_effect() -> None:
    found = decide("policy p: deny-overrides { permit r otherwise cite ~law }", {}, fields="law: String")
    assert (found.effect, found.citations, found.unknown) == ("permit", ("(unknown)",), ())
