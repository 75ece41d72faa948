"""/api/queues, and the `queue` of a job: who makes a queue, what limits it, and what it shows."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.models import Job, Queue, Schedule, User
from jobs.queues import ids as queues_ids
from jobs.running import queue_stage, transitions
from tests.api import FORM, Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_job

URL = "https://example.com/hook"
LIMITS: dict[str, Any] = {"concurrency": 5, "rate": {"limit": 100, "period": [1, "minute"]}}


def make_queue(user: User, name: str = "mail", **fields: Any) -> Queue:
    return Queue.objects.create(user=user, name=name, inserted_at=NOON, refilled_at=NOON, **fields)


def put(api: Api, name: str, body: Any, **more: Any) -> Any:
    return api.call("PUT", f"/api/queues/{name}", body, **more)


def claimed() -> int:
    started, _ = queue_stage.claim(uuid4(), limit=100, is_crowded=False, now=NOON)
    return len(started)


def test_the_first_job_of_a_queue_makes_it_without_limits(api: Api, user: User) -> None:
    data = data_of(api.post("/api/jobs", {"url": URL, "queue": "mail"}), status=201)
    assert data["args"]["queue"] == "mail"
    queue = Queue.objects.get()
    assert (queue.user_id, queue.name, queue.concurrency, queue.rate_limit) == (user.id, "mail", None, None)
    assert Job.objects.get().queue_id == queue.id
    assert queue.ready_at == NOON
    assert claimed() == 1


def test_later_jobs_go_into_the_same_queue(api: Api) -> None:
    for _ in range(3):
        data_of(api.post("/api/jobs", {"url": URL, "queue": "mail"}), status=201)
        queues_ids.known_ids.clear()
    assert Queue.objects.count() == 1
    assert Job.objects.filter(queue=Queue.objects.get()).count() == 3


def test_queues_of_one_name_are_each_users_own(api: Api, other_api: Api) -> None:
    for caller in (api, other_api):
        data_of(caller.post("/api/jobs", {"url": URL, "queue": "mail"}), status=201)
        data_of(caller.post("/api/jobs", {"url": URL, "queue": "Mail"}), status=201)
    assert Queue.objects.count() == 4
    assert all(job.queue is not None and job.queue.user_id == job.user_id for job in Job.objects.all())


def test_a_job_without_a_queue_or_with_null_is_in_none(api: Api) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "queue": None}), status=201)
    assert Queue.objects.count() == 0
    assert Job.objects.get().queue_id is None


def test_a_job_that_is_refused_makes_no_queue(api: Api) -> None:
    assert pointers_of(api.post("/api/jobs", {"url": URL, "queue": "mail", "schedule_in": -1})) == ["/schedule_in"]
    assert Queue.objects.count() == 0


@pytest.mark.parametrize("name", ["a", "_", "9", "Mail.out-going:eu@x+1", "m" * 255])
def test_names_that_may_stand_in_a_path_are_taken(api: Api, name: str) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "queue": name}), status=201)
    assert data_of(api.get(f"/api/queues/{quote(name)}"))["name"] == name
    assert data_of(put(api, quote(name), {}))["waiting"] == 1


@pytest.mark.parametrize("name", ["", "a b", "a/b", "büro", ".", "..", "-a", "a\n", "m" * 256, "a%", "\uff41"])
def test_other_names_are_refused(api: Api, name: str) -> None:
    assert pointers_of(api.post("/api/jobs", {"url": URL, "queue": name})) == ["/queue"]


def test_a_queue_costs_the_same_few_queries_for_every_job(api: Api) -> None:
    api.post("/api/jobs", {"url": URL})

    def cost() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            data_of(api.post("/api/jobs", {"url": URL, "queue": "mail"}), status=201)
        return [query["sql"].split()[0] for query in queries]

    # The job is written, and its queue told that something is due: to SQLite together, as each waits for its writers.
    written = ["INSERT", "UPDATE"]
    if connection.vendor == "sqlite":
        written = ["SAVEPOINT", *written, "RELEASE"]
    # The queue is looked for, the limit on queues asked for, the queue made and read.
    assert cost() == ["SELECT", "SELECT", "SELECT", "INSERT", "SELECT", *written]
    for _ in range(2):
        assert cost() == written
    queues_ids.known_ids.clear()
    assert cost() == ["SELECT", *written]


def test_many_names_cost_as_many_queries_as_one(user: User) -> None:
    make_queue(user, "q3")
    with CaptureQueriesContext(connection) as queries:
        ids = queues_ids.ids_of([f"q{n}" for n in range(50)], user_id=user.id, now=NOON)
    assert len(queries) == 5
    assert ids == dict(Queue.objects.values_list("name", "id"))
    assert len(ids) == 50


def test_the_wake_up_of_a_queues_job_is_for_the_queue(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        data = data_of(api.post("/api/jobs", {"url": URL, "queue": "mail", "schedule_in": 5}), status=201)
        api.post(f"/api/jobs/{data['job_id']}/run")
        api.post(f"/api/jobs/{data['job_id']}/cancel")
    assert announced.jobs == []
    assert announced.queues == [NOON + timedelta(seconds=5), NOON, NOON]


def test_the_runs_of_a_recurring_job_go_through_its_queue(api: Api) -> None:
    body = {"url": URL, "repeat_every": [1, "hour"], "queue": "mail"}
    data = data_of(api.post("/api/jobs", body), status=201)
    queue = Queue.objects.get()
    assert set(Job.objects.values_list("queue_id", flat=True)) == {queue.id}
    assert Schedule.objects.get().queue_id == queue.id
    assert claimed() == 1
    triggered = data_of(api.post(f"/api/schedules/{data['schedule_id']}/trigger"), status=201)
    assert Job.objects.get(id=triggered["job_id"]).queue_id == queue.id
    assert claimed() == 1


def test_a_schedule_can_be_moved_to_another_queue_or_out_of_all(api: Api) -> None:
    data = data_of(api.post("/api/jobs", {"url": URL, "cron": "0 0 1 1 *", "queue": "mail"}), status=201)
    path = f"/api/schedules/{data['schedule_id']}"
    for changes, name in [({"name": "new"}, "mail"), ({"queue": "slow"}, "slow"), ({"queue": None}, None)]:
        data_of(api.patch(path, changes))
        job = Job.objects.get()
        assert (job.queue and job.queue.name, job.args.get("queue")) == (name, name)
    assert pointers_of(api.patch(path, {"queue": "a b"})) == ["/queue"]


def test_a_queue_is_answered_as_the_documentation_has_it(api: Api, user: User) -> None:
    data = data_of(put(api, "mail", LIMITS))
    assert data == {
        "name": "mail",
        "inserted_at": "2026-03-01T12:00:00Z",
        "concurrency": 5,
        "rate": {"limit": 100, "period": [1, "minute"]},
        "paused": False,
        "waiting": 0,
        "running": 0,
    }
    assert data_of(api.get("/api/queues/mail")) == data
    assert data_of(api.get("/api/queues")) == [data]
    text = (Path(__file__).resolve().parents[3] / "docs" / "queues.md").read_text()
    example = json.loads(text.partition("```json\n")[2].partition("```")[0])
    assert list(example) == list(data)
    assert {name: example[name] for name in LIMITS} == LIMITS


def test_what_waits_and_runs_is_counted(api: Api, user: User) -> None:
    queue = make_queue(user, concurrency=2)
    other = make_queue(user, "other")
    for _ in range(5):
        make_job(user=user, queue_id=queue.id)
    make_job(user=user, queue_id=other.id, scheduled_at=NOON + timedelta(days=1))
    transitions.cancel(make_job(user=user, queue_id=queue.id), now=NOON)
    assert claimed() == 2
    data = data_of(api.get("/api/queues?order_by=name,asc"))
    assert [(row["name"], row["waiting"], row["running"]) for row in data] == [("mail", 3, 2), ("other", 1, 0)]


def test_put_sets_all_the_limits(api: Api) -> None:
    data_of(put(api, "mail", {**LIMITS, "paused": True}))
    queue = Queue.objects.get()
    assert (queue.concurrency, queue.rate_limit, queue.rate_seconds) == (5, 100, 60.0)
    assert queue.paused_at is not None
    data = data_of(put(api, "mail", {"concurrency": 1}))
    assert (data["concurrency"], data["rate"], data["paused"]) == (1, None, False)
    data = data_of(put(api, "mail", {"concurrency": None, "rate": None, "paused": None}))
    assert (data["concurrency"], data["rate"], data["paused"]) == (None, None, False)
    assert Queue.objects.count() == 1


def test_a_form_body_sets_them_as_well(api: Api) -> None:
    form = "concurrency=3&rate[limit]=10&rate[period][]=5&rate[period][]=seconds&paused=true"
    data = data_of(put(api, "mail", form, content_type=FORM))
    assert (data["concurrency"], data["rate"], data["paused"]) == (3, {"limit": 10, "period": [5, "seconds"]}, True)


@pytest.mark.parametrize(
    ("period", "seconds", "shown"),
    [
        (60, 60.0, [1, "minute"]),
        ("90 seconds", 90.0, [90, "seconds"]),
        ([2, "Hours"], 7200.0, [2, "hours"]),
        ([14, "days"], 1209600.0, [2, "weeks"]),
        ([36, "hours"], 129600.0, [36, "hours"]),
        (0.25, 0.25, [0.25, "seconds"]),
        ([1.5, "minutes"], 90.0, [90, "seconds"]),
    ],
)
def test_a_period_is_a_duration(api: Api, period: Any, seconds: float, shown: list[Any]) -> None:
    data = data_of(put(api, "mail", {"rate": {"limit": 1, "period": period}}))
    assert data["rate"] == {"limit": 1, "period": shown}
    assert Queue.objects.get().rate_seconds == seconds
    assert data_of(put(api, "mail", {"rate": data["rate"]}))["rate"] == data["rate"]


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"concurrency": 0}, "/concurrency", "from 1 to 1000000"),
        ({"concurrency": -1}, "/concurrency", "from 1"),
        ({"concurrency": 2.5}, "/concurrency", "whole number"),
        ({"concurrency": True}, "/concurrency", "whole number"),
        ({"concurrency": 10**30}, "/concurrency", "whole number"),
        ({"rate": 5}, "/rate", "a limit and a period"),
        ({"rate": [5, "minute"]}, "/rate", "a limit and a period"),
        ({"rate": {"limit": 5}}, "/rate", "a limit and a period"),
        ({"rate": {"limit": None, "period": 5}}, "/rate", "a limit and a period"),
        ({"rate": {"limit": 0, "period": 5}}, "/rate/limit", "from 1"),
        ({"rate": {"limit": 5, "period": 0}}, "/rate/period", "too short"),
        ({"rate": {"limit": 5, "period": -5}}, "/rate/period", "negative"),
        ({"rate": {"limit": 5, "period": [1, "month"]}}, "/rate/period", "write it in days"),
        ({"rate": {"limit": 5, "period": [1, "minuts"]}}, "/rate/period/1", 'did you mean "minutes"?'),
        ({"rate": {"limit": 5, "period": ["x", "minutes"]}}, "/rate/period/0", "not a duration"),
        ({"rate": {"limit": 5, "period": 5, "burst": 1}}, "/rate/burst", "no such field"),
        ({"paused": "maybe"}, "/paused", "true or false"),
        ({"pause": True}, "/pause", "did you mean paused?"),
        ({"name": "mail"}, "/name", "no such field"),
    ],
)
def test_limits_that_make_no_sense_are_refused(api: Api, body: Any, pointer: str, words: str) -> None:
    response = put(api, "mail", body)
    assert pointers_of(response) == [pointer]
    assert words in problem_of(response, status=400)["errors"][0]["detail"]
    assert Queue.objects.count() == 0


def test_all_that_is_wrong_is_refused_at_once(api: Api) -> None:
    body = {"concurrency": 0, "rate": {"limit": 0, "period": 0}, "paused": 5}
    assert pointers_of(put(api, "mail", body)) == ["/concurrency", "/paused", "/rate/limit", "/rate/period"]


@pytest.mark.parametrize("name", ["a%20b", "%2E", "b%C3%BCro", "m" * 256, "-a"])
def test_a_path_with_no_name_of_a_queue_is_refused_or_not_there(api: Api, name: str) -> None:
    assert pointers_of(put(api, name, {})) == ["/name"]
    problem_of(api.get(f"/api/queues/{name}"), status=404)
    assert Queue.objects.count() == 0


def test_a_queue_that_is_not_ones_own_is_not_there(api: Api, other_api: Api, other_user: User) -> None:
    make_queue(other_user, concurrency=3)
    problem_of(api.get("/api/queues/mail"), status=404)
    assert data_of(api.get("/api/queues")) == []
    data_of(put(api, "mail", {"concurrency": 1}))
    assert data_of(other_api.get("/api/queues/mail"))["concurrency"] == 3
    assert Queue.objects.count() == 2


def test_queues_are_listed_page_by_page_at_a_fixed_cost(api: Api, user: User, other_user: User) -> None:
    for number in range(12):
        make_job(user=user, queue_id=make_queue(user, f"q{number:02}").id)
    make_queue(other_user)
    names = [f"q{number:02}" for number in range(12)]
    assert [row["name"] for row in data_of(api.get("/api/queues"))] == names[:1:-1]
    with CaptureQueriesContext(connection) as queries:
        first = api.get("/api/queues?order_by=name,asc&limit=8&cursor=").json()
    assert len(queries) == 3
    second = api.get(f"/api/queues?order_by=name,asc&limit=8&cursor={first['cursor']}").json()
    assert [row["name"] for row in first["data"] + second["data"]] == names
    assert second["cursor"] is None
    assert pointers_of(api.get("/api/queues?state=paused")) == ["/state"]


def test_new_limits_wake_the_workers_unless_the_queue_is_paused(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        put(api, "mail", {"paused": True})
    assert announced.queues == []
    with django_capture_on_commit_callbacks(execute=True):
        put(api, "mail", {})
    assert announced.queues == [NOON]


def test_limits_hold_for_what_waits_already(api: Api, user: User, stopped_clock: StoppedClock) -> None:
    for _ in range(4):
        data_of(api.post("/api/jobs", {"url": URL, "queue": "mail"}), status=201)
    put(api, "mail", {"paused": True})
    assert claimed() == 0
    put(api, "mail", {"concurrency": 3, "rate": {"limit": 2, "period": 60}})
    assert claimed() == 2
    assert data_of(api.get("/api/queues/mail"))["running"] == 2


def test_a_queue_needs_a_key(open_api: Api, db: None) -> None:
    for call in (open_api.get("/api/queues"), open_api.get("/api/queues/mail"), put(open_api, "mail", {})):
        problem_of(call, status=401)


def test_a_job_of_another_user_never_gets_into_the_queue(api: Api, other_api: Api) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "queue": "mail"}), status=201)
    data_of(other_api.post("/api/jobs", {"url": URL, "queue": "mail"}), status=201)
    assert data_of(api.get("/api/queues/mail"))["waiting"] == 1
