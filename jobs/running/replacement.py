"""A job that waits takes the request and the time of a newer one with its idempotency key (`on_conflict: replace`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from booper.timing import timestamps
from jobs.database import sql
from jobs.database.event_log import Entry
from jobs.models import REQUEST_COLUMNS, EventType, Job, JobState, sealed_json_field
from jobs.running import evidence, expiry
from jobs.specs import JobSpec

_COLUMNS = {**REQUEST_COLUMNS, "scheduled_at": "timestamptz", "expires_at": "timestamptz"}
_SET = ", ".join(f"{name} = v.{name}" for name in _COLUMNS)
_REPLACE = f"""
UPDATE jobs_job {{by_id}} SET {_SET} FROM ({{rows}}) AS v
WHERE jobs_job.id = v.id AND {{guard}} AND jobs_job.schedule_id IS NULL
RETURNING jobs_job.id
"""


def replace_locked(specs: Mapping[int, JobSpec], *, now: datetime) -> dict[int, Job]:
    """scheduled -> the same, asking for what its spec does; for one-off jobs, by their ids. Inside a transaction.

    Answers those it was done to, by their ids: one that was claimed or cancelled meanwhile is left as it is. A claim
    sees the whole of the new request or nothing: it passes over a row that is locked. As many queries for a thousand
    as for one.
    """
    if not specs:
        return {}
    waiting = Job.objects.filter(id__in=list(specs), state=JobState.SCHEDULED, schedule__isnull=True)
    # In one order, so that two batches don't wait for each other.
    before = {job.id: job for job in waiting.order_by("id").select_for_update(no_key=True)}
    won = _update({job_id: spec for job_id, spec in specs.items() if job_id in before}, now=now)
    replaced = {job.id: job for job in Job.objects.filter(id__in=won)}
    evidence.insert([_logged(job, before[job.id], now=now) for job in replaced.values()], [])
    return replaced


def _update(specs: Mapping[int, JobSpec], *, now: datetime) -> list[int]:
    if not specs:
        return []
    statement = _REPLACE.format(
        by_id=sql.by_id_alone(),
        rows=sql.rows(id="bigint", **_COLUMNS),
        guard=sql.guard("jobs_job.state", JobState.SCHEDULED.value),
    )
    rows = [_row(job_id, spec, now=now) for job_id, spec in specs.items()]
    with connection.cursor() as cursor:
        cursor.execute(statement, {"rows": sql.json_parameter(rows)})
        return [row[0] for row in cursor.fetchall()]


def _row(job_id: int, spec: JobSpec, *, now: datetime) -> dict[str, Any]:
    due_at = max(spec.scheduled_at, now)
    expires_at = expiry.moment(spec.args, due_at=due_at, now=now)
    return {
        **{name: getattr(spec, name) for name in REQUEST_COLUMNS},
        "id": job_id,
        "args": sealed_json_field.dumps(spec.args),
        "scheduled_at": sql.time_text(due_at),
        "expires_at": None if expires_at is None else sql.time_text(expires_at),
    }


def _logged(job: Job, before: Job, *, now: datetime) -> Entry:
    was = {"method": before.method, "url": before.url, "scheduled_at": timestamps.timestamp(before.scheduled_at)}
    payload = {"scheduled_at": timestamps.timestamp(job.scheduled_at), "before": was}
    return evidence.event(job, EventType.REPLACED, payload, now)
