"""The schemas of the calls to try things with, and of what is open to everyone."""

from jobs.api.schema.components.shapes import ANY_JSON, Schema, object_of, or_null

_BROADCAST: dict[str, Schema] = {
    "content": {"type": "string", "maxLength": 10_000, "example": "Hi"},
    "author": or_null({"type": "string", "maxLength": 255, "example": "Booper"}),
    "channel": or_null({"type": "string", "maxLength": 255, "example": "quickstart"}),
}

SCHEMAS: dict[str, Schema] = {
    "Version": object_of(
        {
            "version": {"type": "string", "example": "0.2.0"},
            "api": {"type": "string", "description": "Raised when something that clients rely on changes."},
        }
    ),
    "Pong": object_of({"message": {"type": "string", "enum": ["Pong"]}}),
    "BroadcastInput": object_of(_BROADCAST, optional=("author", "channel")),
    "Broadcast": object_of(_BROADCAST),
    "AnyJSON": {**ANY_JSON, "example": {"hello": "world"}},
    "Form": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "The fields of the JSON body, each as text. Brackets nest: `body[content]=Hi` is "
        '`{"body": {"content": "Hi"}}`, and `schedule_in[]=30&schedule_in[]=seconds` a list.',
        "example": {"body[content]": "Hi"},
    },
}
