"""The calls about schedules and previews."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

_SCHEDULE_ANSWER = {200: ref("Schedule")}

LIST_SCHEDULES = listing(
    "listSchedules",
    "List schedules",
    tag="schedules",
    of="Schedule",
    columns=query.SCHEDULE_COLUMNS,
    filters=("schedule_name", "managed_by"),
)

GET_SCHEDULE = operation(
    "getSchedule",
    "Get a schedule",
    tag="schedules",
    answers=_SCHEDULE_ANSWER,
    refusals=(404,),
    parameters=parameters("of_schedule"),
    has_etag=True,
)

CHANGE_SCHEDULE = operation(
    "changeSchedule",
    "Change a schedule",
    tag="schedules",
    description="The fields that are sent take the place of those there were, null takes one away, and the whole is "
    "judged as a new job would be. `cron` takes the place of `repeat_every` and the other way round; `schedule_in` or "
    "`scheduled_at` says when it runs next, and an interval goes on from there. A run that has begun goes on as it is. "
    "409 if another job holds the new idempotency key.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404, 409, 412),
    parameters=parameters("of_schedule", "if_match"),
    has_etag=True,
    body="ScheduleChanges",
    form_example={"cron": "0 10 * * *"},
)

PUT_SCHEDULE = operation(
    "putSchedule",
    "Make or replace a schedule by its key",
    tag="schedules",
    description="201 with a new schedule where none has the key, else 200, and the whole of it is replaced: what is "
    "left out is as in a new one. One that is disabled stays so, `$state` stays, and its times move only if a field "
    "of timing differs. The same body twice changes nothing. 409 if another job holds the idempotency key.",
    answers={200: ref("Schedule"), 201: ref("Schedule")},
    refusals=(404, 409, 412),
    parameters=parameters("schedule_key", "if_match"),
    has_etag=True,
    body="ScheduleInput",
    form_example={"url": "https://example.com/report", "cron": "0 9 * * 1-5"},
)

DELETE_SCHEDULE = operation(
    "deleteSchedule",
    "Delete a schedule",
    tag="schedules",
    description="Its upcoming run is cancelled. The jobs it has run stay.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404,),
    parameters=parameters("of_schedule"),
)

DISABLE_SCHEDULE = operation(
    "disableSchedule",
    "Pause a schedule",
    tag="schedules",
    description="Its upcoming run is cancelled, and `$previous` forgotten; `$state` is kept. Nothing changes if it is "
    "disabled already.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404,),
    parameters=parameters("of_schedule"),
    body="DisableInput",
    form_example={"reason": "the shop is closed until Monday"},
    needs_body=False,
)

ENABLE_SCHEDULE = operation(
    "enableSchedule",
    "Resume a schedule",
    tag="schedules",
    description="From now on: what was missed stays missed. 409 if no run is left, or another job holds its "
    "idempotency key. Nothing changes if it is enabled already.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404, 409),
    parameters=parameters("of_schedule"),
)

TRIGGER_SCHEDULE = operation(
    "triggerSchedule",
    "Run a schedule once, now",
    tag="schedules",
    description="One more run, outside the grid, enabled or not, and not counted towards `max_runs`. Answers its job.",
    answers={201: ref("Job")},
    refusals=(404,),
    parameters=parameters("of_schedule"),
)

SKIP_RUN = operation(
    "skipRun",
    "Leave out the next run of a schedule",
    tag="schedules",
    description="Or, with `until`, all runs before that moment. They are not counted towards `max_runs`. If no run is "
    "left then, the schedule ends. 409 if it is disabled.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404, 409),
    parameters=parameters("of_schedule"),
    body="SkipInput",
    form_example={"until": "2026-12-27"},
    needs_body=False,
)

BACKFILL_SCHEDULE = operation(
    "backfillSchedule",
    "Make the runs that a schedule missed",
    tag="schedules",
    description="The runs that its grid has from `from` to `to`, both included, are made now, but for those that ran "
    "already: 201 with their jobs, at most 1,000. An interval's grid reaches back before its first run. Enabled or "
    "not, and not counted towards `max_runs`. With `dry_run`, in the query or the body, 200 with their times alone.",
    answers={
        200: {"type": "array", "items": ref("Run"), "maxItems": 1000},
        201: {"type": "array", "items": ref("Job"), "maxItems": 1000},
    },
    refusals=(404,),
    parameters=parameters("of_schedule", "dry_run"),
    has_location=False,
    body="BackfillInput",
    form_example={"from": "2026-11-01", "to": "2026-11-07"},
)

PREVIEW = operation(
    "preview",
    "See what a job would do",
    tag="schedules",
    description="The runs to come and the first request of a would-be job, recurring or not. Creates nothing. Secrets "
    "are shown as `***`. Without a `url` it is about the times alone.",
    answers={200: ref("Preview")},
    body="PreviewInput",
    form_example={"cron": "0 9 * * 1-5", "timezone": "Europe/London", "count": "3"},
)
