"""Cancel, run, retry, reschedule: what is answered, who is told, and what comes too late."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.models import Delivery, Job, JobState, LogEvent, User
from jobs.running import attempts, transitions
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import Announced
from tests.factories import NOON, make_job

LATER = NOON + timedelta(hours=1)
FINISHED = {"completed": "completed_at", "cancelled": "cancelled_at", "discarded": "discarded_at"}


def end(job: Job, state: str) -> None:
    Job.objects.filter(id=job.id).update(state=state, attempt=1, **{FINISHED[state]: NOON})


def start(job: Job) -> None:
    [claimed] = attempts.claim(uuid4(), limit=1, now=NOON)
    assert claimed.id == job.id


def test_a_waiting_job_is_cancelled_and_answered(api: Api, user: User) -> None:
    job = make_job(user=user, scheduled_at=LATER)
    data = data_of(api.post(f"/api/jobs/{job.id}/cancel"))
    assert (data["job"]["state"], data["job"]["cancelled_at"]) == ("cancelled", "2026-03-01T12:00:00Z")
    assert data == data_of(api.get(f"/api/jobs/{job.uuid}"))
    assert LogEvent.objects.get().event == "job.cancelled"


def test_a_job_is_cancelled_by_its_uuid_and_with_a_slash_and_a_body_too(api: Api, user: User) -> None:
    job = make_job(user=user)
    assert data_of(api.post(f"/api/jobs/{job.uuid}/cancel/", {}))["job"]["state"] == "cancelled"


def test_a_running_job_can_be_cancelled(api: Api, user: User) -> None:
    job = make_job(user=user)
    start(job)
    assert data_of(api.post(f"/api/jobs/{job.id}/cancel"))["job"]["state"] == "cancelled"


@pytest.mark.parametrize("state", FINISHED)
def test_a_job_that_has_ended_cannot_be_cancelled(api: Api, user: User, state: str) -> None:
    job = make_job(user=user)
    end(job, state)
    problem = problem_of(api.post(f"/api/jobs/{job.id}/cancel"), status=409)
    assert problem["detail"] == f"job {job.id} is {state} and can't be cancelled any more"


def test_a_cancelled_job_tells_its_webhook(
    api: Api, user: User, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job = make_job(user=user, webhook_url="https://example.com/events")
    with django_capture_on_commit_callbacks() as callbacks:
        api.post(f"/api/jobs/{job.id}/cancel")
    assert announced.deliveries == []
    for callback in callbacks:
        callback()
    assert announced.deliveries == [NOON]
    assert Delivery.objects.get().event == "job.finished"


def test_a_cancelled_job_without_a_webhook_tells_nobody(
    api: Api, user: User, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job = make_job(user=user)
    with django_capture_on_commit_callbacks(execute=True):
        api.post(f"/api/jobs/{job.id}/cancel")
    assert (announced.jobs, announced.deliveries) == ([], [])


def test_the_scope_of_a_cancel_is_run_or_not_given(api: Api, user: User) -> None:
    job = make_job(user=user)
    assert pointers_of(api.post(f"/api/jobs/{job.id}/cancel?scope=all")) == ["/scope"]
    assert pointers_of(api.post(f"/api/jobs/{job.id}/cancel?scop=run")) == ["/scop"]
    assert data_of(api.post(f"/api/jobs/{job.id}/cancel?scope=run"))["job"]["state"] == "cancelled"


def test_a_waiting_job_is_run_now(
    api: Api, user: User, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job = make_job(user=user, scheduled_at=LATER)
    with django_capture_on_commit_callbacks(execute=True):
        data = data_of(api.post(f"/api/jobs/{job.id}/run"))
    assert (data["job"]["state"], data["job"]["scheduled_at"]) == ("available", "2026-03-01T12:00:00Z")
    assert announced.jobs == [NOON]


@pytest.mark.parametrize("state", FINISHED)
def test_a_job_that_has_ended_is_not_run(api: Api, user: User, state: str) -> None:
    job = make_job(user=user)
    end(job, state)
    assert f"is {state}" in problem_of(api.post(f"/api/jobs/{job.id}/run"), status=409)["detail"]


@pytest.mark.parametrize("state", ["completed", "discarded"])
def test_a_job_that_ran_is_retried(
    api: Api,
    user: User,
    announced: Announced,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    state: str,
) -> None:
    job = make_job(user=user)
    end(job, state)
    with django_capture_on_commit_callbacks(execute=True):
        data = data_of(api.post(f"/api/jobs/{job.id}/retry"))
    assert (data["job"]["state"], data["job"][FINISHED[state]]) == (JobState.RETRYABLE, None)
    assert announced.jobs == [NOON]


def test_a_job_made_by_a_form_is_retried_with_as_many_attempts_as_it_asked_for(api: Api) -> None:
    form = "url=https://example.com&max_attempts=3"
    made = api.post("/api/jobs", form, content_type="application/x-www-form-urlencoded")
    job = Job.objects.get(id=data_of(made, status=201)["job_id"])
    end(job, "discarded")
    data_of(api.post(f"/api/jobs/{job.id}/retry"))
    job.refresh_from_db()
    assert (job.attempt, job.max_attempts) == (1, 4)


def test_a_job_that_waits_is_not_retried(api: Api, user: User) -> None:
    job = make_job(user=user, scheduled_at=LATER)
    assert "is scheduled" in problem_of(api.post(f"/api/jobs/{job.id}/retry"), status=409)["detail"]


def test_a_job_that_was_cancelled_before_it_began_is_retried_from_its_first_attempt(api: Api, user: User) -> None:
    job = make_job(user=user, scheduled_at=LATER, idempotency_key="a")
    api.post(f"/api/jobs/{job.id}/cancel")
    data = data_of(api.post(f"/api/jobs/{job.id}/retry"))
    assert (data["job"]["state"], data["job"]["cancelled_at"]) == (JobState.RETRYABLE, None)
    assert (data["attempt"], data["max_attempts"]) == (0, 5)


def test_a_cancelled_job_is_not_retried_while_another_holds_its_key(api: Api, user: User, other_user: User) -> None:
    job = make_job(user=user, scheduled_at=LATER, idempotency_key="a")
    api.post(f"/api/jobs/{job.id}/cancel")
    make_job(user=other_user, scheduled_at=LATER, idempotency_key="a")
    holder = make_job(user=user, scheduled_at=LATER, idempotency_key="a")
    refusal = problem_of(api.post(f"/api/jobs/{job.id}/retry"), status=409)
    assert "another job holds its idempotency key 'a'" in refusal["detail"]
    Job.objects.filter(id=holder.id).update(state="completed", completed_at=NOON)
    data_of(api.post(f"/api/jobs/{job.id}/retry"))


def test_a_run_of_a_schedule_that_never_started_is_not_retried(api: Api) -> None:
    made = data_of(
        api.post("/api/jobs", {"url": "https://example.com", "repeat_every": 60, "schedule_in": 60}), status=201
    )
    api.post(f"/api/jobs/{made['job_id']}/cancel?scope=run")
    refusal = problem_of(api.post(f"/api/jobs/{made['job_id']}/retry"), status=409)
    assert "comes again by itself" in refusal["detail"]
    Job.objects.filter(id=made["job_id"]).update(attempt=1)
    data_of(api.post(f"/api/jobs/{made['job_id']}/retry"))


def test_a_job_is_retried_only_while_its_attempts_can_be_counted(api: Api, user: User) -> None:
    job = make_job(user=user)
    Job.objects.update(state="discarded", attempt=32_000)
    refusal = problem_of(api.post(f"/api/jobs/{job.id}/retry"), status=409)
    assert refusal["detail"].endswith("is discarded and has had 32000 attempts: create another one")
    Job.objects.update(attempt=31_999)
    data_of(api.post(f"/api/jobs/{job.id}/retry"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"schedule_in": [2, "hours"]}, NOON + timedelta(hours=2)),
        ({"scheduled_at": "2026-03-02T12:00:00Z"}, NOON + timedelta(days=1)),
        ({"scheduled_at": "2026-07-01T12:00", "timezone": "Asia/Kathmandu"}, NOON + timedelta(days=121, hours=18.25)),
        ({"scheduled_at": "2020-01-01T00:00:00Z"}, NOON),
    ],
)
def test_a_waiting_job_is_given_another_time(
    api: Api,
    user: User,
    announced: Announced,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    fields: dict[str, Any],
    expected: Any,
) -> None:
    job = make_job(user=user, scheduled_at=LATER)
    with django_capture_on_commit_callbacks(execute=True):
        data = data_of(api.patch(f"/api/jobs/{job.id}", fields))
    job.refresh_from_db()
    assert job.scheduled_at == expected
    assert data == data_of(api.get(f"/api/jobs/{job.id}"))
    assert announced.jobs == [expected]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, ""),
        ({"timezone": "UTC"}, ""),
        ({"schedule_in": None}, ""),
        ({"schedule_in": 1, "scheduled_at": 1}, "/scheduled_at"),
        ({"schedule_in": "soon"}, "/schedule_in"),
        ({"schedule_in": 1, "url": "example.com"}, "/url"),
    ],
)
def test_a_time_that_is_none_is_refused(api: Api, user: User, fields: dict[str, Any], pointer: str) -> None:
    job = make_job(user=user, scheduled_at=LATER)
    assert pointers_of(api.patch(f"/api/jobs/{job.id}", fields)) == [pointer]


def test_a_job_that_runs_cannot_be_given_another_time(api: Api, user: User) -> None:
    job = make_job(user=user)
    start(job)
    response = api.patch(f"/api/jobs/{job.id}", {"schedule_in": 5})
    assert "is executing and can't be rescheduled" in problem_of(response, status=409)["detail"]


def test_a_refusal_names_the_state_that_won_the_race(api: Api, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(user=user)

    def overtaken(*_: Any, **__: Any) -> None:
        end(job, "completed")

    monkeypatch.setattr(transitions, "edit", overtaken)
    response = api.patch(f"/api/jobs/{job.id}", {"schedule_in": 5})
    assert "is completed" in problem_of(response, status=409)["detail"]
