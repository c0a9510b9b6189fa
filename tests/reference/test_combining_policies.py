"""How rules and policies become one decision, which rule it names, and what it says was unknown."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from abac import Decision, Engine, PolicyErrors
from abac.model.combining import Algorithm
from tests.reference.asking import NOON, WHAT, WHO, causes, decide, ids, instant

# What a rule under `a`, `b` or `c` may come to: the effect written, and what its condition is.
KINDS = {"P": ("permit", True), "D": ("deny", True), "N": ("permit", False), "p": ("permit", None), "d": ("deny", None)}
LETTERS = {"permit": "P", "deny": "D", "not-applicable": "N", "indeterminate": "I"}
FLAGS = "a: Bool, b: Bool, c: Bool"


def combined(algorithm: str, children: str) -> Decision:
    """The decision of a policy whose rules are `a`, `b` and `c`, each of a kind."""
    rules: list[str] = []
    context: dict[str, object] = {}
    for name, kind in zip("abc", children, strict=False):
        effect, condition = KINDS[kind]
        rules.append(f'{effect} {name} when ~{name} code {effect}_{name} because "for {name}"')
        if condition is not None:
            context[name] = condition
    return decide(f"policy p: {algorithm} {{ {' '.join(rules)} }}", context, fields=FLAGS)


# Written out by hand: the row is the first rule, the column the second.
PAIRS = {
    "deny-overrides": """
         P D N p d
       P P D P P I
       D D D D D D
       N P D N I I
       p P D I I I
       d I D I I I""",
    "permit-overrides": """
         P D N p d
       P P P P P P
       D P D D I D
       N P D N I I
       p P I I I I
       d P D I I I""",
    "first-applicable": """
         P D N p d
       P P P P P P
       D D D D D D
       N P D N I I
       p I I I I I
       d I I I I I""",
    "deny-unless-permit": """
         P D N p d
       P P P P P P
       D P D D D D
       N P D D D D
       p P D D D D
       d P D D D D""",
    "permit-unless-deny": """
         P D N p d
       P P D P P D
       D D D D D D
       N P D P P D
       p P D P P D
       d D D D D D""",
}


def cells(table: str) -> dict[str, str]:
    header, *rows = (line.split() for line in table.strip().splitlines())
    return {row[0] + column: effect for row in rows for column, effect in zip(header, row[1:], strict=True)}


def test_the_tables_cover_every_algorithm_that_combines_rules() -> None:
    assert set(PAIRS) | {"only-one-applicable"} == set(Algorithm)


@pytest.mark.parametrize("algorithm", PAIRS)
def test_two_rules_combine_as_the_table_says(algorithm: str) -> None:
    table = cells(PAIRS[algorithm])
    assert {pair: LETTERS[combined(algorithm, pair).effect] for pair in table} == table


def deciding(algorithm: str, children: str, effect: str) -> str | None:
    """The first rule that holds with the effect; of what is undecided, or counted as a deny, the first that is undecided."""
    wanted = {"P": "P", "D": "D", "N": "", "I": "pd"}[effect]
    if algorithm == "permit-unless-deny" and effect == "D" and "D" not in children:
        wanted = "d"
    return next((name for name, kind in zip("abc", children, strict=False) if kind in wanted), None)


def reported(algorithm: str, children: str, effect: str) -> list[str]:
    """Where the unknowns are that made the outcome undecided, were counted as a deny, or prevented a permit."""
    undecided = {"I": "pd"}.get(effect, "")
    if (algorithm, effect) == ("deny-unless-permit", "D"):
        undecided = "p"
    if (algorithm, effect) == ("permit-unless-deny", "D") and "D" not in children:
        undecided = "d"
    found = [f"context.{name} is missing" for name, kind in zip("abc", children, strict=False) if kind in undecided]
    return found[:1] if algorithm == "first-applicable" else found


@pytest.mark.parametrize("algorithm", PAIRS)
@pytest.mark.parametrize("children", ["".join(each) for size in (1, 2, 3) for each in product(KINDS, repeat=size)])
def test_a_decision_names_its_rule_its_code_and_the_unknowns_that_mattered(algorithm: str, children: str) -> None:
    decision = combined(algorithm, children)
    effect = LETTERS[decision.effect]
    rule = deciding(algorithm, children, effect)
    assert (decision.rule, decision.policy, causes(decision)) == (rule, "p", reported(algorithm, children, effect))
    if rule is None:
        assert decision.code == "no_rule_applies" and decision.reason.startswith("no rule of p applies")
        return
    kind = children["abc".index(rule)]
    assert decision.code == f"{KINDS[kind][0]}_{rule}"
    assert decision.reason == (f"for {rule}" if kind in "PD" else f"cannot decide {rule}: {causes(decision)[0]}")


@pytest.mark.parametrize("children", ["dP", "Pd", "dPp", "pPd"])
def test_a_deny_that_cannot_be_decided_is_never_skipped(children: str) -> None:
    for algorithm in ("deny-overrides", "permit-unless-deny"):
        assert not combined(algorithm, children).permitted
    assert combined("first-applicable", children).permitted is children.startswith("P")


def test_logic_inside_a_condition_does_not_go_from_left_to_right() -> None:
    for expression in ("~a and ~b", "~b and ~a"):
        found = decide(f"policy p: first-applicable {{ deny x when {expression} permit y otherwise }}", {"b": False}, fields=FLAGS)
        assert (found.effect, found.rule, causes(found)) == ("permit", "y", [])


# ── defaults ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("algorithm", "effect"),
    [
        ("deny-overrides", "not-applicable"),
        ("permit-overrides", "not-applicable"),
        ("first-applicable", "not-applicable"),
        ("deny-unless-permit", "deny"),
        ("permit-unless-deny", "permit"),
    ],
)
def test_a_default_names_its_policy_and_no_rule(algorithm: str, effect: str) -> None:
    found = combined(algorithm, "NN")
    assert (found.effect, found.rule, found.policy, found.code) == (effect, None, "p", "no_rule_applies")
    assert found.reason == "no rule of p applies" and not found.unknown


def test_the_default_of_a_nested_policy_names_the_nested_policy() -> None:
    found = decide(
        "policy outer: deny-overrides { permit r when ~a policy inner: deny-unless-permit { permit s when ~b } }",
        {"a": True, "b": False}, fields=FLAGS,
    )  # fmt: skip
    assert (found.effect, found.rule, found.policy, found.code) == ("deny", None, "inner", "no_rule_applies")


def test_a_default_deny_says_what_prevented_a_permit() -> None:
    found = combined("deny-unless-permit", "Np")
    assert found.reason == "no rule of p applies: context.b is missing"


# ── nesting ──────────────────────────────────────────────────────────────────────────────────────────────

NESTED = """
policy outer: %s {
  policy first: deny-overrides { deny d1 when ~a permit p1 when ~b }
  policy second: permit-overrides { permit p2 when ~b deny d2 when ~c }
  permit p3 when ~c
}"""


@pytest.mark.parametrize(
    ("algorithm", "given", "effect", "rule", "policy"),
    [
        ("deny-overrides", {"a": True, "b": True, "c": True}, "deny", "d1", "first"),
        ("permit-overrides", {"a": True, "b": True, "c": True}, "permit", "p2", "second"),
        ("first-applicable", {"a": False, "b": False, "c": True}, "deny", "d2", "second"),
        ("permit-overrides", {"a": False, "b": False, "c": True}, "permit", "p3", "outer"),
        ("permit-overrides", {"a": True, "b": False, "c": False}, "deny", "d1", "first"),
        ("first-applicable", {"a": False, "b": False, "c": False}, "not-applicable", None, "outer"),
        ("first-applicable", {"b": True, "c": True}, "indeterminate", "d1", "first"),
        ("permit-overrides", {"b": True, "c": True}, "permit", "p2", "second"),
        ("permit-overrides", {"a": True, "b": False}, "indeterminate", "d2", "second"),
        ("deny-unless-permit", {"a": False, "b": False}, "deny", None, "outer"),
        ("permit-unless-deny", {"b": True, "c": False}, "deny", "d1", "first"),
    ],
)
def test_the_rule_is_the_first_whose_result_reached_the_top(
    algorithm: str, given: dict[str, object], effect: str, rule: str | None, policy: str
) -> None:
    found = decide(NESTED % algorithm, given, fields=FLAGS)
    assert (found.effect, found.rule, found.policy) == (effect, rule, policy)


def test_a_rule_that_held_but_was_overridden_inside_is_not_the_one_named() -> None:
    policy = "policy outer: deny-overrides { policy inner: permit-overrides { deny hidden when ~a permit shown when ~b } deny top when ~c }"
    assert decide(policy, {"a": True, "b": True, "c": False}, fields=FLAGS).rule == "shown"
    assert decide(policy, {"a": True, "b": True, "c": True}, fields=FLAGS).rule == "top"


def test_an_undecided_rule_that_changed_nothing_is_not_mentioned() -> None:
    policy = "policy outer: deny-overrides { policy inner: permit-overrides { deny lost when ~a permit won when ~b } permit top when ~c }"
    found = decide(policy, {"b": True, "c": True}, fields=FLAGS)
    assert (found.rule, causes(found)) == ("won", [])


def test_what_an_inner_search_could_not_decide_stops_the_outer_one() -> None:
    policy = "policy outer: permit-overrides { policy inner: first-applicable { permit lost when ~a } deny held when ~b }"
    found = decide(policy, {"b": True}, fields=FLAGS)
    assert (found.effect, found.rule) == ("indeterminate", "lost")


# Everything that may lend doubt: a target, a window's clock aside, an obligation on permit, a deny even if unknown.
DOUBTFUL = """
obligation pay(n: Int)
policy outer: %s {{
  policy guarded: {0} {{ target ~a oblige pay(1) on permit if ~c permit g when ~b deny h when ~c }}
  policy strict: {0} {{ deny s when ~a even if unknown permit t when ~c }}
  permit u when ~b oblige pay(1) if ~a
}}"""


@pytest.mark.parametrize("outer", PAIRS)
@pytest.mark.parametrize("inner", PAIRS)
def test_supplying_what_was_missing_never_takes_a_permit_away(outer: str, inner: str) -> None:
    letters = ["".join(each) for each in product("TFU", repeat=3)]
    for policy in (NESTED % outer, DOUBTFUL.format(inner) % outer):
        given = {each: {name: v == "T" for name, v in zip("abc", each, strict=True) if v != "U"} for each in letters}
        permitted = {each: decide(policy, dict(given[each]), fields=FLAGS).permitted for each in letters}
        for fuller, poorer in product(letters, repeat=2):
            if permitted[poorer] and all(p in ("U", f) for f, p in zip(fuller, poorer, strict=True)):
                assert permitted[fuller], (fuller, poorer)


# ── targets ──────────────────────────────────────────────────────────────────────────────────────────────

TARGET = 'policy outer: %s { policy inner: deny-overrides { target ~a %s r when ~b because "so be it" cite "12 CFR 3" } }'


@pytest.mark.parametrize(
    ("outer", "effect", "given", "expected"),
    [
        ("deny-overrides", "permit", {"a": True, "b": True}, "permit"),
        ("deny-overrides", "permit", {"a": False, "b": True}, "not-applicable"),
        ("deny-overrides", "permit", {"a": False}, "not-applicable"),
        ("deny-overrides", "permit", {"b": True}, "indeterminate"),
        ("deny-overrides", "permit", {"b": False}, "not-applicable"),
        ("deny-overrides", "deny", {"b": True}, "indeterminate"),
        ("deny-overrides", "deny", {"b": False}, "not-applicable"),
        ("permit-unless-deny", "deny", {"b": True}, "deny"),
        ("permit-unless-deny", "permit", {"b": True}, "permit"),
        ("permit-unless-deny", "deny", {"a": False}, "permit"),
        ("deny-unless-permit", "permit", {"b": True}, "deny"),
        ("first-applicable", "permit", {"b": True}, "indeterminate"),
    ],
)
def test_an_unknown_target_lends_its_doubt_to_what_is_inside(outer: str, effect: str, given: dict[str, object], expected: str) -> None:
    assert decide(TARGET % (outer, effect), given, fields=FLAGS).effect == expected


def test_doubt_keeps_the_rule_and_withholds_its_reason_and_duties() -> None:
    found = decide(TARGET % ("deny-overrides", "deny"), {"b": True}, fields=FLAGS)
    assert (found.rule, found.reason, found.citations) == ("r", "cannot decide r: context.a is missing", ())
    assert causes(found) == ["context.a is missing"]


def test_a_doubted_deny_that_counts_as_one_does_not_claim_that_its_reason_holds() -> None:
    found = decide(TARGET % ("permit-unless-deny", "deny"), {"b": True}, fields=FLAGS)
    assert (found.effect, found.rule, found.reason) == ("deny", "r", "cannot decide r: context.a is missing")
    assert causes(found) == ["context.a is missing"]


def test_a_doubted_deny_even_if_unknown_that_counts_as_one_does_not_claim_its_reason_either() -> None:
    inner = 'policy inner: deny-overrides { target ~a deny r when ~b even if unknown because "so be it" }'
    policy = f"policy outer: permit-unless-deny {{ {inner} }}"
    found = decide(policy, {}, fields=FLAGS)
    assert (found.effect, found.reason) == ("deny", "cannot decide r: context.a is missing")
    assert decide(policy, {"a": True}, fields=FLAGS).reason == "so be it"


def test_a_permit_that_cannot_be_discharged_and_counts_as_a_deny_does_not_say_that_it_permits() -> None:
    policy = """
    obligation pay(n: Int)
    policy outer: permit-unless-deny {
      policy inner: first-applicable { permit r when ~b because "welcome" cite "12 CFR 3" oblige pay(~n) }
    }"""
    found = decide(policy, {"b": True}, fields="b: Bool, n: Int")
    assert (found.effect, found.rule, found.reason) == ("deny", "r", "cannot decide r: context.n is missing")
    assert (found.citations, found.obligations) == ((), ())


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────────

WINDOW = "policy p: deny-overrides { %s effective 2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z permit r otherwise }"


@pytest.mark.parametrize(
    ("at", "effect"),
    [
        ("2026-06-30T23:59:59.999999Z", "not-applicable"),
        ("2026-07-01T00:00:00Z", "permit"),
        ("2026-07-31T23:59:59.999999Z", "permit"),
        ("2026-08-01T00:00:00Z", "not-applicable"),
    ],
)
def test_a_policy_applies_in_its_window_alone(at: str, effect: str) -> None:
    assert decide(WINDOW % "", at=instant(at)).effect == effect


def test_a_window_without_a_clock_is_unknown() -> None:
    found = decide(WINDOW % "", at=NOON.replace(tzinfo=None))
    assert (found.effect, causes(found)) == ("indeterminate", ["now: clock"])


def test_a_target_that_is_false_settles_a_window_that_is_unknown() -> None:
    assert decide(WINDOW % "target ~a", {"a": False}, fields=FLAGS, at=NOON.replace(tzinfo=None)).effect == "not-applicable"


# ── only one applicable ──────────────────────────────────────────────────────────────────────────────────


def only_one(*targets: str, inner: str = "permit {0} otherwise") -> str:
    policies = [f"policy p{n}: deny-overrides {{ {target} {inner.format(f'r{n}')} }}" for n, target in zip("abc", targets, strict=False)]
    return f"policy outer: only-one-applicable {{ {' '.join(policies)} }}"


THREE = only_one("target ~a", "target ~b", "target ~c")


@pytest.mark.parametrize("letters", ["".join(each) for each in product("TFU", repeat=3)])
def test_exactly_one_policy_must_surely_apply(letters: str) -> None:
    found = decide(THREE, {name: letter == "T" for name, letter in zip("abc", letters, strict=True) if letter != "U"}, fields=FLAGS)
    if letters.count("T") > 1:
        assert (found.effect, found.code, found.policy, found.rule) == ("indeterminate", "more_than_one_applies", "outer", None)
        assert found.reason == "more than one policy of outer applies"
    elif "U" in letters:
        lost = [f"context.{name} is missing" for name, letter in zip("abc", letters, strict=True) if letter == "U"]
        assert (found.effect, found.rule, causes(found)) == ("indeterminate", None, lost)
    elif "T" in letters:
        assert (found.effect, found.rule) == ("permit", f"r{'abc'[letters.index('T')]}")
    else:
        assert (found.effect, found.rule, found.code) == ("not-applicable", None, "no_rule_applies")


@pytest.mark.parametrize("order", list(permutations(["target ~a", "target ~b", "target ~c"])))
def test_two_that_apply_are_too_many_whatever_the_order(order: tuple[str, ...]) -> None:
    assert decide(only_one(*order), {"a": True, "b": True}, fields=FLAGS).code == "more_than_one_applies"


def test_a_policy_outside_its_window_is_not_the_one_that_applies() -> None:
    policy = only_one("target ~a effective from 2027-01-01T00:00:00Z", "target ~b")
    assert decide(policy, {"a": True, "b": True}, fields=FLAGS).rule == "rb"
    assert decide(policy, {"a": True, "b": True}, fields=FLAGS, at=instant("2027-01-01T00:00:00Z")).code == "more_than_one_applies"


def test_a_policy_applies_though_none_of_its_rules_does() -> None:
    policy = only_one("target ~a", "target ~b", inner="permit {0} when ~c")
    assert decide(policy, {"a": True, "b": True, "c": False}, fields=FLAGS).code == "more_than_one_applies"
    assert decide(policy, {"a": True, "b": False, "c": False}, fields=FLAGS).effect == "not-applicable"


def test_an_undecided_rule_in_the_one_that_applies_is_undecided() -> None:
    found = decide(only_one("target ~a", "target ~b", inner="deny {0} when ~c"), {"a": True, "b": False}, fields=FLAGS)
    assert (found.effect, found.rule, causes(found)) == ("indeterminate", "ra", ["context.c is missing"])


def test_what_only_one_cannot_decide_may_still_be_a_deny() -> None:
    policy = f"policy top: permit-overrides {{ {only_one('target ~a', 'target ~b')} deny no_ when ~c }}"
    assert decide(policy, {"a": True, "b": True, "c": True}, fields=FLAGS).effect == "indeterminate"
    policy = f"policy top: permit-unless-deny {{ {only_one('target ~a', 'target ~b')} permit yes when ~c }}"
    assert decide(policy, {"a": True, "b": True, "c": True}, fields=FLAGS).effect == "deny"


def test_only_one_applicable_takes_no_rules() -> None:
    with pytest.raises(PolicyErrors) as caught:
        decide("policy p: only-one-applicable { permit r when ~a }", fields=FLAGS)
    assert [each.code for each in caught.value.diagnostics] == ["rule-in-only-one"]


# ── even if unknown ──────────────────────────────────────────────────────────────────────────────────────

EVEN = """
advice ring()
policy p: %s { deny r when ~a even if unknown code stale because "not fresh" cite "12 CFR 3" advise ring() permit s when ~b }"""


@pytest.mark.parametrize("algorithm", PAIRS)
@pytest.mark.parametrize(("given", "is_denied"), [({"a": True}, True), ({}, True), ({"a": "x"}, True), ({"a": False}, False)])
def test_a_deny_even_if_unknown_denies_unless_its_condition_is_false(algorithm: str, given: dict[str, object], is_denied: bool) -> None:
    found = decide(EVEN % algorithm, given | {"b": False}, fields=FLAGS)
    assert (found.rule == "r") is is_denied
    if is_denied:
        assert (found.effect, found.code, found.reason) == ("deny", "stale", "not fresh")
        assert (found.citations, ids(found.advice)) == (("12 CFR 3",), ["ring"])


def test_a_deny_even_if_unknown_says_what_was_unknown() -> None:
    assert causes(decide(EVEN % "deny-overrides", {"b": True}, fields=FLAGS)) == ["context.a is missing"]
    assert causes(decide(EVEN % "deny-overrides", {"a": True, "b": True}, fields=FLAGS)) == []


def test_even_if_unknown_belongs_to_deny_rules() -> None:
    with pytest.raises(PolicyErrors) as caught:
        decide("policy p: deny-overrides { permit r when ~a even if unknown }", fields=FLAGS)
    assert "even-if-unknown-permit" in {each.code for each in caught.value.diagnostics}


# ── codes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_code_of_a_rule_is_its_name_unless_it_declares_another() -> None:
    policy = "policy p: deny-overrides { deny r when ~a deny s when ~b code other permit t when ~c }"
    assert decide(policy, {"a": True, "b": True, "c": True}, fields=FLAGS).code == "r"
    assert decide(policy, {"a": False, "b": True, "c": True}, fields=FLAGS).code == "other"
    assert decide(policy, {"a": False, "b": False, "c": True}, fields=FLAGS).code == "t"
    assert decide(policy, {"a": False, "b": False}, fields=FLAGS).code == "t"


def test_a_code_is_used_with_one_effect_only() -> None:
    with pytest.raises(PolicyErrors) as caught:
        decide("policy p: deny-overrides { deny r when ~a code x permit s when ~b code x }", fields=FLAGS)
    assert [each.code for each in caught.value.diagnostics] == ["code-with-two-effects"]
    decide("policy p: deny-overrides { deny r when ~a code x deny s when ~b code x permit no_rule_applies otherwise }", {}, fields=FLAGS)


@pytest.mark.parametrize("code", ["invalid_request", "no_rule_applies", "more_than_one_applies"])
def test_no_rule_may_declare_a_code_of_the_engine(code: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        decide(f"policy p: deny-overrides {{ deny r when ~a code {code} }}", fields=FLAGS)
    assert "reserved-name" in {each.code for each in caught.value.diagnostics}


# ── requests that no rule is asked about ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("subject", "action", "resource", "context", "lost"),
    [
        (WHO, "write", WHAT, {}, ["action is mistyped"]),
        (WHO, None, WHAT, {}, ["action is missing"]),
        (WHO, "READ", WHAT, {}, ["action is mistyped"]),
        (None, "read", WHAT, {}, ["subject is missing"]),
        ("alice", "read", WHAT, {}, ["subject is mistyped"]),
        ({}, "read", WHAT, {}, ["subject.id is missing"]),
        ({"id": 5}, "read", WHAT, {}, ["subject.id is mistyped"]),
        ({"id": "alice", "entity_type": "Paper"}, "read", WHAT, {}, ["subject.entity_type is mistyped"]),
        (WHO, "read", [WHAT], {}, ["resource is mistyped"]),
        (WHO, "read", WHAT, [], ["context is mistyped"]),
        (None, "read", {}, 5, ["context is mistyped", "resource.id is missing", "subject is missing"]),
    ],
)
def test_a_request_outside_the_signature_is_invalid_before_any_rule(
    subject: object, action: object, resource: object, context: object, lost: list[str]
) -> None:
    engine = Engine.from_text(
        "package asked\nentity Person key id { id: String }\nentity Paper key id { id: String }\naction read: Person -> Paper\n"
        'obligation log()\npolicy p: permit-unless-deny { oblige log() permit r when subject.id != "" }'
    )
    found = engine.decide(subject, action, resource, context)
    assert (found.effect, found.code, found.rule, found.policy) == ("indeterminate", "invalid_request", None, "p")
    assert (causes(found), found.obligations, found.valid_until) == (lost, (), None)
    assert found.reason == f"the request is not valid: {lost[0]}"


def test_a_bad_attribute_leaves_a_request_valid_for_the_rules_that_do_not_read_it() -> None:
    assert decide("policy p: first-applicable { permit r when ~a deny s when ~b }", {"a": True, "b": "bad"}, fields=FLAGS).permitted


def test_undeclared_members_are_ignored() -> None:
    assert decide("policy p: first-applicable { permit r when ~a }", {"a": True, "zzz": object()}, fields=FLAGS).permitted
