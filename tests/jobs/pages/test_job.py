"""/jobs/{job_id}: how a job stands, what was sent, what may be done, and that it is nobody else's."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.models import AuditEvent, Job, JobState
from tests.admin import make_ended_job
from tests.factories import NOON, make_job, make_spec

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
