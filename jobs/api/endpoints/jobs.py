"""/api/jobs: create, list, read, edit, cancel, run, retry."""

from datetime import datetime
from functools import cache, partial
from uuid import UUID

from django.db import transaction
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.actions import conflicts, erasure
from jobs.actions import job as job_actions
from jobs.actions.batch import NewJob
from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page, location
from jobs.api.input import identifiers, job_filters, query
from jobs.api.input.cursors import Order
from jobs.api.input.query import Page
from jobs.api.input.taken import takes
from jobs.api.schema.operations import jobs as operations
from jobs.api.wire import etags, tracing
from jobs.api.wire.problems import Conflict
from jobs.database import clock, sql
from jobs.database.compiled import CompiledQuery
from jobs.intake import calendar, job_changes, secret
from jobs.intake import job as intake_job
from jobs.intake.fields import Input
from jobs.intake.refusals import KeyHeld
from jobs.models import Job, JobState
from jobs.models.job import JobQuerySet
from jobs.queues import ids
from jobs.specs import JobEdit
from jobs.waking import announcements

# What is asked for the most, each by an index.
_BY_NUMBER = CompiledQuery(
    lambda user_id, number: Job.objects.filter(user_id=user_id, id=number), examples=(UUID(int=1), 7_777_777)
)
_BY_UUID = CompiledQuery(
    lambda user_id, uuid: Job.objects.filter(user_id=user_id, uuid=uuid), examples=(UUID(int=1), UUID(int=2))
)


def _shown(jobs: JobQuerySet) -> JobQuerySet:
    """Without what may be long and is not answered."""
    return jobs.defer("parent_answer")


@cache
def _latest(limit: int) -> CompiledQuery[Job]:
    """The first page of all of a user's jobs, the newest first; there are a hundred limits."""
    order = Order(model=Job, column="id", is_descending=True)
    return CompiledQuery(
        lambda user_id: _shown(Job.objects.filter(sql.owned_by(user_id))).order_by(*order.expressions)[:limit],
        examples=(UUID(int=1),),
    )


class JobsView(View):
    def get_queryset(self) -> JobQuerySet:
        return _shown(Job.objects.filter(user_id=self.owner_id))

    def listed(self, given: Input, *, now: datetime) -> JobQuerySet:
        """What the filters leave."""
        # The runs of a schedule have an index of their own, which does not begin with the user.
        is_of_schedule = given.has("schedule_id")
        rows = self.get_queryset() if is_of_schedule else _shown(Job.objects.filter(sql.owned_by(self.owner_id)))
        return job_filters.filtered(rows, given, owner_id=self.owner_id, now=now)

    def find(self, job_id: str) -> Job:
        """The caller's job by integer or uuid. Raises Http404 for what is not there or somebody else's."""
        number, uuid = identifiers.integer(job_id), identifiers.uuid(job_id)
        found: list[Job] = []
        if number is not None:
            found = _BY_NUMBER.rows(self.owner_id, number)
        elif uuid is not None:
            found = _BY_UUID.rows(self.owner_id, uuid)
        if not found:
            raise Http404(f"there is no job {job_id[:40]!a} of yours: GET /api/jobs lists those there are")
        return found[0]


class Jobs(JobsView):
    @operations.LIST_JOBS
    @takes(query=(*query.PAGE_FIELDS, *job_filters.FILTERS))
    def get(self, request: Request) -> Response:
        now = clock.now()
        given = query.read(request, known=(*query.PAGE_FIELDS, *job_filters.FILTERS))
        paging = query.paging(given, model=Job, columns=query.JOB_COLUMNS)
        if paging.is_first and given.fields.keys() <= {"limit"}:
            given.finish()
            page = Page(_latest(paging.limit).rows(self.owner_id), cursor=None, is_by_cursor=False)
        else:
            rows = self.listed(given, now=now)
            given.finish()
            page = paging.page_of(rows)
        return answer_page([serializers.job(row, now=now) for row in page.rows], page)

    @operations.CREATE_JOB
    @takes(body=intake_job.FIELDS)
    def post(self, request: Request) -> Response:
        now = clock.now()
        key_header = request.META.get("HTTP_IDEMPOTENCY_KEY")
        wanted = tracing.traced(intake_job.wanted(self.sent_fields(), key_header=key_header, now=now), request)
        secret.check(wanted.spec, user_id=self.owner_id)
        plan = calendar.resolved(wanted.plan, user_id=self.owner_id, now=now)
        more = conflicts.count_of_new([(wanted.spec, plan)], user_id=self.owner_id)
        self.charge(jobs=more, schedules=int(plan is not None), now=now)
        [spec] = ids.placed([wanted.spec], user_id=self.owner_id, now=now)
        scheduled = job_actions.schedule_job(spec, plan, user_id=self.owner_id, now=now)
        job = scheduled.job
        if scheduled.refused is not None:
            raise KeyHeld(scheduled.refused.reason)
        if scheduled.is_to_be_announced:
            announce(job)
        status = 201 if scheduled.is_new else 200
        tracing.tell(request, scheduled, status=status, since=now)
        data = serializers.job(job, now=now, has_conflict=not scheduled.is_new)
        return answer(data, status=status, headers=location(job.id))


class JobDetail(JobsView):
    @operations.GET_JOB
    def get(self, request: Request, job_id: str) -> Response:
        job = self.find(job_id)
        return answer(serializers.job(job, now=clock.now()), headers=etags.headers(job))

    @operations.CHANGE_JOB
    @takes(body=job_changes.FIELDS)
    def patch(self, request: Request, job_id: str) -> Response:
        job, now = self.find(job_id), clock.now()
        changes = self.sent_fields()

        def edited(locked: Job) -> JobEdit:
            etags.require(request, locked)
            return job_changes.edited(locked, changes=changes, now=now)

        changed = job_actions.edit_job(job, edited, now=now)
        return _waiting(changed, job, refusal="can't be rescheduled or edited: it is not waiting", now=now)

    @operations.DELETE_JOB
    def delete(self, request: Request, job_id: str) -> Response:
        job, now = self.find(job_id), clock.now()
        if not erasure.erase_job(job):
            raise _too_late(job, "can't be erased: cancel it first", now=now)
        return answer(serializers.job(job, now=now))


class CancelJob(JobsView):
    @operations.CANCEL_JOB
    @takes(query=("scope",))
    def post(self, request: Request, job_id: str) -> Response:
        given = query.read(request, known=("scope",))
        scope = given.choice("scope", allowed=("run",))
        given.finish()
        job, now = self.find(job_id), clock.now()
        cancelled = job_actions.cancel_job(job, ends_schedule=scope is None, now=now)
        if cancelled is None:
            raise _too_late(job, "can't be cancelled any more", now=now)
        if cancelled.webhook_url:
            transaction.on_commit(partial(announcements.announce_deliveries, [now]))
        if cancelled.queue_id is not None:
            # It may have had a place, which is free now.
            transaction.on_commit(partial(announcements.announce_queues, [now]))
        return answer(serializers.job(cancelled, now=now))


class RunJob(JobsView):
    @operations.RUN_JOB
    def post(self, request: Request, job_id: str) -> Response:
        job, now = self.find(job_id), clock.now()
        moved = job_actions.run_job(job, now=now)
        return _waiting(moved, job, refusal="can't be run now: it is not waiting", now=now)


class RetryJob(JobsView):
    @operations.RETRY_JOB
    def post(self, request: Request, job_id: str) -> Response:
        job, now = self.find(job_id), clock.now()
        moved = job_actions.retry_job(job, now=now)
        refusal = "can't be retried: only one that has ended can"
        if job.state == JobState.CANCELLED:
            refusal = "can't be retried: a run of its schedule that never started comes again by itself"
            if job.schedule_id is None:
                refusal = f"can't be retried: another job holds its idempotency key {job.idempotency_key!r} by now"
        if job_actions.is_worn_out(job):
            refusal = f"has had {job.attempt} attempts: create another one"
        return _waiting(moved, job, refusal=refusal, now=now)


def _waiting(moved: Job | None, job: Job, *, refusal: str, now: datetime) -> Response:
    """The answer about a job that was just made to wait for a time, or about `job`, which could not be."""
    if moved is None:
        raise _too_late(job, refusal, now=now)
    # Even of a time that is the old one: a claim may have passed over the row while it was being written.
    announce(moved)
    return answer(serializers.job(moved, now=now), headers=etags.headers(moved))


def announce(job: Job | NewJob) -> None:
    """Wakes whoever is to take up a job that was just made."""
    # An upcoming run is fired by beat, which announces it then.
    if not job.is_upcoming:
        announce = announcements.announce_jobs if job.queue_id is None else announcements.announce_queues
        transaction.on_commit(partial(announce, [job.scheduled_at]))


def _too_late(job: Job, refusal: str, *, now: datetime) -> Conflict:
    # Its state as it is now: what was read first may have been overtaken.
    current = Job.objects.filter(id=job.id).first() or job
    return Conflict(f"job {job.id} is {current.state_at(now)} and {refusal}")
