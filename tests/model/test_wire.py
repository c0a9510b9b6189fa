"""Objects are read by type, each bad part as an unknown with its own path."""

from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import pytest
from pydantic import BaseModel, ConfigDict, computed_field

from abac.model import types as t
from abac.model.schema import Entity, Field, Schema
from abac.model.values import (
    ABSENT,
    Absence,
    Cause,
    CauseKind,
    EntityRef,
    EntityValue,
    Interval,
    ListValue,
    RecordValue,
    SetValue,
    Unknown,
    set_of,
)
from abac.model.wire import read, read_entity, read_field, read_fields
from tests.model.wire_samples import (
    EITHER,
    NOON,
    PERSON,
    SCHEMA,
    TABLES,
    K,
    Lookup,
    reading,
    shown,
    unknown,
)

# ── parts have paths ─────────────────────────────────────────────────────────────────────────────────────


def test_bad_elements_stay_in_place_with_their_index() -> None:
    found = reading([{"country": "US", "since": None}, {"country": "ZZ", "since": "x"}, None, 5], t.ListOf(t.RecordOf("Tie")), "s.ties")
    assert shown(found) == (
        ListValue,
        [
            ("record", "Tie", [("country", (str, "US")), ("since", (Absence, ABSENT))]),
            ("record", "Tie", [("country", [("s.ties[1].country", "no such row")]), ("since", [("s.ties[1].since", "mistyped")])]),
            [("s.ties[2]", "mistyped")],
            [("s.ties[3]", "mistyped")],
        ],
    )


def test_unknown_elements_of_a_set_are_kept_and_named_in_the_given_order() -> None:
    found = reading(["b", None, "a", 5, "b"], t.SetOf(t.STRING), "s")
    assert found == SetValue(("a", "b", unknown("s[1]", K.MISTYPED), unknown("s[3]", K.MISTYPED)))


def test_elements_of_a_python_set_have_no_index() -> None:
    found = reading({"b", 5, "a"}, t.SetOf(t.STRING), "s")
    assert found == SetValue(("a", "b", unknown("s[*]", K.MISTYPED)))


@pytest.mark.parametrize(
    ("raw", "causes"),
    [
        ({}, [("i.from", K.MISSING)]),
        ({"from": None}, [("i.from", K.MISTYPED)]),
        ({"from": "2026-01-01", "until": 5}, [("i.until", K.MISTYPED)]),
        ({"from": "x", "until": "y"}, [("i.from", K.MISTYPED), ("i.until", K.MISTYPED)]),
    ],
)
def test_an_interval_with_a_bad_bound_is_unknown(raw: object, causes: list[tuple[str, CauseKind]]) -> None:
    assert reading(raw, t.IntervalOf(t.DATE), "i") == Unknown(frozenset(Cause(*cause) for cause in causes))


@pytest.mark.parametrize(
    ("field", "container", "value"),
    [
        (Field("a", t.INT), {"a": 1}, 1),
        (Field("a", t.INT), {}, unknown("s.a", K.MISSING)),
        (Field("a", t.INT), {"a": None}, unknown("s.a", K.MISTYPED)),
        (Field("a", t.INT, absent_by_default=True), {}, ABSENT),
        (Field("a", t.INT, absent_by_default=True), {"a": None}, unknown("s.a", K.MISTYPED)),
        (Field("a", t.Optional(t.INT)), {"a": None}, ABSENT),
        (Field("a", t.Optional(t.INT)), {}, unknown("s.a", K.MISSING)),
        (Field("a", t.Optional(t.INT)), {"a": "x"}, unknown("s.a", K.MISTYPED)),
        (Field("a", t.Optional(t.INT), absent_by_default=True), {}, ABSENT),
        (Field("a", t.Optional(t.INT), absent_by_default=True), {"a": "x"}, unknown("s.a", K.MISTYPED)),
        (Field("a", t.INT), [1], unknown("s", K.MISTYPED)),
        (Field("a", t.INT, absent_by_default=True), None, unknown("s", K.MISTYPED)),
    ],
)
def test_null_and_missing_members_are_absent_or_unknown_as_declared(field: Field, container: object, value: object) -> None:
    assert read_field(container, field, "s", SCHEMA, TABLES) == value


def test_fields_stand_in_declared_order_and_undeclared_members_are_ignored() -> None:
    found = read_fields({"zzz": object(), "n": 1, "note": "a"}, SCHEMA.records["Noted"].fields, "c", SCHEMA, TABLES)
    assert found == {"note": "a", "n": 1}
    assert isinstance(found, dict) and list(found) == ["note", "n"]
    assert read_fields([], SCHEMA.records["Noted"].fields, "c", SCHEMA, TABLES) == unknown("c", K.MISTYPED)


# ── entities ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_entity_is_read_whole() -> None:
    raw = {
        "id": "p",
        "ties": [],
        "org": {"id": 1, "country": "US"},
        "parents": [{"entity_type": "Org", "id": 2, "country": "CU"}, {"id": 3}],
    }
    assert shown(reading(raw, PERSON, "subject")) == (
        "entity",
        "Person",
        (str, "p"),
        [
            ("id", (str, "p")),
            ("ties", (ListValue, [])),
            ("org", ("entity", "Org", (int, 1), [("id", (int, 1)), ("country", (str, "US"))], (ListValue, []), "subject.org")),
            ("nick", (Absence, ABSENT)),
        ],
        (
            ListValue,
            [
                ("entity", "Org", (int, 2), [("id", (int, 2)), ("country", (str, "CU"))], (ListValue, []), "subject.parents[0]"),
                [("subject.parents[1].entity_type", "mistyped")],
            ],
        ),
        "subject",
    )


def test_a_bare_key_is_an_entity_of_which_nothing_else_is_known() -> None:
    assert shown(reading("g", t.EntityOf(("Group",)), "s.group")) == (
        "entity",
        "Group",
        (str, "g"),
        [("id", (str, "g")), ("level", [("s.group.level", "missing")])],
        [("s.group.parents", "missing")],
        "s.group",
    )
    org = reading(7, t.EntityOf(("Org",)), "s.org")
    assert isinstance(org, EntityValue) and org.parents == ListValue(())


def test_a_bare_key_does_not_make_defaults_known() -> None:
    person = reading("p", PERSON, "s")
    assert isinstance(person, EntityValue)
    assert person.fields["nick"] == unknown("s.nick", K.MISSING)


def test_parents_are_bare_keys_or_objects_with_parents_of_their_own() -> None:
    raw = {"id": "a", "level": 1, "parents": ["b", {"id": "c", "level": 2, "parents": []}, 5, None]}
    group = reading(raw, t.EntityOf(("Group",)), "g")
    assert isinstance(group, EntityValue) and isinstance(group.parents, ListValue)
    below, beside, *bad = group.parents.elements
    assert isinstance(below, EntityValue) and (below.key, below.parents) == ("b", unknown("g.parents[0].parents", K.MISSING))
    assert isinstance(beside, EntityValue) and (beside.key, beside.fields["level"], beside.parents) == ("c", 2, ListValue(()))
    assert bad == [unknown("g.parents[2]", K.MISTYPED), unknown("g.parents[3]", K.MISTYPED)]


@pytest.mark.parametrize(
    ("raw", "parents"),
    [
        ({"id": "a"}, unknown("g.parents", K.MISSING)),
        ({"id": "a", "parents": None}, unknown("g.parents", K.MISTYPED)),
        ({"id": "a", "parents": "b"}, unknown("g.parents", K.MISTYPED)),
        ({"id": "a", "parents": {"id": "b"}}, unknown("g.parents", K.MISTYPED)),
        ({"id": "a", "parents": []}, ListValue(())),
    ],
)
def test_parents_that_are_no_list_are_unknown(raw: object, parents: object) -> None:
    group = reading(raw, t.EntityOf(("Group",)), "g")
    assert isinstance(group, EntityValue) and group.parents == parents


def test_a_type_without_declared_parents_has_none_whatever_is_sent() -> None:
    org = reading({"id": 1, "country": "US", "parents": ["x"]}, t.EntityOf(("Org",)), "o")
    assert isinstance(org, EntityValue) and org.parents == ListValue(())


@pytest.mark.parametrize(
    ("raw", "kind"), [({"level": 1}, K.MISSING), ({"id": 5, "level": 1}, K.MISTYPED), ({"id": None, "level": 1}, K.MISTYPED)]
)
def test_an_object_without_a_good_key_has_an_unknown_key_and_its_fields(raw: object, kind: CauseKind) -> None:
    group = reading(raw, t.EntityOf(("Group",)), "g")
    assert isinstance(group, EntityValue)
    assert (group.key, group.fields["level"]) == (unknown("g.id", kind), 1)


@pytest.mark.parametrize(
    "raw", [{"id": 1}, {"id": 1, "entity_type": "Person"}, {"id": 1, "entity_type": None}, {"entity_type": ["Org"]}, 1, "a"]
)
def test_of_several_types_the_right_one_must_be_named(raw: object) -> None:
    assert reading(raw, EITHER, "e") == unknown("e.entity_type", K.MISTYPED)


def test_the_named_type_is_read() -> None:
    org = reading({"entity_type": "Org", "id": 1, "country": "US"}, EITHER, "e")
    assert isinstance(org, EntityValue) and (org.type, org.key) == ("Org", 1)


def test_a_named_type_must_be_the_only_possible_one() -> None:
    assert reading({"entity_type": "Group", "id": 1}, t.EntityOf(("Org",)), "e") == unknown("e.entity_type", K.MISTYPED)
    assert isinstance(reading({"entity_type": "Org", "id": 1}, t.EntityOf(("Org",)), "e"), EntityValue)


def test_where_an_object_is_due_a_bare_key_will_not_do() -> None:
    assert read_entity("g", ("Group",), "subject", SCHEMA, TABLES) == unknown("subject", K.MISTYPED)
    group = read_entity({"id": "g"}, ("Group",), "subject", SCHEMA, TABLES)
    assert isinstance(group, EntityValue) and group.key == "g"


# ── Python objects ───────────────────────────────────────────────────────────────────────────────────────


@dataclass
class NotedData:
    n: int
    note: str = "stated"


class NotedModel(BaseModel):
    n: int
    note: str = "stated"


@dataclass(frozen=True, slots=True)
class Computed:
    n: int

    @property
    def note(self) -> str:
        return "computed"


@dataclass
class Cached:
    n: int

    @cached_property
    def note(self) -> str:
        return "cached"


class ComputedModel(BaseModel):
    n: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def note(self) -> str:
        return "computed"


class OpenModel(BaseModel):
    model_config = ConfigDict(extra="allow")
    n: int


class BadDict(dict[str, object]):
    def __getitem__(self, name: str) -> object:
        raise AssertionError("asked")

    get = __iter__ = __contains__ = __len__ = keys = items = __getattribute__ = __getitem__  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        ({"n": 1}, ABSENT),
        (OrderedDict(n=1, note="a"), "a"),
        (defaultdict(int, n=1), ABSENT),
        (BadDict(n=1, note="a"), "a"),
        (MappingProxyType({"n": 1, "note": "a"}), "a"),
        (UserDict({"n": 1}), ABSENT),
        (Lookup(n=1), ABSENT),
        (NotedData(1), "stated"),
        (NotedModel(n=1), "stated"),
        (Computed(1), "computed"),
        (Cached(1), "cached"),
        (ComputedModel(n=1), "computed"),
        (OpenModel(n=1, note="extra"), "extra"),  # type: ignore[call-arg]
        (OpenModel(n=1), ABSENT),
        (RecordValue("Noted", {"n": 1, "note": ABSENT}), unknown("r.note", K.MISTYPED)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_objects_of_many_kinds_are_read_as_records(raw: object, note: object) -> None:
    assert shown(reading(raw, t.RecordOf("Noted"), "r")) == shown(RecordValue("Noted", {"note": note, "n": 1}))  # type: ignore[dict-item]


def test_each_member_is_read_once() -> None:
    raw = Lookup(id="g", level=1, parents=[])
    reading(raw, t.EntityOf(("Group",)))
    assert sorted(raw.reads) == ["entity_type", "id", "level", "parents"]


def test_methods_of_a_model_are_no_attributes() -> None:
    field = Field("copy", t.INT, absent_by_default=True)
    assert read_field(NotedModel(n=1), field, "s", SCHEMA, TABLES) is ABSENT
    assert read_field(NotedData(n=1), Field("__init__", t.INT), "s", SCHEMA, TABLES) == unknown("s.__init__", K.MISSING)


def test_an_element_of_a_collection_is_read_past_what_its_class_overrides() -> None:
    class Many(list[object]):
        def __iter__(self) -> Iterator[object]:
            raise AssertionError("asked")

        __len__ = __getitem__ = __getattribute__ = __iter__  # type: ignore[assignment, misc]

    assert reading(Many([1, 2]), t.ListOf(t.INT)) == ListValue((1, 2))


def test_a_value_already_read_reads_as_itself() -> None:
    raw = {"id": "p", "ties": [{"country": "ZZ"}], "org": None, "parents": [{"entity_type": "Group", "id": "g"}, 5]}
    person = reading(raw, PERSON, "s")
    assert shown(reading(person, PERSON, "s")) == shown(person)
    assert reading(unknown("far", K.STALE), t.INT) == unknown("far", K.STALE)
    assert read_entity(unknown("far", K.STALE), ("Org",), "s", SCHEMA, TABLES) == unknown("far", K.STALE)
    for value in (set_of([1, 2]), ListValue((1,))):
        assert reading(value, t.SetOf(t.INT)) == set_of(value.elements)
        assert reading(value, t.RecordOf("Noted")) == unknown("x", K.MISTYPED)
    assert reading(Interval(NOON, None), t.IntervalOf(t.INSTANT)) == Interval(NOON, None)


# ── entities by type and key ─────────────────────────────────────────────────────────────────────────────


def test_an_entity_ref_stands_for_an_entity_wherever_a_bare_key_may_and_where_it_would_not_say_which() -> None:
    inner = {"a": Entity("A", "id", {"id": Field("id", t.STRING)}), "b": Entity("B", "no", {"no": Field("no", t.INT)})}
    schema = Schema(entities={entity.name: entity for entity in inner.values()})
    one, either = t.EntityOf(("A",)), t.EntityOf(("A", "B"))
    for type_, raw, kind, key in (
        (one, EntityRef("A", "x"), "A", "x"),
        (either, EntityRef("A", "x"), "A", "x"),
        (either, EntityRef("B", 7), "B", 7),
    ):
        found = read(raw, type_, "place", schema, {})
        assert isinstance(found, EntityValue) and (found.type, found.key, found.path) == (kind, key, "place")
    for type_, raw in (
        (one, EntityRef("B", 7)), (either, EntityRef("C", "x")), (either, EntityRef(7, "x")), (either, EntityRef("B", True)),  # type: ignore[arg-type]
        (either, EntityRef("A", None)), (either, "x"), (one, EntityRef("A", EntityRef("A", "x"))),
    ):  # fmt: skip
        assert isinstance(read(raw, type_, "place", schema, {}), Unknown), raw
    assert isinstance(read_entity(EntityRef("A", "x"), ("A",), "subject", schema, {}), Unknown)
