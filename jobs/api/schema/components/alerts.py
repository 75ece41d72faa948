"""The schemas of alerts and their incidents."""

from jobs.api.schema.components.deliveries import SHOWN_DELIVERY
from jobs.api.schema.components.jobs import TAG
from jobs.api.schema.components.shapes import DURATION, JOB_ID, TIME, URL, UUID, Schema, object_of, or_null
from jobs.intake.alert import KINDS, LONGEST_NAME, MOST_ADDRESSES, MOST_AT_LEAST, MOST_IN_A_ROW
from jobs.intake.tags import MOST

_TEXT: Schema = {"type": "string"}

_SHARE = object_of(
    {
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "example": 0.5},
        "of_last": {**DURATION, "description": "Of what ended within it: a minute to 31 days."},
        "at_least": or_null(
            {"type": "integer", "minimum": 1, "maximum": MOST_AT_LEAST, "description": "So many have to have ended: 1."}
        ),
    },
    optional=("at_least",),
)

_RULES: dict[str, Schema] = {
    "discarded": {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_IN_A_ROW,
        "description": "So many in a row, of one schedule or of one-off jobs to one host.",
    },
    "failing": _SHARE,
    "late": {**DURATION, "description": "A job begins, or waits, for longer than this after it is due."},
    "not_run": {**DURATION, "description": "No job was completed for so long: a minute or more."},
    "receiver_off": {"type": "boolean", "enum": [True]},
    "schedule_disabled": {"type": "boolean", "enum": [True]},
}
assert tuple(_RULES) == KINDS

_WHEN: Schema = {
    **object_of(_RULES, optional=KINDS),
    "minProperties": 1,
    "maxProperties": 1,
    "description": "One of these.",
    "example": {"discarded": 3},
}

_FILTERS: dict[str, Schema] = {
    "schedule_id": UUID,
    "url": _TEXT,
    "name": {**_TEXT, "maxLength": 255},
    "tag": {"anyOf": [_TEXT, {"type": "array", "items": TAG, "minItems": 1, "maxItems": MOST}]},
    "host": {**_TEXT, "minLength": 1, "maxLength": 300, "example": "example.com"},
    "queue": {**_TEXT, "maxLength": 255},
}

_OF: Schema = {
    **object_of({name: or_null(schema) for name, schema in _FILTERS.items()}, optional=tuple(_FILTERS)),
    "description": "Only of jobs that these filters leave; of a receiver `host` alone. Of all, if left out.",
}

_ADDRESS: Schema = {
    **URL,
    "description": f"{URL['description']} Or `mailto:` and your own address, where the instance sends "
    "mail, or the URL of a service that its operator has named, as Apprise has it.",
}

_TO: Schema = {"type": "array", "minItems": 1, "maxItems": MOST_ADDRESSES, "items": _ADDRESS}

_MUTE: Schema = {
    **DURATION,
    "description": "After how long it is said again that it goes on: a day, 5 minutes at least.",
}

_NAME: Schema = {**_TEXT, "minLength": 1, "maxLength": LONGEST_NAME, "example": "nightly report"}

_INPUT: dict[str, Schema] = {"name": _NAME, "when": _WHEN, "of": or_null(_OF), "to": _TO, "mute_for": or_null(_MUTE)}

WHEN_SHOWN: Schema = {
    **object_of({**_RULES, "failing": {**_SHARE, "required": ["share", "of_last", "at_least"]}}, optional=KINDS),
    "description": "As it was asked for, durations as [amount, unit].",
}

OF_SHOWN: Schema = or_null(
    object_of(
        {**_FILTERS, "tag": {"type": "array", "items": _TEXT}},
        optional=tuple(_FILTERS),
    )
)

SUBJECT = object_of(
    {
        "kind": {**_TEXT, "enum": ["schedule", "host", "receiver", "all"]},
        "value": {**or_null(_TEXT), "description": "The uuid, the host or the origin; null for all together."},
    }
)

JOB = or_null(
    object_of(
        {
            "job_id": JOB_ID,
            "schedule_id": or_null(UUID),
            "name": or_null(_TEXT),
            "state": _TEXT,
            "error": {**or_null(_TEXT), "description": "The code of its last failed attempt, if it was discarded."},
            "tags": {"type": "array", "items": _TEXT},
        },
        description="The job that showed it, if one did.",
    )
)

SCHEMAS: dict[str, Schema] = {
    "AlertInput": object_of(
        _INPUT,
        optional=("of", "mute_for"),
        example={"name": "nightly report", "when": {"discarded": 3}, "to": ["https://example.com/alerts"]},
    ),
    "AlertChanges": object_of(_INPUT, optional=tuple(_INPUT), example={"mute_for": "1 hour"}),
    "Alert": object_of(
        {
            "id": UUID,
            "user_id": UUID,
            "name": _NAME,
            "when": WHEN_SHOWN,
            "of": OF_SHOWN,
            "to": {"type": "array", "items": _TEXT},
            "mute_for": DURATION,
            "inserted_at": TIME,
            "updated_at": TIME,
            "firing": {"type": "integer", "minimum": 0, "description": "How many incidents of it go on."},
        }
    ),
    "AlertIncident": object_of(
        {
            "id": UUID,
            "alert_id": UUID,
            "state": {**_TEXT, "enum": ["firing", "resolved"]},
            "test": {"type": "boolean"},
            "subject": SUBJECT,
            "since": TIME,
            "until": or_null(TIME),
            "told_at": {**TIME, "description": "When it was last said that it fires."},
            "summary": {**_TEXT, "description": "Why it fired, in words."},
            "resolved_by": {**or_null(_TEXT), "description": "Why that was over, in words."},
            "job": JOB,
            "deliveries": {
                "type": "array",
                "items": object_of(SHOWN_DELIVERY),
                "description": "What each address was sent and answered, the newest 30 first.",
            },
        }
    ),
}
