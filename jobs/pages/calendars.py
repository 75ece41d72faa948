"""/calendars: days that schedules run on, or do not: made, edited and deleted, each with the schedules that use it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booper.calendars.ics import Busy
from jobs.database import clock
from jobs.guarding import audit
from jobs.intake import calendar as intake_calendar
from jobs.intake.refusals import InvalidInput
from jobs.models import Calendar
from jobs.pages.shell import Page
from jobs.recurring import calendars
from jobs.recurring.calendars import InUse
from jobs.waking import announcements

# Schedules whose runs follow within the request, as with PUT /api/calendars/{name}.
_MOST_AT_ONCE = 2000
_NEXT_SHOWN = 4
_FIELDS = ("name", "dates", "country", "subdivision", "ics")
_SPAN = re.compile(r"(\S+)\s*(?:\bto\b|\.\.|\s-\s)\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Row:
    calendar: Calendar
    made_of: str
    day_count: int
    next_days: Sequence[date]
    used_by: Sequence[str]


class Calendars(Page):
    entry = "calendars"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        name = request.GET.get("edit", "")
        return self._shown(typed=_typed(_find(self, name)) if name else {})

    def post(self, request: HttpRequest) -> HttpResponse:
        typed, now = {name: request.POST.get(name, "").strip() for name in _FIELDS}, clock.now()
        try:
            intake_calendar.require_name(typed["name"])
            new = intake_calendar.new(_fields(typed), now=now)
            row, is_new = calendars.put(self.owner_id, typed["name"], source=new.source, days=new.days, now=now)
        except InvalidInput as refusal:
            return self._shown(typed=typed, refusals=_words(refusal), status=400)
        except Busy as busy:
            return self._shown(typed=typed, refusals=[str(busy)], status=503)
        except calendars.TooMany:
            many = f"There are {calendars.MOST_CALENDARS} calendars of yours: delete one first."
            return self._shown(typed=typed, refusals=[many], status=400)
        _settle(row, now=now)
        audit.note("calendar.set", user_id=self.owner_id, actor=self.actor, now=now, name=row.name)
        count = f"{new.days.count} day{'' if new.days.count == 1 else 's'}"
        messages.success(self.request, f"{row.name} has {count} from now on{'' if is_new else '; runs follow it'}.")
        return HttpResponseRedirect(reverse("pages:calendars"))

    def _shown(self, *, typed: dict[str, str], refusals: Sequence[str] = (), status: int = 200) -> HttpResponse:
        found = list(Calendar.objects.filter(user_id=self.owner_id).order_by("name").defer("ics"))
        users = calendars.users_of(self.owner_id, [row.name for row in found]) if found else {}
        today = clock.now().date()
        rows = [_row(row, users[row.name], today=today) for row in found]
        context = {"rows": rows, "typed": typed, "refusals": refusals, "most_named": calendars.MOST_NAMED}
        return self.page("calendars.html", title="Calendars", status=status, **context)


class DeleteCalendar(Page):
    entry = "calendars"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        row = _find(self, name)
        outcome = calendars.delete(row)
        if isinstance(outcome, InUse):
            messages.error(request, f"{row.name} was kept, as schedules use it: {', '.join(outcome.schedules)}.")
        else:
            audit.note("calendar.deleted", user_id=self.owner_id, actor=self.actor, now=clock.now(), name=row.name)
            messages.success(request, f"{row.name} is gone.")
        return HttpResponseRedirect(reverse("pages:calendars"))


def _find(page: Page, name: str) -> Calendar:
    """Raises Http404 for what is not there or somebody else's."""
    mine = Calendar.objects.filter(user_id=page.owner_id)
    found = mine.filter(name=name).first() if intake_calendar.is_name(name) else None
    if found is None:
        raise Http404("there is no such calendar of yours")
    return found


def _settle(row: Calendar, *, now: datetime) -> None:
    if row.unsettled_at is not None and calendars.settle(row, limit=_MOST_AT_ONCE, now=now).has_deliveries:
        transaction.on_commit(partial(announcements.announce_deliveries, [now]))


def _row(row: Calendar, used_by: Sequence[str], *, today: date) -> Row:
    days = row.listed_days
    country = f"{row.country}-{row.subdivision}" if row.subdivision else row.country
    parts = (
        f"{len(row.dates)} date{'' if len(row.dates) == 1 else 's'}" if row.dates else "",
        f"holidays of {country}" if country else "",
    )
    return Row(row, ", ".join(filter(None, parts)) or "an .ics file", days.count, _first(days, today), used_by)


def _first(days: Any, today: date) -> list[date]:
    return list(days.first_from(today, count=_NEXT_SHOWN))


def _fields(typed: dict[str, str]) -> dict[str, Any]:
    """As PUT /api/calendars/{name} takes them; what was left empty is left out."""
    fields: dict[str, Any] = {name: typed[name] for name in _FIELDS[2:] if typed[name]}
    if lines := [line.strip() for line in typed["dates"].splitlines() if line.strip()]:
        fields["dates"] = [_day_or_span(line) for line in lines]
    return fields


def _day_or_span(line: str) -> Any:
    match = _SPAN.fullmatch(line)
    return {"from": match[1], "to": match[2]} if match else line


def _typed(row: Calendar) -> dict[str, str]:
    """The form as somebody would have filled it in for a calendar that there is."""
    lines = [day if isinstance(day, str) else f"{day['from']} to {day['to']}" for day in row.dates or ()]
    texts = {"country": row.country, "subdivision": row.subdivision, "ics": row.ics}
    return {"name": row.name, "dates": "\n".join(lines), **{name: text or "" for name, text in texts.items()}}


def _words(refusal: InvalidInput) -> list[str]:
    """Each with the field it is of; of a list of dates, with the line."""
    return [f"{_place(error['pointer'])}{error['detail']}" for error in refusal.errors or []] or [str(refusal)]


def _place(pointer: str) -> str:
    name, _, rest = pointer.strip("/").partition("/")
    number = rest.partition("/")[0]
    if name == "dates" and number.isdecimal():
        return f"dates, line {int(number) + 1}: "
    return f"{name}: " if name else ""
