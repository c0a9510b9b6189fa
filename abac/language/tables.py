"""Floor 2, language: the tables of the grammar, read from the data that is shipped with it.

lark makes the tables when the grammar changes, not when a policy is loaded; `grammar/tables.py` says what the data looks like.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abac.model.errors import LoadError

FORMAT = "abac-tables/1"


@dataclass(frozen=True, slots=True)
class Terminal:
    """A kind of token. `text` is what it looks like if `is_fixed`, else a regular expression."""

    name: str
    priority: int
    is_fixed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Production:
    """One way to make an `origin` of `size` symbols.

    Attributes:
        builds: the builder's method that makes the node; None where the one value is handed on, or a repetition gathered.
        gathers: whether the origin is a repetition: its values become one list.
        holds_lists: whether a repetition is among the symbols: its values stand among the others.
    """

    origin: str
    builds: str | None
    size: int
    gathers: bool
    holds_lists: bool


Action = int | Production
"""What a state does before a terminal: shift it and go to the state of that number, or reduce."""


@dataclass(frozen=True, slots=True)
class Tables:
    """`actions` and `gotos` are by the number of the state; `starts` has the first state of each start rule."""

    terminals: tuple[Terminal, ...]
    productions: tuple[Production, ...]
    starts: Mapping[str, int]
    actions: tuple[Mapping[str, Action], ...]
    gotos: tuple[Mapping[str, int], ...]


def read_tables(text: str) -> Tables:
    """The tables that the text holds.

    Raises:
        LoadError: it holds tables of another version of this package.
    """
    data: dict[str, Any] = json.loads(text)
    if data.get("format") != FORMAT:
        raise LoadError(f"the grammar's tables are `{data.get('format')}`, not `{FORMAT}`: install the package again")
    productions = tuple(_production(*rule) for rule in data["rules"])
    lookaheads: list[list[str]] = data["lookaheads"]
    actions: list[dict[str, Action]] = []
    for state in data["states"]:
        row: dict[str, Action] = dict(state["shift"])
        for rule, terminals in state["reduce"]:
            row.update(dict.fromkeys(lookaheads[terminals], productions[rule]))
        actions.append(row)
    gotos = tuple(state["goto"] for state in data["states"])
    terminals = tuple(Terminal(*each) for each in data["terminals"])
    return Tables(terminals, productions, data["starts"], tuple(actions), gotos)


def _production(origin: str, builds: str | None, symbols: list[str]) -> Production:
    return Production(origin, builds, len(symbols), origin.startswith("__"), any(symbol.startswith("__") for symbol in symbols))
