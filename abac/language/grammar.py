"""Floor 2, language: the grammar's text, wherever the project is installed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from abac.model.errors import LoadError

_FOLDER, _NAME = "grammar", "abac.lark"


def grammar_text() -> str:
    """The grammar of policy files: inside the package where a wheel put it, beside the package in a checkout or editable install."""
    inside = files("abac") / _FOLDER / _NAME
    beside = Path(__file__).resolve().parents[2] / _FOLDER / _NAME
    for place in (inside, beside):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise LoadError(f"the grammar `{_NAME}` is missing: expected it at {inside} or {beside}; install the package again")
