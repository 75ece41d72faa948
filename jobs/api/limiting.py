"""Whether a call may be answered at all: by how often a key, or who has none, has called; and what headers say of it.

Asked before a body is read. RateLimit and RateLimit-Policy are as in draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
from datetime import UTC, datetime

from django.conf import settings
from django.db import Error
from rest_framework.request import Request

from jobs.database import clock
from jobs.guarding import client_address, limits, rates
from jobs.guarding.rates import Standing
from jobs.models import ApiKey


def of_key(key: ApiKey) -> Standing | None:
    """Counts one request of `key`. None where there is no limit."""
    allowed = limits.allowed(limits.REQUESTS, key.user.limits)
    return rates.requests.take(key.uuid.hex, allowed=allowed, now=_now()) if allowed else None


def of_nobody(request: Request) -> Standing | None:
    """Counts one request that has no valid key, by its address."""
    allowed = settings.BOOPER_ANONYMOUS_PER_MINUTE
    return rates.anonymous.take(client_address.counted(request.META), allowed=allowed, now=_now()) if allowed else None


def standing_of_key(key: ApiKey, *, now: datetime) -> Standing:
    """How a key stands, without counting anything."""
    allowed = limits.allowed(limits.REQUESTS, key.user.limits)
    return rates.requests.standing(key.uuid.hex, allowed=allowed, now=now)


def standing_of_nobody(request: Request, *, now: datetime) -> Standing:
    """How the caller's address stands, without counting anything."""
    return rates.anonymous.standing(
        client_address.counted(request.META), allowed=settings.BOOPER_ANONYMOUS_PER_MINUTE, now=now
    )


def refuse_guessing(request: Request) -> None:
    """Raises LimitReached for an address that is over already: its next guess at a key costs no query."""
    allowed = settings.BOOPER_ANONYMOUS_PER_MINUTE
    if allowed and rates.anonymous.is_refused(client_address.counted(request.META), now=_now()):
        rates.anonymous.take(client_address.counted(request.META), allowed=allowed, now=_now()).require()


def headers(standing: Standing) -> dict[str, str]:
    name = standing.limit.name
    return {
        "RateLimit-Policy": f'"{name}";q={standing.allowed};w={standing.seconds}',
        "RateLimit": f'"{name}";r={standing.remaining};t={math.ceil(standing.resets_in_seconds)}',
    }


def _now() -> datetime:
    """Tells the time, by this machine's clock if the database does not: some calls need no database."""
    try:
        return clock.now()
    except Error:
        return datetime.now(UTC)
