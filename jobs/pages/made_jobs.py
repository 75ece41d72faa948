"""A job is made by a page as POST /api/jobs makes it: checked, charged, written, announced."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from jobs.actions import conflicts
from jobs.actions import job as job_actions
from jobs.actions.batch import Taken
from jobs.guarding import charges
from jobs.intake import calendar, secret
from jobs.intake import job as intake_job
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.models import User
from jobs.queues import ids
from jobs.telemetry import traces
from jobs.waking import announcements


def make(owner: User, fields: Mapping[str, Any], *, size: int, now: datetime) -> Taken:
    """`size`: of what was sent, in bytes. Raises InvalidInput and LimitReached."""
    wanted = intake_job.wanted(fields, key_header=None, now=now)
    secret.check(wanted.spec, user_id=owner.id)
    plan = calendar.resolved(wanted.plan, user_id=owner.id, now=now)
    more = conflicts.count_of_new([(wanted.spec, wanted.plan)], user_id=owner.id)
    charges.charge(owner, jobs=more, schedules=int(wanted.plan is not None), size=size, now=now)
    [spec] = ids.placed([wanted.spec], user_id=owner.id, now=now)
    scheduled = job_actions.schedule_job(spec, plan, user_id=owner.id, now=now)
    if scheduled.refused is not None:
        raise InvalidInput([FieldError("/idempotency_key", scheduled.refused.reason)])
    if traces.are_on() and scheduled.is_new and not scheduled.job.is_upcoming:
        traces.made([scheduled.job], name="new job", kind="internal", attributes={}, since=now)
    if scheduled.is_to_be_announced:
        job = scheduled.job
        announce = announcements.announce_jobs if job.queue_id is None else announcements.announce_queues
        transaction.on_commit(partial(announce, [job.scheduled_at]))
    return scheduled
