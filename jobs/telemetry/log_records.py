"""Log records as text: a line for people, or one JSON object a line for whatever collects logs.

A busy worker ends thousands of attempts a second. What ends together is one record that stands for many: each has its
line all the same, and all are written at once.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from booper.content import redaction
from booper.timing.timestamps import timestamp

Line = tuple[str, Mapping[str, Any]]
"""A message, and the FIELDS that are known of it."""

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


def log_each(logger: logging.Logger, level: int, lines: Sequence[Line]) -> None:
    if lines and logger.isEnabledFor(level):
        logger.log(level, "%d at once", len(lines), extra={"lines": lines})


class LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        lines: Sequence[Line] | None = getattr(record, "lines", None)
        if lines is None:
            return redaction.redacted_text(super().format(record))
        record.asctime = self.formatTime(record, self.datefmt)
        texts = []
        for record.message, _ in lines:
            texts.append(self.formatMessage(record))
        return "\n".join(texts)


class JsonFormatter(logging.Formatter):
    """`{"time": RFC 3339 in UTC, "level", "logger", "message", …}` with those of FIELDS that are known, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        head = {
            "time": timestamp(moment, precision="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        lines: Sequence[Line] | None = getattr(record, "lines", None)
        if lines is None:
            message = redaction.redacted_text(record.getMessage())
            return _encoded({**head, "message": message, **_fields(vars(record)), **self._traces(record)})
        return "\n".join(_encoded({**head, "message": message, **_fields(fields)}) for message, fields in lines)

    def _traces(self, record: logging.LogRecord) -> dict[str, str]:
        traces = {}
        if record.exc_info:
            traces["exception"] = redaction.redacted_text(self.formatException(record.exc_info))
        if record.stack_info:
            traces["stack"] = self.formatStack(record.stack_info)
        return traces


def _fields(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in FIELDS if known.get(name) is not None}


def _encoded(shown: Mapping[str, Any]) -> str:
    # A quarter of the cost, where nothing is to be escaped for ASCII.
    try:
        text = orjson.dumps(shown, default=str).decode()
    except orjson.JSONEncodeError:
        text = ""
    return text if text and text.isascii() else json.dumps(shown, default=str, separators=(",", ":"))
