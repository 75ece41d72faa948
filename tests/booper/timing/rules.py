"""Rules and moments for the tests of recurrence."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from booper.timing import durations
from booper.timing.recurrence import Every

LONDON = ZoneInfo("Europe/London")


SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-24T03:04:05.678901")


def every(value: object, *, anchor: datetime = NOW) -> Every:
    return Every(durations.parse(value), anchor)
