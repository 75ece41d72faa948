"""`schedule_table.txt`: lists, signs, calendars and jitter, as an oracle that is not ours says and as Booper does."""

from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from uuid import UUID

import pytest

from booper.calendars import public_holidays
from booper.timing import cron, days, jitter, recurrence
from booper.timing.days import DayChoice, Days
from booper.timing.recurrence import CronRule
from tests.booper.timing import calendar_rules
from tests.booper.timing.calendar_rules import Row
from tests.booper.timing.test_cron_table import offset_changes, zone_of

ROWS = calendar_rules.rows()
SCHEDULES = (UUID(int=1), UUID(int=2**127 + 5))


@cache
def days_of(name: str) -> Days:
    """The days of a calendar, read by Booper."""
    if name[:1].isdigit():
        first, _, last = name.partition("..")
        return days.of_spans([(date.fromisoformat(first).toordinal(), date.fromisoformat(last or first).toordinal())])
    country, _, subdivision = name.partition("/")
    found = public_holidays.days(country, subdivision or None, since=date(2025, 1, 1), until=date(2044, 1, 1))
    return days.of_spans(days.spans_of(found))


def rule_of(row: Row) -> CronRule:
    first, *more = map(cron.parse, row.expressions)
    choice = DayChoice(
        skip=tuple((name, days_of(name)) for name in row.skip),
        only=tuple((name, days_of(name)) for name in row.only) or None,
    )
    return CronRule(first, zone_of(row.zone), tuple(more), choice if row.skip or row.only else None)


def test_the_table_has_more_than_400_rows_and_many_of_each_kind() -> None:
    assert len({(row.expressions, row.zone, row.skip, row.only, row.after) for row in ROWS}) == len(ROWS) >= 400
    assert {len(row.runs) for row in ROWS} == {5}
    assert sum(len(row.expressions) > 1 for row in ROWS) >= 100
    assert sum(bool(row.skip) for row in ROWS) >= 100
    assert sum(bool(row.only) for row in ROWS) >= 40
    assert sum(row.jitter_seconds > 0 for row in ROWS) >= 50
    assert len({row.zone for row in ROWS}) == 9
    for sign in ("L ", "LW ", "15W ", "31W ", "5L", "2#1", "2#5"):
        assert sum(any(sign in f"{expression} " for expression in row.expressions) for row in ROWS) >= 8, sign


def test_many_rows_span_a_change_of_the_clocks() -> None:
    spanning = [
        row for row in ROWS if any(row.after < change <= row.runs[-1] for change in offset_changes(zone_of(row.zone)))
    ]
    assert len(spanning) >= 150


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{' '.join(row.expressions)} {row.zone} {row.after:%Y-%m-%d}")
def test_a_row_is_what_the_oracle_says_and_what_booper_does(row: Row) -> None:
    zone = zone_of(row.zone)
    assert tuple(calendar_rules.next_runs(row, zone=zone)) == row.runs
    rule, at = rule_of(row), row.after
    found: list[datetime] = []
    while len(found) < len(row.runs):
        run = recurrence.next_run(rule, after=at)
        assert run is not None
        found.append(run)
        at = run
    assert tuple(found) == row.runs
    # The table's offsets are part of what it promises.
    assert [run.astimezone(zone).utcoffset() for run in found] == [run.utcoffset() for run in row.runs]


@pytest.mark.parametrize("row", [row for row in ROWS if row.jitter_seconds], ids=lambda row: f"{row.zone} {row.after}")
def test_jitter_moves_each_run_by_less_than_it_says_and_changes_no_order(row: Row) -> None:
    for schedule in SCHEDULES:
        delays = [jitter.delay(schedule, run, longest_seconds=row.jitter_seconds) for run in row.runs]
        assert all(timedelta(0) <= delay < timedelta(seconds=row.jitter_seconds) for delay in delays)
        due = [run + delay for run, delay in zip(row.runs, delays, strict=True)]
        assert all(earlier < later for earlier, later in pairwise(due))
    first, second = ([jitter.delay(each, run, longest_seconds=60) for run in row.runs] for each in SCHEDULES)
    assert first != second
