"""The audit trail: what people did to keys, secrets, limits and tenants. Kept a year; never a value, only names."""

from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.models import AuditEvent, User

KEPT_DAYS = 365


def note(action: str, *, user_id: UUID | None, actor: str, now: datetime, **details: Any) -> None:
    """Writes one row, inside the caller's transaction if there is one: an act that is taken back leaves no trace."""
    email = "" if user_id is None else User.objects.filter(id=user_id).values_list("email", flat=True).first()
    AuditEvent.objects.create(
        at=now, user_id=user_id, email=email or "", actor=actor[:300], action=action, details=details
    )


def operator(user: Any) -> str:
    """Whoever is logged in, as an actor."""
    return f"operator {user}"


COMMAND = "command line"
"""Whoever may run commands on this machine, as an actor."""
