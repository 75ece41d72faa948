"""Whom a session stands for: nobody, as long as the code of a second factor, or its setting up, is due.

Whichever way somebody signs in (password, invitation, a link, the admin's form), Django begins a session. Here it is
decided that such a session is nobody's until it has what is due, so that no way in and no page can forget to ask.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from jobs.guarding import audit, client_address, sessions
from jobs.models import User

# In a session: which second factor it has given a code of, by the moment from which on the user has had it.
_GIVEN = "second_factor"
# In a session: that it was begun by the provider of BOOPER_OIDC_ISSUER.
_BY_PROVIDER = "by_provider"
_MAY_TAKE = timedelta(minutes=10)


class Due(Enum):
    """What a session lacks; the value is the name of the page that takes it."""

    CODE = "pages:sign_in_code"
    SET_UP = "pages:second_factor"


def lacking(session: SessionBase, user: User) -> Due | None:
    if _is_given_elsewhere(session):
        return None
    if user.second_factor_since is not None:
        return None if session.get(_GIVEN) == user.second_factor_since.isoformat() else Due.CODE
    if sessions.CODE_DUE in session:
        # The second factor was turned off since: a password of back then alone has signed nobody in.
        return Due.CODE
    return Due.SET_UP if is_required_of(user) else None


def begin_by_provider(request: HttpRequest) -> None:
    """Has the session that is about to begin be one by the provider: what another one held is forgotten."""
    request.session.flush()
    request.session[_BY_PROVIDER] = True


def _is_given_elsewhere(session: SessionBase) -> bool:
    """Whether the provider has asked for a second factor, by the operator's word."""
    provider = settings.BOOPER_OIDC
    return provider is not None and provider.is_second_factor and _BY_PROVIDER in session


def is_required_of(user: User) -> bool:
    required: str = settings.BOOPER_SECOND_FACTOR
    return required == "all" or (required == "staff" and user.is_staff)


def admitted(session: SessionBase, known: Any) -> Any:
    """`known`, who the session is of, or nobody. No query."""
    return AnonymousUser() if known.is_authenticated and lacking(session, known) else known


def waiting(request: HttpRequest) -> tuple[User, Due] | None:
    """Who has begun to sign in within this session, and what is due of them."""
    known = get_user(request)
    if not isinstance(known, User):
        return None
    due = lacking(request.session, known)
    return None if due is None else (known, due)


def signed_in(request: HttpRequest | None, user: User, *, now: datetime) -> None:
    """Notes a right password or link, or the provider's word. Who has a second factor is signed in by its code only."""
    is_given = request is not None and _is_given_elsewhere(request.session)
    if user.second_factor_since is None or is_given:
        if request is not None:
            request.session.pop(sessions.CODE_DUE, None)
        _note(request, user, now=now, **({"second_factor": "provider"} if is_given else {}))
        return
    audit.note("second_factor.asked", user_id=user.pk, actor=str(user), now=now, address=_address(request))
    if request is not None:
        request.session.pop(_GIVEN, None)
        request.session[sessions.CODE_DUE] = now.isoformat()


def is_in_time(session: SessionBase, *, now: datetime) -> bool:
    """Whether the password or the link was used lately enough for a code to follow."""
    asked_at = session.get(sessions.CODE_DUE)
    return isinstance(asked_at, str) and now - datetime.fromisoformat(asked_at) <= _MAY_TAKE


def let_in(request: HttpRequest, user: User, *, by: str, now: datetime) -> None:
    """Makes the session of somebody who has given a code theirs, under another key."""
    request.session.cycle_key()
    mark(request.session, user)
    _note(request, user, now=now, second_factor=by)


def mark(session: SessionBase, user: User) -> None:
    """Notes in a session that it has given a code of the second factor that the user has."""
    assert user.second_factor_since is not None
    session.pop(sessions.CODE_DUE, None)
    session[_GIVEN] = user.second_factor_since.isoformat()


def _note(request: HttpRequest | None, user: User, *, now: datetime, **details: str) -> None:
    if request is not None and _BY_PROVIDER in request.session:
        details["by"] = "provider"
    audit.note("sign_in", user_id=user.pk, actor=str(user), now=now, address=_address(request), **details)
    if request is not None:
        sessions.begin(request, user, now=now)


def _address(request: HttpRequest | None) -> str:
    return "" if request is None else client_address.of(request.META)
