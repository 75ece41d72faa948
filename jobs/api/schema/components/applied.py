"""The schemas of a file of schedules, queues, calendars and alerts, and of what is there of what it names."""

from jobs.api.schema.components import alerts, calendars, queues, schedules
from jobs.api.schema.components.jobs import JOB_INPUT_PROPERTIES
from jobs.api.schema.components.schedules import MANAGED_BY
from jobs.api.schema.components.shapes import UUID, Schema, may_be_null, object_of, or_null, ref
from jobs.intake import applied_alert
from jobs.intake.applied import MOST


def _named(of: str, *, most: int | None = None) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": ref(of)}
    return or_null(schema if most is None else {**schema, "maxProperties": most})


_SECTIONS: dict[str, Schema] = {
    "managed_by": or_null(MANAGED_BY),
    "schedules": {**_named("AppliedSchedule", most=MOST["schedules"]), "description": "Schedules by their keys."},
    "queues": {**_named("QueueLimits", most=MOST["queues"]), "description": "The limits of queues by their names."},
    "calendars": {**_named("CalendarInput", most=MOST["calendars"]), "description": "Calendars by their names."},
    "alerts": {**_named("AppliedAlert", most=MOST["alerts"]), "description": "Alerts by their names."},
}

# Those of a queue and of a calendar that may be put, beside the name.
QUEUE_FIELDS = ("name", "concurrency", "rate", "paused")
CALENDAR_FIELDS = ("name", "dates", "ics", "country", "subdivision")

SCHEDULE_FIELDS = ("key", "managed_by", "disabled_at", "args")


def _part(of: Schema, names: tuple[str, ...]) -> Schema:
    return object_of({name: of["properties"][name] for name in names})


SCHEMAS: dict[str, Schema] = {
    "AppliedSchedule": object_of(
        may_be_null(JOB_INPUT_PROPERTIES),
        optional=tuple(name for name in JOB_INPUT_PROPERTIES if name != "url"),
        example={"url": "https://example.com/report", "cron": "0 9 * * MON-FRI"},
    ),
    "AppliedAlert": object_of(
        {name: alerts.SCHEMAS["AlertInput"]["properties"][name] for name in applied_alert.FIELDS},
        optional=("of", "mute_for"),
        example={"when": {"discarded": 3}, "to": ["https://example.com/alerts"]},
    ),
    "ApplyInput": object_of(
        _SECTIONS,
        optional=tuple(_SECTIONS),
        example={
            "managed_by": "ops/schedules.yaml",
            "schedules": {"daily-report": {"url": "https://example.com/report", "cron": "0 9 * * MON-FRI"}},
        },
    ),
    "Applied": object_of(
        {
            "schedules": {
                "type": "array",
                "items": _part(schedules.SCHEMAS["Schedule"], SCHEDULE_FIELDS),
            },
            "queues": {"type": "array", "items": _part(queues.SCHEMAS["Queue"], QUEUE_FIELDS)},
            "calendars": {"type": "array", "items": _part(calendars.SCHEMAS["Calendar"], CALENDAR_FIELDS)},
            "alerts": {
                "type": "array",
                "items": object_of(
                    {
                        "id": UUID,
                        "name": alerts.SCHEMAS["Alert"]["properties"]["name"],
                        "fields": {
                            "type": "object",
                            "additionalProperties": True,
                            "description": "`when`, `of`, `to` and `mute_for`: each part that means what the file asks "
                            "for as the file spells it, and left out where the file leaves it out.",
                        },
                    }
                ),
            },
        },
        description="What there is already, as far as a file can say it.",
    ),
}
