"""The calls about what happened: log events and timelines."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

LIST_LOGS = listing(
    "listLogs",
    "List log events",
    tag="logs",
    of="LogEvent",
    columns=query.LOG_COLUMNS,
    filters=("log_job_id", "tag", "event"),
)

GET_LOG = operation(
    "getLog",
    "Get a log event",
    tag="logs",
    answers={200: ref("LogEvent")},
    refusals=(404,),
    parameters=parameters("log_id"),
)

GET_TIMELINE = operation(
    "getTimeline",
    "See what happened to a job, and why",
    tag="jobs",
    description="Its log, its deliveries and its waits in order, the time it spent in each state, and why it ran late "
    "or has not run, as a code and in words.",
    answers={200: ref("Timeline")},
    refusals=(404,),
    parameters=parameters("job_id"),
)
