"""How a command ends: its exit codes, and what it says on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from booper.cli.output import printable

OK, API_ERROR, USAGE, NO_CONNECTION = 0, 1, 2, 3
DIFFERENT = 4  # what --dry-run looked at is not as it is asked for
INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 + the signal, as a shell reports it


class Misuse(Exception):
    """A mistake in the arguments that only shows when they are put together."""


def complain(lines: Iterable[str], *, code: int) -> int:
    print("booper: " + "\n".join(printable(line) for line in lines), file=sys.stderr)
    return code
