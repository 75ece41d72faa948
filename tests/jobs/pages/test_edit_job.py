"""/jobs/{job_id}/edit: a waiting job is changed as PATCH would, mistakes stand at their field, what has begun stays."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from booper.content import exact_json
from jobs.models import AuditEvent, Job, JobState, User
from jobs.pages import edit_job
from tests.admin import execute, make_ended_job, start_worker
from tests.api import Api, data_of
from tests.conftest import Announced
from tests.factories import NOON, make_job
from tests.jobs.pages.test_new_job import errors_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ARGS: dict[str, Any] = {
    "method": "post", "url": "https://example.com/hook", "headers": {"Authorization": "Bearer s3cretvalue", "X-A": "1"},
    "body": {"content": "Hi"}, "timeout": 7,
}  # fmt: skip
SHOWN = {
    "method": "post", "url": "https://example.com/hook", "body": '{\r\n  "content": "Hi"\r\n}', "timeout": "7",
    "headers": '{\r\n  "Authorization": "***",\r\n  "X-A": "1"\r\n}',
}  # fmt: skip


def make_waiting(**changes: Any) -> Job:
    return make_job(args=ARGS, scheduled_at=NOON + HOUR, timeout_seconds=7.0, **changes)


def edit(browser: Client, job: Job, **typed: str) -> Any:
    return browser.post(f"/jobs/{job.id}/edit", {**SHOWN, "seen": edit_job._version(job), **typed})


def test_the_form_shows_what_it_asks_for_and_hides_secrets(reader: Client) -> None:
    job = make_waiting()
    page = reader.get(f"/jobs/{job.id}/edit").content.decode()
    assert 'value="https://example.com/hook"' in page
    assert "&quot;content&quot;: &quot;Hi&quot;" in page
    assert "s3cretvalue" not in page
    assert f'href="/jobs/{job.id}/edit"' in reader.get(f"/jobs/{job.id}").content.decode()


def test_what_is_typed_otherwise_is_changed_and_all_else_stays(reader: Client, user: User) -> None:
    job = make_waiting()
    done = edit(
        reader, job, method="put", url="https://other.example/", body='{"content": "Bye"}', queue="mail", timeout=""
    )
    assert done.headers["Location"] == f"/jobs/{job.id}"
    changed = Job.objects.select_related("queue").get()
    assert (changed.method, changed.url, changed.scheduled_at) == ("put", "https://other.example/", NOON + HOUR)
    assert changed.args["body"] == {"content": "Bye"}
    assert changed.args["headers"] == ARGS["headers"]
    assert "timeout" not in changed.args
    assert changed.queue is not None
    assert changed.queue.name == "mail"
    note = AuditEvent.objects.get(action="job.edit")
    assert (note.user_id, note.details["fields"]) == (user.id, ["body", "method", "queue", "timeout", "url"])


@pytest.mark.django_db(transaction=True)
def test_another_time_is_announced(reader: Client, announced: Announced) -> None:
    edit(reader, make_waiting(), schedule_in="10 minutes")
    assert Job.objects.get().scheduled_at == NOON + timedelta(minutes=10)
    assert announced.jobs == [NOON + timedelta(minutes=10)]


def test_each_mistake_stands_at_its_field_and_what_was_typed_stays(reader: Client) -> None:
    job = make_waiting()
    for name, text in (("url", "ftp://example.com"), ("body", "{"), ("schedule_in", "soon"), ("max_attempts", "0")):
        answer = edit(reader, job, **{name: text})
        assert answer.status_code == 400, name
        assert errors_of(answer.content.decode(), name), name
    assert "ftp://example.com" in edit(reader, job, url="ftp://example.com").content.decode()
    assert Job.objects.get().args == ARGS


def test_a_hidden_secret_is_not_sent_in_its_stead(reader: Client) -> None:
    answer = edit(reader, make_waiting(), headers='{"Authorization": "***", "X-A": "2"}')
    assert "write it anew" in errors_of(answer.content.decode(), "headers")


def test_what_was_changed_meanwhile_is_not_overwritten(reader: Client) -> None:
    job = make_waiting()
    edit(reader, job, url="https://other.example/")
    late = edit(reader, job, body='{"content": "late"}')
    assert late.status_code == 400
    assert "changed since" in late.content.decode()
    assert Job.objects.get().args["body"] == {"content": "Hi"}


def test_nothing_that_is_changed_is_said(reader: Client) -> None:
    assert "nothing to change" in edit(reader, make_waiting()).content.decode()


def test_what_has_begun_or_ended_says_so(reader: Client) -> None:
    job = make_job(args=ARGS)
    execute(job, worker_id=start_worker().id)
    for answer in (reader.get(f"/jobs/{job.id}/edit", follow=True), edit(reader, job, url="https://other.example/")):
        assert answer.status_code in (200, 302)
    assert "It has begun" in reader.get(f"/jobs/{job.id}").content.decode()
    Job.objects.all().delete()
    ended = make_ended_job(JobState.COMPLETED)
    assert "It has ended" in reader.get(f"/jobs/{ended.id}/edit", follow=True).content.decode()
    assert f"/jobs/{ended.id}/edit" not in reader.get(f"/jobs/{ended.id}").content.decode()


def test_a_stranger_edits_nothing(reader: Client, stranger: Client) -> None:
    job = make_waiting()
    assert stranger.get(f"/jobs/{job.id}/edit").status_code == 404
    assert edit(stranger, job, url="https://other.example/").status_code == 404
    assert Job.objects.get().url == "https://example.com/hook"


def test_the_form_costs_a_fixed_number_of_queries(
    reader: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_waiting()
    with django_assert_max_num_queries(4):
        reader.get(f"/jobs/{job.id}/edit")


def sent_untouched(page: str) -> dict[str, str]:
    """What a browser sends of a form that nobody has touched."""
    found: dict[str, str] = {}
    for name, choices in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        options = re.findall(r'<option value="([^"]*)"( selected)?', choices)
        found[name] = next((value for value, is_selected in options if is_selected), options[0][0])
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        found[name] = html.unescape(text).replace("\r\n", "\n").replace("\n", "\r\n")
    for name, value in re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page):
        found[name] = re.sub(r"[\r\n]", "", html.unescape(value))
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {"body": "hello", "body_format": "TEXT"},
        {"body": " a\nb\n", "body_format": "text"},
        {"body": "a\r\nb", "body_format": "text"},
        {"method": "DELETE"},
        {"description": "line one\nline two"},
        {"headers": {"X-A": "x"}, "query": {"q": "\u2028"}, "tags": ["a"], "timeout": 7.5, "body": {"x": [1, 2.50]}},
    ],
)
def test_what_nobody_has_touched_stays_however_it_was_spelt(reader: Client, api: Api, fields: dict[str, Any]) -> None:
    asked = {"url": "https://example.com/x", "schedule_in": "1 hour", **fields}
    job_id = data_of(api.post("/api/jobs", asked), status=201)["job_id"]
    before = Job.objects.get(id=job_id)
    sent = sent_untouched(reader.get(f"/jobs/{job_id}/edit").content.decode())
    assert reader.post(f"/jobs/{job_id}/edit", {**sent, "queue": "mail"}).status_code == 302
    after = Job.objects.get(id=job_id)
    assert {**after.args, "queue": None} == {**before.args, "queue": None}
    assert (after.method, after.url) == (before.method, before.url)


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ({"on": 1}, '{"on": true}', '{"on":true}'),
        ({"on": 1}, '{"on": 1.0}', '{"on":1.0}'),
        ({"a": 1, "b": 2}, '{"b": 2, "a": 1}', '{"b":2,"a":1}'),
    ],
)
def test_what_python_takes_for_the_same_is_changed_all_the_same(
    reader: Client, before: dict[str, Any], typed: str, after: str
) -> None:
    job = make_job(args={**ARGS, "body": before}, scheduled_at=NOON + HOUR, timeout_seconds=7.0)
    assert edit(reader, job, body=typed).status_code == 302
    assert exact_json.dumps(Job.objects.get().args["body"]).decode() == after


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ("a\nb", "a\r\nb\r\nc", "a\nb\nc"),
        ("a\r\nb", "a\r\nb\r\nc", "a\r\nb\r\nc"),
        ("a\n", "ab\r\n", "ab\n"),
        ("a", "a ", "a "),
    ],
)
def test_a_text_keeps_its_line_ends_and_spaces(reader: Client, before: str, typed: str, after: str) -> None:
    args = {"method": "post", "url": "https://example.com/hook", "body": before, "body_format": "text"}
    job = make_job(args=args, scheduled_at=NOON + HOUR)
    form = {"method": "post", "url": "https://example.com/hook", "body": typed, "body_format": "text"}
    answer = reader.post(f"/jobs/{job.id}/edit", {**form, "seen": edit_job._version(job)})
    assert answer.status_code == 302
    assert Job.objects.get().args["body"] == after
