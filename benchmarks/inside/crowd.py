"""An instance that has been used for months: tenants of whom one has most, jobs in all states, schedules, log, counts.

The first user, who has the key, owns seven jobs of ten; another one two; the rest is of many small ones.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django_celery_beat.models import PeriodicTask

from benchmarks.inside import multiplied, rows
from benchmarks.inside.multiplied import fill, moment, uuid_at, uuid_of
from jobs.database import clock, log_parts
from jobs.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    EventType,
    Job,
    LogEvent,
    Queue,
    RolledUpCount,
    Schedule,
    User,
)
from jobs.models.rolled_up_count import DAY, HOUR, MINUTE, Of
from jobs.recurring import schedules as recurring_schedules
from jobs.specs import JobSpec, RecurrenceSpec

SECOND = "second@example.com"
_DAY = 86_400
_DAYS = 90
_LOGGED_SHARE = 4
# Of ten jobs, so many are the first user's, and those of the second end here.
_FIRST, _SECOND = 7, 9
_HOSTS = 60
# A count by the hour is kept of at most so many hosts, and schedules, of a user.
_KEYS = 200
_HOURS, _MINUTES = 62 * 24, 50 * 60
_SMALL = UUID("00000000-0000-7000-8000-000000000000")
# Whole thousandths of each user's jobs, in this order; what is left is on the wire.
_STATES = (
    ("completed", 880), ("discarded", 50), ("cancelled", 15), ("retryable", 10), ("scheduled", 44),
)  # fmt: skip
_CODES = ("http_status", "timeout", "connect_failed", "dns_failure", "tls_failure")


@dataclass(frozen=True, slots=True)
class Crowd:
    """How much there is, and the unix time at which all of it is looked at."""

    jobs: int
    schedules: int
    now: float
    first: User
    second: User

    @property
    def tenants(self) -> int:
        return max(2, self.jobs // 500)

    @property
    def step(self) -> float:
        """Seconds from one job to the next."""
        return _DAYS * _DAY / self.jobs

    @property
    def age(self) -> str:
        """Of the job `s.i`, in seconds."""
        return f"(s.i - {self.jobs}) * {self.step!r}"

    @property
    def owner(self) -> str:
        """Of the job `s.i`."""
        small = _numbered(f"(s.i / 10) % {self.tenants}")
        first, second = uuid_of(self.first.id), uuid_of(self.second.id)
        return f"CASE WHEN s.i % 10 < {_FIRST} THEN {first} WHEN s.i % 10 < {_SECOND} THEN {second} ELSE {small} END"


def main(jobs: str, schedules: str) -> dict[str, Any]:
    first = User.objects.order_by("date_joined").first()
    assert first is not None
    second = User.objects.create_user(SECOND)
    crowd = Crowd(int(jobs), int(schedules), clock.now().timestamp(), first, second)
    _log_days(clock.now())
    _users(crowd)
    _queues(crowd)
    _schedules(crowd)
    _jobs(crowd)
    _log(crowd)
    _deliveries(crowd)
    _counts(crowd)
    tidy()
    return {"jobs": Job.objects.count(), "log rows": LogEvent.objects.count(), "counts": RolledUpCount.objects.count()}


def tidy() -> None:
    """What the database would else do in its own time, in the middle of a measurement."""
    multiplied.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _log_days(now: datetime) -> None:
    """The log has a part a day, as it would have by now."""
    for days in range(35, 0, -7):
        log_parts.maintain(before=now - timedelta(days=_DAYS), now=now - timedelta(days=days))


def _numbered(number: str) -> str:
    """The id of a small tenant, or another row that is known by its number."""
    if connection.vendor == "postgresql":
        return f"CAST('00000000000070008' || lpad(to_hex(CAST({number} AS bigint)), 15, '0') AS uuid)"
    return f"printf('00000000000070008%015x', {number})"


def _users(crowd: Crowd) -> None:
    one = User.objects.create_user("small@example.com", id=_SMALL)
    number = "('small' || s.i || '@example.com')"
    fill(User, crowd.tenants - 1, of=one.id, fresh={"id": _numbered("s.i"), "email": number})


def _queues(crowd: Crowd) -> None:
    """A fifth of those that a tenant may have."""
    now = clock.now()
    one = Queue.objects.create(user=crowd.first, name="mail", concurrency=5, inserted_at=now, refilled_at=now)
    fill(Queue, crowd.schedules // 25, of=one.id, fresh={"name": "'queue-' || s.i"})


def _schedules(crowd: Crowd) -> None:
    """Four of five are the first user's. Each has its entry, and its upcoming run within a day."""
    now = clock.now()
    at = now + timedelta(hours=12)
    args: dict[str, Any] = {"method": "post", "url": "https://api0.example.com/nightly", "cron": "0 9 * * *",
            "headers": {"Authorization": "Bearer {{secret:TOKEN}}"}}  # fmt: skip
    spec = JobSpec(
        args=args, method="post", url=args["url"], scheduled_at=at, timeout_seconds=30.0, max_attempts=5, name="nightly"
    )
    plan = RecurrenceSpec(frequency={"cron": "0 9 * * *"}, timezone="UTC", first_run_at=at)
    job = recurring_schedules.create(spec, plan, user_id=crowd.first.id, now=now).job
    schedule = job.schedule
    assert schedule is not None
    entry, count = schedule.periodic_task, crowd.schedules
    assert entry is not None
    fill(PeriodicTask, count, of=entry.id, fresh={"name": "'nightly ' || s.i"})
    last = PeriodicTask.objects.order_by("-id").values_list("id", flat=True).first() or 0
    owner = f"CASE WHEN s.i % 5 < 4 THEN {uuid_of(crowd.first.id)} ELSE {uuid_of(crowd.second.id)} END"
    disabled = f"CASE WHEN s.i % 20 = 0 THEN {moment(crowd.now, '-s.i')} END"
    calendars = "CASE WHEN s.i % 10 = 0 THEN '[\"off\"]' END"
    fresh = {"id": _numbered("s.i"), "user_id": owner, "name": "'nightly ' || s.i", "disabled_at": disabled,
             "periodic_task_id": f"{last - count} + s.i", "skip_on": calendars, "key": "'key-' || s.i"}  # fmt: skip
    fill(Schedule, count, of=schedule.id, fresh=fresh)
    due = moment(crowd.now, f"1 + (s.i * 7919) % {_DAY}")
    run = {"uuid": uuid_at(crowd.now, "0", "s.i"), "user_id": owner, "schedule_id": _numbered("s.i"), "scheduled_at": due,
           "occurrence_at": due}  # fmt: skip
    fill(Job, count, of=job.id, fresh=run)


def _jobs(crowd: Crowd) -> None:
    base = rows.template("https://api.example.com/hook", name="one")
    base.args = {"method": "post", "url": base.url, "body": {"customer": 8841, "lines": [{"sku": "A-1", "count": 2}]},
                 "headers": {"X-Request": "1"}}  # fmt: skip
    base.method = "post"
    base.inserted_at = base.scheduled_at = clock.now() - timedelta(days=_DAYS)
    base.save(force_insert=True)
    fill(Job, crowd.jobs, of=base.id, fresh=_columns_of_jobs(crowd))


def _columns_of_jobs(crowd: Crowd) -> Mapping[str, str]:
    began, place = moment(crowd.now, crowd.age), "((s.i / 10) * 7919 % 1000)"
    url = f"'https://api' || ((s.i / 10) % {_HOSTS}) || '.example.com/v1/hooks/' || s.i"
    is_failed = f"{_in('discarded')} OR {_in('retryable')}"
    is_run = f"s.i % 10 < {_FIRST} AND (s.i / 10) % 3 = 0 AND ({_in('completed')} OR {_in('discarded')})"
    schedule = f"((s.i / 10) % {crowd.schedules} + 1)"
    # Those of the first user: four of five schedules are.
    is_run += f" AND {schedule} % 5 < 4"
    codes = " ".join(f"WHEN {number} THEN '{code}'" for number, code in enumerate(_CODES))
    state = " ".join(f"WHEN {_in(name)} THEN '{name}'" for name, _ in _STATES)
    due = f"CASE WHEN {place} >= 994 THEN -((s.i * 7919) % 600) ELSE (s.i * 7919) % {30 * _DAY} END"
    again = "(s.i * 7919) % 3600"
    waits = f"CASE WHEN {_in('retryable')} THEN {again} ELSE {due} END"
    scheduled = f"CASE WHEN {_in('retryable')} OR {_in('scheduled')} THEN {moment(crowd.now, waits)} ELSE {began} END"
    return {
        "uuid": uuid_at(crowd.now, crowd.age, "s.i"),
        "user_id": crowd.owner,
        "state": f"CASE {state} ELSE 'executing' END",
        "url": url,
        "name": "CASE WHEN (s.i / 10) % 3 = 1 THEN 'invoice ' || s.i END",
        "tags": "CASE WHEN (s.i / 10) % 10 = 1 THEN ',billing,eu,' END",
        "queue_id": f"CASE WHEN s.i % 10 = 3 AND (s.i / 10) % 3 = 1 THEN {_first_queue()} END",
        "schedule_id": f"CASE WHEN {is_run} THEN {_numbered(schedule)} END",
        "occurrence_at": f"CASE WHEN {is_run} THEN {began} END",
        "inserted_at": began,
        "scheduled_at": scheduled,
        "attempt": f"CASE WHEN {_in('discarded')} THEN 5 WHEN {_in('scheduled')} THEN 0 ELSE 1 END",
        "attempted_at": f"CASE WHEN {_in('scheduled')} THEN NULL ELSE {moment(crowd.now, f'{crowd.age} + 0.02')} END",
        **{
            f"{name}_at": f"CASE WHEN {_in(name)} THEN {moment(crowd.now, f'{crowd.age} + 0.3')} END"
            for name in ("completed", "discarded", "cancelled")
        },
        "worker_id": f"CASE WHEN {place} >= {_bounds('scheduled')[1]} THEN {_numbered('1')} END",
        "error_code": f"CASE WHEN {is_failed} THEN CASE (s.i / 10) % {len(_CODES)} {codes} END END",
        "error_message": f"CASE WHEN {is_failed} THEN 'the target answered 503 Service Unavailable' END",
        "error_status": f"CASE WHEN {is_failed} THEN 503 END",
        "error_at": f"CASE WHEN {is_failed} THEN {began} END",
    }


def _first_queue() -> int:
    return Queue.objects.order_by("id").values_list("id", flat=True)[0]


def _bounds(name: str) -> tuple[int, int]:
    low = 0
    for state, share in _STATES:
        if state == name:
            return low, low + share
        low += share
    raise KeyError(name)


def _in(state: str) -> str:
    """Whether the job `s.i` is in it."""
    low, high = _bounds(state)
    return f"((s.i / 10) * 7919 % 1000) >= {low} AND ((s.i / 10) * 7919 % 1000) < {high}"


def _log(crowd: Crowd) -> None:
    """Four rows of each of the newest quarter of the jobs that were sent."""
    floor = Job.objects.order_by("-id").values_list("id", flat=True)[crowd.jobs // _LOGGED_SHARE]
    payloads: Mapping[str, Mapping[str, Any]] = {
        EventType.STARTED: {"scheduled_at": "2026-11-01T09:00:00Z"},
        EventType.REQUEST: {"method": "post", "url": "https://api0.example.com/v1/hooks/1", "headers": {"X": "1"}, "body": {"n": 1}},
        EventType.RESPONSE: {"status": 200, "headers": {"Content-Type": "application/json"}, "body": {"ok": True}, "duration_ms": 41.5},
        EventType.FINISHED: {"state": "completed", "duration_ms": 43.0},
    }  # fmt: skip
    for place, (event, payload) in enumerate(payloads.items()):
        if connection.vendor == "postgresql":
            ms = "lpad(to_hex(CAST(extract(epoch FROM j.inserted_at) * 1000 AS bigint)), 12, '0')"
            key = f"CAST({ms} || '7{place:03x}8' || lpad(to_hex(j.id), 15, '0') AS uuid)"
        else:
            ms = "CAST(unixepoch(j.inserted_at) AS bigint) * 1000"
            key = f"printf('%%012x7{place:03x}8%%015x', {ms}, j.id)"
        multiplied.execute(
            "INSERT INTO jobs_logevent (id, event, inserted_at, job_id, user_id, attempt, payload)"
            f" SELECT {key}, %s, j.inserted_at, j.id, j.user_id, 1, %s FROM jobs_job j"
            " WHERE j.id > %s AND j.attempt > 0",
            *(str(event), json.dumps(payload), floor),
        )


def _deliveries(crowd: Crowd) -> None:
    """One of each of the newest fifth of the jobs."""
    last = Job.objects.order_by("-id").values_list("id", flat=True)[0]
    count, now = crowd.jobs // 5, clock.now()
    one = Delivery.objects.create(
        user=crowd.first, job_id=last, kind=DeliveryKind.CALLBACK, event="job.completed", url="https://back.example.com/1",
        body="{}", state=DeliveryState.DELIVERED, inserted_at=now, due_at=now, attempt=1, response_status=200,
    )  # fmt: skip
    owner = f"CASE WHEN s.i % 10 < {_FIRST} THEN {uuid_of(crowd.first.id)} ELSE {uuid_of(crowd.second.id)} END"
    at = moment(crowd.now, f"(s.i - {count}) * {crowd.step!r}")
    state = "CASE WHEN (s.i / 10) % 50 = 0 THEN 'failed' WHEN (s.i / 10) % 100 = 1 THEN 'pending' ELSE 'delivered' END"
    fresh = {"uuid": uuid_at(crowd.now, "0", "s.i"), "user_id": owner, "job_id": f"{last - count} + s.i", "state": state,
             "inserted_at": at, "due_at": at, "delivered_at": at,
             "url": "'https://back' || (s.i % 40) || '.example.com/' || s.i"}  # fmt: skip
    fill(Delivery, count, of=one.id, fresh=fresh)


def _counts(crowd: Crowd) -> None:
    """As many as are kept, of the first user with as many hosts and schedules an hour as are told apart."""
    hours = min(_HOURS, crowd.jobs // 10)
    hour = (int(crowd.now) // HOUR) * HOUR
    minute = (int(crowd.now) // MINUTE) * MINUTE
    for user in (crowd.first, crowd.second):
        _series(user, Of.ALL, HOUR, hours, moment(hour, f"(s.i - {hours}) * {HOUR}"), "''")
        minutes = min(_MINUTES, crowd.jobs // 10)
        _series(user, Of.ALL, MINUTE, minutes, moment(minute, f"(s.i - {minutes}) * {MINUTE}"), "''")
    keys = min(_KEYS, max(1, crowd.schedules // 50))
    schedule = f"CAST({_numbered(f'(s.i % {keys}) * 5 + 1')} AS text)"
    midnight = (int(crowd.now) // _DAY) * _DAY
    for seconds, last, length in ((HOUR, hour, HOUR), (DAY, midnight, _DAY)):
        number = hours * HOUR // length
        at = moment(last, f"((s.i - 1) / {keys} + 1 - {number}) * {length}")
        _series(crowd.first, Of.HOST, seconds, number * keys, at, f"'api' || (s.i % {keys}) || '.example.com'")
        _series(crowd.first, Of.SCHEDULE, seconds, number * keys, at, schedule)


def _series(user: User, of: Of, seconds: int, count: int, at: str, key: str) -> None:
    spread = {str(place): 40 for place in range(8, 20)} if of == Of.ALL else {}
    one = RolledUpCount.objects.create(
        user=user, of=of, seconds=seconds, at=datetime.fromtimestamp(0, clock.now().tzinfo), key="-",
        completed=90, discarded=3, failed=10, late=spread, took=spread,
    )  # fmt: skip
    fill(RolledUpCount, count, of=one.pk, fresh={"at": at, "key": key})
    one.delete()
