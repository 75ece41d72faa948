"""What the OpenAPI document refers to: the shapes of bodies and answers, the parameters, the refusals."""

from typing import Any

from booper.timing.durations import UNITS
from jobs.api.input.cursors import LONGEST
from jobs.api.wire.problems import CONTENT_TYPE, KINDS
from jobs.explaining.reasons import Code
from jobs.intake import job_changes
from jobs.intake.batch import MOST_JOBS
from jobs.intake.keyed_schedule import KEY_PATTERN, LONGEST_MANAGED_BY
from jobs.intake.queue import HIGHEST, NAME_PATTERN
from jobs.intake.recurrence import MOST_DISCARDED
from jobs.intake.request import METHODS
from jobs.intake.schedule import LONGEST_REASON
from jobs.models import CatchUp, DeliveryKind, DeliveryState, EventType, JobState, Overlap

Schema = dict[str, Any]

_TIME: Schema = {"type": "string", "format": "date-time", "example": "2026-12-01T09:00:00Z"}
_UUID: Schema = {"type": "string", "format": "uuid", "example": "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"}
_JOB_ID: Schema = {"type": "integer", "format": "int64", "minimum": 1, "example": 73496}
_ANY_JSON: Schema = {"description": "Any JSON, nested at most 100 deep."}
_MOMENT: Schema = {
    "description": "A datetime (RFC 3339; without an offset in `timezone`, or UTC) or a unix timestamp, in seconds"
    " or, above 1e11, in milliseconds. At most ten years ahead; the past means now.",
    "anyOf": [{"type": "string", "example": "2026-12-01T09:00:00Z"}, {"type": "number", "minimum": 0}],
}


NEXT_CURSOR: Schema = {
    "type": "string",
    "nullable": True,
    "description": "For the next page, null on the last; only there if the request had a `cursor`.",
}


def ref(name: str, section: str = "schemas") -> Schema:
    return {"$ref": f"#/components/{section}/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "nullable": True}


def _optional(properties: dict[str, Schema]) -> dict[str, Schema]:
    """Of fields that say with null what they say when they are left out."""
    return {name: schema if name == "url" else _or_null(schema) for name, schema in properties.items()}


def _object(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    required = [name for name in properties if name not in optional]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return schema | {"required": required} if required else schema


# Ten years in seconds, three leap days among them; of the other units there are fewer in them.
_AMOUNT: Schema = {"type": "number", "minimum": 0, "maximum": 3_653 * 86_400}
_DURATION: Schema = {
    "description": f"A number of seconds, [amount, unit] or text such as `30 seconds`. Units: {', '.join(UNITS)}, "
    "singular too; months and years go by the calendar. From nothing to ten years.",
    "anyOf": [
        _AMOUNT,
        {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {
                "anyOf": [_AMOUNT, {"type": "string", "enum": [*UNITS, *(unit.removesuffix("s") for unit in UNITS)]}]
            },
            "example": [5, "minutes"],
        },
        {"type": "string", "example": "30 seconds"},
    ],
}
_TIMEZONE: Schema = {
    "type": "string",
    "description": "An IANA name, for `cron`, for times without an offset, and for months and years.",
    "default": "UTC",
    "example": "Europe/London",
}
_URL: Schema = {
    "type": "string",
    "maxLength": 2048,
    "description": "Absolute, https:// (http:// where the operator allows it), no user information, a public address.",
    "example": "https://example.com/hook",
}

_RECURRENCE_PROPERTIES: dict[str, Schema] = {
    "cron": {
        "type": "string",
        "maxLength": 512,
        "description": "Repeats when clocks in `timezone` match: minute, hour, day of the month, month and day of the "
        "week. The day of the month also takes `L` (the last), `LW` (the last workday) and `15W` (the workday nearest "
        "to the 15th), the day of the week `5L` (the last Friday) and `2#1` (the first Tuesday).",
        "example": "0 9 * * MON-FRI",
    },
    "repeat_every": {
        "description": "Repeats at this interval, 1 second or more, from its first run on. Not together with `cron`.",
        "allOf": [ref("Duration")],
        "example": [2, "minutes"],
    },
    "starts_at": {**_MOMENT, "description": f"No run before this. {_MOMENT['description']}"},
    "ends_at": {**_MOMENT, "description": f"No run after this. {_MOMENT['description']}"},
    "max_runs": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "description": "It ends after so many runs."},
    "overlap": {
        "type": "string",
        "enum": Overlap.values,
        "default": Overlap.ALLOW.value,
        "description": "Whether a run is skipped while the one before is still going.",
    },
    "catch_up": {
        "type": "string",
        "enum": CatchUp.values,
        "default": CatchUp.LATEST.value,
        "description": "After an outage: one late run, or none.",
    },
    "include_metadata": {
        "type": "boolean",
        "description": "Whether `$job`, `$previous` and `$state` are put into a body that is an object. Without it: "
        "for recurring jobs.",
    },
    "disable_after": {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_DISCARDED,
        "description": "It is disabled once so many of its runs in a row were discarded.",
    },
}
_QUEUE_NAME: Schema = {"type": "string", "pattern": NAME_PATTERN, "example": "mail"}
_CONCURRENCY: Schema = {
    "type": "integer",
    "minimum": 1,
    "maximum": HIGHEST,
    "nullable": True,
    "description": "How many of its jobs run at once, at most; null for any number.",
}
_RATE_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": HIGHEST}
_RATE_DESCRIPTION = "How many of its jobs start in each period, saved up to that many; null for any number."
_JOB_INPUT_PROPERTIES: dict[str, Schema] = {
    "method": {"type": "string", "enum": [*METHODS], "default": "get", "description": "In any case."},
    "url": _URL,
    "query": {
        "type": "object",
        "description": "Appended to the URL's query: lists repeat their key, objects nest in brackets. At most 8,192 "
        "characters once percent-encoded.",
        "example": {"page": 1},
    },
    "headers": {
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "number"}]},
        "description": "At most 64 and 16 KiB in all. Not Host, Content-Length, Transfer-Encoding, Connection, "
        "Keep-Alive, TE, Trailer, Upgrade, Expect, Proxy-*, User-Agent, Booper-* or Webhook-*.",
        "example": {"X-Tenant": "7"},
    },
    "body": {**_ANY_JSON, "example": {"content": "Hi"}},
    "schedule_in": ref("Duration"),
    "scheduled_at": _MOMENT,
    "timezone": _TIMEZONE,
    "name": {"type": "string", "maxLength": 255},
    "description": {"type": "string", "maxLength": 10_000},
    "idempotency_key": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "description": "While a job that holds the key has not started, another one with it is not made: that job is "
        "answered instead. The header `Idempotency-Key` does the same.",
    },
    "callback_url": {**_URL, "description": "Receives the result, signed.", "example": "https://example.com/done"},
    "webhook_url": {**_URL, "description": "Receives each event, signed.", "example": "https://example.com/events"},
    "timeout": {
        "type": "number",
        "minimum": 1,
        "maximum": 900,
        "default": 30,
        "description": "Seconds that an attempt may take.",
    },
    "max_attempts": {"type": "integer", "minimum": 1, "maximum": 100, "default": 5},
    "backoff": {
        "type": "array",
        "items": ref("Duration"),
        "minItems": 1,
        "maxItems": 100,
        "description": "The wait after each failed attempt, the last one repeated.",
        "example": [5, [1, "minutes"]],
    },
    **_RECURRENCE_PROPERTIES,
    "queue": {
        **_QUEUE_NAME,
        "description": "One of your queues, which limits how many of its jobs run at once and how fast they start. It "
        "is made, without limits, if it is not there.",
    },
}

_ALL: Schema = {
    "type": "boolean",
    "default": False,
    "description": "Has to be true where there is no filter, and every job that has not ended is meant.",
}
_PERIOD: Schema = {
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "items": {"anyOf": [{"type": "number"}, {"type": "string"}]},
    "example": [1, "minute"],
}
_FREQUENCY: Schema = {
    "anyOf": [
        _object(
            {
                "repeat_every": {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": 2,
                    "items": {"anyOf": [{"type": "number"}, {"type": "string", "enum": [*UNITS]}]},
                }
            }
        ),
        _object({"cron": {"type": "string"}}),
    ],
    "example": {"repeat_every": [2, "minutes"]},
}
_MANAGED_BY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_MANAGED_BY,
    "description": "What looks after it, in your own words: a file, say. The list can be filtered by it.",
}
_SCHEDULE: dict[str, Schema] = {
    "id": _UUID,
    "key": {**_or_null({"type": "string"}), "description": "What you call it; it stands for the uuid in any path."},
    "managed_by": _or_null(_MANAGED_BY),
    "name": _or_null({"type": "string"}),
    "description": _or_null({"type": "string"}),
    "inserted_at": _TIME,
    "disabled_at": _or_null(_TIME),
    "disabled_reason": {**_or_null({"type": "string"}), "description": "Why it is disabled, as far as that is known."},
    "user_id": _UUID,
    "frequency": _FREQUENCY,
    "timezone": {"type": "string", "example": "Europe/London"},
    "starts_at": _or_null(_TIME),
    "ends_at": _or_null(_TIME),
    "max_runs": _or_null({"type": "integer"}),
    "run_count": {"type": "integer", "description": "The runs so far; those that were skipped don't count."},
    "next_run_at": {**_or_null(_TIME), "description": "When its upcoming run is due."},
    "overlap": {"type": "string", "enum": Overlap.values},
    "catch_up": {"type": "string", "enum": CatchUp.values},
    "include_metadata": _or_null({"type": "boolean"}),
    "disable_after": _or_null({"type": "integer"}),
    "state": {"type": "object", "description": "What the target keeps with `$set`: `$state`."},
    "previous": {"description": "What the last run was answered: `$previous`."},
    "args": {"type": "object", "description": "The request as it was sent."},
}
_RUN: Schema = _object(
    {
        "at": _TIME,
        "local": {"type": "string", "format": "date-time", "description": "In `timezone`."},
        "note": _or_null({"type": "string", "description": "What daylight saving does to it."}),
    }
)
_PREVIEW: dict[str, Schema] = {
    "description": {"type": "string", "example": "at 09:00 on weekdays, Europe/London"},
    "frequency": {**_FREQUENCY, "nullable": True, "description": "null for a one-off job."},
    "timezone": {"type": "string"},
    "runs": {"type": "array", "items": _RUN, "maxItems": 100},
    "request": _or_null(
        _object(
            {
                "method": {"type": "string", "enum": [*METHODS]},
                "url": {"type": "string"},
                "query": {"type": "object"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "body": _ANY_JSON,
            },
            description="The first request; null where no `url` was sent.",
        )
    ),
}

_JOB_STATUS: Schema = _object(
    {
        "id": _JOB_ID,
        "state": {"type": "string", "enum": JobState.values},
        "inserted_at": _TIME,
        "scheduled_at": _TIME,
        "attempted_at": _or_null(_TIME),
        "completed_at": _or_null(_TIME),
        "cancelled_at": _or_null(_TIME),
        "discarded_at": _or_null(_TIME),
        "has_confict": {"type": "boolean", "description": "The same as has_conflict."},
        "has_conflict": {"type": "boolean", "description": "This job was here already and holds the idempotency key."},
    }
)

_ERROR: Schema = _or_null(_object({"code": {"type": "string"}, "message": {"type": "string"}}))
_STATUS: Schema = _or_null({"type": "integer", "description": "The status of the last answer, if there was one."})
_DELIVERY: dict[str, Schema] = {
    "id": {**_UUID, "description": "The header `webhook-id`, the same in every attempt."},
    "job_id": _JOB_ID,
    "user_id": _UUID,
    "kind": {"type": "string", "enum": DeliveryKind.values},
    "event": {"type": "string", "example": "job.finished"},
    "sequence": _or_null({"type": "integer", "description": "Of a webhook: numbers a job's events from 1."}),
    "url": {"type": "string"},
    "state": {"type": "string", "enum": DeliveryState.values},
    "attempt": {"type": "integer", "description": "The attempts so far."},
    "inserted_at": _TIME,
    "next_attempt_at": {**_or_null(_TIME), "description": "null unless it is pending."},
    "attempted_at": _or_null(_TIME),
    "delivered_at": _or_null(_TIME),
    "failed_at": _or_null(_TIME),
    "resent_at": {**_or_null(_TIME), "description": "When it was last sent again on request."},
    "response_status": _STATUS,
    "error": {**_ERROR, "description": "Why the last attempt failed; `receiver_off` if nothing was sent."},
}
_RECEIVER: dict[str, Schema] = {
    "id": _UUID,
    "user_id": _UUID,
    "origin": {"type": "string", "description": "Scheme, host and port.", "example": "https://example.com"},
    "state": {"type": "string", "enum": ["working", "failing", "off"]},
    "failing_since": {**_or_null(_TIME), "description": "Nothing has reached it since."},
    "disabled_at": {**_or_null(_TIME), "description": "When it was switched off, after five days of that."},
    "last_failed_at": {**_TIME, "description": "To within a minute."},
    "response_status": _STATUS,
    "error": {**_ERROR, "description": "Why the last attempt that failed did."},
}
_TIMELINE: dict[str, Schema] = {
    "id": _UUID,
    "job_id": _JOB_ID,
    "state": {"type": "string", "enum": JobState.values},
    "reason": _object(
        {
            "code": {"type": "string", "enum": [code.value for code in Code]},
            "message": {"type": "string", "example": "due for 5 minutes, but no worker is running"},
            "until": _or_null(_TIME),
        },
        description="Why it ran late or has not run, or that it was on time.",
    ),
    "late_seconds": _or_null(
        {"type": "number", "description": "From when it was due first to its first attempt, or until now."}
    ),
    "seconds_in_states": {"type": "object", "additionalProperties": {"type": "number"}},
    "is_complete": {"type": "boolean", "description": "false where a part was pruned, or left out as it is too long."},
    "entries": {
        "type": "array",
        "items": _object(
            {
                "at": _TIME,
                "type": {"type": "string", "enum": ["log", "delivery", "wait"]},
                "name": {"type": "string", "description": "The event, or the state in which it waited."},
                "text": {"type": "string", "example": "waited 1.204 s until it was taken up"},
                "attempt": _or_null({"type": "integer"}),
                "seconds": _or_null({"type": "number", "description": "Of a wait."}),
                "payload": {"type": "object"},
            }
        ),
    },
}

_BROADCAST: dict[str, Schema] = {
    "content": {"type": "string", "maxLength": 10_000, "example": "Hi"},
    "author": _or_null({"type": "string", "maxLength": 255, "example": "Booper"}),
    "channel": _or_null({"type": "string", "maxLength": 255, "example": "quickstart"}),
}

_FIELD_ERROR: Schema = _object(
    {
        "pointer": {
            "type": "string",
            "description": "A JSON pointer into the body, or into the query parameters.",
            "example": "/schedule_in/1",
        },
        "detail": {"type": "string"},
    }
)

_PROBLEM: dict[str, Schema] = {
    "type": {"type": "string", "enum": [f"urn:booper:problem:{kind}" for kind, _ in KINDS.values()]},
    "title": {"type": "string"},
    "status": {"type": "integer", "enum": [*KINDS]},
    "detail": {"type": "string"},
}

SCHEMAS: dict[str, Schema] = {
    "Duration": _DURATION,
    "JobInput": _object(
        _optional(_JOB_INPUT_PROPERTIES),
        optional=tuple(name for name in _JOB_INPUT_PROPERTIES if name != "url"),
        example={
            "method": "post",
            "url": "https://example.com/hook",
            "body": {"content": "Hi"},
            "schedule_in": [30, "seconds"],
        },
    ),
    "JobChanges": _object(
        _optional({name: _JOB_INPUT_PROPERTIES[name] for name in job_changes.FIELDS}),
        optional=job_changes.FIELDS,
        minProperties=1,
        example={"body": {"content": "Hello"}, "description": None, "schedule_in": [1, "hour"]},
    ),
    "ScheduleChanges": _object(
        _optional(_JOB_INPUT_PROPERTIES),
        optional=tuple(_JOB_INPUT_PROPERTIES),
        minProperties=1,
        example={"cron": "0 10 * * *", "name": "a new name"},
    ),
    "PreviewInput": _object(
        {name: _or_null(schema) for name, schema in _JOB_INPUT_PROPERTIES.items()}
        | {"count": _or_null({"type": "integer", "minimum": 1, "maximum": 100, "default": 5})},
        optional=(*_JOB_INPUT_PROPERTIES, "count"),
        example={"cron": "0 9 * * 1-5", "timezone": "Europe/London", "count": 3},
    ),
    "Schedule": _object(_SCHEDULE),
    "ScheduleInput": _object(
        _optional({**_JOB_INPUT_PROPERTIES, "managed_by": _MANAGED_BY}),
        optional=tuple(name for name in (*_JOB_INPUT_PROPERTIES, "managed_by") if name != "url"),
        example={"url": "https://example.com/report", "cron": "0 9 * * MON-FRI", "managed_by": "ops/schedules.yaml"},
    ),
    "DisableInput": _object(
        {
            "reason": {
                "type": "string",
                "nullable": True,
                "maxLength": LONGEST_REASON,
                "description": "Why, for whoever reads the schedule.",
            }
        },
        optional=("reason",),
        example={"reason": "the shop is closed until Monday"},
    ),
    "QueueLimits": _object(
        {
            "concurrency": {**_CONCURRENCY, "example": 5},
            "rate": _or_null(_object({"limit": _RATE_LIMIT, "period": ref("Duration")}, description=_RATE_DESCRIPTION)),
            "paused": {
                "type": "boolean",
                "nullable": True,
                "default": False,
                "description": "Whether none of its jobs start.",
            },
        },
        optional=("concurrency", "rate", "paused"),
        example={"concurrency": 5, "rate": {"limit": 100, "period": [1, "minute"]}},
    ),
    "Queue": _object(
        {
            "name": _QUEUE_NAME,
            "inserted_at": _TIME,
            "concurrency": _CONCURRENCY,
            "rate": _or_null(
                _object({"limit": _RATE_LIMIT, "period": _PERIOD}, description=_RATE_DESCRIPTION),
            ),
            "paused": {"type": "boolean"},
            "waiting": {"type": "integer", "minimum": 0, "description": "How many of its jobs wait, due or not."},
            "running": {"type": "integer", "minimum": 0, "description": "How many of its jobs are on the wire."},
        }
    ),
    "Preview": _object(_PREVIEW),
    "Job": _object(
        {
            "id": _UUID,
            "job_id": _JOB_ID,
            "user_id": _UUID,
            "schedule_id": _or_null(_UUID),
            "name": _or_null({"type": "string"}),
            "description": _or_null({"type": "string"}),
            "idempotency_key": _or_null({"type": "string"}),
            "inserted_at": _TIME,
            "job": _JOB_STATUS,
            "queue": _or_null({"type": "string", "description": "The queue it is in."}),
            "attempt": {"type": "integer", "minimum": 0, "description": "How many attempts have begun."},
            "max_attempts": {"type": "integer", "minimum": 1},
            "error": _or_null(ref("JobError")),
            "args": {"type": "object", "description": "The request as it was sent."},
        }
    ),
    "JobError": _object(
        {
            "code": {"type": "string", "example": "timeout"},
            "message": {"type": "string"},
            "response_status": _or_null({"type": "integer"}),
            "at": _TIME,
        },
    ),
    "BatchInput": _object(
        {"jobs": {"type": "array", "items": ref("JobInput"), "minItems": 1, "maxItems": MOST_JOBS}},
        example={"jobs": [{"url": "https://example.com/a"}, {"url": "https://example.com/b", "schedule_in": 60}]},
    ),
    "BatchItem": {"anyOf": [ref("Job"), _object({"error": {"anyOf": [ref("InvalidInput"), ref("Problem")]}})]},
    "JobFilters": _object(
        {
            "state": {
                "description": "One or more, as a list or with commas between them.",
                "anyOf": [
                    {"type": "string", "example": "scheduled,retryable"},
                    {"type": "array", "items": {"type": "string", "enum": JobState.values}, "minItems": 1},
                ],
            },
            "schedule_id": _UUID,
            "url": {"type": "string"},
            "name": {"type": "string"},
            "inserted_after": _MOMENT,
            "inserted_before": _MOMENT,
            "all": _ALL,
        },
        optional=("state", "schedule_id", "url", "name", "inserted_after", "inserted_before", "all"),
        example={"state": "scheduled", "name": "daily report"},
    ),
    "Cancelled": _object({"cancelled": {"type": "integer", "minimum": 0, "description": "How many jobs were."}}),
    "LogEvent": _object(
        {
            "id": _UUID,
            "event": {"type": "string", "enum": EventType.values},
            "inserted_at": _TIME,
            "job_id": _JOB_ID,
            "user_id": _UUID,
            "payload": {"type": "object"},
        }
    ),
    "Delivery": _object(_DELIVERY),
    "DeliveryWithBody": _object(_DELIVERY | {"body": {"type": "object", "description": "What is sent."}}),
    "Receiver": _object(_RECEIVER),
    "Timeline": _object(_TIMELINE),
    "Version": _object(
        {
            "version": {"type": "string", "example": "0.2.0"},
            "api": {"type": "string", "description": "Raised when something that clients rely on changes."},
        }
    ),
    "Pong": _object({"message": {"type": "string", "enum": ["Pong"]}}),
    "BroadcastInput": _object(_BROADCAST, optional=("author", "channel")),
    "Broadcast": _object(_BROADCAST),
    "AnyJSON": {**_ANY_JSON, "example": {"hello": "world"}},
    "Form": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "The fields of the JSON body, each as text. Brackets nest: `body[content]=Hi` is "
        '`{"body": {"content": "Hi"}}`, and `schedule_in[]=30&schedule_in[]=seconds` a list.',
        "example": {"body[content]": "Hi"},
    },
    "FieldError": _FIELD_ERROR,
    "Problem": _object(_PROBLEM),
    "ServerRefusal": _object(
        {
            "type": {"type": "string", "enum": ["about:blank"]},
            "title": {"type": "string", "example": "URI Too Long"},
            "status": {"type": "integer", "example": 414},
            "detail": {"type": "string"},
        }
    ),
    "LimitReached": _object(
        {
            **_PROBLEM,
            "limit": {"type": "string", "description": "Its name.", "example": "waiting_jobs"},
            "allowed": {"type": "integer", "minimum": 0},
            "used": {"type": "integer", "minimum": 0},
        }
    ),
    "InvalidInput": _object({**_PROBLEM, "errors": {"type": "array", "items": ref("FieldError")}}),
}


def _refusal(status: int, description: str, *, header: str | None = None, detail: str) -> Schema:
    kind, title = KINDS[status]
    example: Schema = {"type": f"urn:booper:problem:{kind}", "title": title, "status": status, "detail": detail}
    schema = ref("Problem")
    if status == 400:
        schema = ref("InvalidInput")
        example["errors"] = [{"pointer": "/schedule_in/1", "detail": detail.partition(": ")[2]}]
    if status == 429:
        schema = ref("LimitReached")
        example |= {"limit": "requests", "allowed": 300_000, "used": 300_000}
    response: Schema = {
        "description": description,
        "content": {CONTENT_TYPE: {"schema": schema, "example": example}},
    }
    if header is not None:
        response["headers"] = {header: {"schema": {"type": "string"}, "required": True}}
    return response


RESPONSES: dict[str, Schema] = {
    "400": _refusal(
        400,
        "Something is wrong with the input: `errors` says what, and where.",
        detail='schedule_in/1: "minuts" is not a unit of time: did you mean "minutes"?',
    ),
    "401": _refusal(
        401,
        "There is no API key, or it is not valid.",
        header="WWW-Authenticate",
        detail="there is no API key: send the header Authorization: Bearer sk_…",
    ),
    "403": _refusal(
        403,
        "The API key has not the scope for it, or its owner is suspended.",
        detail="the API key has the scope read, and POST /api/jobs needs write: use a key that has it",
    ),
    "404": _refusal(404, "It is not there, or somebody else's.", detail="there is no job '12' of yours"),
    "409": _refusal(409, "Its state does not allow it (any more).", detail="job 12 is completed"),
    "412": _refusal(
        412,
        "It is not as `If-Match` has it.",
        detail='it was changed in the meantime and its ETag is "…" now: read it again',
    ),
    "413": _refusal(413, "The body is too large.", detail="the body has more than 1048576 bytes: send less"),
    # Of the web server, before the API sees the call.
    "414": {
        "description": "The URL of the call is too long.",
        "content": {CONTENT_TYPE: {"schema": ref("ServerRefusal")}},
    },
    "415": _refusal(415, "The body is in a format that is not read here.", detail="'text/xml' is not read here"),
    "429": _refusal(
        429,
        "A limit is reached: `limit` is its name. Docs: limits.",
        header="Retry-After",
        detail="requests: 300000 in a minute are allowed, and 300000 were made: try again in 12 seconds",
    ),
    "503": _refusal(
        503,
        "The database does not answer.",
        header="Retry-After",
        detail="the database did not answer: try again in 5 seconds",
    ),
}


def _parameter(name: str, description: str, schema: Schema, *, place: str = "query", **more: Any) -> Schema:
    return {"name": name, "in": place, "description": description, "schema": schema, **more}


def _choices(name: str, description: str, values: list[str]) -> Schema:
    schema: Schema = {"type": "array", "items": {"type": "string", "enum": values}, "minItems": 1}
    return _parameter(name, f"{description}; several with commas.", schema, style="form", explode=False)


def order_by(columns: list[str]) -> Schema:
    """The parameter `order_by`; not among the others, as each list has columns of its own."""
    description = (
        f"A field ({', '.join(columns)}) and `asc` or `desc`: `inserted_at,asc`. As `order_by[]` twice and as JSON too."
    )
    schema: Schema = {"type": "string", "pattern": f"^({'|'.join(columns)}),(asc|desc)$", "example": "inserted_at,asc"}
    return _parameter("order_by", description, schema)


PARAMETERS: dict[str, Schema] = {
    "job_id": _parameter(
        "job_id", "Its integer `job_id`, or its uuid.", {"anyOf": [_JOB_ID, _UUID]}, place="path", required=True
    ),
    "of_schedule": _parameter(
        "schedule_id",
        "Its uuid, or its key.",
        {"anyOf": [_UUID, {"type": "string", "pattern": KEY_PATTERN, "example": "daily-report"}]},
        place="path",
        required=True,
    ),
    "schedule_key": _parameter(
        "schedule_id",
        "Its key: neither a uuid nor `new`.",
        {"type": "string", "pattern": KEY_PATTERN, "example": "daily-report"},
        place="path",
        required=True,
    ),
    "managed_by": _parameter("managed_by", "Only those that this looks after.", {"type": "string"}),
    "log_id": _parameter("log_id", "Its uuid.", _UUID, place="path", required=True),
    "queue_name": _parameter("name", "Its name.", _QUEUE_NAME, place="path", required=True),
    "limit": _parameter(
        "limit", "How many rows at most.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    ),
    "offset": _parameter(
        "offset",
        "How many rows to leave out first.",
        {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 0},
    ),
    "cursor": _parameter(
        "cursor",
        "Empty for the first page, then as the page before gave it; the other parameters stay as they were. However "
        "deep the page, it costs the same. Not together with `offset`, except where it is empty.",
        {"type": "string", "maxLength": LONGEST, "example": ""},
        allowEmptyValue=True,
    ),
    "state": _choices("state", "Only jobs in this state", JobState.values),
    "schedule_id": _parameter("schedule_id", "Only the jobs of this schedule.", _UUID),
    "url": _parameter("url", "Only jobs with exactly this URL, in its canonical spelling.", {"type": "string"}),
    "name": _parameter("name", "Only jobs with exactly this name.", {"type": "string"}),
    "inserted_after": _parameter("inserted_after", "Only jobs made after this moment.", _TIME),
    "inserted_before": _parameter("inserted_before", "Only jobs made before this moment.", _TIME),
    "all": _parameter("all", _ALL["description"], _ALL),
    "log_job_id": _parameter(
        "job_id", "Only the events of this job: its `job_id` or uuid.", {"anyOf": [_JOB_ID, _UUID]}
    ),
    "event": _choices("event", "Only events of this kind", EventType.values),
    "delivery_id": _parameter("delivery_id", "Its uuid.", _UUID, place="path", required=True),
    "delivery_job_id": _parameter(
        "job_id", "Only the deliveries of this job: its `job_id` or uuid.", {"anyOf": [_JOB_ID, _UUID]}
    ),
    "kind": _choices("kind", "Only callbacks, or only webhooks", DeliveryKind.values),
    "delivery_state": _choices("state", "Only deliveries in this state", DeliveryState.values),
    "receiver_id": _parameter("receiver_id", "Its uuid.", _UUID, place="path", required=True),
    "scope": _parameter(
        "scope",
        "For the upcoming run of a schedule: `run` skips just that run, while without it the schedule ends.",
        {"type": "string", "enum": ["run"]},
    ),
    "if_match": _parameter(
        "If-Match",
        "The `ETag` that it was read with: 412, and nothing is changed, if somebody has edited it since.",
        {"type": "string", "minLength": 1, "pattern": "^[!-~]+$"},
        place="header",
    ),
    "idempotency_key": _parameter(
        "Idempotency-Key",
        "Stands in for the field `idempotency_key`; in quotes or without.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        place="header",
    ),
}

SECURITY: dict[str, Schema] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sk_…",
        "description": "`Authorization: Bearer sk_…`; `Authorization: Token sk_…` is taken as well.",
    }
}
