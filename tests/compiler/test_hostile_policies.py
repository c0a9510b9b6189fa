"""Whatever names, strings and files a policy has, its Python holds nothing of them but constants and comments, and means the same."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abac.compiler import compile_package
from abac.compiler.emit import Module, emit_module
from abac.compiler.emit_entry import PARAMETERS
from abac.compiler.emit_readers import EXACT, FAST
from abac.compiler.functions import STANDARD
from abac.compiler.load import Compiled
from abac.language.checked import Package
from abac.language.spelling import spell_string
from abac.model.errors import PolicyErrors
from abac.model.request import Request
from tests.compiler.deciding import agreed, checked, checked_file, compiled, decide, module_of
from tests.generate.asking import drawn_packages
from tests.packs.pack_cases import POLICIES

# ── names ────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = [
    *("a1", "b1", "c1", "d1", "e1", "f1", "k1", "m", "n", "o1", "p1", "q1", "s1", "s1_timed", "t1", "v1", "w1", "x_d1", "x_r1", "x_p1",
    "K1", "L1"),
    *("memo", "elements", "reason", "obligations", "advice_", "hand_over", "x_rule", "x_all_of", "ABSENT", "Unknown", "Duty", "show"),
    *("type_", "print", "len", "str", "bool", "None", "True", "False", "__builtins__", "__import__", "__name__", "__class__", "__debug__"),
    *("lambda", "class", "def", "return", "import_", "global", "async", "await", "yield", "exec", "eval", "fields", "keys", "get"),
]  # fmt: skip
WORDS_OF_OURS = [
    "type",
    "subject",
    "resource",
    "context",
    "action",
    "now",
    "import",
    "is",
    "key",
    "and",
    "permit",
    "unknown",
    "test",
    "within",
]

USED = """package p
record R {{ {n}: Int }}
entity E key id {{ id: String, {n}: Int, many: List<R>, boss: E?, {n}_too: Int? }}
context {{ clock at: Instant, {n}: Int, other: E }}
action view: E -> E
policy main: first-applicable {{
  permit r when subject.{n} == 7 and (some x in resource.many: x.{n} == context.{n}) because "{{subject.{n}}}"
  permit s for some x in subject.many when x.{n} > 8 and subject has {n}_too and subject.{n}_too > 1
  deny t unless context.other.{n} == 1
}}
"""
DECLARED = """package p
record {n}_t {{ {n}: Int }}
entity {n}_e key id {{ id: String, many: List<{n}_t>, boss: {n}_e? }}
context {{ clock at: Instant, limit: Int }}
action {n}: {n}_e -> {n}_e
obligation {n}.{n}({n}: Int)
advice {n}_b({n}: Int)
const {n}_c = 7
define {n}({n}_p: Int) = {n}_p > {n}_c
define {n}_d = some {n}_v in subject.many: {n}({n}_v.{n})
policy {n}_p: first-applicable {{
  oblige {n}.{n}(context.limit) on permit if {n}_d
  permit {n}_r for some {n}_w in subject.many when {n}({n}_w.{n}) code {n} because "{{{n}_w.{n}}}"
    oblige {n}.{n}({n}_w.{n}) advise {n}_b({n}_c)
  policy {n}_q: deny-unless-permit {{ permit {n}_s when {n}_d or {n}(context.limit) }}
}}
"""
PARAMETER = """package p
entity E key id {{ id: String, many: List<Int>, n: Int }}
context {{ clock at: Instant, limit: Int }}
action view: E -> E
define f({n}: E): Bool = {n}.n == 7 or (some x in {n}.many: x == {n}.n)
define g(x: E): Bool = some {n} in x.many: {n} == x.n and (every y in x.many: y <= {n})
policy main: first-applicable {{
  permit r for some {n} in subject.many when {n} == 8 because "{{{n}}}"
  permit s when f(subject) and g(resource)
}}
"""


@pytest.mark.parametrize("name", NAMES + WORDS_OF_OURS)
def test_an_attribute_may_have_any_name(name: str) -> None:
    text = USED.format(n=name)
    thing = {"id": "x", name: 7, "many": [{name: 1}, {name: 9}], "boss": None, f"{name}_too": 2}
    context: dict[str, Any] = {"at": "2026-01-01T00:00:00Z", name: 1, "other": {**thing, name: 1}}
    found = [
        decide(text, subject=thing, action="view", resource=thing, context=context),
        decide(text, subject={**thing, name: 8}, action="view", resource=thing, context=context),
        decide(text, subject={**thing, name: None, "many": None}, action="view", resource=thing, context=context),
        decide(text, subject={**thing, name: 8, "many": []}, action="view", resource=thing, context={**context, "other": thing}),
    ]
    assert [(d.effect, d.rule) for d in found] == [("permit", "r"), ("permit", "s"), ("indeterminate", "r"), ("deny", "t")]
    assert found[0].reason == "7"
    assert_harmless(checked(text))


@pytest.mark.parametrize("name", NAMES)
def test_anything_declared_may_have_any_name(name: str) -> None:
    text = DECLARED.format(n=name)
    thing = {"id": "x", "many": [{name: 1}, {name: 9}], "boss": None}
    found = [
        decide(text, subject=thing, action=name, resource=thing, context={"limit": 9}),
        decide(text, subject={**thing, "many": [{name: 1}]}, action=name, resource=thing, context={"limit": 9}),
        decide(text, subject={**thing, "many": [{name: None}]}, action=name, resource=thing, context={"limit": 9}),
        decide(text, subject={**thing, "many": []}, action=name, resource=thing, context={"limit": 1}),
    ]
    assert [(d.effect, d.rule) for d in found] == [
        ("permit", f"{name}_r"), ("permit", f"{name}_s"), ("indeterminate", f"{name}_r"), ("deny", None),
    ]  # fmt: skip
    assert (found[0].reason, found[0].code) == ("9", name)
    assert_harmless(checked(text))


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_variables_may_have_any_name(name: str) -> None:
    text = PARAMETER.format(n=name)
    assert decide(text, subject={"id": "x", "many": [1, 8], "n": 0}, action="view", resource={"id": "y"}, context={}).reason == "8"
    person = {"id": "x", "many": [1, 7], "n": 7}
    assert decide(text, subject=person, action="view", resource=person, context={}).rule == "s"
    assert (
        decide(text, subject={"id": "x", "many": [1, None], "n": 7}, action="view", resource=person, context={}).effect == "indeterminate"
    )
    assert_harmless(checked(text))


# ── strings ──────────────────────────────────────────────────────────────────────────────────────────────

STRINGS = [
    "__import__('os').abort()", "'); import os; os.abort()#", "\"); raise SystemExit(\"", '"""', "'''", "\\", "\\'", '\\"', "\\\\n", "{",
    "}", "{0.__class__}",
    "{resource.id}", "{{", "%s%n%(x)s", "#", "# noqa\nimport os", "\n", "\r\n", "\t", "\0", "\x1b[2J", "\u2028", "\u2029", "\x85",
    "\x0c", "\u202e", "\ufeff",
    "", " ", "None", "True", "K1", "a1", "hand_over()", "f'{x}'", "\\N{DIGIT ONE}", "\\x41", "\\u0041", "b'x'", "0", "-1", "é", "日本",
    "😀", "a" * 1_000, "coding: latin-1",
]  # fmt: skip

STRINGY = """package p
record Row {{ k: String, v: String }}
entity E key id {{ id: String, s: String, l: List<String> }}
context {{ clock at: Instant, w: open {s} | "other" }}
action view: E -> E
obligation tell(x: String, y: Set<String>) as {s}
advice hint(x: Row)
const C = {s}
const CS: Set<String> = {{ {s}, "b" }}
policy main {s}: first-applicable {{
  cite {s}
  oblige tell(C, CS)
  permit eq {s} when subject.s == {s} because {t} cite {s}, C advise hint(Row {{ k: C, v: subject.s }})
  permit by_key when subject == E::{s} because "is {{C}}"
  permit one when subject.s in {{ {s}, "q" }} or {s} in subject.l
  permit begin when starts_with(subject.s, {s}) and context.w == {s}
  permit like_ when subject.s like {s}
  deny end {s} otherwise
}}
"""


@pytest.mark.parametrize("string", STRINGS, ids=range(len(STRINGS)))
def test_a_string_is_a_string(string: str) -> None:
    template = spell_string(string.replace("{", "{{").replace("}", "}}"))
    text = STRINGY.format(s=spell_string(string), t=template) if string != "other" else STRINGY
    package = checked(text)

    def ask(**subject: object) -> Any:
        asked = {"id": "x", "s": "none", "l": [], **subject}
        return agreed(package, compiled(text), subject=asked, action="view", resource=asked, context={"w": string})

    equal = ask(s=string)
    assert (equal.rule, equal.reason, equal.citations) == ("eq", string, (shown_cite(string),) * 3)
    assert equal.obligations[0].id == string and equal.obligations[0].arguments["x"] == string
    assert ask(id=string, s=string + "?").rule == "by_key"
    assert ask(l=["a", string]).rule == "one"
    assert ask(s=string + "?").rule in ("begin", "like_")
    assert ask(s=None).effect == "indeterminate"
    assert_harmless(package)


def shown_cite(string: str) -> str:
    """As citations show values: without control characters, cut."""
    text = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in string)
    return text if len(text) <= 200 else text[:199] + "…"


def test_equal_constants_of_other_types_are_other_constants() -> None:
    text = """package p
entity E key id { id: String }
context { clock at: Instant, b: Bool }
action view: E -> E
obligation ints(x: Set<Int>), truths(x: Set<Bool>), list(x: List<Int>), flags(x: List<Bool>), exact(x: List<Decimal>)
obligation number(x: Decimal), one(x: Int)
const TENTH: Decimal = 1.0
const HUNDREDTH: Decimal = 1.00
policy main: deny-overrides {
  permit r when context.b because "{TENTH} {HUNDREDTH} {context.b}"
    oblige one(1), ints({ 1 }), truths({ true }), list([1]), flags([true]), exact([1.0]), exact([1.00])
    if context.b
    oblige number(TENTH), number(HUNDREDTH) if context.b
}
"""
    decision = decide(text, subject={"id": "x"}, action="view", resource={"id": "y"}, context={"b": True})
    assert decision.reason == "1.0 1.00 true"
    shown = [str(duty.to_dict()["arguments"]) for duty in decision.obligations]
    assert shown == [
        "{'x': 1}", "{'x': [1]}", "{'x': [True]}", "{'x': [1]}", "{'x': [True]}", "{'x': [Decimal('1.0')]}", "{'x': [Decimal('1.00')]}",
        "{'x': Decimal('1.0')}", "{'x': Decimal('1.00')}",
    ]  # fmt: skip


# ── file names ───────────────────────────────────────────────────────────────────────────────────────────

FILES = [
    "a\nimport os\nos.abort()\n.abac", "a\r.abac", "\u2028x.abac", '""".abac', "'.abac", "#.abac", "{0}.abac", "%s.abac", "a\\nb.abac",
    " .abac", "é.abac", "\x1b[2J.abac",
]  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=ascii)
def test_the_name_of_a_file_stays_in_its_comment(tmp_path: Path, file: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / file).write_text(PARAMETER.format(n="x1"), "utf-8")
    package = checked_file(tmp_path / "p")
    assert_harmless(package)
    person = {"id": "x", "many": [1, 7], "n": 7}
    assert agreed(package, compile_package(package), subject=person, action="view", resource=person, context={}).rule == "s"


def test_a_name_that_is_no_unicode_stays_in_its_comment(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    try:
        (tmp_path / "p" / "a\udcff.abac").write_text(PARAMETER.format(n="x1"), "utf-8")
    except (OSError, UnicodeError):
        pytest.skip("this file system has Unicode names only")
    assert_harmless(checked_file(tmp_path / "p"))


# ── the tree ─────────────────────────────────────────────────────────────────────────────────────────────

NODES = {
    *("Module", "FunctionDef", "arguments", "arg", "If", "For", "Assign", "Return", "Expr", "Call", "Name", "Load", "Store", "Constant",
    "Attribute", "Break", "Try", "ExceptHandler", "Raise"),
    *("Subscript", "Slice", "Compare", "Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "In", "NotIn", "Is", "IsNot", "BoolOp", "And", "Or",
    "UnaryOp", "Not", "USub"),
    *("IfExp", "NamedExpr", "Tuple", "List", "Dict", "Starred", "ListComp", "comprehension", "BinOp", "Mult", "Add", "Sub", "BitAnd",
    "BitOr"),
}  # fmt: skip
ATTRIBUTES = {
    "_exact",
    *("_key", "_type", "_path", "effect", "stands", "decision", "until", "get", "keys", "key", "append", "isascii", "tzinfo", "isdisjoint",
    "issuperset", "decide", "permits", "row", "row_plain", "capture", "capture_plain"),
    *(f"{what}{how}{when}" for what in ("oblige", "owed") for how in ("", "_plain") for when in ("", "_timed")),
}  # fmt: skip
SLOTS = re.compile(r"[fuw]\d+")
"""Attributes of forms."""

COUNTED = re.compile(r"(x_)?[a-zR]\d+(_permits)?(_plain)?|[DKLPBT]\d+(_get|_keys|_cuts|_cells)?(_permits)?(_plain)?")
FIXED = {
    *STANDARD, "n", "elements", "found", "best", "rank", "weak", "which", "outcome", "shape", "k", "b", "o", "_",
    *FAST, *EXACT, "a", "made", "part", "place", "S", "S_permits", "S_plain", "S_permits_plain",
    *PARAMETERS, "now", "values", "key_subject", "key_resource", "type_subject", "type_resource", "signature", "decide", "permits",
    "exact_decide", "exact_permits", "slow_decide", "slow_permits", "unread_decide", "unread_permits",
    "EMPTY", "DISCHARGED", "NOTHING_APPLIES", "STOP", "UNREAD", "BaseException", "surprise",
}  # fmt: skip
BUILTINS = {"type", "str", "int", "bool", "len", "dict", "tuple", "frozenset", "getattr"}


def harmless(node: ast.AST, helpers: set[str]) -> bool:
    """Whether a node of generated code is one of those that there may be."""
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name):
            return bool(COUNTED.fullmatch(name)) or name in FIXED or name in helpers
        case ast.Attribute(attr=name):
            return name in ATTRIBUTES or bool(SLOTS.fullmatch(name))
        case ast.Constant(value=value):
            return type(value) in (str, int, bool, type(None))
    return type(node).__name__ in NODES


def assert_harmless(package: Package) -> None:
    """The whole safety list, on the tree that is compiled; and that the text shown is the text of that tree."""
    for module in (made := module_of(package), emit_module(made.graph, trusting=True)):
        assert_module_harmless(module)


def assert_module_harmless(module: Module) -> None:
    functions = module.tree().body
    slots = module.world.slots.values
    helpers = {name for name in slots if not COUNTED.fullmatch(name)}
    assert not helpers & FIXED
    for function in functions:
        for node in ast.walk(function):
            assert harmless(node, helpers), ast.dump(node)
        assert isinstance(function, ast.FunctionDef)
        hidden = set(stored(function)) & ({each.name for each in functions} | set(slots))  # type: ignore[attr-defined]
        assert not hidden, "a local name hides one of the module"
    assert all(trusted(value) for name, value in slots.items() if name in helpers)
    namespace = Compiled(module).namespace
    assert namespace["__builtins__"] == {}
    assert {name for name in helpers if getattr(slots[name], "__module__", "") == "builtins"} <= BUILTINS
    assert_shown(module)


def stored(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def trusted(value: object) -> bool:
    """One of our functions, or a class of values."""
    home = getattr(value, "__module__", None) or type(value).__module__
    return home.startswith("abac.") or home in ("builtins", "decimal", "datetime", "zoneinfo", "ipaddress", "_decimal", "_datetime")


def assert_shown(module: Module) -> None:
    for text in (module.text(), module.flat()):
        lines = text.splitlines()
        assert lines == text.split("\n")[:-1], "a line ends where Python sees no end"
        assert all(line.isprintable() for line in lines)
        assert ast.dump(ast.parse(text)) == ast.dump(module.tree())
    for function in module.tree().body:
        assert lines[function.lineno - 1].startswith(f"def {function.name}("), "a line is shown at another number"  # type: ignore[attr-defined]


@pytest.mark.parametrize("pack", ["export_control", "hospital", "saas"])
def test_the_code_of_a_pack_is_harmless(pack: str) -> None:
    assert_harmless(checked_file(POLICIES / pack))


def test_the_code_of_drawn_policies_is_harmless() -> None:
    packages = drawn_packages("harmless", 12)
    assert len(packages) > 6
    for package in packages:
        assert_harmless(package)


@pytest.mark.parametrize(
    "code",
    [
        "import os", "global a1", "a1.__class__", "open(a1)", "1.5", "lambda: (yield)", "lambda: a1", "a1 @ 2", "{x for x in a1}",
        "f'{a1}'",
        "try:\n pass\nfinally:\n pass", "while a1: pass", "del a1", "with a1: pass", "a1.fields", "assert a1",
    ],
)  # fmt: skip
def test_the_list_is_not_empty_words(code: str) -> None:
    """A tree with any of these would be refused."""
    helpers = set(module_of(checked(PARAMETER.format(n="x1"))).world.slots.values)
    assert not all(harmless(node, helpers) for node in ast.walk(ast.parse(code)))


def test_a_traceback_through_generated_code_shows_the_line_of_the_policy() -> None:
    compiled = compile_package(checked(PARAMETER.format(n="x1")))
    nobody: Any = None
    with pytest.raises(AttributeError) as caught:
        compiled.fast(Request(nobody, "view", nobody, nobody, nobody), (nobody, nobody, nobody))
    shown = "".join(traceback.format_exception(caught.value))
    assert re.search(r'File "abac-policy-\d+", line \d+, in s1\n +for v\d+ in subject\.f\d+:', shown), shown


def test_what_a_policy_may_not_be_called_is_refused_with_its_place() -> None:
    for name in ("subject", "resource", "now", "context", "permit", "1x", "a-b", "é", "a b", ""):
        with pytest.raises(PolicyErrors):
            checked(PARAMETER.format(n=name))
