"""The documents tell the truth: their examples are read, checked, evaluated and decided; their tables are compared with the code.

What a fenced block claims stands behind its language:

    abac, abac policy       source text that parses: a file if it begins with `package`, declarations otherwise
    abac file NAME          a file that loads
    abac declaration        declarations that load beside the world
    abac expression         expressions that parse, with blank lines between them
    abac rejected CODE      a file, or declarations beside the world, with errors of this code and no other
    abac world, csv world, json world    the files, the table and the request of the world in which the other blocks live
    abac truth              one `expression  # value` a line, evaluated in the world
    json decides NAME       a request, and what is expected of its decision by the file of that name
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from abac import Engine, PolicyErrors
from abac.engine.requests import read_request
from abac.language.library.functions import FUNCTIONS
from abac.language.operators import Operator
from abac.language.parser import keywords, parse, parse_expression
from abac.model import limits
from abac.model.combining import Algorithm, Child, Outcome, combine
from abac.model.decision import ENGINE_CODES
from abac.model.diagnostics import Severity
from abac.model.json_text import dump_json, parse_json
from abac.model.request import Request
from abac.model.source import Source
from abac.model.text import show
from abac.model.types import DECLARABLE
from abac.model.values import CauseKind, Unknown
from abac.model.wire import to_wire
from abac.reference.evaluator import Evaluator
from abac.reference.logic import all_of, any_of

ROOT = Path(__file__).parents[1]
LANGUAGE = ROOT / "docs" / "language.md"
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
CLAIM = re.compile(r"(?P<expression>.*\S)\s+# (?P<value>.+)")


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    return [path for path in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md") if path.exists()]


@cache
def blocks() -> tuple[Block, ...]:
    found = []
    for path in documents():
        text = path.read_text("utf-8")
        for fence in FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            found.append(Block(path.name, line, tuple(fence[1].split()), fence[2]))
    return tuple(found)


def marked(*info: str) -> list[Block]:
    return [block for block in blocks() if block.info[: len(info)] == info]


def each(*info: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", marked(*info), ids=str)


def only(*info: str) -> str:
    (block,) = marked(*info)
    return block.text


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────────


def load_beside_the_world(folder: Path, text: str) -> Engine:
    """The world's package with one more file; a policy in that file takes the place of the world's own."""
    declarations, policy = only("abac", "world").split("\npolicy ")
    package = folder / "world"
    package.mkdir()
    (package / "world.abac").write_text(declarations + "\n", "utf-8")
    (package / "more.abac").write_text(f"package world\n{text}", "utf-8")
    (package / "places.csv").write_text(only("csv", "world"), "utf-8")
    if not re.search(r"^policy ", text, re.MULTILINE):
        (package / "policy.abac").write_text(f"package world\npolicy {policy}", "utf-8")
    return Engine.load(package, trust_request_clock=True)


def parsed(block: Block) -> None:
    text = block.text if block.text.lstrip().startswith("package") else f"package example\n{block.text}"
    parse(Source(str(block), text))


def test_every_block_is_marked_with_a_claim_that_is_tested() -> None:
    claims = {"policy", "file", "declaration", "expression", "rejected", "truth", "world"}
    unknown = [str(b) for b in blocks() if b.info[:1] == ("abac",) and len(b.info) > 1 and b.info[1] not in claims]
    assert not unknown


@pytest.mark.parametrize("block", [b for b in blocks() if b.info in (("abac",), ("abac", "policy"))], ids=str)
def test_a_file_or_declaration_parses(block: Block) -> None:
    parsed(block)


@each("abac", "declaration")
def test_declarations_load_beside_the_world(block: Block, tmp_path: Path) -> None:
    load_beside_the_world(tmp_path, block.text)


@each("abac", "expression")
def test_an_expression_parses(block: Block) -> None:
    for text in re.split(r"\n\s*\n", block.text.strip()):
        parse_expression(Source(str(block), text))


@each("abac", "rejected")
def test_what_is_said_to_be_refused_is_refused_with_that_code(block: Block, tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors) as refused:
        if block.text.startswith("package"):
            Engine.from_text(block.text)
        else:
            load_beside_the_world(tmp_path, block.text)
    codes = {d.code for d in refused.value.diagnostics if d.severity is Severity.ERROR}
    assert codes == {block.info[2]}, str(refused.value)


@each("abac", "truth")
def test_each_expression_has_the_value_that_stands_behind_it(block: Block, tmp_path: Path) -> None:
    claims = [CLAIM.fullmatch(line) for line in block.text.splitlines() if line.strip()]
    assert claims and all(claims), "every line is `expression  # value`"
    lines = [(claim["expression"], claim["value"].strip()) for claim in claims if claim]
    engine = load_beside_the_world(tmp_path, "".join(f"define line_{i} = {text}\n" for i, (text, _) in enumerate(lines)))
    found = [(text, evaluated(engine, f"world.line_{i}")) for i, (text, _) in enumerate(lines)]
    assert found == lines


def evaluated(engine: Engine, definition: str) -> str:
    """The value of a definition for the world's request, as the documents write it."""
    asked, package = world_request(), engine.state.package
    request = read_request(asked["subject"], asked["action"], asked["resource"], asked["context"], package.schema, package.tables, None)
    assert isinstance(request, Request)
    value = Evaluator(package, request).value(package.definitions[definition].body)
    if isinstance(value, Unknown):
        return f"unknown: {'; '.join(str(cause) for cause in sorted(value.causes))}"
    return show(value)


def world_request() -> dict[str, Any]:
    request = parse_json(only("json", "world"))
    assert isinstance(request, dict)
    return request


@each("abac", "file")
def test_a_file_loads(block: Block) -> None:
    Engine.from_text(block.text)


@each("json", "decides")
def test_a_request_is_decided_as_it_says(block: Block) -> None:
    (file,) = marked("abac", "file", block.info[2])
    asked = parse_json(block.text)
    assert isinstance(asked, dict)
    engine = Engine.from_text(file.text, trust_request_clock=True)
    decision = engine.decide(asked.get("subject"), asked.get("action"), asked.get("resource"), asked.get("context"))
    duties = [[{"id": d.id, "arguments": written(d.arguments)} for d in kind] for kind in (decision.obligations, decision.advice)]
    found = {
        "effect": str(decision.effect), "rule": decision.rule, "code": decision.code, "reason": decision.reason,
        "citations": list(decision.citations), "obligations": duties[0], "advice": duties[1],
        "unknown": [str(cause) for cause in decision.unknown],
        "valid_until": None if decision.valid_until is None else show(decision.valid_until),
    }  # fmt: skip
    assert asked["expected"], "a request without an expectation shows nothing"
    assert {name: found[name] for name in asked["expected"]} == asked["expected"]


def written(arguments: Any) -> dict[str, object]:
    return {name: None if value is None else json.loads(dump_json(to_wire(value))) for name, value in arguments.items()}


# ── tables of the definition ─────────────────────────────────────────────────────────────────────────────


def tables() -> dict[str, list[list[str]]]:
    """The tables of the definition by their first header cell, without that header's row of dashes."""
    found: dict[str, list[list[str]]] = {}
    for table in re.findall(r"(?:^\|.*\n)+", LANGUAGE.read_text("utf-8"), re.MULTILINE):
        rows = [[cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in table.splitlines()]
        found[rows[0][0]] = [rows[0], *rows[2:]]
    return found


def square(name: str) -> dict[tuple[str, str], str]:
    header, *rows = tables()[name]
    return {(row[0], column): cell for row in rows for column, cell in zip(header[1:], row[1:], strict=True)}


OUTCOMES = {"P": Outcome.PERMIT, "D": Outcome.DENY, "NA": Outcome.NOT_APPLICABLE}
OUTCOMES |= {"IP": Outcome.INDETERMINATE_P, "ID": Outcome.INDETERMINATE_D, "IDP": Outcome.INDETERMINATE_DP}
TRUTHS: dict[str, bool | None] = {"true": True, "false": False, "unknown": None}
MERGING = [algorithm for algorithm in Algorithm if algorithm is not Algorithm.ONLY_ONE_APPLICABLE]


@pytest.mark.parametrize("algorithm", MERGING)
def test_the_table_of_an_algorithm_is_what_it_does(algorithm: Algorithm) -> None:
    cells = square(algorithm)
    assert set(cells) == set(product(OUTCOMES, repeat=2))
    for (first, second), outcome in cells.items():
        children = [Child(OUTCOMES[first]), Child(OUTCOMES[second])]
        assert combine(algorithm, children).outcome is OUTCOMES[outcome], (first, second)


def test_the_tables_of_only_one_applicable_are_what_it_does() -> None:
    one, two = square("only-one-applicable"), square("two targets")
    assert set(one) == set(product(TRUTHS, OUTCOMES)) and set(two) == set(product(TRUTHS, repeat=2))
    for (target, outcome), expected in one.items():
        assert combine(Algorithm.ONLY_ONE_APPLICABLE, [Child(OUTCOMES[outcome], TRUTHS[target])]).outcome is OUTCOMES[expected]
    for (first, second), expected in two.items():
        children = [Child(Outcome.PERMIT, TRUTHS[first]), Child(Outcome.PERMIT, TRUTHS[second])]
        combined = combine(Algorithm.ONLY_ONE_APPLICABLE, children)
        assert combined.outcome is (Outcome.PERMIT if expected == "the one's" else OUTCOMES[expected]), (first, second)


@pytest.mark.parametrize(("name", "meaning"), [("and", all_of), ("or", any_of)])
def test_the_table_of_a_connective_is_what_it_means(name: str, meaning: Any) -> None:
    def truth(word: str) -> bool | Unknown:
        return Unknown.of(word, CauseKind.MISSING) if word == "unknown" else word == "true"

    cells = square(name)
    assert set(cells) == set(product(TRUTHS, repeat=2))
    for (left, right), word in cells.items():
        found = meaning([truth(left), truth(right)])
        assert word == ("unknown" if isinstance(found, Unknown) else str(found).lower())


def test_the_table_of_types_has_a_row_for_every_type_that_can_be_declared() -> None:
    rows = {row[0] for row in tables()["type"][1:]}
    assert set(DECLARABLE) <= rows


def test_the_table_of_causes_has_a_row_for_every_cause() -> None:
    assert [row[0] for row in tables()["cause"][1:]] == [str(kind) for kind in CauseKind]


def test_the_table_of_functions_has_every_function_with_its_parameters() -> None:
    rows = [row[0].partition(":")[0] if ")" not in row[0] else row[0][: row[0].index(")") + 1] for row in tables()["function"][1:]]
    assert [row.replace("\\|", "|") for row in rows] == [f"{f.name}({', '.join(f.parameters)})" for f in FUNCTIONS.values()]


def test_the_table_of_limits_has_every_limit_with_its_value() -> None:
    values = {row[0]: row[1] for row in tables()["limit"][1:]}
    declared = {name: value for name, value in vars(limits).items() if name.startswith("MAX_")}
    assert {name: int(values[name].replace(",", "")) for name in declared} == declared


def test_every_operator_has_a_row_in_a_table_of_operators() -> None:
    named = [rows for name, rows in tables().items() if name.endswith(" operator")]
    rows = {word for table in named for row in table[1:] for word in row[0].split("`")}
    written = {operator.value for operator in Operator} - {"negate"} | {"-x"}
    missing = {word for word in written if not any(re.search(rf"(^|\s){re.escape(word)}(\s|$)", row) for row in rows)}
    assert not missing


def test_the_words_of_the_language_are_listed() -> None:
    listed = re.search(r"^The words are (.*?)\.$", LANGUAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert listed
    assert set(re.findall(r"`([^`]+)`", listed[1])) == keywords() | {a.value for a in Algorithm}


def test_the_engines_own_codes_are_named() -> None:
    text = LANGUAGE.read_text("utf-8")
    assert all(f"`{code}`" in text for code in ENGINE_CODES)


# ── references ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_rule_that_is_referred_to_stands_once() -> None:
    text = LANGUAGE.read_text("utf-8")
    stated = re.findall(r"^\*\*(\d+\.\d+)\*\*", text, re.MULTILINE) + re.findall(r"^#+ (\d+)\.", text, re.MULTILINE)
    assert len(stated) == len(set(stated))
    assert set(re.findall(r"§(\d+(?:\.\d+)?)", text)) <= set(stated)


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(path: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", path.read_text("utf-8"))
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in read(ROOT / file)]
    assert not missing


def read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
