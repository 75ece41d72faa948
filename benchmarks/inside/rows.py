"""Fills an instance's tables with jobs, through its models."""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from benchmarks.inside import multiplied
from jobs.database import clock
from jobs.models import EventType, Job, LogEvent, User
from jobs.models.identifiers import uuid7
from jobs.running import transitions
from jobs.specs import JobSpec
from jobs.waking import announcements

_DEAD_AT_ONCE = 100_000


def main(what: str, *arguments: str) -> dict[str, Any]:
    calls: dict[str, Callable[..., dict[str, Any]]] = {"due": due, "spread": spread, "waiting": waiting, "dead": dead}
    return calls[what](*arguments)


def template(url: str, **changes: Any) -> Job:
    now = clock.now()
    spec = JobSpec(
        args={"method": "get", "url": url},
        method="get",
        url=url,
        scheduled_at=now,
        timeout_seconds=30.0,
        max_attempts=5,
        **changes,
    )
    user = User.objects.order_by("date_joined").first()
    assert user is not None
    return transitions.new_job(spec, user_id=user.id, scheduled_at=now, now=now)


def due(count: str, seconds: str, url: str, messages_url: str = "") -> dict[str, Any]:
    """`count` jobs that are all due in so many seconds; with `messages_url`, each with callback and webhook."""
    told = {"callback_url": messages_url, "webhook_url": messages_url} if messages_url else {}
    at = clock.now() + timedelta(seconds=float(seconds))
    insert(template(url, **told), [at] * int(count))
    return _announced([at])


def spread(count: str, seconds: str, per_second: str, url: str) -> dict[str, Any]:
    """`count` jobs, the first due in so many seconds, so many a second from then on; each URL tells its own time."""
    base = template(url)
    at = clock.now() + timedelta(seconds=float(seconds))
    times = [at + timedelta(seconds=index / float(per_second)) for index in range(int(count))]
    insert(base, times, url_of=lambda moment: f"{url}due/{moment.timestamp():.6f}")
    return _announced(times)


def _announced(times: list[datetime]) -> dict[str, Any]:
    """As whoever creates jobs does: beat leaves to it what comes due within the horizon."""
    announcements.announce_jobs(times)
    announcements.announcer.flush(timeout_seconds=5.0)
    if clock.now() > times[0]:
        raise RuntimeError("the first jobs were due before all of them were there: the machine is too busy to measure")
    return {"at": times[0].timestamp()}


def insert(
    base: Job,
    times: list[datetime],
    *,
    url_of: Callable[[datetime], str] | None = None,
    is_analyzed: bool = True,
) -> None:
    """A job like `base` for each of the times."""
    jobs = []
    for moment in times:
        job = copy.copy(base)
        job.uuid, job.scheduled_at = uuid7(), moment
        if url_of is not None:
            job.url = url_of(moment)
            job.args = {"method": "get", "url": job.url}
        jobs.append(job)
    Job.objects.bulk_create(jobs, batch_size=2000)
    if is_analyzed:
        _analyze()


def waiting(count: str) -> dict[str, Any]:
    """Brings jobs that wait for next month, and log rows, up to `count` each; the database makes them by itself."""
    base = template("http://127.0.0.1:9/later")
    base.scheduled_at = clock.now() + timedelta(days=30)
    base.save(force_insert=True)
    event = LogEvent(event=EventType.STARTED, inserted_at=clock.now(), job=base, user_id=base.user_id, payload={})
    event.save(force_insert=True)
    uuid = "gen_random_uuid()" if connection.vendor == "postgresql" else "lower(hex(randomblob(16)))"
    multiplied.fill(Job, int(count) - Job.objects.count(), of=base.id, fresh={"uuid": uuid})
    multiplied.fill(LogEvent, int(count) - LogEvent.objects.count(), of=event.pk, fresh={"id": uuid})
    _tidy()
    return {}


def dead(count: str) -> dict[str, Any]:
    """Writes jobs that were due in the last hour and deletes them again, unseen: versions in the way of every look."""
    left = int(count)
    while left > 0:
        part = min(left, _DEAD_AT_ONCE)
        with transaction.atomic():
            base = template("http://127.0.0.1:9/dead")
            base.scheduled_at = clock.now() - timedelta(hours=1)
            base.save(force_insert=True)
            ago = "now() - random() * interval '1 hour'"
            multiplied.fill(Job, part - 1, of=base.id, fresh={"uuid": "gen_random_uuid()", "scheduled_at": ago})
            multiplied.execute("DELETE FROM jobs_job WHERE url = %s", base.url)
        left -= part
    return {}


def _tidy() -> None:
    """What the database would else do in its own time, in the middle of a measurement."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE jobs_job")
            cursor.execute("VACUUM ANALYZE jobs_logevent")
            cursor.execute("CHECKPOINT")


def _analyze() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE jobs_job; ANALYZE jobs_logevent")
