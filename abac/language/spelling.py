"""Floor 2, language: how literal values are written in a policy."""

from __future__ import annotations

import datetime as dt
import unicodedata
from decimal import Decimal

from abac.language.lexer import INVISIBLE

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_UNITS = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}


def spell(value: object) -> str:
    """A value of a literal as the parser reads it back.

    Raises:
        TypeError: if no literal has such a value.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return spell_decimal(value)
        case str():
            return spell_string(value)
        case dt.datetime():
            utc = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
            return f"{utc.isoformat()}Z"
        case dt.date():
            return value.isoformat()
        case dt.time():
            return value.isoformat("seconds" if value.second else "minutes")
        case dt.timedelta():
            return spell_duration(value)
        case _:
            raise TypeError(f"no literal has a value such as {value!r}")


def spell_decimal(value: Decimal) -> str:
    text = format(value, "f")
    return text if "." in text else f"{text}.0"


def spell_string(value: str) -> str:
    """In double quotes. What cannot be seen, or would not survive normalisation, is escaped."""
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    text = "".join(_escaped(c) for c in value)
    if not unicodedata.is_normalized("NFC", text):  # of the text, not of the value: a mark may meet the letter of an escape
        text = "".join(_escaped(c, ascii_only=True) for c in value)
    return f'"{text}"'


def _escaped(character: str, ascii_only: bool = False) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if unicodedata.category(character) in INVISIBLE or (ascii_only and not character.isascii()):
        return f"\\u{{{ord(character):x}}}"
    return character


def spell_duration(value: dt.timedelta, preferred: str = "") -> str:
    """In the preferred unit if it divides the duration, else in the largest that does."""
    seconds = value.days * 86_400 + value.seconds
    fitting = [unit for unit, size in _UNITS.items() if seconds % size == 0]
    unit = preferred if preferred in fitting else fitting[0] if seconds else "second"
    count = seconds // _UNITS[unit]
    return f"{count} {unit}{'' if abs(count) == 1 else 's'}"
