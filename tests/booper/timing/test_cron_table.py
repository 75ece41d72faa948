"""`cron_table.txt` and cron itself agree with Debian's cron, acted out minute by minute."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.timing import cron

ZONES = (
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kathmandu",
)
MINUTE = timedelta(minutes=1)


@cache
def zone_of(name: str) -> ZoneInfo:
    """From the pinned package: a machine's own zone files may be older than the rows."""
    with resources.files("tzdata").joinpath("zoneinfo", name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


# Debian's cron, written from its manual and main loop. It knows nothing of
# booper.timing.cron, and takes every single minute.

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, start=1)}
WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


@dataclass
class Crontab:
    minutes: set[int]
    hours: set[int]
    days: set[int]
    months: set[int]
    weekdays: set[int]
    needs_both_days: bool
    is_wildcard: bool
    day_signs: list[str]
    weekday_signs: list[str]

    def runs_on(self, day: datetime) -> bool:
        by_day = day.day in self.days or any(stands_for(sign, day) for sign in self.day_signs)
        by_weekday = day.isoweekday() % 7 in self.weekdays or any(stands_for(sign, day) for sign in self.weekday_signs)
        is_due = (by_day and by_weekday) if self.needs_both_days else (by_day or by_weekday)
        return day.month in self.months and is_due

    def runs_at(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and self.runs_on(wall)


def stands_for(sign: str, day: datetime) -> bool:
    """Quartz's signs, from its manual, by looking at the days around; weekdays are cron's."""
    around = [day + timedelta(days=days) for days in range(-40, 40)]
    month = [other for other in around if (other.year, other.month) == (day.year, day.month)]
    workdays = [other for other in month if other.isoweekday() <= 5]
    if sign == "l":
        return day == month[-1]
    if sign == "lw":
        return day == workdays[-1]
    if sign.endswith("w"):
        meant = [other for other in month if other.day == int(sign[:-1])]
        return bool(meant) and day == min(workdays, key=lambda other: abs(other - meant[0]))
    name, nth = (sign[:-1], -1) if sign.endswith("l") else (sign.split("#")[0], int(sign.split("#")[1]) - 1)
    weekday = WEEKDAYS[name] if name in WEEKDAYS else int(name) % 7
    same = [other for other in month if other.isoweekday() % 7 == weekday]
    return day in same[nth:][:1]


def read(expression: str) -> Crontab:
    minute, hour, day, month, weekday = NICKNAMES.get(expression, expression).lower().split()
    day_signs = [part for part in day.split(",") if part.endswith(("l", "w"))]
    weekday_signs = [part for part in weekday.split(",") if part.endswith("l") or "#" in part]
    return Crontab(
        minutes=read_field(minute, low=0, high=59, names={}),
        hours=read_field(hour, low=0, high=23, names={}),
        days=read_field(day, low=1, high=31, names={}),
        months=read_field(month, low=1, high=12, names=MONTHS),
        weekdays={value % 7 for value in read_field(weekday, low=0, high=7, names=WEEKDAYS)},
        needs_both_days=day[0] == "*" or weekday[0] == "*",
        is_wildcard=minute[0] == "*" or hour[0] == "*",
        day_signs=day_signs,
        weekday_signs=weekday_signs,
    )


def read_field(text: str, *, low: int, high: int, names: dict[str, int]) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        if part not in names and (part.endswith(("l", "w")) or "#" in part):
            continue
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if span == "*" else names[first] if first in names else int(first)
        if span == "*" or (step and not last):
            end = high
        elif last == "sun":
            end = 7
        else:
            end = (names[last] if last in names else int(last)) if last else start
        values |= {value for value in range(start, end + 1) if (value - start) % int(step or 1) == 0}
    return values


def debian_runs(expression: str, *, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every run after `after` and up to `until`, both whole minutes in UTC.

    Cron counts minutes of wall time. If the clock jumps ahead, it catches up on the jobs at fixed times that fell into
    the hole, and runs the wildcard ones by the new time. If the clock goes back, wildcard jobs run by the new time and
    the others wait until the clock is back where it was.
    """
    crontab = read(expression)
    moment = after - timedelta(hours=3)  # far enough back to know whether the clock has just gone back
    counted_to = moment.astimezone(zone).replace(tzinfo=None)
    while moment < until:
        moment += MINUTE
        wall = moment.astimezone(zone).replace(tzinfo=None)
        if wall <= counted_to:
            is_due = crontab.is_wildcard and crontab.runs_at(wall)
        elif wall == counted_to + MINUTE or crontab.is_wildcard:
            is_due = crontab.runs_at(wall)
        else:
            missed = (wall - counted_to) // MINUTE
            is_due = any(crontab.runs_at(counted_to + (minute + 1) * MINUTE) for minute in range(missed))
        counted_to = max(counted_to, wall)
        if is_due and moment > after:
            yield moment
        is_noon = wall.hour == 12 and wall.minute == 0
        if is_noon and not crontab.runs_on(wall) and not crontab.runs_on(wall + timedelta(days=1)):
            moment += timedelta(hours=23, minutes=59)  # no clock changes at noon: nothing can happen until the next
            counted_to = moment.astimezone(zone).replace(tzinfo=None)


@dataclass
class Row:
    expression: str
    zone: str
    after: datetime
    runs: list[datetime]


def rows() -> list[Row]:
    lines = Path(__file__).with_name("cron_table.txt").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]
    return [
        Row(
            expression=expression,
            zone=zone,
            after=datetime.fromisoformat(after),
            runs=[datetime.fromisoformat(run) for run in runs.split()],
        )
        for expression, zone, after, runs in cells
    ]


@cache
def offset_changes(zone: ZoneInfo) -> list[datetime]:
    """The instants in 2026 and 2027 at which the zone's offset changes."""
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * step) for step in range(2 * 24 * 730)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in moments]
    return [moments[step] for step in range(1, len(moments)) if offsets[step] != offsets[step - 1]]


def next_matches(expression: str, *, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    while (found := cron.next_match(expression, after=after, zone=zone)) is not None and found <= until:
        yield found
        after = found


def test_the_table_has_at_least_400_different_rows_of_five_runs() -> None:
    table = rows()
    assert len({(row.expression, row.zone, row.after) for row in table}) == len(table) >= 400
    assert {len(row.runs) for row in table} == {5}


def test_the_table_spans_every_clock_change_of_2026_and_2027_in_its_zones() -> None:
    table = rows()
    for zone in ZONES:
        of_zone = [row for row in table if row.zone == zone]
        assert len(of_zone) >= 10
        for change in offset_changes(zone_of(zone)):
            spanning = [row for row in of_zone if row.after < change <= row.runs[-1]]
            assert len({row.expression for row in spanning}) >= 8, f"{zone} at {change}"


def test_the_zones_have_the_clock_changes_that_the_table_was_made_for() -> None:
    # Morocco gives its winter time up, and with it the changes of 2027.
    assert [len(offset_changes(zone_of(zone))) for zone in ZONES] == [4, 4, 4, 4, 3, 0]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.expression} in {row.zone} after {row.after:%Y-%m-%d}")
def test_a_row_agrees_with_debian_cron_and_booper_with_the_row(row: Row) -> None:
    zone = zone_of(row.zone)
    assert list(debian_runs(row.expression, zone=zone, after=row.after, until=row.runs[-1])) == row.runs
    assert list(next_matches(row.expression, zone=zone, after=row.after, until=row.runs[-1])) == row.runs
    # The table's offsets are part of what it promises.
    assert [run.astimezone(zone).utcoffset() for run in row.runs] == [run.utcoffset() for run in row.runs]


@pytest.mark.parametrize("name", ZONES)
def test_clock_changes_go_as_in_debian_by_the_zone_data_of_this_machine_too(name: str) -> None:
    zone = ZoneInfo(name)
    for change in offset_changes(zone):
        after, until = change - timedelta(hours=5), change + timedelta(hours=26)
        for hours, minutes in product(("*", "*/2", "0-4", "1,2", "0/3"), ("0", "*/20", "15,45", "7/11")):
            expression = f"{minutes} {hours} * * *"
            found = list(next_matches(expression, zone=zone, after=after, until=until))
            assert found == list(debian_runs(expression, zone=zone, after=after, until=until)), expression


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    span = st.tuples(value, value).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(1, high + 3).map(str)
    term = st.one_of(
        value.map(str),
        span,
        st.tuples(span, step).map("/".join),
        st.tuples(st.just("*"), step).map("/".join),
        st.tuples(value.map(str), step).map("/".join),
    )
    return st.one_of(st.just("*"), st.just("*"), st.lists(term, min_size=1, max_size=3).map(",".join))


expressions = st.tuples(
    fields(0, 59),
    st.one_of(fields(0, 23), fields(0, 4)),  # clocks change between midnight and three
    fields(1, 28),
    st.one_of(st.just("*"), st.just("*"), fields(1, 12)),
    fields(0, 7),
).map(" ".join)


def minutes_from(start: datetime, *, days: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, days * 24 * 60).map(lambda minutes: start + minutes * MINUTE)


zones_and_moments = st.sampled_from(ZONES).flatmap(
    lambda zone: st.tuples(
        st.just(zone),
        st.one_of(
            minutes_from(datetime(2026, 1, 1, tzinfo=UTC), days=725),
            *(minutes_from(change - timedelta(days=1), days=1) for change in offset_changes(zone_of(zone))),
        ),
    )
)


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(expression=expressions, place=zones_and_moments)
def test_no_run_is_missed_added_or_out_of_order(expression: str, place: tuple[str, datetime]) -> None:
    zone, after = zone_of(place[0]), place[1]
    until = after + timedelta(hours=30)
    found = list(next_matches(expression, zone=zone, after=after, until=until))
    assert found == list(debian_runs(expression, zone=zone, after=after, until=until))
