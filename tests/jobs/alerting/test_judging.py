"""Jobs end, beat has a worker judge, and whoever asked for it is told: once when it fires, once when it is over."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.alerting import incidents, judging, messages
from jobs.engine.stage import Finished
from jobs.models import (
    Alert,
    AlertedEnd,
    AlertIncident,
    AlertWatch,
    Delivery,
    DeliveryKind,
    Job,
    LogEvent,
    Receiver,
    Schedule,
    User,
)
from jobs.running import attempts, stage
from tests.api import Api, data_of
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job
from tests.runs import OK, answered, deliver_due, run_due, start_due, take_lease

pytestmark = pytest.mark.django_db

TO = "https://alerts.example.com/here"
GONE = answered(410)


def alert(api: Api, when: dict[str, Any], **fields: Any) -> Any:
    wanted = {"name": "trouble", "when": when, "to": [TO], **fields}
    return data_of(api.post("/api/alerts", wanted), status=201)


def run(count: int = 1, outcome: Any = GONE, *, clock: StoppedClock, **fields: Any) -> None:
    """`count` jobs run now, one after the other, and end so."""
    for _ in range(count):
        make_job(now=clock.moment, scheduled_at=clock.moment, **fields)
        run_due(outcome, now=clock.moment)


def look(clock: StoppedClock) -> None:
    judging.judge_due(now=clock.moment)


def told() -> list[Any]:
    """What was said, in its order."""
    return [json.loads(body) for body in Delivery.objects.order_by("id").values_list("body", flat=True)]


def types() -> list[str]:
    return [each["type"] for each in told()]


def test_it_fires_once_and_resolves_once(api: Api, stopped_clock: StoppedClock) -> None:
    made = alert(api, {"discarded": 2}, to=[TO, "https://other.example.com/"])
    run(1, clock=stopped_clock)
    look(stopped_clock)
    assert told() == []
    run(3, clock=stopped_clock, tags=",red,")
    for _ in range(3):
        look(stopped_clock)
    assert types() == ["alert.firing"] * 2
    [incident] = AlertIncident.objects.all()
    job = Job.objects.order_by("id")[1]
    assert told()[0] == {
        "type": "alert.firing",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "alert_id": made["id"],
            "name": "trouble",
            "incident_id": str(incident.id),
            "when": {"discarded": 2},
            "of": None,
            "subject": {"kind": "host", "value": "example.com"},
            "since": "2026-03-01T12:00:00Z",
            "until": None,
            "summary": f"the last 2 jobs to example.com were discarded: job {job.id}, http_status",
            "job": {
                "job_id": job.id,
                "schedule_id": None,
                "name": None,
                "state": "discarded",
                "error": "http_status",
                "tags": ["red"],
            },
            "tags": ["red"],
            "again": False,
            "test": False,
        },
    }
    stopped_clock.advance(minutes=5)
    run(2, OK, clock=stopped_clock)
    for _ in range(3):
        look(stopped_clock)
    assert types() == ["alert.firing"] * 2 + ["alert.resolved"] * 2
    assert told()[2]["data"]["until"] == "2026-03-01T12:05:00Z"
    assert told()[2]["data"]["incident_id"] == str(incident.id)
    assert not AlertedEnd.objects.exists()


def test_what_fires_and_is_over_between_two_looks_is_told_both_times(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"discarded": 1})
    for outcome in (GONE, OK, GONE):
        stopped_clock.advance(seconds=1)
        run(1, outcome, clock=stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing", "alert.resolved", "alert.firing"]
    stopped_clock.advance(seconds=1)
    for outcome in (OK, GONE):
        stopped_clock.advance(seconds=1)
        run(1, outcome, clock=stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing", "alert.resolved"] * 2 + ["alert.firing"]


def test_what_goes_on_is_said_again_after_a_day_or_as_it_is_muted(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"discarded": 1})
    alert(api, {"discarded": 1}, name="often", mute_for="1 hour", to=["https://often.example.com/"])
    run(1, clock=stopped_clock)
    look(stopped_clock)
    for _ in range(24):
        stopped_clock.advance(hours=1)
        look(stopped_clock)
    again = [(each["data"]["name"], each["data"]["again"]) for each in told()]
    assert again.count(("trouble", True)) == 1
    assert again.count(("often", True)) == 24
    assert {each["type"] for each in told()} == {"alert.firing"}


def test_cancelled_jobs_count_as_neither(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"discarded": 2})
    run(1, clock=stopped_clock)
    job = make_job(scheduled_at=NOON + timedelta(hours=1))
    data_of(api.post(f"/api/jobs/{job.id}/cancel"))
    run(1, clock=stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing"]


def test_only_what_it_is_about_counts(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"discarded": 1}, of={"tag": "red,late", "host": "example.com"})
    run(1, clock=stopped_clock, tags=",red,")
    run(1, clock=stopped_clock, tags=",red,late,", url="https://example.org/")
    look(stopped_clock)
    assert told() == []
    run(1, clock=stopped_clock, tags=",late,red,")
    look(stopped_clock)
    assert types() == ["alert.firing"]


def test_what_ended_before_it_was_made_is_not_looked_at(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"discarded": 5}, name="other")
    run(1, clock=stopped_clock)
    stopped_clock.advance(seconds=1)
    alert(api, {"discarded": 1})
    look(stopped_clock)
    assert told() == []


def test_a_job_of_who_has_no_alerts_costs_no_query_more_and_leaves_nothing(
    user: User, stopped_clock: StoppedClock
) -> None:
    lease = take_lease()

    def queries() -> int:
        make_job()
        started = start_due(lease.id)
        with CaptureQueriesContext(connection) as captured:
            stage.record(lease.id, [Finished(each, OK) for each in started], now=NOON)
        return len(captured)

    queries()
    without = queries()
    assert not AlertedEnd.objects.exists()
    AlertWatch.objects.create(user_id=user.id, judged_at=NOON)
    assert queries() == without + 1
    assert AlertedEnd.objects.count() == 1


def test_a_job_given_up_as_its_worker_was_lost_counts(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"discarded": 1})
    make_job(max_attempts=1)
    start_due(take_lease().id)
    stopped_clock.advance(minutes=5)
    assert attempts.rescue(limit=10, now=stopped_clock.moment)
    look(stopped_clock)
    assert types() == ["alert.firing"]
    assert told()[0]["data"]["job"]["error"] == "lease_lost"


def test_nothing_is_noted_of_others_in_a_rescue(user: User) -> None:
    make_job(max_attempts=1)
    start_due(take_lease().id)
    assert attempts.rescue(limit=10, now=NOON + timedelta(minutes=5))
    assert not AlertedEnd.objects.exists()


def test_a_share_is_told_once_and_over_when_an_hour_has_passed_without_it(
    api: Api, stopped_clock: StoppedClock
) -> None:
    alert(api, {"failing": {"share": 0.5, "of_last": "1 hour", "at_least": 4}})
    run(2, OK, clock=stopped_clock)
    run(2, clock=stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing"]
    stopped_clock.advance(minutes=5)
    run(20, OK, clock=stopped_clock)
    look(stopped_clock)
    stopped_clock.advance(minutes=50)
    look(stopped_clock)
    assert types() == ["alert.firing"]
    stopped_clock.advance(minutes=10)
    look(stopped_clock)
    assert types() == ["alert.firing", "alert.resolved"]


def test_no_success_for_an_hour_is_told_by_the_clock_and_over_with_one(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"not_run": "1 hour"})
    look(stopped_clock)
    stopped_clock.advance(minutes=59)
    look(stopped_clock)
    assert told() == []
    stopped_clock.advance(minutes=1)
    look(stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing"]
    run(1, clock=stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing"]
    run(1, OK, clock=stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing", "alert.resolved"]


def test_jobs_that_nobody_takes_are_late(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"late": "5 minutes"}, of={"host": "example.com"})
    data_of(api.call("PUT", "/api/queues/slow", {"paused": True}))
    data_of(api.post("/api/jobs", {"url": "https://example.com/hook", "queue": "slow"}), status=201)
    make_job(url="https://example.org/elsewhere")
    look(stopped_clock)
    stopped_clock.advance(minutes=6)
    look(stopped_clock)
    assert types() == ["alert.firing"]
    job = Job.objects.get(url="https://example.com/hook")
    assert told()[0]["data"]["summary"] == f"job {job.id} has been due for 6 min and has not begun"
    data_of(api.post(f"/api/jobs/{job.id}/cancel"))
    stopped_clock.advance(minutes=4)
    look(stopped_clock)
    assert types() == ["alert.firing"]
    stopped_clock.advance(minutes=1)
    look(stopped_clock)
    assert types() == ["alert.firing", "alert.resolved"]


def test_a_job_that_began_late_is_late_though_it_was_not_seen_waiting(api: Api, stopped_clock: StoppedClock) -> None:
    alert(api, {"late": "20 seconds"})
    make_job()
    stopped_clock.advance(seconds=30)
    run_due(OK, now=stopped_clock.moment)
    look(stopped_clock)
    assert types() == ["alert.firing"]


def test_a_receiver_that_was_switched_off_is_told_of_until_it_is_on(
    api: Api, user: User, stopped_clock: StoppedClock
) -> None:
    alert(api, {"receiver_off": True}, of={"host": "example.com"})
    stopped_clock.advance(minutes=1)
    now = stopped_clock.moment
    for origin in ("https://example.com", "https://example.org"):
        fields = {"failing_since": NOON, "last_failed_at": now, "disabled_at": now, "error_message": "nobody there"}
        Receiver.objects.create(user=user, origin=origin, **fields)
    look(stopped_clock)
    look(stopped_clock)
    assert [each["data"]["subject"] for each in told()] == [{"kind": "receiver", "value": "https://example.com"}]
    row = Receiver.objects.get(origin="https://example.com")
    data_of(api.post(f"/api/receivers/{row.id}/enable"))
    stopped_clock.advance(seconds=15)
    look(stopped_clock)
    assert types() == ["alert.firing", "alert.resolved"]


def test_a_schedule_that_was_disabled_is_told_of_with_its_reason(api: Api, stopped_clock: StoppedClock) -> None:
    made = [
        data_of(api.post("/api/jobs", {"url": "https://example.com/", "cron": "0 9 * * *", **fields}), status=201)
        for fields in ({"tags": ["red"]}, {"tags": ["blue"]}, {"tags": ["red"], "max_runs": 1})
    ]
    alert(api, {"schedule_disabled": True}, of={"tag": "red"})
    stopped_clock.advance(minutes=1)
    for each in made[:2]:
        data_of(api.post(f"/api/schedules/{each['schedule_id']}/disable", {"reason": "on holiday"}))
    look(stopped_clock)
    look(stopped_clock)
    [said] = told()
    assert said["data"]["subject"] == {"kind": "schedule", "value": made[0]["schedule_id"]}
    assert said["data"]["summary"].endswith("was disabled: on holiday")
    planned = Schedule.objects.filter(id=made[2]["schedule_id"])
    planned.update(disabled_at=stopped_clock.moment, disabled_reason="its max_runs are done")
    stopped_clock.advance(seconds=15)
    look(stopped_clock)
    assert len(told()) == 1
    data_of(api.post(f"/api/schedules/{made[0]['schedule_id']}/enable"))
    stopped_clock.advance(seconds=15)
    look(stopped_clock)
    assert types() == ["alert.firing", "alert.resolved"]


def test_ten_thousand_that_fail_together_are_no_ten_thousand_messages(
    api: Api, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents, "MOST_OPEN", 2)
    alert(api, {"discarded": 1})
    for number in range(4):
        run(1, clock=stopped_clock, url=f"https://{number}.example.com/")
    look(stopped_clock)
    assert len(told()) == 2
    run(1, OK, clock=stopped_clock, url="https://0.example.com/")
    run(1, clock=stopped_clock, url="https://3.example.com/")
    look(stopped_clock)
    assert types() == ["alert.firing"] * 2 + ["alert.resolved", "alert.firing"]


def test_a_look_that_fails_halfway_has_told_nothing_and_loses_nothing(
    api: Api, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(api, {"discarded": 1})
    run(1, clock=stopped_clock)

    def fail(*args: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(messages, "insert", fail)
        with pytest.raises(KeyboardInterrupt):
            look(stopped_clock)
    assert (AlertIncident.objects.count(), AlertedEnd.objects.count()) == (0, 1)
    look(stopped_clock)
    assert types() == ["alert.firing"]


def test_one_users_alerts_that_cant_be_judged_hold_up_nobody_elses(
    api: Api, other_user: User, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(api, {"discarded": 1})
    broken = {"name": "broken", "when": {"failing": {}}, "to": [TO]}
    Alert.objects.create(user=other_user, inserted_at=NOON, updated_at=NOON, watched_from=NOON, **broken)
    AlertWatch.objects.create(user=other_user, judged_at=NOON - timedelta(days=1), due_at=NOON)
    run(1, clock=stopped_clock)
    look(stopped_clock)
    assert types() == ["alert.firing"]


def test_the_message_is_sent_signed_retried_and_leaves_no_log(api: Api, stopped_clock: StoppedClock) -> None:
    made = alert(api, {"discarded": 1})
    run(1, clock=stopped_clock)
    look(stopped_clock)
    before = LogEvent.objects.count()
    assert deliver_due(answered(500), now=stopped_clock.moment) == 1
    [incident] = data_of(api.get(f"/api/alerts/{made['id']}/incidents"))
    [delivery] = incident["deliveries"]
    assert (delivery["url"], delivery["state"], delivery["response_status"]) == (TO, "pending", 500)
    stopped_clock.advance(minutes=1)
    assert deliver_due(now=stopped_clock.moment) == 1
    [incident] = data_of(api.get(f"/api/alerts/{made['id']}/incidents"))
    assert [each["state"] for each in incident["deliveries"]] == ["delivered"]
    assert LogEvent.objects.count() == before
    assert Delivery.objects.get().kind == DeliveryKind.ALERT


def test_a_round_costs_one_query_where_nobody_has_alerts(user: User) -> None:
    make_job()
    run_due(GONE)
    with CaptureQueriesContext(connection) as captured:
        judging.judge_due(now=NOON)
    assert len(captured) == 1
