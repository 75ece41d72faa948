"""A queue's id by its name: the queue is made, without limits, on first use, and its id remembered for seconds."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import connection

from jobs.database import sql
from jobs.guarding import stocks
from jobs.guarding.limits import QUEUES
from jobs.models import Queue
from jobs.specs import JobSpec

# So long may the id of a queue that an operator has deleted still be used, in each web process.
KEPT_SECONDS = 5.0
_MOST_KEPT = 10_000


class IdCache:
    """The ids that were looked up last, by user and name. Threads may share it; it holds `most` at most."""

    def __init__(self, *, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._ids: OrderedDict[tuple[UUID, str], tuple[int, float]] = OrderedDict()

    def get(self, user_id: UUID, names: Iterable[str]) -> dict[str, int]:
        """Of those names that are known."""
        not_before = time.monotonic() - self._seconds
        with self._lock:
            found = {name: self._ids.get((user_id, name), (0, 0.0)) for name in names}
        return {name: queue_id for name, (queue_id, read_at) in found.items() if queue_id and read_at > not_before}

    def put(self, user_id: UUID, ids: Mapping[str, int]) -> None:
        now = time.monotonic()
        with self._lock:
            for name, queue_id in ids.items():
                # At the end again, so that the one that is dropped is the one that was read the longest ago.
                self._ids.pop((user_id, name), None)
                self._ids[user_id, name] = (queue_id, now)
            while len(self._ids) > self._most:
                self._ids.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._ids.clear()


known_ids = IdCache(seconds=KEPT_SECONDS, most=_MOST_KEPT)


def ids_of(names: Collection[str], *, user_id: UUID, now: datetime) -> dict[str, int]:
    """The id of each: no query where all are remembered, else one, and two more where some are new.

    Not inside a transaction: what that made and took back would be remembered. Raises LimitReached.
    """
    found = known_ids.get(user_id, names)
    missing = sorted(set(names) - found.keys())
    if not missing:
        return found
    read = _read(missing, user_id=user_id)
    if unknown := [name for name in missing if name not in read]:
        stocks.require_room(QUEUES, Queue.objects.filter(user_id=user_id), amount=len(unknown), user_id=user_id)
        _make(unknown, user_id=user_id, now=now)
        read |= _read(unknown, user_id=user_id)
    known_ids.put(user_id, read)
    return found | read


def placed(specs: Iterable[JobSpec], *, user_id: UUID, now: datetime) -> list[JobSpec]:
    """Each with the id of the queue that its `args` name, if they name one."""
    wanted = list(specs)
    names = {spec.args["queue"] for spec in wanted if _names_one(spec)}
    if not names:
        return wanted
    ids = ids_of(names, user_id=user_id, now=now)
    return [replace(spec, queue_id=ids[spec.args["queue"]]) if _names_one(spec) else spec for spec in wanted]


def _names_one(spec: JobSpec) -> bool:
    return spec.args.get("queue") is not None


def _read(names: Collection[str], *, user_id: UUID) -> dict[str, int]:
    return dict(Queue.objects.filter(user_id=user_id, name__in=names).values_list("name", "id"))


_MAKE = """
INSERT INTO jobs_queue (user_id, name, inserted_at, refilled_at, tokens)
SELECT {user}, r.name, {now}, {now}, 0 FROM ({rows}) AS r WHERE TRUE
ON CONFLICT DO NOTHING
"""


def _make(names: Collection[str], *, user_id: UUID, now: datetime) -> None:
    """Somebody else may make them at the same moment: then theirs are the ones."""
    statement = _MAKE.format(user="%(user)s", now=sql.null_time(), rows=sql.rows(name="text"))
    parameters = {
        "user": sql.uuid_value(user_id),
        "now": sql.time_value(now),
        "rows": json.dumps([{"name": name} for name in names]),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
