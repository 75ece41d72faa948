"""What was read from the database last, remembered for seconds by each process."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """The `most` values that were put last, each for `seconds`. Threads may share it."""

    def __init__(self, *, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """Gives what is known and fresh of `keys`."""
        not_before = time.monotonic() - self._seconds
        with self._lock:
            found = [(key, self._values[key]) for key in keys if key in self._values]
        return {key: value for key, (value, put_at) in found if put_at > not_before}

    def put(self, key: K, value: V) -> None:
        self.put_many({key: value})

    def put_many(self, values: Mapping[K, V]) -> None:
        now = time.monotonic()
        with self._lock:
            for key, value in values.items():
                # At the end again, so that the one that is dropped is the one that was read the longest ago.
                self._values.pop(key, None)
                self._values[key] = (value, now)
            while len(self._values) > self._most:
                self._values.popitem(last=False)

    def last(self, key: K) -> V | None:
        """Gives what it was when it was put last, fresh or not."""
        with self._lock:
            return self._values[key][0] if key in self._values else None

    def has_seen(self, key: K) -> bool:
        """Whether it is known still, however long ago it was put."""
        with self._lock:
            return key in self._values

    def forget(self, key: K) -> None:
        """Forgets what was just changed, so that this process, at least, knows of it at once."""
        with self._lock:
            self._values.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
