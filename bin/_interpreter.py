"""Moves a script to a Python that is new enough. Written so that old ones can read it, to say what is wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3.14")


def require() -> None:
    """Return under Python 3.11 or later; else start the script again under one from the PATH, or end with advice."""
    if sys.version_info[:2] >= OLDEST:
        return
    for name in CANDIDATES:
        path = shutil.which(name)
        if path and _is_new_enough(path):
            os.execv(path, [path, *sys.argv])
    script = Path(sys.argv[0]).name
    version = ".".join(str(number) for number in sys.version_info[:3])
    sys.exit(
        f"bin/{script} needs Python 3.11 or later. This is {version} ({sys.executable}), "
        f"and none of {', '.join(CANDIDATES)} runs from the PATH.\n"
        f"Install one of them, or name one: /path/to/python3.13 bin/{script}"
    )


def _is_new_enough(path: str) -> bool:
    # Asked, not believed: a version manager puts names on the PATH that run nothing.
    question = "import sys; sys.exit(sys.version_info[:2] < (3, 11))"
    return subprocess.call([path, "-c", question], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
