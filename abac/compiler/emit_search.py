"""Floor 4, compiler: the fast path's search for the deciding rule, one function a policy.

A search gives the outcome that decides, or None. That of the whole policy goes on to what the caller asked for: a decision, or whether the
request is permitted, with obligations that the caller discharges. Names in generated code: `L1` an outcome, `D1` the decision by it where
that is always the same, `P1` whether a permit stands, `DISCHARGED` the obligations that the caller discharges.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from enum import Enum

from abac.compiler.carried import may_fail
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.emit_forest import ForestEmitter
from abac.compiler.functions import STANDARD, Function
from abac.compiler.graph import Block, Leaf, Nested, Row, Step, Test, blocks, leaves_of
from abac.compiler.lower import effects
from abac.compiler.outcomes import decided, decided_plain, decision
from abac.compiler.runtime import HORIZON, WITNESSES
from abac.compiler.shapes import ROW, Holes
from abac.compiler.syntax import assign, attribute, call, compare, const, item, junction, name, negation
from abac.language import checked as c
from abac.model.combining import Algorithm
from abac.model.decision import Effect
from abac.model.types import ListOf, SetOf, Type

_DEEPEST = 12


class Gives(Enum):
    """What a search comes to."""

    OUTCOME = "outcome"
    DECISION = "decision"
    VERDICT = "verdict"


class SearchEmitter:
    """Emits one function for each policy of the graph.

    Attributes:
        captures: the function that takes what decisions by a leaf are made of, by leaf, where that is not always the same.
        obligers: the function that tells the obligations of a permit, by leaf, where they depend on the request.
        gives: what the search of the whole policy comes to.
        identifiers: the functions of policies, by number; rows that refer to policies find them under `searches_name`.
        tests: tuples of functions that rows refer to by number.
    """

    def __init__(self, fast: FastEmitter, captures: Mapping[int, str], obligers: Mapping[int, str], gives: Gives) -> None:
        self.fast, self.captures, self.obligers, self.gives = fast, captures, obligers, gives
        self.identifiers: dict[int, str] = {}
        self.tests: dict[str, dict[int, str]] = {}
        self.searches_name = f"S{fast.mark}{'_plain' if fast.plain else ''}"

    def search(self, root: Block) -> str:
        """Emit everything; the name of the function that searches the whole policy."""
        for block in blocks(root):
            self._block(block, self.gives if block is root else Gives.OUTCOME)
        return self.identifiers[root.number]

    # ── what a search gives ────────────────────────────────────────────────────────────────────────────────

    def outcome(self, leaf: Leaf) -> ast.expr:
        """L1"""
        return name(f"L{leaf.number}")

    def _found(self, leaf: Leaf, gives: Gives) -> ast.stmt:
        """return L1"""
        match gives:
            case Gives.DECISION:
                return ast.Return(self._decision(leaf))
            case Gives.VERDICT:
                return ast.Return(self._verdict(leaf))
        return ast.Return(self.outcome(leaf))

    def _decision(self, leaf: Leaf) -> ast.expr:
        """D1, or what is made of the values that the request gives, and until when it holds"""
        horizon = item(name("memo"), HORIZON) if self.fast.timed else const(None)
        if leaf.number in self.captures:  # what is taken may note when it changes, so it stands before the horizon
            values = call(self.captures[leaf.number], *(name(p) for p in STANDARD), attribute(self.outcome(leaf), self._way("row")))
            return call(self.fast.slots.helper("decision", decision), self.outcome(leaf), values, horizon)
        return self._until(name(f"D{leaf.number}"), horizon)

    def _until(self, fixed: ast.expr, horizon: ast.expr) -> ast.expr:
        """D1 if memo[1] is None else D1.until(memo[1])"""
        if not self.fast.timed:
            return fixed
        return ast.IfExp(compare(horizon, ast.Is(), const(None)), fixed, call(attribute(fixed, "until"), horizon))

    def _verdict(self, leaf: Leaf) -> ast.expr:
        """P1, or whether the caller discharges what the permit obliges to"""
        if leaf.effect is not Effect.PERMIT:
            return const(False)
        if leaf.number not in self.obligers:
            return name(f"P{leaf.number}")
        owed = attribute(self.outcome(leaf), self._way("owed"))
        return call(attribute(name("DISCHARGED"), "issuperset"), call(self.obligers[leaf.number], *(name(p) for p in STANDARD), owed))

    def found_inside(self, found: str, inner: Block, gives: Gives) -> ast.stmt:
        """What a policy inside came to, which is something: return b2; of a verdict: return b2.stands"""
        match gives:
            case Gives.DECISION if any(leaf.number in self.captures for leaf in leaves_of(inner)):
                made = self.fast.slots.helper(*(("decided_plain", decided_plain) if self.fast.plain else ("decided", decided)))
                return ast.Return(call(made, name(found), *(name(p) for p in STANDARD)))
            case Gives.DECISION:
                return ast.Return(self._until(attribute(name(found), "decision"), item(name("memo"), HORIZON)))
            case Gives.VERDICT:
                return ast.Return(self._stands(found, inner))
        return ast.Return(name(found))

    def _stands(self, found: str, inner: Block) -> ast.expr:
        """b2.stands if b2.stands is not None else DISCHARGED.issuperset(b2.oblige(…, b2.owed))"""
        stands = attribute(name(found), "stands")
        if not any(leaf.number in self.obligers for leaf in leaves_of(inner)):
            return stands
        owed = attribute(name(found), self._way("owed"))
        imposed = call(attribute(name(found), self._way("oblige")), *(name(p) for p in STANDARD), owed)
        computed = call(attribute(name("DISCHARGED"), "issuperset"), imposed)
        return ast.IfExp(compare(stands, ast.IsNot(), const(None)), stands, computed)

    def nothing(self, gives: Gives) -> ast.stmt:
        """What there is if no rule applies."""
        match gives:
            case Gives.DECISION:
                horizon = item(name("memo"), HORIZON)
                return ast.Return(self._until(name("NOTHING_APPLIES"), horizon))
            case Gives.VERDICT:
                return ast.Return(const(False))
        return ast.Return(const(None))

    def _way(self, of: str) -> str:
        """The attribute of an outcome as this search reads requests: `oblige`, `owed_plain_timed`; what is captured is always timed."""
        plain = "_plain" if self.fast.plain else ""
        timed = "_timed" if of in ("oblige", "owed") and self.gives is Gives.DECISION else ""
        return f"{of}{plain}{timed}"

    # ── policies ───────────────────────────────────────────────────────────────────────────────────────────

    def _block(self, block: Block, gives: Gives) -> None:
        f = Function()
        identifier = self.identifiers[block.number] = self.fast.identifier("s")
        if block.applies is not None:
            f.body.append(ast.If(negation(self.fast.now(block.applies, f)), [self.nothing(gives)], []))
        if block.algorithm is Algorithm.ONLY_ONE_APPLICABLE:
            self._choose(block, f, gives)
        elif block.forest is not None:
            ForestEmitter(self, block, f, gives).emit()
        else:
            results: dict[int, str] = {}
            for step in block.strong:
                self._step(step, block, f, results, strong=True, gives=gives)
            for step in block.weak:
                self._step(step, block, f, results, strong=False, gives=gives)
        if block.default is not None:
            f.body.append(self._found(block.default, gives))
        elif not (f.body and isinstance(f.body[-1], ast.Return)):
            f.body.append(self.nothing(gives))
        policy = block.policy
        self.fast.add(identifier, STANDARD, f.body, f"policy {policy.name}: {policy.algorithm}, {policy.span.place}")

    def _choose(self, block: Block, f: Function, gives: Gives) -> None:
        """Only-one-applicable: every target is asked; what is not exactly one is for the exact path, or nothing."""
        applied: list[tuple[str, Block]] = []
        for step in block.strong:
            assert isinstance(step, Nested)
            variable = f.fresh("t")
            target = step.block.applies
            f.body.append(assign(variable, const(True) if target is None else self.fast.now(target, f)))
            applied.append((variable, step.block))
        if len(applied) > 1:
            several = self.fast.run("several", *(name(variable) for variable, _ in applied))
            f.body.append(ast.If(several, [ast.Expr(self.fast.hand_over())], []))
        for variable, inner in applied:
            found, asked = f.fresh("b"), call(self.identifiers[inner.number], *(name(p) for p in STANDARD))
            body: list[ast.stmt] = [ast.Return(asked)]
            if gives is not Gives.OUTCOME:
                there = compare(name(found), ast.IsNot(), const(None))
                body = [assign(found, asked), ast.If(there, [self.found_inside(found, inner, gives)], []), self.nothing(gives)]
            f.body.append(ast.If(name(variable), body, []))

    def _step(self, step: Step, block: Block, f: Function, results: dict[int, str], *, strong: bool, gives: Gives) -> None:
        match step:
            case Test():
                self._test(step, f, gives)
            case Nested(block=inner):
                self._nested(inner, block, f, results, strong=strong, gives=gives)

    def _nested(self, inner: Block, block: Block, f: Function, results: dict[int, str], *, strong: bool, gives: Gives) -> None:
        """A policy inside: asked once; a weak result waits for its place among the weak."""
        again = inner.number in results
        variable = results.setdefault(inner.number, f"b{inner.number}")
        if not again:
            f.body.append(assign(variable, call(self.identifiers[inner.number], *(name(p) for p in STANDARD))))
        found: ast.expr = compare(name(variable), ast.IsNot(), const(None))
        mixed = block.strong_effect is not None and len(effects(Nested(inner))) > 1
        if strong and mixed:
            wins = compare(attribute(name(variable), "effect"), ast.Is(), self.fast.slots.slot(block.strong_effect))
            won = self.found_inside(variable, inner, gives)
            f.body.append(ast.If(junction(ast.And(), [found, wins]), [won], []))
            self.stand(variable, block, f, inner)
            return
        f.body.append(ast.If(found, [self.found_inside(variable, inner, gives)], []))

    def stand(self, found: str, block: Block, f: Function, inner: Block | None = None) -> None:
        """A permit that has to wait must stand: were an obligation of it unknown, its policy might come to a deny."""
        if block.strong_effect is not Effect.DENY or not any(may_fail(leaf) for leaf in leaves_of(inner or block)):
            return
        oblige = attribute(name(found), self._way("oblige"))
        waits = junction(ast.And(), [compare(name(found), ast.IsNot(), const(None)), compare(oblige, ast.IsNot(), const(None))])
        f.body.append(ast.If(waits, [ast.Expr(call(oblige, *(name(p) for p in STANDARD), attribute(name(found), self._way("owed"))))], []))

    # ── rules ──────────────────────────────────────────────────────────────────────────────────────────────

    def _test(self, step: Test, f: Function, gives: Gives) -> None:
        self.rule(step, list(c.conjuncts(step.condition)), [self._found(step.leaf, gives)], f)

    def rule(self, step: Test, parts: Sequence[c.Expression], found: list[ast.stmt], f: Function) -> None:
        """The statements if what is left of the rule's condition holds."""
        before = len(f.body)
        if step.witness is not None:
            self._witness(step.witness, parts, const(step.leaf.number), found, f)
        else:
            self.nest(list(parts), found, f)
        if len(f.body) > before:
            self.fast.comments[id(f.body[before])] = f"{step.rule.effect} {step.rule.name}, {step.rule.span.place}"

    def nest(self, parts: list[c.Expression], found: list[ast.stmt], f: Function) -> None:
        """`if` inside `if`, so that what later conditions read is read only where earlier ones hold."""
        if all(isinstance(part, c.Constant) and part.value is True for part in parts):
            f.body += found
            return
        self._if([self.fast.now(parts[0], f)], parts[1:], found, f, 0)

    def _if(self, tests: list[ast.expr], rest: list[c.Expression], found: list[ast.stmt], f: Function, depth: int) -> None:
        inner = f.inside()
        while rest and not inner.body:
            inner.ahead = depth < _DEEPEST
            test = self.fast.truth(rest[0], inner)
            inner.ahead = False
            rest = rest[1:]
            if inner.body:
                self._if([test], rest, found, inner, depth + 1)
            else:
                tests.append(test)
        f.body.append(ast.If(junction(ast.And(), tests), inner.body or found, []))

    # ── tests that rows refer to ───────────────────────────────────────────────────────────────────────────

    def tests_of(self, block: Block) -> str:
        """The name of the tuple of a policy's tests."""
        identifier = f"T{block.number}{self.fast.mark}{'_plain' if self.fast.plain else ''}"
        self.tests.setdefault(identifier, {})
        return identifier

    def test(self, block: Block, number: int, row: Row, holes: Holes) -> None:
        """Emit the test with that number, for all rows of its shape, unless it is there: t1(subject, …, k) says whether the row holds."""
        tests = self.tests[self.tests_of(block)]
        if number in tests:
            return
        assert isinstance(row.step, Test)
        f, held = Function(), list[ast.stmt]([ast.Return(const(True))])
        self.fast.world.holes = holes
        if row.step.witness is None:
            self.nest(list(holes.expressions), held, f)
        else:
            holes.offset = 1
            self._witness(row.step.witness, holes.expressions[1:], item(name(ROW), 0), held, f)
        self.fast.world.holes = None
        tests[number] = self.fast.identifier("h")
        f.body.append(ast.Return(const(False)))
        self.fast.add(
            tests[number], (*STANDARD, ROW), f.body, f"such as {row.step.rule.effect} {row.step.rule.name}, {row.step.rule.span.place}"
        )

    def _witness(self, witness: c.Witness, parts: Sequence[c.Expression], leaf: ast.expr, found: list[ast.stmt], f: Function) -> None:
        """The first element for which the condition holds: for v1 in a1: if …: memo[2][17] = v1; return L1"""
        f.ahead = True
        collection = self.fast.collection(witness.collection, f)
        f.ahead = False
        inner = f.inside()
        inner.loops += 1
        if isinstance(witness.collection.type, SetOf):
            collection = self.fast.run("ordered", collection)
        checks, collection = self.fast.walked(witness.collection, parts, collection, f, inner)
        variable = inner.variables[witness.variable] = f.fresh("v")
        form: ast.expr = name(variable)
        if self.fast.walks_in_place(witness.collection, witness.variable, variable, f, inner):
            form = self.fast.as_form(c.Variable(witness.variable, type=_element(witness.collection), span=witness.collection.span), inner)
        keep = ast.Assign([ast.Subscript(item(name("memo"), WITNESSES), leaf, ast.Store())], form)
        self.nest(list(parts), [keep, *found], inner)
        f.body += [*checks, ast.For(ast.Name(variable, ast.Store()), collection, inner.body, [])]


def _element(collection: c.Expression) -> Type:
    assert isinstance(collection.type, ListOf | SetOf)
    return collection.type.element
