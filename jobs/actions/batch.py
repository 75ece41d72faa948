"""Many jobs at once: all of them or none, in one transaction, and in as many queries for a thousand as for one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from jobs.database import sql
from jobs.models import HOLDS_ITS_KEY, REQUEST_COLUMNS, REQUEST_FIELDS, Job, JobState, sealed_json_field
from jobs.models.identifiers import uuid7
from jobs.queues import limits
from jobs.recurring import calendars, schedules
from jobs.running import expiry, transitions
from jobs.specs import JobSpec, RecurrenceSpec

Wish = tuple[JobSpec, RecurrenceSpec | None]


@dataclass(slots=True, kw_only=True)
class NewJob:
    """A new one-off job, as its owner is shown it: a tenth of the cost of a model instance."""

    # Given by the database.
    id: int = 0
    uuid: UUID = field(default_factory=uuid7)
    user_id: UUID
    queue_id: int | None
    max_attempts: int
    name: str | None
    description: str | None
    tags: str | None
    idempotency_key: str | None
    inserted_at: datetime
    scheduled_at: datetime
    expires_at: datetime | None
    args: dict[str, Any]

    schedule_id: ClassVar[UUID | None] = None
    webhook_url: ClassVar[str | None] = None
    is_upcoming: ClassVar[bool] = False
    attempted_at: ClassVar[datetime | None] = None
    completed_at: ClassVar[datetime | None] = None
    cancelled_at: ClassVar[datetime | None] = None
    discarded_at: ClassVar[datetime | None] = None
    attempt: ClassVar[int] = 0
    error_code: ClassVar[str | None] = None
    error_message: ClassVar[str | None] = None
    error_status: ClassVar[int | None] = None
    error_at: ClassVar[datetime | None] = None

    def state_at(self, now: datetime) -> str:
        return (JobState.AVAILABLE if self.scheduled_at <= now else JobState.SCHEDULED).value


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one wish: a new job, or the one that holds its idempotency key."""

    job: Job | NewJob
    is_new: bool


def take(wishes: Sequence[Wish], *, user_id: UUID, now: datetime) -> list[Taken]:
    """() -> scheduled, for each, in their order. Of several with one idempotency key the first wins, as it would alone.

    A few queries, and some more where there are recurring ones; however many they are.
    """
    if not wishes:
        return []
    firsts = _first_of_each_key(wishes)
    chosen = {place: wishes[place] for place, first in enumerate(firsts) if place == first}
    with transaction.atomic():
        chosen = _with_calendars(chosen, user_id=user_id)
        taken = _schedule_many(chosen, user_id=user_id, now=now)
        new = [item.job for item in taken.values() if item.is_new]
        # Those that `begin` fires as well: whoever locks queues locks all of them in one statement.
        limits.touch((job.queue_id, job.scheduled_at) for job in new if not job.is_upcoming or job.scheduled_at <= now)
        schedules.begin([job for job in new if isinstance(job, Job)], now=now)
    return [
        taken[first] if place == first else replace(taken[first], is_new=False) for place, first in enumerate(firsts)
    ]


def _with_calendars(wishes: dict[int, Wish], *, user_id: UUID) -> dict[int, Wish]:
    """No query, unless one of them is a schedule that has calendars."""
    plans = {place: plan for place, (_, plan) in wishes.items() if plan is not None}
    held = dict(zip(plans, calendars.held_all(plans.values(), user_id=user_id), strict=True))
    return {place: (spec, held.get(place)) for place, (spec, _) in wishes.items()}


def _first_of_each_key(wishes: Sequence[Wish]) -> list[int]:
    """Gives for each wish the place of the first one with its key: its own, as a rule."""
    places: dict[str, int] = {}
    return [
        place if spec.idempotency_key is None else places.setdefault(spec.idempotency_key, place)
        for place, (spec, _) in enumerate(wishes)
    ]


def _schedule_many(wishes: Mapping[int, Wish], *, user_id: UUID, now: datetime) -> dict[int, Taken]:
    """Inserts the jobs, by their places: one query, and one more where keys are held. Their schedules come later."""
    taken: dict[int, Taken] = {}
    for _ in range(transitions.KEY_TRIES):
        missing = {place: wish for place, wish in wishes.items() if place not in taken}
        if not missing:
            break
        taken |= _insert_free(missing, user_id=user_id, now=now)
        keys = {wish[0].idempotency_key: place for place, wish in missing.items() if place not in taken}
        taken |= _holders(keys, user_id=user_id)
        # What is missing still was started between the two: its key is free again.
    if len(taken) < len(wishes):
        raise IntegrityError(f"idempotency keys of a batch: neither free nor held, {transitions.KEY_TRIES} times over")
    return taken


_COLUMNS = {
    "place": "int",
    "uuid": "uuid",
    "user_id": "uuid",
    "inserted_at": "timestamptz",
    "scheduled_at": "timestamptz",
    "schedule_id": "uuid",
    "occurrence_at": "timestamptz",
    "expires_at": "timestamptz",
    **REQUEST_COLUMNS,
}
_GIVEN = ", ".join(name for name in _COLUMNS if name != "place")
# In the order of the batch, so that ids rise with it. A key that is held keeps its row out.
_INSERT = f"""
INSERT INTO jobs_job (state, is_upcoming, attempt, event_count, {_GIVEN})
SELECT 'scheduled', schedule_id IS NOT NULL, 0, 0, {_GIVEN} FROM ({{rows}}) AS r
WHERE TRUE ORDER BY place
ON CONFLICT DO NOTHING
RETURNING id, uuid
"""


def _insert_free(wishes: Mapping[int, Wish], *, user_id: UUID, now: datetime) -> dict[int, Taken]:
    """Inserts the wishes whose keys are free."""
    jobs = {place: _new_job(spec, plan, user_id=user_id, now=now) for place, (spec, plan) in wishes.items()}
    inserted = insert([(wishes[place][0], job) for place, job in jobs.items()])
    return {place: Taken(job, is_new=True) for place, job in jobs.items() if job.uuid in inserted}


def insert(jobs: Sequence[tuple[JobSpec, Job | NewJob]]) -> set[UUID]:
    """Inserts in one statement those that no held key keeps out, and gives them their ids. Answers their uuids."""
    rows = [_row(spec, job, place=place) for place, (spec, job) in enumerate(jobs)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(rows=sql.rows(**_COLUMNS)), {"rows": sql.json_parameter(rows)})
        ids = {uuid if isinstance(uuid, UUID) else UUID(uuid): job_id for job_id, uuid in cursor.fetchall()}
    for _, job in jobs:
        job.id = ids.get(job.uuid, 0)
    return set(ids)


def _row(spec: JobSpec, job: Job | NewJob, *, place: int) -> dict[str, Any]:
    row = {name: value for name in REQUEST_FIELDS if (value := getattr(spec, name)) is not None}
    row["args"] = sealed_json_field.dumps(spec.args)
    row["place"], row["uuid"], row["user_id"] = place, job.uuid.hex, job.user_id.hex
    row["inserted_at"] = sql.time_text(job.inserted_at)
    row["scheduled_at"] = sql.time_text(job.scheduled_at)
    if job.expires_at is not None:
        row["expires_at"] = sql.time_text(job.expires_at)
    if isinstance(job, Job) and job.schedule_id is not None and job.occurrence_at is not None:
        row["schedule_id"], row["occurrence_at"] = job.schedule_id.hex, sql.time_text(job.occurrence_at)
    return row


def _new_job(spec: JobSpec, plan: RecurrenceSpec | None, *, user_id: UUID, now: datetime) -> Job | NewJob:
    if plan is not None:
        return schedules.first_run(spec, plan, user_id=user_id, now=now)
    return new_job(spec, user_id=user_id, now=now)


def new_job(spec: JobSpec, *, user_id: UUID, now: datetime) -> NewJob:
    """A one-off job that asks for what `spec` does, not inserted yet."""
    due_at = max(spec.scheduled_at, now)
    return NewJob(
        user_id=user_id,
        queue_id=spec.queue_id,
        max_attempts=spec.max_attempts,
        name=spec.name,
        description=spec.description,
        tags=spec.tags,
        idempotency_key=spec.idempotency_key,
        inserted_at=now,
        scheduled_at=due_at,
        expires_at=expiry.moment(spec.args, due_at=due_at, now=now),
        args=spec.args,
    )


def _holders(places: Mapping[str | None, int], *, user_id: UUID) -> dict[int, Taken]:
    """The jobs that hold the keys; without those whose keys have become free."""
    if not places:
        return {}
    held: Iterable[Job] = Job.objects.filter(HOLDS_ITS_KEY, user_id=user_id, idempotency_key__in=list(places))
    return {places[job.idempotency_key]: Taken(job, is_new=False) for job in held}
