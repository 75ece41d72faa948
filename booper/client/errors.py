"""Every error the client raises, each refusal by its status."""

from __future__ import annotations

from collections.abc import Mapping

from booper.client.shapes import Json, JsonList


class BooperError(Exception):
    """Everything the client raises."""


class InvalidCall(BooperError, ValueError):
    """Nothing was sent: the key is missing, or an argument can't be put into a request."""


class NoKey(InvalidCall):
    """There is no API key to call with."""


class ConnectionFailed(BooperError):
    """No whole answer came: refused, reset, timed out, or an untrusted certificate."""

    def __init__(self, message: str, *, may_have_arrived: bool = True) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived
        """Whether the server may have seen the request, and done what it asks for."""


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


ERROR_OF_STATUS: Mapping[int, type[APIError]] = {
    400: BadRequest,
    401: Unauthorized,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: RateLimited,
}
