"""Each schedule's entry in django-celery-beat: written here, shown and edited in its admin, read back from there.

Rows are written in ways that send no signal: a signal tells every beat to read its whole table again. A schedule has
a CrontabSchedule or IntervalSchedule row of its own, so that an edit of one changes nobody else's.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from booper.content import redaction, visible_text
from booper.timing import durations, recurrence
from jobs.database import sql
from jobs.models import Schedule

logger = logging.getLogger(__name__)

TASK = "booper.fire_schedule"
_CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_PERIODS = (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
# As large as its column is: 35 minutes, in microseconds.
_MOST_EVERY = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Edit:
    """What an entry says that is no longer what Booper wrote. `frequency` is None where it can't be run."""

    is_enabled: bool
    frequency: dict[str, Any] | None
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None


def write(schedule: Schedule) -> None:
    """Makes or brings up to date the entry of a schedule that is saved afterwards."""
    if schedule.periodic_task_id is None:
        schedule.periodic_task = new_entry(schedule)
        insert_new([schedule])
        return
    frequency = _crontab(schedule) or _interval(schedule)
    _insert_frequencies([frequency])
    fields = _fields(schedule, frequency)
    _forget_frequency(schedule.periodic_task_id)
    PeriodicTask.objects.filter(id=schedule.periodic_task_id).update(**fields)


def new_entry(schedule: Schedule) -> PeriodicTask:
    """The entry of a new schedule, with its frequency, to be inserted by `insert_new`."""
    # django-celery-beat's pages show it as it is.
    name = visible_text.visible(redaction.redacted_text(schedule.name or schedule.key or _place(schedule)))[:150]
    return PeriodicTask(
        name=f"{name} ({schedule.id})",
        task=TASK,
        args=json.dumps([str(schedule.id)]),
        date_changed=timezone.now(),
        **_fields(schedule, _crontab(schedule) or _interval(schedule)),
    )


def insert_new(schedules: Sequence[Schedule]) -> None:
    """Inserts the new entries of schedules that are saved afterwards; two or three queries, however many they are."""
    entries: list[Any] = [schedule.periodic_task for schedule in schedules]
    _insert_frequencies([entry.crontab or entry.interval for entry in entries])
    for entry in entries:
        # Anew, as they have their ids by now.
        entry.crontab, entry.interval = entry.crontab, entry.interval
    ids = dict(sql.insert_returning(PeriodicTask, entries, "name", "id", **_ENTRY_COLUMNS))
    for schedule, entry in zip(schedules, entries, strict=True):
        entry.id = ids[entry.name]
        schedule.periodic_task = entry


def _fields(schedule: Schedule, frequency: CrontabSchedule | IntervalSchedule) -> dict[str, Any]:
    """What an entry says of its schedule, which notes what was said."""
    crontab = frequency if isinstance(frequency, CrontabSchedule) else None
    interval = frequency if isinstance(frequency, IntervalSchedule) else None
    schedule.beat_frequency = _spelling(crontab, interval)
    return {
        "crontab": crontab,
        "interval": interval,
        "enabled": schedule.disabled_at is None,
        "start_time": schedule.starts_at,
        "expires": schedule.ends_at,
        "description": _described(schedule),
    }


def _described(schedule: Schedule) -> str:
    said = schedule.description or f"{schedule.method.upper()} {_place(schedule)}"
    text = visible_text.visible(redaction.redacted_text(said))
    more = schedule.frequency["cron"][1:] if isinstance(schedule.frequency.get("cron"), list) else []
    return f"{text}\nAlso by cron: {'; '.join(more)}" if more else text


def _place(schedule: Schedule) -> str:
    """The URL without its query, and without a secret in its path: django-celery-beat's admin hides none."""
    return redaction.redacted_url(schedule.url.partition("?")[0])


_ENTRY_COLUMNS = {
    "name": "text",
    "task": "text",
    "args": "text",
    "kwargs": "text",
    "headers": "text",
    "description": "text",
    "enabled": "boolean",
    "one_off": "boolean",
    "crontab_id": "int",
    "interval_id": "int",
    "start_time": "timestamptz",
    "expires": "timestamptz",
    "total_run_count": "int",
    "date_changed": "timestamptz",
}
_CRONTAB_COLUMNS = dict.fromkeys((*_CRON_FIELDS, "timezone"), "text")
_INTERVAL_COLUMNS = {"every": "int", "period": "text"}


def _insert_frequencies(frequencies: Sequence[CrontabSchedule | IntervalSchedule]) -> None:
    """Inserts them, and gives them their ids."""
    for kind, columns in ((CrontabSchedule, _CRONTAB_COLUMNS), (IntervalSchedule, _INTERVAL_COLUMNS)):
        alike: dict[tuple[str, ...], list[Any]] = defaultdict(list)
        for item in frequencies:
            if isinstance(item, kind):
                alike[tuple(str(getattr(item, name)) for name in columns)].append(item)
        rows = sql.insert_returning(kind, chain.from_iterable(alike.values()), "id", *columns, **columns)
        # Of several that say the same, it does not matter which is whose.
        for row_id, *values in rows:
            alike[tuple(map(str, values))].pop().id = row_id


def set_enabled(schedule_ids: Iterable[Any], *, is_enabled: bool) -> None:
    PeriodicTask.objects.filter(booper_schedule__in=list(schedule_ids)).update(enabled=is_enabled)


def count_runs(schedule_ids: Iterable[Any], *, now: datetime) -> None:
    PeriodicTask.objects.filter(booper_schedule__in=list(schedule_ids)).update(
        last_run_at=now, total_run_count=F("total_run_count") + 1
    )


def delete(schedule: Schedule) -> None:
    task_id = schedule.periodic_task_id
    if task_id is None:
        return
    crontab_ids, interval_ids = _frequency_ids(task_id)
    Schedule.objects.filter(id=schedule.id).update(periodic_task=None)
    schedule.periodic_task = None
    PeriodicTask.objects.filter(id=task_id)._raw_delete("default")
    CrontabSchedule.objects.filter(id__in=crontab_ids)._raw_delete("default")
    IntervalSchedule.objects.filter(id__in=interval_ids)._raw_delete("default")


def _forget_frequency(task_id: int) -> None:
    crontab_ids, interval_ids = _frequency_ids(task_id)
    PeriodicTask.objects.filter(id=task_id).update(crontab=None, interval=None, enabled=False)
    CrontabSchedule.objects.filter(id__in=crontab_ids)._raw_delete("default")
    IntervalSchedule.objects.filter(id__in=interval_ids)._raw_delete("default")


def _frequency_ids(task_id: int) -> tuple[list[int], list[int]]:
    row = PeriodicTask.objects.filter(id=task_id).values_list("crontab_id", "interval_id").first() or (None, None)
    crontab_id, interval_id = row
    others = PeriodicTask.objects.exclude(id=task_id)
    # An operator may have pointed other entries at the same row.
    crontabs = [crontab_id] if crontab_id and not others.filter(crontab_id=crontab_id).exists() else []
    intervals = [interval_id] if interval_id and not others.filter(interval_id=interval_id).exists() else []
    return crontabs, intervals


def _crontab(schedule: Schedule) -> CrontabSchedule | None:
    if "cron" not in schedule.frequency:
        return None
    # In numbers, which fit the columns and read the same there, whatever the client's spelling. An entry has room for
    # one expression: of several it shows the first.
    expression = schedule.grid.expression if isinstance(schedule.grid, recurrence.CronRule) else None
    assert expression is not None
    fields = dict(zip(_CRON_FIELDS, expression.fields, strict=True))
    return CrontabSchedule(timezone=schedule.timezone, **fields)


def _interval(schedule: Schedule) -> IntervalSchedule | None:
    """The same length in django-celery-beat's units, which know no months: one of those is shown as 30 days."""
    if "repeat_every" not in schedule.frequency:
        return None
    interval = durations.parse(schedule.frequency["repeat_every"])
    if interval.is_calendar:
        return IntervalSchedule(every=max(1, int(interval.months * 30)), period="days")
    seconds = Fraction(interval.microseconds) / 1_000_000
    for period, size in _PERIODS:
        if seconds % size == 0:
            return IntervalSchedule(every=int(seconds / size), period=period)
    if interval.microseconds > _MOST_EVERY:
        return IntervalSchedule(every=round(seconds), period="seconds")
    return IntervalSchedule(every=int(interval.microseconds), period="microseconds")


def _spelling(crontab: CrontabSchedule | None, interval: IntervalSchedule | None) -> str:
    """Spells a frequency as `_EDITED` does in SQL."""
    if crontab is not None:
        return " ".join([*(getattr(crontab, name) for name in _CRON_FIELDS), str(crontab.timezone)])
    assert interval is not None
    return f"{interval.every} {interval.period}"


_EDITED = """
FROM jobs_schedule s
LEFT JOIN django_celery_beat_periodictask p ON p.id = s.periodic_task_id
LEFT JOIN django_celery_beat_crontabschedule c ON c.id = p.crontab_id
LEFT JOIN django_celery_beat_intervalschedule i ON i.id = p.interval_id
WHERE s.deleted_at IS NULL AND (
    (p.id IS NULL AND s.disabled_at IS NULL)
    OR (p.id IS NOT NULL AND p.enabled <> (s.disabled_at IS NULL))
    OR (p.id IS NOT NULL AND s.beat_frequency <> COALESCE(
        c.minute || ' ' || c.hour || ' ' || c.day_of_month || ' ' || c.month_of_year || ' ' || c.day_of_week || ' '
            || c.timezone,
        i.every || ' ' || i.period, ''))
    OR (p.id IS NOT NULL AND COALESCE(p.start_time <> s.starts_at, (p.start_time IS NULL) <> (s.starts_at IS NULL)))
    OR (p.id IS NOT NULL AND COALESCE(p.expires <> s.ends_at, (p.expires IS NULL) <> (s.ends_at IS NULL)))
)
"""


def edited(*, after: UUID | None = None, limit: int) -> list[UUID]:
    """The next `limit` schedules, by id, whose entry was changed in django-celery-beat's admin.

    Reads all: to be asked only after a change there.
    """
    beyond = [Schedule._meta.pk.get_db_prep_value(after or UUID(int=0), connection)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT s.id {_EDITED} AND s.id > %s ORDER BY s.id LIMIT %s", [*beyond, limit])
        return [Schedule._meta.pk.to_python(row[0]) for row in cursor.fetchall()]


def edit_of(schedule: Schedule) -> Edit | None:
    """What was changed in the entry of a schedule that is locked, or None."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.id {_EDITED} AND s.id = %s", [Schedule._meta.pk.get_db_prep_value(schedule.id, connection)]
        )
        if cursor.fetchone() is None:
            return None
    entries = PeriodicTask.objects.select_related("crontab", "interval")
    entry = entries.filter(id=schedule.periodic_task_id).first()
    if entry is None:
        return Edit(False, None, schedule.timezone, schedule.starts_at, schedule.ends_at)
    frequency, timezone = _frequency(schedule, entry)
    if frequency is not None and not _can_be_run(frequency, timezone):
        frequency = None
    return Edit(entry.enabled, frequency, timezone, entry.start_time, entry.expires)


def _frequency(schedule: Schedule, entry: PeriodicTask) -> tuple[dict[str, Any] | None, str]:
    """The frequency that the entry has, with its time zone; in the client's own spelling as long as it is the same."""
    if entry.crontab is None and entry.interval is None:
        return None, schedule.timezone
    if schedule.beat_frequency == _spelling(entry.crontab, entry.interval):
        return schedule.frequency, schedule.timezone
    if entry.crontab is not None:
        expression, zone = " ".join(getattr(entry.crontab, name) for name in _CRON_FIELDS), str(entry.crontab.timezone)
        # Only the clock is another: that of all the expressions, of which the entry shows one.
        is_same = schedule.beat_frequency == f"{expression} {schedule.timezone}"
        return (schedule.frequency if is_same else {"cron": expression}), zone
    return {"repeat_every": _repeat_every(entry.interval.every, entry.interval.period)}, schedule.timezone


def _can_be_run(frequency: dict[str, Any], timezone: str) -> bool:
    """django-celery-beat takes things that no cron knows, and intervals of a microsecond."""
    try:
        if "cron" in frequency:
            recurrence.by_cron(frequency["cron"], zone=timezone)
        else:
            recurrence.Every(durations.parse(frequency["repeat_every"]), anchor=datetime.now(UTC))
    except ValueError as error:
        logger.warning("an entry edited in django-celery-beat's admin can't be run: %s", error)
        return False
    return True


def _repeat_every(every: int, period: str) -> list[Any]:
    return [every / 1_000_000, "seconds"] if period == "microseconds" else [every, period]
