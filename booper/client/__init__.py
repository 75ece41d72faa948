"""The SDK: every call of the HTTP API as a method that returns plain data or raises one of the errors below."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit
from uuid import UUID

import requests
from requests.auth import AuthBase

from booper import __version__
from booper.timing.timestamps import timestamp

API_KEY_VARIABLE = "BOOPER_API_KEY"
API_URL_VARIABLE = "BOOPER_API_URL"
DEFAULT_API_URL = "http://127.0.0.1:8000"

PAGE_SIZE = 100
"""The most rows the API gives in one page."""

Json = dict[str, Any]
JsonList = list[Json]
Id = str | int | UUID
Filter = str | int | float | bool | datetime | UUID | Iterable[str] | None
"""A list's filter: several values are joined with commas, a naive datetime is in UTC, None leaves the filter out."""


class BooperError(Exception):
    """Everything this module raises."""


class InvalidCall(BooperError, ValueError):
    """Nothing was sent: the key is missing, or an argument can't be put into a request."""


class ConnectionFailed(BooperError):
    """No whole answer came: refused, reset, timed out, or an untrusted certificate."""


class APIError(BooperError):
    """The server refused. The fields are those of its problem+json (RFC 9457).

    `errors` is a list of {"pointer": "/schedule_in/1", "detail": "…"}, one for each bad field; often empty.
    """

    def __init__(
        self, status: int, *, problem: Json, title: str, detail: str, errors: JsonList, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status = status
        self.problem = problem
        self.title = title
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after
        """Seconds to wait, where the server said so."""


class BadRequest(APIError):
    """400: see `errors` for the fields."""


class Unauthorized(APIError):
    """401: no key, or not a valid one."""


class NotFound(APIError):
    """404: not there, or not yours."""


class Conflict(APIError):
    """409: too late, for instance to cancel a job that has ended."""


class TooLarge(APIError):
    """413: the request body exceeds the server's limit."""


class RateLimited(APIError):
    """429: too many requests; wait `retry_after` seconds."""


class ServerError(APIError):
    """5xx: the server or a proxy before it is in trouble."""


# Of a connection that was there; any other error of the system means that there never was one.
_BROKEN_CONNECTION_ERRNOS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ETIMEDOUT})

_ERROR_OF_STATUS: Mapping[int, type[APIError]] = {
    400: BadRequest,
    401: Unauthorized,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: RateLimited,
}


class Scheduler:
    """A Booper server, as one user.

    The key comes from BOOPER_API_KEY and the address from BOOPER_API_URL (http://127.0.0.1:8000) unless given.
    `timeout` is the longest wait in seconds for the connection, and then for each piece of the answer. When the
    network fails, what can be repeated without harm is, after each of `retry_waits_seconds`: every read, and each
    write that says so below.

    Threads may share one Scheduler: each gets a `requests.Session` of its own. A `session` you pass is used as it is,
    by all of them. Raises InvalidCall for a key or an address that can't be used.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 30,
        session: requests.Session | None = None,
        retry_waits_seconds: Sequence[float] = (0.5, 2.0),
    ) -> None:
        self._transport = transport = _Transport(
            _usable_key(api_key if api_key is not None else os.environ.get(API_KEY_VARIABLE)),
            base_url=_usable_url(base_url or os.environ.get(API_URL_VARIABLE) or DEFAULT_API_URL),
            timeout_seconds=_usable_timeout(timeout),
            session=session,
            retry_waits_seconds=tuple(retry_waits_seconds),
        )
        self.jobs = Jobs(transport)
        self.schedules = Schedules(transport)
        self.logs = Logs(transport)
        self.deliveries = Deliveries(transport)
        self.queues = Queues(transport)

    def preview(self, schedule: Mapping[str, Any]) -> Json:
        """The next runs of a would-be schedule; creates nothing."""
        return _object(self._transport.call("POST", "/api/preview", body=schedule, is_repeatable=True))

    def ping(self) -> Json:
        """{"message": "Pong"} from a server that is up. Needs no key."""
        return _object(self._transport.call("GET", "/api/ping", is_repeatable=True, needs_key=False))

    def close(self) -> None:
        """Close the kept-alive connections of every thread; not those of a session you passed."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Scheduler(base_url={self._transport.base_url!r})"  # never the key: reprs end up in logs


class _Resource:
    """The calls under one path of the API."""

    path: str

    def __init__(self, transport: _Transport) -> None:
        self._transport = transport

    def _get(self, identity: Id, *more: str) -> Json:
        return _object(self._transport.call("GET", self._path_of(identity, *more), is_repeatable=True))

    def _post(self, identity: Id, verb: str, *, query: Mapping[str, Filter] | None = None) -> Json:
        return _object(self._transport.call("POST", self._path_of(identity, verb), query=query))

    def _path_of(self, identity: Id, *more: str) -> str:
        text = str(identity)
        if text.strip() in {"", ".", ".."}:  # each would name another resource than the one meant
            raise InvalidCall(f"id: {text!r} names nothing, use the one the API gave")
        return "/".join([self.path, _quoted(text), *more])


class _Listed(_Resource):
    def list(self, **filters: Filter) -> JsonList:
        """One page, newest first: `limit` (10, at most 100), `offset`, `order_by`, and the list's own filters."""
        return _objects(self._transport.call("GET", self.path, query=filters, is_repeatable=True))

    def iterate(self, *, page_size: int = PAGE_SIZE, **filters: Filter) -> Iterator[Json]:
        """Every row, page after page, as it is consumed; an `offset` says where to begin.

        Each page goes on after the last row of the one before, whatever arrives or leaves meanwhile: no row is given
        twice and none is passed over, and the last page takes no longer than the first.
        """
        cursor: str | None = ""
        while cursor is not None:
            rows, cursor = self._transport.page(self.path, query={**filters, "limit": page_size, "cursor": cursor})
            yield from _objects(rows)
            filters.pop("offset", None)


class _Readable(_Listed):
    def get(self, id: Id) -> Json:
        """One, by its id."""
        return self._get(id)


class Jobs(_Readable):
    """Jobs are known by their integer `job_id` or by their uuid."""

    path = "/api/jobs"

    def create(self, job: Mapping[str, Any]) -> Json:
        """Schedule a job, or a recurring schedule with its first job.

        Repeated after a network failure only if it has an `idempotency_key`: without one the server could not tell the
        repetition from a second job. A `datetime` and a `timedelta` are taken wherever a time and a duration are.
        """
        return _object(self._transport.call("POST", self.path, body=job, is_repeatable=_has_key(job)))

    def create_many(self, jobs: Iterable[Mapping[str, Any]]) -> JsonList:
        """Schedule up to 1,000 jobs in one call; raises nothing for single bad ones.

        Answers a list in the same order, each the job or {"error": problem}. Repeated after a network failure only if
        every job has an `idempotency_key`.
        """
        batch = list(jobs)
        is_repeatable = all(_has_key(job) for job in batch)
        return _objects(
            self._transport.call("POST", f"{self.path}/batch", body={"jobs": batch}, is_repeatable=is_repeatable)
        )

    def update(self, id: Id, changes: Mapping[str, Any]) -> Json:
        """Reschedule or edit a job that waits: {"body": …, "schedule_in": "1 hour"}; None takes a field away.

        Of the upcoming job of a schedule, that run alone; `schedules.update` edits all to come.
        """
        return _object(self._transport.call("PATCH", self._path_of(id), body=changes))

    def cancel(self, id: Id, *, scope: str | None = None) -> Json:
        """Cancel a job. The upcoming job of a schedule ends the schedule, unless `scope="run"`: that skips one run."""
        return self._post(id, "cancel", query={"scope": scope})

    def cancel_many(self, *, all: bool | None = None, **filters: Filter) -> Json:
        """Cancel what the same filters would list and has not ended; answers {"cancelled": how many}.

        The upcoming job of a schedule takes its schedule along. Without any filter `all=True` is needed, so that a slip
        can't cancel everything.
        """
        if not all and not any(value is not None for value in filters.values()):
            raise InvalidCall("filters: none given; state='scheduled' cancels what waits, all=True everything")
        return _object(self._transport.call("POST", f"{self.path}/cancel", query={**filters, "all": all or None}))

    def run(self, id: Id) -> Json:
        """Run a waiting job now."""
        return self._post(id, "run")

    def retry(self, id: Id) -> Json:
        """Run a discarded or completed job once more."""
        return self._post(id, "retry")

    def timeline(self, id: Id) -> Any:
        """Its log and deliveries in order, with the time spent in each state."""
        return self._transport.call("GET", self._path_of(id, "timeline"), is_repeatable=True)


class Schedules(_Readable):
    """Schedules are known by their uuid."""

    path = "/api/schedules"

    def enable(self, id: Id) -> Json:
        return self._post(id, "enable")

    def disable(self, id: Id) -> Json:
        return self._post(id, "disable")

    def trigger(self, id: Id) -> Json:
        """Run it once now, outside its grid."""
        return self._post(id, "trigger")

    def update(self, id: Id, changes: Mapping[str, Any]) -> Json:
        return _object(self._transport.call("PATCH", self._path_of(id), body=changes))

    def delete(self, id: Id) -> Json | None:
        """Delete it; answers what the server says of it, or None."""
        return _object_or_none(self._transport.call("DELETE", self._path_of(id)))


class Logs(_Readable):
    """The events of your jobs; filters `job_id`, `event`."""

    path = "/api/logs"


class Deliveries(_Listed):
    """Callbacks and webhooks, sent or waiting."""

    path = "/api/deliveries"

    def resend(self, id: Id) -> Json:
        return self._post(id, "resend")


_LIMITS = ("concurrency", "rate", "paused")


class Queues(_Listed):
    """Queues are known by their name."""

    path = "/api/queues"

    def get(self, name: str) -> Json:
        """Its limits, and how many of its jobs wait and run."""
        return self._get(name)

    def update(self, name: str, limits: Mapping[str, Any]) -> Json:
        """Set all its limits, `concurrency`, `rate` and `paused`: one that is left out is lifted. Makes the queue."""
        return _object(self._transport.call("PUT", self._path_of(name), body=limits, is_repeatable=True))

    def pause(self, name: str) -> Json:
        """Start none of its jobs until it is resumed; its other limits stay. Two calls."""
        return self._change(name, paused=True)

    def resume(self, name: str) -> Json:
        """Start its jobs again. Two calls."""
        return self._change(name, paused=False)

    def _change(self, name: str, **changes: Any) -> Json:
        queue = self.get(name)
        return self.update(name, {limit: queue.get(limit) for limit in _LIMITS} | changes)


class _BearerAuth(AuthBase):
    """The key, as an auth object: requests lets an entry of ~/.netrc replace a plain Authorization header."""

    def __init__(self, api_key: str | None) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._api_key is not None:
            request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request


class _Transport:
    """Sends one call to the server: the only place that knows `requests`."""

    def __init__(
        self,
        api_key: str | None,
        *,
        base_url: str,
        timeout_seconds: float,
        session: requests.Session | None,
        retry_waits_seconds: tuple[float, ...],
    ) -> None:
        self.base_url = base_url
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._retry_waits_seconds = retry_waits_seconds
        self._given_session = session
        self._of_this_thread = threading.local()
        # Weak, so that a thread takes its session along when it ends.
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Filter] | None = None,
        body: Any = None,
        is_repeatable: bool = False,
        needs_key: bool = True,
    ) -> Any:
        """The content of `data` in the answer, None for an empty one. Raises a BooperError for everything else."""
        answer = self._answer(method, path, query=query, body=body, is_repeatable=is_repeatable, needs_key=needs_key)
        return None if answer is None else answer.get("data", answer)

    def page(self, path: str, *, query: Mapping[str, Filter]) -> tuple[Any, str | None]:
        """The rows of a list, and the cursor for the next page or None."""
        answer = self._answer("GET", path, query=query, is_repeatable=True) or {}
        return answer.get("data"), answer.get("cursor")

    def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Filter] | None = None,
        body: Any = None,
        is_repeatable: bool = False,
        needs_key: bool = True,
    ) -> Json | None:
        if needs_key and self._api_key is None:
            raise InvalidCall(f"api_key: there is none; pass it or set {API_KEY_VARIABLE}")
        url = self.base_url + path
        parameters = {name: _as_text(value) for name, value in (query or {}).items() if value is not None}
        content = None if body is None else _encoded(body)
        api_key = self._api_key if needs_key else None
        for wait_seconds in self._retry_waits_seconds if is_repeatable else ():
            try:
                return _checked(self._send(method, url, parameters=parameters, content=content, api_key=api_key))
            except ConnectionFailed:
                time.sleep(wait_seconds)
        return _checked(self._send(method, url, parameters=parameters, content=content, api_key=api_key))

    def _send(
        self, method: str, url: str, *, parameters: dict[str, str], content: bytes | None, api_key: str | None
    ) -> _Answer:
        headers = {"Accept": "application/json", "User-Agent": f"booper-python/{__version__}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._session().request(
                method,
                url,
                params=parameters,
                data=content,
                headers=headers,
                auth=_BearerAuth(api_key),
                timeout=self._timeout_seconds,
                allow_redirects=False,  # the key goes to the server it was meant for and nowhere else
            )
        except requests.RequestException as error:
            raise ConnectionFailed(self._what_failed(error, method=method)) from error
        except UnicodeError as error:
            raise InvalidCall(f"{method} {url}: has characters that can't be sent: {error}") from error
        return _Answer.of(response)

    def _what_failed(self, error: requests.RequestException, *, method: str) -> str:
        if isinstance(error, requests.Timeout):
            why = f"no answer within {self._timeout_seconds:g} s"
        else:
            why = _innermost_reason(error)
        is_doubtful = method != "GET" and _may_have_arrived(error)
        doubt = "; it may have been carried out, look before repeating it" if is_doubtful else ""
        return f"cannot reach {self.base_url}: {why}{doubt}; is Booper running there? {API_URL_VARIABLE} says where"

    def _session(self) -> requests.Session:
        if self._given_session is not None:
            return self._given_session
        session: requests.Session | None = getattr(self._of_this_thread, "session", None)
        if session is None:
            session = self._of_this_thread.session = _new_session(self.base_url)
            with self._lock:
                self._sessions.add(session)
        return session

    def close(self) -> None:
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is read of a response, which would hold its connection open for as long as an error is kept with it."""

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes
    is_redirect: bool

    @classmethod
    def of(cls, response: requests.Response) -> _Answer:
        return cls(
            url=response.url,
            status=response.status_code,
            reason=response.reason or "",
            headers=response.headers,
            content=response.content,
            is_redirect=response.is_redirect,
        )


def _new_session(base_url: str) -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Proxies and private certificate authorities come from the environment, but no proxy leads to this very machine.
    session.trust_env = not _is_loopback(urlsplit(base_url).hostname or "")
    return session


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _usable_key(api_key: str | None) -> str | None:
    """The key without the blanks a file or a paste leaves around it; None for none."""
    stripped = (api_key or "").strip()
    if not all("!" <= character <= "~" for character in stripped):
        raise InvalidCall("api_key: has blanks or characters no key has; copy it again, it looks like sk_…")
    return stripped or None


def _usable_url(base_url: str) -> str:
    """The address without a trailing slash or /api."""
    advice = f"use one like {DEFAULT_API_URL} (base_url, {API_URL_VARIABLE})"
    try:
        parts = urlsplit(base_url.strip())
        has_name = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise InvalidCall(f"base_url: {base_url!r} is no address: {error}; {advice}") from error
    if parts.scheme not in {"http", "https"} or not has_name or parts.username or parts.query or parts.fragment:
        raise InvalidCall(f"base_url: {base_url!r} is no http:// or https:// address of a server; {advice}")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/").removesuffix("/api")


def _usable_timeout(timeout: float) -> float:
    if not 0 < timeout < threading.TIMEOUT_MAX:
        raise InvalidCall(f"timeout: {timeout!r} can't be waited for, use a number of seconds above 0")
    return timeout


def _quoted(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeError as error:
        raise InvalidCall(f"id: {text!r} has characters that can't be sent") from error


def _has_key(job: Mapping[str, Any]) -> bool:
    return bool(job.get("idempotency_key"))


def _as_text(value: Filter) -> str:
    """A filter as the API reads it in a query string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(value)
    return str(value)


def _moment(value: datetime) -> str:
    """RFC 3339; a naive datetime stays without an offset, for the server to read in the job's `timezone`."""
    if value.tzinfo is None:
        return value.isoformat()
    return timestamp(value)


def _encoded(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, default=_plain).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidCall(f"body: can't be written as JSON: {error}") from error


def _plain(value: Any) -> str | float:
    """What JSON has no type for, but the API a spelling."""
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}, use a string, number, list or dict")


def _checked(answer: _Answer) -> Json | None:
    """The JSON of an answer, None for an empty one. Raises the APIError of any status but 2xx."""
    body = _json_or_none(answer)
    if not 200 <= answer.status < 300:
        raise _api_error(answer, problem=body if isinstance(body, dict) else {})
    if not answer.content:
        return None
    if not isinstance(body, dict):
        detail = f"{answer.url} answered without JSON: is it a Booper server? {API_URL_VARIABLE} says where"
        raise APIError(answer.status, problem={}, title="Not Booper's answer", detail=detail, errors=[])
    return body


def _json_or_none(answer: _Answer) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def _api_error(answer: _Answer, *, problem: Json) -> APIError:
    status = answer.status
    detail = str(problem.get("detail") or "")
    if answer.is_redirect:
        detail = f"redirected to {answer.headers['Location']}, which is not followed: set {API_URL_VARIABLE} to it"
    errors = problem.get("errors")
    seconds = answer.headers.get("Retry-After", "")
    return _ERROR_OF_STATUS.get(status, ServerError if status >= 500 else APIError)(
        status,
        problem=problem,
        title=str(problem.get("title") or answer.reason or "Error"),
        detail=detail,
        errors=[error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else [],
        retry_after=float(seconds) if seconds.isascii() and seconds.isdigit() else None,
    )


def _object(data: Any) -> Json:
    if not isinstance(data, dict):
        raise _unexpected(data, wanted="an object")
    return data


def _object_or_none(data: Any) -> Json | None:
    return None if data is None else _object(data)


def _objects(data: Any) -> JsonList:
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise _unexpected(data, wanted="a list of objects")
    return data


def _unexpected(data: Any, *, wanted: str) -> APIError:
    detail = f"the answer's data is {type(data).__name__}, not {wanted}: is it a Booper server of this version?"
    return APIError(200, problem={}, title="Not Booper's answer", detail=detail, errors=[])


def _may_have_arrived(error: requests.RequestException) -> bool:
    """Whether the server may have seen the request: False only where there was no connection to send it on."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return False
    numbers = {each.errno for each in _chain(error) if isinstance(each, OSError) and each.errno is not None}
    return not numbers or not numbers.isdisjoint(_BROKEN_CONNECTION_ERRNOS)


def _innermost_reason(error: BaseException) -> str:
    """What the operating system said, where requests and urllib3 wrap it three times over."""
    chain = list(_chain(error))
    reasons = [each.strerror for each in chain if isinstance(each, OSError) and each.strerror]
    return reasons[-1] if reasons else str(chain[-1]) or type(chain[-1]).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__
