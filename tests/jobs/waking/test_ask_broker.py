"""Whether the broker does its work: it is given a message, and has to give it back."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from kombu import Connection
from kombu.transport.memory import Channel
from pytest_django import Settings

from jobs.waking import announcements


@pytest.fixture(autouse=True)
def _broker_in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(current_app, "connection_for_write", lambda **_: Connection("memory://"))
    yield
    Channel.queues.clear()


def test_a_broker_that_takes_and_gives_is_well_and_nothing_is_left_in_it() -> None:
    announcements.ask_broker()
    announcements.ask_broker()
    assert all(queue.empty() for queue in Channel.queues.values())


def test_one_that_refuses_what_it_is_given_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("You can't write against a read only replica")

    monkeypatch.setattr(Channel, "_put", refuse)
    with pytest.raises(OSError, match="read only"):
        announcements.ask_broker()


def test_one_that_loses_what_it_is_given_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Channel, "_put", lambda *_, **__: None)
    with pytest.raises(ConnectionError, match="does not have it"):
        announcements.ask_broker()


def test_each_of_several_sentinels_is_given_little_time(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    given: dict[str, Any] = {}

    def connect(*, transport_options: dict[str, Any]) -> Connection:
        given.update(transport_options)
        return Connection("memory://")

    monkeypatch.setattr(current_app, "connection_for_write", connect)
    patient = {"socket_timeout": 5, "sentinel_kwargs": {"socket_timeout": 5, "password": "own"}}
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = patient
    announcements.ask_broker()
    assert given["sentinel_kwargs"]["password"] == "own"
    # Three of them, and the Redis that one of these names, are to be done with within two seconds.
    assert 3 * given["sentinel_kwargs"]["socket_connect_timeout"] + given["socket_timeout"] < 2
