"""The document's section `webhooks`: the requests that callbacks, webhooks and alerts are, by their type."""

from typing import Any

from jobs.api.schema.components import alerts
from jobs.api.schema.components.shapes import ANY_JSON, JOB_ID, TIME, UUID, Schema, object_of, or_null
from jobs.models import JobState

_TEXT: Schema = {"type": "string"}
_STEERED: Schema = {"type": "array", "items": {"type": "string", "enum": ["$stop", "$pause", "$next_in", "$next_at"]}}
_CHILDREN: Schema = {"type": "array", "items": JOB_ID, "description": "The jobs that were made to follow it."}
_ENDS = [JobState.COMPLETED.value, JobState.CANCELLED.value, JobState.DISCARDED.value]

_REQUEST = object_of(
    {
        "method": {**_TEXT, "example": "post"},
        "url": _TEXT,
        "query": {"type": "object", "additionalProperties": True},
        "headers": {"type": "object", "additionalProperties": True, "description": "Without credentials."},
        "body": or_null(ANY_JSON),
    },
    optional=("query", "headers", "body"),
)
_RESPONSE = object_of(
    {
        "status": {"type": "integer", "example": 200},
        "headers": {
            "type": "object",
            "additionalProperties": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
            "description": "One that came more than once is a list.",
        },
        "body": {**or_null(ANY_JSON), "description": "JSON, or text, or what body_encoding says; null if it is empty."},
        "body_encoding": {**_TEXT, "enum": ["base64"], "description": "Only there where the body is no text."},
        "duration_ms": {"type": "integer"},
        "truncated": {"type": "boolean"},
    },
    optional=("body_encoding",),
)
_ERROR = {"code": {**_TEXT, "example": "http_status"}, "message": _TEXT}

_PAYLOADS: dict[str, tuple[str, Schema]] = {
    "job.started": (
        "An attempt begins.",
        object_of({"attempt": {"type": "integer"}, "scheduled_at": TIME}),
    ),
    "job.request": ("The request of the attempt, as it is sent.", _REQUEST),
    "job.response": ("The target has answered.", _RESPONSE),
    "job.error": (
        "The attempt failed.",
        object_of({**_ERROR, "retry_at": {**or_null(TIME), "description": "When it is tried again, if it is."}}),
    ),
    "job.finished": (
        "The job has ended.",
        object_of(
            {
                "state": {**_TEXT, "enum": _ENDS},
                "duration_ms": {"type": "integer"},
                "steered": _STEERED,
                "next_run_at": {**TIME, "description": "When its schedule runs next, where the answer said so."},
                "children": _CHILDREN,
            },
            optional=("duration_ms", "steered", "next_run_at", "children"),
        ),
    ),
}

_OF_THE_JOB: dict[str, Schema] = {
    "id": UUID,
    "job_id": JOB_ID,
    "schedule_id": or_null(UUID),
    "tags": {"type": "array", "items": _TEXT},
    "attempt": {"type": "integer"},
}

_RESULT = object_of(
    {
        **_OF_THE_JOB,
        "name": or_null(_TEXT),
        "state": {**_TEXT, "enum": [JobState.COMPLETED.value, JobState.DISCARDED.value]},
        "request": object_of({"method": _TEXT, "url": _TEXT}),
        "response": or_null(_RESPONSE),
        "error": or_null(object_of(_ERROR)),
    }
)
_ALERT = object_of(
    {
        "alert_id": UUID,
        "name": _TEXT,
        "incident_id": {**UUID, "description": "The same when it is over, and when it is told of again."},
        "when": alerts.WHEN_SHOWN,
        "of": alerts.OF_SHOWN,
        "subject": alerts.SUBJECT,
        "since": TIME,
        "until": or_null(TIME),
        "summary": {**_TEXT, "description": "Why it fires, or why that is over, in words."},
        "job": alerts.JOB,
        "tags": {"type": "array", "items": _TEXT, "description": "Those of the job."},
        "again": {"type": "boolean", "description": "It was told of before, and goes on."},
        "test": {"type": "boolean", "description": "Nothing is wrong: it was asked for to be tried."},
    }
)
_HEADERS = [
    ("webhook-id", "The delivery's id, the same in every attempt."),
    ("webhook-timestamp", "Unix seconds; the signature covers it."),
    (
        "webhook-signature",
        "`v1,…` by Standard Webhooks; one for each signing secret in force, spaces between.",
    ),
]


def section() -> dict[str, Any]:
    """The requests by their `type`: `job.result` to a callback_url, alerts to theirs, the others to a webhook_url."""
    found = {"job.result": _request("job.result", "The job was completed or discarded.", _RESULT)}
    for name, (summary, payload) in _PAYLOADS.items():
        sequence: Schema = {"type": "integer", "minimum": 1, "description": "Numbers the events of a job from 1."}
        data = object_of({**_OF_THE_JOB, "sequence": sequence, "payload": payload})
        found[name] = _request(name, summary, data)
    for name, summary in (("alert.firing", "An alert fires."), ("alert.resolved", "What an alert told of is over.")):
        found[name] = _request(name, summary, _ALERT)
    return found


def _request(name: str, summary: str, data: Schema) -> dict[str, Any]:
    body = object_of({"type": {**_TEXT, "enum": [name]}, "timestamp": TIME, "data": data})
    return {
        "post": {
            "operationId": f"on_{name.replace('.', '_')}",
            "summary": summary,
            "tags": ["deliveries"],
            "security": [],
            "parameters": [
                {"name": header, "in": "header", "required": True, "description": about, "schema": _TEXT}
                for header, about in _HEADERS
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {
                "2XX": {"description": "It was taken. Anything else is tried again for a day."},
                "410": {"description": "It is not tried again."},
            },
        }
    }
