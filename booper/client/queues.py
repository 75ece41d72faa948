"""Calls about queues: their limits, pause and resume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from booper.client.records import Queue
from booper.client.resources import Listed

_LIMITS = ("concurrency", "rate", "paused")


class Queues(Listed[Queue]):
    """Queues are known by their name."""

    path = "/api/queues"

    def get(self, name: str) -> Queue:
        """Gets the queue's limits, and how many of its jobs wait and run."""
        return self._get(name)

    def update(self, name: str, limits: Mapping[str, Any]) -> Queue:
        """Set all its limits, `concurrency`, `rate` and `paused`: one that is left out is lifted. Makes the queue."""
        return self._one("PUT", self._path_of(name), body=limits, is_repeatable=True)

    def pause(self, name: str) -> Queue:
        """Start none of its jobs until it is resumed; its other limits stay. Two calls."""
        return self._change(name, paused=True)

    def resume(self, name: str) -> Queue:
        """Start its jobs again. Two calls."""
        return self._change(name, paused=False)

    def _change(self, name: str, **changes: Any) -> Queue:
        queue = self.get(name)
        return self.update(name, {limit: queue.get(limit) for limit in _LIMITS} | changes)
