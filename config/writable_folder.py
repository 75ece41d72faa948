"""Says in one line that a folder takes no writes, before anything that needs it fails in words of its own."""

import errno
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# As much as a first start writes to it, about.
_ROOM_BYTES = 1 << 20
_REMEDIES = {
    errno.ENOSPC: "make room on its file system",
    errno.EDQUOT: "make room in its user's quota",
    errno.EROFS: "mount its file system for writing",
    errno.EACCES: "give it to the user who starts this",
    errno.EPERM: "give it to the user who starts this",
}


def require(folder: Path) -> None:
    """Writes a file to `folder` and removes it again. Raises ImproperlyConfigured with the remedy where it can't."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM_BYTES))
            file.flush()
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "see to it")
        raise ImproperlyConfigured(
            f"the data folder {folder} can't be written to ({error.strerror}): {remedy}, or name another folder"
            " with --data-dir or BOOPER_DATA_DIR"
        ) from error
