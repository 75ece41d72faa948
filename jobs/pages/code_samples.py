"""The same job as code: a call by curl, Python for the SDK, and a command. What is hidden on pages stays hidden."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pprint import pformat
from typing import Any

from booper.content import exact_json, redaction
from jobs.guarding import public_links

_WIDTH = 76
# The options of `booper run`, by the field that each stands for.
_OPTIONS: Mapping[str, str] = {
    "schedule_in": "--in",
    "scheduled_at": "--at",
    "repeat_every": "--every",
    "timezone": "--timezone",
    "name": "--name",
    "description": "--description",
    "idempotency_key": "--idempotency-key",
    "on_conflict": "--on-conflict",
    "callback_url": "--callback-url",
    "webhook_url": "--webhook-url",
    "queue": "--queue",
    "timeout": "--timeout",
    "max_attempts": "--max-attempts",
}
_REPEATED = {"cron": "--cron", "tags": "--tag"}


def as_curl(fields: Mapping[str, Any]) -> str:
    return (
        f"curl {public_links.to('/api/jobs')} \\\n"
        '  -H "Authorization: Bearer $BOOPER_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(_json(_shown(fields), is_indented=True))}"
    )


def as_python(fields: Mapping[str, Any]) -> str:
    """For the SDK, which finds the key in BOOPER_API_KEY."""
    shown = pformat(_shown(fields), width=_WIDTH, sort_dicts=False)
    return (
        "from booper import Scheduler\n\n"
        f"scheduler = Scheduler(base_url={public_links.to('')!r})\n"
        f"scheduler.jobs.create({shown})"
    )


def as_command(fields: Mapping[str, Any]) -> str:
    shown = _shown(fields)
    method, url = str(shown.pop("method", "get")).upper(), str(shown.pop("url", "URL"))
    options = [option for name, value in shown.items() for option in _options(name, value)]
    return " \\\n  ".join([f"booper run {method} {shlex.quote(url)}", *options])


def _options(name: str, value: Any) -> Sequence[str]:
    if name == "body":
        return [f"--json {shlex.quote(_json(value))}"]
    if name in _REPEATED:
        return [_option(_REPEATED[name], str(item)) for item in ([value] if isinstance(value, str) else value)]
    if name in _OPTIONS and not isinstance(value, list | dict):
        return [_option(_OPTIONS[name], str(value))]
    is_text = isinstance(value, str)
    return [f"--field {shlex.quote(f'{name}={value}' if is_text else f'{name}:={_json(value)}')}"]


def _option(name: str, value: str) -> str:
    """What begins with a hyphen would be taken for an option of its own."""
    return f"{name}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"


def request_as_python(request: Mapping[str, Any]) -> str:
    """The request to its target, by the package `requests`."""
    body, headers = request.get("body"), request.get("headers")
    parts = [repr(str(request.get("method") or "get").upper()), repr(str(request.get("url") or ""))]
    parts += [f"{name}={pformat(value, width=_WIDTH, sort_dicts=False)}" for name, value in (
        ("params", request.get("query")), ("headers", headers)) if value]  # fmt: skip
    if body is not None:
        has_type = any(str(name).lower() == "content-type" for name in headers or {})
        kind = "data" if isinstance(body, str) and has_type else "json"
        parts.append(f"{kind}={pformat(body, width=_WIDTH, sort_dicts=False)}")
    listed = "".join(f"    {part},\n" for part in (_indented(part) for part in parts))
    return f"import requests\n\nresponse = requests.request(\n{listed})\nprint(response.status_code, response.text)"


def _indented(part: str) -> str:
    return part.replace("\n", "\n    ")


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = redaction.redacted(dict(fields))
    return shown


def _json(value: Any, *, is_indented: bool = False) -> str:
    if is_indented:
        return json.dumps(value, indent=2, ensure_ascii=False)
    return exact_json.dumps(value).decode()
