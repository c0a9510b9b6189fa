"""Tests: trees with their places. Nodes compare by meaning, so that two that stand elsewhere are equal; here they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from abac.model.source import Source


def with_places(part: object) -> object:
    """All there is to a tree, in plain tuples: every field, also those that take no part in comparisons, and the class of every value."""
    if isinstance(part, Source):
        return part.name, part.text
    if is_dataclass(part):
        return type(part), *((each.name, with_places(getattr(part, each.name))) for each in fields(part))
    if isinstance(part, tuple | list):
        return type(part), *map(with_places, part)
    if isinstance(part, Mapping):
        return dict, *((with_places(key), with_places(value)) for key, value in part.items())
    return type(part), part
