"""Many jobs at once: all of them or none, in one transaction, and in as many queries for a thousand as for one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from jobs.actions import conflicts
from jobs.actions.conflicts import Refused
from jobs.database import bites, sql
from jobs.models import HOLDS_ITS_KEY, REQUEST_COLUMNS, REQUEST_FIELDS, Job, JobState, sealed_json_field
from jobs.models.identifiers import uuid7
from jobs.queues import limits
from jobs.recurring import calendars, schedules
from jobs.running import expiry, transitions
from jobs.specs import JobSpec, RecurrenceSpec

Wish = conflicts.Wish
# As many as take a hundredth of a second: others who write to SQLite may go first where there are more.
_FEW = 20


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
    parent_uuid: ClassVar[UUID | None] = None
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
    """What became of one wish: a new job, or the one that holds its idempotency key.

    `is_replaced`: that one asks by now for what a wish did. `refused`: why this wish was not to have it.
    """

    job: Job | NewJob
    is_new: bool
    is_replaced: bool = False
    refused: Refused | None = None

    @property
    def is_to_be_announced(self) -> bool:
        """Whether somebody has to be told when it is due; beat fires what is upcoming."""
        return (self.is_new or self.is_replaced) and not self.job.is_upcoming


def take(wishes: Sequence[Wish], *, user_id: UUID, now: datetime) -> list[Taken]:
    """() -> scheduled, for each, in their order. Of several with one idempotency key the first wins, as it would alone,
    or the last that replaces it.

    A few queries, and some more where there are recurring ones; however many they are.
    """
    if not wishes:
        return []
    groups = _groups(wishes)
    # Before the transaction, which all other writers to SQLite wait for.
    made = _made_before(wishes, groups, user_id=user_id, now=now)
    schedule_rows = {item.job.uuid: item.schedule_row for item in made.values() if item.schedule_row is not None}
    with bites.whole(is_large=len(wishes) > _FEW), transaction.atomic():
        taken = _schedule_many(_with_calendars(wishes, user_id=user_id), groups, made, user_id=user_id, now=now)
        new = [item.job for item in taken.values() if item.is_new]
        # Those that `begin` fires as well: whoever locks queues locks all of them in one statement.
        due = [job for job in new if not job.is_upcoming or job.scheduled_at <= now]
        due += [item.job for item in taken.values() if item.is_replaced]
        limits.touch((job.queue_id, job.scheduled_at) for job in due)
        schedules.begin([job for job in new if isinstance(job, Job)], rows=schedule_rows, now=now)
    answers = {
        place: _answered(wishes[place], taken[first], is_first=place == first)
        for first, places in groups.items()
        for place in places
    }
    return [answers[place] for place in range(len(wishes))]


def _with_calendars(wishes: Sequence[Wish], *, user_id: UUID) -> list[Wish]:
    """No query, unless one of them is a schedule that has calendars."""
    plans = {place: plan for place, (_, plan) in enumerate(wishes) if plan is not None}
    held = dict(zip(plans, calendars.held_all(plans.values(), user_id=user_id), strict=True))
    return [(spec, held.get(place)) for place, (spec, _) in enumerate(wishes)]


def _groups(wishes: Sequence[Wish]) -> dict[int, list[int]]:
    """The places of the wishes that have one key, by the place of the first: each alone, as a rule."""
    firsts: dict[str, int] = {}
    groups: dict[int, list[int]] = {}
    for place, (spec, _) in enumerate(wishes):
        key = spec.idempotency_key
        groups.setdefault(place if key is None else firsts.setdefault(key, place), []).append(place)
    return groups


def _answered(wish: Wish, taken: Taken, *, is_first: bool) -> Taken:
    """What one of those with a key is told, when this came of the key."""
    if taken.is_new and is_first:
        return taken
    refused = conflicts.refusal(wish, taken.job)
    return Taken(taken.job, is_new=False, is_replaced=taken.is_replaced, refused=refused)


@dataclass(frozen=True, slots=True)
class _Made:
    """A job that is to be inserted, its row, and that of its schedule."""

    job: Job | NewJob
    row: Mapping[str, Any]
    schedule_row: sql.Row | None = None


def _made_before(
    wishes: Sequence[Wish], groups: Mapping[int, Sequence[int]], *, user_id: UUID, now: datetime
) -> dict[int, _Made]:
    """The jobs by the places of their groups, without those of schedules whose calendars are to be looked up first."""
    chosen = {first: conflicts.amended(wishes, places) for first, places in groups.items()}
    return {
        place: _made(spec, plan, place=place, user_id=user_id, now=now)
        for place, (spec, plan) in chosen.items()
        if plan is None or not (plan.skip_on or plan.only_on)
    }


def _made(spec: JobSpec, plan: RecurrenceSpec | None, *, place: int, user_id: UUID, now: datetime) -> _Made:
    job = _new_job(spec, plan, user_id=user_id, now=now)
    schedule_row = schedules.row_of(job) if isinstance(job, Job) else None
    return _Made(job, _row(spec, job, place=place), schedule_row)


def _schedule_many(
    wishes: Sequence[Wish],
    groups: Mapping[int, Sequence[int]],
    made: Mapping[int, _Made],
    *,
    user_id: UUID,
    now: datetime,
) -> dict[int, Taken]:
    """Inserts the jobs, by the places of their groups: one query, and more where keys are held or are to be replaced.

    Their schedules come later.
    """
    chosen = {first: conflicts.amended(wishes, places) for first, places in groups.items()}
    taken: dict[int, Taken] = {}
    for _ in range(transitions.KEY_TRIES):
        missing = {place: wish for place, wish in chosen.items() if place not in taken}
        if not missing:
            break
        taken |= _insert_free(missing, made, user_id=user_id, now=now)
        keys = {wish[0].idempotency_key: place for place, wish in missing.items() if place not in taken}
        held, replaced = conflicts.replaced(wishes, _holders(keys, user_id=user_id), groups, now=now)
        taken |= {place: Taken(job, is_new=False, is_replaced=place in replaced) for place, job in held.items()}
        # What is missing still was started between the two: its key is free again.
    if len(taken) < len(groups):
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


def _insert_free(
    wishes: Mapping[int, Wish], made: Mapping[int, _Made], *, user_id: UUID, now: datetime
) -> dict[int, Taken]:
    """Inserts the wishes whose keys are free."""
    wanted = {
        place: made.get(place) or _made(spec, plan, place=place, user_id=user_id, now=now)
        for place, (spec, plan) in wishes.items()
    }
    inserted = _insert(list(wanted.values()))
    return {place: Taken(item.job, is_new=True) for place, item in wanted.items() if item.job.uuid in inserted}


def insert(jobs: Sequence[tuple[JobSpec, Job | NewJob]]) -> set[UUID]:
    """Inserts in one statement those that no held key keeps out, and gives them their ids. Answers their uuids."""
    return _insert([_Made(job, _row(spec, job, place=place)) for place, (spec, job) in enumerate(jobs)])


def _insert(made: Sequence[_Made]) -> set[UUID]:
    rows = [item.row for item in made]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(rows=sql.rows(**_COLUMNS)), {"rows": sql.json_parameter(rows)})
        ids = {uuid if isinstance(uuid, UUID) else UUID(uuid): job_id for job_id, uuid in cursor.fetchall()}
    for item in made:
        item.job.id = ids.get(item.job.uuid, 0)
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


def _holders(places: Mapping[str | None, int], *, user_id: UUID) -> dict[int, Job]:
    """The jobs that hold the keys; without those whose keys have become free."""
    if not places:
        return {}
    held: Iterable[Job] = Job.objects.filter(HOLDS_ITS_KEY, user_id=user_id, idempotency_key__in=list(places))
    return {places[job.idempotency_key]: job for job in held}
