"""What of an answer is kept and shown."""

from typing import Any

from booper.content import payloads
from booper.outcomes.outcome import Outcome, Response


def shown_response(outcome: Outcome) -> dict[str, Any] | None:
    """What log, callback and webhook show of a response."""
    if outcome.response is None:
        return None
    return {
        "status": outcome.response.status,
        "headers": shown_headers(outcome.response),
        "body": payloads.decode(outcome.response.body),
        "duration_ms": outcome.duration_ms,
        "truncated": outcome.response.truncated,
    }


def shown_headers(response: Response) -> dict[str, str]:
    """Repeated ones joined with a comma, under the first one's spelling."""
    shown: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for name, value in response.headers:
        key = spelling.setdefault(name.lower(), payloads.storable_text(name))
        text = payloads.storable_text(value)
        shown[key] = f"{shown[key]}, {text}" if key in shown else text
    return shown
