"""/api/jobs/batch, and cancel, retry, run and delete: many jobs in one request."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.actions import batch, bulk, bulk_cancel, conflicts
from jobs.actions.batch import Taken
from jobs.actions.bulk import Act
from jobs.api import serializers
from jobs.api.endpoints.base import answer
from jobs.api.endpoints.jobs import JobsView
from jobs.api.input import bulk as bulk_input
from jobs.api.input.job_filters import FILTERS
from jobs.api.input.taken import takes
from jobs.api.schema.operations import jobs as operations
from jobs.api.wire import parsers, problems, tracing
from jobs.database import clock
from jobs.intake import batch as intake_batch
from jobs.intake import calendar, secret
from jobs.intake.batch import Judged
from jobs.intake.fields import Input
from jobs.intake.job import Wanted
from jobs.intake.refusals import FieldError, InvalidInput, KeyHeld, Refusal
from jobs.models.job import JobQuerySet
from jobs.queues import ids
from jobs.waking import announcements

_KNOWN = (*FILTERS, *bulk_input.OPTIONS)


class Batch(JobsView):
    parser_classes = (parsers.JSONBatchParser, parsers.BracketFormParser)

    @operations.CREATE_JOBS
    @takes(body=intake_batch.FIELDS)
    def post(self, request: Request) -> Response:
        now = clock.now()
        if "HTTP_IDEMPOTENCY_KEY" in request.META:
            detail = "the Idempotency-Key header is for a single job: give each job an idempotency_key of its own"
            raise InvalidInput([FieldError("", detail)])
        length = request.META.get("CONTENT_LENGTH") or ""
        is_small = length.isdecimal() and int(length) <= settings.MAX_REQUEST_BYTES
        judged = intake_batch.wanted(self.sent_fields(limit="MAX_BATCH_BYTES"), is_small=is_small, now=now)
        judged = self._with_calendars(self._with_known_secrets(judged), now=now)
        judged = [tracing.traced(item, request) if isinstance(item, Wanted) else item for item in judged]
        good = [item for item in judged if isinstance(item, Wanted)]
        more = conflicts.count_of_new([(item.spec, item.plan) for item in good], user_id=self.owner_id)
        self.charge(jobs=more, schedules=sum(item.plan is not None for item in good), now=now)
        specs = ids.placed((item.spec for item in good), user_id=self.owner_id, now=now)
        plans = [item.plan for item in good]
        taken = batch.take(list(zip(specs, plans, strict=True)), user_id=self.owner_id, now=now)
        _announce(taken)
        answers = iter(taken)
        data = [_answered(next(answers) if isinstance(item, Wanted) else item, now=now) for item in judged]
        status = 201 if all("job_id" in item for item in data) else 207
        tracing.tell_of_batch(request, taken, status=status, since=now)
        return answer(data, status=status)

    def _with_known_secrets(self, judged: Sequence[Judged]) -> list[Judged]:
        """The same, refusing those that refer to secrets that are not there."""
        places = [place for place, item in enumerate(judged) if isinstance(item, Wanted)]
        specs = [item.spec for item in judged if isinstance(item, Wanted)]
        refused = {places[at]: why for at, why in secret.refusals(specs, user_id=self.owner_id).items()}
        return [refused.get(place, item) for place, item in enumerate(judged)]

    def _with_calendars(self, judged: Sequence[Judged], *, now: datetime) -> list[Judged]:
        """The same, with the days of their calendars, refusing those that name some that are not there."""
        plans = [item.plan if isinstance(item, Wanted) else None for item in judged]
        resolved = calendar.resolve(plans, user_id=self.owner_id, now=now)
        return [
            plan if isinstance(plan, InvalidInput) else replace(item, plan=plan) if isinstance(item, Wanted) else item
            for item, plan in zip(judged, resolved, strict=True)
        ]


class _ManyJobs(JobsView):
    """Does something to all that the list's filters would list."""

    def asked(self, request: Request, *, everything: str, now: datetime) -> tuple[JobQuerySet, Input, bool]:
        """What matches, what was given, and whether it is only asked how many there are."""
        given = bulk_input.read(request, self.sent_fields(is_optional=True), filters=FILTERS)
        rows = self.listed(given, now=now)
        return rows, given, bulk_input.finish(given, filters=FILTERS, everything=everything)

    def done(self, act: Act, request: Request, *, everything: str) -> Response:
        now = clock.now()
        rows, given, is_dry = self.asked(request, everything=everything, now=now)
        if act is bulk.RUN:
            rows = bulk.runnable(rows)
        matching = act.matching(rows, has_states=given.has("state"), now=now)
        if is_dry:
            return answer({"matched": matching.count()})
        done = bulk.do(act, matching, now=now)
        if act is not bulk.DELETE:
            bulk.announce(done, now=now)
        if done.count:
            self.note(f"jobs.{act.done}", now=now, filters=sorted(given.fields), count=done.count)
        return answer({"matched": done.matched, act.done: done.count})


class CancelJobs(_ManyJobs):
    @operations.CANCEL_JOBS
    @takes(query=_KNOWN, body=_KNOWN)
    def post(self, request: Request) -> Response:
        now = clock.now()
        rows, given, is_dry = self.asked(request, everything="every job that has not ended", now=now)
        if is_dry:
            return answer({"matched": bulk_cancel.matching(rows, now=now).count()})
        cancelled = bulk_cancel.cancel_matching(rows, now=now)
        if cancelled.has_deliveries:
            transaction.on_commit(partial(announcements.announce_deliveries, [now]))
        if cancelled.has_queues:
            transaction.on_commit(partial(announcements.announce_queues, [now]))
        if cancelled.count:
            self.note("jobs.cancelled", now=now, filters=sorted(given.fields), count=cancelled.count)
        return answer({"matched": cancelled.matched, "cancelled": cancelled.count})


class RetryJobs(_ManyJobs):
    @operations.RETRY_JOBS
    @takes(query=_KNOWN, body=_KNOWN)
    def post(self, request: Request) -> Response:
        return self.done(bulk.RETRY, request, everything="every job that was discarded")


class RunJobs(_ManyJobs):
    @operations.RUN_JOBS
    @takes(query=_KNOWN, body=_KNOWN)
    def post(self, request: Request) -> Response:
        return self.done(bulk.RUN, request, everything="every job that waits")


class DeleteJobs(_ManyJobs):
    @operations.DELETE_JOBS
    @takes(query=_KNOWN, body=_KNOWN)
    def post(self, request: Request) -> Response:
        return self.done(bulk.DELETE, request, everything="every job that has ended")


def _answered(item: Taken | Refusal, *, now: datetime) -> dict[str, Any]:
    if isinstance(item, Taken) and item.refused is not None:
        item = KeyHeld(item.refused.reason)
    if isinstance(item, Refusal):
        return {"error": problems.of(item)}
    return serializers.job(item.job, now=now, has_conflict=not item.is_new)


def _announce(taken: Iterable[Taken]) -> None:
    """The new ones that no beat has to fire first, and those replaced: one wake-up for each instant and lane."""
    new = [item.job for item in taken if item.is_to_be_announced]
    for announce, in_queue in ((announcements.announce_jobs, False), (announcements.announce_queues, True)):
        if instants := {job.scheduled_at for job in new if (job.queue_id is not None) is in_queue}:
            transaction.on_commit(partial(announce, instants))
