"""Which kept connections have been closed by the other end, as far as this machine has heard.

libcurl looks only once a second: a connection that died within that time gets the next request, and libcurl trusts that
it can send it a second time, which is what it must not do here.
"""

from __future__ import annotations

import select
from collections.abc import Hashable

Endpoints = tuple[str, int, str, int]
"""Remote address and port, local address and port: no two open connections have the same."""


class Connections:
    """The open files of connections, by their ends."""

    def __init__(self) -> None:
        self._files: dict[Endpoints, int] = {}
        self._ends: dict[int, Endpoints] = {}
        self._owners: dict[int, Hashable] = {}

    def opened(self, endpoints: Endpoints, file: int, *, owner: Hashable = None) -> None:
        # A number that is given out again belonged to a connection that is closed.
        former = self._ends.get(file)
        if former is not None and self._files.get(former) == file:
            del self._files[former]
        self._files[endpoints] = file
        self._ends[file] = endpoints
        self._owners[file] = owner

    def may_serve(self, endpoints: Endpoints, owner: Hashable) -> bool:
        """Whether an idle connection may be used again: what a target says late is to reach nobody but its owner."""
        file = self._files.get(endpoints)
        return (file is None or self._owners[file] == owner) and not self.is_stale(endpoints)

    def is_stale(self, endpoints: Endpoints) -> bool:
        """Whether an idle connection has something to read: its end, or an answer that nobody asked for."""
        file = self._files.get(endpoints)
        if file is None:
            return False
        waiting = select.poll()
        waiting.register(file, select.POLLIN)
        return bool(waiting.poll(0))
