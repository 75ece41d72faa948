"""The schemas of jobs that follow others: as they are written, as a preview tells of them, and as they were made."""

from jobs.api.schema.components.shapes import JOB_ID, UUID, Schema, object_of, or_null, ref
from jobs.intake.children import MOST_IN_A_LIST
from jobs.models import JobState

_ONE_OR_SEVERAL: Schema = {
    "anyOf": [
        ref("FollowingJob"),
        {"type": "array", "items": ref("FollowingJob"), "maxItems": MOST_IN_A_LIST},
    ],
    "example": {"method": "post", "url": "https://example.com/next", "body": {"id": "$previous.id"}},
}

PROPERTIES: dict[str, Schema] = {
    "then": {
        **_ONE_OR_SEVERAL,
        "description": "A job, or several, made when this one is completed, in the same moment and once, whatever is "
        "retried later. Each is due by its own `schedule_in` from then on. `$previous` is what this job was answered.",
    },
    "on_failure": {
        **_ONE_OR_SEVERAL,
        "description": 'The same when it is discarded. `$previous` is `{"error": …, "response": …}`.',
    },
}

_WOULD_FOLLOW: dict[str, Schema] = {
    "after": {"type": "string", "enum": ["completed", "discarded"], "description": "The end that it follows."},
    "method": {"type": "string"},
    "url": {"type": "string", "description": "With its secrets hidden."},
    "name": or_null({"type": "string"}),
    "schedule_in": or_null({"type": "string", "example": "30 seconds"}),
    "children": {"type": "integer", "minimum": 0, "description": "How many follow that one, at any depth."},
}

_RELATIVE: dict[str, Schema] = {
    "id": UUID,
    "job_id": JOB_ID,
    "state": {"type": "string", "enum": JobState.values},
    "method": {"type": "string"},
    "url": {"type": "string", "description": "With its secrets hidden."},
    "name": or_null({"type": "string"}),
}

SCHEMAS: dict[str, Schema] = {"WouldFollow": object_of(_WOULD_FOLLOW), "Relative": object_of(_RELATIVE)}
