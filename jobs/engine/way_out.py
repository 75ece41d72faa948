"""Whether what is sent can leave: while the proxy that all goes by can't be used, one request in a while tries it.

Without that, all that is due would be claimed, and given back as nobody's failure, every few seconds.
"""

import logging
from collections.abc import Iterable

from booper.outcomes import failures
from booper.outcomes.outcome import Outcome

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
# Of these nothing has passed the proxy, nor failed with it.
_OF_THIS_SIDE = frozenset(
    (
        *(failures.NO_TURN, failures.ABORTED, failures.INTERNAL, failures.INVALID_REQUEST, failures.DNS_FAILURE),
        *(failures.BLOCKED_ADDRESS, "no_such_secret", "receiver_off"),
    )
)


class WayOut:
    """The way out of one worker. For one thread; times are seconds on a clock that only goes forward."""

    def __init__(self) -> None:
        self._is_open = True
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._next_at = 0.0
        self._is_tried = False

    def room(self, free: int, *, now: float) -> int:
        """How many of `free` places may be filled now."""
        if self._is_open:
            return free
        return min(free, 1) if now >= self._next_at else 0

    def claimed(self, count: int, *, now: float) -> None:
        """So many were claimed, by what `room` left."""
        if count and not self._is_open:
            self._is_tried = True
            self._next_at = now + self._pause_seconds

    def note(self, outcomes: Iterable[Outcome], *, now: float) -> None:
        """What requests have brought."""
        reasons = {None if outcome.failure is None else outcome.failure.code: outcome for outcome in outcomes}
        if reasons.keys() - _OF_THIS_SIDE - {failures.PROXY_UNAVAILABLE}:
            if not self._is_open:
                logger.warning("the proxy that requests leave by can be used again")
            self._is_open, self._pause_seconds = True, _FIRST_PAUSE_SECONDS
        elif (failed := reasons.get(failures.PROXY_UNAVAILABLE)) is not None:
            self._close(failed, now=now)

    def _close(self, failed: Outcome, *, now: float) -> None:
        if self._is_open:
            assert failed.failure is not None  # it was found by its code
            logger.warning("%s; until then nothing else is sent", failed.failure.message)
        elif self._is_tried:
            self._pause_seconds = min(_LONGEST_PAUSE_SECONDS, self._pause_seconds * 2)
        self._is_open = self._is_tried = False
        self._next_at = max(self._next_at, now + self._pause_seconds)
