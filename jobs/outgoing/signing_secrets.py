"""Users' signing secrets, remembered for seconds."""

import threading
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.guarding import signing
from jobs.models import User

_SECRETS_KEPT_SECONDS = 30.0
_secrets_lock = threading.Lock()


# A user's secret, those before it, and when they were read.
_secrets: dict[UUID, tuple[str, list[dict[str, Any]], float]] = {}


def signing_secrets(user_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, tuple[str, ...]]:
    """Each user's secrets, the newest first, as they were at most 30 s ago; at most one query."""
    moment = time.monotonic()
    wanted = set(user_ids)
    with _secrets_lock:
        known = {user_id: _secrets[user_id] for user_id in wanted if user_id in _secrets}
    fresh = {user_id: found for user_id, found in known.items() if moment - found[2] < _SECRETS_KEPT_SECONDS}
    if missing := wanted - fresh.keys():
        rows = User.objects.filter(id__in=missing).values_list("id", "signing_secret", "retired_secrets")
        read = {user_id: (secret, retired, moment) for user_id, secret, retired in rows}
        with _secrets_lock:
            _secrets.update(read)
        fresh |= read
    return {user_id: signing.signing(secret, retired, now=now) for user_id, (secret, retired, _) in fresh.items()}


def forget_secrets() -> None:
    with _secrets_lock:
        _secrets.clear()
