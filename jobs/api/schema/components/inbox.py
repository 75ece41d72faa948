"""The shapes of what arrives in an inbox."""

from jobs.api.schema.components.shapes import TIME, UUID, Schema, object_of

SCHEMAS: dict[str, Schema] = {
    "InboxRequest": object_of(
        {
            "id": UUID,
            "inserted_at": TIME,
            "method": {"type": "string", "example": "POST"},
            "path": {"type": "string", "description": "Below the address of the inbox."},
            "query": {"type": "string", "description": "As it came, after the question mark."},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "body": {"type": "string", "description": "As text; what is no UTF-8 shows as U+FFFD."},
            "body_base64": {"type": "string", "description": "The exact bytes."},
            "truncated": {"type": "boolean", "description": "Whether there was more of it than 256 KiB."},
            "address": {"type": "string", "description": "Who sent it."},
        }
    ),
    "InboxCleared": object_of({"deleted": {"type": "integer", "minimum": 0}}),
    "InboxAddress": object_of({"address": {"type": "string", "format": "uri"}}),
}
