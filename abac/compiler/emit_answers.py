"""Floor 4, compiler: the exact path's Python for rules and policies: their conditions, and what they carry. Shapes share functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from abac.compiler.carried import Carried, carried_by_policy, carried_by_rule
from abac.compiler.emit_exact import ExactEmitter
from abac.compiler.exact_index import ExactIndex
from abac.compiler.functions import STANDARD, Function
from abac.compiler.graph import Block, Nested, Step, Test
from abac.compiler.shapes import ROW, Holes, skeleton
from abac.compiler.syntax import assign, attribute, call, compare, const, name, tuple_of
from abac.language import checked as c
from abac.model.combining import Algorithm, Outcome
from abac.model.decision import Effect
from abac.model.schema import DutyKind
from abac.model.types import SetOf

Emit = Callable[[Function], None]


@dataclass(slots=True, eq=False)
class Code:
    """A generated function, which is known once the code is loaded, and the row that makes it this rule's."""

    name: str
    row: tuple[Any, ...]
    function: Any = None


@dataclass(slots=True, eq=False)
class ExactRule:
    """A rule of the exact path.

    Attributes:
        effect: what it comes to if it holds.
        may_fail: whether it is a permit with an obligation that may not be computable.
        test: whether it holds; of a rule with a witness, that and the witnesses.
        carry: takes the values of what it carries; None where nothing depends on the request.
    """

    rule: c.Rule
    policy: c.Policy
    effect: Outcome
    may_fail: bool
    has_witness: bool
    test: Code
    carried: Carried
    carry: Code | None


@dataclass(slots=True, eq=False)
class ExactPolicy:
    """A policy of the exact path. `applies` is None for always; children stand in source order; a short policy has no index."""

    policy: c.Policy
    algorithm: Algorithm
    applies: Code | None
    children: tuple[ExactRule | ExactPolicy, ...]
    carried: dict[Effect, tuple[Carried, Code | None]]
    index: ExactIndex | None


@dataclass
class AnswerEmitter:
    """Makes the exact path's rules and policies, and emits their functions."""

    exact: ExactEmitter
    known: dict[Any, tuple[str, Holes]] = field(default_factory=dict)
    made: list[Code] = field(default_factory=list)
    _policies: dict[int, ExactPolicy] = field(default_factory=dict)

    def policy(self, block: Block) -> ExactPolicy:
        """The policy of a block, and all inside it."""
        if block.number not in self._policies:
            applies = None if block.applies is None else self._condition(block.applies, f"target of {block.policy.name}")
            steps = _in_source_order(block)
            children = tuple(self._child(step, block.policy) for step in steps)
            carried = {effect: self._carried(carried_by_policy(block.policy, effect), None, block.policy.name) for effect in _EFFECTS}
            self._policies[block.number] = ExactPolicy(block.policy, block.algorithm, applies, children, carried, self._index(block, steps))
        return self._policies[block.number]

    def _index(self, block: Block, steps: list[Step]) -> ExactIndex | None:
        if block.forest is None:
            return None
        filed = {id(_whose(entry.row.step)): entry for entry in block.forest.entries}
        found = [(filed[id(_whose(step))], _in_doubt_as(step)) for step in steps]
        return ExactIndex(found, self.exact.world.forms, self.exact.world.clockwork().rate)

    def _child(self, step: Step, policy: c.Policy) -> ExactRule | ExactPolicy:
        match step:
            case Nested(block=inner):
                return self.policy(inner)
            case Test(condition=condition, witness=witness):
                rule, shown = step.rule, f"{step.rule.effect} {step.rule.name}, {step.rule.span.place}"
                test = self._condition(condition, shown) if witness is None else self._witnessed(condition, witness, shown)
                carried, carry = self._carried(carried_by_rule(rule), witness, rule.name)
                failing = rule.effect == "permit" and any(clause.kind is DutyKind.OBLIGATION for clause in carried.asked)
                return ExactRule(rule, policy, Outcome(rule.effect), failing, witness is not None, test, carried, carry)
        raise AssertionError("rules are filed by the fast path alone")

    # ── functions ──────────────────────────────────────────────────────────────────────────────────────────

    def _shared(
        self, letter: str, key: Any, expressions: Sequence[c.Expression], parameters: Sequence[str], emit: Emit, comment: str
    ) -> Code:
        """The function of a shape, emitted for the first that has it."""
        key = (letter, key, tuple(map(skeleton, expressions)))
        if key not in self.known:
            holes, f = Holes(expressions), Function()
            self.exact.world.holes = holes
            emit(f)
            self.exact.world.holes = None
            identifier = self.exact.identifier(letter)
            self.exact.add(identifier, (*STANDARD, ROW, *parameters), f.body, comment)
            self.known[key] = identifier, holes
        identifier, holes = self.known[key]
        made = Code(identifier, holes.row_of(expressions))
        self.made.append(made)
        return made

    def _condition(self, e: c.Expression, comment: str) -> Code:
        def emit(f: Function) -> None:
            f.body.append(ast.Return(self.exact.value(e, f)))

        return self._shared("r", "", (e,), (), emit, comment)

    def _witnessed(self, condition: c.Expression, witness: c.Witness, comment: str) -> Code:
        """
        if type(a1) is Unknown: return a1, ()
        found = []; t1 = False
        for v1 in a1: …; if b1 is True: found.append(v1) elif b1 is not False: t1 = b1 if t1 is False else union(t1, b1)
        return (True, found) if found else (t1, ())
        """

        def emit(f: Function) -> None:
            exact = self.exact
            walked = exact.kept(exact.value(witness.collection, f), f)
            f.body.append(ast.If(exact.unknown(walked), [ast.Return(tuple_of([walked, tuple_of(())]))], []))
            elements = exact.kept(exact.run("elements", walked), f)
            if isinstance(witness.collection.type, SetOf):
                elements = exact.kept(exact.run("ordered", elements), f)
            size = exact.kept(call(exact.slots.helper("len", len), elements), f, "m")
            beyond = exact.run("beyond", exact.text(witness.collection))
            f.body.append(ast.If(exact.too_many(size), [ast.Return(tuple_of([beyond, tuple_of(())]))], []))
            f.body.append(assign("found", ast.List([], ast.Load())))
            result = exact.kept(const(False), f, "t")
            inner = f.inside()
            inner.loops, inner.combinations = 1, size.id
            variable = inner.variables[witness.variable] = f.fresh("v")
            made = exact.kept(exact.value(condition, inner), inner, "b")
            keep: ast.stmt = ast.Expr(call(attribute(name("found"), "append"), name(variable)))
            pending = ast.If(compare(made, ast.IsNot(), const(False)), [assign(result.id, exact.either(result, made, const(False)))], [])
            inner.body.append(ast.If(compare(made, ast.Is(), const(True)), [keep], [pending]))
            f.body.append(ast.For(ast.Name(variable, ast.Store()), elements, inner.body, []))
            held = tuple_of([const(True), name("found")])
            f.body.append(ast.Return(ast.IfExp(name("found"), held, tuple_of([result, tuple_of(())]))))

        return self._shared("w", witness.variable, (witness.collection, condition), (), emit, comment)

    def _carried(self, carried: Carried, witness: c.Witness | None, whose: str) -> tuple[Carried, Code | None]:
        """return (a1, …, (True, a2), …)"""
        if carried.fixed:
            return carried, None
        guards = tuple(clause.guard for clause in carried.asked if clause.guard is not None)
        arguments = tuple(a for clause in carried.asked for a in clause.arguments)
        layout = tuple((clause.guard is not None, len(clause.arguments)) for clause in carried.asked)
        key = (len(carried.shown), len(carried.cited), layout, None if witness is None else witness.variable)

        def emit(f: Function) -> None:
            exact = self.exact
            if witness is not None:
                f.variables[witness.variable] = "v1"
                f.count[0] = 1
            parts = [exact.shown(e, f) for e in carried.shown] + [exact.value(e, f) for e in carried.cited]
            for clause in carried.asked:
                guard = const(True) if clause.guard is None else exact.value(clause.guard, f)
                parts.append(tuple_of([guard, *exact.values(clause.arguments, f)]))
            f.body.append(ast.Return(tuple_of(parts)))

        expressions = (*carried.shown, *carried.cited, *guards, *arguments)
        return carried, self._shared("f", key, expressions, ("v1",), emit, f"what {whose} carries")


_EFFECTS = (Effect.PERMIT, Effect.DENY)


def _in_source_order(block: Block) -> list[Step]:
    """The steps as the policy has them: a policy that is searched for both effects stands once."""
    steps = {id(_whose(step)): step for step in (*block.strong, *block.weak)}
    places = {id(child): place for place, child in enumerate(block.policy.children)}
    return [step for _, step in sorted(((places[whose], step) for whose, step in steps.items()), key=lambda pair: pair[0])]


def _in_doubt_as(step: Step) -> tuple[str, bool] | None:
    """What a rule counts as while its condition is unknown."""
    return (step.rule.effect, step.rule.even_if_unknown) if isinstance(step, Test) else None


def _whose(step: Step) -> c.Rule | c.Policy:
    match step:
        case Test():
            return step.rule
        case Nested(block=block):
            return block.policy
    raise AssertionError("rules are filed by the fast path alone")
