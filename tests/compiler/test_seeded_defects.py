"""Tests: mistakes that the tests of agreement would find, each patched into the compiler and found."""

from __future__ import annotations

import ast
import datetime as dt
import importlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest

from abac.compiler import answers, carried, climbing, emit_search, exact_index, forms, graph, guards, quick, runtime, slots
from abac.compiler.emit_exact import ExactEmitter
from abac.compiler.emit_fast import FastEmitter
from abac.compiler.emit_forest import ForestEmitter
from abac.compiler.emit_in_place import InPlace
from abac.compiler.emit_search import SearchEmitter
from abac.compiler.functions import Function
from abac.compiler.graph import Entry, Row
from abac.compiler.motion import Clockwork
from abac.compiler.syntax import attribute, call, const
from abac.compiler.world import World
from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.decision import Effect
from abac.model.values import EntityValue, Unknown, canonical_key, is_known
from tests.compiler.agreeing import Complaint, Tally, complaints
from tests.compiler.filed import filed_package, themed_packages
from tests.compiler.in_place import placed_packages
from tests.compiler.pointed import pointed_packages
from tests.generate.asking import drawn_packages

Patch = pytest.MonkeyPatch
# Their packages show functions under these names.
lower: Any = importlib.import_module("abac.compiler.lower")
filing: Any = importlib.import_module("abac.compiler.passes.filing")
ordering: Any = importlib.import_module("abac.compiler.passes.order")
simplify: Any = importlib.import_module("abac.compiler.passes.simplify")


def packages() -> Iterator[c.Package]:
    """Some of each kind in turn: most mistakes show soon in one of them."""
    kinds = (placed_packages(), pointed_packages(), themed_packages(), map(filed_package, range(12)), drawn_packages(0, 56)[:30])
    for each in zip_longest(*kinds):
        yield from (package for package in each if package is not None)


def searched() -> Iterator[Complaint]:
    """A few requests to each package find most mistakes; what they do not find takes more."""
    for requests in (8, 32):
        for number, package in enumerate(packages()):
            yield from complaints((package,), f"defects/{number}", requests, Tally())


def test_without_a_mistake_there_is_no_complaint() -> None:
    assert next(searched(), None) is None


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def fills_slots_of_what_is_unknown(patch: Patch) -> None:
    """As if what is missing were absent."""
    patch.setattr(forms.Maker, "_unknown", lambda self, value: value if self.exact else None)


def asks_for_no_class(patch: Patch) -> None:
    patch.setattr(quick, "_class", lambda variable, kind, slots: ast.Compare(variable, [ast.IsNot()], [const(None)]))


def takes_any_word(patch: Patch) -> None:
    honest = quick.quick_test
    patch.setattr("abac.compiler.emit_in_place.quick_test", lambda *arguments: honest(*arguments)[:1])


def keeps_what_another_branch_read(patch: Patch) -> None:
    def deferred(self: FastEmitter, f: Function, make: Callable[[], Any]) -> Any:
        ahead, f.ahead = f.ahead, False
        made = make()
        f.ahead = ahead
        return made

    patch.setattr(FastEmitter, "deferred", deferred)


def knows_inside_what_it_reads_below(patch: Patch) -> None:
    def inside(self: Function) -> Function:
        return Function(
            [], self.read, dict(self.variables), self.combinations, self.walked, False, self.loops, self.depth, self.count, self.raws
        )

    patch.setattr(Function, "inside", inside)


# ── what is read in place ──────────────────────────────────────────────────────────────────────────────────


def takes_any_dict_for_the_entity(patch: Patch) -> None:
    def object_test(self: InPlace, type_: Any, first: ast.expr, variable: str, f: Function) -> ast.expr:
        return ast.Compare(first, [ast.IsNot()], [const(None)])

    patch.setattr(InPlace, "object_test", object_test)


def reads_what_another_type_has(patch: Patch) -> None:
    def get(self: InPlace, e: Any, field: Any, f: Function) -> ast.expr:
        return call(attribute(self.in_place(e.target, f), "get"), const(e.name))

    patch.setattr(InPlace, "_get", get)


def takes_every_list_for_its_elements(patch: Patch) -> None:
    patch.setattr(InPlace, "element_check", lambda *_: ast.Pass())
    patch.setattr(InPlace, "_checked", lambda self, e, field, raw, f: raw)


def climbs_no_further_than_the_first(patch: Patch) -> None:
    patch.setattr(climbing.Climber, "climb", lambda *_: True)


def ends_chains_early(patch: Patch) -> None:
    patch.setattr(climbing, "chain_in_place", lambda start, *_: (start,))


# ── ages ───────────────────────────────────────────────────────────────────────────────────────────────────


def gives_an_age_to_what_has_none(patch: Patch) -> None:
    """As if whatever the request says were known since long ago."""
    honest = forms.Maker.form

    def form(self: forms.Maker, value: Any) -> forms.Form:
        made = honest(self, value)
        for slot in self.forms.ages.values():
            if type(value) is EntityValue and not hasattr(made, slot):
                setattr(made, slot, dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc))
        return made

    patch.setattr(forms.Maker, "form", form)


def asks_for_an_age_without_the_value(patch: Patch) -> None:
    """As if what is known of an attribute were its age."""
    patch.setattr(World, "dated", lambda self, name: lambda form: (None, getattr(form, self.forms.ages[name])))


def lets_ages_be_negative(patch: Patch) -> None:
    patch.setattr(runtime, "age", lambda memo, known: memo[runtime.NOW] - known[1])


def lets_ages_stand_still(patch: Patch) -> None:
    honest = Clockwork.rate
    patch.setattr(Clockwork, "rate", lambda self, e: 0 if isinstance(e, c.AgeOf) else honest(self, e))


# ── dropped reads ──────────────────────────────────────────────────────────────────────────────────────────


def drops_the_excluded_middle(patch: Patch) -> None:
    honest = simplify.joined

    def joined(junction: Operator, operands: tuple[c.Expression, ...], e: c.Expression) -> c.Expression:
        match operands:
            case (c.Operation() as a, c.Operation() as b) if junction is Operator.OR:
                if {a.operator, b.operator} == {Operator.EQUAL, Operator.UNEQUAL} and a.operands == b.operands:
                    return simplify.truth(True, e)  # type: ignore[no-any-return]
        return honest(junction, operands, e)  # type: ignore[no-any-return]

    patch.setattr(simplify, "joined", joined)


def drops_a_condition_between_equal_values(patch: Patch) -> None:
    honest = simplify._chosen

    def chosen(arms: Any, otherwise: c.Expression, e: c.Conditional) -> c.Expression:
        return otherwise if all(value == otherwise for _, value in arms) else honest(arms, otherwise, e)

    patch.setattr(simplify, "_chosen", chosen)


# ── collections ────────────────────────────────────────────────────────────────────────────────────────────


def _known_keys(collection: Any) -> set[object]:
    return {canonical_key(e) for e in collection.elements if is_known(e)}


def looks_for_an_element_among_the_known(patch: Patch) -> None:
    patch.setattr(runtime, "has_element", lambda collection, item: canonical_key(item) in _known_keys(collection))


def takes_known_elements_for_the_set(patch: Patch) -> None:
    honest = forms.Maker._set

    def made(self: forms.Maker, value: Any, element: Any) -> Any:
        known = value.plain is None and forms.is_plain(element) and not self.exact
        return frozenset(e for e in value.elements if type(e) is not Unknown) if known else honest(self, value, element)

    patch.setattr(forms.Maker, "_set", made)


def walks_past_unknown_elements(patch: Patch) -> None:
    def made(self: forms.Maker, elements: Any, element: Any) -> Any:
        return tuple(each for part in elements if (each := self.normal(part, element)) is not forms.UNSET)

    patch.setattr(forms.Maker, "_list", made)


def compares_subsets_of_the_known(patch: Patch) -> None:
    patch.setattr(runtime, "within_set", lambda a, b: _known_keys(a) <= _known_keys(b))


def stands_in_what_is_known(patch: Patch) -> None:
    honest = forms.Maker.stand

    def stand(self: forms.Maker, made: Any, value: Any) -> None:
        honest(self, made, value)
        for number in self.forms.groups.values():
            if not self.exact:
                setattr(made, f"w{number}", False)

    patch.setattr(forms.Maker, "stand", stand)


def takes_the_last_witness(patch: Patch) -> None:
    honest = SearchEmitter._witness

    def witness(self: SearchEmitter, *arguments: Any) -> None:
        honest(self, *arguments)
        f = arguments[-1]
        loop = next(each for each in reversed(f.body) if isinstance(each, ast.For))
        loop.iter = ast.Subscript(loop.iter, ast.Slice(None, None, ast.UnaryOp(ast.USub(), const(1))), ast.Load())

    patch.setattr(SearchEmitter, "_witness", witness)


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

    for module in (lower, emit_search, filing):
        patch.setattr(module, "effects", effects)


def lets_a_permit_wait_unseen(patch: Patch) -> None:
    patch.setattr(SearchEmitter, "stand", lambda self, found, block, f, inner=None: None)


# ── filing ─────────────────────────────────────────────────────────────────────────────────────────────────


def files_rules_by_what_they_do_not_require(patch: Patch) -> None:
    patch.setattr(guards, "_alternatives", lambda operands, schema: guards._guards(operands[0], schema))


def files_rules_under_one_value_only(patch: Patch) -> None:
    honest = filing.guards_of

    def one(condition: c.Expression, schema: Any) -> Any:
        return tuple(replace(g, values=frozenset(sorted(g.values, key=str)[:1])) if g.values else g for g in honest(condition, schema))

    patch.setattr(filing, "guards_of", one)


def files_rules_with_a_witness(patch: Patch) -> None:
    patch.setattr(filing._Filing, "_guards", lambda self, row: guards.guards_of(row.condition, self.graph.package.schema))


def leaves_out_what_a_guard_does_not_say(patch: Patch) -> None:
    honest = guards._like
    patch.setattr(guards, "_like", lambda text, pattern: ((guard, True) for guard, _ in honest(text, pattern)))


def ends_ranges_late(patch: Patch) -> None:
    patch.setattr(filing, "bisect_right", filing.bisect_left)


def forgets_ranks_of_weak_results(patch: Patch) -> None:
    honest = filing.ranked
    patch.setattr(filing, "ranked", lambda block: [replace(row, weak_rank=None) for row in honest(block)])


def takes_what_it_finds_first(patch: Patch) -> None:
    never = ast.Constant(False)
    patch.setattr(ForestEmitter, "_dominated", lambda self: ast.If(never, [ast.Break()], []))


def does_not_ask_whether_it_knows_all_groups(patch: Patch) -> None:
    honest = ForestEmitter._above
    patch.setattr(ForestEmitter, "_above", lambda self, key, letter: honest(self, key, "u"))


def takes_a_key_to_stay(patch: Patch) -> None:
    patch.setattr(runtime, "cell_at", lambda memo, cuts, value: runtime.bisect_right(cuts, value))


# ── constants, duties, time ────────────────────────────────────────────────────────────────────────────────


def takes_another_constant_of_the_type(patch: Patch) -> None:
    confused = ("decimal", "datetime")
    patch.setattr(slots, "_key", lambda value: (type(value), None if type(value).__module__ in confused else id(value)))


def gives_every_rule_of_a_shape_the_same_constants(patch: Patch) -> None:
    patch.setattr("abac.compiler.shapes.Holes.row_of", lambda self, expressions: _row_of(self, self.expressions))


def _row_of(holes: Any, expressions: Any) -> tuple[Any, ...]:
    nodes = _inside(expressions)
    return tuple(prepare(nodes[place]) for place, prepare in holes.columns)


def writes_constants_of_a_row_into_the_code_of_its_shape(patch: Patch) -> None:
    honest = World.constant

    def constant(self: World, e: c.Expression, what: object, prepare: Callable[[Any], Any]) -> ast.expr:
        if self.holes is not None and not any(e is node for node in _inside(self.holes.expressions)):
            return self.slots.literal(prepare(e))
        return honest(self, e, what, prepare)

    def inline(self: ForestEmitter, row: graph.Row, keep: list[ast.stmt], f: Function) -> None:
        self.world.holes = self._holes(row)
        self.search.nest(list(self._expressions(row)), keep, f)
        self.world.holes = None

    patch.setattr(World, "constant", constant)
    patch.setattr(ForestEmitter, "_inline", inline)


def _inside(expressions: Iterable[c.Expression]) -> list[c.Expression]:
    return [node for e in expressions for node in c.walk(e)]


def forgets_duties_of_policies_around(patch: Patch) -> None:
    honest = carried.clauses
    patch.setattr(carried, "clauses", lambda leaf: (pair for pair in honest(leaf) if pair[1]))


def never_notes_a_crossing(patch: Patch) -> None:
    patch.setattr(runtime, "_note_crossing", lambda memo, a, b, rate: None)


def notes_a_crossing_late(patch: Patch) -> None:
    honest = runtime.note
    patch.setattr(runtime, "note", lambda memo, change: honest(memo, change + dt.timedelta(microseconds=1)) if change.year < 9999 else None)


def takes_running_time_for_fixed(patch: Patch) -> None:
    patch.setattr(Clockwork, "rate", lambda self, expression: 0)


def completes_what_is_not_complete(patch: Patch) -> None:
    patch.setattr(Row, "holds", property(lambda row: row.proven and isinstance(row.step, graph.Test) and row.step.witness is None))


def leaves_ranks_out_of_account(patch: Patch) -> None:
    honest = ForestEmitter._held_row

    def held(self: ForestEmitter, row: Any, outcomes: Any) -> Any:
        found = honest(self, row, outcomes)
        return found if self._alone else (len(self.block.strong) - row.rank, found[1])

    patch.setattr(ForestEmitter, "_held_row", held)


# ── the exact path ─────────────────────────────────────────────────────────────────────────────────────────


def takes_missing_for_absent_exactly(patch: Patch) -> None:
    honest = ExactEmitter._has

    def has(self: ExactEmitter, e: c.HasAttribute, f: Function) -> ast.expr:
        found = honest(self, e, f)
        return self.kept(ast.Compare(found, [ast.Is()], [const(True)]), f)

    patch.setattr(ExactEmitter, "_has", has)


def skips_the_undecided_exactly(patch: Patch) -> None:
    honest = answers._undecided
    patch.setattr(answers, "_undecided", lambda rule, truth: (honest(rule, truth)[0], frozenset(), rule, truth))


def stops_at_an_unknown_exactly(patch: Patch) -> None:
    patch.setattr(ExactEmitter, "either", lambda self, result, made, nothing: result)


def moves_what_is_guarded_before_its_guard(patch: Patch) -> None:
    patch.setattr(ordering, "is_total", lambda e, schema: True)


def asks_the_first_in_doubt_for_itself_alone(patch: Patch) -> None:
    honest = exact_index.ExactIndex.candidates
    patch.setattr(exact_index.ExactIndex, "candidates", lambda self, parts: replace(honest(self, parts), doubts={}))


def asks_the_first_in_doubt_for_what_says_more(patch: Patch) -> None:
    patch.setattr(Entry, "pure", property(lambda entry: True))


def takes_whatever_is_unknown_for_absent(patch: Patch) -> None:
    patch.setattr(exact_index.Column, "look", lambda self, parts: ((), None))


def passes_cuts_too_late(patch: Patch) -> None:
    patch.setattr(exact_index, "bisect_right", bisect_left)


def looks_for_sets_among_the_known(patch: Patch) -> None:
    honest = exact_index._elements
    patch.setattr(exact_index, "_elements", lambda value: (honest(value)[0], None))


def takes_a_running_key_to_stay_exactly(patch: Patch) -> None:
    patch.setattr(exact_index, "cell_at", lambda memo, cuts, value: exact_index.bisect_right(cuts, value))


DEFECTS = (
    fills_slots_of_what_is_unknown, asks_for_no_class, takes_any_word,
    keeps_what_another_branch_read, knows_inside_what_it_reads_below,
    takes_any_dict_for_the_entity, reads_what_another_type_has, takes_every_list_for_its_elements, climbs_no_further_than_the_first,
    ends_chains_early,
    gives_an_age_to_what_has_none, asks_for_an_age_without_the_value, lets_ages_be_negative, lets_ages_stand_still,
    drops_the_excluded_middle, drops_a_condition_between_equal_values,
    looks_for_an_element_among_the_known, takes_known_elements_for_the_set, walks_past_unknown_elements, compares_subsets_of_the_known,
    stands_in_what_is_known, takes_the_last_witness,
    searches_backwards, searches_the_weak_first, swaps_defaults, leaves_defaults_out, takes_a_doubtful_policy_for_its_rules,
    lets_a_permit_wait_unseen,
    files_rules_by_what_they_do_not_require, files_rules_under_one_value_only, files_rules_with_a_witness,
    leaves_out_what_a_guard_does_not_say,
    ends_ranges_late, forgets_ranks_of_weak_results, takes_what_it_finds_first,
    does_not_ask_whether_it_knows_all_groups, takes_a_key_to_stay,
    takes_another_constant_of_the_type, gives_every_rule_of_a_shape_the_same_constants,
    writes_constants_of_a_row_into_the_code_of_its_shape, forgets_duties_of_policies_around,
    never_notes_a_crossing, notes_a_crossing_late, takes_running_time_for_fixed,
    takes_missing_for_absent_exactly, skips_the_undecided_exactly, stops_at_an_unknown_exactly,
    moves_what_is_guarded_before_its_guard,
    completes_what_is_not_complete, leaves_ranks_out_of_account,
    asks_the_first_in_doubt_for_itself_alone, asks_the_first_in_doubt_for_what_says_more, takes_whatever_is_unknown_for_absent,
    passes_cuts_too_late, looks_for_sets_among_the_known, takes_a_running_key_to_stay_exactly,
)  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_mistaken_compiler_is_caught(defect: Callable[[Patch], None], monkeypatch: Patch) -> None:
    defect(monkeypatch)
    assert next(searched(), None) is not None
