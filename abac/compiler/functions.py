"""Floor 4, compiler: a generated function while it is built: what it has read so far, and where reads may be put."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from abac.language import checked as c

PARTS = ("subject", "resource", "context")
STANDARD = (*PARTS, "memo")
"""The parameters of every function of the fast path: the attributes of the request's parts, and what the decision keeps."""


@dataclass(slots=True)
class Function:
    """One generated function while it is built.

    Attributes:
        body: its statements so far; where reads that certainly come next may be put.
        read: attributes already read and checked on the way here, by target and name, and the variable that holds each.
        variables: the policy's variables and their names here.
        ahead: whether the expression being emitted is certainly evaluated next, so that its reads may stand before it.
    """

    body: list[ast.stmt] = field(default_factory=list)
    read: dict[tuple[c.Expression, str], str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    combinations: str = ""
    ahead: bool = False
    count: list[int] = field(default_factory=lambda: [0])

    def fresh(self, letter: str) -> str:
        self.count[0] += 1
        return f"{letter}{self.count[0]}"

    def inside(self) -> Function:
        """The same place, a level deeper: what is read there is not known to be read here."""
        return Function([], dict(self.read), dict(self.variables), self.combinations, False, self.count)
