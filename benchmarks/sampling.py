"""Looks at processes again and again while something else happens."""

import contextlib
import threading
from collections.abc import Iterator, Mapping

from benchmarks.processes import Group

_EVERY_SECONDS = 0.5


@contextlib.contextmanager
def most_memory_mb(groups: Mapping[str, Group]) -> Iterator[dict[str, float]]:
    """The most that each held during the block."""
    most = {name: group.memory_mb() for name, group in groups.items()}
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_EVERY_SECONDS):
            for name, group in groups.items():
                most[name] = max(most[name], group.memory_mb())

    thread = threading.Thread(target=look, name="sampling", daemon=True)
    thread.start()
    try:
        yield most
    finally:
        is_over.set()
        thread.join()
