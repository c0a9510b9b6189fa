"""The clock of a decision, what depends on it, and how long a decision holds."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from abac import Decision
from abac.model.values import LocalTime
from abac.reference.moving import TICK, Moving, crossing, end_of_range
from tests.reference.asking import NOON, PEOPLE, UTC, WHAT, WHO, causes, decide, engine, instant, trusting, truth, until, value

HOUR = dt.timedelta(hours=1)
LAST = dt.datetime.max.replace(tzinfo=UTC)
FIRST = dt.datetime.min.replace(tzinfo=UTC)


# ── whose clock ──────────────────────────────────────────────────────────────────────────────────────────

CLOCKED = f"""{PEOPLE}
context {{ clock at: Instant, other: Instant? = absent }}
obligation tell(clock_read: Instant, attribute_read: Instant)
policy p: deny-overrides {{ deny r otherwise oblige tell(now, context.at) }}
"""


def clocks(decision: Decision) -> tuple[object, object]:
    (duty,) = decision.obligations
    return duty.arguments["clock_read"], duty.arguments["attribute_read"]


def test_a_request_cannot_set_the_clock_of_an_engine_that_does_not_trust_it() -> None:
    before = dt.datetime.now(UTC)
    now, at = clocks(engine(CLOCKED).decide(WHO, "read", WHAT, {"at": "2001-01-01T00:00:00Z"}))
    assert isinstance(now, dt.datetime) and before <= now <= dt.datetime.now(UTC)
    assert now == at and now.tzinfo is UTC


def test_a_trusted_request_sets_the_clock() -> None:
    decided = trusting(CLOCKED).decide(WHO, "read", WHAT, {"at": "2001-01-01T02:00:00+02:00"})
    assert clocks(decided) == (instant("2001-01-01T00:00:00Z"),) * 2


@pytest.mark.parametrize("make", [engine, trusting])
def test_a_clock_that_the_caller_gives_wins_always(make: object) -> None:
    assert callable(make)
    decided = make(CLOCKED).decide(WHO, "read", WHAT, {"at": "2001-01-01T00:00:00Z"}, at=NOON.astimezone(ZoneInfo("Asia/Tokyo")))
    assert clocks(decided) == (NOON, NOON)
    assert {type(each.tzinfo) for each in clocks(decided) if isinstance(each, dt.datetime)} == {dt.timezone}


@pytest.mark.parametrize(
    "context", [{}, None, {"at": None}, {"at": "2001-01-01T00:00:00"}, {"at": dt.datetime(2001, 1, 1)}, {"at": 978307200}, {"at": "now"}]
)
def test_a_trusted_request_without_a_clock_has_an_unknown_one(context: object) -> None:
    decided = trusting(CLOCKED).decide(WHO, "read", WHAT, context)
    assert clocks(decided) == (None, None) and decided.valid_until is None
    assert causes(decided) == ["context.at: clock"]


@pytest.mark.parametrize("at", [dt.datetime(2026, 7, 15, 12), dt.date(2026, 7, 15), "2026-07-15T12:00:00Z", 0, object()])
def test_a_clock_that_is_no_instant_is_unknown(at: object) -> None:
    decided = engine(CLOCKED).decide(WHO, "read", WHAT, {"at": NOON}, at=at)  # type: ignore[arg-type]  # what callers do
    assert clocks(decided) == (None, None)
    assert {cause.kind for cause in decided.unknown} == {"clock"}


def test_everything_that_asks_an_unknown_clock_is_unknown() -> None:
    lost = NOON.replace(tzinfo=None)
    fields = "x: Instant"
    for expression in ("now > ~x", "now in from ~x", "~x within last 1 hour", "now == now + 0 hours", "~at < ~x", "now - ~x > 1 hour",
                       'weekday(now at "UTC") == "monday"', "~x < now or ~x >= now"):  # fmt: skip
        assert truth(expression, fields, at=lost, x=NOON) is None


def test_one_decision_has_one_clock() -> None:
    test = "now + 0 hours == now and context.at == now + 0 hours"
    policy = f"{PEOPLE} context {{ clock at: Instant }} policy p: deny-overrides {{ permit r when {test} }}"
    assert all(engine(policy).decide(WHO, "read", WHAT).permitted for _ in range(50))


# ── freshness ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("x", "answer"),
    [
        (NOON, True),
        (NOON - HOUR, True),
        (NOON - 72 * HOUR, True),
        (NOON - 72 * HOUR - TICK, False),
        (NOON + TICK, False),
        (NOON + HOUR, False),
        ("2026-07-15T12:00:00", None),
        (None, None),
        (FIRST, False),
        (LAST, False),
    ],
)
def test_evidence_from_the_future_is_not_fresh(x: object, answer: bool | None) -> None:
    assert truth("~x within last 72 hours", "x: Instant", x=x) is answer


@pytest.mark.parametrize(("d", "answer"), [("0 seconds", True), ("-1 second", False), (dt.timedelta.max, True), (dt.timedelta.min, False)])
def test_a_moment_is_within_the_last_nothing_of_itself_alone(d: object, answer: bool) -> None:
    assert truth("~x within last ~d", "x: Instant, d: Duration", x=NOON, d=d) is answer
    assert truth("~x within last ~d", "x: Instant, d: Duration", x=NOON - TICK, d=d) is (answer and d != "0 seconds")


# ── what clocks in a zone show ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("at", "zone", "weekday", "date", "time"),
    [
        ("2026-07-15T12:00:00Z", "UTC", "wednesday", "2026-07-15", "12:00"),
        ("2026-07-15T22:00:00Z", "Europe/Berlin", "thursday", "2026-07-16", "00:00"),
        ("2026-07-15T21:59:59Z", "Europe/Berlin", "wednesday", "2026-07-15", "23:59:59"),
        ("2026-01-01T04:59:59Z", "America/New_York", "wednesday", "2025-12-31", "23:59:59"),
        ("2026-03-29T00:59:59Z", "Europe/Berlin", "sunday", "2026-03-29", "01:59:59"),
        ("2026-03-29T01:00:00Z", "Europe/Berlin", "sunday", "2026-03-29", "03:00"),
        ("2026-10-25T00:30:00Z", "Europe/Berlin", "sunday", "2026-10-25", "02:30"),
        ("2026-10-25T01:30:00Z", "Europe/Berlin", "sunday", "2026-10-25", "02:30"),
        ("2026-10-03T15:29:59Z", "Australia/Lord_Howe", "sunday", "2026-10-04", "01:59:59"),
        ("2026-10-03T15:30:00Z", "Australia/Lord_Howe", "sunday", "2026-10-04", "02:30"),
        ("2011-12-30T09:59:59Z", "Pacific/Apia", "thursday", "2011-12-29", "23:59:59"),
        ("2011-12-30T10:00:00Z", "Pacific/Apia", "saturday", "2011-12-31", "00:00"),
        ("2026-07-15T12:00:00Z", "Asia/Kathmandu", "wednesday", "2026-07-15", "17:45"),
        ("9999-12-31T23:59:59Z", "UTC", "friday", "9999-12-31", "23:59:59"),
        ("9999-12-31T23:59:59Z", "America/New_York", "friday", "9999-12-31", "18:59:59"),
        ("0001-01-01T00:00:00Z", "UTC", "monday", "0001-01-01", "00:00"),
    ],
)
def test_an_instant_shows_one_local_time(at: str, zone: str, weekday: str, date: str, time: str) -> None:
    for moment, given in (("now", {}), ("~x", {"x": at})):
        for local in (f'{moment} at "{zone}"', f"{moment} at ~zone"):
            fields = "x: Instant? = absent, zone: TimeZone"
            local = f"({local})"
            guard = "context has x and " if moment == "~x" else ""
            asked = f'{guard}weekday({local}) == "{weekday}" and date({local}) == {date} and time_of_day({local}) == {time}'
            assert truth(asked, fields, at=instant(at), zone=zone, **given) is True


@pytest.mark.parametrize(("at", "zone"), [(LAST, "Asia/Tokyo"), (FIRST, "America/New_York")])
def test_a_local_time_outside_the_calendar_is_unknown(at: dt.datetime, zone: str) -> None:
    assert value(f'date(now at "{zone}")', "Date", at=at) == [f'now at "{zone}": overflow']


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "localtime", "", "europe/berlin"])
def test_a_zone_that_there_is_not_is_unknown(zone: str) -> None:
    assert value("weekday(now at ~zone)", "Weekday", "zone: TimeZone", zone=zone) == ["context.zone is mistyped"]


def test_words_of_the_week_are_ordered() -> None:
    assert truth('weekday(now at "UTC") <= "friday"') is True
    assert truth('weekday(now at "UTC") <= "friday"', at=NOON + 72 * HOUR) is False


# ── how long a decision holds ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("now < 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now <= 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now > 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now >= 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now == 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now != 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("2026-08-01T00:00:00Z > now", "2026-08-01T00:00:00Z"),
        ("~at < 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now < 2026-07-01T00:00:00Z", None),
        ("now >= 2026-07-01T00:00:00Z", None),
        ("now == 2026-07-01T00:00:00Z", None),
        ("now == 2026-07-15T12:00:00Z", "2026-07-15T12:00:00.000001Z"),
        ("now <= 2026-07-15T12:00:00Z", "2026-07-15T12:00:00.000001Z"),
        ("now in 2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now in 2026-08-01T00:00:00Z until 2026-09-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now in 2026-06-01T00:00:00Z until 2026-07-01T00:00:00Z", None),
        ("now in from 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("now in from 2026-07-01T00:00:00Z", None),
        ("now not in from 2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("2026-07-15T11:00:00Z within last 72 hours", "2026-07-18T11:00:00Z"),
        ("2026-07-15T13:00:00Z within last 72 hours", "2026-07-15T13:00:00Z"),
        ("2026-07-01T00:00:00Z within last 72 hours", None),
        ("now - 2026-07-15T11:00:00Z < 2 hours", "2026-07-15T13:00:00Z"),
        ("2026-07-15T15:00:00Z - now > 2 hours", "2026-07-15T13:00:00Z"),
        ("now + 1 hour < 2026-07-15T15:00:00Z", "2026-07-15T14:00:00Z"),
        ("now - 1 hour < 2026-07-15T15:00:00Z", "2026-07-15T16:00:00Z"),
        ("now - 2026-07-15T11:00:00Z > 2026-07-15T14:00:00Z - now", "2026-07-15T12:30:00Z"),
        ("now - (now - 1 hour) == 1 hour", None),
        ("now < now + 1 hour", "9999-12-31T23:00:00Z"),
        ('weekday(now at "UTC") == "wednesday"', "2026-07-16T00:00:00Z"),
        ('weekday(now at "Europe/Berlin") == "wednesday"', "2026-07-15T22:00:00Z"),
        ('date(now at "America/New_York") < 2026-08-01', "2026-07-16T04:00:00Z"),
        ('time_of_day(now at "UTC") < 17:00', "2026-07-15T17:00:00Z"),
        ('time_of_day(now at "UTC") in 08:00 until 17:00', "2026-07-15T17:00:00Z"),
        ('time_of_day(now at "UTC") in 08:00 until 11:00', "2026-07-16T00:00:00Z"),
        ('time_of_day(now at "UTC") in 22:00 until 06:00', "2026-07-15T22:00:00Z"),
        ('time_of_day(now at "Asia/Tokyo") in 20:00 until 06:00', "2026-07-15T15:00:00Z"),
        ('time_of_day(now at "Europe/Berlin") == 14:00', "2026-07-15T12:00:00.000001Z"),
        ('now > 2026-07-16T00:00:00Z and time_of_day(now at "UTC") < 17:00', "2026-07-16T00:00:00Z"),
        ("now < 2026-08-01T00:00:00Z and now < 2026-07-20T00:00:00Z", "2026-07-20T00:00:00Z"),
        ('time_of_day(~x at "UTC") == 12:00', None),
        ("~x == ~y", None),
    ],
)  # fmt: skip
def test_a_decision_holds_until_the_next_change_of_its_time_tests(expression: str, holds: str | None) -> None:
    assert until(expression, "x: Instant, y: Instant", x=NOON, y=NOON) == (None if holds is None else instant(holds))


@pytest.mark.parametrize(
    ("at", "zone", "expression", "holds"),
    [
        ("2026-10-25T00:30:00Z", "Europe/Berlin", "{} < 02:45", "2026-10-25T00:45:00Z"),
        ("2026-10-25T00:50:00Z", "Europe/Berlin", "{} < 02:45", "2026-10-25T01:00:00Z"),
        ("2026-10-25T01:10:00Z", "Europe/Berlin", "{} < 02:45", "2026-10-25T01:45:00Z"),
        ("2026-10-25T01:50:00Z", "Europe/Berlin", "{} < 02:45", "2026-10-25T23:00:00Z"),
        ("2026-03-29T00:30:00Z", "Europe/Berlin", "{} < 02:30", "2026-03-29T01:00:00Z"),
        ("2026-03-29T00:30:00Z", "Europe/Berlin", "{} < 01:45", "2026-03-29T00:45:00Z"),
        ("2026-10-03T15:00:00Z", "Australia/Lord_Howe", "{} < 02:15", "2026-10-03T15:30:00Z"),
        ("2011-12-30T09:00:00Z", "Pacific/Apia", "{} < 23:30", "2011-12-30T09:30:00Z"),
    ],
)
def test_a_local_clock_that_jumps_ends_what_was_decided_before(at: str, zone: str, expression: str, holds: str) -> None:
    assert until(expression.format(f'time_of_day(now at "{zone}")'), at=instant(at)) == instant(holds)


@pytest.mark.parametrize(
    "policy",
    [
        "obligation tell(t: Instant) policy p: deny-overrides { deny r otherwise oblige tell(now) }",
        'policy p: deny-overrides { deny r otherwise because "{now}" }',
        "policy p: deny-overrides { permit r when now in [2026-07-15T12:00:00Z] }",
        "policy p: deny-overrides { permit r when { now } intersects { 2026-07-15T12:00:00Z } }",
        "policy p: deny-overrides { permit r when 2026-07-15T12:00:00Z in from now }",
        "policy p: deny-overrides { permit r when (now - 2026-07-15T11:00:00Z) * 2 > 1 hour }",
        "policy p: deny-overrides { permit r when now - 2026 weeks * 100 < 2026-07-15T12:00:00Z }",
    ],
)
def test_a_decision_that_shows_the_clock_itself_holds_for_no_later_instant(policy: str) -> None:
    assert decide(policy).valid_until == NOON


def test_only_what_was_asked_on_the_way_to_the_decision_limits_it() -> None:
    policy = """policy p: first-applicable {
      deny   r when ~a and now < 2026-07-16T00:00:00Z
      permit s when now < 2026-07-20T00:00:00Z
      deny   t when now < 2026-07-18T00:00:00Z
    }"""
    assert decide(policy, {"a": False}, fields="a: Bool").valid_until == instant("2026-07-20T00:00:00Z")
    assert decide(policy, {"a": True}, fields="a: Bool").valid_until == instant("2026-07-16T00:00:00Z")


def test_a_window_limits_a_decision_inside_and_before_it() -> None:
    policy = "policy p: deny-overrides { effective 2026-07-01T00:00:00Z until 2026-08-01T00:00:00Z permit r otherwise }"
    assert decide(policy).valid_until == instant("2026-08-01T00:00:00Z")
    assert decide(policy, at=instant("2026-06-01T00:00:00Z")).valid_until == instant("2026-07-01T00:00:00Z")
    assert decide(policy, at=instant("2026-08-02T00:00:00Z")).valid_until is None


def test_duties_and_definitions_limit_a_decision_too() -> None:
    declare = "advice ring()\ndefine late = now > 2026-07-20T00:00:00Z\ndefine after(t: Instant) = t > 2026-07-19T00:00:00Z"
    policy = "policy p: deny-overrides { permit r when not late advise ring() if after(now) }"
    assert decide(policy, declare=declare).valid_until == instant("2026-07-19T00:00:00Z")
    assert decide("policy p: deny-overrides { permit r when not late }", declare=declare).valid_until == instant("2026-07-20T00:00:00Z")


# Every one of these is asked at many instants: what is promised to hold must hold.
RUNNING = [
    "now < 2026-10-25T00:40:00Z",
    "now == 2026-10-25T00:40:00Z",
    "2026-10-24T23:00:00Z within last 90 minutes",
    "now - 2026-10-25T00:00:00Z > 2026-10-25T01:30:00Z - now",
    "now - (2026-10-25T02:00:00Z - now) > 2026-10-25T00:00:00.000001Z",
    'time_of_day(now at "Europe/Berlin") in 02:15 until 02:45',
    'time_of_day(now at "Europe/Berlin") in 23:00 until 02:30',
    'time_of_day(now at "Europe/Berlin") != 02:30',
    'time_of_day(now at "Europe/Berlin") > time_of_day(now at "Asia/Kolkata")',
    'time_of_day((now + 1 hour) at "Europe/Berlin") < 02:30',
    'time_of_day((2026-10-26T00:00:00Z - (now - 2026-10-24T00:00:00Z)) at "Europe/Berlin") < 01:15',
    'weekday(now at "Atlantic/Azores") == "sunday"',
    'weekday((now - 90 minutes) at "Atlantic/Azores") == "sunday"',
    'date((now - 30 minutes) at "Europe/Berlin") == 2026-10-25',
    "(now - 2026-10-25T00:00:00Z) * 2 > 1 hour",
    "now in [2026-10-25T00:40:00Z]",
]


@pytest.mark.parametrize("expression", RUNNING)
def test_nothing_changes_before_a_decision_expires(expression: str) -> None:
    def answer(at: dt.datetime) -> Decision:
        return decide(f"policy p: deny-overrides {{ permit r when {expression} }}", at=at)

    start, effects = instant("2026-10-24T22:00:00Z"), set()
    for minutes in range(0, 300, 10):
        for offset in (-TICK, dt.timedelta(), TICK):
            at = start + dt.timedelta(minutes=minutes) + offset
            decided = answer(at)
            effects.add(decided.effect)
            end = min(decided.valid_until or LAST, at + 300 * dt.timedelta(minutes=1))
            same = decided.until(None)
            for later in (at, at + (end - at) / 3, at + (end - at) / 2, end - TICK):
                if at <= later < end:
                    assert answer(later).until(None) == same, (at, later)
    assert len(effects) == 2, "the table shows both answers"


# ── the ends of time ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "at", "answer", "holds"),
    [
        ("now + 1 hour > 2026-01-01T00:00:00Z", LAST - HOUR, True, LAST - HOUR + TICK),
        ("now + 1 hour > 2026-01-01T00:00:00Z", LAST, None, LAST),
        ("now - 1 hour > 2026-01-01T00:00:00Z", FIRST, None, FIRST),
        ("now < 9999-12-31T23:59:59.999999Z", LAST, False, None),
        ("now <= 9999-12-31T23:59:59.999999Z", LAST, True, None),
        ('weekday(now at "UTC") == "friday"', LAST, True, LAST),
        ('time_of_day(now at "UTC") > 12:00', LAST, True, LAST),
        ("0001-01-01T00:00:10Z - (now - 2026-07-15T12:00:00Z) < 2000-01-01T00:00:00Z", NOON, True, NOON + dt.timedelta(seconds=10) + TICK),
    ],
)
def test_at_the_ends_of_time_a_decision_is_right_and_holds_no_longer(
    expression: str, at: dt.datetime, answer: bool | None, holds: dt.datetime | None
) -> None:
    assert truth(expression, at=at) is answer
    assert until(expression, at=at) == holds


@pytest.mark.parametrize("d", [dt.timedelta.max, dt.timedelta.min, dt.timedelta.max - TICK])
@pytest.mark.parametrize(
    "test",
    [
        "now - ~x < ~d",
        "~x - now > ~d",
        "~x within last ~d",
        "now - ~d < ~x",
        "now + ~d > ~x",
        "~d + (now - ~x) > ~d",
        "~d - (now - ~x) < ~d",
    ],
)
def test_the_longest_durations_break_no_decision(test: str, d: dt.timedelta) -> None:
    policy, fields = f"policy p: deny-overrides {{ permit r when {test} }}", "x: Instant, d: Duration"
    for x in (NOON, FIRST, LAST, NOON - TICK, NOON + TICK):
        found = decide(policy, {"x": x, "d": d}, fields=fields)
        assert found.effect in ("permit", "not-applicable", "indeterminate")
        if found.valid_until is not None and found.valid_until > NOON:
            assert decide(policy, {"x": x, "d": d}, fields=fields, at=found.valid_until - TICK).effect == found.effect


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Moving(NOON), NOON + HOUR, NOON + HOUR),
        (NOON + HOUR, Moving(NOON), NOON + HOUR),
        (Moving(NOON), NOON, NOON + TICK),
        (Moving(NOON), NOON - HOUR, None),
        (Moving(NOON), Moving(NOON + HOUR), None),
        (NOON, NOON + HOUR, None),
        (Moving(HOUR, -1), dt.timedelta(), NOON + HOUR),
        (Moving(HOUR, -1), 2 * HOUR, None),
        (Moving(HOUR, 2), 2 * HOUR, NOON + HOUR / 2),
        (Moving(HOUR, 2), HOUR + TICK, NOON + TICK),
        (Moving(HOUR, 1), Moving(HOUR + TICK, -1), NOON + TICK),
        (Moving(dt.timedelta()), dt.timedelta.max, None),
        (Moving(HOUR), dt.timedelta.min, None),
    ],
)
def test_two_running_values_cross_once(a: object, b: object, expected: dt.datetime | None) -> None:
    assert crossing(a, b, NOON) == expected  # type: ignore[arg-type]  # values of one type in each row


@pytest.mark.parametrize(
    ("running", "at", "expected"),
    [
        (Moving(LAST - HOUR), NOON, NOON + HOUR + TICK),
        (Moving(LAST), NOON, NOON + TICK),
        (Moving(FIRST, -1), NOON, NOON + TICK),
        (Moving(FIRST + HOUR, -2), NOON, NOON + HOUR / 2 + TICK),
        (Moving(NOON, -1), NOON, NOON + (NOON - FIRST) + TICK),
        (Moving(NOON), NOON, None),
        (Moving(dt.timedelta.max), NOON, NOON + TICK),
        (Moving(dt.timedelta.min + HOUR, -1), NOON, NOON + HOUR + TICK),
        (Moving(HOUR), NOON, None),
        (Moving(-HOUR), NOON, None),
    ],
)
def test_a_running_value_leaves_its_range_one_tick_after_its_end(running: Moving, at: dt.datetime, expected: dt.datetime | None) -> None:
    assert end_of_range(running, at) == expected


def test_a_local_time_is_what_its_zone_shows() -> None:
    assert LocalTime(NOON, ZoneInfo("Europe/Berlin")).clock.hour == 14
