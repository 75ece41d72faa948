"""The server that the command talks to in its tests, and none of the settings of whoever runs them."""

from collections.abc import Iterator

import pytest

from tests.fake_api import API_KEY, FakeApi, serve


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between repetitions, and none of the settings of whoever runs the tests."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.delenv("BOOPER_API_KEY", raising=False)
    monkeypatch.delenv("BOOPER_API_URL", raising=False)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    with serve() as fake:
        monkeypatch.setenv("BOOPER_API_URL", fake.url)
        monkeypatch.setenv("BOOPER_API_KEY", API_KEY)
        yield fake
