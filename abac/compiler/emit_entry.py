"""Floor 4, compiler: the Python that requests come in by: it takes forms and plain dicts to the search made for them, all else to the edge.

What it may take is told by exact class, action and key; whatever else there is about a request, reading it tells.
"""

from __future__ import annotations

import ast
import datetime as dt
from dataclasses import dataclass

from abac.compiler import runtime
from abac.compiler.quick import passes, quick_test
from abac.compiler.runtime import FIRST_SLOT
from abac.compiler.syntax import assign, attribute, call, compare, const, function, item, junction, name, negation, tuple_of
from abac.compiler.world import World
from abac.model.schema import Action

PARAMETERS = ("subject", "action", "resource", "context", "at")
SEARCHED = ("subject", "action", "resource", "context", "memo")
_PARTS = ("subject", "resource", "context")
_TYPE = type


@dataclass(frozen=True, slots=True)
class Searches:
    """Names of the functions that search: of forms, and of plain dicts where there is one."""

    forms: str
    plain: str | None


@dataclass
class EntryEmitter:
    """Emits the functions `permits` and `decide`.

    Attributes:
        plain: the parts that the search of plain dicts reads as such.
        memo: how many places a memo has; 0 where nobody needs one.
        trusting: whether the clock is the context's own.
    """

    world: World
    plain: frozenset[str]
    memo: int
    trusting: bool

    def entry(self, identifier: str, searches: Searches, *, decide: bool) -> ast.FunctionDef:
        """
        def permits(subject, action, resource, context=None, at=None):
            if LATER: return LATER[0].permits(subject, action, resource, context, at)
            if context is None: context = EMPTY
            if type(subject) is S1 and type(resource) is S2 and type(context) is S3 and type(action) is str and action in K1:
                … return s1(subject, action, resource, context, memo)
            if type(subject) is dict and … and type(subject.get('id')) is str and …:
                …
            return slow(subject, action, resource, context, at)
        """
        slow = ast.Return(call(f"slow_{identifier}", *(name(p) for p in PARAMETERS)))
        later = call(attribute(ast.Subscript(name("LATER"), const(0), ast.Load()), identifier), *(name(p) for p in PARAMETERS))
        body: list[ast.stmt] = [
            ast.If(name("LATER"), [ast.Return(later)], []),
            ast.If(compare(name("context"), ast.Is(), const(None)), [assign("context", name("EMPTY"))], []),
        ]
        body.append(ast.If(self._are_forms(), self._decided(searches.forms, frozenset(), slow, decide), []))
        if searches.plain is not None:
            body.append(ast.If(self._are_dicts(), self._decided(searches.plain, self.plain, slow, decide), []))
        body.append(slow)
        made = function(identifier, PARAMETERS, body)
        made.args.defaults = [const(None), const(None)]
        return made

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

    def _decided(self, search: str, plain: frozenset[str], slow: ast.stmt, decide: bool) -> list[ast.stmt]:
        """memo = [at, None, …]; try: return s1(…) except …: return slow(…)"""
        dicts = bool(plain)
        body: list[ast.stmt] = []
        raws: dict[str, str] = {}
        if dicts:
            body.append(ast.If(compare(name("context"), ast.Is(), name("EMPTY")), [assign("context", ast.Dict([], []))], []))
        if self.memo:
            body += self._clock(dicts, slow)
            kept = [const(None), ast.Dict([], []), *[const(None)] * (self.memo - FIRST_SLOT)]
            body.append(assign("memo", ast.List([name("now") if self.world.uses.now else const(None), *kept], ast.Load())))
        tried: list[ast.stmt] = []
        if dicts:
            for part in _PARTS:
                if part not in plain:
                    raws[part] = f"{part}_form"
                    tried.append(assign(raws[part], self._as_form(part)))
        arguments: list[ast.expr] = [name(raws.get(p, p)) if p != "memo" or self.memo else const(None) for p in SEARCHED]
        found = call(search, *arguments)
        tried += self._outcome(found, arguments, dicts) if decide else [ast.Return(found)]
        body.append(_guarded(tried, slow))
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

    def _clock(self, dicts: bool, slow: ast.stmt) -> list[ast.stmt]:
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
        return [taken, ast.If(negation(junction(ast.And(), [exact, aware])), [slow], [])]

    def _outcome(self, found: ast.expr, arguments: list[ast.expr], dicts: bool) -> list[ast.stmt]:
        """
        o = s1(…)
        if o is None: o = NO_RULE
        if o.decision is not None: return o.decision if memo[1] is None else o.decision.until(memo[1])
        return decision(o, o.capture(…, o.row), memo[1])
        """
        outcome, horizon = name("o"), item(name("memo"), runtime.HORIZON) if self.memo else const(None)
        fixed = attribute(outcome, "decision")
        returned: ast.expr = fixed
        if self.memo and self.world.uses.now:
            until = call(attribute(fixed, "until"), horizon)
            returned = ast.IfExp(compare(horizon, ast.Is(), const(None)), fixed, until)
        capture = attribute(outcome, "capture_plain" if dicts else "capture")
        values = call(capture, *arguments, attribute(outcome, "row_plain" if dicts else "row"))
        return [
            assign("o", found),
            ast.If(compare(outcome, ast.Is(), const(None)), [assign("o", name("NO_RULE"))], []),
            ast.If(compare(fixed, ast.IsNot(), const(None)), [ast.Return(returned)], []),
            assign("values", values),  # before the horizon is looked at: what is taken may note when it changes
            ast.Return(call("decision", outcome, name("values"), horizon)),
        ]


def _guarded(body: list[ast.stmt], slow: ast.stmt) -> ast.stmt:
    """What ends the search early is for the edge; so is whatever else is raised, by a key of a caller's dict say, which is told first."""
    handlers = [ast.ExceptHandler(name("UNREAD"), None, [slow]), ast.ExceptHandler(name("STOP"), None, [ast.Raise(None, None)])]
    surprised = [ast.Expr(call("surprise")), slow]
    return ast.Try(body, [*handlers, ast.ExceptHandler(name("BaseException"), None, surprised)], [], [])
