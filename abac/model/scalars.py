"""Floor 1, model: reads values without parts from what callers and JSON bring: one reader a type.

A reader takes any object and gives a plain value of exactly the type's Python class, or the kind of cause why there is none. Subclasses
are copied through the base class's own methods, so that nothing a caller overrides is called where it can be helped. Readers may raise
ValueError and OverflowError, and let pass what the caller's object raises; `read_scalar` turns all of it into a kind of cause.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from abac.model import types as t
from abac.model.limits import DECIMAL_DIGITS, DECIMAL_EXPONENT, INT_MAX, INT_MIN, MAX_STRING
from abac.model.values import CauseKind, Value

Answer = Value | CauseKind

_UNITS: Final = ("week", "day", "hour", "minute", "second")
_SECOND: Final = 1_000_000
_SIZES: Final = dict(zip(_UNITS, (7 * 86_400 * _SECOND, 86_400 * _SECOND, 3_600 * _SECOND, 60 * _SECOND, _SECOND), strict=True))

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_INSTANT = re.compile(rf"{_DATE.pattern}[Tt]([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{{2}}):([0-9]{{2}}))")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?")
_DURATION = re.compile(rf"(-?)([0-9]+)(?:\.([0-9]+))?[ \t]+({'|'.join(_UNITS)})s?")
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_scalar(raw: object, type: t.Scalar) -> Answer:
    """A value of the type, or why there is none; raises nothing, whatever the object does."""
    reader = READERS.get(type)
    if reader is None:
        return CauseKind.MISTYPED
    try:
        return reader(raw)
    except (KeyboardInterrupt, SystemExit):
        raise
    except OverflowError:
        return CauseKind.OVERFLOW
    except BaseException:  # the object is the caller's and may raise anything; what raised is no value of the type
        return CauseKind.MISTYPED


def narrow(value: Decimal) -> Decimal | CauseKind:
    """The same number within decimal128, or why it does not fit. Takes no notice of the caller's decimal context."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):  # NaN and infinities
        return CauseKind.MISTYPED
    if abs(value.adjusted()) > DECIMAL_EXPONENT:
        return CauseKind.OVERFLOW
    surplus = len(digits) - DECIMAL_DIGITS
    if surplus <= 0:
        return value
    return CauseKind.INEXACT if any(digits[DECIMAL_DIGITS:]) else Decimal((sign, digits[:DECIMAL_DIGITS], exponent + surplus))


def has_surrogate(text: str) -> bool:
    """Whether a lone surrogate, which is no character, stands in the text."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def duration_text(value: dt.timedelta) -> str:
    """`72 hours`, in the largest unit that divides it; below a second as `1.5 seconds`."""
    total = value // dt.timedelta(microseconds=1)
    for unit, size in _SIZES.items():
        count, rest = divmod(total, size)
        if total and not rest:
            return f"{count} {unit}" if abs(count) == 1 else f"{count} {unit}s"
    seconds, fraction = divmod(abs(total), _SECOND)
    return f"{'-' if total < 0 else ''}{f'{seconds}.{fraction:06}'.rstrip('0').rstrip('.')} seconds"


def plain_text(raw: object) -> str | None:
    """A str, or the text of a subclass of it."""
    if type(raw) is str:
        return raw
    return str.__str__(raw) if issubclass(type(raw), str) else None


def _bool(raw: object) -> Answer:
    return raw if type(raw) is bool else CauseKind.MISTYPED


def _int(raw: object) -> int | CauseKind:
    if type(raw) is bool or not issubclass(type(raw), int):
        return CauseKind.MISTYPED
    number = int.__int__(raw)  # type: ignore[arg-type]  # the type was asked, not the object
    return number if INT_MIN <= number <= INT_MAX else CauseKind.OVERFLOW


def _decimal(raw: object) -> Answer:
    if issubclass(type(raw), Decimal):
        return narrow(Decimal(raw))  # type: ignore[arg-type]
    number = _int(raw)
    return number if type(number) is CauseKind else Decimal(number)


def _string(raw: object) -> Answer:
    text = plain_text(raw)
    if text is None:
        return CauseKind.MISTYPED
    if len(text) > MAX_STRING:
        return CauseKind.LIMIT_EXCEEDED
    return CauseKind.MISTYPED if has_surrogate(text) else text


def _match(pattern: re.Pattern[str], raw: object) -> re.Match[str]:
    found = pattern.fullmatch(plain_text(raw) or "")
    if found is None:
        raise ValueError("no text of this form")
    return found


def _parts(base: type, raw: object, *names: str) -> list[Any]:
    """What the base class itself says of the object, past all that a subclass overrides."""
    return [base.__dict__[name].__get__(raw) for name in names]


def _microseconds(fraction: str | None) -> int | None:
    """None: finer than a microsecond."""
    digits = (fraction or "").rstrip("0")
    return int(digits.ljust(6, "0")) if len(digits) <= 6 else None


def _instant(raw: object) -> Answer:
    if issubclass(type(raw), dt.datetime):
        return _aware(raw)
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = _match(_INSTANT, raw).groups()
    micro = _microseconds(fraction)
    local = dt.datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro or 0)
    away = dt.timedelta()
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            return CauseKind.MISTYPED
        away = dt.timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    return CauseKind.INEXACT if micro is None else (local - away).replace(tzinfo=dt.timezone.utc)


def _aware(raw: object) -> Answer:
    parts = _parts(dt.datetime, raw, "hour", "minute", "second", "microsecond", "tzinfo")
    local = dt.datetime(*_parts(dt.date, raw, "year", "month", "day"), *parts, fold=_parts(dt.datetime, raw, "fold")[0])
    away = local.utcoffset()
    if away is None:
        return CauseKind.MISTYPED
    if _is_finer(raw, dt.datetime, "nanosecond"):
        return CauseKind.INEXACT
    return (local.replace(tzinfo=None, fold=0) - away).replace(tzinfo=dt.timezone.utc)


def _is_finer(raw: object, base: type, name: str) -> bool:
    """Whether a subclass keeps what the base class cannot hold, as the timestamps of data libraries do."""
    return type(raw) is not base and bool(getattr(raw, name, 0))


def _date(raw: object) -> Answer:
    if issubclass(type(raw), dt.datetime):
        return CauseKind.MISTYPED
    if issubclass(type(raw), dt.date):
        return dt.date(*_parts(dt.date, raw, "year", "month", "day"))
    return dt.date(*map(int, _match(_DATE, raw).groups()))


def _duration(raw: object) -> Answer:
    if issubclass(type(raw), dt.timedelta):
        if _is_finer(raw, dt.timedelta, "nanoseconds"):
            return CauseKind.INEXACT
        return dt.timedelta(*_parts(dt.timedelta, raw, "days", "seconds", "microseconds"))
    sign, digits, fraction, unit = _match(_DURATION, raw).groups()
    if fraction is not None and unit != "second":
        return CauseKind.MISTYPED
    micro = _microseconds(fraction)
    if micro is None:
        return CauseKind.INEXACT
    digits = digits.lstrip("0") or "0"
    if len(digits) > 15:  # more seconds than any duration; and spares reading a number of a million digits
        return CauseKind.OVERFLOW
    factor = -1 if sign else 1
    return dt.timedelta(**{f"{unit}s": factor * int(digits)}) + dt.timedelta(microseconds=factor * micro)


def _time_of_day(raw: object) -> Answer:
    if issubclass(type(raw), dt.time):
        parts = _parts(dt.time, raw, "hour", "minute", "second", "microsecond", "tzinfo")
        return CauseKind.MISTYPED if parts[-1] is not None else dt.time(*parts)
    hour, minute, second, fraction = _match(_TIME, raw).groups()
    micro = _microseconds(fraction)
    time = dt.time(int(hour), int(minute), int(second or 0), micro or 0)
    return CauseKind.INEXACT if micro is None else time


@cache
def time_zones() -> frozenset[str]:
    """The keys of the zone database; `localtime` is whatever the machine is set to, no place."""
    return frozenset(available_timezones() - {"localtime"})


def _time_zone(raw: object) -> Answer:
    # Looked up again by key: a ZoneInfo made from a file may bear any key. Only listed keys are looked up, so no key is ever a path.
    key = plain_text(raw.key if issubclass(type(raw), ZoneInfo) else raw)  # type: ignore[attr-defined]
    return ZoneInfo(key) if key is not None and key in time_zones() else CauseKind.MISTYPED


def _ip_address(raw: object) -> Answer:
    text = plain_text(raw)
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    if text is not None:
        address = ipaddress.ip_address(text)
    elif issubclass(type(raw), ipaddress.IPv4Address):
        address = ipaddress.IPv4Address(ipaddress.IPv4Address.__int__(raw))  # type: ignore[arg-type]
    elif issubclass(type(raw), ipaddress.IPv6Address) and raw.scope_id is None:  # type: ignore[attr-defined]
        address = ipaddress.IPv6Address(ipaddress.IPv6Address.__int__(raw))  # type: ignore[arg-type]
    else:
        return CauseKind.MISTYPED
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return CauseKind.MISTYPED if address.scope_id is not None else address.ipv4_mapped or address


def _ip_network(raw: object) -> Answer:
    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    if issubclass(type(raw), ipaddress.IPv4Network):
        network = ipaddress.IPv4Network((int(raw.network_address), raw.prefixlen))  # type: ignore[attr-defined]
    elif issubclass(type(raw), ipaddress.IPv6Network):
        if raw.network_address.scope_id is not None:  # type: ignore[attr-defined]
            return CauseKind.MISTYPED
        network = ipaddress.IPv6Network((int(raw.network_address), raw.prefixlen))  # type: ignore[attr-defined]
    else:
        network = ipaddress.ip_network(_match(_NETWORK, raw).group())  # no masks: `/0.0.0.255` can be read in two ways
    # Bit 96 of a mapped address is set, so no shorter prefix goes with it.
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    return network if mapped is None else ipaddress.IPv4Network((int(mapped), network.prefixlen - 96))


READERS: Mapping[t.Scalar, Callable[[object], Answer]] = {
    t.BOOL: _bool,
    t.INT: _int,
    t.DECIMAL: _decimal,
    t.STRING: _string,
    t.INSTANT: _instant,
    t.DATE: _date,
    t.DURATION: _duration,
    t.TIME_OF_DAY: _time_of_day,
    t.TIME_ZONE: _time_zone,
    t.IP_ADDRESS: _ip_address,
    t.IP_NETWORK: _ip_network,
}
"""One row for each type that can be declared."""
