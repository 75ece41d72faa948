"""Passwords that were forgotten: asked for by e-mail, and chosen anew by a link that is good once, for an hour.

Who asks is answered alike whether there is such an account: the page only writes down what was typed. A worker looks it
up, makes the link and mails it. The link begins with BOOPER_PUBLIC_URL, never with what a request says its host is.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from jobs.guarding import audit, client_address, passwords, public_links, rates, sign_in_attempts
from jobs.models import PasswordReset, User

GOOD_FOR = timedelta(hours=1)
# In an hour: of what was typed, and from one address, whatever is typed.
MOST_OF_EMAIL, MOST_OF_ADDRESS = 3, 20
_BATCH = 10
_TAKEN_FOR_LOST = timedelta(minutes=5)
_LONGEST_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be mailed, with the link in it, which stands nowhere else."""

    row: PasswordReset
    user: User
    link: str


def is_offered() -> bool:
    """Whether this instance has a mail server, and takes passwords."""
    return bool(settings.EMAIL_HOST) and passwords.are_taken()


def ask(typed: str, meta: Mapping[str, Any], *, now: datetime) -> None:
    """Writes it down. Raises LimitReached, of accounts that there are and that there are not alike."""
    email = typed.strip().lower()[:254]
    rates.resets_of_address.take(client_address.counted(meta), allowed=MOST_OF_ADDRESS, now=now).require()
    rates.resets_of_email.take(sign_in_attempts.hashed(email), allowed=MOST_OF_EMAIL, now=now).require()
    address = client_address.of(meta) or "unknown"
    PasswordReset.objects.create(typed=email, address=address[:_LONGEST_ADDRESS], asked_at=now, due_at=now)


def claim(*, now: datetime) -> list[PasswordReset]:
    """Takes up some that are due, so that no two workers mail them."""
    with transaction.atomic():
        rows = (
            PasswordReset.objects.filter(due_at__lte=now).order_by("due_at", "id").select_for_update(skip_locked=True)
        )
        ids = list(rows.values_list("id", flat=True)[:_BATCH])
        PasswordReset.objects.filter(id__in=ids).update(due_at=now + _TAKEN_FOR_LOST, attempt=F("attempt") + 1)
    return list(PasswordReset.objects.filter(id__in=ids).order_by("id"))


def letter(row: PasswordReset, *, now: datetime) -> Letter | None:
    """The mail to send for a row that was claimed; None where it is for nobody, or too late."""
    user = User.objects.filter(email=row.typed, is_active=True).first()
    own = PasswordReset.objects.filter(id=row.id, attempt=row.attempt)
    # Who has no password has API keys alone, by the operator's will.
    if user is None or not user.has_usable_password():
        own.delete()
        return None
    if now - row.asked_at > GOOD_FOR:
        # The link of an attempt before may have arrived, and is good for as long as it says.
        if not own.filter(expires_at__gt=now).update(due_at=None, typed=""):
            own.delete()
        return None
    token = secrets.token_urlsafe(32)
    written = own.update(user=user, token_hash=_hash(token), password_was=_state(user), expires_at=now + GOOD_FOR)
    return Letter(row, user, public_links.to(f"/reset/{token}")) if written else None


def sent(written: Letter, *, now: datetime) -> None:
    row = written.row
    with transaction.atomic():
        if PasswordReset.objects.filter(id=row.id, attempt=row.attempt).update(due_at=None, typed=""):
            _note("password.reset_mailed", written, now=now)


def unsure(written: Letter, *, until: datetime, now: datetime) -> None:
    """The mail server did not say that it took it, and may have: tried again then."""
    row = written.row
    with transaction.atomic():
        if PasswordReset.objects.filter(id=row.id, attempt=row.attempt).update(due_at=until):
            _note("password.reset_perhaps_mailed", written, now=now)


def refused(row: PasswordReset, *, until: datetime | None) -> None:
    """It was not sent: tried again then, or given up."""
    own = PasswordReset.objects.filter(id=row.id, attempt=row.attempt)
    if until is None:
        own.delete()
    else:
        own.update(due_at=until)


def _note(action: str, written: Letter, *, now: datetime) -> None:
    audit.note(action, user_id=written.user.pk, actor="somebody", now=now, address=written.row.address)


def found(token: str, *, now: datetime) -> tuple[PasswordReset, User] | None:
    """What a link is of, and whose it is, as long as it is good."""
    row = PasswordReset.objects.filter(token_hash=_hash(token), expires_at__gt=now).select_related("user").first()
    if row is None or row.user is None or not row.user.is_active:
        return None
    return (row, row.user) if row.password_was == _state(row.user) else None


def choose(row: PasswordReset, changed: User, meta: Mapping[str, Any], *, now: datetime) -> bool:
    """Has the password be the one that `changed` has now. False if the link was used meanwhile.

    All sessions end by that: what they have to match is made of the password.
    """
    with transaction.atomic():
        if not PasswordReset.objects.filter(id=row.id, token_hash=row.token_hash).delete()[0]:
            return False
        was = User.objects.select_for_update(no_key=True).get(pk=changed.pk)
        if row.password_was != _state(was):
            return False
        User.objects.filter(pk=changed.pk).update(password=changed.password)
        PasswordReset.objects.filter(user_id=changed.pk).delete()
        address = client_address.of(meta)
        audit.note("password.reset", user_id=was.pk, actor="whoever had the mail", now=now, address=address)
    return True


def delete_old(*, now: datetime) -> None:
    PasswordReset.objects.filter(asked_at__lt=now - 2 * GOOD_FOR).delete()


def _state(user: User) -> str:
    """What a link is good for: this password, and the address that it was mailed to."""
    return _hash(f"{user.email}\n{user.password}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
