"""What the client raises, and what it sends again."""

import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from booper.client import (
    APIError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    NotFound,
    RateLimited,
    Scheduler,
    ServerError,
    TooLarge,
    Unauthorized,
)
from tests.booper.client.uses import HOOK, Use
from tests.fake_api import API_KEY, Answer, FakeApi, serve


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (403, APIError),
        (404, NotFound),
        (405, APIError),
        (409, Conflict),
        (413, TooLarge),
        (429, RateLimited),
        (500, ServerError),
        (503, ServerError),
    ],
)
def test_each_status_has_its_error(api: FakeApi, scheduler: Scheduler, status: int, kind: type[APIError]) -> None:
    api.refuse(status, title="Short", detail="Long.")
    with pytest.raises(APIError) as caught:
        scheduler.jobs.create(HOOK)

    error = caught.value
    assert type(error) is kind
    assert (error.status, error.title, error.detail, error.errors) == (status, "Short", "Long.", [])
    assert error.problem == {"status": status, "title": "Short", "detail": "Long."}
    assert str(error) == f"{status} Short: Long."
    assert len(api.calls) == 1


def test_bad_fields_are_listed(api: FakeApi, scheduler: Scheduler) -> None:
    errors = [{"pointer": "/schedule_in/1", "detail": "unknown unit"}]
    api.refuse(400, title="Bad", errors=errors)
    with pytest.raises(BadRequest) as caught:
        scheduler.jobs.create(HOOK)

    assert caught.value.errors == errors


@pytest.mark.parametrize(("value", "seconds"), [("30", 30.0), ("soon", None), (None, None)])
def test_a_rate_limit_says_how_long_to_wait(api: FakeApi, value: str | None, seconds: float | None) -> None:
    api.answers.append(Answer(429, {}, {"Retry-After": value} if value else {}))
    with (
        Scheduler(API_KEY, base_url=api.url, retry_waits_seconds=()) as scheduler,
        pytest.raises(RateLimited) as caught,
    ):
        scheduler.jobs.list()

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "body", [b"<html>Bad Gateway</html>", b"", b"[1]", b"\xff", b'{"errors": 3}', b'{"errors": [3]}', b"[" * 100_000]
)
def test_a_refusal_that_is_not_ours_keeps_its_status(api: FakeApi, scheduler: Scheduler, body: bytes) -> None:
    api.answers.append(Answer(502, body))
    with pytest.raises(ServerError) as caught:
        scheduler.jobs.create(HOOK)

    assert (caught.value.status, caught.value.title, caught.value.errors) == (502, "Bad Gateway", [])


@pytest.mark.parametrize("body", [b"<html>", b"[1]", {"data": 3}, {"data": [3]}, {"data": {}}, b"[" * 100_000])
def test_a_success_that_is_not_ours_is_an_error(api: FakeApi, scheduler: Scheduler, body: Any) -> None:
    api.answers.append(Answer(200, body))
    with pytest.raises(APIError, match="is it a Booper server"):
        scheduler.jobs.list()


def test_the_key_does_not_follow_a_redirect(api: FakeApi, scheduler: Scheduler) -> None:
    with serve() as elsewhere:
        api.answers.append(Answer(302, headers={"Location": f"{elsewhere.url}/api/jobs"}))
        with pytest.raises(APIError, match="BOOPER_API_URL"):
            scheduler.jobs.list()

        assert elsewhere.calls == []


def netrc_of_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))


def test_netrc_does_not_replace_the_key(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc_of_loopback(tmp_path, monkeypatch)
    with requests.Session() as session, Scheduler(API_KEY, base_url=api.url, session=session) as scheduler:
        assert session.get(f"{api.url}/api/ping").ok
        assert api.last.headers["authorization"].startswith("Basic ")  # so the entry is one that requests would use

        scheduler.jobs.list()
        assert api.last.headers["authorization"] == f"Bearer {API_KEY}"

        scheduler.ping()
        assert "authorization" not in api.last.headers


def test_a_proxy_is_not_used_for_this_very_machine(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with Scheduler(API_KEY, base_url=api.url) as scheduler:
        scheduler.jobs.list()

    assert len(api.calls) == 1


def test_cookies_are_not_kept(api: FakeApi, scheduler: Scheduler) -> None:
    api.answers.append(Answer(200, {"data": []}, {"Set-Cookie": "session=1; Path=/"}))
    scheduler.jobs.list()
    scheduler.jobs.list()

    assert "cookie" not in api.last.headers


REPEATED: list[Use] = [
    lambda s: s.jobs.list(),
    lambda s: s.jobs.get(7),
    lambda s: s.jobs.timeline(7),
    lambda s: s.jobs.create({**HOOK, "idempotency_key": "k"}),
    lambda s: s.jobs.create_many([{**HOOK, "idempotency_key": "k"}]),
    lambda s: s.queues.update("mail", {}),
    lambda s: s.schedules.delete("x"),
    lambda s: s.keys.delete("x"),
    lambda s: s.secrets.set("NAME", "value"),
    lambda s: s.receivers.enable("x"),
    lambda s: s.preview({}),
    lambda s: s.ping(),
]


@pytest.mark.parametrize("use", REPEATED)
def test_what_is_harmless_is_sent_again_twice(api: FakeApi, scheduler: Scheduler, use: Use) -> None:
    api.hang_up()
    api.hang_up()
    use(scheduler)

    assert len(api.calls) == 3
    assert api.calls[0].body == api.calls[2].body


NOT_REPEATED: list[Use] = [
    lambda s: s.jobs.create(HOOK),
    lambda s: s.jobs.create({**HOOK, "idempotency_key": None}),
    lambda s: s.jobs.create_many([{**HOOK, "idempotency_key": "k"}, HOOK]),
    lambda s: s.jobs.run(7),
    lambda s: s.jobs.cancel(7),
    lambda s: s.jobs.cancel_many(state="scheduled"),
    lambda s: s.jobs.update(7, {}),
    lambda s: s.schedules.trigger("x"),
    lambda s: s.deliveries.resend("x"),
    lambda s: s.keys.create(),
    lambda s: s.signing_secret.rotate(),
    lambda s: s.inbox.rotate(),
]


@pytest.mark.parametrize("use", NOT_REPEATED)
def test_what_might_be_done_twice_is_sent_once_and_says_so(api: FakeApi, scheduler: Scheduler, use: Use) -> None:
    api.hang_up()
    with pytest.raises(ConnectionFailed, match=r"Remote end closed connection.*; it may have been carried out"):
        use(scheduler)

    assert len(api.calls) == 1


def test_a_third_failure_is_reported(api: FakeApi, scheduler: Scheduler) -> None:
    for _ in range(3):
        api.hang_up()
    with pytest.raises(ConnectionFailed, match=r"^cannot reach http://127\.0\.0\.1") as caught:
        scheduler.jobs.list()

    assert len(api.calls) == 3
    assert "carried out" not in str(caught.value)


def test_repetition_can_be_turned_off(api: FakeApi) -> None:
    api.hang_up()
    with (
        Scheduler(API_KEY, base_url=api.url, retry_waits_seconds=()) as scheduler,
        pytest.raises(ConnectionFailed),
    ):
        scheduler.jobs.list()

    assert len(api.calls) == 1


def test_nobody_listening_is_told_in_plain_words() -> None:
    with serve() as gone:
        url = gone.url
    with Scheduler(API_KEY, base_url=url) as scheduler, pytest.raises(ConnectionFailed) as caught:
        scheduler.jobs.create(HOOK)

    assert f"cannot reach {url}: Connection refused" in str(caught.value)
    assert "BOOPER_API_URL" in str(caught.value)
    assert "carried out" not in str(caught.value)


class LostSession(requests.Session):
    """Finds no server of that name."""

    def request(self, *_: Any, **__: Any) -> requests.Response:
        raise requests.ConnectionError("wrapped") from socket.gaierror(-2, "Name or service not known")


def test_a_name_that_does_not_resolve_leaves_no_doubt_about_the_request() -> None:
    with (
        LostSession() as session,
        Scheduler(API_KEY, session=session) as scheduler,
        pytest.raises(ConnectionFailed, match="Name or service not known") as caught,
    ):
        scheduler.jobs.create(HOOK)

    assert "carried out" not in str(caught.value)


class SilentSession(requests.Session):
    """Waits for an answer in vain, at once."""

    def request(self, *_: Any, **__: Any) -> requests.Response:
        raise requests.ReadTimeout


def test_a_timeout_says_how_long_it_waited() -> None:
    with (
        SilentSession() as session,
        Scheduler(API_KEY, timeout=2.5, session=session) as scheduler,
        pytest.raises(ConnectionFailed, match=r"no answer within 2\.5 s; it may have been carried out"),
    ):
        scheduler.jobs.create(HOOK)


def test_an_answer_that_says_no_time_is_not_asked_for_again(api: FakeApi, scheduler: Scheduler) -> None:
    api.refuse(503)
    with pytest.raises(ServerError):
        scheduler.jobs.list()

    assert len(api.calls) == 1
