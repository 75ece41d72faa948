"""Fixtures of the whole suite: users, their keys, clients of the API that use them, and a clock that stands still."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client, override_settings
from hypothesis import HealthCheck, settings
from pytest_django import Settings

from jobs import tasks
from jobs.api import authentication
from jobs.database import clock
from jobs.guarding import rates, sessions, stocks, suspension
from jobs.models import ApiKey, Job, User
from jobs.queues import ids
from jobs.telemetry import spans
from jobs.waking import announcements
from tests.api import Api
from tests.factories import NOON, make_user
from tests.spans import Recorder

# The same inputs in each run, however busy the machine is: a test that fails by chance tells nobody anything.
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@dataclass(slots=True)
class StoppedClock:
    """What `jobs.database.clock.now()` says until a test moves it."""

    moment: datetime = NOON

    def advance(self, **step: float) -> datetime:
        self.moment += timedelta(**step)
        return self.moment


@dataclass(slots=True)
class Announced:
    """The instants that were announced, each once it was committed."""

    jobs: list[datetime] = field(default_factory=list)
    queues: list[datetime] = field(default_factory=list)
    deliveries: list[datetime] = field(default_factory=list)


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_hashed_quickly() -> Iterator[None]:
    """As they are hashed for users, each costs a third of a second; Django's own hasher is tested by Django."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """A key, or a queue's id, stays in its cache for longer than a test, and an outage is on until it works again."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    authentication.known_keys.clear()
    ids.known_ids.clear()
    rates.forget()
    sessions.forget()
    stocks.forget()
    suspension.forget()
    for module in (authentication, rates, spans, tasks):
        module._outage.works()


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock()
    monkeypatch.setattr(clock, "now", lambda: stopped.moment)
    monkeypatch.setattr(clock, "reread", lambda: stopped.moment)
    return stopped


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> Announced:
    """Instead of a broker."""
    heard = Announced()

    def hear_jobs(instants: Iterable[datetime]) -> None:
        heard.jobs.extend(instants)

    def hear_job(job: Job) -> None:
        (heard.jobs if job.queue_id is None else heard.queues).append(job.scheduled_at)

    def hear_queues(instants: Iterable[datetime]) -> None:
        heard.queues.extend(instants)

    def hear_deliveries(instants: Iterable[datetime]) -> None:
        heard.deliveries.extend(instants)

    monkeypatch.setattr(announcements, "announce_jobs", hear_jobs)
    monkeypatch.setattr(announcements, "announce_job", hear_job)
    monkeypatch.setattr(announcements, "announce_queues", hear_queues)
    monkeypatch.setattr(announcements, "announce_deliveries", hear_deliveries)
    return heard


@pytest.fixture
def user(db: None) -> User:
    return make_user()


@pytest.fixture
def other_user(db: None) -> User:
    return make_user("grace@example.com")


@pytest.fixture
def token(user: User) -> str:
    """An API key of `user`."""
    return ApiKey.issue(user.id, name="test")[1]


@pytest.fixture
def web(settings: Settings) -> Client:
    """A browser, so to speak. Static files are looked for when asked for, not all of them for every test."""
    settings.WHITENOISE_AUTOREFRESH = True
    return Client()


@pytest.fixture
def wsgi_application(settings: Settings, db: None) -> Iterator[WSGIHandler]:
    """What a WSGI server is given, with the connection to the database left as it is between requests.

    The end of a request would close it, and the test's transaction with it.
    """
    settings.WHITENOISE_AUTOREFRESH = True
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    # Only now, as a handler takes the settings as they are when it is made, and importing the module makes one.
    yield import_module("config.wsgi").Handler()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def api(web: Client, token: str, stopped_clock: StoppedClock, announced: Announced) -> Api:
    """The API, called by `user`."""
    return Api(web, token=token)


@pytest.fixture
def other_api(web: Client, other_user: User, stopped_clock: StoppedClock, announced: Announced) -> Api:
    """The API, called by `other_user`."""
    return Api(web, token=ApiKey.issue(other_user.id)[1])


@pytest.fixture
def open_api(web: Client, stopped_clock: StoppedClock) -> Api:
    """The API, called by nobody: no key, and no database either unless the test asks for one."""
    return Api(web, token=None)


@pytest.fixture
def recorder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """What spans go to, while traces are on."""
    settings.BOOPER_TRACES = True
    made = Recorder()
    monkeypatch.setattr(spans, "_exporters", [made])
    return made
