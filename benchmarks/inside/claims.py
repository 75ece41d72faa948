"""How long a worker's claim takes, taken back each time."""

import time
from datetime import timedelta
from statistics import median
from typing import Any

from django.db import transaction

from benchmarks.inside import rows
from jobs.database import clock
from jobs.models.identifiers import uuid7
from jobs.running import stage

LIMIT = 200


def main(times: str) -> dict[str, Any]:
    """Milliseconds, the median of so many claims of a full batch. All of it is taken back: no worker may see it."""
    took = []
    with transaction.atomic():
        rows.insert(rows.template("http://127.0.0.1:8080/due"), [clock.now() - timedelta(seconds=1)] * 2 * LIMIT)
        for _ in range(int(times)):
            with transaction.atomic():
                began = time.perf_counter()
                started, _upcoming = stage.claim(uuid7(), limit=LIMIT, is_crowded=False, now=clock.now())
                took.append(1000 * (time.perf_counter() - began))
                transaction.set_rollback(True)
            if len(started) != LIMIT:
                raise RuntimeError(f"{len(started)} claimed, not {LIMIT}")
        transaction.set_rollback(True)
    return {"ms": median(took)}
