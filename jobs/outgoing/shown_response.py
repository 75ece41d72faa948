"""What of an answer is kept and shown."""

from collections.abc import Sequence
from typing import Any

from booper.content import payloads, reading, secret_references
from booper.content.reading import Reading
from booper.outcomes.outcome import Response


def read(response: Response, *, secrets: Sequence[str] = ()) -> Reading:
    """What the body of `response` says. Bytes that are not text come without the `secrets`."""
    kind = next((value for name, value in response.headers if name.lower() == "content-type"), "")
    said = reading.read(response.body, content_type=kind, is_cut=response.truncated)
    return reading.in_base64(secret_references.hidden_in_bytes(response.body, secrets)) if said.is_base64 else said


def shown_response(response: Response, said: Reading, *, duration_ms: int) -> dict[str, Any]:
    """What log, callback and webhook show of a response, whose body `said` that."""
    # Bytes that are not text are marked.
    mark = {"body_encoding": "base64"} if said.is_base64 else {}
    return {
        "status": response.status,
        "headers": shown_headers(response),
        "body": said.value,
        **mark,
        "duration_ms": duration_ms,
        "truncated": response.truncated,
    }


def shown_headers(response: Response) -> dict[str, str | list[str]]:
    """Gives the headers as an object, in their first spelling; one that comes more than once as a list."""
    headers = [(payloads.storable_text(name), payloads.storable_text(value)) for name, value in response.headers]
    if len({name.lower() for name, _ in headers}) == len(headers):
        return dict(headers)
    shown: dict[str, str | list[str]] = {}
    spelling: dict[str, str] = {}
    for name, text in headers:
        key = spelling.setdefault(name.lower(), name)
        before = shown.get(key)
        if before is None:
            shown[key] = text
        elif isinstance(before, list):
            before.append(text)
        else:
            shown[key] = [before, text]
    return shown
