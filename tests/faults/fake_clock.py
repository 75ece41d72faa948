"""A machine's clock that a test sets, for processes that start with `variables` in their environment."""

from pathlib import Path

from tests.processes.harness.servers import require

_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# libfaketime takes the monotonic deadline of time.sleep for one of the clock it fakes, and answers EINVAL.
_SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
# For a process on a machine whose clock is right, where the others' is not.
RIGHT = {"LD_PRELOAD": ""}


class FakeClock:
    """It begins right, and goes on at its pace whatever it is set to; the monotonic clock is left alone."""

    def __init__(self, folder: Path) -> None:
        require("libfaketime", is_here=_LIBRARY.exists())
        self._offset = folder / "offset"
        self.set(0)
        (folder / "sitecustomize.py").write_text(_SLEEP)
        self.variables = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(folder),
        }

    def set(self, offset_seconds: int) -> None:
        """So many seconds before or behind the right time."""
        # By a rename: no process is to read half of it.
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{offset_seconds:+d}\n")
        fresh.rename(self._offset)
