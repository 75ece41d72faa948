"""/alerts: made, tried and deleted in a browser, and when each fired."""

from typing import Any

import pytest
from django.test import Client

from jobs.alerting import alerts, judging, words
from jobs.models import Alert, AuditEvent, Delivery, User
from tests.factories import NOON, make_job
from tests.jobs.pages.test_lists import ATTACK, text_of
from tests.runs import answered, deliver_due, run_due

pytestmark = pytest.mark.django_db

FORM = {"name": "trouble", "kind": "discarded", "count": "1", "to": "https://a.example.com/x\nhttps://b.example.com/y"}


def make(user: User, **fields: Any) -> Alert:
    wanted = {"name": "trouble", "when": {"discarded": 1}, "of": None, "to": ["https://a.example.com/x"]}
    return alerts.create(user.id, {**wanted, "mute_for": None, **fields}, actor="me", now=NOON)


@pytest.mark.parametrize(
    ("typed", "when"),
    [
        ({}, {"discarded": 1}),
        ({"kind": "late", "length": "5 minutes"}, {"late": [5, "minutes"]}),
        ({"kind": "not_run", "length": "1 day"}, {"not_run": [1, "days"]}),
        (
            {"kind": "failing", "length": "1 hour", "share": "0.5", "at_least": "10"},
            {"failing": {"share": 0.5, "of_last": [1, "hours"], "at_least": 10}},
        ),
        ({"kind": "receiver_off", "length": "1 hour"}, {"receiver_off": True}),
        ({"kind": "schedule_disabled"}, {"schedule_disabled": True}),
    ],
)
def test_an_alert_is_made(reader: Client, user: User, typed: dict[str, str], when: dict[str, Any]) -> None:
    done = reader.post("/alerts", FORM | typed, follow=True)
    assert done.status_code == 200
    alert = Alert.objects.get(user=user)
    assert (alert.when, alert.of) == (when, None)
    assert alert.to == ["https://a.example.com/x", "https://b.example.com/y"]
    assert words.when(alert.when) in done.content.decode()
    assert AuditEvent.objects.filter(action="alert.created").count() == 1


@pytest.mark.parametrize(
    "typed", [{"name": ""}, {"kind": "late"}, {"kind": "nonsense"}, {"to": "http://10.0.0.1/"}, {"mute_for": "soon"}]
)
def test_what_makes_no_sense_is_said_and_stays_in_the_form(reader: Client, typed: dict[str, str]) -> None:
    refused = reader.post("/alerts", FORM | {"tag": "kept"} | typed)
    assert refused.status_code == 400
    assert 'role="alert"' in refused.content.decode()
    assert 'value="kept"' in refused.content.decode()
    assert not Alert.objects.exists()


def test_a_name_is_had_once(reader: Client, user: User) -> None:
    make(user)
    assert reader.post("/alerts", FORM).status_code == 400


def test_its_page_says_when_it_fired_and_what_was_answered(reader: Client, user: User) -> None:
    alert = make(user, of={"tag": ["red"]})
    assert "has not fired yet" in text_of(reader, f"/alerts/{alert.id}")
    make_job(tags=",red,")
    run_due(answered(410))
    judging.judge_due(now=NOON)
    deliver_due(answered(500))
    shown = text_of(reader, f"/alerts/{alert.id}")
    assert "the last job to example.com was discarded" in shown
    assert "pending, 500" in shown
    assert "discarded-row" in text_of(reader, "/alerts")


def test_it_is_tried_ten_times_a_minute_at_most(reader: Client, user: User) -> None:
    alert = make(user)
    done = reader.post(f"/alerts/{alert.id}/try", follow=True).content.decode()
    assert "is on its way" in done
    assert Delivery.objects.get().event == "alert.firing"
    for _ in range(10):
        done = reader.post(f"/alerts/{alert.id}/try", follow=True).content.decode()
    assert "wait for a minute" in done


def test_it_is_deleted(reader: Client, user: User) -> None:
    alert = make(user)
    assert "is gone" in reader.post(f"/alerts/{alert.id}/delete", follow=True).content.decode()
    assert not Alert.objects.exists()


def test_those_of_others_are_not_there(stranger: Client, user: User) -> None:
    alert = make(user)
    assert "trouble" not in text_of(stranger, "/alerts")
    assert stranger.get(f"/alerts/{alert.id}").status_code == 404
    for verb in ("try", "delete"):
        assert stranger.post(f"/alerts/{alert.id}/{verb}").status_code == 404
    assert Alert.objects.exists()


def test_what_an_owner_writes_never_becomes_markup(reader: Client, user: User) -> None:
    alert = make(user, name=ATTACK[:90], of={"tag": [ATTACK]})
    for path in ("/alerts", f"/alerts/{alert.id}"):
        shown = text_of(reader, path)
        assert "window.attacked = 1</script>" not in shown
        assert "\u202e" not in shown
