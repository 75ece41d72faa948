"""A lock that holds between processes and goes with the process that held it, however that ended."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file `path` (made where missing, never removed); wait for whoever has it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Not inheritable: a server started under the lock must not keep it.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
