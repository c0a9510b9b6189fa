"""Floor 2, language: `like` and `matches`, both in time linear in the text."""

from __future__ import annotations

import re
from collections.abc import Callable
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


def liker(pattern: str) -> Callable[[str], bool]:
    """`like` for one pattern."""
    pieces = pattern.split("*")
    match pieces:
        case [whole]:
            return whole.__eq__
        case ["", ""]:
            return lambda text: True
        case [first, ""]:
            return lambda text: text.startswith(first)
        case ["", last]:
            return lambda text: text.endswith(last)
        case ["", middle, ""]:
            return lambda text: middle in text
    return lambda text: like(text, pattern)


def matches(text: str, pattern: str) -> bool:
    """Whether the whole text matches the regular expression, in RE2's syntax (no backtracking, so no bombs)."""
    return compiled(pattern).fullmatch(text) is not None


def matcher(pattern: str) -> Callable[[str], bool]:
    """`matches` for one pattern: by Python's own expressions where both mean the same and neither walks twice over the text."""
    if _SIMPLE.fullmatch(pattern) is None or not _is_plain(pattern):
        program = compiled(pattern)
        return lambda text: program.fullmatch(text) is not None
    own = re.compile(pattern)
    return lambda text: own.fullmatch(text) is not None


_ATOM = r"(?:[A-Za-z0-9 _/:,@%&=~#<>!;'\"-]|\\[.+*?()|\[\]{}^$-]|\[(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[_./:@ ])+\])"
_SIMPLE = re.compile(rf"(?:{_ATOM}(?:\{{[0-9]{{1,3}}(?:,[0-9]{{1,3}})?\}}|[?*+])?)*")
"""Characters of ASCII, escaped signs and classes of letters and digits, each once or repeated."""

_VARIABLE = re.compile(r"(?<!\\)[?*+]|\{[0-9]+,[0-9]+\}")


def _is_plain(pattern: str) -> bool:
    """Whether at most one part is repeated a number of times that the text decides, and every class and count is one that RE2 takes."""
    if len(_VARIABLE.findall(pattern)) > 1:
        return False
    try:
        compiled(pattern)
        re.compile(pattern)
    except (ValueError, re.error):
        return False
    return True


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
