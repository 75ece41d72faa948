"""Which schedule is meant: by its id, by its key, or by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from booper.cli.columns import frequency, text
from booper.cli.exits import Failed, Misuse
from booper.client import NotFound, Schedule, Scheduler
from booper.timing import suggestions

T = TypeVar("T")

# What a uuid and a key are made of. Anything else is a name, "." and ".." too, and goes into no path.
_IDENTITY = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,128}")
# So many of one name are shown; and among so many names the nearest is looked for.
_MOST_SHOWN = 20
_MOST_NAMES = 100


def on_schedule(scheduler: Scheduler, named: str, call: Callable[[str], T], *, is_for_good: bool = False) -> T:
    """What `call` answers of the schedule that is `named`; an id and a key count before a name, and cost no call more.

    What is done for good is done to no schedule by a name that may be a key: said twice, it would do it to another one.
    Raises Failed where there is none, or where several have that name; Misuse where nothing is named.
    """
    if not named.strip():  # a variable that is not set is not to reach a schedule whose name is empty
        raise Misuse(f"{named!r} names no schedule: write its id, its key or its name")
    if _IDENTITY.fullmatch(named):
        try:
            return call(named)
        except NotFound:
            if is_for_good:
                raise Failed(*_by_their_ids(scheduler, named)) from None
            return call(_id_of(scheduler, named))
    return call(_id_of(scheduler, named))


def _id_of(scheduler: Scheduler, name: str) -> str:
    found = scheduler.schedules.list(name=name, limit=_MOST_SHOWN)
    if not found:
        raise Failed(_nothing(scheduler, name))
    if len(found) > 1:
        count = f"{len(found)}" if len(found) < _MOST_SHOWN else f"{_MOST_SHOWN} or more"
        raise Failed(f"{count} schedules have the name {name!r}: say which by its id", *map(_line, found))
    return found[0]["id"]


def _by_their_ids(scheduler: Scheduler, name: str) -> list[str]:
    found = scheduler.schedules.list(name=name, limit=_MOST_SHOWN)
    if not found:
        return [_nothing(scheduler, name)]
    begin = f"no schedule of yours has the id or key {name!r}; of what has that name, say which by its id"
    return [begin, *map(_line, found)]


def _line(schedule: Schedule) -> str:
    how_often = text(frequency(schedule, datetime.now(UTC)))
    return f"  {schedule['id']}  {how_often}{', disabled' if schedule.get('disabled_at') else ''}"


def _nothing(scheduler: Scheduler, name: str) -> str:
    rows = scheduler.schedules.list(limit=_MOST_NAMES)
    known = [known for row in rows for known in (row.get("key"), row.get("name")) if known]
    near = suggestions.nearest(name, known)
    hint = f"did you mean {near!r}?" if near else "`booper schedules list` shows those there are"
    return f"there is no schedule of yours with the id, key or name {name!r}: {hint}"
