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
from abac.compiler.syntax import assign, attribute, call, compare, const, copied, function, item, junction, name, negation, tuple_of, walrus
from abac.compiler.world import World
from abac.model.schema import Action, Entity
from abac.model.types import Type

PARAMETERS = ("subject", "action", "resource", "context", "at")
_PARTS = ("subject", "resource", "context")
SEARCHED = ("subject", "action", "resource", "context", "memo")
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
    trusting: bool
    memo: int = 0
    functions: list[ast.FunctionDef] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)

    def emit(self, identifier: str, searches: Searches, bodies: Sequence[list[ast.stmt]]) -> None:
        """
        def permits(subject, action, resource, context, at):
            if type(subject) is S1 and type(resource) is S2 and type(context) is S3 and type(action) is str and action in K1:
                try: …
                except UNREAD: return exact_permits(subject._exact, …)
            if type(subject) is dict and type(resource) is dict and … and action in K1:
                try:
                    if type(a1 := subject.get('id')) is str and … : …
            if context is None: return permits(subject, action, resource, EMPTY, at)
            return slow_permits(subject, action, resource, context, at)

        Args:
            bodies: the statements of the searches.
        """

        def slow() -> ast.stmt:
            return ast.Return(call(f"slow_{identifier}", *(name(p) for p in PARAMETERS)))

        def unread() -> ast.stmt:
            return ast.Return(call(f"unread_{identifier}", *(name(p) for p in PARAMETERS)))

        def exact() -> ast.stmt:
            subject, resource, context = (attribute(name(part), "_exact") for part in _PARTS)
            now = name("now") if self.world.uses.now else const(None)
            return ast.Return(call(f"exact_{identifier}", subject, name("action"), resource, context, now))

        body: list[ast.stmt] = [ast.If(self._are_forms(), self._searched(searches.forms, bodies[0], slow, exact), [])]
        if searches.plain is not None:
            body.append(ast.If(self._are_dicts(), self._searched_in_place(searches.plain, bodies[1], slow, unread), []))
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
        """Plain dicts and a known action; the context may be left out."""
        dict_ = self.world.slots.helper("dict", dict)
        tests: list[ast.expr] = [compare(self._class_of(part), ast.Is(), dict_) for part in ("subject", "resource")]
        tests.append(
            junction(ast.Or(), [compare(self._class_of("context"), ast.Is(), dict_), compare(name("context"), ast.Is(), name("EMPTY"))])
        )
        return passes([*tests, *self._is_action(list(self.world.package.schema.actions))])

    @property
    def takes_dicts(self) -> bool:
        """Whether plain dicts tell at once what they are: they do not where an attribute is called `entity_type`."""
        schema = self.world.package.schema
        owners = self.world.kinds("subject") | self.world.kinds("resource")
        entities = [schema.entities[owner] for owner in owners]
        quick = all(self._quick(entity, name("a")) for entity in entities)
        return bool(owners) and quick and all("entity_type" not in entity.fields for entity in entities)

    def _quick(self, entity: Entity, variable: ast.expr) -> list[ast.expr]:
        return quick_test(entity.fields[entity.key].plain, variable, self.world.slots, self.world.package.tables)

    def _identified(self) -> ast.expr:
        """That each part is of a type that the action admits, and has its key."""
        signatures = self._signatures()
        if not self.world.kind_slots:
            ((subjects, resources),) = signatures
            owners = {"subject": subjects[0], "resource": resources[0]}
            return passes(
                [
                    test
                    for part, owner in owners.items()
                    for test in (self._is_named(part, self.world.slots.slot(owner), owner), *self._has_key(part))
                ]
            )
        known = {
            a.name: (_only(a.subjects), frozenset(a.subjects), _only(a.resources), frozenset(a.resources))
            for one in signatures.values()
            for a in one
        }
        signature = walrus("signature", ast.Subscript(self.world.slots.slot(known), name("action"), ast.Load()))
        tests: list[ast.expr] = [signature]
        for place, part in ((0, "subject"), (2, "resource")):
            found = walrus(f"type_{part}", call(attribute(name(part), "get"), const("entity_type"), item(name("signature"), place)))
            tests += [
                compare(call(self.world.slots.helper("type", _TYPE), found), ast.Is(), self.world.slots.helper("str", str)),
                compare(name(f"type_{part}"), ast.In(), item(name("signature"), place + 1)),
                *self._has_key(part),
            ]
        return passes(tests)

    def _is_named(self, part: str, default: ast.expr, owner: str) -> ast.expr:
        """(type_subject := subject.get('entity_type', K1)) is K1 or type(type_subject) is str and type_subject == 'User'"""
        found = walrus(f"type_{part}", call(attribute(name(part), "get"), const("entity_type"), default))
        of_text = compare(call(self.world.slots.helper("type", _TYPE), name(f"type_{part}")), ast.Is(), self.world.slots.helper("str", str))
        said = passes([of_text, compare(name(f"type_{part}"), ast.Eq(), const(owner))])
        return junction(ast.Or(), [compare(found, ast.Is(), default), said])

    def _has_key(self, part: str) -> list[ast.expr]:
        """type((key_subject := subject.get('id'))) is str and …, by the type of entity where keys differ"""
        schema, kinds = self.world.package.schema, self.world.kinds(part)
        keys: dict[tuple[str, Type], set[str]] = {}
        for kind in sorted(kinds):
            entity = schema.entities[kind]
            keys.setdefault((entity.key, entity.fields[entity.key].plain), set()).add(kind)
        key, ways = f"key_{part}", list[ast.expr]()
        for (field_name, _), owners in keys.items():
            entity = schema.entities[min(owners)]
            found = walrus(key, call(attribute(name(part), "get"), const(field_name)))
            tests = [self._quick(entity, found)[0], *self._quick(entity, name(key))[1:]]
            if len(keys) == 1:
                return tests
            ways.append(passes([compare(name(f"type_{part}"), ast.In(), self.world.slots.slot(frozenset(owners))), *tests]))
        return [junction(ast.Or(), ways)]

    # ── deciding ───────────────────────────────────────────────────────────────────────────────────────────

    def _searched(self, search: str, found: list[ast.stmt], slow: Slow, unread: Slow) -> list[ast.stmt]:
        """memo = [at, None, …]; try: the search except …: return slow(…)"""
        body: list[ast.stmt] = []
        if self.memo:
            body += self._clock(False, slow)
        return [*body, _guarded([self._kept([]), *self._inlined(search, found)], slow, unread)]

    def _searched_in_place(self, search: str, found: list[ast.stmt], slow: Slow, unread: Slow) -> list[ast.stmt]:
        """try: if … is identified: memo = [at, None, …]; the search except UNREAD: return unread(…)"""
        empty = ast.If(compare(name("context"), ast.Is(), name("EMPTY")), [assign("context", ast.Dict([], []))], [])
        tried: list[ast.stmt] = [empty, *(self._clock(True, slow) if self.memo else [])]
        kinds: list[ast.expr] = [name(f"type_{part}") for part in self.world.kind_slots]
        tried += [self._kept(kinds), *self._inlined(search, found)]
        return [_guarded([ast.If(self._identified(), tried, [])], slow, unread)]

    def _kept(self, kinds: list[ast.expr]) -> ast.stmt:
        """memo = [now, None, {}, None, type_subject]"""
        if not self.memo:
            return assign("memo", const(None))
        shared = len(self.world.shared)
        rest = self.memo - FIRST_SLOT - shared - len(kinds)
        kept = [const(None), ast.Dict([], []), *[const(None)] * shared, *kinds, *[const(None)] * rest]
        return assign("memo", ast.List([name("now") if self.world.uses.now else const(None), *kept], ast.Load()))

    def _inlined(self, search: str, found: list[ast.stmt]) -> list[ast.stmt]:
        """The search, or a call of it where it is long."""
        if sum(1 for each in found for _ in ast.walk(each)) > _MOST_INLINED:
            return [ast.Return(call(search, *(name(p) for p in SEARCHED)))]
        return [copied(each) for each in found]

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


def _only(names: tuple[str, ...]) -> str | None:
    return names[0] if len(names) == 1 else None


def _guarded(body: list[ast.stmt], slow: Slow, unread: Slow) -> ast.stmt:
    """Forms with something unknown are for the exact path. Whatever else is raised, by a key of a caller's dict say, is told first."""
    handlers = [ast.ExceptHandler(name("UNREAD"), None, [unread()]), ast.ExceptHandler(name("STOP"), None, [ast.Raise(None, None)])]
    surprised = [ast.Expr(call("surprise")), slow()]
    return ast.Try(body, [*handlers, ast.ExceptHandler(name("BaseException"), None, surprised)], [], [])
