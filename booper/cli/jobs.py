"""The commands of `booper jobs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from booper.cli import following, timeline
from booper.cli.columns import Columns, error, request, when
from booper.cli.documents import jobs_in
from booper.cli.parsers import Group, filters_of
from booper.client import Scheduler

_JOB_COLUMNS: Columns = {
    "JOB": "job_id",
    "STATE": "job.state",
    "DUE": when("job.scheduled_at"),
    "REQUEST": request,
    "NAME": "name",
    "LAST ERROR": error,
}


_MANY_COLUMNS: Columns = {"JOB": "job_id", "STATE": "job.state", "REFUSED": "error.detail", "REQUEST": request}


_JOB_FILTERS = {
    "state": "one or more, as in scheduled,retryable",
    "schedule_id": "jobs of this schedule",
    "url": "jobs with this URL",
    "name": "jobs with this name",
    "tag": "jobs with this tag, or with all as in red,late",
    "error": "jobs whose latest failed attempt failed with this code",
    "host": "jobs to this host",
    "queue": "jobs in this queue",
    "inserted_after": "a time",
    "inserted_before": "a time",
    "due_after": "a time",
    "due_before": "a time",
    "ended_after": "a time",
    "ended_before": "a time",
}


_ON_MANY: tuple[tuple[str, Callable[[Scheduler], Any], str], ...] = (
    (
        "cancel-many",
        lambda scheduler: scheduler.jobs.cancel_many,
        "Cancel all jobs that the same filters would list and that have not ended.",
    ),
    (
        "retry-many",
        lambda scheduler: scheduler.jobs.retry_many,
        "Retry all jobs that the same filters would list and that were discarded, or are in the --state given.",
    ),
    (
        "run-many",
        lambda scheduler: scheduler.jobs.run_many,
        "Run now all waiting jobs that the same filters would list, but for the upcoming jobs of schedules.",
    ),
    (
        "delete-many",
        lambda scheduler: scheduler.jobs.delete_many,
        "Erase all ended jobs that the same filters would list, with all that is kept of them.",
    ),
)


def add_jobs(jobs: Group) -> None:
    jobs.listing(
        lambda scheduler, args: scheduler.jobs.list(**filters_of(args)),
        about="List jobs, newest first.",
        columns=_JOB_COLUMNS,
        filters=_JOB_FILTERS,
    )
    jobs.verb_on_id("get", lambda scheduler, args: scheduler.jobs.get(args.id), about="Show a job.")
    cancel = jobs.verb_on_id(
        "cancel",
        lambda scheduler, args: scheduler.jobs.cancel(args.id, scope=args.scope),
        about="Cancel a job; the upcoming job of a schedule ends the schedule.",
    )
    cancel.add_argument("--scope", choices=["run"], help="run: skip this run and keep the schedule")
    for verb, call, about in _ON_MANY:
        jobs.on_many(verb, call, about=about, filters=_JOB_FILTERS)
    create_many = jobs.verb(
        "create-many",
        lambda scheduler, args: scheduler.jobs.create_many(args.jobs),
        about="Schedule up to 1,000 requests, each taken or refused.",
        columns=_MANY_COLUMNS,
    )
    create_many.add_argument("jobs", metavar="FILE", type=jobs_in, help="a JSON list, or an object a line; - for stdin")
    create_many.set_defaults(may_be_refused_in_part=True)
    _add_verbs(jobs)


def _add_verbs(jobs: Group) -> None:
    jobs.verb_on_id("run", lambda scheduler, args: scheduler.jobs.run(args.id), about="Run a waiting job now.")
    jobs.verb_on_id(
        "retry", lambda scheduler, args: scheduler.jobs.retry(args.id), about="Run a job once more that has ended."
    )
    jobs.verb_on_id(
        "delete",
        lambda scheduler, args: scheduler.jobs.delete(args.id),
        about="Erase a job that has ended, with its log and its deliveries.",
    )
    jobs.verb_on_id(
        "timeline",
        lambda scheduler, args: scheduler.jobs.timeline(args.id),
        about="Show what became of a job, in order.",
        render=timeline.lines,
    )
    watch = jobs.verb_on_id(
        "watch",
        following.watch,
        about="Show what becomes of a job until it ends: 0 completed, 5 discarded, 6 cancelled.",
        shows_itself=True,
    )
    following.add_interval(watch)
