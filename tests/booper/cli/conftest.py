"""The server that the command talks to in its tests, and none of the settings of whoever runs them."""

from collections.abc import Iterator

import pytest

from tests.fake_api import API_KEY, FakeApi, serve


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No waiting between repetitions, and none of the settings of whoever runs the tests."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("BOOPER_PROFILE", raising=False)
    monkeypatch.delenv("BOOPER_API_KEY", raising=False)
    monkeypatch.delenv("BOOPER_API_URL", raising=False)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    with serve() as fake:
        monkeypatch.setenv("BOOPER_API_URL", fake.url)
        monkeypatch.setenv("BOOPER_API_KEY", API_KEY)
        yield fake
