"""A worker without an engine is none: it ends, and its supervisor starts it again."""

import os

import pytest

from jobs import worker


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
