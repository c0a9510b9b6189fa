"""Wrong values at every place of real requests: nothing raises, and what is not well typed never turns another effect into a permit."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from abac.model import types as t
from abac.model.decision import Decision, Effect
from abac.model.json_text import dump_json
from abac.model.schema import Field, Schema
from tests.packs.pack_cases import Pack

PACKS = [Pack("export_control"), Pack("hospital"), Pack("saas")]
PARTS = ("subject", "action", "resource", "context")
REMOVED = object()
NESTED = {"a": [{"id": None, "b": [[], {}, [1.5]]}], "": {"__class__": "x"}}
REPLACEMENTS = [REMOVED, None, True, 0, Decimal("1.5"), 1.5, float("nan"), 10**30, "", "x" * 10, [], {}, NESTED]
LONG = 4_500  # characters of a case that only a long run damages at every place


# ── every place of a request, with the type that stands there ────────────────────────────────────────────


@dataclasses.dataclass(frozen=True)
class Place:
    """A value in a request: `path` leads to it; `field` says what may stand there, None if nothing is declared."""

    path: tuple[str | int, ...]
    field: Field | None
    removable: bool = False

    def replaced(self, case: dict[str, Any], value: object) -> dict[str, Any]:
        changed = {name: copy.deepcopy(case.get(name)) for name in PARTS}
        holder: Any = changed
        for step in self.path[:-1]:
            holder = holder[step]
        if value is REMOVED:
            del holder[self.path[-1]]
        else:
            holder[self.path[-1]] = value
        return changed


class Places:
    """The places of requests by a schema: an independent reading of what is declared."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def of(self, case: dict[str, Any]) -> Iterator[Place]:
        yield Place(("action",), Field("action", t.Words(tuple(self.schema.actions))), True)
        signature = self.schema.actions.get(case["action"])
        for part, names in ("subject", signature.subjects), ("resource", signature.resources):  # type: ignore[union-attr]
            yield Place((part,), Field(part, t.RecordOf("")), True)  # must be an object
            yield from self._inside(case[part], t.EntityOf(names), (part,))
        yield Place(("context",), None, True)
        yield from self._members(case["context"], self.schema.context.fields, ("context",))

    def _inside(self, value: object, type: t.Type, path: tuple[str | int, ...]) -> Iterator[Place]:
        match t.plain(type), value:
            case t.EntityOf(names=names), dict():
                name = value.get("entity_type", names[0])
                yield from self._members(value, self.schema.entities[name if name in names else names[0]].fields, path)
            case t.RecordOf(name=name), dict():
                yield from self._members(value, self.schema.records[name].fields, path)
            case ((t.SetOf(element=element) | t.ListOf(element=element)), list()):
                for index, each in enumerate(value):
                    yield Place((*path, index), Field("", element))
                    yield from self._inside(each, element, (*path, index))

    def _members(self, value: dict[str, Any], fields: Any, path: tuple[str | int, ...]) -> Iterator[Place]:
        for name, each in value.items():
            if name in fields:
                yield Place((*path, name), fields[name], True)
                yield from self._inside(each, fields[name].type, (*path, name))
            else:
                yield Place((*path, name), None, True)  # `entity_type`, `parents`, and what nothing declares

    def well_typed(self, place: Place, value: object) -> bool:
        """Whether a value may be one that the place admits, so that nothing is promised of it."""
        if place.field is None:
            return place.path[-1] in ("parents", "context") and isinstance(value, list | dict)
        if value is REMOVED:
            return place.field.absent_by_default
        return self._admits(place.field.type, value)

    def _admits(self, type: t.Type, value: object) -> bool:
        match type:
            case t.Optional(inner=inner):
                return value is None or self._admits(inner, value)
            case t.BOOL:
                return value is True
            case t.INT:
                return value == 0 and value.__class__ is int
            case t.DECIMAL:
                return isinstance(value, Decimal) or value.__class__ is int
            case t.STRING:
                return isinstance(value, str)
            case t.Words(words=words, open=open_):
                return isinstance(value, str) and (open_ or value in words)
            case t.SetOf() | t.ListOf():
                return value == []
            case t.EntityOf():
                return isinstance(value, str | dict)  # a bare key, or an object with all it has absent by default
            case t.RecordOf(name=name):
                record = self.schema.records.get(name)
                return isinstance(value, dict) and record is not None and any(f.absent_by_default for f in record.fields.values())
        return False


def places(pack: Pack, case: dict[str, Any]) -> list[Place]:
    if case["action"] not in pack.engine.schema.actions:
        return []
    return list(Places(pack.engine.schema).of(case))


def chosen(pack: Pack) -> list[dict[str, Any]]:
    """A short case of every reason code."""
    by_code = {case["expected"]["reason_code"]: case for case in reversed(pack.cases) if len(str(case)) < LONG}
    return list(by_code.values())


def ask(pack: Pack, parts: dict[str, Any]) -> Decision:
    return pack.engine.decide(*(parts.get(name) for name in PARTS))


# ── wrong types ──────────────────────────────────────────────────────────────────────────────────────────


def check_wrong_types(pack: Pack, cases: list[dict[str, Any]], every: int) -> int:
    """Damage the cases at every place, with every so many of the replacements; they take turns."""
    read = Places(pack.engine.schema)
    turn = tried = 0
    for case in cases:
        before = ask(pack, case)
        for place in places(pack, case):
            for value in REPLACEMENTS[turn % every :: every]:
                if value is REMOVED and not place.removable:
                    continue
                after = ask(pack, place.replaced(case, value))
                assert after.effect in Effect
                tried += 1
                if after.permitted and not before.permitted:
                    assert read.well_typed(place, value), (case["id"], place.path, value, before.rule, after.rule)
            turn += 1
    return tried


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_no_wrong_type_at_any_place_raises_or_permits(pack: Pack) -> None:
    assert check_wrong_types(pack, chosen(pack), every=7) > 1000


@pytest.mark.long
@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_no_wrong_type_at_any_place_of_any_case_raises_or_permits(pack: Pack) -> None:
    assert check_wrong_types(pack, pack.cases, every=1) > 10_000


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_a_damaged_permit_is_no_permit_where_the_value_was_needed(pack: Pack) -> None:
    """So that the tests above do not hold for want of anything read."""
    case = next(case for case in pack.cases if case["expected"]["effect"] == "permit")
    lost = [place.path for place in places(pack, case) if place.removable and not ask(pack, place.replaced(case, REMOVED)).permitted]
    assert len(lost) >= 8


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_members_that_nothing_declares_change_nothing(pack: Pack) -> None:
    extra = {
        "__class__": "x",
        "__import__": NESTED,
        "constructor": None,
        "0": 1,
        "": "",
        "permit": True,
        "effect": "permit",
        "subject.id": 7,
    }
    for case in chosen(pack):
        before = dump_json(ask(pack, case).to_dict())
        changed = copy.deepcopy({name: case[name] for name in PARTS})
        for holder in _objects(changed):
            holder.update({name: value for name, value in extra.items() if name not in holder})
        assert dump_json(ask(pack, changed).to_dict()) == before, case["id"]


def _objects(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        for each in list(value.values()):
            yield from _objects(each)
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)


# ── objects that raise ───────────────────────────────────────────────────────────────────────────────────

CALLS: list[str] = []
DUNDERS = [
    *("getattribute", "getattr", "setattr", "delattr", "dir", "eq", "ne", "lt", "le", "gt", "ge", "hash", "bool", "len", "length_hint"),
    *("iter", "next", "reversed", "contains", "getitem", "setitem", "delitem", "missing", "call", "str", "repr", "format", "bytes", "int"),
    *("float", "complex", "index", "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "floordiv", "mod", "divmod", "pow", "and", "or"),
    *("xor", "neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil", "enter", "exit", "fspath", "copy", "deepcopy", "reduce"),
    *("reduce_ex", "getstate", "sizeof", "instancecheck", "subclasscheck"),
]
METHODS = ["keys", "items", "values", "get", "model_dump", "utcoffset", "tzinfo", "isoformat", "replace", "startswith", "is_finite"]
FAILURES = [RuntimeError, RecursionError, AttributeError, TypeError, StopIteration]


def raising(name: str, failure: type[Exception]) -> Callable[..., Any]:
    def method(self: object, *arguments: object, **named: object) -> Any:
        CALLS.append(name)
        raise failure("a secret of the request")

    return method


def hostile(base: type, failure: type[Exception], *arguments: object) -> object:
    """An object of a subclass of `base`, whose every method raises."""
    names = [f"__{name}__" for name in DUNDERS] + METHODS
    made = type("Hostile", (base,), {name: raising(name, failure) for name in names})
    return base.__new__(made, *arguments)


def hostile_values(failure: type[Exception]) -> Iterator[tuple[object, object]]:
    """Values, each with the plain value that it may be read as."""
    yield hostile(object, failure), float("nan")
    yield hostile(dict, failure), {}
    yield hostile(list, failure), []
    yield hostile(str, failure, "x" * 10), "x" * 10
    yield hostile(int, failure, 0), 0
    yield hostile(Decimal, failure, "1.5"), Decimal("1.5")
    yield hostile(dt.datetime, failure, 2030, 1, 1), float("nan")
    yield hostile(Mapping, failure), float("nan")


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_an_object_that_raises_at_any_place_neither_escapes_nor_permits(pack: Pack) -> None:
    CALLS.clear()
    engine, read = pack.engine, Places(pack.engine.schema)
    tried = 0
    for case in chosen(pack)[::3]:
        before = ask(pack, case)
        for index, place in enumerate(places(pack, case)):
            values = list(hostile_values(FAILURES[index % len(FAILURES)]))
            for value, meant in (values[0], values[1 + index % (len(values) - 1)]):
                parts = place.replaced(case, value)
                after = ask(pack, parts)
                tried += 1
                if after.permitted and not before.permitted:
                    assert read.well_typed(place, meant), (case["id"], place.path, type(meant))
                if tried % 10 == 0:
                    asked = [parts[name] for name in PARTS]
                    assert engine.permits(*asked) <= after.permitted
                    assert str(engine.explain(*asked)).startswith(after.effect.upper())
    assert tried > 200
    assert CALLS, "nothing of these objects was called: the test shows nothing"


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
@pytest.mark.parametrize("part", PARTS)
def test_a_whole_part_that_raises_is_never_a_permit(pack: Pack, part: str) -> None:
    case = next(case for case in pack.cases if case["expected"]["effect"] == "permit")
    for failure in FAILURES:
        for value, _ in hostile_values(failure):
            parts = {**{name: case[name] for name in PARTS}, part: value}
            assert not ask(pack, parts).permitted
            assert not pack.engine.permits(*(parts[name] for name in PARTS))
