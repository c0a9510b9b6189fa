"""Benches: the engines that are compared, this one first."""

from __future__ import annotations

from benches.peers import (
    casbin,
    cedar,
    cel_python,
    common_expression_language,
    opa,
    oso,
    ours,
    py_abac,
    rbacx,
    regopy,
    regorus,
    vakt,
)
from benches.peers.peer import Peer

OURS = ours.PEER
PEERS: dict[str, Peer] = {
    adapter.PEER.name: adapter.PEER
    for adapter in (
        ours,
        cedar,
        opa,
        regorus,
        common_expression_language,
        vakt,
        oso,
        casbin,
        regopy,
        cel_python,
        py_abac,
        rbacx,
    )
}
