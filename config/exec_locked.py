"""Becomes a command while holding a lock file: the lock is free again when that command has ended, however it ended.

Run by its path, with nothing but the standard library: `python -I -S config/exec_locked.py LOCK COMMAND [ARGUMENT...]`.
Whoever comes second waits, and takes over when the first has gone.
"""

import fcntl
import os
import sys


def main(arguments: list[str]) -> None:
    lock, *command = arguments
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.set_inheritable(descriptor, True)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
