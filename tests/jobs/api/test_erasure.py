"""DELETE /api/jobs/{id}: an ended job is erased with all that is kept of it, and nothing else is."""

from typing import Any

import pytest

from jobs.models import Delivery, Job, LogEvent, User
from tests.api import Api, data_of, problem_of
from tests.factories import make_job
from tests.runs import run_due, start_due

HOOKS: dict[str, Any] = {"webhook_url": "https://example.com/events", "callback_url": "https://example.com/done"}


def test_an_ended_job_is_erased_with_its_log_and_its_deliveries(api: Api, user: User) -> None:
    job, other = make_job(user=user, **HOOKS), make_job(user=user, **HOOKS)
    run_due()
    before = data_of(api.get(f"/api/jobs/{job.id}"))
    assert data_of(api.call("DELETE", f"/api/jobs/{job.id}")) == before
    problem_of(api.get(f"/api/jobs/{job.id}"), status=404)
    for model in (LogEvent, Delivery):
        assert {row.job_id for row in model.objects.all()} == {other.id}
    problem_of(api.call("DELETE", f"/api/jobs/{job.id}"), status=404)


@pytest.mark.parametrize("is_started", [False, True])
def test_a_job_that_has_not_ended_is_not_erased(api: Api, user: User, is_started: bool) -> None:
    job = make_job(user=user)
    if is_started:
        start_due(job.uuid)
    refusal = problem_of(api.call("DELETE", f"/api/jobs/{job.id}"), status=409)
    assert "can't be erased: cancel it first" in refusal["detail"]
    assert Job.objects.filter(id=job.id).exists()


def test_nobody_erases_the_job_of_another(other_api: Api, user: User) -> None:
    job = make_job(user=user)
    run_due()
    problem_of(other_api.call("DELETE", f"/api/jobs/{job.id}"), status=404)
    assert Job.objects.filter(id=job.id).exists()
