"""What follows a job, on its page, in the form of a new one and in the admin."""

import html
import re

import pytest
from django.test import Client

from jobs.models import Job, JobState
from tests.admin import log_in, make_ended_job, page
from tests.conftest import StoppedClock
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

URL = "https://example.com/hook"
SECRET = {"url": URL, "name": "next", "headers": {"Authorization": "Bearer plain-1"}, "schedule_in": [5, "minutes"]}


@pytest.fixture
def parent(stopped_clock: StoppedClock) -> Job:
    """Of `user`: completed, and followed by a job named next, which nothing follows."""
    return make_ended_job(JobState.COMPLETED, args={"url": URL, "then": [SECRET], "on_failure": {"url": URL}})


def test_a_jobs_page_leads_to_what_follows_it_and_back(reader: Client, parent: Job) -> None:
    Job.objects.update(user_id=make_user("ada@example.com").id)
    child = Job.objects.exclude(id=parent.id).get()
    reader.force_login(parent.user)
    shown = reader.get(f"/jobs/{parent.id}").content.decode()
    assert f'href="/jobs/{child.id}"' in shown
    assert "completed: GET" in re.sub(r"<[^>]+>", "", shown)
    assert "5 minutes later" in shown
    assert f'href="/jobs/{parent.id}"' in reader.get(f"/jobs/{child.id}").content.decode()
    Job.objects.filter(id=parent.id).delete()
    assert "a job that is gone" in reader.get(f"/jobs/{child.id}").content.decode()


def test_a_duplicate_keeps_the_secrets_of_what_follows_while_they_are_left_as_they_are(
    reader: Client, stopped_clock: StoppedClock
) -> None:
    job = make_job(args={"method": "get", "url": URL, "then": [SECRET]})
    reader.force_login(job.user)
    form = reader.get(f"/jobs/new?from={job.id}").content.decode()
    assert "plain-1" not in form
    [typed] = re.findall(r'<textarea[^>]*name="then"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    sent = {"from": job.id, "method": "get", "url": URL, "then": html.unescape(typed)}
    assert reader.post("/jobs/new", sent).status_code == 302
    assert Job.objects.order_by("-id")[0].args["then"] == [SECRET]


def test_what_is_wrong_with_what_follows_stands_at_its_field_and_the_preview_says_what_follows(reader: Client) -> None:
    typed = {"method": "get", "url": URL, "then": '[{"url": "ftp://x"}]'}
    refused = reader.post("/jobs/new", typed)
    assert refused.status_code == 400
    assert "0.url: " in refused.content.decode()
    shown = reader.post("/jobs/preview", {**typed, "then": '{"url": "https://example.com/x?token=plain-1"}'})
    assert "completed: GET" in shown.content.decode().replace("<bdi>", "")
    assert "plain-1" not in shown.content.decode().split("curl")[0]


def test_an_operator_is_led_to_what_follows_a_job_and_back(web: Client, parent: Job) -> None:
    log_in(web, "view_job")
    child = Job.objects.exclude(id=parent.id).get()
    assert f"/admin/jobs/job/{child.id}/change/" in page(web, f"jobs/job/{parent.id}/change/")
    shown = page(web, f"jobs/job/{child.id}/change/")
    assert f"/admin/jobs/job/{parent.id}/change/" in shown
    assert "plain-1" not in shown
