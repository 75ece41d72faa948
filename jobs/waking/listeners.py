"""Wake-ups in: who is called when one arrives."""

from collections.abc import Callable
from datetime import UTC, datetime

from jobs.waking.announcer import Lane

Listener = Callable[[Lane, list[datetime]], None]

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Calls `listener` with each wake-up that reaches this process, in the thread that received it."""
    _listeners.append(listener)


def wake(lane: Lane, instants: list[float]) -> None:
    """Passes a wake-up on: something in `lane` comes due at `instants` (unix seconds)."""
    moments = [datetime.fromtimestamp(instant, UTC) for instant in instants]
    for listener in _listeners:
        listener(lane, moments)
