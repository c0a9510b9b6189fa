"""Floor 4, compiler: normal forms: the entities, records and contexts that generated code reads.

A form is an object with one slot an attribute, so that reading is one step and nothing has to be looked up. Inside it stand exact classes
only: a scalar is itself, an absent attribute None, a set of scalars a frozenset, a list a tuple, a record or entity another form, a set of
values with parts a `Several`.

There are two kinds. In a *fast* form the slot of what is unknown is empty: reading it raises AttributeError, which hands over to the exact
path and costs nothing where everything is known. In an *exact* form the slot holds the Unknown. Where all is known one object is both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from abac.compiler.classes import is_plain
from abac.compiler.uses import fields_of
from abac.model.request import Request
from abac.model.schema import Schema
from abac.model.types import EntityOf, ListOf, RecordOf, SetOf, Type
from abac.model.values import ABSENT, EntityValue, ListValue, RecordValue, SetValue, Unknown, Validated, set_of

UNSET: Any = object()
"""In place of a value that a fast form leaves out."""

HIDDEN = ("_value", "_type", "_path", "_exact")
"""Beside the attributes: what the form was made of, whose attributes it has, where it stood, and its exact form."""


class Form(Validated):
    """Made by `Forms` alone; generated code reads its slots and nothing else."""

    __slots__ = ()
    _type: str
    _path: str
    _exact: Form


class Several:
    """A set of values with parts: its forms to walk through, and the set itself to compare with."""

    __slots__ = ("forms", "value")

    def __init__(self, value: SetValue, forms: tuple[Any, ...]) -> None:
        self.value, self.forms = value, forms

    def __iter__(self) -> Iterator[Any]:
        return iter(self.forms)

    def __len__(self) -> int:
        return len(self.forms)


class Forms:
    """The classes of one package's forms, and what makes forms of values.

    Attributes:
        slots: the slot of each attribute name; one name has one slot whatever it belongs to.
        ages: the slot of each attribute name of which it is asked how old it is: since when it is known, empty if no source said that.
        groups: the number of each entity that others are asked to stand in: slot `u1` holds the keys of all of the first that an entity
            stands in, UNSET for an unknown key, and `w1` False, or what is unknown about them.
        classes: by record, entity or `context`; what `Engine.subject` and its like give out has a class from `frozen`.
    """

    def __init__(self, schema: Schema, groups: Iterable[str] = (), ages: Iterable[str] = ()) -> None:
        self.schema = schema
        self.owners = {name: fields_of(schema, name) for name in (*schema.records, *schema.entities, "context")}
        self.slots = {name: f"f{i}" for i, name in enumerate(sorted({n for fields in self.owners.values() for n in fields}), 1)}
        self.ages = {name: f"o{i}" for i, name in enumerate(sorted(ages), 1)}
        self.groups = {name: i for i, name in enumerate(sorted(groups), 1)}
        self.classes = {owner: self._class(owner, {}) for owner in self.owners}
        self.frozen = {owner: self._class(owner, _FROZEN) for owner in self.owners}

    def _class(self, owner: str, members: dict[str, Any]) -> Any:
        """A class with the slots, which have names for people too: `entity.role`, and `entity.in_Team` for the keys of its teams."""
        of_entities = [*(f"{letter}{i}" for i in self.groups.values() for letter in "uw"), *self.ages.values()]
        slots = (*(self.slots[name] for name in self.owners[owner]), *(of_entities if owner in self.schema.entities else ()), *HIDDEN)
        made = type(owner, (Form,), {"__slots__": slots, "__module__": __name__, **members})
        for name in self.owners[owner]:
            _name(made, name, self.slots[name])
        if owner in self.schema.entities:
            for group, i in self.groups.items():
                _name(made, f"in_{group}", f"u{i}")
            made._key = made.__dict__[self.slots[self.schema.entities[owner].key]]  # type: ignore[attr-defined]
        return made

    # ── from values ────────────────────────────────────────────────────────────────────────────────────────

    def top(self, value: EntityValue | RecordValue) -> Form:
        """The fast form of a part of a request, which knows its exact one."""
        made: Any
        made, whole = self._made(value, exact=False)
        made._exact = made if whole else self._made(value, exact=True)[0]
        return made  # type: ignore[no-any-return]  # a Form

    def parts(self, request: Request) -> tuple[Form, Form, Form]:
        """The fast forms of subject, resource and context."""
        return self.top(request.subject), self.top(request.resource), self.top(request.context)

    def _made(self, value: EntityValue | RecordValue, *, exact: bool) -> tuple[Form, bool]:
        maker = Maker(self, exact)
        made = maker.form(value)
        return made, maker.whole

    def fast(self, value: Any, type_: Type) -> Any:
        """The fast form of a known value of the policy."""
        return Maker(self, exact=False).normal(value, type_)

    def exact(self, value: Any, type_: Type) -> Any:
        """The exact form of a value, unknown or absent ones too."""
        return Maker(self, exact=True).normal(value, type_)

    def freeze(self, form: Form) -> None:
        """Nobody can change it any more, nor what is inside."""
        for name in self.owners[form._type]:
            _each(getattr(form, self.slots[name], None), self.freeze)
        exact = getattr(form, "_exact", form)
        if type(form) is self.classes[form._type]:
            form.__class__ = self.frozen[form._type]
        if exact is not form:
            self.freeze(exact)


def _each(value: Any, do: Callable[[Form], None]) -> None:
    if isinstance(value, Form):
        do(value)
    elif type(value) is tuple or type(value) is Several:
        for each in value:
            _each(each, do)


def _name(form: Any, name: str, slot: str) -> None:
    """Another name for a slot, unless it is taken or would hide something."""
    if not name.startswith("_") and name not in form.__dict__:
        setattr(form, name, form.__dict__[slot])


class Maker:
    """Makes forms of values. `whole`: whether everything met so far was known."""

    def __init__(self, forms: Forms, exact: bool) -> None:
        self.forms, self.exact, self.whole = forms, exact, True

    def normal(self, value: Any, type_: Type) -> Any:
        """The value's form; UNSET for what a fast form leaves out."""
        if type(value) is Unknown:
            return self._unknown(value)
        if value is ABSENT:
            return None
        match type_:
            case SetOf(element=element):
                return self._set(value, element)
            case ListOf(element=element):
                return self._list(value.elements, element)
            case RecordOf() | EntityOf():
                return self.form(value)
        return value

    def _unknown(self, value: Unknown) -> Any:
        self.whole = False
        return value if self.exact else UNSET

    def _list(self, elements: tuple[Any, ...], element: Type) -> Any:
        made = tuple(self.normal(each, element) for each in elements)
        return UNSET if UNSET in made else made

    def _set(self, value: SetValue, element: Type) -> Any:
        """A set with unknown elements is unknown to the fast path: what is not found may be among them."""
        if value.plain is not None and is_plain(element):
            return value.plain
        if is_plain(element):
            self.whole = False
            return value if self.exact else UNSET
        forms = self._list(value.elements, element)
        return forms if forms is UNSET else Several(value, forms)

    def form(self, value: EntityValue | RecordValue) -> Form:
        forms = self.forms
        owner = value.type
        made: Any = forms.classes[owner]()
        made._value, made._type, made._path = value, owner, value.path
        for name, field in forms.owners[owner].items():
            found = self.normal(value.fields[name], field.plain)
            if found is not UNSET:
                setattr(made, forms.slots[name], found)
        if type(value) is EntityValue:
            self.stand(made, value)
            for name, slot in forms.ages.items():
                if value.origins is not None and name in value.origins:
                    setattr(made, slot, value.origins[name].fetched_at)
        return made  # type: ignore[no-any-return]  # a Form

    def stand(self, made: Any, value: EntityValue) -> None:
        """The groups that an entity stands in, itself among them."""
        if not self.forms.groups:
            return
        above = list(upwards(value))
        for group, number in self.forms.groups.items():
            keys = [each.key for each in above if type(each) is EntityValue and each.type == group]
            setattr(made, f"u{number}", frozenset(UNSET if type(key) is Unknown else key for key in keys))
            unknown = [each for each in (*keys, *above) if type(each) is Unknown]
            found = self._unknown(Unknown.union(unknown)) if unknown else False
            if found is not UNSET:
                setattr(made, f"w{number}", found)


def upwards(entity: EntityValue) -> Iterator[EntityValue | Unknown]:
    """The entity and all it stands in; an unknown wherever parents are."""
    waiting: list[Any] = [entity]
    while waiting:
        each = waiting.pop()
        yield each
        if type(each) is EntityValue:
            waiting += (each.parents,) if isinstance(each.parents, Unknown) else each.parents.elements


def value_of(form: Any) -> Any:
    """The value that a form, fast or exact, stands for."""
    match form:
        case None:
            return ABSENT
        case frozenset():
            return set_of(form)
        case tuple():
            return ListValue(tuple(value_of(each) for each in form))
        case Several():
            return form.value
        case Form():
            return form._value
    return form


# ── what is given out cannot be changed ────────────────────────────────────────────────────────────────────


def _refuse(self: Form, name: str, value: object = None) -> None:
    raise AttributeError(f"{type(self).__name__} was read once and cannot be changed: read it again")


def _made_by_the_engine(cls: type, /, *arguments: object, **named: object) -> None:
    raise TypeError(f"only an engine makes a {cls.__name__}: `Engine.subject`, `Engine.resource`, `Engine.context`")


def _shown(self: Any) -> str:
    key = getattr(self, "_key", None)
    return f"<{self._type}>" if key is None else f"<{self._type} {key!r}>"


def _itself(self: Form, memo: object = None) -> Form:
    return self


_FROZEN: dict[str, Any] = {
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__new__": _made_by_the_engine,
    "__init_subclass__": classmethod(_made_by_the_engine),
    "__copy__": _itself,
    "__deepcopy__": _itself,
    "__reduce_ex__": _made_by_the_engine,
    "__repr__": _shown,
}
