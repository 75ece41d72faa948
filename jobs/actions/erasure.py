"""What a door may have done away with: an ended job, with all that is kept of it."""

from collections.abc import Sequence

from django.db import transaction

from jobs.models import FINISHED_STATES, Delivery, Job, LogEvent


def erase_job(job: Job) -> bool:
    """completed | discarded | cancelled -> gone, with its log and its deliveries, those on their way too.

    False if it has not ended. Its row is the lock: a retry at the same moment comes first or finds nothing.
    """
    with transaction.atomic():
        ended = Job.objects.select_for_update().filter(id=job.id, state__in=FINISHED_STATES).only("id").first()
        if ended is None:
            return False
        erase_locked([job.id])
    return True


def erase_locked(ids: Sequence[int]) -> list[int | None]:
    """The same, inside the transaction that has locked them as ended. Answers the queue, or None, of each."""
    queue_ids: list[int | None] = list(Job.objects.filter(id__in=ids).values_list("queue_id", flat=True))
    Delivery.objects.filter(job_id__in=ids).delete()
    LogEvent.objects.filter(job_id__in=ids).delete()
    Job.objects.filter(id__in=ids).delete()
    return queue_ids
