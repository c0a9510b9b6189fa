"""Benches: rego-cpp, by regopy."""

from __future__ import annotations

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.plain import converter
from benches.peers.rego import PACKAGE, RULE, rego_of
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Kind, Policy


def build(policy: Policy) -> Decide:
    from regopy import Interpreter

    if Kind.DECIMAL in policy.attributes.values():
        raise CannotExpress("its numbers with a fraction are not exact: 0.1234567890123456789 equals 0.1234567890123456788")
    interpreter, convert = Interpreter(), converter(policy)
    if Kind.ADDRESS in policy.attributes.values() and not interpreter.is_builtin("net.cidr_contains"):
        raise CannotExpress("it has no `net.cidr_contains`, and takes a call of it as undefined")
    interpreter.add_module("benches.rego", rego_of(policy))
    entry = f"{PACKAGE}/{RULE}"
    bundle = interpreter.build(None, [entry])

    def decide(request: Request) -> bool:
        interpreter.set_input(convert(request))
        return bool(interpreter.query_bundle_entrypoint(bundle, entry).results[0].expressions[0])

    return decide


PEER = Peer(
    name="regopy",
    distribution="regopy",
    used="The policy is built once into a bundle. Times are whole microseconds. It looks at every rule.",
    build=build,
)
