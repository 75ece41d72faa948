"""What follows a job is made with the record of its end: once, whatever is retried, and what does not fit is told."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.outcomes.outcome import Failure, Outcome, Response
from booper.targets.ports import parse_ports
from jobs.intake import job as intake_job
from jobs.models import Job, JobState, LogEvent, Queue, Usage, User
from jobs.operating import retention
from jobs.running import attempts, child_request, children, transitions
from jobs.running.ended import Ended
from jobs.waking import announcements
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import OK, REFUSED, answered, run_due, start_due, take_lease

pytestmark = pytest.mark.django_db

URL = "https://example.com/hook"
GONE = answered(410)
MINUTE = timedelta(minutes=1)


def parent(**args: Any) -> Job:
    return make_job(args={"method": "post", "url": URL, **args}, max_attempts=args.get("max_attempts", 5))


def said(body: Any, status: int = 200) -> Outcome:
    response = Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode(), truncated=False)
    return Outcome(response=response, failure=None, duration_ms=3)


def names() -> list[str | None]:
    return list(Job.objects.filter(parent_uuid__isnull=False).order_by("id").values_list("name", flat=True))


def refusals() -> list[str]:
    rows = LogEvent.objects.filter(event="job.error").order_by("id")
    return [row.payload["message"] for row in rows if row.payload["code"] == children.REFUSED]


def nested(depth: int) -> dict[str, Any]:
    """A chain of so many below the one that is answered."""
    return {"url": URL} if not depth else {"url": URL, "then": nested(depth - 1)}


def test_what_follows_is_made_in_the_order_in_which_it_was_written_and_knows_where_it_comes_from() -> None:
    job = parent(then=[{"url": URL, "name": "a"}, {"url": URL, "name": "b"}], on_failure={"url": URL, "name": "never"})
    run_due(said({"sent": 5}))
    assert names() == ["a", "b"]
    child = Job.objects.get(name="a")
    assert (child.parent_uuid, child.root_uuid, child.depth) == (job.uuid, job.uuid, 1)
    assert (child.state, child.scheduled_at, child.inserted_at) == (JobState.SCHEDULED, NOON, NOON)
    assert (child.args, child.user_id) == ({"url": URL, "name": "a"}, job.user_id)
    finished = LogEvent.objects.get(job_id=job.id, event="job.finished").payload
    assert finished == {
        "state": "completed",
        "duration_ms": 3,
        "children": list(Job.objects.exclude(id=job.id).values_list("id", flat=True)),
    }


def test_a_failure_is_followed_by_its_own_and_tells_them_of_error_and_response() -> None:
    parent(then={"url": URL, "name": "never"}, on_failure={"url": URL, "name": "mend"})
    run_due(GONE)
    child = Job.objects.get(parent_uuid__isnull=False)
    told = json.loads(child.parent_answer or "")
    assert (child.name, told["error"]["code"], told["response"]["status"]) == ("mend", "http_status", 410)


def test_nothing_follows_an_attempt_that_is_tried_again_or_a_job_that_was_cancelled_or_expired() -> None:
    follows = {"then": {"url": URL}, "on_failure": {"url": URL}}
    parent(**follows)
    run_due(REFUSED)
    cancelled = parent(**follows)
    assert transitions.cancel(cancelled, now=NOON) is not None
    expiring = parent(**follows, expires_in=1)
    assert [job.id for job in transitions.expire(limit=10, now=NOON + MINUTE)] == [expiring.id]
    assert names() == []


def test_the_parents_answer_is_put_in_where_the_child_refers_to_it_and_nothing_that_it_says_is_looked_at_again() -> (
    None
):
    body = {"id": "$previous.id", "all": "$previous", "raw": "$$previous", "mine": "$job.name"}
    parent(then={"url": URL, "method": "post", "name": "next", "body": body, "headers": {"X-Id": "$previous.id"}})
    run_due(said({"id": 7, "evil": "$job.id {{secret:X}}"}))
    [started] = start_due(uuid4())
    request = started.request
    assert request is not None
    sent = json.loads(request.body or b"")
    evil = {"id": 7, "evil": "$job.id {{secret:X}}"}
    assert sent == {"id": 7, "all": evil, "raw": "$previous", "mine": "next"}
    assert dict(request.headers)["X-Id"] == "7"


@pytest.mark.parametrize(
    ("outcome", "previous"),
    [
        (said(None), "null"),
        (Outcome(Response(200, (), b"plain", truncated=False), None, 3), '"plain"'),
        (Outcome(Response(204, (), b"", truncated=False), None, 3), "{}"),
        (Outcome(Response(200, (), b'{"a":1', truncated=True), None, 3), "{}"),
        (Outcome(Response(200, (), b"\xff\xfe\x00", truncated=False), None, 3), "{}"),
        (said([1.50, "x"]), '[1.5,"x"]'),
    ],
)
def test_previous_is_what_was_answered_json_or_text(outcome: Outcome, previous: str) -> None:
    parent(then={"url": URL})
    run_due(outcome)
    assert Job.objects.get(parent_uuid__isnull=False).parent_answer == previous


def test_a_child_has_the_metadata_in_its_body_only_if_it_asks_for_it() -> None:
    parent(then=[{"url": URL, "body": {"a": 1}}, {"url": URL, "body": {"a": 1}, "include_metadata": True}])
    run_due(said({"ok": True}))
    bodies = [json.loads(item.request.body or b"") for item in start_due(uuid4()) if item.request]
    assert bodies[0] == {"a": 1}
    assert bodies[1].keys() == {"a", "$job", "$previous", "$state"}
    assert (bodies[1]["$previous"], bodies[1]["$state"]) == ({"ok": True}, {})


def test_a_child_is_due_after_its_own_wait_from_the_end_of_its_parent_and_expires_by_itself() -> None:
    parent(then={"url": URL, "schedule_in": [1, "month"], "expires_in": [5, "minutes"], "timezone": "Europe/Berlin"})
    run_due(OK, until=NOON + MINUTE)
    child = Job.objects.get(parent_uuid__isnull=False)
    assert child.scheduled_at == (NOON + MINUTE).replace(month=4, hour=11)
    assert child.expires_at == child.scheduled_at + 5 * MINUTE


def test_a_retried_parent_makes_its_children_on_failure_once_and_those_of_then_when_it_completes_at_last() -> None:
    job = parent(then={"url": URL, "name": "then"}, on_failure={"url": URL, "name": "mend"})
    run_due(GONE)
    Job.objects.filter(name="mend").delete()
    for minute, outcome in ((1, GONE), (2, OK), (3, OK), (4, GONE)):
        assert transitions.retry(Job.objects.get(id=job.id), now=NOON + minute * MINUTE) is not None
        Job.objects.filter(name="then").update(scheduled_at=NOON + timedelta(days=9))
        run_due(outcome, now=NOON + minute * MINUTE)
    assert names() == ["then"]
    assert Job.objects.get(id=job.id).children_made == 3


def test_an_end_that_is_recorded_twice_is_followed_once() -> None:
    parent(then={"url": URL, "name": "a"})
    lease = take_lease()
    [started] = start_due(lease.id)
    for _ in range(2):
        attempts.record(lease.id, [Ended(job=started.row, state=JobState.COMPLETED)], now=NOON)
    assert names() == ["a"]


def test_what_a_dead_worker_had_the_last_attempt_of_is_followed_by_its_on_failure() -> None:
    job = parent(on_failure={"url": URL, "name": "mend"}, max_attempts=1)
    lease = take_lease()
    start_due(lease.id)
    assert len(attempts.rescue(limit=10, now=NOON + MINUTE)) == 1
    assert names() == ["mend"]
    told = json.loads(Job.objects.get(name="mend").parent_answer or "")
    assert (told["error"]["code"], told["response"]) == ("lease_lost", None)
    assert LogEvent.objects.get(job_id=job.id, event="job.finished").payload["children"]


def test_each_run_of_a_schedule_is_followed_by_jobs_of_its_own_that_are_no_runs() -> None:
    make_schedule(spec={"args": {"url": URL, "then": {"url": URL, "name": "after"}}})
    run_due(said({"n": 1}))
    child = Job.objects.get(name="after")
    assert (child.schedule_id, child.is_upcoming, child.parent_answer) == (None, False, '{"n":1}')


def test_a_chain_goes_on_twenty_deep_and_tells_that_it_ends_there() -> None:
    parent(then=nested(22))
    for minute in range(25):
        run_due(OK, now=NOON + minute * MINUTE)
    depths = Job.objects.filter(parent_uuid__isnull=False).order_by("id").values_list("depth", flat=True)
    assert list(depths) == list(range(1, 21))
    assert refusals() == ["job 1 of 1 in then was not made: at most 20 jobs follow each other in a chain"]


def test_a_thousand_come_of_one_and_the_rest_is_told() -> None:
    ten = [{"url": URL}] * 10
    hundred = [{"url": URL, "then": ten}] * 10
    parent(then=[{"url": URL, "then": hundred}] * 10)
    while run_due(OK):
        pass
    assert Job.objects.filter(parent_uuid__isnull=False).count() == 1000
    assert len(refusals()) == 110
    assert "at most 1000 jobs may come of one" in refusals()[0]
    assert Job.objects.exclude(state=JobState.COMPLETED).count() == 0


def test_the_count_of_a_chain_is_kept_a_month_after_its_last_job_and_swept_away_then() -> None:
    parent(then={"url": URL, "schedule_in": [1, "day"]})
    run_due(OK)
    row = Usage.objects.get(name="children")
    assert (row.used, row.at) == (1, NOON + timedelta(days=31))
    retention.prune(now=NOON + timedelta(days=40))
    assert not Usage.objects.filter(name="children").exists()


def test_what_a_limit_leaves_no_room_for_is_told_and_the_parent_is_completed_all_the_same(settings: Any) -> None:
    settings.BOOPER_MAX_WAITING_JOBS = 3
    job = parent(then=[{"url": URL}] * 4)
    run_due(OK)
    assert Job.objects.get(id=job.id).state == JobState.COMPLETED
    assert names() == []
    assert len(refusals()) == 4
    assert "waiting_jobs" in refusals()[0]


def test_what_is_stored_of_a_child_counts_as_bytes_of_its_owner() -> None:
    User.objects.filter(id=make_user().id).update(limits={"stored_bytes": 100})
    parent(then={"url": URL, "body": "x" * 100})
    run_due(OK)
    assert names() == []
    assert "stored_bytes" in refusals()[0]


def test_a_child_is_made_in_its_queue_which_is_looked_at_when_it_is_due() -> None:
    parent(then=[{"url": URL, "queue": "slow"}, {"url": URL, "queue": "slow", "schedule_in": 60}])
    run_due(OK)
    queue = Queue.objects.get(name="slow")
    assert set(Job.objects.filter(parent_uuid__isnull=False).values_list("queue_id", flat=True)) == {queue.id}
    assert queue.ready_at is not None


def test_a_target_that_the_operator_takes_no_more_is_told_and_its_brothers_are_made(settings: Any) -> None:
    parent(then=[{"url": "http://example.com/"}, {"url": URL, "name": "b"}])
    settings.BOOPER_ALLOW_HTTP_TARGETS = False
    run_due(OK)
    assert names() == ["b"]
    assert refusals()[0].startswith("job 1 of 2 in then was not made: ")


@pytest.mark.parametrize("field", ["url", "callback_url", "webhook_url"])
def test_ports_and_networks_that_the_operator_takes_no_more_are_as_closed_to_what_follows(
    field: str, settings: Any
) -> None:
    parent(then=[{"url": URL, field: "https://example.com:8443/"}, {"url": URL, field: "https://10.1.2.3/"}])
    settings.BOOPER_TARGET_PORTS = parse_ports("443")
    settings.BOOPER_ALLOWED_TARGET_NETWORKS = ("10.0.0.0/8",)
    settings.BOOPER_BLOCKED_TARGET_NETWORKS = ("10.1.0.0/16",)
    run_due(OK)
    assert names() == []
    assert "port 8443" in refusals()[0]
    assert "10.1.2.3" in refusals()[1]


def test_fields_that_make_no_sense_any_more_stop_nobody() -> None:
    job = parent(then=[{"url": URL, "timeout": "soon"}, 5, {}])
    run_due(OK)
    assert Job.objects.get(id=job.id).state == JobState.COMPLETED
    assert (names(), len(refusals())) == ([], 3)


def test_workers_are_told_of_the_new_ones_in_the_lanes_they_are_in(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    told: dict[str, Any] = {}
    for name in ("announce_jobs", "announce_queues"):
        monkeypatch.setattr(announcements, name, lambda at, name=name: told.update({name: set(at)}))
    parent(then=[{"url": URL}, {"url": URL, "schedule_in": 60}, {"url": URL, "queue": "q"}])
    with django_capture_on_commit_callbacks(execute=True):
        run_due(OK)
    assert told == {"announce_jobs": {NOON, NOON + MINUTE}, "announce_queues": {NOON}}


def test_a_job_that_nothing_follows_costs_no_query_more() -> None:
    lease = take_lease()
    counts = []
    for args in ({}, {"on_failure": {"url": URL}}):
        parent(**args)
        [started] = start_due(lease.id)
        with CaptureQueriesContext(connection) as queries:
            attempts.record(lease.id, [Ended(job=started.row, state=JobState.COMPLETED)], now=NOON)
        counts.append(len(queries))
        assert not any("jobs_usage" in query["sql"] or "children_made" in query["sql"] for query in queries)
    assert counts[0] == counts[1]


def test_a_hundred_parents_cost_as_many_queries_as_one() -> None:
    lease = take_lease()
    counts = []
    for number in (1, 100):
        for _ in range(number):
            parent(then={"url": URL, "schedule_in": 3600})
        ended = [Ended(job=item.row, state=JobState.COMPLETED) for item in start_due(lease.id)]
        with CaptureQueriesContext(connection) as queries:
            attempts.record(lease.id, ended, now=NOON)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_failure_without_an_answer_tells_of_no_response() -> None:
    parent(on_failure={"url": URL}, max_attempts=1)
    run_due(Outcome(response=None, failure=Failure("timeout", "too slow"), duration_ms=3))
    assert json.loads(Job.objects.get(parent_uuid__isnull=False).parent_answer or "")["response"] is None


def test_the_row_of_a_child_has_what_a_job_with_these_fields_has() -> None:
    fields = {
        "method": "POST",
        "url": "https://EXAMPLE.com:443/a|b",
        "headers": {"X-A": "1"},
        "body": {"a": 1},
        "name": "n",
        "description": "d",
        "callback_url": "https://Example.com",
        "webhook_url": "https://example.com/w",
        "timeout": "12.5",
        "max_attempts": "7",
        "backoff": [5, [1, "minutes"]],
        "tags": ["a", "b", "a"],
        "schedule_in": ["30", "seconds"],
    }
    for given in (fields, {"url": URL}, {"url": URL, "tags": [], "timeout": 5}):
        spec = intake_job.wanted(given, key_header=None, now=NOON).spec
        columns = child_request.columns(given)
        assert columns == {name: getattr(spec, name) for name in columns}
        assert child_request.due_at(given, now=NOON) == spec.scheduled_at
