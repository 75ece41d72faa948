from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from jobs.database import sql
from jobs.models import AlertedEnd, RolledUpCount
from jobs.running.watched_ends import _COLUMNS
from jobs.telemetry import rolled_up
from tests.factories import NOON, make_user

pytestmark = pytest.mark.django_db

# What means something to COPY, to JSON or to SQL.
TEXTS = ["\\N", "a\tb", "line\nline\r\n", '"\\', "\\.", "'; --", "%s %(x)s", "žluťoučký 🐎", "", "\\x41", "{1,2}", None]


def _row(name: str | None, **changes: Any) -> sql.Row:
    values = {
        "user_id": make_user().id.hex,
        "job_id": 7,
        "schedule_id": None,
        "url": "https://api.example.com/",
        "name": name,
        "tags": None,
        "queue": None,
        "state": "completed",
        "error_code": None,
        "ended_at": sql.time_text(NOON),
        "late_seconds": 0.125,
    }
    return tuple((values | changes)[column] for column in _COLUMNS)


@pytest.mark.parametrize("count", [1, 15, 16, 40])
def test_rows_are_inserted_as_they_are_however_many(count: int) -> None:
    rows = [_row(TEXTS[number % len(TEXTS)], job_id=number) for number in range(count)]
    sql.insert_rows("jobs_alertedend", rows, **_COLUMNS)
    kept = list(AlertedEnd.objects.order_by("job_id"))
    assert [end.name for end in kept] == [TEXTS[number % len(TEXTS)] for number in range(count)]
    assert {(end.url, end.tags, end.late_seconds, end.ended_at) for end in kept} == {
        ("https://api.example.com/", None, 0.125, NOON)
    }


@pytest.mark.parametrize("count", [1, 40])
def test_one_row_that_no_database_takes_leaves_none_of_them(count: int) -> None:
    rows = [_row("fine", job_id=number) for number in range(count - 1)]
    with pytest.raises(IntegrityError), transaction.atomic():
        sql.insert_rows("jobs_alertedend", [*rows, _row(None, url=None)], **_COLUMNS)
    assert AlertedEnd.objects.count() == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps NULs")
def test_a_nul_among_many_rows_is_an_error_of_the_data_and_not_of_the_process() -> None:
    rows = [_row("a\0b", job_id=number) for number in range(40)]
    with pytest.raises(DataError), transaction.atomic():
        sql.insert_rows("jobs_alertedend", rows, **_COLUMNS)


@pytest.mark.parametrize("count", [1, 40])
def test_json_is_kept_as_it_is_however_many_rows_there_are(count: int) -> None:
    values: list[Any] = [[5.0, 1e9], {"a\\N": ["\t", None]}, [], {}]
    rows: list[sql.Row] = [
        (make_user().id.hex, "all", 60, sql.time_text(NOON), str(number), 1, 0, 0, values[number % 4], {})
        for number in range(count)
    ]
    sql.insert_rows("jobs_rolledupcount", rows, **rolled_up._COLUMNS)
    kept = RolledUpCount.objects.all()
    assert {int(row.key): row.late for row in kept} == {number: values[number % 4] for number in range(count)}
