"""What a client sends again, and how long it waits before: what can't be done twice, a bounded number of times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from booper.client.errors import BooperError, ConnectionFailed, InvalidCall, RateLimited, ServerError


def pause(seconds: float) -> None:
    """The wait between two attempts, where nobody has given another."""
    time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """`waits_seconds` has a wait for each repetition. A server that asks for more than `longest_wait_seconds` is not
    waited for. With `are_all` every call counts as one that may be done twice.
    """

    waits_seconds: tuple[float, ...]
    longest_wait_seconds: float = 30
    are_all: bool = False
    sleep: Callable[[float], None] = pause

    def __post_init__(self) -> None:
        for seconds in (*self.waits_seconds, self.longest_wait_seconds):
            if not 0 <= seconds < float("inf"):
                raise InvalidCall(f"retry_waits_seconds: {seconds!r} can't be waited for, use seconds from 0 on")

    def wait_seconds(self, error: BooperError, *, attempt: int, is_repeatable: bool) -> float | None:
        """How long to wait after that attempt, counted from 0, has failed; None if it was the last.

        At random, up to half as long again: clients that failed together are not to come back together. Never less
        than the server asked for.
        """
        if attempt >= len(self.waits_seconds):
            return None
        asked_seconds = self._least_seconds(error, is_repeatable=is_repeatable or self.are_all)
        if asked_seconds is None or asked_seconds > self.longest_wait_seconds:
            return None
        seconds = max(asked_seconds, self.waits_seconds[attempt])
        return seconds + random.uniform(0, self.waits_seconds[attempt] / 2)

    def _least_seconds(self, error: BooperError, *, is_repeatable: bool) -> float | None:
        """What the server asked for, 0 for nothing; None where the call is not to be sent again."""
        if isinstance(error, ConnectionFailed):
            return 0 if is_repeatable or not error.may_have_arrived else None
        if isinstance(error, RateLimited):  # refused before anything was done, whatever the call
            return error.retry_after
        if isinstance(error, ServerError) and error.status == 503:
            return error.retry_after if is_repeatable else None
        return None
