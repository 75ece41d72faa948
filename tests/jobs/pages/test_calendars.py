"""/calendars: made, edited and deleted by a form, as PUT and DELETE /api/calendars/{name} do it; nobody else's."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.models import AuditEvent, Calendar, Job, Schedule, User
from tests.api import Api

pytestmark = pytest.mark.django_db

EVENT = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260401\nEND:VEVENT"
ICS = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{EVENT}\nEND:VCALENDAR"


def text_of(browser: Client, path: str = "/calendars") -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def make_schedule(api: Api, **fields: object) -> Schedule:
    asked = {"url": "https://example.com/hook", "cron": "0 9 * * *", **fields}
    return Schedule.objects.get(id=api.post("/api/jobs", asked).json()["data"]["schedule_id"])


def test_a_calendar_is_made_of_dates_and_holidays(reader: Client) -> None:
    typed = {"name": "off", "dates": "2026-03-02\r\n2026-12-27 to 2026-12-31\r\n\r\n", "country": "GB"}
    done = reader.post("/calendars", typed, follow=True)
    assert done.redirect_chain == [("/calendars", 302)]
    row = Calendar.objects.get()
    assert row.dates == ["2026-03-02", {"from": "2026-12-27", "to": "2026-12-31"}]
    assert (row.country, row.subdivision, row.ics) == ("GB", None, None)
    page = done.content.decode()
    assert "2 dates, holidays of GB" in page
    assert "Mon 2 Mar 2026" in page
    assert AuditEvent.objects.filter(action="calendar.set").count() == 1


@pytest.mark.parametrize("line", ["2026-12-27 to 2026-12-31", "2026-12-27..2026-12-31", "2026-12-27 - 2026-12-31"])
def test_several_days_are_written_in_a_line(reader: Client, line: str) -> None:
    reader.post("/calendars", {"name": "off", "dates": line})
    assert Calendar.objects.get().dates == [{"from": "2026-12-27", "to": "2026-12-31"}]


def test_the_form_of_a_calendar_that_there_is_saves_the_same_again(reader: Client) -> None:
    typed = {"name": "off", "dates": "2026-03-02\n2026-12-27 to 2026-12-31", "country": "GB", "subdivision": "SCT"}
    reader.post("/calendars", typed)
    before = Calendar.objects.values().get()
    page = text_of(reader, "/calendars?edit=off")
    assert "2026-12-27 to 2026-12-31" in page
    assert 'value="SCT"' in page
    reader.post("/calendars", typed)
    assert Calendar.objects.values().get() == before


def test_an_ics_file_is_read(reader: Client) -> None:
    reader.post("/calendars", {"name": "off", "ics": ICS})
    assert "an .ics file" in text_of(reader)
    assert Calendar.objects.get().listed_days.count == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": "off"}, "it has no days"),
        ({"name": "a b", "dates": "2026-03-02"}, "is no name of a calendar"),
        ({"name": "off", "dates": "2026-03-02\n\n2026-02-30"}, "dates, line 2:"),
        ({"name": "off", "dates": "2026-03-02 to 2026-03-01"}, "dates, line 1: "),
        ({"name": "off", "country": "ZZ"}, "country: "),
        ({"name": "off", "ics": "<script>"}, "ics: "),
    ],
)
def test_what_makes_no_calendar_is_refused_in_words_and_kept_in_the_form(
    reader: Client, typed: dict[str, str], words: str
) -> None:
    refused = reader.post("/calendars", typed)
    page = refused.content.decode()
    assert refused.status_code == 400
    assert words in page
    assert "<script>" not in page
    assert f'value="{typed["name"]}"' in page
    assert not Calendar.objects.exists()


def test_schedules_follow_what_is_edited_and_keep_it_from_being_deleted(reader: Client, api: Api) -> None:
    reader.post("/calendars", {"name": "off", "dates": "2027-01-01"})
    schedule = make_schedule(api, skip_on=["off"])
    reader.post("/calendars", {"name": "off", "dates": "2026-03-02"})
    assert Job.objects.get(is_upcoming=True).scheduled_at.day == 3
    assert f"/schedules/{schedule.id}" in text_of(reader)
    kept = reader.post("/calendars/off/delete", follow=True).content.decode()
    assert "was kept, as schedules use it" in kept
    assert Calendar.objects.exists()


def test_a_calendar_that_nothing_uses_is_deleted(reader: Client) -> None:
    reader.post("/calendars", {"name": "off", "dates": "2026-03-02"})
    assert reader.get("/calendars/off/delete").status_code == 405
    reader.post("/calendars/off/delete")
    assert not Calendar.objects.exists()


def test_a_stranger_sees_and_changes_nothing(reader: Client, stranger: Client, user: User) -> None:
    reader.post("/calendars", {"name": "zebra", "dates": "2026-03-02"})
    assert "zebra" not in text_of(stranger)
    assert stranger.get("/calendars?edit=zebra").status_code == 404
    assert stranger.post("/calendars/zebra/delete").status_code == 404
    stranger.post("/calendars", {"name": "zebra", "dates": "2026-04-02"})
    assert Calendar.objects.get(user=user).dates == ["2026-03-02"]


def test_it_costs_as_much_with_many_as_with_one(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("a", "b", "c"):
        reader.post("/calendars", {"name": name, "dates": "2026-03-02"})
        text_of(reader)
        with django_assert_num_queries(5):
            text_of(reader)
