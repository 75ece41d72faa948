"""The request that a curl command line makes, in the fields of a job."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from booper.client import Json

_METHODS = ("get", "post", "put", "patch", "delete")
_FORM = "application/x-www-form-urlencoded"


class NotARequest(Exception):
    """A command is none that Booper could make; the message has the remedy.

    It `is_mistake` where no other program could run it either.
    """

    def __init__(self, message: str, *, is_mistake: bool = False) -> None:
        super().__init__(message)
        self.is_mistake = is_mistake


@dataclass(frozen=True, slots=True)
class Request:
    fields: Json
    notes: tuple[str, ...]


@dataclass(slots=True)
class Draft:
    """What the options say, as they are read."""

    urls: list[str] = field(default_factory=list)
    method: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    in_query: bool = False
    is_json: bool = False
    timeout: int | float | None = None
    max_attempts: int | None = None
    login: str | None = None
    notes: list[str] = field(default_factory=list)


# Options that take a value: what it is for.
_TAKING = {
    "-X": "method", "--request": "method", "--url": "url", "-H": "header", "--header": "header",
    "-d": "data", "--data": "data", "--data-ascii": "data", "--data-binary": "data", "--data-raw": "raw",
    "--data-urlencode": "encoded", "--json": "json", "-m": "timeout", "--max-time": "timeout", "--retry": "retries",
    "-u": "login", "--user": "login", "-e": "referer", "--referer": "referer", "-b": "cookie", "--cookie": "cookie",
    "-A": "agent", "--user-agent": "agent", "--oauth2-bearer": "bearer",
    **dict.fromkeys(
        ("-o", "--output", "-w", "--write-out", "--connect-timeout", "--retry-delay", "--retry-max-time", "-c",
         "--cookie-jar", "-D", "--dump-header", "--stderr", "--trace", "--trace-ascii", "-y", "-Y", "--speed-time",
         "--speed-limit", "--limit-rate", "--max-redirs", "--output-dir", "--keepalive-time"),
        "nothing",
    ),
}  # fmt: skip
# Options without a value, that change nothing of the request.
_FLAGS = frozenset(
    ("-s", "--silent", "-S", "--show-error", "-f", "--fail", "--fail-with-body", "--fail-early", "-i", "--include",
     "-v", "--verbose", "-#", "--progress-bar", "--no-progress-meter", "-N", "--no-buffer", "-O", "--remote-name", "-J",
     "--compressed", "-4", "--ipv4", "-6", "--ipv6", "--http1.1", "--http2", "-0", "--http1.0", "-q", "--disable",
     "--retry-connrefused", "--retry-all-errors", "-g", "--globoff", "--create-dirs", "--no-keepalive", "--tcp-nodelay",
     "--raw", "-sS", "--ssl-reqd", "--tlsv1.2", "--tlsv1.3", "-Z", "--path-as-is")
)  # fmt: skip
_REFUSED = {
    "-k": "certificates are checked here: take -k out, or have the target show one that is valid",
    "--insecure": "certificates are checked here: take --insecure out, or have the target show one that is valid",
    "-F": "a multipart form is none of the bodies here: send JSON or -d",
    "--form": "a multipart form is none of the bodies here: send JSON or -d",
    "-T": "it sends a file of this machine: put what is in it into --data",
    "--upload-file": "it sends a file of this machine: put what is in it into --data",
    "-K": "its options are in a file: write them here",
    "--config": "its options are in a file: write them here",
    "-I": "HEAD is none of the methods here (get, post, put, patch, delete): leave -I out",
    "--head": "HEAD is none of the methods here (get, post, put, patch, delete): leave --head out",
    "-x": "a proxy is the operator's to choose: leave it out",
    "--proxy": "a proxy is the operator's to choose: leave it out",
    "-n": "the login is in a file: write it as a header",
    "--netrc": "the login is in a file: write it as a header",
}
_HEADERS = {"referer": "Referer", "bearer": "Authorization"}
_REDIRECTED = "redirects are not followed here, and a failure: give the URL that they lead to"


def request_of(words: list[str]) -> Request:
    """The request of the words after `curl`. Raises NotARequest."""
    draft = Draft()
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            draft.urls += left
            break
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            _option(draft, name, left, attached=value if equals else None)
        elif word.startswith("-") and len(word) > 1:
            _short(draft, word, left)
        else:
            draft.urls.append(word)
    return finished(draft)


def _short(draft: Draft, word: str, left: list[str]) -> None:
    """One or more letters behind a -, the last of which may have its value attached."""
    for place, letter in enumerate(word[1:], start=1):
        name = f"-{letter}"
        if name in _TAKING:
            _option(draft, name, left, attached=word[place + 1 :] or None)
            return
        _option(draft, name, left, attached=None)


def _option(draft: Draft, name: str, left: list[str], *, attached: str | None) -> None:
    if name in _REFUSED:
        raise NotARequest(_REFUSED[name])
    if name in _FLAGS:
        return
    if name in ("-L", "--location"):
        draft.notes.append(_REDIRECTED)
    elif name in ("-G", "--get"):
        draft.in_query = True
    elif name in _TAKING:
        if attached is None and not left:
            raise NotARequest(f"{name} has no value", is_mistake=True)
        _take(draft, _TAKING[name], left.pop(0) if attached is None else attached)
    else:
        raise NotARequest(f"the option {name} is not known here: leave it out, or write the schedule by hand")


def _take(draft: Draft, kind: str, value: str) -> None:
    if kind in ("method", "login"):
        setattr(draft, kind, value)
    elif kind in _HEADERS:
        draft.headers[_HEADERS[kind]] = f"Bearer {value}" if kind == "bearer" else value
    elif kind in ("data", "json", "raw", "encoded"):
        _take_data(draft, kind, value)
    elif kind == "header":
        take_header(draft, value)
    elif kind == "cookie":
        if "=" not in value:
            raise NotARequest("its cookies are in a file: write them as NAME=VALUE")
        draft.headers["Cookie"] = value
    else:
        _take_other(draft, kind, value)


def _take_other(draft: Draft, kind: str, value: str) -> None:
    match kind:
        case "url":
            draft.urls.append(value)
        case "timeout":
            draft.timeout = seconds_of(value, option="--max-time")
        case "retries":
            draft.max_attempts = attempts_of(value, more=1)
        case "agent":
            draft.notes.append("User-Agent is Booper's own")


def take_header(draft: Draft, text: str) -> None:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise NotARequest(f"{text[:60]!r} is no header: write 'Name: value'", is_mistake=True)
    if name.strip().lower() == "user-agent":
        draft.notes.append("User-Agent is Booper's own")
    elif name.strip().lower() not in ("host", "content-length", "connection", "accept-encoding", "expect"):
        draft.headers[name.strip()] = value.strip()


def _take_data(draft: Draft, kind: str, value: str) -> None:
    if kind != "raw" and value.startswith("@"):
        raise NotARequest("the body is in a file of this machine: write it into --data")
    if kind == "encoded":
        name, equals, text = value.partition("=")
        if not equals and "@" in value:
            raise NotARequest("the body is in a file of this machine: write it into --data")
        value = f"{name}={quote(text, safe='')}" if equals and name else quote(text if equals else value, safe="")
    draft.is_json = draft.is_json or kind == "json"
    draft.data.append(value)


def seconds_of(text: str, *, option: str) -> int | float:
    """A time-out that a job may have."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    amount, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(amount) * unit
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise NotARequest(f"{option} {text[:40]!r} is no number of seconds", is_mistake=True)
    held = min(max(seconds, 1), 900)
    return int(held) if held == int(held) else held


def attempts_of(text: str, *, more: int = 0) -> int:
    if not text.isascii() or not text.isdigit():
        raise NotARequest(f"{text[:40]!r} is no number of attempts", is_mistake=True)
    return min(max(int(text[:9]) + more, 1), 100)


def finished(draft: Draft) -> Request:
    """The fields of what was read. Raises NotARequest."""
    if len(draft.urls) != 1:
        what = "no URL" if not draft.urls else f"{len(draft.urls)} URLs"
        raise NotARequest(f"it has {what}: write one command for each URL", is_mistake=not draft.urls)
    url, login = _without_login(draft.urls[0] if "://" in draft.urls[0] else f"http://{draft.urls[0]}")
    if (login := draft.login or login) is not None:
        encoded = base64.b64encode((login if ":" in login else f"{login}:").encode()).decode()
        draft.headers.setdefault("Authorization", f"Basic {encoded}")
    data = "&".join(draft.data) if draft.data else None
    if draft.in_query and data is not None:
        url, data = f"{url}{'&' if '?' in url else '?'}{data}", None
    method = (draft.method or ("get" if data is None else "post")).lower()
    if method not in _METHODS:
        raise NotARequest(f"{method.upper()[:20]} is none of the methods here: {', '.join(_METHODS)}")
    fields: Json = {} if method == "get" else {"method": method}
    fields["url"] = url.partition("#")[0]
    body = {} if data is None else _body(draft, data)
    if draft.headers:
        fields["headers"] = draft.headers
    more: Mapping[str, Any] = {"timeout": draft.timeout, "max_attempts": draft.max_attempts}
    fields |= body | {name: value for name, value in more.items() if value is not None}
    return Request(fields, tuple(dict.fromkeys(draft.notes)))


def _without_login(url: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise NotARequest(f"{url[:60]!r} is no URL: {error}", is_mistake=True) from None
    login, at, host = parts.netloc.rpartition("@")
    return (url, None) if not at else (urlunsplit(parts._replace(netloc=host)), unquote(login))


def _body(draft: Draft, data: str) -> Json:
    """The body, byte by byte as it was, or JSON where it is that."""
    kind = next((value for name, value in draft.headers.items() if name.lower() == "content-type"), None)
    if draft.is_json or (kind is not None and kind.partition(";")[0].strip().lower() == "application/json"):
        try:
            value = json.loads(data)
        except ValueError:
            raise NotARequest("its body is called JSON and is none: mend it, or call it something else") from None
        return {"body": value} | ({"include_metadata": False} if isinstance(value, dict) else {})
    if kind is None:
        draft.headers["Content-Type"] = _FORM
    return {"body": data, "body_format": "text"}
