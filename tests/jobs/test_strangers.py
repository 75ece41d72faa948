"""A stranger walks every call, page and fragment with the ids of another tenant, by keys of each scope and by none.

Nothing of the other's is seen or changed, and what is there is answered as what is not. Calls come from the OpenAPI
document, pages from the table of their paths: one that is new and not known here fails.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, reverse

from jobs.guarding import inbox
from jobs.guarding.inbox import Arrived
from jobs.models import Alert, ApiKey, Delivery, InboxRequest, Job, LogEvent, Receiver, Schedule, Scope, SignIn, User
from jobs.pages import job_acts, schedule
from jobs.pages.urls import urlpatterns as pages
from tests.api import Api, data_of
from tests.conftest import StoppedClock
from tests.factories import NOON
from tests.runs import REFUSED, deliver_due, run_due

pytestmark = pytest.mark.django_db

MARK = "of-ada-alone"
NOWHERE = "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"
# What an owner is told there has nothing of what they have written.
WITHOUT_ITS_MARK = ("/api/limits", "/api/signing-secret", "/api/inbox/address")
OPEN = {"/api/ping", "/api/echo", "/api/broadcast", "/api/version"}
# Whose names are each tenant's own: PUT makes one of the caller's.
NAMED = {"/api/queues/{name}", "/api/calendars/{name}", "/api/secrets/{name}"}
BODIES: dict[str, Any] = {
    "PATCH /api/jobs/{job_id}": {"name": "taken"},
    "PATCH /api/schedules/{schedule_id}": {"name": "taken"},
    "PUT /api/schedules/{schedule_id}": {"url": "https://example.com/", "cron": "0 0 1 1 *"},
    "POST /api/schedules/{schedule_id}/disable": {"reason": "taken"},
    "POST /api/schedules/{schedule_id}/backfill": {"from": "2026-02-01T00:00:00Z", "to": "2026-02-02T00:00:00Z"},
    "PUT /api/queues/{name}": {"concurrency": 1},
    "PUT /api/calendars/{name}": {"dates": ["2026-12-25"]},
    "PUT /api/secrets/{name}": {"value": "something else"},
    "POST /api/keys": {"name": "own"},
    "POST /api/jobs": {"url": "https://example.com/"},
    "POST /api/jobs/batch": {"jobs": [{"url": "https://example.com/"}]},
    "POST /api/preview": {"url": "https://example.com/"},
}
FORMS = {
    "jobs/bulk": {"verb": "cancel", "all": "true", "q": ""},
    "queues/set": {"name": "mail", "concurrency": "1"},
    "jobs/new": {"url": "https://example.com/"},
    "schedules/new": {"url": "https://example.com/", "cron": "0 0 1 1 *"},
}


@dataclass(slots=True)
class Owned:
    """One of everything, of one tenant: what stands for each parameter of a path, and of a query."""

    user: User
    ids: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture
def owned(api: Api, user: User, stopped_clock: StoppedClock) -> Owned:
    job = {"name": f"job {MARK}", "url": f"https://{MARK}.example/hook", "body": {"text": MARK}, "tags": [MARK]}
    told = {"callback_url": f"https://{MARK}.example/back", "webhook_url": f"https://{MARK}.example/events"}
    assert api.call("PUT", "/api/secrets/TOKEN_OF_ADA", {"value": f"value {MARK}"}).status_code == 201
    assert api.call("PUT", f"/api/calendars/{MARK}", {"dates": ["2026-12-24"]}).status_code == 201
    data_of(api.call("PUT", f"/api/queues/{MARK}", {"concurrency": 3}))
    data_of(api.post("/api/jobs", job | told | {"max_attempts": 1}), status=201)
    run_due(REFUSED, now=NOON)
    deliver_due(REFUSED, now=NOON)
    waiting = {"schedule_in": [1, "hour"], "queue": MARK}
    data_of(api.post("/api/jobs", job | told | waiting | {"idempotency_key": MARK}), status=201)
    kept = {"cron": "0 9 * * *", "skip_on": [MARK], "managed_by": MARK, "description": MARK}
    assert api.call("PUT", f"/api/schedules/{MARK}", job | kept).status_code == 201
    arrived = Arrived(
        method="POST", path=f"/{MARK}", query=MARK, headers={"X": MARK}, body=MARK.encode(), address="::1"
    )
    inbox.keep(inbox.of_user(user.id), arrived, now=NOON)
    ApiKey.issue(user.id, name=f"key {MARK}")
    told_of = {"name": f"alert {MARK}", "when": {"discarded": 1}, "to": [f"https://{MARK}.example/alerts"]}
    alert = data_of(api.post("/api/alerts", told_of), status=201)
    data_of(api.post(f"/api/alerts/{alert['id']}/test"), status=202)
    Client(REMOTE_ADDR="2001:db8::1", headers={"User-Agent": MARK}).force_login(user)
    return Owned(user, ids_of(user))


def ids_of(user: User) -> dict[str, list[str]]:
    jobs, kept = Job.objects.filter(user=user), Schedule.objects.get(user=user)
    return {
        "job_id": [str(job.id) for job in jobs] + [str(job.uuid) for job in jobs],
        "schedule_id": [str(kept.id), MARK],
        "log_id": [str(row.id) for row in LogEvent.objects.filter(user_id=user.id)[:3]],
        "delivery_id": [str(row.uuid) for row in Delivery.objects.filter(user_id=user.id)[:3]],
        "receiver_id": [str(row.id) for row in Receiver.objects.filter(user_id=user.id)],
        "key_id": [str(row.uuid) for row in ApiKey.objects.filter(user=user)],
        "alert_id": [str(row.id) for row in Alert.objects.filter(user=user)],
        "request_id": [str(row.id) for row in InboxRequest.objects.filter(user=user)],
        "name": [MARK, "TOKEN_OF_ADA"],
        "session_id": [str(row.id) for row in SignIn.objects.filter(user=user)],
    }


def missing(parameter: str) -> str:
    """What is nowhere, in the place of that parameter."""
    return "NOWHERE" if parameter == "name" else "999999999" if parameter == "job_id" else NOWHERE


@pytest.fixture
def calls(web: Client) -> list[tuple[str, str]]:
    document = web.get("/api/openapi.json").json()
    found = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    # What makes something of the caller's own comes last.
    return sorted(found, key=lambda call: call[0] == "PUT")


def rows_of(user_id: UUID) -> dict[str, Any]:
    """All that is a tenant's, as it is stored; but for when a key was last used, and counts of limits."""
    found: dict[str, Any] = {}
    for model in apps.get_app_config("jobs").get_models():
        columns = {column.attname for column in model._meta.concrete_fields}
        if "user_id" in columns and model._meta.model_name not in ("usage", "auditevent"):
            rows = model._default_manager.filter(user_id=user_id).order_by("pk").values()
            found[model.__name__] = [{name: row[name] for name in row if name != "last_used_at"} for row in rows]
    return found


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], path)


def ways(path: str, owned: Owned) -> Iterator[tuple[str, str]]:
    """The path with each id of the owner's, beside the same with what is nowhere."""
    names = re.findall(r"\{(\w+)\}", path)
    assert set(names) <= owned.ids.keys(), f"say in ids_of what stands for the parameters of {path}"
    if not names:
        yield path, path
        return
    [name] = names
    assert owned.ids[name], f"the owner has nothing for {path}"
    for value in owned.ids[name]:
        yield filled(path, {name: value}), filled(path, {name: missing(name)})


def said(response: Any, path: str) -> tuple[int, str]:
    """The answer without what the path itself says in it."""
    text = response.content.decode()
    for part in filter(None, path.split("/")):
        text = re.sub(rf"\b{re.escape(part)}\b", "", text)
    # Longer ones are quoted with their middle left out.
    text = re.sub(r"'[^' ]*'", "''", text)
    return response.status_code, text


@pytest.fixture(params=[*Scope])
def stranger(request: pytest.FixtureRequest, web: Client, other_user: User, owned: Owned) -> Api:
    return Api(web, token=ApiKey.issue(other_user.id, scope=request.param)[1])


def test_no_call_shows_or_changes_anything_of_anothers(
    stranger: Api, owned: Owned, calls: list[tuple[str, str]]
) -> None:
    before = rows_of(owned.user.id)
    assert all(before[name] for name in ("Job", "Schedule", "Delivery", "Secret", "Receiver", "ApiKey", "Queue"))
    asked = 0
    for method, path in calls:
        body = BODIES.get(f"{method} {path}", None if method == "GET" else {})
        for there, nowhere in ways(path, owned):
            answer = stranger.call(method, there, body)
            assert answer.status_code < 500
            # What it was called with may be in the answer, nothing more.
            assert MARK not in said(answer, there)[1], (method, there)
            if path != there and not (method == "PUT" and (path in NAMED or there.endswith(MARK))):
                # A uuid is no key of a schedule, be there one or not.
                assert answer.status_code in (403, 404, *([400] if method == "PUT" else [])), (method, there)
                assert said(answer, there) == said(stranger.call(method, nowhere, body), nowhere), (method, there)
            asked += 1
    assert asked >= len(calls)
    assert rows_of(owned.user.id) == before


def test_no_filter_and_no_cursor_finds_anything_of_anothers(
    api: Api, other_api: Api, owned: Owned, calls: list[tuple[str, str]]
) -> None:
    lists = [path for method, path in calls if method == "GET" and "{" not in path and path not in OPEN]
    for path in lists:
        mine = api.get(f"{path}?limit=1").json()
        cursor = mine.get("next_cursor") or "bm90IG9uZQ"
        given = {"job_id": owned.ids["job_id"][0], "schedule_id": owned.ids["schedule_id"][0], "cursor": cursor}
        given |= {"tag": MARK, "queue": MARK, "name": MARK, "url": MARK, "host": f"{MARK}.example", "managed_by": MARK}
        for name, value in given.items():
            answer = other_api.get(f"{path}?{name}={value}")
            assert answer.status_code in (200, 400, 404), (path, name)
            if answer.status_code == 200:
                assert MARK not in json.dumps(answer.json()), (path, name)
                assert answer.json()["data"] in ([], {}) or path in ("/api/limits", "/api/signing-secret", "/api/keys")


@pytest.mark.parametrize("act", ["cancel", "retry", "run", "delete"])
def test_what_is_done_to_all_that_match_leaves_anothers_alone(owned: Owned, other_api: Api, act: str) -> None:
    before = rows_of(owned.user.id)
    for query in ("all=true", f"tag={MARK}", f"host={MARK}.example", f"schedule_id={owned.ids['schedule_id'][0]}"):
        assert data_of(other_api.post(f"/api/jobs/{act}?{query}"))["matched"] == 0
    assert data_of(other_api.post("/api/deliveries/resend?all=true"))["matched"] == 0
    assert rows_of(owned.user.id) == before


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"headers": {"X": "{{secret:TOKEN_OF_ADA}}"}}, "/headers/X"),
        ({"cron": "0 9 * * *", "skip_on": [MARK]}, "/skip_on"),
    ],
)
def test_nobody_refers_to_what_is_anothers(owned: Owned, other_api: Api, fields: dict[str, Any], pointer: str) -> None:
    answer = other_api.post("/api/jobs", {"url": "https://example.com/"} | fields)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_anothers_queue_and_idempotency_key_are_not_ones_own(owned: Owned, other_api: Api, other_user: User) -> None:
    fields = {"url": "https://example.com/", "queue": MARK, "idempotency_key": MARK}
    made = data_of(other_api.post("/api/jobs", fields), status=201)
    job = Job.objects.get(id=made["job_id"])
    assert job.user_id == other_user.id
    assert job.queue is not None
    assert job.queue.user_id == other_user.id


@pytest.mark.parametrize("key", [None, "sk_wrong", "sk_" + "tulipKeyThatNobodyHasMade01234563kvKGP"])
def test_without_a_key_no_call_says_more_than_that_it_needs_one(
    web: Client, owned: Owned, calls: list[tuple[str, str]], key: str | None
) -> None:
    nobody, before = Api(web, token=key), rows_of(owned.user.id)
    for method, path in calls:
        for there, _ in ways(path, owned):
            answer = nobody.call(method, there, BODIES.get(f"{method} {path}", {} if method != "GET" else None))
            assert answer.status_code == (answer.status_code if path in OPEN else 401), (method, there)
            assert MARK not in said(answer, there)[1], (method, there)
    assert rows_of(owned.user.id) == before


def page_paths(owned: Owned) -> Iterator[tuple[str, str]]:
    """Each page's path with an id of the owner's, beside the same with what is nowhere."""
    for pattern in pages:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        names = re.findall(r"<(?:\w+:)?(\w+)>", route)
        for verb in _verbs(route):
            there, nowhere = route, route
            for name in names:
                values = _of_pages(owned)
                assert name in values, f"say in _of_pages what stands for {name} in {route}"
                there = re.sub(rf"<(\w+:)?{name}>", verb if name == "verb" else values[name], there)
                nowhere = re.sub(rf"<(\w+:)?{name}>", verb if name == "verb" else _nowhere(name), nowhere)
            yield there, nowhere


def _verbs(route: str) -> list[str]:
    if "<slug:verb>" not in route:
        return [""]
    return [*job_acts.ACTS] if route.startswith("jobs") else [*schedule._ACTS]


def _of_pages(owned: Owned) -> dict[str, str]:
    ids = {name: values[0] for name, values in owned.ids.items()}
    return (
        ids
        | {"name": "TOKEN_OF_ADA", "verb": "", "user_id": str(owned.user.id), "uidb64": "QQ", "path": "a"}
        | {"token": "not-a-token"}
    )


def _nowhere(name: str) -> str:
    return {"uidb64": "QQ", "token": "not-a-token", "path": "a", "user_id": NOWHERE}.get(name, missing(name))


@pytest.mark.parametrize("who", ["stranger", "nobody"])
@pytest.mark.parametrize("hx", [False, True])
def test_no_page_or_fragment_shows_or_changes_anything_of_anothers(
    web: Client, owned: Owned, other_user: User, who: str, hx: bool
) -> None:
    before, browser = rows_of(owned.user.id), Client(headers={"HX-Request": "true"} if hx else {})
    if who == "stranger":
        browser.force_login(other_user)
    asked = 0
    for there, nowhere in page_paths(owned):
        for method in ("get", "post"):
            if there == "sign-out":
                continue
            form = FORMS.get(there, {}) if method == "post" else {}
            answer = getattr(browser, method)(f"/{there}", form)
            assert answer.status_code < 500, there
            assert MARK not in answer.content.decode(), (method, there)
            if there != nowhere:
                assert answer.status_code == getattr(browser, method)(f"/{nowhere}", form).status_code, (method, there)
                assert answer.status_code in (302, 403, 404, 405) or (who == "stranger" and "in/" in there), (
                    method,
                    there,
                )
            asked += 1
    assert asked >= 2 * len(pages) - 2
    assert rows_of(owned.user.id) == before


def test_no_query_of_a_page_finds_anything_of_anothers(owned: Owned, other_user: User) -> None:
    browser = Client()
    browser.force_login(other_user)
    a_job, a_schedule = owned.ids["job_id"][0], owned.ids["schedule_id"][0]
    for path in ("home", "jobs", "schedules", "queues", "deliveries", "failures", "inbox", "keys", "secrets", "limits"):
        for query in (
            "",
            "older=999999999",
            f"older={NOWHERE}",
            f"schedule_id={a_schedule}",
            f"q=job:{a_job}",
            "q=ada",
        ):
            answer = browser.get(f"/{path}?{query}")
            assert answer.status_code in (200, 400, 404), (path, query)
            assert MARK not in answer.content.decode(), (path, query)
    for path, value in (("jobs/new", a_job), ("schedules/new", a_schedule)):
        assert MARK not in browser.get(f"/{path}?from={value}").content.decode()


def test_the_admin_is_for_the_staff_alone(owned: Owned, other_user: User) -> None:
    browser = Client()
    browser.force_login(other_user)
    seen = 0
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths = [reverse(f"{name}_changelist")]
        paths += [reverse(f"{name}_change", args=[row.pk]) for row in _rows(model)]
        for path in paths:
            for answer in (browser.get(path), browser.post(path, {"action": "cancel_selected"})):
                assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/admin/login/")
                seen += 1
    assert seen > 30


def _rows(model: type[Model]) -> Any:
    return model._default_manager.all()[:3]


def test_the_owner_sees_all_of_it(api: Api, owned: Owned, calls: list[tuple[str, str]]) -> None:
    # Else the walk would be one through an empty house.
    for method, path in calls:
        if method == "GET" and path not in OPEN and path not in WITHOUT_ITS_MARK:
            shown = [api.get(there).content.decode() for there, _ in ways(path, owned)]
            assert any(MARK in text or "TOKEN_OF_ADA" in text for text in shown), path
