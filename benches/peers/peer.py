"""Benches: what an adapter of another engine is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benches.synthetic.oracle import Request
from benches.synthetic.policy import Policy

Decide = Callable[[Request], bool]


class CannotExpress(Exception):
    """The engine has no words for a policy; the message says which."""


@dataclass(frozen=True, slots=True)
class Peer:
    """
    Attributes:
        distribution: what is installed.
        used: how, in a sentence: what is built once, what is done for each decision, whether rules are indexed.
        build: everything that is done once; imports the engine. It raises CannotExpress for what it cannot translate.
    """

    name: str
    distribution: str
    used: str
    build: Callable[[Policy], Decide]
