"""Ends the process groups of a supervisor that is gone: none of its processes outlives it, even after kill -9.

Run by its path, with nothing but the standard library: `python -I -S config/reaper.py GRACE_SECONDS`. Its input says
`+123` when group 123 starts and `-123` when it has ended; that input closing means that the supervisor is gone.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> set[int]:
    """Follow the groups until the input ends; those still running then."""
    groups: set[int] = set()
    for line in lines:
        if line.startswith("+"):
            groups.add(int(line[1:]))
        elif line.startswith("-"):
            groups.discard(int(line[1:]))
    return groups


def end(groups: set[int], *, grace_seconds: float) -> None:
    """TERM to each group, KILL to what is left of them after the grace."""
    left = {group for group in groups if send(group, signal.SIGTERM)}
    deadline = time.monotonic() + grace_seconds
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {group for group in left if send(group, 0)}
    for group in left:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Signal a whole process group; False where nothing of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    # Only the end of its input ends it: signals meant for the supervisor reach this process too when sent to a session.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(watch(sys.stdin), grace_seconds=float(sys.argv[1]))
