"""Floor 2, language: `like` and `matches`, both in time linear in the text."""

from __future__ import annotations

from functools import cache
from typing import Any

from abac.model.limits import MAX_PATTERN

_MEMORY = 8 * 1024 * 1024


def like(text: str, pattern: str) -> bool:
    """Whether the whole text fits the pattern, in which `*` stands for any run of characters and everything else for itself."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def matches(text: str, pattern: str) -> bool:
    """Whether the whole text matches the regular expression, in RE2's syntax (no backtracking, so no bombs)."""
    return compiled(pattern).fullmatch(text) is not None


@cache
def compiled(pattern: str) -> Any:  # re2 has no type for it
    """RE2's program for a pattern.

    Raises:
        ValueError: saying why RE2 refuses it, or that it is longer than MAX_PATTERN.
    """
    import re2

    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a regular expression"
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
