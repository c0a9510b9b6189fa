"""Floor 1, model: values as people read them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from abac.model.limits import MAX_TEXT
from abac.model.scalars import duration_text
from abac.model.values import Absence, EntityValue, Interval, ListValue, LocalTime, RecordValue, SetValue, Unknown, Value

_SHOWN = 8


def show(value: Value | Unknown | Absence) -> str:
    """A value as text of at most MAX_TEXT characters, without control characters: `(unknown)` and `(none)` for what is not there."""
    text = _text(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _text(value: Value | Unknown | Absence) -> str:
    match value:
        case Unknown():
            return "(unknown)"
        case Absence():
            return "(none)"
        case bool():
            return "true" if value else "false"
        case str():
            return value[: MAX_TEXT + 1]
        case dt.datetime():
            return show_instant(value)
        case dt.timedelta():
            return duration_text(value)
        case Decimal():
            return format(value, "f")
        case ListValue(elements=elements) | SetValue(elements=elements):
            more = [f"… {len(elements) - _SHOWN} more"] if len(elements) > _SHOWN else []
            return ", ".join([*(_text(e) for e in elements[:_SHOWN]), *more]) or "(none)"
        case Interval(start=start, end=end):
            return f"from {_text(start)}" if end is None else f"{_text(start)} until {_text(end)}"
        case RecordValue(fields=fields):
            return "{" + ", ".join(f"{name}: {_text(f)}" for name, f in list(fields.items())[:_SHOWN]) + "}"
        case EntityValue(key=key):
            return _text(key)
        case LocalTime():
            return value.clock.isoformat()
        case ZoneInfo():
            return value.key or ""
        case _:
            return str(value)


def show_instant(instant: dt.datetime) -> str:
    """RFC 3339 in UTC, with a fraction only where there is one."""
    return instant.astimezone(dt.timezone.utc).replace(tzinfo=None).isoformat() + "Z"
