"""Writes what came of a batch of attempts; an outcome that no database takes must not hold up the others."""

import logging
from collections.abc import Sequence
from uuid import UUID

from booper.outcomes.outcome import Failure, Outcome
from jobs.database import clock, faults
from jobs.engine.stage import Finished, Stage, Upcoming

logger = logging.getLogger(__name__)


def record_all(stage: Stage, worker_id: UUID, finished: Sequence[Finished]) -> Upcoming:
    """Records them together, or one by one where that fails. A fault of the database is the caller's to wait out."""
    try:
        return stage.record(worker_id, finished, now=clock.now())
    except Exception as error:
        if faults.is_of_the_database(error):
            raise
        logger.exception("a batch of %d outcomes can't be recorded together, so one by one", len(finished))
    each = [record_one(stage, worker_id, item) for item in finished]
    return Upcoming(
        jobs=[at for upcoming in each for at in upcoming.jobs],
        queues=[at for upcoming in each for at in upcoming.queues],
        deliveries=[at for upcoming in each for at in upcoming.deliveries],
    )


def record_one(stage: Stage, worker_id: UUID, item: Finished) -> Upcoming:
    """Records the outcome, or that it could not be stored: it must not be tried for ever."""
    try:
        return stage.record(worker_id, [item], now=clock.now())
    except Exception as error:
        if faults.is_of_the_database(error):
            raise
        # By its number: the row in words has its URL, headers and body, and with them its owner's keys.
        row = item.started.row
        logger.exception("an outcome can't be recorded as it is: %s %d", type(row).__name__, row.id)
        failure = Failure("internal", "the answer could not be stored; Booper's log has the reason")
        outcome = Outcome(response=None, failure=failure, duration_ms=item.outcome.duration_ms)
        return stage.record(worker_id, [Finished(item.started, outcome)], now=clock.now())
