"""Floor 2, language: the grammar's text and its tables, wherever the project is installed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from abac.model.errors import LoadError

_FOLDER = "grammar"


def grammar_text() -> str:
    """The grammar of policy files."""
    return _text("abac.lark", "grammar")


def tables_text() -> str:
    """The tables made of the grammar, as JSON; `make tables` writes them."""
    return _text("abac.tables.json", "table file")


def _text(name: str, what: str) -> str:
    """What is inside the package where a wheel put it, beside the package in a checkout or editable install."""
    inside = files("abac") / _FOLDER / name
    beside = Path(__file__).resolve().parents[2] / _FOLDER / name
    for place in (inside, beside):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise LoadError(f"the {what} `{name}` is missing: expected it at {inside} or {beside}; install the package again")
