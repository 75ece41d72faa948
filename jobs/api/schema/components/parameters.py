"""The parameters of the API's calls: in the path, the query and the headers."""

from typing import Any

from jobs.api.input.cursors import LONGEST
from jobs.api.schema.components.calendars import CALENDAR_NAME
from jobs.api.schema.components.guarding import SECRET
from jobs.api.schema.components.jobs import ALL, DRY_RUN, TAG
from jobs.api.schema.components.queues import QUEUE_NAME
from jobs.api.schema.components.shapes import JOB_ID, TIME, UUID, Schema
from jobs.intake.keyed_schedule import KEY_PATTERN
from jobs.intake.tags import MOST
from jobs.models import DeliveryKind, DeliveryState, EventType, JobState


def parameter(name: str, description: str, schema: Schema, *, place: str = "query", **more: Any) -> Schema:
    return {"name": name, "in": place, "description": description, "schema": schema, **more}


def choices(name: str, description: str, values: list[str]) -> Schema:
    schema: Schema = {"type": "array", "items": {"type": "string", "enum": values}, "minItems": 1}
    return parameter(name, f"{description}; several with commas.", schema, style="form", explode=False)


def order_by(columns: list[str]) -> Schema:
    """The parameter `order_by`; not among the others, as each list has columns of its own."""
    description = (
        f"A field ({', '.join(columns)}) and `asc` or `desc`: `inserted_at,asc`. As `order_by[]` twice and as JSON too."
    )
    schema: Schema = {"type": "string", "pattern": f"^({'|'.join(columns)}),(asc|desc)$", "example": "inserted_at,asc"}
    return parameter("order_by", description, schema)


PARAMETERS: dict[str, Schema] = {
    "job_id": parameter(
        "job_id", "Its integer `job_id`, or its uuid.", {"anyOf": [JOB_ID, UUID]}, place="path", required=True
    ),
    "of_schedule": parameter(
        "schedule_id",
        "Its uuid, or its key.",
        {"anyOf": [UUID, {"type": "string", "pattern": KEY_PATTERN, "example": "daily-report"}]},
        place="path",
        required=True,
    ),
    "schedule_key": parameter(
        "schedule_id",
        "Its key: neither a uuid nor `new`.",
        {"type": "string", "pattern": KEY_PATTERN, "example": "daily-report"},
        place="path",
        required=True,
    ),
    "dry_run": parameter("dry_run", "Makes none, and lists them.", {"type": "boolean", "default": False}),
    "schedule_name": parameter("name", "Only schedules with exactly this name.", {"type": "string"}),
    "managed_by": parameter("managed_by", "Only those that this looks after.", {"type": "string"}),
    "log_id": parameter("log_id", "Its uuid.", UUID, place="path", required=True),
    "inbox_request_id": parameter("request_id", "Its uuid.", UUID, place="path", required=True),
    "calendar_name": parameter("name", "Its name.", CALENDAR_NAME, place="path", required=True),
    "queue_name": parameter("name", "Its name.", QUEUE_NAME, place="path", required=True),
    "limit": parameter(
        "limit", "How many rows at most.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    ),
    "offset": parameter(
        "offset",
        "How many rows to leave out first.",
        {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 0},
    ),
    "cursor": parameter(
        "cursor",
        "Empty for the first page, then as the page before gave it; the other parameters stay as they were. However "
        "deep the page, it costs the same. Not together with `offset`, except where it is empty.",
        {"type": "string", "maxLength": LONGEST, "example": ""},
        allowEmptyValue=True,
    ),
    "state": choices("state", "Only jobs in this state", JobState.values),
    "schedule_id": parameter("schedule_id", "Only the jobs of this schedule.", UUID),
    "url": parameter("url", "Only jobs with exactly this URL, in its canonical spelling.", {"type": "string"}),
    "name": parameter("name", "Only jobs with exactly this name.", {"type": "string"}),
    "inserted_after": parameter("inserted_after", "Only jobs made after this moment.", TIME),
    "inserted_before": parameter("inserted_before", "Only jobs made before this moment.", TIME),
    "due_after": parameter("due_after", "Only jobs due after this moment.", TIME),
    "due_before": parameter("due_before", "Only jobs due before this moment.", TIME),
    "ended_after": parameter("ended_after", "Only jobs that ended after this moment.", TIME),
    "ended_before": parameter("ended_before", "Only jobs that ended before this moment.", TIME),
    "tag": parameter(
        "tag",
        "Only what is of jobs with this tag; with all of several, with commas between them.",
        {"type": "array", "items": TAG, "minItems": 1, "maxItems": MOST},
        style="form",
        explode=False,
    ),
    "error": parameter(
        "error",
        "Only jobs whose latest failed attempt failed with this code.",
        {"type": "string", "maxLength": 40, "example": "timeout"},
    ),
    "host": parameter(
        "host",
        "Only jobs to this host, at any port or at the one that is given.",
        {"type": "string", "minLength": 1, "maxLength": 300, "example": "example.com"},
    ),
    "queue": parameter("queue", "Only jobs in the queue of this name.", {"type": "string", "maxLength": 255}),
    "all": parameter("all", ALL["description"], ALL),
    "bulk_dry_run": parameter("dry_run", DRY_RUN["description"], DRY_RUN),
    "log_job_id": parameter("job_id", "Only the events of this job: its `job_id` or uuid.", {"anyOf": [JOB_ID, UUID]}),
    "event": choices("event", "Only events of this kind", EventType.values),
    "delivery_id": parameter("delivery_id", "Its uuid.", UUID, place="path", required=True),
    "delivery_job_id": parameter(
        "job_id", "Only the deliveries of this job: its `job_id` or uuid.", {"anyOf": [JOB_ID, UUID]}
    ),
    "kind": choices("kind", "Only deliveries of this kind", DeliveryKind.values),
    "delivery_state": choices("state", "Only deliveries in this state", DeliveryState.values),
    "alert_id": parameter("alert_id", "Its uuid.", UUID, place="path", required=True),
    "receiver_id": parameter("receiver_id", "Its uuid.", UUID, place="path", required=True),
    "scope": parameter(
        "scope",
        "For the upcoming run of a schedule: `run` skips just that run, while without it the schedule ends.",
        {"type": "string", "enum": ["run"]},
    ),
    "if_match": parameter(
        "If-Match",
        "The `ETag` that it was read with: 412, and nothing is changed, if somebody has edited it since.",
        {"type": "string", "minLength": 1, "pattern": "^[!-~]+$"},
        place="header",
    ),
    "idempotency_key": parameter(
        "Idempotency-Key",
        "Stands in for the field `idempotency_key`; in quotes or without.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        place="header",
    ),
    "traceparent": parameter(
        "traceparent",
        "The caller's span, as W3C Trace Context has it: the job is in its trace, where the operator sends traces. "
        "One that is malformed is ignored.",
        {"type": "string"},
        place="header",
    ),
    "secret_name": parameter("name", "Its name.", SECRET["name"], place="path", required=True),
    "key_id": parameter("key_id", "Its uuid.", UUID, place="path", required=True),
}
