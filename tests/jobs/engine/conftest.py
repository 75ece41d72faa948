"""Fixtures of the engine's tests."""

import pytest

from tests.jobs.engine.stand_ins import SlowClock


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> SlowClock:
    slow = SlowClock()
    slow.set_in(monkeypatch)
    return slow
