"""Floor 4, compiler: what is cheap and can always be read stands before what is dear in a condition.

Sound because `and` does not depend on order: it is false where any part is, whatever is unknown about others, and is unknown for all that
is unknown about its parts. Only parts move that need no guard: each attribute they read is declared for everybody and not optional. A part
that stands behind a guard of presence or of kind therefore stays behind it.
"""

from __future__ import annotations

from dataclasses import replace

from abac.compiler.graph import Graph, rewritten
from abac.compiler.passes.share import is_simple
from abac.compiler.uses import fields_of, owners
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.schema import Schema


def order(graph: Graph) -> Graph:
    """The graph with the parts of every condition in order of cost, as far as guards allow."""
    schema = graph.package.schema
    root = rewritten(graph.root, lambda e: _ordered(e, schema), lambda step: replace(step, condition=_ordered(step.condition, schema)))
    return replace(graph, root=root)


def _ordered(e: c.Expression, schema: Schema) -> c.Expression:
    if not isinstance(e, c.Operation) or e.operator is not Operator.AND:
        return e
    parts = list(c.conjuncts(e))
    first = [is_simple(part) and is_total(part, schema) for part in parts]
    if first == sorted(first, reverse=True):
        return e
    moved = sorted(range(len(parts)), key=lambda i: not first[i])
    return replace(e, operands=tuple(parts[i] for i in moved))


def is_total(e: c.Expression, schema: Schema) -> bool:
    """Whether every attribute in it is there whatever the request is."""
    return all(_always_there(x, schema) for x in c.walk(e) if isinstance(x, c.Attribute))


def _always_there(e: c.Attribute, schema: Schema) -> bool:
    of = ("context",) if isinstance(e.target, c.Root) and e.target.name == "context" else owners(e.target.type)
    declared = [fields_of(schema, owner).get(e.name) for owner in of]
    return bool(declared) and all(each is not None and not each.optional for each in declared)
