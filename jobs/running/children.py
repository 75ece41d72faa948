"""Makes the jobs that follow one (`then`, `on_failure`), in the transaction that records how that has ended.

Once for each job, whatever is retried later: the guarded UPDATE that notes it is what decides. What can't be made is a
row of the log, and nothing else.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from booper.content import exact_json
from jobs.database import event_log, sql
from jobs.database.claimed_job import AnyJob
from jobs.database.event_log import Entry
from jobs.guarding import charges
from jobs.guarding.limits import LimitReached
from jobs.models import REQUEST_COLUMNS, EventType, Job, JobState, User
from jobs.queues import ids
from jobs.running import child_request, expiry, traced_children
from jobs.running.ended import Ended
from jobs.telemetry import traces
from jobs.waking import announcements

logger = logging.getLogger(__name__)

PARTS = ("then", "on_failure")
MOST_DEEP = 20
MOST_OF_ONE = 1000
REFUSED = "child_refused"
"""The code of the log row about a job that was to follow and was not made."""

_PART_OF = {JobState.COMPLETED: "then", JobState.DISCARDED: "on_failure"}
_BIT_OF = {"then": 1, "on_failure": 2}
# How long after the last of a chain is due it is known still how many it has.
_COUNT_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Made:
    """The numbers of the jobs that were made, by that of the one before them; rows of the log about those that were
    not; and when the new ones are due, in which queues."""

    numbers: Mapping[int, Sequence[int]] = field(default_factory=dict)
    refusals: Sequence[Entry] = ()
    due: Sequence[tuple[int | None, datetime]] = ()


NOTHING = Made()


@dataclass(slots=True)
class _Parent:
    """A job that has ended, and what it was answered, as JSON text."""

    job: AnyJob
    part: str
    asked: list[Any]
    answer: str
    root: UUID
    depth: int = 1


@dataclass(slots=True)
class _Child:
    parent: _Parent
    place: int
    row: Job
    queue_name: str | None
    refusal: str | None = None


def make(ended: Iterable[Ended], *, now: datetime) -> Made:
    """Makes what follows those of `ended` that are completed or discarded. No query where nothing does.

    Inside the transaction that has recorded them, and before it locks queues or writes the log. Workers are told when
    it is committed.
    """
    parents = _first_of([parent for item in ended if (parent := _parent(item)) is not None])
    if not parents:
        return NOTHING
    children = [_child(parent, place, now=now) for parent in parents for place in range(len(parent.asked))]
    _charge(children, now=now)
    _find_places(children, now=now)
    _count(children)
    _insert([child for child in children if child.refusal is None])
    due = [(child.row.queue_id, child.row.scheduled_at) for child in children if child.refusal is None]
    _announce(due)
    if traces.are_on():
        rows = [child.row for child in children if child.refusal is None]
        transaction.on_commit(partial(traced_children.tell, rows, now=now))
    return Made(_numbers(children), [_logged(child, now=now) for child in children if child.refusal], due)


def asked_for(args: Mapping[str, Any], part: str) -> list[Any]:
    """The jobs that are to follow, as their owner has written them."""
    value = args.get(part)
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _parent(item: Ended) -> _Parent | None:
    args = item.job.args
    if "then" not in args and "on_failure" not in args:
        return None
    part = _PART_OF.get(item.state)
    asked = [] if part is None else asked_for(args, part)
    if part is None or not asked:
        return None
    return _Parent(item.job, part, asked, _answer(item, part), root=item.job.uuid)


def _answer(item: Ended, part: str) -> str:
    """What `$previous` stands for in those that follow."""
    if part == "on_failure":
        answer: Any = {"error": item.error, "response": item.response}
    else:
        answer = {} if item.response is None else _said(item.response, is_json=item.is_json)
    return exact_json.dumps(answer).decode()


def _said(response: Mapping[str, Any], *, is_json: bool) -> Any:
    """JSON, or text; nothing of an answer that was cut, is no text or is empty."""
    if response.get("truncated") or response.get("body_encoding") or (response["body"] is None and not is_json):
        return {}
    return response["body"]


_FIRST = """
UPDATE jobs_job {by_id} SET children_made = (jobs_job.children_made | v.part) FROM ({rows}) AS v
WHERE jobs_job.id = v.id AND (jobs_job.children_made & v.part) = 0
RETURNING jobs_job.id, jobs_job.root_uuid, jobs_job.depth
"""


def _first_of(parents: Sequence[_Parent]) -> list[_Parent]:
    """Those that ended so for the first time, with their places in their chains."""
    if not parents:
        return []
    rows = [{"id": parent.job.id, "part": _BIT_OF[parent.part]} for parent in parents]
    statement = _FIRST.format(by_id=sql.by_id_alone(), rows=sql.rows(id="bigint", part="smallint"))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"rows": sql.json_parameter(rows)})
        found = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    first = [parent for parent in parents if parent.job.id in found]
    for parent in first:
        root, depth = found[parent.job.id]
        if root is not None:
            parent.root = root if isinstance(root, UUID) else UUID(root)
            parent.depth = depth + 1
    return first


def _child(parent: _Parent, place: int, *, now: datetime) -> _Child:
    args = parent.asked[place]
    row = Job(user_id=parent.job.user_id, inserted_at=now, scheduled_at=now)
    child = _Child(parent, place, row, None)
    if parent.depth > MOST_DEEP:
        child.refusal = f"at most {MOST_DEEP} jobs follow each other in a chain"
        return child
    try:
        due_at = child_request.due_at(args, now=now)
        fields = child_request.columns(args) | {
            "scheduled_at": due_at,
            "expires_at": expiry.moment(args, due_at=due_at, now=now),
        }
    except Exception as error:
        # It was judged when its parent was made. Whatever it is, the parent has ended and is to be recorded.
        if not isinstance(error, ValueError):
            logger.exception("a job that was to follow job %s can't be made", parent.job.id)
        child.refusal = str(error)
        return child
    for name, value in fields.items():
        setattr(row, name, value)
    row.parent_uuid, row.root_uuid, row.depth = parent.job.uuid, parent.root, parent.depth
    row.parent_answer = parent.answer
    if traces.are_on():
        traced_children.follow(row, parent.job)
    child.queue_name = args.get("queue")
    return child


def _charge(children: Sequence[_Child], *, now: datetime) -> None:
    """Asks for each parent whether its owner may have so many more. One query, and more near a limit."""
    owners = User.objects.only("id", "limits").in_bulk({child.row.user_id for child in children})
    refused: dict[UUID, str] = {}
    for group in _grouped(children, lambda child: child.parent.job.id):
        user_id = group[0].row.user_id
        if user_id not in refused:
            size = sum(len(exact_json.dumps(child.row.args)) + len(child.parent.answer) for child in group)
            try:
                charges.charge(owners[user_id], jobs=len(group), size=size, now=now)
            except LimitReached as reached:
                refused[user_id] = str(reached)
        for child in group:
            child.refusal = refused.get(user_id)


def _find_places(children: Sequence[_Child], *, now: datetime) -> None:
    """Looks up the queues that they name, which are made where they are not there. A query or three for each owner."""
    naming = [child for child in children if child.queue_name is not None]
    for group in _grouped(naming, lambda child: child.row.user_id.hex):
        names = {child.queue_name for child in group if child.queue_name is not None}
        try:
            found = ids.found_or_made(names, user_id=group[0].row.user_id, now=now)
        except LimitReached as reached:
            for child in group:
                child.refusal = str(reached)
            continue
        for child in group:
            child.row.queue_id = found.get(child.queue_name or "")


def _grouped(children: Iterable[_Child], key: Any) -> list[list[_Child]]:
    """Those that are not refused yet, in the order of their keys: whoever locks rows for them does so in one order."""
    groups: dict[Any, list[_Child]] = defaultdict(list)
    for child in children:
        if child.refusal is None:
            groups[key(child)].append(child)
    return [groups[each] for each in sorted(groups)]


# The row is the lock: of two that come to the last place in a chain, one is told that it is full.
_COUNT = """
INSERT INTO jobs_usage (name, subject, used, previous, at)
SELECT 'children', subject, used, 0, at FROM ({rows}) AS r WHERE TRUE ORDER BY subject
ON CONFLICT (name, subject) DO UPDATE SET used = jobs_usage.used + excluded.used,
    at = CASE WHEN excluded.at > jobs_usage.at THEN excluded.at ELSE jobs_usage.at END
RETURNING subject, used
"""


def _count(children: Sequence[_Child]) -> None:
    """Refuses what is over the number that may come of one job, at any depth. One query."""
    groups = _grouped(children, lambda child: child.parent.root.hex)
    if not groups:
        return
    rows = [
        {
            "subject": group[0].parent.root.hex,
            "used": len(group),
            "at": sql.time_text(max(child.row.scheduled_at for child in group) + _COUNT_KEPT),
        }
        for group in groups
    ]
    statement = _COUNT.format(rows=sql.rows(subject="text", used="bigint", at="timestamptz"))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"rows": sql.json_parameter(rows)})
        used = dict(cursor.fetchall())
    for group in groups:
        room = MOST_OF_ONE - (used[group[0].parent.root.hex] - len(group))
        for child in group[max(0, room) :]:
            child.refusal = f"at most {MOST_OF_ONE} jobs may come of one, and so many were made"


_COLUMNS = {
    **REQUEST_COLUMNS,
    "uuid": "uuid",
    "user_id": "uuid",
    "state": "text",
    "is_upcoming": "boolean",
    "inserted_at": "timestamptz",
    "scheduled_at": "timestamptz",
    "expires_at": "timestamptz",
    "attempt": "smallint",
    "event_count": "int",
    "parent_uuid": "uuid",
    "root_uuid": "uuid",
    "depth": "smallint",
    "parent_answer": "text",
}


def _insert(children: Sequence[_Child]) -> None:
    found = dict(sql.insert_returning(Job, [child.row for child in children], "uuid", "id", **_COLUMNS))
    numbers = {str(uuid).replace("-", ""): number for uuid, number in found.items()}
    for child in children:
        child.row.id = numbers[child.row.uuid.hex]


def _announce(due: Sequence[tuple[int | None, datetime]]) -> None:
    for announce, is_queued in ((announcements.announce_jobs, False), (announcements.announce_queues, True)):
        if instants := {at for queue_id, at in due if (queue_id is not None) is is_queued}:
            transaction.on_commit(partial(announce, instants))


def _numbers(children: Sequence[_Child]) -> dict[int, list[int]]:
    numbers: dict[int, list[int]] = defaultdict(list)
    for child in children:
        if child.refusal is None:
            numbers[child.parent.job.id].append(child.row.id)
    return numbers


def _logged(child: _Child, *, now: datetime) -> Entry:
    job, part = child.parent.job, child.parent.part
    message = f"job {child.place + 1} of {len(child.parent.asked)} in {part} was not made: {child.refusal}"
    return event_log.entry(
        event=EventType.ERROR,
        job_id=job.id,
        user_id=job.user_id,
        attempt=job.attempt,
        payload={"code": REFUSED, "message": message, "retry_at": None},
        now=now,
    )
