"""The body of PUT /api/schedules/{key}: the whole of a schedule that its owner has named."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from booper.content import exact_json
from booper.timing.durations import shown
from jobs.intake import job, recurrence, schedule, timing
from jobs.intake.fields import Input
from jobs.intake.job import Wanted
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.models import Schedule
from jobs.specs import JobSpec, RecurrenceSpec

FIELDS = (*job.FIELDS, "managed_by")
KEY_PATTERN = "^[a-z0-9._-]{1,128}$"
LONGEST_MANAGED_BY = 255

_KEY = re.compile(r"[a-z0-9._-]{1,128}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# A page has the first of these names; URLs do away with the others.
_TAKEN = ("new", ".", "..")


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None and _UUID.fullmatch(text) is None and text not in _TAKEN


def require_key(text: str) -> None:
    """Raises InvalidInput."""
    if not is_key(text):
        rule = "a key is 1 to 128 small letters, digits and . _ -, and is neither a uuid nor new, . or .."
        raise InvalidInput([FieldError("/schedule_id", f"{shown(text)} is no key of a schedule: {rule}")])


def wanted(fields: Mapping[str, Any], *, key: str, now: datetime) -> Wanted:
    """A new schedule. Raises InvalidInput."""
    given = Input(fields, known=FIELDS)
    job.require_url(given)
    _require_recurring(given)
    managed_by = given.text("managed_by", shortest=1, longest=LONGEST_MANAGED_BY)
    found = job.read(given, key_header=None, now=now)
    given.finish()
    assert found.plan is not None
    spec = replace(found.spec, args=_request(fields))
    return Wanted(spec, replace(found.plan, key=key, managed_by=managed_by))


def is_as_sent(row: Schedule, fields: Mapping[str, Any]) -> bool:
    """Whether the schedule is what `fields` ask for, so that there is nothing to change."""
    before, after = row.args, _request(fields)
    is_same = before.keys() == after.keys() and all(_text(before[name]) == _text(after[name]) for name in after)
    return is_same and row.managed_by == fields.get("managed_by")


def replaced(row: Schedule, fields: Mapping[str, Any], *, now: datetime) -> tuple[JobSpec, RecurrenceSpec]:
    """What `fields` make of the schedule `row`: all of it is replaced. Raises InvalidInput.

    Its first run stays what it was unless `fields` have another `schedule_in` or `scheduled_at` than before.
    """
    request = _request(fields)
    differing = [name for name in schedule.RETIMING if _text(request.get(name)) != _text(row.args.get(name))]
    has_time = any(name in request and _text(request[name]) != _text(row.args.get(name)) for name in timing.TIMES)
    judged = fields if has_time else {name: fields[name] for name in fields if name not in timing.TIMES}
    given = Input(judged, known=FIELDS)
    job.require_url(given)
    _require_recurring(given)
    managed_by = given.text("managed_by", shortest=1, longest=LONGEST_MANAGED_BY)
    is_retimed = bool(differing) and not has_time
    spec, plan = schedule.judged(given, row, is_retimed=is_retimed, now=now)
    return replace(spec, args=request), replace(plan, managed_by=managed_by)


def _require_recurring(given: Input) -> None:
    if not recurrence.is_recurring(given):
        given.refuse(detail="a schedule needs cron or repeat_every: give one, or POST /api/jobs for a single run")
        given.finish()


def _request(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "managed_by" and value is not None}


def _text(value: Any) -> bytes:
    """The JSON as it would go out: the order of keys and the digits of numbers count there, and 1 is not true."""
    return exact_json.dumps(value)
