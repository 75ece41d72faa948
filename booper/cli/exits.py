"""How a command ends: its exit codes, and what it says on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from booper.cli.columns import printable

OK, API_ERROR, USAGE, NO_CONNECTION = 0, 1, 2, 3
DIFFERENT = 4  # what --dry-run looked at is not as it is asked for
DISCARDED, CANCELLED = 5, 6  # how a job ended that was watched
INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 + the signal, as a shell reports it


class Misuse(Exception):
    """A mistake in the arguments that only shows when they are put together."""


class Ended(Exception):
    """The command has shown what there is to show, and ends with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Failed(Exception):
    """What was asked for can't be done as things stand, in lines that say why and what to do."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


def complain(lines: Iterable[str], *, code: int) -> int:
    print("booper: " + "\n".join(printable(line) for line in lines), file=sys.stderr)
    return code
