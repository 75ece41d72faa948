"""The form of a new job or schedule: what was typed becomes the fields of POST /api/jobs, and errors go to their field.

A job that is made by way of another one shows that one's secrets as `***`; what stays so is taken from the original.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from booper.content import body_formats, exact_json, redaction
from jobs.intake import request, strict_json
from jobs.intake.refusals import InvalidInput
from jobs.models import CatchUp, Overlap
from jobs.specs import OnConflict

_PLAIN_FORMATS = ("text", "base64")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field of the form is typed, and read."""

    name: str
    label: str
    help: str = ""
    example: str = ""
    # line, json, choice, lines (one, or several below each other) or names (with commas between).
    type: str = "line"
    choices: Sequence[str] = ()
    is_number: bool = False


@dataclass(slots=True)
class Shown:
    """A field with what was typed, and what is wrong with it."""

    kind: Kind
    value: str
    errors: list[str] = field(default_factory=list)


_REQUEST = (
    Kind("method", "Method", type="choice", choices=request.METHODS),
    Kind("url", "URL", "Where the request goes.", "https://example.com/hook"),
    Kind(
        "headers",
        "Headers",
        "A JSON object; {{secret:NAME}} is filled in when it is sent.",
        '{"X-Name": "value"}',
        "json",
    ),
    Kind("query", "Query", "A JSON object.", '{"page": 1}', "json"),
    Kind("body", "Body", "JSON; with the formats text and base64 the text itself.", '{"content": "Hi"}', "json"),
    Kind("body_format", "Sent as", "JSON if left.", type="choice", choices=("", *body_formats.FORMATS)),
)
_ONCE = (
    Kind("schedule_in", "In", "How long from now.", "10 minutes"),
    Kind("scheduled_at", "Or at", "A date and time; empty both: now.", "2026-12-24T09:00"),
)
_MOVED = (
    Kind("schedule_in", "In", "How long from now.", "10 minutes"),
    Kind("scheduled_at", "Or at", "A date and time; empty both: as it is.", "2026-12-24T09:00"),
)
_REPEATED = (
    Kind("cron", "Cron", "Minute, hour, day, month, weekday; several below each other.", "0 9 * * 1-5", "lines"),
    Kind("repeat_every", "Or every", "An interval, of a second or more.", "5 minutes"),
)
_ZONE = (Kind("timezone", "Zone", "Of cron, and of times without an offset.", "Europe/Berlin"),)
_NAMED = (
    Kind("name", "Name", "What you call it."),
    Kind("queue", "Queue", "One of yours; a new name makes one."),
    Kind("tags", "Tags", "To find it by; with commas between.", "billing, eu", "names"),
)
_MORE = (
    Kind("description", "What it is for"),
    Kind("idempotency_key", "Idempotency key", "Of several that wait with one key, the first alone is made."),
    Kind("on_conflict", "If a job has this key", type="choice", choices=("", *OnConflict)),
    Kind("timeout", "Time-out", "Seconds, 1 to 900.", is_number=True),
    Kind("max_attempts", "Attempts", "1 to 100.", is_number=True),
    Kind("backoff", "Backoff", "The waits between attempts.", '[5, [1, "minutes"]]', "json"),
    Kind(
        "success_when",
        "Counts as success when",
        "An object of status, body, body_contains, within.",
        '{"status": [200, "3xx"], "body_contains": "ok"}',
        "json",
    ),
    Kind("expires_in", "Expires in", "Not begun by then, it is cancelled.", "1 hour"),
    Kind("callback_url", "Callback", "Is told the result.", "https://example.com/result"),
    Kind("webhook_url", "Webhook", "Is told each event.", "https://example.com/events"),
    Kind(
        "then",
        "Then",
        "A job, or a list of some, made when it completes.",
        '{"url": "https://example.com/next"}',
        "json",
    ),
    Kind("on_failure", "On failure", "The same when it is discarded.", '{"url": "https://example.com/mend"}', "json"),
)
_MORE_OF_REPEATED = (
    Kind("schedule_in", "First run in", "", "10 minutes"),
    Kind("scheduled_at", "Or first run at", "", "2026-12-24T09:00"),
    Kind("starts_at", "Not before"),
    Kind("ends_at", "Not after"),
    Kind("max_runs", "Runs at most", is_number=True),
    Kind("jitter", "Jitter", "Each run is later by up to this much.", "30 seconds"),
    Kind("skip_on", "Not on days of", "Calendars, with commas between.", "holidays", "names"),
    Kind("only_on", "Only on days of", "Calendars, with commas between.", "workdays", "names"),
    Kind("overlap", "While the one before runs", type="choice", choices=("", *Overlap.values)),
    Kind("catch_up", "After an outage", type="choice", choices=("", *CatchUp.values)),
    Kind("disable_after", "Disable after", "So many runs discarded in a row.", is_number=True),
)


@dataclass(frozen=True, slots=True)
class Group:
    """`is_folded`: most leave its fields as they are."""

    title: str
    kinds: Sequence[Kind]
    is_folded: bool = False


OF_JOBS = (
    Group("Request", _REQUEST),
    Group("When", (*_ONCE, *_ZONE)),
    Group("What it is called", _NAMED),
    Group("More", _MORE, is_folded=True),
)
# What PATCH takes: the key, and what happens if it is held, are settled when a job is made.
OF_CHANGES = (
    Group("Request", _REQUEST),
    Group("When", (*_MOVED, *_ZONE)),
    Group("What it is called", _NAMED),
    Group("More", [kind for kind in _MORE if kind.name not in ("idempotency_key", "on_conflict")], is_folded=True),
)
OF_SCHEDULES = (
    Group("How often", (*_REPEATED, *_ZONE)),
    Group("Request", _REQUEST),
    Group("What it is called", _NAMED),
    Group("More", (*_MORE, *_MORE_OF_REPEATED), is_folded=True),
)


@dataclass(slots=True)
class Form:
    """`fields` are as POST /api/jobs takes them; `errors` are by the names of fields, those of none under ""."""

    groups: Sequence[Group]
    typed: Mapping[str, str]
    fields: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, refusal: InvalidInput) -> None:
        for error in refusal.errors or []:
            path = error["pointer"].strip("/").split("/")
            name = path[0] if any(path[0] == kind.name for kind in _kinds(self.groups)) else ""
            place = f"{'.'.join(path[1:])}: " if name and len(path) > 1 else "" if name else f"{'.'.join(path)}: "
            self.errors.setdefault(name, []).append(f"{place.removeprefix(': ')}{error['detail']}")

    @property
    def shown(self) -> list[tuple[Group, list[Shown], bool]]:
        """Each group with its fields, and whether it stands open."""
        return [self._group(group) for group in self.groups]

    def _group(self, group: Group) -> tuple[Group, list[Shown], bool]:
        found = [Shown(kind, self.typed.get(kind.name, ""), self.errors.get(kind.name, [])) for kind in group.kinds]
        return group, found, not group.is_folded or any(each.errors or each.value for each in found)

    @property
    def other_errors(self) -> list[str]:
        return self.errors.get("", [])


def read(groups: Sequence[Group], typed: Mapping[str, str], *, original: Mapping[str, Any] | None = None) -> Form:
    """`original` has the fields of the job that this one is made after."""
    form = Form(groups, typed)
    for kind in _kinds(groups):
        text = _compared(kind, typed)
        if text.strip():
            reader = _READERS[kind.type]
            if _is_plain(kind, typed):
                reader = _line
                text = _with_line_ends_of(text, (original or {}).get(kind.name))
            try:
                form.fields[kind.name] = _restored(kind, reader(kind, text), original or {})
            except _Refused as refused:
                form.errors[kind.name] = [str(refused)]
    return form


def typed_of(fields: Mapping[str, Any], groups: Sequence[Group]) -> dict[str, str]:
    """The form as somebody would have filled it in for `fields`, secrets hidden."""
    hidden = redaction.redacted(dict(fields))
    return {
        kind.name: str(hidden[kind.name]) if _is_plain(kind, fields) else _as_typed(kind, hidden[kind.name])
        for kind in _kinds(groups)
        if hidden.get(kind.name) is not None
    }


def changed(groups: Sequence[Group], typed: Mapping[str, str], *, before: Mapping[str, Any]) -> Form:
    """The form of a change: its `fields` are those that were typed otherwise than `before` reads, None if emptied."""
    shown, form = typed_of(before, groups), read(groups, typed, original=before)
    for kind in _kinds(groups):
        was, now = _compared(kind, shown), _compared(kind, typed)
        if was == now:
            form.fields.pop(kind.name, None)
            form.errors.pop(kind.name, None)
        elif not now:
            form.fields[kind.name] = None
    return form


class _Refused(ValueError):
    """What was typed can't be read; the message says why."""


def _kinds(groups: Sequence[Group]) -> list[Kind]:
    return [kind for group in groups for kind in group.kinds]


def _is_plain(kind: Kind, fields: Mapping[str, Any]) -> bool:
    """Whether it is a body that goes out as the text it is."""
    return kind.name == "body" and str(fields.get("body_format")).lower() in _PLAIN_FORMATS


def _compared(kind: Kind, typed: Mapping[str, str]) -> str:
    """What a browser makes of a field that nobody touches, and what is read: a text alone keeps its spaces."""
    text = typed.get(kind.name, "")
    if kind.type == "line":
        # A field of one line has no line ends.
        return text.replace("\r", "").replace("\n", "").strip()
    text = text.replace("\r\n", "\n")
    is_text = kind.name == "body" and typed.get("body_format", "").lower() == "text"
    return text if is_text else text.strip()


def _with_line_ends_of(text: str, before: Any) -> str:
    """Browsers send each line end as CR LF: it is one of the text only where the text had them."""
    return text.replace("\n", "\r\n") if isinstance(before, str) and "\r\n" in before else text


def _line(kind: Kind, text: str) -> Any:
    if kind.is_number and text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    return text


def _json(kind: Kind, text: str) -> Any:
    try:
        return strict_json.parse(text.encode("utf-8", "surrogatepass"))
    except InvalidInput as refusal:
        raise _Refused(refusal.detail) from None


def _lines(kind: Kind, text: str) -> Any:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines if len(lines) > 1 else lines[0]


def _names(kind: Kind, text: str) -> Any:
    return [name for name in re.split(r"\s*[,\n]\s*", text) if name]


_READERS: Mapping[str, Callable[[Kind, str], Any]] = {
    "line": _line, "choice": _line, "json": _json, "lines": _lines, "names": _names
}  # fmt: skip


def _restored(kind: Kind, value: Any, original: Mapping[str, Any]) -> Any:
    """The value, or the original's where nothing but what hides its secrets was typed. Raises _Refused."""
    before = original.get(kind.name)
    # As text: to Python true is 1, and 1.0 is, and the order of keys is nothing.
    if before is not None and exact_json.dumps(value) == exact_json.dumps(
        redaction.redacted({kind.name: before})[kind.name]
    ):
        return before
    if original and redaction.HIDDEN in json.dumps(value):
        raise _Refused(f"{redaction.HIDDEN} stands where a secret is hidden: as this was changed, write it anew")
    return value


def _as_typed(kind: Kind, value: Any) -> str:
    if kind.type == "json":
        return exact_json.dumps(value, is_indented=True).decode()
    if kind.type == "choice":
        # However it was spelt when it was sent.
        return str(value).lower()
    if isinstance(value, list):
        return {"lines": "\n", "names": ", "}.get(kind.type, " ").join(str(item) for item in value)
    return str(value)
