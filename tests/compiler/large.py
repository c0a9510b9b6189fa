"""Tests: policies that are deep or wide, `times` as large as what a person might write."""

from __future__ import annotations

import sys
from collections.abc import Callable

from abac.model.errors import PolicyErrors
from tests.compiler.deciding import checked, compiled, decide

WORLD = """package p
entity U key id { id: String, n: Int }
context { clock at: Instant, n: Int, b: Bool, l: List<Int>, s: Set<Int> }
action view: U -> U
obligation tell(x: Int)
"""
USER = {"id": "u", "n": 3}
AT = "2026-01-01T00:00:00Z"
CONTEXTS: list[dict[str, object]] = [
    {"at": AT, "n": 5, "b": True, "l": [1, 2, 5], "s": [5]},
    {"at": AT, "n": 999, "b": False, "l": [1, 2], "s": []},
    {"at": AT, "n": None, "b": True, "l": [1, None], "s": [None]},
    {"n": 299, "b": None, "l": [], "s": [1]},
]


def permit(when: str, declared: str = "") -> str:
    return f"{WORLD}{declared}policy main: deny-unless-permit {{ permit r when {when} }}\n"


def policy(algorithm: str, children: list[str]) -> str:
    return f"{WORLD}policy main: {algorithm} {{\n" + "\n".join(children) + "\n}\n"


def joined(word: str, count: int, part: str) -> str:
    return f" {word} ".join(part.format(i=i) for i in range(count))


def nested(depth: int, opening: str, inner: str, closing: str) -> str:
    return opening * depth + inner + closing * depth


DEEP: dict[str, Callable[[int], str]] = {
    "parentheses": lambda d: permit(nested(d, "(", "context.b", ")")),
    "not": lambda d: permit("not " * d + "context.b"),
    "if in then": lambda d: permit(nested(d, "if context.b then (", "true", ") else false")),
    "if in its own condition": lambda d: permit(nested(d, "(if ", "context.b", " then true else context.n > 7)")),
    "if in else": lambda d: permit(nested(d, "(if context.n == 7 then context.b else ", "context.b", ")")),
    "and in or": lambda d: permit(nested(d, "(context.n == 1 or (context.b and ", "context.n == 5", "))")),
    "sum": lambda d: permit(f"{joined('+', d, 'context.n')} > 7"),
    "differences in brackets": lambda d: permit(nested(d, "(context.n - ", "1", ")") + " > 7"),
    "lists": lambda d: permit(f"count({nested(d, '[', 'context.n', ']')}) == 1 and context.b"),
    "policies": lambda d: policy(
        "deny-overrides", [nested(1, "".join(f"policy p{i}: permit-overrides {{ " for i in range(d)), "permit r when context.b ", "}" * d)]
    ),
    "definitions": lambda d: permit(
        "d0", "".join(f"define d{i} = not d{i + 1}\n" for i in range(d)) + f"define d{d} = context.b\n"
    ),
    "definitions with parameters": lambda d: permit(
        "d0(context.n)", "".join(f"define d{i}(x: Int) = d{i + 1}(x + 1)\n" for i in range(d)) + f"define d{d}(x: Int) = x > 30\n"
    ),
    "quantifiers": lambda d: permit("".join(f"some x{i} in context.l: " for i in range(d)) + "context.b"),
    "quantifiers that see one another": lambda d: permit(
        "".join(f"every x{i} in context.l: " for i in range(d)) + joined("and", d, "x{i} > 0")
    ),
    "doubling definitions": lambda d: permit(
        f"e{d}(context.n)",
        "define e0(x: Int) = x > 1\n" + "".join(f"define e{i}(x: Int) = e{i - 1}(x) and e{i - 1}(x)\n" for i in range(1, d + 1)),
    ),
    "arms": lambda d: permit("(" + " else ".join(f"if context.n == {i} then context.b" for i in range(d)) + " else context.n > 7)"),
}  # fmt: skip

WIDE: dict[str, Callable[[int], str]] = {
    "or": lambda k: permit(joined("or", 1_000 * k, "context.n == {i}")),
    "and": lambda k: permit(joined("and", 1_000 * k, "context.n != {i}")),
    "or of sums": lambda k: permit(joined("or", 1_000 * k, "context.n + {i} == 5")),
    "or of quantifiers": lambda k: permit(joined("or", 400 * k, "(some x in context.l: x == {i})")),
    "set of constants": lambda k: permit(f"context.n in {{ {joined(',', 10_000 * k, '{i}')} }}"),
    "set of expressions": lambda k: permit(f"1 in {{ {joined(',', 1_000 * k, 'context.n + {i}')} }}"),
    "rules": lambda k: policy("first-applicable", [f"permit r{i} when context.n == {i}" for i in range(1_000 * k)]),
    "rules of two effects": lambda k: policy(
        "deny-overrides", [f"{('permit', 'deny')[i % 2]} r{i} when context.n == {i} and context.b" for i in range(1_000 * k)]
    ),
    "rules with witnesses": lambda k: policy(
        "permit-overrides", [f"permit r{i} for some x in context.l when x == {i} oblige tell(x)" for i in range(200 * k)]
    ),
    "policies beside one another": lambda k: policy(
        "deny-overrides",
        [f"policy p{i}: permit-overrides {{ target context.n == {i} permit r{i} when context.b deny d{i} otherwise }}"
         for i in range(200 * k)],
    ),
    "only one applies": lambda k: policy(
        "only-one-applicable", [f"policy p{i}: deny-overrides {{ target context.n == {i} permit r{i} otherwise }}" for i in range(400 * k)]
    ),
    "definitions": lambda k: permit(joined("or", 300 * k, "d{i}"), "".join(f"define d{i} = context.n == {i}\n" for i in range(300 * k))),
    "parameters": lambda k: permit(
        f"f({joined(',', 300 * k, 'context.n')})",
        f"define f({joined(',', 300 * k, 'a{i}: Int')}) = {joined('or', 300 * k, 'a{i} == 5')}\n",
    ),
    "obligations": lambda k: policy("deny-overrides", ["permit r otherwise", *(f"oblige tell(context.n + {i})" for i in range(300 * k))]),
    "citations": lambda k: policy("deny-overrides", [f"permit r otherwise cite {joined(',', 500 * k, chr(34) + 'c{i}' + chr(34))}"]),
    "reason": lambda k: policy("deny-overrides", [f'permit r otherwise because "{"{context.n} " * (300 * k)}"']),
    "attributes": lambda k: (WORLD + "policy main: deny-overrides { permit r when " + joined("and", 300 * k,
    "context.f{i} == 1") + " }\n").replace(
        "b: Bool,", f"b: Bool, {joined(',', 300 * k, 'f{i}: Int')},"
    ),
    "actions": lambda k: WORLD.replace("action view:", f"action view, {joined(',', 400 * k, 'a{i}')}:")
    + "policy main: deny-overrides {\n" + "\n".join(f'permit r{i} when action == "a{i}"' for i in range(400 * k)) + "\n}\n",
    "string": lambda k: permit(f'"{"x" * (100_000 * k)}" == subject.id'),
    "name": lambda k: permit("context.b and " + "n" * (10_000 * k), f"define {'n' * (10_000 * k)} = context.n == 5\n"),
}  # fmt: skip


def refusals(text: str) -> set[str]:
    """The codes of what is complained about; empty if the policy is accepted."""
    try:
        checked(text)
    except PolicyErrors as errors:
        return {diagnostic.code for diagnostic in errors.diagnostics}
    return set()


def decide_all(text: str) -> set[str]:
    """The effects of every context, each the same by compiled code and by the reference."""
    compiled(text)
    return {str(decide(text, subject=USER, action="view", resource=USER, context=context).effect) for context in CONTEXTS}


def main(names: list[str]) -> None:
    """Tries `deep/NAME/DEPTH` and `wide/NAME/TIMES`, and says what became of each."""
    for each in names:
        family, name, size = each.split("/")
        text = {"deep": DEEP, "wide": WIDE}[family][name](int(size))
        found = refusals(text)
        print(each, "refused" if found else "decided", *sorted(found or decide_all(text)), sep="\t", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
