"""Fills an instance's tables with jobs, through its models."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from jobs import clock, transitions
from jobs.models import EventType, Job, LogEvent, User
from jobs.models.identifiers import uuid7
from jobs.specs import JobSpec


def main(what: str, *arguments: str) -> dict[str, Any]:
    call: Callable[..., dict[str, Any]] = {"due": due, "spread": spread, "waiting": waiting}[what]
    return call(*arguments)


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


def due(count: str, at: str, url: str, messages_url: str = "") -> dict[str, Any]:
    """`count` jobs that are all due at the unix time `at`; with `messages_url`, each with callback and webhook."""
    told = {"callback_url": messages_url, "webhook_url": messages_url} if messages_url else {}
    _insert(template(url, **told), [datetime.fromtimestamp(float(at), UTC)] * int(count))
    return {}


def spread(count: str, at: str, per_second: str, url: str) -> dict[str, Any]:
    """`count` jobs from the unix time `at` on, so many a second; each URL tells its own time."""
    base = template(url)
    times = [datetime.fromtimestamp(float(at) + index / float(per_second), UTC) for index in range(int(count))]
    _insert(base, times, url_of=lambda moment: f"{url}due/{moment.timestamp():.6f}")
    return {}


def _insert(base: Job, times: list[datetime], *, url_of: Callable[[datetime], str] | None = None) -> None:
    jobs = []
    for moment in times:
        job = copy.copy(base)
        job.uuid, job.scheduled_at = uuid7(), moment
        if url_of is not None:
            job.url = url_of(moment)
            job.args = {"method": "get", "url": job.url}
        jobs.append(job)
    Job.objects.bulk_create(jobs, batch_size=2000)
    _analyze()


def waiting(count: str) -> dict[str, Any]:
    """Brings jobs that wait for next month, and log rows, up to `count` each; PostgreSQL makes them by itself."""
    base = template("http://127.0.0.1:9/later")
    base.scheduled_at = clock.now() + timedelta(days=30)
    base.save(force_insert=True)
    event = LogEvent(event=EventType.STARTED, inserted_at=clock.now(), job=base, user_id=base.user_id, payload={})
    event.save(force_insert=True)
    _multiply("jobs_job", int(count) - Job.objects.count(), of=base.id, key="id", fresh={"uuid": "gen_random_uuid()"})
    log_rows = int(count) - LogEvent.objects.count()
    _multiply("jobs_logevent", log_rows, of=event.id, key="id", fresh={"id": "gen_random_uuid()"})
    _analyze()
    return {}


def _multiply(table: str, count: int, *, of: object, key: str, fresh: dict[str, str]) -> None:
    """`count` copies of one row, with `fresh` expressions in place of some columns; `id` is the sequence's if not there."""
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
        names = [column.name for column in described if column.name != "id" or "id" in fresh]
        values = ", ".join(fresh.get(name, f'"{name}"') for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}, generate_series(1, %s) WHERE {key} = %s",
            [max(0, count), of],
        )


def _analyze() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE jobs_job; ANALYZE jobs_logevent")
