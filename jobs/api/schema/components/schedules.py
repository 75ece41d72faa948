"""The schemas of schedules and previews."""

from booper.timing.durations import UNITS
from jobs.api.schema.components.jobs import JOB_INPUT_PROPERTIES
from jobs.api.schema.components.shapes import (
    ANY_JSON,
    MOMENT,
    TIME,
    UUID,
    Schema,
    may_be_null,
    object_of,
    or_null,
    ref,
)
from jobs.intake.keyed_schedule import LONGEST_MANAGED_BY
from jobs.intake.request import METHODS
from jobs.intake.schedule import LONGEST_REASON
from jobs.models import CatchUp, Overlap

_FREQUENCY: Schema = {
    "anyOf": [
        object_of(
            {
                "repeat_every": {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": 2,
                    "items": {"anyOf": [{"type": "number"}, {"type": "string", "enum": [*UNITS]}]},
                }
            }
        ),
        object_of({"cron": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}}),
    ],
    "example": {"repeat_every": [2, "minutes"]},
}

MANAGED_BY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_MANAGED_BY,
    "description": "What looks after it, in your own words: a file, say. The list can be filtered by it.",
}

_SCHEDULE: dict[str, Schema] = {
    "id": UUID,
    "key": {**or_null({"type": "string"}), "description": "What you call it; it stands for the uuid in any path."},
    "managed_by": or_null(MANAGED_BY),
    "name": or_null({"type": "string"}),
    "description": or_null({"type": "string"}),
    "inserted_at": TIME,
    "disabled_at": or_null(TIME),
    "disabled_reason": {**or_null({"type": "string"}), "description": "Why it is disabled, as far as that is known."},
    "user_id": UUID,
    "frequency": _FREQUENCY,
    "timezone": {"type": "string", "example": "Europe/London"},
    "starts_at": or_null(TIME),
    "ends_at": or_null(TIME),
    "max_runs": or_null({"type": "integer"}),
    "run_count": {"type": "integer", "description": "The runs so far; those that were skipped don't count."},
    "next_run_at": {**or_null(TIME), "description": "When its upcoming run is due."},
    "overlap": {"type": "string", "enum": Overlap.values},
    "catch_up": {"type": "string", "enum": CatchUp.values},
    "include_metadata": or_null({"type": "boolean"}),
    "disable_after": or_null({"type": "integer"}),
    "jitter": {"description": "As it was sent; null for none.", "nullable": True},
    "skip_on": or_null({"type": "array", "items": {"type": "string"}}),
    "only_on": or_null({"type": "array", "items": {"type": "string"}}),
    "state": {
        "type": "object",
        "additionalProperties": True,
        "description": "What the target keeps with `$set`: `$state`.",
    },
    "previous": {"description": "What the last run was answered: `$previous`."},
    "args": {"type": "object", "additionalProperties": True, "description": "The request as it was sent."},
}

_RUN: Schema = object_of(
    {
        "at": TIME,
        "local": {"type": "string", "format": "date-time", "description": "In `timezone`."},
        "note": or_null({"type": "string", "description": "What daylight saving or a calendar does to it."}),
    }
)

_PREVIEW: dict[str, Schema] = {
    "description": {"type": "string", "example": "at 09:00 on weekdays, Europe/London"},
    "frequency": {**_FREQUENCY, "nullable": True, "description": "null for a one-off job."},
    "timezone": {"type": "string"},
    "runs": {"type": "array", "items": _RUN, "maxItems": 100},
    "skipped": {
        "type": "array",
        "items": _RUN,
        "maxItems": 100,
        "description": "The times before the last of `runs` that calendars leave out, each with why.",
    },
    "request": or_null(
        object_of(
            {
                "method": {"type": "string", "enum": [*METHODS]},
                "url": {"type": "string"},
                "query": {"type": "object", "additionalProperties": True},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "body": ANY_JSON,
            },
            description="The first request; null where no `url` was sent.",
        )
    ),
    "follows": {"type": "array", "items": ref("WouldFollow"), "description": "What is made when a run ends."},
}

SCHEMAS: dict[str, Schema] = {
    "ScheduleChanges": object_of(
        may_be_null(JOB_INPUT_PROPERTIES),
        optional=tuple(JOB_INPUT_PROPERTIES),
        minProperties=1,
        example={"cron": "0 10 * * *", "name": "a new name"},
    ),
    "PreviewInput": object_of(
        {name: or_null(schema) for name, schema in JOB_INPUT_PROPERTIES.items()}
        | {"count": or_null({"type": "integer", "minimum": 1, "maximum": 100, "default": 5})},
        optional=(*JOB_INPUT_PROPERTIES, "count"),
        example={"cron": "0 9 * * 1-5", "timezone": "Europe/London", "count": 3},
    ),
    "Schedule": object_of(_SCHEDULE),
    "ScheduleInput": object_of(
        may_be_null({**JOB_INPUT_PROPERTIES, "managed_by": MANAGED_BY}),
        optional=tuple(name for name in (*JOB_INPUT_PROPERTIES, "managed_by") if name != "url"),
        example={"url": "https://example.com/report", "cron": "0 9 * * MON-FRI", "managed_by": "ops/schedules.yaml"},
    ),
    "Run": _RUN,
    "SkipInput": object_of(
        {"until": {**or_null(MOMENT), "description": "The first moment at which it may run again."}},
        optional=("until",),
        example={"until": "2036-01-01T09:00:00Z"},
    ),
    "BackfillInput": object_of(
        {
            "from": {**MOMENT, "description": "The first moment of what is to be made up."},
            "to": {**MOMENT, "description": "The last moment, which is over."},
            "max_runs": {
                **or_null({"type": "integer", "minimum": 1, "maximum": 1000}),
                "description": "The first so many of them; without it, more than 1,000 are refused.",
            },
            "dry_run": {**or_null({"type": "boolean", "default": False}), "description": "Make none, and list them."},
        },
        optional=("max_runs", "dry_run"),
        example={"from": "2026-11-01T00:00:00Z", "to": "2026-11-07T00:00:00Z"},
    ),
    "DisableInput": object_of(
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
    "Preview": object_of(_PREVIEW),
}
