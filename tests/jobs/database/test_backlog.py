"""How far deleting is behind: found at the low end of each table, however large that is."""

from datetime import timedelta

import pytest
from django.db import connection

from jobs.database import backlog
from jobs.models import Job
from tests.blocks import blocks
from tests.factories import NOON, make_job

_MULTIPLY = """
INSERT INTO jobs_job (uuid, user_id, state, inserted_at, scheduled_at, is_upcoming, attempt, event_count, args, method,
    url, timeout_seconds, max_attempts)
SELECT gen_random_uuid(), user_id, state, inserted_at, scheduled_at, is_upcoming, attempt, event_count, args, method,
    url, timeout_seconds, max_attempts
FROM jobs_job, generate_series(1, 20000)
"""


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite counts no blocks")
def test_counting_what_should_have_gone_reads_the_lowest_rows_alone(monkeypatch: pytest.MonkeyPatch):
    job = make_job()
    with connection.cursor() as cursor:
        cursor.execute(_MULTIPLY)
        cursor.execute("ANALYZE jobs_job")
    Job.objects.filter(id__lt=job.id + 1000).update(state="completed", completed_at=NOON)
    monkeypatch.setattr(backlog, "MOST_ROWS", 10)
    with blocks() as counted:
        behind = backlog.rows_behind(now=NOON + timedelta(days=10_000))
    assert behind["jobs"] == 10
    assert counted.count < 100
