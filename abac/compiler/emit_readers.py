"""Floor 4, compiler: the Python that reads records, entities and contexts from callers' dicts: only the attributes that decisions can read.

For each there are two functions. The fast one leaves out what is unknown, the exact one says why. Each method shows the code it makes.
"""

from __future__ import annotations

import ast
from typing import Any

from abac.compiler.classes import is_plain
from abac.compiler.climbing import Climber
from abac.compiler.forms import UNSET, Forms
from abac.compiler.quick import passes, quick_test
from abac.compiler.readers import DEEPEST, LISTS, Odd, Readers, numbered, placed, spend, spend_exactly
from abac.compiler.slots import Slots
from abac.compiler.syntax import assign, attribute, call, compare, const, function, junction, name, tuple_of, walrus
from abac.compiler.uses import Uses
from abac.language import checked as c
from abac.model.limits import MAX_COLLECTION
from abac.model.schema import Entity, Field
from abac.model.types import DECIMAL, EntityOf, KeyOf, ListOf, RecordOf, Scalar, SetOf, Type, Words, base
from abac.model.wire import NOTHING

FAST = ("raw", "depth", "left")
EXACT = ("raw", "path", "depth", "left")
_TYPE = type


class ReaderEmitter:
    """Emits each reader when it is first asked for."""

    def __init__(self, package: c.Package, forms: Forms, uses: Uses, slots: Slots) -> None:
        self.package, self.forms, self.uses, self.slots = package, forms, uses, slots
        self.run = Readers(package.schema, package.tables, forms, Climber(package.schema))
        self.functions: list[ast.FunctionDef] = []
        self.comments: dict[int, str] = {}
        self.links: list[tuple[Odd, str]] = []
        self._known: dict[tuple[object, bool], ast.expr] = {}
        self._slow: dict[str, Any] = {}
        self._member_sets: dict[Type, Any] = {}
        self._members: dict[Field, Any] = {}
        self.run_stand, self.run_stand_exactly = self.run.stand, self.run.stand_exactly

    def reader(self, type_: Type, *, exact: bool) -> ast.expr:
        """The reader of a type: a generated function where attributes are to be chosen, else one of the run time's."""
        key = (type_, exact)
        if key not in self._known:
            identifier = f"{'R' if exact else 'r'}{len(self._known) + 1}"
            self._known[key] = name(identifier)  # before it is made: entities have entities in them
            match type_:
                case RecordOf(name=owner) | EntityOf(names=(owner,)) if owner not in self.uses.whole:
                    self._owner(identifier, owner, exact)
                case ListOf(element=element) if base(element) != DECIMAL:  # of those, `abac.model.wire` looks at the hashes
                    self._list(identifier, type_, element, exact)
                case _:
                    self._known[key] = self.slots.helper(identifier, self._plain(type_, exact))
        return self._known[key]

    def member_set(self, element: Type) -> ast.expr:
        """What reads a set that is a member of a part of the request."""
        made = self._member_sets.setdefault(element, self.run.member_set(element))
        return self.slots.slot(made)

    def root(self, owner: str, *, exact: bool) -> ast.expr:
        """The reader of a part of the request."""
        return self.reader(RecordOf("context") if owner == "context" else EntityOf((owner,)), exact=exact)

    def _plain(self, type_: Type, exact: bool) -> Any:
        if isinstance(type_, SetOf) and is_plain(type_.element):
            return self.run.plain_set_exact(type_.element) if exact else self.run.plain_set(type_.element)
        if isinstance(type_, Scalar) and not exact:
            return self.run.scalar(type_)
        return self.run.slow_exact(type_) if exact else self.run.slow(type_)

    def fields(self, owner: str) -> list[Field]:
        """What is read of an owner: what decisions can read, and an entity's key, without the clock, which is the decision's own."""
        entity = self.package.schema.entities.get(owner)
        wanted = self.uses.fields.get(owner, set()) | ({entity.key} if entity else set())
        clock = self.package.schema.context.clock if owner == "context" else None
        return [field for field_name, field in self.forms.owners[owner].items() if field_name in wanted and field_name != clock]

    # ── lists ──────────────────────────────────────────────────────────────────────────────────────────────

    def _list(self, identifier: str, type_: Type, element: Type, exact: bool) -> None:
        """
        if type(raw) not in (list, tuple) or len(raw) > 10000 or depth > 62: return slow(raw, depth, left)
        spend(left, len(raw))
        made = tuple([r2(part, depth + 1, left) for part in raw])
        return UNSET if UNSET in made else made
        """
        each = self.reader(element, exact=exact)
        length = call(self.slots.helper("len", len), name("raw"))
        odd = junction(
            ast.Or(),
            [
                compare(self._class_of("raw"), ast.NotIn(), self.slots.slot(LISTS)),
                compare(length, ast.Gt(), const(MAX_COLLECTION)),
                compare(name("depth"), ast.Gt(), const(DEEPEST)),
            ],
        )
        body = [self._otherwise(odd, type_, exact), self._spend(length, exact)]
        deeper = ast.BinOp(name("depth"), ast.Add(), const(1))
        if exact:
            places = call(self.slots.helper("numbered", numbered), name("raw"), name("path"))
            target: ast.expr = ast.Tuple([ast.Name("part", ast.Store()), ast.Name("place", ast.Store())], ast.Store())
            made = _listed(call(each, name("part"), name("place"), deeper, name("left")), target, places)
            body.append(ast.Return(call(self.slots.helper("tuple", tuple), made)))
        else:
            made = _listed(call(each, name("part"), deeper, name("left")), ast.Name("part", ast.Store()), name("raw"))
            body.append(assign("made", call(self.slots.helper("tuple", tuple), made)))
            unset = self.slots.helper("UNSET", UNSET)
            body.append(ast.Return(ast.IfExp(compare(unset, ast.In(), name("made")), unset, name("made"))))
        self._add(identifier, body, exact, f"a list: {type_}")

    def _class_of(self, variable: str) -> ast.expr:
        return call(self.slots.helper("type", _TYPE), name(variable))

    def _otherwise(self, odd: ast.expr, type_: Type, exact: bool) -> ast.stmt:
        """What is not plainly of the type is read by the run time."""
        slow = self.slots.helper(f"{'R' if exact else 'r'}_slow{len(self.slots.values)}", self._plain(type_, exact))
        return ast.If(odd, [ast.Return(call(slow, *(name(p) for p in (EXACT if exact else FAST))))], [])

    def _spend(self, amount: ast.expr, exact: bool) -> ast.stmt:
        helper = self.slots.helper("spend_exactly" if exact else "spend", spend_exactly if exact else spend)
        return ast.Expr(call(helper, name("left"), amount))

    def _add(self, identifier: str, body: list[ast.stmt], exact: bool, comment: str) -> None:
        made = function(identifier, EXACT if exact else FAST, body)
        self.comments[id(made)] = f"reads {comment}"
        self.functions.append(made)

    # ── records, entities, contexts ────────────────────────────────────────────────────────────────────────

    def _owner(self, identifier: str, owner: str, exact: bool) -> None:
        """
        if type(raw) is not dict or depth > 62: return odd(raw, depth, left)
        spend(left, 4)
        o = C1()
        o._type = 'User'
        …
        return o
        """
        fields = self.fields(owner)
        entity = self.package.schema.entities.get(owner)
        odd = self._odd(identifier, owner, exact)
        unlike = [
            compare(self._class_of("raw"), ast.IsNot(), self.slots.helper("dict", dict)),
            compare(name("depth"), ast.Gt(), const(DEEPEST)),
        ]
        body: list[ast.stmt] = [ast.If(junction(ast.Or(), unlike), [ast.Return(odd)], [])]
        if entity is not None and "entity_type" not in entity.fields:
            body.append(self._of_another_type(owner, exact))
        body += [
            self._spend(const(len(fields) + 1), exact),
            assign("o", call(self.slots.slot(self.forms.classes[owner]))),
            _set("_type", const(owner)),
            *([_set("_path", name("path"))] if exact else []),
        ]
        for field in fields:
            body += self._exact_field(field) if exact else self._fast_field(field)
        if entity is not None and self.forms.groups:
            body.append(self._stand(entity, exact))
        body.append(ast.Return(name("o")))
        self._add(identifier, body, exact, owner)

    def _odd(self, identifier: str, owner: str, exact: bool) -> ast.expr:
        """What reads all but plain dicts: odd(raw, depth, left)."""
        entity = self.package.schema.entities.get(owner)
        extra = () if entity is None else ("entity_type", "parents")
        type_: Type = RecordOf(owner) if entity is None else EntityOf((owner,))
        names = (*(field.name for field in self.fields(owner)), *extra)
        key = None if entity is None else self.run.slow(entity.fields[entity.key].plain)
        made = Odd(self.run, owner, names, self.run.slow_exact(type_), key)
        self.links.append((made, identifier))
        call_ = made.exact if exact else made.fast
        return call(self.slots.helper(f"{identifier}_odd", call_), *(name(p) for p in (EXACT if exact else FAST)))

    def _of_another_type(self, owner: str, exact: bool) -> ast.stmt:
        """if type((a := raw.get('entity_type', 'User'))) is not str or a != 'User': …"""
        asked = walrus("a", call(attribute(name("raw"), "get"), const("entity_type"), const(owner)))
        of_text = compare(call(self.slots.helper("type", _TYPE), asked), ast.IsNot(), self.slots.helper("str", str))
        otherwise: ast.expr = self.slots.helper("UNSET", UNSET)
        if exact:
            slow = self.slots.slot(self._slow_exactly(owner))
            otherwise = call(slow, *(name(p) for p in EXACT))
        is_other = compare(name("a"), ast.NotEq(), const(owner))
        return ast.If(junction(ast.Or(), [of_text, is_other]), [ast.Return(otherwise)], [])

    def _slow_exactly(self, owner: str) -> Any:
        return self._slow.setdefault(owner, self.run.slow_exact(EntityOf((owner,))))

    def _fast_field(self, field: Field) -> list[ast.stmt]:
        """
        a = raw.get('level')
        if type(a) is int and …: o.f3 = a
        else:
            a = r4(a, depth + 1, left)
            if a is not UNSET: o.f3 = a

        An optional attribute is None where it is null, or where it is missing and known to be absent then.
        """
        slot = self.forms.slots[field.name]
        missing = [] if field.absent_by_default else [self.slots.helper("NOTHING", NOTHING)]
        body: list[ast.stmt] = [assign("a", call(attribute(name("raw"), "get"), const(field.name), *missing))]
        tests = quick_test(field.plain, name("a"), self.slots, self.package.tables)
        deeper = ast.BinOp(name("depth"), ast.Add(), const(1))
        read = assign("a", call(self.reader(field.plain, exact=False), name("a"), deeper, name("left")))
        known = compare(name("a"), ast.IsNot(), self.slots.helper("UNSET", UNSET))
        otherwise: list[ast.stmt] = [read, ast.If(known, [_set(slot, name("a"))], [])]
        asked = passes(tests) if tests else None
        if field.optional:
            absent = compare(name("a"), ast.Is(), const(None))
            asked = absent if asked is None else junction(ast.Or(), [asked, absent])
        body += otherwise if asked is None else [ast.If(asked, [_set(slot, name("a"))], otherwise)]
        return body

    def _exact_field(self, field: Field) -> list[ast.stmt]:
        """
        a = raw.get('level', NOTHING)
        o.f3 = a if type(a) is int and … else R4(a, path, depth + 1)

        What has parts is read by the reader of its type, unless it is plainly not there.
        """
        slot, nothing = self.forms.slots[field.name], self.slots.helper("NOTHING", NOTHING)
        body: list[ast.stmt] = [assign("a", call(attribute(name("raw"), "get"), const(field.name), nothing))]
        deeper = ast.BinOp(name("depth"), ast.Add(), const(1))
        member = self._members.setdefault(field, self.run.member(field))
        found: ast.expr = call(self.slots.slot(member), name("a"), name("path"), deeper)
        tests = quick_test(field.plain, name("a"), self.slots, self.package.tables)
        if tests:
            found = ast.IfExp(passes(tests), name("a"), found)
        elif not isinstance(field.plain, Scalar | Words | KeyOf):
            there = [compare(name("a"), ast.IsNot(), each) for each in (const(None), nothing)]
            place = call(self.slots.helper("placed", placed), name("path"), const(field.name))
            found = ast.IfExp(passes(there), call(self.reader(field.plain, exact=True), name("a"), place, deeper, name("left")), found)
        body.append(_set(slot, found))
        return body

    def _stand(self, entity: Entity, exact: bool) -> ast.stmt:
        """stand(o, K1, raw.get('parents', NOTHING), depth + 1)"""
        raw: ast.expr = tuple_of(())
        if entity.parents:
            raw = call(attribute(name("raw"), "get"), const("parents"), self.slots.helper("NOTHING", NOTHING))
        deeper = ast.BinOp(name("depth"), ast.Add(), const(1))
        if exact:
            stand = self.slots.helper("stand_exactly", self.run_stand_exactly)
            return ast.Expr(call(stand, name("o"), self.slots.slot(entity), raw, name("path"), deeper))
        return ast.Expr(call(self.slots.helper("stand", self.run_stand), name("o"), self.slots.slot(entity), raw, deeper))


def _set(slot: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Attribute(name("o"), slot, ast.Store())], value)


def _listed(element: ast.expr, target: ast.expr, walked: ast.expr) -> ast.expr:
    return ast.ListComp(element, [ast.comprehension(target, walked, [], 0)])
