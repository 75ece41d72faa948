"""The server that the SDK talks to in its tests, and none of the settings of whoever runs them."""

from collections.abc import Iterator

import pytest

from booper.client import Scheduler
from tests.fake_api import API_KEY, FakeApi, serve


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serve() as fake:
        yield fake


@pytest.fixture
def scheduler(api: FakeApi) -> Iterator[Scheduler]:
    with Scheduler(API_KEY, base_url=api.url, retry_waits_seconds=(0, 0)) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOOPER_API_KEY", "BOOPER_API_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
