"""`then` and `on_failure` by the API: what is taken, what is refused and where, and what is told of what follows."""

from typing import Any

import pytest

from jobs.models import Delivery, Job, Schedule
from tests.api import FORM, Api, data_of, pointers_of, problem_of
from tests.factories import NOON
from tests.runs import OK, answered, run_due

pytestmark = pytest.mark.django_db

URL = "https://example.com/hook"
CHILD = {"method": "post", "url": URL, "name": "next", "schedule_in": [30, "seconds"]}


def nested(depth: int) -> dict[str, Any]:
    return {"url": URL} if not depth else {"url": URL, "then": nested(depth - 1)}


def test_a_job_is_answered_with_what_follows_it_as_it_was_sent_and_a_child_with_its_parent(api: Api) -> None:
    made = data_of(api.post("/api/jobs", {"url": URL, "then": CHILD, "on_failure": [{"url": URL}]}), status=201)
    assert (made["args"]["then"], made["args"]["on_failure"]) == (CHILD, [{"url": URL}])
    run_due(OK)
    [child] = [row for row in data_of(api.get("/api/jobs")) if row["name"] == "next"]
    assert (child["parent_id"], child["schedule_id"], child["job"]["state"]) == (made["id"], None, "scheduled")
    assert data_of(api.get(f"/api/jobs/{child['job_id']}"))["args"] == CHILD


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"then": {}}, ["/then/url"]),
        ({"then": [{"url": URL}, {"url": "ftp://x"}]}, ["/then/1/url"]),
        ({"then": [5]}, ["/then/0"]),
        ({"then": "https://example.com"}, ["/then"]),
        ({"then": [None]}, ["/then/0"]),
        ({"on_failure": [{"url": URL}] * 11}, ["/on_failure"]),
        ({"then": [{"url": URL, "then": {"url": URL, "on_failure": [{"url": 1}]}}]}, ["/then/0/then/on_failure/0/url"]),
        ({"then": {"url": URL, "headers": {"Host": "x"}}}, ["/then/headers/Host"]),
        ({"then": {"url": URL, "schedule_in": [1, "fortnight"]}}, ["/then/schedule_in/1"]),
        ({"then": {"url": URL, "urll": 1}}, ["/then/urll"]),
        ({"then": {"url": URL, "body_format": "text", "body": {}}}, ["/then/body"]),
        ({"then": {"url": URL, "success_when": {}}}, ["/then/success_when"]),
        ({"then": {"url": URL, "headers": {"A": "{{secret:NOT_THERE}}"}}}, ["/then/headers/A"]),
    ],
)
def test_what_is_wrong_below_is_refused_where_it_stands(api: Api, fields: dict[str, Any], pointers: list[str]) -> None:
    assert pointers_of(api.post("/api/jobs", {"url": URL, **fields})) == pointers
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cron", "* * * * *", "runs once"),
        ("repeat_every", 60, "runs once"),
        ("overlap", "skip", "runs once"),
        ("max_runs", 3, "runs once"),
        ("scheduled_at", "2026-12-01", "schedule_in"),
        ("idempotency_key", "k", "made once"),
        ("on_conflict", "replace", "idempotency key"),
    ],
)
def test_what_makes_no_sense_of_one_that_follows_is_refused_with_words(
    api: Api, name: str, value: Any, words: str
) -> None:
    refusal = problem_of(api.post("/api/jobs", {"url": URL, "then": {"url": URL, name: value}}), status=400)
    [error] = refusal["errors"]
    assert error["pointer"] == f"/then/{name}"
    assert words in error["detail"]


def test_twenty_deep_are_taken_and_twenty_one_are_not(api: Api) -> None:
    data_of(api.post("/api/jobs", nested(20)), status=201)
    [pointer] = pointers_of(api.post("/api/jobs", nested(21)))
    assert pointer == "/then" * 21


def test_no_more_is_written_than_can_be_judged_in_a_moment(api: Api) -> None:
    ten = [{"url": URL}] * 10
    hundred = [{"url": URL, "then": ten}] * 10
    fields = {"url": URL, "then": [{"url": URL, "then": hundred}] * 10}
    data_of(api.post("/api/jobs", fields), status=201)
    assert pointers_of(api.post("/api/jobs", {**fields, "on_failure": fields["then"]})) == ["/then"]
    assert pointers_of(api.post("/api/jobs/batch", {"jobs": [fields] * 10})) == ["/jobs"]


def test_a_batch_takes_and_refuses_each_for_itself(api: Api) -> None:
    jobs = [{"url": URL, "then": CHILD}, {"url": URL, "then": {"url": 5}}]
    good, bad = data_of(api.post("/api/jobs/batch", {"jobs": jobs}), status=207)
    assert good["args"]["then"] == CHILD
    assert bad["error"]["errors"][0]["pointer"] == "/then/url"
    run_due(OK)
    assert Job.objects.filter(name="next").count() == 1


def test_a_form_may_say_what_follows(api: Api) -> None:
    body = f"url={URL}&then[0][url]={URL}&then[0][timeout]=5&then[0][name]=next&on_failure[url]={URL}"
    data_of(api.post("/api/jobs", body, content_type=FORM), status=201)
    run_due(OK)
    assert Job.objects.get(name="next").timeout_seconds == 5


def test_what_follows_may_be_changed_while_the_job_waits(api: Api) -> None:
    made = data_of(api.post("/api/jobs", {"url": URL, "then": CHILD, "schedule_in": 60}), status=201)
    path = f"/api/jobs/{made['job_id']}"
    assert pointers_of(api.patch(path, {"then": {"url": 7}})) == ["/then/url"]
    changed = data_of(api.patch(path, {"then": None, "on_failure": {"url": URL, "name": "mend"}}))
    assert ("then" in changed["args"], changed["args"]["on_failure"]["name"]) == (False, "mend")


def test_each_run_of_a_schedule_that_is_put_is_followed(api: Api) -> None:
    body = {"url": URL, "repeat_every": 60, "then": CHILD}
    data_of(api.call("PUT", "/api/schedules/nightly", body), status=201)
    assert data_of(api.call("PUT", "/api/schedules/nightly", body))["args"]["then"] == CHILD
    run_due(OK)
    assert Job.objects.filter(name="next", schedule__isnull=True).count() == 1
    schedule = Schedule.objects.get()
    changed = data_of(api.patch(f"/api/schedules/{schedule.id}", {"then": {"url": URL, "name": "other"}}))
    assert changed["args"]["then"]["name"] == "other"
    assert pointers_of(api.patch(f"/api/schedules/{schedule.id}", {"then": {"url": 1}})) == ["/then/url"]


def test_the_timeline_says_what_follows_what_was_made_and_of_whom(api: Api) -> None:
    secret = {"url": "https://example.com/x?token=plain-1", "name": "next", "then": [CHILD, CHILD], "schedule_in": 90}
    made = data_of(api.post("/api/jobs", {"url": URL, "then": secret, "on_failure": {"url": URL}}), status=201)
    path = f"/api/jobs/{made['job_id']}/timeline"
    before = data_of(api.get(path))
    assert (before["parent"], before["children"]) == (None, [])
    assert before["follows"] == [
        {
            "after": "completed",
            "method": "get",
            "url": "https://example.com/x?token=***",
            "name": "next",
            "schedule_in": "90 seconds",
            "children": 2,
        },
        {"after": "discarded", "method": "get", "url": URL, "name": None, "schedule_in": None, "children": 0},
    ]
    run_due(OK)
    after = data_of(api.get(path))
    [child] = after["children"]
    assert (child["state"], child["name"], child["url"]) == ("scheduled", "next", "https://example.com/x?token=***")
    [ended] = [entry for entry in after["entries"] if entry["name"] == "job.finished"]
    assert ended["text"] == f"ended: completed; job {child['job_id']} followed"
    assert data_of(api.get(f"/api/jobs/{child['id']}/timeline"))["parent"]["id"] == made["id"]


def test_a_parent_that_was_erased_is_named_still_and_not_shown(api: Api) -> None:
    made = data_of(api.post("/api/jobs", {"url": URL, "then": CHILD}), status=201)
    run_due(OK)
    data_of(api.call("DELETE", f"/api/jobs/{made['job_id']}"))
    child = Job.objects.get()
    assert data_of(api.get(f"/api/jobs/{child.id}"))["parent_id"] == made["id"]
    assert data_of(api.get(f"/api/jobs/{child.id}/timeline"))["parent"] is None


def test_the_preview_says_what_follows_and_makes_nothing(api: Api) -> None:
    shown = data_of(api.post("/api/preview", {"url": URL, "cron": "0 9 * * *", "then": CHILD}))
    assert [(each["after"], each["name"]) for each in shown["follows"]] == [("completed", "next")]
    assert pointers_of(api.post("/api/preview", {"url": URL, "then": {"url": URL, "cron": "* * * * *"}})) == [
        "/then/cron"
    ]
    assert not Job.objects.exists()


def test_a_secret_of_one_host_is_refused_in_one_that_follows_to_another(api: Api) -> None:
    api.call("PUT", "/api/secrets/TOKEN", {"value": "s3cret-value", "hosts": ["xn--bcher-kva.example"]})
    fine = {"url": "https://BÜCHER.example/", "headers": {"Authorization": "Bearer {{secret:TOKEN}}"}}
    data_of(api.post("/api/jobs", {"url": URL, "then": fine}), status=201)
    assert pointers_of(api.post("/api/jobs", {"url": URL, "then": {**fine, "url": URL}})) == [
        "/then/headers/Authorization"
    ]


def test_a_webhook_of_the_end_says_which_jobs_follow(api: Api) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "on_failure": CHILD, "webhook_url": URL}), status=201)
    run_due(answered(410), now=NOON)
    child = Job.objects.get(name="next")
    assert f'"children":[{child.id}]' in Delivery.objects.get(event="job.finished").body
