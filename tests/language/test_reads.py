"""What decisions can read is known before any request: what is not listed may be missing or anything at all, and nothing changes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from abac import Decision, Engine
from abac.language import checked as c
from abac.language.reads import Reads, fields_of, reads
from abac.model import types as t
from abac.model.schema import Field, Schema
from tests.compiler.pointed import pointed_packages
from tests.generate.asking import damaged_where_read, decide, drawn_packages, meaning
from tests.generate.asking import reads as read_by_the_reference
from tests.generate.requests import Raw, RequestMaker
from tests.packs.pack_cases import Pack

WORDS = """package desk
record Part { n: Int, inner: Inner, whose: Clerk }
record Inner { a: Int, b: Int }
entity Site key code { code: String, floors: Int }
entity Hall in Hall, Site key code { code: String, seats: Int, size: Int, next: Hall? }
entity Desk in Hall key no { no: Int, size: Int, hall: Hall }
entity Clerk key id {
  id: String, name: String, level: Int, note: String?, boss: Clerk?, desk: Desk, parts: List<Part>, halls: Set<Hall>, bag: Set<Part>,
  ends: Instant, spare: Set<Hall>?, rows: List<Set<Hall>>
}
context { clock at: Instant, n: Int, part: Part, other: Part, desks: List<Desk>, tags: Set<String> }
action read: Clerk -> Desk | Hall
obligation log(n: Int)
obligation keep(part: Part, who: Clerk)
define big(d: Desk) = d.size > 3
define own(p: Part) = big(p.whose.desk) and n_of(p) > 1
define n_of(p: Part) = p.inner.a
define idle = context.n > 3 and subject.name == "x"
policy main: first-applicable {
"""

WHOLE_PART = {"Part": "n inner whose", "Inner": "a b", "Clerk": "id"}
WHOLE_HALL = {"Hall": "code seats size next", "Site": "code floors"}

CASES: dict[str, tuple[str, dict[str, str], str, bool]] = {
    "a condition": ("permit p when subject.level > 1", {"Clerk": "level"}, "", False),
    "otherwise": ("permit p otherwise", {}, "", False),
    "what is guarded": ('permit p when subject has note == "x"', {"Clerk": "note"}, "", False),
    "presence": ("permit p when subject has note", {"Clerk": "note"}, "", False),
    "unless": ("permit p unless subject.level > 1", {"Clerk": "level"}, "", False),
    "a target": ("policy q: deny-overrides { target subject.level > 1 permit p otherwise }", {"Clerk": "level"}, "", False),
    "a window": ("policy q: deny-overrides { effective from 2026-01-01T00:00:00Z permit p otherwise }", {}, "", True),
    "now": ("permit p when now < subject.ends", {"Clerk": "ends"}, "", True),
    "evidence that ages": ("permit p when subject.ends within last 3 days", {"Clerk": "ends"}, "", True),
    "the clock by its name": ("permit p when context.at < subject.ends", {"context": "at", "Clerk": "ends"}, "", True),
    "a reason": ('permit p when subject.level > 1 because "{subject.name}"', {"Clerk": "level name"}, "", False),
    "a reason that shows an entity": ('permit p otherwise because "{subject}"', {"Clerk": "id"}, "", False),
    "a citation": ("permit p otherwise cite subject.name", {"Clerk": "name"}, "", False),
    "a citation of a policy": ("policy q: deny-overrides { cite subject.name permit p otherwise }", {"Clerk": "name"}, "", False),
    "a duty": ("permit p otherwise oblige log(subject.level)", {"Clerk": "level"}, "", False),
    "the guard of a duty": ("policy q: deny-overrides { oblige log(1) if context.n > 1 permit p otherwise }", {"context": "n"}, "", False),
    "a record in a duty": (
        "permit p otherwise oblige keep(context.part, subject)", {"context": "part", **WHOLE_PART}, "", False
    ),
    "a definition": ("permit p when own(context.part)", {
        "context": "part", "Part": "whose inner", "Clerk": "desk", "Desk": "size", "Inner": "a",
    }, "", False),
    "an attribute of several types": ("permit p when resource.size > 1", {"Hall": "size", "Desk": "size"}, "", False),
    "an attribute of one of several types": ("permit p when resource is Desk and resource.no > 1", {"Desk": "no"}, "", False),
    "a kind alone": ("permit p when resource is Desk", {}, "", False),
    "records compared": ("permit p when context.part == context.other", {"context": "part other", **WHOLE_PART}, "", False),
    "a record in a list": ("permit p when context.part in subject.parts", {
        "context": "part", **WHOLE_PART, "Clerk": "parts id",
    }, "", False),
    "entities compared": ("permit p when subject.desk == resource", {"Clerk": "desk", "Desk": "no", "Hall": "code"}, "", False),
    "an entity in a list": ("permit p when resource in context.desks", {"context": "desks", "Desk": "no", "Hall": "code"}, "", False),
    "an entity in a list of several types": ("permit p when subject.desk in [resource]", {
        "Clerk": "desk", "Desk": "no", "Hall": "code",
    }, "", False),
    "an entity in an entity": ("permit p when subject.desk in subject.desk.hall", {
        "Clerk": "desk", "Desk": "hall no", "Hall": "code", "Site": "code",
    }, "Desk Hall", False),
    "an entity in one that is named": ('permit p when resource in Hall::"h"', {
        "Desk": "no", "Hall": "code", "Site": "code",
    }, "Desk Hall", False),
    "a chain": ("permit p when count(chain subject by boss) > 1", {"Clerk": "boss id"}, "", False),
    "the latest": ("permit p when count(latest subject.parts by n) > 1", {"Clerk": "parts", "Part": "n"}, "", False),
    "a set of values": ('permit p when "a" in context.tags', {"context": "tags"}, "", False),
    "a set of entities": ("permit p when count(subject.halls) > 1", {"Clerk": "halls", **WHOLE_HALL}, "Hall", False),
    "a set that may be absent": ("permit p when subject has spare", {"Clerk": "spare", **WHOLE_HALL}, "Hall", False),
    "sets in a list": ("permit p when count(subject.rows) > 1", {"Clerk": "rows", **WHOLE_HALL}, "Hall", False),
    "a set of records": ("permit p for some x in subject.bag when x.n > 1", {
        "Clerk": "id name level note boss desk parts halls bag ends spare rows", "Part": "n inner whose", "Inner": "a b",
        "Desk": "no size hall", **WHOLE_HALL,
    }, "Desk Hall", False),
    "a set made of entities": ("permit p when count({ subject.desk, context.desks[0] }) > 1", {
        "Clerk": "desk", "context": "desks", "Desk": "no size hall", **WHOLE_HALL,
    }, "Desk Hall", False),
    "sets put together": ("permit p when count(subject.halls + subject.halls) > 1", {"Clerk": "halls", **WHOLE_HALL}, "Hall", False),
    "a list of records is not read whole": ("permit p when some x in subject.parts: x.n > 1", {"Clerk": "parts", "Part": "n"}, "", False),
    "a witness": ("permit p for some x in subject.parts when x.n > 1 oblige log(x.inner.a)", {
        "Clerk": "parts", "Part": "n inner", "Inner": "a",
    }, "", False),
    "an element": ("permit p when subject.parts[0].n > context.n", {"Clerk": "parts", "Part": "n", "context": "n"}, "", False),
    "a condition of a value": ("permit p when (if context.n > 1 then subject.level else resource.size) > 2", {
        "context": "n", "Clerk": "level", "Hall": "size", "Desk": "size",
    }, "", False),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_a_policy_reads(name: str) -> None:
    rules, attributes, parents, now = CASES[name]
    found = reads(Engine.from_text(f"{WORDS}{rules}\n}}").state.package)
    expected = {owner: frozenset(names.split()) for owner, names in attributes.items()}
    assert found == Reads(expected, frozenset(parents.split()), now)


def test_the_key_of_a_table_row_is_no_attribute_of_a_request() -> None:
    """Reads are listed by the name of the record, whether its rows come from a table or a request."""
    found = reads(Pack("export_control").engine.state.package)
    assert found.of("CountryGroups") == {"groups", "d5_state_126_1"} and found.of("Location") >= {"country", "anonymizer"}


# ── what is not listed does not matter ───────────────────────────────────────────────────────────────────


class Rewriter:
    """Rewrites what is not listed, wherever it stands in a request."""

    def __init__(self, package: c.Package, replaced: Callable[[Field], Mapping[str, object]]) -> None:
        self.schema: Schema = package.schema
        self.found = reads(package)
        self.replaced = replaced
        self.count = 0

    def request(self, raw: Raw) -> Raw:
        action = self.schema.actions[raw["action"]]
        return {
            **raw,
            "subject": self._value(raw["subject"], t.EntityOf(tuple(sorted(action.subjects)))),
            "resource": self._value(raw["resource"], t.EntityOf(tuple(sorted(action.resources)))),
            "context": self._fields(raw["context"], "context", keep=self.schema.context.clock),
        }

    def _value(self, raw: Any, type_: t.Type) -> Any:
        match type_:
            case t.Optional(inner=inner):
                return self._value(raw, inner)
            case t.ListOf(element=inner) | t.SetOf(element=inner) if isinstance(raw, list):
                return [self._value(each, inner) for each in raw]
            case t.RecordOf(name=name) if isinstance(raw, dict):
                return self._fields(raw, name)
            case t.EntityOf(names=names) if isinstance(raw, dict) and ("entity_type" in raw or len(names) == 1):
                return self._entity(raw, raw.get("entity_type", names[0]))
        return raw

    def _entity(self, raw: Raw, name: str) -> Raw:
        if name not in self.schema.entities:
            return raw
        entity = self.schema.entities[name]
        made = self._fields(raw, name, keep=entity.key)
        if "entity_type" in raw:
            made["entity_type"] = raw["entity_type"]
        if "parents" in raw and name in self.found.parents:
            made["parents"] = self._value(raw["parents"], t.ListOf(t.EntityOf(tuple(sorted(entity.parents)))))
        elif entity.parents:
            made |= self.replaced(Field("parents", t.ListOf(t.EntityOf(tuple(sorted(entity.parents))))))
            self.count += 1
        return made

    def _fields(self, raw: Any, owner: str, keep: str | None = None) -> Any:
        if not isinstance(raw, dict):
            return raw
        made: Raw = {}
        for field in fields_of(self.schema, owner).values():
            if field.name in self.found.of(owner) or field.name == keep:
                made |= {field.name: self._value(raw[field.name], field.type)} if field.name in raw else {}
            else:
                made |= self.replaced(field)
                self.count += 1
        return made


def whole(decision: Decision) -> dict[str, object]:
    return {**meaning(decision), "valid_until": decision.valid_until}


REPLACEMENTS: dict[str, Callable[[RequestMaker], Callable[[Field], Mapping[str, object]]]] = {
    "left out": lambda maker: lambda field: {},
    "of the wrong type": lambda maker: lambda field: {field.name: 0.5},
    "another value": lambda maker: lambda field: {field.name: maker.value(field.plain, 1)},
}


@pytest.mark.parametrize("how", REPLACEMENTS)
@pytest.mark.parametrize("seed", range(2))
def test_what_is_not_listed_never_changes_a_decision(seed: int, how: str) -> None:
    changed: Counter[str] = Counter()
    for i, package in enumerate((*drawn_packages(seed, 56), *pointed_packages())):
        maker = RequestMaker.of(random.Random(f"reads {seed}/{i}"), package)
        rewriter = Rewriter(package, REPLACEMENTS[how](maker))
        for _ in range(12):
            raw = maker.request()
            if maker.rng.random() < 0.5:
                raw = damaged_where_read(package, maker, raw, 2).request
            if not isinstance(raw.get("subject"), dict) or not isinstance(raw.get("resource"), dict) or raw.get("action") is None:
                continue
            before = decide(package, raw)
            assert whole(decide(package, rewriter.request(raw))) == whole(before), (package.sources[0].text, raw)
            changed[before.effect] += 1
        changed["places"] += rewriter.count
    assert changed["places"] > 2_000 and changed["permit"] > 40 and changed["deny"] > 40, changed


@pytest.mark.parametrize("pack", ["export_control", "hospital", "saas"])
@pytest.mark.parametrize("how", ["left out", "of the wrong type"])
def test_what_is_not_listed_never_changes_a_case_of_a_pack(pack: str, how: str) -> None:
    shipped = Pack(pack)
    package = shipped.engine.state.package
    rewriter = Rewriter(package, REPLACEMENTS[how](RequestMaker.of(random.Random(0), package)))
    for case in shipped.cases:
        raw: Raw = {part: case.get(part) for part in ("subject", "action", "resource", "context")}
        if isinstance(raw["subject"], dict) and isinstance(raw["resource"], dict) and raw["action"] in package.schema.actions:
            assert whole(decide(package, rewriter.request(raw))) == whole(decide(package, raw)), case["id"]
    assert rewriter.count > 50


def test_what_the_reference_reads_is_listed() -> None:
    seen = 0
    for i, package in enumerate(drawn_packages(1, 56)):
        maker = RequestMaker.of(random.Random(f"dynamic {i}"), package)
        found = reads(package)
        everything = frozenset[str]().union(*found.attributes.values())
        for _ in range(6):
            for path in read_by_the_reference(package, maker.request()):
                name = path.rpartition(".")[2].partition("[")[0]
                assert name in everything, (package.sources[0].text, path)
                seen += 1
    assert seen > 2_000
