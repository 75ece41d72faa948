"""Reads the days of an iCalendar text, in a process of its own: hostile rules keep that busy for seconds at most."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

_READER = Path(__file__).with_name("ics_reader.py")
# The reader ends itself after less of the CPU's time.
_SECONDS = 10
# So many at once in a process: those that read none must not wait for those that read.
_PLACES = BoundedSemaphore(2)
_WAIT_SECONDS = 1


class InvalidCalendar(ValueError):
    """The text, or the country, is none; the message says why, and is fit for a client to read."""


class Busy(Exception):
    """Raised where as many texts are being read as may be at once: this one was not looked at, and may be in order."""


def days(text: str, *, since: date, until: date) -> list[date]:
    """The days, from `since` to before `until`, that the events of the text are on.

    Raises InvalidCalendar, and Busy.
    """
    asked = json.dumps([text, since.isoformat(), until.isoformat()])
    if not _PLACES.acquire(timeout=_WAIT_SECONDS):
        raise Busy("as many calendars are being read as may be at once: send it again in some seconds")
    try:
        # Isolated, so that nothing but what is installed is imported, and without this process's keys and passwords.
        command = [sys.executable, "-I", str(_READER)]
        found = subprocess.run(
            command, input=asked, capture_output=True, text=True, timeout=_SECONDS, check=False, env={}
        )
    except subprocess.TimeoutExpired:
        raise InvalidCalendar(_TOO_MUCH) from None
    finally:
        _PLACES.release()
    if found.returncode:
        raise InvalidCalendar(_TOO_MUCH)
    answer: dict[str, Any] = json.loads(found.stdout)
    if "error" in answer:
        raise InvalidCalendar(answer["error"])
    return [date.fromisoformat(day) for day in answer["days"]]


_TOO_MUCH = "its events and rules take too long to work out: leave out what repeats more often than once a day"
