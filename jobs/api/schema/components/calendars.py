"""The schemas of calendars."""

from jobs.api.schema.components.shapes import TIME, Schema, object_of, or_null
from jobs.intake.calendar import LONGEST_ICS, MOST_DATES, NAME_PATTERN

CALENDAR_NAME: Schema = {"type": "string", "pattern": NAME_PATTERN, "example": "uk-holidays"}

_DAY: Schema = {"type": "string", "format": "date", "example": "2026-12-25"}

_DATES: Schema = {
    "type": "array",
    "maxItems": MOST_DATES,
    "items": {"anyOf": [_DAY, object_of({"from": _DAY, "to": _DAY})]},
    "description": "Days, and spans of them, the last day included.",
}

_SOURCE: dict[str, Schema] = {
    "dates": or_null(_DATES),
    "country": or_null(
        {
            "type": "string",
            "maxLength": 8,
            "example": "GB",
            "description": "A code of ISO 3166, for its public holidays: as far as those of `ics`.",
        }
    ),
    "subdivision": or_null(
        {"type": "string", "maxLength": 16, "example": "SCT", "description": "The part of the country."}
    ),
}

_ICS: dict[str, Schema] = {
    "ics": or_null(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_ICS,
            "description": "The text of an .ics file: the days of its events, each in its own zone, repeated ones "
            "too, from the beginning of last year to ten years ahead. Those that are cancelled don't count.",
        }
    )
}

_CALENDAR: dict[str, Schema] = {
    "name": CALENDAR_NAME,
    "inserted_at": TIME,
    "updated_at": TIME,
    **_SOURCE,
    "day_count": {"type": "integer", "minimum": 0, "description": "How many days all that comes to."},
    "next_days": {"type": "array", "items": _DAY, "description": "The next ten of them, from today in UTC on."},
    "used_by": {
        "type": "array",
        "items": {"type": "string"},
        "description": "The schedules that name it, by key or uuid: 20 of them at most.",
    },
}

SCHEMAS: dict[str, Schema] = {
    "CalendarInput": object_of(
        {**_SOURCE, **_ICS},
        optional=(*_SOURCE, *_ICS),
        minProperties=1,
        example={"country": "GB", "subdivision": "SCT", "dates": ["2026-12-24"]},
    ),
    "ListedCalendar": object_of(_CALENDAR),
    "Calendar": object_of({**_CALENDAR, **_ICS}),
}
