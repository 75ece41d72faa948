"""How many connections each address has in all web processes of a machine: each writes its own file and reads all.

The files are mapped into memory, so that counting is a few additions. One whose owner has died is not locked any more,
and whoever notices takes it away.
"""

import fcntl
import hashlib
import mmap
import os
import secrets
from contextlib import suppress
from pathlib import Path

# Addresses that share one are counted together; with as many as that, a full one is not met by chance.
_BUCKETS = 16_384
_SIZE = 2 * _BUCKETS


class SharedCounts:
    """`folder` is the machine's own; `key` keeps others from working out which addresses share a bucket."""

    def __init__(self, folder: Path, *, key: bytes) -> None:
        self._folder = folder
        self._key = key[: hashlib.blake2b.MAX_KEY_SIZE]
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        # Not seen by others before it is locked: they would take it for one that was left.
        draft = folder / f".{self._path.name}"
        self._own = _Table(draft, os.O_CREAT | os.O_EXCL)
        fcntl.flock(self._own.descriptor, fcntl.LOCK_EX)
        draft.rename(self._path)
        self._others: dict[str, _Table] = {}
        self.refresh()

    def add(self, place: str, amount: int) -> None:
        self._own.counts[self._bucket(place)] += amount

    def total(self, place: str) -> int:
        """The count of all processes. What others did since the last `refresh` counts too, if they were there then."""
        bucket = self._bucket(place)
        return self._own.counts[bucket] + sum(table.counts[bucket] for table in self._others.values())

    def refresh(self) -> None:
        """Learns of processes that have come, and forgets those that have gone."""
        names = {path.name for path in self._folder.iterdir() if not path.name.startswith(".")}
        for name in names - {*self._others, self._path.name}:
            with suppress(OSError, ValueError):
                self._others[name] = _Table(self._folder / name, 0)
        for name, table in list(self._others.items()):
            if table.is_left():
                del self._others[name]
                table.close()
                (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        for table in (self._own, *self._others.values()):
            table.close()

    def _bucket(self, place: str) -> int:
        digest = hashlib.blake2b(place.encode(), key=self._key, digest_size=4).digest()
        return int.from_bytes(digest, "little") % _BUCKETS


class _Table:
    """A file of counts, mapped."""

    def __init__(self, path: Path, flags: int) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
        try:
            if flags:
                os.ftruncate(self.descriptor, _SIZE)
            self._map = mmap.mmap(self.descriptor, _SIZE)
        except (OSError, ValueError):
            # Not there in its full length yet, or no file of ours.
            os.close(self.descriptor)
            raise
        self.counts = memoryview(self._map).cast("H")

    def is_left(self) -> bool:
        """Whether its owner has gone. Never asked of one's own."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self.counts.release()
        self._map.close()
        os.close(self.descriptor)
