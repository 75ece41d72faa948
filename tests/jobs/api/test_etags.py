"""ETag and If-Match: of two who edit the same thing, the second one is told."""

from typing import Any

import pytest

from jobs.models import Job, Schedule
from tests.api import Api, data_of, problem_of
from tests.factories import make_job

HOURLY = {"url": "https://example.com/hook", "repeat_every": [1, "hour"], "schedule_in": 3600}


@pytest.fixture(params=["job", "schedule"])
def path(request: pytest.FixtureRequest, api: Api) -> str:
    """Where something stands that can be edited."""
    if request.param == "job":
        job = data_of(api.post("/api/jobs", {"url": "https://example.com/hook", "schedule_in": 3600}), status=201)
        return f"/api/jobs/{job['job_id']}"
    schedule_id = data_of(api.post("/api/jobs", HOURLY), status=201)["schedule_id"]
    return f"/api/schedules/{schedule_id}"


def patch(api: Api, path: str, body: Any, if_match: str) -> Any:
    return api.call("PATCH", path, body, If_Match=if_match)


def test_an_edit_of_what_was_read_is_made_and_answers_the_next_etag(api: Api, path: str):
    before = api.get(path).headers["ETag"]
    edited = patch(api, path, {"name": "one"}, before)
    assert data_of(edited)["name"] == "one"
    after = edited.headers["ETag"]
    assert after != before
    assert api.get(path).headers["ETag"] == after
    assert data_of(patch(api, path, {"name": "two"}, f'"other", {after}'))["name"] == "two"


def test_an_edit_of_what_somebody_has_edited_since_is_refused_and_changes_nothing(api: Api, path: str):
    before = api.get(path).headers["ETag"]
    data_of(api.patch(path, {"name": "theirs"}))
    refused = patch(api, path, {"name": "mine"}, before)
    assert api.get(path).headers["ETag"] in problem_of(refused, status=412)["detail"]
    assert data_of(api.get(path))["name"] == "theirs"


@pytest.mark.parametrize("if_match", ['""', '"nonsense"', "nonsense", 'W/"weak"', ""])
def test_an_etag_that_is_none_of_its_own_is_refused(api: Api, path: str, if_match: str):
    problem_of(patch(api, path, {"name": "mine"}, if_match), status=412)


def test_a_star_is_whatever_is_there(api: Api, path: str):
    assert data_of(patch(api, path, {"name": "mine"}, "*"))["name"] == "mine"


def test_what_is_edited_between_the_look_and_the_lock_is_noticed(api: Api, path: str, monkeypatch: pytest.MonkeyPatch):
    before = api.get(path).headers["ETag"]
    monkeypatch.setattr("jobs.queues.ids.placed", _edit_meanwhile)
    problem_of(patch(api, path, {"name": "mine"}, before), status=412)


def _edit_meanwhile(specs: Any, **_: Any) -> Any:
    for model in (Job, Schedule):
        for row in model.objects.all():
            model.objects.filter(pk=row.pk).update(args={**row.args, "name": "theirs"})
    return specs


def test_runs_of_a_schedule_leave_its_etag_alone(api: Api):
    schedule_id = data_of(api.post("/api/jobs", HOURLY), status=201)["schedule_id"]
    before = api.get(f"/api/schedules/{schedule_id}").headers["ETag"]
    Schedule.objects.update(run_count=7, state={"page": 2}, previous={"ok": True})
    assert api.get(f"/api/schedules/{schedule_id}").headers["ETag"] == before
    disabled = api.post(f"/api/schedules/{schedule_id}/disable")
    assert disabled.headers["ETag"] != before


def test_two_jobs_that_ask_for_the_same_have_two_etags(api: Api, user: Any):
    first, second = (make_job(user=user) for _ in range(2))
    etags = {api.get(f"/api/jobs/{job.id}").headers["ETag"] for job in (first, second)}
    assert len(etags) == 2
