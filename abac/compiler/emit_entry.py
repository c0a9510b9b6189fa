"""Floor 4, compiler: the Python that requests come in by: it takes forms and plain dicts to the search made for them, all else to the edge.

What it may take is told by exact class, action and key; whatever else there is about a request, reading it tells.
"""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from abac.compiler import runtime
from abac.compiler.quick import passes, quick_test
from abac.compiler.runtime import FIRST_SLOT
from abac.compiler.syntax import assign, attribute, call, compare, const, copied, function, junction, name, negation, tuple_of
from abac.compiler.world import World
from abac.model.schema import Action

PARAMETERS = ("subject", "action", "resource", "context", "at")
SEARCHED = ("subject", "action", "resource", "context", "memo")
_PARTS = ("subject", "resource", "context")
_TYPE = type
Slow = Callable[[], ast.stmt]
"""Makes the statement that leaves a request to the edge."""

_MOST_INLINED = 2_000
"""Nodes of a search up to which it stands in the way in itself: a call costs as much as three conditions."""


@dataclass(frozen=True, slots=True)
class Searches:
    """Names of the functions that search: of forms, and of plain dicts where there is one."""

    forms: str
    plain: str | None


@dataclass
class EntryEmitter:
    """Emits the functions `permits` and `decide`.

    Attributes:
        memo: how many places a memo has; 0 where nobody needs one.
        trusting: whether the clock is the context's own.
    """

    world: World
    memo: int
    trusting: bool
    functions: list[ast.FunctionDef] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)

    def emit(self, identifier: str, searches: Searches, bodies: Sequence[list[ast.stmt]], plain: frozenset[str]) -> None:
        """
        def permits(subject, action, resource, context, at):
            if type(subject) is S1 and type(resource) is S2 and type(context) is S3 and type(action) is str and action in K1:
                try: …
                except UNREAD: return exact_permits(subject._exact, …)
            if type(subject) is dict and … and type(subject.get('id')) is str and …:
                try: …
            if context is None: return permits(subject, action, resource, EMPTY, at)
            return slow_permits(subject, action, resource, context, at)

        Args:
            bodies: the statements of the searches.
            plain: the parts that the search of plain dicts reads as such.
        """

        def slow() -> ast.stmt:
            return ast.Return(call(f"slow_{identifier}", *(name(p) for p in PARAMETERS)))

        def exact() -> ast.stmt:
            forms = (attribute(name(part), "_exact") for part in _PARTS)
            subject, resource, context = forms
            now = name("now") if self.world.uses.now else const(None)
            return ast.Return(call(f"exact_{identifier}", subject, name("action"), resource, context, now))

        body: list[ast.stmt] = [ast.If(self._are_forms(), self._searched(searches.forms, bodies[0], frozenset(), slow, exact), [])]
        if searches.plain is not None:
            body.append(ast.If(self._are_dicts(), self._searched(searches.plain, bodies[1], plain, slow, slow), []))
        passed = [name("EMPTY") if p == "context" else name(p) for p in PARAMETERS]
        body.append(ast.If(compare(name("context"), ast.Is(), const(None)), [ast.Return(call(identifier, *passed))], []))
        body.append(slow())
        made = function(identifier, PARAMETERS, body)
        self.comments[id(made)] = "requests come in here"
        self.functions.append(made)

    # ── what may come in ───────────────────────────────────────────────────────────────────────────────────

    def _class_of(self, part: str) -> ast.expr:
        return call(self.world.slots.helper("type", _TYPE), name(part))

    def _frozen(self, owner: str) -> ast.expr:
        return self.world.slots.slot(self.world.forms.frozen[owner])

    def _signatures(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], list[Action]]:
        found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Action]] = {}
        for action in self.world.package.schema.actions.values():
            found.setdefault((action.subjects, action.resources), []).append(action)
        return found

    def _are_forms(self) -> ast.expr:
        """Forms of this policy, each for the part it was read for, and an action that they may be asked about."""
        signatures = self._signatures()
        context = compare(self._class_of("context"), ast.Is(), self._frozen("context"))
        if len(signatures) == 1:
            ((subjects, resources), actions) = next(iter(signatures.items()))
            if len(subjects) == len(resources) == 1 and subjects != resources:
                whole = [
                    compare(self._class_of("subject"), ast.Is(), self._frozen(subjects[0])),
                    compare(self._class_of("resource"), ast.Is(), self._frozen(resources[0])),
                ]
                return passes([*whole, context, *self._is_action([a.name for a in actions])])
        return self._by_table(context)

    def _by_table(self, context: ast.expr) -> ast.expr:
        """action in K1.get(type(subject), K2).get(type(resource), K3), with the parts that both were read for."""
        frozen = self.world.forms.frozen
        nested: dict[type, dict[type, frozenset[str]]] = {}
        for (subjects, resources), actions in self._signatures().items():
            for subject in subjects:
                for resource in resources:
                    inner = nested.setdefault(frozen[subject], {})
                    inner[frozen[resource]] = inner.get(frozen[resource], frozenset()) | {a.name for a in actions}
        slots = self.world.slots
        outer = call(attribute(slots.slot(nested), "get"), self._class_of("subject"), slots.slot({}))
        allowed = call(attribute(outer, "get"), self._class_of("resource"), tuple_of(()))
        of_text = compare(self._class_of("action"), ast.Is(), slots.helper("str", str))
        places = [compare(attribute(name(part), "_path"), ast.Eq(), const(part)) for part in ("subject", "resource")]
        return passes([of_text, context, compare(name("action"), ast.In(), allowed), *places])

    def _is_action(self, names: list[str]) -> list[ast.expr]:
        of_text = compare(self._class_of("action"), ast.Is(), self.world.slots.helper("str", str))
        return [of_text, compare(name("action"), ast.In(), self.world.slots.slot(frozenset(names)))]

    def _are_dicts(self) -> ast.expr:
        """Plain dicts with known keys, of the only types there are; the context may be left out."""
        slots = self.world.slots
        dict_ = slots.helper("dict", dict)
        signatures = self._signatures()
        tests: list[ast.expr] = [compare(self._class_of(part), ast.Is(), dict_) for part in ("subject", "resource")]
        tests.append(
            junction(ast.Or(), [compare(self._class_of("context"), ast.Is(), dict_), compare(name("context"), ast.Is(), name("EMPTY"))])
        )
        ((subjects, resources), actions) = next(iter(signatures.items()))
        tests += self._is_action([a.name for a in actions])
        tests += self._identified("subject", subjects[0])
        tests += self._identified("resource", resources[0])
        return passes(tests)

    @property
    def takes_dicts(self) -> bool:
        """Whether every request is of one type of subject and one of resource, so that nothing has to be looked at to know them."""
        signatures = self._signatures()
        return len(signatures) == 1 and all(len(names) == 1 for names in next(iter(signatures)))

    def _identified(self, part: str, owner: str) -> list[ast.expr]:
        """type(a1 := subject.get('id')) is str and …, and no other `entity_type`"""
        entity = self.world.package.schema.entities[owner]
        get = attribute(name(part), "get")
        tests: list[ast.expr] = []
        if "entity_type" not in entity.fields:
            tests.append(compare(call(get, const("entity_type"), const(owner)), ast.Eq(), const(owner)))
        kind = entity.fields[entity.key].plain
        key = f"key_{part}"
        found = ast.NamedExpr(ast.Name(key, ast.Store()), call(get, const(entity.key)))
        quick = quick_test(kind, name(key), self.world.slots, self.world.package.tables)
        if not quick:
            return [*tests, const(False)]
        (first,) = quick_test(kind, found, self.world.slots, self.world.package.tables)[:1]
        return [*tests, first, *quick[1:]]

    # ── deciding ───────────────────────────────────────────────────────────────────────────────────────────

    def _searched(self, search: str, found: list[ast.stmt], plain: frozenset[str], slow: Slow, unread: Slow) -> list[ast.stmt]:
        """memo = [at, None, …]; try: the search except …: return slow(…)"""
        body: list[ast.stmt] = []
        if plain:
            body.append(ast.If(compare(name("context"), ast.Is(), name("EMPTY")), [assign("context", ast.Dict([], []))], []))
        if self.memo:
            body += self._clock(bool(plain), slow)
            kept = [const(None), ast.Dict([], []), *[const(None)] * (self.memo - FIRST_SLOT)]
            body.append(assign("memo", ast.List([name("now") if self.world.uses.now else const(None), *kept], ast.Load())))
        raws = {part: f"{part}_form" for part in _PARTS if plain and part not in plain}
        tried: list[ast.stmt] = [assign(form, self._as_form(part)) for part, form in raws.items()]
        if raws or sum(1 for each in found for _ in ast.walk(each)) > _MOST_INLINED:
            arguments: list[ast.expr] = [name(raws.get(p, p)) if p != "memo" or self.memo else const(None) for p in SEARCHED]
            tried.append(ast.Return(call(search, *arguments)))
        else:
            if not self.memo:
                body.append(assign("memo", const(None)))
            tried += [copied(each) for each in found]
        body.append(_guarded(tried, slow, unread))
        return body

    def _as_form(self, part: str) -> ast.expr:
        """kept(r1(subject, 0, [100000]))"""
        if part == "context":
            owner = "context"
        else:
            subjects, resources = next(iter(self._signatures()))
            owner = (subjects if part == "subject" else resources)[0]
        read = self.world.readers.root(owner, exact=False)
        left = ast.List([const(runtime.PLENTY)], ast.Load())
        kept = self.world.slots.helper("kept", runtime.kept)
        return call(kept, call(read, name(part), const(0), left))

    def _clock(self, dicts: bool, slow: Slow) -> list[ast.stmt]:
        """The clock of the decision, an aware datetime in UTC; any other is for the edge."""
        if not self.world.uses.now:
            return []
        slots, clock = self.world.slots, self.world.package.schema.context.clock
        if self.trusting and clock is not None:
            own: ast.expr = attribute(name("context"), self.world.forms.slots[clock])
            if dicts:
                own = call(attribute(name("context"), "get"), const(clock))
            else:
                own = call(slots.helper("getattr", getattr), name("context"), const(self.world.forms.slots[clock]), const(None))
        elif self.trusting:
            own = const(None)
        else:
            own = call(slots.helper("utc_now", runtime.utc_now), slots.slot(dt.timezone.utc))
        taken = assign("now", ast.IfExp(compare(name("at"), ast.Is(), const(None)), own, name("at")))
        aware = compare(attribute(name("now"), "tzinfo"), ast.Is(), slots.slot(dt.timezone.utc))
        exact = compare(self._class_of("now"), ast.Is(), slots.helper("datetime", dt.datetime))
        return [taken, ast.If(negation(junction(ast.And(), [exact, aware])), [slow()], [])]


def _guarded(body: list[ast.stmt], slow: Slow, unread: Slow) -> ast.stmt:
    """Forms with something unknown are for the exact path. Whatever else is raised, by a key of a caller's dict say, is told first."""
    handlers = [ast.ExceptHandler(name("UNREAD"), None, [unread()]), ast.ExceptHandler(name("STOP"), None, [ast.Raise(None, None)])]
    surprised = [ast.Expr(call("surprise")), slow()]
    return ast.Try(body, [*handlers, ast.ExceptHandler(name("BaseException"), None, surprised)], [], [])
