"""The log by the day on PostgreSQL: taken over while it is in use, kept ready ahead, dropped by the day."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from jobs.database import log_parts
from jobs.migrations import _log_by_day
from jobs.models import LogEvent
from jobs.models.identifiers import earliest_uuid7
from jobs.operating import retention
from jobs.operating.old_rows import Places
from tests.factories import NOON, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions"),
]

DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """A log as the migrations leave it, whatever a test makes of it; before, too, as others have beat prune."""
    drop_days()
    yield
    execute("DROP TABLE IF EXISTS jobs_logevent_new")
    if not log_parts.parts():
        execute("TRUNCATE jobs_logevent")
        _log_by_day.take_over(connection, now=NOON)
    drop_days()


def drop_days() -> None:
    for part in log_parts.parts():
        if part.is_day or part.table.endswith("_before"):
            execute(f"DROP TABLE {part.table}")


def make_one_table() -> None:
    """A log as it was before there were parts."""
    execute(
        "CREATE TABLE plain (LIKE jobs_logevent INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        "DROP TABLE jobs_logevent",
        "ALTER TABLE plain RENAME TO jobs_logevent",
        "ALTER TABLE jobs_logevent ADD CONSTRAINT jobs_logevent_pkey PRIMARY KEY (id)",
        "CREATE INDEX log_of_user ON jobs_logevent (user_id, id)",
        "CREATE INDEX log_of_job ON jobs_logevent (job_id, id)",
    )


def write(*moments: datetime) -> None:
    user = make_user()
    LogEvent.objects.bulk_create(
        LogEvent(id=earliest_uuid7(at), event="job.started", inserted_at=at, job_id=1, user_id=user.id, payload={})
        for at in moments
    )


def tables() -> dict[str, int]:
    """How many rows each part has that has any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, count(*) FROM jobs_logevent GROUP BY 1")
        return dict(cursor.fetchall())


def index_names() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'jobs_logevent'")
        return {row[0] for row in cursor.fetchall()}


def test_a_log_in_use_is_taken_over_with_all_its_rows_and_new_ones_find_their_day():
    make_one_table()
    write(NOON - 20 * DAY, NOON)
    _log_by_day.take_over(connection, now=NOON)
    write(NOON + DAY, NOON + 2 * DAY, NOON + 40 * DAY)
    assert tables() == {"jobs_logevent_before": 3, "jobs_logevent_20260303": 1, "jobs_logevent_rest": 1}
    assert index_names() == {"jobs_logevent_pkey", "log_of_user", "log_of_job"}


def test_taking_over_twice_or_after_a_try_that_was_broken_off_changes_nothing_more():
    make_one_table()
    write(NOON)
    execute(
        "ALTER TABLE jobs_logevent ADD CONSTRAINT log_before_cut CHECK (id < 'ffffffff-0000-0000-0000-000000000000')",
        "CREATE TABLE jobs_logevent_new (LIKE jobs_logevent) PARTITION BY RANGE (id)",
    )
    for _ in range(2):
        _log_by_day.take_over(connection, now=NOON)
    assert tables() == {"jobs_logevent_before": 1}


def test_taking_over_waits_for_no_lock_longer_than_half_a_second_and_tries_again(monkeypatch: pytest.MonkeyPatch):
    make_one_table()
    write(NOON)
    reader, waited = connection.copy(), []
    cursor = reader.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT count(*) FROM jobs_logevent")

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            reader.close()

    monkeypatch.setattr("jobs.migrations._log_by_day.time.sleep", wait)
    _log_by_day.take_over(connection, now=NOON)
    assert waited == [1.0, 1.0]
    assert tables() == {"jobs_logevent_before": 1}


def test_a_round_makes_the_parts_of_a_week_ahead_once():
    for _ in range(2):
        log_parts.maintain(before=NOON - 30 * DAY, now=NOON)
    days = sorted(part.begins_at for part in log_parts.parts() if part.begins_at is not None)
    assert days == [MIDNIGHT + number * DAY for number in range(8)]


def test_a_part_goes_as_a_whole_once_its_last_row_is_too_old(settings: Settings):
    settings.LOG_RETENTION_DAYS = 30
    log_parts.maintain(before=NOON, now=NOON)
    write(NOON, NOON + DAY)
    retention.prune(now=MIDNIGHT + 31 * DAY - DAY / 24)
    assert LogEvent.objects.count() == 2
    retention.prune(now=MIDNIGHT + 31 * DAY)
    assert tables() == {"jobs_logevent_20260302": 1}


def test_what_was_there_before_goes_row_by_row_until_it_goes_as_a_whole(settings: Settings):
    settings.LOG_RETENTION_DAYS = 30
    make_one_table()
    write(NOON - 20 * DAY, NOON)
    _log_by_day.take_over(connection, now=NOON)
    retention.prune(now=NOON + 15 * DAY)
    assert tables() == {"jobs_logevent_before": 1}
    retention.prune(now=MIDNIGHT + 32 * DAY)
    assert not any(part.table == "jobs_logevent_before" for part in log_parts.parts())


def test_a_day_whose_rows_stand_in_the_rest_has_no_part_and_they_go_row_by_row(caplog: pytest.LogCaptureFixture):
    write(NOON)
    log_parts.maintain(before=NOON - 30 * DAY, now=NOON)
    assert "20260301" not in " ".join(part.table for part in log_parts.parts())
    assert "a part for 2026-03-01 could not be made" in caplog.text
    retention.prune(now=NOON + 31 * DAY)
    assert not LogEvent.objects.exists()


def test_a_part_that_is_read_is_dropped_by_a_later_round():
    log_parts.maintain(before=NOON, now=NOON)
    write(NOON)
    reader: Any = connection.copy()
    with reader.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM jobs_logevent")
        assert log_parts.maintain(before=NOON + 40 * DAY, now=NOON + 40 * DAY) == 0
    reader.close()
    assert log_parts.maintain(before=NOON + 40 * DAY, now=NOON + 40 * DAY) == 8


def test_parts_are_looked_at_once_a_minute():
    places = Places()
    assert [places.are_parts_due(now=NOON + seconds * timedelta(seconds=1)) for seconds in (0, 59, 60)] == [
        True,
        False,
        True,
    ]


def test_the_log_is_read_in_order_across_its_parts():
    log_parts.maintain(before=NOON, now=NOON)
    moments = [NOON + number * DAY for number in (3, 0, 5, 1)]
    write(*moments)
    with transaction.atomic():
        assert list(LogEvent.objects.order_by("id").values_list("inserted_at", flat=True)) == sorted(moments)
