"""Creates jobs for as long as it runs, a batch whenever fewer than a few thousand wait."""

import time
from datetime import timedelta
from typing import Any

from django.db import connection

from benchmarks.inside import rows
from jobs.database import clock
from jobs.waking import announcements

_BATCH = 500
_WAITING = 2_000
_LOOK_SECONDS = 0.02


def main(seconds: str, url: str) -> dict[str, Any]:
    """How many were created."""
    base, count, ends_at = rows.template(url), 0, time.monotonic() + float(seconds)
    after = clock.now()
    while time.monotonic() < ends_at:
        if _waiting(after) >= _WAITING:
            time.sleep(_LOOK_SECONDS)
            continue
        now = clock.now()
        rows.insert(base, [now] * _BATCH, is_analyzed=False)
        announcements.announce_jobs([now])
        count += _BATCH
        # What was put in so long ago is taken up: the count is not to walk what an old snapshot keeps.
        after = now - timedelta(seconds=5)
    return {"count": count}


def _waiting(after: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM jobs_job WHERE state IN ('scheduled', 'retryable') AND NOT is_upcoming"
            " AND queue_id IS NULL AND scheduled_at >= %s",
            [after],
        )
        return int(cursor.fetchone()[0])
