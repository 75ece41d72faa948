"""/api/jobs/batch and /api/jobs/cancel: many jobs in one request."""

from collections.abc import Iterable, Sequence
from functools import partial

from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.actions import batch, bulk_cancel
from jobs.actions.batch import Taken
from jobs.api import serializers
from jobs.api.endpoints.base import answer
from jobs.api.endpoints.jobs import JobsView
from jobs.api.input import query
from jobs.api.input.job_filters import FILTERS
from jobs.api.input.taken import takes
from jobs.api.schema.operations import jobs as operations
from jobs.api.wire import parsers, problems
from jobs.database import clock
from jobs.intake import batch as intake_batch
from jobs.intake import secret
from jobs.intake.batch import Judged
from jobs.intake.fields import Input
from jobs.intake.job import Wanted
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.queues import ids
from jobs.waking import announcements

_CANCEL_FILTERS = (*FILTERS, "all")


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
        judged = self._with_known_secrets(judged)
        good = [item for item in judged if isinstance(item, Wanted)]
        self.charge(jobs=len(good), schedules=sum(item.plan is not None for item in good), now=now)
        specs = ids.placed((item.spec for item in good), user_id=self.owner_id, now=now)
        plans = [item.plan for item in good]
        taken = batch.take(list(zip(specs, plans, strict=True)), user_id=self.owner_id, now=now)
        _announce(taken)
        answers = iter(serializers.job(item.job, now=now, has_conflict=not item.is_new) for item in taken)
        data = [next(answers) if isinstance(item, Wanted) else {"error": problems.of(item)} for item in judged]
        return answer(data, status=201 if len(good) == len(judged) else 207)

    def _with_known_secrets(self, judged: Sequence[Judged]) -> list[Judged]:
        """The same, refusing those that refer to secrets that are not there."""
        places = [place for place, item in enumerate(judged) if isinstance(item, Wanted)]
        specs = [item.spec for item in judged if isinstance(item, Wanted)]
        refused = {places[at]: why for at, why in secret.refusals(specs, user_id=self.owner_id).items()}
        return [refused.get(place, item) for place, item in enumerate(judged)]


class CancelJobs(JobsView):
    @operations.CANCEL_JOBS
    @takes(query=_CANCEL_FILTERS, body=_CANCEL_FILTERS)
    def post(self, request: Request) -> Response:
        given, now = self._filters(request), clock.now()
        rows = self.listed(given, now=now)
        wants_all = given.switch("all")
        if not wants_all and not any(given.has(name) for name in FILTERS):
            remedy = f"give one or more of {', '.join(FILTERS)}, or all=true for every job that has not ended"
            given.refuse(detail=f"there is no filter: {remedy}")
        given.finish()
        cancelled = bulk_cancel.cancel_matching(rows, now=now)
        if cancelled.has_deliveries:
            transaction.on_commit(partial(announcements.announce_deliveries, [now]))
        if cancelled.has_queues:
            transaction.on_commit(partial(announcements.announce_queues, [now]))
        if cancelled.count:
            self.note("jobs.cancelled", now=now, filters=sorted(given.fields), count=cancelled.count)
        return answer({"cancelled": cancelled.count})

    def _filters(self, request: Request) -> Input:
        """Reads the filters from the query, as the list has them, or from the body."""
        in_query, in_body = query.read(request, known=_CANCEL_FILTERS).fields, self.sent_fields(is_optional=True)
        given = Input({**in_body, **in_query}, known=_CANCEL_FILTERS)
        for name in in_body.keys() & in_query.keys():
            given.refuse(name, detail="it is both in the query and in the body: give it once")
        return given


def _announce(taken: Iterable[Taken]) -> None:
    """The new ones that no beat has to fire first: one wake-up for each instant and lane."""
    new = [item.job for item in taken if item.is_new and not item.job.is_upcoming]
    for announce, in_queue in ((announcements.announce_jobs, False), (announcements.announce_queues, True)):
        if instants := {job.scheduled_at for job in new if (job.queue_id is not None) is in_queue}:
            transaction.on_commit(partial(announce, instants))
