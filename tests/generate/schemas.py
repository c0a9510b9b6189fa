"""Tests: draws what requests may contain: types, records, entities, tables, context, actions, duties."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

from abac.language.library.times import WEEKDAY
from abac.model import types as t
from abac.model.schema import Entity, Field
from tests.generate.pools import CODES, RANKS

LEVEL = t.Words(("low", "mid", "high"), ordered=True, name="Level")
COLOUR = t.Words(("red", "green", "blue"), name="Colour")
KIND = t.Words(("plain", "fancy"), open=True, name="Kind")
CODE = t.KeyOf("places", t.STRING, name="Code")
RANK = t.KeyOf("ranks", t.INT, name="Rank")
PLACE, GRADE = t.RecordOf("Place"), t.RecordOf("Grade")

SCALARS = (
    t.BOOL, t.INT, t.DECIMAL, t.STRING, t.INSTANT, t.DATE, t.DURATION, t.TIME_OF_DAY, t.TIME_ZONE, t.IP_ADDRESS, t.IP_NETWORK
)  # fmt: skip
NAMED = (LEVEL, COLOUR, KIND, CODE, RANK, WEEKDAY)
INTERVALS = (t.IntervalOf(t.INSTANT), t.IntervalOf(t.DATE), t.IntervalOf(t.TIME_OF_DAY))
WORDS = (
    "nick",
    "size",
    "when",
    "has",
    "from",
    "tags",
    "until",
    "score",
    "home",
    "since",
    "permit",
    "key",
    "open",
    "zone",
    "marks",
    "last",
)
PLACES = "code,level,tags,limit,capital\nAT,low,a;b,1,1\nBE,mid,,2,\nCU,high,z,7,0\n"


@dataclass(frozen=True)
class DrawnSchema:
    """A schema with its source text and the files it reads."""

    text: str
    data: Mapping[str, bytes]
    records: Mapping[str, Mapping[str, Field]]
    entities: Mapping[str, Entity]
    context: Mapping[str, Field]
    subjects: tuple[str, ...]
    resources: tuple[str, ...]
    actions: tuple[str, ...]
    duties: Mapping[str, tuple[str, tuple[t.Type, ...]]]
    """By name: `oblige` or `advise`, and the types of the parameters."""


def draw_schema(rng: random.Random) -> DrawnSchema:
    records = {
        "Place": _fields({"code": t.STRING, "level": LEVEL, "tags": t.SetOf(t.STRING), "limit": t.INT, "capital": t.Optional(t.BOOL)}),
        "Grade": _fields({"n": t.INT, "label": t.STRING, "colour": COLOUR}),
    }
    records["Entry"] = _fields(
        {"at": t.INSTANT, "n": t.INT, "ok": t.BOOL, "price": t.DECIMAL, "note": t.Optional(t.STRING)}
    ) | _some_fields(rng, 2, 1)
    records["Case"] = _fields({"level": LEVEL}) | _some_fields(rng, 3, 2)
    division = Entity("Division", "id", _key(rng) | _some_fields(rng, 1, 1))
    team = Entity("Team", "id", _key(rng) | _some_fields(rng, 2, 1), ("Division",) if rng.random() < 0.7 else ())
    person = Entity("Person", "id", _key(rng) | _of_person(rng), ("Team",) if rng.random() < 0.7 else ())
    shared = {name: field for name, field in person.fields.items() if name != "id" and rng.random() < 0.5}
    robot = Entity("Robot", "id", _key(rng) | shared | _some_fields(rng, 2, 2), ("Team",) if rng.random() < 0.3 else ())
    folder = Entity("Folder", "id", _key(rng) | _some_fields(rng, 3, 1), ("Folder",) if rng.random() < 0.5 else ())
    doc = Entity("Doc", "id", _key(rng) | _of_doc(rng), ("Folder",) if rng.random() < 0.6 else ())
    entities = {e.name: e for e in (division, team, person, robot, folder, doc)}
    subjects = ("Person",) if rng.random() < 0.6 else ("Person", "Robot")
    resources = ("Doc",) if rng.random() < 0.7 else ("Doc", "Folder")
    context = _fields({"time": t.INSTANT, "entries": t.ListOf(t.RecordOf("Entry"))}) | _some_fields(rng, 7, 3)
    duties = _draw_duties(rng)
    actions = ("read", "write", "erase")[: rng.randint(1, 3)]
    text = _text(records, entities, context, subjects, resources, actions, duties)
    rows = [{"n": n, "label": "ab"[n % 2], "colour": COLOUR.words[n % 3]} for n in RANKS]
    data = {"places.csv": PLACES.encode(), "ranks.json": json.dumps(rows).encode()}
    return DrawnSchema(text, data, records, entities, context, subjects, resources, actions, duties)


def _fields(types: Mapping[str, t.Type]) -> dict[str, Field]:
    return {name: Field(name, type_) for name, type_ in types.items()}


def _key(rng: random.Random) -> dict[str, Field]:
    return {"id": Field("id", t.STRING if rng.random() < 0.8 else t.INT)}


def _of_person(rng: random.Random) -> dict[str, Field]:
    found = _fields({"boss": t.Optional(t.EntityOf(("Person",)))}) if rng.random() < 0.7 else {}
    if rng.random() < 0.6:
        found["team"] = Field("team", t.EntityOf(("Team",)))
    return found | _some_fields(rng, 6, 3)


def _of_doc(rng: random.Random) -> dict[str, Field]:
    found = _fields({"owner": t.EntityOf(("Person",)), "folder": t.Optional(t.EntityOf(("Folder",)))})
    if rng.random() < 0.5:
        found["readers"] = Field("readers", rng.choice((t.SetOf, t.ListOf))(t.EntityOf(("Person",))))
    return found | _some_fields(rng, 5, 3)


def _some_fields(rng: random.Random, least: int, collections: int) -> dict[str, Field]:
    """Fields of any type; about a third optional."""
    found = {}
    for name in rng.sample(WORDS, least + rng.randint(0, 2)):
        type_ = draw_type(rng, collections)
        optional = rng.random() < 0.35
        found[name] = Field(
            name, t.Optional(type_) if optional else type_, optional and rng.random() < 0.3, rng.random() < 0.15
        )  # fmt: skip
    return found


def draw_type(rng: random.Random, depth: int) -> t.Type:
    """Depth 0 is a type without parts."""
    kind = rng.random()
    if depth <= 0 or kind < 0.5:
        return rng.choice(SCALARS) if rng.random() < 0.7 else rng.choice(NAMED)
    if kind < 0.58:
        return rng.choice(INTERVALS)
    if kind < 0.66:
        return rng.choice((PLACE, GRADE))
    inner = draw_type(rng, depth - 1) if rng.random() < 0.75 else rng.choice((t.RecordOf("Grade"), t.EntityOf(("Division",))))
    return t.SetOf(inner) if rng.random() < 0.5 else t.ListOf(inner)


def _draw_duties(rng: random.Random) -> dict[str, tuple[str, tuple[t.Type, ...]]]:
    plain: dict[str, tuple[str, tuple[t.Type, ...]]] = {"log.write": ("oblige", ()), "hint.text": ("advise", (t.STRING,))}
    plain["count.down"] = ("oblige", (t.INT,))
    for i in range(rng.randint(1, 4)):
        types = tuple(draw_type(rng, 1) for _ in range(rng.randint(1, 2)))
        plain[f"do.it{i}"] = (rng.choice(("oblige", "oblige", "advise")), types)
    return plain


def _text(
    records: Mapping[str, Mapping[str, Field]], entities: Mapping[str, Entity], context: Mapping[str, Field], subjects: tuple[str, ...],
    resources: tuple[str, ...], actions: tuple[str, ...], duties: Mapping[str, tuple[str, tuple[t.Type, ...]]],
) -> str:  # fmt: skip
    lines = ["package drawn", *(f"type {w.name} = {_unnamed(w)}" for w in NAMED if w is not WEEKDAY)]
    lines += ['data places: Place = table "places.csv" key code', 'data ranks: Grade = json "ranks.json" key n']
    lines += [f"record {name} {{ {_declared(fields)} }}" for name, fields in records.items()]
    for e in entities.values():
        above = f" in {', '.join(e.parents)}" if e.parents else ""
        lines.append(f"entity {e.name}{above} key id {{ {_declared(e.fields)} }}")
    lines.append(f"context {{ {_declared(context, clock='time')} }}")
    lines.append(f"action {', '.join(actions)}: {' | '.join(subjects)} -> {' | '.join(resources)}")
    for i, (name, (verb, types)) in enumerate(duties.items()):
        kind = "obligation" if verb == "oblige" else "advice"
        parameters = ", ".join(f"p{j}: {type_}" for j, type_ in enumerate(types))
        lines.append(f"{kind} {name}({parameters})" + (f' as "duty.5{i}"' if i % 3 == 2 else ""))
    return "\n".join(lines)


def _declared(fields: Mapping[str, Field], clock: str = "") -> str:
    return ", ".join(_declaration(field, clock) for field in fields.values())


def _declaration(field: Field, clock: str) -> str:
    words = ["clock"] if field.name == clock else []
    words += ["sensitive"] if field.sensitive else []
    words += [f"{field.name}: {field.type}"]
    words += ["= absent"] if field.absent_by_default else []
    return " ".join(words)


def _unnamed(type_: t.Type) -> str:
    match type_:
        case t.KeyOf(table=table):
            return f"key of {table}"
        case t.Words(words=words, open=is_open, ordered=ordered):
            return str(t.Words(words, is_open, ordered))
    return str(type_)


assert set(CODES) == {line.split(",")[0] for line in PLACES.splitlines()[1:]}
