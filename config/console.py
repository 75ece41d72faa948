"""The lines of many processes on one output, each under its name; whoever reads it slowly holds no process up."""

import os
import select
from collections.abc import Iterable

ROOM_BYTES = 1024 * 1024
LONGEST_LINE_BYTES = 64 * 1024
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
OWN_NAME = "booper"


class Console:
    """Keeps up to a mebibyte of lines until `descriptor` takes them; what does not fit is counted and left out."""

    def __init__(self, descriptor: int, names: Iterable[str], *, is_coloured: bool) -> None:
        listed = [OWN_NAME, *names]
        width = max(len(name) for name in listed)
        self._descriptor = descriptor
        self._prefixes = {name: _prefix(name.ljust(width), index, is_coloured) for index, name in enumerate(listed)}
        self._unfinished = dict.fromkeys(listed, b"")
        self._waiting = bytearray()
        self._left_out = 0
        self._is_closed = False

    @property
    def descriptor(self) -> int | None:
        """What to watch for room to write; None while there is nothing to be written."""
        return self._descriptor if self._waiting else None

    def say(self, message: str) -> None:
        """A line of the supervisor's own."""
        self.take(OWN_NAME, message.encode(errors="replace") + b"\n")

    def take(self, name: str, output: bytes) -> None:
        """More of what the process `name` has written, cut anywhere."""
        *lines, rest = (self._unfinished[name] + output).split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        self._unfinished[name] = rest
        for line in lines:
            self._add(name, line)

    def finish(self, name: str) -> None:
        """The process `name` has ended: what it wrote without a line break is a line as well."""
        if self._unfinished[name]:
            self.take(name, b"\n")

    def write(self) -> None:
        """Hand over what the output takes without blocking; call it when `descriptor` has room."""
        try:
            # A pipe that has room at all takes this much without blocking.
            written = os.write(self._descriptor, self._waiting[: select.PIPE_BUF])
        except OSError:
            # Nobody reads any more (a closed terminal, the end of a pipe): the processes run on without it.
            self._is_closed = True
            self._waiting.clear()
            return
        del self._waiting[:written]
        if self._left_out and not self._waiting:
            count, self._left_out = self._left_out, 0
            self.say(f"{count} lines are missing here: nobody read them in time.")

    def _add(self, name: str, line: bytes) -> None:
        if self._is_closed:
            return
        entry = self._prefixes[name] + line.rstrip(b"\r") + b"\n"
        if len(self._waiting) + len(entry) > ROOM_BYTES:
            self._left_out += 1
            return
        self._waiting += entry


def _prefix(padded_name: str, index: int, is_coloured: bool) -> bytes:
    if not is_coloured:
        return f"{padded_name} | ".encode()
    return f"\x1b[{COLOURS[index % len(COLOURS)]}m{padded_name} |\x1b[0m ".encode()
