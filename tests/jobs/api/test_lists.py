"""GET /api/jobs and GET /api/jobs/{id}: paging, order, filters, and whose jobs they are."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Job, User
from tests.api import Api, data_of, pointers_of, problem_of
from tests.factories import NOON, make_job

LATER = NOON + timedelta(hours=1)


def ids_of(response: Any) -> list[int]:
    return [row["job_id"] for row in data_of(response)]


def end(job: Job, state: str, **times: Any) -> None:
    Job.objects.filter(id=job.id).update(state=state, **times)


def test_jobs_are_listed_newest_first_ten_at_a_time(api: Api, user: User) -> None:
    ids = [make_job(user=user).id for _ in range(12)]
    assert ids_of(api.get("/api/jobs")) == ids[:1:-1]
    assert ids_of(api.get("/api/jobs?offset=10")) == [ids[1], ids[0]]
    assert ids_of(api.get("/api/jobs?limit=2&offset=1")) == [ids[10], ids[9]]
    assert ids_of(api.get("/api/jobs?offset=2147483647")) == []


def test_a_listed_job_is_the_one_that_is_got(api: Api, user: User) -> None:
    job = make_job(user=user)
    [listed] = data_of(api.get("/api/jobs"))
    assert listed == data_of(api.get(f"/api/jobs/{job.id}")) == data_of(api.get(f"/api/jobs/{job.uuid}"))
    assert listed == data_of(api.get(f"/api/jobs/{str(job.uuid).upper()}"))


def test_a_list_and_a_get_cost_one_query(api: Api, user: User) -> None:
    for _ in range(3):
        job = make_job(user=user)
    api.get("/api/jobs")
    for path in ("/api/jobs?state=scheduled&order_by=name,asc", f"/api/jobs/{job.id}", f"/api/jobs/{job.uuid}"):
        with CaptureQueriesContext(connection) as queries:
            data_of(api.get(path))
        assert len(queries) == 1


def test_only_ones_own_jobs_are_there(api: Api, other_api: Api, user: User, other_user: User) -> None:
    own, other = make_job(user=user), make_job(user=other_user)
    assert ids_of(api.get("/api/jobs")) == [own.id]
    assert ids_of(other_api.get("/api/jobs")) == [other.id]
    for job_id in (other.id, other.uuid):
        problem_of(api.get(f"/api/jobs/{job_id}"), status=404)
        problem_of(api.patch(f"/api/jobs/{job_id}", {"schedule_in": 5}), status=404)
        for verb in ("cancel", "run", "retry"):
            problem_of(api.post(f"/api/jobs/{job_id}/{verb}"), status=404)


@pytest.mark.parametrize(
    "job_id",
    ["0", "-1", "01", "1.0", "1e3", "9223372036854775808", "1" * 31, "abc", "٣", "1%20", "%00", "{id}", "+1", "0x1"],
)
def test_what_is_no_id_names_nothing_and_costs_no_query(api: Api, job_id: str) -> None:
    api.get("/api/jobs")
    with CaptureQueriesContext(connection) as queries:
        problem_of(api.get(f"/api/jobs/{quote(job_id, safe='%')}"), status=404)
    assert len(queries) == 0


@pytest.mark.parametrize("spelling", ["{{{0}}}", "urn:uuid:{0}", "{0.hex}", "{0}-", "{0}%00"])
def test_a_uuid_has_one_spelling(api: Api, user: User, spelling: str) -> None:
    job = make_job(user=user)
    problem_of(api.get("/api/jobs/" + spelling.format(job.uuid)), status=404)


def test_a_uuid_of_nothing_names_nothing(api: Api) -> None:
    problem_of(api.get(f"/api/jobs/{uuid4()}"), status=404)
    problem_of(api.get("/api/jobs/9223372036854775807"), status=404)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("order_by=inserted_at,asc", [0, 1, 2]),
        ("order_by=inserted_at,DESC", [2, 1, 0]),
        ("order_by=inserted_at%2C%20asc", [0, 1, 2]),
        ("order_by[]=scheduled_at&order_by[]=asc", [1, 2, 0]),
        ("order_by%5B%5D=scheduled_at&order_by%5B%5D=desc", [0, 2, 1]),
        ("order_by[0]=job_id&order_by[1]=asc", [0, 1, 2]),
        ("order_by=" + quote(json.dumps(["name", "asc"])), [2, 0, 1]),
        ("order_by=" + quote(json.dumps(["name", "desc"])), [0, 2, 1]),
        ("order_by=" + quote(json.dumps({"id": "asc"})), [0, 1, 2]),
        ("order_by[completed_at]=desc", [1, 2, 0]),
        ("order_by=completed_at,asc", [1, 0, 2]),
    ],
)
def test_the_order_may_be_written_in_three_ways(api: Api, user: User, order: str, expected: list[int]) -> None:
    jobs = [
        make_job(user=user, name="b", scheduled_at=NOON + timedelta(minutes=9)),
        make_job(user=user, name=None),
        make_job(user=user, name="a", scheduled_at=NOON + timedelta(minutes=5)),
    ]
    end(jobs[1], "completed", completed_at=NOON)
    assert ids_of(api.get(f"/api/jobs?{order}")) == [jobs[position].id for position in expected]


def test_states_are_read_as_they_are_shown(api: Api, user: User) -> None:
    due, waiting = make_job(user=user), make_job(user=user, scheduled_at=LATER)
    done, gone = make_job(user=user), make_job(user=user)
    end(done, "completed", completed_at=NOON)
    end(gone, "discarded", discarded_at=NOON)
    for states, expected in {
        "scheduled": [waiting.id],
        "available": [due.id],
        "completed,discarded": [gone.id, done.id],
        "scheduled, available,": None,
        "retryable": [],
    }.items():
        response = api.get(f"/api/jobs?state={quote(states)}")
        if expected is None:
            assert pointers_of(response) == ["/state"]
        else:
            assert ids_of(response) == expected
            assert {row["job"]["state"] for row in data_of(response)} <= set(states.split(","))
    assert ids_of(api.get("/api/jobs?state[]=completed&state[]=available")) == [done.id, due.id]


def test_filters_narrow_the_list_together(api: Api, user: User) -> None:
    first = make_job(user=user, name="daily report")
    second = make_job(user=user, name="other", url="https://example.com/other", now=NOON - timedelta(days=1))
    for query, expected in {
        "name=daily+report": [first.id],
        "name=nothing": [],
        "url=https://example.com/hook": [first.id],
        "url=HTTPS://EXAMPLE.com:443/hook": [first.id],
        "url=nonsense": [],
        "inserted_after=2026-03-01T00:00:00Z": [first.id],
        "inserted_after=2026-03-01T01:00:00+01:00": [first.id],
        "inserted_before=2026-03-01T00:00:00%2B01:00": [second.id],
        f"inserted_before={int(NOON.timestamp())}": [second.id],
        "inserted_after=2026-02-01T00:00:00Z&name=other": [second.id],
        f"schedule_id={UUID(int=5)}": [],
    }.items():
        assert ids_of(api.get(f"/api/jobs?{query}")) == expected, query


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=", "/limit"),
        ("limit=5.0", "/limit"),
        ("limit=%D9%A3", "/limit"),
        ("limit=1e2", "/limit"),
        ("limit=" + "9" * 5000, "/limit"),
        ("limit[]=5", "/limit"),
        ("limit=5&limit=6", "/limit"),
        ("offset=-1", "/offset"),
        ("offset=2147483648", "/offset"),
        ("offset=" + "9" * 30, "/offset"),
        ("order_by=inserted_at", "/order_by"),
        ("order_by=asc,inserted_at", "/order_by"),
        ("order_by=password,asc", "/order_by"),
        ("order_by=user__password,asc", "/order_by"),
        ("order_by=inserted_at,up", "/order_by"),
        ("order_by=inserted_at,asc,name,desc", "/order_by"),
        ("order_by=[", "/order_by"),
        ("order_by=" + "[" * 5000, "/order_by"),
        ("order_by=[1,2]", "/order_by"),
        ("order_by[a]=asc&order_by[b]=asc", "/order_by"),
        ("state=finished", "/state"),
        ("state=", "/state"),
        ("state[a][b]=completed", "/state"),
        ("schedule_id=5", "/schedule_id"),
        ("schedule_id[]=5", "/schedule_id"),
        ("url=" + "x" * 3000, "/url"),
        ("name[]=a", "/name"),
        ("name=%00", "/name"),
        ("name=%FF", ""),
        ("inserted_after=yesterday", "/inserted_after"),
        ("inserted_before[]=1", "/inserted_before"),
        ("cursor=abc", "/cursor"),
        ("format=api", "/format"),
        ("stat=completed", "/stat"),
        ("limit[=5", "/limit"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(api: Api, query: str, pointer: str) -> None:
    assert pointers_of(api.get(f"/api/jobs?{query}"))[0] == pointer


def test_an_unknown_parameter_is_refused_with_the_nearest_known_one(api: Api) -> None:
    assert "did you mean state?" in problem_of(api.get("/api/jobs?stat=completed"), status=400)["detail"]


def test_an_empty_piece_of_a_query_says_nothing(api: Api) -> None:
    assert data_of(api.get("/api/jobs?&limit=5&")) == []


@pytest.mark.parametrize("kind", ["jobs", "schedules", "logs", "deliveries", "receivers", "queues"])
def test_every_list_reads_its_owners_rows_alone(api: Api, kind: str) -> None:
    """By `user_id = …` PostgreSQL may walk a million rows of somebody else's until it has met ten of the owner's."""
    with CaptureQueriesContext(connection) as queries:
        data_of(api.get(f"/api/{kind}?limit=10&order_by=inserted_at,desc"))
    [listed] = [query["sql"] for query in queries if "LIMIT 10" in query["sql"]]
    assert ("= ANY" in listed) == (connection.vendor == "postgresql")
    assert "ORDER BY" in listed
