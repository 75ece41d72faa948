"""The call about files of schedules, queues, calendars and alerts."""

from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import operation

CHECK_FILE = operation(
    "checkFile",
    "Check a file of schedules, queues, calendars and alerts",
    tag="schedules",
    description="What `booper apply` asks first: all of it is judged as if it were put, calendars before the schedules "
    "that name them, and nothing is written. 400 with all that is wrong, else what there is already of what is named. "
    "What is there just as it is asked for is not judged again. Alerts need a key of the scope `admin`. "
    "`GET /api/apply-schema.json` is the JSON Schema of a file. A file with more than fits is checked in parts.",
    answers={200: ref("Applied")},
    body="ApplyInput",
)
