"""Floor 4, compiler: a generated function while it is built: what it has read so far, and where reads may be put."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from abac.language import checked as c

STANDARD = ("subject", "action", "resource", "context", "memo")
"""The parameters of every function of the fast path: the request's parts, and what the decision keeps."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Where a caller's object stands that is read in place: how deep in the request at most, and inside how many lists."""

    depth: int
    lists: int


@dataclass(slots=True)
class Function:
    """One generated function while it is built.

    Attributes:
        body: its statements so far; where reads that certainly come next may be put.
        read: what was already computed on the way here, and the variable that holds each.
        variables: the policy's variables and their names here; raws: those of them that hold callers' objects, as they are.
        combinations: the variable that holds the product of the sizes of what is walked around; empty for one.
        walked: the greatest that product can be.
        ahead: whether the expression being emitted is certainly evaluated next, so that statements may stand before it.
        loops: how many loops this place is inside of; depth: how many statements.
    """

    body: list[ast.stmt] = field(default_factory=list)
    read: dict[object, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    combinations: str = ""
    walked: int = 1
    ahead: bool = False
    loops: int = 0
    depth: int = 0
    count: list[int] = field(default_factory=lambda: [0])
    raws: dict[str, Raw] = field(default_factory=dict)

    def fresh(self, letter: str) -> str:
        self.count[0] += 1
        return f"{letter}{self.count[0]}"

    def inside(self) -> Function:
        """The same place, a level deeper: what is read there is not known to be read here."""
        return Function(
            [], dict(self.read), dict(self.variables), self.combinations, self.walked, False, self.loops, self.depth + 1, self.count,
            dict(self.raws),
        )  # fmt: skip


def reads(e: c.Expression, name: str) -> tuple[c.Expression, str]:
    """Under what an attribute that was read is remembered."""
    return e, name
