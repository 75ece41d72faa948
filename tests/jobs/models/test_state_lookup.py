from datetime import UTC, datetime

import pytest
from django.db import connection

from jobs.models import WAITING_STATES, Job
from jobs.running import transitions
from jobs.waking import announcements
from tests.plans import plans

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_beat_asks_each_second_is_found_by_its_index_on_each_database() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Of an empty table it would read all there is.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    with plans() as planned:
        transitions.expire(limit=10, now=NOW)
        announcements.promote({}, now=NOW)
    told = "\n".join(planned.lines)
    for index in ("job_expiring", "job_due", "delivery_due", "queue_ready"):
        assert index in told


def test_a_state_that_is_no_plain_word_is_looked_for_as_any_other_text() -> None:
    assert not Job.objects.filter(state__in=["' OR 1=1 --", "100%", "%s"]).exists()
    assert not Job.objects.filter(state__in=[*WAITING_STATES, "'"]).exists()
