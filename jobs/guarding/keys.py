"""API keys: made, rotated with an overlap, revoked. Each act is one row of the audit trail."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from jobs.guarding import audit
from jobs.models import ApiKey, Scope

DEFAULT_OVERLAP = timedelta(days=1)


def issue(
    user_id: UUID, *, name: str, scope: Scope, expires_at: datetime | None, actor: str, now: datetime
) -> tuple[ApiKey, str]:
    """A new key and its token, which is told only here."""
    with transaction.atomic():
        key, token = ApiKey.issue(user_id, name=name, scope=scope, expires_at=expires_at)
        audit.note("key.made", user_id=user_id, actor=actor, now=now, key=str(key.uuid), name=name, scope=scope.value)
    return key, token


def rotate(
    key: ApiKey, *, overlap: timedelta, expires_at: datetime | None = None, actor: str, now: datetime
) -> tuple[ApiKey, str] | None:
    """A key that takes the place of `key`, which goes on for `overlap`. None if that is over already.

    Without `expires_at` the new one lives as long as the old one was to.
    """
    with transaction.atomic():
        old = ApiKey.objects.usable(now).select_for_update(of=("self",)).filter(pk=key.pk).first()
        if old is None:
            return None
        if expires_at is None and old.expires_at is not None:
            expires_at = now + (old.expires_at - old.created_at)
        new, token = ApiKey.issue(old.user_id, name=old.name, scope=Scope(old.scope), expires_at=expires_at)
        ends_at = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
        ApiKey.objects.filter(pk=old.pk).update(expires_at=ends_at)
        audit.note(
            "key.rotated", user_id=old.user_id, actor=actor, now=now, key=str(old.uuid), by=str(new.uuid), name=old.name
        )
    return new, token


def revoke(key: ApiKey, *, actor: str, now: datetime) -> ApiKey | None:
    """Revokes a key; None if it was revoked already."""
    with transaction.atomic():
        if not ApiKey.objects.existing().filter(pk=key.pk).update(revoked_at=now):
            return None
        note_revoked(key, actor=actor, now=now)
    key.revoked_at = now
    return key


def note_revoked(key: ApiKey, *, actor: str, now: datetime) -> None:
    audit.note("key.revoked", user_id=key.user_id, actor=actor, now=now, key=str(key.uuid), name=key.name)
