"""The lists of the admin: what they show, find and filter, and that no table is ever gone through to its end."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.admin.jobs import JobAdmin
from jobs.admin.kit import changelist, paginator
from jobs.models import ApiKey, Job, JobState, LogEvent, Queue, User
from jobs.recurring import schedules
from jobs.running import transitions
from jobs.specs import RecurrenceSpec
from tests.admin import counted, execute, log_in, make_ended_job, page, rows, start_worker
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job, make_spec, make_user

pytestmark = pytest.mark.django_db


HOUR = timedelta(hours=1)


@pytest.fixture
def admin(web: Client, stopped_clock: StoppedClock) -> Client:
    log_in(web, "everything")
    return web


def make_upcoming_run() -> Job:
    plan = RecurrenceSpec(
        frequency={"repeat_every": [1, "hours"]}, timezone="UTC", first_run_at=NOON + HOUR, overlap="allow"
    )
    return schedules.create(make_spec(), plan, user_id=make_user().id, now=NOON).job


def test_the_list_of_jobs_shows_a_due_one_as_available_and_how_late_it_is(
    admin: Client, stopped_clock: StoppedClock
) -> None:
    make_job(name="export", now=NOON)
    stopped_clock.advance(seconds=95)
    html = page(admin, "jobs/job/")
    assert "state-available" in html
    assert "state-scheduled" not in html
    assert "1 min 35 s late" in html
    assert "attempt 0/5" in html


def test_the_list_of_jobs_shows_how_early_a_waiting_one_is(admin: Client) -> None:
    make_job(scheduled_at=NOON + 2 * HOUR)
    html = page(admin, "jobs/job/")
    assert "state-scheduled" in html
    assert "in 2 h" in html


def test_jobs_are_listed_newest_first_and_of_every_tenant(admin: Client) -> None:
    first, second = make_job(), make_job(user=make_user("grace@example.com"))
    assert rows(admin, "jobs/job/") == [second.id, first.id]


def test_a_run_of_a_schedule_leads_to_all_its_runs(admin: Client) -> None:
    make_job()
    upcoming = make_upcoming_run()
    assert f"?schedule={upcoming.schedule_id}" in page(admin, "jobs/job/")
    assert rows(admin, f"jobs/job/?schedule={upcoming.schedule_id}") == [upcoming.id]


def test_the_log_says_why_a_delivery_was_not_delivered(admin: Client) -> None:
    job = make_job()
    error = {"code": "connect_failed", "message": "Connection refused"}
    LogEvent.objects.create(
        event="delivery.failed",
        inserted_at=NOON,
        job=job,
        user_id=job.user_id,
        payload={"kind": "webhook", "attempt": 1, "status": None, "error": error},
    )
    assert "connect_failed: Connection refused" in page(admin, "jobs/logevent/")


def test_every_list_has_a_page(admin: Client) -> None:
    make_ended_job(JobState.DISCARDED, webhook_url="https://example.com/events")
    ApiKey.issue(make_user().id, name="ci")
    start_worker("worker-7")
    assert "http_status: the target answered 500" in page(admin, "jobs/logevent/")
    assert "job.finished #5" in page(admin, "jobs/delivery/")
    assert "worker-7" in page(admin, "jobs/process/")
    assert "ci" in page(admin, "jobs/apikey/")
    assert "ada@example.com" in page(admin, "jobs/user/")


def test_a_process_shows_whether_it_lives_and_what_it_has_on_the_wire(
    admin: Client, stopped_clock: StoppedClock
) -> None:
    job, worker = make_job(), start_worker()
    execute(job, worker_id=worker.id)
    html = page(admin, "jobs/process/")
    assert "state-alive" in html
    assert "1 job</a>" in html
    assert rows(admin, f"jobs/job/?worker={worker.id}") == [job.id]
    assert rows(admin, f"jobs/job/?worker={uuid4()}") == []
    stopped_clock.advance(seconds=21)
    assert "state-expired" in page(admin, "jobs/process/")


def test_jobs_are_filtered_by_the_state_they_read_as(admin: Client) -> None:
    completed, discarded = make_ended_job(JobState.COMPLETED), make_ended_job(JobState.DISCARDED)
    retryable = make_ended_job(JobState.RETRYABLE)
    executing, worker = make_job(), start_worker()
    execute(executing, worker_id=worker.id)
    cancelled = transitions.cancel(make_job(), now=NOON)
    assert cancelled is not None
    available, scheduled = make_job(), make_job(scheduled_at=NOON + HOUR)
    upcoming = make_upcoming_run()
    expected = {
        "completed": [completed],
        "discarded": [discarded],
        "retryable": [retryable],
        "executing": [executing],
        "cancelled": [cancelled],
        "available": [available],
        "scheduled": [upcoming, scheduled],
    }
    for state, jobs in expected.items():
        assert rows(admin, f"jobs/job/?state={state}") == [job.id for job in jobs], state


def test_what_waits_in_queues_is_filtered_like_the_rest_and_by_queue(admin: Client) -> None:
    queue = Queue.objects.create(user=make_user(), name="slow", inserted_at=NOON, refilled_at=NOON)
    due, later = make_job(queue_id=queue.id), make_job(queue_id=queue.id, scheduled_at=NOON + HOUR)
    transitions.cancel(make_job(queue_id=queue.id), now=NOON)
    other = make_job()
    assert rows(admin, "jobs/job/?state=available") == [other.id, due.id]
    assert rows(admin, "jobs/job/?state=scheduled") == [later.id]
    assert rows(admin, "jobs/job/?due=late") == [other.id, due.id]
    assert rows(admin, f"jobs/job/?queue={queue.id}") == [later.id, due.id]


def test_jobs_are_filtered_by_when_they_are_due(admin: Client, stopped_clock: StoppedClock) -> None:
    late, soon = make_job(), make_job(scheduled_at=NOON + timedelta(minutes=30))
    tomorrow = make_job(scheduled_at=NOON + 20 * HOUR)
    make_ended_job(JobState.COMPLETED, scheduled_at=NOON - HOUR)
    assert rows(admin, "jobs/job/?due=late") == [late.id]
    assert rows(admin, "jobs/job/?due=hour") == [soon.id]
    assert rows(admin, "jobs/job/?due=day") == [tomorrow.id, soon.id]


def test_jobs_are_filtered_by_when_they_were_inserted(admin: Client, stopped_clock: StoppedClock) -> None:
    make_job()
    stopped_clock.advance(hours=2)
    recent = make_job(now=stopped_clock.moment, scheduled_at=stopped_clock.moment)
    assert rows(admin, "jobs/job/?inserted=hour") == [recent.id]
    assert len(rows(admin, "jobs/job/?inserted=day")) == 2


@pytest.mark.parametrize("typed", ["grace@example.com", " Grace@Example.com ", "{id}"])
def test_jobs_are_filtered_by_their_owner(admin: Client, typed: str) -> None:
    make_job()
    grace = make_user("grace@example.com")
    job = make_job(user=grace)
    assert rows(admin, f"jobs/job/?owner={typed.format(id=grace.id)}") == [job.id]


def test_an_owner_who_is_not_there_is_said_not_to_be(admin: Client) -> None:
    make_job()
    assert rows(admin, "jobs/job/?owner=nobody@example.com") == []
    assert "There is no such user." in page(admin, "jobs/job/?owner=nobody@example.com")


def test_filters_are_taken_together(admin: Client) -> None:
    grace = make_user("grace@example.com")
    make_ended_job(JobState.COMPLETED, user=grace)
    discarded = make_ended_job(JobState.DISCARDED, user=grace)
    make_ended_job(JobState.DISCARDED)
    assert rows(admin, "jobs/job/?owner=grace@example.com&state=discarded") == [discarded.id]


def test_log_events_and_deliveries_are_filtered(admin: Client) -> None:
    job = make_ended_job(JobState.DISCARDED, webhook_url="https://example.com/events")
    other = make_ended_job(JobState.COMPLETED, user=make_user("grace@example.com"))
    errors = LogEvent.objects.filter(event="job.error").values_list("pk", flat=True)
    assert rows(admin, "jobs/logevent/?event=job.error") == list(errors)
    assert len(rows(admin, f"jobs/logevent/?job={other.id}")) == LogEvent.objects.filter(job=other).count() > 0
    assert len(rows(admin, "jobs/logevent/?owner=grace@example.com")) == 4
    assert len(rows(admin, "jobs/delivery/?state=pending")) == 5
    assert rows(admin, "jobs/delivery/?state=failed") == []
    assert len(rows(admin, f"jobs/delivery/?job={job.id}")) == 5


@pytest.mark.parametrize(
    ("noun", "query"),
    [
        ("job", "state=sleeping"),
        ("job", "before=x"),
        ("job", "before=-1"),
        ("job", "before=99999999999999999999999"),
        ("job", "schedule=7"),
        ("job", "worker=%00"),
        ("delivery", "state=available"),
        ("delivery", "job=x"),
        ("delivery", "job=99999999999999999999999"),
        ("logevent", "event=job.slept"),
        ("logevent", "before=7"),
    ],
)
def test_a_filter_that_makes_no_sense_leads_back_to_the_list(admin: Client, noun: str, query: str) -> None:
    response = admin.get(f"/admin/jobs/{noun}/?{query}", follow=True)
    assert (response.status_code, response.redirect_chain) == (200, [(f"/admin/jobs/{noun}/?e=1", 302)])


@pytest.mark.parametrize(
    "path",
    [
        "jobs/job/?args__headers__Authorization__startswith=Bearer",
        "jobs/job/?user__password__startswith=a",
        "jobs/job/?url__contains=x",
        "jobs/apikey/?token_hash__startswith=a",
        "jobs/user/?signing_secret__startswith=whsec_a",
        "jobs/user/?password__startswith=a",
        "jobs/logevent/?payload__contains=x",
    ],
)
def test_what_is_hidden_or_unindexed_cannot_be_asked_for_by_a_filter_of_ones_own(admin: Client, path: str) -> None:
    assert admin.get(f"/admin/{path}").status_code == 400


def fill(count: int) -> None:
    for number in range(count):
        make_ended_job(
            JobState.DISCARDED,
            user=make_user(f"user{number}@example.com"),
            webhook_url="https://example.com/events",
        )
        ApiKey.issue(make_user(f"user{number}@example.com").id)
        start_worker(f"worker-{number}")


@pytest.mark.parametrize(
    ("path", "cost"),
    [
        ("jobs/job/", 3),
        ("jobs/job/?state=discarded", 4),
        ("jobs/job/?owner=user0@example.com", 4),
        ("jobs/job/?q=user", 5),
        ("jobs/logevent/", 3),
        ("jobs/delivery/", 3),
        ("jobs/process/", 3),
        ("jobs/apikey/", 3),
        ("jobs/user/", 3),
    ],
)
def test_a_list_costs_the_same_queries_however_many_rows_it_shows(admin: Client, path: str, cost: int) -> None:
    for _ in range(2):
        fill(4)
        with CaptureQueriesContext(connection) as queries:
            page(admin, path)
        assert len(counted(queries)) == cost, counted(queries)


@pytest.mark.parametrize(
    "path",
    [
        "jobs/job/",
        "jobs/job/?state=discarded",
        "jobs/job/?q=export",
        "jobs/logevent/?event=job.error",
        "jobs/delivery/",
        "jobs/user/",
        "",
    ],
)
def test_nothing_is_counted_without_a_bound(admin: Client, path: str) -> None:
    fill(1)
    with CaptureQueriesContext(connection) as queries:
        page(admin, path)
    counts = [sql for sql in counted(queries) if "COUNT(" in sql]
    assert counts
    for sql in counts:
        assert re.search(r"LIMIT \d+\)", sql), sql


def test_a_list_does_not_fetch_what_may_be_a_megabyte_a_row(admin: Client) -> None:
    fill(1)
    for noun, column in (
        ("job", r'"jobs_job"."args"'),
        ("delivery", '"body"'),
        ("logevent", r'[ ,]"jobs_logevent"."payload"'),
    ):
        with CaptureQueriesContext(connection) as queries:
            page(admin, f"jobs/{noun}/")
        assert not [sql for sql in counted(queries) if re.search(column, sql)]


def test_a_long_list_says_more_than_so_many_and_leafs_on_from_its_last_row(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paginator, "MOST_COUNTED", 4)
    monkeypatch.setattr(JobAdmin, "list_per_page", 2)
    newest_first = [make_job().id for _ in range(7)][::-1]
    assert rows(admin, "jobs/job/?p=2") == newest_first[2:4]
    html = page(admin, "jobs/job/?p=2")
    assert "More than 4 jobs." in html
    [older] = re.findall(r'<a href="(\?before=\d+)">Older than this page</a>', html)
    assert rows(admin, f"jobs/job/{older}") == newest_first[4:6]
    assert rows(admin, f"jobs/job/{older}&p=2") == newest_first[6:]
    assert "Older than this page" not in page(admin, f"jobs/job/{older}")


def makers() -> list[tuple[str, Callable[[], Any]]]:
    return [
        ("jobs/job/?state=discarded", lambda: make_ended_job(JobState.DISCARDED).id),
        ("jobs/job/?q=export", lambda: make_job(name="export").id),
        ("jobs/user/?q=export", lambda: make_user(f"export{User.objects.count()}@example.com").id),
    ]


@pytest.mark.parametrize(("path", "make"), makers())
def test_what_no_index_answers_is_looked_for_among_the_newest_rows_and_the_page_says_so(
    admin: Client, monkeypatch: pytest.MonkeyPatch, path: str, make: Callable[[], Any]
) -> None:
    monkeypatch.setattr(changelist, "REACH", 2)
    keys = [make() for _ in range(5)]
    response = admin.get(f"/admin/{path}")
    assert [row.pk for row in response.context["cl"].result_list] == keys[:2:-1]
    assert "Looked through the newest 2 rows only." in response.content.decode()
    found: list[Any] = keys[:2:-1]
    while further := response.context["cl"].reach:
        response = admin.get(f"/admin/{path.partition('?')[0]}{further.further}")
        found += [row.pk for row in response.context["cl"].result_list]
    assert found == keys[::-1]


@pytest.mark.parametrize("query", ["", "state=scheduled", "due=late", "owner=ada@example.com", "q=ada@"])
def test_what_an_index_answers_is_looked_for_everywhere(
    admin: Client, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(changelist, "REACH", 1)
    due = NOON + HOUR if query == "state=scheduled" else NOON
    jobs = [make_job(scheduled_at=due) for _ in range(3)]
    assert len(rows(admin, f"jobs/job/?{query}")) == len(jobs)


def test_the_reach_of_a_search_is_counted_among_an_owners_rows(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelist, "REACH", 2)
    wanted = make_job(name="export")
    for _ in range(3):
        make_job(user=make_user("grace@example.com"))
    assert rows(admin, "jobs/job/?q=export") == []
    assert rows(admin, "jobs/job/?q=export&owner=ada@example.com") == [wanted.id]
