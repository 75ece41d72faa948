"""The SDK: each method is one call of the HTTP API, each refusal one exception."""

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import requests

from booper import __version__
from booper.client import (
    APIError,
    BadRequest,
    BooperError,
    Conflict,
    ConnectionFailed,
    InvalidCall,
    NotFound,
    RateLimited,
    Scheduler,
    ServerError,
    TooLarge,
    Unauthorized,
)
from tests.booper.client.uses import HOOK, Use
from tests.fake_api import ALERT, API_KEY, CALENDAR, DELIVERY, JOB, LOG, QUEUE, SCHEDULE, Answer, FakeApi

JOB_ID = JOB["job_id"]


SCHEDULE_ID = SCHEDULE["id"]


CALLS: list[tuple[Use, str, str, Any]] = [
    (lambda s: s.jobs.create(HOOK), "POST", "/api/jobs", JOB),
    (lambda s: s.jobs.create_many([HOOK, HOOK]), "POST", "/api/jobs/batch", [JOB, JOB]),
    (lambda s: s.jobs.list(), "GET", "/api/jobs", [JOB]),
    (lambda s: s.jobs.get(JOB_ID), "GET", "/api/jobs/73496", JOB),
    (lambda s: s.jobs.get(UUID(JOB["id"])), "GET", f"/api/jobs/{JOB['id']}", JOB),
    (lambda s: s.jobs.update(JOB_ID, {"name": "x"}), "PATCH", "/api/jobs/73496", JOB),
    (lambda s: s.jobs.cancel(JOB_ID), "POST", "/api/jobs/73496/cancel", JOB),
    (lambda s: s.jobs.cancel_many(state="scheduled"), "POST", "/api/jobs/cancel", {"matched": 3, "cancelled": 3}),
    (lambda s: s.jobs.cancel_many(all=True), "POST", "/api/jobs/cancel", {"matched": 3, "cancelled": 3}),
    (lambda s: s.jobs.retry_many(all=True), "POST", "/api/jobs/retry", {"matched": 3, "retried": 3}),
    (lambda s: s.jobs.run_many(tag="red"), "POST", "/api/jobs/run", {"matched": 3, "run": 3}),
    (lambda s: s.jobs.delete_many(all=True), "POST", "/api/jobs/delete", {"matched": 3, "deleted": 3}),
    (lambda s: s.deliveries.resend_many(all=True), "POST", "/api/deliveries/resend", {"matched": 3, "resent": 3}),
    (lambda s: s.jobs.run(JOB_ID), "POST", "/api/jobs/73496/run", JOB),
    (lambda s: s.jobs.retry(JOB_ID), "POST", "/api/jobs/73496/retry", JOB),
    (lambda s: s.jobs.delete(JOB_ID), "DELETE", "/api/jobs/73496", JOB),
    (lambda s: s.jobs.timeline(JOB_ID), "GET", "/api/jobs/73496/timeline", JOB),
    (lambda s: s.schedules.list(), "GET", "/api/schedules", [SCHEDULE]),
    (lambda s: s.schedules.get(SCHEDULE_ID), "GET", f"/api/schedules/{SCHEDULE_ID}", SCHEDULE),
    (lambda s: s.schedules.enable(SCHEDULE_ID), "POST", f"/api/schedules/{SCHEDULE_ID}/enable", SCHEDULE),
    (lambda s: s.schedules.disable(SCHEDULE_ID), "POST", f"/api/schedules/{SCHEDULE_ID}/disable", SCHEDULE),
    (lambda s: s.schedules.trigger(SCHEDULE_ID), "POST", f"/api/schedules/{SCHEDULE_ID}/trigger", SCHEDULE),
    (lambda s: s.schedules.update(SCHEDULE_ID, {"name": "x"}), "PATCH", f"/api/schedules/{SCHEDULE_ID}", SCHEDULE),
    (lambda s: s.schedules.skip(SCHEDULE_ID), "POST", f"/api/schedules/{SCHEDULE_ID}/skip", SCHEDULE),
    (
        lambda s: s.schedules.backfill("report", {"from": "2026-11-01", "to": "2026-11-02"}),
        "POST",
        "/api/schedules/report/backfill",
        [JOB],
    ),
    (lambda s: s.schedules.put("report", {}), "PUT", "/api/schedules/report", SCHEDULE),
    (lambda s: s.schedules.delete(SCHEDULE_ID), "DELETE", f"/api/schedules/{SCHEDULE_ID}", SCHEDULE),
    (lambda s: s.logs.list(), "GET", "/api/logs", [LOG]),
    (lambda s: s.logs.get(LOG["id"]), "GET", f"/api/logs/{LOG['id']}", LOG),
    (lambda s: s.deliveries.list(), "GET", "/api/deliveries", [DELIVERY]),
    (lambda s: s.deliveries.get(DELIVERY["id"]), "GET", f"/api/deliveries/{DELIVERY['id']}", DELIVERY),
    (lambda s: s.deliveries.resend(DELIVERY["id"]), "POST", f"/api/deliveries/{DELIVERY['id']}/resend", DELIVERY),
    (lambda s: s.queues.list(), "GET", "/api/queues", [QUEUE]),
    (lambda s: list(s.queues.iterate()), "GET", "/api/queues", [QUEUE]),
    (lambda s: s.queues.get("mail"), "GET", "/api/queues/mail", QUEUE),
    (lambda s: s.queues.update("mail", {"concurrency": 3}), "PUT", "/api/queues/mail", QUEUE),
    (lambda s: s.calendars.list(), "GET", "/api/calendars", [CALENDAR]),
    (lambda s: s.calendars.get("closed"), "GET", "/api/calendars/closed", CALENDAR),
    (lambda s: s.calendars.put("closed", {"country": "GB"}), "PUT", "/api/calendars/closed", CALENDAR),
    (lambda s: s.calendars.delete("closed"), "DELETE", "/api/calendars/closed", CALENDAR),
    (lambda s: s.alerts.list(), "GET", "/api/alerts", [ALERT]),
    (lambda s: s.alerts.get(ALERT["id"]), "GET", f"/api/alerts/{ALERT['id']}", ALERT),
    (lambda s: s.alerts.create({"name": "x", "when": {"discarded": 3}, "to": []}), "POST", "/api/alerts", ALERT),
    (lambda s: s.alerts.update(ALERT["id"], {"name": "x"}), "PATCH", f"/api/alerts/{ALERT['id']}", ALERT),
    (lambda s: s.alerts.test(ALERT["id"]), "POST", f"/api/alerts/{ALERT['id']}/test", ALERT),
    (lambda s: s.alerts.incidents(ALERT["id"]), "GET", f"/api/alerts/{ALERT['id']}/incidents", [ALERT]),
    (lambda s: s.alerts.delete(ALERT["id"]), "DELETE", f"/api/alerts/{ALERT['id']}", ALERT),
    (lambda s: s.preview({"cron": "0 9 * * *"}), "POST", "/api/preview", {"noun": "preview"}),
]


@pytest.mark.parametrize(("use", "method", "path", "data"), CALLS, ids=[f"{call[1]} {call[2]}" for call in CALLS])
def test_each_method_is_one_authenticated_call_and_returns_data(
    api: FakeApi, scheduler: Scheduler, use: Use, method: str, path: str, data: Any
) -> None:
    assert use(scheduler) == data

    assert [(call.method, call.path) for call in api.calls] == [(method, path)]
    assert api.last.headers["authorization"] == f"Bearer {API_KEY}"
    assert api.last.headers["user-agent"] == f"booper-python/{__version__}"
    assert api.last.headers["accept"] == "application/json"


def test_bodies_are_sent_as_json(api: FakeApi, scheduler: Scheduler) -> None:
    scheduler.jobs.create({**HOOK, "body": {"content": "Zoë \U0001f600"}})
    assert api.last.body == {**HOOK, "body": {"content": "Zoë \U0001f600"}}
    assert api.last.headers["content-type"] == "application/json"

    scheduler.jobs.create_many(job for job in (HOOK, HOOK))
    assert api.last.body == {"jobs": [HOOK, HOOK]}

    scheduler.queues.update("mail", {"concurrency": 3})
    assert api.last.body == {"concurrency": 3}

    scheduler.jobs.run(JOB_ID)
    assert api.last.body is None


def test_times_durations_and_uuids_are_spelt_as_the_api_reads_them(api: FakeApi, scheduler: Scheduler) -> None:
    scheduler.jobs.create(
        {
            "scheduled_at": datetime(2026, 12, 1, 10, 0, tzinfo=timezone(timedelta(hours=1))),
            "starts_at": datetime(2026, 12, 1, 10, 0),  # noqa: DTZ001 - a naive one is what is tested
            "schedule_in": timedelta(minutes=2),
            "body": {"id": UUID(JOB["id"])},
        }
    )

    assert api.last.body == {
        "scheduled_at": "2026-12-01T09:00:00Z",
        "starts_at": "2026-12-01T10:00:00",
        "schedule_in": 120.0,
        "body": {"id": JOB["id"]},
    }


def test_filters_become_the_query(api: FakeApi, scheduler: Scheduler) -> None:
    scheduler.jobs.list(
        state=["scheduled", "retryable"],
        limit=5,
        order_by="inserted_at,asc",
        name="a & b",
        url=None,
        late=True,
        inserted_after=datetime(2026, 12, 1, tzinfo=UTC),
    )

    assert api.last.query == {
        "state": "scheduled,retryable",
        "limit": "5",
        "order_by": "inserted_at,asc",
        "name": "a & b",
        "late": "true",
        "inserted_after": "2026-12-01T00:00:00Z",
    }


def test_a_scope_is_sent_only_when_given(api: FakeApi, scheduler: Scheduler) -> None:
    scheduler.jobs.cancel(7)
    assert api.last.query == {}

    scheduler.jobs.cancel(7, scope="run")
    assert api.last.query == {"scope": "run"}


def test_cancel_many_needs_a_filter_or_to_be_told_that_all_is_meant(api: FakeApi, scheduler: Scheduler) -> None:
    for call in (lambda: scheduler.jobs.cancel_many(state=None), lambda: scheduler.jobs.cancel_many(all=False)):
        with pytest.raises(InvalidCall, match="all=True"):
            call()
    assert api.calls == []

    scheduler.jobs.cancel_many(all=True)
    assert api.last.query == {"all": "true"}
    scheduler.jobs.cancel_many(state=["scheduled", "retryable"], name="a b")
    assert api.last.query == {"state": "scheduled,retryable", "name": "a b"}


def test_iterate_follows_the_cursors(api: FakeApi, scheduler: Scheduler) -> None:
    for page, cursor in (("ab", "c1"), ("cd", "c2"), ("e", None)):
        api.answer_page(page, cursor=cursor)

    rows = list(scheduler.jobs.iterate(page_size=2, state="scheduled"))

    assert [row["id"] for row in rows] == ["a", "b", "c", "d", "e"]
    assert [call.query["cursor"] for call in api.calls] == ["", "c1", "c2"]
    assert {(call.query["state"], call.query["limit"]) for call in api.calls} == {("scheduled", "2")}


def test_iterate_goes_on_behind_a_page_that_is_not_full(api: FakeApi, scheduler: Scheduler) -> None:
    for page, cursor in (("", "c1"), ("a", "c2"), ("", None)):
        api.answer_page(page, cursor=cursor)

    assert [row["id"] for row in scheduler.logs.iterate(page_size=2)] == ["a"]


def test_iterate_begins_where_the_offset_says_and_reads_no_further_than_consumed(
    api: FakeApi, scheduler: Scheduler
) -> None:
    api.answer_page("ab", cursor="c1")
    api.answer_page("c", cursor=None)
    rows = scheduler.deliveries.iterate(page_size=2, offset=40)

    assert next(rows)["id"] == "a"
    assert [call.query for call in api.calls] == [{"limit": "2", "offset": "40", "cursor": ""}]
    assert [row["id"] for row in rows] == ["b", "c"]
    assert api.last.query == {"limit": "2", "cursor": "c1"}


def test_pausing_and_resuming_a_queue_keeps_its_other_limits(api: FakeApi, scheduler: Scheduler) -> None:
    for use, is_paused in ((scheduler.queues.pause, True), (scheduler.queues.resume, False)):
        use("mail")
        assert [(call.method, call.path) for call in api.calls[-2:]] == [
            ("GET", "/api/queues/mail"),
            ("PUT", "/api/queues/mail"),
        ]
        assert api.last.body == {"concurrency": 5, "rate": QUEUE["rate"], "paused": is_paused}


@pytest.mark.parametrize("data", [{"message": "Pong"}, {"data": {"message": "Pong"}}])
def test_ping_needs_no_key_and_sends_none(api: FakeApi, data: Any) -> None:
    api.answers.extend([Answer(200, data)] * 2)
    with Scheduler(base_url=api.url) as without, Scheduler(API_KEY, base_url=api.url) as with_key:
        assert without.ping() == with_key.ping() == {"message": "Pong"}

    assert all("authorization" not in call.headers for call in api.calls)


def test_version_needs_no_key_and_sends_none(api: FakeApi, scheduler: Scheduler) -> None:
    assert scheduler.version() == {"version": "0.2.0", "api": "1"}
    assert (api.last.method, api.last.path, "authorization" in api.last.headers) == ("GET", "/api/version", False)


def test_key_and_address_come_from_the_environment(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOPER_API_KEY", " sk_environment\n")
    monkeypatch.setenv("BOOPER_API_URL", f"{api.url}/api/")
    with Scheduler() as scheduler:
        scheduler.jobs.list()

    assert api.last.headers["authorization"] == "Bearer sk_environment"
    assert api.last.path == "/api/jobs"


def test_the_address_may_have_a_path(api: FakeApi) -> None:
    with Scheduler(API_KEY, base_url=f"{api.url}/booper/") as scheduler:
        api.answer([])
        scheduler.jobs.list()

    assert api.last.path == "/booper/api/jobs"


def test_without_a_key_nothing_is_sent(api: FakeApi) -> None:
    with Scheduler(base_url=api.url) as scheduler, pytest.raises(InvalidCall, match="BOOPER_API_KEY"):
        scheduler.jobs.list()

    assert api.calls == []


@pytest.mark.parametrize("api_key", ["sk_\nX-Evil: 1", "sk a", "sk_é", "sk_\x00"])
def test_a_key_that_is_none_is_refused_and_not_shown(api_key: str) -> None:
    with pytest.raises(InvalidCall, match="api_key") as caught:
        Scheduler(api_key)

    assert api_key not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "localhost:8000",
        "ftp://host",
        "https://",
        "http://u:p@host",
        "http://host?x",
        "http://host#x",
        "http://host:99999",
        "http://[::1",
        "/api",
    ],
)
def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(InvalidCall, match="BOOPER_API_URL"):
        Scheduler(API_KEY, base_url=base_url)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(InvalidCall, match="timeout"):
        Scheduler(API_KEY, timeout=timeout)


@pytest.mark.parametrize("job_id", ["", " ", ".", "..", "\udcff"])
def test_an_id_that_names_nothing_is_refused(api: FakeApi, scheduler: Scheduler, job_id: str) -> None:
    with pytest.raises(InvalidCall, match="id:"):
        scheduler.jobs.get(job_id)

    assert api.calls == []


def test_an_id_cannot_leave_its_path(api: FakeApi, scheduler: Scheduler) -> None:
    api.refuse(404)
    with pytest.raises(NotFound):
        scheduler.jobs.get("../logs?x=1#y")

    assert api.last.path == "/api/jobs/..%2Flogs%3Fx%3D1%23y"


@pytest.mark.parametrize("body", [{"n": float("nan")}, {"s": {1, 2}}, {"b": b"bytes"}])
def test_a_body_that_is_no_json_is_refused(api: FakeApi, scheduler: Scheduler, body: Any) -> None:
    with pytest.raises(InvalidCall, match="JSON"):
        scheduler.jobs.create(body)

    assert api.calls == []


def test_a_filter_that_cannot_be_sent_is_refused(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidCall):
        scheduler.jobs.list(name="\udcff")


def test_the_key_shows_in_no_repr(scheduler: Scheduler) -> None:
    assert repr(scheduler).startswith("Scheduler(base_url='http://127.0.0.1:")
    assert API_KEY not in repr(scheduler)


def test_every_error_is_a_booper_error() -> None:
    kinds = [InvalidCall, ConnectionFailed, BadRequest, Unauthorized, NotFound, Conflict, TooLarge, RateLimited]

    assert all(issubclass(kind, BooperError) for kind in [*kinds, ServerError, APIError])
    assert issubclass(InvalidCall, ValueError)


def test_threads_share_a_scheduler_but_no_session(api: FakeApi, scheduler: Scheduler) -> None:
    sessions: list[requests.Session] = []
    barrier = threading.Barrier(4)

    def use() -> None:
        barrier.wait(timeout=10)
        scheduler.jobs.list()
        scheduler.jobs.list()
        sessions.append(scheduler._transport._session())
        barrier.wait(timeout=10)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(api.calls) == 8
    assert len({id(session) for session in sessions}) == 4


def test_a_session_of_your_own_is_used_and_left_open(api: FakeApi) -> None:
    with requests.Session() as session:
        session.headers["X-Mine"] = "1"
        with Scheduler(API_KEY, base_url=api.url, session=session) as scheduler:
            scheduler.jobs.list()
        assert api.last.headers["x-mine"] == "1"
        assert session.get(api.url + "/api/ping").ok


def test_an_error_that_is_kept_keeps_no_connection_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> bytes:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
                connection.settimeout(5)
                return connection.recv(1)

        with ThreadPoolExecutor(1) as server:
            end_of_stream = server.submit(refuse)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with Scheduler(API_KEY, base_url=url) as scheduler, pytest.raises(NotFound) as kept:
                scheduler.jobs.get(JOB_ID)
            assert end_of_stream.result() == b""
    assert kept.value.status == 404


def test_the_package_gives_the_scheduler_and_does_not_load_it_before() -> None:
    code = (
        "import sys, booper; assert 'requests' not in sys.modules; from booper import Scheduler; "
        "import booper.client; assert Scheduler is booper.client.Scheduler; assert not hasattr(booper, 'Nope')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
