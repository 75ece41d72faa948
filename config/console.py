"""The lines of many processes on one output, each under its name; whoever reads it slowly holds no process up."""

import os
import re
import select
from collections.abc import Iterable

from config.log_file import LogFile

ROOM_BYTES = 1024 * 1024
LONGEST_LINE_BYTES = 64 * 1024
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
OWN_NAME = "booper"
# Lines of both formats of LOG_FORMAT begin with a time, and have their level right after it.
_LEVEL = re.compile(rb"(?:[0-9-]{10} [0-9:,]{8,12}|\{\"time\": \"[^\"]*\", \"level\":) \"?([A-Za-z]+)")
_WELL = (b"debug", b"info")


class Console:
    """Keeps up to a mebibyte of lines until `descriptor` takes them; what does not fit is counted and left out.

    All lines go to the `log` as well. A quiet console leaves out what went well, and the supervisor's own lines it has.
    """

    def __init__(
        self,
        descriptor: int,
        names: Iterable[str],
        *,
        is_coloured: bool,
        is_quiet: bool = False,
        log: LogFile | None = None,
    ) -> None:
        listed = [OWN_NAME, *names]
        width = max(len(name) for name in listed)
        self._descriptor = descriptor
        self._prefixes = {name: _prefix(name.ljust(width), index, is_coloured) for index, name in enumerate(listed)}
        self._unfinished = dict.fromkeys(listed, b"")
        self._plain = {name: _prefix(name.ljust(width), 0, False) for name in listed}
        # Who wrote of something that went wrong last: the lines below it, of a traceback, belong to it.
        self._troubled: set[str] = set()
        self._is_quiet = is_quiet
        self._log = log
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
        line = line.rstrip(b"\r")
        if self._log is not None:
            self._log.write(self._plain[name] + line + b"\n")
        if self._is_closed or (self._is_quiet and not self._is_trouble(name, line)):
            return
        entry = self._prefixes[name] + line + b"\n"
        if len(self._waiting) + len(entry) > ROOM_BYTES:
            self._left_out += 1
            return
        self._waiting += entry

    def _is_trouble(self, name: str, line: bytes) -> bool:
        if name == OWN_NAME:
            return True
        level = _LEVEL.match(line)
        if level is not None and level[1].lower() in _WELL:
            self._troubled.discard(name)
        elif level is not None or line.startswith(b"Traceback "):
            self._troubled.add(name)
        return name in self._troubled


def _prefix(padded_name: str, index: int, is_coloured: bool) -> bytes:
    if not is_coloured:
        return f"{padded_name} | ".encode()
    return f"\x1b[{COLOURS[index % len(COLOURS)]}m{padded_name} |\x1b[0m ".encode()
