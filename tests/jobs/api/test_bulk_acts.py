"""POST /api/jobs/retry, run, delete and /api/deliveries/resend: all that would be listed, and nothing by a slip."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.actions import bulk
from jobs.database.bites import Bites
from jobs.models import AuditEvent, Delivery, DeliveryState, Job, JobState, LogEvent, Queue, Receiver, User
from tests.api import Api, data_of, pointers_of
from tests.conftest import Announced
from tests.factories import NOON, make_job, make_user
from tests.runs import OK, answered, run_due

LATER = NOON + timedelta(hours=1)
URL = "https://example.com/hook"
CALLS = ("/api/jobs/retry", "/api/jobs/run", "/api/jobs/delete", "/api/jobs/cancel", "/api/deliveries/resend")
ON_POSTGRESQL = "postgresql" in settings.DATABASES["default"]["ENGINE"]


def ended(user: User, state: str, **more: Any) -> Job:
    job = make_job(user=user, **more)
    Job.objects.filter(id=job.id).update(state=state, attempt=1, **{f"{state}_at": NOON})
    return job


def states() -> list[str]:
    return list(Job.objects.order_by("id").values_list("state", flat=True))


@pytest.mark.parametrize("path", CALLS)
def test_without_a_filter_all_has_to_be_meant(api: Api, path: str) -> None:
    assert pointers_of(api.post(path)) == [""]
    assert pointers_of(api.post(path, {"all": False})) == [""]
    assert pointers_of(api.post(path, {"dry_run": True})) == [""]
    assert pointers_of(api.post(path, {"all": True, "tags": "red"})) == ["/tags"]
    assert pointers_of(api.post(f"{path}?all=true", {"all": True})) == ["/all"]
    assert data_of(api.post(path, {"all": True, "dry_run": True})) == {"matched": 0}


def test_what_was_discarded_is_retried_where_no_state_is_asked_for(
    api: Api, user: User, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    for state in ("discarded", "completed", "cancelled", "discarded"):
        ended(user, state)
    waiting = make_job(user=user, scheduled_at=LATER)
    assert data_of(api.post("/api/jobs/retry?all=true&dry_run=true")) == {"matched": 2}
    assert states() == ["discarded", "completed", "cancelled", "discarded", "scheduled"]
    with django_capture_on_commit_callbacks(execute=True):
        assert data_of(api.post("/api/jobs/retry?all=true")) == {"matched": 2, "retried": 2}
    assert states() == ["retryable", "completed", "cancelled", "retryable", "scheduled"]
    assert announced.jobs == [NOON]
    assert data_of(api.post("/api/jobs/retry", {"state": "completed,cancelled,scheduled"})) == {
        "matched": 2,
        "retried": 2,
    }
    assert Job.objects.get(id=waiting.id).scheduled_at == LATER


def test_each_that_is_retried_has_the_attempts_again_that_it_was_given(api: Api, user: User) -> None:
    for given in ({"max_attempts": 3}, {}, {"max_attempts": "7"}):
        job = ended(user, "discarded")
        Job.objects.filter(id=job.id).update(args={"url": URL} | given)
    data_of(api.post("/api/jobs/retry?all=true"))
    assert list(Job.objects.order_by("id").values_list("max_attempts", flat=True)) == [4, 6, 8]
    assert not Job.objects.filter(discarded_at__isnull=False).exists()


def test_what_a_retry_alone_would_refuse_is_matched_and_left(api: Api, user: User) -> None:
    held = ended(user, "cancelled", idempotency_key="k")
    make_job(user=user, idempotency_key="k", scheduled_at=LATER)
    assert data_of(api.post("/api/jobs/retry?state=cancelled")) == {"matched": 1, "retried": 0}
    assert Job.objects.get(id=held.id).state == JobState.CANCELLED
    assert not AuditEvent.objects.exists()


def test_what_waits_is_run_now_but_no_upcoming_run(
    api: Api, user: User, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job = make_job(user=user, scheduled_at=LATER)
    data_of(api.post("/api/jobs", {"url": URL, "cron": "0 9 1 1 *"}), status=201)
    queued = data_of(api.post("/api/jobs", {"url": URL, "queue": "mail", "schedule_in": 60}), status=201)["job_id"]
    with django_capture_on_commit_callbacks(execute=True):
        assert data_of(api.post("/api/jobs/run", {"all": True})) == {"matched": 2, "run": 2}
    assert set(Job.objects.filter(scheduled_at=NOON).values_list("id", flat=True)) == {job.id, queued}
    assert Queue.objects.get().ready_at == NOON
    assert NOON in announced.jobs
    assert NOON in announced.queues


def test_what_has_ended_is_erased_with_its_log_and_deliveries(api: Api, user: User) -> None:
    make_job(user=user, webhook_url="https://example.com/events")
    run_due(OK)
    kept = make_job(user=user, scheduled_at=LATER)
    assert LogEvent.objects.exists()
    assert data_of(api.post("/api/jobs/delete?all=true")) == {"matched": 1, "deleted": 1}
    assert list(Job.objects.values_list("id", flat=True)) == [kept.id]
    assert not LogEvent.objects.exists()
    assert not Delivery.objects.exists()
    event = AuditEvent.objects.get(action="jobs.deleted")
    assert event.details == {"filters": ["all"], "count": 1}


def test_deliveries_that_failed_are_sent_again_but_to_no_receiver_that_is_off(api: Api, user: User) -> None:
    for host in ("up", "down"):
        make_job(user=user, webhook_url=f"https://{host}.example/events")
    run_due(answered(200))
    Delivery.objects.update(state=DeliveryState.FAILED, failed_at=NOON)
    Receiver.objects.create(
        user=user, origin="https://down.example", failing_since=NOON, disabled_at=NOON, last_failed_at=NOON
    )
    up = Delivery.objects.filter(url__contains="up.example").count()
    assert data_of(api.post("/api/deliveries/resend?all=true&dry_run=true")) == {"matched": 2 * up}
    assert data_of(api.post("/api/deliveries/resend?kind=webhook")) == {"matched": 2 * up, "resent": up}
    assert set(Delivery.objects.filter(state="pending").values_list("url", flat=True)) == {"https://up.example/events"}
    job_uuid = Job.objects.order_by("id")[0].uuid
    assert data_of(api.post("/api/deliveries/resend", {"job_id": str(job_uuid), "state": "failed"})) == {
        "matched": 0,
        "resent": 0,
    }


def test_nothing_of_others_is_touched(api: Api, other_user: User) -> None:
    ended(other_user, "discarded")
    make_job(user=other_user, scheduled_at=LATER)
    for path in CALLS:
        assert data_of(api.post(f"{path}?all=true"))["matched"] == 0
    assert states() == ["discarded", "scheduled"]


def test_however_many_it_goes_in_batches_each_of_as_many_queries(
    api: Api, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_BATCH_SIZE", 3)
    counts = []
    for count in (3, 3, 6, 9):
        for _ in range(count):
            ended(user, "discarded")
        with CaptureQueriesContext(connection) as queries:
            assert data_of(api.post("/api/jobs/retry?state=discarded"))["retried"] == count
        counts.append(len(queries))
    assert counts[2] - counts[1] == counts[3] - counts[2] <= 6


def test_what_is_gone_by_its_turn_takes_no_other_transaction(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Bites):
        def __enter__(self) -> None:
            Job.objects.update(state=JobState.SCHEDULED)

    for _ in range(3):
        ended(user, "discarded")
    monkeypatch.setattr(bulk, "Bites", Late)
    with CaptureQueriesContext(connection) as queries:
        done = bulk.do(bulk.RETRY, bulk.RETRY.matching(Job.objects.all(), has_states=False, now=NOON), now=NOON)
    assert (done.matched, done.count, states()) == (3, 0, ["scheduled"] * 3)
    assert sum(query["sql"].startswith("SAVEPOINT") for query in queries) == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_holds_is_waited_for_at_the_end() -> None:
    user = make_user()
    jobs = [ended(user, "discarded") for _ in range(3)]
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Job.objects.select_for_update().get(id=jobs[0].id)
            is_held.set()
            assert may_go.wait(20)
        connection.close()

    def let_go() -> None:
        while Job.objects.filter(state=JobState.RETRYABLE).count() < 2:
            pass
        may_go.set()
        connection.close()

    threads = [threading.Thread(target=hold), threading.Thread(target=let_go)]
    threads[0].start()
    assert is_held.wait(20)
    threads[1].start()
    rows = Job.objects.filter(user_id=user.id)
    done = bulk.do(bulk.RETRY, bulk.RETRY.matching(rows, has_states=False, now=NOON), now=NOON)
    for thread in threads:
        thread.join(20)
    assert (done.matched, done.count) == (3, 3)
