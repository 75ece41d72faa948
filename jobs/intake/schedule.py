"""The fields of a schedule's changes and of a preview: judged as those of a new job are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from booper.timing import durations, recurrence
from jobs.intake import job, job_changes, timing
from jobs.intake import recurrence as intake_recurrence
from jobs.intake.fields import Input
from jobs.intake.job import Wanted
from jobs.models import Schedule
from jobs.recurring.backfills import MOST_RUNS
from jobs.specs import JobSpec, RecurrenceSpec

_PREVIEWED = 5
_MOST_PREVIEWED = 100
LONGEST_REASON = 500
# As far as a moment may be ahead.
_LONGEST_AGO = timedelta(days=3_653)
PREVIEW_FIELDS = (*job.FIELDS, "count")
REASON_FIELDS = ("reason",)
SKIP_FIELDS = ("until",)
BACKFILL_FIELDS = ("from", "to", "max_runs", "dry_run")
# What moves the runs to come, though not the first of them.
RETIMING = (*intake_recurrence.FREQUENCIES, "timezone", "starts_at", "ends_at")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to preview, for how many runs, and in which zone to show them."""

    wanted: Wanted
    count: int
    zone: tzinfo


def previewed(fields: Mapping[str, Any], *, now: datetime) -> Asked:
    """Reads the body of POST /api/preview. Raises InvalidInput.

    Without a `url` it is about the times alone, and the spec's is empty.
    """
    given = Input(fields, known=PREVIEW_FIELDS)
    count = given.whole_number("count", lowest=1, highest=_MOST_PREVIEWED)
    found = job.read(given, key_header=None, now=now)
    given.finish()
    return Asked(found, count or _PREVIEWED, timing.zone(given))


def changed(schedule: Schedule, changes: Mapping[str, Any], *, now: datetime) -> tuple[JobSpec, RecurrenceSpec]:
    """What the body of PATCH /api/schedules/{id} makes of `schedule`. Raises InvalidInput.

    The changes are laid over what was sent before, and the whole is judged as a new job would be. Its first run stays
    what it was, unless the changes have a time.
    """
    merged = job_changes.merged(schedule.args, changes)
    has_time = any(merged.get(name) is not None and name in changes for name in timing.TIMES)
    # A wait that is over by now says nothing about the runs to come.
    fields = merged if has_time else job_changes.without(merged, timing.TIMES)
    given = Input(fields, known=job.FIELDS)
    # What is null is not among the fields any more.
    given.refuse_unknown([name for name in changes if name not in fields], known=job.FIELDS)
    job.require_url(given)
    if not changes:
        given.refuse(detail="there is nothing to change: send the fields that are to be other ones")
    if not intake_recurrence.is_recurring(given):
        given.refuse(detail="a schedule needs cron or repeat_every: give one, or DELETE the schedule")
        given.finish()
    is_retimed = not has_time and any(name in changes for name in RETIMING)
    spec, plan = judged(given, schedule, is_retimed=is_retimed, now=now)
    # The key may have come as a header, which is not among the args.
    key = spec.idempotency_key if "idempotency_key" in changes else schedule.idempotency_key
    return replace(spec, args=merged, idempotency_key=key), replace(plan, managed_by=schedule.managed_by)


def judged(given: Input, schedule: Schedule, *, is_retimed: bool, now: datetime) -> tuple[JobSpec, RecurrenceSpec]:
    """What the fields of a recurring job make of `schedule`, whose first run stays unless they have a time.

    Raises InvalidInput, as well where an enabled schedule that `is_retimed` would have no run to come.
    """
    found = job.read(given, key_header=None, now=now, anchor=schedule.anchor_at)
    given.finish()
    spec, plan = found.spec, found.plan
    assert plan is not None
    if schedule.disabled_at is None:
        _require_a_run(given, schedule, plan, is_retimed=is_retimed, now=now)
        given.finish()
    return spec, plan


def reason_to_disable(fields: Mapping[str, Any]) -> str | None:
    """Reads the body of POST /api/schedules/{id}/disable, which may have none. Raises InvalidInput."""
    given = Input(_without_metadata(fields), known=REASON_FIELDS)
    reason = given.text("reason", longest=LONGEST_REASON)
    given.finish()
    return reason


def skipped_until(schedule: Schedule, fields: Mapping[str, Any], *, now: datetime) -> datetime | None:
    """Reads the body of POST /api/schedules/{id}/skip, which may have none. Raises InvalidInput."""
    given = Input(_without_metadata(fields), known=SKIP_FIELDS)
    until = given.read("until", partial(durations.parse_moment, now=now, zone=schedule.zone))
    if until is not None and until <= now:
        given.refuse("until", detail="it is over: give a moment that is to come, or leave it out to skip one run")
    given.finish()
    return until


@dataclass(frozen=True, slots=True)
class Backfill:
    """Which runs to make: those from `since` to `until`, the first `limit` of them, or (`is_dry`) only to say which."""

    since: datetime
    until: datetime
    limit: int | None
    is_dry: bool


def backfilled(schedule: Schedule, fields: Mapping[str, Any], *, now: datetime) -> Backfill:
    """Reads the body of POST /api/schedules/{id}/backfill. Raises InvalidInput."""
    given = Input(_without_metadata(fields), known=BACKFILL_FIELDS)
    parse = partial(durations.parse_moment, now=now, zone=schedule.zone)
    since, until = given.read("from", parse), given.read("to", parse)
    for name in ("from", "to"):
        if not given.has(name):
            given.refuse(name, detail="it is required: write the first and the last moment of what is to be made up")
    earliest = now - _LONGEST_AGO
    if since is not None and since < earliest:
        given.refuse("from", detail=f"it is more than ten years ago: give a moment after {earliest:%Y-%m-%d}")
    elif since is not None and until is not None and since > until:
        given.refuse("to", detail="it is before from: give a later moment")
    elif until is not None and until > now:
        given.refuse("to", detail="it is still to come: give a moment that is over")
    limit = given.whole_number("max_runs", lowest=1, highest=MOST_RUNS)
    is_dry = given.switch("dry_run") or False
    given.finish()
    assert since is not None
    assert until is not None
    return Backfill(since, until, limit, is_dry)


def _without_metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A recurring job's requests carry $job, $previous and $state."""
    return {name: value for name, value in fields.items() if not name.startswith("$")}


def _require_a_run(given: Input, schedule: Schedule, plan: RecurrenceSpec, *, is_retimed: bool, now: datetime) -> None:
    """An enabled schedule has a run to come."""
    if plan.max_runs is not None and plan.max_runs <= schedule.run_count:
        detail = f"{schedule.run_count} runs are done already: give more than that, or disable the schedule"
        given.refuse("max_runs", detail=detail)
    rule = Schedule(frequency=plan.frequency, timezone=plan.timezone, anchor_at=plan.first_run_at).grid
    if is_retimed and recurrence.next_run(rule, after=now, starts_at=plan.starts_at, ends_at=plan.ends_at) is None:
        given.refuse("ends_at", detail="no run is left before it: choose a later end, or disable the schedule")
