"""A worker without an engine is none: it ends, and its supervisor starts it again."""

import os
from ipaddress import ip_network

import pytest

from booper.outcomes.outcome import Request
from booper.sending.sender import send
from jobs import worker
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
