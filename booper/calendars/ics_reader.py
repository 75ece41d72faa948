"""The process that reads one iCalendar text: run as a file, it imports nothing of Booper's."""

import json
import resource
import sys
from datetime import date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

_SECONDS = 3
_MEMORY_BYTES = 512 * 1024 * 1024
_MOST_DAYS = 10_000


class TooManyDays(ValueError):
    pass


def main() -> None:
    """One reading: what to read is on stdin, and the answer goes to stdout, both as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    text, since, until = json.load(sys.stdin)
    try:
        found = _expanded(text, since=date.fromisoformat(since), until=date.fromisoformat(until))
        answer: dict[str, Any] = {"days": [day.isoformat() for day in sorted(found)]}
    except TooManyDays as refusal:
        answer = {"error": str(refusal)}
    except Exception as error:  # whatever a parser makes of hostile text
        answer = {"error": f"it can't be read as iCalendar ({type(error).__name__}): send the text of an .ics file"}
    json.dump(answer, sys.stdout)


def _expanded(text: str, *, since: date, until: date) -> set[date]:
    calendar = icalendar.Calendar.from_ical(text)
    found: set[date] = set()
    for event in recurring_ical_events.of(calendar, components=["VEVENT"]).between(since, until):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        found |= set(_days_of(event, since=since, until=until))
        if len(found) > _MOST_DAYS:
            raise TooManyDays(f"it has more than {_MOST_DAYS:,} days in the next ten years: send fewer")
    return found


def _days_of(event: Any, *, since: date, until: date) -> list[date]:
    """The days that it is on, in its own zone: those of a time from its beginning to before its end."""
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    if isinstance(start, datetime):
        first, last = start.date(), max(start, end - timedelta(microseconds=1)).date()
    else:
        first, last = start, max(start, end - timedelta(days=1))
    first, last = max(first, since), min(last, until - timedelta(days=1))
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


if __name__ == "__main__":
    main()
