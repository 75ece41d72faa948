"""The fields of PATCH /api/jobs/{id}: each judged as that of a new job is, and laid over what was sent before."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jobs.intake import answers, children, expiring, recurrence, request, timing
from jobs.intake import job as intake_job
from jobs.intake.fields import Input
from jobs.models import Job
from jobs.specs import JobEdit

# What a change may say of the request, and the column that it is kept in beside the args.
_COLUMNS = {
    **dict.fromkeys(request.FIELDS),
    "method": "method",
    "url": "url",
    "name": "name",
    "description": "description",
    "callback_url": "callback_url",
    "webhook_url": "webhook_url",
    "timeout": "timeout_seconds",
    "max_attempts": "max_attempts",
    "backoff": "backoff_seconds",
    "include_metadata": None,
    **dict.fromkeys(answers.FIELDS),
    **dict.fromkeys(expiring.FIELDS),
    **dict.fromkeys(children.FIELDS),
    "queue": "queue_id",
    "tags": "tags",
}
FIELDS = (*_COLUMNS, *timing.FIELDS)
_FIXED = [name for name in intake_job.FIELDS if name not in FIELDS]


def edited(job: Job, changes: Mapping[str, Any], *, now: datetime) -> JobEdit:
    """What the body makes of `job`, be it the upcoming run of a schedule. Raises InvalidInput.

    The fields do not depend on one another, so those that are not sent are not judged again. The queue is for the
    caller to place.
    """
    has_time = any(changes.get(name) is not None for name in timing.TIMES)
    zone = {"timezone": job.args.get("timezone")} if has_time else {}
    given = Input({**zone, **without(changes, _FIXED)}, known=FIELDS)
    for name in _FIXED:
        if name in changes:
            given.refuse(name, detail=_why_fixed(job))
    if not has_time:
        _require_more_than_a_zone(given, changes)
    if "url" in changes:
        intake_job.require_url(given)
    spec = intake_job.read(given, key_header=None, now=now, before=job.args).spec
    if "max_attempts" in changes and spec.max_attempts <= job.attempt:
        detail = f"{job.attempt} made already, and another one follows: give more than that, or cancel the job"
        given.refuse("max_attempts", detail=detail)
    args = merged(job.args, changes)
    at = spec.scheduled_at if has_time else None
    is_expiry_given = any(name in changes for name in expiring.FIELDS)
    if (is_expiry_given or has_time) and not given.has_errors:
        expiring.check_edited(given, args, due_at=at or job.scheduled_at, now=now)
    given.finish()
    columns = [column for name, column in _COLUMNS.items() if column is not None and name in changes]
    return JobEdit(args=args, spec=spec, columns=columns, scheduled_at=at, is_expiry_given=is_expiry_given)


def merged(args: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Null takes a field away; a new time or frequency takes the place of the one there was, however it was written."""
    fields = dict(args)
    for rivals in (timing.TIMES, recurrence.FREQUENCIES, expiring.FIELDS):
        if any(changes.get(name) is not None for name in rivals):
            fields = without(fields, rivals)
    return {name: value for name, value in (fields | dict(changes)).items() if value is not None}


def without(fields: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _why_fixed(job: Job) -> str:
    if job.schedule_id is not None:
        return f"it is the schedule's, not that of one run: PATCH /api/schedules/{job.schedule_id}"
    return "it is settled when a job is made: leave it out, or cancel this job and create another one"


def _require_more_than_a_zone(given: Input, changes: Mapping[str, Any]) -> None:
    if all(name in timing.FIELDS for name in changes):
        given.refuse(detail="there is nothing to change: give schedule_in, scheduled_at or the fields to be other ones")
    elif given.has("timezone"):
        given.refuse("timezone", detail="it is how a new time is read: give schedule_in or scheduled_at with it")
