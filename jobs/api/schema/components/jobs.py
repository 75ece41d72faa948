"""The schemas of jobs: what a client sends to make, edit and select some, and what is answered of one."""

from booper.content import body_formats
from jobs.api.schema.components import following
from jobs.api.schema.components.calendars import CALENDAR_NAME
from jobs.api.schema.components.queues import QUEUE_NAME
from jobs.api.schema.components.shapes import (
    ANY_JSON,
    JOB_ID,
    MOMENT,
    TIME,
    TIMEZONE,
    URL,
    UUID,
    Schema,
    may_be_null,
    object_of,
    or_null,
    ref,
)
from jobs.explaining.reasons import Code
from jobs.intake import children, job_changes, tags
from jobs.intake.batch import MOST_JOBS
from jobs.intake.calendar import MOST_NAMES
from jobs.intake.recurrence import MOST_DISCARDED, MOST_EXPRESSIONS
from jobs.intake.request import METHODS
from jobs.models import CatchUp, EventType, JobState, Overlap
from jobs.specs import OnConflict

_CALENDARS: Schema = {
    "anyOf": [CALENDAR_NAME, {"type": "array", "items": CALENDAR_NAME, "minItems": 1, "maxItems": MOST_NAMES}],
    "example": ["uk-holidays"],
}

_RECURRENCE_PROPERTIES: dict[str, Schema] = {
    "cron": {
        "anyOf": [
            {"type": "string", "maxLength": 512},
            {
                "type": "array",
                "items": {"type": "string", "maxLength": 512},
                "minItems": 1,
                "maxItems": MOST_EXPRESSIONS,
            },
        ],
        "description": "Repeats when clocks in `timezone` match: minute, hour, day of the month, month and day of the "
        "week. The day of the month also takes `L` (the last), `LW` (the last workday) and `15W` (the workday nearest "
        "to the 15th), the day of the week `5L` (the last Friday) and `2#1` (the first Tuesday). Of a list: "
        "when one of them matches.",
        "example": "0 9 * * MON-FRI",
    },
    "repeat_every": {
        "description": "Repeats at this interval, 1 second or more, from its first run on. Not together with `cron`.",
        "allOf": [ref("Duration")],
        "example": [2, "minutes"],
    },
    "starts_at": {**MOMENT, "description": f"No run before this. {MOMENT['description']}"},
    "ends_at": {**MOMENT, "description": f"No run after this. {MOMENT['description']}"},
    "max_runs": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "description": "It ends after so many runs."},
    "overlap": {
        "type": "string",
        "enum": Overlap.values,
        "default": Overlap.ALLOW.value,
        "description": "What becomes of a run while the one before is still going: it goes too (`allow`), is left out "
        "(`skip`), waits for that one, those after it left out (`queue`), or takes its place (`cancel`).",
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
    "jitter": {
        "description": "Each run is later by up to so much: by how much, its schedule and its time decide, always the "
        "same and spread evenly. Less than the time between two runs. The grid and `$job.scheduled_at` are without it.",
        "allOf": [ref("Duration")],
        "example": [5, "minutes"],
    },
    "skip_on": {**_CALENDARS, "description": "Names of calendars: no run on their days, in `timezone`."},
    "only_on": {**_CALENDARS, "description": "Names of calendars: no run but on their days, in `timezone`."},
}

TAG: Schema = {"type": "string", "minLength": 1, "maxLength": tags.LONGEST, "pattern": "^[^,]+$", "example": "invoices"}

JOB_INPUT_PROPERTIES: dict[str, Schema] = {
    "method": {"type": "string", "enum": [*METHODS], "default": "get", "description": "In any case."},
    "url": URL,
    "query": {
        "type": "object",
        "additionalProperties": True,
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
    "body": {**ANY_JSON, "example": {"content": "Hi"}},
    "body_format": {
        "type": "string",
        "enum": [*body_formats.FORMATS],
        "default": "json",
        "description": "How the body goes out: as JSON; an object as a urlencoded form, `a[b][c][]=x`, without what is "
        "null; a string as UTF-8 text; the bytes of a string of base64. Content-Type says which, unless a header of "
        "yours does.",
    },
    "expires_in": {
        "description": "If its first attempt has not begun so long after `scheduled_at`, its queue's wait included, it "
        "is cancelled. Of a schedule: each run. Above 0, and not together with `expires_at`.",
        "allOf": [ref("Duration")],
        "example": [10, "minutes"],
    },
    "expires_at": {
        **MOMENT,
        "description": "The same, as a moment that is after the one at which it is due. Not together with `expires_in`."
        f" {MOMENT['description']}",
    },
    "success_when": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "status": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string"}]},
                "default": ["2xx"],
            },
            "body": {**ANY_JSON, "description": "The JSON answer contains this: of objects the keys given."},
            "body_contains": {"type": "string", "minLength": 1, "maxLength": 10_000},
            "within": ref("Duration"),
        },
        "description": "What counts as success; all that is given must hold. Any 2xx without it. A failure has the "
        "code `unexpected_answer`.",
        "example": {"status": [200, "3xx"], "body": {"ok": True}},
    },
    "schedule_in": ref("Duration"),
    "scheduled_at": MOMENT,
    "timezone": TIMEZONE,
    "name": {"type": "string", "maxLength": 255},
    "description": {"type": "string", "maxLength": 10_000},
    "idempotency_key": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "description": "While a job that holds the key has not started, another one with it is not made: that job is "
        "answered instead. The header `Idempotency-Key` does the same.",
    },
    "on_conflict": {
        "type": "string",
        "enum": list(OnConflict),
        "default": OnConflict.IGNORE.value,
        "description": "What a held idempotency key means: that job is answered; the waiting job takes this request "
        "and time, if it is a single one; 409.",
    },
    "callback_url": {**URL, "description": "Receives the result, signed.", "example": "https://example.com/done"},
    "webhook_url": {**URL, "description": "Receives each event, signed.", "example": "https://example.com/events"},
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
        **QUEUE_NAME,
        "description": "One of your queues, which limits how many of its jobs run at once and how fast they start. It "
        "is made, without limits, if it is not there.",
    },
    "tags": {
        "type": "array",
        "items": TAG,
        "maxItems": tags.MOST,
        "description": "Words of yours to find it by; in the data of its callbacks and webhooks too.",
    },
    **following.PROPERTIES,
}
# A job that follows another one is none of these.
_OF_FOLLOWING = [name for name in JOB_INPUT_PROPERTIES if name not in children.REFUSED]

ALL: Schema = {
    "type": "boolean",
    "default": False,
    "description": "Has to be true where there is no filter, and all are meant.",
}

DRY_RUN: Schema = {"type": "boolean", "default": False, "description": "Does nothing, and says how many match."}


def counted(done: str) -> Schema:
    """What a call about many answers: how many matched, and to how many it was done unless it was a dry run."""
    count: Schema = {"type": "integer", "minimum": 0}
    return object_of({"matched": count, done: count}, optional=(done,))


_JOB_STATUS: Schema = object_of(
    {
        "id": JOB_ID,
        "state": {"type": "string", "enum": JobState.values},
        "inserted_at": TIME,
        "scheduled_at": TIME,
        "attempted_at": or_null(TIME),
        "completed_at": or_null(TIME),
        "cancelled_at": or_null(TIME),
        "discarded_at": or_null(TIME),
        "has_confict": {"type": "boolean", "description": "The same as has_conflict."},
        "has_conflict": {"type": "boolean", "description": "This job was here already and holds the idempotency key."},
    }
)

_TIMELINE: dict[str, Schema] = {
    "id": UUID,
    "job_id": JOB_ID,
    "state": {"type": "string", "enum": JobState.values},
    "reason": object_of(
        {
            "code": {"type": "string", "enum": [code.value for code in Code]},
            "message": {"type": "string", "example": "due for 5 min, but no worker is running"},
            "until": or_null(TIME),
        },
        description="Why it ran late or has not run, or that it was on time.",
    ),
    "late_seconds": or_null(
        {"type": "number", "description": "From when it was due first to its first attempt, or until now."}
    ),
    "seconds_in_states": {"type": "object", "additionalProperties": {"type": "number"}},
    "parent": {**or_null(ref("Relative")), "description": "The job that this one follows; null if it is gone."},
    "children": {"type": "array", "items": ref("Relative"), "description": "The jobs that followed it."},
    "follows": {"type": "array", "items": ref("WouldFollow"), "description": "What is made when it ends."},
    "is_complete": {"type": "boolean", "description": "false where a part was pruned, or left out as it is too long."},
    "entries": {
        "type": "array",
        "items": object_of(
            {
                "at": TIME,
                "type": {"type": "string", "enum": ["log", "delivery", "wait"]},
                "name": {"type": "string", "description": "The event, or the state in which it waited."},
                "text": {"type": "string", "example": "waited 1.2 s until it was taken up"},
                "attempt": or_null({"type": "integer"}),
                "seconds": or_null({"type": "number", "description": "Of a wait."}),
                "payload": {"type": "object", "additionalProperties": True},
            }
        ),
    },
}

MOMENT_FILTERS = ("inserted_after", "inserted_before", "due_after", "due_before", "ended_after", "ended_before")
FILTERS = ("state", "schedule_id", "url", "name", "tag", "error", "host", "queue", *MOMENT_FILTERS)

SCHEMAS: dict[str, Schema] = {
    "JobInput": object_of(
        may_be_null(JOB_INPUT_PROPERTIES),
        optional=tuple(name for name in JOB_INPUT_PROPERTIES if name != "url"),
        example={
            "method": "post",
            "url": "https://example.com/hook",
            "body": {"content": "Hi"},
            "schedule_in": [30, "seconds"],
        },
    ),
    "FollowingJob": object_of(
        may_be_null({name: JOB_INPUT_PROPERTIES[name] for name in _OF_FOLLOWING}),
        optional=tuple(name for name in _OF_FOLLOWING if name != "url"),
    ),
    **following.SCHEMAS,
    "JobChanges": object_of(
        may_be_null({name: JOB_INPUT_PROPERTIES[name] for name in job_changes.FIELDS}),
        optional=job_changes.FIELDS,
        minProperties=1,
        example={"body": {"content": "Hello"}, "description": None, "schedule_in": [1, "hour"]},
    ),
    "Job": object_of(
        {
            "id": UUID,
            "job_id": JOB_ID,
            "user_id": UUID,
            "schedule_id": or_null(UUID),
            "name": or_null({"type": "string"}),
            "description": or_null({"type": "string"}),
            "idempotency_key": or_null({"type": "string"}),
            "inserted_at": TIME,
            "job": _JOB_STATUS,
            "expires_at": {
                **or_null(TIME),
                "description": "Cancelled if its first attempt has not begun by then. `run` and `retry` clear it.",
            },
            "parent_id": {**or_null(UUID), "description": "The job that this one follows."},
            "tags": {"type": "array", "items": {"type": "string"}},
            "queue": or_null({"type": "string", "description": "The queue it is in."}),
            "attempt": {"type": "integer", "minimum": 0, "description": "How many attempts have begun."},
            "max_attempts": {"type": "integer", "minimum": 1},
            "error": or_null(ref("JobError")),
            "args": {"type": "object", "additionalProperties": True, "description": "The request as it was sent."},
        }
    ),
    "JobError": object_of(
        {
            "code": {"type": "string", "example": "timeout"},
            "message": {"type": "string"},
            "response_status": or_null({"type": "integer"}),
            "at": TIME,
        },
    ),
    "BatchInput": object_of(
        {"jobs": {"type": "array", "items": ref("JobInput"), "minItems": 1, "maxItems": MOST_JOBS}},
        example={"jobs": [{"url": "https://example.com/a"}, {"url": "https://example.com/b", "schedule_in": 60}]},
    ),
    "BatchItem": {"anyOf": [ref("Job"), object_of({"error": {"anyOf": [ref("InvalidInput"), ref("Problem")]}})]},
    "JobFilters": object_of(
        {
            "state": {
                "description": "One or more, as a list or with commas between them.",
                "anyOf": [
                    {"type": "string", "example": "scheduled,retryable"},
                    {"type": "array", "items": {"type": "string", "enum": JobState.values}, "minItems": 1},
                ],
            },
            "schedule_id": UUID,
            "url": {"type": "string"},
            "name": {"type": "string"},
            "tag": {
                "description": "Only those that have all of these; as a list or with commas between them.",
                "anyOf": [{"type": "string", "example": "red,late"}, {"type": "array", "items": TAG, "minItems": 1}],
            },
            "error": {"type": "string", "maxLength": 40, "example": "timeout"},
            "host": {"type": "string", "minLength": 1, "maxLength": 300, "example": "example.com"},
            "queue": {"type": "string", "maxLength": 255},
            **dict.fromkeys(MOMENT_FILTERS, MOMENT),
            "all": ALL,
            "dry_run": DRY_RUN,
        },
        optional=(*FILTERS, "all", "dry_run"),
        example={"state": "scheduled", "name": "daily report"},
    ),
    "Cancelled": counted("cancelled"),
    "Retried": counted("retried"),
    "RunNow": counted("run"),
    "Deleted": counted("deleted"),
    "LogEvent": object_of(
        {
            "id": UUID,
            "event": {"type": "string", "enum": EventType.values},
            "inserted_at": TIME,
            "job_id": JOB_ID,
            "user_id": UUID,
            "payload": {"type": "object", "additionalProperties": True},
        }
    ),
    "Timeline": object_of(_TIMELINE),
}
