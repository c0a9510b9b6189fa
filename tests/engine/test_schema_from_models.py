"""Declarations and models say the same: printed schemas load as themselves, and instances decide as mappings do."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import ipaddress
import re
import zoneinfo
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired
from zoneinfo import ZoneInfo

import pydantic
import pytest
from hypothesis import given
from pydantic import AwareDatetime, BaseModel
from typing_extensions import TypeAliasType, TypedDict

from abac import Engine, PolicyErrors, Schema
from abac.engine.pipeline import load_text
from abac.language.parser import keywords
from abac.model.declarations import KEYWORDS
from abac.model.markers import AsSet, Clock, Key, KeyOf, Obligation, Ordered, Sensitive
from abac.model.types import DECLARABLE
from tests.model.schema_samples import module, schemas

ROOT = Path(__file__).parents[2]
NOON = dt.datetime(2026, 7, 15, 12, tzinfo=dt.timezone.utc)

Rank = TypeAliasType("Rank", Annotated[Literal["low", "high"], Ordered()])
Purpose = TypeAliasType("Purpose", Literal["care", "billing"] | str)
Window = TypedDict("Window", {"from": AwareDatetime, "until": NotRequired[AwareDatetime | None]})


class Note(BaseModel):
    text: str
    on: dt.date


class Folder(BaseModel):
    id: Annotated[str, Key()]
    parents: list[Folder | str]


class User(BaseModel):
    id: Annotated[str, Key()]
    entity_type: Literal["User"] = "User"
    rank: Rank
    purposes: set[Purpose]
    nick: str | None = None
    left: dt.date | None
    parents: list[Folder | str]


class Service(BaseModel):
    id: Annotated[str, Key()]
    entity_type: Literal["Service"] = "Service"
    secret: Annotated[str, Sensitive()]


class Document(BaseModel):
    id: Annotated[int, Key()]
    folder: Folder | str
    notes: list[Note]
    seen: Annotated[list[Note], AsSet()]
    open: Window
    share: Decimal
    net: IPv4Network | IPv6Network
    shift: dt.timedelta
    from_: dt.time
    parents: list[Folder | str]


class Situation(BaseModel):
    at: Annotated[AwareDatetime, Clock()]
    ip: IPv4Address | IPv6Address
    zone: ZoneInfo
    drill: bool


SCHEMA = Schema.from_models(
    actions={"read": (User, Document), "sweep": (User | Service, Document)},
    context=Situation,
    duties=[Obligation("audit.record", {"who": str})],
)
POLICY = """package files
policy files: deny-overrides {
  deny left         when subject is User and subject has left
  deny drill        when context.drill
  permit read
    when action == "read" and subject is User and subject.rank >= "high" and "care" in subject.purposes and not (subject has nick)
         and resource in Folder::"root" and resource.folder == Folder::"a" and now in resource.open and context.ip in resource.net
         and resource.share * 2 == 1 and resource.shift < 1 day and resource.from_ <= time_of_day(now at context.zone)
         and some n in resource.notes: n.text == "ok" and n in resource.seen
    oblige audit.record(subject.id)
  permit service    when action == "sweep" and subject is Service and subject.secret == "s"
}
"""


def parts() -> dict[str, BaseModel]:
    root = Folder(id="root", parents=[])
    note = Note(text="ok", on=dt.date(2026, 7, 1))
    return {
        "subject": User(id="u", rank="high", purposes={"care", "gossip"}, left=None, parents=["root"]),
        "resource": Document(
            id=1, folder="a", notes=[note], seen=[note, note], open={"from": NOON, "until": None}, share=Decimal("0.5"),
            net=IPv4Network("10.0.0.0/8"), shift=dt.timedelta(hours=2), from_=dt.time(8), parents=[root],
        ),
        "context": Situation(at=NOON, ip=IPv4Address("10.1.2.3"), zone=ZoneInfo("Europe/Berlin"), drill=False),
    }  # fmt: skip


def as_dataclass(value: Any) -> Any:
    """Models as instances of dataclasses with the same attributes."""
    if isinstance(value, BaseModel):
        members = {name: as_dataclass(getattr(value, name)) for name in type(value).model_fields}
        return dataclasses.make_dataclass(type(value).__name__, list(members))(**members)
    return [as_dataclass(each) for each in value] if isinstance(value, list) else value


def outcome(engine: Engine, action: str, request: Any) -> Any:
    return engine.decide(request["subject"], action, request["resource"], request["context"])


def engine(policy: str = POLICY) -> Engine:
    return Engine.from_text(policy, schema=SCHEMA, trust_request_clock=True, discharges={"audit.record"})


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("read", "subject", {}),
    ("read", "subject", {"rank": "low"}),
    ("read", "subject", {"purposes": {"gossip"}}),
    ("read", "subject", {"nick": "n"}),
    ("read", "subject", {"left": dt.date(2026, 1, 1)}),
    ("read", "subject", {"rank": 7}),
    ("read", "resource", {"share": Decimal("0.25")}),
    ("read", "resource", {"parents": []}),
    ("read", "resource", {"from_": dt.time(23)}),
    ("read", "resource", {"seen": []}),
    ("read", "resource", {"open": {"from": NOON, "until": NOON}}),
    ("read", "context", {"ip": IPv6Address("::1")}),
    ("read", "context", {"drill": True}),
    ("sweep", "subject", {}),
]


@pytest.mark.parametrize(("action", "part", "change"), CHANGES, ids=str)
def test_a_model_its_dump_and_a_dataclass_get_the_same_decision(action: str, part: str, change: dict[str, Any]) -> None:
    models = parts()
    models[part] = models[part].model_copy(update=change)
    expected = outcome(engine(), action, models)
    for same in (
        {name: model.model_dump(warnings=False) for name, model in models.items()},
        {name: as_dataclass(model) for name, model in models.items()},
    ):
        found = outcome(engine(), action, same)
        assert (found.effect, found.rule, found.obligations, found.unknown) == (
            expected.effect, expected.rule, expected.obligations, expected.unknown,
        )  # fmt: skip


def test_the_decisions_on_models_are_these() -> None:
    found = {}
    for action, part, change in CHANGES:
        models = parts()
        models[part] = models[part].model_copy(update=change)
        decision = outcome(engine(), action, models)
        found[action, str(change)] = (decision.effect.value, decision.rule)
    assert found.pop(("read", "{}")) == ("permit", "read")
    assert found.pop(("read", str({"left": dt.date(2026, 1, 1)}))) == ("deny", "left")
    assert found.pop(("read", "{'drill': True}")) == ("deny", "drill")
    assert found.pop(("read", "{'rank': 7}"))[0] == "indeterminate"
    assert set(found.values()) == {("not-applicable", None)} and len(found) == len(CHANGES) - 4


def test_entities_side_by_side_are_told_apart_by_their_models() -> None:
    asked = {**parts(), "subject": Service(id="robot", secret="s")}
    assert outcome(engine(), "sweep", asked).rule == "service"
    assert outcome(engine(), "read", asked).code == "invalid_request"


def test_a_default_of_none_counts_for_a_mapping_and_no_other_default_does() -> None:
    class Person(BaseModel):
        id: Annotated[str, Key()]
        nick: str | None = None
        level: int = 3

    schema = Schema.from_models(actions={"see": (Person, Person)})
    policy = "package p\npolicy p: deny-overrides { permit nameless when not (subject has nick)\n deny low when subject.level < 3 }"
    asked = Engine.from_text(policy, schema=schema)
    assert asked.decide(Person(id="p"), "see", Person(id="q")).rule == "nameless"
    assert asked.decide({"id": "p", "level": 3}, "see", {"id": "q"}).rule == "nameless"
    assert {str(cause) for cause in asked.decide({"id": "p"}, "see", {"id": "q"}).unknown} == {"subject.level is missing"}


# ── printed as declarations ────────────────────────────────────────────────────────────────────────────────

NOTHING = "package p\npolicy p: deny-overrides { deny everything otherwise }"


@given(schemas())
def test_declarations_printed_of_a_schema_load_as_the_same_schema(schema: Schema) -> None:
    text = schema.to_declarations()
    loaded = load_text(NOTHING, text).package.schema
    assert loaded == schema
    assert {name: list(entity.fields) for name, entity in loaded.entities.items()} == {
        name: list(entity.fields) for name, entity in schema.entities.items()
    }
    assert sorted(loaded.to_declarations().splitlines()) == sorted(text.splitlines())


def test_printed_declarations_read_like_declarations() -> None:
    class Tie(BaseModel):
        country: Annotated[str | None, KeyOf("pack.countries")]
        kind: Literal["a", "b"] | None = None

    schema = Schema.from_models(actions={"read": (User | Service, Folder), "list": (User | Service, Folder)}, context=Situation, also=[Tie])
    assert (
        schema.to_declarations()
        == """\
# Tables that the package must declare as `data`: countries.

type Rank = "low" < "high"
type Purpose = open "care" | "billing"

record Tie {
  country: key of countries?
  kind:    ("a" | "b")? = absent
}

entity User in Folder key id {
  id:       String
  rank:     Rank
  purposes: Set<Purpose>
  nick:     String? = absent
  left:     Date?
}

entity Folder in Folder key id {
  id: String
}

entity Service key id {
  id:               String
  sensitive secret: String
}

context {
  clock at: Instant
  ip:       IpAddress
  zone:     TimeZone
  drill:    Bool
}

action read, list: Service | User -> Folder
"""
    )


def test_the_keywords_are_those_of_the_grammar() -> None:
    assert keywords() == KEYWORDS


def test_an_empty_schema_has_no_declarations() -> None:
    assert Schema().to_declarations() == ""


# ── the guide ──────────────────────────────────────────────────────────────────────────────────────────────

GUIDE = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")


def test_the_example_of_the_guide_is_true() -> None:
    example = GUIDE.split("```python\n")[1].split("engine = ")[0]
    with module(f"from __future__ import annotations\n{example}") as made:
        assert (
            made.schema.to_declarations()
            == """\
entity User key id {
  id:              String
  rank:            "member" | "owner"
  sensitive email: String
  left:            Instant?
}

entity Folder in Folder key id {
  id: String
}

context {
  clock at: Instant
}

action read, share: User -> Folder

obligation audit.record(who: String)
"""
        )


def test_the_scalar_types_of_the_guide_are_true() -> None:
    rows = [re.findall(r"`([^`]+)`", line.replace("\\|", "/")) for line in GUIDE.splitlines() if line.startswith("| `")]
    scalars = {row[0]: row[1:] for row in rows if row[0] in DECLARABLE}
    lazy = {name: getattr(pydantic, name) for name in ("AwareDatetime", "IPvAnyAddress", "IPvAnyNetwork")}
    names = {**vars(dt), **vars(ipaddress), **vars(decimal), **vars(zoneinfo), **lazy}
    for name, listed in scalars.items():
        shown = [each.replace("/", "|") for each in listed if each != "float"]
        models = [pydantic.create_model("M", x=(eval(each, names), ...)) for each in shown]
        assert shown and {Schema.from_models(actions={}, also=[m]).records["M"].fields["x"].type for m in models} == {DECLARABLE[name]}
    assert set(scalars) == set(DECLARABLE)


# ── packs ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pack", sorted(path.parent.name for path in ROOT.glob("policies/*/schema.abac")))
def test_the_schema_of_a_pack_is_printed_as_models_and_back(pack: str) -> None:
    schema = Engine.load(ROOT / "policies" / pack).schema
    with module(schema.to_models()) as made:
        assert schema == made.SCHEMA


def test_a_folder_sees_the_names_of_models_and_they_see_its_tables(tmp_path: Path) -> None:
    class Person(BaseModel):
        id: Annotated[str, Key()]
        country: Annotated[str, KeyOf("countries")]

    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "countries.csv").write_text("code\nUS\n")
    (folder / "policy.abac").write_text(
        "package pack\nrecord Row { code: String }\ndata countries: Row = table \"countries.csv\" key code\n"
        "policy pack: deny-overrides { permit us when subject.country == \"US\" }"
    )  # fmt: skip
    loaded = Engine.load(folder, schema=Schema.from_models(actions={"see": (Person, Person)}))
    where = {country: loaded.decide(Person(id="p", country=country), "see", {"id": "q"}).effect.value for country in ("US", "XX")}
    assert where == {"US": "permit", "XX": "indeterminate"}
    assert loaded.digest != Engine.load(folder, schema=Schema.from_models(actions={"look": (Person, Person)})).digest


def test_what_models_and_policies_both_declare_is_a_complaint_with_a_place() -> None:
    with pytest.raises(PolicyErrors) as raised:
        engine(POLICY + "\nrecord Note { text: String, on: Date }")
    assert [(d.code, d.span.source.name) for d in raised.value.diagnostics] == [("duplicate-name", "<models>")]


def test_a_broken_header_is_the_only_complaint_where_models_are_added() -> None:
    with pytest.raises(PolicyErrors) as raised:
        engine(POLICY.replace("package files", "package"))
    assert {d.span.source.name for d in raised.value.diagnostics} == {"<text>"}
