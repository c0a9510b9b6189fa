"""Floor 4, compiler: the exact path's Python for policies and rules: calls of `answers` with thunks."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from abac.compiler import answers
from abac.compiler.emit_exact import ExactEmitter, Names
from abac.compiler.syntax import call, const, function, name, thunk, tuple_of
from abac.language import checked as c

_ALWAYS = const(True)


class AnswerEmitter:
    """Emits one function for each rule and each policy."""

    def __init__(self, exact: ExactEmitter) -> None:
        self.exact = exact
        self.count = {"r": 0, "p": 0}

    def policy(self, policy: c.Policy) -> str:
        """The name of the function that evaluates a policy; those of its children stand before it."""
        children = [self.policy(child) if isinstance(child, c.Policy) else self._rule(child, policy) for child in policy.children]
        targets = [thunk(self._target(child)) for child in policy.children if isinstance(child, c.Policy)]
        made = self._run(
            "policy",
            name("memo"),
            self.exact.slots.slot(policy),
            thunk(self._target(policy)),
            tuple_of(targets),
            tuple_of(name(child) for child in children),
            thunk(self.exact.citations(policy.citations, {})),
            thunk(self._duties(policy.duties, "permit", {})),
            thunk(self._duties(policy.duties, "deny", {})),
        )
        return self._add("p", made, f"policy {policy.name}: {policy.algorithm}, {policy.span.place}")

    def _target(self, policy: c.Policy) -> ast.expr:
        return _ALWAYS if policy.applies is None else self.exact.value(policy.applies, {})

    def _rule(self, rule: c.Rule, policy: c.Policy) -> str:
        variable = self.exact.fresh("v")
        names: Names = {} if rule.witness is None else {rule.witness.variable: variable}
        collection: ast.expr = const(None)
        text = ""
        if rule.witness is not None:
            collection = thunk(self.exact.value(rule.witness.collection, {}))
            text = rule.witness.collection.span.text
        made = self._run(
            "rule",
            name("memo"),
            self.exact.slots.slot(rule),
            self.exact.slots.slot(policy),
            collection,
            const(text),
            thunk(self.exact.value(rule.condition, names), variable, "n"),
            thunk(self._held(rule, names), variable),
        )
        return self._add("r", made, f"{rule.effect} {rule.name}, {rule.span.place}")

    def _held(self, rule: c.Rule, names: Names) -> ast.expr:
        reason: ast.expr = const(None)
        if rule.because is not None:
            reason = thunk(self.exact.reason(rule.because, names))
        citations = thunk(self.exact.citations(rule.citations, names))
        duties = thunk(self._duties(rule.duties, rule.effect, names))
        return self._run("Held", reason, citations, duties)

    def _duties(self, clauses: Iterable[c.DutyClause], effect: str, names: Names) -> ast.expr:
        return self._run("duties", *(self._clause(clause, names) for clause in clauses if clause.effect in (None, effect)))

    def _clause(self, clause: c.DutyClause, names: Names) -> ast.expr:
        guard = _ALWAYS if clause.guard is None else self.exact.value(clause.guard, names)
        arguments = tuple_of(self.exact.value(a, names) for a in clause.arguments)
        kind, parameters = self.exact.slots.slot(clause.kind), tuple_of(const(p) for p in clause.parameters)
        return tuple_of([kind, const(clause.id), parameters, thunk(guard), thunk(arguments)])

    def _run(self, helper: str, *arguments: ast.expr) -> ast.expr:
        return call(self.exact.slots.helper(f"x_{helper}", getattr(answers, helper)), *arguments)

    def _add(self, letter: str, result: ast.expr, comment: str) -> str:
        """Every function takes the memo; quantifiers inside start with one combination."""
        self.count[letter] += 1
        identifier = f"x_{letter}{self.count[letter]}"
        body: list[ast.stmt] = [ast.Assign([ast.Name("n", ast.Store())], const(1)), ast.Return(result)]
        made = function(identifier, ("memo",), body)
        self.exact.comments[id(made)] = comment
        self.exact.functions.append(made)
        return identifier
