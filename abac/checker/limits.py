"""Floor 3, checker: how large one expression may grow when its definitions are written out."""

from __future__ import annotations

from abac.checker.guards import Measure, Summaries
from abac.checker.reporter import Reporter
from abac.language import checked as c
from abac.model.limits import MAX_DEPTH, MAX_EXPANSION, MAX_QUANTIFIERS
from abac.model.source import Span


def measure(expression: c.Expression, summaries: Summaries) -> Measure:
    """Size and depth with definitions written out."""
    return Measure(*_measure(expression, summaries))


_LEAVES = frozenset({c.Constant, c.Root, c.Variable})


def _measure(expression: c.Expression, summaries: Summaries) -> tuple[int, int, int]:
    size, depth, quantifiers = 1, 0, 0
    for child in c.children(expression):
        if type(child) in _LEAVES:
            size, depth = size + 1, depth or 1
            continue
        more, deep, inside = _measure(child, summaries)
        size, depth, quantifiers = size + more, max(depth, deep), max(quantifiers, inside)
    if isinstance(expression, c.Invocation) and expression.definition in summaries:
        written_out = summaries[expression.definition].measure
        size, depth = size + written_out.size, max(depth, written_out.depth)
        quantifiers = max(quantifiers, written_out.quantifiers)
    return size, depth + 1, quantifiers + isinstance(expression, c.Quantified)


def within(found: Measure, span: Span, reporter: Reporter, around: int = 0) -> bool:
    """Whether the limits hold; complains if not. `around` quantifiers stand around what was measured."""
    if found.quantifiers + around > MAX_QUANTIFIERS:
        help = "the quantifiers of definitions count too"
        reporter.error("too-many-quantifiers", f"quantifiers stand more than {MAX_QUANTIFIERS} deep in one another", span, help=help)
    elif found.size > MAX_EXPANSION:
        help = "definitions count as often as they are used"
        reporter.error("too-large", f"written out, this has more than {MAX_EXPANSION} operations", span, help=help)
    elif found.depth > MAX_DEPTH:
        help = "definitions that use definitions count as if they stood here"
        reporter.error("nesting", f"written out, this is nested more than {MAX_DEPTH} deep", span, help=help)
    else:
        return True
    return False
