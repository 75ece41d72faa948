"""The sockets that libcurl has asked to be told of, and the wait until something happens at one of them."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

import pycurl

from booper.sending.waker import Waker

_CURL_BITS = {
    selectors.EVENT_READ: pycurl.CSELECT_IN,
    selectors.EVENT_WRITE: pycurl.CSELECT_OUT,
    selectors.EVENT_READ | selectors.EVENT_WRITE: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}
_SELECTOR_EVENTS = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}


class Sockets:
    """Watches sockets for one thread, and a waker that ends its waits from any.

    libcurl has a connection unwatched when a request is over, and watched when the next one begins. One of its own
    stays watched in between: to tell the system both costs as much as a tenth of a request.
    """

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._selector = selectors.DefaultSelector()
        self._selector.register(waker, selectors.EVENT_READ)
        self._watched: dict[int, int] = {}
        self._resting: dict[int, int] = {}
        """Watched for nobody, by the events that were wanted last."""
        self._dialled: set[int] = set()

    def dialled(self, fd: int) -> None:
        """A socket was opened to connect with. A number that is given out again belonged to one that is closed."""
        self._dialled.add(fd)
        if fd in self._resting:
            self._unwatch(fd)

    def on_socket(self, action: int, fd: int, multi: object, data: object) -> None:
        """libcurl tells which sockets to watch. What can't be watched ends by its time-out."""
        events = _SELECTOR_EVENTS.get(action)
        try:
            if events is None:
                self._rest(fd)
            else:
                self._watch(fd, events)
        except OSError:
            # It comes twice a request: contextlib.suppress would take as long as all the rest of this.
            pass

    def _rest(self, fd: int) -> None:
        if fd not in self._watched:
            return
        events = self._watched.pop(fd)
        if fd in self._dialled:
            self._resting[fd] = events
        else:
            self._selector.unregister(fd)

    def _watch(self, fd: int, events: int) -> None:
        before = self._resting.pop(fd, None) or self._watched.get(fd)
        if before is None:
            self._selector.register(fd, events)
        elif before != events:
            self._selector.modify(fd, events)
        self._watched[fd] = events

    def _unwatch(self, fd: int) -> None:
        del self._resting[fd]
        self._selector.unregister(fd)

    def wait(self, seconds: float) -> Iterator[tuple[int, int]]:
        """The sockets at which something has happened, each with libcurl's bits for what; none after `seconds`.

        One that has come to rest while those before it were seen to is left out.
        """
        for ready, events in self._selector.select(seconds):
            if ready.fd in self._watched:
                yield ready.fd, _CURL_BITS[events]
            elif ready.fileobj is self._waker:
                self._waker.drain()
            elif ready.fd in self._resting:
                # The other end has closed it, or says what nobody asked for: it would be told of for ever.
                self._unwatch(ready.fd)

    def close(self) -> None:
        self._selector.close()
