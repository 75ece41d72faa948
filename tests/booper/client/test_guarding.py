"""Calls about keys, signing secrets, secrets, limits, the inbox and receivers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booper.client import Scheduler
from tests.booper.client.uses import Use
from tests.fake_api import ARRIVED, KEY, LIMIT, RECEIVER, SECRET, SIGNING_SECRET, FakeApi

CALLS: list[tuple[Use, str, str, Any, Any]] = [
    (lambda s: s.keys.list(), "GET", "/api/keys", None, [KEY]),
    (lambda s: s.keys.create(), "POST", "/api/keys", {}, {**KEY, "key": "sk_new"}),
    (
        lambda s: s.keys.create(name="ci", scope="read", expires_at=datetime(2027, 1, 1, tzinfo=UTC)),
        "POST",
        "/api/keys",
        {"name": "ci", "scope": "read", "expires_at": "2027-01-01T00:00:00Z"},
        {**KEY, "key": "sk_new"},
    ),
    (lambda s: s.keys.rotate("k"), "POST", "/api/keys/k/rotate", {}, {**KEY, "key": "sk_new"}),
    (
        lambda s: s.keys.rotate("k", overlap=timedelta(hours=1)),
        "POST",
        "/api/keys/k/rotate",
        {"overlap": 3600.0},
        {**KEY, "key": "sk_new"},
    ),
    (lambda s: s.keys.delete("k"), "DELETE", "/api/keys/k", None, KEY),
    (lambda s: s.signing_secret.get(), "GET", "/api/signing-secret", None, SIGNING_SECRET),
    (
        lambda s: s.signing_secret.rotate(overlap=0),
        "POST",
        "/api/signing-secret/rotate",
        {"overlap": 0},
        {**SIGNING_SECRET, "secret": "whsec_new"},
    ),
    (lambda s: s.secrets.list(), "GET", "/api/secrets", None, [SECRET]),
    (lambda s: s.secrets.set("CRM_TOKEN", "v"), "PUT", "/api/secrets/CRM_TOKEN", {"value": "v"}, SECRET),
    (
        lambda s: s.secrets.set("CRM_TOKEN", "v", hosts=("a.example",)),
        "PUT",
        "/api/secrets/CRM_TOKEN",
        {"value": "v", "hosts": ["a.example"]},
        SECRET,
    ),
    (lambda s: s.secrets.delete("CRM_TOKEN"), "DELETE", "/api/secrets/CRM_TOKEN", None, SECRET),
    (lambda s: s.limits.list(), "GET", "/api/limits", None, [LIMIT]),
    (lambda s: s.inbox.list(), "GET", "/api/inbox", None, [ARRIVED]),
    (lambda s: s.inbox.get(ARRIVED["id"]), "GET", f"/api/inbox/{ARRIVED['id']}", None, ARRIVED),
    (
        lambda s: s.inbox.address(),
        "GET",
        "/api/inbox/address",
        None,
        {"address": "https://booper.example.com/in/1d22"},
    ),
    (lambda s: s.inbox.clear(), "DELETE", "/api/inbox", None, {"deleted": 2}),
    (
        lambda s: s.inbox.rotate(),
        "POST",
        "/api/inbox/rotate",
        {},
        {"address": "https://booper.example.com/in/new"},
    ),
    (lambda s: s.receivers.list(), "GET", "/api/receivers", None, [RECEIVER]),
    (lambda s: s.receivers.get("r"), "GET", "/api/receivers/r", None, RECEIVER),
    (lambda s: s.receivers.enable("r"), "POST", "/api/receivers/r/enable", None, RECEIVER),
]


@pytest.mark.parametrize(("use", "method", "path", "body", "data"), CALLS)
def test_each_method_is_one_call_and_returns_data(
    api: FakeApi, scheduler: Scheduler, use: Use, method: str, path: str, body: Any, data: Any
) -> None:
    assert use(scheduler) == data
    assert [(call.method, call.path, call.body) for call in api.calls] == [(method, path, body)]
