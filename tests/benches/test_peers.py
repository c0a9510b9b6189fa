"""Tests: how rules become those of other engines, without the engines; and how they are run and reported."""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from dataclasses import asdict
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benches import report as pages
from benches.peers import casbin, cedar, cel, oso, plain, py_abac, rbacx, rego, vakt
from benches.peers import report as peer_report
from benches.peers.child import Record
from benches.peers.child import measure as measure_one
from benches.peers.peer import CannotExpress, Peer
from benches.peers.run import Tour, figures, in_process, measure
from benches.peers.table import OURS, PEERS
from benches.synthetic import oracle
from benches.synthetic.policy import Comparison, Kind, Not, Operator, Policy, Rule
from benches.synthetic.shape import Workload
from benches.synthetic.shapes import SHAPES

ROOT = Path(__file__).parents[2]
NEW_YEAR = datetime(2026, 1, 1, tzinfo=timezone.utc)
IS, ONE_OF, AT_LEAST, BELOW = Operator.IS, Operator.ONE_OF, Operator.AT_LEAST, Operator.BELOW
HEAD = (Comparison("resource.id", IS, "d-1"), Comparison("action", IS, "read"))
EVERYTHING = (
    Comparison("subject.role", IS, 'cl"erk'),
    Comparison("subject.role", ONE_OF, ("clerk", "lawyer")),
    Comparison("context.amount", AT_LEAST, 10),
    Comparison("context.amount", BELOW, 20),
    Comparison("context.booked", AT_LEAST, NEW_YEAR),
    Comparison("subject.tags", Operator.HOLDS, "a"),
    Comparison("subject.tags", Operator.MEETS, ("a", "b")),
    Comparison("subject", Operator.STANDS_IN, "g-1"),
)
KINDS = {"subject.role": Kind.STRING, "context.amount": Kind.INT, "context.booked": Kind.INSTANT, "subject.tags": Kind.STRINGS}


def policy(*rules: Rule, kinds: dict[str, Kind] = KINDS) -> Policy:
    return Policy(kinds, ("read", "write"), rules, {}, {"g-0": (), "g-1": ("g-0",)})


RULE = Rule("r1", False, (*HEAD, *EVERYTHING))


def test_cedar_has_what_the_scope_can_say_in_the_scope() -> None:
    assert cedar.cedar_of(policy(RULE)) == (
        'forbid (principal in Group::"g-1", action == Action::"read", resource == Document::"d-1") when { '
        'principal.role == "cl\\"erk" && ["clerk", "lawyer"].contains(principal.role) && context.amount >= 10 && '
        'context.amount < 20 && context.booked >= datetime("2026-01-01T00:00:00.000Z") && '
        'principal.tags.contains("a") && principal.tags.containsAny(["a", "b"]) };'
    )
    decimal = Rule("r", True, (Comparison("context.price", BELOW, Decimal("12")), Comparison("action", ONE_OF, ("read", "write"))))
    written = 'permit (principal, action in [Action::"read", Action::"write"], resource) when { context.price.lessThan(decimal("12.0")) };'
    assert cedar.cedar_of(policy(decimal)) == written


def test_rego_has_a_rule_for_each_rule() -> None:
    text = rego.rego_of(policy(RULE))
    assert text.endswith(
        'denied if { input.resource.id == "d-1"; input.action == "read"; input.subject.role == "cl\\"erk"; '
        'input.subject.role in {"clerk", "lawyer"}; input.context.amount >= 10; input.context.amount < 20; '
        'input.context.booked >= 1767225600000000; "a" in input.subject.tags; some e8 in ["a", "b"]; e8 in input.subject.tags; '
        '"g-1" in input.subject.groups }\n'
    )


def test_rego_is_split_into_modules_that_together_hold_every_rule_once() -> None:
    rules = [Rule(f"r{number}", True, (Comparison("subject.role", IS, f"role-{number}"),)) for number in range(rego.EACH_MODULE * 2 + 1)]
    modules = rego.modules_of(policy(*rules))
    assert len(modules) == 3 and all(text.startswith("package benches\n") for text in modules)
    assert [line for text in modules for line in text.splitlines() if line.startswith("permitted if")] == [
        f'permitted if {{ input.subject.role == "role-{number}" }}' for number in range(len(rules))
    ]
    assert sum(text.count("default allow") for text in modules) == 1


def test_cel_has_one_expression_for_each_effect() -> None:
    rules = [Rule(f"r{number}", number != 1, (Comparison("context.amount", IS, number), HEAD[1])) for number in range(5)]
    assert cel.cel_of(policy(*rules), permits=False) == '(context.amount == 1 && action == "read")'
    permits = cel.cel_of(policy(*rules), permits=True)
    assert permits == (
        '((context.amount == 0 && action == "read") || (context.amount == 2 && action == "read")) || '
        '((context.amount == 3 && action == "read") || (context.amount == 4 && action == "read"))'
    )
    assert cel.cel_of(policy(), permits=True) == "false"
    assert cel.cel_of(policy(RULE), permits=False).endswith(
        'context.booked >= timestamp("2026-01-01T00:00:00Z") && "a" in subject.tags && ("a" in subject.tags || "b" in subject.tags) && '
        '"g-1" in subject.groups)'
    )


def test_polar_has_constants_in_the_head_and_no_variable_that_is_not_read() -> None:
    heads = oso.polar_of(policy(Rule("r", True, HEAD), Rule("q", False, (HEAD[1], EVERYTHING[2])))).splitlines()[-2:]
    assert heads == ['permitted(_, "read", "d-1", _, _);', 'denied(_, "read", _, _, context) if context.amount >= 10;']
    assert 'subject.role in ["clerk", "lawyer"]' in oso.polar_of(policy(RULE))


def test_vakt_is_asked_by_part_and_attribute() -> None:
    told = vakt.vakt_of(RULE)
    assert told["action"] == [("Eq", ("read",))] and told["resource"] == {"id": [("Eq", ("d-1",))]}
    assert told["context"] == {"amount": [("GreaterOrEqual", (10,)), ("Less", (20,))], "booked": [("GreaterOrEqual", (NEW_YEAR,))]}
    assert told["subject"] == {
        "role": [("Eq", ('cl"erk',)), ("In", ("clerk", "lawyer"))],
        "tags": [("AnyIn", ("a",)), ("AnyIn", ("a", "b"))],
        "groups": [("AnyIn", ("g-1",))],
    }


def test_py_abac_has_ids_in_targets() -> None:
    told = py_abac.py_abac_of(RULE)
    assert told["effect"] == "deny" and told["targets"] == {"resource_id": "d-1", "action_id": "read"}
    both = [{"condition": "Gte", "value": 10}, {"condition": "Lt", "value": 20}]
    assert told["rules"]["context"] == {
        "$.amount": {"condition": "AllOf", "values": both},
        "$.booked": {"condition": "Gte", "value": 1767225600000000},
    }
    assert json.dumps(told)


def test_casbin_has_a_column_for_whatever_is_tested_and_files_rules_by_resource_and_action() -> None:
    short = Rule("q", True, (*HEAD, Comparison("context.price", BELOW, Decimal("1.5"))))
    made = policy(RULE, short)
    found = casbin.columns(made)
    assert found[:2] == [("resource.id", IS), ("action", IS)] and casbin.is_indexed(made)
    assert not casbin.is_indexed(policy(RULE, Rule("p", True, HEAD[:1])))
    assert casbin.row_of(short, found) == ["d-1", "read", *["*"] * 8, "1.5", "allow"]
    assert casbin.row_of(RULE, found)[3] == "clerk|lawyer"
    model = casbin.model_of(made)
    assert "m = r.a0 == p.c0 && r.a1 == p.c1 && " in model and '(p.c10 == "*" || r.a7 < number(p.c10))' in model
    assert "g = _, _" in model
    assert casbin.number("1.5") == Decimal("1.5") and casbin.number("7") == 7


def test_rbacx_names_actions_and_resource() -> None:
    told = rbacx.rbacx_of(RULE, ("read", "write"))
    assert told["actions"] == ["read"] and told["resource"] == {"type": "document", "id": "d-1"} and told["effect"] == "deny"
    assert {"not": {"before": [{"attr": "context.booked"}, NEW_YEAR]}} in told["condition"]["and"]
    assert rbacx.rbacx_of(Rule("r", True, (EVERYTHING[2],)), ("read", "write"))["actions"] == ["read", "write"]


TRANSLATORS = {
    "cedar": cedar.cedar_of,
    "rego": rego.rego_of,
    "cel": lambda made: cel.cel_of(made, permits=True),
    "oso": oso.polar_of,
    "vakt": lambda made: [vakt.vakt_of(rule) for rule in made.rules],
    "py-abac": lambda made: [py_abac.py_abac_of(rule) for rule in made.rules],
    "casbin": casbin.columns,
    "rbacx": lambda made: [rbacx.rbacx_of(rule, made.actions) for rule in made.rules],
}


@pytest.mark.parametrize("name", TRANSLATORS)
def test_what_has_no_translation_is_refused_and_not_left_out(name: str) -> None:
    with pytest.raises(CannotExpress):
        TRANSLATORS[name](policy(Rule("r", True, (Not(HEAD[1]),))))


@pytest.mark.parametrize("name", TRANSLATORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_translated_whole_or_refused_in_words(name: str, shape: str) -> None:
    try:
        told = TRANSLATORS[name](Workload(SHAPES[shape], 20).policy)
    except CannotExpress as why:
        assert (name, shape) in {
            ("cel", "decimal_ranges"),
            ("oso", "decimal_ranges"),
            ("cel", "networks"),
            ("oso", "networks"),
            ("rbacx", "networks"),
        }
        assert str(why)
    else:
        assert told


# ── requests in JSON's types ─────────────────────────────────────────────────────────────────────────────────────────


def test_requests_are_converted_and_left_as_they_were() -> None:
    for shape in SHAPES.values():
        work = Workload(shape, 20)
        before, convert = [dict(request) for request in work.hot], plain.converter(work.policy)
        for request in work.hot:
            found = convert(request)
            json.dumps(found)
            if work.policy.groups:
                assert set(found["subject"]["groups"]) == oracle.ancestors(request["subject"])
        assert work.hot == before


def test_a_decimal_is_written_by_a_float_only_if_its_digits_are_kept() -> None:
    assert json.dumps(plain.written_exactly(Decimal("12.34"))) == "12.34"
    with pytest.raises(ValueError):
        plain.written_exactly(Decimal("0.12345678901234567890"))


# ── running and reporting ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_engine_that_disagrees_is_not_timed() -> None:
    contrary = Peer("contrary", "none", "", lambda policy: lambda request: not oracle.permits(policy, request))
    with pytest.raises(AssertionError, match="disagrees with the oracle on 64 of 64"):
        measure_one(contrary, Workload(SHAPES["per_resource"], 10), 0.01)


def test_this_engine_agrees_and_is_timed() -> None:
    record = measure_one(OURS, Workload(SHAPES["windows"], 20), 0.1)
    assert (
        record.agreed >= 64 and record.timed and record.each > 0 and record.by_hand > 0 and set(record.percentiles) == {"p50", "p90", "p99"}
    )


def test_an_engine_that_cannot_express_a_shape_says_so_and_is_left_out() -> None:
    def refuse(policy: Policy) -> Any:
        raise CannotExpress("it has no words")

    record = measure_one(Peer("mute", "none", "", refuse), Workload(SHAPES["per_resource"], 10), 0.01)
    assert record.cannot == "it has no words" and not record.each


def test_an_engine_that_is_not_installed_is_reported_as_such() -> None:
    missing = next(peer for peer in PEERS.values() if peer is not OURS and not _is_installed(peer))
    record = in_process(missing.name, "per_resource", 10, Tour(seconds=0.01))
    assert record.error.startswith("ModuleNotFoundError") and not record.each


def _is_installed(peer: Peer) -> bool:
    from benches.peers.child import installed

    return bool(installed(peer))


def test_a_process_that_takes_too_long_is_ended() -> None:
    record = in_process("abac", "per_resource", 10, Tour(limit=0.001))
    assert record.error == "did not load and decide within 0.001 s"


def test_what_failed_at_one_size_is_not_tried_at_a_larger() -> None:
    asked = []

    def fake(peer: str, shape: str, rules: int) -> Record:
        asked.append((peer, shape, rules))
        return Record(peer, shape, rules, error="too much" if peer == "weak" and rules == 100 else "", each=1.0)

    list(measure(Tour(["weak", "strong"], ["mixed"]), fake))
    assert [rules for peer, _, rules in asked if peer == "weak"] == [10, 100]
    assert [rules for peer, _, rules in asked if peer == "strong"] == [10, 100, 1_000, 10_000]


def test_an_engine_that_is_slow_at_one_size_is_not_tried_at_a_larger() -> None:
    told = list(measure(Tour(["slow"], ["mixed"]), lambda peer, shape, rules: Record(peer, shape, rules, each=rules * 1e6)))
    assert [(record.rules, record.error) for record in told] == [(10, ""), (100, ""), (1_000, "not tried: 100 ms at 100 rules")]


RECORDS = [
    Record("abac", "mixed", 10, "1", 0.1, 600.0, 200.0, 3.0, {"p50": 1.0}, 64, 1_064),
    Record("vakt", "mixed", 10, "2", 0.1, 9_000.0, 200.0, 45.0, {"p50": 1.0}, 64, 64),
    Record("oso", "mixed", 10, "3", 0.1, 8_000.0, 100.0, 80.0, {"p50": 1.0}, 64, 40),
    Record("oso", "mixed", 100, "3", error="fell over\nand more"),
    Record("abac", "mixed", 100, "1", 0.1, 700.0, 200.0, 3.5, {"p50": 1.0}, 64, 64),
    Record("vakt", "mixed", 100, "2", 0.2, 90_000.0, 200.0, 450.0, {"p50": 1.0}, 64, 64),
    Record("rbacx", "mixed", 10, "4", cannot="it has no words"),
]


def test_the_fastest_of_the_others_is_compared_by_ratios_to_code_by_hand() -> None:
    ten, hundred = figures(RECORDS)
    assert (ten.of, ten.what, ten.ratio, ten.budget, ten.met) == ("mixed", "vakt / `permits`, plain dicts", 15.0, 12.0, True)
    assert (hundred.rules, hundred.budget, hundred.met) == (100, None, None)


def test_what_was_measured_of_other_engines_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page, readme = tmp_path / "page.md", tmp_path / "readme.md"
    page.write_text(f"a\n{peer_report.BEGIN}\nold\n{pages.END}\nb\n", "utf-8")
    readme.write_text(f"c\n{pages.BEGIN}\nold\n{pages.END}\nd\n", "utf-8")
    drawn: list[Any] = []
    monkeypatch.setattr(pages, "PAGE", page)
    monkeypatch.setattr(pages, "README", readme)
    monkeypatch.setattr(pages, "RESULTS", tmp_path / "latest.json")
    monkeypatch.setattr(pages, "PEER_RESULTS", tmp_path / "peers.json")
    monkeypatch.setattr(peer_report, "draw", lambda plots, folder: drawn.extend(plots) or [])
    facts = {"python": "P", "system": "S", "cores": 1, "processor": "C", "load": 0}
    peer_report.write({"command": "the command", "machine": facts, "records": [asdict(record) for record in RECORDS]})
    text = page.read_text("utf-8")
    assert "| mixed | vakt, 15.0× | vakt, 128.6× |" in text
    assert "old" not in text and "the command" in text and "9.00 µs, 45×" in text
    assert "- rbacx cannot express it: it has no words." in text
    assert "- oso at 100 rules: fell over." in text
    assert "- oso at 10 rules was held against the oracle on 40 requests only." in text
    assert json.loads((tmp_path / "peers.json").read_text("utf-8"))["figures"][0]["met"] is True
    assert "15.00×" in readme.read_text("utf-8")
    assert [plot.file for plot in drawn] == ["peers-mixed"]
    assert drawn[0].lines["by hand"] == ((10, 200.0), (100, 200.0)) and drawn[0].lines["vakt"] == ((10, 9_000.0), (100, 90_000.0))


# ── other engines stay outside ───────────────────────────────────────────────────────────────────────────────────────


def test_no_engine_is_imported_before_it_is_built() -> None:
    """What `benches.peers` imports at the top is ours or of the standard library."""
    for file in (ROOT / "benches" / "peers").glob("*.py"):
        for node in ast.parse(file.read_text("utf-8")).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in getattr(node, "names", ())]
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert {name.split(".")[0] for name in names} <= {"benches", "__future__", *sys.stdlib_module_names}, file


def test_every_engine_is_in_the_group_of_the_project() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    listed = {requirement.partition("=")[0].partition(">")[0].strip().lower() for requirement in groups["peers"] + groups["opa"]}
    assert {peer.distribution.lower() for peer in PEERS.values()} - {"abac"} == listed
