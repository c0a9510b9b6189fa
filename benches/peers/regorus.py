"""Benches: regorus, by gordon-to-regorus: Rego in Rust, compiled for its virtual machine."""

from __future__ import annotations

import json

from benches.peers.peer import CannotExpress, Decide, Peer
from benches.peers.plain import converter
from benches.peers.rego import PACKAGE, RULE, modules_of
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Kind, Policy


def build(policy: Policy) -> Decide:
    import regorus

    if Kind.DECIMAL in policy.attributes.values():
        raise CannotExpress("its numbers with a fraction are binary and not exact: 0.1 + 0.2 is not 0.3")
    rule = f"data.{PACKAGE}.{RULE}"
    modules = [(f"benches{number}.rego", text) for number, text in enumerate(modules_of(policy))]
    convert = converter(policy)
    try:
        program = regorus.Program.compile_from_modules("{}", modules, [rule])
    except RuntimeError as failure:
        if "max instructions" not in str(failure):
            raise
        engine = regorus.Engine()
        for name, text in modules:
            engine.add_policy(name, text)

        def interpret(request: Request) -> bool:
            engine.set_input_json(json.dumps(convert(request)))
            return bool(engine.eval_rule(rule))

        return interpret
    machine = regorus.Rvm()
    machine.load_program(program)

    def decide(request: Request) -> bool:
        machine.set_input_json(json.dumps(convert(request)))
        return bool(json.loads(machine.execute()))

    return decide


PEER = Peer(
    name="regorus",
    distribution="gordon-to-regorus",
    used="The policy is compiled once for its virtual machine; beyond the 65,535 instructions of that (some 4,000 rules) its interpreter "
    "decides. It looks at every rule. Times are whole microseconds.",
    build=build,
)
