"""The schemas of queues and their limits."""

from jobs.api.schema.components.shapes import TIME, Schema, object_of, or_null, ref
from jobs.intake.queue import HIGHEST, NAME_PATTERN

QUEUE_NAME: Schema = {"type": "string", "pattern": NAME_PATTERN, "example": "mail"}

_CONCURRENCY: Schema = {
    "type": "integer",
    "minimum": 1,
    "maximum": HIGHEST,
    "nullable": True,
    "description": "How many of its jobs run at once, at most; null for any number.",
}

_RATE_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": HIGHEST}

_RATE_DESCRIPTION = "How many of its jobs start in each period, saved up to that many; null for any number."

_PERIOD: Schema = {
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "items": {"anyOf": [{"type": "number"}, {"type": "string"}]},
    "example": [1, "minute"],
}

SCHEMAS: dict[str, Schema] = {
    "QueueLimits": object_of(
        {
            "concurrency": {**_CONCURRENCY, "example": 5},
            "rate": or_null(
                object_of({"limit": _RATE_LIMIT, "period": ref("Duration")}, description=_RATE_DESCRIPTION)
            ),
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
    "Queue": object_of(
        {
            "name": QUEUE_NAME,
            "inserted_at": TIME,
            "concurrency": _CONCURRENCY,
            "rate": or_null(
                object_of({"limit": _RATE_LIMIT, "period": _PERIOD}, description=_RATE_DESCRIPTION),
            ),
            "paused": {"type": "boolean"},
            "waiting": {"type": "integer", "minimum": 0, "description": "How many of its jobs wait, due or not."},
            "running": {"type": "integer", "minimum": 0, "description": "How many of its jobs are on the wire."},
        }
    ),
}
