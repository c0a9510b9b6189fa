"""Benches: cel-python."""

from __future__ import annotations

from benches.peers.cel import cel_of
from benches.peers.peer import Decide, Peer
from benches.peers.plain import groups_above
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Policy


def build(policy: Policy) -> Decide:
    import celpy
    from celpy import celtypes

    environment = celpy.Environment(runner_class=celpy.CompiledRunner)
    denied, permitted = (environment.program(environment.compile(cel_of(policy, permits))) for permits in (False, True))
    to_cel = celpy.json_to_cel
    has_groups = bool(policy.groups)

    def decide(request: Request) -> bool:
        if has_groups:
            subject = {**request["subject"], "groups": groups_above(request["subject"])}
            del subject["parents"]
            request = {**request, "subject": subject}
        asked = {name: to_cel(part) for name, part in request.items()}
        held = denied.evaluate(asked)
        if type(held) is not celtypes.BoolType and type(held) is not bool:
            raise TypeError(f"no Bool: {held!r}")
        return not held and bool(permitted.evaluate(asked))

    return decide


PEER = Peer(
    name="cel-python",
    distribution="cel-python",
    used="Two expressions, what denies and what permits, compiled once with its compiling runner. It looks at every rule until one holds.",
    build=build,
)
