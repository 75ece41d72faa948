"""What this instance has to remember while somebody is at the provider: in a cookie of theirs, which nobody can read.

So a sign-in is ended by the browser that has begun it alone, and those that are never ended fill no table.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from jobs.models import encryption
from jobs.models.encryption import UnknownKeyError

_COOKIE = "booper_sign_in"
_PURPOSE = "sign-in by the provider"
_MAY_TAKE = timedelta(minutes=10)
_LONGEST_PATH = 1_000


@dataclass(frozen=True, slots=True)
class Begun:
    """`state` comes back by the address, `nonce` in the ID token; `verifier` is told the provider with the code."""

    state: str
    nonce: str
    verifier: str
    # Where they were on the way to.
    path: str


def new(path: str) -> Begun:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Begun(state, nonce, verifier, path if len(path) <= _LONGEST_PATH else "")


def remember(answer: HttpResponse, begun: Begun, *, now: datetime) -> None:
    content = [_PURPOSE, now.isoformat(), begun.state, begun.nonce, begun.verifier, begun.path]
    answer.set_cookie(
        _COOKIE,
        encryption.encrypt(json.dumps(content)),
        max_age=_MAY_TAKE,
        path=_path(),
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        # Told too when the provider leads back here, and by no form of another site.
        samesite="Lax",
    )


def forget(answer: HttpResponse) -> None:
    answer.delete_cookie(_COOKIE, path=_path(), samesite="Lax")


def found(request: HttpRequest, *, state: str, now: datetime) -> Begun | None:
    """What this browser has begun within the last ten minutes, if it is what `state` is of."""
    sealed = request.COOKIES.get(_COOKIE, "")
    try:
        given = json.loads(encryption.decrypt(sealed)) if sealed.startswith(encryption.PREFIX) else None
    except (UnknownKeyError, ValueError):
        return None
    if not isinstance(given, list) or given[:1] != [_PURPOSE]:
        return None
    if now - datetime.fromisoformat(given[1]) > _MAY_TAKE or not constant_time_compare(given[2], state):
        return None
    return Begun(*given[2:])


def _path() -> str:
    return f"{settings.BOOPER_BASE_PATH}/sign-in"
