"""How far deleting is behind: found at the low end of each table, however large that is."""

from datetime import timedelta

import pytest
from django.db import connection

from jobs.database import backlog
from tests.blocks import blocks
from tests.factories import NOON, make_job

_MULTIPLY = """
INSERT INTO jobs_job (uuid, user_id, state, inserted_at, scheduled_at, completed_at, is_upcoming, attempt, event_count,
    args, method, url, timeout_seconds, max_attempts)
SELECT gen_random_uuid(), user_id, 'completed', inserted_at, scheduled_at, scheduled_at, false, 1, event_count,
    args, method, url, timeout_seconds, max_attempts
FROM jobs_job, generate_series(1, 20000)
"""


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite counts no blocks")
def test_counting_what_should_have_gone_reads_the_lowest_rows_alone(monkeypatch: pytest.MonkeyPatch):
    with connection.cursor() as cursor:
        # What other tests have rolled back lies in the index still, and lowest.
        cursor.execute("TRUNCATE jobs_job CASCADE")
        make_job(scheduled_at=NOON)
        cursor.execute(_MULTIPLY)
        cursor.execute("ANALYZE jobs_job")
    monkeypatch.setattr(backlog, "MOST_ROWS", 1000)
    with blocks() as counted:
        behind = backlog.rows_behind(now=NOON + timedelta(days=10_000))
    assert behind["jobs"] == 999
    assert counted.count < 200, counted.count
