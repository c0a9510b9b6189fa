"""Tests: draws policies and rules, with all their clauses."""

from __future__ import annotations

from dataclasses import dataclass

from abac.model import types as t
from abac.model.combining import Algorithm
from tests.generate.expressions import Expressions
from tests.generate.pools import INSTANTS
from tests.generate.scope import Scope

_OPEN_WINDOWS = ("from 2020-01-01T00:00:00Z", "2020-06-01T00:00:00+02:00 until 2026-06-15T12:00:00Z", "from 2026-03-29T01:00:00Z")
_MERGING = [a for a in Algorithm if a not in (Algorithm.FIRST_APPLICABLE, Algorithm.ONLY_ONE_APPLICABLE)]


@dataclass
class Policies:
    e: Expressions
    roots: Scope

    def policy(self, s: Scope, name: str, depth: int) -> list[str]:
        rng = self.e.rng
        algorithm = (
            rng.choice(tuple(Algorithm)) if depth < 3 else rng.choice([a for a in Algorithm if a is not Algorithm.ONLY_ONE_APPLICABLE])
        )
        if depth <= 1 and algorithm is Algorithm.ONLY_ONE_APPLICABLE:
            algorithm = rng.choice(_MERGING)
        lines = [f"policy {name}{self._title()}: {algorithm} {{"]
        if rng.random() < (0.25 if depth == 3 else 0.5):
            text, s = self.condition(s, 1)
            lines.append(f"  target {text}")
        if rng.random() < 0.12:
            lines.append(f"  effective {self._window()}")
        if rng.random() < 0.2:
            lines.append(f"  cite {self._citation(s)}")
        lines += [f"  {self._duty(s, None)}" for _ in range(rng.choice((0, 0, 1)))]
        children = rng.randint(2, 4)
        for i in range(children):
            if algorithm is Algorithm.ONLY_ONE_APPLICABLE or (depth > 1 and rng.random() < 0.35):
                lines += [f"  {line}" for line in self.policy(s, self.e.name("policy"), depth - 1)]
            else:
                lines += self.rule(s, algorithm, last=i == children - 1)
        return [*lines, "}"]

    def rule(self, s: Scope, algorithm: Algorithm, last: bool) -> list[str]:
        rng = self.e.rng
        effect = "permit" if rng.random() < self._permits(algorithm) else "deny"
        lines = [f"  {effect} {self.e.name('rule')}{self._title()}"]
        if last and rng.random() < 0.3:
            lines.append("    otherwise")
        else:
            found, s = self._stated(s, effect)
            lines += found
        if rng.random() < 0.3:
            lines.append(f"    code {effect}_{rng.choice('xyz')}")
        if rng.random() < 0.5:
            lines.append(f'    because "{self._reason(s)}"')
        if rng.random() < 0.15:
            lines.append(f"    cite {self._citation(s)}")
        lines += [f"    {self._duty(s, effect)}" for _ in range(rng.choice((0, 0, 1, 2)))]
        return lines

    def _permits(self, algorithm: Algorithm) -> float:
        return {Algorithm.DENY_OVERRIDES: 0.7, Algorithm.PERMIT_UNLESS_DENY: 0.35, Algorithm.PERMIT_OVERRIDES: 0.5}.get(algorithm, 0.55)

    def _title(self) -> str:
        return ' "A title"' if self.e.rng.random() < 0.1 else ""

    def _stated(self, s: Scope, effect: str) -> tuple[list[str], Scope]:
        """`for`, `when`, `unless`, `even if unknown`, and what is certain where they hold."""
        rng, lines = self.e.rng, []
        collection = self.e.collection(s, 0) if rng.random() < 0.35 else None
        if collection is not None:
            text, element = collection
            variable = self.e.name("w")
            lines.append(f"    for some {variable} in {text}")
            s = s.binding(self.e.schema, variable, element, loop=True)
            if rng.random() < 0.9:
                text, s = self._about(variable, s)
                lines.append(f"    when {text}")
        elif rng.random() < 0.75:
            text, s = self.condition(s, 2)
            lines.append(f"    when {text}")
        if len(lines) == 0 or rng.random() < 0.25:
            lines.append(f"    unless {self.e.truth(s, 1)}")
        if effect == "deny" and not lines[-1].startswith("    for") and rng.random() < 0.25:
            lines.append("    even if unknown")
        return lines, s

    def _about(self, variable: str, s: Scope) -> tuple[str, Scope]:
        """A condition on the witness."""
        mine = [g for g in s.guards() if g.startswith(f"{variable} has ")]
        if mine and self.e.rng.random() < 0.4:
            guard = self.e.rng.choice(mine)
            s = s.knowing(guard)
            return f"{guard} and {self.e.truth(s, 0)}", s
        paths = [p for p in s.all_readable() if p.text.split(".")[0] == variable]
        return self.e.test_of(paths, s) or self.e.truth(s, 1), s

    def condition(self, s: Scope, depth: int) -> tuple[str, Scope]:
        """A condition and what is certain where it holds."""
        guards = s.guards()
        if guards and self.e.rng.random() < 0.4:
            guard = self.e.rng.choice(guards)
            asked = self.e.guard(guard)
            if self.e.rng.random() < 0.15:
                return asked, s.knowing(guard)
            s = s.knowing(guard)
            return f"{asked} and {self.e.truth(s, depth)}", s
        return self.e.truth(s, depth), s

    def _window(self) -> str:
        rng = self.e.rng
        if rng.random() < 0.7:
            return rng.choice(_OPEN_WINDOWS)
        start, end = sorted(rng.sample(INSTANTS, 2))
        return f"{start} until {end}"

    def _citation(self, s: Scope) -> str:
        rng = self.e.rng
        paths = [p for key in (t.STRING, t.SetOf(t.STRING), t.ListOf(t.STRING)) for p in s.readable(key) if not p.sensitive]
        return rng.choice(paths).text if paths and rng.random() < 0.5 else '"15 CFR 1", "15 CFR 2"'

    def _reason(self, s: Scope) -> str:
        """Text with paths, which need no guards here."""
        rng = self.e.rng
        shown = [
            p.text
            for paths in s.paths.values()
            for p in paths
            if not p.sensitive and _showable(p.type) and not any(" is " in n for n in p.needs)
        ]
        return "So: " + ", ".join(f"{{{rng.choice(shown)}}}" for _ in range(rng.randint(0, 2))) + rng.choice(("", " {{}}"))

    def _duty(self, s: Scope, effect: str | None) -> str:
        rng = self.e.rng
        name = rng.choice(tuple(self.e.schema.duties))
        verb, _ = self.e.schema.duties[name]
        names = [n for n, (v, _) in self.e.schema.duties.items() if v == verb]
        guard, inner = "", s
        if rng.random() < 0.3:
            text, inner = self.condition(s, 0)
            guard = f" if {text}"
            if inner is s and rng.random() < 0.3:
                guard = f" unless {text}"
        calls = [
            f"{n}({', '.join(self._argument(p, inner) for p in self.e.schema.duties[n][1])})"
            for n in rng.choices(names, k=rng.choice((1, 1, 2)))
        ]
        on = f" on {effect or rng.choice(('permit', 'deny'))}" if rng.random() < (0.2 if effect else 0.6) else ""
        return f"{verb} {', '.join(dict.fromkeys(calls))}{on}{guard}"

    def _argument(self, type_: t.Type, s: Scope) -> str:
        """Often something computed of the witness, which may overflow."""
        rng = self.e.rng
        numbers = [p.text for p in s.readable(t.INT) if p.text.startswith("w")]
        if type_ == t.INT and rng.random() < 0.7:
            numbers = numbers or [p.text for p in s.readable(t.INT)]
            if numbers:
                return f"{rng.choice(numbers)} {rng.choice('+-*')} {rng.randint(1, 3)}"
        return self.e.value(type_, s, 1)


def _showable(type_: t.Type) -> bool:
    match type_:
        case t.SetOf(element=element) | t.ListOf(element=element):
            return not isinstance(element, t.SetOf | t.ListOf) and _showable(element)
    return not isinstance(type_, t.RecordOf | t.IntervalOf)
