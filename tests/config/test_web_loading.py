"""When a web process loads its application, and what it does with it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from config.web.loading import EagerConfig


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """One that is never asked."""


def test_it_is_loaded_before_the_loop_is_chosen_and_no_collection_walks_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = EagerConfig(application, lifespan="off")
    frozen: list[bool] = []
    monkeypatch.setattr("gc.freeze", lambda: frozen.append(configuration.loaded))
    assert not configuration.loaded
    for _ in range(2):
        configuration.get_loop_factory()
    assert frozen == [True]
