"""The calls about calendars."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

LIST_CALENDARS = listing(
    "listCalendars", "List calendars", tag="calendars", of="ListedCalendar", columns=query.CALENDAR_COLUMNS
)

GET_CALENDAR = operation(
    "getCalendar",
    "Get a calendar",
    tag="calendars",
    answers={200: ref("Calendar")},
    refusals=(404,),
    parameters=parameters("calendar_name"),
)

SET_CALENDAR = operation(
    "setCalendar",
    "Make a calendar, or replace the whole of it",
    tag="calendars",
    description="Its days are all that its parts come to, 10,000 at most, worked out now: send it again for the years "
    "after. The upcoming runs of the schedules that name it in `skip_on` or `only_on` follow. One that it leaves no "
    "run is disabled, and says so in `disabled_reason`. The same body twice changes nothing.",
    answers={200: ref("Calendar"), 201: ref("Calendar")},
    refusals=(409,),
    parameters=parameters("calendar_name"),
    body="CalendarInput",
    form_example={"country": "GB", "dates[]": "2026-12-24"},
    has_location=False,
)

DELETE_CALENDAR = operation(
    "deleteCalendar",
    "Delete a calendar",
    tag="calendars",
    description="409, with their names, while schedules use it.",
    answers={200: ref("Calendar")},
    refusals=(404, 409),
    parameters=parameters("calendar_name"),
)
