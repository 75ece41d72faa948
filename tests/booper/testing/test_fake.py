"""The fake for tests of users' code: it is the client, and does what Booper does with jobs, in memory."""

import asyncio
import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booper import webhooks
from booper.client import BadRequest, Conflict, NotFound, Scheduler
from booper.testing import FakeScheduler, Reply, Request
from tests.booper.client import test_client, test_guarding
from tests.booper.client.uses import Use
from tests.fake_api import API_KEY, DELIVERY, FakeApi, serve

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
URL = "https://example.com/hook"


@pytest.fixture
def fake() -> FakeScheduler:
    return FakeScheduler(now=NOW)


NOUNS = [name for name in vars(Scheduler(API_KEY)) if not name.startswith("_")]


def test_every_method_has_the_signature_that_the_client_has(fake: FakeScheduler) -> None:
    client = Scheduler(API_KEY)
    for name in NOUNS:
        ours, theirs = getattr(fake, name), getattr(client, name)
        for method in (each for each in dir(theirs) if not each.startswith("_")):
            if callable(getattr(theirs, method)):
                assert inspect.signature(getattr(ours, method)) == inspect.signature(getattr(theirs, method))
    for method in ("preview", "ping", "version", "close"):
        assert inspect.signature(getattr(fake, method)) == inspect.signature(getattr(client, method))


USES = [(call[0], f"{call[1]} {call[2]}") for call in (*test_client.CALLS, *test_guarding.CALLS)]
# It is empty, and what a use looks for was never there.
_ABSENT = ("inbox/", "receivers/")


@pytest.mark.parametrize(("use", "name"), USES, ids=[name for _, name in USES])
def test_every_call_of_the_client_is_answered_as_the_types_say(fake: FakeScheduler, use: Use, name: str) -> None:
    prepared = _Prepared(fake)
    if any(f"/api/{each}" in name and not name.endswith(("rotate", "address")) for each in _ABSENT):
        with pytest.raises(NotFound):
            use(prepared)  # type: ignore[arg-type]  # it stands for the client
    else:
        use(prepared)  # type: ignore[arg-type]  # it stands for the client


class _Prepared:
    """The fake, in which whatever a use names is there and has the state that the use needs."""

    def __init__(self, fake: FakeScheduler) -> None:
        self._fake = fake
        self.preview = fake.preview

    def __getattr__(self, noun: str) -> Any:
        return _PreparedNoun(self._fake, noun)


class _PreparedNoun:
    def __init__(self, fake: FakeScheduler, noun: str) -> None:
        self._fake, self._noun = fake, noun

    def __getattr__(self, verb: str) -> Any:
        noun = getattr(self._fake, self._noun)

        def call(*args: Any, **options: Any) -> Any:
            given = [self._made(verb), *args[1:]] if args and verb in _ON_ONE else args
            return getattr(noun, verb)(*given, **options)

        return call

    def _made(self, verb: str) -> Any:
        """What is named in a use, made here."""
        fake = self._fake
        if self._noun in {"jobs", "logs", "deliveries"}:
            job = fake.jobs.create({"url": URL, "callback_url": f"{URL}/done"})
            if verb in {"retry", "delete"} or self._noun != "jobs":
                fake.run_due()
            ids: dict[str, Any] = {"jobs": job["job_id"], "logs": None, "deliveries": None}
            return ids[self._noun] or getattr(fake, self._noun).list()[0]["id"]
        if self._noun == "schedules":
            return fake.jobs.create({"url": URL, "repeat_every": 60})["schedule_id"]
        if self._noun == "keys":
            return fake.keys.create(name="ci")["id"]
        if self._noun == "secrets":
            return fake.secrets.set("CRM_TOKEN", "v")["name"]
        if self._noun == "alerts":
            return fake.alerts.create({"name": "x", "when": {"discarded": 3}, "to": [URL]})["id"]
        if self._noun == "calendars":
            return fake.calendars.put("closed", {"country": "GB"})["name"]
        return fake.queues.update("mail", {})["name"] if self._noun == "queues" else DELIVERY["id"]


_ON_ONE = {
    *("get", "update", "cancel", "run", "retry", "delete", "timeline", "enable", "disable", "trigger", "skip"),
    *("resend", "rotate", "backfill", "test", "incidents"),
}


def test_what_is_due_is_run_by_the_function_that_plays_its_target(fake: FakeScheduler) -> None:
    seen: list[Request] = []
    fake.handle("https://example.com/", seen.append)
    job = fake.jobs.create(
        {"method": "POST", "url": URL, "body": {"a": 1}, "headers": {"X-A": "1"}, "schedule_in": "1 hour"}
    )

    assert fake.advance(timedelta(minutes=59)) == []
    assert fake.jobs.get(job["job_id"])["job"]["state"] == "scheduled"
    assert fake.advance(60) == seen
    [sent] = seen
    assert (sent.method, sent.url, sent.body, sent.headers["X-A"]) == ("post", URL, {"a": 1}, "1")
    assert (sent.at, sent.attempt, sent.job_id) == (NOW + timedelta(hours=1), 1, job["job_id"])
    assert fake.job(job["id"])["job"]["state"] == "completed"
    assert fake.now == NOW + timedelta(hours=1)


def test_a_target_is_the_function_of_the_longest_url_that_fits(fake: FakeScheduler) -> None:
    fake.handle("https://example.com/", lambda _: 500)
    fake.handle(URL, lambda _: {"ok": True})
    fake.jobs.create({"url": f"{URL}/7"})
    fake.run_due()
    assert fake.jobs.list(state="completed")


def test_a_failed_attempt_is_retried_until_none_is_left(fake: FakeScheduler) -> None:
    fake.handle(URL, lambda request: 503)
    job = fake.jobs.create({"url": URL, "max_attempts": 3, "backoff": [10, "1 minute"]})

    assert [request.attempt for request in fake.run_due()] == [1]
    retried = fake.job(job["id"])
    assert (retried["job"]["state"], retried["error"] and retried["error"]["response_status"]) == ("retryable", 503)
    assert [request.at - NOW for request in fake.advance(3600)] == [timedelta(seconds=10), timedelta(seconds=70)]
    assert fake.job(job["id"])["job"]["state"] == "discarded"
    assert fake.jobs.retry(job["id"])["job"]["state"] == "available"
    fake.handle(URL, lambda _: None)
    fake.run_due()
    assert fake.job(job["id"])["job"]["state"] == "completed"


@pytest.mark.parametrize(("reply", "seconds"), [(Reply(429, headers={"Retry-After": "7"}), 7), (Reply(410), None)])
def test_what_a_target_asks_for_is_heeded(fake: FakeScheduler, reply: Reply, seconds: int | None) -> None:
    fake.handle(URL, lambda _: reply)
    job = fake.jobs.create({"url": URL, "max_attempts": 2})
    fake.run_due()
    state = fake.job(job["id"])["job"]["state"]
    assert state == ("discarded" if seconds is None else "retryable")
    assert len(fake.advance(seconds or 3600)) == (0 if seconds is None else 1)


def test_a_schedule_runs_on_its_grid_until_it_is_paused(fake: FakeScheduler) -> None:
    fake.schedules.put("report", {"url": URL, "cron": "0 9 * * *", "timezone": "Europe/Berlin"})
    runs = fake.advance(timedelta(days=3))

    assert [run.at.hour for run in runs] == [8, 8, 8]
    assert fake.schedules.get("report")["run_count"] == 3
    assert fake.schedules.get("report")["next_run_at"] == "2026-12-05T08:00:00Z"
    fake.schedules.disable("report", reason="holidays")
    assert fake.advance(timedelta(days=3)) == []
    assert fake.schedules.enable("report")["next_run_at"] == "2026-12-08T08:00:00Z"


def test_an_interval_is_anchored_to_its_first_run(fake: FakeScheduler) -> None:
    schedule_id = fake.jobs.create({"url": URL, "repeat_every": "1 hour", "schedule_in": 60, "max_runs": 3})[
        "schedule_id"
    ]
    assert [run.at - NOW for run in fake.advance(timedelta(days=1))] == [
        timedelta(minutes=1 + 60 * number) for number in range(3)
    ]
    assert fake.schedules.get(str(schedule_id))["disabled_at"] is not None


def test_cancelling_the_upcoming_run_ends_the_schedule_unless_it_is_that_run_alone(fake: FakeScheduler) -> None:
    job = fake.jobs.create({"url": URL, "repeat_every": 60, "schedule_in": 60})
    schedule_id = str(job["schedule_id"])
    fake.jobs.cancel(job["id"], scope="run")
    assert fake.schedules.get(schedule_id)["next_run_at"] == "2026-12-01T08:02:00Z"
    [upcoming] = fake.jobs.list(state="scheduled")
    fake.jobs.cancel(upcoming["id"])
    assert fake.schedules.get(schedule_id)["disabled_at"] is not None
    assert fake.advance(3600) == []


def test_missed_runs_are_made_on_the_grid_which_reaches_back(fake: FakeScheduler) -> None:
    schedule_id = str(fake.jobs.create({"url": URL, "repeat_every": "1 hour", "schedule_in": 60})["schedule_id"])
    span = {"from": "2026-12-01T05:00:00Z", "to": "2026-12-01T07:01:00Z"}
    listed = fake.schedules.backfill(schedule_id, {**span, "dry_run": True})
    assert [run["at"] for run in listed if "at" in run] == [f"2026-12-01T0{hour}:01:00Z" for hour in (5, 6, 7)]
    assert len(fake.schedules.backfill(schedule_id, {**span, "max_runs": 2})) == 2
    assert len(fake.run_due()) == 2


def test_a_key_that_is_held_means_what_it_means(fake: FakeScheduler) -> None:
    first = fake.jobs.create({"url": URL, "idempotency_key": "k", "schedule_in": 60})
    again = fake.jobs.create({"url": f"{URL}/2", "idempotency_key": "k"})
    assert (again["id"], again["job"]["has_conflict"], first["job"]["has_conflict"]) == (first["id"], True, False)
    with pytest.raises(Conflict):
        fake.jobs.create({"url": URL, "idempotency_key": "k", "on_conflict": "refuse"})
    fake.advance(60)
    assert fake.jobs.create({"url": URL, "idempotency_key": "k"})["id"] != first["id"]


def test_a_callback_reaches_its_receiver_signed(fake: FakeScheduler) -> None:
    events: list[Any] = []
    fake.handle(URL, lambda _: 500)
    fake.handle(
        "https://example.com/done",
        lambda request: events.append(
            webhooks.verify(request.content, request.headers, fake.secret, tolerance_seconds=10**9)
        ),
    )
    fake.jobs.create({"url": URL, "max_attempts": 1, "callback_url": "https://example.com/done"})
    fake.run_due()

    assert (events[0]["type"], events[0]["data"]["state"]) == ("job.result", "discarded")
    assert fake.deliveries.list()[0]["state"] == "delivered"


@pytest.mark.parametrize(
    ("job", "pointer"),
    [
        ({}, "/url"),
        ({"url": "nonsense"}, "/url"),
        ({"url": URL, "method": "fetch"}, "/method"),
        ({"url": URL, "schedule_in": "soon"}, "/schedule_in"),
        ({"url": URL, "cron": "x"}, "/cron"),
        ({"url": URL, "repeat_every": 0.5}, "/repeat_every"),
        ({"url": URL, "cron": "@daily", "timezone": "Mars/Olympus"}, "/timezone"),
        ({"url": URL, "schedule_in": 1, "scheduled_at": "2027-01-01"}, "/scheduled_at"),
    ],
)
def test_what_booper_would_refuse_is_refused(fake: FakeScheduler, job: dict[str, Any], pointer: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        fake.jobs.create(job)
    assert refusal.value.errors[0]["pointer"] == pointer
    assert fake.jobs.list() == []
    assert fake.schedules.list() == []


def test_lists_are_filtered_and_paged(fake: FakeScheduler) -> None:
    for number in range(25):
        fake.jobs.create({"url": URL, "name": f"job {number % 2}", "tags": ["red"] if number < 3 else []})
    assert len(fake.jobs.list()) == 10
    assert len(list(fake.jobs.iterate(page_size=7))) == 25
    assert len(fake.jobs.list(name="job 1", limit=100)) == 12
    assert [job["job_id"] for job in fake.jobs.list(tag="red")] == [3, 2, 1]
    assert fake.jobs.cancel_many(tag="red") == {"matched": 3, "cancelled": 3}
    assert len(fake.run_due()) == 22


def test_what_a_function_raises_reaches_the_test(fake: FakeScheduler) -> None:
    def fail(_: Request) -> None:
        raise ZeroDivisionError

    fake.handle(URL, fail)
    fake.jobs.create({"url": URL})
    with pytest.raises(ZeroDivisionError):
        fake.run_due()


def test_time_does_not_lead_back(fake: FakeScheduler) -> None:
    with pytest.raises(ValueError, match="leads back"):
        fake.advance(-1)


def test_the_client_for_asyncio_is_of_the_same_fake(fake: FakeScheduler) -> None:
    async def use() -> None:
        async with fake.awaited() as client:
            job = await client.jobs.create({"url": URL})
            assert [row["id"] async for row in client.jobs.iterate()] == [job["id"]]
            assert await client.ping() == {"message": "Pong"}

    asyncio.run(use())
    assert len(fake.run_due()) == 1


def test_nothing_leaves_the_process(fake: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as api:
        monkeypatch.setenv("BOOPER_API_URL", api.url)
        fake = FakeScheduler()
        fake.jobs.create({"url": f"{api.url}/hook"})
        fake.run_due()
        assert isinstance(api, FakeApi)
        assert api.calls == []
