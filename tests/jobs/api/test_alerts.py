"""/api/alerts: made, read, changed, tried, deleted; and what is refused."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from jobs.alerting import judging
from jobs.guarding import secrets
from jobs.models import Alert, AlertedEnd, AlertIncident, AlertWatch, ApiKey, AuditEvent, Delivery, Scope, User
from tests.api import FORM, Api, data_of, pointers_of, problem_of, schedule_by
from tests.conftest import Announced, StoppedClock
from tests.factories import make_job
from tests.runs import OK, answered, deliver_due, run_due

pytestmark = pytest.mark.django_db

TO = "https://alerts.example.com/here"
WANTED: dict[str, Any] = {"name": "trouble", "when": {"discarded": 3}, "to": [TO]}


def made(api: Api, **fields: Any) -> Any:
    return data_of(api.post("/api/alerts", WANTED | fields), status=201)


def fires(api: Api, clock: StoppedClock) -> Any:
    """An alert that fires just now."""
    alert = made(api, when={"discarded": 1})
    make_job()
    run_due(answered(410), now=clock.moment)
    judging.judge_due(now=clock.moment)
    return alert


def test_an_alert_is_made_read_listed_changed_and_deleted(api: Api, user: User) -> None:
    response = api.post("/api/alerts", WANTED | {"of": {"tag": "red", "host": None}})
    alert = data_of(response, status=201)
    assert response.headers["Location"] == f"/api/alerts/{alert['id']}"
    assert alert == {
        "id": alert["id"],
        "user_id": str(user.id),
        "name": "trouble",
        "when": {"discarded": 3},
        "of": {"tag": ["red"]},
        "to": [TO],
        "mute_for": [1, "days"],
        "inserted_at": "2026-03-01T12:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
        "firing": 0,
    }
    path = f"/api/alerts/{alert['id']}"
    assert data_of(api.get(path)) == alert
    assert data_of(api.get("/api/alerts")) == [alert]
    changed = data_of(api.patch(path, {"mute_for": "2 hours", "of": None}))
    assert changed == alert | {"mute_for": [2, "hours"], "of": None}
    assert data_of(api.patch(path, {"mute_for": None}))["mute_for"] == [1, "days"]
    data_of(api.call("DELETE", path))
    problem_of(api.get(path), status=404)
    assert not AlertWatch.objects.exists()
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["alert.created", "alert.changed", "alert.changed", "alert.deleted"]


@pytest.mark.parametrize(
    ("when", "shown"),
    [
        ({"discarded": 1}, {"discarded": 1}),
        (
            {"failing": {"share": 0.25, "of_last": "1 hour"}},
            {"failing": {"share": 0.25, "of_last": [1, "hours"], "at_least": 1}},
        ),
        (
            {"failing": {"share": 1, "of_last": 3600, "at_least": 10}},
            {"failing": {"share": 1, "of_last": [3600, "seconds"], "at_least": 10}},
        ),
        ({"late": [5, "minutes"]}, {"late": [5, "minutes"]}),
        ({"not_run": "1 day"}, {"not_run": [1, "days"]}),
        ({"receiver_off": True}, {"receiver_off": True}),
        ({"schedule_disabled": True}, {"schedule_disabled": True}),
    ],
)
def test_each_condition_is_taken_and_judged(
    api: Api, when: dict[str, Any], shown: dict[str, Any], stopped_clock: StoppedClock
) -> None:
    assert made(api, when=when)["when"] == shown
    make_job()
    run_due(OK, now=stopped_clock.moment)
    judging.judge_due(now=stopped_clock.moment)
    assert not AlertedEnd.objects.exists()


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"when": None}, "/when"),
        ({"when": {}}, "/when"),
        ({"when": "discarded"}, "/when"),
        ({"when": {"discarded": 1, "late": 60}}, "/when"),
        ({"when": {"discardet": 1}}, "/when/discardet"),
        ({"when": {"discarded": 0}}, "/when/discarded"),
        ({"when": {"discarded": None}}, "/when/discarded"),
        ({"when": {"discarded": True}}, "/when/discarded"),
        ({"when": {"failing": 0.5}}, "/when/failing"),
        ({"when": {"failing": {"share": 0.5}}}, "/when/failing/of_last"),
        ({"when": {"failing": {"share": 0, "of_last": "1 hour"}}}, "/when/failing/share"),
        ({"when": {"failing": {"share": 1.5, "of_last": "1 hour"}}}, "/when/failing/share"),
        ({"when": {"failing": {"share": 0.5, "of_last": "1 second"}}}, "/when/failing/of_last"),
        ({"when": {"failing": {"share": 0.5, "of_last": "1 hour", "at_leest": 3}}}, "/when/failing/at_leest"),
        ({"when": {"late": 0}}, "/when/late"),
        ({"when": {"late": [5, "parsecs"]}}, "/when/late/1"),
        ({"when": {"not_run": "30 seconds"}}, "/when/not_run"),
        ({"when": {"receiver_off": False}}, "/when/receiver_off"),
        ({"when": {"schedule_disabled": "maybe"}}, "/when/schedule_disabled"),
        ({"of": "red"}, "/of"),
        ({"of": {"state": "discarded"}}, "/of/state"),
        ({"of": {"tag": "a,,b"}}, "/of/tag"),
        ({"of": {"host": "a/b"}}, "/of/host"),
        ({"of": {"schedule_id": "nightly"}}, "/of/schedule_id"),
        ({"of": {"schedule_id": "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"}}, "/of/schedule_id"),
        ({"when": {"receiver_off": True}, "of": {"tag": "red"}}, "/of/tag"),
        ({"to": None}, "/to"),
        ({"to": []}, "/to"),
        ({"to": TO}, "/to"),
        ({"to": [TO, TO]}, "/to/1"),
        ({"to": [f"https://example.com/{number}" for number in range(11)]}, "/to"),
        ({"to": [TO, "https://10.0.0.1/"]}, "/to/1"),
        ({"to": ["https://user:password@example.com/"]}, "/to/0"),
        ({"to": [5]}, "/to/0"),
        ({"to": ["https://example.com/{{secret:NONE}}"]}, "/to/0"),
        ({"mute_for": 1}, "/mute_for"),
        ({"mute_for": "soon"}, "/mute_for"),
        ({"silence": 1}, "/silence"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(api: Api, fields: dict[str, Any], pointer: str) -> None:
    assert pointers_of(api.post("/api/alerts", WANTED | fields)) == [pointer]
    assert not Alert.objects.exists()
    assert not AlertWatch.objects.exists()
    alert = made(api)
    assert pointers_of(api.patch(f"/api/alerts/{alert['id']}", fields)) == [pointer]
    assert data_of(api.get(f"/api/alerts/{alert['id']}")) == alert


def test_http_is_taken_where_targets_may_be_http(api: Api, settings: Settings) -> None:
    assert pointers_of(api.post("/api/alerts", WANTED | {"to": ["http://example.com/"]})) == ["/to/0"]
    settings.BOOPER_ALLOW_HTTP_TARGETS = True
    assert made(api, to=["http://example.com/"])["to"] == ["http://example.com/"]


def test_an_address_may_refer_to_a_secret(api: Api, user: User, stopped_clock: StoppedClock) -> None:
    secrets.put(user.id, "PATH", value="s3cr3t", hosts=None, actor="me", now=stopped_clock.moment)
    alert = made(api, to=["https://example.com/{{secret:PATH}}"])
    assert alert["to"] == ["https://example.com/{{secret:PATH}}"]


def test_a_form_makes_one_too(api: Api) -> None:
    body = "name=x&when[failing][share]=0.5&when[failing][of_last][]=1&when[failing][of_last][]=hour&to[]=" + TO
    alert = data_of(api.post("/api/alerts", body, content_type=FORM), status=201)
    assert alert["when"] == {"failing": {"share": 0.5, "of_last": [1, "hours"], "at_least": 1}}


def test_a_name_is_had_once(api: Api, other_api: Api) -> None:
    made(api)
    problem_of(api.post("/api/alerts", WANTED), status=409)
    made(other_api)
    other = made(api, name="other")
    problem_of(api.patch(f"/api/alerts/{other['id']}", {"name": "trouble"}), status=409)
    data_of(api.patch(f"/api/alerts/{other['id']}", {"name": "other"}))


def test_a_schedule_that_it_is_about_has_to_be_the_callers(api: Api, other_api: Api) -> None:
    schedule = schedule_by(api)
    wanted = {"of": {"schedule_id": str(schedule.id)}}
    assert made(api, **wanted)["of"] == wanted["of"]
    assert pointers_of(other_api.post("/api/alerts", WANTED | wanted)) == ["/of/schedule_id"]


def test_those_of_others_are_not_there(api: Api, other_api: Api) -> None:
    path = f"/api/alerts/{made(api)['id']}"
    for method, end in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/incidents")):
        body: Any = {} if method == "PATCH" else None
        problem_of(other_api.call(method, path + end, body), status=404)
        problem_of(api.call(method, f"/api/alerts/nothing{end}", body), status=404)
    assert data_of(other_api.get("/api/alerts")) == []


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_a_key_has_to_be_for_admin(web: Client, user: User, stopped_clock: StoppedClock, scope: Scope) -> None:
    api = Api(web, token=ApiKey.issue(user.id, scope=scope)[1])
    problem_of(api.get("/api/alerts"), status=403)
    problem_of(api.post("/api/alerts", WANTED), status=403)


def test_there_are_so_many_at_most(api: Api, settings: Settings) -> None:
    settings.BOOPER_MAX_ALERTS = 1
    made(api)
    refused = api.post("/api/alerts", WANTED | {"name": "other"})
    assert refused.status_code == 429
    assert (refused.json()["limit"], refused.json()["allowed"], refused.json()["used"]) == ("alerts", 1, 1)
    [listed] = [each for each in data_of(api.get("/api/limits")) if each["name"] == "alerts"]
    assert (listed["allowed"], listed["used"]) == (1, 1)


def test_a_test_goes_to_each_address_marked_and_is_in_the_incidents(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    alert = made(api, to=[TO, "https://other.example.com/"])
    with django_capture_on_commit_callbacks(execute=True):
        incident = data_of(api.post(f"/api/alerts/{alert['id']}/test"), status=202)
    assert (incident["test"], incident["state"], incident["alert_id"]) == (True, "resolved", alert["id"])
    assert [each["state"] for each in incident["deliveries"]] == ["pending", "pending"]
    assert announced.deliveries
    body = data_of(api.get(f"/api/deliveries/{incident['deliveries'][0]['id']}"))["body"]
    assert (body["type"], body["data"]["test"]) == ("alert.firing", True)
    assert deliver_due(answered(204)) == 2
    [shown] = data_of(api.get(f"/api/alerts/{alert['id']}/incidents"))
    assert [(each["state"], each["response_status"]) for each in shown["deliveries"]] == [("delivered", 204)] * 2
    assert data_of(api.get(f"/api/alerts/{alert['id']}"))["firing"] == 0


def test_ten_tests_a_minute_are_enough(api: Api, stopped_clock: StoppedClock) -> None:
    path = f"/api/alerts/{made(api)['id']}/test"
    for _ in range(10):
        data_of(api.post(path), status=202)
    problem_of(api.post(path), status=409)
    stopped_clock.advance(minutes=1)
    data_of(api.post(path), status=202)


def test_incidents_say_what_fired_since_when_and_until_when(api: Api, stopped_clock: StoppedClock) -> None:
    alert = fires(api, stopped_clock)
    [incident] = data_of(api.get(f"/api/alerts/{alert['id']}/incidents"))
    assert (incident["state"], incident["since"], incident["until"]) == ("firing", "2026-03-01T12:00:00Z", None)
    assert incident["subject"] == {"kind": "host", "value": "example.com"}
    assert incident["job"]["error"] == "http_status"
    assert data_of(api.get(f"/api/alerts/{alert['id']}"))["firing"] == 1
    stopped_clock.advance(minutes=1)
    make_job(now=stopped_clock.moment)
    run_due(OK, now=stopped_clock.moment)
    judging.judge_due(now=stopped_clock.moment)
    [incident] = data_of(api.get(f"/api/alerts/{alert['id']}/incidents"))
    assert (incident["state"], incident["until"]) == ("resolved", "2026-03-01T12:01:00Z")
    assert incident["resolved_by"].endswith("was completed")
    assert len(incident["deliveries"]) == 2


def test_another_condition_begins_anew_and_ends_what_fires(
    api: Api,
    stopped_clock: StoppedClock,
    announced: Announced,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    alert = fires(api, stopped_clock)
    with django_capture_on_commit_callbacks(execute=True):
        data_of(api.patch(f"/api/alerts/{alert['id']}", {"to": [TO], "name": "renamed"}))
    assert not announced.deliveries
    with django_capture_on_commit_callbacks(execute=True):
        data_of(api.patch(f"/api/alerts/{alert['id']}", {"when": {"discarded": 2}}))
    assert announced.deliveries
    [incident] = data_of(api.get(f"/api/alerts/{alert['id']}/incidents"))
    assert (incident["state"], incident["resolved_by"]) == ("resolved", "the alert was changed")
    stopped_clock.advance(seconds=1)
    make_job()
    run_due(answered(410), now=stopped_clock.moment)
    judging.judge_due(now=stopped_clock.moment)
    assert data_of(api.get(f"/api/alerts/{alert['id']}"))["firing"] == 0


def test_deleting_says_that_what_fires_is_over(api: Api, stopped_clock: StoppedClock) -> None:
    alert = fires(api, stopped_clock)
    data_of(api.call("DELETE", f"/api/alerts/{alert['id']}"))
    assert list(Delivery.objects.order_by("id").values_list("event", flat=True)) == ["alert.firing", "alert.resolved"]
    assert not AlertIncident.objects.exists()
    assert deliver_due(now=stopped_clock.moment) == 2
    assert len(data_of(api.get("/api/deliveries?kind=alert&state=delivered"))) == 2


def test_what_tells_of_an_alert_can_be_sent_again(api: Api, stopped_clock: StoppedClock) -> None:
    fires(api, stopped_clock)
    deliver_due(answered(410), now=stopped_clock.moment)
    [failed] = data_of(api.get("/api/deliveries?state=failed"))
    assert (failed["job_id"], failed["kind"]) == (None, "alert")
    again = data_of(api.post(f"/api/deliveries/{failed['id']}/resend"))
    assert again["state"] == "pending"
