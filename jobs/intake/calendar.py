"""What a calendar is made of, and the calendars that schedules name, each of which has to be there."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from booper.calendars import ics, public_holidays
from booper.calendars.ics import InvalidCalendar
from booper.timing import days, recurrence
from booper.timing.days import Days
from booper.timing.durations import shown
from jobs.intake.fields import Input
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.models import Calendar, Schedule
from jobs.specs import RecurrenceSpec

FIELDS = ("dates", "ics", "country", "subdivision")
SPAN_FIELDS = ("from", "to")
OF_SCHEDULES = ("skip_on", "only_on")
NAME_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
MOST_NAMES = 10
MOST_DAYS = 10_000
MOST_DATES = 10_000
LONGEST_ICS = 512 * 1024
YEARS_AHEAD = 10

_NAME = re.compile(NAME_PATTERN)
_RULE = "a name is 1 to 64 letters, digits and . _ -, and begins with a letter, a digit or _"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIRST, _LAST = date(1970, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True, slots=True)
class NewCalendar:
    """What was sent, and the days that it comes to."""

    dates: list[Any] | None
    ics: str | None
    country: str | None
    subdivision: str | None
    days: Days

    @property
    def source(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FIELDS}


def is_name(text: str) -> bool:
    return len(text) <= 64 and _NAME.fullmatch(text) is not None


def require_name(name: str) -> None:
    """Raises InvalidInput."""
    if not is_name(name):
        raise InvalidInput([FieldError("/name", f"{shown(name)} is no name of a calendar: {_RULE}")])


def new(fields: Mapping[str, Any], *, now: datetime) -> NewCalendar:
    """Reads the body of PUT /api/calendars/{name}. Raises InvalidInput, and Busy where `ics` can't be read just now.

    Public holidays and events are read from the beginning of last year to ten years ahead.
    """
    given = Input(fields, known=FIELDS)
    since, until = date(now.year - 1, 1, 1), _years_later(now.date(), YEARS_AHEAD)
    dates = _dates(given)
    text = given.text("ics", shortest=1, longest=LONGEST_ICS)
    country, subdivision = given.text("country", longest=8), given.text("subdivision", longest=16)
    if not any(given.has(name) for name in FIELDS):
        given.refuse(detail='it has no days: give dates, ics or country, such as {"country": "GB"}')
    if given.has("subdivision") and not given.has("country"):
        given.refuse("subdivision", detail="it is a part of a country: give country with it")
    given.finish()
    spans = list(dates)
    spans += _read(given, "country", country, subdivision, since=since, until=until)
    if text is not None:
        found = _readable(given, "ics", lambda: ics.days(text, since=since, until=until))
        spans += days.spans_of(found)
    found_days = days.of_spans(spans)
    if found_days.count > MOST_DAYS:
        given.refuse(detail=f"it has {found_days.count} days: send {MOST_DAYS:,} at most")
    given.finish()
    return NewCalendar(given.value("dates"), text, country, subdivision, found_days)


def _years_later(day: date, years: int) -> date:
    return day.replace(year=day.year + years, day=min(day.day, 28 if day.month == 2 else day.day))


def _read(
    given: Input, name: str, country: str | None, subdivision: str | None, *, since: date, until: date
) -> Iterator[tuple[int, int]]:
    if country is None:
        return
    field = "subdivision" if subdivision is not None and public_holidays.is_country(country) else name
    found = _readable(given, field, lambda: public_holidays.days(country, subdivision, since=since, until=until))
    yield from days.spans_of(found)


def _readable(given: Input, name: str, read: Any) -> list[date]:
    try:
        found: list[date] = read()
    except InvalidCalendar as refusal:
        given.refuse(name, detail=str(refusal))
        return []
    return found


def _dates(given: Input) -> Iterator[tuple[int, int]]:
    value = given.value("dates")
    if value is None:
        return iter(())
    if not isinstance(value, list) or len(value) > MOST_DATES:
        example = '["2026-12-25", {"from": "2026-12-27", "to": "2026-12-31"}]'
        given.refuse("dates", detail=f"it is not a list of at most {MOST_DATES:,} days: write {example}")
        return iter(())
    return iter([span for place, item in enumerate(value) if (span := _span(given, place, item)) is not None])


def _span(given: Input, place: int, item: Any) -> tuple[int, int] | None:
    if not isinstance(item, dict):
        day = _date(given, item, "dates", place)
        return None if day is None else (day.toordinal(), day.toordinal())
    for name in item:
        if name not in SPAN_FIELDS:
            given.refuse("dates", place, name, detail="there is no such field: those there are from, to")
    first, last = (_date(given, item.get(name), "dates", place, name) for name in SPAN_FIELDS)
    if first is None or last is None:
        return None
    if last < first:
        given.refuse("dates", place, "to", detail=f"{last} is before from: give a later day")
        return None
    return first.toordinal(), last.toordinal()


def _date(given: Input, value: Any, *path: str | int) -> date | None:
    day = None
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
    if day is None or not _FIRST <= day <= _LAST:
        given.refuse(*path, detail=f'{shown(value)} is no day from {_FIRST} to {_LAST}: write one as "2026-12-25"')
        return None
    return day


def names(given: Input, field: str) -> list[str] | None:
    """The calendars that a schedule names in `skip_on` or `only_on`; a text is a list of one."""
    value = given.value(field)
    if value is None:
        return None
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_NAMES:
        given.refuse(field, detail=f"{shown(value)} is not a list of 1 to {MOST_NAMES} names of calendars")
        return None
    for place, item in enumerate(listed):
        if not isinstance(item, str) or not is_name(item):
            given.refuse(field, place, detail=f"{shown(item)} is no name of a calendar: {_RULE}")
    return [*dict.fromkeys(item for item in listed if isinstance(item, str))]


def resolved(plan: RecurrenceSpec | None, *, user_id: UUID, now: datetime) -> RecurrenceSpec | None:
    """The plan with the days of its calendars. One query if it has any. Raises InvalidInput."""
    [found] = resolve([plan], user_id=user_id, now=now)
    if isinstance(found, InvalidInput):
        raise found
    return found


def resolve(
    plans: Iterable[RecurrenceSpec | None], *, user_id: UUID, also: Mapping[str, Days] | None = None, now: datetime
) -> list[RecurrenceSpec | InvalidInput | None]:
    """Each with the days of its calendars, or why it is refused. One query if any has calendars.

    `also` has those that are about to be put, which count instead of those that are there.
    """
    wanted = list(plans)
    mentioned = {name for plan in wanted if plan is not None for name in (*(plan.skip_on or ()), *(plan.only_on or ()))}
    if not mentioned:
        return [*wanted]
    known = {row.name: row.listed_days for row in Calendar.objects.named(user_id, mentioned)} | {**(also or {})}
    return [None if plan is None else _resolved(plan, known, now=now) for plan in wanted]


def _resolved(plan: RecurrenceSpec, known: Mapping[str, Days], *, now: datetime) -> RecurrenceSpec | InvalidInput:
    errors = [
        FieldError(f"/{field}/{place}", f"there is no calendar {shown(name)} of yours: PUT /api/calendars/{name} first")
        for field in OF_SCHEDULES
        for place, name in enumerate(getattr(plan, field) or ())
        if name not in known
    ]
    if errors:
        return InvalidInput(errors)
    plan = replace(plan, known_days=known)
    if _first(plan, now=now) is None and (plan.skip_on or plan.only_on):
        field = "only_on" if plan.only_on else "skip_on"
        return InvalidInput([FieldError(f"/{field}", "no run is left on its days: put days that are to come first")])
    return plan


def _first(plan: RecurrenceSpec, *, now: datetime) -> datetime | None:
    schedule = Schedule(frequency=plan.frequency, timezone=plan.timezone, anchor_at=plan.first_run_at)
    schedule.skip_on, schedule.only_on, schedule.known_days = plan.skip_on, plan.only_on, plan.known_days
    if plan.first_run_at >= now:
        return recurrence.at_or_after(schedule.rule, plan.first_run_at, ends_at=plan.ends_at)
    just_before = now - timedelta(microseconds=1)
    return recurrence.next_run(schedule.rule, after=just_before, starts_at=plan.starts_at, ends_at=plan.ends_at)
