"""What the database says, read past the code under test: plain SQL, each table as a list of values."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import psycopg


@dataclass(frozen=True, slots=True)
class JobRow:
    id: int
    uuid: UUID
    state: str
    url: str
    schedule_id: UUID | None
    occurrence_at: datetime | None
    is_upcoming: bool
    inserted_at: datetime
    scheduled_at: datetime
    completed_at: datetime | None
    cancelled_at: datetime | None
    discarded_at: datetime | None
    attempt: int
    max_attempts: int
    event_count: int
    worker_id: UUID | None
    callback_url: str | None
    webhook_url: str | None
    parent_uuid: UUID | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    id: UUID
    event: str
    inserted_at: datetime
    job_id: int
    attempt: int
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    uuid: UUID
    job_id: int
    kind: str
    event: str
    sequence: int | None
    state: str
    delivered_at: datetime | None
    worker_id: UUID | None


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    id: UUID
    frequency: dict[str, Any]
    anchor_at: datetime
    disabled_at: datetime | None
    run_count: int


@dataclass(frozen=True, slots=True)
class ProcessRow:
    id: UUID
    role: str
    name: str
    heartbeat_at: datetime
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """All tables at one moment. `jobs` by their number, `events` by job in the order they were written."""

    jobs: dict[int, JobRow]
    events: dict[int, list[EventRow]]
    deliveries: dict[int, list[DeliveryRow]]
    schedules: dict[UUID, ScheduleRow]
    processes: dict[UUID, ProcessRow]

    @property
    def unfinished(self) -> list[JobRow]:
        """Those that were due and have not ended; the upcoming runs of schedules wait for their time."""
        return [job for job in self.jobs.values() if _is_unfinished(job)]


def _is_unfinished(job: JobRow) -> bool:
    return job.state in ("scheduled", "retryable", "executing") and not job.is_upcoming


class Cursor(Protocol):
    """A cursor of sqlite3, psycopg or Django."""

    def execute(self, statement: Any, parameters: Any = ..., /) -> object: ...
    def fetchall(self) -> Sequence[Sequence[Any]]: ...


Row = TypeVar("Row", JobRow, EventRow, DeliveryRow, ScheduleRow, ProcessRow)


def read(cursor: Cursor) -> Record:
    events: dict[int, list[EventRow]] = {}
    # Their identifiers are in the order of their making, within one process; between two, their time decides.
    for event in rows(cursor, EventRow, "jobs_logevent", order="inserted_at, id"):
        events.setdefault(event.job_id, []).append(event)
    deliveries: dict[int, list[DeliveryRow]] = {}
    for delivery in rows(cursor, DeliveryRow, "jobs_delivery", order="id"):
        deliveries.setdefault(delivery.job_id, []).append(delivery)
    return Record(
        jobs={job.id: job for job in rows(cursor, JobRow, "jobs_job", order="id")},
        events=events,
        deliveries=deliveries,
        schedules={schedule.id: schedule for schedule in rows(cursor, ScheduleRow, "jobs_schedule", order="id")},
        processes={process.id: process for process in rows(cursor, ProcessRow, "jobs_process", order="id")},
    )


def rows(cursor: Cursor, kind: type[Row], table: str, *, where: str = "1 = 1", order: str = "id") -> list[Row]:
    names = [field.name for field in fields(kind)]
    cursor.execute(f"SELECT {', '.join(names)} FROM {table} WHERE {where} ORDER BY {order}")
    return [kind(*(_value(name, value) for name, value in zip(names, row, strict=True))) for row in cursor.fetchall()]


_UUIDS = {"uuid", "schedule_id", "worker_id", "parent_uuid"}
_JSON = {"payload", "frequency"}


def _value(name: str, value: Any) -> Any:
    """SQLite keeps times and UUIDs as text, truth as a number; drivers differ in how much of that they undo."""
    if value is None:
        return None
    if name.endswith("_at"):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if name in _UUIDS or (name == "id" and isinstance(value, str)):
        return value if isinstance(value, UUID) else UUID(value)
    if name in _JSON:
        return json.loads(value) if isinstance(value, str | bytes) else value
    return bool(value) if name.startswith("is_") else value


class Database:
    """A stack's database, for the eyes of a test. Each question opens its own connection: the server may be killed."""

    def __init__(self, url: str) -> None:
        self.url = url

    def read(self) -> Record:
        with self._cursor() as cursor:
            return read(cursor)

    def processes(self, role: str) -> list[ProcessRow]:
        with self._cursor() as cursor:
            return rows(cursor, ProcessRow, "jobs_process", where=f"role = '{role}'")

    def count(self, table: str, where: str = "1 = 1") -> int:
        with self._cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {where}")
            return int(cursor.fetchall()[0][0])

    def unfinished_count(self) -> int:
        return self.count("jobs_job", "state IN ('scheduled', 'retryable', 'executing') AND NOT is_upcoming")

    def undelivered_count(self) -> int:
        return self.count("jobs_delivery", "state IN ('pending', 'sending')")

    def unleased(self) -> set[tuple[int, int]]:
        """The jobs that execute under no live lease, each with its attempt."""
        zone = "" if self.url.startswith("sqlite:") else "+00"
        now = f"'{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}{zone}'"
        alive = f"SELECT 1 FROM jobs_process p WHERE p.id = worker_id AND p.lease_expires_at > {now}"
        with self._cursor() as cursor:
            cursor.execute(f"SELECT id, attempt FROM jobs_job WHERE state = 'executing' AND NOT EXISTS ({alive})")
            return {(row[0], row[1]) for row in cursor.fetchall()}

    def schedules_without_one_upcoming_run(self) -> int:
        """Of those that are enabled: with none, or with two."""
        upcoming = "SELECT count(*) FROM jobs_job WHERE schedule_id = jobs_schedule.id AND is_upcoming"
        return self.count("jobs_schedule", f"disabled_at IS NULL AND ({upcoming}) <> 1")

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        with contextlib.closing(self._connect()) as connection:
            yield connection.cursor()

    def _connect(self) -> "sqlite3.Connection | psycopg.Connection[Any]":
        if self.url.startswith("sqlite:"):
            return sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)
        return psycopg.connect(self.url, connect_timeout=2)
