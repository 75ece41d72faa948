"""Who is asking: an API key in the Authorization header, looked up with one query and remembered for seconds."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Q
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from jobs.api import limiting
from jobs.database import clock
from jobs.database.expiring_cache import ExpiringCache
from jobs.database.outages import Outage
from jobs.models import ApiKey, Scope, User
from jobs.models.api_key import hash_token, is_well_formed

logger = logging.getLogger(__name__)
_outage = Outage(
    logger, begins="the last use of API keys can't be noted", ends="the last use of API keys is noted again"
)

# So long may a key that is revoked still be taken, in each web process.
KEPT_SECONDS = 5.0
_MOST_KEPT = 10_000
_NOTE_USE_EVERY = timedelta(minutes=1)
_SCHEMES = ("bearer", "token")


# By the hash of their token.
known_keys: ExpiringCache[str, ApiKey] = ExpiringCache(seconds=KEPT_SECONDS, most=_MOST_KEPT)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer sk_…`, or `Token sk_…`. No key at all is for the permissions to judge."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not header:
            return None
        token = _token(header)
        if token is None:
            raise AuthenticationFailed("the Authorization header names no API key: write Authorization: Bearer sk_…")
        key = _usable_key(request, token, now=clock.now())
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="booper"'


def last_known_user(header: str) -> UUID | None:
    """Whose key an Authorization header has, if this process has found it good: without a query."""
    token = _token(header.strip())
    key = known_keys.last(hash_token(token)) if token else None
    return None if key is None else key.user_id


def _token(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in _SCHEMES else None


def require_active(user: User) -> None:
    """Raises PermissionDenied for the calls of a user who is suspended."""
    if user.suspended_at is not None:
        raise PermissionDenied("your account is suspended by the operator of this instance: nothing of it is lost")


def require_scope(key: ApiKey, needed: Scope | None, *, request: Request) -> None:
    """Raises PermissionDenied if the key is not good for `request`."""
    needed = needed or (Scope.READ if request.method in SAFE_METHODS else Scope.WRITE)
    scope = Scope(key.scope)
    if not scope.covers(needed):
        raise PermissionDenied(
            f"the API key has the scope {scope.value}, and {request.method} {request.path} needs {needed.value}: "
            "use a key that has it"
        )


def _usable_key(request: Request, token: str, *, now: datetime) -> ApiKey:
    if not is_well_formed(token):
        raise AuthenticationFailed("that is no API key, as its checksum tells: copy it again, whole, from sk_ on")
    token_hash = hash_token(token)
    key = known_keys.get(token_hash)
    if key is None:
        if not known_keys.has_seen(token_hash):
            # One that was good a while ago is no guess: its neighbours at the same address do not shut it out.
            limiting.refuse_guessing(request)
        key = _read_key(token_hash, now=now)
        if key is None:
            # From now on it is nobody's: whoever goes on with it takes no turn of its tenant's.
            known_keys.forget(token_hash)
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        raise AuthenticationFailed("the API key is not known, expired or revoked: ask for a new one")
    return key


def _read_key(token_hash: str, *, now: datetime) -> ApiKey | None:
    key = ApiKey.objects.usable(now).select_related("user").filter(token_hash=token_hash).first()
    if key is not None:
        known_keys.put(key.token_hash, key)
        _note_use(key, now=now)
    return key


def _note_use(key: ApiKey, *, now: datetime) -> None:
    """Writes `last_used_at`, at most once a minute for each key, however many processes and requests there are."""
    stale = now - _NOTE_USE_EVERY
    if key.last_used_at is not None and key.last_used_at > stale:
        return
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=stale)
    try:
        ApiKey.objects.filter(unnoted, id=key.id).update(last_used_at=now)
    except DatabaseError as error:
        _outage.fails(error)
    else:
        _outage.works()
