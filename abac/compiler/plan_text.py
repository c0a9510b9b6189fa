"""Floor 4, compiler: the plan of a policy for people, aligned, and as JSON; and what of it is beyond a budget."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from abac.compiler.plan import ELEMENTS, Index, Plan, PolicyPlan, RulePlan, TreePlan

VERSION = 1
"""Of the form of the JSON: raised when a member goes or means something else, not when one comes."""
_MOST = 3
"""Values of an index that are shown."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a plan may come to at most; None is without bound.

    Attributes:
        wide: rules that nothing rules out before they are looked at.
        candidates: rules that one request looks at.
        cost: nanoseconds of a decision, by the model.
    """

    wide: int | None = None
    candidates: int | None = None
    cost: int | None = None

    def passed(self, plan: Plan) -> Iterator[str]:
        """What is beyond it, for people."""
        wide = plan.count("wide")
        if self.wide is not None and wide > self.wide:
            yield f"wide rules: {wide:,}, and at most {self.wide:,} are allowed"
        if self.candidates is not None and plan.candidates > self.candidates:
            yield f"rules that one request looks at: up to {plan.candidates:,}, and at most {self.candidates:,} are allowed"
        if self.cost is not None and round(plan.cost) > self.cost:
            yield f"estimated cost of a decision: up to {_ns(plan.cost)}, and at most {_ns(self.cost)} is allowed"


# ── as JSON ────────────────────────────────────────────────────────────────────────────────────────────────


def as_json(plan: Plan) -> str:
    """One object; costs are whole nanoseconds."""
    found = {"version": VERSION, "summary": _summary(plan), **asdict(plan)}
    for holder in (found, *found["policies"], *found["rules"]):
        holder["cost"] = round(holder["cost"])
    del found["candidates"], found["cost"]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _summary(plan: Plan) -> Mapping[str, object]:
    trees = [tree for policy in plan.policies for tree in policy.trees]
    return {
        "policies": len(plan.policies),
        "rules": len(plan.rules),
        "indexed": plan.count("indexed"),
        "wide": plan.count("wide"),
        "unreached": plan.count("unreached"),
        "trees": len(trees),
        "nodes": sum(tree.nodes for tree in trees),
        "entries": sum(tree.entries for tree in trees),
        "depth": max((rule.depth for rule in plan.rules), default=0),
        "fallbacks": sum(len(policy.fallbacks) for policy in plan.policies),
        "candidates": plan.candidates,
        "cost": round(plan.cost),
    }


# ── for people ─────────────────────────────────────────────────────────────────────────────────────────────


def render_plan(plan: Plan) -> str:
    """The summary, the policies with their trees, and a line a rule."""
    return "\n".join([*_summary_lines(plan), *_policy_lines(plan), *_rule_lines(plan)]) + "\n"


def _summary_lines(plan: Plan) -> Iterator[str]:
    told = _summary(plan)
    yield "summary"
    yield f"  rules      {_counted(told['rules'], 'rule')} in {_counted(told['policies'], 'policy', 'policies')}"
    yield f"  indexed    {told['indexed']:,}: looked at by those requests alone that have what they need"
    yield f"  wide       {told['wide']:,}: looked at by every request that no rule before them decides"
    if told["unreached"]:
        yield f"  unreached  {told['unreached']:,}: a rule before them decides wherever they could be found"
    size = f"{_counted(told['nodes'], 'node')}, {_counted(told['entries'], 'entry', 'entries')}, depth {told['depth']}"
    yield f"  trees      {told['trees']:,}: {size}" if told["trees"] else "  trees      none"
    yield f"  one request looks at {_counted(plan.candidates, 'rule')} at most, if its collections hold {ELEMENTS} elements at most"
    yield f"  estimated cost of such a decision: {_ns(plan.cost)}"
    yield from (f"  fallback   {policy.path}: {text}" for policy in plan.policies for text in policy.fallbacks)


def _policy_lines(plan: Plan) -> Iterator[str]:
    for policy in plan.policies:
        yield ""
        yield f"policy {policy.path}  {policy.algorithm}  {policy.place}"
        yield f"  {_counted(policy.rules, 'rule')} of its own; one request looks at {policy.candidates:,} at most, in and below it"
        yield f"  no trees: {policy.why}" if policy.why else "  trees"
        yield from _tree_lines(policy)


def _tree_lines(policy: PolicyPlan) -> Iterator[str]:
    def cells(tree: TreePlan) -> tuple[str, ...]:
        filed = _counted(tree.filed, "policy" if tree.holds == "policies" else "rule", tree.holds)
        size = f"{_counted(tree.nodes, 'node')}, {_counted(tree.entries, 'entry', 'entries')}"
        return f"{tree.number}.", f"by {', '.join(tree.keys)}", filed, size, f"finds {_counted(tree.candidates, 'rule')} at most"

    yield from _aligned([cells(tree) for tree in policy.trees])


def _rule_lines(plan: Plan) -> Iterator[str]:
    heading = ("rule", "place", "policy", "tree", "depth", "nodes", "cost", "looked at")
    lines = [heading, *map(_rule_cells, plan.rules)]
    yield ""
    yield from (line.removeprefix("  ") for line in _aligned(lines))


def _rule_cells(rule: RulePlan) -> tuple[str, ...]:
    tree = "" if rule.tree is None else str(rule.tree)
    return (f"{rule.effect} {rule.name}", rule.place, rule.policy, tree, str(rule.depth), str(rule.nodes), _ns(rule.cost), _looked_at(rule))


def _looked_at(rule: RulePlan) -> str:
    match rule.search:
        case "indexed":
            return f"indexed by {', '.join(map(index_text, rule.indexes))}"
        case "wide":
            return f"by every request (wide), because {rule.why}"
    return f"never, because {rule.why}"


def index_text(index: Index) -> str:
    """What must be so, close to how a policy says it."""
    told = [*index.values, *(_range(*each) for each in index.ranges)]
    shown = f"{', '.join(told[:_MOST])}{f' and {len(told) - _MOST} more' if len(told) > _MOST else ''}"
    of = f" (policy {index.policy.rpartition('/')[2]})" if index.policy else ""
    match index.kind:
        case "equal":
            return f"{index.key} {'=' if len(told) == 1 else 'one of'} {shown}{of}"
        case "meets":
            return f"{index.key} with {shown if len(told) == 1 else f'one of {shown}'}{of}"
    return f"{index.key} {shown}{of}"


def _range(start: str | None, end: str | None) -> str:
    return " ".join([*([f"from {start}"] if start is not None else []), *([f"until {end}"] if end is not None else [])])


def _aligned(lines: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their widest cell, but for the last."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "    " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _counted(number: object, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def _ns(cost: float) -> str:
    return f"{round(cost):,} ns"
