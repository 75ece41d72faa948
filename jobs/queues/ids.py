"""A queue's id by its name: the queue is made, without limits, on first use, and its id remembered for seconds."""

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import connection

from jobs.database import sql
from jobs.database.expiring_cache import ExpiringCache
from jobs.guarding import stocks
from jobs.guarding.limits import QUEUES
from jobs.models import Queue
from jobs.specs import JobSpec

# So long may the id of a queue that an operator has deleted still be used, in each web process.
KEPT_SECONDS = 5.0
_MOST_KEPT = 10_000


# By owner and name.
known_ids: ExpiringCache[tuple[UUID, str], int] = ExpiringCache(seconds=KEPT_SECONDS, most=_MOST_KEPT)


def ids_of(names: Collection[str], *, user_id: UUID, now: datetime) -> dict[str, int]:
    """The id of each: no query where all are remembered, else one, and two more where some are new.

    Not inside a transaction: what that made and took back would be remembered. Raises LimitReached.
    """
    known = known_ids.get_many((user_id, name) for name in names)
    found = {name: queue_id for (_, name), queue_id in known.items()}
    missing = sorted(set(names) - found.keys())
    if not missing:
        return found
    read = found_or_made(missing, user_id=user_id, now=now)
    known_ids.put_many({(user_id, name): queue_id for name, queue_id in read.items()})
    return found | read


def found_or_made(names: Collection[str], *, user_id: UUID, now: datetime) -> dict[str, int]:
    """The same from the database alone, nothing remembered: also inside a transaction. Raises LimitReached."""
    read = _read(names, user_id=user_id)
    if unknown := sorted(name for name in names if name not in read):
        stocks.require_room(QUEUES, Queue.objects.filter(user_id=user_id), amount=len(unknown), user_id=user_id)
        _make(unknown, user_id=user_id, now=now)
        read |= _read(unknown, user_id=user_id)
    return read


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
