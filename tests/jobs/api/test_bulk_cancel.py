"""POST /api/jobs/cancel: all that the list's filters would list, in batches, and nothing by a slip."""

import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.actions import bulk_cancel
from jobs.database import bites
from jobs.database.bites import Bites
from jobs.models import Delivery, Job, JobState, LogEvent, Queue, Schedule, User
from jobs.queues import limits
from jobs.recurring import firing, schedules
from jobs.running import attempts, queue_stage, transitions
from jobs.running.ended import Ended
from tests.api import FORM, Api, data_of, pointers_of, problem_of, schedule_by
from tests.conftest import Announced
from tests.factories import NOON, make_job, make_schedule, make_spec, make_user

URL = "https://example.com/hook"
LATER = NOON + timedelta(hours=1)
ON_POSTGRESQL = "postgresql" in settings.DATABASES["default"]["ENGINE"]


def cancel(api: Api, query: str = "", body: Any = None, **more: Any) -> Any:
    return api.post(f"/api/jobs/cancel{query}", body, **more)


def count_of(response: Any) -> int:
    data = data_of(response)
    assert list(data) == ["matched", "cancelled"]
    return int(data["cancelled"])


def states() -> list[str]:
    return list(Job.objects.order_by("id").values_list("state", flat=True))


def test_what_the_filter_lists_is_cancelled_and_nothing_else(api: Api, user: User) -> None:
    wanted = [make_job(user=user, name="report", scheduled_at=LATER) for _ in range(3)]
    make_job(user=user, name="other")
    assert count_of(cancel(api, "?name=report")) == 3
    assert states() == ["cancelled"] * 3 + ["scheduled"]
    job = Job.objects.get(id=wanted[0].id)
    assert (job.cancelled_at, job.event_count) == (NOON, 1)
    events = LogEvent.objects.filter(event="job.cancelled").order_by("job_id")
    assert list(events.values_list("job_id", "payload")) == [(job.id, {"reason": "cancelled"}) for job in wanted]
    assert count_of(cancel(api, "?name=report")) == 0


def test_every_state_that_has_not_ended_is_cancelled(api: Api, user: User) -> None:
    jobs = [make_job(user=user) for _ in range(5)]
    worker = uuid4()
    Job.objects.filter(id=jobs[1].id).update(state=JobState.RETRYABLE)
    Job.objects.filter(id=jobs[2].id).update(state=JobState.EXECUTING, worker_id=worker)
    Job.objects.filter(id=jobs[3].id).update(state=JobState.COMPLETED, completed_at=NOON)
    Job.objects.filter(id=jobs[4].id).update(state=JobState.DISCARDED, discarded_at=NOON)
    assert count_of(cancel(api, "?all=true")) == 3
    assert states() == ["cancelled", "cancelled", "cancelled", "completed", "discarded"]
    assert Job.objects.filter(worker_id__isnull=False).count() == 0


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("state=scheduled", [1, 2, 3]),
        ("state=available", [0, 2]),
        ("state=available,retryable", [0]),
        ("state=completed", [0, 1, 2, 3]),
        ("url=HTTPS://EXAMPLE.com:443/other", [0, 1, 2]),
        ("inserted_before=2026-03-01T00:00:00Z", [0, 1, 3]),
        ("inserted_after=2026-03-01T00:00:00Z", [2]),
        ("state=available&url=https://example.com/other", [0, 1, 2]),
        ("schedule_id=9b2f6f0e-3c1d-4a53-8f0a-2f4a54cf0a11", [0, 1, 2, 3]),
        ("state=available&all=true", [0, 2]),
    ],
)
def test_the_filters_are_those_of_the_list(api: Api, user: User, query: str, left: list[int]) -> None:
    jobs = [
        make_job(user=user, scheduled_at=LATER),
        make_job(user=user),
        make_job(user=user, now=NOON - timedelta(days=1)),
        make_job(user=user, url="https://example.com/other"),
    ]
    Job.objects.filter(id=jobs[2].id).update(state=JobState.RETRYABLE, scheduled_at=LATER)
    assert count_of(cancel(api, f"?{query}")) == 4 - len(left)
    unfinished = Job.objects.exclude(state=JobState.CANCELLED).order_by("id")
    assert [job.id for job in unfinished] == [jobs[place].id for place in left]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"state": "scheduled"}, 1),
        ({"state": ["available", "scheduled"]}, 2),
        ({"all": True}, 2),
        ({"name": "a", "state": None, "all": None}, 1),
        ({"inserted_before": NOON.timestamp() + 1}, 2),
    ],
)
def test_the_filters_may_come_in_the_body(api: Api, user: User, body: Any, count: int) -> None:
    make_job(user=user, name="a")
    make_job(user=user, scheduled_at=LATER)
    assert count_of(cancel(api, "", body)) == count


def test_a_form_body_has_them_too(api: Api, user: User) -> None:
    make_job(user=user, name="a b")
    assert count_of(cancel(api, "", "name=a+b", content_type=FORM)) == 1
    assert count_of(cancel(api, "?name=a", "", content_type=FORM)) == 0


def test_the_type_of_a_body_that_is_not_there_does_not_matter(api: Api, user: User) -> None:
    make_job(user=user)
    assert count_of(cancel(api, "?name=a", "", content_type="text/plain")) == 0
    problem_of(cancel(api, "?all=true", "all=true", content_type="text/plain"), status=415)
    assert states() == ["scheduled"]


@pytest.mark.parametrize(
    ("query", "body", "pointers"),
    [
        ("", None, [""]),
        ("", {}, [""]),
        ("?all=false", None, [""]),
        ("", {"state": None, "all": None}, [""]),
        ("?all=maybe", None, ["/all", ""]),
        ("?stat=scheduled", None, ["/stat", ""]),
        ("?state=finished", None, ["/state"]),
        ("?limit=5", None, ["/limit", ""]),
        ("?name=a", {"name": "b"}, ["/name"]),
        ("?all=true", {"nmae": "b"}, ["/nmae"]),
        ("?schedule_id=5", None, ["/schedule_id"]),
        ("", "[]", [""]),
        ("?all=true", "nonsense", [""]),
    ],
)
def test_a_slip_cancels_nothing(api: Api, user: User, query: str, body: Any, pointers: list[str]) -> None:
    make_job(user=user, name="a")
    assert pointers_of(cancel(api, query, body)) == pointers
    assert states() == ["scheduled"]


def test_no_filter_at_all_says_what_there_is(api: Api) -> None:
    detail = problem_of(cancel(api), status=400)["detail"]
    assert "there is no filter" in detail
    assert "all=true" in detail


def test_only_ones_own_jobs_are_cancelled(api: Api, user: User, other_user: User) -> None:
    other, own = make_job(user=other_user), make_job(user=user)
    assert count_of(cancel(api, "?all=true")) == 1
    assert Job.objects.get(id=other.id).state == "scheduled"
    assert Job.objects.get(id=own.id).state == "cancelled"


def test_what_is_made_later_is_left_alone(api: Api, user: User) -> None:
    make_job(user=user)
    make_job(user=user, now=LATER, scheduled_at=LATER)
    assert count_of(cancel(api, "?all=true")) == 1
    assert states() == ["cancelled", "scheduled"]


def test_an_upcoming_run_takes_its_schedule_along(api: Api, user: User) -> None:
    ended, kept = schedule_by(api, name="a"), schedule_by(api, name="b")
    make_job(user=user, name="a")
    assert count_of(cancel(api, "?name=a")) == 2
    ended.refresh_from_db()
    kept.refresh_from_db()
    assert (ended.disabled_at, kept.disabled_at) == (NOON, None)
    enabled = Schedule.objects.filter(periodic_task__enabled=True)
    assert list(enabled) == [kept]
    assert Job.objects.filter(is_upcoming=True).count() == 1


def test_all_runs_of_a_schedule_are_cancelled_by_its_id(api: Api) -> None:
    schedule = schedule_by(api)
    schedules.trigger(schedule, now=NOON)
    assert count_of(cancel(api, f"?schedule_id={schedule.id}")) == 2
    assert data_of(api.get(f"/api/schedules/{schedule.id}"))["disabled_at"] == "2026-03-01T12:00:00Z"


def test_a_run_that_is_due_may_be_cancelled_without_its_schedule(api: Api) -> None:
    schedule = schedule_by(api)
    schedules.trigger(schedule, now=NOON)
    assert count_of(cancel(api, f"?schedule_id={schedule.id}&state=available")) == 1
    assert data_of(api.get(f"/api/schedules/{schedule.id}"))["disabled_at"] is None
    assert Job.objects.filter(is_upcoming=True).count() == 1


def test_webhooks_are_told_as_by_a_single_cancel(
    api: Api, user: User, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    hook = "https://example.com/events"
    one, many = make_job(user=user, webhook_url=hook), make_job(user=user, webhook_url=hook, name="many")
    transitions.cancel(one, now=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        assert count_of(cancel(api, "?name=many")) == 1
    first, second = Delivery.objects.order_by("id")
    assert (second.job_id, second.event, second.sequence) == (many.id, "job.finished", 1)
    assert second.body.replace(str(many.uuid), str(one.uuid)).replace(f":{many.id},", f":{one.id},") == first.body
    assert announced.deliveries == [NOON]
    assert announced.queues == []


def test_places_in_queues_are_free_again(
    api: Api, user: User, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    queue = limits.named(user.id, "mail", now=NOON)
    limits.configure(queue, concurrency=1, rate_limit=None, rate_seconds=None, is_paused=False, now=NOON)
    for name in ("a", "b"):
        make_job(user=user, queue_id=queue.id, name=name)
    queue_stage.claim(uuid4(), limit=10, is_crowded=False, now=NOON)
    assert Queue.objects.get().ready_at is None
    with django_capture_on_commit_callbacks(execute=True):
        assert count_of(cancel(api, "?state=executing")) == 1
    assert Queue.objects.get().ready_at == NOON
    assert announced.queues == [NOON]
    assert announced.deliveries == []


def test_a_worker_that_ends_a_cancelled_job_changes_nothing(user: User) -> None:
    make_job(user=user)
    worker = uuid4()
    [claimed] = attempts.claim(worker, limit=1, now=NOON)
    assert bulk_cancel.cancel_matching(Job.objects.all(), now=NOON).count == 1
    attempts.record(worker, [Ended(job=claimed, state=JobState.COMPLETED)], now=NOON)
    assert states() == ["cancelled"]


def test_many_are_cancelled_batch_by_batch(api: Api, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_cancel, "_BATCH_SIZE", 4)
    for number in range(10):
        make_job(user=user, name="odd" if number % 2 else "even")
    assert count_of(cancel(api, "?name=odd")) == 5
    assert states() == ["scheduled", "cancelled"] * 5
    assert count_of(cancel(api, "?all=true")) == 5


def test_a_batch_costs_the_same_however_many_jobs_it_has(api: Api, user: User) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            count_of(cancel(api, "?all=true"))
        return len(queries)

    def make(count: int) -> None:
        queue = limits.named(user.id, "mail", now=NOON)
        for number in range(count):
            make_job(user=user, webhook_url="https://example.com/events", queue_id=queue.id if number % 2 else None)
            schedule_by(api)

    make(2)
    few = cost()
    make(15)
    assert cost() == few
    assert Schedule.objects.filter(disabled_at__isnull=True).count() == 0


def test_nothing_to_cancel_costs_two_queries(api: Api) -> None:
    api.get("/api/jobs")
    with CaptureQueriesContext(connection) as queries:
        assert count_of(cancel(api, "?all=true")) == 0
    # Its schedules are looked for, and its jobs.
    assert len(queries) == 2


def test_what_has_ended_by_its_turn_takes_no_other_transaction(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Bites):
        def __enter__(self) -> None:
            Job.objects.update(state=JobState.COMPLETED)

    for _ in range(3):
        make_job(user=user)
    monkeypatch.setattr(bulk_cancel, "Bites", Late)
    with CaptureQueriesContext(connection) as queries:
        cancelled = bulk_cancel.cancel_matching(Job.objects.all(), now=NOON)
    assert (cancelled.matched, cancelled.count, states()) == (3, 0, ["completed"] * 3)
    assert sum(query["sql"].startswith("SAVEPOINT") for query in queries) == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time, and no locks of rows")
@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    jobs = [make_job(user=user) for _ in range(3)]
    is_held, may_let_go = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Job.objects.select_for_update().get(id=jobs[1].id)
                is_held.set()
                assert may_let_go.wait(timeout=30)
        finally:
            connection.close()

    cancel_some = bulk_cancel._cancel
    before_the_wait: list[str] = []

    def watch(*args: Any, is_patient: bool = False, **kwargs: Any) -> Any:
        if is_patient:
            before_the_wait.extend(states())
            may_let_go.set()
        return cancel_some(*args, is_patient=is_patient, **kwargs)

    monkeypatch.setattr(bulk_cancel, "_cancel", watch)
    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(timeout=30)
    try:
        cancelled = bulk_cancel.cancel_matching(Job.objects.filter(user_id=user.id), now=NOON)
    finally:
        may_let_go.set()
        holder.join()
    assert before_the_wait == ["cancelled", "scheduled", "cancelled"]
    assert cancelled.count == 3
    assert states() == ["cancelled"] * 3


def test_a_key_of_a_cancelled_job_is_free(api: Api, user: User) -> None:
    transitions.schedule(make_spec(idempotency_key="k", scheduled_at=LATER), user_id=user.id, now=NOON)
    cancel(api, "?state=scheduled")
    data_of(api.post("/api/jobs", {"url": URL, "idempotency_key": "k"}), status=201)


def test_it_needs_a_key_and_is_posted(open_api: Api, api: Api) -> None:
    problem_of(cancel(open_api, "?all=true"), status=401)
    problem_of(api.get("/api/jobs/cancel"), status=405)


def test_schedules_end_though_they_are_fired_all_the_while(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is written after the call came in, by beat, which fires schedules of a second."""
    for _ in range(3):
        schedule_by(api, cron=None, repeat_every=1, schedule_in=1)
    lock = bulk_cancel._lock

    def fire_before(schedule_ids: Any) -> None:
        firing.fire_due(limit=100, now=NOON + timedelta(seconds=2))
        lock(schedule_ids)

    monkeypatch.setattr(bulk_cancel, "_lock", fire_before)
    data_of(cancel(api, "?all=true"))
    assert not Schedule.objects.filter(disabled_at__isnull=True).exists()
    assert not Job.objects.filter(is_upcoming=True).exists()


def test_a_filter_ends_the_schedules_that_it_lists_and_no_other(api: Api) -> None:
    ends, stays = schedule_by(api, name="a"), schedule_by(api, name="b")
    assert count_of(cancel(api, "?name=a")) == 1
    assert Schedule.objects.get(id=ends.id).disabled_at is not None
    assert Schedule.objects.get(id=stays.id).disabled_at is None


@pytest.mark.parametrize("are_upcoming", [False, True])
def test_where_cancelling_takes_long_fewer_are_cancelled_at_a_time(
    user: User, monkeypatch: pytest.MonkeyPatch, are_upcoming: bool
) -> None:
    monkeypatch.setattr(bites, "_FIRST", 6)
    monkeypatch.setattr(bites, "_FEWEST", 3)
    for _ in range(11):
        make_schedule(first=LATER) if are_upcoming else make_job(user=user)
    seconds, sizes, cancel_locked = [0.0], [], transitions.cancel_locked
    time = SimpleNamespace(monotonic=lambda: seconds[0], sleep=lambda _: None)
    monkeypatch.setattr(bites, "time", time)

    def cancel_slowly(ids: list[int], **named: Any) -> Any:
        sizes.append(len(ids))
        seconds[0] += 1.0
        return cancel_locked(ids, **named)

    monkeypatch.setattr(transitions, "cancel_locked", cancel_slowly)
    assert bulk_cancel.cancel_matching(Job.objects.filter(user=user), now=NOON).count == 11
    assert sizes == [6, 3, 2]
