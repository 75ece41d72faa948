"""The consumer of a worker: no way in which a lost connection can't be closed ends the process."""

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from celery.worker import WorkController
from kombu.utils.imports import symbol_by_name

from config.celery import app
from config.consumer import LastingConsumer


class Lost:
    """A connection as kombu leaves it: what is handed back at the second closing goes through a client that is gone."""

    connection_errors = channel_errors = recoverable_connection_errors = recoverable_channel_errors = (OSError,)
    channels: tuple[Any, ...] = ()

    def collect(self, **options: Any) -> None:
        raise ConnectionError("refused")

    def close(self) -> None:
        SimpleNamespace(client=None).client.hostname  # noqa: B018


def test_a_connection_that_can_not_be_closed_is_dropped_and_said(caplog: pytest.LogCaptureFixture) -> None:
    consumer = LastingConsumer.__new__(LastingConsumer)
    consumer.app, consumer.connection = app, cast(Any, Lost())
    with caplog.at_level(logging.WARNING):
        consumer.on_connection_error_after_connected(ConnectionError("refused"))
    assert consumer.connection is None
    assert "could not be closed: AttributeError" in caplog.text


def test_it_is_the_consumer_of_every_worker() -> None:
    assert symbol_by_name(cast(Any, WorkController(app=app, pool_cls="solo")).consumer_cls) is LastingConsumer
