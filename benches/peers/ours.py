"""Benches: this engine, from the same plain dicts."""

from __future__ import annotations

from benches.peers.peer import Decide, Peer
from benches.synthetic.oracle import Request
from benches.synthetic.policy import Policy
from benches.synthetic.text import text_of


def build(policy: Policy) -> Decide:
    from abac import Engine
    from benches.synthetic.loaded import NOW

    permits = Engine.from_text(text_of(policy)).permits

    def decide(request: Request) -> bool:
        return permits(request["subject"], request["action"], request["resource"], request["context"], at=NOW)

    return decide


PEER = Peer(
    name="abac",
    distribution="abac",
    used="`Engine.from_text` once, `permits` on the plain dicts.",
    build=build,
)
