"""Floor 4, compiler: the fast path's search for the deciding rule, one function a policy, and what a decision by that rule carries."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from abac.compiler.emit_fast import TYPE, FastEmitter
from abac.compiler.functions import STANDARD, Function
from abac.compiler.graph import Block, Branch, Leaf, Nested, Step, Test, blocks, leaves_of
from abac.compiler.lower import effects
from abac.compiler.syntax import assign, attribute, call, compare, const, dict_of, item, junction, name, negation, tuple_of
from abac.language import checked as c
from abac.model.combining import Algorithm
from abac.model.decision import Duty, Effect
from abac.model.schema import DutyKind
from abac.model.text import show
from abac.model.values import Unknown

_DEEPEST = 12


class PolicyEmitter:
    """Emits one function for each policy of the graph."""

    def __init__(self, fast: FastEmitter, leaves: Mapping[int, object], witnesses: dict[int, int]) -> None:
        self.fast, self.leaves, self.witnesses = fast, leaves, witnesses
        self.identifiers: dict[int, str] = {}

    def search(self, root: Block) -> str:
        """Emit everything; the name of the function that searches the whole policy."""
        for block in blocks(root):
            self._block(block)
        return self.identifiers[root.number]

    def _leaf(self, leaf: Leaf) -> ast.expr:
        return self.fast.slots.helper(f"L{leaf.number}", self.leaves[leaf.number])

    # ── policies ───────────────────────────────────────────────────────────────────────────────────────────

    def _block(self, block: Block) -> None:
        f = Function()
        identifier = self.identifiers[block.number] = self.fast.identifier("s")
        if block.policy.applies is not None:
            self._unless(block.policy.applies, f)
        if block.algorithm is Algorithm.ONLY_ONE_APPLICABLE:
            self._choose(block, f)
        else:
            results: dict[int, str] = {}
            for step in block.strong:
                self._step(step, block, f, results, strong=True)
            for step in block.weak:
                self._step(step, block, f, results, strong=False)
        f.body.append(ast.Return(const(None) if block.default is None else self._leaf(block.default)))
        policy = block.policy
        self.fast.add(identifier, STANDARD, f.body, f"policy {policy.name}: {policy.algorithm}, {policy.span.place}")

    def _unless(self, applies: c.Expression, f: Function) -> None:
        """Not applicable unless the target holds."""
        f.ahead = True
        test = self.fast.truth(applies, f)
        f.ahead = False
        f.body.append(ast.If(negation(test), [ast.Return(const(None))], []))

    def _choose(self, block: Block, f: Function) -> None:
        """Only-one-applicable: every target is asked; what is not exactly one is for the exact path, or nothing."""
        applied: list[tuple[str, Block]] = []
        for step in block.strong:
            assert isinstance(step, Nested)
            variable = f.fresh("t")
            target = step.block.policy.applies
            f.ahead = True
            test = const(True) if target is None else self.fast.truth(target, f)
            f.ahead = False
            f.body.append(assign(variable, test))
            applied.append((variable, step.block))
        if len(applied) > 1:
            several = self.fast.run("several", *(name(variable) for variable, _ in applied))
            f.body.append(ast.If(several, [ast.Expr(self.fast.hand_over())], []))
        for variable, inner in applied:
            found = call(self.identifiers[inner.number], *(name(p) for p in STANDARD))
            f.body.append(ast.If(name(variable), [ast.Return(found)], []))

    def _step(self, step: Step, block: Block, f: Function, results: dict[int, str], *, strong: bool) -> None:
        match step:
            case Test():
                self._test(step, f)
            case Branch():
                self._branch(step, f)
            case Nested(block=inner):
                self._nested(inner, block, f, results, strong=strong)

    def _nested(self, inner: Block, block: Block, f: Function, results: dict[int, str], *, strong: bool) -> None:
        """A policy inside: asked once; a weak result waits for its place among the weak."""
        again = inner.number in results
        variable = results.setdefault(inner.number, f"b{inner.number}")
        if not again:
            f.body.append(assign(variable, call(self.identifiers[inner.number], *(name(p) for p in STANDARD))))
        found: ast.expr = compare(name(variable), ast.IsNot(), const(None))
        mixed = block.strong_effect is not None and len(effects(Nested(inner))) > 1
        if strong and mixed:
            wins = compare(attribute(name(variable), "effect"), ast.Is(), self.fast.slots.slot(block.strong_effect))
            f.body.append(ast.If(junction(ast.And(), [found, wins]), [ast.Return(name(variable))], []))
            if block.strong_effect is Effect.DENY and any(_may_fail(leaf) for leaf in leaves_of(inner)):
                self._stands(name(variable), f)
            return
        f.body.append(ast.If(found, [ast.Return(name(variable))], []))

    def _stands(self, found: ast.expr, f: Function) -> None:
        """A permit that has to wait must stand: were an obligation of it unknown, its policy might come to a deny."""
        oblige = attribute(found, "oblige_timed" if self.fast.timed else "oblige")
        waits = junction(ast.And(), [compare(found, ast.IsNot(), const(None)), compare(oblige, ast.IsNot(), const(None))])
        f.body.append(ast.If(waits, [ast.Expr(call(oblige, *(name(p) for p in STANDARD)))], []))

    # ── rules ──────────────────────────────────────────────────────────────────────────────────────────────

    def _test(self, step: Test, f: Function) -> None:
        rule = step.rule
        before = len(f.body)
        if rule.witness is not None:
            self._witness(step, rule.witness, f)
        elif isinstance(rule.condition, c.Constant) and rule.condition.value is True:
            f.body.append(ast.Return(self._leaf(step.leaf)))
        else:
            self._nest(list(c.conjuncts(rule.condition)), [ast.Return(self._leaf(step.leaf))], f)
        if len(f.body) > before:
            self.fast.comments[id(f.body[before])] = f"{rule.effect} {rule.name}, {rule.span.place}"

    def _nest(self, parts: list[c.Expression], found: list[ast.stmt], f: Function) -> None:
        """`if` inside `if`, so that what later conditions read is read only where earlier ones hold."""
        f.ahead = True
        test = self.fast.truth(parts[0], f)
        f.ahead = False
        self._if([test], parts[1:], found, f, 0)

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

    def _witness(self, step: Test, witness: c.Witness, f: Function) -> None:
        """The first element for which the condition holds: v1 = w1(subject, resource, context, memo, a1)."""
        f.ahead = True
        collection = self.fast.value(witness.collection, f)
        f.ahead = False
        identifier, variable, kept = self.fast.identifier("w"), "v1", f.fresh("v")
        inner = Function(variables={witness.variable: variable}, combinations="m")
        unknown = compare(call(self.fast.slots.helper("type", TYPE), name(variable)), ast.Is(), self.fast.slots.helper("Unknown", Unknown))
        inner.body.append(ast.If(unknown, [ast.Expr(self.fast.hand_over())], []))
        self._nest(list(c.conjuncts(step.rule.condition)), [ast.Return(name(variable))], inner)
        loop = ast.For(ast.Name(variable, ast.Store()), attribute(name("elements"), "elements"), inner.body, [])
        walked = self.fast.walked(const(1))
        comment = f"for some {witness.variable} of {step.rule.name}"
        self.fast.add(identifier, (*STANDARD, "elements"), [*walked, loop, ast.Return(const(None))], comment)
        f.body.append(assign(kept, call(identifier, *(name(p) for p in STANDARD), collection)))
        keep = ast.Assign([ast.Subscript(name("memo"), const(self.witnesses[step.leaf.number]), ast.Store())], name(kept))
        found = compare(name(kept), ast.IsNot(), const(None))
        f.body.append(ast.If(found, [keep, ast.Return(self._leaf(step.leaf))], []))

    def _branch(self, step: Branch, f: Function) -> None:
        """The rules filed under the attribute's value: t1 = k1.get(a1); if t1 is not None: …"""
        key = self._key(step.attribute, f)
        table: dict[object, ast.expr] = {}
        functions: dict[tuple[int, ...], str] = {}
        for value, tests in step.cases:
            numbers = tuple(test.leaf.number for test in tests)
            if numbers not in functions:
                functions[numbers] = self._case(tests, step.attribute)
            table[value] = name(functions[numbers])
        self.fast.dispatchers.append((self.fast.identifier("k"), table))
        asked = call(attribute(name(self.fast.dispatchers[-1][0]), "get"), key)
        variable, result = f.fresh("t"), f.fresh("b")
        f.body.append(assign(variable, asked))
        outcome = assign(result, call(name(variable), *(name(p) for p in STANDARD)))
        leave = ast.If(compare(name(result), ast.IsNot(), const(None)), [ast.Return(name(result))], [])
        f.body.append(ast.If(compare(name(variable), ast.IsNot(), const(None)), [outcome, leave], []))

    def _key(self, attribute_: c.Expression, f: Function) -> ast.expr:
        """The value to look up; an absent attribute is itself no key, an unknown one hands over."""
        if not isinstance(attribute_, c.Attribute):
            return self.fast.value(attribute_, f)
        f.ahead = True
        self.fast.presence(c.HasAttribute(attribute_.target, attribute_.name, type=attribute_.type, span=attribute_.span), f)
        f.ahead = False
        return name(f.read[(attribute_.target, attribute_.name)])

    def _case(self, tests: Sequence[Test], attribute_: c.Expression) -> str:
        f = Function()
        for test in tests:
            self._test(test, f)
        f.body.append(ast.Return(const(None)))
        identifier = self.fast.identifier("c")
        names = ", ".join(test.leaf.name for test in tests[:4])
        self.fast.add(identifier, STANDARD, f.body, f"filed: {names}{' …' if len(tests) > 4 else ''}")
        return identifier

    # ── what a decision carries ────────────────────────────────────────────────────────────────────────────

    def finish(self, leaf: Leaf) -> str | None:
        """A function that makes the decision's parts, or None if they are the same for every request.

        It returns the reason, the citations, obligations and advice.
        """
        if not dynamic(leaf):
            return None
        f = Function()
        if leaf.rule is not None and leaf.rule.witness is not None:
            f.variables[leaf.rule.witness.variable] = "v1"
            f.body.append(assign("v1", item(name("memo"), self.witnesses[leaf.number])))
        reason = self._reason(leaf, f)
        f.body.append(assign("reason", reason))
        f.body.append(assign("obligations", ast.List([], ast.Load())))
        f.body.append(assign("advice", ast.List([], ast.Load())))
        for clause, own in clauses(leaf):
            self._duty(clause, f if own else _without_witness(f))
        citations = [self._citation(e, f) for e in citations_of(leaf)]
        made = tuple_of([name("reason"), tuple_of(citations), name("obligations"), name("advice")])
        f.body.append(ast.Return(made))
        identifier = self.fast.identifier("f")
        self.fast.add(identifier, STANDARD, f.body, f"decision by {leaf.name}")
        return identifier

    def obliges(self, leaf: Leaf) -> str | None:
        """A function that gives the ids of a permit's obligations, or None if they are the same for every request.

        It makes sure that their arguments are known: a permit whose obligations cannot be computed is none.
        """
        if not _may_fail(leaf):
            return None
        f = Function()
        if leaf.rule is not None and leaf.rule.witness is not None:
            f.variables[leaf.rule.witness.variable] = "v1"
            f.body.append(assign("v1", item(name("memo"), self.witnesses[leaf.number])))
        f.body.append(assign("obligations", ast.List([], ast.Load())))
        for clause, own in clauses(leaf):
            if clause.kind is not DutyKind.OBLIGATION:
                continue
            here = f if own else _without_witness(f)
            self._guarded(clause, here, [*self._checks(clause, here), _append("obligations", const(clause.id))])
        f.body.append(ast.Return(name("obligations")))
        identifier = self.fast.identifier("o")
        self.fast.add(identifier, STANDARD, f.body, f"obligations of {leaf.name}")
        return identifier

    def _checks(self, clause: c.DutyClause, f: Function) -> list[ast.stmt]:
        """The arguments, evaluated only to see that they are known."""
        computed = (a for a in clause.arguments if not isinstance(a, c.Constant))
        return [ast.Expr(self.fast.run("known", self.fast.later(a, f))) for a in computed]

    def _reason(self, leaf: Leaf, f: Function) -> ast.expr:
        rule = leaf.rule
        if rule is None or rule.because is None:
            return const(fixed_reason(leaf))
        show_ = self.fast.slots.helper("show", show)
        parts: list[ast.expr] = []
        for part in rule.because.parts:
            parts.append(const(part) if isinstance(part, str) else call(show_, self._shown(part, f)))
        return call(attribute(const(""), "join"), tuple_of(parts))

    def _shown(self, e: c.Expression, f: Function) -> ast.expr:
        """A value as a reason shows it, where an absent attribute is no unknown."""
        if not isinstance(e, c.Attribute):
            return self.fast.later(e, f)
        target: ast.expr = name(e.target.name) if isinstance(e.target, c.Root) else self._shown(e.target, f)
        clock = isinstance(e.target, c.Root) and e.target.name == "context" and e.name == self.fast.clockwork.clock
        if clock:
            return self.fast.later(e, f)
        return self.fast.run("shown", target, const(e.name))

    def _citation(self, e: c.Expression, f: Function) -> ast.expr:
        return self.fast.run("cited", self.fast.later(e, f))

    def _duty(self, clause: c.DutyClause, f: Function) -> None:
        kind = "obligations" if clause.kind is DutyKind.OBLIGATION else "advice"
        duty = self.fast.slots.helper("Duty", Duty)
        known = [self.fast.run("known", self.fast.later(a, f)) for a in clause.arguments]
        made = call(duty, const(clause.id), dict_of(dict(zip(clause.parameters, known, strict=True))))
        self._guarded(clause, f, [_append(kind, made)])

    def _guarded(self, clause: c.DutyClause, f: Function, body: list[ast.stmt]) -> None:
        """The statements, under the clause's guard if it has one."""
        if clause.guard is None:
            f.body += body
            return
        f.ahead = True
        test = self.fast.truth(clause.guard, f)
        f.ahead = False
        f.body.append(ast.If(test, body, []))


def _append(kind: str, duty: ast.expr) -> ast.stmt:
    return ast.Expr(call(attribute(name(kind), "append"), duty))


def _computed(clause: c.DutyClause) -> bool:
    return clause.guard is not None or not all(isinstance(a, c.Constant) for a in clause.arguments)


def obligations_of(leaf: Leaf) -> list[c.DutyClause]:
    """The obligations of a leaf for its effect, the rule's own first."""
    return [clause for clause, _ in clauses(leaf) if clause.kind is DutyKind.OBLIGATION]


def _without_witness(f: Function) -> Function:
    """Duties of policies around a rule do not see its witness."""
    return Function(f.body, f.read, {}, "", False, f.count)


def clauses(leaf: Leaf) -> Iterator[tuple[c.DutyClause, bool]]:
    """The duty clauses of a leaf for its effect, the rule's own first, and whether each is the rule's own."""
    for duties, own in ((leaf.rule.duties if leaf.rule else (), True), *((p.duties, False) for p in leaf.around)):
        for clause in duties:
            if clause.effect in (None, str(leaf.effect)):
                yield clause, own


def _may_fail(leaf: Leaf) -> bool:
    """Whether it is a permit with an obligation that may not be computable."""
    return leaf.effect is Effect.PERMIT and any(_computed(clause) for clause in obligations_of(leaf))


def citations_of(leaf: Leaf) -> Iterator[c.Expression]:
    yield from leaf.rule.citations if leaf.rule else ()
    for policy in leaf.around:
        yield from policy.citations


def fixed_reason(leaf: Leaf) -> str:
    """The reason of a leaf without a template."""
    if leaf.rule is None:
        return f"no rule of {leaf.around[0].name} applies"
    return leaf.rule.title or f"{leaf.rule.effect}: {leaf.rule.name}"


def dynamic(leaf: Leaf) -> bool:
    """Whether something a decision by this leaf carries depends on the request."""
    rule = leaf.rule
    if rule is not None and rule.because is not None and any(not isinstance(part, str) for part in rule.because.parts):
        return True
    if any(_computed(clause) for clause, _ in clauses(leaf)):
        return True
    return not all(isinstance(e, c.Constant) for e in citations_of(leaf))
