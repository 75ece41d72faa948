"""A job's answer says why its latest failed attempt failed, whatever comes after it."""

from datetime import timedelta
from uuid import uuid4

from jobs.models import Job, User
from jobs.running import attempts
from tests.api import Api, data_of
from tests.factories import NOON, make_job
from tests.runs import OK, REFUSED, answered, run_due, start_due

LATER = NOON + timedelta(hours=1)


def test_a_failed_attempt_is_told_with_its_code_status_and_time(api: Api, user: User) -> None:
    job = make_job(user=user, max_attempts=3)
    run_due(answered(503))
    data = data_of(api.get(f"/api/jobs/{job.id}"))
    assert (data["attempt"], data["max_attempts"], data["job"]["state"]) == (1, 3, "retryable")
    error = data["error"]
    assert (error["code"], error["response_status"], error["at"]) == ("http_status", 503, "2026-03-01T12:00:00Z")
    assert "503" in error["message"]


def test_an_attempt_without_an_answer_has_no_status(api: Api, user: User) -> None:
    job = make_job(user=user, max_attempts=1)
    run_due(REFUSED)
    data = data_of(api.get(f"/api/jobs/{job.id}"))
    assert (data["job"]["state"], data["error"]["code"]) == ("discarded", "connection_refused")
    assert (data["error"]["message"], data["error"]["response_status"]) == ("nobody listens there", None)


def test_the_error_is_kept_when_a_later_attempt_succeeds(api: Api, user: User) -> None:
    job = make_job(user=user, max_attempts=3)
    run_due(answered(500))
    run_due(OK, now=LATER)
    data = data_of(api.get(f"/api/jobs/{job.id}"))
    assert (data["attempt"], data["job"]["state"], data["error"]["response_status"]) == (2, "completed", 500)


def test_a_lost_worker_is_told_as_the_error(api: Api, user: User) -> None:
    job = make_job(user=user, max_attempts=3)
    start_due(uuid4())
    assert len(attempts.rescue(limit=10, now=LATER)) == 1
    error = data_of(api.get(f"/api/jobs/{job.id}"))["error"]
    assert (error["code"], error["response_status"], error["at"]) == ("lease_lost", None, "2026-03-01T13:00:00Z")


def test_lists_have_it_too_and_a_queue_by_its_name(api: Api, user: User) -> None:
    made = data_of(api.post("/api/jobs", {"url": "https://example.com/", "queue": "mail"}), status=201)
    assert (made["queue"], made["attempt"], made["max_attempts"], made["error"]) == ("mail", 0, 5, None)
    Job.objects.filter(id=made["job_id"]).update(error_code="timeout", error_message="too slow", error_at=NOON)
    [listed] = data_of(api.get("/api/jobs"))
    assert listed["queue"] == "mail"
    assert listed["error"] == {
        "code": "timeout",
        "message": "too slow",
        "response_status": None,
        "at": "2026-03-01T12:00:00Z",
    }
