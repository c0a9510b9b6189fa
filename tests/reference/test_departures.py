"""Where duties depart from XACML 3.0 section 7.18, and which witness a permit takes."""

from __future__ import annotations

from abac import Decision, Effect
from tests.reference.asking import causes, trusting

HEAD = """package asked
record Ticket { ok: Bool, price: Int }
entity Guest key id { id: String, barred: Bool, tickets: List<Ticket> }
context { fee: Int }
action enter: Guest -> Guest
obligation charge(price: Int), log(), report()
advice smile(), offer(price: Int)
"""


def decide(policy: str, fee: int | None = None, **subject: object) -> Decision:
    engine = trusting(HEAD + policy)
    return engine.decide({"id": "g", **subject}, "enter", {"id": "h"}, {} if fee is None else {"fee": fee})


def obliged(decision: Decision) -> list[tuple[str, dict[str, object]]]:
    return [(duty.id, dict(duty.arguments)) for duty in decision.obligations]


TWO = """policy door: deny-overrides {
  oblige log()
  policy first: deny-overrides  { oblige charge(1) deny barred when subject.barred oblige charge(2) }
  policy second: deny-overrides { oblige report()  deny poor when context.fee > 9 oblige charge(3) }
}"""


def test_only_the_deciding_rule_and_the_policies_around_it_give_duties() -> None:
    decision = decide(TWO, fee=10, barred=True)
    assert decision.rule == "barred"
    assert obliged(decision) == [("charge", {"price": 2}), ("charge", {"price": 1}), ("log", {})]


def test_what_is_inside_gives_its_duties_before_what_is_outside() -> None:
    assert obliged(decide(TWO, fee=10, barred=False)) == [("charge", {"price": 3}), ("report", {}), ("log", {})]


def test_a_deny_keeps_an_obligation_that_cannot_be_computed() -> None:
    decision = decide("policy door: deny-overrides { deny barred when subject.barred oblige charge(context.fee) }", barred=True)
    assert decision.effect is Effect.DENY
    assert obliged(decision) == [("charge", {"price": None})]
    assert causes(decision) == ["context.fee is missing"]


def test_a_permit_with_an_obligation_that_cannot_be_computed_is_indeterminate() -> None:
    decision = decide("policy door: deny-overrides { permit free unless subject.barred oblige charge(context.fee) }", barred=False)
    assert (decision.effect, decision.rule, decision.code) == (Effect.INDETERMINATE, "free", "free")
    assert obliged(decision) == []


def test_advice_that_cannot_be_computed_is_dropped_and_said_to_be() -> None:
    policy = "policy door: deny-overrides { permit free unless subject.barred advise offer(context.fee), smile() }"
    decision = decide(policy, barred=False)
    assert decision.effect is Effect.PERMIT
    assert [duty.id for duty in decision.advice] == ["smile"]
    assert causes(decision) == ["context.fee is missing"]


TICKET = """policy door: deny-overrides {{
  {effect} ticket for some t in subject.tickets when t.ok or context.fee == 0 because "{{t.price}}" oblige charge(t.price + 1)
}}"""
DEAR = {"ok": True, "price": 2**63 - 1}


def test_a_permit_takes_the_first_witness_whose_obligations_are_computable() -> None:
    decision = decide(TICKET.format(effect="permit"), fee=1, tickets=[None, DEAR, {"ok": True, "price": 5}])
    assert (decision.effect, decision.reason, obliged(decision)) == (Effect.PERMIT, "5", [("charge", {"price": 6})])


def test_a_permit_whose_every_witness_is_too_dear_is_indeterminate() -> None:
    decision = decide(TICKET.format(effect="permit"), fee=1, tickets=[None, DEAR])
    assert decision.effect is Effect.INDETERMINATE


def test_a_deny_takes_the_first_witness_whatever_its_obligations() -> None:
    decision = decide(TICKET.format(effect="deny"), fee=1, tickets=[None, DEAR, {"ok": True, "price": 5}])
    assert (decision.effect, decision.reason) == (Effect.DENY, str(2**63 - 1))


def test_an_unknown_element_is_never_chosen_before_a_known_one() -> None:
    decision = decide(TICKET.format(effect="deny"), fee=0, tickets=[None, {"ok": False, "price": 5}])
    assert (decision.reason, obliged(decision)) == ("5", [("charge", {"price": 6})])
