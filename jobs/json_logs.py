"""Log records as JSON, one object a line, for whatever collects logs."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

# What a record may carry through `extra`, and is shown where it does.
FIELDS = (
    "job_id",
    "attempt",
    "schedule_id",
    "queue_id",
    "delivery_id",
    "user_id",
    "outcome",
    "status_code",
)


class JsonFormatter(logging.Formatter):
    """`{"time": RFC 3339 in UTC, "level", "logger", "message", …}` with those of FIELDS that are known, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        shown: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                shown[name] = value
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            shown["stack"] = self.formatStack(record.stack_info)
        return json.dumps(shown, default=str)
