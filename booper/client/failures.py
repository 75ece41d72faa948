"""What a failed connection says: why it failed, and whether the request may have arrived."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import requests

# Of a connection that was there; any other error of the system means that there never was one.
_BROKEN_CONNECTION_ERRNOS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ETIMEDOUT})


def may_have_arrived(error: requests.RequestException) -> bool:
    """Whether the server may have seen the request: False only where there was no connection to send it on."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return False
    numbers = {each.errno for each in _chain(error) if isinstance(each, OSError) and each.errno is not None}
    return not numbers or not numbers.isdisjoint(_BROKEN_CONNECTION_ERRNOS)


def innermost_reason(error: BaseException) -> str:
    """What the operating system said, where requests and urllib3 wrap it three times over."""
    chain = list(_chain(error))
    reasons = [each.strerror for each in chain if isinstance(each, OSError) and each.strerror]
    return reasons[-1] if reasons else str(chain[-1]) or type(chain[-1]).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__
