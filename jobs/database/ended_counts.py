"""How many attempts ended in which way, of a piece of the log: counted by the database, which answers groups alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from jobs.database import sql

# How the log's rows begin and end, as jobs.running.attempts writes them: what a target answered stands between, and
# can feign neither.
_STATE = """
CASE WHEN l.event = 'job.error' THEN 'failed'
     WHEN l.payload LIKE '{"state":"completed"%%' THEN 'completed'
     WHEN l.payload LIKE '{"state":"discarded"%%' THEN 'discarded' END
"""
# The last attempt counts by the end of its job, which is tried no more; the others were given back, to be made anew.
_COUNTS = """
l.event = 'job.finished' OR (
    l.event = 'job.error' AND l.payload LIKE '{"code":%%' AND l.payload NOT LIKE '%%"retry_at":null}'
    AND l.payload NOT LIKE '{"code":"no_turn"%%' AND l.payload NOT LIKE '{"code":"worker_stopped"%%'
    AND l.payload NOT LIKE '{"code":"claim_lost"%%'
)
"""
# OFFSET 0 has PostgreSQL look each job up by its id, whatever it expects of the piece.
_ON_POSTGRESQL = {
    "minute": "floor(extract(epoch FROM l.inserted_at) / 60)::bigint",
    "host": "split_part(j.url, '/', 3)",
    "late": "(extract(epoch FROM j.attempted_at - j.scheduled_at) * 1000)::float8",
    "took": "substring(l.payload FROM '\"duration_ms\":([0-9]+)')::float8",
    "jobs": "LEFT JOIN LATERAL (SELECT * FROM jobs_job WHERE id = l.job_id OFFSET 0) AS j ON TRUE",
}
_ON_SQLITE = {
    "minute": "CAST(strftime('%%s', l.inserted_at) AS INTEGER) / 60",
    "host": "substr(substr(j.url, instr(j.url, '://') + 3), 1,"
    " instr(substr(j.url, instr(j.url, '://') + 3) || '/', '/') - 1)",
    "late": "(julianday(j.attempted_at) - julianday(j.scheduled_at)) * 86400000",
    "took": "json_extract(l.payload, '$.duration_ms')",
    "jobs": "LEFT JOIN jobs_job AS j ON j.id = l.job_id",
}
_STATEMENT = """
SELECT user_id, minute, state, host, schedule_id, {late_place}, {took_place}, COUNT(*) FROM (
    SELECT l.user_id, {minute} AS minute, {state} AS state, {host} AS host, j.schedule_id,
        CASE WHEN l.event = 'job.finished' AND l.attempt = j.attempt THEN {late} END AS late,
        CASE WHEN l.event = 'job.finished' THEN {took} END AS took
    FROM jobs_logevent AS l {jobs}
    WHERE l.id >= %(begin)s AND l.id < %(end)s AND ({counts})
) AS ended
WHERE state IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """So many that ended alike: `completed` and `discarded` jobs, or attempts that `failed` and are made again.

    `minute` since 1970. `late` and `took` are places between bounds. Of a job that was erased nothing more is known.
    """

    user_id: UUID
    minute: int
    state: str
    host: str
    schedule: str
    late: int | None
    took: int | None
    count: int


def between(begin: UUID, end: UUID, *, bounds: Sequence[float]) -> list[Ended]:
    """The ends in the log from `begin` to before `end`; `bounds` are milliseconds, rising. One query."""
    words = _ON_POSTGRESQL if sql.is_postgresql() else _ON_SQLITE
    places = {f"{name}_place": _place(name, bounds) for name in ("late", "took")}
    statement = _STATEMENT.format(**words, **places, state=_STATE, counts=_COUNTS)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"begin": sql.uuid_value(begin), "end": sql.uuid_value(end)})
        return [_ended(row) for row in cursor.fetchall()]


def _place(name: str, bounds: Sequence[float]) -> str:
    """How many of `bounds` a value has reached."""
    if sql.is_postgresql():
        return f"width_bucket({name}, ARRAY[{', '.join(map(str, bounds))}]::float8[])"
    steps = " ".join(f"WHEN {name} < {bound} THEN {place}" for place, bound in enumerate(bounds))
    return f"CASE WHEN {name} IS NULL THEN NULL {steps} ELSE {len(bounds)} END"


def _ended(row: Sequence[Any]) -> Ended:
    user_id, minute, state, host, schedule_id, late, took, count = row
    # A query or fragment may follow a host at once.
    name = (host or "").partition("?")[0].partition("#")[0]
    return Ended(_uuid(user_id), minute, state, name, str(_uuid(schedule_id) or ""), late, took, count)


def _uuid(value: Any) -> Any:
    """SQLite has its 32 digits."""
    return UUID(value) if isinstance(value, str) else value
