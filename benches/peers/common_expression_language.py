"""Benches: common-expression-language: CEL in Rust."""

from __future__ import annotations

from benches.peers.cel import cel_of
from benches.peers.peer import Decide, Peer
from benches.peers.plain import groups_above
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Policy


def build(policy: Policy) -> Decide:
    import cel

    denied, permitted = (cel.compile(cel_of(policy, permits)) for permits in (False, True))
    has_groups = bool(policy.groups)

    def decide(request: Request) -> bool:
        if has_groups:
            subject = {**request["subject"], "groups": groups_above(request["subject"])}
            del subject["parents"]
            request = {**request, "subject": subject}
        asked = cel.Context(variables=request)
        return denied.execute(asked) is False and permitted.execute(asked) is True

    return decide


PEER = Peer(
    name="common-expression-language",
    distribution="common-expression-language",
    used="Two expressions, what denies and what permits, compiled once; a request is made a context once. It looks at every rule until "
    "one holds.",
    build=build,
)
