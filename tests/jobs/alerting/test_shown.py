"""What tells of an alert is of no job, wherever deliveries are shown; and what is old or of nobody goes."""

from datetime import timedelta

import pytest
from django.test import Client

from jobs.alerting import alerts, judging
from jobs.models import Alert, AlertedEnd, AlertIncident, AlertWatch, Delivery, User
from jobs.operating import retention, user_removal
from tests.admin import log_in, page
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_job
from tests.runs import answered, deliver_due, run_due

pytestmark = pytest.mark.django_db

FIELDS = {"name": "trouble", "when": {"discarded": 1}, "to": ["https://alerts.example.com/here"]}


def fire(user: User) -> Alert:
    alert = alerts.create(user.id, FIELDS | {"of": None, "mute_for": None}, actor="me", now=NOON)
    make_job(user=user)
    run_due(answered(410))
    judging.judge_due(now=NOON)
    return alert


def test_the_owner_sees_it_and_sends_it_again(
    web: Client, user: User, stopped_clock: StoppedClock, announced: Announced
) -> None:
    fire(user)
    deliver_due(answered(410))
    web.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    shown = web.get("/deliveries").content.decode()
    assert "alert.firing" in shown
    assert ">alert<" in shown
    done = web.post(f"/deliveries/{Delivery.objects.get().uuid}/resend", follow=True).content.decode()
    assert "alert.firing of an alert is sent again" in done


def test_operators_see_it(web: Client, user: User, stopped_clock: StoppedClock) -> None:
    fire(user)
    log_in(web, "view_delivery")
    assert "alert.firing" in page(web, "jobs/delivery/")
    assert "alert.firing of an alert" in page(web, f"jobs/delivery/{Delivery.objects.get().pk}/change/")


def test_incidents_go_once_they_ended_long_ago_and_what_was_never_judged_in_a_day(user: User) -> None:
    alert = fire(user)
    tested = alerts.tell_test(alert, now=NOON)
    assert tested is not None
    AlertedEnd.objects.create(user=user, job_id=1, url="https://example.com/", ended_at=NOON, late_seconds=0)
    retention.prune(now=NOON + timedelta(hours=23))
    assert (AlertIncident.objects.count(), AlertedEnd.objects.count()) == (2, 1)
    later = AlertIncident.objects.filter(id=tested.id)
    later.update(until=NOON - timedelta(days=40), since=NOON - timedelta(days=40))
    retention.prune(now=NOON + timedelta(days=3650))
    assert not AlertIncident.objects.filter(until__isnull=False).exists()
    assert AlertIncident.objects.filter(until__isnull=True).count() == 1
    assert not AlertedEnd.objects.exists()


def test_a_user_is_removed_with_their_alerts(user: User, other_user: User) -> None:
    for owner in (user, other_user):
        fire(owner)
        AlertedEnd.objects.create(user=owner, job_id=1, url="https://example.com/", ended_at=NOON, late_seconds=0)
    user_removal.remove(user, now=NOON, pause_seconds=0)
    for model in (Alert, AlertIncident, AlertWatch, AlertedEnd, Delivery):
        assert not model._default_manager.filter(user_id=user.id).exists(), model
        assert model._default_manager.filter(user_id=other_user.id).exists(), model
