"""A user's signing secrets: the one in force, and those before it that sign along until their overlap is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from booper.content import signatures
from booper.timing.timestamps import timestamp
from jobs.guarding import audit
from jobs.models import User, encryption

DEFAULT_OVERLAP = timedelta(days=1)
# Each signs every request of the user's: more than these would be work that nobody reads.
MOST_IN_FORCE = 5


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """`until` is None for the one in force."""

    secret: str
    made_at: datetime
    until: datetime | None


def in_force(user: User, *, now: datetime) -> list[SigningSecret]:
    """The newest first."""
    current = SigningSecret(user.signing_secret, user.signing_secret_made_at or user.date_joined, None)
    return [current, *_retired(user.retired_secrets, now=now)]


def signing(secret: str, retired: Sequence[Mapping[str, Any]], *, now: datetime) -> tuple[str, ...]:
    """What a request is signed with at `now`, by the columns of a user."""
    return (secret, *(each.secret for each in _retired(retired, now=now))) if retired else (secret,)


def _retired(rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[SigningSecret]:
    found = [
        SigningSecret(
            encryption.decrypt(row["secret"]),
            datetime.fromisoformat(row["made_at"]),
            datetime.fromisoformat(row["until"]),
        )
        for row in rows
    ]
    return [each for each in found if each.until is not None and each.until > now]


def rotate(user_id: UUID, *, overlap: timedelta, actor: str, now: datetime) -> tuple[User, str]:
    """The user with a new secret in force, and that secret, which is told only here."""
    secret = signatures.new_secret()
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=user_id)
        before = in_force(user, now=now)
        kept = [SigningSecret(before[0].secret, before[0].made_at, now + overlap), *before[1:]]
        user.signing_secret, user.signing_secret_made_at = secret, now
        user.retired_secrets = [_row(each) for each in kept[: MOST_IN_FORCE - 1] if overlap]
        user.save(update_fields=["signing_secret", "signing_secret_made_at", "retired_secrets"])
        audit.note("signing_secret.rotated", user_id=user_id, actor=actor, now=now)
    return user, secret


def _row(each: SigningSecret) -> dict[str, str]:
    assert each.until is not None
    return {
        "secret": encryption.encrypt(each.secret),
        "made_at": timestamp(each.made_at),
        "until": timestamp(each.until),
    }
