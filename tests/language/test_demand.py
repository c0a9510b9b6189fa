"""What is read of each place is known from the policy's form: all else may be missing, wrong, or never fetched, and nothing changes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from abac import Engine
from abac.language import checked as c
from abac.language.demand import Demand, Demands, demands
from abac.language.reads import Reads, fields_of, names_of, reads
from abac.model import types as t
from abac.model.schema import Schema
from abac.model.values import Unknown
from abac.model.wire import read as read_value
from tests.compiler.pointed import pointed_packages
from tests.generate.asking import damaged_where_read, decide, drawn_packages
from tests.generate.requests import Raw, RequestMaker
from tests.language.test_reads import WORDS, whole
from tests.packs.pack_cases import Pack

Shown = dict[str, str]


def shown(demand: Demand, around: tuple[int, ...] = ()) -> str:
    """`a{b c}` reads a, and b and c of it; `^` leads back, `*` is everything, `<…>` is read of the parents."""
    if demand.whole:
        return "*"
    if id(demand) in around:
        return "^"
    parts = []
    for name, inner in sorted(demand.attributes.items()):
        below = shown(inner, (*around, id(demand)))
        parts.append(name + (f"{below}" if below in ("", "*", "^") else f"{{{below}}}"))
    if demand.parents is not None:
        parts.append(f"<{shown(demand.parents, (*around, id(demand)))}>")
    return " ".join(parts)


CASES: dict[str, tuple[str, Shown]] = {
    "an attribute": ("permit p when subject.level > 1", {"subject": "level"}),
    "an attribute of an attribute": ("permit p when subject.desk.hall.seats > 1", {"subject": "desk{hall{seats}}"}),
    "a reference that is only compared": ("permit p when subject.desk == resource", {"subject": "desk"}),
    "a reference that is only in a list": ("permit p when resource in context.desks", {"context": "desks"}),
    "a record that is compared": ("permit p when context.part == context.other", {
        "context": "other{inner{a b} n whose} part{inner{a b} n whose}",
    }),
    "a record in a list of them": ("permit p when context.part in subject.parts", {
        "context": "part{inner{a b} n whose}", "subject": "parts{inner{a b} n whose}",
    }),
    "a record in a duty": ("permit p otherwise oblige keep(context.part, subject)", {"context": "part{inner{a b} n whose}"}),
    "a reason": ('permit p otherwise because "{subject.desk.size} {subject.boss}"', {"subject": "boss desk{size}"}),
    "a definition": ("permit p when own(context.part)", {"context": "part{inner{a} whose{desk{size}}}"}),
    "a definition of two things": ("permit p when big(subject.desk) or big(context.desks[0])", {
        "subject": "desk{size}", "context": "desks{size}",
    }),
    "a chain": ("permit p when some b in chain subject by boss: b.level > 1", {"subject": "boss^ level"}),
    "a chain of what was read before": (
        "permit p when subject has boss and subject.boss.desk.no > 1 and some b in chain subject by boss: b.level > 1",
        {"subject": "boss^ desk{no} level"},
    ),
    "a chain of what else was read of both": (
        "permit p when subject has boss and subject.boss.desk.no > 1 and subject.desk.size > 1 and count(chain subject by boss) > 1",
        {"subject": "boss^ desk{no size}"},
    ),
    "a chain of what was put in a set": (
        "permit p when subject has boss and count({ subject.boss }) > 1 and count(chain subject by boss) > 1", {"subject": "*"}
    ),
    "a chain of what stands in groups": (
        'permit p when subject.desk.hall has next and subject.desk.hall.next in Hall::"h" and count(chain subject.desk.hall by next) > 1',
        {"subject": "desk{hall{next^ <<^>>}}"},
    ),
    "a chain from a chain's end": ("permit p when final(chain subject by boss).desk.size > 1", {"subject": "boss^ desk{size}"}),
    "the latest": ("permit p when final(latest subject.parts by n).inner.a > 1", {"subject": "parts{inner{a} n}"}),
    "groups": ('permit p when subject.desk in Hall::"h"', {"subject": "desk{<<^>>}"}),
    "a group that is an attribute": ("permit p when subject.desk in context.desks[0]", {"subject": "desk{<<^>>}", "context": "desks"}),
    "a set of entities": ("permit p when count(subject.halls) > 1", {"subject": "halls*"}),
    "a set that is made": ("permit p when count({ subject.desk, context.desks[0] }) > 1", {"subject": "desk*", "context": "desks*"}),
    "a set of records that are made": (
        "permit p when count({ Part { n: 1, inner: Inner { a: 1, b: 2 }, whose: subject } }) > 1", {"subject": "*"}
    ),
    "a record that is made": (
        "permit p when n_of(Part { n: context.n, inner: context.part.inner, whose: subject }) > 1",
        {"context": "n part{inner{a}}"},
    ),
    "a value of two origins": (
        "permit p when (if context.n > 1 then subject.desk else context.desks[0]).size > 2",
        {"subject": "desk{size}", "context": "desks{size} n"},
    ),
    "a value of two origins by its kind": (
        "permit p when (if resource is Hall then subject.desk else context.desks[0]).size > 2",
        {"subject": "desk{size}", "context": "desks{size}"},
    ),
    "lists put together": ("permit p when some d in [subject.desk] + context.desks: d.size > 1", {
        "subject": "desk{size}", "context": "desks{size}",
    }),
    "a witness": ("permit p for some x in subject.parts when x.n > 1 oblige log(x.inner.a)", {"subject": "parts{inner{a} n}"}),
    "a kind": ("permit p when resource is Desk", {}),
    "a definition that nobody uses": ("permit p otherwise", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_read_of_each_part(name: str) -> None:
    rules, expected = CASES[name]
    assert shown_parts(Engine.from_text(f"{WORDS}{rules}\n}}").state.package) == expected


def shown_parts(package: c.Package) -> Shown:
    found = demands(package)
    parts = {part: shown(getattr(found, part)) for part in ("subject", "resource", "context")}
    return {part: text for part, text in parts.items() if text}


def test_records_that_hold_their_own_kind_are_read_whole_when_compared() -> None:
    text = """package x
record Box { n: Int, inner: List<Box> }
entity Hand key id { id: String, left: Box, right: Box }
action lift: Hand -> Hand
policy p: deny-overrides { permit q when subject.left == subject.right }"""
    assert shown_parts(Engine.from_text(text).state.package) == {"subject": "left{inner* n} right{inner* n}"}


def test_people_whom_a_document_was_shared_with_are_not_looked_up_to_compare_them() -> None:
    resource = demands(Pack("saas").engine.state.package).resource
    shares = resource.of("shares")
    assert shares is not None and (user := shares.of("user")) is not None and user.empty


# ── what is not read does not matter ─────────────────────────────────────────────────────────────────────


class Unread:
    """Replaces what is not read at its place; an entity of which nothing is read becomes a bare key, as if nobody had fetched it."""

    def __init__(self, package: c.Package, instead: Callable[[str], Raw]) -> None:
        self.schema: Schema = package.schema
        self.found: Demands = demands(package)
        self.instead = instead
        self.counts: Counter[str] = Counter()

    def request(self, raw: Raw) -> Raw:
        action = self.schema.actions[raw["action"]]
        return {
            **raw,
            "subject": self._part(raw["subject"], action.subjects, self.found.subject),
            "resource": self._part(raw["resource"], action.resources, self.found.resource),
            "context": self._fields(raw["context"], "context", self.found.context, self.schema.context.clock),
        }

    def _part(self, raw: Raw, names: tuple[str, ...], demand: Demand) -> Raw:
        name = raw.get("entity_type", names[0])
        return self._entity(raw, name, demand) if name in names and (len(names) == 1 or "entity_type" in raw) else raw

    def _value(self, raw: Any, type_: t.Type, demand: Demand) -> Any:
        match type_:
            case t.Optional(inner=inner):
                return self._value(raw, inner, demand)
            case t.ListOf(element=inner) | t.SetOf(element=inner) if isinstance(raw, list):
                return [self._value(each, inner, demand) for each in raw]
            case t.RecordOf(name=name) if isinstance(raw, dict):
                return self._fields(raw, name, demand)
            case t.EntityOf(names=(name,)) if isinstance(raw, dict) and raw.get("entity_type", name) == name:
                entity = self.schema.entities[name]
                key = raw.get(entity.key)
                if not demand.empty or isinstance(read_value(key, entity.fields[entity.key].type, "", self.schema, {}), Unknown):
                    return self._entity(raw, name, demand)
                self.counts["references"] += 1
                return key
        return raw

    def _entity(self, raw: Raw, name: str, demand: Demand) -> Raw:
        entity = self.schema.entities[name]
        made = self._fields(raw, name, demand, entity.key)
        made |= {"entity_type": raw["entity_type"]} if "entity_type" in raw else {}
        if not entity.parents:
            return made
        if demand.above is None:
            self.counts["parents"] += 1
            return made | self.instead("parents")
        above = t.ListOf(t.EntityOf(tuple(sorted(entity.parents))))
        return made | ({"parents": self._value(raw["parents"], above, demand.above)} if "parents" in raw else {})

    def _fields(self, raw: Raw, owner: str, demand: Demand, keep: str | None = None) -> Raw:
        made: Raw = {}
        for name, field in fields_of(self.schema, owner).items():
            inner = demand.of(name)
            if inner is not None:
                made |= {name: self._value(raw[name], field.type, inner)} if name in raw else {}
            elif name == keep:
                made |= {name: raw[name]} if name in raw else {}
            else:
                made |= self.instead(name)
                self.counts["attributes"] += 1
        return made


INSTEAD: dict[str, Callable[[str], Raw]] = {"left out": lambda name: {}, "of the wrong type": lambda name: {name: 0.5}}


def can_be_rewritten(raw: Raw, schema: Schema) -> bool:
    return raw.get("action") in schema.actions and all(type(raw.get(part)) is dict for part in ("subject", "resource", "context"))


@pytest.mark.parametrize("how", INSTEAD)
@pytest.mark.parametrize("seed", range(2))
def test_what_is_not_read_at_its_place_never_changes_a_decision(seed: int, how: str) -> None:
    counts: Counter[str] = Counter()
    for i, package in enumerate((*drawn_packages(seed, 56), *pointed_packages())):
        maker = RequestMaker.of(random.Random(f"demand {seed}/{i}"), package)
        unread = Unread(package, INSTEAD[how])
        for _ in range(16):
            raw = maker.request()
            if maker.rng.random() < 0.5:
                raw = damaged_where_read(package, maker, raw, 2).request
            if can_be_rewritten(raw, package.schema):
                before = decide(package, raw)
                assert whole(decide(package, unread.request(raw))) == whole(before), (package.sources[0].text, raw)
                counts[before.effect] += 1
        counts += unread.counts
    assert counts["attributes"] > 4_000 and counts["references"] > 200 and counts["parents"] > 300, counts
    assert counts["permit"] > 60 and counts["deny"] > 60, counts


@pytest.mark.parametrize("pack", ["export_control", "hospital", "saas"])
@pytest.mark.parametrize("how", INSTEAD)
def test_what_is_not_read_at_its_place_never_changes_a_case_of_a_pack(pack: str, how: str) -> None:
    shipped = Pack(pack)
    package = shipped.engine.state.package
    unread = Unread(package, INSTEAD[how])
    for case in shipped.cases:
        raw: Raw = {part: case.get(part) for part in ("subject", "action", "resource", "context")}
        if can_be_rewritten(raw, package.schema):
            assert whole(decide(package, unread.request(raw))) == whole(decide(package, raw)), case["id"]
    assert unread.counts["attributes"] > 50


def test_what_is_read_at_some_place_is_read_of_what_may_stand_there() -> None:
    """The two analyses know nothing of each other."""
    seen = 0
    for package in (*drawn_packages(2, 56), *pointed_packages(), *(Pack(name).engine.state.package for name in ("hospital", "saas"))):
        found, listed, actions = demands(package), reads(package), package.schema.actions.values()
        checked: set[tuple[int, tuple[str, ...]]] = set()
        for demand, owners in (
            (found.subject, {name for action in actions for name in action.subjects}),
            (found.resource, {name for action in actions for name in action.resources}),
            (found.context, {"context"}),
        ):
            seen += listed_below(demand, tuple(sorted(owners)), package.schema, listed, checked)
    assert seen > 1_000


def listed_below(demand: Demand, owners: tuple[str, ...], schema: Schema, listed: Reads, checked: set[tuple[int, tuple[str, ...]]]) -> int:
    """How many attributes are read here and below, each of which is listed for one of those that have it."""
    if (id(demand), owners) in checked or not owners:
        return 0
    checked.add((id(demand), owners))
    above = {name for owner in owners if owner in schema.entities for name in schema.entities[owner].parents}
    count = 0
    if demand.above is not None and above:
        assert listed.parents.intersection(owners)
        count += 1 + listed_below(demand.above, tuple(sorted(above)), schema, listed, checked)
    for name in {name for owner in owners for name in fields_of(schema, owner)}:
        inner = demand.of(name)
        if inner is not None:
            having = [owner for owner in owners if name in fields_of(schema, owner)]
            assert any(name in listed.of(owner) for owner in having), (having, name)
            below = {each for owner in having for each in names_of(innermost(fields_of(schema, owner)[name].type))}
            count += 1 + listed_below(inner, tuple(sorted(below)), schema, listed, checked)
    return count


def innermost(type_: t.Type) -> t.Type:
    match type_:
        case t.Optional(inner=inner) | t.ListOf(element=inner) | t.SetOf(element=inner):
            return innermost(inner)
        case _:
            return type_
