"""Floor 1, model: strict JSON, read and written alike with and without orjson.

Numbers are int or Decimal, never float. Refused, with the place: duplicate members, NaN and infinities, lone surrogates, more than
`MAX_NESTING` levels, integers beyond 64 bits, decimals beyond decimal128, text that is not UTF-8, byte order marks, trailing data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Never

from abac.model.errors import AbacError
from abac.model.limits import INT_MAX, INT_MIN, MAX_NESTING
from abac.model.scalars import has_surrogate, narrow
from abac.model.values import CauseKind


class JsonError(AbacError):
    """Text that is not the JSON admitted here; `offset` counts characters from its start. Quotes nothing of the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message, offset)
        self.message = message
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.message} at offset {self.offset}"


_INTEGER_DIGITS = len(str(INT_MIN))
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
# Invariant: takes an unclosed string to the end of the text; otherwise each of its quotes would be tried in turn.
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]++|\\.)*+"?+)(?P<colon>[ \t\n\r]*+:)?+'
    r"|(?P<constant>NaN|-?Infinity)|(?P<number>-?[0-9][0-9.eE+-]*+)|(?P<open>[\[{])|(?P<close>[\]}])",
    re.DOTALL,
)


def parse_json(data: bytes | str) -> object:
    """The value of one JSON text: dict, list, str, int, Decimal, bool or None; raises JsonError."""
    text = data if isinstance(data, str) else _decode(data)
    if text.startswith("\ufeff"):
        raise JsonError("a byte order mark", 0)
    if has_surrogate(text):
        raise JsonError("a lone surrogate", next(i for i, c in enumerate(text) if has_surrogate(c)))
    _refuse_deep(text)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonError((error.msg[:1].lower() + error.msg[1:]).removesuffix(" at"), error.pos) from None
    except JsonError:
        _refuse_parts(text)  # the same refusal, with its place
        raise
    if _SURROGATE_ESCAPE.search(text):
        _refuse_parts(text)
    return value


def parse_number(text: str) -> int | Decimal:
    """A JSON number that stands alone; raises JsonError."""
    if _NUMBER.fullmatch(text) is None:
        raise JsonError("no number", 0)
    return _number(text)


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError("bytes that are not UTF-8", len(data[: error.start].decode("utf-8"))) from None


def _refuse_deep(text: str) -> None:
    """Before anything walks the text recursively."""
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "open":
            depth += 1
            if depth > MAX_NESTING:
                raise JsonError(f"nesting beyond {MAX_NESTING} levels", token.start())
        elif token.lastgroup == "close":
            depth -= 1


def _refuse_parts(text: str) -> None:
    """Refuse the first part that is well formed but not admitted. What stands before it is known to be well formed."""
    names: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "open":
                names.append(set())
            case "close":
                names.pop()
            case "string" | "colon":
                string = json.loads(token["string"])
                if has_surrogate(string):
                    raise JsonError("a lone surrogate", token.start())
                if token["colon"]:
                    if string in names[-1]:
                        raise JsonError("a duplicate member", token.start())
                    names[-1].add(string)
            case "number" | "constant":
                _DECODER_AT[token.lastgroup](token.group(), token.start())


def _number(text: str, offset: int = 0) -> int | Decimal:
    return _decimal(text, offset) if set(text) & set(".eE") else _integer(text, offset)


def _integer(text: str, offset: int = 0) -> int:
    number = int(text) if len(text) <= _INTEGER_DIGITS else INT_MAX + 1  # reading a million digits takes quadratic time
    if not INT_MIN <= number <= INT_MAX:
        raise JsonError("an integer beyond 64 bits", offset)
    return number


def _decimal(text: str, offset: int = 0) -> Decimal:
    try:
        number = narrow(Decimal(text))
    except InvalidOperation:  # an exponent that not even Decimal can hold
        number = CauseKind.OVERFLOW
    if isinstance(number, CauseKind):
        raise JsonError("a number beyond 34 digits or the exponents of decimal128", offset)
    return number


def _constant(text: str, offset: int = 0) -> Never:
    raise JsonError("a number that JSON does not know", offset)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonError("a duplicate member", 0)
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_int=_integer, parse_float=_decimal, parse_constant=_constant)
_DECODER_AT: dict[str, Callable[[str, int], object]] = {"number": _number, "constant": _constant}


def dump_json(value: object) -> bytes:
    """Compact UTF-8 JSON of what `parse_json` gives, tuples and str subclasses too; members in insertion order, Decimals exactly.

    Raises TypeError for anything else, floats among it, and ValueError for what JSON cannot hold.
    """
    _refuse_unwritable(value)
    return _writer()(value)


@cache
def _writer() -> Callable[[object], bytes]:
    try:
        import orjson  # noqa: F401  # asked for, used in `write_fast`
    except ImportError:
        return write_plain
    return write_fast


def write_fast(value: object) -> bytes:
    """With orjson."""
    import orjson

    def number(part: object) -> orjson.Fragment:
        if type(part) is Decimal:
            return orjson.Fragment(_decimal_text(part))
        raise TypeError(f"no JSON form for `{type(part).__name__}`")

    return orjson.dumps(value, default=number)


def write_plain(value: object) -> bytes:
    """With the standard library, which cannot write a Decimal as a number."""
    return "".join(_written(value)).encode("utf-8")


def _refuse_unwritable(value: object) -> None:
    kind = type(value)
    if kind is dict:
        for name, part in value.items():  # type: ignore[attr-defined]
            if type(name) is not str:
                raise TypeError(f"a member's name cannot be `{type(name).__name__}`")
            _refuse_unwritable(name)
            _refuse_unwritable(part)
    elif kind is list or kind is tuple:
        for part in value:  # type: ignore[attr-defined]
            _refuse_unwritable(part)
    elif isinstance(value, str):
        if has_surrogate(value):
            raise ValueError("a lone surrogate has no JSON form")
    elif kind is int:
        if not INT_MIN <= value <= INT_MAX:  # type: ignore[operator]
            raise ValueError("an integer beyond 64 bits has no JSON form")
    elif kind is Decimal:
        if isinstance(narrow(value), CauseKind):  # type: ignore[arg-type]
            raise ValueError("a number beyond decimal128 has no JSON form")
    elif value is not None and kind is not bool:
        raise TypeError(f"no JSON form for `{kind.__name__}`")


def _written(value: object) -> Iterator[str]:
    match value:
        case dict():
            yield "{"
            for index, (name, part) in enumerate(value.items()):
                yield f"{',' if index else ''}{_quoted(name)}:"
                yield from _written(part)
            yield "}"
        case list() | tuple():
            yield "["
            for index, part in enumerate(value):
                yield "," if index else ""
                yield from _written(part)
            yield "]"
        case str():
            yield _quoted(str.__str__(value))
        case Decimal():
            yield _decimal_text(value)
        case _:
            yield json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _decimal_text(value: Decimal) -> str:
    """`G` and `E` write every digit and, unlike `str`, take no notice of the caller's decimal context."""
    text = f"{value:G}"
    return text if set(text) & set(".E") or INT_MIN <= value <= INT_MAX else f"{value:E}"  # a long integer would be refused as an Int
