"""Benches: Open Policy Agent in the same process, by opa-golib-python-bindings."""

from __future__ import annotations

from benches.peers.peer import Decide, Peer
from benches.peers.plain import converter, written_exactly
from benches.peers.rego import PACKAGE, RULE, rego_of
from benches.synthetic.policy import Policy


def build(policy: Policy) -> Decide:
    from opa_bindings import OpaEngine

    engine, convert = OpaEngine(), converter(policy, written_exactly)
    engine.add_policy("benches.rego", rego_of(policy))
    document = f"{PACKAGE}.{RULE}"
    return lambda request: bool(engine.eval_document(document, convert(request)))


PEER = Peer(
    name="OPA",
    distribution="opa-golib-python-bindings",
    used="OPA 1.20 in the same process, without HTTP; the policy is prepared once and kept. OPA files rules by what they compare with "
    "`==` and `in`. Times are whole microseconds. A quarter to a third of its processor time is spent in threads of its own.",
    build=build,
)
