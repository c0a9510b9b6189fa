"""Schemas are made of pydantic models and printed as them; what has no counterpart is told at once."""

from __future__ import annotations

import datetime as dt
import ipaddress
import subprocess
import sys
import warnings
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from pydantic import AwareDatetime, BaseModel, Field, IPvAnyAddress, IPvAnyNetwork, NaiveDatetime, RootModel, SecretStr, computed_field
from typing_extensions import TypeAliasType, TypedDict

from abac import AbacError, Schema
from abac.model import types as t
from abac.model.errors import SchemaError
from abac.model.markers import Advice, AsSet, Clock, Key, KeyOf, Obligation, Ordered, Sensitive
from abac.model.model_source import _SCALARS
from abac.model.models import SCALARS
from abac.model.schema import Action, Context, DutyKind, DutySignature, Entity, Record
from abac.model.schema import Field as Attribute
from abac.model.values import ABSENT, EntityValue
from abac.model.wire import read_entity
from tests.model.schema_samples import module, schemas

ROOT = Path(__file__).parents[2]
Assurance = TypeAliasType("Assurance", Annotated[Literal["attested", "checked"], Ordered()])
Country = TypeAliasType("Country", Annotated[str, KeyOf("countries")])
Code = NewType("Code", str)
Interval = TypedDict("Interval", {"from": AwareDatetime, "until": NotRequired[AwareDatetime | None]})
DateInterval = TypedDict("DateInterval", {"from": dt.date, "until": dt.date})
TimeInterval = TypedDict("TimeInterval", {"from": dt.time, "until": NotRequired[dt.time | None]})
IntInterval = TypedDict("IntInterval", {"from": int, "until": int})


class Place(TypedDict):
    city: str


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Old(str, Enum):  # noqa: UP042  # the older spelling is read too
    ONE = "one"


class Loose(Enum):
    ONE = "one"


class Number(IntEnum):
    ONE = 1


class Tie(BaseModel):
    country: Country
    since: dt.date


class Node(BaseModel):
    next: Node | None


class Team(BaseModel):
    id: Annotated[str, Key()]
    parents: list[Team | str]


class User(BaseModel):
    entity_type: Literal["User"] = "User"
    id: Annotated[int, Key()]
    name: Annotated[str, Sensitive()]
    nick: str | None = None
    phone: str | None
    level: int = 0
    parents: list[Team | str] = []
    manager: User | int | None

    @computed_field
    def is_adult(self) -> bool:
        return self.level > 18

    @property
    def hidden(self) -> str:
        return "no attribute"


class Token(BaseModel):
    entity_type: Literal["Token"] = "Token"
    key: Annotated[UUIDText, Key()]


UUIDText = TypeAliasType("UUIDText", str)


class Where(BaseModel):
    at: Annotated[AwareDatetime, Clock()]
    place: str | None = None


def typed(annotation: Any) -> t.Type:
    """The type that an attribute so annotated has."""
    model = type("Probe", (BaseModel,), {"__annotations__": {"x": annotation}, "__module__": __name__})
    return Schema.from_models(actions={}, also=[model]).records["Probe"].fields["x"].type


def complaints(*annotations: Any) -> tuple[str, ...]:
    model = type("Probe", (BaseModel,), {"__annotations__": {f"x{i}": each for i, each in enumerate(annotations)}, "__module__": __name__})
    return refused(actions={}, also=[model])


def refused(**arguments: Any) -> tuple[str, ...]:
    with pytest.raises(SchemaError) as raised:
        Schema.from_models(**arguments)
    assert isinstance(raised.value, AbacError)
    assert str(raised.value) == "\n".join(raised.value.complaints)
    return raised.value.complaints


COUNTRY = t.KeyOf("countries", t.STRING)

TYPES: list[tuple[Any, t.Type]] = [
    (bool, t.BOOL),
    (int, t.INT),
    (Decimal, t.DECIMAL),
    (str, t.STRING),
    (dt.datetime, t.INSTANT),
    (AwareDatetime, t.INSTANT),
    (dt.date, t.DATE),
    (dt.timedelta, t.DURATION),
    (dt.time, t.TIME_OF_DAY),
    (ZoneInfo, t.TIME_ZONE),
    (ipaddress.IPv4Address | ipaddress.IPv6Address, t.IP_ADDRESS),
    (ipaddress.IPv6Address, t.IP_ADDRESS),
    (IPvAnyAddress, t.IP_ADDRESS),
    (ipaddress.IPv4Network | ipaddress.IPv6Network, t.IP_NETWORK),
    (IPvAnyNetwork, t.IP_NETWORK),
    (Literal["a", "b"], t.Words(("a", "b"))),
    (Literal["a"] | Literal["b"], t.Words(("a", "b"))),
    (Literal["a", "b"] | str, t.Words(("a", "b"), open=True)),
    (Annotated[Literal["a", "b"], Ordered()], t.Words(("a", "b"), ordered=True)),
    (Annotated[Literal["a", "b"] | None, Ordered()], t.Optional(t.Words(("a", "b"), ordered=True))),
    (Literal["a", None], t.Optional(t.Words(("a",)))),
    (Color, t.Words(("red", "blue"))),
    (Old, t.Words(("one",))),
    (Annotated[Color, Ordered()], t.Words(("red", "blue"), ordered=True)),
    (Color | str, t.Words(("red", "blue"), open=True)),
    (Assurance, t.Words(("attested", "checked"), ordered=True)),
    (Annotated[str, KeyOf("countries")], COUNTRY),
    (Annotated[int | None, KeyOf("codes")], t.Optional(t.KeyOf("codes", t.INT))),
    (Country, COUNTRY),
    (set[str], t.SetOf(t.STRING)),
    (frozenset[Country], t.SetOf(COUNTRY)),
    (Annotated[list[Tie], AsSet()], t.SetOf(t.RecordOf("Tie"))),
    (list[set[int]], t.ListOf(t.SetOf(t.INT))),
    (tuple[str, ...], t.ListOf(t.STRING)),
    (Interval, t.IntervalOf(t.INSTANT)),
    (DateInterval, t.IntervalOf(t.DATE)),
    (TimeInterval, t.IntervalOf(t.TIME_OF_DAY)),
    (Tie, t.RecordOf("Tie")),
    (Node, t.RecordOf("Node")),
    (Team, t.EntityOf(("Team",))),
    (Team | str, t.EntityOf(("Team",))),
    (User | int, t.EntityOf(("User",))),
    (int | None, t.Optional(t.INT)),
    (Optional[Country], t.Optional(COUNTRY)),  # noqa: UP045  # the older spelling is read too
    (Code, t.STRING),
    (Annotated[int, Field(gt=0)], t.INT),
    (list[Annotated[int, Field(gt=0)]], t.ListOf(t.INT)),
]


@pytest.mark.parametrize(("annotation", "expected"), TYPES, ids=str)
def test_a_python_type_is_one_type_of_the_language(annotation: Any, expected: t.Type) -> None:
    assert typed(annotation) == expected


def test_every_declarable_type_has_a_row_both_ways() -> None:
    declarable = set(t.DECLARABLE.values())
    assert set(SCALARS.values()) == declarable == set(_SCALARS)


UNSUPPORTED: list[tuple[Any, str]] = [
    (float, "`float` has no counterpart: use `Decimal`, which is exact"),
    (dict[str, int], "`dict[str, int]` has no counterpart: use a model with named attributes, or a table of the package"),
    (Any, "`Any` has no counterpart: name the one type it has"),
    (object, "`object` has no counterpart: name the one type it has"),
    (bytes, "`bytes` has no counterpart: use `str`"),
    (UUID, "`UUID` has no counterpart: use `str`"),
    (complex, "`complex` has no counterpart: use one of the types in docs/schema.md"),
    (SecretStr, "`SecretStr` has no counterpart: use `Annotated[str, Sensitive()]`"),
    (NaiveDatetime, "`NaiveDatetime` has no counterpart: use `AwareDatetime`: an instant needs a zone"),
    (list, "`list` has no counterpart: say of what: `list[str]`"),
    (tuple[int, str], "`tuple[int, str]` has no counterpart: use a model with named attributes, or `tuple[X, ...]`"),
    (int | str, "`int | str` is a union of unlike types: use one of them, or an attribute for each"),
    (Assurance | str, "`Assurance | str` is a union of unlike types: use one of them, or an attribute for each"),
    (Tie | Node, "`Tie | Node` is a union of unlike types: use one of them, or an attribute for each"),
    (Tie | str, "beside `Tie` nothing may stand: it has no key"),
    (Team | int, "beside `Team` only the type of its key, String, may stand"),
    (Literal[1, 2], "a Literal of the language is of strings, `1` is none: use `bool`, `int` or a StrEnum"),
    (Loose, "the members of `Loose` are no strings: use `StrEnum`, or a Literal"),
    (Number, "the members of `Number` are no strings: use `StrEnum`, or a Literal"),
    (list[int | None], "elements are never absent: leave out `None`"),
    (Annotated[int, Ordered()], "`Ordered()` is for a Literal or a StrEnum"),
    (Annotated[Literal["a"] | str, Ordered()], "`Ordered()` is for a Literal or a StrEnum"),
    (Annotated[list[str], KeyOf("countries")], "`KeyOf(…)` is for the type of a table's key, such as `str`"),
    (Annotated[str, KeyOf("my table")], "no table can be called `my table`"),
    (Annotated[set[str], AsSet()], "`AsSet()` is for a list"),
    (
        list[Annotated[str, Sensitive()]],
        "`Sensitive()` marks an attribute, not a part of it: write `Annotated[…, Sensitive()]` around all of its type",
    ),
    (IntInterval, "`from` and `until` of an interval are of `AwareDatetime`, `date` or `time`, both of the same"),
    (Place, "`Place` is no interval, which has `from` and `until`: use a model"),
]


def test_everything_unsupported_is_told_at_once_with_model_attribute_and_advice() -> None:
    found = complaints(*(annotation for annotation, _ in UNSUPPORTED))
    expected = [f"`Probe.x{i}`: {message}" for i, (_, message) in enumerate(UNSUPPORTED)]
    assert sorted(found) == sorted(expected)


def test_models_become_records_entities_and_the_context() -> None:
    schema = Schema.from_models(actions={"read": (User | Token, Team), "go": (User, Team)}, context=Where)
    assert schema == Schema(
        aliases={"UUIDText": t.STRING},
        records={},
        entities={
            "Team": Entity("Team", "id", {"id": Attribute("id", t.STRING)}, ("Team",)),
            "Token": Entity("Token", "key", {"key": Attribute("key", t.STRING)}),
            "User": Entity(
                "User",
                "id",
                {
                    "id": Attribute("id", t.INT),
                    "name": Attribute("name", t.STRING, sensitive=True),
                    "nick": Attribute("nick", t.Optional(t.STRING), absent_by_default=True),
                    "phone": Attribute("phone", t.Optional(t.STRING)),
                    "level": Attribute("level", t.INT),
                    "manager": Attribute("manager", t.Optional(t.EntityOf(("User",)))),
                    "is_adult": Attribute("is_adult", t.BOOL),
                },
                ("Team",),
            ),
        },
        context=Context({"at": Attribute("at", t.INSTANT), "place": Attribute("place", t.Optional(t.STRING), True)}, "at"),
        actions={"read": Action("read", ("Token", "User"), ("Team",)), "go": Action("go", ("User",), ("Team",))},
    )


def test_named_types_become_aliases() -> None:
    schema = Schema.from_models(actions={}, also=[Tie, Color, Assurance])
    assurance = t.Words(("attested", "checked"), ordered=True)
    assert schema.aliases == {"Country": COUNTRY, "Color": t.Words(("red", "blue")), "Assurance": assurance}
    assert str(schema.records["Tie"].fields["country"].type) == "Country"


def test_duties_are_declared_with_python_types() -> None:
    duties = (Obligation("audit.record"), Obligation("retain", {"days": int}, id="retain.5y"), Advice("see", {"where": Country}))
    assert Schema.from_models(actions={}, duties=duties).duties == {
        "audit.record": DutySignature("audit.record", "audit.record", DutyKind.OBLIGATION),
        "retain": DutySignature("retain", "retain.5y", DutyKind.OBLIGATION, (("days", t.INT),)),
        "see": DutySignature("see", "see", DutyKind.ADVICE, (("where", COUNTRY),)),
    }


def test_bad_duties_are_told_at_once() -> None:
    duties: list[Obligation | Advice] = [
        Obligation("a b"),
        Advice("see", {"deny": int, "x": int | None, "y": float}),
        Obligation("keep", id="k"),
        Obligation("hold", id="k"),
    ]
    assert refused(actions={}, duties=duties) == (
        "obligation `a b`: is no name of the language",
        "advice `see`, parameter `deny`: is no name of the language",
        "advice `see`, parameter `x`: a parameter is never absent: leave out `None`",
        "advice `see`, parameter `y`: `float` has no counterpart: use `Decimal`, which is exact",
        "obligation `k`: is declared twice",
    )


class TwoKeys(BaseModel):
    a: Annotated[str, Key()]
    b: Annotated[str, Key()]
    at: Annotated[AwareDatetime, Clock()]


class OptionalKey(BaseModel):
    id: Annotated[str | None, Key()]
    parents: str
    entity_type: str


class BadContext(BaseModel):
    id: Annotated[str, Key()]
    at: Annotated[AwareDatetime | None, Clock()]
    größe: int


class Rooted(RootModel[int]):
    pass


class Early(BaseModel):
    later: NowhereDefined  # type: ignore[name-defined]  # noqa: F821


class Instant(BaseModel):
    x: int


def test_models_that_cannot_take_their_part_are_told_at_once() -> None:
    actions = {"no": (Tie, Team | int), "read": (TwoKeys | OptionalKey, Rooted)}
    assert refused(actions=actions, context=BadContext, also=[Early, Instant]) == (
        "`BadContext.größe`: is no name of the language: letters of ASCII, digits and `_`",
        "`BadContext.id`: the context has no key: leave out `Key()`",
        "`BadContext.at`: the clock is one `AwareDatetime` that is never absent",
        "action `no`: is no name of the language",
        "`Tie`: no attribute is its key: mark the one that identifies it, `id: Annotated[str, Key()]`",
        "action `no`: expected models, found `int`",
        "`TwoKeys.at`: only the context has a clock: leave out `Clock()`",
        "`TwoKeys.b`: an entity has one key, which is `a` already",
        "`OptionalKey.parents`: is reserved for what an entity stands in: `parents: list[Folder | str]`",
        '`OptionalKey.entity_type`: is reserved for the name of the entity: `entity_type: Literal["OptionalKey"] = "OptionalKey"`',
        "`OptionalKey.id`: a key is a plain value that is never absent, this is String?",
        "`Rooted`: a RootModel has no attributes: use the type of its root",
        "`Rooted`: no attribute is its key: mark the one that identifies it, `id: Annotated[str, Key()]`",
        "`Early`: `NowhereDefined` is not defined yet: define it in the same module, or call `Early.model_rebuild()` first",
        "`Instant`: no type can be called so in the language: rename it",
        '`TwoKeys`: stands beside other models: add `entity_type: Literal["TwoKeys"] = "TwoKeys"`',
    )


def test_two_types_of_one_name_are_refused() -> None:
    other = type("Tie", (BaseModel,), {"__annotations__": {"x": int}, "__module__": "elsewhere"})
    assert refused(actions={}, also=[Tie, other]) == (f"`Tie`: two types have this name: {__name__}.Tie and elsewhere.Tie",)


def test_an_alias_that_needs_itself_is_refused() -> None:
    endless: Any = type("TypeAliasType", (), {"__name__": "Endless"})()  # as `type Endless = list[Endless]` makes one from Python 3.12 on
    endless.__value__ = list[endless]
    assert refused(actions={}, also=[endless]) == ("type `Endless`: needs itself: use a model",)


# ── printed as models ──────────────────────────────────────────────────────────────────────────────────────


@given(schemas(tables=True))
def test_models_printed_of_a_schema_make_the_same_schema(schema: Schema) -> None:
    taken = {*schema.aliases, *schema.records, *schema.entities}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydantic mentions attributes such as `json`
        with module(schema.to_models()) as made:
            printed = made.SCHEMA_ if "SCHEMA" in taken else made.SCHEMA
    assert printed == schema
    assert {name: list(entity.fields) for name, entity in printed.entities.items()} == {
        name: list(entity.fields) for name, entity in schema.entities.items()
    }


def test_printed_models_read_like_models() -> None:
    duties = [Obligation("keep", {"days": int}, id="keep.it")]
    schema = Schema.from_models(actions={"read": (User | Token, Team)}, context=Where, duties=duties, also=[Color])
    assert (
        schema.to_models()
        == """\
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel
from typing_extensions import TypeAliasType

from abac import Schema
from abac.model.markers import Clock, Key, Obligation, Sensitive

Color = TypeAliasType("Color", Literal["red", "blue"])


class User(BaseModel):
    id: Annotated[int, Key()]
    name: Annotated[str, Sensitive()]
    nick: str | None = None
    phone: str | None
    level: int
    manager: User | int | None
    is_adult: bool
    parents: list[Team | str]
    entity_type: Literal["User"] = "User"


class Team(BaseModel):
    id: Annotated[str, Key()]
    parents: list[Team | str]


class Token(BaseModel):
    key: Annotated[str, Key()]
    entity_type: Literal["Token"] = "Token"


class Where(BaseModel):
    at: Annotated[AwareDatetime, Clock()]
    place: str | None = None


UUIDText = TypeAliasType("UUIDText", str)


SCHEMA = Schema.from_models(
    actions={
        "read": (Token | User, Team),
    },
    context=Where,
    duties=[
        Obligation("keep", {"days": int}, id="keep.it"),
    ],
    also=[
        UUIDText,
        Color,
    ],
)
""".replace("Where", "Context")
    )


def test_names_that_python_has_no_room_for_are_told_at_once() -> None:
    fields = {name: Attribute(name, t.Optional(t.INT), name == "R") for name in ("_x", "model_fields", "R", "fine")}
    context = Context({"_": Attribute("_", t.INT)})
    schema = Schema(aliases={"None": t.INT, "list": t.INT}, records={"R": Record("R", fields)}, context=context)
    with pytest.raises(SchemaError) as raised:
        schema.to_models()
    assert raised.value.complaints == (
        "`None`: Python has a meaning of its own for this name",
        "`list`: Python has a meaning of its own for this name",
        "`R._x`: no attribute of a model can be called so",
        "`R.model_fields`: no attribute of a model can be called so",
        "`R.R`: the attribute would hide the type `R`",
        "`context._`: no attribute of a model can be called so",
    )


def test_an_attribute_called_as_a_python_keyword_is_read_of_printed_models() -> None:
    attributes = (Attribute("id", t.STRING), Attribute("class", t.Words(("a",))), Attribute("from", t.Optional(t.INT), True))
    car_type = Entity("Car", "id", {attribute.name: attribute for attribute in attributes})
    schema = Schema(entities={"Car": car_type}, actions={"drive": Action("drive", ("Car",), ("Car",))})
    with module(schema.to_models()) as made:
        assert schema == made.SCHEMA
        car = made.Car(**{"id": "x", "class": "a"})
    read = read_entity(car, ("Car",), "subject", schema, {})
    assert isinstance(read, EntityValue)
    assert read.fields == {"id": "x", "class": "a", "from": ABSENT}


def test_printing_declarations_does_not_import_pydantic() -> None:
    code = "import sys; from abac import Schema; Schema().to_declarations(); Schema().to_models(); print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")
