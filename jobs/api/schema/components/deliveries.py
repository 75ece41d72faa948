"""The schemas of deliveries and receivers."""

from jobs.api.schema.components.jobs import ALL, DRY_RUN, TAG, counted
from jobs.api.schema.components.shapes import JOB_ID, TIME, UUID, Schema, object_of, or_null
from jobs.models import DeliveryKind, DeliveryState

_ERROR: Schema = or_null(object_of({"code": {"type": "string"}, "message": {"type": "string"}}))

_STATUS: Schema = or_null({"type": "integer", "description": "The status of the last answer, if there was one."})

SHOWN_DELIVERY: dict[str, Schema] = {
    "id": {**UUID, "description": "The header `webhook-id`, the same in every attempt."},
    "job_id": {**or_null(JOB_ID), "description": "null for what tells of an alert."},
    "user_id": UUID,
    "kind": {"type": "string", "enum": DeliveryKind.values},
    "event": {"type": "string", "example": "job.finished"},
    "sequence": or_null({"type": "integer", "description": "Of a webhook: numbers a job's events from 1."}),
    "url": {"type": "string"},
    "state": {"type": "string", "enum": DeliveryState.values},
    "attempt": {"type": "integer", "description": "The attempts so far."},
    "inserted_at": TIME,
    "next_attempt_at": {**or_null(TIME), "description": "null unless it is pending."},
    "attempted_at": or_null(TIME),
    "delivered_at": or_null(TIME),
    "failed_at": or_null(TIME),
    "resent_at": {**or_null(TIME), "description": "When it was last sent again on request."},
    "response_status": _STATUS,
    "error": {**_ERROR, "description": "Why the last attempt failed; `receiver_off` if nothing was sent."},
}

_RECEIVER: dict[str, Schema] = {
    "id": UUID,
    "user_id": UUID,
    "origin": {"type": "string", "description": "Scheme, host and port.", "example": "https://example.com"},
    "state": {"type": "string", "enum": ["working", "failing", "off"]},
    "failing_since": {**or_null(TIME), "description": "Nothing has reached it since."},
    "disabled_at": {**or_null(TIME), "description": "When it was switched off, after five days of that."},
    "last_failed_at": {**TIME, "description": "To within a minute."},
    "response_status": _STATUS,
    "error": {**_ERROR, "description": "Why the last attempt that failed did."},
}


def _several(values: list[str]) -> Schema:
    """One or more, as a list or with commas between them."""
    listed: Schema = {"type": "array", "items": {"type": "string", "enum": values}, "minItems": 1}
    return {"anyOf": [{"type": "string", "example": values[0]}, listed]}


SCHEMAS: dict[str, Schema] = {
    "Delivery": object_of(SHOWN_DELIVERY),
    "DeliveryWithBody": object_of(
        SHOWN_DELIVERY | {"body": {"type": "object", "additionalProperties": True, "description": "What is sent."}}
    ),
    "Receiver": object_of(_RECEIVER),
    "DeliveryFilters": object_of(
        {
            "job_id": {"anyOf": [JOB_ID, UUID]},
            "tag": {"anyOf": [{"type": "string"}, {"type": "array", "items": TAG, "minItems": 1}]},
            "kind": _several(DeliveryKind.values),
            "state": _several(DeliveryState.values),
            "all": ALL,
            "dry_run": DRY_RUN,
        },
        optional=("job_id", "tag", "kind", "state", "all", "dry_run"),
        example={"kind": "webhook"},
    ),
    "Resent": counted("resent"),
}
