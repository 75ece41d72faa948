"""The jobs of a batch, judged one by one: what is wrong with one says nothing of the others."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from booper.content import payloads
from booper.timing import suggestions
from booper.timing.durations import shown
from jobs.intake import children, job
from jobs.intake.fields import Input
from jobs.intake.job import Wanted
from jobs.intake.refusals import MOST_ERRORS, BodyTooLarge, FieldError, InvalidInput, Refusal, Unlisted

FIELDS = ("jobs",)
MOST_JOBS = 1000
MOST_CHILDREN = 10_000

Judged = Wanted | Refusal


def wanted(fields: Mapping[str, Any], *, is_small: bool = False, now: datetime) -> list[Judged]:
    """Reads the body of POST /api/jobs/batch: what each job asks for, or why it is refused.

    If the whole body `is_small`, no job in it can be too large. Raises InvalidInput if the body is no batch.
    """
    given = Input(fields, known=FIELDS)
    items = given.value("jobs")
    if not isinstance(items, list) or not items:
        given.refuse("jobs", detail=f"{shown(items)} is not a list of jobs: write 1 to {MOST_JOBS}")
    elif len(items) > MOST_JOBS:
        given.refuse("jobs", detail=f"there are {len(items)}: send at most {MOST_JOBS} at once")
    elif children.count(items, most=MOST_CHILDREN + 1) > MOST_CHILDREN:
        given.refuse("jobs", detail=f"more than {MOST_CHILDREN} jobs follow those there are: send fewer at once")
    given.finish()
    # A thousand jobs with fifty mistakes each would take seconds to explain, and megabytes to answer.
    with suggestions.at_most(MOST_ERRORS):
        return list(_shortened(_judged(item, is_small=is_small, now=now) for item in items))


def _shortened(judged: Iterable[Judged]) -> Iterator[Judged]:
    """The first MOST_ERRORS errors of all as they are; a job that is refused after those is told so, and no more."""
    left = MOST_ERRORS
    for item in judged:
        if isinstance(item, Wanted):
            yield item
            continue
        found = len(item.errors or ())
        yield item if left > 0 or item.errors is None else Unlisted(found)
        left -= found


def _judged(item: Any, *, is_small: bool, now: datetime) -> Judged:
    # The parser found something in it that can't be taken.
    if isinstance(item, Refusal):
        return item
    if not isinstance(item, dict):
        return InvalidInput([FieldError("", f'{shown(item)} is not a job: write {{"url": "https://…"}}')])
    try:
        found = job.wanted(item, key_header=None, now=now)
    except InvalidInput as refusal:
        return refusal
    if not is_small and (size := len(payloads.encode(item))) > settings.MAX_REQUEST_BYTES:
        limit = f"at most {settings.MAX_REQUEST_BYTES} are taken (MAX_REQUEST_BYTES)"
        return BodyTooLarge(f"the job has {size} bytes: {limit}, as for a job that is sent alone")
    return found
