"""Tests: the few values that drawn policies and drawn requests share, so that comparisons are often true; and the greatest there are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from abac.model import types as t

UTC = dt.timezone.utc
STRINGS = ("a", "b", "ab", "aB", "z", "ß", "x y")
INTS = (0, 1, 2, 3, 7)
DECIMALS = ("0.5", "1.5", "2.25", "10.0")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "America/St_Johns")
INSTANTS = (
    "2026-03-29T00:59:59Z",  # clocks go forward in Berlin a second later
    "2026-03-29T01:00:00Z",
    "2026-10-25T00:30:00Z",  # and back half an hour later
    "2026-10-25T01:30:00Z",
    "2026-03-08T06:59:00Z",
    "2026-04-04T15:00:00Z",
    "2026-01-01T00:00:00Z",
    "2025-12-31T23:00:00Z",
    "2026-06-14T07:29:59Z",
    "2026-06-15T06:30:00Z",
    "2026-06-15T12:00:00Z",
    "2026-06-19T21:59:59.999999Z",
)
DATES = ("2026-03-29", "2026-01-01", "2026-06-15", "2026-06-14", "2025-12-31")
TIMES = ("00:00", "02:30", "08:30", "08:30:15", "17:00", "22:00")
DURATIONS = ("1 second", "30 minutes", "8 hours", "1 day", "2 days", "1 week", "400 days")
ADDRESSES = ("10.0.0.1", "10.1.2.3", "192.168.1.1", "2001:db8::1")
NETWORKS = ("10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32")
CODES = ("AT", "BE", "CU")
RANKS = (1, 2, 3)

POOLS: dict[t.Type, tuple[object, ...]] = {
    t.BOOL: (True, False),
    t.INT: INTS,
    t.DECIMAL: (*map(Decimal, DECIMALS), 1, 2),
    t.STRING: STRINGS,
    t.INSTANT: INSTANTS,
    t.DATE: DATES,
    t.DURATION: DURATIONS,
    t.TIME_OF_DAY: TIMES,
    t.TIME_ZONE: ZONES,
    t.IP_ADDRESS: ADDRESSES,
    t.IP_NETWORK: NETWORKS,
}

EXTREMES: dict[t.Type, tuple[object, ...]] = {
    t.INT: (2**63 - 1, -(2**63)),
    t.DECIMAL: (Decimal("9." + "9" * 33), Decimal("9E+6111"), Decimal("1E-6111")),
    t.STRING: ("\u0130" * 50, ""),
    t.INSTANT: (dt.datetime.max.replace(tzinfo=UTC), dt.datetime.min.replace(tzinfo=UTC), "9999-12-31T20:00:00Z"),
    t.DATE: ("9999-12-31", "0001-01-01"),
    t.DURATION: (dt.timedelta.max, dt.timedelta.min, "86399999999999 seconds"),
    t.TIME_OF_DAY: ("23:59:59.999999", "00:00:00"),
    t.TIME_ZONE: ("Etc/GMT-14", "Etc/GMT+12"),
    t.IP_ADDRESS: ("255.255.255.255", "::"),
    t.IP_NETWORK: ("0.0.0.0/0", "::/0"),
}
"""Well typed, and what is computed from them often does not fit."""
