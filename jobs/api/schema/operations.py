"""What the OpenAPI document says of each call: decorators for the views' methods."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema

from jobs.api.input import query, unexpected
from jobs.api.schema import components
from jobs.api.schema.components import Schema, ref
from jobs.intake.batch import MOST_JOBS

F = TypeVar("F", bound=Callable[..., Any])

TAGS = {
    "jobs": "Requests to make, once or as the runs of a schedule.",
    "schedules": "Jobs that repeat.",
    "queues": "How many jobs run at once, and how fast they start.",
    "logs": "What happened to each job.",
    "deliveries": "Callbacks and webhooks, and who receives them.",
    "keys": "API keys, and what each may do.",
    "signing": "What callbacks, webhooks and requests are signed with.",
    "secrets": "Values that jobs refer to by name.",
    "limits": "What the caller may have, and has.",
    "demo": "Targets to try things with.",
}
_WITH_KEY = (401, 403, 429, 503)
_WITH_BODY = (400, 413, 415)
_FORM = "application/x-www-form-urlencoded"


def _operation(
    operation_id: str,
    summary: str,
    *,
    tag: str,
    answers: dict[int, Schema],
    refusals: Sequence[int] = (),
    parameters: Sequence[Schema] = (),
    body: str | None = None,
    form_example: Schema | None = None,
    is_open: bool = False,
    is_paged: bool = False,
    has_location: bool = True,
    has_etag: bool = False,
    needs_body: bool = True,
    is_open_to_any_query: bool = False,
    is_bare: bool = False,
    description: str = "",
) -> Callable[[F], F]:
    """`answers` are schemas of `data` by status, or of the whole answer if it `is_bare`; `body` names the request's."""
    taken = unexpected.Taken(_in_query(parameters), _fields(body), is_open_to_any_query)
    operation: Schema = {
        "operationId": operation_id,
        "summary": summary,
        "description": description or f"{summary}.",
        "tags": [tag],
        "parameters": list(parameters),
        "security": [] if is_open else [{"apiKey": []}],
        "responses": {str(status): _answer(status, schema, is_paged, is_bare) for status, schema in answers.items()},
    }
    if 201 in answers and has_location:
        operation["responses"]["201"]["headers"] = {"Location": {"schema": {"type": "string"}, "required": True}}
    if has_etag:
        operation["responses"]["200"]["headers"] = {"ETag": {"schema": {"type": "string"}, "required": True}}
    if body is not None:
        as_form: Schema = {"schema": ref("Form")}
        if form_example is not None:
            as_form["example"] = form_example
        operation["requestBody"] = {
            "required": needs_body,
            "content": {"application/json": {"schema": ref(body)}, _FORM: as_form},
        }

    def decorate(method: F) -> F:
        method.taken = taken  # type: ignore[attr-defined]
        # One without a body reads it all the same, to refuse it.
        reads_body = method.__name__ != "get"
        statuses = {*refusals, *(() if is_open else _WITH_KEY), *(() if is_open_to_any_query else (400,))}
        statuses |= {414, *(_WITH_BODY if reads_body else ())}
        operation["responses"] |= {str(status): ref(str(status), "responses") for status in sorted(statuses)}
        return extend_schema(operation=operation)(method)

    return decorate


def _in_query(parameters: Sequence[Schema]) -> list[str]:
    """Their names, but for those in the path and the headers."""
    named = [components.PARAMETERS[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in parameters]
    return [each["name"] for each in named if each["in"] == "query"]


def _fields(body: str | None) -> list[str] | None:
    return None if body is None else [*components.SCHEMAS[body].get("properties", {})]


def _answer(status: int, data: Schema, is_paged: bool, is_bare: bool) -> Schema:
    properties = {"data": data} | ({"cursor": components.NEXT_CURSOR} if is_paged else {})
    schema = {"type": "object", "properties": properties, "required": ["data"], "additionalProperties": False}
    schema = data if is_bare else schema
    description = {200: "Done.", 201: "Created.", 207: "Some were refused."}[status]
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameters(*names: str) -> list[Schema]:
    return [ref(name, "parameters") for name in names]


def _listing(
    operation_id: str, summary: str, *, tag: str, of: str, columns: Iterable[str], filters: Sequence[str] = ()
) -> Callable[[F], F]:
    return _operation(
        operation_id,
        summary,
        tag=tag,
        description="Newest first, unless `order_by` says otherwise. A request with `cursor`, empty for the first "
        "page, is answered with the one for the next page.",
        answers={200: {"type": "array", "items": ref(of), "maxItems": 100}},
        parameters=[
            *_parameters("limit", "offset", "cursor"),
            components.order_by([*columns]),
            *_parameters(*filters),
        ],
        is_paged=True,
    )


_JOB_ANSWER = {200: ref("Job")}

_JOB_FILTERS = ("state", "schedule_id", "url", "name", "inserted_after", "inserted_before")
LIST_JOBS = _listing(
    "listJobs",
    "List jobs",
    tag="jobs",
    of="Job",
    columns=query.JOB_COLUMNS,
    filters=_JOB_FILTERS,
)
CREATE_JOB = _operation(
    "createJob",
    "Create a job",
    tag="jobs",
    description="201 with the new job, or 200 with the one that holds the idempotency key. With `cron` or "
    "`repeat_every` it makes a schedule, and the job is its first run.",
    answers={200: ref("Job"), 201: ref("Job")},
    parameters=_parameters("idempotency_key"),
    body="JobInput",
    form_example={"method": "post", "url": "https://example.com/hook", "body[content]": "Hi", "schedule_in": "30"},
)
_BATCH_ANSWER: Schema = {"type": "array", "items": ref("BatchItem"), "minItems": 1, "maxItems": MOST_JOBS}
CREATE_JOBS = _operation(
    "createJobs",
    "Create many jobs",
    tag="jobs",
    description="Answers in their order, for each the job (a new one, or the one that holds its idempotency key) or "
    "what is wrong with it, with pointers into that job. 201 if none was refused, else 207. Those that are taken are "
    "taken in one transaction. Of several with one idempotency key the first wins.",
    answers={201: _BATCH_ANSWER, 207: _BATCH_ANSWER},
    has_location=False,
    body="BatchInput",
    form_example={"jobs[0][url]": "https://example.com/a", "jobs[1][url]": "https://example.com/b"},
)
CANCEL_JOBS = _operation(
    "cancelJobs",
    "Cancel many jobs",
    tag="jobs",
    description="All that have not ended and that the same filters, in the query or in the body, would list. The "
    "upcoming run of a schedule is among them, and its schedule ends. Without any filter, `all` has to be true.",
    answers={200: ref("Cancelled")},
    parameters=_parameters(*_JOB_FILTERS, "all"),
    body="JobFilters",
    form_example={"state": "scheduled", "name": "daily report"},
    needs_body=False,
)
GET_JOB = _operation(
    "getJob",
    "Get a job",
    tag="jobs",
    answers=_JOB_ANSWER,
    refusals=(404,),
    parameters=_parameters("job_id"),
    has_etag=True,
)
CHANGE_JOB = _operation(
    "changeJob",
    "Reschedule or edit a job",
    tag="jobs",
    description="Of a job that waits: the fields that are sent take the place of those there were, null takes one "
    "away, and `schedule_in` or `scheduled_at` gives it another time. Of the upcoming run of a schedule, that run "
    "alone. 409 if it is not waiting.",
    answers=_JOB_ANSWER,
    refusals=(404, 409, 412),
    parameters=_parameters("job_id", "if_match"),
    has_etag=True,
    body="JobChanges",
    form_example={"body[content]": "Hello", "schedule_in": "3600"},
)
CANCEL_JOB = _operation(
    "cancelJob",
    "Cancel a job",
    tag="jobs",
    description="409 if it has ended. A request that is on the wire stays there; what it brings changes nothing.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=_parameters("job_id", "scope"),
)
RUN_JOB = _operation(
    "runJob",
    "Run a waiting job now",
    tag="jobs",
    description="409 if it is not waiting.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=_parameters("job_id"),
)
DELETE_JOB = _operation(
    "deleteJob",
    "Erase a job",
    tag="jobs",
    description="Erases a job that has ended, with its log and its deliveries. 409 before. Answers it as it was.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=_parameters("job_id"),
)
RETRY_JOB = _operation(
    "retryJob",
    "Retry a job",
    tag="jobs",
    description="Runs a job that has ended once more, with all its attempts before it. 409 for any other, for a "
    "cancelled run of a schedule that never started, and for a cancelled job whose idempotency key another one holds.",
    answers=_JOB_ANSWER,
    refusals=(404, 409),
    parameters=_parameters("job_id"),
)
_SCHEDULE_ANSWER = {200: ref("Schedule")}
LIST_SCHEDULES = _listing(
    "listSchedules",
    "List schedules",
    tag="schedules",
    of="Schedule",
    columns=query.SCHEDULE_COLUMNS,
    filters=("managed_by",),
)
GET_SCHEDULE = _operation(
    "getSchedule",
    "Get a schedule",
    tag="schedules",
    answers=_SCHEDULE_ANSWER,
    refusals=(404,),
    parameters=_parameters("of_schedule"),
    has_etag=True,
)
CHANGE_SCHEDULE = _operation(
    "changeSchedule",
    "Change a schedule",
    tag="schedules",
    description="The fields that are sent take the place of those there were, null takes one away, and the whole is "
    "judged as a new job would be. `cron` takes the place of `repeat_every` and the other way round; `schedule_in` or "
    "`scheduled_at` says when it runs next, and an interval goes on from there. A run that has begun goes on as it is. "
    "409 if another job holds the new idempotency key.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404, 409, 412),
    parameters=_parameters("of_schedule", "if_match"),
    has_etag=True,
    body="ScheduleChanges",
    form_example={"cron": "0 10 * * *"},
)
PUT_SCHEDULE = _operation(
    "putSchedule",
    "Make or replace a schedule by its key",
    tag="schedules",
    description="201 with a new schedule where none has the key, else 200, and the whole of it is replaced: what is "
    "left out is as in a new one. One that is disabled stays so, `$state` stays, and its times move only if a field "
    "of timing differs. The same body twice changes nothing. 409 if another job holds the idempotency key.",
    answers={200: ref("Schedule"), 201: ref("Schedule")},
    refusals=(404, 409, 412),
    parameters=_parameters("schedule_key", "if_match"),
    has_etag=True,
    body="ScheduleInput",
    form_example={"url": "https://example.com/report", "cron": "0 9 * * 1-5"},
)
DELETE_SCHEDULE = _operation(
    "deleteSchedule",
    "Delete a schedule",
    tag="schedules",
    description="Its upcoming run is cancelled. The jobs it has run stay.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404,),
    parameters=_parameters("of_schedule"),
)
DISABLE_SCHEDULE = _operation(
    "disableSchedule",
    "Pause a schedule",
    tag="schedules",
    description="Its upcoming run is cancelled, and `$previous` forgotten; `$state` is kept. Nothing changes if it is "
    "disabled already.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404,),
    parameters=_parameters("of_schedule"),
    body="DisableInput",
    form_example={"reason": "the shop is closed until Monday"},
    needs_body=False,
)
ENABLE_SCHEDULE = _operation(
    "enableSchedule",
    "Resume a schedule",
    tag="schedules",
    description="From now on: what was missed stays missed. 409 if no run is left, or another job holds its "
    "idempotency key. Nothing changes if it is enabled already.",
    answers=_SCHEDULE_ANSWER,
    refusals=(404, 409),
    parameters=_parameters("of_schedule"),
)
TRIGGER_SCHEDULE = _operation(
    "triggerSchedule",
    "Run a schedule once, now",
    tag="schedules",
    description="One more run, outside the grid, enabled or not, and not counted towards `max_runs`. Answers its job.",
    answers={201: ref("Job")},
    refusals=(404,),
    parameters=_parameters("of_schedule"),
)
PREVIEW = _operation(
    "preview",
    "See what a job would do",
    tag="schedules",
    description="The runs to come and the first request of a would-be job, recurring or not. Creates nothing. Secrets "
    "are shown as `***`. Without a `url` it is about the times alone.",
    answers={200: ref("Preview")},
    body="PreviewInput",
    form_example={"cron": "0 9 * * 1-5", "timezone": "Europe/London", "count": "3"},
)
LIST_QUEUES = _listing("listQueues", "List queues", tag="queues", of="Queue", columns=query.QUEUE_COLUMNS)
GET_QUEUE = _operation(
    "getQueue",
    "Get a queue",
    tag="queues",
    answers={200: ref("Queue")},
    refusals=(404,),
    parameters=_parameters("queue_name"),
)
SET_QUEUE = _operation(
    "setQueue",
    "Set a queue's limits",
    tag="queues",
    description="All of them: what is left out is no limit, and not paused. Makes the queue if it is not there. "
    "Requests that are on the wire stay there.",
    answers={200: ref("Queue")},
    parameters=_parameters("queue_name"),
    body="QueueLimits",
    form_example={"concurrency": "5", "rate[limit]": "100", "rate[period]": "1 minute"},
)
LIST_LOGS = _listing(
    "listLogs",
    "List log events",
    tag="logs",
    of="LogEvent",
    columns=query.LOG_COLUMNS,
    filters=("log_job_id", "event"),
)
GET_LOG = _operation(
    "getLog",
    "Get a log event",
    tag="logs",
    answers={200: ref("LogEvent")},
    refusals=(404,),
    parameters=_parameters("log_id"),
)
GET_TIMELINE = _operation(
    "getTimeline",
    "See what happened to a job, and why",
    tag="jobs",
    description="Its log, its deliveries and its waits in order, the time it spent in each state, and why it ran late "
    "or has not run, as a code and in words.",
    answers={200: ref("Timeline")},
    refusals=(404,),
    parameters=_parameters("job_id"),
)
_DELIVERY_ANSWER = {200: ref("DeliveryWithBody")}
LIST_DELIVERIES = _listing(
    "listDeliveries",
    "List callbacks and webhooks",
    tag="deliveries",
    of="Delivery",
    columns=query.DELIVERY_COLUMNS,
    filters=("delivery_job_id", "kind", "delivery_state"),
)
GET_DELIVERY = _operation(
    "getDelivery",
    "Get a delivery, with what is sent",
    tag="deliveries",
    answers=_DELIVERY_ANSWER,
    refusals=(404,),
    parameters=_parameters("delivery_id"),
)
RESEND_DELIVERY = _operation(
    "resendDelivery",
    "Send a delivery again",
    tag="deliveries",
    description="The same body under the same `webhook-id`, signed anew and retried for a day as if it were new. 409 "
    "if it is still on its way, its receiver is switched off, or it has had 15,000 attempts.",
    answers=_DELIVERY_ANSWER,
    refusals=(404, 409),
    parameters=_parameters("delivery_id"),
)
LIST_RECEIVERS = _listing(
    "listReceivers", "List receivers that failed", tag="deliveries", of="Receiver", columns=query.RECEIVER_COLUMNS
)
GET_RECEIVER = _operation(
    "getReceiver",
    "Get a receiver that failed",
    tag="deliveries",
    answers={200: ref("Receiver")},
    refusals=(404,),
    parameters=_parameters("receiver_id"),
)
ENABLE_RECEIVER = _operation(
    "enableReceiver",
    "Switch a receiver on",
    tag="deliveries",
    description="It is sent to again, and has five days again. Deliveries that failed meanwhile can be sent again one "
    "by one. Nothing changes if it works.",
    answers={200: ref("Receiver")},
    refusals=(404,),
    parameters=_parameters("receiver_id"),
)
GET_VERSION = _operation("getVersion", "Which Booper this is", tag="demo", answers={200: ref("Version")}, is_open=True)
PING = _operation(
    "ping",
    "See whether the API is up",
    tag="demo",
    answers={200: ref("Pong")},
    is_open=True,
    is_open_to_any_query=True,
    is_bare=True,
)
ECHO = _operation(
    "echo",
    "Get back what was sent",
    tag="demo",
    description="Any JSON; a form is answered as the object that it means.",
    answers={200: ref("AnyJSON")},
    body="AnyJSON",
    form_example={"hello": "world"},
    is_open=True,
    is_open_to_any_query=True,
    is_bare=True,
)
BROADCAST = _operation(
    "broadcast",
    "Receive a message",
    tag="demo",
    description="A target for a first job. Keys that begin with `$` are passed over.",
    answers={200: ref("Broadcast")},
    body="BroadcastInput",
    form_example={"content": "Hi", "author": "Booper", "channel": "quickstart"},
    is_open=True,
    is_open_to_any_query=True,
    is_bare=True,
)
