"""The operator's two switches: a tenant suspended, the whole instance paused. Nothing starts, and nothing is lost.

Workers and beat look once a second, and not for each claim: what is on the wire by then is finished.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from jobs.guarding import audit
from jobs.models import Switch, User

LOOK_SECONDS = 1.0
_PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Held:
    """What may not start: anything at all, or anything of these users."""

    is_paused: bool = False
    users: Collection[UUID] = field(default_factory=frozenset)


class _LastSeen:
    """What was found at the last look of this process."""

    held = Held()


def held() -> Held:
    """What was held at the last look; no query."""
    return _LastSeen.held


def look() -> Held:
    """Reads the switches. Two small queries."""
    suspended = User.objects.filter(suspended_at__isnull=False).values_list("id", flat=True)
    _LastSeen.held = Held(is_paused=paused_at() is not None, users=frozenset(suspended))
    return _LastSeen.held


def forget() -> None:
    """Forgets the last look: for tests."""
    _LastSeen.held = Held()


def paused_at() -> datetime | None:
    return Switch.objects.filter(name=_PAUSED).values_list("set_at", flat=True).first()


def pause(*, now: datetime) -> bool:
    """False if it is paused already."""
    with transaction.atomic():
        _, is_new = Switch.objects.get_or_create(name=_PAUSED, defaults={"set_at": now})
        if is_new:
            audit.note("instance.paused", user_id=None, actor=audit.COMMAND, now=now)
    return is_new


def unpause(*, now: datetime) -> bool:
    """False if it is not paused."""
    with transaction.atomic():
        was_paused = bool(Switch.objects.filter(name=_PAUSED).delete()[0])
        if was_paused:
            audit.note("instance.unpaused", user_id=None, actor=audit.COMMAND, now=now)
    return was_paused


def suspend(user: User, *, actor: str = audit.COMMAND, now: datetime) -> bool:
    """False if they are suspended already."""
    with transaction.atomic():
        won = User.objects.filter(id=user.id, suspended_at__isnull=True).update(suspended_at=now)
        if won:
            audit.note("user.suspended", user_id=user.id, actor=actor, now=now)
    return bool(won)


def resume(user: User, *, actor: str = audit.COMMAND, now: datetime) -> bool:
    """False if they are not suspended."""
    with transaction.atomic():
        won = User.objects.filter(id=user.id, suspended_at__isnull=False).update(suspended_at=None)
        if won:
            audit.note("user.resumed", user_id=user.id, actor=actor, now=now)
    return bool(won)
