"""A worker without an engine is none: it ends, and its supervisor starts it again."""

import logging
import os
from ipaddress import ip_network

import pytest

from booper.outcomes.outcome import Request
from booper.sending.sender import send
from jobs import worker
from jobs.telemetry import signs_of_life
from tests.egress_proxy import EgressProxy


def test_what_a_worker_sends_leaves_as_the_settings_say(settings):
    settings.BOOPER_ALLOW_HTTP_TARGETS = True
    settings.BOOPER_BLOCKED_TARGET_NETWORKS = (ip_network("93.184.216.0/24"),)
    settings.BOOPER_TARGET_PORTS = ((80, 80),)
    with EgressProxy() as proxy:
        proxy.status = lambda place: 403
        settings.BOOPER_EGRESS_PROXY = proxy.as_proxy("http")
        codes = []
        for url in ("http://8.8.8.8/", "http://8.8.8.8:8080/", "http://93.184.216.34/", "http://127.0.0.1/"):
            failure = send(Request("GET", url, (), None, 5.0), policy=worker.policy_of_settings()).failure
            codes.append(failure.code if failure else None)
    assert codes == ["proxy_failed", "blocked_address", "blocked_address", "blocked_address"]
    assert proxy.asked == ["8.8.8.8:80"]


def test_a_worker_whose_engine_can_not_be_started_ends(monkeypatch, caplog):
    class Ended(BaseException):
        pass

    def fail(sender: str) -> None:
        raise RuntimeError("no engine")

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(worker, "_start_engine", fail)
    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(Ended, match="70"):
        worker._start("worker@here")
    assert "the engine can't be started, the worker ends" in caplog.text


@pytest.fixture
def signs(monkeypatch) -> signs_of_life.SignsOfLife:
    found = signs_of_life.SignsOfLife()
    found.sign("database")
    monkeypatch.setattr(signs_of_life, "own", found)
    return found


def test_a_worker_is_ready_while_celery_takes_wake_ups_from_the_broker(signs: signs_of_life.SignsOfLife):
    step = worker.Consuming(consumer=None)
    assert (signs.look().is_live, str(signs.look())) == (True, "the broker: wake-ups can't be taken from it")
    step.start(None)
    assert signs.look().is_ready
    step.stop(None)
    assert not signs.look().is_ready


def test_what_celery_says_at_each_try_to_reach_the_broker_is_one_line_a_change(signs, caplog):
    logger = logging.getLogger("celery.worker.consumer.consumer.tried")
    logger.addFilter(worker._ToldOnce())
    step = worker.Consuming(consumer=None)
    for attempt in range(20):
        logger.error(
            worker._CONNECTION_ERROR, "redis://:**@there/0", OSError("refused"), f"Trying again ({attempt}/100)"
        )
    logger.error("something else")
    step.start(None)
    assert caplog.messages == [
        "the broker can't be reached, it is tried again until it can: refused",
        "something else",
        "the broker is there again after 0 s",
    ]
