"""Who of a queue may start now: its limits are decided here, exactly, under the lock of the queue's row.

A queue has a `ready_at`: before it, nobody looks at the queue. Whoever makes a job due in it, or frees a place, moves
that forward; the claim moves it on to the next job, the next token, or (full, paused, empty) to never.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from jobs.database import sql
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.lower_bounds import LowerBounds, Mark
from jobs.guarding import stocks, suspension
from jobs.guarding.limits import QUEUES
from jobs.models import Queue

_MOST_QUEUES = 50
# A worker of a version that keeps no `running_since`, beside others that do, may claim by a clock so far behind theirs.
_CLOCKS_APART = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many of a queue may start now beside what is `running`, which is counted where there is a limit to that.

    `by_rate`: it is the rate that sets the number, not the places.
    """

    queue: Queue
    running: int
    count: int
    tokens: float | None
    by_rate: bool


def named(user_id: UUID, name: str, *, now: datetime) -> Queue:
    """The user's queue of that name, made without limits where there is none. Raises LimitReached."""
    queue = Queue.objects.filter(user_id=user_id, name=name).first()
    if queue is not None:
        return queue
    stocks.require_room(QUEUES, Queue.objects.filter(user_id=user_id), user_id=user_id)
    return Queue.objects.get_or_create(user_id=user_id, name=name, defaults={"inserted_at": now, "refilled_at": now})[0]


def configure(
    queue: Queue,
    *,
    concurrency: int | None,
    rate_limit: int | None,
    rate_seconds: float | None,
    is_paused: bool,
    now: datetime,
) -> Queue:
    """Sets all the limits of a queue. A new rate begins with a full bucket."""
    changed = (rate_limit, rate_seconds) != (queue.rate_limit, queue.rate_seconds)
    fields: dict[str, Any] = {
        "concurrency": concurrency,
        "rate_limit": rate_limit,
        "rate_seconds": rate_seconds,
        "paused_at": (queue.paused_at or now) if is_paused else None,
        "ready_at": None if is_paused else now,
    }
    if changed:
        fields |= {"tokens": float(rate_limit or 0), "refilled_at": now}
    Queue.objects.filter(id=queue.id).update(**fields)
    return Queue.objects.get(id=queue.id)


def pause(queue: Queue, *, now: datetime) -> bool:
    """open -> paused, its limits as they are by now; False if it is already."""
    own = Queue.objects.filter(id=queue.id, paused_at__isnull=True)
    return bool(own.update(paused_at=now, ready_at=None))


def resume(queue: Queue, *, now: datetime) -> bool:
    """paused -> open, its limits as they are by now; False if it is already. Workers are to be told."""
    return bool(Queue.objects.filter(id=queue.id, paused_at__isnull=False).update(paused_at=None, ready_at=now))


_TOUCH = """
UPDATE jobs_queue {by_id} SET ready_at = v.at FROM ({rows}) AS v
WHERE jobs_queue.id = v.id AND paused_at IS NULL AND (ready_at IS NULL OR ready_at > v.at)
"""


def touch(due: Iterable[tuple[int | None, datetime]]) -> None:
    """Jobs come due in queues at these times, or places are free from them on. One query, none without a queue."""
    earliest: dict[int, datetime] = {}
    for queue_id, at in due:
        if queue_id is not None:
            earliest[queue_id] = min(at, earliest.get(queue_id, at))
    if not earliest:
        return
    values = [{"id": queue_id, "at": sql.time_text(at)} for queue_id, at in sorted(earliest.items())]
    statement = _TOUCH.format(rows=sql.rows(id="bigint", at="timestamptz"), by_id=sql.by_id_alone())
    with connection.cursor() as cursor:
        cursor.execute(statement, {"rows": sql.json_parameter(values)})


def is_any_ready(*, bounds: LowerBounds, now: datetime) -> bool:
    mark, began = bounds.mark(now=now), time.monotonic()
    first = _ready(mark, now=now).values_list("ready_at", flat=True).first()
    _note_ready(bounds, mark, first, seconds=time.monotonic() - began, now=now)
    return first is not None


def _ready(mark: Mark | None, *, now: datetime) -> QuerySet[Queue]:
    ready = Queue.objects.ready(now).order_by("ready_at")
    return ready if mark is None else ready.filter(ready_at__gte=mark.at)


def _note_ready(
    bounds: LowerBounds, mark: Mark | None, first: datetime | None, *, seconds: float, now: datetime
) -> None:
    bounds.note(began=mark, first=None if first is None else Mark(first), seconds=seconds, now=now)


def allowances(
    *, limit: int, of_tenants: ClaimBounds = NONE, bounds: LowerBounds | None = None, now: datetime
) -> list[Allowance]:
    """What may start, `limit` in all, for the queues that are ready. Inside the transaction that then claims them."""
    bounds = bounds or LowerBounds()
    mark, began = bounds.mark(now=now), time.monotonic()
    startable = _ready(mark, now=now)
    if held := (*suspension.held().users, *of_tenants.full):
        startable = startable.exclude(user_id__in=held)
    queues = list(startable.select_for_update(skip_locked=True)[:_MOST_QUEUES])
    if not held:
        # Whom a look leaves out may have the first of all that is ready.
        first = queues[0].ready_at if queues else None
        _note_ready(bounds, mark, first, seconds=time.monotonic() - began, now=now)
    if not queues:
        return []
    running = _running([queue.id for queue in queues if queue.concurrency is not None])
    share = max(1, limit // len(queues))
    allowed: list[Allowance] = []
    taken: Counter[UUID] = Counter()
    for queue in queues:
        left = of_tenants.cut(limit, queue.user_id) - taken[queue.user_id]
        if left <= 0:
            # It stays ready: it is its owner who has no place, not the queue.
            continue
        allowed.append(_allowance(queue, running=running.get(queue.id, 0), share=min(share, left), now=now))
        taken[queue.user_id] += allowed[-1].count
    return allowed


_RUNNING = f"""
SELECT count(*) FROM jobs_job j
WHERE j.queue_id = q.id AND j.state = 'executing' AND j.attempted_at >= COALESCE(q.running_since, '{sql.EARLIEST}')
"""
_RUNNING_IN = "SELECT q.id, ({running}) FROM jobs_queue q WHERE q.id IN ({ids})"


def _running(queue_ids: Sequence[int]) -> dict[int, int]:
    if not queue_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_RUNNING_IN.format(running=_RUNNING, ids=", ".join(map(str, queue_ids))))
        return dict(cursor.fetchall())


def _allowance(queue: Queue, *, running: int, share: int, now: datetime) -> Allowance:
    places = share if queue.concurrency is None else min(share, queue.concurrency - running)
    tokens = queue.tokens_at(now)
    by_rate = tokens is not None and int(tokens) < places
    count = int(tokens) if by_rate and tokens is not None else places
    return Allowance(queue, running, max(0, count), tokens, by_rate)


_SETTLE = """
UPDATE jobs_queue {by_id}
SET tokens = COALESCE(v.tokens, jobs_queue.tokens), refilled_at = {now},
    ready_at = CASE v.next
        WHEN 'at' THEN v.at
        WHEN 'due' THEN (
            SELECT CASE WHEN min(next_at) < {now} THEN {now} ELSE min(next_at) END FROM (
                SELECT next_at FROM (
                    SELECT scheduled_at AS next_at FROM jobs_job
                    WHERE queue_id = jobs_queue.id AND state IN ('scheduled', 'retryable') AND NOT is_upcoming
                        AND (scheduled_at, id) >= (v.from_at, v.from_id)
                    ORDER BY scheduled_at, id LIMIT 1
                ) AS first
                UNION ALL SELECT v.further_back_at
            ) AS coming
        )
    END,
    running_since = CASE WHEN concurrency IS NOT NULL THEN (
        SELECT min(began_at) FROM (
            SELECT began_at FROM (
                SELECT attempted_at AS began_at FROM jobs_job
                WHERE queue_id = jobs_queue.id AND state = 'executing'
                    AND attempted_at >= COALESCE(running_since, '{earliest}')
                ORDER BY attempted_at LIMIT 1
            ) AS first
            UNION ALL SELECT {a_while_ago}
        ) AS going
    ) END
FROM ({rows}) AS v WHERE jobs_queue.id = v.id
RETURNING ready_at
"""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A look for what is due in a queue that began at `mark`; another one begins before it at `further_back_at`."""

    mark: Mark
    further_back_at: datetime


_FROM_THE_BEGINNING = {"from_at": sql.EARLIEST, "from_id": 0, "further_back_at": None}


def resumed(queue_ids: Iterable[int], *, bounds: LowerBounds, now: datetime) -> dict[int, Resumed]:
    """Where the looks into these queues are about to begin, but for those that begin at the beginning."""
    marks = {queue_id: bounds.mark(queue_id, now=now) for queue_id in queue_ids}
    return {
        queue_id: Resumed(mark, bounds.further_back_at(queue_id, now=now))
        for queue_id, mark in marks.items()
        if mark is not None
    }


def settle(
    allowed: list[Allowance], started: Mapping[int, int], *, resumed: Mapping[int, Resumed] | None = None, now: datetime
) -> list[datetime]:
    """Takes the tokens of what `started`, and says when the queues are to be looked at again.

    One with more that is due waits behind those that are ready by now: a million jobs in fifty queues hold up no other.
    One that was not looked at from the beginning is looked at again when that is to be done: what lies before is due.
    The count of what is running begins at the first that is, from here on: under an old snapshot all that ever ran is
    before it. Nobody else claims meanwhile, and a claim by a clock that is behind moves that beginning back with it.
    """
    if not allowed:
        return []
    values = [
        _settled(item, started.get(item.queue.id, 0), now=now) | _resumed((resumed or {}).get(item.queue.id))
        for item in allowed
    ]
    source = sql.rows(
        id="bigint",
        tokens="double precision",
        next="text",
        at="timestamptz",
        from_at="timestamptz",
        from_id="bigint",
        further_back_at="timestamptz",
    )
    statement = _SETTLE.format(
        rows=source,
        now=sql.null_time(),
        a_while_ago=sql.null_time("a_while_ago"),
        earliest=sql.EARLIEST,
        by_id=sql.by_id_alone(),
    )
    parameters = {
        "rows": sql.json_parameter(values),
        "now": sql.time_value(now),
        "a_while_ago": sql.time_value(now - _CLOCKS_APART),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [sql.time_from_row(row[0]) for row in cursor.fetchall() if row[0] is not None]


def _resumed(look: Resumed | None) -> dict[str, Any]:
    if look is None:
        return _FROM_THE_BEGINNING
    from_at, further_back_at = sql.time_text(look.mark.at), sql.time_text(look.further_back_at)
    return {"from_at": from_at, "from_id": look.mark.id, "further_back_at": further_back_at}


def _settled(item: Allowance, started: int, *, now: datetime) -> dict[str, Any]:
    queue, tokens = item.queue, None if item.tokens is None else item.tokens - started
    values = {"id": queue.id, "tokens": tokens, "next": "due", "at": None}
    if started < item.count:
        return values
    if item.by_rate and tokens is not None and queue.rate_limit and queue.rate_seconds:
        seconds = (1 - tokens) * queue.rate_seconds / queue.rate_limit
        # A hair late rather than early, or the token would not be whole yet.
        return values | {"next": "at", "at": sql.time_text(now + timedelta(seconds=max(seconds, 0.0) + 0.001))}
    if queue.concurrency is not None and item.running + started >= queue.concurrency:
        # Full: the end of a run is what makes it ready.
        return values | {"next": "full"}
    return values


_WAITING = "state IN ('scheduled', 'retryable') AND NOT is_upcoming AND queue_id IS NOT NULL"
_OVERLOOKED = f"""
WITH RECURSIVE waiting(queue_id) AS (
    SELECT queue_id FROM (SELECT queue_id FROM jobs_job WHERE {_WAITING} ORDER BY queue_id LIMIT 1) AS one
    UNION ALL
    SELECT (SELECT j.queue_id FROM jobs_job j WHERE {_WAITING} AND j.queue_id > w.queue_id ORDER BY j.queue_id LIMIT 1)
    FROM waiting w WHERE w.queue_id IS NOT NULL
)
SELECT q.id FROM waiting w JOIN jobs_queue q ON q.id = w.queue_id
WHERE q.ready_at IS NULL AND q.paused_at IS NULL AND (
    SELECT j.scheduled_at FROM jobs_job j WHERE {_WAITING} AND j.queue_id = q.id ORDER BY j.scheduled_at LIMIT 1
) <= %(now)s AND (
    q.concurrency IS NULL OR q.concurrency > ({_RUNNING})
)
"""


def sweep(*, now: datetime) -> int:
    """Makes ready the queues that have something due and a free place, and were overlooked; how many.

    A few probes of an index for each queue with something waiting, however much that is and however many are idle.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OVERLOOKED, {"now": sql.time_value(now)})
        overlooked = [row[0] for row in cursor.fetchall()]
    return Queue.objects.filter(id__in=overlooked, paused_at__isnull=True).update(ready_at=now)
