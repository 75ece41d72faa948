"""The tags that a client gives a job, or looks for."""

from typing import Any

from booper.timing.durations import shown
from jobs.intake.fields import Input
from jobs.models import tags

MOST = 10
LONGEST = 64
_RULE = f"a tag is 1 to {LONGEST} characters, without a comma and without control characters"


def packed(given: Input) -> str | None:
    """The field `tags`, as the column holds them."""
    value = given.value("tags")
    if value is None:
        return None
    if not isinstance(value, list):
        given.refuse("tags", detail=f'{shown(value)} is not a list: write ["red", "late"]')
        return None
    if len(value) > MOST:
        given.refuse("tags", detail=f"there are {len(value)} of them: give at most {MOST}")
        return None
    bad = [place for place, tag in enumerate(value) if not _is_tag(tag)]
    for place in bad:
        given.refuse("tags", place, detail=f"{shown(value[place])} is no tag: {_RULE}")
    return None if bad else tags.packed(value)


def looked_for(given: Input) -> list[str]:
    """The parameter `tag`: one or several, with commas between them."""
    value = given.value("tag")
    if value is None:
        return []
    wanted = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    if len(wanted) > MOST:
        given.refuse("tag", detail=f"there are {len(wanted)} of them: a job has at most {MOST}")
        return []
    for tag in wanted:
        if not _is_tag(tag):
            given.refuse("tag", detail=f"{shown(tag)} is no tag: {_RULE}")
    return [tag for tag in wanted if _is_tag(tag)]


def _is_tag(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST and "," not in value and value.isprintable()
