"""The log of an instance under bin/up as a file, which is begun anew when it is long."""

import contextlib
import os
from pathlib import Path

MOST_BYTES = 50 * 1024 * 1024


class LogFile:
    """Takes whole lines. At `most_bytes` it goes on in a new file, and the one before is kept as `<name>.1`."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._open()

    def write(self, line: bytes) -> None:
        """Adds a line. One that can't be written, as the disk is full, is missing: no process waits for it."""
        with contextlib.suppress(OSError):
            if self._size + len(line) > self._most_bytes:
                os.close(self._descriptor)
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
                self._open()
            self._size += os.write(self._descriptor, line)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size
