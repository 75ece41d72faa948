"""A receiver that fails for five days is switched off, says so, and comes back by one call."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.outcomes.outcome import Failure, Outcome
from jobs.delivering import receivers, transitions
from jobs.models import Delivery, EventType, LogEvent, Receiver, User
from jobs.models.receiver import origin_of
from tests.factories import NOON, make_job, make_user
from tests.runs import OK, REFUSED, answered, deliver_due, run_due

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
URL = "https://receiver.example/callbacks"


def make_delivery(*, now: datetime = NOON, url: str = URL, user: User | None = None) -> Delivery:
    job = make_job(scheduled_at=now, now=now, callback_url=url, user=user)
    run_due(OK, now=now)
    return Delivery.objects.get(job=job)


def fail_for(days: float, *, every: timedelta = timedelta(hours=12), since: datetime = NOON) -> datetime:
    """A delivery fails every twelve hours; when the last one did."""
    now = since
    while now <= since + days * DAY:
        make_delivery(now=now)
        deliver_due(answered(410), now=now)
        now += every
    return now - every


def receiver() -> Receiver:
    return Receiver.objects.get()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://example.com/a?b=c#d", "https://example.com"),
        ("http://example.com:8080/", "http://example.com:8080"),
        ("https://[2001:db8::1]:444/x", "https://[2001:db8::1]:444"),
    ],
)
def test_a_receiver_is_scheme_host_and_port(url: str, origin: str):
    assert origin_of(url) == origin


def test_a_delivery_that_goes_well_writes_nothing_about_its_receiver_and_costs_one_query_a_batch():
    for _ in range(5):
        make_delivery()
    with CaptureQueriesContext(connection) as queries:
        assert deliver_due(OK) == 5
    about = [query["sql"] for query in queries if "jobs_receiver" in query["sql"]]
    assert len(about) == 1
    assert about[0].startswith("SELECT")
    assert Receiver.objects.count() == 0


def test_the_first_failure_is_noted_with_its_reason():
    make_delivery()
    deliver_due(answered(503))
    row = receiver()
    assert (row.origin, row.failing_since, row.last_failed_at) == ("https://receiver.example", NOON, NOON)
    assert (row.response_status, row.error_code) == (503, "http_status")
    assert row.disabled_at is None


def test_failures_within_a_minute_are_noted_once():
    for second in (0, 5, 59):
        make_delivery(now=NOON + timedelta(seconds=second))
        deliver_due(answered(410), now=NOON + timedelta(seconds=second))
    assert receiver().last_failed_at == NOON


def test_each_user_has_receivers_of_their_own():
    make_delivery()
    make_delivery(user=make_user("grace@example.com"))
    deliver_due(REFUSED)
    assert Receiver.objects.filter(origin="https://receiver.example").count() == 2


def test_an_attempt_that_was_broken_off_says_nothing_of_the_receiver():
    make_delivery()
    deliver_due(Outcome(response=None, failure=Failure("aborted", "broken off"), duration_ms=1))
    assert Receiver.objects.count() == 0


def test_a_success_ends_the_failing():
    make_delivery()
    deliver_due(answered(410))
    make_delivery(now=NOON + HOUR)
    deliver_due(OK, now=NOON + HOUR)
    assert receiver().failing_since is None
    make_delivery(now=NOON + 2 * HOUR)
    deliver_due(answered(410), now=NOON + 2 * HOUR)
    assert receiver().failing_since == NOON + 2 * HOUR


def test_one_path_that_works_keeps_its_server_on():
    make_delivery()
    deliver_due(answered(410))
    good = make_delivery(now=NOON + HOUR, url="https://receiver.example/other")
    deliver_due(OK, now=NOON + HOUR)
    good.refresh_from_db()
    assert (good.state, receiver().failing_since) == ("delivered", None)


def test_it_is_switched_off_after_five_days_of_failing_and_not_before():
    last = fail_for(4.9)
    assert receiver().disabled_at is None
    make_delivery(now=NOON + 5 * DAY)
    deliver_due(answered(410), now=NOON + 5 * DAY)
    assert (last, receiver().disabled_at) == (NOON + 4.5 * DAY, NOON + 5 * DAY)


def test_two_failures_with_a_week_of_silence_between_them_are_no_five_days_of_failing():
    for day in (0, 7, 14):
        make_delivery(now=NOON + day * DAY)
        deliver_due(answered(410), now=NOON + day * DAY)
    assert (receiver().disabled_at, receiver().failing_since) == (None, NOON + 14 * DAY)


def test_deliveries_to_one_that_is_off_fail_at_once_without_a_request_and_say_why_and_what_to_do():
    fail_for(5)
    now = NOON + 6 * DAY
    delivery = make_delivery(now=now)
    deliver_due(OK, now=now)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code, delivery.failed_at) == ("failed", "receiver_off", now)
    assert (delivery.attempt, delivery.attempted_at) == (1, now)
    message = delivery.error_message or ""
    assert "https://receiver.example was switched off at 2026-03-06T12:00:00Z" in message
    assert "since 2026-03-01T12:00:00Z (the target answered 410 Gone" in message
    assert f"POST /api/receivers/{receiver().id}/enable" in message
    event = LogEvent.objects.filter(job=delivery.job, event=EventType.DELIVERY_FAILED).get()
    assert event.payload["error"]["code"] == "receiver_off"


def test_one_that_is_off_stays_off_however_long():
    fail_for(5)
    off_at = receiver().disabled_at
    make_delivery(now=NOON + 60 * DAY)
    deliver_due(OK, now=NOON + 60 * DAY)
    assert receiver().disabled_at == off_at


def test_switched_on_again_it_is_sent_to_and_has_another_five_days():
    fail_for(5)
    enabled = receivers.enable(receiver())
    assert (enabled.disabled_at, enabled.failing_since) == (None, None)
    now = NOON + 6 * DAY
    make_delivery(now=now)
    deliver_due(answered(410), now=now)
    assert (receiver().disabled_at, receiver().failing_since) == (None, now)


def test_an_answer_from_one_that_was_just_switched_off_switches_it_on():
    fail_for(4.9)
    late = make_delivery(now=NOON + 5 * DAY)
    receivers.look_up([late])
    Receiver.objects.update(disabled_at=NOON + 5 * DAY)
    receivers.note([receivers.DeliveryAttempt(late, 200, None, None)], now=NOON + 5 * DAY)
    assert (receiver().disabled_at, receiver().failing_since) == (None, None)


def test_one_that_fails_costs_one_more_query_a_batch_whatever_fails():
    for number in range(5):
        make_delivery(url=f"https://{number}.example/")
    with CaptureQueriesContext(connection) as queries:
        deliver_due(REFUSED)
    assert len([query for query in queries if "jobs_receiver" in query["sql"]]) == 2
    assert Receiver.objects.count() == 5


# --- Sent again on request --------------------------------------------------------------------------------------------


def test_a_delivery_that_ended_is_sent_again_with_the_same_body_and_id():
    delivery = make_delivery()
    deliver_due(OK)
    again = transitions.resend(delivery, now=NOON + HOUR)
    assert again is not None
    assert (again.state, again.due_at, again.delivered_at) == ("pending", NOON + HOUR, None)
    assert deliver_due(OK, now=NOON + HOUR) == 1
    before, delivery = delivery, Delivery.objects.get()
    assert (delivery.uuid, delivery.body) == (before.uuid, before.body)
    assert (delivery.state, delivery.attempt, delivery.delivered_at) == ("delivered", 2, NOON + HOUR)


def test_one_that_is_on_its_way_is_not():
    delivery = make_delivery()
    assert transitions.resend(delivery, now=NOON) is None
    transitions.claim(make_user().id, limit=1, now=NOON)
    assert transitions.resend(delivery, now=NOON) is None


def test_one_sent_again_has_another_day_of_retries_with_short_waits_first():
    delivery = make_delivery()
    deliver_due(answered(410))
    later = NOON + 10 * DAY
    transitions.resend(delivery, now=later)
    deliver_due(REFUSED, now=later)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempt) == ("pending", 2)
    assert delivery.due_at - later < timedelta(seconds=10)
    deliver_due(REFUSED, now=later + DAY)
    delivery.refresh_from_db()
    assert delivery.state == "failed"
