"""Floor 3, checker: how large one expression may grow when its definitions are written out."""

from __future__ import annotations

from abac.checker.guards import Measure, Summaries
from abac.checker.reporter import Reporter
from abac.language import checked as c
from abac.model.limits import MAX_DEPTH, MAX_EXPANSION, MAX_QUANTIFIERS
from abac.model.source import Span


def measure(expression: c.Expression, summaries: Summaries) -> Measure:
    """Size and depth with definitions written out."""
    size, depth, quantifiers = 1, 0, 0
    inside = [measure(child, summaries) for child in c.children(expression)]
    if isinstance(expression, c.Invocation) and expression.definition in summaries:
        inside.append(summaries[expression.definition].measure)
    for each in inside:
        size, depth, quantifiers = size + each.size, max(depth, each.depth), max(quantifiers, each.quantifiers)
    return Measure(size, depth + 1, quantifiers + isinstance(expression, c.Quantified))


def within(found: Measure, span: Span, reporter: Reporter) -> bool:
    """Whether the limits hold; complains if not."""
    if found.quantifiers > MAX_QUANTIFIERS:
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
