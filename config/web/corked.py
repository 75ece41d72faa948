"""A transport that sends an answer's head with its body: one packet and one call of the system, in place of two."""

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 "
_INTERIM = b"HTTP/1.1 1"


class Corked:
    """Passes all on to `transport`, but holds back a head that is written until something follows, or is asked for."""

    __slots__ = ("_held", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""

    def write(self, data: bytes) -> None:
        if data.startswith(_HEAD) and not data.startswith(_INTERIM):
            self.flush()
            self._held = data
        elif self._held:
            held, self._held = self._held, b""
            self._transport.writelines([held, data])
        else:
            self._transport.write(data)

    def flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        self.flush()
        self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
