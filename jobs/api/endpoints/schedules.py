"""/api/schedules: list, read, change, switch off and on, run once more, delete."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from booper.timing.recurrence import Run
from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page, location
from jobs.api.endpoints.jobs import announce
from jobs.api.input import identifiers, query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import schedules as operations
from jobs.api.wire import etags
from jobs.api.wire.problems import Conflict
from jobs.database import clock, sql
from jobs.intake import calendar, keyed_schedule, secret
from jobs.intake import job as intake_job
from jobs.intake import schedule as intake_schedule
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.intake.schedule import Backfill
from jobs.models import Job, Schedule
from jobs.models.schedule import ScheduleQuerySet
from jobs.queues import ids
from jobs.recurring import backfills, schedules, upcoming
from jobs.recurring.backfills import MOST_RUNS, MOST_TIMES
from jobs.recurring.schedules import Refused
from jobs.specs import JobSpec, RecurrenceSpec
from jobs.waking import announcements

_FILTERS = ("name", "managed_by")


class _SchedulesView(View):
    def get_queryset(self) -> ScheduleQuerySet:
        return Schedule.objects.existing().filter(sql.owned_by(self.owner_id))

    def find(self, schedule_id: str) -> Schedule:
        """Finds a schedule by uuid or key. Raises Http404 for what is not there (any more) or somebody else's."""
        uuid = identifiers.uuid(schedule_id)
        found = None if uuid is None else self.get_queryset().filter(id=uuid).first()
        if keyed_schedule.is_key(schedule_id):
            found = self.get_queryset().filter(key=schedule_id).first()
        if found is None:
            raise Http404(
                f"there is no schedule {schedule_id[:40]!a} of yours: GET /api/schedules lists those there are"
            )
        return found

    def answer_about(self, outcome: Schedule | Refused | None, schedule_id: str, *, verb: str) -> Response:
        """The schedule after a change, or as it is if there was none; 409 with the reason for a refusal."""
        if isinstance(outcome, Refused):
            raise Conflict(f"schedule {schedule_id} can't be {verb}: {outcome.reason}")
        row = outcome or self.find(schedule_id)
        [data] = _shown([row])
        return answer(data, headers=etags.headers(row))


class Schedules(_SchedulesView):
    @operations.LIST_SCHEDULES
    @takes(query=(*query.PAGE_FIELDS, *_FILTERS))
    def get(self, request: Request) -> Response:
        given = query.read(request, known=(*query.PAGE_FIELDS, *_FILTERS))
        paging = query.paging(given, model=Schedule, columns=query.SCHEDULE_COLUMNS)
        asked = {
            "name": given.text("name", longest=intake_job.LONGEST_NAME),
            "managed_by": given.text("managed_by", longest=keyed_schedule.LONGEST_MANAGED_BY),
        }
        given.finish()
        exact = {name: value for name, value in asked.items() if value is not None}
        page = paging.page_of(self.get_queryset().filter(**exact))
        return answer_page(_shown(page.rows), page)


class ScheduleDetail(_SchedulesView):
    @operations.GET_SCHEDULE
    def get(self, request: Request, schedule_id: str) -> Response:
        return self.answer_about(self.find(schedule_id), schedule_id, verb="read")

    @operations.CHANGE_SCHEDULE
    @takes(body=intake_job.FIELDS)
    def patch(self, request: Request, schedule_id: str) -> Response:
        schedule, changes, now = self.find(schedule_id), self.sent_fields(), clock.now()
        etags.require(request, schedule)
        # Once before the row is locked: bad input locks nothing, and queues are not made inside a transaction.
        spec, plan = intake_schedule.changed(schedule, changes, now=now)
        secret.check(spec, user_id=self.owner_id)
        calendar.resolved(plan, user_id=self.owner_id, now=now)
        [placed] = ids.placed([spec], user_id=self.owner_id, now=now)

        def edited(locked: Schedule) -> tuple[JobSpec, RecurrenceSpec]:
            etags.require(request, locked)
            spec, plan = intake_schedule.changed(locked, changes, now=now)
            return replace(spec, queue_id=placed.queue_id if "queue" in changes else locked.queue_id), plan

        changed = schedules.edit(schedule, edited, now=now)
        return self.answer_about(changed, schedule_id, verb="changed")

    @operations.PUT_SCHEDULE
    @takes(body=keyed_schedule.FIELDS)
    def put(self, request: Request, schedule_id: str) -> Response:
        keyed_schedule.require_key(schedule_id)
        fields, now = self.sent_fields(), clock.now()
        row = self.get_queryset().filter(key=schedule_id).first()
        made = self._made(schedule_id, fields, now=now) if row is None else None
        if made is not None:
            [data] = _shown([made])
            path = f"{settings.BOOPER_BASE_PATH}/api/schedules/{schedule_id}"
            return answer(data, status=201, headers=etags.headers(made) | {"Location": path})
        return self._replaced(schedule_id, fields, now=now)

    def _made(self, key: str, fields: dict[str, Any], *, now: datetime) -> Schedule | None:
        """Makes the schedule; None if somebody else has made it meanwhile."""
        etags.require_none(self.request)
        wanted = keyed_schedule.wanted(fields, key=key, now=now)
        secret.check(wanted.spec, user_id=self.owner_id)
        plan = calendar.resolved(wanted.plan, user_id=self.owner_id, now=now)
        assert plan is not None
        self.charge(jobs=1, schedules=1, now=now)
        [spec] = ids.placed([wanted.spec], user_id=self.owner_id, now=now)
        first = schedules.create_keyed(spec, plan, user_id=self.owner_id, now=now)
        if isinstance(first, Refused):
            raise Conflict(f"schedule {key} can't be made: {first.reason}")
        if first is None:
            return None
        announce(first)
        return self.find(key)

    def _replaced(self, key: str, fields: dict[str, Any], *, now: datetime) -> Response:
        row = self.find(key)
        etags.require(self.request, row)
        if keyed_schedule.is_as_sent(row, fields):
            return self.answer_about(row, key, verb="replaced")
        # Once before the row is locked: bad input locks nothing, and queues are not made inside a transaction.
        spec, plan = keyed_schedule.replaced(row, fields, now=now)
        secret.check(spec, user_id=self.owner_id)
        calendar.resolved(plan, user_id=self.owner_id, now=now)
        [placed] = ids.placed([spec], user_id=self.owner_id, now=now)

        def edited(locked: Schedule) -> tuple[JobSpec, RecurrenceSpec]:
            etags.require(self.request, locked)
            spec, plan = keyed_schedule.replaced(locked, fields, now=now)
            return replace(spec, queue_id=placed.queue_id), plan

        return self.answer_about(schedules.edit(row, edited, now=now), key, verb="replaced")

    @operations.DELETE_SCHEDULE
    def delete(self, request: Request, schedule_id: str) -> Response:
        schedule, now = self.find(schedule_id), clock.now()
        deleted = schedules.delete(schedule, now=now)
        _announce_end(deleted, now=now)
        return self.answer_about(deleted, schedule_id, verb="deleted")


class DisableSchedule(_SchedulesView):
    @operations.DISABLE_SCHEDULE
    @takes(body=intake_schedule.REASON_FIELDS)
    def post(self, request: Request, schedule_id: str) -> Response:
        schedule, now = self.find(schedule_id), clock.now()
        reason = intake_schedule.reason_to_disable(self.sent_fields(is_optional=True))
        disabled = schedules.disable(schedule, reason=reason, now=now)
        _announce_end(disabled, now=now)
        return self.answer_about(disabled, schedule_id, verb="disabled")


class EnableSchedule(_SchedulesView):
    @operations.ENABLE_SCHEDULE
    def post(self, request: Request, schedule_id: str) -> Response:
        enabled = schedules.enable(self.find(schedule_id), now=clock.now())
        return self.answer_about(enabled, schedule_id, verb="enabled")


class TriggerSchedule(_SchedulesView):
    @operations.TRIGGER_SCHEDULE
    def post(self, request: Request, schedule_id: str) -> Response:
        now = clock.now()
        self.charge(jobs=1, now=now)
        job = schedules.trigger(self.find(schedule_id), now=now)
        transaction.on_commit(partial(announcements.announce_job, job))
        return answer(serializers.job(job, now=now), status=201, headers=location(job.id))


class SkipRun(_SchedulesView):
    @operations.SKIP_RUN
    @takes(body=intake_schedule.SKIP_FIELDS)
    def post(self, request: Request, schedule_id: str) -> Response:
        schedule, now = self.find(schedule_id), clock.now()
        until = intake_schedule.skipped_until(schedule, self.sent_fields(is_optional=True), now=now)
        skipped = upcoming.skip(schedule, until=until, now=now)
        _announce_end(schedule, now=now)
        return self.answer_about(skipped, schedule_id, verb="moved on")


class BackfillSchedule(_SchedulesView):
    @operations.BACKFILL_SCHEDULE
    @takes(query=("dry_run",), body=intake_schedule.BACKFILL_FIELDS)
    def post(self, request: Request, schedule_id: str) -> Response:
        fields = self._fields(request)
        schedule, now = self.find(schedule_id), clock.now()
        asked = intake_schedule.backfilled(schedule, fields, now=now)
        times = _times(schedule, asked)
        if asked.is_dry:
            zone = schedule.zone
            runs = [Run(at=at, local=at.astimezone(zone), note=None) for at in times]
            return answer([serializers.run(each, zone=zone) for each in runs])
        self.charge(jobs=len(times), now=now)
        jobs = backfills.make(schedule, times, now=now)
        for job in jobs[:1]:
            announce(job)
        return answer([serializers.job(job, now=now) for job in jobs], status=201)

    def _fields(self, request: Request) -> dict[str, Any]:
        """`dry_run` may stand in the query, as for what is done in bulk."""
        in_query = query.read(request, known=("dry_run",))
        in_query.finish()
        return {**self.sent_fields(), **in_query.fields}


def _times(schedule: Schedule, asked: Backfill) -> list[datetime]:
    """Raises InvalidInput where there are too many, and the client has not said which to take."""
    try:
        limit = asked.limit or MOST_RUNS + 1
        times = backfills.missing(schedule, since=asked.since, until=asked.until, limit=limit)
    except backfills.TooMany:
        detail = f"there are more than {MOST_TIMES} runs from then to there: give an earlier moment"
        raise InvalidInput([FieldError("/to", detail)]) from None
    if len(times) > MOST_RUNS:
        detail = f"there are more than {MOST_RUNS} runs to make: give an earlier moment, or max_runs"
        raise InvalidInput([FieldError("/to", detail)])
    return times


def _shown(rows: Sequence[Schedule]) -> list[dict[str, Any]]:
    """Shows schedules with the time of each one's upcoming run, by one query for them all."""
    enabled = [row.id for row in rows if row.disabled_at is None]
    to_come = Job.objects.filter(schedule_id__in=enabled, is_upcoming=True)
    next_runs = dict(to_come.values_list("schedule_id", "scheduled_at"))
    return [serializers.schedule(row, next_run_at=next_runs.get(row.id)) for row in rows]


def _announce_end(schedule: Schedule | None, *, now: datetime) -> None:
    """Wakes who tells a webhook that the upcoming run was cancelled."""
    if schedule is not None and schedule.webhook_url:
        transaction.on_commit(partial(announcements.announce_deliveries, [now]))
