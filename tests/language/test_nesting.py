"""However deep or long a text is, it is read or refused: never a crash, never without end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from abac.language import nodes as n
from abac.language.parser import parse, parse_with_errors
from abac.model.diagnostics import Diagnostic
from abac.model.limits import MAX_ARMS, MAX_NESTING
from abac.model.source import Source


def complaints(text: str) -> tuple[Diagnostic, ...]:
    return parse_with_errors(Source("text", text))[1]


NESTINGS: dict[str, tuple[Callable[[int], str], int]] = {  # a text, and how many levels it has beyond the repetitions
    "brackets": (lambda count: "(" * count + "a" + ")" * count, 0),
    "lists": (lambda count: "[" * count + "]" * count, 0),
    "sets in calls": (lambda count: "f({" * (count // 2) + "})" * (count // 2), 0),
    "not": (lambda count: "not " * count + "a", 1),
    "minus": (lambda count: "-" * count + "a", 1),
    "sums": (lambda count: "a" + " + a" * count, 1),
    "paths": (lambda count: "a" + ".b" * count, 1),
    "indexes": (lambda count: "a" + "[0]" * count, 1),
    "quantifiers": (lambda count: "some x in xs: " * count + "a", 1),
    "conditions": (lambda count: "if " * count + "a" + " then b else c" * count, 1),
    "values": (lambda count: "if a then " * count + "b" + " else c" * count, 1),
}


@pytest.mark.parametrize("kind", NESTINGS)
def test_nesting_is_accepted_up_to_the_limit_and_refused_beyond(kind: str) -> None:
    text, more = NESTINGS[kind]
    assert complaints(f"package p\nconst A = {text(MAX_NESTING - more)}\nconst B = 1\n") == ()
    step = 2 if kind == "sets in calls" else 1
    file, found = parse_with_errors(Source("text", f"package p\nconst A = {text(MAX_NESTING - more + step)}\nconst B = 1\n"))
    assert [d.code for d in found] == ["nesting"]
    assert [d.name.value for d in file.declarations if isinstance(d, n.ConstDeclaration)] == ["B"]


def test_types_are_nested_up_to_the_limit() -> None:
    deepest = "Set<" * (MAX_NESTING - 1) + "T" + ">" * (MAX_NESTING - 1)
    assert complaints(f"package p\ntype A = {deepest}\n") == ()
    assert [d.code for d in complaints(f"package p\ntype A = Set<{deepest}>\n")] == ["nesting"]


def test_a_ladder_may_be_long_but_not_endless() -> None:
    ladder = "if a then b else "
    assert complaints(f"package p\ndefine f = {ladder * MAX_ARMS} c\n") == ()
    found = complaints(f"package p\ndefine f = {ladder * (MAX_ARMS + 1)} c\n")
    assert [d.message for d in found] == [f"an `if` has more than {MAX_ARMS} arms"]


ATTACKS = {  # what comes before, what is repeated, what ends it, and what is repeated after that
    "open brackets": ("const A = ", "(", "", ""), "open blocks": ("", "policy q: deny-overrides {", "", ""),
     "closing brackets": ("const A = ", "]", "", ""),
    "brackets": ("const A = ", "(", "a", ")"), "lists": ("const A = ", "[", "", "]"), "not": ("const A = ", "not ", "a", ""),
    "minus": ("const A = ", "-", "a", ""), "if": ("const A = ", "if ", "a", ""), "ladder": ("const A = ", "if a then b else ", "c", ""),
    "values": ("const A = ", "if a then ", "b", " else c"), "quantifiers": ("const A = ", "some x in xs: ", "x", ""),
     "paths": ("const A = a", ".b", "", ""),
    "sums": ("const A = a", " + a", "", ""), "types": ("type T = ", "Set<", "T", ">"), "quotes": ("const A = ", "'", "", ""),
     "blocks": ("", "}", "", ""),
    "escapes": ("", "\\", "", ""), "question marks": ("type T = U", "?", "", ""), "words": ("", "type ", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", ATTACKS)
def test_a_hundred_thousand_levels_are_a_complaint_and_no_crash(kind: str) -> None:
    code = (
        "import sys; from abac.language.parser import parse_with_errors; from abac.model.source import Source\n"
        "before, repeated, end, after = sys.argv[1:]\n"
        "text = 'package p\\n' + before + repeated * 100_000 + end + after * 100_000 + '\\nconst B = 1\\n'\n"
        "print(len(parse_with_errors(Source('attack', text))[1]) > 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *ATTACKS[kind]], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_long_flat_texts_are_no_nesting() -> None:
    many = range(3000)
    text = f"package p\ndefine f = {' and '.join('a' for _ in many)}\nconst B = [{', '.join('1' for _ in many)}]\n"
    assert complaints(text) == ()


@pytest.mark.long
def test_five_megabytes_are_read_in_bounded_time() -> None:
    rule = '  permit r{}\n    when    subject.level >= {} and resource.kind in {{ "a", "b" }}\n    because "Rule {}."\n'.format
    text = "package p\npolicy q: deny-overrides {\n" + "".join(rule(i, i, i) for i in range(55_000)) + "}\n"
    assert len(text) > 5_000_000
    begin = time.monotonic()
    (policy,) = parse(Source("text", text)).declarations
    assert isinstance(policy, n.Policy) and len(policy.children) == 55_000
    assert time.monotonic() - begin < 120
