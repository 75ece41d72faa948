"""/jobs and /home: what is found, how a row reads, what it costs, and what is done to many at once."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.actions import bulk
from jobs.database import clock
from jobs.models import AuditEvent, Job, JobState, User
from jobs.pages import owned_jobs
from tests.admin import make_ended_job
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_job

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ATTACK = "</script><script>window.attacked = 1</script>\u202e"
# Session, user, whether the instance is paused, and of the list its rows and the counts of its tabs.
QUERIES = 5


def shown(browser: Client, query: str = "") -> list[int]:
    """The jobs of the list, in its order."""
    page = browser.get(f"/jobs?{query}").content.decode()
    return [int(number) for number in re.findall(r'href="/jobs/(\d+)"', page)]


def test_jobs_are_listed_the_newest_first_and_nobody_elses(reader: Client, stranger: Client) -> None:
    first, second = make_job(), make_job()
    assert shown(reader) == [second.id, first.id]
    assert shown(stranger) == []


def test_a_list_costs_as_much_with_many_as_with_none(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (0, 60):
        for _ in range(count):
            make_job(scheduled_at=NOON + HOUR)
        with django_assert_num_queries(QUERIES):
            reader.get("/jobs")


def test_words_and_terms_find_jobs(reader: Client) -> None:
    invoice = make_job(name="Invoice 7", scheduled_at=NOON + HOUR)
    mail = make_job(url="https://mail.example.org:8443/send?x=1", scheduled_at=NOON + HOUR)
    failed = make_ended_job(JobState.DISCARDED)
    assert shown(reader, "q=invoice") == [invoice.id]
    assert shown(reader, "q=host:mail.example.org") == [mail.id]
    assert shown(reader, "q=host:mail.example.or") == []
    assert shown(reader, "q=state:discarded") == [failed.id]
    assert shown(reader, "state=scheduled&q=invoice") == [invoice.id]
    assert shown(reader, f"q={mail.id}") == [mail.id]
    assert shown(reader, 'q=name:"Invoice 7" method:post') == [invoice.id]
    assert shown(reader, "q=error:http_status") == [failed.id]
    assert shown(reader, "q=before:2026-02-28") == []
    assert len(shown(reader, "q=after:2026-02-28")) == 3


def test_what_is_not_understood_is_said_in_words(reader: Client) -> None:
    for line, word in (
        ("state:gone", "names no state"),
        ("colour:red", "nothing to search by"),
        ("after:x", "after:x"),
    ):
        assert word in reader.get("/jobs", {"q": line}).content.decode()


def test_pages_go_on_where_the_last_one_ended(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned_jobs, "SHOWN", 2)
    jobs = [make_job(scheduled_at=NOON + HOUR).id for _ in range(5)][::-1]
    assert shown(reader) == jobs[:2]
    assert shown(reader, f"older={jobs[1]}") == jobs[2:4]
    assert shown(reader, f"older={jobs[3]}") == jobs[4:]


def test_words_are_looked_for_among_the_newest_and_further_back_when_asked(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned_jobs, "LOOKED_THROUGH", 3)
    old = make_job(name="invoice")
    for _ in range(4):
        make_job()
    page = reader.get("/jobs?q=invoice").content.decode()
    assert "Looked through 3 jobs" in page
    further = re.search(r'href="([^"]+)">Look further back', page)
    assert further is not None
    assert f'href="/jobs/{old.id}"' in reader.get(further[1].replace("&amp;", "&")).content.decode()


def test_tabs_count_what_the_rest_of_the_line_finds(reader: Client) -> None:
    make_job(name="invoice", scheduled_at=NOON + HOUR)
    make_job(scheduled_at=NOON + HOUR)
    make_ended_job(JobState.DISCARDED)
    page = reader.get("/jobs?q=invoice").content.decode()
    assert re.search(r'Scheduled<span class="num">1<', page)
    assert re.search(r'Discarded<span class="num">0<', page)


def test_tabs_count_the_other_states_too_where_a_line_has_a_state_and_more(reader: Client) -> None:
    make_job(name="invoice", scheduled_at=NOON + HOUR)
    Job.objects.filter(id=make_ended_job(JobState.DISCARDED).id).update(name="invoice")
    page = reader.get("/jobs?q=state:discarded+name:invoice").content.decode()
    assert re.search(r'Scheduled<span class="num">1<', page)
    assert re.search(r'Discarded<span class="num">1<', page)


def test_pages_of_several_states_miss_none_where_the_look_at_one_ends_early(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned_jobs, "LOOKED_THROUGH", 0)
    monkeypatch.setattr(owned_jobs, "SHOWN", 3)
    made = [(make_ended_job(JobState.DISCARDED).id, make_job(scheduled_at=NOON + HOUR).id) for _ in range(3)]
    expected = [number for pair in reversed(made) for number in reversed(pair)]
    found: list[int] = []
    query = "q=state:scheduled,discarded"
    while query:
        page = reader.get(f"/jobs?{query}").content.decode()
        found += [int(number) for number in re.findall(r'href="/jobs/(\d+)"', page)]
        further = re.search(r'href="/jobs\?([^"]*older=\d+)"', page)
        query = further[1].replace("&amp;", "&") if further else ""
    assert found == expected


def test_a_row_says_why_a_job_failed(reader: Client) -> None:
    make_ended_job(JobState.DISCARDED)
    assert "http_status: the target answered 500" in reader.get("/jobs").content.decode()


def test_a_row_has_its_tags_and_each_finds_its_own(reader: Client) -> None:
    tagged = make_job(tags=f",billing,{ATTACK.replace('/', '')},", scheduled_at=NOON + HOUR)
    make_job(scheduled_at=NOON + HOUR)
    page = reader.get("/jobs").content.decode()
    links = [html.unescape(link) for link in re.findall(r'href="/jobs\?(tag=[^"]+)"', page)]
    assert len(links) == 2
    assert [shown(reader, link) for link in links] == [[tagged.id]] * 2
    assert "<script>window" not in page


def test_a_fragment_is_the_list_without_the_page(reader: Client) -> None:
    make_job()
    part = reader.get("/jobs", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "/jobs/bulk" in part


def test_what_strangers_wrote_stays_text(reader: Client) -> None:
    make_job(name=ATTACK, url=f"https://example.com/{ATTACK}")
    for path in ("/jobs", "/home", f"/jobs?q={ATTACK}"):
        page = reader.get(path).content.decode()
        assert "<script>window" not in page
        # But for the line that the reader has typed, which is given back as it was.
        assert "\u202e" not in page.replace(f'value="{html.escape(ATTACK)}"', "")


def test_many_are_cancelled_once_their_number_was_shown(
    reader: Client, announced: Announced, stopped_clock: StoppedClock
) -> None:
    for _ in range(3):
        make_job(name="invoice", scheduled_at=NOON + HOUR)
    other = make_job(scheduled_at=NOON + HOUR)
    asked = reader.post("/jobs/bulk", {"do": "cancel-all", "q": "invoice"})
    assert re.search(r'Cancel <span class="num">3</span> jobs\?', asked.content.decode())
    assert not Job.objects.filter(state=JobState.CANCELLED).exists()
    done = reader.post("/jobs/bulk", {"do": "cancel-all", "q": "invoice", "confirmed": "1"}, follow=True)
    assert "3 jobs cancelled." in done.content.decode()
    assert Job.objects.filter(state=JobState.CANCELLED).count() == 3
    assert Job.objects.get(id=other.id).state == JobState.SCHEDULED
    assert AuditEvent.objects.get(action="jobs.cancelled").details == {"count": 3}


@pytest.mark.django_db(transaction=True)
def test_those_that_were_ticked_are_run_or_retried(reader: Client, announced: Announced) -> None:
    waiting, failed = make_job(scheduled_at=NOON + HOUR), make_ended_job(JobState.DISCARDED)
    reader.post("/jobs/bulk", {"do": "run", "job": [waiting.id], "confirmed": "1"})
    reader.post("/jobs/bulk", {"do": "retry", "job": [failed.id], "confirmed": "1"})
    assert Job.objects.get(id=waiting.id).scheduled_at == clock.now()
    assert Job.objects.get(id=failed.id).state == JobState.RETRYABLE
    assert len(announced.jobs) == 2


def test_a_stranger_does_nothing_to_them(stranger: Client) -> None:
    job = make_job(scheduled_at=NOON + HOUR)
    for what in ({"do": "cancel", "job": [job.id]}, {"do": "cancel-all", "q": "example"}):
        stranger.post("/jobs/bulk", {**what, "confirmed": "1"})
    assert Job.objects.get().state == JobState.SCHEDULED


@pytest.mark.parametrize("line", ["", "colour:red", "state:gone invoice"])
def test_a_line_that_is_not_understood_as_a_whole_touches_nothing(reader: Client, line: str) -> None:
    make_job(name="invoice", scheduled_at=NOON + HOUR)
    assert reader.post("/jobs/bulk", {"do": "cancel-all", "q": line, "confirmed": "1"}).status_code == 404
    assert Job.objects.get().state == JobState.SCHEDULED


def test_of_very_many_all_are_done_batch_after_batch(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_BATCH_SIZE", 2)
    for _ in range(5):
        make_job(name="invoice", scheduled_at=NOON + HOUR)
    done = reader.post("/jobs/bulk", {"do": "run-all", "q": "invoice", "confirmed": "1"}, follow=True)
    assert "5 jobs run now." in done.content.decode()
    assert not Job.objects.filter(scheduled_at=NOON + HOUR).exists()


def test_home_leads_whoever_has_nothing_to_a_first_job(reader: Client) -> None:
    assert "Nothing has been asked for yet" in reader.get("/home").content.decode()


def test_home_says_what_is_due_and_what_failed(reader: Client, user: User) -> None:
    make_job(name="tomorrow's", scheduled_at=NOON + HOUR)
    make_ended_job(JobState.DISCARDED)
    page = reader.get("/home").content.decode()
    assert "tomorrow&#x27;s" in page
    assert ", in 1 h</span>" in page
    assert "http_status: the target answered 500" in page
