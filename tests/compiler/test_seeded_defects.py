"""Tests: mistakes that the tests of agreement would find, each patched into the compiler and found."""

from __future__ import annotations

import ast
import datetime as dt
import importlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from abac.compiler import answers, compile_package, emit_policies, exact, graph, load, runtime, slots
from abac.compiler.classes import class_of
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.emit_policies import PolicyEmitter
from abac.compiler.functions import Function
from abac.compiler.motion import Clockwork
from abac.compiler.syntax import call, compare, const
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.decision import Effect
from abac.model.request import Request
from abac.model.values import ABSENT, EntityValue, RecordValue, Unknown, canonical_key, is_known
from tests.compiler.agreeing import DIGEST, Complaint, Tally, complaints, fast, questions
from tests.compiler.pointed import pointed_packages
from tests.compiler.recording import Recording
from tests.generate.asking import drawn_packages
from tests.generate.requests import RequestMaker

Patch = pytest.MonkeyPatch
# Their packages show functions under these names.
lower: Any = importlib.import_module("abac.compiler.lower")
dispatch: Any = importlib.import_module("abac.compiler.passes.dispatch")


def searched() -> Iterator[Complaint]:
    return chain(complaints(pointed_packages(), "defects", 30, Tally()), complaints(drawn_packages(0, 56)[:30], "defects", 16, Tally()))


def test_without_a_mistake_there_is_no_complaint() -> None:
    assert next(searched(), None) is None


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def asks_for_presence_only(patch: Patch) -> None:
    def is_class(self: FastEmitter, value: ast.expr, type: Any) -> ast.expr:
        return compare(value, ast.IsNot(), self.slots.helper("ABSENT", ABSENT))

    patch.setattr(FastEmitter, "is_class", is_class)


def keeps_what_another_branch_read(patch: Patch) -> None:
    def deferred(self: FastEmitter, f: Function, make: Callable[[], Any]) -> Any:
        ahead, f.ahead = f.ahead, False
        made = make()
        f.ahead = ahead
        return made

    patch.setattr(FastEmitter, "_deferred", deferred)


def knows_inside_what_it_reads_below(patch: Patch) -> None:
    patch.setattr(Function, "inside", lambda self: Function([], self.read, dict(self.variables), self.combinations, False, self.count))


# ── dropped reads ──────────────────────────────────────────────────────────────────────────────────────────


def drops_the_excluded_middle(patch: Patch) -> None:
    honest = FastEmitter.truth

    def truth(self: FastEmitter, e: c.Expression, f: Function) -> ast.expr:
        match e:
            case c.Operation(operator=Operator.OR, operands=(c.Operation() as a, c.Operation() as b)):
                if {a.operator, b.operator} == {Operator.EQUAL, Operator.UNEQUAL} and a.operands == b.operands:
                    return const(True)
        return honest(self, e, f)

    patch.setattr(FastEmitter, "truth", truth)


def drops_a_condition_between_equal_values(patch: Patch) -> None:
    honest = FastEmitter._value

    def value(self: FastEmitter, e: c.Expression, f: Function) -> ast.expr:
        if isinstance(e, c.Conditional) and all(arm == e.otherwise for _, arm in e.arms):
            return self.value(e.otherwise, f)
        return honest(self, e, f)

    patch.setattr(FastEmitter, "_value", value)


def drops_a_branch_with_equal_children(patch: Patch) -> None:
    honest = FastEmitter._return

    def returned(self: FastEmitter, e: c.Expression, f: Function, slot: int | None, *, running: bool) -> None:
        if isinstance(e, c.Conditional) and all(arm == e.otherwise for _, arm in e.arms):
            e = e.otherwise
        honest(self, e, f, slot, running=running)

    patch.setattr(FastEmitter, "_return", returned)


# ── collections ────────────────────────────────────────────────────────────────────────────────────────────


def _known_keys(collection: Any) -> set[object]:
    return {canonical_key(e) for e in collection.elements if is_known(e)}


def looks_for_an_element_among_the_known(patch: Patch) -> None:
    patch.setattr(runtime, "has_element", lambda collection, item: canonical_key(item) in _known_keys(collection))


def lets_sets_meet_in_the_known(patch: Patch) -> None:
    patch.setattr(runtime, "meets", lambda a, b: not _known_keys(a).isdisjoint(_known_keys(b)))


def compares_subsets_of_the_known(patch: Patch) -> None:
    patch.setattr(runtime, "within_set", lambda a, b: _known_keys(a) <= _known_keys(b))


def walks_past_unknown_elements(patch: Patch) -> None:
    patch.setattr(FastEmitter, "_element_check", lambda self, e, variable: [])


def takes_the_last_witness(patch: Patch) -> None:
    honest = PolicyEmitter._witness

    def witness(self: PolicyEmitter, *arguments: Any) -> None:
        honest(self, *arguments)
        loop = next(each for each in self.fast.functions[-1].body if isinstance(each, ast.For))
        loop.iter = ast.Subscript(loop.iter, ast.Slice(None, None, ast.UnaryOp(ast.USub(), const(1))), ast.Load())

    patch.setattr(PolicyEmitter, "_witness", witness)


# ── the order of search ────────────────────────────────────────────────────────────────────────────────────


def _of_every_block(patch: Patch, change: Callable[[graph.Block], graph.Block]) -> None:
    honest = lower._Lowering.block
    patch.setattr(lower._Lowering, "block", lambda self, policy, around: change(honest(self, policy, around)))


def searches_backwards(patch: Patch) -> None:
    _of_every_block(patch, lambda block: replace(block, strong=block.strong[::-1], weak=block.weak[::-1]))


def searches_the_weak_first(patch: Patch) -> None:
    _of_every_block(patch, lambda block: replace(block, strong=block.weak, weak=block.strong) if block.weak else block)


def swaps_defaults(patch: Patch) -> None:
    other = {Effect.PERMIT: Effect.DENY, Effect.DENY: Effect.PERMIT}
    patch.setattr(lower, "DEFAULTS", {algorithm: other[effect] for algorithm, effect in lower.DEFAULTS.items()})


def leaves_defaults_out(patch: Patch) -> None:
    patch.setattr(lower, "DEFAULTS", {})


def takes_a_doubtful_policy_for_its_rules(patch: Patch) -> None:
    honest = lower.effects

    def effects(step: graph.Step) -> set[Effect]:
        match step:
            case graph.Nested(block=block):
                default = {block.default.effect} if block.default else set()
                return default.union(*(effects(each) for each in (*block.strong, *block.weak)))
        found: set[Effect] = honest(step)
        return found

    patch.setattr(lower, "effects", effects)
    patch.setattr(emit_policies, "effects", effects)


def lets_a_permit_wait_unseen(patch: Patch) -> None:
    patch.setattr(PolicyEmitter, "_stands", lambda self, found, f: None)


def files_rules_by_what_they_do_not_require(patch: Patch) -> None:
    def parts(expression: c.Expression) -> Iterator[c.Expression]:
        if isinstance(expression, c.Operation) and expression.operator in (Operator.AND, Operator.OR):
            for operand in expression.operands:
                yield from parts(operand)
        else:
            yield expression

    patch.setattr(dispatch, "conjuncts", parts)


def files_rules_under_their_last_value_only(patch: Patch) -> None:
    honest = dispatch.required_values
    patch.setattr(dispatch, "required_values", lambda rule: {a: values[-1:] for a, values in honest(rule).items()})


# ── constants, duties, time ────────────────────────────────────────────────────────────────────────────────


def takes_another_constant_of_the_type(patch: Patch) -> None:
    confused = ("decimal", "datetime")
    patch.setattr(slots, "_key", lambda value: (type(value), None if type(value).__module__ in confused else id(value)))


def forgets_duties_of_policies_around(patch: Patch) -> None:
    honest = emit_policies.clauses
    for module in (emit_policies, load):
        patch.setattr(module, "clauses", lambda leaf: (pair for pair in honest(leaf) if pair[1]))


def never_notes_a_crossing(patch: Patch) -> None:
    patch.setattr(runtime, "_note_crossing", lambda memo, a, b, rate: None)


def notes_a_crossing_late(patch: Patch) -> None:
    honest = runtime.note
    patch.setattr(runtime, "note", lambda memo, change: honest(memo, change + dt.timedelta(microseconds=1)) if change.year < 9999 else None)


def takes_running_time_for_fixed(patch: Patch) -> None:
    patch.setattr(Clockwork, "rate", lambda self, expression: 0)


# ── the exact path ─────────────────────────────────────────────────────────────────────────────────────────


def takes_missing_for_absent_exactly(patch: Patch) -> None:
    honest = exact.has
    patch.setattr(exact, "has", lambda target, field, text: False if isinstance(found := honest(target, field, text), Unknown) else found)


def skips_the_undecided_exactly(patch: Patch) -> None:
    honest = answers._undecided
    patch.setattr(answers, "_undecided", lambda rule, policy, truth, held: replace(honest(rule, policy, truth, held), causes=frozenset()))


def stops_at_an_unknown_exactly(patch: Patch) -> None:
    def any_(truths: Iterator[Any]) -> Any:
        return next((truth for truth in truths if truth is not False), False)

    patch.setattr(exact, "_any", any_)


DEFECTS = (
    asks_for_presence_only, keeps_what_another_branch_read, knows_inside_what_it_reads_below,
    drops_the_excluded_middle, drops_a_condition_between_equal_values, drops_a_branch_with_equal_children,
    looks_for_an_element_among_the_known, lets_sets_meet_in_the_known, compares_subsets_of_the_known, walks_past_unknown_elements,
    takes_the_last_witness, searches_backwards, searches_the_weak_first, swaps_defaults, leaves_defaults_out,
    takes_a_doubtful_policy_for_its_rules, lets_a_permit_wait_unseen, files_rules_by_what_they_do_not_require,
    files_rules_under_their_last_value_only, takes_another_constant_of_the_type, forgets_duties_of_policies_around,
    never_notes_a_crossing, notes_a_crossing_late, takes_running_time_for_fixed,
    takes_missing_for_absent_exactly, skips_the_undecided_exactly, stops_at_an_unknown_exactly,
)  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_mistaken_compiler_is_caught(defect: Callable[[Patch], None], monkeypatch: Patch) -> None:
    defect(monkeypatch)
    assert next(searched(), None) is not None


# ── exact types ────────────────────────────────────────────────────────────────────────────────────────────


class OddStr(str):
    __slots__ = ()


class OddInt(int):
    __slots__ = ()


class OddInstant(dt.datetime):
    pass


def disguised(value: Any) -> Any:
    """A value of another class that `isinstance` takes for the same; None if there is none."""
    match value:
        case bool():
            return None  # nothing can be derived from it
        case int():
            return value != 0 if value in (0, 1) else OddInt(value)
        case str():
            return OddStr(value)
        case dt.datetime():
            return OddInstant(*value.timetuple()[:6], value.microsecond, dt.timezone.utc)
        case dt.date():
            return dt.datetime(value.year, value.month, value.day)
    return None


def believed(packages: tuple[c.Package, ...]) -> Iterator[tuple[str, object]]:
    """Values of other classes in place of those that the fast path read, and the path of each on which it still decided; "" if not."""
    for i, package in enumerate(packages):
        compiled = compile_package(package, DIGEST)
        for question in questions(package, compiled, RequestMaker.of(random.Random(i), package), 12):
            if not isinstance(question.request, Request) or fast(compiled, question.request) is None:
                continue
            recording = Recording(question.request, whole=True)
            compiled.fast(recording.request, recording.memo(len(compiled._blank)))
            for part in ("subject", "resource", "context"):
                for field in sorted(getattr(recording.request, part).fields.subscripted):
                    odd = disguised(getattr(question.request, part).fields[field])
                    if odd is not None and not (part == "context" and field == package.schema.context.clock):
                        decided = fast(compiled, changed(question.request, part, field, odd)) is not None
                        yield f"{part}.{field}" if decided else "", odd


def changed(request: Request, part: str, field: str, value: object) -> Request:
    """The request with another value in one place, past the edge where requests are read."""
    parts: dict[str, Any] = {part: _changed(getattr(request, part), field, value)}
    return replace(request, **parts)


def _changed(before: EntityValue | RecordValue, field: str, value: object) -> EntityValue | RecordValue:
    fields: dict[str, Any] = {**before.fields, field: value}
    if isinstance(before, EntityValue):
        return EntityValue(before.type, before.key, fields, before.parents, before.path)
    return RecordValue(before.type, fields, before.path)


def test_a_value_of_a_derived_class_is_never_decided_on_in_two_values() -> None:
    tried = list(believed((*pointed_packages(), *drawn_packages(0, 56)[:20])))
    assert len(tried) >= 100
    assert not [pair for pair in tried if pair[0]]


def test_isinstance_in_place_of_the_exact_type_is_caught(monkeypatch: Patch) -> None:
    def is_class(self: FastEmitter, value: ast.expr, type: Any) -> ast.expr:
        return call(self.slots.helper("isinstance", isinstance), value, self.slots.slot(class_of(type)))

    monkeypatch.setattr(FastEmitter, "is_class", is_class)
    assert any(path for path, _ in believed(pointed_packages()))
