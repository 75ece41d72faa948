"""The search line of /jobs means the same when it is written back, and finds what the API's filters find."""

from datetime import UTC, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from jobs.models import Job, JobState, User
from jobs.pages import search
from jobs.pages.search import Term
from tests.admin import make_ended_job
from tests.api import Api, data_of
from tests.factories import NOON, make_job

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
_NAMES = st.sampled_from(["", "state", "name", "tag", "url", "colour"])
_VALUES = st.one_of(
    st.sampled_from(["", "state:scheduled", 'say "hi" now', "a\\", '\\"', '"', 'x"y', "name:", " "]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
)


def read(line: str) -> search.Search:
    return search.read(line, now=NOON, zone=UTC)


@given(st.lists(st.builds(Term, _NAMES, _VALUES), min_size=1, max_size=4))
def test_a_line_that_is_written_back_has_the_same_terms(terms: list[Term]) -> None:
    line = " ".join(map(str, terms))
    assert list(read(line).terms) == terms
    assert str(read(line)) == line


def test_many_are_done_to_what_the_list_has_shown_and_no_more(reader: Client) -> None:
    meant = make_job(name="note state:scheduled", scheduled_at=NOON + HOUR)
    other = make_job(name="another", scheduled_at=NOON + HOUR)
    page = reader.get("/jobs", {"q": '"state:scheduled"'}).content.decode()
    assert 'name="q" value="&quot;state:scheduled&quot;"' in page
    reader.post("/jobs/bulk", {"do": "cancel-all", "q": '"state:scheduled"', "confirmed": "1"})
    states = [Job.objects.get(id=job.id).state for job in (meant, other)]
    assert states == [JobState.CANCELLED, JobState.SCHEDULED]


@pytest.mark.parametrize(
    "filters",
    [
        {"host": "münchen.example"},
        {"host": "API.example.com"},
        {"host": "api.example.com:8443"},
        {"url": "https://API.Example.com/P"},
        {"url": "https://api.example.com/" + "x" * 620},
        {"due_after": "2030-01-01T00:00:00Z"},
        {"due_before": "2001-01-01T00:00:00Z"},
        {"due_before": "2030-01-01T00:00:00Z"},
        {"ended_after": "2001-01-01T00:00:00Z"},
        {"ended_before": "2001-01-01T00:00:00Z"},
        {"name": 'say "hi" now'},
        {"state": "scheduled,discarded"},
    ],
)
def test_the_filters_of_the_api_find_the_same(api: Api, reader: Client, user: User, filters: dict[str, Any]) -> None:
    for url in ("https://münchen.example/", "https://API.Example.com/P", "https://api.example.com:8443/"):
        data_of(api.post("/api/jobs", {"url": url, "schedule_in": 3600}), status=201)
    data_of(api.post("/api/jobs", {"url": "https://api.example.com/" + "x" * 620, "schedule_in": 60}), status=201)
    data_of(api.post("/api/jobs", {"url": "https://a.example/", "name": 'say "hi" now', "schedule_in": 60}), status=201)
    make_ended_job(JobState.DISCARDED)
    wanted = {job["job_id"] for job in data_of(api.get(f"/api/jobs?{urlencode(filters)}"))}
    page = reader.get("/jobs", filters)
    assert {row.job.id for row in page.context["rows"]} == wanted
    assert page.context["search"].refusals == ()


@pytest.mark.parametrize("line", ["state:scheduled,foo", 'state:""', "due_after:soon", "host:/x", 'tag:""', "x" * 5000])
def test_half_a_line_is_said_and_nothing_is_done_to_many_by_it(reader: Client, line: str) -> None:
    make_job(scheduled_at=NOON + HOUR)
    assert read(line).refusals
    assert reader.get("/jobs", {"q": line}).status_code == 200
    assert reader.post("/jobs/bulk", {"do": "cancel-all", "q": line, "confirmed": "1"}).status_code == 404
    assert Job.objects.get().state == JobState.SCHEDULED


@pytest.mark.parametrize("older", ["9" * 5000, "²", "x", "-1", "9" * 19])
def test_a_place_that_is_none_is_no_trouble(reader: Client, older: str) -> None:
    assert reader.get("/jobs", {"older": older}).status_code == 200


def test_what_can_not_be_retried_is_not_counted(reader: Client, user: User) -> None:
    never = make_ended_job(JobState.CANCELLED, name="sch")
    Job.objects.filter(id=never.id).update(attempt=0)
    held = make_ended_job(JobState.CANCELLED, name="sch", idempotency_key="k")
    make_job(idempotency_key="k", scheduled_at=NOON + HOUR)
    question = reader.post("/jobs/bulk", {"do": "retry-all", "q": "name:sch"})
    assert question.context["count"] == 1
    assert held.state == JobState.CANCELLED
