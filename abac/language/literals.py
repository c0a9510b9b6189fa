"""Floor 2, language: the values of literals other than strings."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from abac.model.limits import DECIMAL_DIGITS, INT_MAX, INT_MIN

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_LONGEST = 999_999_999 * 86_400  # seconds; what Python can hold with either sign
_ZONED = re.compile(r"(Z|[+-]\d\d:\d\d)$")
_FRACTION = re.compile(r"\.(\d+)")
_NO_INSTANT = dt.datetime.min.replace(tzinfo=dt.timezone.utc)  # with a zone, like all instants: the checker may compare it


class BadLiteral(Exception):
    """A literal without a value. `instead` is a value of its kind, so that the rest can be read."""

    def __init__(self, code: str, message: str, instead: object, help: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.instead, self.help = code, message, instead, help


def _int(text: str) -> int:
    if len(text) > 19 or int(text) > INT_MAX:
        instead = -INT_MIN if text == str(-INT_MIN) else 0
        raise BadLiteral("number-out-of-range", "the number does not fit into 64 bits", instead)
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text.replace(".", "").lstrip("0")) > DECIMAL_DIGITS:
        raise BadLiteral("number-out-of-range", f"a Decimal has at most {DECIMAL_DIGITS} digits", Decimal(0))
    return Decimal(text)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadLiteral("bad-literal", "there is no such date", dt.date.min) from None


def _time(text: str) -> dt.time:
    try:
        return dt.time.fromisoformat(text)
    except ValueError:
        raise BadLiteral("bad-literal", "there is no such time of day", dt.time.min) from None


def _instant(text: str) -> dt.datetime:
    if not _ZONED.search(text):
        raise BadLiteral("bad-literal", "an instant needs a zone", _NO_INSTANT, "end it with `Z` or an offset such as `-04:00`")
    fraction = _FRACTION.search(text)
    if fraction and len(fraction[1].rstrip("0")) > 6:
        raise BadLiteral("bad-literal", "instants are exact to a microsecond", _NO_INSTANT)
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.timezone.utc)
    except (ValueError, OverflowError):
        raise BadLiteral("bad-literal", "there is no such instant", _NO_INSTANT) from None


def _duration(text: str) -> dt.timedelta:
    number, unit = text.split()
    seconds = int(number) * _SECONDS[unit.removesuffix("s")] if len(number) <= 14 else _LONGEST + 1
    if seconds > _LONGEST:
        raise BadLiteral("bad-literal", "there is no such duration", dt.timedelta())
    return dt.timedelta(seconds=seconds)


LITERALS: Mapping[str, tuple[type, Callable[[str], object]]] = {
    "INT": (int, _int),
    "DECIMAL": (Decimal, _decimal),
    "DATE": (dt.date, _date),
    "INSTANT": (dt.datetime, _instant),
    "TIME": (dt.time, _time),
    "DURATION": (dt.timedelta, _duration),
    "TRUE": (bool, lambda text: True),
    "FALSE": (bool, lambda text: False),
}
"""The kinds of token that are literals, what each is a literal of, and how its value is read. Readers raise BadLiteral."""
