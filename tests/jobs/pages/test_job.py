"""/jobs/{job_id}: how a job stands, what was sent, what may be done, and that it is nobody else's."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from booper.content import redaction
from jobs.models import AuditEvent, Job, JobState, LogEvent, User
from tests.admin import ANSWER, ERROR, execute, finish, make_ended_job, start_worker
from tests.factories import NOON, make_job, make_spec
from tests.runs import answered, run_due

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ATTACK = "</pre><script>window.attacked = 1</script>"


def page_of(browser: Client, job: Job) -> str:
    return browser.get(f"/jobs/{job.id}").content.decode()


def test_a_failed_job_says_why_and_shows_each_attempt(reader: Client) -> None:
    page = page_of(reader, make_ended_job(JobState.DISCARDED))
    assert "Discarded</b>: " in page
    assert "the target answered 500" in page
    assert ">Retry</button>" in page
    assert "Cancel…" not in page


def test_secrets_are_hidden_in_what_is_shown(reader: Client) -> None:
    args = {"method": "post", "url": "https://example.com/hook", "headers": {"Authorization": "Bearer s3cretvalue"},
            "body": {"password": "hunter2"}}  # fmt: skip
    page = page_of(reader, make_job(args=args))
    assert "s3cretvalue" not in page
    assert "hunter2" not in page
    assert "***" in page


def test_what_strangers_wrote_stays_text(reader: Client) -> None:
    args = {"method": "get", "url": "https://example.com/", "headers": {ATTACK: ATTACK}, "body": {ATTACK: ATTACK}}
    job = make_ended_job(JobState.DISCARDED, name=ATTACK, description=ATTACK, args=args, idempotency_key=ATTACK)
    page = page_of(reader, job)
    assert "<script>window" not in page
    assert "&lt;script&gt;window" in page


def test_a_stranger_sees_404_and_does_nothing(stranger: Client) -> None:
    job = make_job(scheduled_at=NOON + HOUR)
    assert stranger.get(f"/jobs/{job.id}").status_code == 404
    for verb in ("cancel", "retry", "run"):
        assert stranger.post(f"/jobs/{job.id}/{verb}").status_code == 404
    assert Job.objects.get().state == JobState.SCHEDULED


@pytest.mark.parametrize("name", ["0", "99999999999999999999", "abc", "1e3", "٣"])
def test_what_is_no_job_is_not_found(reader: Client, name: str) -> None:
    assert reader.get(f"/jobs/{name}").status_code == 404


def test_a_job_is_cancelled_and_retried_by_its_buttons(reader: Client) -> None:
    job = make_job(scheduled_at=NOON + HOUR)
    done = reader.post(f"/jobs/{job.id}/cancel", follow=True)
    assert f"Job {job.id} is cancelled." in done.content.decode()
    reader.post(f"/jobs/{job.id}/retry")
    assert Job.objects.get().state in (JobState.SCHEDULED, JobState.RETRYABLE)
    done_to = AuditEvent.objects.filter(action__startswith="job.")
    assert sorted(done_to.values_list("action", flat=True)) == ["job.cancel", "job.retry"]


def test_what_can_not_be_done_is_said_in_words(reader: Client) -> None:
    job = make_ended_job(JobState.COMPLETED)
    done = reader.post(f"/jobs/{job.id}/cancel", follow=True)
    assert "It has ended already" in done.content.decode()


def test_a_link_changes_nothing(reader: Client) -> None:
    job = make_job(scheduled_at=NOON + HOUR)
    for verb in ("cancel", "run", "retry"):
        assert reader.get(f"/jobs/{job.id}/{verb}").status_code == 405


def test_the_page_costs_a_fixed_number_of_queries(
    reader: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_ended_job(JobState.DISCARDED)
    with django_assert_max_num_queries(11):
        page_of(reader, job)


def test_the_same_as_curl(reader: Client) -> None:
    spec = make_spec()
    page = page_of(reader, make_job(args={**spec.args, "query": {"a": "b c"}}))
    assert "curl -X POST &#x27;https://example.com/hook?a=b+c&#x27;" in page


def make_timed_job(times: dict[str, float], *, state: JobState = JobState.COMPLETED) -> Job:
    job, worker = make_job(max_attempts=1, scheduled_at=NOON), start_worker()
    later = NOON + timedelta(milliseconds=30)
    claimed = execute(job, worker_id=worker.id, now=later)
    ended = {"response": ANSWER, "error": None} if state == JobState.COMPLETED else {"error": ERROR}
    finish(claimed, worker_id=worker.id, state=state, now=later + timedelta(milliseconds=20), times_ms=times, **ended)
    return job


def test_an_attempt_is_shown_step_by_step(reader: Client) -> None:
    page = page_of(reader, make_timed_job({"dns": 1.2, "connect": 2, "tls": 8, "first_byte": 1300.5}))
    for words in ("queued 30 ms", "DNS 1 ms", "connect 2 ms", "TLS 8 ms", "first byte 1.3 s"):
        assert f">{words}</" in page, words
    assert "body 0" not in page


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.DISCARDED])
def test_the_log_says_once_what_each_step_took(reader: Client, state: JobState) -> None:
    job = make_timed_job({"first_byte": 12.5}, state=state)
    timed = [event.event for event in LogEvent.objects.filter(job=job) if "times_ms" in event.payload]
    assert timed == ["worker.http.response" if state == JobState.COMPLETED else "job.error"]


def test_what_was_logged_before_there_were_steps_is_shown_as_a_whole(reader: Client) -> None:
    assert ">on the wire 3 ms</" in page_of(reader, make_ended_job(JobState.COMPLETED))


def test_its_request_is_python_too(reader: Client) -> None:
    page = page_of(reader, make_ended_job(JobState.DISCARDED))
    assert "requests.request(" in page


def test_a_request_is_replayed_to_another_url_and_both_answers_stand_side_by_side(reader: Client) -> None:
    args = {"method": "post", "url": "https://example.com/hook", "body": {"a": 1}, "headers": {"X-A": "1"},
            "then": {"url": "https://example.com/then"}}  # fmt: skip
    job = make_ended_job(JobState.DISCARDED, args=args, callback_url="https://example.com/result")
    done = reader.post(f"/jobs/{job.id}/replay", {"url": "https://other.example/try"})
    replay = Job.objects.exclude(id=job.id).get()
    assert done.headers["Location"] == f"/jobs/{job.id}?beside={replay.id}"
    assert (replay.url, replay.max_attempts, replay.callback_url) == ("https://other.example/try", 1, None)
    assert (replay.args["body"], replay.args["headers"]) == ({"a": 1}, {"X-A": "1"})
    assert "then" not in replay.args
    run_due(answered(204))
    page = reader.get(f"/jobs/{job.id}?beside={replay.id}").content.decode()
    assert "Side by side" in page
    assert page.count('<b class="num">500</b>') == page.count('<b class="num">204</b>') == 1


def test_what_can_not_be_replayed_is_said_in_words(reader: Client) -> None:
    job = make_ended_job(JobState.DISCARDED)
    done = reader.post(f"/jobs/{job.id}/replay", {"url": "ftp://example.com"}, follow=True)
    assert "It was not replayed: " in done.content.decode()
    assert Job.objects.count() == 1


def test_a_url_that_is_left_as_it_is_shown_keeps_its_secret(reader: Client) -> None:
    url = "https://example.com/hook?token=s3cretvalue"
    job = make_ended_job(JobState.DISCARDED, url=url, args={"method": "get", "url": url})
    assert "s3cretvalue" not in page_of(reader, job)
    reader.post(f"/jobs/{job.id}/replay", {"url": redaction.redacted_url(url)})
    assert Job.objects.exclude(id=job.id).get().url == url


def test_a_stranger_replays_and_compares_nothing(reader: Client, stranger: Client, other_user: User) -> None:
    job, own = make_ended_job(JobState.DISCARDED), make_job(user=other_user, scheduled_at=NOON + HOUR)
    assert stranger.post(f"/jobs/{job.id}/replay", {"url": "https://example.com/"}).status_code == 404
    assert stranger.get(f"/jobs/{own.id}?beside={job.id}").status_code == 404
    assert reader.get(f"/jobs/{job.id}/replay").status_code == 405
    assert Job.objects.count() == 2
