"""Lists read by cursor: every row once, whatever the order and whatever is inserted meanwhile, at the same cost."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.core.signing import Signer
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.api.input.cursors import Order
from jobs.database import sql
from jobs.models import Job, LogEvent, User
from jobs.running import transitions
from tests.api import Api, data_of, pointers_of
from tests.factories import NOON, make_job

MINUTE = timedelta(minutes=1)


def page_of(api: Api, path: str, cursor: str | None = "") -> tuple[list[Any], str | None]:
    response = api.get(f"{path}{'&' if '?' in path else '?'}cursor={quote(cursor or '')}")
    assert response.status_code == 200, response.content
    answer = response.json()
    assert list(answer) == ["data", "cursor"]
    return answer["data"], answer["cursor"]


def walk(api: Api, path: str) -> list[list[Any]]:
    """The ids on each page."""
    pages, cursor = [], ""
    while True:
        rows, following = page_of(api, path, cursor)
        pages.append([row["id"] for row in rows])
        if following is None:
            return pages
        cursor = following


def ids_by_cursor(api: Api, path: str) -> list[Any]:
    return [row for page in walk(api, path) for row in page]


def ids_of(api: Api, path: str) -> list[Any]:
    return [row["id"] for row in data_of(api.get(path))]


def make_jobs(user: User) -> None:
    """With ties, and with values missing, in each column that can be ordered by."""
    for name, minute, ended in [("b", 2, 1), (None, 1, None), ("a", 2, 3), ("b", 3, 1), (None, 1, None), ("ß", 2, 2)]:
        job = make_job(user=user, name=name, scheduled_at=NOON + minute * MINUTE)
        if ended is not None:
            moment = NOON + ended * MINUTE
            Job.objects.filter(id=job.id).update(
                state="completed", completed_at=moment, attempted_at=moment, cancelled_at=moment, discarded_at=moment
            )


def test_a_list_has_no_cursor_unless_the_request_has_one(api: Api, user: User) -> None:
    make_jobs(user)
    assert list(api.get("/api/jobs?limit=2").json()) == ["data"]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(
    "field",
    [
        "inserted_at",
        "job_id",
        "id",
        "scheduled_at",
        "attempted_at",
        "completed_at",
        "cancelled_at",
        "discarded_at",
        "name",
    ],
)
def test_every_row_comes_once_and_in_order(api: Api, user: User, field: str, direction: str) -> None:
    make_jobs(user)
    path = f"/api/jobs?order_by={field},{direction}"
    everything = ids_of(api, path)
    for limit in (1, 2, 4, 6):
        pages = walk(api, f"{path}&limit={limit}")
        assert [row for page in pages for row in page] == everything
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


def test_the_last_page_says_so_even_if_it_is_full(api: Api, user: User) -> None:
    make_jobs(user)
    assert [len(page) for page in walk(api, "/api/jobs?limit=3")] == [3, 3]
    assert page_of(api, "/api/jobs?name=nothing") == ([], None)


def test_what_is_inserted_or_goes_meanwhile_moves_no_page(api: Api, user: User) -> None:
    jobs = [make_job(user=user) for _ in range(6)]
    first, cursor = page_of(api, "/api/jobs?limit=2")
    make_job(user=user)
    Job.objects.filter(id__in=[jobs[4].id, jobs[3].id]).delete()
    second, cursor = page_of(api, "/api/jobs?limit=2", cursor)
    third, cursor = page_of(api, "/api/jobs?limit=2", cursor)
    assert [row["job_id"] for row in first + second + third] == [jobs[n].id for n in (5, 4, 2, 1, 0)]
    assert cursor is None


def test_filters_go_along(api: Api, user: User, other_user: User) -> None:
    make_jobs(user)
    make_jobs(other_user)
    assert [len(page) for page in walk(api, "/api/jobs?limit=1&name=b")] == [1, 1]
    path = "/api/jobs?state=completed"
    assert ids_by_cursor(api, f"{path}&limit=3") == ids_of(api, path)


def test_an_offset_may_say_where_the_first_page_begins(api: Api, user: User) -> None:
    jobs = [make_job(user=user) for _ in range(5)]
    first, cursor = page_of(api, "/api/jobs?limit=2&offset=1")
    second, cursor = page_of(api, "/api/jobs?limit=2", cursor)
    assert [row["job_id"] for row in first + second] == [job.id for job in jobs[3::-1]]
    assert cursor is None
    _, cursor = page_of(api, "/api/jobs?limit=2")
    assert pointers_of(api.get(f"/api/jobs?limit=2&offset=1&cursor={cursor}")) == ["/offset"]


def test_logs_and_schedules_have_cursors_too(api: Api, user: User) -> None:
    for _ in range(3):
        transitions.cancel(make_job(user=user), now=NOON)
    for order in ("inserted_at,desc", "id,asc", "job_id,asc", "job_id,desc", "event,asc"):
        path = f"/api/logs?order_by={order}"
        assert ids_by_cursor(api, f"{path}&limit=2") == ids_of(api, path)
    for name in ("a", None, "b"):
        api.post("/api/jobs", {"url": "https://example.com", "cron": "0 0 1 1 *", "name": name})
    for order in ("inserted_at,desc", "name,asc", "disabled_at,desc", "run_count,asc"):
        path = f"/api/schedules?order_by={order}"
        assert ids_by_cursor(api, f"{path}&limit=2") == ids_of(api, path)


def test_each_page_costs_one_query(api: Api, user: User) -> None:
    make_jobs(user)
    _, cursor = page_of(api, "/api/jobs?limit=2")
    with CaptureQueriesContext(connection) as queries:
        page_of(api, "/api/jobs?limit=2", cursor)
    assert len(queries) == 1


def altered(cursor: str, place: int) -> str:
    return cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]


def test_a_cursor_that_was_tampered_with_is_refused(api: Api, user: User) -> None:
    make_jobs(user)
    _, cursor = page_of(api, "/api/jobs?limit=2")
    assert cursor is not None
    forged = Signer(key="another", salt="booper.cursor", sep=".").sign_object(["job-id", 5, "5"])
    tampered = [*(altered(cursor, place) for place in range(len(cursor))), cursor[:-1], f"{cursor}A", forged]
    for text in (*tampered, "abc", ".", "%00", "é", "5", "x" * 5000):
        assert pointers_of(api.get(f"/api/jobs?cursor={quote(text, safe='%')}")) == ["/cursor"], text
    assert pointers_of(api.get("/api/jobs?cursor[]=a")) == ["/cursor"]


def test_a_cursor_is_good_for_its_list_and_its_order_alone(api: Api, user: User) -> None:
    make_jobs(user)
    _, cursor = page_of(api, "/api/jobs?limit=2&order_by=name,asc")
    for path in (
        "/api/jobs?limit=2",
        "/api/jobs?order_by=name,desc",
        "/api/jobs?order_by=scheduled_at,asc",
        "/api/schedules?order_by=name,asc",
    ):
        response = api.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        assert pointers_of(response) == ["/cursor"]
        assert "another order_by" in response.json()["detail"]


def test_the_longest_name_makes_no_cursor_that_is_too_long_to_send_back(api: Api, user: User) -> None:
    name = "".join(chr(0x1F300 + n) for n in range(255))
    for _ in range(3):
        make_job(user=user, name=name)
    _, cursor = page_of(api, "/api/jobs?limit=2&order_by=name,asc")
    assert len(cursor or "") < 3000
    assert len(page_of(api, "/api/jobs?limit=2&order_by=name,asc", cursor)[0]) == 1


@pytest.mark.parametrize(
    ("model", "state", "index", "condition"),
    [
        (Job, None, "job_of_user", "user_id=? AND id<?"),
        (Job, "completed", "job_of_user_in_state", "user_id=? AND state=? AND id<?"),
        (LogEvent, None, "log_of_user", "user_id=? AND id<?"),
    ],
)
def test_a_page_is_found_by_its_index(user: User, model: Any, state: str | None, index: str, condition: str) -> None:
    order = Order(model=model, column="id", is_descending=True)
    transitions.cancel(make_job(user=user), now=NOON)
    position = order.position(order.cursor_at(model.objects.get()))
    rows = model.objects.filter(order.after(position), sql.owned_by(user.id), **({"state": state} if state else {}))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A table this small is else read from end to end; and of two indexes that would do it takes any.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        # The log has a part for each day, and each part an index of its own, whose rows are merged.
        index = "jobs_logevent" if model is LogEvent else index.removesuffix("_in_state")
        index, condition = f"Index Scan Backward using {index}", "(id < "
    plan = rows.order_by(*order.expressions)[:10].explain()
    assert index in plan
    assert condition in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort  (" not in plan


def test_a_schedule_that_is_deleted_meanwhile_is_not_missed_by_the_cursor(api: Api, user: User) -> None:
    for _ in range(3):
        api.post("/api/jobs", {"url": "https://example.com", "cron": "0 0 1 1 *"})
    first, cursor = page_of(api, "/api/schedules?limit=1")
    [gone] = data_of(api.get("/api/schedules?limit=1"))
    assert gone["id"] == first[0]["id"]
    data_of(api.call("DELETE", f"/api/schedules/{gone['id']}"))
    second, _ = page_of(api, "/api/schedules?limit=5", cursor)
    assert [row["id"] for row in second] == ids_of(api, "/api/schedules")
