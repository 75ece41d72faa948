"""The calls about jobs."""

from jobs.api.input import query
from jobs.api.schema.components.jobs import FILTERS
from jobs.api.schema.components.shapes import Schema, ref
from jobs.api.schema.operations.operation import listing, operation, parameters
from jobs.intake.batch import MOST_JOBS

_JOB_ANSWER = {200: ref("Job")}

LIST_JOBS = listing(
    "listJobs",
    "List jobs",
    tag="jobs",
    of="Job",
    columns=query.JOB_COLUMNS,
    filters=FILTERS,
)

CREATE_JOB = operation(
    "createJob",
    "Create a job",
    tag="jobs",
    description="201 with the new job, or 200 with the one that holds the idempotency key, which asks "
    "for this from now on if `on_conflict` is `replace`; 409 if that is a schedule, or `on_conflict` is `refuse`. With "
    "`cron` or `repeat_every` it makes a schedule, and the job is its first run.",
    answers={200: ref("Job"), 201: ref("Job")},
    refusals=(409,),
    parameters=parameters("idempotency_key", "traceparent"),
    body="JobInput",
    form_example={"method": "post", "url": "https://example.com/hook", "body[content]": "Hi", "schedule_in": "30"},
)

_BATCH_ANSWER: Schema = {"type": "array", "items": ref("BatchItem"), "minItems": 1, "maxItems": MOST_JOBS}

CREATE_JOBS = operation(
    "createJobs",
    "Create many jobs",
    tag="jobs",
    description="Answers in their order, for each the job (a new one, or the one that holds its idempotency key) or "
    "what is wrong with it, with pointers into that job. 201 if none was refused, else 207. Those that are taken are "
    "taken in one transaction. Of several with one idempotency key the first wins, or the last whose `on_conflict` is "
    "`replace`.",
    answers={201: _BATCH_ANSWER, 207: _BATCH_ANSWER},
    has_location=False,
    parameters=parameters("traceparent"),
    body="BatchInput",
    form_example={"jobs[0][url]": "https://example.com/a", "jobs[1][url]": "https://example.com/b"},
)

CANCEL_JOBS = operation(
    "cancelJobs",
    "Cancel many jobs",
    tag="jobs",
    description="All that have not ended and that the same filters, in the query or in the body, would list. The "
    "upcoming run of a schedule is among them, and its schedule ends. Without any filter, `all` has to be true.",
    answers={200: ref("Cancelled")},
    parameters=parameters(*FILTERS, "all", "bulk_dry_run"),
    body="JobFilters",
    form_example={"state": "scheduled", "name": "daily report"},
    needs_body=False,
)

RETRY_JOBS = operation(
    "retryJobs",
    "Retry many jobs",
    tag="jobs",
    description="Those that the same filters would list, as if each were retried alone. Without a `state`, those "
    "that were discarded. Without any filter, `all` has to be true.",
    answers={200: ref("Retried")},
    parameters=parameters(*FILTERS, "all", "bulk_dry_run"),
    body="JobFilters",
    form_example={"tag": "red", "host": "example.com"},
    needs_body=False,
)

RUN_JOBS = operation(
    "runJobs",
    "Run many waiting jobs now",
    tag="jobs",
    description="Those that wait and that the same filters would list; not the upcoming runs of schedules. Without any "
    "filter, `all` has to be true.",
    answers={200: ref("RunNow")},
    parameters=parameters(*FILTERS, "all", "bulk_dry_run"),
    body="JobFilters",
    form_example={"tag": "red", "host": "example.com"},
    needs_body=False,
)

DELETE_JOBS = operation(
    "deleteJobs",
    "Erase many jobs",
    tag="jobs",
    description="Those that have ended and that the same filters would list, with their logs and deliveries. Without "
    "any filter, `all` has to be true.",
    answers={200: ref("Deleted")},
    parameters=parameters(*FILTERS, "all", "bulk_dry_run"),
    body="JobFilters",
    form_example={"tag": "red", "host": "example.com"},
    needs_body=False,
)

GET_JOB = operation(
    "getJob",
    "Get a job",
    tag="jobs",
    answers=_JOB_ANSWER,
    refusals=(404,),
    parameters=parameters("job_id"),
    has_etag=True,
)

CHANGE_JOB = operation(
    "changeJob",
    "Reschedule or edit a job",
    tag="jobs",
    description="Of a job that waits: the fields that are sent take the place of those there were, null takes one "
    "away, and `schedule_in` or `scheduled_at` gives it another time. Of the upcoming run of a schedule, that run "
    "alone. 409 if it is not waiting.",
    answers=_JOB_ANSWER,
    refusals=(404, 409, 412),
    parameters=parameters("job_id", "if_match"),
    has_etag=True,
    body="JobChanges",
    form_example={"body[content]": "Hello", "schedule_in": "3600"},
)

CANCEL_JOB = operation(
    "cancelJob",
    "Cancel a job",
    tag="jobs",
    description="409 if it has ended. A request that is on the wire stays there; what it brings changes nothing.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=parameters("job_id", "scope"),
)

RUN_JOB = operation(
    "runJob",
    "Run a waiting job now",
    tag="jobs",
    description="409 if it is not waiting.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=parameters("job_id"),
)

DELETE_JOB = operation(
    "deleteJob",
    "Erase a job",
    tag="jobs",
    description="Erases a job that has ended, with its log and its deliveries. 409 before. Answers it as it was.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=parameters("job_id"),
)

RETRY_JOB = operation(
    "retryJob",
    "Retry a job",
    tag="jobs",
    description="Runs a job that has ended once more, with all its attempts before it. 409 for any other, for a "
    "cancelled run of a schedule that never started, and for a cancelled job whose idempotency key another one holds.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=parameters("job_id"),
)
