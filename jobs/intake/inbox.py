"""What an inbox is to answer: a status, JSON, and how long it takes over it."""

from collections.abc import Mapping
from typing import Any

from jobs.guarding.inbox import LONGEST_DELAY_SECONDS, Chosen
from jobs.intake import strict_json
from jobs.intake.fields import Input
from jobs.intake.refusals import InvalidInput

FIELDS = ("status", "body", "delay")
_LONGEST_BODY = 64 * 1024


def chosen(fields: Mapping[str, Any]) -> Chosen:
    """The answer that was typed; `body` is JSON text. Raises InvalidInput."""
    given = Input(fields, known=FIELDS)
    status = given.whole_number("status", lowest=200, highest=599)
    delay = given.number("delay", lowest=0, highest=LONGEST_DELAY_SECONDS)
    body = given.text("body", longest=_LONGEST_BODY) or "{}"
    try:
        strict_json.parse(body.encode("utf-8", "surrogatepass"))
    except InvalidInput as refusal:
        given.refuse("body", detail=refusal.detail)
    given.finish()
    return Chosen(status=status or 200, body=body, delay_seconds=delay or 0.0)
