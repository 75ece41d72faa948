"""A user's second factor: proposed, turned on by a right code, asked for, turned off. Each act is in the audit trail.

A code is good once: the step that it is of is written down by one guarded UPDATE, and of two at once one gets through.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from jobs.guarding import admission, audit, recovery_codes, sessions, totp
from jobs.models import SecondFactor, User, encryption
from jobs.models.encryption import UnknownKeyError, Unreadable

APP, RECOVERY_CODE = "app", "recovery code"
_PURPOSE = "proposed second factor"
# How long the page with a proposed secret may stay open.
_PROPOSED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A secret that an app is told, and that is in force once the app's code has come back."""

    secret: str
    uri: str
    # The same, for the form to carry: nobody but this instance can read or make it.
    sealed: str


def propose(user: User, *, now: datetime) -> Proposal:
    secret = totp.new_secret()
    sealed = encryption.encrypt(json.dumps([_PURPOSE, str(user.pk), sessions.stamp_of(user), now.isoformat(), secret]))
    return Proposal(secret, totp.uri(secret, user.email), sealed)


def proposed(user: User, sealed: str, *, now: datetime) -> Proposal | None:
    """What was proposed to this user within the last hour, and since sessions of theirs were ended."""
    try:
        given = json.loads(encryption.decrypt(sealed)) if sealed.startswith(encryption.PREFIX) else None
    except (UnknownKeyError, ValueError):
        return None
    if not isinstance(given, list) or given[:3] != [_PURPOSE, str(user.pk), sessions.stamp_of(user)]:
        return None
    if now - datetime.fromisoformat(given[3]) > _PROPOSED_FOR:
        return None
    return Proposal(given[4], totp.uri(given[4], user.email), sealed)


def turn_on(request: HttpRequest, user: User, secret: str, code: str, *, actor: str, now: datetime) -> list[str] | None:
    """The recovery codes, which are told only here; None where the code is not the secret's. Ends all other sessions.

    Raises SessionInterrupted where the session of `request` was ended meanwhile, or was not the first to turn it on.
    """
    step = totp.step_of(plain(code), secret, after=0, now=now)
    if step is None:
        return None
    with transaction.atomic():
        held = sessions.hold(request.session, user)
        SecondFactor.objects.create(user=held, secret=secret, last_step=step)
        held.second_factor_since = held.signed_out_at = now
        held.save(update_fields=["second_factor_since", "signed_out_at"])
        update_session_auth_hash(request, held)
        admission.mark(request.session, held)
        codes = recovery_codes.renew(held.pk)
        audit.note("second_factor.on", user_id=held.pk, actor=actor, now=now)
    user.second_factor_since, user.signed_out_at = held.second_factor_since, held.signed_out_at
    return codes


def take(user: User, typed: str, *, address: str, now: datetime) -> str | None:
    """Uses a code up: APP or RECOVERY_CODE, by which it is; None, and a note of it, where it is not good."""
    code = plain(typed)
    if len(code) == totp.DIGITS and code.isdecimal():
        by = APP if _take_of_app(user, code, now=now) else None
    else:
        by = RECOVERY_CODE if recovery_codes.take(user.pk, code) else None
    if by is None:
        audit.note("second_factor.refused", user_id=user.pk, actor="somebody", now=now, address=address)
    elif by == RECOVERY_CODE:
        left = recovery_codes.left(user.pk)
        audit.note(
            "second_factor.recovery_code_used", user_id=user.pk, actor=str(user), now=now, address=address, left=left
        )
    return by


def _take_of_app(user: User, code: str, *, now: datetime) -> bool:
    row = SecondFactor.objects.filter(user_id=user.pk).first()
    # A secret that can't be read is empty, and codes of nothing are for everybody to work out.
    if row is None or isinstance(row.secret, Unreadable):
        return False
    step = totp.step_of(code, row.secret, after=row.last_step, now=now)
    if step is None:
        return False
    return bool(SecondFactor.objects.filter(user_id=user.pk, last_step__lt=step).update(last_step=step))


def renew_codes(user: User, *, actor: str, now: datetime) -> list[str]:
    """Ten new recovery codes; those before are good no more."""
    with transaction.atomic():
        codes = recovery_codes.renew(user.pk)
        audit.note("second_factor.new_recovery_codes", user_id=user.pk, actor=actor, now=now)
    return codes


def turn_off(user: User, *, actor: str, now: datetime) -> bool:
    """False if there is none."""
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, second_factor_since__isnull=False).update(second_factor_since=None):
            return False
        SecondFactor.objects.filter(user_id=user.pk).delete()
        recovery_codes.delete(user.pk)
        audit.note("second_factor.off", user_id=user.pk, actor=actor, now=now)
    return True


def reset(user: User, *, actor: str, now: datetime) -> bool:
    """Turns it off for somebody who has lost it, and ends all their sessions: whoever found it may have one."""
    with transaction.atomic():
        was_on = turn_off(user, actor=actor, now=now)
        if was_on:
            User.objects.filter(pk=user.pk).update(signed_out_at=now)
    return was_on


def plain(typed: str) -> str:
    """A code as it is meant: people put spaces and dashes in, and capitals."""
    return "".join(letter for letter in typed[:100].lower() if letter.isascii() and letter.isalnum())
