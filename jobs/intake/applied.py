"""The body of POST /api/apply-check: what a file of schedules, queues, calendars and alerts asks for, to be judged."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from booper.timing import suggestions
from booper.timing.days import Days
from booper.timing.durations import shown
from jobs.intake import alert, applied_alert, calendar, keyed_schedule, queue, secret
from jobs.intake.fields import Input
from jobs.intake.refusals import MOST_ERRORS, FieldError, InvalidInput, pointer
from jobs.models import Alert, Calendar, Queue, Schedule
from jobs.specs import JobSpec, RecurrenceSpec

FIELDS = ("managed_by", "schedules", "queues", "calendars", "alerts")
MOST = {"schedules": 1000, "queues": 1000, "calendars": 20, "alerts": 1000}

_Section = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class There:
    """What there is already of what a file names."""

    schedules: Mapping[str, Schedule]
    queues: Mapping[str, Queue]
    calendars: Mapping[str, Calendar]
    alerts: Mapping[str, Alert]
    # By their names, what there is of alerts in the words of the file.
    alert_fields: dict[str, dict[str, Any]] = field(default_factory=dict)


def check(fields: Mapping[str, Any], *, user_id: UUID, now: datetime) -> There:
    """What is there of what `fields` name. Nine queries at most.

    Raises InvalidInput with all that would be refused if each part were put by itself, those that schedules need
    first, and calendars.Busy. What is there as it is asked for is not judged again.
    """
    given = Input(fields, known=FIELDS)
    managed_by = given.text("managed_by", shortest=1, longest=keyed_schedule.LONGEST_MANAGED_BY)
    schedules, queues, calendars, alerts = (_section(given, name) for name in FIELDS[1:])
    given.finish()
    there = There(
        {str(row.key): row for row in Schedule.objects.existing().filter(user_id=user_id, key__in=[*schedules])},
        {row.name: row for row in Queue.objects.filter(user_id=user_id, name__in=[*queues])},
        {row.name: row for row in Calendar.objects.filter(user_id=user_id, name__in=[*calendars])},
        {row.name: row for row in Alert.objects.filter(user_id=user_id, name__in=[*alerts]).defer("memory")},
    )
    judging = _Judging([])
    with suggestions.at_most(MOST_ERRORS):
        for name, item in judging.each("queues", queues, queue.require_name):
            with judging.at("queues", name):
                queue.limits(item)
        known = dict(_days(judging, calendars, there, now=now))
        _check_schedules(judging, schedules, there, managed_by, known, user_id=user_id, now=now)
        _check_alerts(judging, alerts, there, user_id=user_id)
    if judging.errors:
        raise InvalidInput(judging.errors)
    return there


def _section(given: Input, name: str) -> _Section:
    value = given.value(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        given.refuse(name, detail=f'{shown(value)} is not an object: write {{"a-name": {{…}}}}')
        return {}
    if len(value) > MOST[name]:
        given.refuse(name, detail=f"there are {len(value)}: send at most {MOST[name]} at once")
    return value


@dataclass(frozen=True, slots=True)
class _Judging:
    """What is refused, each at its place in the file; after MOST_ERRORS no more is looked at."""

    errors: list[FieldError]

    def each(
        self, section: str, items: _Section, require_name: Callable[[str], None]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The items that have a name and are objects."""
        for name, item in items.items():
            if len(self.errors) >= MOST_ERRORS:
                return
            try:
                require_name(name)
            except InvalidInput as refusal:
                self.refuse(section, name, detail=(refusal.errors or [{"detail": refusal.detail}])[0]["detail"])
                continue
            if isinstance(item, dict):
                yield name, item
            else:
                self.refuse(section, name, detail=f"{shown(item)} is not an object: give it fields")

    def refuse(self, *path: str | int, detail: str) -> None:
        self.errors.append(FieldError(pointer(*path), detail))

    @contextmanager
    def at(self, *path: str) -> Iterator[None]:
        """What is refused within is refused at that place."""
        try:
            yield
        except InvalidInput as refusal:
            self.take(refusal, *path)

    def take(self, refusal: InvalidInput, *path: str) -> None:
        for each in refusal.errors or ():
            self.errors.append(FieldError(pointer(*path) + each["pointer"], each["detail"]))


def _days(judging: _Judging, calendars: _Section, there: There, *, now: datetime) -> Iterator[tuple[str, Days]]:
    """The days of each calendar that is not refused, by its name."""
    for name, item in judging.each("calendars", calendars, calendar.require_name):
        row = there.calendars.get(name)
        is_same = row is not None and all(getattr(row, field) == item.get(field) for field in calendar.FIELDS)
        if row is not None and is_same and item.keys() <= {*calendar.FIELDS}:
            yield name, row.listed_days
            continue
        with judging.at("calendars", name):
            yield name, calendar.new(item, now=now).days


def _check_schedules(
    judging: _Judging,
    schedules: _Section,
    there: There,
    managed_by: str | None,
    known: Mapping[str, Days],
    *,
    user_id: UUID,
    now: datetime,
) -> None:
    judged: list[tuple[str, JobSpec, RecurrenceSpec]] = []
    for key, item in judging.each("schedules", schedules, keyed_schedule.require_key):
        if "managed_by" in item:
            detail = "it stands once, at the top of the file: take it out here"
            judging.refuse("schedules", key, "managed_by", detail=detail)
            continue
        fields = item | {"managed_by": managed_by}
        with judging.at("schedules", key):
            row = there.schedules.get(key)
            if row is None:
                wanted = keyed_schedule.wanted(fields, key=key, now=now)
                assert wanted.plan is not None
                judged.append((key, wanted.spec, wanted.plan))
            elif not keyed_schedule.is_as_sent(row, fields):
                judged.append((key, *keyed_schedule.replaced(row, fields, now=now)))
    _check_references(judging, judged, known, user_id=user_id, now=now)


def _check_alerts(judging: _Judging, alerts: _Section, there: There, *, user_id: UUID) -> None:
    owned = alert.Owned(user_id, alerts.values())
    for name, item in judging.each("alerts", alerts, alert.require_name):
        if "name" in item:
            judging.refuse("alerts", name, "name", detail="it is what the alert stands under: take it out here")
            continue
        with judging.at("alerts", name):
            found = applied_alert.there(there.alerts.get(name), item, name=name, owned=owned)
            if found is not None:
                there.alert_fields[name] = found


def _check_references(
    judging: _Judging,
    judged: list[tuple[str, JobSpec, RecurrenceSpec]],
    known: Mapping[str, Days],
    *,
    user_id: UUID,
    now: datetime,
) -> None:
    """Refuses those that name secrets or calendars that are neither there nor in the file."""
    plans = calendar.resolve([plan for _, _, plan in judged], user_id=user_id, also=known, now=now)
    refused = secret.refusals([spec for _, spec, _ in judged], user_id=user_id)
    for place, (key, _, _) in enumerate(judged):
        plan = plans[place]
        if isinstance(plan, InvalidInput):
            judging.take(plan, "schedules", key)
        if place in refused:
            judging.take(refused[place], "schedules", key)
