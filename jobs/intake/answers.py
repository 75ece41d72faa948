"""What a job sends and what it takes for a success: the fields `body_format` and `success_when`."""

import re
from collections.abc import Mapping
from typing import Any

from booper.content import body_formats
from booper.timing.durations import shown
from jobs.intake import timing
from jobs.intake.fields import Input

FIELDS = ("body_format", "success_when")
EXPECTED = ("status", "body", "body_contains", "within")

_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)", re.IGNORECASE | re.ASCII)
_MOST_STATUSES = 100
_LONGEST_TEXT = 10_000


def check(given: Input, *, before: Mapping[str, Any] | None = None) -> None:
    """Refuses what does not fit. `before` is what a job that is edited was sent at first."""
    _check_body(given, before or {})
    if given.has("success_when"):
        _check_expectation(given)


def _check_body(given: Input, before: Mapping[str, Any]) -> None:
    body_format = given.choice("body_format", allowed=body_formats.FORMATS)
    if given.has("body_format") and body_format is None:
        return
    fields = {**before, **given.fields}
    problem = body_formats.problem(fields.get("body"), body_formats.of(fields))
    if problem is not None:
        given.refuse("body", detail=f"{shown(fields['body'])} {problem}, as body_format is {body_formats.of(fields)}")


def _check_expectation(given: Input) -> None:
    value = given.value("success_when")
    if not isinstance(value, dict) or not any(item is not None for item in value.values()):
        given.refuse("success_when", detail=f'{shown(value)} says nothing: write {{"status": [200, "3xx"]}}')
        return
    expected = given.within("success_when", known=EXPECTED)
    _check_statuses(expected)
    expected.text("body_contains", shortest=1, longest=_LONGEST_TEXT)
    if expected.has("within"):
        within = timing.duration(expected, "within", value=expected.value("within"))
        if within is not None and within.nominal_seconds <= 0:
            expected.refuse("within", detail=f"{shown(expected.value('within'))} is over at once: write more than 0")


def _check_statuses(expected: Input) -> None:
    statuses = expected.value("status")
    if statuses is None:
        return
    if not isinstance(statuses, list) or not 1 <= len(statuses) <= _MOST_STATUSES:
        detail = f'{shown(statuses)} is not a list of 1 to {_MOST_STATUSES} statuses: write [200, "3xx"]'
        expected.refuse("status", detail=detail)
        return
    for position, status in enumerate(statuses):
        is_text = isinstance(status, str | int) and not isinstance(status, bool)
        if not is_text or not _STATUS.fullmatch(str(status)):
            detail = f'{shown(status)} is no status: write a code from 100 to 599, or a class as "2xx"'
            expected.refuse("status", position, detail=detail)
