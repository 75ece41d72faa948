"""Tags of jobs, and the filters of GET /api/jobs by tag, error, host, queue and time."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Delivery, Job, Schedule, User
from tests.api import Api, data_of, pointers_of
from tests.factories import NOON, make_job
from tests.runs import OK, answered, run_due

JOB: dict[str, Any] = {"url": "https://example.com/hook", "tags": ["red", "late"]}


def ids_of(response: Any) -> list[int]:
    return [row["job_id"] for row in data_of(response)]


def test_a_job_answers_its_tags_once_each_and_none_without(api: Api) -> None:
    made = data_of(api.post("/api/jobs", JOB | {"tags": ["red", "late", "red"]}), status=201)
    assert (made["tags"], made["parent_id"]) == (["red", "late"], None)
    assert data_of(api.get(f"/api/jobs/{made['job_id']}"))["tags"] == ["red", "late"]
    bare = data_of(api.post("/api/jobs", {"url": "https://example.com/"}), status=201)
    assert bare["tags"] == []


def test_a_batch_takes_tags_and_shows_them(api: Api) -> None:
    items = data_of(api.post("/api/jobs/batch", {"jobs": [JOB, JOB | {"tags": []}]}), status=201)
    assert [item["tags"] for item in items] == [["red", "late"], []]
    assert ids_of(api.get("/api/jobs?tag=red")) == [items[0]["job_id"]]


def test_each_run_of_a_schedule_has_its_tags_and_a_change_gives_it_others(api: Api) -> None:
    made = data_of(api.post("/api/jobs", JOB | {"repeat_every": [1, "hour"]}), status=201)
    path = f"/api/schedules/{made['schedule_id']}"
    assert Schedule.objects.get().tags == ",red,late,"
    assert data_of(api.post(f"{path}/trigger"), status=201)["tags"] == ["red", "late"]
    data_of(api.patch(path, {"tags": ["blue"]}))
    assert Job.objects.get(is_upcoming=True).tags == ",blue,"


def test_a_waiting_job_is_given_other_tags_or_none(api: Api) -> None:
    made = data_of(api.post("/api/jobs", JOB | {"schedule_in": 60}), status=201)
    path = f"/api/jobs/{made['job_id']}"
    changed = data_of(api.patch(path, {"tags": ["blue"]}))
    assert (changed["tags"], changed["args"]["tags"]) == (["blue"], ["blue"])
    assert data_of(api.patch(path, {"tags": None}))["tags"] == []


@pytest.mark.parametrize(
    ("tags", "pointers"),
    [
        ("red", ["/tags"]),
        ({"a": "red"}, ["/tags"]),
        ([str(number) for number in range(11)], ["/tags"]),
        (["red", ""], ["/tags/1"]),
        (["a,b"], ["/tags/0"]),
        (["x" * 65], ["/tags/0"]),
        (["a\nb"], ["/tags/0"]),
        ([1], ["/tags/0"]),
        ([None, ["a"]], ["/tags/0", "/tags/1"]),
    ],
)
def test_what_is_no_tag_is_refused_where_it_stands(api: Api, tags: Any, pointers: list[str]) -> None:
    assert pointers_of(api.post("/api/jobs", JOB | {"tags": tags})) == pointers
    assert not Job.objects.exists()


@pytest.mark.parametrize(("tag", "is_found"), [("red", True), ("Red", False), ("re", False), ("late,red", True),
                                               ("red,blue", False), ("r_d", False), ("%", False)])  # fmt: skip
def test_a_list_has_what_has_all_the_tags(api: Api, user: User, tag: str, is_found: bool) -> None:
    make_job(user=user)
    made = data_of(api.post("/api/jobs", JOB), status=201)
    assert ids_of(api.get(f"/api/jobs?tag={quote(tag)}")) == ([made["job_id"]] if is_found else [])


def test_webhooks_and_callbacks_carry_the_tags_and_are_found_by_them(api: Api, other_api: Api, user: User) -> None:
    both = {"callback_url": "https://example.com/done", "webhook_url": "https://example.com/events"}
    tagged = data_of(api.post("/api/jobs", JOB | both), status=201)["job_id"]
    data_of(api.post("/api/jobs", {"url": "https://example.com/"} | both), status=201)
    run_due(OK)
    for row in Delivery.objects.all():
        assert json.loads(row.body)["data"]["tags"] == (["red", "late"] if row.job_id == tagged else [])
    for path in ("/api/deliveries", "/api/logs"):
        found = data_of(api.get(f"{path}?tag=late,red&limit=100"))
        assert {row["job_id"] for row in found} == {tagged}
        assert data_of(api.get(f"{path}?tag=blue")) == data_of(other_api.get(f"{path}?tag=red")) == []
        assert pointers_of(api.get(f"{path}?tag=,")) == ["/tag", "/tag"]


def test_cancelling_many_tells_their_tags_in_no_query_more(api: Api) -> None:
    jobs = [JOB | {"webhook_url": "https://example.com/events", "schedule_in": 60}] * 9
    counts = []
    for count in (1, 9):
        data_of(api.post("/api/jobs/batch", {"jobs": jobs[:count]}), status=201)
        with CaptureQueriesContext(connection) as queries:
            assert data_of(api.post("/api/jobs/cancel", {"tag": "red"})) == {"matched": count, "cancelled": count}
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert all(json.loads(row.body)["data"]["tags"] == ["red", "late"] for row in Delivery.objects.all())


def test_jobs_are_found_by_error_and_by_when_they_ended(api: Api, user: User) -> None:
    failed = make_job(user=user, max_attempts=1).id
    run_due(answered(500))
    cancelled = make_job(user=user, scheduled_at=NOON + timedelta(hours=1))
    Job.objects.filter(id=cancelled.id).update(state="cancelled", cancelled_at=NOON + timedelta(minutes=5))
    make_job(user=user)
    for query, expected in {
        "error=http_status": [failed],
        "error=timeout": [],
        "ended_after=2026-03-01T11:59:00Z": [cancelled.id, failed],
        "ended_after=2026-03-01T12:01:00Z": [cancelled.id],
        "ended_before=2026-03-01T12:01:00Z": [failed],
        "due_after=2026-03-01T12:30:00Z": [cancelled.id],
        "due_before=2026-03-01T12:30:00Z&ended_before=2027-01-01T00:00:00Z": [failed],
    }.items():
        assert ids_of(api.get(f"/api/jobs?{query}")) == expected, query


def test_jobs_are_found_by_host_and_by_queue(api: Api, other_api: Api) -> None:
    urls = (
        "https://a.example/x",
        "https://a.example:8443/",
        "https://a.example.com/",
        "https://b.example/?https://a.example/",
    )
    first, ported, *_ = (
        data_of(api.post("/api/jobs", {"url": url, "queue": "mail"}), status=201)["job_id"] for url in urls
    )
    assert ids_of(api.get("/api/jobs?host=A.example")) == [ported, first]
    assert ids_of(api.get("/api/jobs?host=a.example:8443")) == [ported]
    assert ids_of(api.get("/api/jobs?host=a_example")) == []
    assert len(ids_of(api.get("/api/jobs?queue=mail"))) == 4
    assert ids_of(api.get("/api/jobs?queue=Mail")) == ids_of(other_api.get("/api/jobs?queue=mail")) == []
    assert pointers_of(api.get("/api/jobs?host=a.example/x")) == ["/host"]
    assert data_of(api.post("/api/jobs/cancel", {"host": "a.example", "queue": "mail"})) == {
        "matched": 2,
        "cancelled": 2,
    }


@pytest.mark.parametrize(
    ("query", "index"), [("tag=red", "job_tagged_of_user"), ("error=timeout", "job_failed_of_user")]
)
def test_a_filter_reads_an_index_of_ones_own(api: Api, user: User, query: str, index: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        api.get(f"/api/jobs?{query}")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{plan} {queries.captured_queries[-1]['sql']}")
        assert index in str(cursor.fetchall())
