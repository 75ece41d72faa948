"""What a held idempotency key means: by `on_conflict` the job that waits stays, is replaced, or another is refused."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.actions import batch as actions_batch
from jobs.actions import job as job_actions
from jobs.database import sql
from jobs.explaining import timeline
from jobs.guarding import stocks
from jobs.models import Job, JobState, LogEvent, Queue, Schedule, User
from jobs.running import attempts, replacement
from jobs.specs import OnConflict
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import Announced
from tests.factories import NOON, make_job, make_spec

URL = "https://example.com"
MINUTE = timedelta(minutes=1)
REPLACES = make_spec(idempotency_key="k", url=f"{URL}/new", on_conflict=OnConflict.REPLACE)

pytestmark = pytest.mark.django_db


def asked(path: str = "new", **fields: Any) -> dict[str, Any]:
    return {"url": f"{URL}/{path}", "idempotency_key": "k", "schedule_in": 60, **fields}


def replaces(path: str = "new", **fields: Any) -> dict[str, Any]:
    return asked(path, on_conflict="replace", **fields)


def hold(api: Api, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = data_of(api.post("/api/jobs", asked("old", **fields)), status=201)
    return made


# One by one


def test_without_it_and_with_ignore_the_first_job_stays(api: Api) -> None:
    held = hold(api)
    again = data_of(api.post("/api/jobs", asked(on_conflict="Ignore")), status=200)
    assert (again["id"], again["args"], again["job"]["has_conflict"]) == (held["id"], held["args"], True)


def test_a_held_key_is_refused_where_that_was_asked_for_and_a_free_one_is_not(api: Api) -> None:
    held = data_of(api.post("/api/jobs", asked("old", on_conflict="refuse")), status=201)
    problem = problem_of(api.post("/api/jobs", asked(on_conflict="refuse")), status=409)
    assert problem["detail"] == (
        f"job {held['job_id']} holds the idempotency key 'k': cancel that first, or leave on_conflict out to be "
        "answered with it"
    )
    assert Job.objects.count() == 1


def test_the_waiting_job_takes_all_of_the_new_request_and_its_time(api: Api) -> None:
    held = hold(api, tags=["old"], callback_url=URL, expires_in=60, backoff=[5], queue="q", name="old", timeout=60)
    new = replaces(schedule_in=90, method="PUT", tags=["new"], webhook_url=URL, max_attempts=2, backoff=[1, 2])
    data = data_of(api.post("/api/jobs", new), status=200)
    assert (data["id"], data["job_id"], data["args"]) == (held["id"], held["job_id"], new)
    assert (data["job"]["has_conflict"], data["job"]["has_confict"], data["job"]["state"]) == (True, True, "scheduled")
    assert (data["tags"], data["queue"], data["name"], data["expires_at"]) == (["new"], None, None, None)
    job = Job.objects.get()
    assert (job.scheduled_at, job.inserted_at) == (NOON + 1.5 * MINUTE, NOON)
    assert (job.method, job.url, job.callback_url, job.webhook_url) == ("put", f"{URL}/new", None, f"{URL}/")
    assert (job.max_attempts, job.backoff_seconds, job.timeout_seconds, job.queue_id) == (2, [1, 2], 30, None)


def test_the_log_says_that_it_was_replaced_and_what_it_was(api: Api) -> None:
    hold(api)
    data_of(api.post("/api/jobs", replaces(schedule_in=0)), status=200)
    [row] = LogEvent.objects.all()
    before = {"method": "get", "url": f"{URL}/old", "scheduled_at": "2026-03-01T12:01:00Z"}
    assert (row.event, row.payload) == ("job.replaced", {"scheduled_at": "2026-03-01T12:00:00Z", "before": before})
    attempts.log_starts([(job, {}) for job in attempts.claim(uuid4(), limit=1, now=NOON)], now=NOON)
    found = timeline.of(Job.objects.get(), now=NOON)
    assert found.entries[0].text == f"replaced, before it was get {URL}/old at 2026-03-01T12:01:00Z"
    assert found.is_complete


def test_a_free_key_makes_a_new_job_that_no_log_row_is_about(api: Api) -> None:
    data = data_of(api.post("/api/jobs", replaces()), status=201)
    assert data["job"]["has_conflict"] is False
    assert not LogEvent.objects.exists()


@pytest.mark.parametrize("state", [JobState.RETRYABLE, JobState.COMPLETED, JobState.CANCELLED])
def test_a_job_that_has_started_or_ended_holds_no_key_and_is_left_alone(api: Api, state: JobState) -> None:
    held = hold(api)
    Job.objects.update(state=state)
    assert data_of(api.post("/api/jobs", replaces()), status=201)["id"] != held["id"]
    assert Job.objects.get(id=held["job_id"]).url == f"{URL}/old"


def test_a_schedule_is_not_replaced_and_takes_no_place(api: Api) -> None:
    schedule = hold(api, cron="0 9 * * *")["schedule_id"]
    problem = problem_of(api.post("/api/jobs", replaces()), status=409)
    assert problem["detail"].startswith(f"schedule {schedule} holds the idempotency key 'k': on_conflict replaces a")
    hold(api, idempotency_key="l")
    repeating = replaces(cron="0 9 * * *", idempotency_key="l")
    assert "can't take the place" in problem_of(api.post("/api/jobs", repeating), status=409)["detail"]
    assert (Job.objects.count(), Schedule.objects.count()) == (2, 1)
    assert not Job.objects.filter(url=f"{URL}/new").exists()


def test_somebody_elses_job_is_not_replaced(api: Api, other_api: Api) -> None:
    hold(other_api)
    data_of(api.post("/api/jobs", replaces()), status=201)
    assert Job.objects.filter(url=f"{URL}/old").count() == 1


def test_what_is_none_of_the_three_is_refused_and_no_edit_may_have_it(api: Api) -> None:
    assert pointers_of(api.post("/api/jobs", asked(on_conflict="merge"))) == ["/on_conflict"]
    job_id = hold(api)["job_id"]
    assert pointers_of(api.patch(f"/api/jobs/{job_id}", {"on_conflict": "refuse"})) == ["/on_conflict"]


def test_the_header_stands_in_for_the_key_here_too(api: Api) -> None:
    held = hold(api)
    fields = {"url": f"{URL}/new", "on_conflict": "replace"}
    data = data_of(api.post("/api/jobs", fields, Idempotency_Key='"k"'), status=200)
    assert (data["id"], Job.objects.get().url) == (held["id"], f"{URL}/new")


def test_the_wake_up_is_for_the_new_time_and_the_new_queue_knows_it(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    hold(api, schedule_in=3600)
    with django_capture_on_commit_callbacks(execute=True):
        api.post("/api/jobs", replaces(schedule_in=5))
    assert (announced.jobs, announced.queues) == ([NOON + timedelta(seconds=5)], [])
    with django_capture_on_commit_callbacks(execute=True):
        api.post("/api/jobs", replaces(schedule_in=7, queue="q"))
    assert announced.queues == [NOON + timedelta(seconds=7)]
    assert Queue.objects.get().ready_at == NOON + timedelta(seconds=7)
    assert Job.objects.get().queue_id == Queue.objects.get().id


# Limits and queries


def test_whoever_may_have_no_more_jobs_may_still_replace_those_there_are(api: Api, settings: Settings) -> None:
    settings.BOOPER_MAX_WAITING_JOBS = 1
    stocks.forget()
    hold(api)
    for _ in range(3):
        data_of(api.post("/api/jobs", replaces()), status=200)
        data_of(api.post("/api/jobs/batch", {"jobs": [replaces(), replaces()]}), status=201)
    problem_of(api.post("/api/jobs", replaces(idempotency_key="l")), status=429)
    assert Job.objects.count() == 1


def test_a_batch_of_many_takes_as_many_queries_as_one_of_two(user: User) -> None:
    counts = []
    for many in (2, 50):
        keys = [f"{many}-{n}" for n in range(many)]
        for key in keys:
            make_job(user=user, idempotency_key=key)
        wishes = [(make_spec(idempotency_key=key, on_conflict=OnConflict.REPLACE), None) for key in keys]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            taken = actions_batch.take(wishes, user_id=user.id, now=NOON)
        assert all(item.is_replaced for item in taken)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# In a batch


def test_of_several_in_a_batch_the_last_that_replaces_wins(api: Api) -> None:
    jobs = [asked("1"), replaces("2"), asked("3"), replaces("4", schedule_in=90), asked("5", on_conflict="refuse")]
    data = data_of(api.post("/api/jobs/batch", {"jobs": jobs}), status=207)
    assert [row["job"]["has_conflict"] for row in data[:4]] == [False, True, True, True]
    assert {row["args"]["url"] for row in data[:4]} == {f"{URL}/4"}
    assert data[4]["error"]["status"] == 409
    job = Job.objects.get()
    assert (job.url, job.scheduled_at) == (f"{URL}/4", NOON + 1.5 * MINUTE)
    again = data_of(api.post("/api/jobs/batch", {"jobs": [replaces("6"), asked("7"), replaces("8")]}), status=201)
    assert {(row["job_id"], row["args"]["url"], row["job"]["has_conflict"]) for row in again} == {
        (job.id, f"{URL}/8", True)
    }
    assert LogEvent.objects.filter(event="job.replaced").count() == 1


def test_in_a_batch_a_schedule_is_not_replaced_either(api: Api) -> None:
    jobs = [asked("1", cron="0 9 * * *"), replaces("2"), asked("3")]
    data = data_of(api.post("/api/jobs/batch", {"jobs": jobs}), status=207)
    assert (data[1]["error"]["status"], data[2]["job_id"]) == (409, data[0]["job_id"])
    assert Job.objects.get().url == f"{URL}/1"


# Races


def test_a_job_that_is_claimed_between_look_and_replacement_is_left_alone_and_a_new_one_made(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = make_job(user=user, idempotency_key="k")
    replace = replacement.replace_locked

    def claimed_meanwhile(*args: Any, **kwargs: Any) -> Any:
        attempts.claim(uuid4(), limit=1, now=NOON)
        return replace(*args, **kwargs)

    monkeypatch.setattr(replacement, "replace_locked", claimed_meanwhile)
    taken = job_actions.schedule_job(REPLACES, None, user_id=user.id, now=NOON)
    assert (taken.is_new, taken.job.id != held.id) == (True, True)
    stored = Job.objects.get(id=held.id)
    assert (stored.state, stored.url) == (JobState.EXECUTING, held.url)
    assert not LogEvent.objects.filter(event="job.replaced").exists()


def _in_a_thread(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(call())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


def _needs_locks() -> None:
    if not sql.is_postgresql():
        pytest.skip("SQLite has one writer at a time")


@pytest.mark.django_db(transaction=True)
def test_whoever_replaces_while_a_claim_is_being_committed_makes_a_new_job(user: User) -> None:
    _needs_locks()
    held = make_job(user=user, idempotency_key="k")
    with transaction.atomic():
        [claimed] = attempts.claim(uuid4(), limit=1, now=NOON)
        thread, answers = _in_a_thread(lambda: job_actions.schedule_job(REPLACES, None, user_id=user.id, now=NOON))
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(10)
    [taken] = answers
    assert (claimed.id, taken.is_new, taken.job.id != held.id) == (held.id, True, True)
    assert Job.objects.get(id=held.id).url == held.url


@pytest.mark.django_db(transaction=True)
def test_a_claim_while_it_is_being_replaced_passes_over_it_and_finds_the_whole_new_request_later(user: User) -> None:
    _needs_locks()
    held = make_job(user=user, idempotency_key="k")
    with transaction.atomic():
        job_actions.schedule_job(REPLACES, None, user_id=user.id, now=NOON)
        thread, answers = _in_a_thread(lambda: attempts.claim(uuid4(), limit=1, now=NOON))
        thread.join(10)
    assert answers == [[]]
    [claimed] = attempts.claim(uuid4(), limit=1, now=NOON)
    assert (claimed.id, claimed.url) == (held.id, f"{URL}/new")


@pytest.mark.django_db(transaction=True)
def test_of_many_that_replace_and_claim_at_once_each_request_is_sent_once_or_replaced(user: User) -> None:
    _needs_locks()
    make_job(user=user, idempotency_key="k")
    barrier, claimed = threading.Barrier(6), []

    def replace(number: int) -> Any:
        barrier.wait()
        spec = make_spec(idempotency_key="k", url=f"{URL}/{number}", on_conflict=OnConflict.REPLACE)
        return job_actions.schedule_job(spec, None, user_id=user.id, now=NOON)

    def claim() -> None:
        barrier.wait()
        for _ in range(5):
            claimed.extend(attempts.claim(uuid4(), limit=1, now=NOON))

    threads = [_in_a_thread(partial(replace, number)) for number in range(4)]
    threads += [_in_a_thread(claim) for _ in range(2)]
    for thread, _ in threads:
        thread.join(20)
    taken = [answers[0] for _, answers in threads[:4]]
    assert sum(item.is_new for item in taken) == Job.objects.count() - 1
    assert len({job.id for job in claimed}) == len(claimed)
    assert Job.objects.filter(state=JobState.SCHEDULED).count() <= 1
    assert LogEvent.objects.filter(event="job.replaced").count() == sum(item.is_replaced for item in taken)
