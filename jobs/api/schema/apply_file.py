"""The JSON Schema of a file for `booper apply`, made of the schemas of the calls that it becomes."""

import re
from typing import Any

from jobs.api.schema import dialect
from jobs.api.schema.components import whole
from jobs.intake.alert import LONGEST_NAME
from jobs.intake.applied import MOST
from jobs.intake.calendar import NAME_PATTERN as CALENDAR_PATTERN
from jobs.intake.keyed_schedule import KEY_PATTERN
from jobs.intake.queue import NAME_PATTERN as QUEUE_PATTERN
from jobs.intake.recurrence import FREQUENCIES
from jobs.intake.request import METHODS

Schema = dict[str, Any]

_NAMES: dict[str, Schema] = {
    "schedules": {"pattern": KEY_PATTERN},
    "queues": {"pattern": QUEUE_PATTERN},
    "calendars": {"pattern": CALENDAR_PATTERN},
    "alerts": {"minLength": 1, "maxLength": LONGEST_NAME},
}
_PLACE = "#/components/schemas/"


def document() -> Schema:
    """The schema, in itself complete, in the draft of 2020-12."""
    schemas = whole.SCHEMAS
    names = _reached("ApplyInput", schemas)
    definitions = {name: _moved(dialect.in_3_1(schemas[name])) for name in sorted(names)}
    schedule = definitions["AppliedSchedule"]
    schedule["anyOf"] = [{"required": [name]} for name in FREQUENCIES]
    any_case = "|".join("".join(f"[{letter}{letter.upper()}]" for letter in method) for method in METHODS)
    method = schedule["properties"]["method"]
    schedule["properties"]["method"] = {
        "description": method["description"],
        "anyOf": [{"enum": [*METHODS]}, {"type": "string", "pattern": f"^({any_case})$"}, {"type": "null"}],
    }
    file = definitions.pop("ApplyInput")
    for name in MOST:
        # The call takes a part at a time; a file may be as long as it likes.
        file["properties"][name].pop("maxProperties", None)
        file["properties"][name]["propertyNames"] = _NAMES[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file for booper apply",
        **file,
        "properties": {"$schema": {"type": "string"}, **file["properties"]},
        "patternProperties": {"^x-": {"description": "Yours: anchors to refer to, say."}},
        "$defs": definitions,
    }


def _reached(name: str, schemas: dict[str, Schema]) -> set[str]:
    """The schemas that the one of this name refers to, itself included."""
    found: set[str] = set()
    left = [name]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += re.findall(f"'{_PLACE}(\\w+)'", repr(schemas[name]))
    return found


def _moved(part: Any) -> Any:
    """The same, with its references into `$defs`."""
    if isinstance(part, list):
        return [_moved(item) for item in part]
    if isinstance(part, dict):
        return {key: _moved(value) for key, value in part.items()}
    return part.replace(_PLACE, "#/$defs/") if isinstance(part, str) and part.startswith(_PLACE) else part
