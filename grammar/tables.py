"""Turns `abac.lark` into `abac.tables.json`, by which policies are parsed: `make tables`.

lark analyses the grammar and makes the LALR tables. What is written is data in an order of its own, so that a grammar has one form of
tables whatever lark numbers its states by, and a change of the grammar is a diff that can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

FOLDER = Path(__file__).parent
GRAMMAR, TABLES = FOLDER / "abac.lark", FOLDER / "abac.tables.json"
FORMAT = "abac-tables/1"
STARTS = ["header", "declaration", "expression"]
SHIFT = 0  # what lark's own form of tables means by it

Row = dict[str, tuple[int, Any]]


def tables_of(grammar: str) -> str:
    """The tables of a grammar, as the text of the file.

    The members: `starts`, the first state by start rule; `terminals` by name with priority, whether it is a fixed text, and text or
    regular expression; `lookaheads`, sets of terminals; `rules` with their origin, the builder's method that makes their node (null: the
    one value in it is handed on, or those of a repetition are gathered), and their symbols; `states`, each with the terminals it shifts,
    the rules it reduces with the number of the set of terminals before which it does, and where it goes after a reduction.
    """
    lark = Lark(grammar, parser="lalr", lexer="basic", start=STARTS, keep_all_tokens=True, maybe_placeholders=False)
    data, made = lark.memo_serialize([TerminalDef, Rule])
    table = data["parser"]["parser"]
    names: Mapping[int, str] = table["tokens"]
    states = {state: {names[symbol]: action for symbol, action in row.items()} for state, row in table["states"].items()}
    for end in table["end_states"].values():
        states[end]["$END"] = (SHIFT, end)  # a start rule is complete: the end is a token like any other
    rules = sorted((_rule(each) for each in made.values() if each["__type__"] == "Rule"), key=json.dumps)
    number = {json.dumps(rule): i for i, rule in enumerate(rules)}
    by_reference = {key: number[json.dumps(_rule(each))] for key, each in made.items() if each["__type__"] == "Rule"}
    order = _order(states, [table["start_states"][start] for start in STARTS])
    lookaheads = sorted({terminals for row in states.values() for terminals in _reductions(row, by_reference).values()})
    place = {state: i for i, state in enumerate(order)}
    return _text({
        "format": FORMAT,
        "starts": {start: place[table["start_states"][start]] for start in STARTS},
        "terminals": sorted(_terminal(each) for each in lark.terminals),
        "lookaheads": lookaheads,
        "rules": rules,
        "states": [_state(states[state], by_reference, lookaheads, place) for state in order],
    })  # fmt: skip


def _terminal(terminal: TerminalDef) -> list[Any]:
    pattern = terminal.pattern
    is_fixed = pattern.type == "str"
    return [str(terminal.name), terminal.priority, is_fixed, pattern.value if is_fixed else pattern.to_regexp()]


def _rule(rule: Mapping[str, Any]) -> list[Any]:
    """Origin, builder's method or null, symbols. lark calls the rules of its own repetitions `__…`, and hands on what `?` rules hold."""
    origin = str(rule["origin"]["name"])
    symbols = [str(symbol["name"]) for symbol in rule["expansion"]]
    if not symbols or (origin.startswith("__") and any(symbol.startswith("__") and symbol != origin for symbol in symbols)):
        raise ValueError(f"`{origin}` is empty, or a repetition directly inside another: the automaton knows neither")
    hands_on = rule["options"]["expand1"] and len(symbols) == 1
    builds = rule["alias"] or (None if hands_on or origin.startswith("__") else origin)
    return [origin, builds and str(builds), symbols]


def _order(states: Mapping[int, Row], starts: Iterable[int]) -> list[int]:
    """All states, each start's first; from each on in the alphabetical order of the symbols that lead there."""
    order = dict.fromkeys(starts)
    for state in (waiting := list(order)):
        for _, (action, following) in sorted(states[state].items()):
            if action == SHIFT and following not in order:
                order[following] = None
                waiting.append(following)
    return list(order)


def _reductions(row: Row, rules: Mapping[int, int]) -> dict[int, tuple[str, ...]]:
    """The terminals before which each rule is reduced."""
    found: dict[int, list[str]] = {}
    for symbol, (action, reference) in sorted(row.items()):
        if action != SHIFT:
            found.setdefault(rules[reference["@"]], []).append(symbol)
    return {rule: tuple(terminals) for rule, terminals in found.items()}


def _state(row: Row, rules: Mapping[int, int], lookaheads: list[tuple[str, ...]], place: Mapping[int, int]) -> dict[str, Any]:
    steps = {symbol: place[following] for symbol, (action, following) in sorted(row.items()) if action == SHIFT}
    return {
        "shift": {symbol: state for symbol, state in steps.items() if symbol.isupper()},
        "reduce": [[rule, lookaheads.index(terminals)] for rule, terminals in sorted(_reductions(row, rules).items())],
        "goto": {symbol: state for symbol, state in steps.items() if not symbol.isupper()},
    }


def _text(tables: Mapping[str, Any]) -> str:
    """JSON with one line for each entry of its lists."""
    members = []
    for name, value in tables.items():
        if isinstance(value, list):
            lines = ",\n  ".join(json.dumps(each, separators=(",", ":")) for each in value)
            members.append(f'"{name}": [\n  {lines}\n]')
        else:
            members.append(f'"{name}": {json.dumps(value)}')
    return "{" + ",\n".join(members) + "}\n"


if __name__ == "__main__":
    TABLES.write_text(tables_of(GRAMMAR.read_text(encoding="utf-8")), encoding="utf-8")
