"""The fields of POST /api/jobs become checked values, or are refused with all that is wrong at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings

from jobs.intake import answers, children, expiring, queue, recurrence, request, tags, timing
from jobs.intake.fields import Input
from jobs.specs import JobSpec, OnConflict, RecurrenceSpec

LONGEST_NAME = 255
_LONGEST_DESCRIPTION = 10_000
_LONGEST_KEY = 255
_LONGEST_TIMEOUT_SECONDS = 900
_MOST_ATTEMPTS = 100

FIELDS = (
    *request.FIELDS,
    *answers.FIELDS,
    *timing.FIELDS,
    *expiring.FIELDS,
    *("name", "description", "idempotency_key", "callback_url", "webhook_url", "timeout", "max_attempts", "backoff"),
    *recurrence.FIELDS,
    *("queue", "tags", "on_conflict"),
    *children.FIELDS,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a body asks for: a job, and how it repeats if it does."""

    spec: JobSpec
    plan: RecurrenceSpec | None


def wanted(fields: Mapping[str, Any], *, key_header: str | None, now: datetime) -> Wanted:
    """Reads the body of POST /api/jobs; `key_header` is the Idempotency-Key header. Raises InvalidInput."""
    given = Input(fields, known=FIELDS)
    require_url(given)
    found = read(given, key_header=key_header, now=now)
    given.finish()
    return found


def require_url(given: Input) -> None:
    if not given.has("url"):
        given.refuse("url", detail="it is required: write where to send the request, https://example.com/path")


def read(
    given: Input,
    *,
    key_header: str | None,
    now: datetime,
    anchor: datetime | None = None,
    before: Mapping[str, Any] | None = None,
) -> Wanted:
    """What the fields ask for, or what can be made out of it where something is refused.

    `anchor` is as in recurrence.plan, `before` what a job that is edited was sent at first.
    """
    request.check_parts(given)
    answers.check(given, before=before)
    queue.check_name(given)
    children.check(given, known=FIELDS, judge=partial(_judge_child, now=now))
    zone = timing.zone(given)
    at = timing.moment_asked_for(given, now=now, zone=zone)
    plan = recurrence.plan(given, asked_at=at, zone=zone, now=now, anchor=anchor)
    due_at = (at or now) if plan is None else plan.first_run_at
    # What is edited, a schedule or a job, has its own time.
    expiring.check(given, due_at=due_at if anchor is None and before is None else None, zone=zone, now=now)
    spec = JobSpec(
        args=dict(given.fields),
        method=given.choice("method", allowed=request.METHODS) or "get",
        url=request.url(given, "url") or "",
        scheduled_at=due_at,
        timeout_seconds=given.number("timeout", lowest=1, highest=_LONGEST_TIMEOUT_SECONDS)
        or settings.DEFAULT_TIMEOUT_SECONDS,
        max_attempts=_max_attempts(given),
        backoff_seconds=timing.backoff_seconds(given),
        name=given.text("name", longest=LONGEST_NAME),
        description=given.text("description", longest=_LONGEST_DESCRIPTION),
        idempotency_key=_idempotency_key(given, key_header),
        on_conflict=OnConflict(given.choice("on_conflict", allowed=list(OnConflict)) or OnConflict.IGNORE),
        callback_url=request.url(given, "callback_url"),
        webhook_url=request.url(given, "webhook_url"),
        tags=tags.packed(given),
    )
    return Wanted(spec, plan)


def _judge_child(given: Input, *, now: datetime) -> None:
    """A job that follows another one is judged as one that stands alone."""
    require_url(given)
    read(given, key_header=None, now=now)


def _max_attempts(given: Input) -> int:
    number = given.whole_number("max_attempts", lowest=1, highest=_MOST_ATTEMPTS)
    return number or settings.DEFAULT_MAX_ATTEMPTS


# As the IETF's draft has the header: a string in quotes, with backslashes before quotes and backslashes.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_ESCAPED = re.compile(r'\\(["\\])')


def _idempotency_key(given: Input, header: str | None) -> str | None:
    key = given.text("idempotency_key", shortest=1, longest=_LONGEST_KEY)
    if header is None:
        return key
    try:
        # WSGI hands the header's bytes over as if they were latin-1.
        stated = header.encode("latin-1").decode()
    except UnicodeError:
        given.refuse("idempotency_key", detail="the Idempotency-Key header is not UTF-8: write it in ASCII")
        return key
    if quoted := _QUOTED.fullmatch(stated):
        stated = _ESCAPED.sub(r"\1", quoted[1])
    if not 1 <= len(stated) <= _LONGEST_KEY or not stated.isprintable():
        detail = (
            f"the Idempotency-Key header has to be 1 to {_LONGEST_KEY} characters, none of them a control character"
        )
        given.refuse("idempotency_key", detail=detail)
    elif given.has("idempotency_key") and key != stated:
        given.refuse("idempotency_key", detail="the Idempotency-Key header says something else: send one of the two")
    return stated
