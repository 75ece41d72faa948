"""Calls about queues: their limits, pause and resume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from booper.client.answers import as_object
from booper.client.resources import Listed
from booper.client.shapes import Json

_LIMITS = ("concurrency", "rate", "paused")


class Queues(Listed):
    """Queues are known by their name."""

    path = "/api/queues"

    def get(self, name: str) -> Json:
        """Gets the queue's limits, and how many of its jobs wait and run."""
        return self._get(name)

    def update(self, name: str, limits: Mapping[str, Any]) -> Json:
        """Set all its limits, `concurrency`, `rate` and `paused`: one that is left out is lifted. Makes the queue."""
        return as_object(self._transport.call("PUT", self._path_of(name), body=limits, is_repeatable=True))

    def pause(self, name: str) -> Json:
        """Start none of its jobs until it is resumed; its other limits stay. Two calls."""
        return self._change(name, paused=True)

    def resume(self, name: str) -> Json:
        """Start its jobs again. Two calls."""
        return self._change(name, paused=False)

    def _change(self, name: str, **changes: Any) -> Json:
        queue = self.get(name)
        return self.update(name, {limit: queue.get(limit) for limit in _LIMITS} | changes)
