"""Users' signing secrets, remembered for seconds."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.database.expiring_cache import ExpiringCache
from jobs.guarding import signing
from jobs.models import User

# A user's secret, and those before it.
_known: ExpiringCache[UUID, tuple[str, list[dict[str, Any]]]] = ExpiringCache(seconds=30.0, most=100_000)


def signing_secrets(user_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, tuple[str, ...]]:
    """Each user's secrets, the newest first, as they were at most 30 s ago; at most one query."""
    wanted = set(user_ids)
    found = _known.get_many(wanted)
    if missing := wanted - found.keys():
        rows = User.objects.filter(id__in=missing).values_list("id", "signing_secret", "retired_secrets")
        read = {user_id: (secret, retired) for user_id, secret, retired in rows}
        _known.put_many(read)
        found |= read
    return {user_id: signing.signing(secret, retired, now=now) for user_id, (secret, retired) in found.items()}


def forget_secrets() -> None:
    _known.clear()
