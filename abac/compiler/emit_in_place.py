"""Floor 4, compiler: the fast path's Python that reads callers' dicts and lists where they stand, each member when it is needed.

What is read in place is the caller's own object: of a record or entity a dict (of an entity also its bare key, of which everything but the
key is unknown), of a list of those a list. It is looked at by exact class; whatever it is else hands over. Where a value is needed as a
whole, the generated reader makes its form. How deep an object stands is known as a bound, which readers of limits are told.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from abac.compiler import climbing
from abac.compiler.classes import is_plain
from abac.compiler.emit_operators import OperatorEmitter
from abac.compiler.functions import Function, Raw, reads
from abac.compiler.quick import passes, quick_test
from abac.compiler.readers import LISTS
from abac.compiler.runtime import LONGEST_IN_PLACE, PLENTY
from abac.compiler.syntax import assign, attribute, call, compare, const, integer, item, junction, name, negation, tuple_of, walrus
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.limits import MAX_CHAIN
from abac.model.schema import Field
from abac.model.types import STRING, EntityOf, ListOf, RecordOf, SetOf, Type
from abac.model.values import EntityValue, ListValue
from abac.model.wire import NOTHING

_DEEPEST = 24
"""How deep objects are read in place."""

_TYPE = type


class InPlace(OperatorEmitter):
    """Emits reads of plain dicts.

    Attributes:
        plain: the parts of the request that are read in place; the others are forms.
    """

    plain: frozenset[str]
    definitions_in_place: dict[tuple[str, tuple[Raw | None, ...]], Raw | None]

    @abstractmethod
    def hand_over(self) -> ast.expr: ...

    # ── what is read in place ──────────────────────────────────────────────────────────────────────────────

    def raw(self, e: c.Expression, raws: Mapping[str, Raw]) -> Raw | None:
        """Where the expression's value stands, if it is a caller's object; None: it is a form.

        Args:
            raws: the variables that hold callers' objects.
        """
        if not self.plain:
            return None
        match e:
            case c.Root(name=part) if part in self.plain:
                return Raw(0, 0)
            case c.Variable(name=variable):
                return raws.get(variable)
            case c.Attribute(target=target):
                return self._attribute(e, self.raw(target, raws))
            case c.Invocation(definition=definition, arguments=arguments):
                return self._result(definition, tuple(self.raw(argument, raws) for argument in arguments))
            case c.Chain(target=target):
                start = self.raw(target, raws)
                links = isinstance(target.type, EntityOf) and self._is_object(target.type)
                return Raw(start.depth + MAX_CHAIN + 1, start.lists) if start is not None and links else None
            case c.LibraryCall(function="final", arguments=(several,)) if self._chained(several):
                return self.raw(several, raws)
            case c.Conditional(arms=arms, otherwise=otherwise):
                return self._either([*(value for _, value in arms), otherwise], raws)
            case c.Operation(operator=Operator.ADD, operands=operands) if isinstance(e.type, ListOf):
                return self._either(operands, raws)
        return None

    def _either(self, values: Sequence[c.Expression], raws: Mapping[str, Raw]) -> Raw | None:
        """Where one of several values stands, or several joined; an empty list and an entity that the policy names stand anywhere."""
        found = [self.raw(value, raws) for value in values if not _stands_anywhere(value)]
        whole = [raw for raw in found if raw is not None]
        if not whole or len(whole) < len(found):
            return None
        return Raw(max(raw.depth for raw in whole), max(raw.lists for raw in whole))

    def _attribute(self, e: c.Attribute, at: Raw | None) -> Raw | None:
        if at is None or at.depth >= _DEEPEST:
            return None
        type_ = self._field(e).plain
        if isinstance(type_, ListOf):
            return Raw(at.depth + 1, at.lists + 1) if at.lists < 2 and self._is_object(type_.element) else None
        return Raw(at.depth + 1, at.lists) if self._is_object(type_) else None

    def _is_object(self, type_: Type) -> bool:
        """Whether a plain dict tells plainly what it is."""
        if isinstance(type_, RecordOf):
            return True
        if not isinstance(type_, EntityOf) or len(type_.names) != 1:
            return False
        entity = self.world.package.schema.entities[type_.names[0]]
        return "entity_type" not in entity.fields and entity.fields[entity.key].plain == STRING

    def _chained(self, e: c.Expression) -> bool:
        """Whether a list was made by a chain, which looks at each element and has one at least."""
        return self.was_looked_at(e, empty=False)

    def was_looked_at(self, e: c.Expression, *, empty: bool = True) -> bool:
        """Whether the elements of a list were looked at when it was made."""
        match e:
            case c.Invocation(definition=definition):
                return self.was_looked_at(self.world.definitions[definition].body, empty=empty)
            case c.Conditional(arms=arms, otherwise=otherwise):
                return all(self.was_looked_at(value, empty=empty) for value in (*(value for _, value in arms), otherwise))
        return isinstance(e, c.Chain) or (empty and _stands_anywhere(e))

    def _result(self, definition: str, raws: tuple[Raw | None, ...]) -> Raw | None:
        """Where a definition's value stands, by where its arguments do."""
        key = definition, raws
        if key not in self.definitions_in_place:
            made = self.world.definitions[definition]
            known = {parameter: raw for (parameter, _), raw in zip(made.parameters, raws, strict=True) if raw is not None}
            self.definitions_in_place[key] = self.raw(made.body, known)
        return self.definitions_in_place[key]

    # ── parts of the request ───────────────────────────────────────────────────────────────────────────────

    def type_of(self, part: str) -> ast.expr:
        """The name of the type of entity that a part is: memo[4] == 'User', where a policy has several."""
        slot = self.world.kind_slots.get(part)
        return const(next(iter(self.world.kinds(part)))) if slot is None else item(name("memo"), slot)

    def _as_form(self, part: str) -> ast.expr:
        """kept(r1(subject, 0, [100000]))"""
        made: ast.expr | None = None
        for kind in sorted(self.world.kinds(part)):
            read = call(self.world.readers.root(kind, exact=False), name(part), const(0), _left(PLENTY))
            made = read if made is None else ast.IfExp(compare(self.type_of(part), ast.Eq(), const(kind)), read, made)
        assert made is not None, "a part is of some type"
        return self.run("kept", made)

    def as_form(self, e: c.Root | c.Variable, f: Function) -> ast.expr:
        """The form of a caller's object that is needed as a whole."""
        if isinstance(e, c.Root):
            return self._as_form(e.name)
        at = f.raws[e.name]
        return self.read_slowly(e.type, name(f.variables[e.name]), at)

    # ── objects ────────────────────────────────────────────────────────────────────────────────────────────

    def in_place(self, e: c.Expression, f: Function) -> ast.expr:
        """The caller's object itself, of which `raw` says where it stands; None where it is absent."""
        match e:
            case c.Root():
                return self._narrowed(e)
            case c.Variable(name=variable):
                return name(f.variables[variable])
            case c.Attribute():
                return self._object(e, f)
            case c.Invocation():
                return self.invoked(e, f)
            case c.Chain(target=target, by=by):
                return self._linked(target, by, f)
            case c.LibraryCall(arguments=(several,)):  # a1[-1]
                return item(self.in_place(several, f), -1)
            case c.Conditional(arms=arms, otherwise=otherwise):  # a1 if t1 else a2
                return self.deferred(f, lambda: self._ladder_in_place(arms, otherwise, f))
            case c.Operation(operands=(left, right)):  # bounded((*a1, *a2))
                parts = [self.in_place(left, f), self.deferred(f, lambda: self.in_place(right, f))]
                return self.run("bounded", tuple_of(ast.Starred(part, ast.Load()) for part in parts))
            case c.Constant(value=EntityValue()):
                return self.world.constant(e, "key", lambda e: e.value.key)
            case c.Constant() | c.ListOfExpressions():
                return tuple_of(())
        raise AssertionError(f"{e} is no object of a caller's")

    def _narrowed(self, e: c.Root) -> ast.expr:
        """subject if memo[4] in K1 else hand_over(): as what it is known to be here"""
        names = getattr(e.type, "names", ())
        if e.name not in self.world.kind_slots or self.world.kinds(e.name) <= set(names):
            return name(e.name)
        is_one = compare(self.type_of(e.name), ast.In(), self.world.slots.slot(frozenset(names)))
        return ast.IfExp(is_one, name(e.name), self.hand_over())

    def _ladder_in_place(self, arms: Sequence[tuple[c.Expression, c.Expression]], otherwise: c.Expression, f: Function) -> ast.expr:
        made = self.deferred(f, lambda: self.in_place(otherwise, f))
        for condition, value in reversed(arms):
            test = self.deferred(f, lambda x=condition: self.truth(x, f))  # type: ignore[misc]
            made = ast.IfExp(test, self.deferred(f, lambda x=value: self.in_place(x, f)), made)  # type: ignore[misc]
        return made

    @abstractmethod
    def truth(self, e: c.Expression, f: Function) -> ast.expr:
        """A Python expression that is true or false."""

    @abstractmethod
    def invoked(self, e: c.Invocation, f: Function) -> ast.expr: ...

    def _linked(self, target: c.Expression, by: str, f: Function) -> ast.expr:
        """chain_in_place(subject, 'on_behalf_of', NOTHING, 'id', 'Party')"""
        assert isinstance(target.type, EntityOf)
        (owner,) = target.type.names
        entity = self.world.package.schema.entities[owner]
        missing = const(None) if entity.fields[by].absent_by_default else self._nothing()
        linked = self.world.slots.helper("chain_in_place", climbing.chain_in_place)
        made = call(linked, self.in_place(target, f), const(by), missing, const(entity.key), const(owner))
        if not isinstance(target, c.Root):
            return made
        slot = self.world.kept_slot((target.name, by))  # memo[5] or keep(memo, 5, chain_in_place(…))
        return junction(ast.Or(), [item(name("memo"), slot), self.run("keep", name("memo"), const(slot), made)])

    def _object(self, e: c.Attribute, f: Function) -> ast.expr:
        """A member that is a dict, a bare key or a list of such: a1 if type((a1 := subject.get('org'))) is dict else hand_over()"""
        key = ("object", e.target, e.name)
        if key in f.read:
            return name(f.read[key])
        field = self._field(e)
        raw = self._get(e, field, f)
        variable = f.read[key] = f.fresh("a")
        made = name(variable) if f.ahead else walrus(variable, raw)
        if isinstance(field.plain, ListOf):
            tests = [
                compare(self._class(made if not field.optional else name(variable)), ast.In(), self.world.slots.slot(LISTS)),
                compare(call(self.world.slots.helper("len", len), name(variable)), ast.LtE(), const(LONGEST_IN_PLACE)),
            ]
            asked = passes(tests)
        else:
            asked = self.object_test(field.plain, made if not field.optional else name(variable), variable, f)
        if field.optional:
            asked = junction(ast.Or(), [compare(made, ast.Is(), const(None)), asked])
        if not f.ahead:
            return ast.IfExp(asked, name(variable), self.hand_over())
        f.body.append(assign(variable, raw))
        f.body.append(ast.If(negation(asked), [ast.Expr(self.hand_over())], []))
        return name(variable)

    def object_test(self, type_: Type, first: ast.expr, variable: str, f: Function) -> ast.expr:
        """type(a1) is dict and type((t1 := a1.get('entity_type', 'User'))) is str and t1 == 'User' or type(a1) is str and …

        Args:
            first: what is asked for its class, which puts the object into the variable.
        """
        is_dict = compare(self._class(first), ast.Is(), self.world.slots.helper("dict", dict))
        if isinstance(type_, RecordOf):
            return is_dict
        assert isinstance(type_, EntityOf)
        (owner,) = type_.names
        entity = self.world.package.schema.entities[owner]
        named = f.fresh("t")
        found = walrus(named, call(attribute(name(variable), "get"), const("entity_type"), const(owner)))
        of_text = compare(self._class(found), ast.Is(), self.world.slots.helper("str", str))
        whole = junction(ast.And(), [is_dict, of_text, compare(name(named), ast.Eq(), const(owner))])
        return junction(ast.Or(), [whole, passes(self._quick(entity.fields[entity.key].plain, name(variable)))])

    def element_check(self, type_: Type, variable: str, f: Function) -> ast.stmt:
        """if type(v1) is not dict: hand_over()"""
        return ast.If(negation(self.object_test(type_, name(variable), variable, f)), [ast.Expr(self.hand_over())], [])

    def key_in_place(self, e: c.Expression, f: Function) -> ast.expr:
        """The key of an entity that is a dict or its bare key: a2 if type(a1) is not dict else …"""
        assert isinstance(e.type, EntityOf)
        (owner,) = e.type.names
        entity = self.world.package.schema.entities[owner]
        key = c.Attribute(e, entity.key, type=entity.fields[entity.key].plain, span=e.span)
        if isinstance(e, c.Root):
            return self.member(key, f)
        found = self.in_place(e, f)
        if not isinstance(found, ast.Name):
            variable = f.fresh("a")
            first: ast.expr = walrus(variable, found)
            found = name(variable)
        else:
            first = found
        made = self.deferred(f, lambda: self._checked(key, entity.fields[entity.key], call(attribute(found, "get"), const(entity.key)), f))
        return ast.IfExp(compare(self._class(first), ast.Is(), self.world.slots.helper("dict", dict)), made, found)

    def above_in_place(self, e: c.Expression, group: str, f: Function) -> ast.expr:
        """The keys of all of a group that an entity stands in: above(subject, 'User', 0, 'Team')"""
        at = self.raw(e, f.raws)
        assert at is not None and isinstance(e.type, EntityOf)
        if isinstance(e, c.Root):
            owner: ast.expr = self.type_of(e.name)
        else:
            owner = const(e.type.names[0])
        above = self.world.slots.helper("above", self.world.above)
        raw = name(e.name) if isinstance(e, c.Root) else self.in_place(e, f)
        return call(above, raw, owner, const(at.depth), const(group))

    # ── members ────────────────────────────────────────────────────────────────────────────────────────────

    def member(self, e: c.Attribute | c.HasAttribute, f: Function) -> ast.expr:
        """A member of a plain dict, read and checked once on every way: a1."""
        key = reads(e.target, e.name)
        if key in f.read:
            return name(f.read[key])
        field = self._field(e)
        if not isinstance(e.target, c.Root) and self._is_key(e):
            return self.key_in_place(e.target, f)
        return self._checked(e, field, self._get(e, field, f), f)

    def _is_key(self, e: c.Attribute | c.HasAttribute) -> bool:
        type_ = e.target.type
        return isinstance(type_, EntityOf) and self.world.package.schema.entities[type_.names[0]].key == e.name

    def _checked(self, e: c.Attribute | c.HasAttribute, field: Field, raw: ast.expr, f: Function) -> ast.expr:
        at = self.raw(e.target, f.raws)
        assert at is not None
        variable = f.read[reads(e.target, e.name)] = f.fresh("a")
        plain = name(variable) if f.ahead else walrus(variable, raw)
        tests = self._quick(field.plain, name(variable))
        below = Raw(at.depth + 1, at.lists)
        if not tests and not field.optional:
            made = self.read_slowly(field.plain, raw, below)
            if not f.ahead:
                return walrus(variable, made)
            f.body.append(assign(variable, made))
            return name(variable)
        if field.optional:
            absent = compare(plain, ast.Is(), const(None))
            asked = junction(ast.Or(), [absent, passes(tests)]) if tests else absent
        else:
            (first,) = self._quick(field.plain, plain)[:1]
            asked = passes([first, *tests[1:]])
        slow = self.read_slowly(field.plain, name(variable), below)
        if not f.ahead:  # a1 if type((a1 := subject.get('x', NOTHING))) is str and … else (a1 := member(r1, a1))
            return ast.IfExp(asked, name(variable), walrus(variable, slow))
        f.body.append(assign(variable, raw))  # a1 = subject.get('x', NOTHING)
        f.body.append(ast.If(negation(asked), [assign(variable, slow)], []))  # if not (type(a1) is str and …): a1 = member(r1, a1)
        return name(variable)

    def _get(self, e: c.Attribute | c.HasAttribute, field: Field, f: Function) -> ast.expr:
        """subject['level'], which hands over where it is missing; a1.get('level', NOTHING) of what may be a bare key or absent"""
        target = name(e.target.name) if isinstance(e.target, c.Root) else self.in_place(e.target, f)
        if field.absent_by_default or not self._surely_dict(e.target):
            found: ast.expr = call(attribute(target, "get"), const(e.name), *([] if field.absent_by_default else [self._nothing()]))
        else:
            found = item(target, e.name)
        if not isinstance(e.target, c.Root):
            return found
        if e.target.name == "context":
            return found
        kinds = self.world.kinds(e.target.name)
        having = frozenset(kind for kind in kinds if e.name in self.world.forms.owners[kind])
        if having == kinds:
            return found
        return ast.IfExp(compare(self.type_of(e.target.name), ast.In(), self.world.slots.slot(having)), found, self.hand_over())

    def _surely_dict(self, e: c.Expression) -> bool:
        """Whether what is read in place was seen to be a dict."""
        if isinstance(e, c.Attribute):
            return isinstance(e.type, RecordOf) and not self._field(e).optional
        return isinstance(e, c.Root) or (isinstance(e, c.Variable) and isinstance(e.type, RecordOf))

    def reads_alike(self, e: c.Attribute | c.HasAttribute) -> bool:
        """Whether an attribute is declared alike by all that the part of the request may be."""
        assert isinstance(e.target, c.Root)
        owners = self.world.forms.owners
        return len({owners[kind][e.name] for kind in self.world.kinds(e.target.name) if e.name in owners[kind]}) == 1

    def read_slowly(self, type_: Type, raw: ast.expr, at: Raw) -> ast.expr:
        """member(r1, a1), or of what stands deeper: member(r1, a1, 2, 100000)"""
        if isinstance(type_, SetOf) and is_plain(type_.element) and at.lists == 0:  # K1(a1)
            return call(self.world.readers.member_set(type_.element), raw)
        reader = self.world.readers.reader(type_, exact=False)
        if at == Raw(1, 0):
            return self.run("member", reader, raw)
        return self.run("member", reader, raw, const(at.depth), integer(PLENTY // LONGEST_IN_PLACE**at.lists))

    # ── small things ───────────────────────────────────────────────────────────────────────────────────────

    def _field(self, e: c.Attribute | c.HasAttribute) -> Field:
        return self.world.field(e)

    def _quick(self, type_: Type, variable: ast.expr) -> list[ast.expr]:
        return quick_test(type_, variable, self.world.slots, self.world.package.tables)

    def _class(self, of: ast.expr) -> ast.expr:
        return call(self.world.slots.helper("type", _TYPE), of)

    def _nothing(self) -> ast.expr:
        return self.world.slots.helper("NOTHING", NOTHING)


def _left(count: int) -> ast.expr:
    return ast.List([const(count)], ast.Load())


def _stands_anywhere(e: c.Expression) -> bool:
    if isinstance(e, c.Constant):
        return isinstance(e.value, EntityValue) or (isinstance(e.value, ListValue) and not e.value.elements)
    return isinstance(e, c.ListOfExpressions) and not e.elements
