"""Jitter is the same for a schedule and a time, below its length, and spread evenly."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from booper.timing import jitter

ID = UUID(int=7)
AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def seconds(schedule_id: UUID, at: datetime) -> float:
    return jitter.delay(schedule_id, at, longest_seconds=100).total_seconds()


def test_it_is_always_the_same_whatever_the_zone() -> None:
    assert seconds(ID, AT) == seconds(ID, AT.astimezone(timezone(timedelta(hours=5))))


def test_another_schedule_or_time_has_another() -> None:
    assert len({seconds(ID, AT), seconds(UUID(int=8), AT), seconds(ID, AT + timedelta(hours=1))}) == 3


def test_it_is_spread_evenly_over_times_and_over_schedules() -> None:
    of_times = [seconds(ID, AT + timedelta(minutes=step)) for step in range(4000)]
    of_schedules = [seconds(UUID(int=number), AT) for number in range(4000)]
    for found in (of_times, of_schedules):
        assert 0 <= min(found) < max(found) < 100
        tenths = [sum(tenth * 10 <= each < tenth * 10 + 10 for each in found) for tenth in range(10)]
        # Four standard deviations of a tenth of four thousand.
        assert all(324 < count < 476 for count in tenths)
