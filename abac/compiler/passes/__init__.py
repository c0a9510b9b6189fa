"""Floor 4, compiler: improvements of the graph, one file each; each is a pure function from graph to graph, in this order."""

from __future__ import annotations

from collections.abc import Callable

from abac.compiler.graph import Graph
from abac.compiler.passes.filing import file_steps
from abac.compiler.passes.share import share
from abac.compiler.passes.simplify import simplify

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (simplify, share, file_steps)
