"""Waiting for something that other processes bring about: asked again and again, with a deadline and no guesses."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

_PAUSE_SECONDS = 0.02
_never = threading.Event()


def eventually(
    ask: Callable[[], Answer], what: str, *, within_seconds: float, pause_seconds: float = _PAUSE_SECONDS
) -> Answer:
    """The first answer of `ask` that is true. AssertionError, which names `what`, when none comes in time."""
    deadline = time.monotonic() + within_seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_seconds:g} s; the last answer was {answer!r}")
        pause(pause_seconds)


def pause(seconds: float) -> None:
    """Lets the other processes work. For the pace of a load, or how long a fault lasts; never to wait for an effect."""
    _never.wait(max(0.0, seconds))
