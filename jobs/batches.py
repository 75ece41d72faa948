"""Many jobs at once: all of them or none, in one transaction, and in as many queries for a thousand as for one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from jobs import queues, schedule_transitions, sql
from jobs.models import HOLDS_ITS_KEY, REQUEST_FIELDS, Job, JobState
from jobs.models.identifiers import uuid7
from jobs.specs import JobSpec, RecurrenceSpec

_KEY_TRIES = 5

Wish = tuple[JobSpec, RecurrenceSpec | None]


@dataclass(slots=True, kw_only=True)
class NewJob:
    """A one-off job just written, as its owner is shown it: a tenth of the cost of a model instance."""

    id: int
    uuid: UUID
    user_id: UUID
    queue_id: int | None
    name: str | None
    description: str | None
    idempotency_key: str | None
    inserted_at: datetime
    scheduled_at: datetime
    args: dict[str, Any]

    schedule_id: ClassVar[UUID | None] = None
    webhook_url: ClassVar[str | None] = None
    is_upcoming: ClassVar[bool] = False
    attempted_at: ClassVar[datetime | None] = None
    completed_at: ClassVar[datetime | None] = None
    cancelled_at: ClassVar[datetime | None] = None
    discarded_at: ClassVar[datetime | None] = None

    def state_at(self, now: datetime) -> str:
        return (JobState.AVAILABLE if self.scheduled_at <= now else JobState.SCHEDULED).value


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one wish: a new job, or the one that holds its idempotency key."""

    job: Job | NewJob
    is_new: bool


def take(wishes: Sequence[Wish], *, user_id: UUID, now: datetime) -> list[Taken]:
    """() -> scheduled, for each, in their order. Of several with one idempotency key the first wins, as it would alone.

    One-off jobs cost the same few queries, however many they are; recurring ones are made one by one.
    """
    if not wishes:
        return []
    firsts = _first_of_each_key(wishes)
    chosen = [place for place, first in enumerate(firsts) if place == first]
    taken: dict[int, Taken] = {}
    with transaction.atomic():
        specs = {place: wishes[place][0] for place in chosen if wishes[place][1] is None}
        taken |= _schedule_many(specs, user_id=user_id, now=now)
        for place in chosen:
            spec, plan = wishes[place]
            if plan is not None:
                made = schedule_transitions.create(spec, plan, user_id=user_id, now=now)
                taken[place] = Taken(made.job, made.is_new)
    return [
        taken[first] if place == first else replace(taken[first], is_new=False) for place, first in enumerate(firsts)
    ]


def _first_of_each_key(wishes: Sequence[Wish]) -> list[int]:
    """For each wish the place of the first one with its key: its own, as a rule."""
    places: dict[str, int] = {}
    return [
        place if spec.idempotency_key is None else places.setdefault(spec.idempotency_key, place)
        for place, (spec, _) in enumerate(wishes)
    ]


def _schedule_many(specs: Mapping[int, JobSpec], *, user_id: UUID, now: datetime) -> dict[int, Taken]:
    """By their places. Two queries, and one more where keys are held."""
    taken: dict[int, Taken] = {}
    for _ in range(_KEY_TRIES):
        missing = {place: spec for place, spec in specs.items() if place not in taken}
        if not missing:
            break
        taken |= _insert(missing, user_id=user_id, now=now)
        taken |= _holders({place: spec for place, spec in missing.items() if place not in taken}, user_id=user_id)
        # What is missing still was started between the two: its key is free again.
    if len(taken) < len(specs):
        raise IntegrityError(f"idempotency keys of a batch: neither free nor held, {_KEY_TRIES} times over")
    queues.touch((item.job.queue_id, item.job.scheduled_at) for item in taken.values() if item.is_new)
    return taken


_COLUMNS = {
    "place": "int",
    "uuid": "uuid",
    "scheduled_at": "timestamptz",
    **dict.fromkeys(REQUEST_FIELDS, "text"),
    "args": "jsonb",
    "backoff_seconds": "jsonb",
    "timeout_seconds": "double precision",
    "max_attempts": "smallint",
    "queue_id": "bigint",
}
_GIVEN = ", ".join(name for name in _COLUMNS if name != "place")
# In the order of the batch, so that ids rise with it. A key that is held keeps its row out.
_INSERT = f"""
INSERT INTO jobs_job (user_id, inserted_at, state, is_upcoming, attempt, event_count, {_GIVEN})
SELECT %(user)s, {{now}}, 'scheduled', FALSE, 0, 0, {_GIVEN} FROM ({{rows}}) AS r WHERE TRUE ORDER BY place
ON CONFLICT DO NOTHING
RETURNING id, uuid
"""


def _insert(specs: Mapping[int, JobSpec], *, user_id: UUID, now: datetime) -> dict[int, Taken]:
    """Those whose keys are free."""
    places: dict[UUID, int] = {}
    rows = []
    for place, spec in specs.items():
        uuid = uuid7()
        places[uuid] = place
        rows.append(_row(spec, place=place, uuid=uuid, now=now))
    parameters = {"user": sql.uuid_value(user_id), "now": sql.time_value(now), "rows": sql.json_parameter(rows)}
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(now=sql.null_time(), rows=sql.rows(**_COLUMNS)), parameters)
        inserted = [(job_id, uuid if isinstance(uuid, UUID) else UUID(uuid)) for job_id, uuid in cursor.fetchall()]
    return {
        places[uuid]: Taken(_new_job(specs[places[uuid]], id=job_id, uuid=uuid, user_id=user_id, now=now), is_new=True)
        for job_id, uuid in inserted
    }


def _row(spec: JobSpec, *, place: int, uuid: UUID, now: datetime) -> dict[str, Any]:
    row = {name: value for name in REQUEST_FIELDS if (value := getattr(spec, name)) is not None}
    row["place"], row["uuid"] = place, uuid.hex
    row["scheduled_at"] = sql.time_text(max(spec.scheduled_at, now))
    return row


def _new_job(spec: JobSpec, *, id: int, uuid: UUID, user_id: UUID, now: datetime) -> NewJob:
    return NewJob(
        id=id,
        uuid=uuid,
        user_id=user_id,
        queue_id=spec.queue_id,
        name=spec.name,
        description=spec.description,
        idempotency_key=spec.idempotency_key,
        inserted_at=now,
        scheduled_at=max(spec.scheduled_at, now),
        args=spec.args,
    )


def _holders(specs: Mapping[int, JobSpec], *, user_id: UUID) -> dict[int, Taken]:
    """The jobs that hold their keys; without those whose keys have become free."""
    places = {spec.idempotency_key: place for place, spec in specs.items()}
    if not places:
        return {}
    held: Iterable[Job] = Job.objects.filter(HOLDS_ITS_KEY, user_id=user_id, idempotency_key__in=list(places))
    return {places[job.idempotency_key]: Taken(job, is_new=False) for job in held}
