"""Counts how jobs went, by owner, minute, hour and day, out of the log as it grows: what charts show walks no jobs.

Each row of the log is counted once: who counts moves the place up to which that was done, by one guarded UPDATE in the
transaction that writes the counts. What workers do costs nothing more for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count

from jobs.database import ended_counts, sql
from jobs.database.ended_counts import Ended
from jobs.models import JobState, LogEvent, RolledUpCount, RolledUpTo, User
from jobs.models.identifiers import earliest_uuid7
from jobs.models.rolled_up_count import DAY, HOUR, MINUTE, Of
from jobs.telemetry import spread

# A row is seen when its transaction has ended: what is younger than this may still come.
SETTLED_AFTER = timedelta(seconds=10)
# Where counting begins that never began: an instance of long ago is not gone through as a whole.
LOOKS_BACK = timedelta(days=1)
# So many hosts and schedules of a user are told apart in an hour, and in a day; the rest is counted together.
MOST_KEYS = 200
MINUTES_KEPT, HOURS_KEPT = timedelta(hours=50), timedelta(days=62)
_LONGEST_KEY = 255
_PLACE = 1

Key = tuple[UUID, str, int, datetime, str]
"""Owner, what it is of, how long it is (MINUTE, HOUR or DAY), when it begins, and the host or schedule."""


@dataclass(slots=True)
class Sum:
    completed: int = 0
    discarded: int = 0
    failed: int = 0
    late: dict[str, int] = field(default_factory=dict)
    took: dict[str, int] = field(default_factory=dict)


def roll_up(*, limit: int, now: datetime) -> bool:
    """Counts the next `limit` rows of the log; whether there are more. Nothing is written if there was nothing."""
    begin, _ = RolledUpTo.objects.get_or_create(id=_PLACE, defaults={"log_id": earliest_uuid7(now - LOOKS_BACK)})
    rows = LogEvent.objects.filter(id__gte=begin.log_id, id__lt=earliest_uuid7(now - SETTLED_AFTER))
    further = rows.order_by("id").values_list("id", flat=True)[limit : limit + 1].first()
    end = further or _behind(rows.order_by("-id").values_list("id", flat=True).first())
    if end is None:
        return False
    counts = _added(_sums(ended_counts.between(begin.log_id, end, bounds=spread.BOUNDS)))
    with transaction.atomic():
        # Zero rows: another beat has counted them, and what was read before this is no longer so.
        if RolledUpTo.objects.filter(id=_PLACE, log_id=begin.log_id).update(log_id=end):
            _write(counts)
    return further is not None


def _behind(last: UUID | None) -> UUID | None:
    """Not further than what was seen: with a clock that is behind, rows may still come between."""
    return None if last is None else UUID(int=last.int + 1)


def _sums(ended: Iterable[Ended]) -> dict[Key, Sum]:
    sums: dict[Key, Sum] = {}
    for each in ended:
        minute = datetime.fromtimestamp(each.minute * MINUTE, UTC)
        hour, host = minute.replace(minute=0), each.host[:_LONGEST_KEY]
        _count(sums.setdefault((each.user_id, Of.ALL, MINUTE, minute, ""), Sum()), each, is_spread=True)
        _count(sums.setdefault((each.user_id, Of.ALL, HOUR, hour, ""), Sum()), each, is_spread=True)
        for of, key in ((Of.HOST, host), (Of.SCHEDULE, each.schedule)):
            if key:
                _count(sums.setdefault((each.user_id, of, HOUR, hour, key), Sum()), each)
                _count(sums.setdefault((each.user_id, of, DAY, hour.replace(hour=0), key), Sum()), each)
    return sums


def _count(into: Sum, ended: Ended, *, is_spread: bool = False) -> None:
    into.completed += ended.count * (ended.state == JobState.COMPLETED)
    into.discarded += ended.count * (ended.state == JobState.DISCARDED)
    into.failed += ended.count * (ended.state != JobState.COMPLETED)
    if is_spread:
        for spread_of, place in ((into.late, ended.late), (into.took, ended.took)):
            if place is not None:
                spread_of[str(place)] = spread_of.get(str(place), 0) + ended.count


def _added(sums: dict[Key, Sum]) -> list[RolledUpCount]:
    """The rows with what is found added to what was counted before. Nobody counts on while the place is not moved."""
    known = _known(sums)
    rows: dict[Key, RolledUpCount] = {}
    for key, found in _bounded(sums, known).items():
        row = rows[key] = known.get(key) or RolledUpCount(**dict(zip(_UNIQUE, key, strict=True)))
        row.completed += found.completed
        row.discarded += found.discarded
        row.failed += found.failed
        row.late, row.took = spread.added((row.late, found.late)), spread.added((row.took, found.took))
    return list(rows.values())


_UNIQUE = {"user_id": "uuid", "of": "text", "seconds": "smallint", "at": "timestamptz", "key": "text"}
_COUNTED = {"completed": "bigint", "discarded": "bigint", "failed": "bigint", "late": "jsonb", "took": "jsonb"}
_COLUMNS = _UNIQUE | _COUNTED
# Of a user who was removed meanwhile nothing is to come back.
_WRITE = f"""
INSERT INTO jobs_rolledupcount ({", ".join(_COLUMNS)}) SELECT {", ".join(_COLUMNS)} FROM ({{rows}}) AS r
WHERE EXISTS (SELECT 1 FROM {User._meta.db_table} WHERE id = r.user_id)
ON CONFLICT ({", ".join(_UNIQUE)}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COUNTED)}
"""


def _write(counts: Iterable[RolledUpCount]) -> None:
    """In one statement, as the writers to SQLite wait for it."""
    rows = [
        {name: getattr(count, name) for name in _COLUMNS}
        | {"user_id": count.user_id.hex, "at": sql.time_text(count.at)}
        for count in counts
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE.format(rows=sql.rows(**_COLUMNS)), {"rows": sql.json_parameter(rows)})


def _known(sums: dict[Key, Sum]) -> dict[Key, RolledUpCount]:
    """The rows there are of these; a few more, as each column is looked for by itself."""
    users, _, _, moments, keys = (set(column) for column in zip(*sums, strict=True)) if sums else (set(),) * 5
    rows = RolledUpCount.objects.filter(user_id__in=users, at__in=moments, key__in={"", *keys})
    return {(row.user_id, row.of, row.seconds, row.at, row.key): row for row in rows}


def _bounded(sums: dict[Key, Sum], known: dict[Key, RolledUpCount]) -> dict[Key, Sum]:
    """The same, those hosts and schedules together that are beyond MOST_KEYS of their user in an hour."""
    new = dict.fromkeys(key for key in sums if key[4] and key not in known)
    if not new:
        return sums
    counted = RolledUpCount.objects.filter(user_id__in={key[0] for key in new}, at__in={key[3] for key in new})
    groups = counted.exclude(key="").values_list("user_id", "of", "seconds", "at")
    taken = {tuple(group[:4]): group[4] for group in groups.annotate(count=Count("id"))}
    bounded = {key: found for key, found in sums.items() if key not in new}
    # Those that fail first: they are what is looked for.
    for key in sorted(new, key=lambda key: -sums[key].failed):
        count = taken[key[:4]] = taken.get(key[:4], 0) + 1
        place = key if count <= MOST_KEYS else (*key[:4], "")
        bounded[place] = _together(bounded.get(place), sums[key])
    return bounded


def _together(before: Sum | None, found: Sum) -> Sum:
    if before is None:
        return found
    return Sum(before.completed + found.completed, before.discarded + found.discarded, before.failed + found.failed)
