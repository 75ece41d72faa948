"""The pages of a job, its events and its deliveries: what one needs to know, no secret, and no stranger's markup."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.admin import job_page
from jobs.models import Delivery, Job, JobState, LogEvent, Queue
from jobs.recurring import schedules
from jobs.specs import RecurrenceSpec
from tests.admin import ANSWER, ERROR, counted, execute, finish, log_in, make_ended_job, page, start_worker
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job, make_spec, make_user

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "'};alert(1);//",
    "{{ 7|add:7 }}{% url 'admin:index' %}",
    "</pre></td></tr></table><script>alert(1)</script>",
    "</title><svg/onload=alert(1)>",
]


@pytest.fixture
def admin(web: Client, stopped_clock: StoppedClock) -> Client:
    log_in(web, "everything")
    return web


def job_html(admin: Client, job: Job) -> str:
    return page(admin, f"jobs/job/{job.id}/change/")


def why(html: str) -> tuple[str, str]:
    """The reason at the head of a job's page: its code, and its words."""
    [(code, message)] = re.findall(r'<div class="standing">\s*<p>.*<code>(\w+)</code> <bdi>(.*)</bdi></p>', html)
    return code, message


class Tags(HTMLParser):
    """Every tag of a page, and where its links and forms lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.targets: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.targets += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


# How it stands


def test_a_job_that_its_queue_holds_back_says_so(admin: Client, stopped_clock: StoppedClock) -> None:
    queue = Queue.objects.create(user=make_user(), name="<slow>", inserted_at=NOON, refilled_at=NOON, paused_at=NOON)
    job = make_job(queue_id=queue.id)
    stopped_clock.advance(minutes=1)
    html = job_html(admin, job)
    code, message = why(html)
    assert (code, message.partition(" since")[0]) == ("paused", "its queue &#x27;&lt;slow&gt;&#x27; is paused")
    assert re.search(r"<bdi>&lt;slow&gt;</bdi></a>, paused since .*2026-03-01 12:00:00", html)


def test_an_executing_job_says_whether_its_worker_answers(admin: Client, stopped_clock: StoppedClock) -> None:
    job, worker = make_job(), start_worker("worker-7@web-1")
    execute(job, worker_id=worker.id)
    stopped_clock.advance(seconds=3)
    assert why(job_html(admin, job)) == ("executing", "attempt 1 is on the wire for 3 s and may take 30 s")
    stopped_clock.advance(seconds=20)
    lost = ("lease_lost", "the worker that has attempt 1 on the wire does not answer: another one takes the job up")
    assert why(job_html(admin, job)) == (lost[0], f"{lost[1]} within seconds")
    worker.delete()
    assert why(job_html(admin, job))[0] == "lease_lost"


def test_an_ended_job_says_how_it_ended(admin: Client) -> None:
    assert why(job_html(admin, make_ended_job(JobState.COMPLETED)))[0] == "on_time"
    discarded = make_ended_job(JobState.DISCARDED, max_attempts=1)
    message = "no attempt was left after attempt 1 of 1: the target answered 500"
    assert why(job_html(admin, discarded)) == ("discarded", message)


def test_an_upcoming_run_says_that_it_is_one(admin: Client) -> None:
    plan = RecurrenceSpec(frequency={"repeat_every": [1, "hours"]}, timezone="UTC", first_run_at=NOON + MINUTE)
    job = schedules.create(make_spec(), plan, user_id=make_user().id, now=NOON).job
    assert why(job_html(admin, job))[1].startswith("the next run of its schedule, due at 2026-03-01T12:01:00")


# Why it ran late or has not run


def timeline_of(html: str) -> list[str]:
    [section] = re.findall(r'<fieldset class="module" id="timeline">.*?</fieldset>', html, re.DOTALL)
    return [str(line) for line in re.findall(r"<bdi>(.*?)</bdi>", section)]


def test_the_page_says_why_in_a_code_and_in_words(admin: Client, stopped_clock: StoppedClock) -> None:
    code, message = why(job_html(admin, make_ended_job(JobState.RETRYABLE)))
    assert (code, "the target answered 500" in message) == ("retrying_until", True)
    job = make_job()
    stopped_clock.advance(minutes=5)
    code, message = why(job_html(admin, job))
    assert (code, message.startswith("due for 5 min, but no worker is running")) == ("no_workers", True)


def test_the_page_shows_how_long_a_job_waited_and_for_what(admin: Client, stopped_clock: StoppedClock) -> None:
    job, worker = make_job(callback_url="https://example.com/c"), start_worker()
    claimed = execute(job, worker_id=worker.id, now=NOON + MINUTE)
    finish(claimed, worker_id=worker.id, state=JobState.COMPLETED, now=NOON + 2 * MINUTE, response=ANSWER)
    stopped_clock.advance(hours=1)
    html = job_html(admin, job)
    assert why(html)[0] == "waiting_for_worker"
    lines = timeline_of(html)
    assert lines[0] == "available 1 min, executing 1 min; begun 1 min after it was due"
    assert lines[1:3] == ["waited 1 min until it was taken up", "attempt 1 began"]
    assert "ended: completed" in lines
    assert lines[-1].startswith("callback to https://example.com/c: is to be sent")


def test_what_waits_is_not_said_to_have_begun(admin: Client, stopped_clock: StoppedClock) -> None:
    job = make_job()
    stopped_clock.advance(minutes=2)
    assert timeline_of(job_html(admin, job))[:2] == [
        "available 2 min; due for 2 min",
        "has waited 2 min to be taken up",
    ]


def test_what_is_long_is_scrolled_by_keys_too(admin: Client) -> None:
    html = job_html(admin, make_ended_job(JobState.COMPLETED))
    assert '<pre class="json" tabindex="0">' in html
    assert '<pre class="json">' not in html


def test_of_a_long_timeline_the_latest_part_is_shown(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_page, "MOST_ENTRIES", 1)
    html = job_html(admin, make_ended_job(JobState.DISCARDED))
    assert timeline_of(html)[1:] == ["ended: discarded"]
    assert "The latest entry" in html


# What there is to see


def test_the_page_shows_the_request_its_log_in_order_and_its_deliveries(admin: Client) -> None:
    job = make_ended_job(
        JobState.DISCARDED,
        args={"method": "post", "url": "https://example.com/hook", "body": {"order": [17]}, "query": {"page": 2}},
        webhook_url="https://example.com/events",
        name="Nightly export",
        backoff_seconds=[5, 90],
    )
    Delivery.objects.filter(job=job, sequence=1).update(error_code="timeout", error_message="no answer within 15 s")
    html = job_html(admin, job)
    for shown in ("Nightly export", "https://example.com/hook", "&quot;order&quot;: [", "5 s, then 1 min 30 s"):
        assert shown in html
    events = re.findall(r'class="state state-(job\.\w+|worker[\w.]+)"', html)
    assert events == ["job.started", "worker.http.request", "worker.http.response", "job.error", "job.finished"]
    assert "timeout: no answer within 15 s" in html
    assert html.count("state-pending") == 5


def test_a_job_page_costs_the_same_queries_however_much_has_happened(admin: Client) -> None:
    for events in (0, 30):
        job, worker = make_job(webhook_url="https://example.com/events"), start_worker()
        execute(job, worker_id=worker.id)
        for _ in range(events):
            LogEvent.objects.create(
                event="worker.http.response", inserted_at=NOON, job=job, user=job.user, attempt=1, payload=ANSWER
            )
        with CaptureQueriesContext(connection) as queries:
            job_html(admin, job)
        # Who asks, the job, its owner, its log, its deliveries; and the four of its timeline.
        assert len(counted(queries)) == 9, counted(queries)


def test_of_many_events_the_latest_are_shown_and_the_rest_linked_to(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_page, "MOST_EVENTS", 2)
    monkeypatch.setattr(job_page, "MOST_DELIVERIES", 2)
    job = make_ended_job(JobState.DISCARDED, webhook_url="https://example.com/events")
    html = job_html(admin, job)
    assert re.findall(r'class="state state-(job\.\w+)"', html) == ["job.error", "job.finished"]
    assert f"/admin/jobs/logevent/?job={job.id}" in html
    assert html.count("state-pending") == 2
    assert f"/admin/jobs/delivery/?job={job.id}" in html


@pytest.mark.parametrize("length", [10_000, 100_000])
def test_a_long_payload_is_cut_and_leads_to_the_whole(admin: Client, length: int) -> None:
    job, worker = make_job(), start_worker()
    answer = ANSWER | {"body": "y" * length + "end"}
    finish(
        execute(job, worker_id=worker.id), worker_id=worker.id, state=JobState.DISCARDED, response=answer, error=ERROR
    )
    html = page(admin, f"jobs/job/{job.id}/change/?content=1")
    assert "yend" not in html
    # One this long is not even fetched.
    assert ("yyyy" in html) == (length == 10_000)
    assert len(html) < 60_000
    [path] = re.findall(r'<a href="/admin/(jobs/logevent/[0-9a-f-]+/change/)">Show it</a>', html)
    assert "yend" in page(admin, f"{path}?content=1")


def test_an_event_and_a_delivery_have_pages_of_their_own(admin: Client) -> None:
    job = make_ended_job(JobState.DISCARDED, callback_url="https://example.com/result")
    event = LogEvent.objects.get(job=job, event="job.error")
    assert "the target answered 500" in page(admin, f"jobs/logevent/{event.pk}/change/")
    delivery = Delivery.objects.get(job=job)
    html = page(admin, f"jobs/delivery/{delivery.pk}/change/")
    assert str(delivery.uuid) in html
    assert "job.result" in html
    assert f"/admin/jobs/job/{job.id}/change/" in html


@pytest.mark.parametrize(
    "path",
    ["jobs/job/7/change/", "jobs/job/x/change/", "jobs/job/99999999999999999999/change/", "jobs/logevent/7/change/"],
)
def test_a_row_that_is_not_there_leads_to_the_front_page(admin: Client, path: str) -> None:
    response = admin.get(f"/admin/{path}", follow=True)
    assert (response.status_code, response.redirect_chain[0][0]) == (200, "/admin/")


# What is hidden


def test_credentials_are_shown_nowhere(admin: Client) -> None:
    url = "https://example.com/hook?page=2&token=s3cret-1&X-Amz-Signature=s3cret-2"
    args = {
        "method": "post",
        "url": url,
        "headers": {"Authorization": "Bearer s3cret-3", "Cookie": "s3cret-4", "X-Api-Key": "s3cret-5", "X-Trace": "t1"},
        "query": {"api_key": "s3cret-6", "page": 2},
        "body": {"headers": {"authorization": "s3cret-7"}},
        "callback_url": "https://example.com/c?secret=s3cret-8",
    }
    places = {
        "callback_url": "https://example.com/c?secret=s3cret-8",
        "webhook_url": "https://example.com/w?key=s3cret-9",
    }
    job = make_ended_job(JobState.DISCARDED, url=url, args=args, **places)
    paths = ["", "jobs/job/", f"jobs/job/{job.id}/change/", f"jobs/job/{job.id}/history/"]
    paths += ["jobs/logevent/", "jobs/delivery/"]
    paths += [f"jobs/logevent/{event.pk}/change/" for event in LogEvent.objects.all()]
    paths += [
        f"jobs/delivery/{delivery.pk}/{kind}/" for delivery in Delivery.objects.all() for kind in ("change", "history")
    ]
    for path in paths:
        assert "s3cret" not in page(admin, path), path
    html = job_html(admin, job)
    assert "Authorization" in html
    assert "X-Trace" in html
    assert "page=2" in html


def test_a_users_signing_secret_and_a_keys_hash_are_shown_nowhere(admin: Client) -> None:
    user = make_user()
    html = page(admin, f"jobs/user/{user.id}/change/") + page(admin, "jobs/user/")
    assert user.signing_secret not in html


# What strangers wrote


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_tenants_and_their_targets_write_never_becomes_markup(admin: Client, attack: str) -> None:
    args: dict[str, Any] = {
        "method": "post",
        "url": attack,
        "headers": {attack: attack},
        "query": {attack: [attack]},
        "body": {attack: attack},
    }
    job, worker = (
        make_job(
            name=attack,
            description=attack,
            url=attack,
            idempotency_key=attack,
            callback_url=attack,
            webhook_url=attack,
            args=args,
            user=make_user('"<b>"@example.com'),
        ),
        start_worker(attack),
    )
    claimed = execute(job, worker_id=worker.id)
    executing = job_html(admin, job) + page(admin, "jobs/process/")
    answer = ANSWER | {"headers": {attack: attack}, "body": attack}
    error = {"code": attack[:40], "message": attack}
    finish(claimed, worker_id=worker.id, state=JobState.DISCARDED, response=answer, error=error)
    Delivery.objects.update(error_code=attack[:40], error_message=attack)
    paths = ["", "jobs/job/", f"jobs/job/{job.id}/change/", f"jobs/job/{job.id}/history/", f"jobs/job/?q={attack}"]
    paths += ["jobs/logevent/", "jobs/delivery/", "jobs/process/", "jobs/apikey/", "jobs/user/"]
    paths += [f"jobs/delivery/{Delivery.objects.all()[0].pk}/change/", f"jobs/process/{worker.id}/change/"]
    paths += [f"jobs/logevent/{event.pk}/change/" for event in LogEvent.objects.all()]
    for html in (executing, *(page(admin, path) for path in paths)):
        tags = Tags(html)
        assert "<script>alert" not in html
        assert not tags.handlers
        assert "svg/onload" not in "".join(tags.tags)
        assert not [target for target in tags.targets if target.lower().startswith("javascript")]


def test_a_tenants_url_is_never_a_link(admin: Client) -> None:
    job = make_ended_job(JobState.DISCARDED, url="https://phish.example/", callback_url="https://phish.example/c")
    delivery = Delivery.objects.get(job=job)
    for path in ("jobs/job/", f"jobs/job/{job.id}/change/", "jobs/delivery/", f"jobs/delivery/{delivery.pk}/change/"):
        html = page(admin, path)
        assert "https://phish.example/" in html
        assert not [target for target in Tags(html).targets if "phish" in target]


def test_characters_that_turn_a_name_around_are_spelt_out(admin: Client) -> None:
    job = make_job(name="invoice\u202exe.piz", args={"method": "get", "body": "a\u2066b\x07"})
    html = page(admin, f"jobs/job/{job.id}/change/?content=1") + page(admin, "jobs/job/")
    assert "\u202e" not in html
    assert "invoice\\u202exe.piz" in html
    assert "a\\u2066b\\u0007" in html


def test_the_reason_of_a_job_whose_log_is_gone_says_no_more_than_is_known(admin: Client) -> None:
    job = make_ended_job(JobState.DISCARDED)
    LogEvent.objects.all().delete()
    html = job_html(admin, job)
    assert why(html) == ("discarded", "its only attempt went wrong; the log is no longer kept")
    assert "Nothing has happened to it yet" not in html


def test_an_executing_job_leads_to_the_process_that_has_it(admin: Client) -> None:
    job, worker = make_job(), start_worker()
    execute(job, worker_id=worker.id)
    assert f"/admin/jobs/process/{worker.id}/change/" in job_html(admin, job)
    assert str(worker.id) != str(uuid4())
