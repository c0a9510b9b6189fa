"""Benches: what is timed: a policy, a stream of complete and well-typed requests for it, and the hand-written code that answers alike."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from abac import Engine
from abac.compiler import Compiled, compile_package
from abac.compiler.runtime import UNREAD
from abac.engine.pipeline import Loaded, load_paths
from abac.engine.requests import read_request
from abac.model.decision import Effect
from abac.model.request import Request
from abac.model.schema import DutyKind, Schema
from abac.model.values import EntityValue, ListValue, RecordValue, SetValue, Unknown
from benches.packs.baselines import (
    export_control,
    export_control_entities,
    hospital,
    hospital_entities,
    saas,
    saas_entities,
    ten_rules,
    ten_rules_entities,
)
from benches.packs.plain import plain_request
from benches.packs.streams import Json, changed, document_requests, read_cases

ROOT = Path(__file__).parents[2]
SEED = 2026
Draw = Callable[[random.Random], Iterator[Json]]


@dataclass(frozen=True)
class Workload:
    """One policy and its requests, each in two forms, and what answers them.

    Attributes:
        engine: discharges every obligation, so that `permits` is the effect.
        reference: the same policy, decided by the reference evaluator.
        code: the same policy, compiled.
        calls: subject, action, resource, context as plain dicts, and the clock.
        entities: the same, the parts validated: what `Engine.subject` and the others make.
        read: the same requests as values.
        rules: names of the rules that decide, each at least one request.
        by_hand, by_hand_entities: `permits(subject, action, resource, context, now)` on the two forms.
    """

    name: str
    folder: Path
    engine: Engine
    reference: Loaded
    code: Compiled
    calls: list[tuple[Any, ...]]
    entities: list[tuple[Any, ...]]
    read: list[Request]
    rules: frozenset[str]
    by_hand: Callable[..., bool]
    by_hand_entities: Callable[..., bool]

    @property
    def obligations(self) -> frozenset[str]:
        return _obligations(self.reference.package.schema)

    def disagreements(self) -> list[str]:
        """Requests that not everyone answers alike, and how."""
        found = []
        for number, ((*parts, now), (*read, _), request) in enumerate(zip(self.calls, self.entities, self.read, strict=True)):
            answers = {
                "plain": self.engine.permits(*parts, at=now),
                "validated": self.engine.permits(*read, at=now),
                "decide": self.engine.decide(*read, at=now).permitted,
                "reference": self.reference.decide_request(request).permitted,
                "by hand": self.by_hand(*parts, now),
                "by hand, validated": self.by_hand_entities(*read, now),
            }
            if len(set(answers.values())) > 1:
                found.append(f"{self.name}, request {number}: {answers}")
        return found


def validated(engine: Engine, call: tuple[Any, ...]) -> tuple[Any, ...]:
    """Subject, action, resource, context, as the engine makes them, and the clock."""
    subject, action, resource, context, now = call
    return engine.subject(subject), action, engine.resource(resource), engine.context(context), now


def _packed(name: str, *files: str) -> Draw:
    return lambda rng: changed(read_cases(*(ROOT / "policies" / name / file for file in files)), rng)


SOURCES: dict[str, tuple[Path, Draw, ModuleType, ModuleType]] = {
    "ten_rules": (ROOT / "benches" / "packs" / "policies" / "ten_rules", document_requests, ten_rules, ten_rules_entities),
    "export_control": (
        ROOT / "policies" / "export_control",
        _packed("export_control", "scenarios.jsonl", "cases.jsonl"),
        export_control,
        export_control_entities,
    ),
    "hospital": (ROOT / "policies" / "hospital", _packed("hospital", "cases.jsonl"), hospital, hospital_entities),
    "saas": (ROOT / "policies" / "saas", _packed("saas", "cases.jsonl"), saas, saas_entities),
}


@cache
def workload(name: str, count: int = 1_000) -> Workload:
    """The policy of that name with a stream of `count` requests, always the same."""
    folder, draw, plain, entities = SOURCES[name]
    obligations = _obligations(load_paths([folder], compiled=False).package.schema)
    reference = load_paths([folder], discharges=obligations, compiled=False)
    engine = Engine.load(folder, discharges=obligations)
    code = compile_package(engine.state.package, engine.digest)
    rng = random.Random(SEED)
    read = list(itertools.islice(_decided(draw(rng), code), count))
    rng.shuffle(read)
    calls = [(*plain_request(request), request.now) for request in read]
    rules = frozenset(rule for request in read if (rule := code.decide_request(request).rule) is not None)
    made = [validated(engine, call) for call in calls]
    return Workload(name, folder, engine, reference, code, calls, made, read, rules, plain.permits, entities.permits)


def _obligations(schema: Schema) -> frozenset[str]:
    return frozenset(duty.id for duty in schema.duties.values() if duty.kind is DutyKind.OBLIGATION)


def _decided(drawn: Iterator[Json], code: Compiled) -> Iterator[Request]:
    """The drawn requests that are complete and well typed, read from their plain form: none of what decides them is unknown."""
    package = code.graph.package
    for raw in drawn:
        first = read_request(raw["subject"], raw["action"], raw["resource"], raw["context"], package.schema, package.tables, None)
        if type(first) is not Request or isinstance(first.now, Unknown) or not _is_whole(first):
            continue
        request = read_request(*plain_request(first), package.schema, package.tables, first.now)
        assert type(request) is Request, "what was read can be read again"
        if is_two_valued(code, request) and code.decide_request(request).effect in (Effect.PERMIT, Effect.DENY):
            yield request


def is_two_valued(code: Compiled, request: Request) -> bool:
    """Whether the fast path decides the request: nothing that it reads is unknown."""
    try:
        code.fast(request)
    except UNREAD:
        return False
    return True


def _is_whole(request: Request) -> bool:
    """Whether every attribute is known, but for entities that are only referred to by their keys."""
    return all(_known(part) for part in (request.subject, request.resource, request.context))


def _known(value: object) -> bool:
    match value:
        case Unknown():
            return False
        case ListValue(elements=elements) | SetValue(elements=elements):
            return all(_known(element) for element in elements)
        case RecordValue(fields=fields):
            return all(_known(field) for field in fields.values())
        case EntityValue(fields=fields, parents=parents):
            others = [field for field in fields.values() if field is not value.key]
            is_reference = bool(others) and all(isinstance(field, Unknown) for field in others)
            return is_reference or (_known(parents) and all(_known(field) for field in others))
        case _:
            return True
