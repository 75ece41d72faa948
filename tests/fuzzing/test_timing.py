"""Durations, moments and cron: whatever is written is read, or refused by the error that says so."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booper.timing import cron, durations, zones
from booper.timing.cron import InvalidCron
from booper.timing.durations import InvalidDuration, InvalidMoment
from tests.factories import NOON
from tests.fuzzing.amount import LONGEST_SECONDS, close_to, fuzz, json_values, require_words

pytestmark = pytest.mark.timeout(LONGEST_SECONDS)

ZONES = [
    UTC,
    *map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu")),
]
DURATIONS = ["30", "1.5", "1 minute", "2 hours", "0.5 days", "3 months", "10 years", "1e3 seconds", "-1 week"]
MOMENTS = [
    *("2026-03-01T12:00:00Z", "2026-03-29T02:30:00", "2026-02-29 12:00", "2026-03-01", "1772366400", "1772366400000"),
    *(
        "2026-12-31T23:59:60Z",
        "2026-03-01T12:00:00.123456789+05:30",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
    ),
]
CRONS = [
    *(
        "* * * * *",
        "*/5 9-17 * * MON-FRI",
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 * * 5L",
        "0 0 * * 2#1",
        "@hourly",
        "@reboot",
    ),
    *("0 0 29 2 *", "59 23 31 12 7", "0 9 * * 1-5/2", "1,2,3 4-5 */2 JAN-MAR SUN,TUE", "0 0 30 2 *", "0 0 LW * ?"),
]
UNITS = ["second", "seconds", "minutes", "hours", "day", "weeks", "months", "years", "Fortnight", ""]


@fuzz
@given(
    close_to(DURATIONS)
    | json_values()
    | st.lists(st.floats() | st.integers() | st.sampled_from(UNITS) | st.text(max_size=9), max_size=3)
)
def test_durations(value: Any) -> None:
    try:
        duration = durations.parse(value)
    except InvalidDuration as refusal:
        require_words(refusal, most=500)
        return
    written = json.loads(json.dumps(duration.as_json()))
    assert durations.parse(written).as_json() == duration.as_json()
    assert 0 <= duration.nominal_seconds < 4e8
    later = duration.after(NOON)
    assert later >= NOON
    assert later.tzinfo is not None


@fuzz
@given(close_to(MOMENTS) | json_values() | st.floats() | st.integers(), st.sampled_from(ZONES))
def test_moments(value: Any, zone: Any) -> None:
    try:
        moment = durations.parse_moment(value, now=NOON, zone=zone)
    except InvalidMoment as refusal:
        require_words(refusal, most=500)
        return
    assert moment.tzinfo is not None
    assert moment.astimezone(UTC) <= NOON + timedelta(days=3660)


@fuzz
@given(close_to(CRONS), st.sampled_from(ZONES), st.integers(0, 4_000_000_000))
def test_cron(expression: str, zone: Any, timestamp: int) -> None:
    try:
        read = cron.parse(expression)
    except InvalidCron as refusal:
        require_words(refusal, most=1000)
        return
    after = datetime.fromtimestamp(timestamp, UTC)
    found = cron.next_match(read, after=after, zone=zone)
    if found is not None:
        assert found > after
        assert found - after < timedelta(days=41 * 366)
        again = cron.next_match(read, after=found - timedelta(seconds=1), zone=zone)
        assert again == found, "a match is not found again from just before it"


@fuzz
@given(close_to(["Europe/Berlin", "UTC", "PST", "Z", "../../etc/passwd", "america/new_york", "Etc/GMT+5"]))
def test_zones(name: str) -> None:
    try:
        zones.zone_named(name)
    except zones.InvalidZone as refusal:
        require_words(refusal, most=500)
