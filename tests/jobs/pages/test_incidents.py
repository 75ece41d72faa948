"""The last incidents on /home: of every kind, the newest first, ten at most, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.explaining.parked import Parked
from jobs.guarding import suspension
from jobs.models import Alert, AlertIncident, ParkedHost, Receiver, Schedule, User
from jobs.pages import incidents
from jobs.pages.incidents import Incident
from tests.factories import NOON, make_job, make_schedule

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ATTACK = "</b><script>window.attacked = 1</script>\u202e"


def make_alert(user: User, name: str = "many fail") -> Alert:
    when = {"discarded": 1}
    return Alert.objects.create(
        user=user, name=name, when=when, to=[], inserted_at=NOON, updated_at=NOON, watched_from=NOON
    )


def fire(alert: Alert, **fields: Any) -> AlertIncident:
    given = {"since": NOON, "told_at": NOON, "fired": {"summary": "3 jobs were discarded in a row"}, "until": NOON}
    return AlertIncident.objects.create(alert=alert, user_id=alert.user_id, **given | fields)


def switch_off(user: User, origin: str = "https://off.example", hours: int = 1) -> None:
    at = NOON - hours * HOUR
    Receiver.objects.create(
        user=user, origin=origin, failing_since=at, last_failed_at=at, disabled_at=at, error_message="refused"
    )


def disable(*, failures: int, disable_after: int | None) -> Schedule:
    schedule = make_schedule(spec={"name": "nightly export"})
    at = NOON - 2 * HOUR
    Schedule.objects.update(disabled_at=at, discarded_in_a_row=failures, disable_after=disable_after)
    return schedule


def last_of(user: User, *parked: Parked) -> list[Incident]:
    return incidents.of_user(user.id, parked, since=NOON - HOUR)


def park(user: User, origin: str, *, minutes_ago: int, lasted: int | None) -> None:
    since = NOON - minutes_ago * MINUTE
    until = None if lasted is None else since + lasted * MINUTE
    ParkedHost.objects.create(user=user, origin=origin, since=since, until=until)


def test_each_kind_is_a_sentence_and_the_newest_is_first(user: User) -> None:
    switch_off(user, hours=1)
    schedule = disable(failures=3, disable_after=3)
    alert = make_alert(user)
    fire(alert, since=NOON - 3 * HOUR, until=None)
    suspension.suspend(user, actor="command", now=NOON - 4 * HOUR)
    found = last_of(user, Parked("https://a.example:8443/", NOON - 5 * HOUR))
    assert [(each.what, each.url) for each in found] == [
        ("https://off.example", "/deliveries"),
        ("nightly export", f"/schedules/{schedule.id}"),
        ("many fail", f"/alerts/{alert.id}"),
        ("Your account was suspended", ""),
        ("a.example:8443", "/jobs?q=host:a.example:8443"),
    ]
    assert "after 3 runs in a row" in found[1].why
    assert found[2].why == "fired: 3 jobs were discarded in a row; it goes on."


@pytest.mark.parametrize(("failures", "disable_after"), [(2, 3), (3, None)])
def test_what_an_owner_has_paused_is_none(user: User, failures: int, disable_after: int | None) -> None:
    disable(failures=failures, disable_after=disable_after)
    assert last_of(user) == []


def test_a_test_of_an_alert_is_none(user: User) -> None:
    fire(make_alert(user), is_test=True)
    assert last_of(user) == []


def test_a_host_that_was_parked_stays_with_its_begin_and_its_end(user: User, other_user: User) -> None:
    park(user, "https://a.example/", minutes_ago=20, lasted=12)
    park(user, "https://b.example/", minutes_ago=600, lasted=5)
    park(user, "https://c.example/", minutes_ago=600, lasted=None)
    park(other_user, "https://d.example/", minutes_ago=20, lasted=12)
    first, second = last_of(user, Parked("https://c.example/", NOON - 601 * MINUTE))
    assert (first.what, first.at, first.until) == ("a.example", NOON - 20 * MINUTE, NOON - 8 * MINUTE)
    assert first.why == "brought failures alone for 12 min: what waited for it was let go slowly."
    assert (second.what, second.at, second.until) == ("c.example", NOON - 601 * MINUTE, None)
    assert second.why.startswith("brings failures alone")


def test_what_workers_park_no_more_is_not_said_to_go_on(user: User) -> None:
    park(user, "https://a.example/", minutes_ago=20, lasted=None)
    [found] = last_of(user)
    assert found.why == "brought failures alone: what waited for it was let go slowly."


def test_there_are_ten_at_most_by_as_many_queries(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alert = make_alert(user)
    for number in range(12):
        fire(alert, subject=str(number))
        switch_off(user, f"https://{number}.example", hours=number)
        park(user, f"https://{number}.example/", minutes_ago=number, lasted=0)
    with django_assert_num_queries(5):
        assert len(last_of(user)) == incidents.MOST


def test_the_page_shows_them_and_what_others_wrote_stays_text(reader: Client, user: User) -> None:
    make_job(scheduled_at=NOON + HOUR)
    fire(make_alert(user, ATTACK), fired={"summary": ATTACK})
    page = reader.get("/home").content.decode()
    assert "Last incidents" in page
    assert "&lt;script&gt;window" in page
    assert "<script>window" not in page
    assert "\u202e" not in page


def test_a_stranger_sees_none_of_them(stranger: Client, user: User, other_user: User) -> None:
    make_job(user=other_user, scheduled_at=NOON + HOUR)
    switch_off(user)
    fire(make_alert(user))
    assert "Last incidents" not in stranger.get("/home").content.decode()
