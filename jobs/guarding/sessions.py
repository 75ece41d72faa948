"""Where users are signed in: noted as a session begins and every few minutes of its use; ended by one or all others.

A page costs no query for it: a process remembers for some minutes what it has noted.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, update_session_auth_hash
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from jobs.guarding import audit, browsers, client_address
from jobs.models import SignIn, User
from jobs.models.sign_in import SignInQuerySet

# In a session that waits for the code of a second factor: since when. Nobody is signed in by it yet.
CODE_DUE = "code_due_since"

_NOTED_EVERY = timedelta(minutes=5)
_MOST_REMEMBERED = 10_000
_STAMP_LENGTH = 16

_lock = threading.Lock()
_noted: OrderedDict[tuple[str, str], datetime] = OrderedDict()


def begin(request: HttpRequest, user: User, *, now: datetime) -> None:
    """Notes a sign-in, within the request that signs in."""
    if not request.session.session_key:
        # Else it would have a key at the end of the request only.
        request.session.create()
    _note(request.session, request.META, user_id=str(user.pk), began_at=now, now=now)


def use(session: SessionBase, meta: Mapping[str, Any], *, now: datetime) -> None:
    """Notes that a session is used, by one statement every few minutes; one that is not known yet is then known."""
    user_id = session.get(SESSION_KEY)
    if user_id is None or not session.session_key or CODE_DUE in session:
        return
    noted_at = _noted.get(_remembered(session))
    if noted_at is None or now - noted_at >= _NOTED_EVERY:
        _note(session, meta, user_id=user_id, began_at=None, now=now)


def of_user(user: User) -> SignInQuerySet:
    """Where they are signed in, the latest used first."""
    return SignIn.objects.lasting().filter(user=user, stamp=stamp_of(user)).order_by("-used_at", "-id")


def end(sign_in: SignIn, *, actor: str, now: datetime) -> None:
    with transaction.atomic():
        # It may have another key by now.
        keys = SignIn.objects.select_for_update().filter(pk=sign_in.pk).values_list("session_key", flat=True)
        Session.objects.filter(session_key__in=[sign_in.session_key, *keys]).delete()
        SignIn.objects.filter(pk=sign_in.pk).delete()
        audit.note(
            "session.ended",
            user_id=sign_in.user_id,
            actor=actor,
            now=now,
            address=sign_in.address,
            browser=sign_in.browser,
        )


def end_others(request: HttpRequest, user: User, *, actor: str, now: datetime) -> None:
    """Ends every session of the user but that of `request`: those too that nothing was noted of.

    Raises SessionInterrupted where that one was ended itself meanwhile.
    """
    with transaction.atomic():
        held = hold(request.session, user)
        held.signed_out_at = now
        held.save(update_fields=["signed_out_at"])
        update_session_auth_hash(request, held)
        audit.note("session.others_ended", user_id=user.pk, actor=actor, now=now)


def hold(session: SessionBase, user: User) -> User:
    """The user as they are, locked, inside a transaction: of two sessions that end each other the first wins.

    Raises SessionInterrupted where the session is good no more.
    """
    # Who signs in meanwhile refers to the row, by rows that this one may wait for: that key is left alone.
    held = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not constant_time_compare(str(session.get(HASH_SESSION_KEY, "")), held.get_session_auth_hash()):
        raise SessionInterrupted("this session was ended while the request was under way: sign in again")
    return held


def stamp_of(user: User) -> str:
    return user.get_session_auth_hash()[:_STAMP_LENGTH]


def delete_old(*, now: datetime) -> None:
    """Deletes expired sessions, and what was noted of those that must have expired."""
    Session.objects.filter(expire_date__lt=now).delete()
    SignIn.objects.filter(used_at__lt=now - timedelta(seconds=settings.SESSION_COOKIE_AGE + 86_400)).delete()


def forget() -> None:
    """What this process has noted: for tests."""
    with _lock:
        _noted.clear()


def _note(
    session: SessionBase, meta: Mapping[str, Any], *, user_id: str, began_at: datetime | None, now: datetime
) -> None:
    remembered = _remembered(session)
    row = SignIn(
        user_id=user_id,
        session_key=remembered[0],
        stamp=remembered[1],
        began_at=began_at,
        used_at=now,
        address=client_address.of(meta)[:64],
        browser=browsers.in_words(str(meta.get("HTTP_USER_AGENT", ""))),
    )
    changed = ["user", "stamp", "used_at", "address", "browser", *(["began_at"] if began_at else [])]
    SignIn.objects.bulk_create([row], update_conflicts=True, unique_fields=["session_key"], update_fields=changed)
    with _lock:
        _noted[remembered] = now
        while len(_noted) > _MOST_REMEMBERED:
            _noted.popitem(last=False)


def _remembered(session: SessionBase) -> tuple[str, str]:
    return str(session.session_key), str(session.get(HASH_SESSION_KEY, ""))[:_STAMP_LENGTH]
